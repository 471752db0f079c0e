"""Results -> one HTML page that opens offline; every number in it is generated here from the results."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from analysis.phase_out import RESPONSES, PhaseOut
from analysis.scoreboard import Scoreboard
from analysis.tables import effect_table, estimate_table, series_table
from calibration.estimates import Calibration
from models.case import load_case

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page is made of."""

    calibrations: Mapping[str, Calibration]
    ridges: Mapping[str, pd.DataFrame]
    board: Scoreboard
    phase_outs: Mapping[str, PhaseOut]
    durations: pd.DataFrame
    published: pd.DataFrame


def write_report(report: Report, root: Path) -> Path:
    """Render the page into `root`/report.html, figures embedded, and return its path."""
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=select_autoescape(), undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["table"] = html_table
    environment.filters["cell"] = cell
    environment.globals["figure"] = lambda name: data_uri(root / "figures" / f"{name}.png")
    cases = [case_chapter(report, case) for case in report.calibrations]
    text = environment.get_template("report.html").render(
        cases=cases,
        board=report.board,
        board_words=board_words(report.board),
        path_words=path_words(report.durations),
        published=report.published,
        headlines=headlines(report),
    )
    target = root / "report.html"
    part = target.with_suffix(".html.part")
    part.write_text(text, encoding="utf-8")
    return part.replace(target)


def data_uri(png: Path) -> str:
    """Return a picture as text that a page can carry."""
    return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode("ascii")


def cell(value: float | None, unit: str) -> str:
    """Return one figure of the scoreboard: dates with a decimal, numbers with three significant digits."""
    if value is None:
        return "-"
    return f"{value:.1f}" if "date" in unit or unit == "year" else f"{value:.3g}"


def html_table(table: pd.DataFrame, digits: int = 3) -> str:
    """Return a table as HTML, numbers with `digits` significant digits."""

    def shown(value: object) -> str:
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            return "-"
        if isinstance(value, float):
            return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.{digits}g}"
        return str(value)

    return table.map(shown).to_html(index=False, border=0, classes="numbers", escape=True)


def case_chapter(report: Report, case: str) -> dict[str, object]:
    """Return what the page says of one calibrated case."""
    calibration, answer = report.calibrations[case], report.phase_outs[case]
    return {
        "name": case,
        "title": load_case(case).title,
        "estimates": estimate_table(calibration),
        "series": series_table(calibration),
        "effects": effect_table(calibration),
        "ridge": report.ridges[case],
        "ridge_words": ridge_words(report.ridges[case], calibration.response),
        "response": calibration.response,
        "fit_words": fit_words(calibration),
        "misfits": misfits(calibration),
        "phase_words": phase_words(answer),
        "phase_table": phase_table(answer),
        "support": answer.study.support,
    }


def fit_words(calibration: Calibration) -> list[str]:
    """Say how the fit went: starts, bounds, what the data could not tell."""
    ends = np.array([s.objective_after for s in calibration.closed.starts])
    near = int(np.sum(ends < ends.min() + 1))
    words = [
        f"{len(ends)} starts (seed {calibration.seed}); {near} ended within 1 of the best objective "
        f"({ends.min():.1f}), the worst at {ends.max():.1f}."
    ]
    bounds = [f"{e.name} ({e.at_bound})" for e in calibration.closed.estimates if e.at_bound]
    words.append("Bounds hit: " + (", ".join(bounds) if bounds else "none") + ".")
    weak = [e.name for e in calibration.closed.estimates if e.learned < 0.2]
    if weak:
        words.append(f"The data hardly moved {', '.join(weak)} from their priors (interval shrunk by under 20%).")
    return words


def ridge_words(ridge: pd.DataFrame, response: str) -> str:
    """Say which values of the response the series alone would accept (objective within 2 of the best)."""
    near = ridge[ridge["objective"] < ridge["objective"].min() + 2]
    low, high = near[response].min(), near[response].max()
    tried = f"{ridge[response].min():g} to {ridge[response].max():g}"
    kept = f"only {low:g}" if low == high else f"anything from {low:g} to {high:g}"
    return (
        f"Of the values tried ({tried}), the series alone accept {kept}: there the objective is within 2 of its "
        f"lowest, a likelihood ratio of about 7; at {ridge[response].iloc[-1]:g} it is "
        f"{ridge['objective'].iloc[-1] - ridge['objective'].min():.0f} above."
    )


def misfits(calibration: Calibration) -> list[str]:
    """Name the years in which a series is off by more than a factor of 1.5, worst first."""
    return [
        f"{s.name}: model over observation " + ", ".join(f"{ratio:.2g} in {year}" for year, ratio in s.misfits)
        for s in calibration.closed.series
        if s.misfits
    ]


