"""`techcycle run` and `techcycle parameters`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.commands.shared import CASE, JSON, say
from models.case import load_case
from models.home import home_of
from stockflow.commands.console import Real, deliver
from stockflow.commands.console import settings as numbers
from stockflow.errors import InputError
from stockflow.files import shown
from stockflow.vensim_files.files import with_changes

if TYPE_CHECKING:
    from models.schedules.file import Schedule


@click.command()
@CASE
@click.option("--set", "settings", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
@click.option("--policy", type=click.Path(path_type=Path), help="CSV that replaces policies: variable,year,value,unit.")
@click.option("--changes", "changes_file", type=click.Path(path_type=Path),
              help="Vensim changes file (.cin) or outcome (.out); --set goes before it.")  # fmt: skip
@click.option("--schedule", metavar="NAME_OR_FILE",
              help="Schedule of support: a shipped one (see `techcycle policy list`) or a TOML file.")  # fmt: skip
@click.option("--until", type=Real(), metavar="YEAR", help="Last time of the run; default: the model's final time.")
@click.option("--variables", multiple=True, metavar="NAME",
              help="Only this variable, its unit in the head of its column; may be repeated.")  # fmt: skip
@click.option("--yearly", is_flag=True, help="Only whole years, instead of quarters.")
@click.option("--engine", type=click.Choice(["batch", "reference"]), default="batch", show_default=True,
              help="batch: compiled; reference: PySD, slow and trusted.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="File to write instead of standard output.")
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
    out: Path | None,
) -> None:
    """Run CASE once and print a CSV: a row per saved time, a column per variable.

    \b
    Example:
      techcycle run pv --until 2030 --set "cost sensitivity=2" | head
      techcycle run nev --schedule nev_cliff --out cliff.csv
      techcycle run nev --yearly --variables "market share" --variables Price
    """
    if out is not None and out.suffix.lower() not in ("", ".csv", ".txt"):
        raise InputError(f"{shown(out)}: what is written is CSV; the name must end in .csv or .txt, or have no ending")
    if policy is not None and policy.suffix.lower() == ".toml":
        raise InputError(f"--policy {shown(policy)}: a schedule (TOML) goes with --schedule; a policy is a CSV")
    by_hand = numbers(settings)
    given = by_hand
    asked = [load_case(case).model.variable(name) for name in dict.fromkeys(variables)]
    if changes_file is not None:
        given = with_changes(by_hand, changes_file, load_case(case).model)
    from models.run import run_case, without_effect
    from models.schedules.file import load_schedule

    _check(case)
    ending = None if schedule is None else load_schedule(schedule, load_case(case).home.entry)
    _doubt_scale(case, policy, ending)
    dataset = run_case(case, given, policy, until, engine, ending)
    if ending is not None:
        _tell(case, ending, given, policy, until)
    if engine == "batch":
        for name in without_effect(dataset, case, given, by_hand, policy, until, ending):
            click.echo(f"Warning: --set {name}: changes no saved value of this run", err=True)
    table = dataset.to_dataframe()
    table.index.name = "Time"
    if asked:
        table = table[[one.name for one in asked]].set_axis([f"{one.name} ({one.unit})" for one in asked], axis=1)
    if yearly:
        table = table[table.index % 1 == 0]
    deliver([table.to_csv(float_format="%.10g")], out)


def _tell(case: str, schedule: Schedule, given: Mapping[str, float], policy: Path | None, until: float | None) -> None:
    """Say on standard error what a schedule ends and holds in this run, or that it changes nothing in it."""
    from analysis.phase_out.schedule_words import in_brief, of_run
    from models.run import changed_model, one_run

    applied = one_run(changed_model(case, given, policy), schedule, until)
    if not applied.paths():
        model = applied.draws.model
        years = f"{model.initial_time:g} to {applied.draws.until:g}"
        click.echo(f"Warning: --schedule {schedule.name}: changes nothing in the years run, {years}", err=True)
        return
    click.echo(in_brief(of_run(schedule, applied)), err=True)


def _doubt_scale(case: str, policy: Path | None, schedule: Schedule | None) -> None:
    """Say on standard error which values of a policy or schedule are of another scale than the case's history."""
    from models.policy import doubts_of_scale, read_policy
    from models.schedules.file import amounts

    model = load_case(case).model
    given = {} if policy is None else {name: tuple(ys) for name, (_, ys) in read_policy(policy, model).items()}
    told = [(str(policy), doubt) for doubt in doubts_of_scale(given, model)]
    if schedule is not None:
        told += [(schedule.name, doubt) for doubt in doubts_of_scale(amounts(schedule), model)]
    for place, doubt in told:
        click.echo(f"Warning: {place}: {doubt}", err=True)


def _check(case: str) -> None:
    """Say on standard error that a case was changed after it was calibrated."""
    from calibration.records.results import is_current

    home = home_of(case)
    if home.record.is_file() and not is_current(case):
        click.echo(f"Warning: {case}: the estimates are of an earlier state of its files; {home.again}", err=True)


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
