"""Estimation: partial steps first, then the closed loop from many starts, then how sure the data make us.

Intervals are approximate: curvature at the best point (Gauss-Newton), with every series' error re-estimated from
its own residuals and widened for their lag-one autocorrelation, plus the prior, stretched to cover every other end of
a start that is nearly as good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import norm, qmc

from calibration.estimates import Calibration, Estimate, Fit, SeriesFit, Start, Variant, held_values
from calibration.observations import observed
from calibration.payoff import Coordinate, FittedSeries, Payoff, fitted_series
from calibration.targets import DrivenVariable, PartialStep, Prior, Targets
from models.case import Case
from stockflow import Model
from stockflow.errors import InputError

Array = NDArray[np.float64]
Progress = Callable[[str], None]
Z90 = float(norm.ppf(0.95))
NEAR = 2.0  # an end of a start within this of the best objective is another answer that the interval must cover
EVALUATIONS = 60  # optimiser steps a start may take; each is one batch of runs


def coordinates(case: Case, free: Mapping[str, Prior]) -> tuple[Coordinate, ...]:
    """Free parameters with the bounds of the case file; a prior centred outside them is refused."""
    out = []
    for name, prior in free.items():
        parameter = case.parameters[case.model.variable(name).name]
        if not parameter.low <= prior.centre <= parameter.high:
            raise InputError(
                f"{case.name}: prior of {name!r} is centred at {prior.centre:g} {parameter.unit}, outside "
                f"{parameter.low:g} to {parameter.high:g}"
            )
        out.append(Coordinate(parameter.name, prior, parameter.low, parameter.high))
    return tuple(out)


def scatter(coords: Sequence[Coordinate], count: int, seed: int) -> Array:
    """Starting points (start, parameter): the prior's centre, then Sobol points of the truncated prior."""
    centre = np.array([[c.centre for c in coords]])
    sampler = qmc.Sobol(len(coords), seed=np.random.default_rng(seed))
    power = max(1, int(np.ceil(np.log2(max(count, 2)))))
    cube = sampler.random_base2(power)[: count - 1]
    low, high = np.array([c.bounds for c in coords]).T
    spread = np.array([c.prior.spread for c in coords])
    below, above = norm.cdf((low - centre) / spread), norm.cdf((high - centre) / spread)
    points = centre + spread * norm.ppf(np.clip(below + cube * (above - below), 1e-6, 1 - 1e-6))
    margin = 1e-3 * spread
    return np.asarray(np.clip(np.concatenate([centre, points])[:count], low + margin, high - margin))


def climb(payoff: Payoff, points: Array, progress: Progress | None = None) -> tuple[Array, tuple[Start, ...]]:
    """Minimise the payoff's residuals from every point; return the best coordinates and all ends."""
    low, high = np.array([c.bounds for c in payoff.coordinates]).T
    scale = np.array([c.prior.spread for c in payoff.coordinates])
    best: tuple[float, Array] = (np.inf, points[0])
    ends = []
    for number, point in enumerate(points):
        answer = least_squares(
            payoff.residuals_at,
            point,
            jac=payoff.jacobian,
            bounds=(low, high),
            x_scale=scale,
            max_nfev=EVALUATIONS,
            ftol=1e-9,
            xtol=1e-8,
            gtol=1e-8,
        )
        before = float(payoff.objective(point)[0])
        values = dict(zip((c.name for c in payoff.coordinates), map(float, payoff.outward(answer.x)[0]), strict=True))
        why = str(answer.message).split(".")[0]
        ends.append(Start(number, before, float(answer.cost), int(answer.nfev), why, values))
        if answer.cost < best[0]:
            best = (float(answer.cost), np.asarray(answer.x))
        if progress:
            progress(f"start {number + 1}/{len(points)}: objective {answer.cost:.2f}, best {best[0]:.2f}")
    return best[1], tuple(ends)


def describe_series(series: Sequence[FittedSeries], modelled: Sequence[Array]) -> tuple[SeriesFit, ...]:
    """Pair observed and modelled values of every series."""
    return tuple(
        SeriesFit(
            s.target.name,
            s.target.unit,
            s.target.use,
            tuple(int(y) for y in s.years),
            tuple(map(float, s.values)),
            tuple(map(float, m[0])),
            tuple(map(float, s.sigma)),
        )
        for s, m in zip(series, modelled, strict=True)
    )


