"""Questions that a scoreboard may put to a run, and the readings they are asked of.

A question is one of a small closed set; each is a pure function over tracks, and a track is one reading (a variable,
or a quotient of sums of variables) over the saved times of a run, or the same reading in the observations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.integrate import cumulative_trapezoid

from calibration.observed.observations import Source, observed
from models.files.casefile import CaseName
from models.files.settings import NotNegative, Sentence, SettingsFile, Strict, Text
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown
from stockflow.names import plain
from stockflow.over_time import year_reached

STUDY = Path(__file__).parents[1] / "studies" / "scoreboard.toml"
UNTIL = 2025.0  # the paper is of 2025: nothing later is asked
NONE: Mapping[str, float] = {}


class _Window(Strict):
    first: float
    last: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first > self.last:
            raise ValueError(f"window {self.first:g}-{self.last:g} ends before it starts")
        return self


class Value(Strict):
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


class Date(Strict):
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


class Span(Strict):
    """Years between two dates, each given or asked; negative when the end comes first."""

    kind: Literal["span"]
    start: float | Question
    end: float | Question


class Loss(Strict):
    """Share of the answer that is lost in a counterfactual run, with some variables held at given values."""

    kind: Literal["loss"]
    question: Question
    without: Annotated[Mapping[str, float], Field(min_length=1)]


class Parts(Strict):
    """Several answers made one: their mean, the largest (of dates: the latest), or the first over the second."""

    kind: Literal["average of", "largest of", "quotient of"]
    parts: Annotated[tuple[Question, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _two_for_a_quotient(self) -> Parts:
        if self.kind == "quotient of" and len(self.parts) != 2:
            raise ValueError(f"a quotient has 2 parts, not {len(self.parts)}")
        return self


Question = Annotated[Value | Change | Lowest | Date | Rank | Span | Loss | Parts, Field(discriminator="kind")]


class Data(Strict):
    """Yearly observations in `unit`: the sources combined, over other sources for a share."""

    unit: str
    of: Annotated[tuple[Source, ...], Field(min_length=1)]
    over: tuple[Source, ...] = ()
    combine: Literal["geometric mean", "sum"] = "geometric mean"

    def years(self) -> Mapping[int, float]:
        """Return {year: value}, for the years in which numerator and denominator were observed."""
        above = observed(self.of, self.unit, self.combine)
        if self.over:
            above = (above / observed(self.over, self.unit, self.combine)).dropna()
        return {int(year): float(value) for year, value in zip(above.index, above.to_numpy(), strict=True)}

    def source(self) -> str:
        """Name the tables and series."""
        return "; ".join(dict.fromkeys(f"{s.table}.csv: {s.series}, {s.region}" for s in (*self.of, *self.over)))


class Rival(Data):
    """The same reading for another country."""

    name: str


class Reading(Strict):
    """A quantity of one case: sum of variables, over a sum of variables; `seen` is the same quantity in data.

    With a `race` of latecomers behind the case, the quantity is the share of a country, by its title, in their market.
    `measure` says how a year is read off the run: growth of an accumulator over the year, value at its end or middle.
    """

    case: CaseName
    race: str = ""
    quantity: Annotated[tuple[str, ...], Field(min_length=1)]
    over: tuple[str, ...] = ()
    measure: Literal["yearly difference", "year end", "mid year"] = "mid year"
    seen: Data | None = None
    rivals: tuple[Rival, ...] = ()


class Constant(Strict):
    """An observed value in the unit of the row."""

    value: float
    source: Sentence


class Answer(Strict):
    """How one figure is answered.

    In the paper's unit the accepted range is the paper's (`tolerance` widens a single number on both sides);
    otherwise `low` and `high` state it, and `reading` says how the statement was made testable. The answer is
    multiplied by `factor` to come into `unit`. `fitted` names what the quantity was fitted to, if it was.
    """

    question: Question
    quantity: Annotated[str, Field(min_length=5)]
    unit: Text
    factor: float = 1.0
    low: float | None = None
    high: float | None = None
    tolerance: NotNegative = 0.0
    reading: Annotated[str, Field(min_length=20)]
    observed: Constant | None = None
    fitted: tuple[str, ...] = ()


class Reason(Strict):
    """Why a figure is not answered."""

    reason: Sentence


class Study(SettingsFile):
    """The whole study file; every question asks for readings that the file defines."""

    shipped = STUDY
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
    """Readings, what was observed of them and of their rivals, and the runs by (reading, variables held).

    Without `runs` the readings are those of the observations.
    """

    readings: Mapping[str, Reading]
    records: Mapping[str, Record]
    rivals: Mapping[str, Sequence[Mapping[int, float]]]
    runs: Callable[[Reading, Mapping[str, float]], Run] | None = None

    def track(self, name: str, held: Mapping[str, float]) -> Track | Record:
        """Return one reading, in the run in which the variables `held` are so, or as observed."""
        if self.runs is not None:
            return self.runs(self.readings[name], held).track(self.readings[name])
        if name not in self.records:
            raise GapError(f"reading {name!r} has no observations")
        return self.records[name]


def open_book(readings: Mapping[str, Reading], runs: Callable[[Reading, Mapping[str, float]], Run]) -> Book:
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
            track = book.track(of, without)
            grown = _over(track.yearly(last), track.yearly(first)) - 1
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


def lowest(track: Track, start: float, end: float) -> float:
    """Lowest saved value in [start, end]; InputError when no saved time lies there."""
    inside = (track.times >= start) & (track.times <= end)
    if not inside.any():
        raise InputError(f"no saved time from {start:g} to {end:g} in {track.times[0]:g} to {track.times[-1]:g}")
    return float(track.values[inside].min())


def date(track: Track, level: float, summed: bool = False) -> float:
    """Year in which the values, or their integral over time, reach `level` and stay there for a year."""
    values = cumulative_trapezoid(track.values, track.times, initial=0) if summed else track.values
    return math.nan if values[0] >= level else float(year_reached(track.times, values, level))


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


def _saved(track: Track | Record, name: str) -> Track:
    if isinstance(track, Record):
        raise InputError(f"reading {name!r} is observed by the year only: no date or extreme within a year")
    return track


def _over(above: float, below: float) -> float:
    return above / below if below != 0 else math.nan
