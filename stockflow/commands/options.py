"""Options that several commands take alike."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click

from stockflow.commands.console import Real, Whole
from stockflow.language.equations import Method
from stockflow.language.source import Rules
from stockflow.loading import load
from stockflow.model import Model

PATH = click.Path(path_type=Path)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep an option that says how the model is read, for `loaded`."""
    context.meta[f"stockflow.{parameter.name}"] = value


def FILE(command: Callable[..., object]) -> Callable[..., object]:
    """Take a model file, and how it is read."""
    for option, form, words in (
        ("--encoding", str, "Encoding of the model's text, such as cp1252; default: as it says or looks."),
        ("--tag", str, "File that the model calls by a name: --tag ?data=inputs.xlsx; may be repeated."),
        ("--folder", PATH, "Folder that files named in the model lie in, by default its own; may be repeated."),
        (
            "--as",
            click.Choice(get_args(Rules)),
            "Whose word holds where PySD and the manuals differ; default: the manuals'. pysd is for comparing runs.",
        ),
        ("--data", PATH, "Table of data that the model leaves to be filled; may be repeated."),
    ):
        many = option not in {"--encoding", "--as"}
        decorate = click.option(option, type=form, multiple=many, callback=_remember, expose_value=False, help=words)
        command = decorate(command)
    return click.argument("file", type=PATH)(command)


def encoding() -> str | None:
    """Return the encoding of the model that the present command was given."""
    found = click.get_current_context().meta.get("stockflow.encoding")
    return None if found is None else str(found)


def loaded(file: Path) -> Model:
    """Return the model of a file, read as the options of the present command say."""
    meta = click.get_current_context().meta
    tags = {tag: name for tag, equals, name in (one.partition("=") for one in meta.get("stockflow.tag", ())) if equals}
    if len(tags) < len(meta.get("stockflow.tag", ())):
        raise click.UsageError("--tag must be ?NAME=FILE, each name once")
    folders = meta.get("stockflow.folder") or None
    model = load(file, folders, encoding(), tables(), tags, meta.get("stockflow.as") or "manual")
    gc.freeze()  # it stays to the end of the command: no search for garbage goes through it
    return model


def tables() -> tuple[Path, ...]:
    """Return the tables of data that the present command was given."""
    return tuple(click.get_current_context().meta.get("stockflow.data", ()))


SET = click.option("--set", "pairs", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
UNTIL = click.option("--until", type=Real(), metavar="T", help="Last time of the run; default: the FINAL TIME.")
SAVE = click.option("--save-period", type=Real(), metavar="P", help="Time between saved moments; default: the SAVEPER.")
METHOD = click.option("--method", type=click.Choice(get_args(Method)), help="Default: as the file asks.")
SEED = click.option("--seed", type=Whole(0), default=0, show_default=True, help="Of random functions.")
OUT = click.option("--out", type=PATH, help="File to write instead of standard output.")
CHANGES = click.option(
    "--changes", type=PATH, metavar="CIN", help="Vensim changes file (.cin) or outcome (.out); --set goes before it."
)
#: how numbers are written, and how many runs that failed are named
DIGITS, NAMED = "%.10g", 10
