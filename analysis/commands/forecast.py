"""`techcycle forecast` and `techcycle score`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from analysis.commands.shared import CALIBRATED, JSON, OUT, only, own_takes
from analysis.forecasts.study import forecast_json, forecast_words, rivals, run_forecasts, skill_rows, unscored_words
from analysis.own import commands as own_cli
from analysis.plain.folder import Folder
from analysis.plain.shown import text
from calibration.forecasting.forecast import MODES
from calibration.forecasting.settings import load_forecast_settings
from models.own import own_folder
from stockflow.commands.console import Whole
from stockflow.errors import InputError


@click.command()
@click.argument("case")
@click.option("--train-to", "origins", type=Whole(), multiple=True, metavar="YEAR",
              help="Last year a forecast may know; may be repeated. Default: all that data allow.")  # fmt: skip
@click.option("--mode", type=click.Choice([*MODES, "both"]), default="both", show_default=True,
              help="Drivers as they really were, or as they were expected at the origin.")  # fmt: skip
@OUT
@click.option("--accept", is_flag=True, help="Keep the scores in calibration/results.")
@click.option("--until", type=Whole(), help="A technology of your own: last year of the forecast.")
@click.option("--no-hindcast", is_flag=True, help="A technology of your own: hold no years out.")
@JSON
def forecast(
    case: str, origins: Sequence[int], mode: str, out: Path, accept: bool, until: int | None, no_hindcast: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Forecast CASE (pv or nev) from past years, fitted to what was known then, and score it on what came.

    Prints, for every series and origin, the model's score (CRPS of the log: lower is better) beside that of the best
    naive forecast, of a mixture of all (stack) with weights from earlier origins, and the share of years inside the
    model's 90% interval; then wins and losses in words. Goes on with the finished chains in OUT/forecast.

    A technology of your own is forecast to --until with 50% and 90% intervals, after a hindcast of its last years;
    figure and tables go to its folder.

    \b
    Example:
      techcycle forecast nev --train-to 2019 --mode conditional
      techcycle forecast wind --until 2040
    """
    if own_folder(case) is not None:
        own_takes(case, "until", "no_hindcast", "as_json")
        own_cli.forecast_command(case, until, no_hindcast, as_json)
        return
    if until is not None or no_hindcast:
        raise InputError(f"forecast {case}: --until and --no-hindcast are for a technology of your own")
    case = only(case, CALIBRATED, "a forecast")
    found, table = run_forecasts(case, Folder(out), origins, MODES if mode == "both" else (mode,), accept)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps(forecast_json(found, table), indent=1, ensure_ascii=False, allow_nan=False))
        return
    click.echo(text(skill_rows(table)))
    click.echo("\nAgainst each forecaster used throughout (ratio: geometric mean of model CRPS over its CRPS):")
    click.echo(text(rivals(table)) + "\n")
    for line in unscored_words(found) + forecast_words(table, case, load_forecast_settings()):
        click.echo(line)


@click.command()
@click.argument("case")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV: series,year,value,unit,source.")
@click.option("--from", "since", type=Whole(), help="Leave out rows before this year.")
@JSON
def score(case: str, data: Path, since: int | None, as_json: bool) -> None:
    """Score the accepted fit of CASE on observations that it never saw, against the naive forecasts.

    Any case: one of your own, or a shipped one, whose series are named as in its target file. CRPS and log score are
    of natural logarithms, lower is better; each forecaster starts from the last year that the fit has seen.

    \b
    Example:
      techcycle score wind --data wind/later.csv
    """
    own_cli.score_command(case, data, since, as_json)
