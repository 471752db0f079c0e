"""What each further step of support costs, told: sentences, a table for the screen, a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.phase_out.by_instrument.levels import Levels, Step
from analysis.phase_out.by_instrument.named import model_objection
from analysis.phase_out.spread import Measure
from analysis.phase_out.study import ExitStudies
from analysis.phase_out.words import brief, often, told
from analysis.plain.language import listed, sentences, term, translated, worded
from analysis.plain.shown import capital, screen
from analysis.plain.style import BLACK, GREY, legend_below, panels, save
from analysis.plain.units import customary
from models.case import load_case


def level_lines(found: Levels) -> list[str]:
    """The sentence, what all of it brought, how units and money are counted, and the objection."""
    study, steps, asked = found.study, found.steps, ExitStudies.load()
    known = [one for one in steps if one.cost.spread.defined >= asked.defined]
    names = translated(" and ").join(map(term, found.ends))
    about = {"ends": capital(names), "start": found.start, "until": found.until, "base": term(found.base)}
    lines = [worded("Warning: {warning}.", warning=one) for one in found.warnings]
    lines += _cost_lines(found, known, about, asked.sure)
    few = [worded("{step} ({often})", step=one.words, often=often(one.cost.spread.defined))
           for one in steps if one not in known]  # fmt: skip
    if known and few:
        lines.append(worded("In few draws or none an additional unit: {steps}.", steps=listed(few)))
    for one in found.sums[:1] if known else []:
        low, high = (found.percents.index(level) for level in (one.low, one.high))
        soon = Measure("", one.units.unit, (found.early[high] - found.early[low]) / found.unit[1])
        lines.append(
            worded(
                "All steps from {step}: {units} more by {horizon:g}, of them by {until:g} {soon}, for {spent}: {cost} "
                "each.",
                step=one.words, units=_told(one.units), horizon=study.horizon, until=found.until, soon=_told(soon),
                spent=told(one.spent, study.digits, fifty=False), cost=_cost(one),
            )
        )  # fmt: skip
    lines.append(
        worded(
            "Additional is what is sold by {horizon:g} beyond the same draw at the lower level, whenever and not "
            "discounted; its cost is all public money that the step adds, other instruments and contracts to their end "
            "included, discounted at {rate:.0%} to {base_year:g}.",
            horizon=study.horizon, rate=study.rate, base_year=study.base_year,
        )
    )  # fmt: skip
    untested = worded(
        "no other level was ever tried in the same years: how the cost goes from step to step is the shape of the "
        "model's buyers, and only what all of it brought can be held against evidence."
    )
    objection = sentences([untested, capital(model_objection(study))])
    return [*lines, worded("A critic would say: {objection}", objection=objection)]


def _cost_lines(found: Levels, known: Sequence[Step], about: Mapping[str, object], sure: float) -> Iterator[str]:
    """From what to what the cost of an additional unit goes, over the steps of which it is known."""
    if not known:
        yield worded("{ends}, {start:g} to {until:g} (base: {base}): no step brings an additional unit.", **about)
        return
    first, last = known[0], known[-1]
    if len(known) == 1:
        yield worded(
            "{ends}, {start:g} to {until:g} (base: {base}): an additional unit costs {cost} (step from {step} of "
            "what was paid).",
            cost=_cost(first),
            step=first.words,
            **about,
        )
        return
    both = ~np.isnan(first.cost.values) & ~np.isnan(last.cost.values)
    dearer = float((last.cost.values > first.cost.values)[both].mean()) if both.any() else np.nan
    told_often = worded("; the last step is dearer in {often} of the draws", often=often(dearer))
    moves = worded("rises") if dearer >= sure else worded("goes, without a clear direction,")
    yield worded(
        "{ends}, {start:g} to {until:g} (base: {base}): the cost of an additional unit {moves} from {cost} "
        "for the step from {step} of what was paid to {last_cost} for that from {last_step}{dearer}.",
        moves=worded("falls") if dearer <= 1 - sure else moves,
        cost=_cost(first),
        step=first.words,
        last_cost=_cost(last),
        last_step=last.words,
        dearer=told_often if found.units.shape[1] > 1 else "",
        **about,
    )
    least = min(known, key=lambda one: one.cost.spread.median)
    if least not in (first, last):
        yield worded("Cheapest is the step from {step}: {cost}.", step=least.words, cost=_cost(least))


def _cost(one: Step) -> str:
    return told(one.cost, 1, fifty=False)


def _told(units: Measure) -> str:
    return told(units, _digits(units), fifty=False)


def _digits(units: Measure) -> int:
    return 0 if abs(units.spread.median) >= 100 else 2


def level_text(found: Levels) -> str:
    """The steps as a table for a screen: medians with 90% intervals."""
    rows = [
        {
            worded("step of support"): one.words,
            worded("additional units, {unit}", unit=customary(one.units.unit)[1]): brief(one.units, _digits(one.units)),
            worded("public money, {unit}", unit=customary("bnCNY")[1]): brief(one.spent, found.study.digits),
            worded("cost of such a unit, {unit}", unit=customary(one.cost.unit)[1]): brief(one.cost, 1),
            worded("defined in"): often(one.cost.spread.defined),
        }
        for one in (*found.steps, *found.sums)
    ]
    head = worded("Median [90% interval]; steps and sums in percent of what was paid:")
    return head + "\n" + screen(pd.DataFrame(rows), index=False, justify="right")


def level_figure(found: Levels, stem: Path) -> Path:
    """Draw what each step costs for a unit, beside the mean of all, and what it brings; leaves PNG, SVG and CSV."""
    names = translated(" and ").join(map(term, found.ends))
    title = worded(
        "{case}: {ends}, {start:g} to {until:g}",
        case=term(load_case(found.study.case).title), ends=names, start=found.start, until=found.until,
    )  # fmt: skip
    with panels(2, 2, (4.4, 3.2), 0.3, title=title, fontsize=10) as (figure, axes):
        for ax, name in zip(axes.flat, ("cost", "units"), strict=True):
            parts = [getattr(one, name) for one in found.steps]
            scale, unit = customary(parts[0].unit)
            for one, part in zip(found.steps, parts, strict=True):
                low, middle, high = (scale * getattr(part.spread, end) for end in ("low90", "median", "high90"))
                ax.bar(
                    one.low, middle, one.high - one.low, align="edge", color="#c9d6df", edgecolor=BLACK, linewidth=0.8
                )
                ax.vlines((one.low + one.high) / 2, low, high, color=BLACK, linewidth=1.2)
            ax.set_xticks(found.percents)
            ax.set_xlabel(worded("level (% of what was paid)"))
            ax.set_ylabel(unit)
        for one in found.sums[:1]:
            scale, _ = customary(one.cost.unit)
            axes.flat[0].hlines(scale * one.cost.spread.median, one.low, one.high, color=GREY, linestyle="--",
                                label=worded("mean from {step}", step=one.words))  # fmt: skip
            legend_below(figure, axes.flat[:1], 1)
        axes.flat[0].set_title(worded("cost of an additional unit, by step"))
        axes.flat[1].set_title(worded("additional units, by step (line: 90% of draws)"))
    return save(figure, found.table, stem)
