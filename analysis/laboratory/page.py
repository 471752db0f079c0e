"""One page in words: the answer with its intervals, what breaks, what it costs, and what it hinges on."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.laboratory.exit import SafeYears
from analysis.laboratory.hinges import Evidence, drivers, main_plan, thirds
from analysis.laboratory.results import Results
from analysis.laboratory.spread import Measure, Spread, spread

WIDTH = 110


def page(found: Results, evidence: Evidence | None = None, rush: pd.DataFrame | None = None) -> str:
    """Return the page of a study: sections of plain sentences, wrapped."""
    study = found.study
    sections = [
        (study.title, [study.question, _basis(found)]),
        ("Answer", [*(safe_words(one, found) for one in found.safe), *history_words(found)]),
        ("What breaks", break_words(found, rush)),
        ("What it costs", cost_words(found)),
        ("Which schedule", [*regret_words(found), *waiting_words(found)]),
        ("What it hinges on", hinge_words(found, evidence)),
        ("Checks", check_words(found)),
    ]
    out = []
    for title, sentences in sections:
        out += [title, "-" * len(title)]
        out += [textwrap.fill(one, WIDTH, initial_indent="- ", subsequent_indent="  ") for one in sentences if one]
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def told(one: Measure, digits: int = 0, never: str = "never", scale: float = 1.0, unit: str | None = None) -> str:
    """Median with 50% and 90% intervals: "12 (50%: 10 to 14; 90%: 7 to 20) GW"."""
    s = one.spread
    if np.isnan(s.median):
        return "not defined in any draw"

    def text(value: float) -> str:
        return never if np.isinf(value) else number(value * scale, digits)

    unit = one.unit if unit is None else unit
    shown = f" {unit}" if unit and unit not in {"1", "year", "probability"} else ""
    if len({text(v) for v in (s.low90, s.median, s.high90)}) == 1:
        body = f"{text(s.median)}{shown} in nearly all draws"
    else:
        body = (
            f"{text(s.median)}{shown} (50%: {text(s.low50)} to {text(s.high50)}; "
            f"90%: {text(s.low90)} to {text(s.high90)})"
        )
    return body + _undefined(s)


def number(value: float, digits: int = 0) -> str:
    """A number with `digits` decimals and no sign on a zero; years keep no thousands separator."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:.{digits}f}" if abs(rounded) < 10_000 else f"{rounded:,.{digits}f}"


def safe_words(one: SafeYears, found: Results) -> str:
    """When exits of one family are safe, as one probability statement and as a distribution over the draws."""
    asked = found.study.exit
    first, last = one.starts[0], one.starts[-1]
    if np.isinf(one.year):
        least = int(np.argmin(one.failing))
        head = (
            f"{_capital(one.family)}: no start from {first:g} to {last:g} is safe; the least likely to fail, from "
            f"{one.starts[least]:g}, fails in {one.failing[least]:.0%} of the draws."
        )
    else:
        where = f"from {one.year:g} on" if one.lasting else f"from {one.year:g} (but some later starts are not)"
        edge = ", the first start tried, so the true year may be earlier" if one.year == first else ""
        head = f"{_capital(one.family)}: safe {where}{edge}."
    never = float(np.isinf(one.by_draw).mean())
    s = spread(one.by_draw)
    body = (
        f" Draw by draw the first start from which the share holds is {_start(s.median, first, last)} (50%: "
        f"{_start(s.low50, first, last)} to {_start(s.high50, first, last)}; 90%: {_start(s.low90, first, last)} to "
        f"{_start(s.high90, first, last)}); in {never:.0%} of the draws no start up to {last:g} holds."
    )
    since = "its start" if asked.counted_from == "start" else "its end"
    rule = (
        f" (Safe: {asked.years_after:g} years after {since} the share over the last year is below {asked.share_kept:g} "
        f"times that under continued support in fewer than {asked.probability:.0%} of the draws.)"
    )
    return head + body + (rule if one is found.safe[0] else "")


def history_words(found: Results) -> list[str]:
    """Years of each share under the named schedules, the supported path and no support."""
    words = []
    for place in _named(found):
        plan, own = found.plans[place], found.measures[place]
        parts = []
        for level in found.study.shares:
            one = own[f"year of {level:.0%}"]
            reached = one.spread.reached
            when = told(one, 1, never=f"after {found.study.horizon:g}")
            often = "" if reached == 1 else f", reached by {found.study.horizon:g} in {reached:.0%} of the draws"
            parts.append(f"{level:.0%} in {when}{often}")
        words.append(f"{_capital(plan.label)}: share of {'; '.join(parts)}.")
    return words


