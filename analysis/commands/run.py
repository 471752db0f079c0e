"""`techcycle run` and `techcycle parameters`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.commands.shared import CASE, FILE, JSON, say
from analysis.plain.language import term, worded
from models.case import load_case
from models.home import home_of
from models.policy import known_variable
from stockflow.commands.console import Real
from stockflow.commands.console import settings as numbers
from stockflow.errors import InputError
from stockflow.files import check_ending, shown
from stockflow.vensim_files.files import with_changes

if TYPE_CHECKING:
    import xarray as xr

    from analysis.runs.asked import AskedRun
    from models.schedules.file import Schedule


@click.command()
@CASE
@click.option("--set", "settings", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
@click.option("--policy", type=FILE,
              help="Table (CSV, xlsx) of new paths: variable,year,value,unit; or a schedule (TOML).")  # fmt: skip
@click.option("--changes", "changes_file", type=FILE,
              help="Vensim changes file (.cin) or outcome (.out); --set goes before it.")  # fmt: skip
@click.option("--schedule", metavar="NAME_OR_FILE",
              help="Schedule of support: a shipped one (see `techcycle policy list`) or a TOML file.")  # fmt: skip
@click.option("--until", type=Real(), metavar="YEAR", help="Last time of the run; default: the model's final time.")
@click.option("--variables", multiple=True, metavar="NAME",
              help="Only this variable, its unit in the head of its column; may be repeated.")  # fmt: skip
@click.option("--yearly", is_flag=True, help="Only whole years, instead of quarters.")
@click.option("--engine", type=click.Choice(["batch", "reference"]), default="batch", show_default=True,
              help="batch: compiled; reference: PySD, slow and trusted.")  # fmt: skip
@click.option("--excel", is_flag=True, help="CSV with a byte order mark, by which the Chinese Excel knows UTF-8.")
@click.option("--out", type=FILE, help="File to write: CSV, or a workbook (.xlsx) with notes on its columns.")
def run(
    case: str,
    settings: Sequence[str],
    policy: Path | None,
    changes_file: Path | None,
    schedule: str | None,
    until: float | None,
    variables: Sequence[str],
    yearly: bool,
    engine: str,
    excel: bool,
    out: Path | None,
) -> None:
    """Run CASE once and print a CSV: a row per saved time, a column per variable.

    \b
    Example:
      techcycle run pv --until 2030 --set "cost sensitivity=2" | head
      techcycle run nev --schedule nev_cliff --out cliff.csv
      techcycle run nev --yearly --variables "market share" --variables Price --out share.xlsx
    """
    check_ending(out, "", ".csv", ".txt", ".xlsx")
    book = out is not None and out.suffix.lower() == ".xlsx"
    if excel and book:
        raise InputError(f"--excel: is of CSV; {out} is a workbook already")
    if policy is not None and policy.suffix.lower() == ".toml":
        if schedule is not None:
            raise InputError(f"--policy {shown(policy)}: is a second schedule beside --schedule {schedule}")
        policy, schedule = None, str(policy)
    by_hand = numbers(settings)
    given = by_hand
    asked = [known_variable(load_case(case).model, name, "--variables") for name in dict.fromkeys(variables)]
    if changes_file is not None:
        given = with_changes(by_hand, changes_file, load_case(case).model)
    from analysis.plain.workbook import write_table
    from analysis.runs.asked import TIME, AskedRun, notes_of
    from models.run import run_case
    from models.schedules.file import load_schedule

    home = load_case(case).home
    ending = None if schedule is None else load_schedule(schedule, home.entry)
    wanted = AskedRun(home.label, given, tuple(by_hand), policy, ending, changes_file)
    check_current(case)
    doubt_scale(case, policy, ending)
    dataset = run_case(case, given, policy, until, engine, ending)
    warn(case, wanted, until, dataset if engine == "batch" else None)
    table = dataset.to_dataframe()
    table.index.name = TIME
    names = [one.name for one in asked] or list(map(str, table.columns))
    table = table[names]
    if asked or book:
        model = load_case(case).model
        table = table.set_axis([f"{name} ({model.variable(name).unit})" for name in names], axis=1)
    if yearly:
        table = table[table.index % 1 == 0]
    write_table(table.reset_index(), out, lambda: notes_of(home, names, [wanted], until), excel)


def warn(case: str, asked: AskedRun, until: float | None, found: xr.Dataset | None, place: str = "") -> None:
    """Say on standard error what a schedule does in a run, and which settings by hand change nothing of it, if `found`.

    `place` stands before each line.
    """
    from models.run import without_effect

    if asked.schedule is not None:
        _tell(case, asked.schedule, asked.settings, asked.policy, until, place)
    if found is not None:
        idle = without_effect(found, case, asked.settings, asked.by_hand, asked.policy, until, asked.schedule)
        for name in idle:
            told = worded("Warning: {name}: changes no saved value of this run", name=f"{place or '--set '}{name}")
            click.echo(told, err=True)


def _tell(
    case: str, schedule: Schedule, given: Mapping[str, float], policy: Path | None, until: float | None, place: str
) -> None:
    """Say on standard error what a schedule ends and holds in this run, or that it changes nothing in it."""
    from analysis.phase_out.schedule_words import in_brief, of_run
    from models.run import changed_model, one_run

    applied = one_run(changed_model(case, given, policy), schedule, until)
    if not applied.paths():
        model = applied.draws.model
        told = worded(
            "Warning: {name}: changes nothing in the years run, {first:g} to {last:g}",
            name=f"{place or '--schedule '}{schedule.name}",
            first=model.initial_time,
            last=applied.draws.until,
        )
        click.echo(told, err=True)
        return
    click.echo(f"{place}{in_brief(of_run(schedule, applied))}", err=True)


def doubt_scale(case: str, policy: Path | None, schedule: Schedule | None) -> None:
    """Say on standard error which values of a policy or schedule are of another scale than the case's history."""
    from models.policy import doubts_of_scale, read_policy
    from models.schedules.file import amounts

    model = load_case(case).model
    given = {} if policy is None else {name: tuple(ys) for name, (_, ys) in read_policy(policy, model).items()}
    told = [(str(policy), doubt) for doubt in doubts_of_scale(given, model)]
    if schedule is not None:
        told += [(schedule.name, doubt) for doubt in doubts_of_scale(amounts(schedule), model)]
    for place, doubt in told:
        click.echo(worded("Warning: {what}", what=f"{place}: {term(doubt)}"), err=True)


def check_current(case: str) -> None:
    """Say on standard error that a case was changed after it was calibrated."""
    from calibration.records.results import is_current

    home = home_of(case)
    if home.record.is_file() and not is_current(case):
        told = worded(
            "Warning: {case}: the estimates are of an earlier state of its files; {again}", case=case, again=home.again
        )
        click.echo(told, err=True)


@click.command()
@CASE
@JSON
def parameters(case: str, as_json: bool) -> None:
    """List the parameters of CASE: value, unit, bounds, source."""
    rows = [
        {"parameter": p.name, "value": p.value, "unit": p.unit, "low": p.low, "high": p.high,
         "evidence": p.evidence, "source": p.source}
        for p in load_case(case).parameters.values()
    ]  # fmt: skip
    if as_json:
        say(as_json, rows)
        return
    import pandas as pd

    from analysis.plain.shown import text

    click.echo(text(pd.DataFrame(rows)))
