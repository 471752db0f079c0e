"""`techcycle policy`: schedules shown in words, checked and drawn."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analysis.commands.shared import JSON, OUT, say
from analysis.plain.language import listed, sentence, term, worded
from analysis.plain.units import beside_numbers
from models.case import CASES, load_case
from models.policy import doubts_of_scale
from models.schedules.file import Schedule, amounts, load_schedule, shipped
from stockflow.commands.console import Real
from stockflow.errors import InputError

if TYPE_CHECKING:
    from analysis.phase_out.schedule_words import Shown

UNTIL = Real(2000, 2060)


@click.group()
def policy() -> None:
    """Schedules of support: what they say, whether they are valid, what they look like.

    FILE is a schedule (TOML) or the short name of a shipped one; `techcycle policy list` names them.
    """


@policy.command("list")
@JSON
def list_command(as_json: bool) -> None:
    """Name the shipped schedules with their titles."""
    titles = {name: load_schedule(name).title for name in shipped()}
    say(as_json, titles, *(f"{name:{max(map(len, titles))}s}  {term(title)}" for name, title in titles.items()))


@policy.command()
@click.argument("file")
@click.option("--until", type=UNTIL, default=2035.0, show_default=True, help="Last year of the table.")
@JSON
def show(file: str, until: float, as_json: bool) -> None:
    """Say in words what FILE does, with a table of yearly means beside history.

    What depends on the run, as a trigger does, is that of one run at the accepted values.

    \b
    Example:
      techcycle policy show nev_share_triggered
    """
    from analysis.phase_out.schedule_words import UNITS, show_schedule, words
    from analysis.plain.shown import screen

    schedule = load_schedule(file)
    _doubt(file, schedule)
    shown = show_schedule(schedule, until)
    lines = words(schedule)
    for name, date in shown.began.items():
        change = shown.applied.moving[name].change
        if change.trigger is not None:
            if date is not None:
                said = worded("begins in {date:g}", date=date)
            else:
                said = worded("does not begin by {until:g}", until=until)
            lines.append(
                worded("At the accepted values the decline of {instrument} {said}.", instrument=term(name), said=said)
            )
    for name, most in shown.cut.items():
        lines.append(
            worded(
                "At the accepted values {instrument} is cut by up to {most:.3g}: it would exceed the price.",
                instrument=term(name),
                most=most,
            )
        )
    if shown.paths:
        about = term(UNITS[schedule.case])
        lines.append("\n" + worded("Yearly means beside history; money of 2020, {unit}.", unit=about))
        units = listed(
            worded("{variable} in {unit}", variable=term(name), unit="1" if unit == "Dmnl" else beside_numbers(unit))
            for name, unit in shown.units.items()
        )
        table = screen(shown.table().rename(columns=term), index=False, float_format=lambda v: f"{v:.4g}")
        lines += [sentence(units) + "\n", table]
    say(as_json, as_record(shown), *lines)


@policy.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def validate(files: Sequence[str]) -> None:
    """Check each FILE; what is wrong is told by file, key, value and bound, with exit code 2."""
    bad = 0
    for file in files:
        try:
            schedule = load_schedule(file)
            click.echo(worded("{file}: valid: {title}", file=file, title=term(schedule.title)))
            _doubt(file, schedule)
        except InputError as error:
            click.echo(f"techcycle: error: {error}", err=True)
            bad += 1
    if bad:
        sys.exit(2)


@policy.command()
@click.argument("file")
@click.option("--until", type=UNTIL, default=2035.0, show_default=True, help="Last year of the figure.")
@OUT
def plot(file: str, until: float, out: Path) -> None:
    """Draw the path of every instrument of FILE against history: PNG, SVG and CSV in OUT/figures."""
    from analysis.phase_out.schedule_figure import schedule_paths
    from analysis.phase_out.schedule_words import show_schedule
    from analysis.plain.folder import Folder

    schedule = load_schedule(file)
    _doubt(file, schedule)
    if not schedule.instruments:
        raise InputError(f"{schedule.name}: no instrument to draw")
    folder = Folder(out).prepare()
    click.echo(str(schedule_paths(show_schedule(schedule, until), folder.figure(f"policy_{schedule.name}"))))


def _doubt(file: str, schedule: Schedule) -> None:
    """Say on standard error which amounts are of another scale than the case's history."""
    if schedule.case not in CASES:  # of every technology on the generic market: no one history to compare with
        return
    for doubt in doubts_of_scale(amounts(schedule), load_case(schedule.case).model):
        click.echo(worded("Warning: {what}", what=f"{file}: {term(doubt)}"), err=True)


def as_record(shown: Shown) -> dict[str, object]:
    """Return the schedule, its words, when it begins and the yearly table, ready for JSON."""
    from analysis.phase_out.schedule_words import words

    return {
        "schedule": shown.schedule.model_dump(mode="json", exclude_defaults=True),
        "words": words(shown.schedule),
        "began": shown.began,
        "cut at the price": shown.cut,
        "units": dict(shown.units),
        "yearly": [
            {str(key): value for key, value in row.items() if not (isinstance(value, float) and math.isnan(value))}
            for row in shown.table().to_dict("records")
        ],
    }
