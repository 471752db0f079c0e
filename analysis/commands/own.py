"""Commands on tables and technologies of the user's own: `techcycle new`, `validate` and `template`."""

from pathlib import Path

import click

from analysis.plain.language import term, worded
from calibration.own.new import new_case, new_example
from calibration.own.units import assumed
from models.home import home_of
from models.own import read_own
from stockflow.commands.console import Real
from stockflow.errors import InputError
from stockflow.files import check_ending, shown, write_whole


@click.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), help="Observations to take units, first year and scale from.")
@click.option("--cost-unit", help="Unit of unit_cost, for example USD2020/kWh; default: as in the data.")
@click.option("--volume-unit", help="Unit of volumes, for example GWh; default: as in the data.")
@click.option("--kind", type=click.Choice(["price", "cost"]), default="price", show_default=True,
              help="Whether unit_cost is what buyers pay or what makers spend.")  # fmt: skip
@click.option("--market", type=Real(), metavar="X", help="Whole market in volume units a year; default: assumed.")
@click.option("--reference", type=Real(), metavar="X", help="Cost of what is used today; default: assumed.")
@click.option("--example", help="Copy a shipped example instead: wind.")
def new(
    name: str,
    data: Path | None,
    cost_unit: str | None,
    volume_unit: str | None,
    kind: str,
    market: float | None,
    reference: float | None,
    example: str | None,
) -> None:
    """Make the folder NAME for a technology of your own: case.toml, policy.csv, scenario.csv, observations.csv.

    \b
    Example:
      techcycle new heatpump --data observations.csv --market 2000000
      techcycle new wind --example wind
    """
    if example is not None:
        if any(one is not None for one in (data, cost_unit, volume_unit, market, reference)):
            raise InputError("--example: an example brings its own units, data and market; give no other option")
        files = new_example(name, example, Path())
    else:
        files = new_case(name, Path(), data, cost_unit, volume_unit, kind, market, reference)
    for file in files:
        click.echo(str(file))
    for line in assumed(read_own(Path(name))):
        click.echo(worded("Warning: {what}", what=f"{name}: {term(line)}"), err=True)
    data = data or Path(name) / "observations.csv"
    click.echo(worded("Next: techcycle calibrate {name} --data {data}", name=name, data=data))


@click.command()
@click.argument("name")
@click.option("--data", type=click.Path(path_type=Path), help="Observations to check against the case.")
def validate(name: str, data: Path | None) -> None:
    """Check the technology NAME: units, bounds, sources, paths, and, with --data, observations row by row."""
    from calibration.own.fit import validate_own

    for line in validate_own(name, data):
        click.echo(term(line))
    click.echo(worded("{name}: valid", name=name))


@click.command("template")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--case", help="Case whose series and variables it offers; default: a technology that has no case yet.")
def template_command(file: Path, case: str | None) -> None:
    """Write the workbook FILE (.xlsx) to be filled in: observations, and new paths over time of a case.

    It has the heads, units and names that are allowed, examples as comments, and notes in the language spoken.

    \b
    Example:
      techcycle template mine.xlsx               then: techcycle new heatpump --data mine.xlsx
      techcycle template nev.xlsx --case nev     then: techcycle run nev --policy nev.xlsx
    """
    from analysis.plain.workbook import workbook
    from analysis.runs.template import template

    check_ending(file, ".xlsx")
    if file.exists():
        raise InputError(f"{shown(file)}: is there already, perhaps filled in; nothing was written")
    click.echo(str(write_whole(file, workbook(template(None if case is None else home_of(case))))))
