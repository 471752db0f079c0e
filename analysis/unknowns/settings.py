"""What the study of unknowns is set to: methods, rules of convergence, and the questions of each case."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from analysis.draws.ended import only
from analysis.draws.generic import CaseStudies
from models.files.settings import NEVER, Positive, Sentence, Strict, StudyYear, Within, Year
from models.schedules.file import Schedule, load_schedule, unchanged

STUDY = Path(__file__).parents[1] / "studies" / "sensitivity.toml"
Seed = Annotated[int, Field(ge=1)]  # SALib takes 0 as no seed
Count = Annotated[int, Field(ge=2, le=1_000_000)]


class Morris(Strict):
    """Screening by elementary effects; widths are shares of the largest effect."""

    seed: Seed
    trajectories: Annotated[int, Field(ge=4)]
    levels: Annotated[int, Field(ge=4, multiple_of=2)]
    resamples: Count
    width: Positive
    ranks: Annotated[int, Field(ge=0)]
    small: Within


class Sobol(Strict):
    """Shares of variance on independent ranges."""

    seed: Seed
    base_samples: Annotated[int, Field(ge=8)]
    resamples: Count
    width: Positive
    halved: Positive

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if self.base_samples & (self.base_samples - 1):
            raise ValueError(f"base_samples {self.base_samples} is not a power of 2")
        return self


class Shapley(Strict):
    """Shares of variance that add up to one, on independent ranges."""

    seed: Seed
    trajectories: Annotated[int, Field(ge=4)]
    width: Positive
    halved: Positive


class GivenData(Strict):
    """Indices from the draws themselves, which may be correlated."""

    seed: Seed
    slices: Annotated[int, Field(ge=3, le=50)]
    classes: Annotated[int, Field(ge=3, le=100)]
    resamples: Count
    dummies: Annotated[int, Field(ge=5, le=200)]
    beyond: Positive
    width: Positive
    halved: Positive


class Discovery(Strict):
    """Boxes in which a schedule fails."""

    seed: Seed
    held_out: Within
    depth: Annotated[int, Field(ge=1, le=6)]
    smallest: Within
    density: Within
    significance: Within
    fewest: Annotated[int, Field(ge=5)]


class NamedSchedule(Strict):
    """A schedule in words, the file that has it, and other dates for its declines if wanted; no file is history.

    `ends` are the instruments that decline so, by default those of the file.
    """

    name: Annotated[str, Field(min_length=3)]
    schedule: str | None = None
    start: Year | None = None
    length: Positive | None = None
    ends: tuple[str, ...] = ()

    def load(self, case: str) -> Schedule:
        """Return the schedule of `case`; InputError as `load_schedule` says."""
        if self.schedule is None:
            return unchanged(case)
        found = only(load_schedule(self.schedule, case), self.ends)
        return found if self.start is None and self.length is None else found.with_dates(self.start, self.length)


class Range(Strict):
    """Bounds between which an unknown that no fit can tell is drawn evenly."""

    low: float
    high: float
    source: Sentence

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self


class Question(Strict):
    """What is asked of one case: three plans, the years of the answers, and when the phase-out has failed.

    Years are decimal, shares fractions, money bnCNY of 2020; for `tail` years after the last one costs still count.
    `cost` gives the weight of each cumulative variable, and `cost_bound` is in bnCNY per unit of the case. `offered` is
    the subsidy, as a share of the reference cost, that is tried from `offered_from` in a case that pays none.
    """

    unit: str
    years: Annotated[tuple[StudyYear, ...], Field(min_length=1)]
    key_year: StudyYear
    tail: Annotated[float, Field(ge=0, le=40)]
    begins: StudyYear
    after: Positive
    share_kept: Within
    cost_bound: Positive
    cost_bound_source: Sentence
    rate: Annotated[float, Field(ge=0, lt=1)]
    base_year: StudyYear
    cost: Annotated[Mapping[str, float], Field(min_length=1)]
    supported: NamedSchedule
    phase_out: NamedSchedule
    no_support: NamedSchedule
    fixed: Mapping[str, Range]
    offered: Annotated[float, Field(ge=0, lt=1)] = 0.0
    offered_from: Year = NEVER

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if any(b <= a for a, b in zip(self.years, self.years[1:], strict=False)):
            raise ValueError(f"years {list(self.years)} do not increase")
        if self.key_year not in self.years:
            raise ValueError(f"key_year {self.key_year:g} is not one of the years")
        for year in (*self.years, self.years[-1] + self.tail, self.begins + self.after):
            if year * 4 % 1:
                raise ValueError(f"year {year:g} is not a quarter of a year")
        if self.begins + self.after > self.years[-1]:
            raise ValueError(f"begins + after is {self.begins + self.after:g}, later than the last year")
        return self

    def of(self, ends: tuple[str, ...], phase_out: str, no_support: str) -> "Question":
        """Return the question asked of some instruments alone, with what the two plans are then called."""
        plans = {
            "phase_out": self.phase_out.model_copy(update={"ends": ends, "name": phase_out}),
            "no_support": self.no_support.model_copy(update={"ends": ends, "name": no_support}),
        }
        return self.model_copy(update=plans)


class SensitivityStudy(CaseStudies[Question]):
    """The study file."""

    shipped = STUDY
    confidence: Within
    draws: Count
    morris: Morris
    sobol: Sobol
    shapley: Shapley
    given_data: GivenData
    discovery: Discovery
