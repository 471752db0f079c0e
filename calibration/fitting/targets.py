"""What is fitted to what: free parameters with priors, series with windows and errors, dates and effects.

A target file (`calibration/targets/<case>.toml`) says everything; nothing about a case stands in code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from calibration.observed.observations import Source
from models.files.settings import Positive, Seed, Sentence, Starts, Strict, WholeYear, Within, Year, read_toml, valid
from models.home import home_of
from stockflow.errors import InputError


class Prior(Strict):
    """What is believed about a parameter before the data: a truncated normal or lognormal.

    `centre` is in the parameter's unit; `spread` is a standard deviation, of the logarithm for "lognormal".
    The bounds are the parameter's own, in the case file.
    """

    shape: Literal["normal", "lognormal"]
    centre: float
    spread: Positive
    source: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _positive_median(self) -> Prior:
        if self.shape == "lognormal" and self.centre <= 0:
            raise ValueError("centre of a lognormal prior must be > 0")
        return self


class ErrorModel(Strict):
    """How the logarithms of a series miss the model: Student-t with `degrees` of freedom around an autoregression.

    The size of a series' error is estimated, half-normal with the series' `sigma` as scale and within a factor
    `widest` of it; its lag-one persistence is uniform from 0 to `largest_persistence`.
    """

    degrees: Annotated[float, Field(gt=1, le=200)] = 4.0
    largest_persistence: Within = 0.8
    widest: Annotated[float, Field(gt=1)] = 20.0


class Sampling(Strict):
    """How a posterior is sampled, and what it must show before it counts (Vehtari et al. 2021)."""

    chains: Annotated[int, Field(ge=2, le=64)] = 4
    tune: Annotated[int, Field(ge=50)] = 1000
    draws: Annotated[int, Field(ge=50)] = 2000
    keep: Annotated[int, Field(ge=20)] = 250
    inside: Annotated[float, Field(gt=0, lt=0.5)] = 0.02  # share of each range that starts of chains keep from its ends
    jitter: Annotated[float, Field(gt=0, le=2)] = 0.3  # spread of the starts about the mode, in logits
    acceptance: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    largest_rhat: Annotated[float, Field(gt=1)] = 1.01
    smallest_ess: Positive = 400.0
    most_divergent: Annotated[float, Field(ge=0, lt=1)] = 0.005


class SeriesTarget(Strict):
    """An observed yearly series and the model quantity that must explain it, in logarithms.

    `measure` says how a year is read off the run: the growth of an accumulator over the year, the value at
    the year's end, or at its middle. `sigma` is the expected error of the logarithm (measurement and model);
    it is doubled below `small` (start-up years, below a reporting threshold).
    """

    name: str
    quantity: str
    measure: Literal["yearly difference", "year end", "mid year"]
    unit: str
    sigma: Positive
    first_year: WholeYear
    last_year: WholeYear
    small: float = 0.0
    combine: Literal["geometric mean", "sum"] = "geometric mean"
    use: Literal["closed loop", "partial only", "shown only"] = "closed loop"
    scope: Sentence
    sources: tuple[Source, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> SeriesTarget:
        if self.first_year > self.last_year:
            raise ValueError(f"window {self.first_year}-{self.last_year} ends before it starts")
        return self


class EventTarget(Strict):
    """A dated crossing: `quantity` first reaches `level` in `year`, give or take `sd` years."""

    name: str
    quantity: str
    level: Positive
    year: Year
    sd: Positive
    source: str


class EffectTarget(Strict):
    """A causal effect known from outside: share of `quantity`'s growth in a window lost without a policy, or at a step.

    The model answers with a pair of runs, factual and with the `without` constants set; or, where a policy changed on
    one day, with one run: what grew in the window `then` is compared with what grew before. `known_from` is the year
    in which the evidence was published: a fit of earlier data does not see it.
    """

    name: str
    quantity: str
    first_year: Year
    last_year: Year
    then: tuple[Year, Year] | None = None
    without: Mapping[str, float] = Field(default_factory=dict)
    value: float
    sd: Positive
    known_from: Year
    source: str

    @property
    def windows(self) -> tuple[tuple[float, float], ...]:
        """First and last year of the window, and of that after a step."""
        return ((self.first_year, self.last_year), *(() if self.then is None else (self.then,)))

    @model_validator(mode="after")
    def _whole(self) -> EffectTarget:
        for first, last in self.windows:
            if first >= last:
                raise ValueError(f"window {first:g}-{last:g} ends before it starts")
        if bool(self.without) == bool(self.then):
            raise ValueError("either without or then must say what the window is compared with")
        if self.then is not None and abs(np.ptp([last - first for first, last in self.windows])) > 1e-9:
            raise ValueError(f"then: {self.then[0]:g}-{self.then[1]:g} is not as long as the window before")
        return self


class RangeTarget(Strict):
    """A statement of a range: a quantity's mean, fall or lowest value in a window lies between `low` and `high`.

    The edges are soft over `width`, in the unit of the statement: "mean" and "lowest" in that of the quantity, "fall"
    a share. A side left out is open.
    """

    name: str
    quantity: str
    kind: Literal["mean", "fall", "lowest"]
    measure: Literal["yearly difference", "year end", "mid year"] = "mid year"
    first_year: WholeYear
    last_year: WholeYear
    low: float | None = None
    high: float | None = None
    width: Positive
    source: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _in_order(self) -> RangeTarget:
        if self.first_year > self.last_year:
            raise ValueError(f"window {self.first_year}-{self.last_year} ends before it starts")
        if self.kind == "fall" and self.first_year == self.last_year:
            raise ValueError(f"a fall needs two years, window {self.first_year}-{self.last_year} has one")
        if self.low is None and self.high is None:
            raise ValueError("low or high must be given")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self


class DrivenVariable(Strict):
    """A variable that a partial calibration takes from data, which cuts the loops through it.

    Before its first observation the first value holds, unless `zero_at` gives a year in which it was still zero.
    """

    variable: str
    unit: str
    measure: Literal["year end", "mid year"] = "mid year"
    combine: Literal["geometric mean", "sum"] = "geometric mean"
    zero_at: Year | None = None
    sources: tuple[Source, ...] = Field(min_length=1)


class PartialStep(Strict):
    """A piece of the model fitted alone with its inputs taken from data (Homer 2012; Oliva 2003)."""

    name: str
    free: Mapping[str, Prior]
    series: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    driven: tuple[DrivenVariable, ...] = ()

    @model_validator(mode="after")
    def _has_targets(self) -> PartialStep:
        if not self.series and not self.events:
            raise ValueError(f"partial step {self.name!r} fits no series and no event")
        return self


class Targets(Strict):
    """All that a calibration of one case needs besides the model; `file` is where it was read from."""

    file: Path | None = None
    case: str
    last_year: WholeYear
    starts: Starts
    seed: Seed
    free: Mapping[str, Prior] = Field(min_length=1)
    response: str
    response_grid: Annotated[tuple[float, ...], Field(min_length=3)]
    series: tuple[SeriesTarget, ...] = Field(min_length=1)
    events: tuple[EventTarget, ...] = ()
    effects: tuple[EffectTarget, ...] = ()
    ranges: tuple[RangeTarget, ...] = ()
    errors: ErrorModel = ErrorModel()
    sampling: Sampling = Sampling()
    partial: tuple[PartialStep, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Targets:
        reported = [*dict.fromkeys([*self.free, *(name for step in self.partial for name in step.free)])]
        reported += [one.name for part in (self.events, self.effects, self.ranges) for one in part]
        kinds = {"series": [s.name for s in self.series], "partial": [s.name for s in self.partial]}
        for kind, names in {**kinds, "target or parameter": reported}.items():
            twice = [name for i, name in enumerate(names) if name in names[:i]]
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is named twice")
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Targets:
        series = {one.name for one in self.series}
        events = {one.name for one in self.events}
        for step in self.partial:
            missing = [n for n in step.series if n not in series] + [n for n in step.events if n not in events]
            if missing:
                raise ValueError(f"partial step {step.name!r} names unknown targets {missing}")
        late = [one for one in self.series if one.last_year > self.last_year]
        if late:
            raise ValueError(
                f"series {late[0].name!r} goes to {late[0].last_year}, past the last year {self.last_year}"
            )
        if self.response not in self.free:
            raise ValueError(f"response {self.response!r} is not a free parameter")
        return self

    def named(self, name: str) -> SeriesTarget:
        """Return the series target of that name."""
        return next(one for one in self.series if one.name == name)


def load_targets(case: str, path: Path | None = None) -> Targets:
    """Read and check the target file of `case`; an `InputError` names file, key, value and bound."""
    home = home_of(case)
    file = path or home.targets
    if path is None and not file.exists():
        raise InputError(f"{file.name}: there is no target file for case {case!r}; {home.again}")
    data = read_toml(file)
    if "file" in data:
        raise InputError(f"{file.name}: file: not a key of a target file (got {data['file']!r})")
    for source in sources_in(data):
        if (file.parent / f"{source['table']}.csv").is_file():
            source.setdefault("folder", file.parent)
    targets = valid(Targets, {**data, "file": file}, file.name)
    # a folder with its own targets may have been renamed since they were written
    if file.parent != home.tables and targets.case != home.label:
        raise InputError(f"{file.name}: case: the targets are of {targets.case!r}, not of {home.label!r}")
    return targets


def sources_in(data: object) -> Iterator[dict[str, Any]]:
    """Yield what names a table of observations in a file read as plain values, at any depth."""
    if isinstance(data, dict) and isinstance(data.get("table"), str):
        yield data
    for part in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from sources_in(part)
