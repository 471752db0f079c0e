"""Results -> one HTML page that opens offline; every number in it is generated here from the results."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from PIL import Image
from scipy.stats import chi2

from analysis.draws.stages import LARGE
from analysis.fits.tables import effect_table, estimate_table, misfits, residual_report, series_table, short_report
from analysis.forecasts.study import ForecastChapter, yardsticks
from analysis.plain.language import (
    LANGUAGES,
    language,
    listed,
    other_languages,
    sentence,
    speaking,
    term,
    translated,
    worded,
)
from analysis.plain.style import in_language
from analysis.plain.units import beside_numbers
from analysis.report.brief import (
    CLOCK_DECIDES,
    Answer,
    exit_objection,
    exit_rows,
    exit_sentence,
    safe_words,
    trust_sentences,
    years_sentence,
)
from analysis.report.chapters import Chapter, texts
from analysis.report.goals import goal_table
from analysis.report.lettering import FONT, inline, lettering, with_letters
from analysis.scoreboard.board import Row, Scoreboard, Spread, Unanswered
from analysis.trust import numerics
from analysis.trust.chapter import Trust, chapter
from calibration.fitting.estimates import Calibration
from calibration.fitting.targets import load_targets
from calibration.forecasting.record import YARDSTICK
from calibration.observed.tables import load_table
from models.case import CASES, load_case
from stockflow.files import write_whole
from stockflow.pictures.diagram import diagrams

TINY = 1e-9  # what rounding leaves of a zero
PAGE = Path(__file__).parents[1] / "page"
COLOURS = 48  # of a picture on a page: none of ours needs more


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
    text = environment_of_pages().get_template("brief.html").render(
        page="", title=worded("In brief"), contents=titles_of(report), figure=Figures(root / "figures"), home=name,
        folder="report/", answers=answers_of(report, root, main), switch=switch, main=main,
        safe=dict.fromkeys(safe_words(case) for case in report.exits),
    )  # fmt: skip
    letters = lettering(text) if language() == "zh" else b""
    return write_whole(root / name, with_letters(text, inline(letters)) if letters else text)


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
        *(Page(f"fit_{case}", "fit.html", {"c": case_chapter(report, case)}) for case in report.calibrations),
        Page("forecasts", "forecasts.html", forecasts),
        *(Page(f"trust_{case}", "trust.html", {"c": chapter(trust, case), "trust_drop": drop})
          for case in trust.identified),
        Page("numerics", "numerics.html", {"numerics": numbers}),
        Page("paper", "paper.html", {"board": report.board, "goals": goal_table()}),
        *(Page(f"structure_{name}", "structure.html", {"drawn": own}) for name, own in structures().items()),
        Page("limits", "limits.html", {}),
    ]  # fmt: skip


def answers_of(report: Report, root: Path, main: str) -> list[Answer]:
    """Return the three answers of the first page; figures in the language spoken; `main` is the report's."""
    cases, rows = list(report.exits), report.paths[0].tables["durations"]
    titles, captions = {case: term(load_case(case).title) for case in cases}, texts()["captions"]

    def picture(name: str) -> Path:
        stem = root / "figures" / name
        return (stem if language() == main else in_language(stem)).with_suffix(".png")

    strips = {
        worded("{case}. {caption}", case=titles[case], caption=worded(captions["safe_exit"])):
            picture(f"phase_out_{case}_figure_safe_exit")
        for case in cases
    }  # fmt: skip
    scored = [one.case for one in report.forecasts if not one.missing]
    trust, doubt = trust_sentences(report.calibrations, scored, report.board)
    missed = {worded(captions["forecast_yardstick"]): picture("forecast_yardstick")} if scored else {}
    return [
        Answer(
            worded("When can support end, and what breaks?"), [exit_sentence(case) for case in cases],
            pd.concat([exit_rows(case) for case in cases]), strips,
            [worded("{case}: {exit}", case=titles[case], exit=exit_objection(case)) for case in cases],
            {f"exits_{case}": titles[case] for case in cases},
        ),
        Answer(
            worded("How long from discovery to large-scale industry?"),
            [years_sentence(rows[rows["stage"] == LARGE])], None,
            {worded(captions["clocks"]): picture("clocks")}, [sentence(term(CLOCK_DECIDES))],
            {"paths": worded("paths"), "instruments": worded("barriers, and what shortens them")},
        ),
        Answer(
            worded("How far may these answers be trusted?"), trust, None, missed, doubt,
            {"forecasts": worded("forecasts"), "limits": worded("what it cannot know"),
             "paper": worded("the paper's figures")},
        ),
    ]  # fmt: skip


