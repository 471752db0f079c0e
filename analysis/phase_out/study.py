"""What is asked of an exit, as TOML files state it: of a whole study, and of a case without one (`exit.toml`).

Years are decimal, shares fractions, money billion CNY of 2020. An unknown key is refused, and every complaint names
file, key and value.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import ceil, floor
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis.draws.generic import CaseStudies
from models.case import load_case
from models.files.casefile import CASES, CaseName
from models.files.settings import NotNegative, Positive, Sentence, Strict, StudyYear, Text, Within, Year, read_settings
from models.home import home_of
from models.schedules.instruments import instruments
from models.schedules.law import Exit
from stockflow.errors import InputError
from stockflow.over_time import QUARTER

STUDIES = Path(__file__).parents[1] / "studies"
STUDIED = tuple(case for case in CASES if (STUDIES / f"phase_out_{case}.toml").is_file())


class Slopes(Strict):
    """Over how many years exits go that are no cliff; the first unless told otherwise."""

    lengths: tuple[Annotated[float, Field(ge=0.25, le=50)], ...] = ()


class Grid(Slopes):
    """Exits from the supported path: every shape, at every start, over every length (a cliff has none).

    `instruments` are those that end, by default all that the supported path names.
    """

    shapes: Annotated[tuple[Exit, ...], Field(min_length=1)]
    first: StudyYear
    last: StudyYear
    step: Annotated[float, Field(ge=0.25, le=10)] = 1.0
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
    that it had since the start. The largest loss is looked for in the first `loss_years`.
    """

    years_after: Annotated[float, Field(ge=1, le=20)] = 5.0
    share_kept: Within = 0.9
    probability: Within = 0.1
    own_fall: Within = 0.05
    counted_from: Literal["start", "end"] = "start"
    loss_years: Annotated[int, Field(ge=1, le=20)] = 3


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


class Doubt(Strict):
    """What the evidence does not settle, in words."""

    evidence: Text


class Texts(Doubt):
    """Words for the page: what a share of the market is of, what is supported, with what, and who pays."""

    market: Text
    unit: Text
    per_unit: Text
    support: Text
    paid_by: Text
    supported: str = ""  # what to know of the path with support that goes on


class Apart(Strict):
    """Instruments that end by themselves: what ends, and in words what goes on beside it."""

    name: Text
    ends: Annotated[tuple[Text, ...], Field(min_length=1)]
    goes_on: Text


class Happened(Strict):
    """A change that was made, as observed and as the model has it: growth of a series, or an effect of the fit.

    The growth is that of sums over the years `before` and `after` of a series of the target file; an `effect` is one of
    the target file. Where a `check` lies outside the model's 90% interval, no schedule is called the best. `means` says
    what a miss means for the answer.
    """

    what: Text
    series: str = ""
    before: int = 0
    after: int = 0
    effect: str = ""
    check: bool = False
    means: str = ""

    @model_validator(mode="after")
    def _one(self) -> Happened:
        if bool(self.series) == bool(self.effect) or (self.series and not self.before < self.after):
            raise ValueError(f"{self.what!r} needs a series with years in order, or an effect")
        return self


class Column(Strict):
    """A column of a yearly table: a variable, in words, the unit of what is shown, and what 1 of it is in the model.

    A sum over time (`Cumulative ...`) is shown by what it gains in a year, a stock at the end of it, all else as the
    mean of its quarters.
    """

    variable: Text
    words: Text
    unit: Annotated[str, Field(min_length=1)]
    show: Literal["gained", "end", "mean"]
    in_model: Positive = 1.0


class Reported(Strict):
    """A figure of the fiscal account that somebody published, to hold the model's against."""

    variable: str
    time: StudyYear
    value: float
    words: str
    source: Sentence


