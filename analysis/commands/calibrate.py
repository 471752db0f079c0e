"""`techcycle calibrate`, `techcycle import-vensim` and `techcycle reproduce`."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from analysis.commands.shared import CASE, FILE, JSON, OUT, only_options, say
from analysis.fits.figures import series_against_data
from analysis.fits.tables import calibration_tables, estimate_table, in_case_units, series_table
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.progress import counted
from analysis.plain.shown import records, text
from analysis.report.reproduce import calibrate_case, case_summary, reproduce_all, sample_case
from calibration.fitting.vensim_targets import Measure, to_targets
from calibration.own.fit import calibrate_own
from calibration.own.settings import load_own_settings
from calibration.records.sampling import require_built
from models.case import load_case
from models.home import home_of
from stockflow.commands.console import Whole
from stockflow.errors import InputError
from stockflow.language.data_tables import read_data
from stockflow.names import plain
from stockflow.vensim_files.files import read_control, read_payoff


@click.command()
@CASE
@click.option("--starts", type=Whole(1, 1000), help="Number of starts; default: the target file's.")
@OUT
@click.option("--targets", type=FILE, help="Target file (TOML) instead of the project's own.")
@click.option("--posterior", is_flag=True, help="Also sample the posterior (minutes); goes on where it was stopped.")
@click.option("--accept", is_flag=True, help="Keep the posterior: calibration/results, the case file, the model files.")
@click.option("--data", type=FILE, help="Table to fit: series,year,value,unit,source.")
@click.option("--quick", is_flag=True, help="With --data: few draws, for a first look.")
@JSON
def calibrate(
    case: str,
    starts: int | None,
    out: Path,
    targets: Path | None,
    posterior: bool,
    accept: bool,
    data: Path | None,
    quick: bool,
    as_json: bool,
) -> None:
    """Fit CASE to its observations: partial steps, then everything at once from many starts.

    Prints and saves estimates with 90% intervals, the error of every series, which bounds were hit and how the starts
    ended, and draws every series against data. Intervals are the accepted posterior's; with --posterior it is sampled
    anew into OUT/posterior, chain by chain. Chains that have not converged are saved, never printed: exit code 3.

    A target file says what is fitted to what; tables that it names are looked for beside it first, so a series of
    your own needs no code.

    With --data, a table of observations, the case's own target file is written from the table; fit and posterior are
    kept in its folder. The case must say what its observations are in units of its model, as those of `techcycle new`
    do.

    \b
    Example:
      techcycle calibrate nev --posterior --out output
      techcycle calibrate wind --data wind/observations.csv
    """
    if data is not None:
        only_options("a fit to --data", "data", "starts", "quick", "as_json")
        _fit_to(data, case, starts, quick, as_json)
        return
    if quick:
        raise InputError(f"calibrate {case}: --quick is of a fit to --data")
    case = load_case(case).name
    if accept and targets is not None:
        raise InputError(f"--accept: only a fit to the project's own targets can be accepted, not to {targets}")
    if accept and not posterior:
        raise InputError("--accept: an accepted fit carries its posterior: give --posterior too")
    if accept:
        require_built()
    folder = Folder(out)
    if posterior:
        calibration = sample_case(case, folder, starts, accept, targets)
    else:
        calibration = calibrate_case(case, folder, starts, targets)
    tables = calibration_tables(calibration).items()
    say(as_json, case_summary(calibration), *(f"\n{term(title)}\n{text(table)}" for title, table in tables))


def _fit_to(data: Path, case: str, starts: int | None, quick: bool, as_json: bool) -> None:
    """Print estimates, errors and warnings; leave everything with the fit."""
    settings, place = load_own_settings(), home_of(case).record.parent
    rules = settings.quick if quick else settings.sampling
    steps = rules.chains * (rules.tune + rules.draws)
    with counted(worded("calibrate {case}", case=term(case)), steps, "step") as step:
        fit = calibrate_own(case, data, starts, quick, partial(step, by=0), step)
    shown = in_case_units(fit.calibration)
    estimates, errors = estimate_table(shown), series_table(shown)
    estimates.to_csv(place / "estimates.csv", index=False, float_format="%.8g")
    errors.to_csv(place / "errors.csv", index=False, float_format="%.8g")
    about = term(load_case(case).title)
    title = worded("{case}: model against data", case=about)
    if quick:
        title = worded("{case}: model against data, a first look", case=about)
    figure = series_against_data(title, shown.closed.series, place / "fit")
    say(
        as_json,
        {"estimates": records(estimates), "series": records(errors), "warnings": fit.warnings},
        text(estimates.drop(columns=["interval", "step"])),
        "\n" + text(errors.drop(columns="unit")) + "\n",
        "\n".join(map(term, fit.warnings)),
        "\n" + worded("All of it, with the figure {figure}, is in {folder}.", figure=figure.name, folder=figure.parent),
    )


@click.command("import-vensim")
@click.argument("case")
@click.argument("payoff", type=FILE)
@click.argument("control", type=FILE)
@click.argument("data", type=FILE)
@click.option("--region", required=True, help="Where the data were observed.")
@click.option("--measure", type=click.Choice(["at the time", "mid year", "year end"]), default="at the time",
              show_default=True, help="When a value is compared; 'at the time' is what Vensim does.")  # fmt: skip
@click.option("--unit", "units", multiple=True, metavar='"VARIABLE=UNIT"', help="Unit of one; default: the model's.")
@click.option("--response", help="Parameter held in turn; default: the first searched.")
@click.option("--starts", type=Whole(1, 1000), help="Number of starts; default: the control's RESTART_MAX.")
@click.option("--seed", type=Whole(0, 2**63 - 1), help="Seed; default: the control's, else 1234.")
@click.option("--table", default="imported", show_default=True, help="Name of the table of observations.")
@OUT
def import_vensim(
    case: str,
    payoff: Path,
    control: Path,
    data: Path,
    region: str,
    measure: Measure,
    units: Sequence[str],
    response: str | None,
    starts: int | None,
    seed: int | None,
    table: str,
    out: Path,
) -> None:
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


@click.command()
@OUT
@click.option("--starts", type=Whole(1, 1000), help="Starts of each calibration; default: the target files'.")
def reproduce(out: Path, starts: int | None) -> None:
    """Calibrate, score, phase out, draw the paths: everything into one folder, with report.html to read."""
    report = reproduce_all(Folder(out), starts)
    click.echo(worded("Open {report} in a browser.", report=report))
