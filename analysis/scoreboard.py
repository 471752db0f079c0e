"""The paper's figures beside the observed and the modelled ones.

`studies/scoreboard.toml` says for every target figure which question to put to a run, or why no run can answer it.
A question is one of a small closed set; each is a pure function over tracks, and a track is one reading (a variable,
or a quotient of sums of variables) over the saved times of a run, or the same reading in the observations.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.integrate import cumulative_trapezoid

from calibration.observations import load_table, observed
from calibration.payoff import first_crossing
from calibration.results import Accepted
from calibration.targets import ObservedSource
from models.case import load_case
from stockflow import Model
from stockflow.errors import InputError, unknown
from stockflow.names import plain

Array = NDArray[np.float64]
STUDY = Path(__file__).parent / "studies" / "scoreboard.toml"
UNTIL = 2025.0  # the paper is of 2025: nothing later is asked
NONE: Mapping[str, float] = {}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Window(_Strict):
    first: float
    last: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"window {self.first:g}-{self.last:g} ends before it starts")
        return self


class Value(_Strict):
    """The reading in one year."""

    kind: Literal["value"]
    of: str
    year: int


class Change(_Window):
    """How far the reading fell or grew from one year to another, as a share of the first."""

    kind: Literal["fall", "growth"]
    of: str
    first: int
    last: int


class Lowest(_Window):
    """The lowest saved value between two moments."""

    kind: Literal["lowest"]
    of: str


class Date(_Strict):
    """When the reading (or, `summed`, its integral from the start of the run) first reaches `level`."""

    kind: Literal["date"]
    of: str
    level: float
    summed: bool = False


class Rank(_Window):
    """The worst rank among the observed rivals in any year, or the first year of unbroken lead up to `last`."""

    kind: Literal["rank", "lead"]
    of: str
    first: int
    last: int


class Span(_Strict):
    """Years between two dates, each given or asked; negative when the end comes first."""

    kind: Literal["span"]
    start: float | Question
    end: float | Question


class Loss(_Strict):
    """Share of the answer that is lost in a counterfactual run, with some variables held at given values."""

    kind: Literal["loss"]
    question: Question
    without: Annotated[Mapping[str, float], Field(min_length=1)]


class Parts(_Strict):
    """Several answers made one: their mean, the largest (of dates: the latest), or the first over the second."""

    kind: Literal["average of", "largest of", "quotient of"]
    parts: Annotated[tuple[Question, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _two_for_a_quotient(self) -> Parts:
        if self.kind == "quotient of" and len(self.parts) != 2:
            raise ValueError(f"a quotient has 2 parts, not {len(self.parts)}")
        return self


Question = Annotated[Value | Change | Lowest | Date | Rank | Span | Loss | Parts, Field(discriminator="kind")]


class Data(_Strict):
    """Yearly observations in `unit`: the sources combined, over other sources for a share."""

    unit: str
    of: Annotated[tuple[ObservedSource, ...], Field(min_length=1)]
    over: tuple[ObservedSource, ...] = ()
    combine: Literal["geometric mean", "sum"] = "geometric mean"

    def years(self) -> Mapping[int, float]:
        """Return {year: value}, for the years in which numerator and denominator were observed."""
        above = observed([one.source() for one in self.of], self.unit, self.combine)
        if self.over:
            above = (above / observed([one.source() for one in self.over], self.unit, self.combine)).dropna()
        return {int(year): float(value) for year, value in zip(above.index, above.to_numpy(), strict=True)}

    def source(self) -> str:
        """Name the tables and series."""
        return "; ".join(dict.fromkeys(f"{s.table}.csv: {s.series}, {s.region}" for s in (*self.of, *self.over)))


class Rival(Data):
    """The same reading for another country."""

    name: str


class Reading(_Strict):
    """A quantity of one case: sum of variables, over a sum of variables; `seen` is the same quantity in data.

    `measure` says how a year is read off the run: growth of an accumulator over the year, value at its end or middle.
    """

    case: Literal["pv", "nev", "ic", "mrna"]
    quantity: Annotated[tuple[str, ...], Field(min_length=1)]
    over: tuple[str, ...] = ()
    measure: Literal["yearly difference", "year end", "mid year"] = "mid year"
    seen: Data | None = None
    rivals: tuple[Rival, ...] = ()


class Constant(_Strict):
    """An observed value in the unit of the row."""

    value: float
    source: Annotated[str, Field(min_length=10)]


class Answer(_Strict):
    """How one figure is answered.

    In the paper's unit the accepted range is the paper's (`tolerance` widens a single number on both sides);
    otherwise `low` and `high` state it, and `reading` says how the statement was made testable. The answer is
    multiplied by `factor` to come into `unit`. `fitted` names what the quantity was fitted to, if it was.
    """

    question: Question
    quantity: Annotated[str, Field(min_length=5)]
    unit: Annotated[str, Field(min_length=1)]
    factor: float = 1.0
    low: float | None = None
    high: float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    reading: Annotated[str, Field(min_length=20)]
    observed: Constant | None = None
    fitted: tuple[str, ...] = ()


class Reason(_Strict):
    """Why a figure is not answered."""

    reason: Annotated[str, Field(min_length=10)]


class Study(_Strict):
    """The whole study file; every question asks for readings that the file defines."""

    readings: Mapping[str, Reading]
    answers: Mapping[str, Answer]
    unanswered: Mapping[str, Reason]

    @model_validator(mode="after")
    def _readings_exist(self) -> Study:
        for key, one in self.answers.items():
            names = [name for _, name in asked(one.question)]
            if not names:
                raise ValueError(f"answers.{key}: asks nothing of a run: given dates are not an answer")
            for name in names:
                if name not in self.readings:
                    raise unknown("reading", name, self.readings, f"answers.{key}")
        return self


@dataclass(frozen=True, slots=True)
class Track:
    """One reading over the saved times of a run: `above` over `below`, arrays (time)."""

    times: Array
    above: Array
    below: Array | None
    measure: str

    @property
    def values(self) -> Array:
        """The reading at every saved time."""
        if self.below is None:
            return self.above
        nowhere = np.full_like(self.above, np.nan)
        return np.divide(self.above, self.below, out=nowhere, where=self.below != 0)

    def yearly(self, year: int) -> float:
        """Return the reading in a calendar year, by its measure; InputError outside the run."""
        if not self.times[0] <= year <= self.times[-1] - 1:
            raise InputError(f"year {year} is not within the run, {self.times[0]:g} to {self.times[-1]:g}")
        above = self._measured(self.above, year)
        return above if self.below is None else _over(above, self._measured(self.below, year))

    def _measured(self, values: Array, year: int) -> float:
        start, middle, end = np.interp([year, year + 0.5, year + 1.0], self.times, values)
        return float({"yearly difference": end - start, "year end": end, "mid year": middle}[self.measure])


class GapError(InputError):
    """A year without an observation: gaps stay gaps."""


@dataclass(frozen=True, slots=True)
class Record:
    """One reading in the observations, by calendar year."""

    years: Mapping[int, float]

    def yearly(self, year: int) -> float:
        """Return the observation of a year; GapError if there is none."""
        if year not in self.years:
            raise GapError(f"nothing was observed in {year}, only in {sorted(self.years)}")
        return self.years[year]


@dataclass(frozen=True, slots=True)
class Run:
    """Saved times and values (time) of one run by variable name; a constant may be a single number."""

    times: Array
    values: Mapping[str, Array]

    def track(self, reading: Reading) -> Track:
        """Return a reading of this run; an unknown variable raises InputError with the nearest names."""
        below = self._sum(reading.over) if reading.over else None
        return Track(self.times, self._sum(reading.quantity), below, reading.measure)

    def _sum(self, names: Sequence[str]) -> Array:
        spelled = {plain(name): values for name, values in self.values.items()}
        for name in names:
            if plain(name) not in spelled:
                raise unknown("variable", name, self.values)
        return np.asarray(sum(np.broadcast_to(spelled[plain(name)], self.times.shape) for name in names))


@dataclass(frozen=True, slots=True)
class Book:
    """Readings, what was observed of them and of their rivals, and the runs by (case, variables held).

    Without `runs` the readings are those of the observations.
    """

    readings: Mapping[str, Reading]
    records: Mapping[str, Record]
    rivals: Mapping[str, Sequence[Mapping[int, float]]]
    runs: Callable[[str, Mapping[str, float]], Run] | None = None

    def track(self, name: str, held: Mapping[str, float]) -> Track | Record:
        """Return one reading, in the run in which the variables `held` are so, or as observed."""
        if self.runs is not None:
            return self.runs(self.readings[name].case, held).track(self.readings[name])
        if name not in self.records:
            raise GapError(f"reading {name!r} has no observations")
        return self.records[name]


def open_book(readings: Mapping[str, Reading], runs: Callable[[str, Mapping[str, float]], Run]) -> Book:
    """Return the book with all observations read from the tables."""
    records = {name: Record(one.seen.years()) for name, one in readings.items() if one.seen is not None}
    rivals = {name: [rival.years() for rival in one.rivals] for name, one in readings.items()}
    return Book(readings, records, rivals, runs)


def answer(question: Question, book: Book, without: Mapping[str, float] = NONE) -> float:
    """Return the answer; a date never reached is infinite, one before the start of the run is not a number."""
    match question:
        case Value(of=of, year=year):
            return book.track(of, without).yearly(year)
        case Change(kind=kind, of=of, first=first, last=last):
            grown = growth(book.track(of, without), first, last)
            return -grown if kind == "fall" else grown
        case Lowest(of=of, first=start, last=end):
            return lowest(_saved(book.track(of, without), of), start, end)
        case Date(of=of, level=level, summed=summed):
            return date(_saved(book.track(of, without), of), level, summed)
        case Rank(kind=kind, of=of, first=first, last=last):
            share = bool(book.readings[of].over)
            ranks = yearly_ranks(book.track(of, without), book.rivals.get(of, ()), share, first, last)
            return float(max(ranks.values())) if kind == "rank" else lead_since(ranks)
        case Span(start=start_of, end=end_of):
            ends = [one if isinstance(one, float) else answer(one, book, without) for one in (start_of, end_of)]
            return ends[1] - ends[0]
        case Loss(question=inner, without=held):
            return 1 - _over(answer(inner, book, held), answer(inner, book, without))
        case Parts(kind=kind, parts=parts):
            values = [answer(one, book, without) for one in parts]
            if kind == "quotient of":
                return _over(values[0], values[1])
            return float(np.max(values) if kind == "largest of" else np.mean(values))


def growth(track: Track | Record, first: int, last: int) -> float:
    """Growth from one year to another, as a share of the first."""
    return _over(track.yearly(last), track.yearly(first)) - 1


def lowest(track: Track, start: float, end: float) -> float:
    """Lowest saved value in [start, end]; InputError when no saved time lies there."""
    inside = (track.times >= start) & (track.times <= end)
    if not inside.any():
        raise InputError(f"no saved time from {start:g} to {end:g} in {track.times[0]:g} to {track.times[-1]:g}")
    return float(track.values[inside].min())


def date(track: Track, level: float, summed: bool = False) -> float:
    """Year in which the values, or their integral over time, first reach `level`."""
    values = cumulative_trapezoid(track.values, track.times, initial=0) if summed else track.values
    return math.nan if values[0] >= level else first_crossing(track.times, values, level)


def yearly_ranks(
    track: Track | Record, rivals: Sequence[Mapping[int, float]], share: bool, first: int, last: int
) -> dict[int, int]:
    """Rank in every year: one plus the number of observed rivals above the reading.

    In a year without an observed rival a share leads only above one half; for anything else InputError.
    """
    ranks = {}
    for year in range(first, last + 1):
        value = track.yearly(year)
        known = [one[year] for one in rivals if year in one]
        if not known and not share:
            raise InputError(f"no rival was observed in {year}")
        ranks[year] = 1 + sum(not value >= one for one in known or [1 - value])  # no number never leads
    return ranks


def lead_since(ranks: Mapping[int, int]) -> float:
    """Return the first year from which rank 1 is held in every later year; infinite if not in the last."""
    behind = [year for year, rank in ranks.items() if rank > 1]
    since = max(behind) + 1 if behind else min(ranks)
    return float(since) if since in ranks else math.inf


def asked(question: Question) -> Iterator[tuple[str, str]]:
    """Yield (kind, reading) of every part of a question."""
    match question:
        case Span(start=start, end=end):
            inner = [one for one in (start, end) if not isinstance(one, float)]
        case Loss(question=one):
            yield from (("loss", name) for _, name in asked(one))
            inner = [one]
        case Parts(parts=parts):
            inner = list(parts)
        case _:
            yield question.kind, question.of
            inner = []
    for one in inner:
        yield from asked(one)


@dataclass(frozen=True, slots=True)
class Row:
    """One answered figure. Numbers are in `unit`; `model` is None when the run never gets there.

    `calibrated` tells whether every case asked has an accepted fit, `fitted_to` what the quantity was fitted to.
    """

    id: str
    case: str
    description: str
    quantity: str
    unit: str
    paper: str
    low: float | None
    high: float | None
    observed: float | None
    observed_source: str
    model: float | None
    reading: str
    fitted_to: str
    calibrated: bool
    inside: bool = field(init=False)
    observed_inside: bool | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", self._holds(self.model))
        object.__setattr__(self, "observed_inside", None if self.observed is None else self._holds(self.observed))

    @property
    def fitted(self) -> bool:
        """Whether the quantity was fitted to the data behind the figure."""
        return bool(self.fitted_to)

    def _holds(self, value: float | None) -> bool:
        if value is None:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """One figure that no model quantity answers, and why."""

    id: str
    case: str
    description: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Every target figure of the paper: answered in `rows`, or listed with the reason."""

    rows: tuple[Row, ...]
    unanswered: tuple[Unanswered, ...]

    @property
    def inside(self) -> int:
        """Number of answered rows whose model value lies in the accepted range."""
        return sum(row.inside for row in self.rows)

    def table(self) -> pd.DataFrame:
        """Return one line per answered figure, verdicts in words."""
        verdict = {True: "inside", False: "outside", None: ""}
        return pd.DataFrame(
            {
                "id": row.id, "case": row.case, "quantity": row.quantity, "paper": row.paper, "from": row.low,
                "to": row.high, "unit": row.unit, "observed": row.observed, "observed is": verdict[row.observed_inside],
                "model": row.model, "model is": verdict[row.inside], "fitted to": row.fitted_to or "nothing",
                "calibrated": "yes" if row.calibrated else "no", "observed source": row.observed_source,
                "reading": row.reading,
            }
            for row in self.rows
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return the whole board as plain objects without a number that JSON lacks."""
        return {
            "inside": self.inside,
            "answered": len(self.rows),
            "rows": [{**asdict(row), "fitted": row.fitted} for row in self.rows],
            "unanswered": [asdict(one) for one in self.unanswered],
        }


def load_study(path: Path = STUDY) -> Study:
    """Read the study file; an InputError names file, key and what is wrong."""
    try:
        return Study.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: not readable as TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path.name}: {place}: {first['msg']}") from None


def scoreboard(accepted: Mapping[str, Accepted], study: Study | None = None) -> Scoreboard:
    """Answer every target figure, cases with an accepted fit run with its values, the others at their defaults.

    Raises InputError for a figure that the study misses or does not know, and for a reading that no run has.
    """
    study = load_study() if study is None else study
    figures = load_table("paper_figures").rows
    targets = figures[figures["role"] == "target"].to_dict("records")
    ids = [str(one["id"]) for one in targets]
    for key in (*study.answers, *study.unanswered):
        if key not in ids:
            raise unknown("target figure", key, ids, STUDY.name)
    for key in ids:
        if (key in study.answers) == (key in study.unanswered):
            raise InputError(f"{STUDY.name}: {key}: must stand in exactly one of answers and unanswered")
    book = open_book(study.readings, _runs(accepted))
    rows, unanswered = [], []
    for one in targets:
        key, about = str(one["id"]), (str(one["id"]), str(one["case"]), str(one["description_en"]))
        if key in study.unanswered:
            unanswered.append(Unanswered(*about, study.unanswered[key].reason))
            continue
        low, high = accepted_range(one, study.answers[key])
        rows.append(_row(about, paper_text(one), low, high, study.answers[key], book, accepted))
    return Scoreboard(tuple(rows), tuple(unanswered))


def accepted_range(figure: Mapping[Any, Any], answer_: Answer) -> tuple[float | None, float | None]:
    """Return the paper's range where unit and number are the paper's, and the stated one otherwise.

    Raises InputError when the study overrides the paper's own range, or states none where the paper has none.
    """
    place = f"{STUDY.name}: answers.{figure['id']}"
    low, high = _number(figure["value_low"]), _number(figure["value_high"])
    stated, one_number = (answer_.low, answer_.high), low is not None and low == high
    if answer_.tolerance > 0 and (answer_.unit != figure["unit"] or not one_number):
        raise InputError(f"{place}: a tolerance goes with a single number in the paper's unit, not with a range")
    if answer_.unit != figure["unit"] or (low is None and high is None):
        if stated == (None, None):
            raise InputError(f"{place}: the paper gives no range in {answer_.unit!r}, so low or high must be stated")
        if None not in stated and answer_.low > answer_.high:  # type: ignore[operator]
            raise InputError(f"{place}: low {answer_.low:g} is above high {answer_.high:g}")
        return stated
    if stated != (None, None):
        raise InputError(f"{place}: low and high are the paper's ({paper_text(figure)}) and cannot be stated")
    if low is not None and one_number:
        return low - answer_.tolerance, low + answer_.tolerance
    return low, high


def paper_text(figure: Mapping[Any, Any]) -> str:
    """Return the paper's figure in words, such as '80 to 90 percent' or 'at most 0.3 CNY per kWh'."""
    low, high, unit = _number(figure["value_low"]), _number(figure["value_high"]), str(figure["unit"]).strip()
    if low is None and high is None:
        years = [f"{year:g}" for year in (_number(figure["year_start"]), _number(figure["year_end"])) if year]
        period = f" ({'-'.join(dict.fromkeys(years))})" if years else ""
        return ("no number" if unit in {"", "year", "years", "period", "qualitative"} else unit) + period
    if low is None or high is None:
        return f"at most {high:g} {unit}" if low is None else f"at least {low:g} {unit}"
    return f"{low:g} {unit}" if low == high else f"{low:g} to {high:g} {unit}"


def _row(
    about: tuple[str, str, str], paper: str, low: float | None, high: float | None,
    one: Answer, book: Book, accepted: Mapping[str, Accepted],
) -> Row:  # fmt: skip
    try:
        model = answer(one.question, book) * one.factor
        seen, source = _observed(one, book)
    except InputError as error:
        raise InputError(f"{STUDY.name}: answers.{about[0]}: {error}") from None
    cases = {book.readings[name].case for _, name in asked(one.question)}
    return Row(
        *about, quantity=one.quantity, unit=one.unit, paper=paper, low=low, high=high, observed=seen,
        observed_source=source, model=model if math.isfinite(model) else None, reading=one.reading,
        fitted_to=", ".join(one.fitted), calibrated=cases <= accepted.keys(),
    )  # fmt: skip


def _observed(one: Answer, book: Book) -> tuple[float | None, str]:
    """Return the stated constant, else the same question put to the observations if every part of it can be."""
    if one.observed is not None:
        return one.observed.value, one.observed.source
    parts = list(asked(one.question))
    if any(kind in {"date", "lowest", "loss"} for kind, _ in parts):
        return None, ""
    try:
        value = answer(one.question, replace(book, runs=None)) * one.factor
    except GapError:
        return None, ""
    seen = [book.readings[name].seen for _, name in parts]
    source = "; ".join(dict.fromkeys(data.source() for data in seen if data is not None))
    return (value, source) if math.isfinite(value) else (None, "")


def _runs(accepted: Mapping[str, Accepted]) -> Callable[[str, Mapping[str, float]], Run]:
    models: dict[str, Model] = {}
    made: dict[tuple[str, tuple[tuple[str, float], ...]], Run] = {}

    def run(case: str, held: Mapping[str, float]) -> Run:
        if case not in models:
            models[case] = load_case(case).model.with_constants(accepted[case].values if case in accepted else NONE)
        key = (case, tuple(sorted(held.items())))
        if key not in made:
            made[key] = _model_run(models[case], held)
        return made[key]

    return run


def _model_run(model: Model, held: Mapping[str, float]) -> Run:
    ends = [model.initial_time, model.final_time]
    constants = {name: value for name, value in held.items() if model.variable(name).value is not None}
    paths = {name: (ends, [value, value]) for name, value in held.items() if name not in constants}
    result = model.with_constants(constants).with_series(paths).run(until=min(UNTIL, model.final_time))
    return Run(result["time"].to_numpy(), {str(name): np.asarray(result[name]) for name in result.data_vars})


def _saved(track: Track | Record, name: str) -> Track:
    if isinstance(track, Record):
        raise InputError(f"reading {name!r} is observed by the year only: no date or extreme within a year")
    return track


def _over(above: float, below: float) -> float:
    return above / below if below != 0 else math.nan


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
