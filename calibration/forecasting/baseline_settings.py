"""The numbers of the naive forecasts, read from `calibration/targets/baselines.toml` and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.files.settings import NotNegative, Positive, SettingsFile, Strict, Text
from stockflow.errors import InputError

HERE = Path(__file__).parents[1] / "targets" / "baselines.toml"
MULTIPLES = "multiples of the largest observation"

Source = Annotated[str, Field(min_length=3)]
Range = tuple[float, float]


class Walk(Strict):
    """Random walk with drift: moving-average coefficient of its noise and the fewest observations it takes."""

    memory: Annotated[float, Field(ge=0, lt=1)]
    fewest: Annotated[int, Field(ge=3)]
    source: Source


class Window(Strict):
    """How many of the last observations a trend goes through."""

    window: Annotated[int, Field(ge=3)]
    source: Source


class Fewest(Strict):
    """How few observations are enough."""

    fewest: Annotated[int, Field(ge=2)]
    source: Source


class Curves(Strict):
    """Bounds of the growth curves: rates per year, midpoint in years from the origin, residual autocorrelation."""

    fewest: Annotated[int, Field(ge=4)]
    memory_high: Annotated[float, Field(ge=0, lt=1)]
    rate: Range
    midpoint: Range
    innovation: Range
    imitation: Range
    source: Source

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
    source: Source

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


class Settings(SettingsFile):
    """Everything the naive forecasts need that no history tells."""

    shipped = HERE
    wright: Walk
    moore: Walk
    exponential: Window
    last_value: Fewest
    curves: Curves
    default_ceiling: Ceiling
    ceilings: Mapping[str, Ceiling] = {}

    def ceiling(self, series: str) -> Ceiling:
        """Return the ceiling of `series`: its own, or the default in multiples of what was observed."""
        return self.ceilings.get(series, self.default_ceiling)

    def ceiling_of_adoptions(self, series: str, measure: Literal["flow", "level"]) -> Ceiling:
        """Return the ceiling of all adoptions together: of a flow the default, since its own bounds a yearly rate."""
        return self.default_ceiling if measure == "flow" else self.ceiling(series)
