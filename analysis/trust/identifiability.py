"""What the data can tell apart: profiles, correlations and a verdict for every calibrated parameter.

Learning by doing against learning by searching, and what policies do along that ridge, is in `analysis.trust.ridge`.
Thresholds stand with their reasons in `studies/identifiability.toml`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.generic import entry_of
from analysis.trust.ridge import Ridge, walk_ridge
from analysis.trust.study import STUDY, Rules, Study
from calibration.fitting.fit import closed_payoff, covariance
from calibration.fitting.inference_data import Posterior
from calibration.fitting.payoff import Payoff
from calibration.fitting.profiles import Profile, all_profiles, grid, mode_near
from calibration.fitting.targets import load_targets
from models.case import load_case
from stockflow.arrays import Array
from stockflow.cores import usable_cores
from stockflow.errors import InputError

Tick = Callable[[], object]
Known = tuple[Array, Array, Array]  # centres and spreads (parameter,), correlations (parameter, parameter)
IDENTIFIED, MOSTLY_PRIOR, TOGETHER = "identified by the data", "mostly the prior", "data and prior together"
TOGETHER_WITH = "only together with"


@dataclass(frozen=True, slots=True)
class Identified:
    """What the data can tell apart in one case; `basis` says where spreads and correlations come from.

    `correlations` (parameter, parameter) and the profiles are in the order of `names`; `draws` are coordinates
    (draw, parameter), None without an accepted posterior. `ridge` is None where the study says why (`no_ridge`).
    """

    case: str
    names: tuple[str, ...]
    basis: str
    profiles: tuple[Profile, ...]
    correlations: Array
    parameters: pd.DataFrame
    pairs: pd.DataFrame
    draws: Array | None
    payoff: Payoff
    ridge: Ridge | None
    no_ridge: str
    drop: float


def identify(
    case: str, values: Mapping[str, float], posterior: Posterior | None, study: Study, tick: Tick | None = None
) -> Identified:
    """Profile every calibrated parameter of `case` around the mode near `values`, and walk the learning ridge, if any.

    Without a posterior, spreads and correlations are those of the curvature at the mode. `tick` is called after every
    refit, at most `refits` times.
    """
    about = load_case(case)
    why = study.without_ridge.get(entry_of(case, study.cases), "")
    if not why and case not in study.cases:
        raise InputError(f"{STUDY.name}: nothing is said of case {case!r}; known: {', '.join(study.cases)}")
    payoff = closed_payoff(about, load_targets(case))
    best = mode_near(payoff, values)
    curved = covariance(payoff, best)
    names = tuple(c.name for c in payoff.coordinates)
    draws = None if posterior is None else drawn_coordinates(payoff, posterior)
    known = spreads(best, curved, len(names), draws)
    centre, spread, correlations = known
    grids = [(c.name, grid(c, centre[i], spread[i], study.points)) for i, c in enumerate(payoff.coordinates)]
    profiles = all_profiles(payoff, best, curved, grids, study.enough, usable_cores(), tick)
    units = {name: about.parameters[name].unit.replace("Dmnl", "1") for name in names}
    basis = "curvature at the mode (no accepted posterior)"
    if draws is not None:
        basis = f"{len(draws)} posterior draws"
    return Identified(
        case, names, basis, profiles, correlations,
        parameter_table(payoff, best, units, known, profiles, study),
        pair_table(names, correlations, study.verdicts.correlated), draws, payoff,
        None if why else walk_ridge(about, payoff, best, curved, posterior, study, tick),
        why, study.drop,
    )  # fmt: skip


def refits(case: str, study: Study) -> int:
    """Return how many refits `identify` makes at most."""
    free = len(closed_payoff(load_case(case), load_targets(case)).coordinates)
    ridge = 0 if entry_of(case, study.cases) in study.without_ridge else len(study.cases[case].searching_values) + 3
    return free * (study.points + 1) + ridge


def drawn_coordinates(payoff: Payoff, posterior: Posterior) -> Array:
    """Posterior draws as coordinates (draw, parameter), in the order of the payoff's parameters.

    A parameter that the posterior lacks is an `InputError`.
    """
    if missing := [c.name for c in payoff.coordinates if c.name not in posterior.parameters]:
        raise InputError(f"the posterior of {posterior.case!r} has no parameter {missing[0]!r}")
    return np.stack([c.inward(posterior.parameters[c.name]) for c in payoff.coordinates], axis=1)


def spreads(best: Array, curved: Array, free: int, draws: Array | None) -> Known:
    """Centre and standard deviation (parameter,) and correlations (parameter, parameter), as coordinates."""
    if draws is None:
        part = curved[:free, :free]
        spread = np.sqrt(np.diag(part))
        return best[:free], spread, part / np.outer(spread, spread)
    return draws.mean(axis=0), draws.std(axis=0), np.corrcoef(draws.T).reshape(free, free)


def partner(names: tuple[str, ...], correlations: Array, place: int) -> tuple[str, float]:
    """Return the parameter most strongly correlated with the one at `place`, and the correlation; none: ("", 0)."""
    others = np.abs(np.where(np.arange(len(names)) == place, 0.0, correlations[place]))
    if not others.any():
        return "", 0.0
    strongest = int(np.argmax(others))
    return names[strongest], float(correlations[place, strongest])


def verdict(learned: float, closed: bool, other: str, r: float, rules: Rules) -> str:
    """Say in words what the data know of a parameter.

    `learned` is 1 - (posterior spread)/(spread of the prior as the target file states it, before its bounds).
    Identified: its spread shrank enough and the data without its prior bound it on both sides; a strong correlation is
    said, because it then rests on what is known of the partner. Else only with that partner; else the prior's, if
    hardly anything was learned.
    """
    strong = abs(r) >= rules.correlated
    if learned >= rules.identified and closed:
        return f"{IDENTIFIED}, moving with {other}" if strong else IDENTIFIED
    if strong:
        return f"{TOGETHER_WITH} {other}"
    return MOSTLY_PRIOR if learned < rules.prior else TOGETHER


def parameter_table(
    payoff: Payoff, best: Array, units: Mapping[str, str], known: Known, profiles: tuple[Profile, ...], study: Study
) -> pd.DataFrame:
    """One row per parameter: estimate, what was learned, what the data alone accept, strongest partner, verdict.

    What was learned is against the prior's spread as the target file states it, before its bounds.
    """
    names, (_, spread, correlations) = tuple(c.name for c in payoff.coordinates), known
    rows = []
    for i, one in enumerate(payoff.coordinates):
        learned = float(np.clip(1 - spread[i] / one.prior.spread, 0, 1))
        low, high = profiles[i].accepted(study.drop)
        other, r = partner(names, correlations, i)
        rows.append(
            {
                "parameter": one.name, "unit": units[one.name], "mode": float(one.outward(best[i])),
                "prior centre": one.prior.centre, "learned": learned,
                "data alone from": low, "data alone to": high, "strongest partner": other, "correlation": r,
                "verdict": verdict(learned, profiles[i].closed(study.drop), other, r, study.verdicts),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).astype({"data alone from": float, "data alone to": float})


def pair_table(names: tuple[str, ...], correlations: Array, above: float) -> pd.DataFrame:
    """Pairs of parameters with |r| > `above`, strongest first."""
    first, second = np.triu_indices(len(names), 1)
    r = correlations[first, second]
    order = [k for k in np.argsort(-np.abs(r), kind="stable") if abs(r[k]) > above]
    return pd.DataFrame(
        {"parameter": [names[first[k]] for k in order], "moves with": [names[second[k]] for k in order],
         "correlation": [float(r[k]) for k in order]}
    )  # fmt: skip
