"""The `techcycle` command: arguments in, one call, text out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import pandas as pd

from analysis import numerics, own_cli
from analysis.folder import Folder
from analysis.forecasts import forecast_json, forecast_words, rivals, run_forecasts, skill_rows, unscored_words
from analysis.laboratory import question_cli
from analysis.laboratory.cli import phase_out_command
from analysis.latecomers_command import latecomers_command
from analysis.mechanisms.cli import add_commands
from analysis.pathways import durations, industry_path, load_path_study, published_durations
from analysis.policy_cli import policy
from analysis.reproduce import calibrate_case, case_summary, reproduce_all, sample_case
from analysis.scoreboard import scoreboard as score
from analysis.shown import records as _records
from analysis.shown import text as _text
from analysis.tables import calibration_tables
from analysis.trust import identify_case, posteriors_of, ridge_words, statement_words, tables_of, verdict_words
from calibration.errors import NotConvergedError
from calibration.forecast import MODES
from calibration.forecast_settings import load_forecast_settings
from calibration.results import Accepted, accepted_fits, load_accepted
from calibration.vensim_data import read_data
from calibration.vensim_files import changes, read_control, read_payoff
from calibration.vensim_targets import Measure, to_targets
from models.case import CASES, load_case
from models.own import own_folder
from models.run import run_case
from stockflow.console import deliver
from stockflow.console import settings as numbers
from stockflow.errors import InputError
from stockflow.names import plain

CALIBRATED = ("pv", "nev")
FITTED = ("pv", "nev", "ic", "mrna")  # cases with a target file


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="techcycle")
def cli() -> None:
    """How does a technology become an industry, and what can policy do about it?

    A system-dynamics model of four industries (pv, nev, ic, mrna), calibrated on photovoltaics and new-energy
    vehicles in China. Money is billion CNY of 2020, time is in years.

    \b
    Start here:
      techcycle reproduce                        everything, into output/report.html
      techcycle parameters nev                   what can be set, with units, bounds and sources
      techcycle run nev --set "phase out shape=1" --set "phase out start=2014" --out run.csv
      techcycle phase-out pv                     when the feed-in premium could have ended, and what breaks
    """


for command in own_cli.COMMANDS:
    cli.add_command(command)


@cli.command()
@click.argument("case")
@click.option("--set", "settings", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
@click.option("--policy", type=click.Path(path_type=Path), help="CSV that replaces policies: variable,year,value,unit.")
@click.option("--changes", "changes_file", type=click.Path(path_type=Path),
              help="Vensim changes file (.cin) or outcome (.out); --set goes before it.")  # fmt: skip
@click.option("--until", type=float, help="Last time of the run (year); default: the model's final time.")
@click.option("--engine", type=click.Choice(["batch", "reference"]), default="batch", show_default=True,
              help="batch: compiled; reference: PySD, slow and trusted.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="File to write instead of standard output.")
def run(
    case: str, settings: Sequence[str], policy: Path | None, changes_file: Path | None, until: float | None,
    engine: str, out: Path | None,
) -> None:  # fmt: skip
    """Run CASE once and print a CSV: a row per saved time, a column per variable.

    \b
    Example:
      techcycle run pv --until 2030 --set "cost sensitivity=2" | head
    """
    given = numbers(settings)
    if changes_file is not None:
        by_hand = set(map(plain, given))
        read = changes(changes_file, load_case(case).model)
        given = {**{name: value for name, value in read.items() if plain(name) not in by_hand}, **given}
    dataset = run_case(case, given, policy, until, engine)
    table = dataset.to_dataframe()
    table.index.name = "Time"
    deliver([table.to_csv(float_format="%.10g")], out)


@cli.command()
@click.argument("case")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def parameters(case: str, as_json: bool) -> None:
    """List the parameters of CASE: value, unit, bounds, source."""
    rows = [
        {"parameter": p.name, "value": p.value, "unit": p.unit, "low": p.low, "high": p.high,
         "evidence": p.evidence, "source": p.source}
        for p in load_case(case).parameters.values()
    ]  # fmt: skip
    _print(pd.DataFrame(rows), rows if as_json else None)


@cli.command()
@click.argument("case")
@click.option("--starts", type=click.IntRange(1, 1000), help="Number of starts; default: the target file's.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
@click.option("--targets", type=click.Path(path_type=Path), help="Target file (TOML) instead of the project's own.")
@click.option("--posterior", is_flag=True, help="Also sample the posterior (minutes); goes on where it was stopped.")
@click.option("--accept", is_flag=True, help="Keep the posterior: calibration/results, the case file, the model files.")
@click.option("--data", type=click.Path(path_type=Path), help="Observations of a technology of your own.")
@click.option("--quick", is_flag=True, help="A technology of your own: few draws, for a first look.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def calibrate(
    case: str, starts: int | None, out: Path, targets: Path | None, posterior: bool, accept: bool, data: Path | None,
    quick: bool, as_json: bool,
) -> None:  # fmt: skip
    """Fit CASE (pv, nev, ic or mrna) to the observations: partial steps, then everything at once from many starts.

    Prints and saves estimates with 90% intervals, the error of every series, which bounds were hit and how the starts
    ended, and draws every series against data. Intervals are the accepted posterior's; with --posterior it is sampled
    anew into OUT/posterior, chain by chain. Chains that have not converged are saved, never printed: exit code 3.

    A target file says what is fitted to what; tables that it names are looked for beside it first, so a series of
    your own needs no code.

    A technology of your own (`techcycle new`) is fitted to --data, with its posterior, and kept in its folder.

    \b
    Example:
      techcycle calibrate nev --posterior --out output
      techcycle calibrate wind --data wind/observations.csv
    """
    if own_folder(case) is not None:
        if targets is not None or posterior or accept:
            raise InputError(f"calibrate {case}: a technology of your own takes --data, --starts, --quick and --json")
        own_cli.calibrate_command(case, data, starts, quick, as_json)
        return
    if data is not None or quick:
        raise InputError(f"calibrate {case}: --data and --quick are for a technology of your own (`techcycle new`)")
    case = _only(case, FITTED, "calibration")
    if accept and targets is not None:
        raise InputError(f"--accept: only a fit to the project's own targets can be accepted, not to {targets}")
    if accept and not posterior:
        raise InputError("--accept: an accepted fit carries its posterior: give --posterior too")
    folder = Folder(out)
    if posterior:
        calibration = sample_case(case, folder, starts, accept, targets)
    else:
        calibration = calibrate_case(case, folder, starts, targets)
    if as_json:
        click.echo(json.dumps(case_summary(calibration), indent=1, allow_nan=False))
        return
    for title, table in calibration_tables(calibration).items():
        click.echo(f"\n{title}\n{_text(table)}")


@cli.command("import-vensim")
@click.argument("case")
@click.argument("payoff", type=click.Path(path_type=Path))
@click.argument("control", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--region", required=True, help="Where the data were observed.")
@click.option("--measure", type=click.Choice(["at the time", "mid year", "year end"]), default="at the time",
              show_default=True, help="When a value is compared; 'at the time' is what Vensim does.")  # fmt: skip
@click.option("--unit", "units", multiple=True, metavar='"VARIABLE=UNIT"', help="Unit of one; default: the model's.")
@click.option("--response", help="Parameter held in turn; default: the first searched.")
@click.option("--starts", type=click.IntRange(1, 1000), help="Number of starts; default: the control's RESTART_MAX.")
@click.option("--seed", type=click.IntRange(0), help="Seed; default: the control's, else 1234.")
@click.option("--table", default="imported", show_default=True, help="Name of the table of observations.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
def import_vensim(
    case: str, payoff: Path, control: Path, data: Path, region: str, measure: Measure, units: Sequence[str],
    response: str | None, starts: int | None, seed: int | None, table: str, out: Path,
) -> None:  # fmt: skip
    """Turn Vensim's PAYOFF (.vpd), CONTROL (.voc) and DATA (.csv, .tab) into a target file of CASE.

    \b
    Example:
      techcycle import-vensim pv fit.vpd fit.voc observed.tab --region China --unit "Capacity=GW/Year"
      techcycle calibrate pv --targets output/pv.toml
    """
    about = load_case(case)
    if plain(table) == plain(about.name):
        raise InputError(f"--table {table!r}: the target file itself is called so")
    given: dict[str, str] = {}
    for pair in units:
        name, equals, unit = pair.partition("=")
        if not equals or not name.strip() or not unit.strip():
            raise InputError(f'--unit {pair!r}: expected "variable=unit"')
        given[name.strip()] = unit.strip()
    made = to_targets(read_payoff(payoff, about.model), read_control(control, about.model), read_data(data), about.name,
                      table, region, measure, given, response, starts, seed, about.model)  # fmt: skip
    for path in made.write(out / f"{about.name}.toml", out):
        click.echo(str(path))


@cli.command()
@click.argument("case")
@click.option("--train-to", "origins", type=int, multiple=True, metavar="YEAR",
              help="Last year a forecast may know; may be repeated. Default: all that data allow.")  # fmt: skip
@click.option("--mode", type=click.Choice([*MODES, "both"]), default="both", show_default=True,
              help="Drivers as they really were, or as they were expected at the origin.")  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
@click.option("--accept", is_flag=True, help="Keep the scores in calibration/results.")
@click.option("--until", type=int, help="A technology of your own: last year of the forecast.")
@click.option("--no-hindcast", is_flag=True, help="A technology of your own: hold no years out.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
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
        if origins or accept:
            raise InputError(f"forecast {case}: a technology of your own takes --until, --no-hindcast and --json")
        own_cli.forecast_command(case, until, no_hindcast, as_json)
        return
    if until is not None or no_hindcast:
        raise InputError(f"forecast {case}: --until and --no-hindcast are for a technology of your own")
    case = _only(case, CALIBRATED, "a forecast")
    found, table = run_forecasts(case, Folder(out), origins, MODES if mode == "both" else (mode,), accept)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps(forecast_json(found, table), indent=1, ensure_ascii=False, allow_nan=False))
        return
    click.echo(_text(skill_rows(table)))
    click.echo("\nAgainst each forecaster used throughout (ratio: geometric mean of model CRPS over its CRPS):")
    click.echo(_text(rivals(table)) + "\n")
    for line in unscored_words(found) + forecast_words(table, case, load_forecast_settings()):
        click.echo(line)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def scoreboard(as_json: bool) -> None:
    """Put the paper's figures beside the observed and the modelled ones: inside or outside, and why not answered."""
    accepted, unfitted = accepted_fits(FITTED)
    posteriors, missing = posteriors_of(tuple(accepted))
    board = score(accepted, posteriors=posteriors)
    if as_json:
        click.echo(json.dumps(board.as_json(), indent=1, ensure_ascii=False, allow_nan=False))
        return
    click.echo(_text(board.table()))
    click.echo("\n".join([*missing.values(), *unfitted.values()]))
    click.echo(f"\n{board.inside} of {len(board.rows)} answered target rows are inside the paper's range.")
    click.echo(f"\nNot answered ({len(board.unanswered)}):")
    for one in board.unanswered:
        click.echo(f"  {one.id:6s} {one.description}: {one.reason}")