def break_words(found: Results, rush: pd.DataFrame | None) -> list[str]:
    """Relapse, idle capacity and rushes, for the named schedules."""
    study, words = found.study, []
    for place in _named(found):
        plan, own = found.plans[place], found.measures[place]
        if plan.role == "supported":
            continue
        odds = float(own["relapse"].values.mean())
        length, still = own["years in relapse"], float(own["still in relapse at the horizon"].values.mean())
        how = (
            f"for {told(length, 1)}, down to {told(own['least share against the supported path'], 0, scale=100)} % of "
            f"it; in {still:.0%} of the draws still at the horizon"
        )
        words.append(
            f"{_capital(plan.label)}: the yearly share falls below {study.exit.share_kept:g} of the supported path's "
            f"in {odds:.0%} of the draws" + (f", {how}." if odds > 0 else ".")
        )
    for place in _named(found):
        own = found.measures[place]
        words.append(
            f"{_capital(found.plans[place].label)}: capacity idle in the worst quarter "
            f"{told(own['idle share of capacity, worst quarter'], 0, scale=100)} %, under {study.full_use:.0%} use for "
            f"{told(own[f'years with utilisation under {study.full_use:g}'], 1)}."
        )
    return [*words, *rush_words(found, rush)]


def rush_words(found: Results, rush: pd.DataFrame | None) -> list[str]:
    """What announcements pull forward; nothing as fitted where the fit holds the response at zero."""
    fitted = max(float(own["pulled forward by announcements"].values.max()) for own in found.measures)
    asked = found.study.rush
    words = []
    if fitted == 0:
        why = f": {asked.constant} is held at 0 there, no yearly series fixes it" if asked else ""
        words.append(f"As fitted, announcements pull nothing forward{why}.")
    if rush is not None and asked is not None:
        for value, part in rush.groupby("value"):
            cells = [f"{row['schedule']} {row['median']:.2g} ({row['90% low']:.2g} to {row['90% high']:.2g})"
                     for _, row in part.iterrows()]  # fmt: skip
            words.append(
                f"With {asked.constant} at {value:g}, pulled forward in sum, {found.study.texts.unit}, with 90% "
                f"interval: {'; '.join(cells)}."
            )
    return words


def cost_words(found: Results) -> list[str]:
    """Outlay, cost per additional unit, free riders, and what stands apart, for the named schedules."""
    study, words = found.study, [f"Support: {found.study.texts.support}. Paid by {found.study.texts.paid_by}."]
    to, rate = f"to {study.horizon:g}", f"{study.rate:.0%}"
    for place in _named(found):
        plan, own = found.plans[place], found.measures[place]
        parts = [f"outlay {told(own[f'fiscal outlay {to}'])} {to}"]
        if study.tail:
            parts.append(f"then {told(own['tail of contracts'])} on contracts that exist by then")
        parts.append(f"in present value at {rate} of {study.base_year:g} {told(own[f'outlay with tail, at {rate}'])}")
        if own["arrears, peak"].values.max() > 0.5:
            parts.append(f"arrears at their peak {told(own['arrears, peak'])}")
        if plan.role != "no support":
            parts.append(f"cost per additional unit {told(own[f'cost per additional unit, at {rate}'], 1)}")
            parts.append(f"free riders {told(own['free riders'], 0, scale=100, unit='% of supported units')}")
        words.append(f"{_capital(plan.label)}: {'; '.join(parts)}.")
    for title in ("credits paid by makers of petrol cars", "levy raised from electricity users"):
        if f"{title} {to}" in found.measures[main_plan(found)]:
            one = found.measures[main_plan(found)][f"{title} {to}"]
            label = found.plans[main_plan(found)].label
            words.append(f"Apart from the outlay, {title} {to} under {label}: {told(one)}.")
    return words


def regret_words(found: Results) -> list[str]:
    """Which schedule is best at each worth of a unit, and how sure that is; losses are told as losses."""
    words, table, stated = [], found.regret(), found.study.worth
    for name, value in stated.values.items():
        part = table[table["worth"] == name].sort_values("mean regret")
        least = part.iloc[0]
        likely = part.iloc[int(np.argmax(part["probability of best"]))]
        main = part[part["schedule"] == found.plans[main_plan(found)].label].iloc[0]
        place = found.place(str(least["schedule"]))
        none = [p.role for p in found.plans].index("no support")
        gain = Measure("gain", "bnCNY", found.gains(name)[place] - found.gains(name)[none])
        against = "" if place == none else f", against no support {told(gain)}"
        words.append(
            f"A unit worth {value:g} {stated.unit} ({name}): least mean regret for {least['schedule']} "
            f"({least['mean regret']:.0f} bnCNY, at worst {least['largest regret']:.0f}{against}); most often best "
            f"{likely['schedule']}, in {likely['probability of best']:.0%} of the draws; {main['schedule']} has a mean "
            f"regret of {main['mean regret']:.0f} and is best in {main['probability of best']:.0%}."
        )
    return words


