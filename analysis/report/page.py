"""Results -> one HTML page that opens offline; every number in it is generated here from the results."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from scipy.stats import chi2

from analysis.fits.tables import effect_table, estimate_table, misfits, residual_report, series_table, short_report
from analysis.forecasts.chapter import ForecastChapter, yardsticks
from analysis.report.chapters import Chapter
from analysis.report.goals import HEAD, Goals, goal_rows
from analysis.scoreboard.board import Scoreboard, Spread
from analysis.trust import numerics
from analysis.trust.chapter import Trust, chapter, headline
from calibration.fitting.estimates import Calibration
from calibration.fitting.targets import load_targets
from calibration.forecasting.scores import COMBINED
from calibration.forecasting.yardstick import REFERENCE, WORDS
from models.case import CASES, load_case
from stockflow.files import write_whole
from stockflow.pictures.diagram import diagrams

TINY = 1e-9  # what rounding leaves of a zero
PAGE = Path(__file__).parents[1] / "page"


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
    """Render the page into `root`/report.html, figures embedded, and return its path."""
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["table"] = html_table
    environment.filters["cell"] = cell
    environment.filters["spread"] = spread_cell
    environment.globals["figure"] = lambda name: data_uri(root / "figures" / f"{name}.png")
    environment.globals["picture"] = data_uri
    cases = [case_chapter(report, case) for case in report.calibrations]
    text = environment.get_template("report.html").render(
        cases=cases,
        board=report.board,
        paths=report.paths,
        brief=brief(report),
        forecasts=report.forecasts,
        yardstick=yardsticks([one.case for one in report.forecasts if not one.missing]),
        yardstick_words=WORDS,
        exits=list(report.exits.values()),
        mechanisms=report.mechanisms,
        goals=pd.DataFrame(goal_rows(Goals.load()), columns=list(HEAD)),
        **trust_context(report.trust),
        structures={load_case(name).title: sectors(name) for name in CASES},
    )
    return write_whole(root / "report.html", text)


def trust_context(trust: Trust) -> dict[str, object]:
    """Return what the chapters on posterior, identifiability and numerics are made of."""
    moved = trust.certificate[trust.certificate["verdict"] == numerics.MOVES]
    return {
        "trust_cases": [chapter(trust, case) for case in trust.identified],
        "trust_drop": f"{max(one.drop for one in trust.identified.values()):g}",
        "numerics_words": numerics.words(trust.certificate, numerics.Study.load()),
        "numerics_summary": numerics.summary(trust.certificate),
        "numerics_moved": moved.drop(columns="verdict"),
    }


def data_uri(png: Path) -> str:
    """Return a picture as text that a page can carry."""
    return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")


def sectors(case: str) -> dict[str, str]:
    """Return the stock-and-flow diagram of every sector of a case as SVG, with names of arrow heads of its own."""
    drawn = diagrams(load_case(case).model)
    return {
        name: re.sub(r'(id="|url\(#)(tip|end)\b', rf"\g<1>{case}-{place}-\2", svg)
        for place, (name, svg) in enumerate(drawn.items())
    }


def cell(value: float | None, unit: str) -> str:
    """Return one figure of the scoreboard: dates with a decimal, numbers with three significant digits."""
    if value is None:
        return "-"
    return f"{value:.1f}" if "date" in unit or unit == "year" else f"{value:.3g}"


def spread_cell(spread: Spread | None, unit: str) -> str:
    """Return the posterior of one figure: median and 5-95%, "never" where the draws at that end never get there."""
    if spread is None:
        return ""
    told = ["never" if v is None else cell(v, unit) for v in (spread.median, spread.low, spread.high)]
    return f"{told[0]} ({told[1]} to {told[2]})"


def html_table(table: pd.DataFrame, digits: int = 3) -> str:
    """Return a table as HTML, numbers with `digits` significant digits."""

    def shown(value: object) -> str:
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            return "-"
        if isinstance(value, float) and abs(value) < TINY:
            return "0"
        if isinstance(value, float):
            return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.{digits}g}"
        return str(value)

    return table.map(shown).to_html(index=False, border=0, classes="numbers", escape=True)


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
        "misfits": [f"{name}: model over observation {years}" for name, years in off],
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
    words = [f"{len(ends)} starts (seed {calibration.seed}); best objective {ends.min():.1f}, worst {ends.max():.1f}."]
    for level in sorted({round(float(e), 1) for e in ends} - {round(float(ends.min()), 1)})[:2]:
        there = [s for s in closed.starts if round(s.objective_after, 1) == level]
        apart = {e.name: abs(there[0].values[e.name] - e.value) / (e.high - e.low) for e in closed.estimates}
        name = max(apart, key=lambda one: apart[one])
        words.append(
            f"{len(there)} ended at {level:g} instead, where {name} is {there[0].values[name]:.3g} rather than "
            f"{closed.values[name]:.3g}; intervals cover every end within 2 of the best."
        )
    bounds = [f"{e.name} ({e.at_bound})" for e in closed.estimates if e.at_bound]
    words.append("Bounds hit: " + (", ".join(bounds) if bounds else "none") + ".")
    if weak := [e.name for e in closed.estimates if e.learned < 0.2]:
        words.append(
            f"The data hardly moved {', '.join(weak)} from their priors (spread less than 20% below the one stated)."
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
    tried = ", ".join(f"{v:g}" for v in ridge[response])
    kept = f"only {low:g}" if low == high else f"{low:g} to {high:g}"
    return (
        f"Of the values tried ({tried}) the series alone accept {kept} at about 90%, the residuals' size and "
        f"autocorrelation allowed for; at {ridge[response].iloc[-1]:g} the objective is "
        f"{ridge['objective'].iloc[-1] - ridge['objective'].min():.0f} above its lowest."
    )


def brief(report: Report) -> list[tuple[str, list[str], list[Path]]]:
    """Return three questions, each with its answers and the figures (PNG files) that show them."""
    told = sorted(report.exits)
    first = [next(iter(report.exits[case].pictures.values())) for case in told]
    support = [line for case in told for line in report.exits[case].brief]
    trust = [line for case, one in report.calibrations.items() for line in fit_headlines(report, case, one)]
    rows = yardsticks([one.case for one in report.forecasts if not one.missing])
    ours = rows[(rows["forecaster"] == COMBINED) & (rows["over"] == REFERENCE)]
    skill = [
        f"Forecasts of {row['case']} from past years, {row['mode']}: error (CRPS) of the half-and-half with the "
        f"reference {row['ratio']:.2f} of the reference's ({row['5%']:.2f} to {row['95%']:.2f}; under 1 is better)."
        for row in ours.to_dict("records")
    ]
    return [
        ("When can support end, and what breaks?", support, first),
        ("How long from discovery to large-scale industry?", [*report.paths[0].brief], []),
        ("How far may these answers be trusted?", [*skill, report.board.words(), *trust], []),
    ]


def fit_headlines(report: Report, case: str, calibration: Calibration) -> list[str]:
    """Say how well a fit meets its series, what they would say by themselves, and what the data know."""
    series = [s for s in calibration.closed.series if s.use == "closed loop"]
    rms = [s.rms for s in series]
    lines = [
        f"{load_case(case).title}: {len(series)} series to {max(max(s.years) for s in series)} met with root mean "
        f"square log errors of {min(rms):.2f} to {max(rms):.2f}; "
        f"{len(calibration.closed.estimates)} parameters were free in the closed loop."
    ]
    for name, value in calibration.closed.effects.items() if case in report.ridges else ():
        ridge = report.ridges[case]
        best = float(ridge[name].to_numpy()[int(ridge["objective"].to_numpy().argmin())])
        near = accepted_by_series(ridge)
        lines.append(
            f"By themselves the {case} series would take any {name} from {near[name].min():.0%} to "
            f"{near[name].max():.0%} (best {best:.0%}, at about 90%); with the outside evidence "
            f"the fit says {value:.0%}."
        )
    return [*lines, headline(report.trust.identified[case])]
