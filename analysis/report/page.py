"""Results -> one HTML page that opens offline; every number in it is generated here from the results."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from analysis.draws.stages import LARGE
from analysis.forecasts.study import ForecastChapter, yardsticks
from analysis.plain.language import (
    LANGUAGES,
    language,
    marked,
    other_languages,
    speaking,
    term,
    translated,
    worded,
)
from analysis.plain.units import beside_numbers
from analysis.report.brief import HEADING, TRY_IT, USED, Brief
from analysis.report.cells import cell, described, html_table, spread_cell
from analysis.report.chapters import Chapter, texts
from analysis.report.fit_chapter import fit_chapter
from analysis.report.goals import goal_table
from analysis.report.lettering import FONT, inline, lettering, with_letters
from analysis.report.pictures import Figures
from analysis.scoreboard.board import Scoreboard
from analysis.trust import numerics
from analysis.trust.chapter import Trust, chapter
from calibration.fitting.estimates import Calibration
from calibration.forecasting.record import YARDSTICK
from models.case import CASES, load_case
from stockflow.files import write_whole
from stockflow.pictures.diagram import diagrams

PAGE = Path(__file__).parents[1] / "page"
ANEW = marked(
    "Fits were made anew by the run that wrote this page; posteriors, forecasts and answers by instrument are those on "
    "record. Every figure lies in figures/ with its numbers, every table in results/."
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page is made of."""

    calibrations: Mapping[str, Calibration]
    ridges: Mapping[str, pd.DataFrame]
    board: Scoreboard
    paths: Sequence[Chapter]
    trust: Trust
    forecasts: Sequence[ForecastChapter]
    exits: Mapping[str, Chapter]
    mechanisms: Sequence[Chapter]


def write_report(report: Report, root: Path) -> Path:
    """Render `root`/report.html, the answers on one page, and the pages behind it in `root`/report; return the first.

    The first page carries its figures; the others name theirs, small pictures beside them. In every other language
    there is a first page, too, `root`/report.LANGUAGE.html, over the same pages behind.
    """
    environment, titles = environment_of_pages(), titles_of(report)
    pages = {
        root / "report" / f"{one.name}.html": environment.get_template(one.template).render(
            page=one.name, title=titles[one.name], contents=titles, home="../report.html", folder="", switch={},
            figure=Figures(root / "figures", root / "report" / "pictures"), texts=texts(), **one.told,
        )
        for one in pages_of(report)
    }  # fmt: skip
    letters = lettering("".join(pages.values())) if language() == "zh" else b""
    if letters:
        write_whole(root / "report" / FONT, letters)
    for file, text in pages.items():
        write_whole(file, with_letters(text, FONT) if letters else text)
    main, others = language(), other_languages()
    first = _first_page(report, root, main, {f"report.{one}.html": one for one in others})
    for other in others:
        with speaking(other):
            _first_page(report, root, main, {"report.html": main})
    return first


def _first_page(report: Report, root: Path, main: str, switch: Mapping[str, str]) -> Path:
    """Write the first page in the language spoken; `main` is that of the pages behind, `switch` the pages beside it."""
    name = "report.html" if language() == main else f"report.{language()}.html"
    return write_brief(brief_of(report), root / name, root / "figures", main, titles_of(report), switch)


def write_brief(
    brief: Brief, file: Path, figures: Path, main: str, contents: Mapping[str, str], switch: Mapping[str, str]
) -> Path:
    """Write the answers as one page that holds its figures, with the way to the pages behind it, if there are any.

    `main` is the language of those pages, and of the figures that name none.
    """
    text = environment_of_pages().get_template("brief.html").render(
        page="", title=worded("In brief"), contents=contents, figure=Figures(figures), home=file.name,
        folder="report/", answers=brief.answers(figures, main), switch=switch, main=main, safe=brief.notes(),
        heading=translated(HEADING), about=brief.about(), try_it=translated(TRY_IT),
    )  # fmt: skip
    letters = lettering(text)
    return write_whole(file, with_letters(text, inline(letters)) if letters else text)


