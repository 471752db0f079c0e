"""The brief from what is on record: the answers of the report's first page without fitting anything anew."""

from collections.abc import Sequence

from analysis.draws.runs import drawn
from analysis.draws.stages import LARGE
from analysis.forecasts.figures import yardstick_figure
from analysis.forecasts.study import yardsticks
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.instruments import instrument_table, instruments
from analysis.paths.chapter import drawn_cases
from analysis.paths.durations import date_path, durations, published_durations
from analysis.paths.figures import clock_figure
from analysis.paths.study import PathStudy
from analysis.phase_out.accepted import load_answer
from analysis.phase_out.figures import strips
from analysis.phase_out.study import STUDIED, load_phase_out_study
from analysis.plain.folder import Folder
from analysis.plain.language import marked, worded
from analysis.plain.progress import counted
from analysis.report.brief import USED, Brief
from analysis.scoreboard.board import scoreboard
from calibration.records.results import accepted_fits, load_record
from models.case import CASES

ON_RECORD = marked(
    "All of it is from what is on record: accepted fits, posteriors, forecasts and answers by instrument. The command "
    "techcycle reproduce makes anew what takes minutes, with the pages behind this one."
)


def brief_on_record(cases: Sequence[str], folder: Folder) -> Brief:
    """Return the brief of some cases, from accepted fits, posteriors, forecasts and answers; draws its figures."""
    study, studied = PathStudy.load(), [case for case in cases if case in STUDIED]
    with counted(worded("the brief"), 5, "part") as step:
        for case in studied:
            rows = load_answer(case)["by_instrument"]
            strips(rows, load_phase_out_study(case), folder.figure(f"phase_out_{case}_figure_safe_exit"))
        step()
        paths = [date_path(one, study) for one in drawn_cases(cases, study).values()]
        table = durations(paths, study)
        clock_figure(table, published_durations(study.window), study, folder.figure("clocks"))
        step()
        policy = InstrumentStudy.load()
        tried = {case: instrument_table(instruments(drawn(case, policy.draws), policy)) for case in cases}
        step()
        if studied:
            yardstick_figure(yardsticks(studied), folder.figure("forecast_yardstick"))
        step()
        board = scoreboard(accepted_fits(CASES)[0])
        step()
    errors = {
        case: [row["rms_log_error"] for row in load_record(case)["series"].values() if row["use"] == USED]
        for case in cases
    }
    return Brief(studied, table[table["stage"] == LARGE], tried, errors, studied, board, ON_RECORD)
