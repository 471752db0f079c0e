"""A phase-out study as its TOML file states it: the question, the schedules compared, and how answers are defined.

Years are decimal, shares fractions, money billion CNY of 2020. An unknown key is refused, and every complaint names
file, key and value.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.files.casefile import CASES, CaseName
from models.files.settings import NotNegative, Sentence, Strict, StudyYear, Text, Within, read_settings
from models.schedules.law import Exit
from stockflow.errors import InputError
from stockflow.over_time import QUARTER

STUDIES = Path(__file__).parents[1] / "studies"
STUDIED = tuple(case for case in CASES if (STUDIES / f"phase_out_{case}.toml").is_file())


class Grid(Strict):
    """Exits from the supported path: every shape, at every start, over every length (a cliff has none).

    `instruments` are those that end, by default all that the supported path names.
    """

    shapes: Annotated[tuple[Exit, ...], Field(min_length=1)]
    first: StudyYear
    last: StudyYear
    step: Annotated[float, Field(ge=0.25, le=10)] = 1.0
    lengths: tuple[Annotated[float, Field(ge=0.25, le=50)], ...] = ()
    instruments: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Grid:
        if self.last < self.first:
            raise ValueError(f"last start {self.last:g} is before the first, {self.first:g}")
        if set(self.shapes) != {"cliff"} and not self.lengths:
            raise ValueError("shapes other than a cliff need lengths")
        for name in ("shapes", "lengths"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name} names one twice")
        return self

    @property
    def starts(self) -> tuple[float, ...]:
        """All years of start, first to last."""
        count = int((self.last - self.first) / self.step + 1e-9) + 1
        return tuple(float(self.first + i * self.step) for i in range(count))

    @property
    def families(self) -> tuple[tuple[Exit, float], ...]:
        """Shape and length of every family of exits; the length of a cliff is 0."""
        pairs = ((s, n) for s, n in product(self.shapes, self.lengths or (0.0,)))
        return tuple(dict.fromkeys((s, 0.0 if s == "cliff" else n) for s, n in pairs))


class SafeExit(Strict):
    """When an exit counts as safe: the share `years_after` its `counted_from` is kept in all but a few draws.

    Kept means at least `share_kept` times the share on the supported path of the same draw; `probability` is how
    often it may fail. Against its own past an exit is safe if the share loses no more than `own_fall` of the highest
    that it had since the start.
    """

    years_after: Annotated[float, Field(ge=1, le=20)] = 5.0
    share_kept: Within = 0.9
    probability: Within = 0.1
    own_fall: Within = 0.05
    counted_from: Literal["start", "end"] = "start"


class Worth(Strict):
    """What an additional unit is worth (bnCNY a unit, as a range), and what raising public money costs beside it."""

    low: NotNegative
    central: NotNegative
    high: NotNegative
    unit: Text
    source: Sentence
    cost_of_funds: NotNegative
    cost_of_funds_source: Sentence

    @model_validator(mode="after")
    def _ordered(self) -> Worth:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"low, central, high are {self.low:g}, {self.central:g}, {self.high:g}: not in order")
        return self

    @property
    def values(self) -> dict[str, float]:
        """The three values of a unit by name."""
        return {"low": self.low, "central": self.central, "high": self.high}


class Rush(Strict):
    """Runs that ask how much an announcement pulls forward: values of a constant that no observation has fixed."""

    constant: Text
    values: Annotated[tuple[NotNegative, ...], Field(min_length=1)]
    draws: Annotated[int, Field(ge=2, le=2000)]
    source: Sentence


class Texts(Strict):
    """Words for the page: what is supported, with what, and who pays."""

    unit: Text
    per_unit: Text
    support: Text
    paid_by: Text
    evidence: Text


class Apart(Strict):
    """Instruments that end by themselves: what ends, and in words what goes on beside it."""

    name: Text
    ends: Annotated[tuple[Text, ...], Field(min_length=1)]
    goes_on: Text


class Happened(Strict):
    """A change that was made, as observed and as the model has it: growth of a series, or an effect of the fit.

    The growth is that of sums over the years `before` and `after` of a series of the target file; an `effect` is one of
    the target file. Where a `check` lies outside the model's 90% interval, no schedule is called the best.
    """

    what: Text
    series: str = ""
    before: int = 0
    after: int = 0
    effect: str = ""
    check: bool = False

    @model_validator(mode="after")
    def _one(self) -> Happened:
        if bool(self.series) == bool(self.effect) or (self.series and not self.before < self.after):
            raise ValueError(f"{self.what!r} needs a series with years in order, or an effect")
        return self


class Column(Strict):
    """A column of a yearly table: a variable, in words, and the unit of what is shown.

    A sum over time (`Cumulative ...`) is shown by what it gains in a year, a stock at the end of it, all else as the
    mean of its quarters.
    """

    variable: Text
    words: Text
    unit: Annotated[str, Field(min_length=1)]
    show: Literal["gained", "end", "mean"]


class Reported(Strict):
    """A figure of the fiscal account that somebody published, to hold the model's against."""

    variable: str
    time: StudyYear
    value: float
    words: str
    source: Sentence