def waiting_words(found: Results) -> list[str]:
    """What a further year of support changes, at the start nearest the middle of the grid of each family."""
    words = []
    for family in dict.fromkeys(one.family for one in found.waits):
        own = [one for one in found.waits if one.family == family]
        safe = next(one for one in found.safe if one.family == family)
        wanted = safe.year if np.isfinite(safe.year) else safe.starts[len(safe.starts) // 2]
        one = min(own, key=lambda w: abs(w.start - wanted))
        better = ", ".join(f"{(gain > 0).mean():.0%} at the {name} worth" for name, gain in one.gains.items())
        words.append(
            f"Waiting a year, {family} from {one.start + 1:g} instead of {one.start:g}: "
            f"{told(Measure('', found.study.texts.unit, one.units), 2)} more, for "
            f"{told(Measure('', 'bnCNY', one.spent), 0)} more; it gains in {better} of a unit."
        )
    return words


def hinge_words(found: Results, evidence: Evidence | None) -> list[str]:
    """The answers by response of buyers, which evidence decides, and the parameters that go with the answers."""
    response = "cost sensitivity"
    split = thirds(found, response, evidence)
    words = []
    for name, part in split.groupby("draws", sort=False):
        cells = []
        for _, row in part.iterrows():
            if str(row["answer"]).startswith("first start"):
                continue
            cells.append(f"{row['answer']} {_cell(row['value'], found)}")
        words.append(f"Draws in the {name} of {response}: {'; '.join(cells)}.")
    words.append(found.study.texts.evidence + "." + ("" if evidence is None else _evidence(evidence)))
    table = drivers(found)
    for answer in dict.fromkeys(table["answer"]):
        top = table[table["answer"] == answer].head(3)
        told_top = ", ".join(f"{r['parameter']} ({r['rank correlation']:+.2f})" for _, r in top.iterrows())
        words.append(f"Rank correlation over the draws with {answer}: {told_top}.")
    return words


def check_words(found: Results) -> list[str]:
    """Published figures against the model, how far the account closes, and how many draws failed."""
    words = [
        f"The account closes in every run to {found.gap:.0e} of its size: lines = fiscal outlay, committed = paid + "
        "arrears, support + tax given up = the model's own sum."
    ]
    if found.failed:
        words.append(f"{found.failed} draws were not finite under some schedule and are left out.")
    for one, measure in found.reported:
        words.append(f"{_capital(one.words)}: {told(measure)} in the model, {one.value:g} as reported ({one.source}).")
    return words


def _basis(found: Results) -> str:
    stated = found.study
    return (
        f"{found.size} draws of the accepted posterior of {stated.case} under {len(found.plans)} schedules, each "
        f"against the runs of the same draws; median with 50% and 90% intervals; money in billion CNY of 2020, units "
        f"in {stated.texts.unit}, horizon {stated.horizon:g}."
    )


def _evidence(evidence: Evidence) -> str:
    s = spread(evidence.effect)
    return (
        f" {_capital(evidence.name)}: {evidence.value:.2f} with standard deviation {evidence.deviation:.2f} as "
        f"observed ({evidence.source}); in the posterior {s.median:.2f} (90%: {s.low90:.2f} to {s.high90:.2f}), a "
        "compromise between it, the series and the prior."
    )


def _named(found: Results) -> Sequence[int]:
    return [i for i, plan in enumerate(found.plans) if plan.role != "grid"]


def _cell(value: object, found: Results) -> str:
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "not defined"
    if np.isinf(value):
        return f"none to {found.safe[0].starts[-1]:g}" if found.safe else "none"
    return f"{value:.0f}" if value > 1000 else f"{value:.2g}"


def _start(value: float, first: float, last: float) -> str:
    if np.isinf(value):
        return f"none to {last:g}"
    return f"{value:g} or earlier" if value == first else f"{value:g}"


def _undefined(s: Spread) -> str:
    return "" if s.defined == 1 else f" [defined in {s.defined:.0%} of the draws]"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