def covariance(payoff: Payoff, x: Array, fits: Sequence[SeriesFit], widen: bool = True) -> Array:
    """Approximate posterior covariance (parameter, parameter) of the coordinates at `x`.

    Each series' rows of the Jacobian are rescaled so that its error is the larger of the stated and the realised
    one, and its information is divided by (1+rho)/(1-rho) for lag-one autocorrelation rho of the residuals; without
    `widen` the residuals are taken as independent and of the stated size.
    """
    jacobian = payoff.jacobian(x)
    rows = []
    at = 0
    for fit in fits if widen else ():
        block = jacobian[at : at + len(fit.years)]
        at += len(fit.years)
        standard = fit.errors / np.asarray(fit.sigma)
        realised = max(1.0, float(np.sqrt(np.mean(standard**2))))
        rho = float(np.clip(fit.autocorrelation, 0.0, 0.9))
        rows.append(block / (realised * np.sqrt((1 + rho) / (1 - rho))))
    rows.append(jacobian[at:])
    stacked = np.concatenate(rows)
    return np.asarray(np.linalg.pinv(stacked.T @ stacked))


def conclude(payoff: Payoff, x: Array, starts: tuple[Start, ...], units: Mapping[str, str], step: str) -> Fit:
    """Turn the best point into estimates with intervals and the picture of every series."""
    fits = describe_series(payoff.series, payoff.series_values(x))
    spread = np.sqrt(np.diag(covariance(payoff, x, fits)))
    naive = np.sqrt(np.diag(covariance(payoff, x, fits, widen=False)))
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
                float(spread[i] / naive[i]),
            )
        )  # fmt: skip
    return Fit(tuple(estimates), fits, payoff.effects_at(x), payoff.events_at(x), best, starts)


def drive(driven: DrivenVariable) -> tuple[Array, Array]:
    """Times and values of a driven variable from observations, zero before `zero_at` where that is given."""
    table = observed([s.source() for s in driven.sources], driven.unit, combine=driven.combine)
    if table.empty:
        raise InputError(f"driven variable {driven.variable!r}: its sources hold no observation")
    times = np.asarray(table.index.to_numpy(), dtype=np.float64) + (1.0 if driven.measure == "year end" else 0.5)
    values = np.asarray(table.to_numpy(), dtype=np.float64)
    if driven.zero_at is None:
        return times, values
    if driven.zero_at >= times[0]:
        raise InputError(
            f"driven variable {driven.variable!r}: zero_at {driven.zero_at:g} is after its first observation"
        )
    return np.concatenate([[driven.zero_at], times]), np.concatenate([[0.0], values])


def fit_partial(case: Case, model: Model, targets: Targets, step: PartialStep, starts: int) -> Fit:
    """Fit one piece of the model with its inputs driven by data; loops through those inputs are cut."""
    cut = model.with_series({d.variable: drive(d) for d in step.driven}) if step.driven else model
    coords = coordinates(case, step.free)
    series = [fitted_series(targets.named(name)) for name in step.series]
    events = [e for e in targets.events if e.name in step.events]
    payoff = Payoff(cut, coords, series, events)
    best, ends = climb(payoff, scatter(coords, starts, targets.seed))
    return conclude(payoff, best, ends, _units(case, coords), step.name)


def fit_closed(
    case: Case,
    model: Model,
    targets: Targets,
    guess: Mapping[str, float],
    starts: int,
    progress: Progress | None = None,
) -> Fit:
    """Fit all free parameters at once with every loop closed, from `starts` points, the guess among them."""
    coords = coordinates(case, targets.free)
    payoff = closed_payoff(model, coords, targets)
    points = scatter(coords, starts, targets.seed)
    points[0] = [
        np.clip(c.inward(np.asarray(guess.get(c.name, c.prior.centre))), c.bounds[0] + 1e-6, c.bounds[1] - 1e-6)
        for c in coords
    ]
    best, ends = climb(payoff, points, progress)
    fit = conclude(payoff, best, ends, _units(case, coords), "closed loop")
    return replace(fit, series=fit.series + _shown(model.with_constants(fit.values), targets))


