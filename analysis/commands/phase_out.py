"""`techcycle phase-out`: a study in; its runs, tables, figures and one page out."""

from pathlib import Path

import click

from analysis.commands.shared import JSON, OUT, check_units, folder_of, given, only_options, say
from analysis.draws.runs import drawn
from analysis.phase_out.ended import DRAWS, support_ended
from analysis.phase_out.study import STUDIED, load_phase_out_study, study_file
from analysis.plain.shown import records, text
from calibration.fitting.targets import load_targets
from calibration.own.forecast import FAR
from models.case import load_case
from models.home import home_of
from models.schedules.law import LAWS, Exit
from stockflow.commands.console import Real, Whole
from stockflow.files import write_whole


@click.command("phase-out")
@click.argument("study")
@OUT
@click.option("--draws", type=Whole(2, 4000), help="Draws of the posterior; default: the study's.")
@click.option("--scheduler", help="Address of a Dask scheduler (tcp://...), or 'local' for a cluster of processes.")
@click.option(
    "--figures/--no-figures", default=True, show_default=True, help="Draw shares, safe exit, account, regret."
)
@click.option("--accept", is_flag=True, help="Keep the answer of a shipped study, for README and report.")
@click.option("--end", type=Real(), metavar="YEAR", help="Without a study: when support ends; default: no support.")
@click.option("--shape", type=click.Choice(list(LAWS)), help="Without a study: how support ends.")
@click.option("--until", type=Real(), metavar="YEAR", help="Without a study: year at which the two are compared.")
@JSON
def phase_out_command(
    study: str,
    out: Path,
    draws: int | None,
    scheduler: str | None,
    figures: bool,
    accept: bool,
    end: float | None,
    shape: Exit | None,
    until: float | None,
    as_json: bool,
) -> None:
    """Say when support of STUDY can end and what breaks: nev, pv, or the path of a study file (TOML).

    Runs every schedule of the study with the same draws of the accepted posterior, and prints one page: safe exit
    year, relapse, cost, regret, value of waiting, and what the answer hinges on. Runs go to OUT/phase_out/NAME.zarr,
    are taken up where they were left, and are read again where they are complete; tables, page and figures lie beside.

    STUDY may be a case without a study, or any case with --end, --shape or --until: support as its policies have it
    against support that ends, over its posterior.

    \b
    Example:
      techcycle phase-out nev --out output
      techcycle phase-out my_study.toml --draws 100 --json
      techcycle phase-out wind --end 2020 --shape linear
    """
    shipped = study.strip().casefold() in STUDIED
    if given("end", "shape", "until") or not (shipped or Path(study).suffix == ".toml"):
        only_options("the phase-out of a case without a study", "end", "shape", "until", "out", "as_json")
        check_units(study)
        _ended(study, until, end, shape or "cliff", out, as_json)
        return
    from analysis.phase_out.answer import answer_study, as_records  # slow to import: Zarr

    asked = load_phase_out_study(study)
    if draws is not None:
        asked = asked.model_copy(update={"draws": draws})
    stem = out / "phase_out" / study_file(study).stem.removeprefix("phase_out_")
    answer = answer_study(asked, stem, scheduler, progress=not as_json)
    if accept:
        from analysis.phase_out.accepted import accept_answer

        accept_answer(answer)
    tables = answer.tables()
    for name, table in tables.items():
        write_whole(stem.with_name(f"{stem.name}_{name}.csv"), table.to_csv(index=False, float_format="%.8g"))
    write_whole(stem.with_name(f"{stem.name}_page.txt"), answer.page)
    if figures:
        from analysis.phase_out.figures import draw_all

        draw_all(answer, stem)
    where = f"\nTables{', figures' if figures else ''} and page: {stem}_*; runs: {stem}.zarr"
    say(as_json, as_records(answer, tables), answer.page, where)


def _ended(case: str, until: float | None, start: float | None, shape: Exit, out: Path, as_json: bool) -> None:
    of = drawn(load_case(case).name, DRAWS)
    year = load_targets(of.case).last_year + FAR if until is None else until
    table = support_ended(of, year, start, shape)
    folder_of([of.case], out).table("phase_out.csv", table)
    told = "no support at all" if start is None and shape == "cliff" else f"support ended: {shape} from {start}"
    basis = (
        f"\nAt {year:g}, with support as {home_of(of.case).drivers[0].name} has it and with {told}, all that buyers "
        f"are given, by surprise; medians and 90% intervals, {of.basis}."
    )
    say(as_json, records(table), text(table), basis)
