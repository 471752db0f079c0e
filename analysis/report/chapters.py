"""Chapters of the report that run over the posterior: when support can end, mechanisms at work, paths."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from analysis.forecasts.study import ForecastChapter
from analysis.mechanisms.chapter import tell_barriers, tell_instruments, tell_loops
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.loop_study import LoopStudy
from analysis.paths.chapter import drawn_cases, tell_followers, tell_forward, tell_stages
from analysis.paths.study import PathStudy
from analysis.phase_out.accepted import beside_on_record
from analysis.phase_out.answer import answer_study
from analysis.phase_out.by_instrument.happened import failing
from analysis.phase_out.figures import draw_all
from analysis.phase_out.page import Section
from analysis.phase_out.study import load_phase_out_study
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.shown import Tell
from models.case import CASES, load_case
from models.files.settings import read_toml


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one heading tells: sentences, sections with a table each, tables by title, figures by their captions."""

    title: str
    words: tuple[str, ...]
    sections: tuple[Section, ...]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Chapters:
    """What is told of the accepted records in one language: paths, ends of support, loops and the rest, forecasts."""

    paths: Sequence[Chapter]
    exits: Mapping[str, Chapter]
    mechanisms: Sequence[Chapter]
    forecasts: Sequence[ForecastChapter]


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Words that no number enters: "about" the pages, and "captions" by how the name of a figure begins."""
    return read_toml(Path(__file__).parents[1] / "page" / "captions.toml")


def captioned(pictures: Sequence[Path]) -> dict[str, Path]:
    """Return figures by their captions, in order."""
    found = {}
    for png in pictures:
        kind = max((one for one in texts()["captions"] if png.stem.startswith(one)), key=len)
        case = png.stem.removeprefix(kind).strip("_")
        title = term(load_case(case).title) if case in CASES else case
        found[worded(texts()["captions"][kind], case=title)] = png
    return found


def exit_chapter(case: str, folder: Folder, draws: int | None = None) -> Callable[[], Chapter]:
    """Run the shipped study of `case`; tables go to the folder's results. Returns what words and draws its chapter.

    The runs are made anew in a folder that is removed: `techcycle phase-out` keeps its own.
    """
    study = load_phase_out_study(case)
    if draws is not None:
        rush = study.rush and study.rush.model_copy(update={"draws": min(draws, study.rush.draws)})
        study = study.model_copy(update={"draws": draws, "rush": rush})
    folder.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.root) as runs:
        answer = answer_study(study, Path(runs) / case, said=beside_on_record(case))
        for name, table in answer.tables().items():
            folder.table(f"phase_out_{case}_{name}.csv", table)

    def chapter() -> Chapter:
        told = {
            worded(texts()["captions"][png.stem.removeprefix(f"phase_out_{case}_figure_")]): png
            for png in draw_all(answer, folder.figure(f"phase_out_{case}"))
            if not (png.stem.endswith("regret") and failing(answer.said.happened))
        }
        return Chapter(term(load_case(case).title), (), tuple(answer.sections), {}, told)

    return chapter


def mechanism_chapters(
    cases: Sequence[str], folder: Folder, draws: int | None = None
) -> Callable[[], tuple[Chapter, ...]]:
    """Return what words and draws loops of each case, barriers and instruments."""
    study, policy = LoopStudy.load(), InstrumentStudy.load()
    loops = {case: tell_loops(case, study, folder, draws) for case in cases}
    barriers = tell_barriers(cases, policy, folder, draws)
    instruments = tell_instruments(cases, policy, folder, draws)
    return lambda: (
        *(_chapter(worded("Feedback loops: {case}", case=term(load_case(case).title)), one)
          for case, one in loops.items()),
        _chapter(worded("Three barriers"), barriers),
        _chapter(worded("Policy instruments"), instruments),
    )  # fmt: skip


def path_chapters(
    cases: Sequence[str], study: PathStudy, folder: Folder, draws: int | None = None
) -> Callable[[], tuple[Chapter, ...]]:
    """Return what words and draws stages and durations, latecomers on both clocks, and the runs ahead."""
    of = drawn_cases(cases, study, draws)
    stages, paths = tell_stages(of, study, folder)
    late = tell_followers(paths, of, study, folder, draws)
    ahead = tell_forward(of, study, folder)
    return lambda: (
        _chapter(worded("Stages and durations"), stages),
        _chapter(worded("Latecomers and leaders"), late),
        _chapter(worded("Runs to 2060"), ahead),
    )


def _chapter(title: str, tell: Tell) -> Chapter:
    one = tell()
    return Chapter(title, one.words, (), one.tables, captioned([stem.with_suffix(".png") for stem in one.stems]))