def environment_of_pages() -> Environment:
    """Return what renders the pages in the language spoken."""
    made = Environment(
        loader=FileSystemLoader(PAGE), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.install_gettext_callables(  # type: ignore[attr-defined]
        translated, lambda one, many, count: translated(one if count == 1 else many), newstyle=True
    )
    made.filters |= {
        "table": html_table,
        "cell": cell,
        "spread": spread_cell,
        "term": term,
        "unit": beside_numbers,
        "described": described,
    }
    made.globals |= {"language": language(), "names": LANGUAGES}
    return made


@dataclass(frozen=True, slots=True)
class Page:
    """A page behind the first: name of its file, template, and what the template tells."""

    name: str
    template: str
    told: Mapping[str, object]


def titles_of(report: Report) -> dict[str, str]:
    """Return the titles of the pages behind the first, by name, in order of the contents."""
    titles = {case: term(load_case(case).title) for case in CASES}
    return {
        **{f"exits_{case}": worded("When can support end? {case}", case=titles[case]) for case in report.exits},
        "paths": worded("From discovery to large-scale industry"),
        "loops": worded("Feedback loops"),
        "instruments": worded("Barriers and policy instruments"),
        **{f"fit_{case}": worded("Fit: {case}", case=titles[case]) for case in report.calibrations},
        "forecasts": worded("Forecasts scored on what the fit had not seen"),
        **{f"trust_{case}": worded("What the data tell apart: {case}", case=titles[case])
           for case in report.trust.identified},
        "numerics": worded("Numerics certificate"),
        "paper": worded("The paper's figures, and goals"),
        "structure_core": worded("Structure: core"),
        **{f"structure_{case}": worded("Structure: {case}", case=titles[case]) for case in CASES},
        "limits": worded("What it cannot know"),
    }  # fmt: skip


def pages_of(report: Report) -> list[Page]:
    """Return the pages behind the first."""
    loops, rest = report.mechanisms[:-2], report.mechanisms[-2:]  # of each case; barriers and instruments
    trust, certificate = report.trust, report.trust.certificate
    drop = f"{max(one.drop for one in trust.identified.values()):g}"
    numbers = {
        "words": numerics.words(certificate, numerics.Study.load()), "summary": numerics.summary(certificate),
        "moved": certificate[certificate["verdict"] == numerics.MOVES].drop(columns="verdict"),
    }  # fmt: skip
    forecasts = {
        "forecasts": report.forecasts, "yardstick_words": YARDSTICK,
        "yardstick": yardsticks([one.case for one in report.forecasts if not one.missing]),
    }  # fmt: skip
    return [
        *(Page(f"exits_{case}", "chapters.html", {"chapters": [one]}) for case, one in report.exits.items()),
        Page("paths", "chapters.html", {"chapters": report.paths}),
        Page("loops", "chapters.html", {"chapters": loops}),
        Page("instruments", "chapters.html", {"chapters": rest}),
        *(Page(f"fit_{case}", "fit.html", {"c": fit_chapter(fit, report.ridges.get(case))})
          for case, fit in report.calibrations.items()),
        Page("forecasts", "forecasts.html", forecasts),
        *(Page(f"trust_{case}", "trust.html", {"c": chapter(trust, case), "trust_drop": drop})
          for case in trust.identified),
        Page("numerics", "numerics.html", {"numerics": numbers}),
        Page("paper", "paper.html", {"board": report.board, "goals": goal_table()}),
        *(Page(f"structure_{name}", "structure.html", {"drawn": own}) for name, own in structures().items()),
        Page("limits", "limits.html", {}),
    ]  # fmt: skip


def brief_of(report: Report) -> Brief:
    """Return what the first page tells."""
    large = report.paths[0].tables["durations"].loc[lambda rows: rows["stage"] == LARGE]
    errors = {
        case: [one.rms for one in fit.closed.series if one.use == USED] for case, fit in report.calibrations.items()
    }
    scored = [one.case for one in report.forecasts if not one.missing]
    return Brief(list(report.exits), large, report.mechanisms[-1].tables, errors, scored, report.board, ANEW)


def sectors(case: str) -> dict[str, str]:
    """Return the stock-and-flow diagram of every sector of a case as SVG, with names of arrow heads of its own."""
    drawn = diagrams(load_case(case).model)
    return {
        name: re.sub(r'(id="|url\(#)(tip|end)\b', rf"\g<1>{case}-{place}-\2", svg)
        for place, (name, svg) in enumerate(drawn.items())
    }


def structures() -> dict[str, dict[str, str]]:
    """Return the diagrams of the sectors that all cases share, and of each case those of its own, by sector."""
    drawn = {case: sectors(case) for case in CASES}
    shared = {name: svg for name, svg in drawn[CASES[0]].items() if all(name in own for own in drawn.values())}
    return {"core": shared} | {
        case: {name: svg for name, svg in own.items() if name not in shared} for case, own in drawn.items()
    }
