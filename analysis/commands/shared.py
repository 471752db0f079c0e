"""What commands share: the options of nearly all of them, and which cases a command is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

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
