"""`techcycle compare`: any runs of a case held against the first of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from analysis.commands.run import check_current, doubt_scale, warn
from analysis.commands.shared import CASE, JSON, OUT, TABLES, folder_of, say
from analysis.plain.language import term, worded
from models.home import home_of
from stockflow.commands.console import Real, Whole
from stockflow.errors import InputError

LONGEST = 80  # of the names of runs in a file's


@click.command()
@CASE
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--variables", multiple=True, metavar="NAME",
              help="Show this variable; may be repeated; default: six, from market share to knowledge.")  # fmt: skip
@click.option("--until", type=Real(), metavar="YEAR", help="Last time of the runs; default: the model's final time.")
@click.option("--from", "since", type=Real(), metavar="YEAR", help="First year shown; default: before they differ.")
@click.option("--yearly", is_flag=True, help="Only whole years in the table, instead of quarters.")
@click.option("--draws", type=Whole(2, 4000), help="Run each over so many draws of the posterior, the same for all.")
@TABLES
@OUT
@JSON
def compare(
    case: str,
    runs: Sequence[str],
    variables: Sequence[str],
    until: float | None,
    since: float | None,
    yearly: bool,
    draws: int | None,
    tables: str,
    out: Path,
    as_json: bool,
) -> None:
    """Compare runs of CASE with the first of them: in words, as a table over time, and in a figure.

    A RUN is what you would change, or a file:

    \b
      history                 nothing is changed
      nev_cliff or cliff      a shipped schedule (`techcycle policy list`)
      mine.toml               a schedule of your own
      mine.csv, mine.xlsx     a policy (variable,year,value,unit), or a table that `techcycle run` wrote
      mine.cin                a Vensim changes file
      "cost sensitivity=2"    a setting

    Parts are joined by +, and a name of your own goes before a colon: "weak: cliff + cost sensitivity=2". One RUN alone
    is compared with history. With --draws differences have 90% intervals, taken in the same draws. Observations that
    the case is fitted to are points in the figure. Table and figure go to OUT, those of a case of one's own to its
    folder.

    \b
    Example:
      techcycle compare nev cliff
      techcycle compare nev history cliff "weak: cliff + cost sensitivity=2" --until 2035
      techcycle compare pv "learns less: doing learning rate=0.1" --variables "market share" --draws 100
    """
    from analysis.plain.shown import records, text
    from analysis.runs import compare as study
    from analysis.runs.asked import HISTORY, asked_runs, notes_of
    from analysis.runs.figures import check_count, run_lines

    home, settings = home_of(case), study.CompareStudy.load()
    wanted = asked_runs(home, runs if len(runs) > 1 else [HISTORY, *runs])
    check_count(len(wanted))
    check_current(case)
    found, single = study.compare(home, wanted, variables or settings.variables, until, draws)
    first = found.since(settings) if since is None else since
    if first >= found.times[-1]:
        raise InputError(f"--from {first:g}: must be before {found.times[-1]:g}, the last time of the runs")
    for one in wanted:
        doubt_scale(case, one.policy, one.schedule)
        warn(case, one, until, single.get(one.label), f"{one.label}: ")
    table, words = study.table(found, yearly), study.words(found)
    folder, name = folder_of([home.name], out, tables), _name(home.label, found.labels)
    file = folder.table(f"{name}.csv", table, notes_of(home, found.values, wanted, until))
    figure = run_lines(found, table, first, folder.figure(name))
    facts = [{"run": one.label, **dict(one.facts())} for one in wanted]
    data = {"case": home.name, "runs": facts, "draws": found.draws, "basis": found.basis, "words": words}
    basis = [worded("Medians over {basis}.", basis=term(found.basis))] if found.basis else []
    where = worded("Table: {table}; figure: {figure}", table=file, figure=figure)
    say(as_json, data | {"table": records(table)}, *words, *basis, "", text(study.brief(found, first)), "", where)


def _name(case: str, labels: Sequence[str]) -> str:
    return f"compare_{case}_" + re.sub(r"[^\w-]+", "_", "_".join(labels))[:LONGEST].strip("_")
