"""`techcycle brief`: the answers on one page, from what is on record."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from analysis.commands.shared import JSON, OUT, SOME_CASES, say
from analysis.plain.folder import Folder
from analysis.plain.language import worded
from analysis.plain.shown import records
from models.case import CASES
from stockflow.errors import InputError


@click.command("brief")
@SOME_CASES
@OUT
@JSON
def brief_command(cases: Sequence[str], out: Path, as_json: bool) -> None:
    """Put the answers on one page, to be mailed or printed: brief.html, brief.pdf; default: all industries.

    When can support end and what breaks (pv, nev), how long is the way from discovery to large-scale industry, how far
    may that be trusted; a sentence, a figure, the interval and the objection each. Nothing is fitted anew: the answers
    are those on record, as in README. Beside them lies the page of each of pv, nev on
    which a policy can be tried (`techcycle page`). The PDF needs fpdf2 (pip install fpdf2).

    \b
    Example:
      techcycle brief nev
      techcycle --lang zh brief nev pv --out report
    """
    from analysis.report.on_record import brief_on_record
    from analysis.report.page import write_brief
    from analysis.report.try_it import write_pages

    wanted = list(dict.fromkeys(cases)) or list(CASES)
    if unknown := [case for case in wanted if case not in CASES]:
        raise InputError(f"brief: nothing is on record of {unknown[0]!r}; it has {', '.join(CASES)}")
    folder = Folder(out).prepare()
    brief = brief_on_record(wanted, folder)
    files = [write_brief(brief, folder, "brief", {}), *write_pages(brief.cases, folder.root)]
    if find_spec("fpdf"):
        from analysis.report.pdf import write_pdf

        files.append(write_pdf(brief, folder, folder.root / "brief.pdf"))
        lacking = []
    else:
        lacking = [worded("No brief.pdf: fpdf2 is not installed; pip install fpdf2 brings it.")]
    answers = brief.answers(folder)
    data = [
        {"question": one.question, "sentences": list(one.sentences), "points": dict(one.points),
         "objections": list(one.objections), "tables": {head: records(table) for head, table in one.tables.items()},
         "figures": list(map(str, one.pictures.values()))}
        for one in answers
    ]  # fmt: skip
    told = []
    for one in answers:
        told += [one.question, *one.sentences]
        for head, lines in one.points.items():
            told += [head, *(f"- {line}" for line in lines)]
        told += [*(worded("But: {objection}", objection=each) for each in one.objections), ""]
    say(as_json, data, *told, *lacking, worded("Written: {files}", files=", ".join(map(str, files))))