class ExitStudy(Strict):
    """What a single exit is judged by; without `supported`, a name of a schedule file, it is judged against history.

    Money is told with `digits` decimals, bnCNY.
    """

    case: str = ""
    draws: Annotated[int, Field(ge=2, le=4000)]
    since: Year
    horizon: Year
    tail: Annotated[float, Field(ge=0, le=40)]
    supported: str = ""
    grid: Slopes
    exit: SafeExit = SafeExit()
    discount_rates: Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)]
    base_year: StudyYear
    texts: Doubt
    happened: tuple[Happened, ...] = ()
    columns: tuple[Column, ...] = ()
    digits: Annotated[int, Field(ge=0, le=9)] = 0

    @property
    def rate(self) -> float:
        """The discount rate of a single exit, of regret and of the value of waiting: the first one stated."""
        return self.discount_rates[0]


class ExitStudies(CaseStudies[ExitStudy]):
    """The settings of exits in cases without a study, and the levels of support, in percent, tried in any case.

    A step's cost is told if it brings units in that share of draws (`defined`), and said to rise or fall if so in
    that share (`sure`).
    """

    shipped = STUDIES / "exit.toml"
    levels: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=2)]
    defined: Annotated[float, Field(gt=0, le=1)]
    sure: Annotated[float, Field(gt=0.5, le=1)]
    cases: Mapping[str, ExitStudy] = {}


class PhaseOutStudy(ExitStudy):
    """A whole study; `supported`, `no_support` and `schedules` are names of schedule files or paths to them."""

    case: CaseName
    title: Text
    question: Text
    since: StudyYear
    horizon: StudyYear
    supported: Text
    no_support: Text
    schedules: tuple[Text, ...]
    grid: Grid
    shares: Annotated[tuple[Within, ...], Field(min_length=1)]
    worth: Worth
    texts: Texts
    off_budget: bool
    full_use: Within = 0.65
    rush: Rush | None = None
    effect: str = ""
    reported: tuple[Reported, ...] = ()
    apart: tuple[Apart, ...] = ()
    together: StudyYear | None = None

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
        latest = self.grid.starts[-1] + max(self.exit.years_after, self.exit.loss_years)
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


def load_phase_out_study(which: str | Path) -> PhaseOutStudy:
    """Read a study: `nev` or `pv` for the shipped ones, else the path of a TOML file; InputError for a bad one."""
    return read_settings(study_file(which), PhaseOutStudy)


def load_exit_study(case: str) -> ExitStudy:
    """Return what an exit is judged by: the shipped study of the case, else `exit.toml` with its years and units.

    InputError for a case without instruments, and for one whose run is too short to judge an exit.
    """
    home = home_of(case)
    if home.name in STUDIED:
        return load_phase_out_study(home.name)
    instruments(home.entry)
    study, model, own = ExitStudies.load().case(home.name), load_case(home.name).model, home.units()
    since, horizon = ceil(study.since), floor(study.horizon)
    if model.initial_time / QUARTER % 1 or since + study.exit.years_after > horizon:
        raise InputError(
            f"{home.case_file}: an exit is judged {study.exit.years_after:g} years after its start, in a run that "
            f"starts with a quarter of a year: this one goes from {model.initial_time:g} to {study.horizon:g}"
        )
    shown = [dict(zip(("unit", "in_model"), own.shown(one.unit), strict=True)) for one in study.columns]
    columns = tuple(one.model_copy(update=own_unit) for one, own_unit in zip(study.columns, shown, strict=True))
    return study.model_copy(update={"case": home.name, "since": since, "horizon": horizon, "columns": columns})


def study_file(which: str | Path) -> Path:
    """Return the file of a study; InputError, naming the shipped studies, for a name that is neither."""
    text = str(which)
    if text.strip().casefold() in STUDIED:
        return STUDIES / f"phase_out_{text.strip().casefold()}.toml"
    if Path(which).suffix != ".toml":
        known = ", ".join(map(repr, STUDIED))
        raise InputError(
            f"phase-out studies exist for {known}, not for {text!r}; or give the path of a .toml file; for a "
            "technology of your own `techcycle exit NAME` answers"
        )
    return Path(which)
