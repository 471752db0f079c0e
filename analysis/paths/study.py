"""The study file of paths: clocks and observed dates of each industry, and the runs to 2060, each with its source."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from analysis.draws.stages import STAGES
from models.case import load_case
from models.files.settings import Sentence, SettingsFile, Strict, Text, Year
from models.home import home_of

STUDY = Path(__file__).parent.parent / "studies" / "paths.toml"
START = "start of the run"
Span = Annotated[float, Field(ge=0, le=500)]  # years between two events
Factor = Annotated[float, Field(ge=0, le=100)]


class PolicyMark(Strict):
    """A policy drawn as a bar on the time axis."""

    name: str
    first: Year
    last: Year

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError(f"{self.name!r} ends in {self.last:g}, before it starts in {self.first:g}")
        return self


class Discovery(Strict):
    """The year in which what the industry rests on was found, wherever that was."""

    year: Year
    what: Annotated[str, Field(min_length=3)]
    source: Sentence


class Follower(Strict):
    """An industry that began elsewhere: when it entered, and the constants that shut off what comes from abroad."""

    country: Annotated[str, Field(min_length=2)]
    entry: Year
    entry_source: Sentence
    alone: Mapping[str, float] = Field(min_length=1)
    alone_says: Sentence


class PathCase(Strict):
    """Clocks and observed dates of one industry, each with its source."""

    until: Year
    clocks: Mapping[str, Year] = Field(min_length=1)
    clock_sources: Mapping[str, str]
    observed: Mapping[str, Year]
    observed_sources: Mapping[str, str]
    policies: tuple[PolicyMark, ...]
    discovery: Discovery | None = None
    follower: Follower | None = None
    save_period: float = Field(default=0.25, gt=0, le=1)  # years between saved moments

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        bare = (set(self.clocks) - set(self.clock_sources)) | (set(self.observed) - set(self.observed_sources))
        if bare:
            raise ValueError(f"no source for {sorted(bare)}")
        if set(self.observed) - set(STAGES):
            raise ValueError(f"observed dates must be of {STAGES}")
        return self


class GivenPath(Strict):
    """A path (year, value) that takes the place of a driver from its first year on."""

    unit: str
    points: tuple[tuple[Year, float], ...] = Field(min_length=1)


class Ahead(Strict):
    """A world or a policy ahead: drivers multiplied by factors (year, factor) or replaced, or a schedule of support.

    Points are joined by straight lines and held at the ends; with nothing changed all is as the case's files have it.
    """

    says: Sentence
    source: Sentence
    factors: Mapping[str, tuple[tuple[Year, Factor], ...]] = {}
    paths: Mapping[str, GivenPath] = {}
    schedule: str | None = None
    not_counted: str = ""  # what of it no quantity told counts

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = dict(self.factors) | {name: path.points for name, path in self.paths.items()}
        for name, points in given.items():
            years = [year for year, _ in points]
            if not points or any(b <= a for a, b in pairwise(years)):
                raise ValueError(f"{name!r}: years {years} do not increase")
        if twice := set(self.factors) & set(self.paths):
            raise ValueError(f"{sorted(twice)} has both factors and a path")
        return self


class Quantity(Strict):
    """What is told of a run ahead: a variable of the model, over another one, or what it gains from a year on.

    `unit` is the model's (1 for a ratio), `shown` is that unit in words.
    """

    of: str
    over: str | None = None
    since: Year | None = None
    unit: str
    shown: Text

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.over is not None and self.since is not None:
            raise ValueError(f"{self.of!r} is told both over another variable and since a year: give one")
        return self


class Forward(Strict):
    """Worlds (scenarios) and policies of one case, each run with each; the first of both is what is expected.

    `years` are those that the table tells.
    """

    years: tuple[Year, ...] = Field(min_length=1)
    quantities: Mapping[str, Quantity] = Field(min_length=1)
    scenarios: Mapping[str, Ahead] = Field(min_length=1)
    policies: Mapping[str, Ahead] = Field(min_length=1)

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        if wrong := [name for name, one in self.scenarios.items() if one.schedule is not None]:
            raise ValueError(f"scenario {wrong[0]!r} has a schedule of support, which is a policy")
        return self


class PathStudy(SettingsFile):
    """The whole study file."""

    shipped = STUDY
    window: tuple[Span, Span]
    draws: Annotated[int, Field(ge=1, le=100_000)]
    race: str
    until: Year
    shown_from: Year
    cases: Mapping[str, PathCase]
    forward: Mapping[str, Forward]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.window[1] <= self.window[0]:
            raise ValueError(f"window {self.window} does not increase")
        for case, one in self.forward.items():
            if max(one.years) > self.until:
                raise ValueError(f"forward.{case}.years: {max(one.years):g} is after until = {self.until:g}")
        if lost := set(self.forward) - set(self.cases):
            raise ValueError(f"forward: {sorted(lost)} is none of the cases")
        return self


def path_of(case: str, study: PathStudy) -> PathCase:
    """Return what the study says of a case, else the clocks that the case states itself and the start of its run."""
    if case in study.cases:
        return study.cases[case]
    about, own = load_case(case), home_of(case).units_of()
    stated = {} if own is None else own.clocks
    return PathCase(
        until=about.model.final_time,
        clocks={**{name: one.year for name, one in stated.items()}, START: about.model.initial_time},
        clock_sources={**{name: one.source for name, one in stated.items()}, START: "the case"},
        observed={},
        observed_sources={},
        policies=(),
    )
