"""Goals set in advance for fits, forecasts and scoreboard, beside what was reached before and what is reached now."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from analysis.draws.runs import drawn
from analysis.forecasts.study import yardsticks
from analysis.mechanisms.knockouts import research_elasticity
from analysis.mechanisms.loop_study import LoopStudy
from analysis.phase_out.study import STUDIED
from analysis.scoreboard.board import scoreboard
from calibration.fitting.estimates import SeriesFit
from calibration.fitting.fit import describe_series
from calibration.fitting.payoff import Payoff, fitted_series
from calibration.fitting.targets import SeriesTarget, load_targets
from calibration.forecasting.record import REFERENCE, load_accepted_forecast, yardstick
from calibration.forecasting.scores import COMBINED
from calibration.forecasting.settings import ForecastSettings
from calibration.records.results import accepted_fits
from models.case import CASES, load_case
from models.files.casefile import CaseName
from models.files.settings import Positive, Sentence, SettingsFile, Strict
from stockflow.intervals import interval

HEAD = ("goal", "asked", "before", "now", "verdict")


class FitGoal(Strict):
    """How near one series of the accepted fit comes: root mean square of log errors, or the largest factor."""

    what: Sentence
    case: CaseName
    series: str
    first: int = 0
    last: int = 9999
    rule: Literal["rms", "factor"]
    most: Positive
    before: Positive | None = None

    def now(self) -> float:
        """Return the measure over the years from `first` to `last`."""
        fit = beside_data(self.case, load_targets(self.case).series)[self.series]
        errors = fit.errors[[self.first <= year <= self.last for year in fit.years]]
        if self.rule == "factor":
            return float(np.exp(np.abs(errors).max()))
        return float(np.sqrt(np.mean(errors**2)))


class Shown(Strict):
    """A series in another unit than the quantity that stands for it: shown, with no goal."""

    what: Sentence
    case: CaseName
    series: SeriesTarget


class ForecastGoal(Strict):
    """The yardstick over all cases, or the upper end of its interval."""

    what: Sentence
    forecaster: str
    over: str
    upper: bool = False
    most: Positive
    before: Positive | None = None


class CostGoal(Strict):
    """The yardstick over the costs of one case alone, against the reference."""

    what: Sentence
    case: CaseName
    forecaster: str
    most: Positive

    def now(self) -> Iterator[tuple[str, float]]:
        """Yield each kind of drivers with its mean ratio of scores."""
        settings, table = ForecastSettings.load(), load_accepted_forecast(self.case)
        costs = table[table["series"].map(settings.cases[self.case].kinds) == "cost"]
        rows = yardstick({self.case: costs}, settings)
        mine = rows[(rows["forecaster"] == self.forecaster) & (rows["over"] == REFERENCE)]
        yield from zip(mine["mode"], mine["ratio"], strict=True)


class ResearchGoal(Strict):
    """Between what the elasticity of output to firms' research lies in the middle draw of each case."""

    low: float
    high: float


class CoverageGoal(Strict):
    """Share of the years that 90% intervals hold, in each case."""

    least: Positive
    most: Positive
    before: Mapping[str, Positive]


class BoardGoal(Strict):
    """How many figures of the paper are counted, and how many of them lie inside its range."""

    counted: int
    inside: int
    before: Mapping[str, int]


class Goals(SettingsFile):
    """The whole file."""

    shipped = Path(__file__).parents[1] / "studies" / "goals.toml"
    fits: Annotated[tuple[FitGoal, ...], Field(min_length=1)]
    shown: tuple[Shown, ...]
    forecasts: tuple[ForecastGoal, ...]
    costs: tuple[CostGoal, ...]
    research: ResearchGoal
    coverage: CoverageGoal
    scoreboard: BoardGoal


@cache
def goal_table() -> pd.DataFrame:
    """Return every goal set in advance, a row each, columns as in `HEAD`; worked out once a process."""
    return pd.DataFrame(goal_rows(Goals.load()), columns=list(HEAD))


def goal_rows(goals: Goals) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a row per goal: what, goal, before, now, and whether it is reached."""
    for one in goals.fits:
        now, what = one.now(), f"{one.case}: {one.what}"
        wanted = f"{'rms log error' if one.rule == 'rms' else 'largest factor'} at most {one.most:g}"
        yield what, wanted, _cell(one.before), _cell(now), _met(now <= one.most)
    for shown in goals.shown:
        fit = beside_data(shown.case, (shown.series,))[shown.series.name]
        what = f"{shown.case}: {shown.what}, {fit.years[0]} to {fit.years[-1]}"
        yield what, "shown: rms log error about the mean ratio", _cell(None), _cell(float(np.std(fit.errors))), ""
    table = yardsticks(STUDIED)
    whole = table[table["case"] == table["case"].iloc[0]]
    for goal in goals.forecasts:
        part = whole[(whole["forecaster"] == goal.forecaster) & (whole["over"] == goal.over)]
        for row in part.to_dict("records"):
            now = float(row["95%" if goal.upper else "ratio"])
            what = f"forecasts, {row['mode']}: {goal.what}"
            yield what, f"at most {goal.most:g}", _cell(goal.before), _cell(now), _met(now <= goal.most)
    for cost in goals.costs:
        for mode, ratio in cost.now():
            what = f"forecasts, {mode}: {cost.case}, {cost.what}"
            yield what, f"at most {cost.most:g}", _cell(None), _cell(ratio), _met(ratio <= cost.most)
    ours = table[(table["forecaster"] == COMBINED) & (table["over"] == REFERENCE) & table["case"].isin(STUDIED)]
    for row in ours.to_dict("records"):
        held, bounds = float(row["inside 90%"]), goals.coverage
        what = f"{row['case']}, {row['mode']}: years inside 90% intervals of half model, half reference"
        wanted, before = f"{bounds.least:.0%} to {bounds.most:.0%}", f"{bounds.before[row['case']]:.0%}"
        yield what, wanted, before, f"{held:.0%}", _met(bounds.least <= held <= bounds.most)
    asked = goals.research
    for case in CASES:
        low, middle, high = research_of(case)
        yield (
            f"{case}: elasticity of output to firms' research", f"{asked.low:g} to {asked.high:g}", _cell(None),
            f"{middle:.3f} ({low:.3f} to {high:.3f})", _met(asked.low <= middle <= asked.high),
        )  # fmt: skip
    board, figures = scoreboard(accepted_fits(CASES)[0]), goals.scoreboard
    for what, least, now in (("counted", figures.counted, len(board.rows)), ("inside", figures.inside, board.inside)):
        wanted, before = f"at least {least}", str(figures.before[what])
        yield f"scoreboard: figures {what}", wanted, before, str(now), _met(now >= least)


@cache
def research_of(case: str) -> tuple[float, float, float]:
    """Return the elasticity of output to firms' research over the draws of the study of loops: 5%, median, 95%."""
    study = LoopStudy.load()
    return interval(research_elasticity(drawn(case, study.draws), study))


@cache
def beside_data(case: str, targets: tuple[SeriesTarget, ...]) -> Mapping[str, SeriesFit]:
    """Return the accepted fit beside the observations of some series, by name."""
    payoff = Payoff(load_case(case).model, (), [fitted_series(one) for one in targets])
    return {fit.name: fit for fit in describe_series(payoff, payoff.space.centre)}


def _cell(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"


def _met(reached: bool) -> str:
    return "reached" if reached else "missed"
