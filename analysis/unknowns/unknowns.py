"""The unknowns of a case: joint draws of them, and independent ranges for methods that cannot take correlation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import truncnorm

from analysis.unknowns.settings import Range
from calibration.fitting.fit import coordinates, joint_priors
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import Targets
from models.case import Case
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import quantiles

Basis = Literal["posterior", "prior"]
TAILS = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A constant that nobody knows: bounds of its independent range, in the model's unit, and what they are."""

    name: str
    low: float
    high: float
    unit: str
    basis: str

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(f"range of {self.name!r}: low {self.low:g} is not below high {self.high:g} {self.unit}")


def independent(
    case: Case, posterior: Posterior, targets: Targets, fixed: Mapping[str, Range], basis: Basis = "posterior"
) -> tuple[Unknown, ...]:
    """Return every unknown with its range: central 90% of its posterior or of its prior, bounds for what is not fitted.

    A prior is cut at the bounds of the case file, as in the calibration. InputError for a name the case lacks.
    """
    if basis == "posterior":
        spans = {name: quantiles(values, TAILS) for name, values in posterior.parameters.items()}
    else:
        spans = {}
        for one in coordinates(case, joint_priors(targets)):
            low, high = ((bound - one.centre) / one.prior.spread for bound in one.bounds)
            tails = np.asarray(truncnorm.ppf(TAILS, low, high), dtype=float)
            spans[one.name] = one.outward(one.centre + one.prior.spread * tails)
    found = [
        Unknown(name, float(low), float(high), case.parameters[name].unit, f"central 90% of the {basis}")
        for name, (low, high) in spans.items()
    ]
    for name, span in fixed.items():
        known = _fixed(case, name, spans, span)
        found.append(Unknown(known, span.low, span.high, case.parameters[known].unit, f"assumed: {span.source}"))
    return tuple(found)


def joint(case: Case, posterior: Posterior, fixed: Mapping[str, Range], count: int, seed: int) -> dict[str, Array]:
    """Return `count` joint draws of every unknown, (draw,): the posterior's, and even ones of what is not fitted."""
    samples = posterior.spread(count)
    size, rng = len(next(iter(samples.values()))), np.random.default_rng(seed)
    return samples | {
        _fixed(case, name, samples, one): rng.uniform(one.low, one.high, size) for name, one in fixed.items()
    }


def problem(unknowns: Sequence[Unknown]) -> dict[str, object]:
    """Return the unknowns as SALib describes them: names and bounds, evenly distributed and independent."""
    return {
        "num_vars": len(unknowns),
        "names": [one.name for one in unknowns],
        "bounds": [[one.low, one.high] for one in unknowns],
    }


def _fixed(case: Case, name: str, fitted: Mapping[str, object], one: Range) -> str:
    known = case.model.variable(name).name
    if known not in case.parameters:
        raise InputError(f"{case.name}: {known!r} is no parameter of the case")
    if known in fitted:
        raise InputError(f"{case.name}: {known!r} is estimated: its range is that of the posterior")
    bounds = case.parameters[known]
    if one.low < bounds.low or one.high > bounds.high:
        raise InputError(
            f"{case.name}: range {one.low:g} to {one.high:g} {bounds.unit} of {known!r} leaves its bounds, "
            f"{bounds.low:g} to {bounds.high:g}"
        )
    return known