@cli.command("identify")
@click.argument("case")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def identify_command(case: str, out: Path, as_json: bool) -> None:
    """Say what the data can tell apart in CASE (pv or nev): a verdict on every calibrated parameter.

    Profiles every parameter of the accepted fit, compares prior and posterior, follows the ridge of learning by doing
    against learning by searching, and tries policies at both of its ends. Figures and tables go to OUT.
    """
    case = _only(case, CALIBRATED, "identification")
    folder = Folder(out)
    folder.prepare()
    posteriors, missing = posteriors_of((case,))
    found = identify_case(case, load_accepted(case), posteriors.get(case), folder.figure)
    for name, table in tables_of(found).items():
        folder.table(f"identifiability_{case}_{name}.csv", table)
    if as_json:
        told = {"basis": found.basis, "missing": missing.get(case), "words": verdict_words(found) + ridge_words(found)}
        click.echo(
            json.dumps(told | {k: _records(v) for k, v in tables_of(found).items()}, indent=1, ensure_ascii=False)
        )
        return
    click.echo("\n".join([*missing.values(), f"Spreads and correlations: {found.basis}."]))
    for table in tables_of(found).values():
        click.echo("\n" + _text(table))
    click.echo("\n" + "\n".join([*verdict_words(found), *ridge_words(found), *statement_words(found)]))


