"""What the results may be trusted for: `techcycle scoreboard`, `identify` and `numerics`."""

from pathlib import Path

import click

from analysis.commands.shared import CASE, JSON, OUT, say
from analysis.phase_out.study import STUDIED
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.shown import records, text
from analysis.report.cells import described
from analysis.scoreboard.board import scoreboard as score
from analysis.trust import numerics
from analysis.trust.chapter import identify_case, posteriors_of, ridge_words, statement_words, tables_of, verdict_words
from calibration.records.results import accepted_fits, load_accepted
from models.case import CASES, load_case
from models.home import home_of


@click.command()
@JSON
def scoreboard(as_json: bool) -> None:
    """Put the paper's figures beside the observed and the modelled ones: inside or outside, and why not answered."""
    accepted, unfitted = accepted_fits(CASES)
    posteriors, missing = posteriors_of(tuple(accepted))
    board = score(accepted, posteriors=posteriors)
    say(
        as_json,
        board.as_json(),
        text(board.table()),
        "\n".join([*missing.values(), *unfitted.values()]),
        "\n"
        + worded(
            "{inside} of {all} answered target rows are inside the paper's range.",
            inside=board.inside,
            all=len(board.rows),
        ),
        "\n" + worded("Not answered ({count}):", count=len(board.unanswered)),
        *(
            f"  {one.id:6s} {worded('{what}: {why}', what=term(described(one)), why=term(one.reason))}"
            for one in board.unanswered
        ),
    )


@click.command("identify")
@CASE
@OUT
@JSON
def identify_command(case: str, out: Path, as_json: bool) -> None:
    """Say what the data can tell apart in CASE: a verdict on every calibrated parameter.

    Profiles every parameter of the accepted fit, compares prior and posterior, follows the ridge of learning by doing
    against learning by searching, and tries policies at both of its ends. Figures and tables go to OUT.
    """
    case = load_case(case).name
    folder = Folder(out).prepare()
    posteriors, missing = posteriors_of((case,))
    found = identify_case(case, load_accepted(case), posteriors.get(case), folder)
    for name, table in tables_of(found).items():
        folder.table(f"identifiability_{home_of(case).label}_{name}.csv", table)
    words, tables = verdict_words(found) + ridge_words(found), tables_of(found)
    told: dict[str, object] = {"basis": found.basis, "missing": missing.get(case), "words": words}
    say(
        as_json,
        told | {name: records(table) for name, table in tables.items()},
        *map(term, missing.values()),
        worded("Spreads and correlations: {basis}.", basis=term(found.basis)),
        *("\n" + text(table) for table in tables.values()),
        "",
        *words,
        *statement_words(found),
    )


@click.command("numerics")
@JSON
def numerics_command(as_json: bool) -> None:
    """Run every headline result again at half the time step and print how far it moves, with a verdict."""
    table = numerics.certificate({case: load_accepted(case) for case in STUDIED})
    moved = table[table["verdict"] == numerics.MOVES].drop(columns="verdict")
    beyond = [f"\n{worded('Beyond their tolerance:')}\n{text(moved)}"] if len(moved) else []
    words = f"\n{numerics.words(table, numerics.Study.load())}"
    say(as_json, records(table), text(numerics.summary(table)), *beyond, words)
