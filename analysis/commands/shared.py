"""What commands share: the options of nearly all of them, and which cases a command is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from models.case import load_case
from stockflow.errors import InputError

CALIBRATED = ("pv", "nev")
FITTED = ("pv", "nev", "ic", "mrna")  # cases with a target file

OUT = click.option(
    "--out", type=click.Path(path_type=Path), default=Path("output"), show_default=True, help="Folder to write to."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def only(case: str, allowed: Sequence[str], what: str) -> str:
    """Return the name of a case; InputError where `what` does not exist for it."""
    name = load_case(case).name
    if name not in allowed:
        raise InputError(f"{what} exists for {' and '.join(map(repr, allowed))}, not yet for {name!r}")
    return name


def own_takes(case: str, *allowed: str) -> None:
    """Refuse options given on the command line that a command does not take for a technology of the user's own."""
    context = click.get_current_context()
    names = {one.name: one.opts[0] for one in context.command.params if isinstance(one, click.Option)}
    wrong = [
        told for name, told in names.items()
        if name not in allowed and context.get_parameter_source(str(name)) is ParameterSource.COMMANDLINE
    ]  # fmt: skip
    if wrong:
        takes = ", ".join(told for name, told in names.items() if name in allowed)
        raise InputError(
            f"{context.command.name} {case}: {wrong[0]} is not for a technology of your own; it takes {takes}"
        )
