"""Learning by doing against learning by searching: the ridge, the one-factor variant, and policies at both ends.

Prices fix what both did together; how much of it was research is read off the prior. What policies do is therefore
printed for both ends of what the data accept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.trust.study import CaseStudy, Outcome, PolicyChange, Study
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.fit import covariance, describe_series
from calibration.fitting.inference_data import Posterior
from calibration.fitting.payoff import Payoff
from calibration.fitting.profiles import Profile, profiled, refit, with_free
from calibration.fitting.targets import Prior
from models.case import Case
from models.policy import history
from stockflow import Model
from stockflow.arrays import Array
from stockflow.intervals import interval
from stockflow.over_time import QUARTER

Tick = Callable[[], object]
RAMP = 0.01  # years over which a changed policy sets in
FEATURES = ("Experience", "learning by doing", "learning by searching")


@dataclass(frozen=True, slots=True)
class Ridge:
    """The ridge of one case: `profile` along the searching rate, the doing rate (point,) refitted to each.

    `together` (point,) is the fall of learned cost per doubling of experience, with knowledge growing as it did in
    `window`; `credit` (point,) the share of that fall (in logarithms) that research gets. `ends` are the searching
    rates at which the data alone have lost `drop`, or where the study stops (`open_ends`). `draws` are posterior
    (doing, searching) values, searching being a constant where the fit holds it (`free` is False).
    """

    profile: Profile
    doing: Array
    together: Array
    credit: Array
    window: tuple[float, float]
    ends: tuple[float, float]
    open_ends: tuple[bool, bool]
    free: bool
    fitted: tuple[float, float]
    draws: tuple[Array, Array] | None
    one_factor: pd.DataFrame
    series: pd.DataFrame
    statements: pd.DataFrame

    @property
    def joint(self) -> Array:
        """Fall of the learned cost per doubling of experience and of knowledge, (point,)."""
        return joint_rate(self.doing, self.profile.values)


def joint_rate(doing: Array, searching: Array) -> Array:
    """Fall of the learned cost when experience and knowledge both double."""
    return np.asarray(1 - (1 - doing) * (1 - searching))


def walk_ridge(
    case: Case, payoff: Payoff, best: Array, curved: Array, posterior: Posterior | None, study: Study, tick: Tick | None
) -> Ridge:
    """Refit along the searching rate, without its prior, and look at fit and policies at both ends of the ridge."""
    about = study.cases[case.name]
    free = case.model.variable(study.searching).name in [c.name for c in payoff.coordinates]
    if not free:
        payoff, best = with_free(payoff, _wide(case, study.searching), best, case.parameters[study.searching].value)
        curved = covariance(payoff, best)
    fitted = _samples(payoff, best[None])
    doing, at = float(fitted[study.doing][0]), float(fitted[study.searching][0])
    profile = profiled(payoff, study.searching, about.searching_values, best, curved, tick=tick)
    found = profile.accepted(study.drop)
    ends = [float(profile.values[k]) if one is None else one for k, one in zip((0, -1), found, strict=True)]
    low, high = (_held(payoff, profile, value, curved, tick) for value in ends)
    place = payoff.space.names.index(study.searching)
    variants = {
        "as fitted": (best, float(payoff.objective(best)[0]) - payoff.coordinates[place].own_prior(best[place])),
        "searching free": _point(profile, int(np.argmin(profile.objective))),
        "one factor (no searching)": _point(profile, 0),
    }
    errors = {label: [one.rms for one in describe_series(payoff, x)] for label, (x, _) in variants.items()}
    along = _samples(payoff, profile.points)
    together, credit = learned_falls(case.model, along, about.window)
    return Ridge(
        profile=profile, doing=along[study.doing], together=together, credit=credit,
        window=about.window, ends=(ends[0], ends[1]), open_ends=(found[0] is None, found[1] is None), free=free,
        fitted=(doing, at), draws=None if posterior is None else _drawn(posterior, study, at),
        one_factor=variant_table(payoff, variants, study),
        series=pd.DataFrame({"series": [one.target.name for one in payoff.series], **errors}),
        statements=statements(payoff, {"low": low, "fit": best, "high": high}, about, posterior, study.draws),
    )  # fmt: skip


def _held(payoff: Payoff, profile: Profile, value: float, curved: Array, tick: Tick | None) -> Array:
    """Refit with the profile's parameter held at a value between its points, from the nearest of them."""
    place = payoff.space.names.index(profile.name)
    start = profile.points[int(np.argmin(np.abs(profile.values - value)))].copy()
    start[place] = float(payoff.coordinates[place].inward(np.asarray(value)))
    x, _ = refit(payoff, start, place, np.sqrt(np.diag(curved)))
    if tick:
        tick()
    return x


def _point(profile: Profile, k: int) -> tuple[Array, float]:
    return profile.points[k], float(profile.objective[k])


def _drawn(posterior: Posterior, study: Study, held: float) -> tuple[Array, Array]:
    doing = posterior.parameters[study.doing]
    return doing, posterior.parameters.get(study.searching, np.full_like(doing, held))


