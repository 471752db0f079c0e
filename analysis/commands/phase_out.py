"""`techcycle phase-out`: a study in; its runs, tables, figures and one page out."""

from pathlib import Path

import click

from analysis.commands.shared import INSTRUMENTS, JSON, OUT, say
from analysis.phase_out.study import load_phase_out_study, study_file
from analysis.plain.language import worded
from stockflow.commands.console import Whole
from stockflow.files import write_whole


@click.command("phase-out")
@click.argument("study")
@INSTRUMENTS
@OUT
@click.option("--draws", type=Whole(2, 4000), help="Draws of the posterior; default: the study's.")
@click.option("--scheduler", help="Address of a Dask scheduler (tcp://...), or 'local' for a cluster of processes.")
@click.option(
    "--figures/--no-figures", default=True, show_default=True, help="Draw shares, safe exit, account, regret."
)
@click.option("--accept", is_flag=True, help="Keep the answer of a shipped study, for README and report.")
@JSON
def phase_out_command(
    study: str,
    ends: tuple[str, ...],
    out: Path,
    draws: int | None,
    scheduler: str | None,
    figures: bool,
    accept: bool,
    as_json: bool,
) -> None:
    """Say when support of STUDY can end and what breaks: nev, pv, or the path of a study file (TOML).

    Runs every schedule of the study with the same draws of the accepted posterior, and prints one page: safe exit
    year, relapse, cost, regret, value of waiting, and what the answer hinges on. Runs go to OUT/phase_out/NAME.zarr,
    are taken up where they were left, and are read again where they are complete; tables, page and figures lie beside.
    With --instrument the study is that of these alone, all else going on: which year to end them costs least regret,
    what a year of waiting is worth; files carry their names.
    For a case without a study, and for one exit in seconds, there is `techcycle exit`.

    \b
    Example:
      techcycle phase-out nev --out output
      techcycle phase-out nev --instrument "purchase subsidy"
      techcycle phase-out my_study.toml --draws 100 --json
    """
    from analysis.phase_out.answer import answer_study, as_records  # slow to import: Zarr
    from analysis.phase_out.by_instrument.alone import alone
    from analysis.phase_out.by_instrument.named import file_label

    asked = load_phase_out_study(study)
    if draws is not None:
        asked = asked.model_copy(update={"draws": draws})
    name = study_file(study).stem.removeprefix("phase_out_")
    if ends:
        asked = alone(asked, ends)
        name = file_label(name, *asked.grid.instruments)
    stem = out / "phase_out" / name
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
    where = worded("Tables, figures and page: {stem}_*; runs: {stem}.zarr", stem=stem)
    if not figures:
        where = worded("Tables and page: {stem}_*; runs: {stem}.zarr", stem=stem)
    say(as_json, as_records(answer, tables), answer.page, f"\n{where}")
