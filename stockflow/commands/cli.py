"""The `stockflow` command: a model file in, answers out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from stockflow.commands.batch import batch, noting
from stockflow.commands.bench import measure
from stockflow.commands.console import Group, Whole, deliver, run_command, settings, table
from stockflow.commands.loops import loops as loops_command
from stockflow.commands.options import CHANGES, DIGITS, FILE, JSON, METHOD, NAMED, OUT, SAVE, SEED, SET, UNTIL, loaded
from stockflow.commands.page import page
from stockflow.commands.rewriting import convert, edit
from stockflow.compiler.adaptive import SHORTEST
from stockflow.errors import InputError, LoopError
from stockflow.files import check_ending, reason
from stockflow.insight.loops import Loop
from stockflow.language.clock import SCHEMES
from stockflow.language.equations import Method
from stockflow.model import Model
from stockflow.vensim_files.files import with_changes

# most rows of a run that are text at a time
_ROWS = 100_000


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """Look into, check and run a system dynamics model file, once or many thousand times.

    Names of variables are accepted in any case, with spaces or underscores.

    \b
    Start here:
      stockflow info model.mdl                             what is in it, and which feedback loops
      stockflow check model.mdl                            do units balance, what would a reader ask
      stockflow run model.mdl --set "birth rate=0.03"      one run, as CSV
      stockflow batch model.mdl samples.csv --outputs Population --out runs.csv
      stockflow batch model.mdl --sensitivity control.vsc --save kept.lst --figure fan.png
      stockflow loops model.mdl                            which feedback loops do it, and when
      stockflow bench model.mdl                            how fast is it here
      stockflow diagram model.mdl --out pictures           stocks and flows, one SVG for each group
      stockflow page model.mdl --out page.html             one HTML file with sliders that runs the model
      stockflow convert model.mdl model.xmile              the same model in the other format
      stockflow edit model.mdl --set "birth rate=0.03" --out new.mdl    the same file, other numbers
    """


@cli.command()
@FILE
@click.option("--loops", "shown", type=Whole(0), default=20, show_default=True, help="Loops to list.")
@JSON
def info(file: Path, shown: int, as_json: bool) -> None:
    """Say what is in FILE: time settings, stocks, constants, feedback loops.

    Loops are the shortest independent ones: every other loop is a combination of them. A polarity
    marked ~ was measured halfway through the base run and may change during it.
    """
    model = loaded(file)
    loops = model.loops()
    if as_json:
        click.echo(json.dumps(_facts(model, loops), indent=1, ensure_ascii=False))
        return
    unit = model.variable("time step").unit
    kinds = Counter(one.kind for one in model.variables.values())
    click.echo(f"{file}")
    click.echo(
        f"  {model.initial_time:g} to {model.final_time:g} {unit}, step {model.time_step:g},"
        f" saved every {model.save_period:g}, {model.equations.method}"
    )
    click.echo(f"  {len(model.variables)} variables: {', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}")
    counted = Counter(len(one) for one in model.components())
    sizes = ", ".join(str(size) if n == 1 else f"{size} ({n} times)" for size, n in counted.items())
    signs = ", ".join(f"{n} {polarity}" for polarity, n in Counter(one.polarity for one in loops).most_common())
    click.echo(
        f"  {len(loops)} independent feedback loops ({signs or 'none'}); variables in feedback: {sizes or 'none'}"
    )
    _section("Stocks", [(name, f"[{model.variable(name).unit}]") for name in model.stocks])
    _section("Constants", [_constant(model, name) for name in model.constants])
    rows = [(one.name, _polarity(one), str(one.length)) for one in loops[:shown]]
    _section(f"Loops ({len(rows)} of {len(loops)}; length in variables)", rows)


def _section(title: str, rows: Sequence[Sequence[str]]) -> None:
    if rows:
        click.echo(f"\n{title}\n{table(rows)}", nl=False)


def _constant(model: Model, name: str) -> tuple[str, str, str]:
    one = model.variable(name)
    low, high = ("?" if bound is None else f"{bound:g}" for bound in one.limits)
    return name, f"{one.value:g} {one.unit}", "" if one.limits == (None, None) else f"{low} to {high}"


def _polarity(loop: Loop) -> str:
    return loop.polarity if loop.certain or loop.sign is None else f"{loop.polarity} ~"


def _facts(model: Model, loops: Sequence[Loop]) -> dict[str, object]:
    times = ("initial_time", "final_time", "time_step", "save_period")
    texts = ("kind", "unit", "group", "value", "limits", "documentation")
    return {
        "file": model.file.name,
        **_named(model, times),
        "method": model.equations.method,
        "variables": [
            {"name": name, "line": one.line or None, **_named(one, texts)} for name, one in model.variables.items()
        ],
        "components": model.components(),
        "loops": [_named(one, ("name", "polarity", "certain", "members", "stocks")) for one in loops],
    }


def _named(one: object, names: Sequence[str]) -> dict[str, object]:
    return {name: getattr(one, name) for name in names}


@cli.command()
@FILE
@click.option("--strict", is_flag=True, help="Fail on notes, too.")
@JSON
def check(file: Path, strict: bool, as_json: bool) -> int:
    """Check FILE: units of every equation, loops without a stock, the reality checks written in it, and what a
    careful reader would ask.

    Exit code 0: nothing found, or notes only; 1: something to mend; 2: the file cannot be read.
    Notes are rules of thumb and matters of judgement.
    """
    try:
        model = loaded(file)
    except LoopError as error:
        click.echo(json.dumps({"loops": [str(error)]}, indent=1) if as_json else str(error))
        return 1
    units, findings, reality = model.unbalanced(), model.lint(), model.reality_checks()
    warnings = [one for one in findings if one.severity == "warning"]
    notes = [one for one in findings if one.severity == "note"]
    if as_json:
        lint = [_named(one, ("code", "severity", "variable", "line", "text")) for one in findings]
        checks = [_named(one, ("name", "line", "failed_at")) for one in reality]
        click.echo(
            json.dumps({"loops": [], "units": units, "reality": checks, "lint": lint}, indent=1, ensure_ascii=False)
        )
    else:
        failed = [str(one) for one in reality if not one.holds]
        lines = {"units": units, "reality": failed, "warning": map(str, warnings), "note": map(str, notes)}
        for title, found in lines.items():
            for line in found:
                click.echo(f"{title}: {line}")
        checked = f", {len(failed)} of {len(reality)} reality checks failed" if reality else ""
        click.echo(f"{file}: {len(units)} unbalanced{checked}, {len(warnings)} warnings, {len(notes)} notes")
    return 1 if units or warnings or (strict and notes) or not all(one.holds for one in reality) else 0


@cli.command()
@FILE
@SET
@UNTIL
@SAVE
@METHOD
@SEED
@click.option(
    "--engine",
    type=click.Choice(["batch", "reference"]),
    default="batch",
    show_default=True,
    help="batch: compiled; reference: PySD, slow and trusted.",
)
@CHANGES
@OUT
def run(
    file: Path,
    pairs: Sequence[str],
    until: float | None,
    save_period: float | None,
    method: Method | None,
    seed: int,
    engine: str,
    changes: Path | None,
    out: Path | None,
) -> None:
    """Run FILE once and print a CSV: a row for each saved time, a column for each variable.

    A run that becomes infinite or undefined is printed, and where that begins named on standard error.

    \b
    Example:
      stockflow run model.mdl --until 2030 --set "birth rate=0.03" | head
    """
    check_ending(out, "", ".csv")
    model, given = loaded(file), settings(pairs)
    if changes is not None:
        given = with_changes(given, changes, model)
    dataset = model.run(given, until, engine, method, seed, save_period)
    frame = dataset.to_dataframe()
    frame.index.name = "Time"
    parts = range(0, len(frame), _ROWS)
    deliver((frame.iloc[at : at + _ROWS].to_csv(float_format=DIGITS, header=at == 0) for at in parts), out)
    bad = [str(name) for name in frame.columns[~np.isfinite(frame.to_numpy()).all(axis=0)]]
    if bad:
        # a second look knows what was computed first
        again = model.with_constants(given).runs({}, bad, until, save_period, method=method, seed=seed).dataset()
        failed: list[str] = []
        list(noting([again], failed))
        where = failed[0].removeprefix("0 (").removesuffix(")") if failed else ", ".join(bad[:NAMED])
        first = str(again["first_bad_variable"].values[0])
        click.echo(f"stockflow: the run is not finite: {where}{_unmet(model, first, again.attrs['method'])}", err=True)


def _unmet(model: Model, name: str, method: Method) -> str:
    """Say what leaves a stock without a number under a method with automatic steps."""
    own = model.equations.variables.get(name)
    if not SCHEMES[method].order or own is None or own.kind != "stock":
        return ""
    return (
        f": {method} does not meet ABSOLUTE TOLERANCE or RELATIVE TOLERANCE in it in parts of"
        f" TIME STEP/{1.0 / SHORTEST:.0f}, or its rate is undefined: shorten TIME STEP"
    )


@cli.command()
@FILE
@click.option("--runs", type=Whole(1), default=2000, show_default=True, help="Runs of the batch.")
@JSON
def bench(file: Path, runs: int, as_json: bool) -> None:
    """Measure how fast FILE runs on this machine, against PySD once, and how far the two are apart."""
    numbers = measure(loaded(file), runs)
    if as_json:
        click.echo(json.dumps(numbers, indent=1))
    else:
        click.echo(table([(name, "-" if one is None else f"{one:.3g}") for name, one in numbers.items()]), nl=False)


@cli.command()
@FILE
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write to.")
@click.option("--group", multiple=True, help="Draw this group of variables only; may be repeated.")
def diagram(file: Path, out: Path, group: Sequence[str]) -> None:
    """Draw FILE as stocks and flows: one SVG for each group of variables, named after it.

    A name in angle brackets stands elsewhere, too; + and - are signs of links that the equation
    alone tells.
    """
    from stockflow.pictures.diagram import svg
    from stockflow.pictures.layout import groups

    model = loaded(file)
    drawn = {name: svg(model, name) for name in group or groups(model.equations)}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {reason(error)}") from None
    for name, text in drawn.items():
        path = out / f"{re.sub(r'[^0-9A-Za-z]+', '_', name).strip('_') or 'model'}.svg"
        deliver([text], path)
        click.echo(path)


cli.add_command(batch)
cli.add_command(loops_command)
cli.add_command(page)
cli.add_command(convert)
cli.add_command(edit)


def main() -> None:
    """Run the command; bad input ends in one line on standard error and exit code 2."""
    run_command(cli, "stockflow")


if __name__ == "__main__":
    main()