def fit_variant(
    name: str, case: Case, model: Model, targets: Targets, closed: Fit, response: float, alone: bool = False
) -> Variant:
    """Refit everything but the policy response, which is held at `response`.

    With `alone` the series speak alone: neither the effect targets nor the response's own prior enter.
    """
    held = model.with_constants({targets.response: response})
    coords = tuple(c for c in coordinates(case, targets.free) if c.name != case.model.variable(targets.response).name)
    payoff = closed_payoff(held, coords, targets.model_copy(update={"effects": ()}) if alone else targets)
    guess = np.array([[float(c.inward(np.asarray(closed.values[c.name]))) for c in coords]])
    low, high = np.array([c.bounds for c in coords]).T
    best, _ = climb(payoff, np.clip(guess, low + 1e-6, high - 1e-6))
    shown = closed_payoff(held, coords, targets).effects_at(best)
    values = {c.name: float(v) for c, v in zip(coords, payoff.outward(best)[0], strict=True)}
    values[case.model.variable(targets.response).name] = response
    own = next(c for c in coordinates(case, {targets.response: targets.free[targets.response]}))
    prior = 0.0 if alone else 0.5 * ((float(own.inward(np.asarray(response))) - own.centre) / own.prior.spread) ** 2
    return Variant(name, response, float(payoff.objective(best)[0]) + prior, shown, values)


def closed_payoff(model: Model, coords: Sequence[Coordinate], targets: Targets) -> Payoff:
    """Payoff of the closed loop: every series in use, every event that no partial step has claimed, every effect."""
    series = [fitted_series(s) for s in targets.series if s.use == "closed loop"]
    claimed = {name for step in targets.partial for name in step.events}
    return Payoff(model, coords, series, [e for e in targets.events if e.name not in claimed], targets.effects)


def calibrate(case: Case, targets: Targets, starts: int | None = None, progress: Progress | None = None) -> Calibration:
    """Partial calibration, closed loop from `starts` (default: the target file's), and the response variants.

    Everything free starts at its prior's centre, whatever the case file holds, so that a calibration repeated after
    its acceptance gives the same answer. The partial steps run twice: the second time around the closed loop that
    followed the first, because some of them look at one piece through the rest of the model.
    """
    say = progress or (lambda _: None)
    model = case.model.with_constants(_centres(case, targets))
    first = fit_steps(case, model, targets)
    guess = held_values(first)
    rough = fit_closed(case, model.with_constants(guess), targets, guess, 1)
    say(f"first pass: objective {rough.objective:.2f}")
    partial = fit_steps(case, model.with_constants({**guess, **rough.values}), targets, say)
    held = held_values(partial)
    closed = fit_closed(case, model.with_constants(held), targets, rough.values, starts or targets.starts, progress)
    name = case.model.variable(targets.response).name
    response = next(e for e in closed.estimates if e.name == name)
    variants = [Variant("central", response.value, closed.objective, closed.effects, closed.values)]
    for label, value in (("low", response.low), ("high", response.high)):
        variants.append(fit_variant(label, case, model.with_constants(held), targets, closed, value))
        say(f"response {label}: {name} = {value:.2f}, objective {variants[-1].objective:.2f}")
    return Calibration(case.name, name, partial, closed, tuple(variants), targets.seed)


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
    model = case.model.with_constants(held_values(calibration.partial))
    return tuple(
        fit_variant(f"{value:g}", case, model, targets, calibration.closed, value, alone=True) for value in grid
    )


def _shown(model: Model, targets: Targets) -> tuple[SeriesFit, ...]:
    rest = [fitted_series(s) for s in targets.series if s.use != "closed loop"]
    if not rest:
        return ()
    payoff = Payoff(model, (), rest)
    return describe_series(rest, payoff.series_values(np.empty((1, 0))))


def _centres(case: Case, targets: Targets) -> dict[str, float]:
    """Prior centres of everything that a target file frees, the closed loop's own last."""
    free = [step.free for step in targets.partial] + [targets.free]
    return {case.model.variable(name).name: prior.centre for part in free for name, prior in part.items()}


def _units(case: Case, coords: Sequence[Coordinate]) -> dict[str, str]:
    return {c.name: case.parameters[c.name].unit for c in coords}
