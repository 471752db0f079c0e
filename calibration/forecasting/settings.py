"""The numbers of forecasts from the past and of naive forecasts: `forecasts.toml` and `baselines.toml`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from calibration.fitting.targets import Sampling, Targets
from calibration.observed.history import History
from calibration.observed.observations import Source, observed
from models.files.settings import NotNegative, Positive, SettingsFile, Strict, Text
from stockflow.errors import InputError

FORECASTS, BASELINES = (Path(__file__).parents[1] / "targets" / f"{name}.toml" for name in ("forecasts", "baselines"))
MULTIPLES = "multiples of the largest observation"

Kind = Literal["cost", "flow", "level"]
Reason = Annotated[str, Field(min_length=3)]
Range = tuple[float, float]


class ExperienceSource(Strict):
    """What has been made or installed so far, which Wright's law ties the costs in `of` to.

    With `cumulate` the sources are yearly amounts, summed onto `before`, which was made before their first year.
    """

    name: str
    unit: str
    of: Annotated[tuple[str, ...], Field(min_length=1)]
    cumulate: bool
    before: NotNegative
    reason: Reason
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]

    def history(self) -> History:
        """Return the cumulative quantity at the end of every observed year; a gap in yearly amounts is refused."""
        unit = f"{self.unit}/Year" if self.cumulate else self.unit
        table = observed(self.sources, unit)
        years = table.index.to_numpy(dtype=np.int64)
        values = np.asarray(table.to_numpy(), dtype=np.float64)
        if self.cumulate:
            if (np.diff(years) != 1).any():
                raise InputError(f"experience {self.name!r}: a year is missing among {years[0]}-{years[-1]}")
            values = self.before + np.cumsum(values)
        return History(self.name, years, values, self.unit)


class CaseSettings(Strict):
    """What a case says of its series: which count in the headline, what kind each is, what costs follow.

    `sampling` replaces that of all cases, where it is given.
    """

    headline: Annotated[tuple[str, ...], Field(min_length=1)]
    kinds: Mapping[str, Kind]
    experience: tuple[ExperienceSource, ...] = ()
    sampling: Sampling | None = None

    def experience_of(self, series: str) -> ExperienceSource | None:
        """Return the experience that the cost `series` follows, if any."""
        return next((one for one in self.experience if series in one.of), None)


class ForecastSettings(SettingsFile):
    """Origins, how each fit is found and sampled, how often series are resampled for an interval, and the cases."""

    shipped = FORECASTS
    seed: int
    starts: Annotated[int, Field(ge=1)]
    origins: Annotated[tuple[int, ...], Field(min_length=1)]
    headline_origin: int
    resamples: Annotated[int, Field(ge=100)]
    sampling: Sampling
    cases: Mapping[str, CaseSettings]

    @model_validator(mode="after")
    def _in_order(self) -> ForecastSettings:
        if list(self.origins) != sorted(set(self.origins)):
            raise ValueError(f"origins {list(self.origins)} do not increase")
        if self.headline_origin not in self.origins:
            raise ValueError(f"headline origin {self.headline_origin} is none of the origins")
        return self

    def of(self, targets: Targets) -> CaseSettings:
        """Return what is said of a case, every series named here known to its targets and the other way round."""
        if targets.case not in self.cases:
            known = ", ".join(map(repr, self.cases))
            raise InputError(f"{FORECASTS.name}: cases: nothing is said of case {targets.case!r}; known: {known}")
        found = self.cases[targets.case]
        series = {one.name for one in targets.series}
        for key, names in (
            ("headline", found.headline),
            ("kinds", tuple(found.kinds)),
            *((f"experience {one.name!r}: of", one.of) for one in found.experience),
        ):
            if strange := [name for name in names if name not in series]:
                raise InputError(
                    f"{FORECASTS.name}: cases.{targets.case}.{key}: {strange[0]!r} is no series of the targets"
                )
        if silent := sorted(series - set(found.kinds)):
            raise InputError(f"{FORECASTS.name}: cases.{targets.case}.kinds: nothing is said of series {silent[0]!r}")
        return found

    def rules(self, case: str) -> Sampling:
        """Return how the fits of a case are sampled."""
        own = self.cases[case].sampling if case in self.cases else None
        return own or self.sampling


class Walk(Strict):
    """Random walk with drift: moving-average coefficient of its noise and the fewest observations it takes."""

    memory: Annotated[float, Field(ge=0, lt=1)]
    fewest: Annotated[int, Field(ge=3)]
    source: Reason


class Window(Strict):
    """How many of the last observations a trend goes through."""

    window: Annotated[int, Field(ge=3)]
    source: Reason


class Fewest(Strict):
    """How few observations are enough."""

    fewest: Annotated[int, Field(ge=2)]
    source: Reason


class Curves(Strict):
    """Bounds of the growth curves: rates per year, midpoint in years from the origin, residual autocorrelation."""

    fewest: Annotated[int, Field(ge=4)]
    memory_high: Annotated[float, Field(ge=0, lt=1)]
    rate: Range
    midpoint: Range
    innovation: Range
    imitation: Range
    source: Reason

    @model_validator(mode="after")
    def _in_order(self) -> Curves:
        for name in ("rate", "midpoint", "innovation", "imitation"):
            low, high = getattr(self, name)
            if low >= high:
                raise ValueError(f"{name} {low:g} to {high:g} ends before it starts")
            if name != "midpoint" and low <= 0:
                raise ValueError(f"{name} starts at {low:g}; must be > 0")
        return self


class Ceiling(Strict):
    """Where a curve may level off: bounds in the series' unit, or in multiples of its largest observation."""

    low: NotNegative
    high: Positive
    unit: Text
    source: Reason

    @model_validator(mode="after")
    def _in_order(self) -> Ceiling:
        if self.low >= self.high:
            raise ValueError(f"bounds {self.low:g} to {self.high:g} end before they start")
        return self

    def within(self, series: str, unit: str, largest: float) -> Range:
        """Return the bounds in `unit` for a series whose largest value is `largest`, never below that value.

        A ceiling in another unit, or one that the series has already passed, is an `InputError`.
        """
        if self.unit == MULTIPLES:
            return max(self.low, 1.0) * largest, self.high * largest
        if self.unit != unit:
            raise InputError(f"series {series!r}: ceiling in {self.unit}, values in {unit}")
        if largest >= self.high:
            raise InputError(f"series {series!r}: value {largest:g} {unit} is at or above its ceiling {self.high:g}")
        return max(self.low, largest), self.high


class BaselineSettings(SettingsFile):
    """Everything the naive forecasts need that no history tells; a series without an own ceiling has the default."""

    shipped = BASELINES
    wright: Walk
    moore: Walk
    exponential: Window
    last_value: Fewest
    curves: Curves
    default_ceiling: Ceiling
    ceilings: Mapping[str, Ceiling] = {}
