"""Forecasts of a case from all its origins: run, set beside the naive ones, and told in words, losses first.

The accepted ones are told as report and README show them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.forecasts.figures import forecast_fans, forecast_skill
from analysis.plain.folder import Folder
from analysis.plain.language import listed, marked, one_by_one, term, worded
from analysis.plain.progress import counted
from analysis.plain.shown import records
from calibration.fitting.targets import load_targets
from calibration.forecasting.ahead import MODES, Mode
from calibration.forecasting.forecast import forecast_case
from calibration.forecasting.record import (
    ScoredCase,
    accept_forecast,
    fixed_by_later_data,
    forecast_files,
    load_accepted_forecast,
    possible_origins,
    score_table,
    scored,
    yardstick,
)
from calibration.forecasting.scores import COMBINED, MODEL, best_naive
from calibration.forecasting.settings import CaseSettings, ForecastSettings
from models.case import load_case
from stockflow.errors import InputError

TWICE = 2.0
BRIEF = {"mode": "drivers", "model CRPS": "model", "combined CRPS": "model and reference"}


def run_forecasts(
    case: str, folder: Folder, origins: Sequence[int] = (), modes: Sequence[Mode] = MODES, accept: bool = False
) -> tuple[ScoredCase, pd.DataFrame]:
    """Forecast a case from `origins` (default: all that its data allow) and save table, record and figures.

    Goes on with the finished chains in the folder. InputError, NotConvergedError: as `forecast_case`.
    """
    settings, targets, about = ForecastSettings.load(), load_targets(case), load_case(case)
    settings.of(targets)
    possible, _ = possible_origins(targets, settings)
    wanted = sorted(set(origins)) or list(possible)
    if accept and (not set(possible) <= set(wanted) or set(modes) != set(MODES)):
        raise InputError("--accept: accepted forecasts are from all origins and in both modes: leave out the choice")
    folder.prepare()
    rules = settings.rules(case)
    total = len(wanted) * len(modes) * rules.chains * (rules.tune + rules.draws)
    made = []
    with counted(worded("forecast {case}", case=term(case)), total, "step") as step:
        for mode in modes:
            for origin in wanted:
                step(worded("{mode} from {origin}", mode=term(mode), origin=origin), by=0)
                chains = folder.root / "forecast" / case / str(origin) / mode
                made.append(forecast_case(about, targets, origin, mode, chains, settings, step))
    found = scored(case, made)
    table = score_table(found)
    save_forecasts(found, settings, folder)
    if accept:
        accept_forecast(found, settings)
    return found, table


def save_forecasts(found: ScoredCase, settings: ForecastSettings, folder: Folder) -> None:
    """Write table, record and, for each mode, the figure."""
    for file, text in forecast_files(found, settings).items():
        folder.write(file, text)
    for mode in dict.fromkeys(one.mode for one in found.forecasts):
        told = {
            "conditional": marked("drivers as they really were"),
            "unconditional": marked("drivers as expected at the origin"),
        }
        name = f"forecast_{found.case}" + ("" if mode == "conditional" else f"_{mode}")
        case = term(load_case(found.case).title)
        title = worded("{case}: forecasts from the past, {drivers}", case=case, drivers=term(told[mode]))
        forecast_fans(title, [one for one in found.forecasts if one.mode == mode], folder.figure(name))


def skill_rows(table: pd.DataFrame) -> pd.DataFrame:
    """One row per mode, series and origin: CRPS of model, combination and naive forecasts, 90% coverage, the test.

    The naive forecasts are the reference named in advance and the best in hindsight, which nobody could have chosen.
    """
    rows = []
    for (mode, series, origin), part in table.groupby(["mode", "series", "origin"], sort=False):
        by = part.set_index("forecaster")
        best, reference = best_naive(dict(by["CRPS"])), str(by["reference"].iloc[0])
        rows.append(
            {"mode": mode, "series": series, "origin": origin, "years": int(_cell(by, MODEL, "years")),
             "model CRPS": _cell(by, MODEL, "CRPS"), "combined CRPS": _cell(by, COMBINED, "CRPS"),
             "reference": reference or "none", "reference CRPS": _cell(by, reference, "CRPS"),
             "best in hindsight": best or "none", "its CRPS": _cell(by, best, "CRPS"),
             "inside 90%": _cell(by, MODEL, "inside 90%"), "DM p": _cell(by, MODEL, "DM p")}
        )  # fmt: skip
    return pd.DataFrame(rows)


def rivals(table: pd.DataFrame) -> pd.DataFrame:
    """One row per mode and other forecaster: on how many pairs of series and origin the model's CRPS is lower.

    `ratio` is the geometric mean, over these pairs, of the model's CRPS over the other's: under 1 the model is better.
    A forecaster is used throughout, not chosen by series in hindsight; pairs without it are left out.
    """
    rows = []
    for mode, part in table.groupby("mode", sort=False):
        by = part.pivot(index=["series", "origin"], columns="forecaster", values="CRPS")
        for other in (one for one in dict.fromkeys(part["forecaster"]) if one != MODEL):
            both = by[[MODEL, other]].dropna()
            ratio = (both[MODEL] / both[other]).to_numpy()
            rows.append(
                {"mode": mode, "against": other, "pairs": len(both), "model better on": int((ratio < 1).sum()),
                 "ratio": float(np.exp(np.log(ratio).mean()))}
            )  # fmt: skip
    return pd.DataFrame(rows)


def duels(table: pd.DataFrame, series: Sequence[str], mode: str, origin: int) -> pd.DataFrame:
    """Set the model against the naive forecasts from `origin`: rows of `skill_rows` of the `series` forecast there."""
    rows = skill_rows(table[table["mode"] == mode])
    here = rows[(rows["origin"] == origin) & rows["its CRPS"].notna()].set_index("series")
    return here.loc[[one for one in series if one in here.index]].reset_index()


def _cell(by: pd.DataFrame, forecaster: str | None, column: str) -> float:
    """Return the score of a forecaster, NaN if it made none."""
    return float(pd.to_numeric(by[column]).get(forecaster, np.nan))


def forecast_words(table: pd.DataFrame, case: str, settings: ForecastSettings) -> list[str]:
    """Say how often the model won at the headline origin, every loss by name, and how wide its intervals are."""
    about, origin = settings.of(load_targets(case)), settings.headline_origin
    words: list[str] = []
    run = set(zip(table["mode"], table["origin"], strict=True))
    for mode in [one for one in dict.fromkeys(table["mode"]) if (one, origin) in run]:
        met = duels(table, about.headline, str(mode), origin)
        if len(met):
            words += _told(met, str(mode), origin)
        if absent := [one for one in about.headline if one not in set(met["series"])]:
            words.append(
                worded(
                    "{mode} from {origin}: no comparison for {series}.",
                    mode=term(mode), origin=origin, series=listed(map(term, absent)),
                )
            )  # fmt: skip
        words += _beside(table, about, str(mode), origin)
    words += coverage_words(table)
    for year, why in possible_origins(load_targets(case), settings)[1].items():
        words.append(worded("No forecast from {year}: {why}.", year=year, why=why))
    if later := fixed_by_later_data(load_case(case), load_targets(case)):
        words.append(
            worded(
                "What these forecasts still know of their future: fixed values of {names} come from a look at all "
                "years, priors were written by people who know them, and the bound {bound:g} of the errors' "
                "persistence was chosen with the misfits of 2019-21 in view.",
                names=listed(map(term, later)),
                bound=load_targets(case).errors.largest_persistence,
            )
        )
    words.append(
        worded(
            "Years from one origin are few and their errors hang together: Diebold-Mariano tests have low power, and a "
            "large p shows no equality. A small p does not show a difference either: the rival was chosen in "
            "hindsight, and losses of neighbouring years are correlated; at a correlation of 0.6 a test at 5% rejects "
            "a quarter to a third of equals."
        )
    )
    return words


def coverage_words(table: pd.DataFrame) -> Iterator[str]:
    """Say, for each mode, what share of all forecast years, over series and origins, the model's intervals hold."""
    for mode, part in table[table["forecaster"] == MODEL].groupby("mode", sort=False):
        held = {level: np.average(part[f"inside {level}"], weights=part["years"]) for level in ("50%", "90%")}
        yield worded(
            "{mode}, all origins: of {years} years of {series} series {half:.0%} in the 50% and {most:.0%} in the "
            "90% intervals of the model.",
            mode=term(str(mode)), years=int(part["years"].sum()), series=part["series"].nunique(), half=held["50%"],
            most=held["90%"],
        )  # fmt: skip


