"""Drivers as they were expected at a forecast's origin: known points, then a plan, a trend or the last value.

Which rule holds for which driver, and why, stands in `calibration/targets/drivers_ahead.toml`. Nothing dated at or
after the end of the origin's year is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, TypeAdapter, model_validator

from models.files.build import read_drivers
from models.files.series import Series
from models.files.settings import Positive, Strict, Year, read_settings
from models.home import home_of
from models.policy import TimePath, with_announced
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown

HERE = Path(__file__).parents[1] / "targets" / "drivers_ahead.toml"
JUST_BEFORE = 0.01  # years between the two points of a jump, as in the tables
WINDOW = 5  # years whose rate of growth a trend continues


class Plan(Strict):
    """A path of `driver` announced in advance, for forecasts from `origins` and, where no plan names them, later ones.

    `points` are (year, value) in the driver's unit, `multiples` (year, multiple of the last value known at the origin
    it is written for).
    """

    driver: str
    origins: Annotated[tuple[int, ...], Field(min_length=1)]
    announced: Year
    points: tuple[tuple[float, float], ...] = ()
    multiples: tuple[tuple[float, float], ...] = ()
    source: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _known_in_time(self) -> Plan:
        for origin in self.origins:
            if self.announced >= origin + 1:
                raise ValueError(f"announced in {self.announced:g}, after the origin: the end of {origin}")
        if bool(self.points) == bool(self.multiples):
            raise ValueError("either points or multiples must be given")
        years = [year for year, _ in self.points or self.multiples]
        if years != sorted(set(years)):
            raise ValueError(f"years {years} do not increase")
        if early := [year for year in years if year < max(self.origins) + 1]:
            raise ValueError(f"a point in {early[0]:g}, before the end of {max(self.origins)}")
        return self

    def known_at(self, origin: int) -> bool:
        """Whether a forecast from an `origin` that the plan does not name can go by it: known, and not yet over."""
        ends = (self.points or self.multiples)[-1][0]
        return self.announced < origin + 1 <= ends and (bool(self.points) or min(self.origins) < origin)

    def written_for(self, origin: int) -> int:
        """Return the last of the plan's origins that is not after `origin`, or else its first."""
        return max((one for one in self.origins if one <= origin), default=min(self.origins))

    def ahead(self, origin: int, times: Array, path: Array) -> TimePath:
        """Return the path known at `origin`, (times, values), carried on as planned.

        Of an earlier origin's plan what lies ahead is used; a plan written for a later origin begins at that one's
        end, and until then the last value is held.
        """
        for_origin = self.written_for(origin)
        base = path[times < for_origin + 1]
        later = np.array(self.points or self.multiples, dtype=float)
        later = later[later[:, 0] >= origin + 1]
        planned = base[-1] * later[:, 1] if self.multiples else later[:, 1]
        waits = np.array([for_origin + 1 - JUST_BEFORE] if for_origin > origin else [])
        return (
            np.concatenate([times, waits, later[:, 0]]),
            np.concatenate([path, np.full(len(waits), path[-1]), planned]),
        )


class Rule(Strict):
    """What is expected of one driver where no plan says otherwise, and why."""

    rule: Literal["hold", "trend"]
    years: Positive | None = None
    reason: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _agrees(self) -> Rule:
        if self.years is not None and self.rule != "trend":
            raise ValueError("years belongs to a trend")
        return self


class Rules(Strict):
    """What is expected of every driver of a case."""

    rules: Mapping[str, Rule]
    plans: tuple[Plan, ...] = ()

    @model_validator(mode="after")
    def _one_plan_each(self) -> Rules:
        named = [(plan.driver, origin) for plan in self.plans for origin in plan.origins]
        if twice := [one for one in named if named.count(one) > 1]:
            raise ValueError(f"two plans of {twice[0][0]!r} for the origin {twice[0][1]}")
        return self

    def plan(self, driver: str, origin: int) -> Plan | None:
        """Return the plan that a forecast from `origin` goes by: the one that names it, else the last one known."""
        of_driver = [one for one in self.plans if one.driver == driver]
        named = next((one for one in of_driver if origin in one.origins), None)
        known = [one for one in of_driver if one.known_at(origin)]
        return named or max(known, key=lambda one: (one.announced, one.written_for(origin)), default=None)