class Figures:
    """Figures of one page by the names of their files, numbered as they come, each under a caption.

    They stand in the page itself, or are written as small pictures to a folder beside it.
    """

    def __init__(self, made: Path, beside: Path | None = None) -> None:
        self._made, self._beside, self._count = made, beside, 0

    def __call__(self, name: str | Path, caption: str) -> Markup:
        """Return the figure as HTML."""
        png = name if isinstance(name, Path) else self._made / f"{name}.png"
        picture, (width, height) = small(png)
        self._count += 1
        if self._beside is None:
            source = "data:image/webp;base64," + base64.b64encode(picture).decode("ascii")
        else:
            source = f"pictures/{write_whole(self._beside / f'{png.stem}.webp', picture).name}"
        return Markup(
            '<figure><img src="{}" alt="{}" width="{}" height="{}" loading="lazy"><figcaption><b>{}</b> {}'
            "</figcaption></figure>"
        ).format(source, caption, width, height, worded("Figure {number}.", number=self._count), caption)


def small(png: Path) -> tuple[bytes, tuple[int, int]]:
    """Return a picture as WebP of few colours, a quarter of the size, and its width and height."""
    found = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(COLOURS).convert("RGB").save(found, "WEBP", lossless=True, method=6)
        return found.getvalue(), picture.size


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


def cell(value: float | None, unit: str) -> str:
    """Return one figure of the scoreboard: dates with a decimal, numbers with three significant digits."""
    if value is None:
        return "-"
    return f"{value:.1f}" if "date" in unit or unit == "year" else f"{value:.3g}"


def described(one: Row | Unanswered) -> str:
    """Return what a figure of the paper says, in Chinese in the paper's own words."""
    return paper_quotes().get(one.id, one.description) if language() == "zh" else one.description


@cache
def paper_quotes() -> Mapping[str, str]:
    """Return the words of the paper by the name of the figure that stands in them."""
    rows = load_table("paper_figures").rows
    return {str(row["id"]): str(row["quote_zh"]) for row in rows.to_dict("records") if row["quote_zh"]}


def spread_cell(spread: Spread | None, unit: str) -> str:
    """Return the posterior of one figure: median and 5-95%, "never" where the draws at that end never get there."""
    if spread is None:
        return ""
    told = [worded("never") if v is None else cell(v, unit) for v in (spread.median, spread.low, spread.high)]
    return worded("{median} ({low} to {high})", median=told[0], low=told[1], high=told[2])


def html_table(table: pd.DataFrame, digits: int = 3) -> str:
    """Return a table as HTML, numbers with `digits` significant digits."""

    def shown(value: object) -> str:
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            return "-"
        if isinstance(value, float) and abs(value) < TINY:
            return "0"
        if isinstance(value, float):
            return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.{digits}g}"
        return beside_numbers(str(value))

    return (
        table.map(shown)
        .rename(columns=lambda name: term(str(name)))
        .to_html(index=False, border=0, classes="numbers", escape=True)
    )


