"""What the commands of the shipped cases do with a technology of the user's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
from tqdm import tqdm

from analysis.fits import figures
from analysis.fits.tables import estimate_table, series_table
from analysis.own.figure import fan_table, in_own_units, own_forecast_figure
from analysis.plain.folder import Folder
from analysis.plain.shown import records
from calibration.errors import NotConvergedError
from calibration.fitting.targets import load_targets
from calibration.forecasting.new_scores import NOTHING_NAIVE, score_case, score_table, score_words
from calibration.forecasting.scores import MODEL, best_naive, crps_of
from calibration.own.data import read_rows
from calibration.own.fit import OwnFit, calibrate_own
from calibration.own.forecast import Fan, Hindcast, fans, hindcast
from calibration.own.meaning import doubts_of_scored
from calibration.own.settings import load_own_settings
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.home import home_of

FAR = 20  # years ahead of the last observation that a forecast goes unless told otherwise
QUICK = " (quick fit, a first look)"
PRINTED = 5  # years between the printed rows of a forecast


__all__ = ["calibrate_command", "forecast_command", "score_command"]


def calibrate_command(name: str, data: Path, starts: int | None, quick: bool, as_json: bool) -> None:
    """Calibrate a case on a table of observations: print estimates, errors, warnings, leave everything with the fit."""
    settings = load_own_settings()
    rules = settings.quick if quick else settings.sampling
    steps = rules.chains * (rules.tune + rules.draws)
    with tqdm(total=steps, desc=f"calibrate {name}", unit="step", disable=None) as bar:
        fit = calibrate_own(name, data, starts, quick, bar.set_postfix_str, lambda: bar.update(1))
    figure = _save_fit(name, fit)
    estimates, errors = estimate_table(fit.calibration), series_table(fit.calibration)
    if as_json:
        told = {"estimates": records(estimates), "series": records(errors), "warnings": fit.warnings}
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    click.echo(_text(estimates.drop(columns=["interval", "step"])))
    click.echo("\n" + _text(errors.drop(columns="unit")) + "\n")
    click.echo("\n".join(fit.warnings))
    click.echo(f"\nAll of it, with the figure {figure.name}, is in {figure.parent}.")


def _save_fit(name: str, fit: OwnFit) -> Path:
    home = home_of(name)
    place = home.record.parent
    series = in_own_units(fit.calibration.closed.series, home)
    shown = replace(fit.calibration, closed=replace(fit.calibration.closed, series=series))
    estimate_table(shown).to_csv(place / "estimates.csv", index=False, float_format="%.8g")
    series_table(shown).to_csv(place / "errors.csv", index=False, float_format="%.8g")
    title = f"{load_case(name).title}: model against data{', a first look' if fit.quick else ''}"
    return figures.series_against_data(title, series, place / "fit")


def forecast_command(name: str, until: int | None, skip_hindcast: bool, out: Path, as_json: bool) -> None:
    """Forecast a case ahead, score its fit on the last years held out, draw both."""
    last, quick = _last_year(name), _is_quick(name)
    found = fans(name, last + FAR if until is None else until)
    failed: NotConvergedError | None = None
    try:
        back, why = (None, "no hindcast: left out as asked") if skip_hindcast else _hindcast(name)
    except NotConvergedError as error:  # the forecast stands on other draws: it is shown, then this is raised
        back, why, failed = None, "no hindcast: its chains have not converged", error
    place = _place(name, out)
    figure = own_forecast_figure(f"{load_case(name).title}{QUICK if quick else ''}", found, back, place / "forecast")
    skill = score_table(back.skills) if back else pd.DataFrame()
    if back:
        skill.to_csv(place / "hindcast.csv", index=False, float_format="%.8g")
    table = fan_table(found)
    if as_json:
        told = {"forecast": records(table), "hindcast": records(skill), "note": why}
        click.echo(json.dumps({**told, "words": skill_words(back) if back else []}, indent=1, ensure_ascii=False))
    else:
        _tell_forecast(table, found, back, skill, why, quick)
        click.echo(f"\nFigure: {figure}")
    if failed is not None:
        raise failed


def _tell_forecast(
    table: pd.DataFrame, found: Sequence[Fan], back: Hindcast | None, skill: pd.DataFrame, why: str, quick: bool
) -> None:
    click.echo(_text(_printed(table, found)))
    if back:
        click.echo(
            f"\nHindcast: a fit to the years up to {back.origin}, scored on those after it (CRPS of logarithms):"
        )
        click.echo(_text(skill))
        click.echo("\n" + "\n".join(skill_words(back)))
    else:
        click.echo(f"\n{why}")
    if quick:
        click.echo("\nThe fit is quick: few draws under loose rules; a first look, not a result.")


def score_command(case: str, data: Path, since: int | None, as_json: bool) -> None:
    """Score an accepted fit of any case on observations that it never saw; one with a folder keeps the table there."""
    found = score_case(case, data, since)
    for doubt in doubts_of_scored(read_rows(data), found):
        click.echo(f"Warning: {doubt}", err=True)
    table = score_table({one.comparison.name: one.skills for one in found})
    if (kept := home_of(case).tables) is not None:
        table.to_csv(kept / "score.csv", index=False, float_format="%.8g")
    if as_json:
        click.echo(json.dumps({"scores": records(table), "words": score_words(found)}, indent=1, ensure_ascii=False))
        return
    click.echo(_text(table))
    click.echo("\n" + "\n".join(score_words(found)))


def skill_words(back: Hindcast) -> list[str]:
    """Say of every series whether the model's forecast was the best, and what to make of it where it was not."""
    words = []
    for series, skills in back.skills.items():
        naive = best_naive(crps_of(skills))
        if naive is None:
            words.append(f"{series}: {NOTHING_NAIVE}.")
            continue
        model, other = skills[MODEL].mean_crps, skills[naive].mean_crps
        if model <= other:
            words.append(f"{series}: the model was the best ({model:.3g}; {naive} {other:.3g}).")
            continue
        inside = skills[MODEL].coverage[0.9]
        words.append(
            f"{series}: the model lost to {naive} ({model:.3g} against {other:.3g}; {inside:.0%} of years inside its "
            f"90% interval): for a forecast of {series} alone take {naive}."
        )
    return words


def _place(name: str, out: Path) -> Path:
    """Return the folder for what is said of a case: with its fit where that is the user's, else `out`."""
    if (kept := home_of(name).tables) is not None:
        return kept
    folder = Folder(out)
    folder.prepare()
    return folder.root / "results"


def _hindcast(name: str) -> tuple[Hindcast | None, str]:
    with tqdm(desc=f"hindcast {name}", unit="step", disable=None) as bar:
        return hindcast(name, lambda: bar.update(1))


def _last_year(name: str) -> int:
    """Return the last year observed; InputError if nothing was fitted yet."""
    accepted_posterior(name)
    return load_targets(name).last_year


def _is_quick(name: str) -> bool:
    return load_targets(name).sampling == load_own_settings().quick


def _printed(table: pd.DataFrame, found: Sequence[Fan]) -> pd.DataFrame:
    last = {fan.name: int(fan.ahead_years[-1]) for fan in found}
    ahead = table[table["kind"] == "forecast"]
    shown = (ahead["year"] % PRINTED == 0) | (ahead["year"] == ahead["series"].map(last))
    return ahead.loc[shown, ["series", "unit", "year", "5%", "25%", "median", "75%", "95%"]]


def _text(table: pd.DataFrame) -> str:
    return table.to_string(index=False, na_rep="-", max_colwidth=40, float_format=_number)


def _number(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.4g}" if abs(value) < 1e5 else f"{value:.3e}"
