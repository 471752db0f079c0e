"""`techcycle run` and `techcycle parameters`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from analysis.commands.shared import JSON
from models.case import load_case
from models.own import again, own_folder
from stockflow.commands.console import deliver
from stockflow.commands.console import settings as numbers
from stockflow.names import plain
from stockflow.vensim_files.files import changes


@click.command()
@click.argument("case")
@click.option("--set", "settings", multiple=True, metavar='"NAME=VALUE"', help="Set a constant; may be repeated.")
@click.option("--policy", type=click.Path(path_type=Path), help="CSV that replaces policies: variable,year,value,unit.")
@click.option("--changes", "changes_file", type=click.Path(path_type=Path),
              help="Vensim changes file (.cin) or outcome (.out); --set goes before it.")  # fmt: skip
@click.option("--until", type=float, help="Last time of the run (year); default: the model's final time.")
@click.option("--engine", type=click.Choice(["batch", "reference"]), default="batch", show_default=True,
              help="batch: compiled; reference: PySD, slow and trusted.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="File to write instead of standard output.")
def run(
    case: str, settings: Sequence[str], policy: Path | None, changes_file: Path | None, until: float | None,
    engine: str, out: Path | None,
) -> None:  # fmt: skip
    """Run CASE once and print a CSV: a row per saved time, a column per variable.

    \b
    Example:
      techcycle run pv --until 2030 --set "cost sensitivity=2" | head
    """
    given = numbers(settings)
    if changes_file is not None:
        by_hand = set(map(plain, given))
        read = changes(changes_file, load_case(case).model)
        given = {**{name: value for name, value in read.items() if plain(name) not in by_hand}, **given}
    from models.run import run_case

    _warn_of_old_estimates(case)
    dataset = run_case(case, given, policy, until, engine)
    table = dataset.to_dataframe()
    table.index.name = "Time"
    deliver([table.to_csv(float_format="%.10g")], out)


def _warn_of_old_estimates(case: str) -> None:
    """Say on standard error that a technology of the user's own was changed after it was calibrated."""
    folder = own_folder(case)
    if folder is None:
        return
    from calibration.records.results import is_current, record_of

    if record_of(case).is_file() and not is_current(case):
        click.echo(f"Warning: {case}: the estimates are of an earlier state of its files; {again(folder)}", err=True)


@click.command()
@click.argument("case")
@JSON
def parameters(case: str, as_json: bool) -> None:
    """List the parameters of CASE: value, unit, bounds, source."""
    rows = [
        {"parameter": p.name, "value": p.value, "unit": p.unit, "low": p.low, "high": p.high,
         "evidence": p.evidence, "source": p.source}
        for p in load_case(case).parameters.values()
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    import pandas as pd

    from analysis.plain.shown import text

    click.echo(text(pd.DataFrame(rows)))
