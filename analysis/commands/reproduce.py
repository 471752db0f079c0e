"""`techcycle reproduce`."""

from pathlib import Path

import click

from analysis.commands.shared import OUT
from analysis.plain.folder import Folder
from analysis.report.reproduce import reproduce_all
from stockflow.commands.console import Whole


@click.command()
@OUT
@click.option("--starts", type=Whole(1, 1000), help="Starts of each calibration; default: the target files'.")
def reproduce(out: Path, starts: int | None) -> None:
    """Calibrate, score, phase out, draw the paths: everything into one folder, with report.html to read."""
    report = reproduce_all(Folder(out), starts)
    click.echo(f"Open {report} in a browser.")
