"""`techcycle exit`: a named exit against its base, or steps of support, over the posterior, in seconds."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.commands.shared import CASE, INSTRUMENTS, JSON, OUT, TABLES, folder_of, only_options, say
from analysis.phase_out.study import ExitStudies, load_exit_study
from analysis.plain.folder import Folder
from analysis.plain.language import worded
from analysis.plain.shown import records
from models.schedules.law import LAWS, Exit
from stockflow.commands.console import Real, Whole
from stockflow.errors import InputError
from stockflow.intervals import interval_columns

if TYPE_CHECKING:
    from analysis.phase_out.by_instrument.named import NamedExit


@click.command("exit")
@CASE
@INSTRUMENTS
@click.option(
    "--start", type=Real(1700, 2200), required=True, metavar="YEAR", help="When the end begins, a quarter of a year."
)
@click.option("--shape", type=click.Choice(list(LAWS)), default="cliff", show_default=True, help="How it ends.")
@click.option("--length", type=Real(0.25, 50), metavar="YEARS", help="Years that a slope takes; default: the study's.")
@click.option("--announced", type=Real(0, 20), metavar="YEARS", help="Years ahead that buyers know of it; default: 0.")
@click.option("--against", type=click.Choice(["continued", "history"]),
              help="Base: support that goes on as the study of CASE has it, or what the policy files say; default: the "
              "first, where there is a study; with --levels the second.")  # fmt: skip
@click.option("--levels", is_flag=False, flag_value="", metavar="PERCENT,...",
              help="Not an exit but what each step of support costs for a unit that it adds: instruments paid at these "
              "percentages of the base from START to UNTIL; alone: those of analysis/studies/exit.toml.")  # fmt: skip
@click.option("--until", type=Real(1700, 2200), metavar="YEAR",
              help="With --levels: when all is as in the base again; default: the horizon of the study.")  # fmt: skip
@click.option("--draws", type=Whole(20, 4000), help="Draws of the posterior; default: the study's.")
@TABLES
@OUT
@JSON
def exit_command(
    case: str,
    ends: tuple[str, ...],
    start: float,
    shape: Exit,
    length: float | None,
    announced: float | None,
    against: str | None,
    levels: str | None,
    until: float | None,
    draws: int | None,
    tables: str,
    out: Path,
    as_json: bool,
) -> None:
    """Say what happens in CASE if some instruments end from a year on and all else goes on.

    One sentence for each of two criteria (against the base, against the own past), what is saved, what is still paid,
    what a critic would say, and a yearly table; table and figure go to OUT, those of a case of one's own to its folder.
    A case without a study is judged by analysis/studies/exit.toml, against history; uncalibrated, in one run.

    \b
    Example:
      techcycle exit nev --instrument "purchase subsidy" --start 2023
      techcycle exit nev --instrument "purchase subsidy" --instrument "tax exemption" --start 2026 --shape linear
      techcycle exit pv --instrument "feed-in premium" --start 2021 --against history
      techcycle exit nev --instrument "purchase subsidy" --start 2014 --until 2023 --levels
      techcycle exit wind --start 2020 --shape linear    # once its policy.csv gives buyers something
    """
    if levels is not None:
        only_options(
            "--levels", "case", "ends", "start", "until", "levels", "against", "draws", "tables", "out", "as_json"
        )
        _levels(case, ends, start, until, levels, against or "history", draws, folder_of([case], out, tables), as_json)
        return
    if until is not None:
        raise InputError("exit: --until goes with --levels; an exit lasts")
    from analysis.phase_out.by_instrument.named import Asked, exit_figure, exit_lines, exit_text, label_of, named_exit

    study = load_exit_study(case)
    against = against or ("continued" if study.supported else "history")
    taken = (length or study.grid.lengths[0]) if shape != "cliff" else 0.0
    found = named_exit(
        study, Asked(tuple(dict.fromkeys(ends)), start, shape, taken, announced, against), draws or study.draws
    )
    folder, label = folder_of([study.case], out, tables), label_of(found)
    file = folder.table(f"{label}.csv", found.table)
    figure = exit_figure(found, folder.figure(label))
    where = worded("Table: {table}; figure: {figure}", table=file, figure=figure)
    say(as_json, _as_data(found), *exit_lines(found), "", exit_text(found), "", where)


def _as_data(found: NamedExit) -> dict[str, object]:
    """Return a named exit for machines."""
    from analysis.phase_out.by_instrument.apart import most_often
    from analysis.phase_out.by_instrument.named import exit_lines

    asked, (year, share) = found.asked, most_often(found.lost_in)
    largest = interval_columns(found.lost, "size") | {"year": year, "share of draws": share}
    return {
        "case": found.study.case, "ends": list(asked.ends), "start": asked.start, "shape": asked.shape,
        "length": asked.length, "against": found.base, "draws": len(found.ratio), "fails": found.fails,
        "fails_after_its_end": None if isnan(found.fails_after) else found.fails_after, "setback": found.setback,
        "largest_loss": largest | {"of years": found.study.exit.loss_years}, "warnings": list(found.warnings),
        "still_paid": dict(found.paid), "lines": exit_lines(found), "table": records(found.table),
    }  # fmt: skip


def _levels(
    case: str,
    ends: tuple[str, ...],
    start: float,
    until: float | None,
    levels: str,
    against: str,
    draws: int | None,
    folder: Folder,
    as_json: bool,
) -> None:
    from analysis.phase_out.by_instrument.levels import at_levels, percents_of
    from analysis.phase_out.by_instrument.levels_told import level_figure, level_lines, level_text

    percents = percents_of(levels) if levels else ExitStudies.load().levels
    study = load_exit_study(case)
    found = at_levels(study, ends, start, until, percents, against, draws or study.draws)
    file = folder.table(f"{found.label}.csv", found.table)
    figure = level_figure(found, folder.figure(found.label))
    data = {
        "case": study.case, "instruments": list(found.ends), "start": start, "until": found.until,
        "against": found.base, "levels": list(found.percents), "draws": found.units.shape[1], "rate": study.rate,
        "base_year": study.base_year, "horizon": study.horizon, "warnings": list(found.warnings),
        "lines": level_lines(found), "table": records(found.table),
    }  # fmt: skip
    where = worded("Table: {table}; figure: {figure}", table=file, figure=figure)
    say(as_json, data, *level_lines(found), "", level_text(found), "", where)
