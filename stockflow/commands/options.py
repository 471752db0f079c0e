"""Options that several commands take alike."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from stockflow.commands.console import Real, Whole
from stockflow.language.equations import Method

FILE = click.argument("file", type=click.Path(path_type=Path))
SET = click.option("--set", "pairs", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
UNTIL = click.option("--until", type=Real(), metavar="T", help="Last time of the run; default: the FINAL TIME.")
SAVE = click.option("--save-period", type=Real(), metavar="P", help="Time between saved moments; default: the SAVEPER.")
METHOD = click.option("--method", type=click.Choice(get_args(Method)), help="Default: as the file asks.")
SEED = click.option("--seed", type=Whole(0), default=0, show_default=True, help="Of random functions.")
OUT = click.option("--out", type=click.Path(path_type=Path), help="File to write instead of standard output.")
CHANGES = click.option(
    "--changes",
    type=click.Path(path_type=Path),
    metavar="CIN",
    help="Vensim changes file (.cin) or outcome (.out); --set goes before it.",
)
#: how numbers are written, and how many runs that failed are named
DIGITS, NAMED = "%.10g", 10