@cli.command("numerics")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def numerics_command(as_json: bool) -> None:
    """Run every headline result again at half the time step and print how far it moves, with a verdict."""
    table = numerics.certificate(_accepted())
    if as_json:
        click.echo(json.dumps(_records(table), indent=1, ensure_ascii=False))
        return
    click.echo(_text(numerics.summary(table)))
    moved = table[table["verdict"] == numerics.MOVES].drop(columns="verdict")
    if len(moved):
        click.echo(f"\nBeyond their tolerance:\n{_text(moved)}")
    click.echo(f"\n{numerics.words(table, numerics.load_study())}")


cli.add_command(phase_out_command)


cli.add_command(policy)


@cli.command()
@click.argument("cases", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def paths(cases: Sequence[str], as_json: bool) -> None:
    """Date the stages from discovery to large-scale industry; default: all four industries.

    A technology of your own is dated alone, over its posterior.
    """
    if len(cases) == 1 and own_folder(cases[0]) is not None:
        own_cli.paths_command(cases[0], as_json)
        return
    if mine := [one for one in cases if own_folder(one) is not None]:
        raise InputError(f"paths: {mine[0]!r} is a technology of your own: give it alone")
    study = load_path_study()
    wanted = [load_case(c).name for c in cases] or list(CASES)
    accepted, unfitted = accepted_fits(wanted)
    table = durations([industry_path(c, study, accepted.get(c)) for c in wanted], study)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "model": _records(table),
                    "published": _records(published_durations(study.window)),
                    "unfitted": unfitted,
                },
                indent=1,
            )
        )
        return
    wide = table.pivot_table(index=["case", "clock"], columns="stage", values="years", sort=False)
    click.echo("Years from each clock to each stage (model):")
    click.echo(wide.round(1).to_string(na_rep="-"))
    for line in unfitted.values():
        click.echo(line)
    click.echo("\nYears between dated stages of other technologies (calibration/data/technology_timelines.csv):")
    click.echo(_text(published_durations(study.window)))


