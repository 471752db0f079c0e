"""Estimation: partial steps first, then all of it at once from many starts, then how sure the data make us.

The best point is the mode of the posterior density in its coordinates. Intervals here are
approximate, curvature at the mode stretched to cover every other end of a start that is nearly as good; a sampled
posterior (`calibration.fitting.posterior`) replaces them.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.optimize import Bounds, OptimizeResult, minimize
from scipy.special import ndtri
from threadpoolctl import threadpool_limits

from calibration.fitting.coordinates import Coordinate
from calibration.fitting.estimates import Calibration, Estimate, Fit, Interval, SeriesFit, Start, Variant, held_values
from calibration.fitting.payoff import Payoff, fitted_series
from calibration.fitting.target_check import check_targets
from calibration.fitting.targets import DrivenVariable, PartialStep, Prior, Targets
from calibration.observed.observations import observed
from models.case import Case
from stockflow import Model
from stockflow.arrays import Array
from stockflow.cores import usable_cores
from stockflow.errors import InputError, unknown

Progress = Callable[[str], None]
Z90 = float(ndtri(0.95))
NEAR = 2.0  # an end of a start within this of the best objective is another answer that the interval must cover
STEPS = 600  # optimiser steps a start may take
HIGH = 1e10  # objective of a run that cannot be compared, for the line search to turn back from
one_thread = partial(threadpool_limits, 1, user_api="blas")  # in whose context linear algebra keeps to its thread


def coordinates(case: Case, free: Mapping[str, Prior]) -> tuple[Coordinate, ...]:
    """Free parameters with the bounds of the case file; a prior centred outside them is refused."""
    out: list[Coordinate] = []
    for name, prior in free.items():
        parameter = case.parameters[case.model.variable(name).name]
        if not parameter.low <= prior.centre <= parameter.high:
            raise InputError(
                f"{case.name}: prior of {name!r} is centred at {prior.centre:g} {parameter.unit}, outside "
                f"{parameter.low:g} to {parameter.high:g}"
            )
        if parameter.name in (one.name for one in out):
            raise InputError(f"{case.name}: parameter {parameter.name!r} is free twice, in two spellings")
        out.append(Coordinate(parameter.name, prior, parameter.low, parameter.high))
    return tuple(out)


def coordinates_of(payoff: Payoff, values: Mapping[str, float]) -> Array:
    """Return coordinates (size,) of natural values by name, inside the bounds; else the centre of the prior."""
    x = payoff.space.centre.copy()
    low, high = payoff.space.bounds
    for i, c in enumerate(payoff.coordinates):
        if c.name in values:
            x[i] = float(c.inward(np.asarray(values[c.name])))
    return np.asarray(np.clip(x, low + 1e-6, high - 1e-6))


def descent(
    payoff: Payoff, start: Array, scale: Array, bounds: tuple[Array, Array], steps: int, ftol: float, gtol: float
) -> OptimizeResult:
    """Minimise the objective from `start` (size,) inside `bounds` in so many steps; `x` is in units of `scale` (size,).

    `ftol` and `gtol` are those of L-BFGS-B in SciPy.  Its matrices of some thirty rows want `one_thread` around them:
    several would wait for each other four times as long as they work.
    """

    def downhill(z: Array) -> tuple[float, Array]:
        value, slopes = payoff.log_density_and_slopes(z * scale)
        return (-value, -slopes * scale) if np.isfinite(value) else (HIGH, np.zeros_like(z))

    low, high = bounds
    return minimize(
        downhill, start / scale, jac=True, method="L-BFGS-B", bounds=Bounds(low / scale, high / scale),
        options={"maxiter": steps, "maxfun": 2 * steps, "ftol": ftol, "gtol": gtol, "maxcor": 30},
    )  # fmt: skip


def climb(
    payoff: Payoff, points: Array, progress: Progress | None = None, held: int | None = None
) -> tuple[Array, tuple[Start, ...]]:
    """Maximise the log density from every point (start, size); return the best coordinates and all ends.

    The coordinate at place `held` stays where the point has it.  Points are climbed from side by side, on as many
    threads as there are processors; the answer does not depend on how many.
    """
    spread = payoff.space.spread
    low, high = payoff.space.bounds
    if held is not None:
        low[held] = high[held] = points[0, held]

    def end_of(point: Array) -> tuple[Array, OptimizeResult]:
        answer = descent(payoff, point, spread, (low, high), STEPS, ftol=1e-11, gtol=1e-5)
        return np.clip(answer.x * spread, low, high), answer

    best: tuple[float, Array] = (np.inf, points[0])
    ends = []
    with one_thread(), ThreadPoolExecutor(usable_cores()) as pool:
        try:
            for number, (point, (end, answer)) in enumerate(zip(points, pool.map(end_of, points), strict=True)):
                values = dict(zip(payoff.space.names, map(float, payoff.space.values(end)[0]), strict=True))
                before, after, why = float(payoff.objective(point)[0]), float(answer.fun), str(answer.message).title()
                ends.append(Start(number, before, after, int(answer.nfev), why, values))
                if after < best[0]:
                    best = (after, end)
                if progress:
                    progress(f"start {number + 1}/{len(points)}: objective {after:.2f}, best {best[0]:.2f}")
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the points not yet begun
    return best[1], tuple(ends)


def describe_series(payoff: Payoff, x: Array) -> tuple[SeriesFit, ...]:
    """Pair observed values of every series with those modelled at the coordinates `x` (size,)."""
    out = []
    for s, modelled in zip(payoff.series, payoff.series_values(x), strict=True):
        columns = (tuple(one.tolist()) for one in (s.years, s.values, modelled[0], s.sigma))
        out.append(SeriesFit(s.target.name, s.target.unit, s.target.use, *columns))
    return tuple(out)


def covariance(payoff: Payoff, x: Array, step: float = 0.05) -> Array:
    """Approximate posterior covariance (size, size) of the coordinates: inverse curvature of the log density at `x`.

    Curvature is the difference of exact slopes a small step to both sides, kept inside the bounds; directions in which
    it is flat, wrong (a kink) or undefined count as known no better than before the data.
    """
    spread, (low, high) = payoff.space.spread, payoff.space.bounds
    rows = []
    for i in range(payoff.space.size):
        right, left = x.copy(), x.copy()
        right[i], left[i] = min(x[i] + step * spread[i], high[i]), max(x[i] - step * spread[i], low[i])
        (above, up), (below, down) = payoff.log_density_and_slopes(right), payoff.log_density_and_slopes(left)
        fall = (down - up) * spread * spread[i] / (right[i] - left[i])
        rows.append(fall if np.isfinite(above) and np.isfinite(below) else np.zeros_like(fall))
    curvature = np.array(rows)
    values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
    return np.asarray((vectors / np.maximum(values, 1.0)) @ vectors.T * np.outer(spread, spread))


def conclude(payoff: Payoff, x: Array, starts: tuple[Start, ...], units: Mapping[str, str], step: str) -> Fit:
    """Turn the best point into estimates with intervals and the picture of every series."""
    fits = describe_series(payoff, x)
    spread = np.sqrt(np.diag(covariance(payoff, x)))
    best = float(payoff.objective(x)[0])
    estimates = []
    for i, c in enumerate(payoff.coordinates):
        low, high = c.bounds
        ends = c.outward(np.clip([x[i] - Z90 * spread[i], x[i] + Z90 * spread[i]], low, high))
        near = 1e-2 * c.prior.spread
        at_bound = "low" if x[i] - low < near else "high" if high - x[i] < near else ""
        learned = float(np.clip(1 - spread[i] / c.prior.spread, 0, 1))
        value = float(c.outward(np.asarray(x[i])))
        modes = [s.values[c.name] for s in starts if s.objective_after < best + NEAR] + [float(e) for e in ends]
        estimates.append(
            Estimate(
                c.name, units[c.name], value, min(modes), max(modes), c.prior.centre, c.prior.spread,
                c.prior.shape, learned, at_bound, step,
            )
        )  # fmt: skip
    effects = {name: float(v[0]) for name, v in payoff.effects_at(x).items()}
    events = {name: float(v[0]) for name, v in payoff.events_at(x).items()}
    return Fit(tuple(estimates), fits, effects, events, best, starts)


def drive(driven: DrivenVariable) -> tuple[Array, Array]:
    """Times and values of a driven variable from observations, zero before `zero_at` where that is given."""
    table = observed(driven.sources, driven.unit, combine=driven.combine)
    times = np.asarray(table.index.to_numpy(), dtype=np.float64) + (1.0 if driven.measure == "year end" else 0.5)
    values = np.asarray(table.to_numpy(), dtype=np.float64)
    if driven.zero_at is None:
        return times, values
    return np.concatenate([[driven.zero_at], times]), np.concatenate([[0.0], values])


def fit_partial(case: Case, model: Model, targets: Targets, step: PartialStep, starts: int) -> Fit:
    """Fit one piece of the model with its inputs driven by data; loops through those inputs are cut."""
    cut = model.with_series({d.variable: drive(d) for d in step.driven}) if step.driven else model
    coords = coordinates(case, step.free)
    series = [fitted_series(targets.named(name)) for name in step.series]
    events = [e for e in targets.events if e.name in step.events]
    payoff = Payoff(cut, coords, series, events, errors=targets.errors)
    best, ends = climb(payoff, payoff.space.scatter(starts, targets.seed))
    return conclude(payoff, best, ends, _units(case, coords), step.name)


def joint_priors(targets: Targets) -> dict[str, Prior]:
    """Everything that is free when all loops are closed: the parameters of the partial steps too."""
    return {**{name: prior for step in targets.partial for name, prior in step.free.items()}, **targets.free}


def closed_payoff(case: Case, targets: Targets, with_effects: bool = True) -> Payoff:
    """Payoff of all that is observed with every loop closed: each series in use, each date, effect and range.

    Everything fixed is as the case file has it; everything free is free.
    """
    series = [fitted_series(s) for s in targets.series if s.use == "closed loop"]
    effects = targets.effects if with_effects else ()
    coords = coordinates(case, joint_priors(targets))
    return Payoff(case.model, coords, series, targets.events, effects, targets.ranges, targets.errors)


def profile(
    payoff: Payoff, name: str, grid: Sequence[float], best: Array, without_prior: bool = True
) -> list[tuple[float, float, Array]]:
    """Refit everything else with one parameter held at each value of `grid`: (value, objective, coordinates).

    Each refit starts from its neighbour's end, going outward from `best` (size,); `without_prior` takes the
    parameter's own prior out of the objective, so that the data speak alone. InputError for an unknown name.
    """
    names = [c.name for c in payoff.coordinates]
    if name not in names:
        raise unknown("free parameter", name, names)
    place = names.index(name)
    one = payoff.coordinates[place]
    targets = np.array([float(one.inward(np.asarray(value))) for value in grid])
    found: dict[int, tuple[float, float, Array]] = {}
    for order in (np.flatnonzero(targets >= best[place]), np.flatnonzero(targets < best[place])[::-1]):
        point = best.copy()
        for i in order:
            point[place] = targets[i]
            point, ends = climb(payoff, point[None], held=place)
            prior = one.own_prior(targets[i]) if without_prior else 0.0
            found[int(i)] = (float(grid[i]), ends[0].objective_after - prior, point.copy())
    return [found[i] for i in sorted(found)]


def variant(label: str, payoff: Payoff, value: float, objective: float, x: Array, response: str) -> Variant:
    """Describe a refit in which the response was held."""
    names = payoff.space.names[: len(payoff.coordinates)]
    values = dict(zip(names, map(float, payoff.space.values(x)[0]), strict=False))
    values[response] = float(value)
    effects = {name: float(v[0]) for name, v in payoff.effects_at(x).items()}
    return Variant(label, float(value), objective, effects, values)


@dataclass(frozen=True, slots=True)
class Mode:
    """Where all starts led: the payoff with every loop closed, its best point, how the starts ended, partial fits."""

    case: Case
    targets: Targets
    payoff: Payoff
    best: Array
    starts: tuple[Start, ...]
    partial: tuple[tuple[str, Fit], ...]


def find_mode(case: Case, targets: Targets, starts: int | None = None, progress: Progress | None = None) -> Mode:
    """Partial calibration, then all of it at once from `starts` points (default: the target file's).

    Everything free starts at its prior's centre, whatever the case file holds, so that a calibration repeated after
    its acceptance gives the same answer. The partial steps run twice: the second time around the closed loop that
    followed the first, because some of them look at one piece through the rest of the model. InputError, before any
    work, for targets that do not fit the model.
    """
    check_targets(case, targets)
    say = progress or (lambda _: None)
    centres = {case.model.variable(name).name: prior.centre for name, prior in joint_priors(targets).items()}
    model = case.model.with_constants(centres)
    guess = held_values(fit_steps(case, model, targets))
    payoff = closed_payoff(case, targets)
    rough, _ = climb(payoff, coordinates_of(payoff, guess)[None])
    say(f"first pass: objective {float(payoff.objective(rough)[0]):.2f}")
    around = dict(zip(payoff.space.names, payoff.space.values(rough)[0], strict=True))
    near = {c.name: float(around[c.name]) for c in payoff.coordinates}
    partial = fit_steps(case, model.with_constants({**guess, **near}), targets, say)
    points = payoff.space.scatter(starts or targets.starts, targets.seed)
    points[0] = rough
    best, ends = climb(payoff, points, progress)
    return Mode(case, targets, payoff, best, ends, partial)


def concluded(mode: Mode, intervals: Mapping[str, Interval] | None = None) -> Calibration:
    """Turn a mode into a calibration: estimates, and the response held at the ends of its interval.

    `intervals` are those of a posterior; without them they are approximate, from the curvature at the mode.
    """
    case, payoff, targets = mode.case, mode.payoff, mode.targets
    closed = conclude(payoff, mode.best, mode.starts, _units(case, payoff.coordinates), "closed loop")
    if intervals is not None:
        closed = replace(closed, estimates=tuple(within(e, intervals[e.name]) for e in closed.estimates))
    closed = replace(closed, series=closed.series + _shown(case.model.with_constants(closed.values), targets))
    name = case.model.variable(targets.response).name
    response = next(e for e in closed.estimates if e.name == name)
    variants = [Variant("central", response.value, closed.objective, closed.effects, closed.values)]
    for label, value in (("low", response.low), ("high", response.high)):
        held, objective, x = profile(payoff, name, [value], mode.best, without_prior=False)[0]
        variants.append(variant(label, payoff, held, objective, x, name))
    return Calibration(case.name, name, mode.partial, closed, tuple(variants), targets.seed, targets.file)


def within(estimate: Estimate, interval: Interval) -> Estimate:
    """Return the estimate with the interval of a posterior."""
    return replace(
        estimate, low=interval.low, high=interval.high, learned=interval.learned, interval="90% of the posterior"
    )


def fit_steps(
    case: Case, model: Model, targets: Targets, progress: Progress | None = None
) -> tuple[tuple[str, Fit], ...]:
    """Fit the partial steps in order, each with the estimates of those before it."""
    out = []
    for step in targets.partial:
        fit = fit_partial(case, model, targets, step, starts=8)
        model = model.with_constants(fit.values)
        out.append((step.name, fit))
        if progress:
            progress(f"{step.name}: objective {fit.objective:.2f}")
    return tuple(out)


def response_ridge(
    case: Case, calibration: Calibration, targets: Targets, grid: Sequence[float]
) -> tuple[Variant, ...]:
    """Refit at every response of `grid` without the effect targets: what the series alone can tell apart."""
    alone, whole = closed_payoff(case, targets, with_effects=False), closed_payoff(case, targets)
    best, _ = climb(alone, coordinates_of(alone, calibration.closed.values)[None])
    return tuple(
        variant(f"{value:g}", whole, value, objective, x, calibration.response)
        for value, objective, x in profile(alone, calibration.response, grid, best)
    )


def _shown(model: Model, targets: Targets) -> tuple[SeriesFit, ...]:
    payoff = Payoff(model, (), [fitted_series(s) for s in targets.series if s.use != "closed loop"])
    return describe_series(payoff, payoff.space.centre)


def _units(case: Case, coords: Sequence[Coordinate]) -> dict[str, str]:
    return {c.name: case.parameters[c.name].unit for c in coords}