@dataclass(frozen=True, slots=True)
class Expectations:
    """Drivers of a case as they became known, and the rules by which each was expected to go on."""

    drivers: Mapping[str, Series]
    rules: Rules

    def at(self, model: Model, origin: int) -> Model:
        """Return `model` with every driver as it was expected at the end of `origin`, announced paths included."""
        limits = {name: model.variable(name).limits for name in self.drivers}
        paths = paths_ahead(self.drivers, self.rules, origin, model.final_time, limits)
        return model.with_series(with_announced(paths, model))


def expectations(case: str) -> Expectations:
    """Return the drivers of a case and their rules, from the files."""
    return Expectations(read_drivers(home_of(case).drivers), load_rules(case))


def load_rules(case: str, file: Path = HERE) -> Rules:
    """Return the rules of a case by driver; an `InputError` names file, key, value and bound."""
    rules = read_settings(file, TypeAdapter(Mapping[str, Rules]))
    if case not in rules:
        raise unknown("case", case, rules, file.name, listed=True)
    return rules[case]


def paths_ahead(
    drivers: Mapping[str, Series],
    rules: Rules,
    origin: int,
    final_time: float,
    limits: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> dict[str, TimePath]:
    """Return (times, values) of every driver as expected at the end of the year `origin`.

    A driver with a single point is a constant and stays as it is. A trend stops at the driver's `limits`. InputError
    for a rule without a driver, a driver without a rule, and one that has no point before the end of `origin`.
    """
    varying = {name: one for name, one in drivers.items() if len(one.points) > 1}
    for name in (*rules.rules, *(plan.driver for plan in rules.plans)):
        if name not in varying:
            raise unknown("driver", name, varying, HERE.name)
    if missing := [name for name in varying if name not in rules.rules]:
        raise InputError(f"{HERE.name}: no rule for driver {missing[0]!r}")
    bounds = limits or {}
    return {
        name: _ahead(
            one, rules.rules[name], rules.plan(name, origin), origin, final_time, bounds.get(name, (None, None))
        )
        for name, one in varying.items()
    }


def _ahead(
    series: Series,
    rule: Rule,
    plan: Plan | None,
    origin: int,
    final_time: float,
    limits: tuple[float | None, float | None],
) -> TimePath:
    years, values = np.array(series.years), np.array(series.values)
    known = years < origin + 1
    if not known.any():
        raise InputError(
            f"{series.points[0].place}: driver {series.name!r} starts in {years[0]:g}; nothing is known at the end of "
            f"{origin}"
        )
    times, path = years[known], values[known]
    if plan is not None:
        return plan.ahead(origin, times, path)
    if rule.rule == "hold":
        return times, path
    end = final_time if rule.years is None else min(final_time, origin + 1 + rule.years)
    ahead = np.append(np.arange(times[-1] + 1, end - 1e-6), end)
    grown = path[-1] * np.exp(_slope(series.name, times, path) * (ahead - times[-1]))
    low, high = limits
    inside = np.clip(grown, -np.inf if low is None else low, np.inf if high is None else high)
    return np.concatenate([times, ahead]), np.concatenate([path, inside])


def _slope(name: str, times: Array, path: Array) -> float:
    """Log-linear rate (1/Year) by least squares on the path, read yearly over the window to its last point."""
    back = np.arange(-WINDOW, 1.0)
    read = np.interp(times[-1] + back, times, path)
    if (read <= 0).any():
        raise InputError(f"{HERE.name}: {name}: a trend of {read.min():g}, which is not positive")
    return float(np.polyfit(back, np.log(read), 1)[0])
