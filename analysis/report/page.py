"""Results -> one HTML page that opens offline; every number in it is generated here from the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from analysis.draws.stages import LARGE
from analysis.forecasts.study import yardsticks
from analysis.plain.folder import Folder
from analysis.plain.language import LANGUAGES, language, marked, speaking, term, translated, worded
from analysis.plain.style import HAN_FONT
from analysis.plain.units import beside_numbers
from analysis.report.brief import HEADING, TRY_IT, USED, Brief
from analysis.report.cells import cell, described, html_table, spread_cell
from analysis.report.chapters import Chapters, texts
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
    trust: Trust
    chapters: Mapping[str, Chapters]  # by language

    @property
    def told(self) -> Chapters:
        """Return the chapters in the language spoken."""
        return self.chapters[language()]


def write_report(report: Report, folder: Folder) -> Path:
    """Render the answers on one page, report.html, and the pages behind it in report/; return the first.

    The first page carries its figures; the others name theirs, small pictures beside them. In every other language of
    the folder the same pages lie beside these: report.LANGUAGE.html over report/NAME.LANGUAGE.html.
    """

    def write() -> Path:
        _write_pages(report, folder)
        return write_brief(brief_of(report), folder, "report", titles_of(report))

    return folder.in_each_language(write)[language()]


def diagram_file(name: str, place: int) -> str:
    """Return where a diagram lies in the language spoken, for the pages beside it."""
    return f"pictures/structure_{name}_{place}.{language()}.svg"


def _write_pages(report: Report, folder: Folder) -> None:
    """Write the pages behind the first in the language spoken, with their pictures and letters."""
    environment, titles, behind = environment_of_pages(), titles_of(report), folder.root / "report"
    pages = {
        f"{folder.named(one.name)}.html": environment.get_template(one.template).render(
            title=titles[one.name], contents=titles, home=f"../{folder.named('report')}.html", folder="",
            figure=Figures(folder, behind), texts=texts(), **_ways(folder, one.name),
            folder_of_figures=folder.figure("x").parent.relative_to(folder.root).as_posix(), **one.told,
        )
        for one in pages_of(report)
    }  # fmt: skip
    font = f"{folder.named(FONT)}.woff"
    drawn = structures(language())
    write_whole(behind / font, lettering("".join(chain(pages.values(), *(own.values() for own in drawn.values())))))
    for file, text in pages.items():
        write_whole(behind / file, with_letters(text, font))
    for name, own in drawn.items():
        for place, svg in enumerate(own.values(), 1):
            han_too = f"svg{{font-family:'{HAN_FONT}',Helvetica,Arial,sans-serif}}</style>"
            lettered = with_letters(svg, f"../{font}").replace("</style>", han_too, 1)
            write_whole(behind / diagram_file(name, place), lettered)


def _ways(folder: Folder, page: str, file: str = "") -> dict[str, object]:
    """Return what leads from a page to others: its name, the ending of names, and this page in other languages."""
    others = (one for one in folder.languages if one != language())
    switch = {f"{folder.named(file or page, one)}.html": one for one in others}
    return {"page": page, "end": f"{folder.named('')}.html", "switch": switch}


def write_brief(brief: Brief, folder: Folder, name: str, contents: Mapping[str, str]) -> Path:
    """Write the answers as one page that holds its figures, with the way to the pages behind it, if there are any."""
    file = folder.root / f"{folder.named(name)}.html"
    text = environment_of_pages().get_template("brief.html").render(
        title=worded("In brief"), contents=contents, figure=Figures(folder), home=file.name, folder="report/",
        answers=brief.answers(folder), safe=brief.notes(), heading=translated(HEADING), about=brief.about(),
        try_it=translated(TRY_IT),
        **_ways(folder, "", name),
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
    made.globals |= {"language": language(), "names": LANGUAGES, "diagram_file": diagram_file}
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
        **{f"exits_{case}": worded("When can support end? {case}", case=titles[case]) for case in report.told.exits},
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
    told, mechanisms = report.told, report.told.mechanisms
    loops, rest = mechanisms[:-2], mechanisms[-2:]  # of each case; barriers and instruments
    trust, certificate = report.trust, report.trust.certificate
    drop = f"{max(one.drop for one in trust.identified.values()):g}"
    numbers = {
        "words": numerics.words(certificate, numerics.Study.load()), "summary": numerics.summary(certificate),
        "moved": certificate[certificate["verdict"] == numerics.MOVES].drop(columns="verdict"),
    }  # fmt: skip
    forecasts = {
        "forecasts": told.forecasts, "yardstick_words": YARDSTICK,
        "yardstick": yardsticks([one.case for one in told.forecasts if not one.missing]),
    }  # fmt: skip
    return [
        *(Page(f"exits_{case}", "chapters.html", {"chapters": [one]}) for case, one in told.exits.items()),
        Page("paths", "chapters.html", {"chapters": told.paths}),
        Page("loops", "chapters.html", {"chapters": loops}),
        Page("instruments", "chapters.html", {"chapters": rest}),
        *(Page(f"fit_{case}", "fit.html", {"c": fit_chapter(fit, report.ridges.get(case))})
          for case, fit in report.calibrations.items()),
        Page("forecasts", "forecasts.html", forecasts),
        *(Page(f"trust_{case}", "trust.html", {"c": chapter(trust, case), "trust_drop": drop})
          for case in trust.identified),
        Page("numerics", "numerics.html", {"numerics": numbers}),
        Page("paper", "paper.html", {"board": report.board, "goals": goal_table()}),
        *(Page(f"structure_{name}", "structure.html", {"drawn": list(own), "of": name})
          for name, own in structures(language()).items()),
        Page("limits", "limits.html", {}),
    ]  # fmt: skip


def brief_of(report: Report) -> Brief:
    """Return what the first page tells."""
    told = report.told
    large = told.paths[0].tables["durations"].loc[lambda rows: rows["stage"] == LARGE]
    errors = {
        case: [one.rms for one in fit.closed.series if one.use == USED] for case, fit in report.calibrations.items()
    }
    scored = [one.case for one in told.forecasts if not one.missing]
    return Brief(list(told.exits), large, told.mechanisms[-1].tables, errors, scored, report.board, ANEW)


@cache
def structures(spoken: str) -> dict[str, dict[str, str]]:
    """Return the diagrams of the sectors that all cases share, and of each case those of its own, by sector, as SVG."""
    with speaking(spoken):
        drawn = {case: diagrams(load_case(case).model, term) for case in CASES}
    shared = {name: svg for name, svg in drawn[CASES[0]].items() if all(name in own for own in drawn.values())}
    return {"core": shared} | {
        case: {name: svg for name, svg in own.items() if name not in shared} for case, own in drawn.items()
    }
