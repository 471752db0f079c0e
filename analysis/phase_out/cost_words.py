"""What support costs, which schedule is best, and what a further year of it changes, in words and one table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.phase_out.results import Results
from analysis.phase_out.runs import main_arm, only
from analysis.phase_out.spread import Measure
from analysis.phase_out.words import brief, number, often, told
from analysis.plain.language import listed, one_by_one, term, worded
from analysis.plain.shown import capital
from analysis.plain.units import customary


def cost_words(found: Results) -> Iterator[str]:
    """Outlay, cost per additional unit, free riders, and what stands apart."""
    study, texts = found.study, found.study.texts
    yield worded("Support: {what}. Paid by {by}.", what=term(texts.support), by=term(texts.paid_by))
    to, rate = f"to {study.horizon:g}", f"{study.rate:.0%}"
    for arm, own in found.told():
        spent = told(own[f"fiscal outlay {to}"], fifty=False)
        parts = [worded("outlay {sum} to {year:g}", sum=spent, year=study.horizon)]
        if own["tail of contracts"].values.max() > 0.5:
            tail = told(own["tail of contracts"], fifty=False)
            parts.append(worded("then {sum} on contracts of before", sum=tail))
        if own["owed after the tail"].values.max() > 0.5:
            last = study.horizon + study.tail
            owed = told(own["owed after the tail"], fifty=False)
            parts.append(worded("still owed in {year:g} {sum}", year=last, sum=owed))
        value = told(own[f"outlay with tail, at {rate}"], fifty=False)
        parts.append(worded("present value at {rate} {sum}", rate=rate, sum=value))
        if own["arrears, peak"].values.max() > 0.5:
            parts.append(worded("arrears at their peak {sum}", sum=told(own["arrears, peak"], fifty=False)))
        if arm.role != "no support":
            unit_cost = told(own[f"cost per additional unit, at {rate}"], 1)
            parts.append(worded("per additional unit {sum}", sum=unit_cost))
            free = told(own["free riders"], scale=100, unit="%")
            parts.append(
                worded(
                    "of the units that drew support {share} would have been sold anyway in the same time", share=free
                )
            )
        yield worded("{schedule}: {costs}.", schedule=capital(term(arm.label)), costs=one_by_one(parts))
    main = main_arm(found.arms)
    for title in ("credits paid by makers of petrol cars", "levy raised from electricity users"):
        if f"{title} {to}" in found.measures[main]:
            one = told(found.measures[main][f"{title} {to}"], fifty=False)
            yield worded(
                "Apart from that, {line} to {year:g}, {schedule}: {sum}.",
                line=term(title), year=study.horizon, schedule=term(found.arms[main].label), sum=one,
            )  # fmt: skip


def best_refused(failed: list[str]) -> list[str]:
    """Say why no schedule is called the best; nothing if no check fails."""
    if not failed:
        return []
    return [
        worded(
            "No schedule is called the best: the model misses {missed}, on which the comparison rests.",
            missed=one_by_one(map(term, failed)),
        )
    ]


def regret_words(found: Results) -> list[str]:
    """Which schedule is best at each worth of a unit, and how sure that is; losses are told as losses."""
    words, table, stated = [], found.regret(), found.study.worth
    none, (money, bn) = only(found.arms, "no support"), customary("bnCNY")
    for name, value in stated.values.items():
        part = table[table["worth"] == name].sort_values("mean regret", kind="stable")
        least, likely = part.iloc[0], part.iloc[int(np.argmax(part["probability of best"]))]
        main = part[part["schedule"] == found.arms[main_arm(found.arms)].label].iloc[0]
        place = found.place(str(least["schedule"]))
        gain = Measure("gain", "bnCNY", found.gains(name)[place] - found.gains(name)[none])
        loses = float((gain.values < 0).mean())
        against = "" if place == none else worded("; against no support W {gain}", gain=told(gain, fifty=False))
        if against and loses:
            against += worded(", a loss in {often} of the draws", often=often(loses))
        factor, unit = customary(stated.unit)
        words.append(
            worded(
                "A unit worth {value:g} {unit}, {size}: least mean regret for {least} ({regret} {money}, at most "
                "{largest}{against}); most often best: {likely}, in {often} of the draws. {main}: mean regret "
                "{main_regret}, best in {main_often}.",
                value=factor * value, unit=unit, size=term(name), least=term(least["schedule"]),
                regret=number(money * least["mean regret"]), money=bn, largest=number(money * least["largest regret"]),
                against=against, likely=term(likely["schedule"]), often=often(likely["probability of best"]),
                main=capital(term(main["schedule"])), main_regret=number(money * main["mean regret"]),
                main_often=often(main["probability of best"]),
            )
        )  # fmt: skip
    return words


def schedules_table(found: Results, best: bool = True) -> tuple[str, pd.DataFrame]:
    """All schedules but the exits of the grid: what the table holds, medians with 90% intervals, and probabilities.

    Without `best` nothing is said of regret.
    """
    rate, stated = f"{found.study.rate:.0%}", found.study
    table = found.regret()
    table = table[table["worth"] == "central"].set_index("schedule")
    rows, (money, bn) = [], customary("bnCNY")
    for arm, own in zip(found.arms, found.measures, strict=True):
        if arm.role != "grid":
            regret = table.loc[[arm.label]].iloc[0]
            rows.append({
                worded("schedule"): term(arm.label),
                worded("{level:.0%} share", level=stated.shares[0]): brief(own[f"year of {stated.shares[0]:.0%}"], 1),
                worded("relapse"): often(own["relapse"].values.mean()),
                worded("outlay, {rate}", rate=rate): brief(own[f"outlay with tail, at {rate}"]),
                worded("per extra unit"): brief(own[f"cost per additional unit, at {rate}"], 1),
                worded("free riders, %"): brief(own["free riders"], scale=100),
            })  # fmt: skip
            if best:
                rows[-1][worded("mean regret")] = number(money * float(regret["mean regret"]))
                rows[-1][worded("best")] = often(regret["probability of best"])
    units = {"money": bn, "per_unit": customary(stated.texts.per_unit)[1]}
    if best:
        head = worded(
            "Median [90% interval]; outlay and regret {money}, {per_unit}; regret at the central worth:", **units
        )
    else:
        head = worded("Median [90% interval]; outlay {money}, {per_unit}:", **units)
    return head, pd.DataFrame(rows)


def waiting_words(found: Results) -> Iterator[str]:
    """What a further year of support changes, from the safe year on or, without one, at the middle of the grid."""
    for family in dict.fromkeys(one.family for one in found.waits):
        own = [one for one in found.waits if one.family == family]
        safe = next(one for one in found.safe if one.family == family)
        wanted = safe.year if np.isfinite(safe.year) else safe.starts[len(safe.starts) // 2]
        one = min(own, key=lambda w: abs(w.start - wanted))
        better = listed(
            worded("{often} ({size})", often=often((gain > 0).mean()), size=term(name))
            for name, gain in one.gains.items()
        )
        yield worded(
            "Waiting a year, {exit} from {later:g} instead of {start:g}: units {units}, outlay in present value "
            "{spent}, at the margin {margin}; a gain in {better} of the draws, by worth of a unit.",
            exit=term(family), later=one.start + 1, start=one.start, better=better,
            units=told(Measure("", found.study.texts.unit, one.units), 2, sign=True),
            spent=told(Measure("", "bnCNY", one.spent), sign=True),
            margin=told(Measure("", found.study.texts.per_unit, one.marginal), 1),
        )  # fmt: skip
