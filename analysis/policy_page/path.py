"""The long path on a policy maker's page: what its script dates stages and barriers by, and which loop led when.

Stages and barriers are dated on the page, in its own runs, by the rules of the commands. Loops are scored by exact
slopes through a run, which a page has none of: they are those of the accepted fit, under what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from analysis.draws.runs import drawn
from analysis.draws.stages import BENCHMARK, COST, LARGE, LAST, REACHED, SELF_SUSTAINING, SHARE, shares
from analysis.mechanisms.barriers import ENDS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.loops import loop_dominance, phases
from analysis.paths.study import PathStudy, path_of
from stockflow.over_time import LASTS


def path(case: str, levels: Sequence[float]) -> dict[str, object]:
    """Return what the page's script dates the path of a case by; `levels` are further shares of the market."""
    study = PathStudy.load()
    about, loops, ends = path_of(case, study), LoopStudy.load(), list(ENDS.values())
    return {
        "stages": [{"name": name, "observed": about.observed.get(name), **one} for name, one in stages(levels).items()],
        "barriers": [{"begins": first, "ends": last} for first, last in zip([None, *ends[:-1]], ends, strict=True)],
        "clocks": sorted(about.clocks.values()),
        "window": study.window,
        "large": LARGE,
        "draws": loops.draws,
        "led": [
            {"first": first, "last": last, "polarity": loops.named(name).polarity, "share": share}
            for first, last, name, share in leading(case)
        ],
    }  # fmt: skip


def stages(levels: Sequence[float]) -> dict[str, dict[str, object]]:
    """Return what each stage is dated from, by name: shares in order, the last stage last."""
    rules = sorted({**REACHED, **shares(levels)}.items(), key=lambda one: (one[1].of == SHARE, one[1].level))
    dated: dict[str, dict[str, object]] = {
        name: {"of": [one.of], "level": one.level, "hold": one.hold} for name, one in rules
    }
    return dated | {LAST: {"of": [SHARE, COST, BENCHMARK], "level": SELF_SUSTAINING, "hold": LASTS}}


@cache
def leading(case: str) -> tuple[tuple[int, int, str, float], ...]:
    """Return which loop was strongest when, as `techcycle loops` tells it: first year, last year, loop, probability."""
    study = LoopStudy.load()
    found = loop_dominance(drawn(case, study.draws), study, compared=False)
    return tuple(phases(found, *study.case(case).shown))
