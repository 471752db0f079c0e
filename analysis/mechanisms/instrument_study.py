"""The study file of policy instruments, and what each stands for in a case: an input, its history, its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from analysis.draws.generic import CaseStudies
from models.case import load_case
from models.files.casefile import CaseName
from models.files.series import Series, read_series
from models.files.settings import Strict, Year
from models.home import home_of
from models.policy import history, is_driver
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import UnknownNameError
from stockflow.names import plain

STUDY = Path(__file__).parent.parent / "studies" / "instruments.toml"
BARRIERS = ("Devil's River", "Valley of Death", "Darwinian Sea")
Change = Literal["half", "more", "off", "on", "to"]
FACTORS: Mapping[str, float] = {"half": 0.5, "more": 1.5, "off": 0.0}
ASSUMED = "assumed"


class InstrumentCase(Strict):
    """Last year of the runs of a case, and the year in which cost and price are compared."""

    until: Year
    compared: Year

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.compared > self.until:
            raise ValueError(f"compared is {self.compared:g}, after until = {self.until:g}")
        return self


class Instrument(Strict):
    """One instrument: `inputs` in order of preference, of which a case uses the first that it has as an input.

    `changes` are tried where history has some of it; where it has none, `on` gives by case the path (year, value) that
    is tried instead.  `to` is a value of its own, `off` by case what stands for none of it, `only` by case the changes
    that make sense there.  `with` names the instrument without which this one cannot act: it is put on, in the run
    compared with too, where history has none of it.  `assumption` marks one whose effect no data tell of.
    """

    name: str
    paper: str
    inputs: Annotated[tuple[str, ...], Field(min_length=1)]
    changes: Annotated[tuple[Literal["half", "more", "off", "to"], ...], Field(min_length=1)]
    barriers: tuple[Literal["Devil's River", "Valley of Death", "Darwinian Sea"], ...]
    on: Mapping[CaseName, tuple[tuple[Year, float], ...]] = Field(default_factory=dict)
    off: Mapping[CaseName, float] = Field(default_factory=dict)
    only: Mapping[CaseName, tuple[Literal["half", "more", "off", "to"], ...]] = Field(default_factory=dict)
    to: float | None = None
    assumption: bool = False
    needs: str = Field(default="", alias="with")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if ("to" in self.changes) != (self.to is not None):
            raise ValueError(f"{self.name!r}: the change 'to' and its value belong together")
        return self


class InstrumentStudy(CaseStudies[InstrumentCase]):
    """The whole study file."""

    shipped = STUDY
    draws: Annotated[int, Field(ge=2, le=2000)]
    little: Annotated[float, Field(ge=0, le=1)]
    soon: Annotated[float, Field(ge=0)]
    visible: Annotated[float, Field(ge=0, le=1)]
    visible_years: Annotated[float, Field(ge=0)]
    instruments: Annotated[tuple[Instrument, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [one.name for one in self.instruments]
        for one in self.instruments:
            if names.count(one.name) > 1:
                raise ValueError(f"two instruments are called {one.name!r}")
            if one.needs and one.needs not in names:
                raise ValueError(f"{one.name!r} needs {one.needs!r}, which is no instrument")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Lever:
    """What stands for an instrument in a case: a constant (`times` empty), or a path over time.

    `values` are its history, `evidence` the marks of where they come from, `limits` its bounds.
    """

    instrument: Instrument
    variable: str
    unit: str
    times: Array
    values: Array
    limits: tuple[float, float]
    evidence: tuple[str, ...]

    @property
    def constant(self) -> bool:
        """Whether it has one value for all times."""
        return not self.times.size

    @property
    def assumption(self) -> bool:
        """Whether no row of it, or no effect of it, rests on data."""
        return self.instrument.assumption or set(self.evidence) <= {ASSUMED}

    def unused(self, until: float) -> bool:
        """Whether history up to a year has none of it."""
        return not np.any(self.values if self.constant else self.values[self.times <= until])

    def changes(self, case: str, until: float) -> tuple[Change, ...]:
        """Return the changes to try in a case; none if history has none of it and nothing is said to put on."""
        if self.unused(until):
            return ("on",) if case in self.instrument.on else ()
        return self.instrument.only.get(case, self.instrument.changes)


def levers(case: str, study: InstrumentStudy, model: Model) -> dict[str, Lever | None]:
    """Return what stands for each instrument in a case, by name; None where the model has no such input."""
    marks = {plain(name): (one.evidence,) for name, one in load_case(case).parameters.items()} | _evidence(case)
    return {one.name: _lever(one, case, model, marks) for one in study.instruments}


def _lever(instrument: Instrument, case: str, model: Model, marks: Mapping[str, tuple[str, ...]]) -> Lever | None:
    for name in instrument.inputs:
        try:
            one = model.variable(name)
        except UnknownNameError:
            continue
        low, high = one.limits
        limits = (-np.inf if low is None else low, np.inf if high is None else high)
        evidence = marks.get(plain(name), ())
        if one.value is not None:
            # what is put on for some years only needs a path, though history has one value for all of them
            on = instrument.on.get(case, ())
            times = np.array([on[0][0]]) if len(on) > 1 else np.empty(0)
            return Lever(instrument, one.name, one.unit, times, np.array([one.value]), limits, evidence)
        if is_driver(one):
            return Lever(instrument, one.name, one.unit, *history(model, one.name), limits, evidence)
    return None


def _evidence(case: str) -> dict[str, tuple[str, ...]]:
    """Return the marks of the rows of every path over time, those of zeros left out where others stand beside."""
    out = {}
    for file in home_of(case).drivers:
        for series in read_series(file, sourced=True).values() if file.is_file() else ():
            out[plain(series.name)] = _marks(series)
    return out


def _marks(series: Series) -> tuple[str, ...]:
    telling = [point for point in series.points if point.value] or series.points
    return tuple(sorted({point.evidence for point in telling}))
