"""The numbers by which a technology of the user's own is calibrated, and priors pooled from the four industries."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.stats import norm, t

from calibration.fitting.targets import Prior, Sampling
from calibration.records.results import load_accepted
from models.case import CASES, load_case
from models.files.settings import Positive, Seed, Sentence, SettingsFile, Starts, Strict, Within
from models.home import home_of
from stockflow.arrays import Array
from stockflow.errors import InputError

HERE = Path(__file__).parents[1] / "targets" / "own_technology.toml"
AboveOne = Annotated[float, Field(gt=1)]
Shape = Literal["normal", "lognormal"]


class Pooled(Strict):
    """A prior pooled from the centres of several industries, never narrower than `least`."""

    shape: Shape
    industries: Annotated[tuple[str, ...], Field(min_length=3)]
    least: Positive
    reason: Sentence


class Judged(Strict):
    """A prior that the industries cannot give: centre in the parameter's unit, spread as in `Prior`."""

    shape: Shape
    centre: float
    spread: Positive
    reason: Sentence


class Started(Strict):
    """A scale: lognormal around `times` what the observations say."""

    times: Positive = 1.0
    spread: Positive
    reason: Sentence


class Error(Strict):
    """Expected error of the logarithm of a series."""

    sigma: Positive
    reason: Sentence


class Hindcast(Strict):
    """When and how many of the last years are held out."""

    fewest: Annotated[int, Field(ge=6)]
    share: Within
    least: Annotated[int, Field(ge=1)]
    most: Annotated[int, Field(ge=1)]

    def years(self, count: int) -> int:
        """Return how many of `count` years are held out; 0 where there are too few."""
        return 0 if count < self.fewest else int(np.clip(round(self.share * count), self.least, self.most))


class Doubts(Strict):
    """From where on observations are said to mean perhaps something else; the file says what each limit is."""

    fewest: Annotated[int, Field(ge=2)]
    same: Positive
    factor: AboveOne
    dearer: AboveOne
    jump: AboveOne
    usual: AboveOne
    near_mean: Positive
    mostly: Within
    long: Annotated[int, Field(ge=4)]


class OwnSettings(SettingsFile):
    """The whole settings file."""

    shipped = HERE
    seed: Seed
    starts: Starts
    fewest: Annotated[int, Field(ge=3)]
    response: str
    response_grid: tuple[float, ...]
    silent: Within
    tied: Within
    young: Within
    doublings: Annotated[int, Field(ge=0, le=4)]
    largest_persistence: Within
    hindcast: Hindcast
    doubts: Doubts
    pool: Mapping[str, Pooled]
    judged: Mapping[str, Judged]
    started: Mapping[str, Started]
    series: Mapping[str, Error]
    sampling: Sampling
    quick: Sampling

    def chains(self, rules: Sampling) -> tuple[Sampling, ...]:
        """Return the rules, then the same with more chains, to be tried in turn until the chains keep them."""
        return tuple(rules.model_copy(update={"chains": rules.chains * 2**k}) for k in range(self.doublings + 1))


load_own_settings = OwnSettings.load
Centres = dict[str, tuple[float, str]]


def industry_centres(case: str) -> Centres:
    """Return the value that an industry has of each of its parameters, and where that is from.

    The accepted estimate where the industry has an accepted fit that estimates it, else the value of its case file.
    """
    known = load_case(case).parameters
    out = {name: (one.value, f"models/cases/{case}.toml ({one.evidence})") for name, one in known.items()}
    if home_of(case).record.is_file():
        fitted = load_accepted(case).values
        out.update({name: (value, f"calibration/results/{case}.toml") for name, value in fitted.items()})
    return out


def pooled_priors(pool: Mapping[str, Pooled]) -> dict[str, Prior]:
    """Return the prior of each parameter of a fifth industry by its rule; the industries are read once."""
    known = cache(industry_centres)
    return {name: pooled_prior(name, rule, known) for name, rule in pool.items()}


def pooled_prior(name: str, rule: Pooled, known: Callable[[str], Centres] = industry_centres) -> Prior:
    """Return the prior of a parameter of a fifth industry: mean of the centres and the spread of a new member.

    Spread = s sqrt(1 + 1/n) t/z with the 95% quantiles of Student t (n - 1) and of the normal: the prediction interval
    of one more draw from a normal of which n are known, to its 90% ends. `known` tells an industry's values. InputError
    for a centre that has no logarithm, and for an industry that there is not or that has no such parameter.
    """
    found = {}
    for case in rule.industries:
        if case not in CASES:
            raise InputError(f"{HERE.name}: pool.{name!r}: no industry {case!r}")
        if name not in known(case):
            raise InputError(f"{HERE.name}: pool.{name!r}: industry {case!r} has no such parameter")
        found[case] = known(case)[name]
    values = np.array([value for value, _ in found.values()])
    if rule.shape == "lognormal":
        if (values <= 0).any():
            raise InputError(f"{HERE.name}: pool.{name!r}: a centre is {values.min():g}; a lognormal needs more than 0")
        values = np.log(values)
    centre, spread = pool(values)
    told = ", ".join(f"{case} {value:.3g} from {place}" for case, (value, place) in found.items())
    return Prior(
        shape=rule.shape,
        centre=float(np.exp(centre)) if rule.shape == "lognormal" else centre,
        spread=max(spread, rule.least),
        source=f"pooled: {told}; {rule.reason}",
    )


def pool(values: Array) -> tuple[float, float]:
    """Return mean and predictive spread of n values: s sqrt(1 + 1/n) t/z."""
    n = len(values)
    stretch = float(t.ppf(0.95, n - 1) / norm.ppf(0.95))
    return float(values.mean()), float(values.std(ddof=1)) * float(np.sqrt(1 + 1 / n)) * stretch
