"""The long path on a policy maker's page: what its script dates stages and barriers by, and which loop was strongest.

Stages and barriers are dated on the page, in its own runs, by the rules of the commands. Loops are scored by exact
slopes through a run, which a page has none of: they are those of the accepted fit, under what happened. What was
observed is held against that fit, too, by the dates of `techcycle paths`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.draws.runs import drawn
from analysis.draws.stages import BENCHMARK, COST, LARGE, LAST, REACHED, SELF_SUSTAINING, SHARE, STAGES, shares
from analysis.mechanisms.barriers import ENDS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.loops import loop_dominance, phases
from analysis.mechanisms.paper import measured
from analysis.paths.durations import Dated, date_path
from analysis.paths.study import PathStudy, path_of
from stockflow.over_time import LASTS


@dataclass(frozen=True, slots=True)
class Led:
    """The strongest loops of some years: first year, last year, loop and probability, seen years apart from later ones.

    `named` is the share of named loops among all that are scored, a median over years.
    """

    phases: tuple[tuple[int, int, str, float], ...]
    named: float


def path(case: str, levels: Sequence[float], horizon: float) -> dict[str, object]:
    """Return what the page's script dates the path of a case by; `levels` are further shares of the market."""
    study = PathStudy.load()
    about, loops, ends, led = path_of(case, study), LoopStudy.load(), list(ENDS.values()), leading(case, horizon)
    known = measured().query("case == @case")
    worth = {str(name): float(size) for name, size in zip(known["name"], known["output"], strict=True)}
    return {
        "stages": [
            {"name": name, "observed": about.observed.get(name), "modelled": _modelled(case, name), **one}
            for name, one in stages(levels).items()
        ],
        "barriers": [{"begins": first, "ends": last} for first, last in zip([None, *ends[:-1]], ends, strict=True)],
        "clocks": sorted(about.clocks.values()),
        "window": study.window,
        "large": LARGE,
        "draws": loops.draws,
        "seen": study.shown_from,
        "named": led.named,
        "led": [
            {
                "first": first, "last": last, "polarity": loops.named(name).polarity, "share": share,
                "worth": worth.get(name),
            }
            for first, last, name, share in led.phases
        ],
    }  # fmt: skip


def stages(levels: Sequence[float]) -> dict[str, dict[str, object]]:
    """Return what each stage is dated from, by name: shares in order, and what needs 10% of the market behind it."""
    rules = sorted({**REACHED, **shares(levels)}.items(), key=lambda one: (one[1].of == SHARE, one[1].level))
    dated: dict[str, dict[str, object]] = {
        name: {"of": [one.of], "level": one.level, "hold": one.hold} for name, one in rules
    }
    last = {LAST: {"of": [SHARE, COST, BENCHMARK], "level": SELF_SUSTAINING, "hold": LASTS}}
    after = next(place for place, (name, _) in enumerate(rules, 1) if name == LARGE)
    return dict([*list(dated.items())[:after], *last.items(), *list(dated.items())[after:]])


@cache
def leading(case: str, horizon: float) -> Led:
    """Return which loop was strongest when, as `techcycle loops` tells it, in whole years before the horizon."""
    study, seen = LoopStudy.load(), PathStudy.load().shown_from
    found = loop_dominance(drawn(case, study.draws), study)
    first, last = study.case(case).shown
    told = (*phases(found, first, seen), *phases(found, seen + 1, min(last, horizon - 1)))
    return Led(told, float(np.median(found.named)))


@cache
def happened(case: str) -> Dated:
    """Return the stages as `techcycle paths` dates them: under what happened, all its draws."""
    study = PathStudy.load()
    return date_path(drawn(case, study.draws), study)


def _modelled(case: str, stage: str) -> tuple[float, float, float] | None:
    """Return 5%, 50% and 95% of the date of a stage under what happened; None for one that no command dates."""
    dated = happened(case)
    return dated.spread(stage) if stage in STAGES and np.isfinite(dated.spread(stage)).all() else None