def variant_table(payoff: Payoff, variants: Mapping[str, tuple[Array, float]], study: Study) -> pd.DataFrame:
    """One row per variant: objective without the searching rate's prior, rates, error of the log, effects."""
    lowest = min(objective for _, objective in variants.values())
    rows = []
    for label, (x, objective) in variants.items():
        values = _samples(payoff, x[None])
        doing, searching = float(values[study.doing][0]), float(values[study.searching][0])
        effects = {name: float(v[0]) for name, v in payoff.effects_at(x).items()}
        both = float(joint_rate(np.array(doing), np.array(searching)))
        rows.append(
            {"variant": label, "objective": objective, "above the best": objective - lowest, study.doing: doing,
             study.searching: searching, "fall per doubling of both": both, **effects}
        )  # fmt: skip
    return pd.DataFrame(rows)


def learned_falls(model: Model, samples: Mapping[str, Array], window: tuple[float, float]) -> tuple[Array, Array]:
    """Fall of learned cost per doubling of experience over `window`, and the share of it due to research, (run,)."""
    run = model.runs(samples, list(FEATURES), until=window[1] + 0.5, save_period=QUARTER).dataset()
    times = run["time"].to_numpy()
    features = [run[name].to_numpy() for name in FEATURES]
    change = [_at(times, values, window[1]) / _at(times, values, window[0]) for values in features]
    doublings, by_doing, by_searching = np.log2(change[0]), np.log(change[1]), np.log(change[2])
    whole = by_doing + by_searching
    return 1 - np.exp(whole / doublings), by_searching / whole


def changed_policy(model: Model, change: PolicyChange) -> Model:
    """Return the model with the policy's variables multiplied from its first year on.

    Raises InputError for a variable that the model computes.
    """
    series = {}
    for name in change.variables:
        years, past = history(model, name)
        times = np.unique([*years, change.first, change.first + RAMP])
        values = np.interp(times, years, past)
        series[name] = (times, np.where(times > change.first, change.factor, 1.0) * values)
    return model.with_series(series)


def statements(
    payoff: Payoff, corners: Mapping[str, Array], about: CaseStudy, posterior: Posterior | None, draws: int
) -> pd.DataFrame:
    """What each policy does to each outcome (share of it) at the corners, with a posterior interval where there is one.

    The first rows are the credit that research gets and the causal effects, which are shares too.
    """
    model, points = payoff.model, np.stack(list(corners.values()))
    drawn = None if posterior is None else posterior.spread(draws)
    credit = learned_falls(model, _samples(payoff, points), about.window)[1]
    of_draws = None if drawn is None else learned_falls(model, drawn, about.window)[1]
    rows = [_statement("share of the fall of learned cost due to research", "", corners, credit, of_draws)]
    for name, values in payoff.effects_at(points).items():
        known = None if posterior is None else posterior.reported.get(name)
        rows.append(_statement(name, "", corners, values, known))
    for policy in about.policies:
        changed = changed_policy(model, policy)
        at_corners = _changes(model, changed, _samples(payoff, points), about.outcomes)
        at_draws = None if drawn is None else _changes(model, changed, drawn, about.outcomes)
        for k, outcome in enumerate(about.outcomes):
            known = None if at_draws is None else at_draws[k]
            rows.append(_statement(outcome.name, policy.name, corners, at_corners[k], known))
    return pd.DataFrame(rows)


def _statement(
    what: str, under: str, corners: Mapping[str, Array], values: Array, known: Array | None
) -> dict[str, object]:
    low, _, high = (np.nan,) * 3 if known is None else interval(known)
    at = {
        f"{label} searching" if label != "fit" else "as fitted": float(v)
        for label, v in zip(corners, values, strict=True)
    }
    return {"under": under, "what": what, **at, "posterior from": low, "posterior to": high}


def _changes(base: Model, changed: Model, samples: Mapping[str, Array], outcomes: Sequence[Outcome]) -> list[Array]:
    """Change of every outcome between two models as a share of it, (run,) each."""
    names = list(dict.fromkeys(one.variable for one in outcomes))
    until = max(one.at for one in outcomes)
    runs = [model.runs(samples, names, until=until, save_period=QUARTER).dataset() for model in (base, changed)]
    times = runs[0]["time"].to_numpy()
    out = []
    for one in outcomes:
        before, after = (_at(times, run[base.variable(one.variable).name].to_numpy(), one.at) for run in runs)
        out.append(after / before - 1)
    return out


def _samples(payoff: Payoff, points: Array) -> dict[str, Array]:
    values = payoff.space.values(points)
    return {c.name: values[:, i] for i, c in enumerate(payoff.coordinates)}


def _at(times: Array, values: Array, when: float) -> Array:
    return np.array([np.interp(when, times, row) for row in values])


def _wide(case: Case, name: str) -> Coordinate:
    """Return a parameter that the fit holds as a coordinate between its bounds, with a prior that says nothing."""
    one = case.parameters[case.model.variable(name).name]
    prior = Prior(shape="normal", centre=one.value, spread=100 * (one.high - one.low), source="none: profiled only")
    return Coordinate(one.name, prior, one.low, one.high)