def _beside(table: pd.DataFrame, about: CaseSettings, mode: str, origin: int) -> list[str]:
    """Say how the model did on series that are scored but count in no headline."""
    names = tuple(one for one in dict.fromkeys(table["series"]) if one not in about.headline)
    return [
        worded(
            "{mode} from {origin}: {series} is scored but is no headline series: CRPS {own:.3f} against {other:.3f} of "
            "{best}, a ratio of {ratio:.2f}.",
            mode=term(mode), origin=origin, series=term(one["series"]), own=one["model CRPS"], other=one["its CRPS"],
            best=term(one["best in hindsight"]), ratio=one["model CRPS"] / one["its CRPS"],
        )
        for one in duels(table, names, mode, origin).to_dict("records")
    ]  # fmt: skip


def _told(met: pd.DataFrame, mode: str, origin: int) -> Iterator[str]:
    model, combined, reference, best = (
        met[name] for name in ("model CRPS", "combined CRPS", "reference CRPS", "its CRPS")
    )
    inside = float(np.average(met["inside 90%"], weights=met["years"]))
    yield worded(
        "{mode} from {origin}, {count} headline series: the model beats the reference named in advance on {won} of "
        "{of} and the best naive forecast in hindsight, an upper bound, on {best}; model and reference together "
        "beat them on {both} and {both_best}. {inside:.0%} of observations lie in the model's 90% intervals.",
        mode=term(mode),
        origin=origin,
        count=len(met),
        won=(model < reference).sum(),
        of=reference.notna().sum(),
        best=(model < best).sum(),
        both=(combined < reference).sum(),
        both_best=(combined < best).sum(),
        inside=inside,
    )
    for one in met[model >= best].to_dict("records"):
        ratio = one["model CRPS"] / one["its CRPS"]
        yield worded(
            "{mode} from {origin}: {series} loses to {best}: CRPS {own:.3f} against {other:.3f}, a ratio of "
            "{ratio:.2f}{much}.",
            mode=term(mode), origin=origin, series=term(one["series"]), best=term(one["best in hindsight"]),
            own=one["model CRPS"], other=one["its CRPS"], ratio=ratio,
            much=worded(" (more than twice)") if ratio > TWICE else "",
        )  # fmt: skip