def case_chapter(report: Report, case: str) -> dict[str, object]:
    """Return what the page says of one calibrated case, and of its response to support where there is a ridge."""
    calibration, ridge = report.calibrations[case], report.ridges.get(case)
    off = misfits({one.name: one.misfits for one in calibration.closed.series})
    return {
        "name": case,
        "title": load_case(case).title,
        "estimates": estimate_table(calibration),
        "series": series_table(calibration),
        "residuals": short_report(residual_report(calibration)),
        "fit_words": fit_words(calibration),
        "misfits": [worded("{series}: model over observation {years}", series=term(name), years=years)
                    for name, years in off],
        "events": event_table(calibration),
        "support": None if ridge is None else {
            "effects": effect_table(calibration), "ridge": ridge, "ridge_words": ridge_words(ridge, calibration),
            "response": calibration.response,
        },
    }  # fmt: skip


def event_table(calibration: Calibration) -> pd.DataFrame:
    """One row per dated event that was fitted: when the model has it, when it was, with the stated deviation."""
    found = {name: year for fit in (*(fit for _, fit in calibration.partial), calibration.closed)
             for name, year in fit.events.items()}  # fmt: skip
    known = {one.name: one for one in load_targets(calibration.case, calibration.targets_file).events}
    return pd.DataFrame(
        [{"event": name, "model": round(year, 1), "observed": known[name].year, "sd (years)": known[name].sd}
         for name, year in found.items()]
    )  # fmt: skip


def fit_words(calibration: Calibration) -> list[str]:
    """Say how the fit went: starts and other valleys, bounds, what the data could not tell."""
    closed = calibration.closed
    ends = np.array([s.objective_after for s in closed.starts])
    words = [
        worded(
            "{starts} starts (seed {seed}); best objective {best:.1f}, worst {worst:.1f}.",
            starts=len(ends), seed=calibration.seed, best=ends.min(), worst=ends.max(),
        )
    ]  # fmt: skip
    for level in sorted({round(float(e), 1) for e in ends} - {round(float(ends.min()), 1)})[:2]:
        there = [s for s in closed.starts if round(s.objective_after, 1) == level]
        apart = {e.name: abs(there[0].values[e.name] - e.value) / (e.high - e.low) for e in closed.estimates}
        name = max(apart, key=lambda one: apart[one])
        words.append(
            worded(
                "{count} ended at {level:g} instead, where {name} is {other:.3g} rather than {value:.3g}; "
                "intervals cover "
                "every end within 2 of the best.",
                count=len(there), level=level, name=term(name), other=there[0].values[name], value=closed.values[name],
            )
        )  # fmt: skip
    bounds = [
        worded("{name} ({place})", name=term(e.name), place=term(e.at_bound)) for e in closed.estimates if e.at_bound
    ]
    words.append(worded("Bounds hit: {bounds}.", bounds=listed(bounds) or term("none")))
    if weak := [e.name for e in closed.estimates if e.learned < 0.2]:
        words.append(
            worded(
                "The data hardly moved {names} from their priors (spread less than 20% below the one stated).",
                names=listed(map(term, weak)),
            )
        )
    return words


def accepted_by_series(ridge: pd.DataFrame) -> pd.DataFrame:
    """Rows of the ridge within the approximate 90% of its best one (likelihood ratio)."""
    limit = float(ridge["objective"].min()) + 0.5 * float(chi2.ppf(0.9, 1))
    return ridge.loc[ridge["objective"] <= limit]


def ridge_words(ridge: pd.DataFrame, calibration: Calibration) -> str:
    """Say which values of the response the series alone would accept."""
    response = calibration.response
    near = accepted_by_series(ridge)
    low, high = near[response].min(), near[response].max()
    kept = worded("only {low:g}", low=low) if low == high else worded("{low:g} to {high:g}", low=low, high=high)
    return worded(
        "Of the values tried ({tried}) the series alone accept {kept} at about 90%, the residuals' size and "
        "autocorrelation allowed for; at {last:g} the objective is {rise:.0f} above its lowest.",
        tried=listed(f"{v:g}" for v in ridge[response]), kept=kept, last=ridge[response].iloc[-1],
        rise=ridge["objective"].iloc[-1] - ridge["objective"].min(),
    )  # fmt: skip
