"""Chapters of the report that run over the posterior: when support can end, mechanisms at work, paths."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from analysis.mechanisms.chapter import tell_barriers, tell_instruments, tell_loops
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.loop_study import LoopStudy
from analysis.paths.chapter import drawn_cases, tell_followers, tell_forward, tell_stages
from analysis.paths.study import PathStudy
from analysis.phase_out.accepted import beside_on_record
from analysis.phase_out.answer import answer_study
from analysis.phase_out.by_instrument.apart import stroke_words
from analysis.phase_out.by_instrument.figure import strips
from analysis.phase_out.by_instrument.happened import happened_words
from analysis.phase_out.figures import draw_all
from analysis.phase_out.page import reported_words
from analysis.phase_out.study import load_phase_out_study
from analysis.phase_out.words import over_all
from analysis.plain.folder import Folder
from analysis.plain.shown import Told
from models.case import load_case


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one heading tells: sentences or a page of text, tables by title, pictures (PNG files) by what they show.

    `brief` is what the report's first lines say of it.
    """

    title: str
    words: tuple[str, ...]
    page: str
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Path]
    brief: tuple[str, ...] = ()


SHOWN = {"shares": "share of the market by schedule", "safe_exit": "from which year an exit is safe",
         "account": "public money by line", "regret": "regret by schedule"}  # fmt: skip


def exit_chapter(case: str, folder: Folder, draws: int | None = None) -> Chapter:
    """Run the shipped study of `case` and return its page and figures; tables go to the folder's results.

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
        drawn = draw_all(answer.results, folder.figure(f"phase_out_{case}"))
        first = strips(answer.said.answers, study, folder.figure(f"exits_by_instrument_{case}"))
    pictures = {"from when each instrument can end": first, **dict(zip(SHOWN.values(), drawn, strict=True))}
    title, found = load_case(case).title, answer.results
    safe = "; ".join(f"{one.family}, {over_all(one, study.exit).rstrip('.')}" for one in found.safe)
    brief = (
        f"{title}, when support can end at a stroke, all else going on: {stroke_words(answer.said.answers, study)}.",
        f"{title}, all support at once: {safe}.",
        *happened_words(answer.said.happened),
        *reported_words(found),
    )
    return Chapter(title, (), answer.page, {}, pictures, brief)


def mechanism_chapters(cases: Sequence[str], folder: Folder, draws: int | None = None) -> tuple[Chapter, ...]:
    """Return loops of each case, barriers and instruments."""
    loops, policy = LoopStudy.load(), InstrumentStudy.load()
    told = {f"Feedback loops: {load_case(case).title}": tell_loops(case, loops, folder, draws) for case in cases}
    told["Three barriers"] = tell_barriers(cases, policy, folder, draws)
    told["Policy instruments"] = tell_instruments(cases, policy, folder, draws)
    return tuple(_chapter(title, one) for title, one in told.items())


def path_chapters(cases: Sequence[str], study: PathStudy, folder: Folder, draws: int | None = None) -> list[Chapter]:
    """Return stages and durations, latecomers on both clocks, and the runs ahead."""
    of = drawn_cases(cases, study, draws)
    stages, paths = tell_stages(of, study, folder)
    late = tell_followers(paths, of, study, folder, draws)
    ahead = tell_forward(of, study, folder)
    return [
        replace(_chapter("Stages and durations", stages), brief=stages.words[: len(paths)]),  # a line an industry
        _chapter("Latecomers and leaders", late),
        _chapter("Runs to 2060", ahead),
    ]


def _chapter(title: str, one: Told) -> Chapter:
    return Chapter(
        title, one.words, "", one.tables, {stem.name.replace("_", " "): stem.with_suffix(".png") for stem in one.stems}
    )