cli.add_command(latecomers_command)


@cli.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
@click.option("--starts", type=click.IntRange(1, 1000), help="Starts of each calibration; default: the target files'.")
def reproduce(out: Path, starts: int | None) -> None:
    """Calibrate, score, phase out, draw the paths: everything into one folder, with report.html to read."""
    report = reproduce_all(Folder(out), starts)
    click.echo(f"Open {report} in a browser.")


add_commands(cli)
question_cli.register(cli)


def main() -> None:
    """Run the command; bad input ends in one line on standard error and exit code 2."""
    try:
        cli.main(standalone_mode=False, prog_name="techcycle")
    except InputError as error:
        _fail(str(error))
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        _fail(error.format_message() + hint)
    except NotConvergedError as error:
        click.echo(f"techcycle: not converged: {error}", err=True)
        sys.exit(3)
    except click.Abort:
        click.echo("techcycle: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str) -> None:
    click.echo(f"techcycle: error: {' '.join(text.split())}", err=True)
    sys.exit(2)


def _only(case: str, allowed: Sequence[str], what: str) -> str:
    name = load_case(case).name
    if name not in allowed:
        raise InputError(f"{what} exists for {' and '.join(map(repr, allowed))}, not yet for {name!r}")
    return name


def _accepted() -> dict[str, Accepted]:
    return {case: load_accepted(case) for case in CALIBRATED}


def _print(table: pd.DataFrame, records: object | None) -> None:
    click.echo(_text(table) if records is None else json.dumps(records, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
