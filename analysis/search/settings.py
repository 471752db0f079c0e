"""What a search for schedules is set to: objective, budget, levers, optimisers and the grid behind the front."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analysis.draws.generic import CaseStudies
from models.files.settings import NEVER, Positive, Seed, Sentence, Share, Strict, StudyYear, Within, Year
from models.schedules.instruments import Instrument
from models.schedules.law import Exit

STUDY = Path(__file__).parents[1] / "studies" / "search.toml"
Family = Literal["knots", "start and length"]
Objective = Literal["worth", "units for the budget"]
Level = Literal["history", "held"]


class Climb(Strict):
    """The search along slopes: how many random starts, and when to stop."""

    starts: Annotated[int, Field(ge=0, le=100)]
    iterations: Annotated[int, Field(ge=1, le=10_000)]
    precision: Positive


class Free(Strict):
    """The search without slopes: population per lever, generations, and the spread at which it stops."""

    population: Annotated[int, Field(ge=2, le=100)]
    generations: Annotated[int, Field(ge=1, le=10_000)]
    precision: Positive


class Grid(Strict):
    """Schedules behind the front: every shape from every start over every length (years)."""

    shapes: Annotated[tuple[Exit, ...], Field(min_length=1)]
    lengths: Annotated[tuple[Annotated[float, Field(ge=0.1, le=50)], ...], Field(min_length=1)]
    share: Within
    draws: Annotated[int, Field(ge=2)]


class Case(Strict):
    """One case: what a unit is worth (bnCNY of 2020), what is paid, and what may be moved when.

    `cost` weighs cumulative variables; `budget` is a share of what history costs; knots stand every `spacing` years
    from `first_knot`. `level` says what a share of 1 means: history, or what the `drivers` paid at `held_from`, held
    from then on; `offered` is the subsidy, as a share of the reference cost, tried from `offered_from` in a case that
    pays none. `base` is the schedule file whose declines the grid varies, on history and on support held by `hold`.
    `ends` are the instruments that are moved, by default what the model's support multiplier and the base do.
    """

    unit: str
    horizon: StudyYear
    tail: Annotated[float, Field(ge=0, le=40)]
    benefit: Positive
    benefit_source: Sentence
    cost: Annotated[Mapping[str, float], Field(min_length=1)]
    budget: Positive
    first_knot: StudyYear
    spacing: Annotated[float, Field(ge=0.25, le=20)]
    starts: Annotated[tuple[StudyYear, ...], Field(min_length=1)]
    announced: Share
    level: Level
    held_from: StudyYear
    drivers: Annotated[tuple[str, ...], Field(min_length=1)]
    base: str
    offered: Annotated[float, Field(ge=0, lt=1)] = 0.0
    offered_from: Year = NEVER
    hold: tuple[str, ...]
    ends: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        for name, year in (("horizon", self.horizon), ("horizon + tail", self.horizon + self.tail)):
            if year * 4 % 1:
                raise ValueError(f"{name} {year:g} is not a quarter of a year")
        if self.first_knot >= self.horizon:
            raise ValueError(f"first_knot {self.first_knot:g} is not before the horizon {self.horizon:g}")
        if late := [year for year in self.starts if year >= self.horizon]:
            raise ValueError(f"start {late[0]:g} is not before the horizon {self.horizon:g}")
        return self

    def of(self, ends: Sequence[Instrument]) -> "Case":
        """Return the same for some instruments alone: on history, unless they are what the study holds."""
        names, moved = tuple(one.name for one in ends), {one.variable for one in ends}
        if moved == set(self.drivers):
            return self.model_copy(update={"ends": names})
        return self.model_copy(update={"ends": names, "drivers": tuple(moved), "level": "history", "hold": ()})


class SearchStudy(CaseStudies[Case]):
    """The study file."""

    shipped = STUDY
    draws: Annotated[int, Field(ge=2)]
    judged: Annotated[int, Field(ge=2)]
    mcpf: Annotated[float, Field(ge=0, le=5)]
    mcpf_source: Sentence
    rate: Annotated[float, Field(ge=0, lt=1)]
    base_year: StudyYear
    worst: Annotated[float, Field(gt=0, le=1)]
    tolerance: Positive
    seed: Seed
    families: Annotated[tuple[Family, ...], Field(min_length=1)]
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    gradient: Climb
    free: Free
    grid: Grid