def phase_words(answer: PhaseOut) -> list[str]:
    """Say in words what ending support earlier would have done, for all three responses."""
    study = answer.study
    start = study.starts[len(study.starts) // 2]
    words = []
    for shape in ("cliff", "linear"):
        label = f"{shape} from {start:g}"
        changed = [100 * _number(answer, label, r, "units against history") for r in RESPONSES]
        owed = "support paid and owed"
        saved = [_number(answer, label, r, owed) - _number(answer, "historical", r, owed) for r in RESPONSES]
        words.append(
            f"A {shape} end of support in {start:g} changes cumulative sales to {study.horizon:g} by "
            f"{' / '.join(f'{c:+.0f}%' for c in changed)} (low / central / high response) and support paid or owed by "
            f"then by {' / '.join(f'{s:+,.0f}' for s in saved)} billion CNY."
        )
    share = study.shares[-1]
    column = f"years lost to {share:.0%}"
    delays = {s.label: _number(answer, s.label, "high", column) for s in answer.schedules}
    known = {label: years for label, years in delays.items() if np.isfinite(years)}
    if known:
        worst = max(known, key=lambda label: known[label])
        words.append(
            f"Under the high response the largest delay of the {share:.0%} share is {known[worst]:.1f} years ({worst})."
        )
    return words


def phase_table(answer: PhaseOut) -> pd.DataFrame:
    """One row per schedule: cumulative sales against history, years lost and support paid, by response."""
    share = answer.study.shares[0]
    rows = []
    for plan in answer.schedules:
        row: dict[str, object] = {"schedule": plan.label}
        row["decline began"] = _number(answer, plan.label, "central", "decline began")
        for r in RESPONSES:
            row[f"sales against history, {r} (%)"] = 100 * _number(answer, plan.label, r, "units against history")
        for r in RESPONSES:
            row[f"years lost to {share:.0%}, {r}"] = _number(answer, plan.label, r, f"years lost to {share:.0%}")
        row["paid and owed, central (bn CNY)"] = _number(answer, plan.label, "central", "support paid and owed")
        rows.append(row)
    return pd.DataFrame(rows)


def _number(answer: PhaseOut, schedule: str, response: str, column: str) -> float:
    """One cell of the study's table; not a number where the study has none (a share that is never reached)."""
    table = answer.table
    cell = table.loc[(table["schedule"] == schedule) & (table["response"] == response), column]
    return float(pd.to_numeric(cell).iloc[0])


def board_words(board: Scoreboard) -> str:
    """Say how the scoreboard stands."""
    fresh = [r for r in board.rows if not r.fitted]
    return (
        f"{board.inside} of {len(board.rows)} answered target figures of the paper are inside its range; of the "
        f"{len(fresh)} whose quantity no series of the fit covers, {sum(r.inside for r in fresh)} are. "
        f"{len(board.unanswered)} targets cannot be answered by a model quantity and are listed with the reason."
    )


def path_words(table: pd.DataFrame) -> list[str]:
    """Say what the clocks do to the 25-35 years."""
    words = []
    for case, part in table.groupby("case", sort=False):
        large = part[part["stage"] == "share 10%"].dropna(subset=["years"])
        if large.empty:
            words.append(f"{case}: 10% of the market is not dated (before the model starts or after it ends).")
            continue
        listed = ", ".join(
            f"{row['years']:.0f} from {row['clock']} ({row['clock year']:g})" for _, row in large.iterrows()
        )
        words.append(f"{case}: years to 10% of the market: {listed}.")
    known = table.dropna(subset=["in window"])
    inside = int(known["in window"].astype(bool).sum())
    words.append(
        f"Over all pairs of clock and stage that the model dates, {inside} of {len(known)} lie within 25-35 years: "
        "the figure is a choice of clock as much as a property of technologies."
    )
    return words


def headlines(report: Report) -> Sequence[str]:
    """Return the answers in brief."""
    lines = []
    for case, calibration in report.calibrations.items():
        series = [s for s in calibration.closed.series if s.use == "closed loop"]
        rms = [s.rms for s in series]
        lines.append(
            f"{load_case(case).title}: {len(series)} series to {max(max(s.years) for s in series)} met with root mean "
            f"square log errors of {min(rms):.2f} to {max(rms):.2f}; "
            f"{len(calibration.closed.estimates)} parameters were free in the closed loop."
        )
        for name, value in calibration.closed.effects.items():
            ridge = report.ridges[case]
            best = float(ridge[name].to_numpy()[int(ridge["objective"].to_numpy().argmin())])
            near = ridge[ridge["objective"] < ridge["objective"].min() + 2]
            lines.append(
                f"By themselves the {case} series would take any {name} from {near[name].min():.0%} to "
                f"{near[name].max():.0%} (objective within 2 of the best, {best:.0%}); with the outside evidence "
                f"the fit says {value:.0%}."
            )
        lines += phase_words(report.phase_outs[case])[:1]
    lines.append(board_words(report.board))
    lines.append(path_words(report.durations)[-1])
    return lines
