"""`techcycle paths`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from analysis import own_cli
from analysis.commands.shared import JSON
from analysis.pathways import durations, industry_path, load_path_study, published_durations
from analysis.shown import records as _records
from analysis.shown import text as _text
from calibration.results import accepted_fits
from models.case import CASES, load_case
from models.own import own_folder
from stockflow.errors import InputError


@click.command()
@click.argument("cases", nargs=-1)
@JSON
def paths(cases: Sequence[str], as_json: bool) -> None:
    """Date the stages from discovery to large-scale industry; default: all four industries.

    A technology of your own is dated alone, over its posterior.
    """
    if len(cases) == 1 and own_folder(cases[0]) is not None:
        own_cli.paths_command(cases[0], as_json)
        return
    if mine := [one for one in cases if own_folder(one) is not None]:
        raise InputError(f"paths: {mine[0]!r} is a technology of your own: give it alone")
    study = load_path_study()
    wanted = [load_case(c).name for c in cases] or list(CASES)
    accepted, unfitted = accepted_fits(wanted)
    table = durations([industry_path(c, study, accepted.get(c)) for c in wanted], study)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "model": _records(table),
                    "published": _records(published_durations(study.window)),
                    "unfitted": unfitted,
                },
                indent=1,
            )
        )
        return
    wide = table.pivot_table(index=["case", "clock"], columns="stage", values="years", sort=False)
    click.echo("Years from each clock to each stage (model):")
    click.echo(wide.round(1).to_string(na_rep="-"))
    for line in unfitted.values():
        click.echo(line)
    click.echo("\nYears between dated stages of other technologies (calibration/data/technology_timelines.csv):")
    click.echo(_text(published_durations(study.window)))
