"""The paper's figures beside the observed and the modelled ones.

`studies/scoreboard.toml` says for every target figure which question to put to a run, or why no run can answer it.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, at_fit, case_model
from analysis.plain.language import worded
from analysis.plain.shown import records
from analysis.scoreboard.drawn_runs import DRAWS, NO_POSTERIORS, DrawnRuns, Models, Posteriors
from analysis.scoreboard.questions import STUDY, Answer, Book, GapError, Study, answer, asked, open_book
from calibration.observed.tables import load_table
from calibration.records.results import Accepted
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown
from stockflow.intervals import interval

Fits = Mapping[str, Accepted]


@dataclass(frozen=True, slots=True)
class Spread:
    """Answers of posterior draws in the row's unit: median, central 90% and share of `draws` inside the range.

    An end is None where it belongs to draws that never get there (or were there before the run began).
    """

    median: float | None
    low: float | None
    high: float | None
    inside: float
    draws: int


@dataclass(frozen=True, slots=True)
class Row:
    """One answered figure. Numbers are in `unit`; `model` is None when the run never gets there.

    `calibrated` tells whether every case asked has an accepted fit, `fitted_to` what the quantity was fitted to;
    `spread` is what posterior draws answer, None where some case asked has no posterior.
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
    spread: Spread | None = None
    inside: bool = field(init=False)
    observed_inside: bool | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", holds(self.model, self.low, self.high))
        seen = None if self.observed is None else holds(self.observed, self.low, self.high)
        object.__setattr__(self, "observed_inside", seen)

    @property
    def fitted(self) -> bool:
        """Whether the quantity was fitted to the data behind the figure."""
        return bool(self.fitted_to)


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

    def words(self) -> str:
        """Say how the board stands."""
        fresh = [row.inside for row in self.rows if not row.fitted]
        return worded(
            "{inside} of {answered} answered target figures of the paper are inside its range; of the {fresh} whose "
            "quantity nothing was fitted to, {met} are. Rows are not independent: several ask one date from different "
            "starts. {unanswered} targets cannot be answered by a model quantity and are listed with the reason.",
            inside=self.inside, answered=len(self.rows), fresh=len(fresh), met=sum(fresh),
            unanswered=len(self.unanswered),
        )  # fmt: skip

    def table(self) -> pd.DataFrame:
        """Return one line per answered figure, verdicts in words."""
        verdict = {True: "inside", False: "outside", None: ""}
        return pd.DataFrame(
            {
                "id": row.id, "case": row.case, "quantity": row.quantity, "paper": row.paper, "from": row.low,
                "to": row.high, "unit": row.unit, "observed": row.observed, "observed is": verdict[row.observed_inside],
                "model": row.model, "model is": verdict[row.inside],
                **_spread_cells(row.spread), "fitted to": row.fitted_to or "nothing",
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


def scoreboard(
    accepted: Fits, study: Study | None = None, posteriors: Posteriors = NO_POSTERIORS, models: Models = case_model
) -> Scoreboard:
    """Answer every target figure, cases with an accepted fit run with its values, the others at their defaults.

    Rows all of whose cases have a posterior are answered again for its draws. Raises InputError for a figure that the
    study misses or does not know, and for a reading that no run has.
    """
    study = study or Study.load()
    targets = [one for one in records(load_table("paper_figures").rows) if one["role"] == "target"]
    ids = [str(one["id"]) for one in targets]
    for key in (*study.answers, *study.unanswered):
        if key not in ids:
            raise unknown("target figure", key, ids, STUDY.name)
    for key in ids:
        if (key in study.answers) == (key in study.unanswered):
            raise InputError(f"{STUDY.name}: {key}: must stand in exactly one of answers and unanswered")
    cases = dict.fromkeys(one.case for one in study.readings.values())
    best = {case: at_fit(case, models(case), accepted.get(case)) for case in cases}
    book = open_book(study.readings, DrawnRuns(best, study.readings).runs(0))
    draws = {case: Drawn(case, models(case), one.spread(DRAWS), "draws") for case, one in posteriors.items()}
    drawn = DrawnRuns(draws, study.readings)
    rows, unanswered = [], []
    for one in targets:
        key = str(one["id"])
        if key in study.unanswered:
            unanswered.append(Unanswered(*_about(one), study.unanswered[key].reason))
            continue
        row = _row(one, study.answers[key], book, accepted)
        rows.append(replace(row, spread=_spread(study.answers[key], row.low, row.high, book, drawn)))
    return Scoreboard(tuple(rows), tuple(unanswered))


def accepted_range(figure: Mapping[str, Any], answer_: Answer) -> tuple[float | None, float | None]:
    """Return the paper's range where unit and number are the paper's, and the stated one otherwise.

    Raises InputError when the study overrides the paper's own range, or states none where the paper has none.
    """
    place = f"{STUDY.name}: answers.{figure['id']}"
    low, high = figure["value_low"], figure["value_high"]
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


def paper_text(figure: Mapping[str, Any]) -> str:
    """Return the paper's figure in words, such as '80 to 90 percent' or 'at most 0.3 CNY per kWh'."""
    low, high, unit = figure["value_low"], figure["value_high"], figure["unit"].strip()
    if low is None and high is None:
        years = [f"{year:g}" for year in (figure["year_start"], figure["year_end"]) if year]
        period = f" ({'-'.join(dict.fromkeys(years))})" if years else ""
        return ("no number" if unit in {"", "year", "years", "period", "qualitative"} else unit) + period
    if low is None or high is None:
        return f"at most {high:g} {unit}" if low is None else f"at least {low:g} {unit}"
    return f"{low:g} {unit}" if low == high else f"{low:g} to {high:g} {unit}"


def _about(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(figure["id"]), str(figure["case"]), str(figure["description_en"])


def _row(figure: Mapping[str, Any], one: Answer, book: Book, accepted: Fits) -> Row:
    about, paper, (low, high) = _about(figure), paper_text(figure), accepted_range(figure, one)
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


def holds(value: float | None, low: float | None, high: float | None) -> bool:
    """Whether a value lies in the range; what is no number never does."""
    if value is None or math.isnan(value):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def spread_of(answers: Array, low: float | None, high: float | None) -> Spread:
    """Median, central 90% and share inside of the answers (draw,); one that is no number counts as never."""
    known = np.where(np.isfinite(answers), answers, np.inf)
    first, median, last = (q if math.isfinite(q) else None for q in interval(known))
    inside = float(np.mean([math.isfinite(one) and holds(float(one), low, high) for one in answers]))
    return Spread(median, first, last, inside, len(answers))


def _spread(one: Answer, low: float | None, high: float | None, book: Book, drawn: DrawnRuns) -> Spread | None:
    cases = {book.readings[name].case for _, name in asked(one.question)}
    if not cases <= drawn.drawn.keys():
        return None
    count = min(drawn.drawn[case].count for case in cases)
    answers = [answer(one.question, replace(book, runs=drawn.runs(draw))) * one.factor for draw in range(count)]
    return spread_of(np.array(answers), low, high)


def _spread_cells(spread: Spread | None) -> dict[str, object]:
    cells = (None,) * 4 if spread is None else (spread.median, spread.low, spread.high, spread.inside)
    return dict(zip(("posterior median", "posterior 5%", "posterior 95%", "probability inside"), cells, strict=True))
