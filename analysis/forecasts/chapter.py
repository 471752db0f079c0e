"""Accepted forecasts as the report and the README show them: tables and words, losses included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.forecasts.figures import forecast_skill
from analysis.forecasts.study import duels, forecast_words, rivals, skill_rows
from calibration.fitting.targets import load_targets
from calibration.forecasting.record import load_accepted_forecast
from calibration.forecasting.settings import ForecastSettings
from calibration.forecasting.yardstick import yardstick
from models.case import load_case
from stockflow.errors import InputError

BRIEF = {"mode": "drivers", "model CRPS": "model", "combined CRPS": "model and reference"}


@dataclass(frozen=True, slots=True)
class ForecastChapter:
    """What is said of the forecasts of one case; `missing` says why there is nothing else to say."""

    case: str
    title: str
    words: tuple[str, ...]
    headline: pd.DataFrame
    everything: pd.DataFrame
    rivals: pd.DataFrame
    missing: str


def forecast_chapter(case: str, stem: Path | None = None) -> ForecastChapter:
    """Return the chapter of the accepted forecasts of `case`, or one that says why there are none.

    With `stem` the scores are also drawn there, for the series that the chapter is about.
    """
    title, nothing = load_case(case).title, pd.DataFrame()
    try:
        accepted = load_accepted_forecast(case)
    except InputError as reason:
        return ForecastChapter(case, title, (), nothing, nothing, nothing, str(reason))
    settings = ForecastSettings.load()
    rows = skill_rows(accepted)
    series = settings.of(load_targets(case)).headline
    at = rows[(rows["origin"] == settings.headline_origin) & rows["series"].isin(series)]
    words = tuple(forecast_words(accepted, case, settings))
    if stem is not None:
        forecast_skill(f"{title}: forecasts from the past, scored; lower is better", accepted, series, stem)
    brief = at.rename(columns=BRIEF).drop(columns="origin")
    return ForecastChapter(case, title, words, brief, rows, rivals(accepted), "")


def yardsticks(cases: Sequence[str]) -> pd.DataFrame:
    """Return the yardstick of the accepted forecasts of `cases` together and of each; InputError as they are loaded."""
    if not cases:
        return pd.DataFrame()
    settings, tables = ForecastSettings.load(), {case: load_accepted_forecast(case) for case in cases}
    groups = {" and ".join(tables): tables, **{case: {case: table} for case, table in tables.items()}}
    rows = {name: yardstick(group, settings) for name, group in groups.items()}
    return pd.concat(rows, names=["case"]).droplevel(1).reset_index()


def wins_everywhere(case: str, mode: str) -> tuple[int, int]:
    """Return on how many pairs of series and origin the model beats the best naive forecast, and of how many."""
    rows = skill_rows(load_accepted_forecast(case))
    rows = rows[(rows["mode"] == mode) & rows["its CRPS"].notna()]
    return int((rows["model CRPS"] < rows["its CRPS"]).sum()), len(rows)


def wins(case: str, mode: str) -> tuple[int, int]:
    """Return how many headline series the model wins from the headline origin, and of how many."""
    settings = ForecastSettings.load()
    series = settings.of(load_targets(case)).headline
    met = duels(load_accepted_forecast(case), series, mode, settings.headline_origin)
    return int((met["model CRPS"] < met["its CRPS"]).sum()), len(met)
