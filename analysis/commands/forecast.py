"""`techcycle forecast` and `techcycle score`."""

from collections.abc import Sequence
from pathlib import Path

import click
import pandas as pd

from analysis.commands.shared import CASE, FILE, JSON, OUT, folder_of, given, only_options, say
from analysis.forecasts.figures import NAMES, ahead_fans, ahead_numbers
from analysis.forecasts.study import forecast_json, forecast_words, rivals, run_forecasts, skill_rows, unscored_words
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.progress import counted
from analysis.plain.shown import records, text
from calibration.errors import NotConvergedError
from calibration.fitting.targets import load_targets
from calibration.forecasting.ahead import MODES
from calibration.forecasting.new_scores import score_case, skill_table, skill_words
from calibration.forecasting.record import YARDSTICK, yardstick
from calibration.forecasting.scores import COMBINED
from calibration.forecasting.settings import ForecastSettings
from calibration.own.data import read_rows
from calibration.own.forecast import fans, hindcast
from calibration.own.meaning import doubts_of_scored
from calibration.own.settings import load_own_settings
from models.case import load_case
from models.home import home_of
from stockflow.commands.console import Whole

PRINTED = 5  # years between the printed rows of a forecast ahead


@click.command()
@CASE
@click.option("--train-to", "origins", type=Whole(), multiple=True, metavar="YEAR",
              help="Last year a forecast may know; may be repeated. Default: all that data allow.")  # fmt: skip
@click.option("--mode", type=click.Choice([*MODES, "both"]), default="both", show_default=True,
              help="Drivers as they really were, or as they were expected at the origin.")  # fmt: skip
@OUT
@click.option("--accept", is_flag=True, help="Keep the scores in calibration/results.")
@click.option("--until", type=Whole(), metavar="YEAR", help="Last year of a forecast ahead.")
@click.option("--no-hindcast", is_flag=True, help="With --until: hold no years out.")
@JSON
def forecast(
    case: str,
    origins: Sequence[int],
    mode: str,
    out: Path,
    accept: bool,
    until: int | None,
    no_hindcast: bool,
    as_json: bool,
) -> None:
    """Forecast CASE from past years, fitted to what was known then, and score it on what came; or ahead to --until.

    Prints, for every series and origin, the score (CRPS of the log: lower is better) of the model, of model and
    reference combined half and half, of that reference, a naive forecast named in advance, and of the best naive
    forecast in hindsight, an upper bound, and the share of years inside the model's 90% interval; then the mean ratio
    over reference and pool of the naive forecasts, wins and losses. Goes on with the finished chains in OUT/forecast.

    With --until, and where nothing is set for forecasts from past years, as in a case of `techcycle new`: a forecast
    to that year with 50% and 90% intervals, after a hindcast of the last years. Figure and tables go to the folder of
    the case, else to OUT.

    \b
    Example:
      techcycle forecast nev --train-to 2019 --mode conditional
      techcycle forecast wind --until 2040
    """
    settings, home = ForecastSettings.load(), home_of(case)
    past = given("origins", "mode", "accept")
    if given("until", "no_hindcast") or (home.entry not in settings.cases and not past):
        only_options("a forecast ahead", "until", "no_hindcast", "out", "as_json")
        _ahead(home.name, until, no_hindcast, out, as_json)
        return
    case = home.name
    found, table = run_forecasts(case, Folder(out), origins, MODES if mode == "both" else (mode,), accept)  # type: ignore[arg-type]
    each = worded("Against each forecaster used throughout (ratio: geometric mean of model CRPS over its CRPS):")
    said = [f"\n{term(YARDSTICK)}", text(yardstick({case: table}, settings)), f"\n{each}"]
    words = unscored_words(found) + forecast_words(table, case, settings)
    say(as_json, forecast_json(found, table), text(skill_rows(table)), *said, text(rivals(table)) + "\n", *words)


def _ahead(case: str, until: int | None, skip_hindcast: bool, out: Path, as_json: bool) -> None:
    """Forecast ahead, score the fit on the last years held out, draw both."""
    found, folder = fans(case, until), folder_of([case], out)
    quick = load_targets(case).sampling == load_own_settings().quick
    back, why, failed = None, worded("no hindcast: left out as asked"), None
    if not skip_hindcast:
        try:
            with counted(worded("hindcast {case}", case=term(case)), None, "step") as step:
                back, why = hindcast(case, step)
        except NotConvergedError as error:  # the forecast stands on other draws: it is shown, then this is raised
            why, failed = worded("no hindcast: its chains have not converged"), error
    title = term(load_case(case).title)
    if quick:
        title = worded("{case} (quick fit, a first look)", case=title)
    figure = ahead_fans(title, found, back, folder.root / "results" / "forecast")
    skill, words = (skill_table(back.series), skill_words(back.series)) if back else (pd.DataFrame(), [])
    if back:
        folder.table("hindcast.csv", skill)
    table = ahead_numbers(found)
    last = table.groupby("series")["year"].transform("max")
    shown = (table["kind"] == "forecast") & ((table["year"] % PRINTED == 0) | (table["year"] == last))
    lines = [text(table.loc[shown, ["series", "unit", "year", *NAMES, *({COMBINED} & set(table))]])]
    if back:
        head = worded(
            "Hindcast: a fit to the years up to {origin}, scored on those after it (CRPS of logarithms):",
            origin=back.origin,
        )
        lines.append(f"\n{head}")
        lines += [text(skill), "", *words]
    else:
        lines.append(f"\n{why}")
    if quick:
        lines.append("\n" + worded("The fit is quick: few draws under loose rules; a first look, not a result."))
    data = {"forecast": records(table), "hindcast": records(skill), "note": why, "words": words}
    say(as_json, data, *lines, "\n" + worded("Figure: {figure}", figure=figure))
    if failed is not None:
        raise failed


@click.command()
@CASE
@click.option("--data", type=FILE, required=True, help="CSV: series,year,value,unit,source.")
@click.option("--from", "since", type=Whole(), metavar="YEAR", help="Leave out rows before this year.")
@JSON
def score(case: str, data: Path, since: int | None, as_json: bool) -> None:
    """Score the accepted fit of CASE on observations that it never saw, against the naive forecasts.

    Any case: one of your own, or a shipped one, whose series are named as in its target file. CRPS and log score are
    of natural logarithms, lower is better; each forecaster starts from the last year that the fit has seen.

    \b
    Example:
      techcycle score wind --data wind/later.csv
    """
    found = score_case(case, data, since)
    for doubt in doubts_of_scored(read_rows(data), found, load_own_settings().doubts):
        click.echo(worded("Warning: {what}", what=term(doubt)), err=True)
    table, words = skill_table(found), skill_words(found)
    if (kept := home_of(case).tables) is not None:
        table.to_csv(kept / "score.csv", index=False, float_format="%.8g")
    say(as_json, {"scores": records(table), "words": words}, text(table), "", *words)
