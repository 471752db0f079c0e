"""What commands share: the options of nearly all of them, and where answers go."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from analysis.plain.folder import Folder
from models.home import home_of
from stockflow.commands.console import json_text
from stockflow.errors import InputError

FILE = click.Path(path_type=Path)
OUT = click.option("--out", type=FILE, default=Path("output"), show_default=True, help="Folder to write to.")
INSTRUMENTS = click.option(
    "--instrument", "ends", multiple=True, metavar="NAME",
    help="What ends, such as 'purchase subsidy'; may be repeated; default: what buyers get, or the study file names.",
)  # fmt: skip
TABLES = click.option("--tables", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True,
                      help="Tables as CSV, or as workbooks with notes on their columns.")  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def folder_of(cases: Sequence[str], out: Path, tables: str = "csv") -> Folder:
    """Return where answers go: to the folder of the one case asked about, if it keeps them itself, else to `out`."""
    kept = home_of(cases[0]).tables if len(cases) == 1 else None
    return Folder(out if kept is None else kept.parent, tables)


def check_units(name: str) -> None:
    """Refuse a case whose units cannot be, whatever is asked of it, and say on standard error which it assumes."""
    if (units := home_of(name).units_of()) is not None:
        from calibration.own.units import assumed

        for line in assumed(units):
            click.echo(f"Warning: {name}: {line}", err=True)


def _about(name: str, nargs: int = 1) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what gives a command its argument of cases and has it look at their units before all else it does."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def after_the_look(**values: Any) -> None:
            for case in [values[name]] if nargs == 1 else values[name]:
                check_units(case)
            command(**values)

        return click.argument(name, nargs=nargs)(after_the_look)

    return give


CASE = _about("case")
SOME_CASES = _about("cases", nargs=-1)


def given(*names: str) -> list[str]:
    """Return those of the command's options that stand on the command line, as they are written there."""
    context = click.get_current_context()
    options = {one.name: one.opts[0] for one in context.command.params if isinstance(one, click.Option)}
    there = (name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE)
    return [options[name] for name in there]


def only_options(what: str, *allowed: str) -> None:
    """Refuse options on the command line that do not go with `what` the command was asked for."""
    command = click.get_current_context().command
    names = {str(one.name): one.opts[0] for one in command.params if isinstance(one, click.Option)}
    if wrong := given(*(name for name in names if name not in allowed)):
        takes = ", ".join(told for name, told in names.items() if name in allowed)
        raise InputError(f"{command.name}: {wrong[0]} does not go with {what}, which takes {takes}")


def say(as_json: bool, data: object, *lines: str) -> None:
    """Print an answer: its data as JSON, or the lines that a person reads."""
    click.echo(json_text(data) if as_json else "\n".join(lines))