class PhaseOutStudy(Strict):
    """A whole study; `supported`, `no_support` and `schedules` are names of schedule files or paths to them."""

    case: CaseName
    title: Text
    question: Text
    draws: Annotated[int, Field(ge=2, le=4000)]
    since: StudyYear
    horizon: StudyYear
    tail: Annotated[float, Field(ge=0, le=40)]
    supported: Text
    no_support: Text
    schedules: tuple[Text, ...]
    grid: Grid
    exit: SafeExit = SafeExit()
    shares: Annotated[tuple[Within, ...], Field(min_length=1)]
    discount_rates: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)]
    base_year: StudyYear
    worth: Worth
    texts: Texts
    off_budget: bool
    full_use: Within = 0.65
    rush: Rush | None = None
    effect: str = ""
    reported: tuple[Reported, ...] = ()
    apart: tuple[Apart, ...] = ()
    together: StudyYear | None = None
    happened: tuple[Happened, ...] = ()
    columns: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _in_time(self) -> PhaseOutStudy:
        for name in ("since", "horizon", "tail"):
            if getattr(self, name) / QUARTER % 1:
                raise ValueError(f"{name} {getattr(self, name):g} is not a quarter of a year")
        if self.horizon % 1 or self.since % 1:
            raise ValueError(f"since {self.since:g} and horizon {self.horizon:g} must be whole years")
        if self.since >= self.horizon:
            raise ValueError(f"since {self.since:g} is not before the horizon {self.horizon:g}")
        if any(s / QUARTER % 1 for s in self.grid.starts):
            raise ValueError("grid.first and grid.step must be quarters of a year")
        latest = self.grid.starts[-1] + self.exit.years_after
        if self.exit.counted_from == "end":
            latest += max(length for _, length in self.grid.families)
        if latest > self.horizon:
            raise ValueError(f"an exit from {self.grid.starts[-1]:g} is judged in {latest:g}, after the horizon")
        if self.together is not None and self.together not in self.grid.starts:
            raise ValueError(f"together = {self.together:g} is no start of the grid")
        names = (self.supported, self.no_support, *self.schedules)
        if len(set(names)) < len(names):
            raise ValueError(f"a schedule is named twice: {', '.join(names)}")
        for name in ("shares", "discount_rates"):
            texts = [f"{v:.0%}" for v in getattr(self, name)]
            if len(set(texts)) < len(texts):
                raise ValueError(f"{name} has two values that read the same: {', '.join(texts)}")
        return self

    @property
    def rate(self) -> float:
        """The discount rate of regret and of the value of waiting: the first one stated."""
        return self.discount_rates[0]


def load_phase_out_study(which: str | Path) -> PhaseOutStudy:
    """Read a study: `nev` or `pv` for the shipped ones, else the path of a TOML file; InputError for a bad one."""
    return read_settings(study_file(which), PhaseOutStudy)


def study_file(which: str | Path) -> Path:
    """Return the file of a study; InputError, naming the shipped studies, for a name that is neither."""
    text = str(which)
    if text.strip().casefold() in STUDIED:
        return STUDIES / f"phase_out_{text.strip().casefold()}.toml"
    if Path(which).suffix != ".toml":
        known = " and ".join(map(repr, STUDIED))
        raise InputError(f"phase-out studies exist for {known}, not for {text!r}; or give the path of a .toml file")
    return Path(which)
