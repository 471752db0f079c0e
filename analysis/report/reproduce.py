"""The main job: calibrate, score, phase out and draw the paths, and leave figures, numbers and one report."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.fits import figures
from analysis.fits.tables import calibration_tables, estimate_table, residual_report, start_table
from analysis.forecasts.figures import yardstick_figure
from analysis.forecasts.study import forecast_chapter, yardsticks
from analysis.paths.study import PathStudy
from analysis.phase_out.study import STUDIED
from analysis.plain.folder import Folder
from analysis.plain.language import LANGUAGES, language, term, worded
from analysis.plain.progress import beside, counted
from analysis.report.chapters import Chapters, exit_chapter, mechanism_chapters, path_chapters
from analysis.report.page import Report, write_report
from analysis.report.try_it import write_pages
from analysis.scoreboard.board import scoreboard
from analysis.trust.chapter import examine
from calibration.fitting.estimates import Calibration, Interval
from calibration.fitting.fit import Mode, concluded, find_mode, response_ridge
from calibration.fitting.inference_data import save
from calibration.fitting.targets import load_targets
from calibration.records.results import TARGETS, Sampled, accepted_from, accepted_intervals, is_current, record
from calibration.records.sampling import accept_fit, sampled_posterior, steps_of
from models.case import CASES, load_case


def case_summary(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as JSON-ready data."""
    tables = calibration_tables(calibration)
    return {
        "case": calibration.case,
        "seed": calibration.seed,
        "objective": calibration.closed.objective,
        **{title: json.loads(table.to_json(orient="records")) for title, table in tables.items()},
    }


def calibrate_case(case: str, folder: Folder, starts: int | None = None, targets: Path | None = None) -> Calibration:
    """Calibrate one case with a progress bar and save its record, tables and figures.

    Intervals are those of the accepted posterior where the fit is the accepted one, else approximate.
    """
    mode = mode_of(case, folder, starts, targets)
    calibration = concluded(mode, known_intervals(mode))
    save_calibration(calibration, folder)
    return calibration


def mode_of(case: str, folder: Folder, starts: int | None = None, file: Path | None = None) -> Mode:
    """Find the mode of one case with a progress bar."""
    folder.prepare()
    about, targets = load_case(case), load_targets(case, file)
    count = starts or targets.starts
    with counted(worded("calibrate {case}", case=term(case)), count + len(targets.partial) + 1, "fit") as step:
        return find_mode(about, targets, count, step)


def known_intervals(mode: Mode) -> dict[str, Interval] | None:
    """Return the accepted posterior's intervals if it is of this very model, data and target file."""
    names = [c.name for c in mode.payoff.coordinates]
    found = accepted_intervals(mode.case.name)
    own = mode.targets.file == TARGETS / f"{mode.case.name}.toml"
    return found if own and found and set(names) <= set(found) and is_current(mode.case.name) else None


def sample_case(
    case: str, folder: Folder, starts: int | None = None, accept: bool = False, targets: Path | None = None
) -> Calibration:
    """Calibrate one case and sample its posterior; resumes from the chains in the folder; `accept` keeps it."""
    mode = mode_of(case, folder, starts, targets)
    with counted(worded("sample {case}", case=term(case)), steps_of(mode), "step") as step:
        answer = sampled_posterior(mode, folder.root / "posterior" / case, step)
    save(answer.data, folder.root / "results" / f"{case}_posterior.nc")
    save_calibration(answer.calibration, folder, answer.sampled)
    if accept:
        accept_fit(answer.calibration, answer.sampled, answer.data)
    return answer.calibration


