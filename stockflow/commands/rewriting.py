"""The commands `stockflow convert` and `stockflow edit`: model files written anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from stockflow.commands.console import settings
from stockflow.commands.options import FILE, PATH, encoding, loaded
from stockflow.errors import InputError
from stockflow.files import check_ending, read_bytes, write_whole
from stockflow.language.source import encoding_of
from stockflow.language.xmile.variables import ENDINGS


@click.command()
@FILE
@click.argument("out", type=PATH)
@click.option("--all", "every", is_flag=True, help="Name all that cannot be written, not five of it.")
def convert(file: Path, out: Path, every: bool) -> None:
    """Write FILE in the other format: a Vensim model (.mdl) as XMILE, an XMILE one as Vensim's.

    Equations, units, comments, limits, groups, arrays, tables, macros, the clock and views go with it, and a run gives
    the same numbers: where the same word means two things, the equation that is written says what FILE means. What the
    other format has no form for is refused, with variable and line, and nothing is written.

    \b
    Example:
      stockflow convert model.mdl model.xmile
      stockflow convert model.xmile again.mdl
    """
    from stockflow.conversion.convert import converted

    check_ending(out, ".mdl", *ENDINGS)
    write_whole(out, converted(loaded(file), str(out), None if every else 5))


@click.command()
@FILE
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar='"NAME=VALUE"',
    help="Write another number for a constant; may be repeated.",
)
@click.option(
    "--equation",
    "equations",
    multiple=True,
    metavar='"NAME=EXPRESSION"',
    help="Write another right side for an equation, subscripts as in FILE; may be repeated.",
)
@click.option("--out", type=PATH, required=True, metavar="MDL", help="File to write.")
def edit(file: Path, pairs: Sequence[str], equations: Sequence[str], out: Path) -> None:
    """Write FILE, a Vensim model, with other constants and equations; every other byte stays as it is.

    Encoding, line ends, comments and sketch are those of FILE. What FILE has no equation for is refused, and so is what
    cannot be read afterwards; nothing is written then.

    \b
    Example:
      stockflow edit model.mdl --set "birth rate=0.03" --equation "births= Population*birth rate" --out new.mdl
    """
    from stockflow.conversion.edit import edited

    check_ending(out, ".mdl")
    if not pairs and not equations:
        raise InputError("nothing to change: give --set or --equation")
    model = loaded(file)
    content = read_bytes(file)
    write_whole(out, edited(model, content, encoding_of(file, content, encoding()), settings(pairs), equations))