def unscored_words(found: ScoredCase) -> list[str]:
    """Say, once per origin, of which series no forecast is scored and why."""
    origins = {one.origin: one.untold for one in found.forecasts if one.untold}  # the same in both modes
    return [
        worded(
            "From {origin} no forecast of {series}.",
            origin=origin,
            series=one_by_one(worded("{name} ({place})", name=term(name), place=why) for name, why in untold.items()),
        )
        for origin, untold in origins.items()
    ]


def forecast_json(found: ScoredCase, table: pd.DataFrame) -> dict[str, object]:
    """Return scores, words and what was not scored as JSON-ready data."""
    settings = ForecastSettings.load()
    return {
        "case": found.case,
        "words": forecast_words(table, found.case, settings),
        "yardstick": records(yardstick({found.case: table}, settings)),
        "rivals": rivals(table).to_dict("records"),
        "scores": records(table),
        "not scored": [{"mode": one.mode, "origin": one.origin, "series": name, "reason": why}
                       for one in found.forecasts for name, why in one.untold.items()],
    }  # fmt: skip


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
    title, nothing = term(load_case(case).title), pd.DataFrame()
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
        won, of = wins_everywhere(case, "unconditional")
        head = worded(
            "{case}: the model beats the best curve in hindsight {won} of {of} times,\n"
            "drivers as expected; lower is better",
            case=title,
            won=won,
            of=of,
        )
        forecast_skill(head, accepted, series, stem)
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
