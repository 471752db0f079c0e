"""The command `stockflow page`: a model as one HTML file that runs it in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from stockflow.commands.batch import drawn
from stockflow.commands.console import Whole, listed, settings
from stockflow.commands.options import CHANGES, FILE, METHOD, PATH, SAVE, SET, UNTIL, loaded, tables
from stockflow.files import check_ending, replace_file
from stockflow.language.data_tables import read_data
from stockflow.language.equations import Method
from stockflow.page import MOST_DRAWS
from stockflow.vensim_files.files import with_changes


@click.command()
@FILE
@click.option("--inputs", metavar="A,B", help="Constants with a slider; default: 16 that move the outputs furthest.")
@click.option("--outputs", metavar="A,B", help="Variables with a chart; default: what --data observes, then stocks.")
@click.option("--curves", metavar="A,B", help="Lookups that can be dragged; default: all, if there are at most 6.")
@click.option("--samples", type=PATH, metavar="CSV", help="Draws of constants: a column for each, a row for a draw.")
@click.option("--sensitivity", type=PATH, metavar="VSC", help="Vensim sensitivity control (.vsc) instead of --samples.")
@click.option("--draws", type=Whole(1), default=MOST_DRAWS, show_default=True, help="Most of the samples to take.")
@click.option("--title", default="", help="Default: the name of FILE.")
@SET
@CHANGES
@UNTIL
@SAVE
@METHOD
@click.option("--out", type=PATH, required=True, metavar="HTML", help="File to write.")
def page(
    file: Path,
    inputs: str | None,
    outputs: str | None,
    curves: str | None,
    samples: Path | None,
    sensitivity: Path | None,
    draws: int,
    title: str,
    pairs: Sequence[str],
    changes: Path | None,
    until: float | None,
    save_period: float | None,
    method: Method | None,
    out: Path,
) -> None:
    """Write FILE as one HTML page with sliders, charts and the compiled model in it, to be opened without a network.

    A slider's range is the one that the model file gives the constant, else 0 to twice its value. With samples,
    charts show the median and the middle 50 and 90% of them; a slider that is moved sets its constant in all samples.
    Tables of --data (a first column Time, then a variable each) are drawn as observed points, too.

    \b
    Examples:
      stockflow page model.mdl --out page.html
      stockflow page model.mdl --inputs "birth rate,lifetime" --outputs Population --samples draws.csv --out page.html
    """
    from stockflow.page.contents import Asked, contents
    from stockflow.page.page import html

    check_ending(out, ".html", ".htm")
    model, given = loaded(file), settings(pairs)
    points = {name: column for table in tables() for name, column in read_data(table).columns.items()}
    if changes is not None:
        given = with_changes(given, changes, model)
    if given:
        model = model.with_constants(given)
    asked = Asked(
        title=title,
        inputs=None if inputs is None else listed(inputs),
        outputs=None if outputs is None else listed(outputs),
        curves=None if curves is None else listed(curves),
        samples=None if samples is sensitivity is None else drawn(model, samples, sensitivity),
        observed=points or None,
        draws=draws,
        until=until,
        save_period=save_period,
        method=method,
    )
    whole = html(contents(model, asked)).encode()
    replace_file(out, lambda part: part.write_bytes(whole))
    click.echo(f"{out}: {len(whole) / 1e3:.0f} kB")