def save_calibration(calibration: Calibration, folder: Folder, sampled: Sampled | None = None) -> None:
    """Write record, tables and figures of one calibration."""
    case = calibration.case
    folder.write(f"calibration_{case}.toml", record(calibration, sampled))
    folder.json(f"calibration_{case}.json", case_summary(calibration))
    folder.table(f"calibration_{case}_estimates.csv", estimate_table(calibration))
    folder.table(f"starts_{case}.csv", start_table(calibration))
    folder.table(f"residuals_{case}.csv", residual_report(calibration))
    series = calibration.closed.series

    def draw() -> None:
        title = term(load_case(case).title)
        told = worded("{case}: model against data", case=title)
        figures.series_against_data(told, series, folder.figure(f"fit_{case}"))
        figures.estimates_against_priors(calibration, folder.figure(f"estimates_{case}"))
        figures.residual_panels(worded("{case}: residuals", case=title), series, folder.figure(f"residuals_{case}"))

    folder.in_each_language(draw)


def tell_records(
    cases: Sequence[str], studied: Sequence[str], folder: Folder, draws: int | None
) -> dict[str, Chapters]:
    """Date the paths, end support, cut loops, try instruments and tell the forecasts, over the accepted draws.

    This is what is told from the accepted records alone, whatever is fitted anew beside it; found once, and told in
    each language.
    """
    paths = path_chapters(cases, PathStudy.load(), folder, draws)
    exits = {case: exit_chapter(case, folder, draws) for case in studied}
    write_pages(studied, folder.root)
    mechanisms = mechanism_chapters(cases, folder, draws)

    def told() -> Chapters:
        forecasts = [forecast_chapter(case, folder.figure(f"forecast_skill_{case}")) for case in studied]
        if scored := [one.case for one in forecasts if not one.missing]:
            yardstick_figure(yardsticks(scored), folder.figure("forecast_yardstick"))
        return Chapters(paths(), {case: one() for case, one in exits.items()}, mechanisms(), forecasts)

    done = folder.in_each_language(told)
    for one in done[language()].forecasts:
        folder.table(f"forecast_scores_{one.case}.csv", one.everything)
    return done


def reproduce_all(
    folder: Folder,
    starts: int | None = None,
    draws: int | None = None,
    cases: Sequence[str] = CASES,
    studied: Sequence[str] = STUDIED,
) -> Path:
    """Do everything and return the path of the report; `starts` and `draws` are the files' own if not given.

    `cases` are fitted and examined; of those `studied` the end of support and the forecasts on record are told. What
    rests on the accepted records is told in a process of its own, beside the fits. Everything is found once, and told
    and drawn in each language; the plain names are in the one spoken.
    """
    folder = replace(folder, languages=tuple(sorted(LANGUAGES, key=lambda one: one != language()))).prepare()
    with beside(tell_records, cases, studied, folder, draws) as told:
        calibrations = {case: calibrate_case(case, folder, starts) for case in cases}
        fits = {case: accepted_from(c) for case, c in calibrations.items()}
        trust = examine(fits, folder)
        ridges = {case: _ridge(calibrations[case], folder) for case in studied if case in calibrations}
        board = scoreboard(fits, posteriors=trust.posteriors)
        folder.json("scoreboard.json", board.as_json())
        folder.table("scoreboard.csv", board.table())
        with counted(worded("paths, ends of support, loops, instruments"), 1, "answer"):
            chapters = told()
    return write_report(Report(calibrations, ridges, board, trust, chapters), folder)


def _ridge(calibration: Calibration, folder: Folder) -> pd.DataFrame:
    """Refit everything at other responses of buyers; save table and figure, return the table."""
    case = calibration.case
    targets = load_targets(case)
    with counted(worded("response of {case}", case=term(case)), 1, "refit"):
        variants = response_ridge(load_case(case), calibration, targets, targets.response_grid)
    table = pd.DataFrame([{calibration.response: v.response, "objective": v.objective, **v.effects} for v in variants])
    folder.table(f"response_{case}.csv", table)
    effect = next(iter(calibration.closed.effects), "")
    folder.in_each_language(
        lambda: figures.ridge(case, calibration.response, variants, effect, folder.figure(f"response_{case}"))
    )
    return table
