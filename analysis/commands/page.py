"""`techcycle page`: the policy maker's page of a case, one HTML file that runs the model in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.commands.shared import CASE, FILE
from analysis.plain.language import worded
from stockflow.commands.console import Whole
from stockflow.files import check_ending


@click.command("page")
@CASE
@click.option("--draws", type=Whole(20, 400), default=200, show_default=True, help="Draws of the posterior.")
@click.option("--out", type=FILE, default=Path("page.html"), show_default=True, help="File to write.")
def page_command(case: str, draws: int, out: Path) -> None:
    """Write one HTML page on which a policy maker sets support of CASE (nev, pv) and sees the model run.

    Each instrument has a level, an end with its start, or what it waits for, its shape and length, and how far ahead it
    is announced. The page shows the share of the market, sales, costs and public money over draws of the posterior, and
    says whether an end is safe and in how many draws not, as `techcycle exit` does. It needs no network, in English and
    Chinese.

    \b
    Example:
      techcycle page nev --out nev.html
      techcycle --lang zh page pv --out pv.html
    """
    from analysis.report.try_it import write_page

    check_ending(out, ".html", ".htm")
    write_page(case, out, draws)
    click.echo(worded("{file}: {size:.0f} kB", file=out, size=out.stat().st_size / 1e3))
