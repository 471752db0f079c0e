"""The study file of what the data can tell apart: thresholds, the ridge of every case, policies tried along it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.files.settings import NotNegative, Positive, Sentence, SettingsFile, Strict, Within, Year

STUDY = Path(__file__).parents[1] / "studies" / "identifiability.toml"


class PolicyChange(Strict):
    """Policy variables multiplied by `factor` from `first` on."""

    name: str
    variables: Annotated[tuple[str, ...], Field(min_length=1)]
    factor: NotNegative
    first: Year


class Outcome(Strict):
    """A variable at a moment: what a policy is judged by."""

    name: str
    variable: str
    at: Year


class Rules(Strict):
    """When a parameter is called identified or the prior's, and when two are called hard to tell apart."""

    identified: Within
    prior: Within
    correlated: Within

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.prior >= self.identified:
            raise ValueError(f"prior {self.prior:g} must be below identified {self.identified:g}")
        return self


class CaseStudy(Strict):
    """What is asked of one case: searching rates to hold, policies to change and outcomes to look at."""

    window: tuple[float, float]
    searching_values: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=3)]
    policies: tuple[PolicyChange, ...]
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.searching_values) != sorted(set(self.searching_values)) or self.searching_values[0] != 0:
            raise ValueError("searching_values must start at 0, the one-factor variant, and increase")
        if self.window[0] >= self.window[1]:
            raise ValueError(f"window {self.window[0]:g}-{self.window[1]:g} ends before it starts")
        return self


class Study(SettingsFile):
    """The whole study file."""

    shipped = STUDY
    points: Annotated[int, Field(ge=3, le=41)]
    enough: Positive
    drop: Positive
    draws: Annotated[int, Field(ge=20)]
    doing: str
    searching: str
    verdicts: Rules
    cases: Mapping[str, CaseStudy]
    without_ridge: Mapping[str, Sentence] = {}

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for case in self.without_ridge:
            if case in self.cases:
                raise ValueError(f"case {case!r} has a ridge to walk and a reason for none")
        return self
