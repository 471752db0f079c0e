"""One page in words: the answer with its intervals, what breaks, what it costs, and what it hinges on."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.phase_out.by_instrument.apart import Beside, instrument_words
from analysis.phase_out.by_instrument.happened import failing, happened_words
from analysis.phase_out.hinges import THIRDS, Evidence, drivers, of_draws, rank_correlation, thirds
from analysis.phase_out.results import Results
from analysis.phase_out.runs import Arm, main_arm, only
from analysis.phase_out.spread import Measure, spread
from analysis.phase_out.words import brief, number, often, over_all, safe_words, told
from analysis.plain.language import listed, one_by_one, sentence, term, worded
from analysis.plain.shown import capital, fill, screen, width
from analysis.plain.units import customary

WIDTH = 115


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of the page: its title, plain sentences, and a small table under a line that says what it holds."""

    title: str
    sentences: list[str]
    head: str = ""
    table: pd.DataFrame | None = None

    @property
    def text(self) -> str:
        """The section as lines for a screen."""
        lines = [self.title, "-" * width(self.title)]
        lines += [fill(one, WIDTH, initial_indent="- ", subsequent_indent="  ") for one in self.sentences]
        if self.table is not None:
            wide = screen(self.table, index=False, justify="left")
            lines.append(textwrap.indent(f"{self.head}\n{wide}", "  "))
        return "\n".join(lines)


def page(sections: Sequence[Section]) -> str:
    """Return the sections as one page for a screen."""
    return "\n\n".join(one.text for one in sections) + "\n"


def sections_of(
    found: Results,
    response: str,
    evidence: Evidence | None = None,
    rush: pd.DataFrame | None = None,
    said: Beside | None = None,
) -> list[Section]:
    """Return what a study says: sections of plain sentences, and small tables by schedule and by response of buyers.

    `response` is the parameter that says how strongly buyers answer to support, `evidence` the causal effect that was
    observed, `rush` what announcements pull forward at other values of a constant, see `rush_table`, and `said` the
    answers by instrument and what happened.
    """
    study = found.study
    by_instrument = [] if said is None else instrument_words(said, study)
    happened = [] if said is None else happened_words(said.happened)
    failed = [] if said is None else failing(said.happened)
    return [
        Section(term(study.title), [term(study.question), _basis(found)]),
        *([Section(worded("By instrument"), by_instrument)] if by_instrument else []),
        *([Section(worded("What happened, and what the model says"), happened)] if happened else []),
        Section(worded("Answer, for all support at once"), [*exit_words(found), *share_words(found)]),
        Section(worded("What breaks"), [*relapse_words(found), *idle_words(found), *rush_words(found, rush)]),
        Section(worded("What it costs"), cost_words(found)),
        Section(
            worded("Which schedule"), [*(best_refused(failed) or regret_words(found)), *waiting_words(found)],
            *schedules_table(found, best=not failed),
        ),
        Section(
            worded("What it hinges on"), [*evidence_words(found, response, evidence), *driver_words(found)],
            worded("Draws by {response}:", response=term(response)),
            thirds_table(found, response, evidence, best=not failed),
        ),
        Section(worded("Checks"), check_words(found)),
    ]  # fmt: skip


def exit_words(found: Results) -> list[str]:
    """When exits of each family are safe, counted as the study says, and counted from their end where that differs."""
    words = []
    for one in found.safe:
        words.append(safe_words(one, found.study.exit, one is found.safe[0]))
        for late in found.after_end:
            if late.family == one.family:
                words[-1] += worded(" Counted from its end instead: {said}", said=over_all(late, found.study.exit))
    return words


def share_words(found: Results) -> list[str]:
    """Years of each share of the market, for everything that is no exit of the grid; "never" is told as such."""
    words = []
    for arm, own in _told(found):
        parts = []
        for level in found.study.shares:
            one = own[f"year of {level:.0%}"]
            reached = one.spread.reached
            never = worded("after {year:g}", year=found.study.horizon)
            part = worded("{level:.0%} in {year}", level=level, year=told(one, 1, never=never, fifty=False))
            if reached < 1:
                part += worded(
                    ", reached by {year:g} in {often} of the draws", year=found.study.horizon, often=often(reached)
                )  # fmt: skip
            parts.append(part)
        words.append(
            worded("Share of the market, {schedule}: {years}.", schedule=term(arm.label), years=one_by_one(parts))
        )  # fmt: skip
    return words


def relapse_words(found: Results) -> list[str]:
    """How likely, how long and how deep the share falls below the supported path's."""
    words = []
    for arm, own in _told(found):
        if arm.role == "supported":
            continue
        odds = float(own["relapse"].values.mean())
        still = float(own["still in relapse at the horizon"].values.mean())
        least = told(own["least share against the supported path"], 2, fifty=False)
        said = worded(
            "Relapse, {schedule}: the share over the last year falls below {kept:g} of that under continued support in "
            "{often} of the draws",
            schedule=term(arm.label), kept=found.study.exit.share_kept, often=often(odds),
        )  # fmt: skip
        if odds > 0:
            said += worded(
                ", for {years}, at the lowest to {least} of it; in {often} of the draws still in {horizon:g}",
                years=told(own["years in relapse"], 1), least=least, often=often(still), horizon=found.study.horizon,
            )  # fmt: skip
        words.append(sentence(said))
    return words


def idle_words(found: Results) -> list[str]:
    """Capacity that stands idle under the first named schedule and under continued support."""
    full = found.study.full_use
    return [
        worded(
            "Capacity, {schedule}: idle in the worst quarter {idle}; used under {full:.0%} for {years} since "
            "{since:g}.",
            schedule=term(arm.label), full=full, since=found.study.since,
            idle=told(own["idle share of capacity, worst quarter"], 0, scale=100, unit="%", fifty=False),
            years=told(own[f"years with utilisation under {full:g}"], 1, fifty=False),
        )
        for arm, own in _told(found)
        if arm.role != "no support"
    ]  # fmt: skip


def rush_words(found: Results, rush: pd.DataFrame | None) -> list[str]:
    """What announcements pull forward; nothing as fitted where the fit holds the response at zero."""
    name = "pulled forward by announcements"
    fitted = max(float(own[name].values.max()) for own in found.measures)
    sums = one_by_one(
        worded("{schedule} {value}", schedule=term(arm.label), value=told(own[name], 2, fifty=False))
        for arm, own in _told(found)[:2]
    )  # fmt: skip
    asked = found.study.rush
    head = worded("As fitted, announcements pull forward in sum: {sums}. ", sums=sums)
    if not fitted:
        head = worded("As fitted, announcements pull nothing forward. ")
    if rush is None or asked is None:
        return [head.strip()]
    factor, unit = customary(found.study.texts.unit)
    cells = []
    for value, part in rush[rush["measure"] == name].groupby("value"):
        rows = part.set_index("schedule").loc[[arm.label for arm, _ in _told(found)[:2]]]
        each = [
            worded(
                "{schedule} {median:.3g} (90%: {low:.3g} to {high:.3g})",
                schedule=term(str(label)), median=factor * row["median"], low=factor * row["90% low"],
                high=factor * row["90% high"],
            )
            for label, row in rows.iterrows()
        ]  # fmt: skip
        cells.append(worded("at {value:g} {each}", value=value, each=listed(each)))
    return [
        head
        + worded(
            "{constant} is not in the fit ({source}). Pulled forward in sum, in {unit}: {sums}.",
            constant=capital(term(asked.constant)), source=term(asked.source), unit=unit, sums=one_by_one(cells),
        )
    ]  # fmt: skip


def cost_words(found: Results) -> list[str]:
    """Outlay, cost per additional unit, free riders, and what stands apart."""
    study, texts = found.study, found.study.texts
    words = [worded("Support: {what}. Paid by {by}.", what=term(texts.support), by=term(texts.paid_by))]
    to, rate = f"to {study.horizon:g}", f"{study.rate:.0%}"
    for arm, own in _told(found):
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
        words.append(
            worded("{schedule}: {costs}.", schedule=capital(term(arm.label)), costs=one_by_one(parts))
        )  # fmt: skip
    main = main_arm(found.arms)
    for title in ("credits paid by makers of petrol cars", "levy raised from electricity users"):
        if f"{title} {to}" in found.measures[main]:
            one = told(found.measures[main][f"{title} {to}"], fifty=False)
            words.append(
                worded(
                    "Apart from that, {line} to {year:g}, {schedule}: {sum}.",
                    line=term(title), year=study.horizon, schedule=term(found.arms[main].label), sum=one,
                )
            )  # fmt: skip
    return words


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
                "": term(arm.label),
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
        )  # fmt: skip
    else:
        head = worded("Median [90% interval]; outlay {money}, {per_unit}:", **units)
    return head, pd.DataFrame(rows)


def waiting_words(found: Results) -> list[str]:
    """What a further year of support changes, from the safe year on or, without one, at the middle of the grid."""
    words = []
    for family in dict.fromkeys(one.family for one in found.waits):
        own = [one for one in found.waits if one.family == family]
        safe = next(one for one in found.safe if one.family == family)
        wanted = safe.year if np.isfinite(safe.year) else safe.starts[len(safe.starts) // 2]
        one = min(own, key=lambda w: abs(w.start - wanted))
        better = listed(
            worded("{often} ({size})", often=often((gain > 0).mean()), size=term(name))
            for name, gain in one.gains.items()
        )  # fmt: skip
        words.append(
            worded(
                "Waiting a year, {exit} from {later:g} instead of {start:g}: units {units}, outlay in present value "
                "{spent}, at the margin {margin}; a gain in {better} of the draws, by worth of a unit.",
                exit=term(family), later=one.start + 1, start=one.start, better=better,
                units=told(Measure("", found.study.texts.unit, one.units), 2, sign=True),
                spent=told(Measure("", "bnCNY", one.spent), sign=True),
                margin=told(Measure("", found.study.texts.per_unit, one.marginal), 1),
            )
        )  # fmt: skip
    return words


def thirds_table(found: Results, response: str, evidence: Evidence | None, best: bool = True) -> pd.DataFrame:
    """The main answers by third of the draws as a small table: answers down, thirds across."""
    split = thirds(found, response, evidence)
    split = split[~split["answer"].str.startswith("first start" if best else ("first start", "least mean regret"))]
    last = found.safe[0].starts[-1] if found.safe else found.study.horizon
    cells = split.assign(
        text=[_cell(value, unit, last) for value, unit in zip(split["value"], split["unit"], strict=True)],
        answer=[term(one) for one in split["answer"]],
    )  # fmt: skip
    wide = cells.pivot_table(index="answer", columns="draws", values="text", aggfunc="first", sort=False)[list(THIRDS)]
    wide.columns = [term(third) for third in THIRDS]
    return wide.reset_index(names="")


def evidence_words(found: Results, response: str, evidence: Evidence | None) -> list[str]:
    """Which evidence decides between the responses."""
    words = [sentence(term(found.study.texts.evidence))]
    if evidence is not None:
        s = spread(evidence.effect)
        rho = rank_correlation(of_draws(found, response), evidence.effect)
        reads = ""
        if abs(rho) > 0.5 and rho > 0:
            reads = worded(": who trusts the observed effect more reads the table further to the right")
        elif abs(rho) > 0.5:
            reads = worded(": who trusts the observed effect more reads the table further to the left")
        words.append(
            worded(
                "{effect}: observed {value:.2f} with standard deviation {deviation:.2f} ({source}); in the posterior "
                "{median:.2f} (50%: {low50:.2f} to {high50:.2f}; 90%: {low90:.2f} to {high90:.2f}), a compromise of "
                "that, the series and the prior. Its rank correlation with {response} is {rho:+.2f}{reads}.",
                effect=capital(term(evidence.name)), value=evidence.value, deviation=evidence.deviation,
                source=term(evidence.source), median=s.median, low50=s.low50, high50=s.high50, low90=s.low90,
                high90=s.high90, response=term(response), rho=rho, reads=reads,
            )
        )  # fmt: skip
    return words


def driver_words(found: Results) -> list[str]:
    """The parameters that go most with the first answers, over the draws."""
    table = drivers(found)
    cells = []
    for answer in dict.fromkeys(table["answer"]):
        top = table[table["answer"] == answer].head(3)
        pairs = zip(top["parameter"], top["rank correlation"], strict=True)
        each = listed(f"{term(name)} {rho:+.2f}" for name, rho in pairs)
        cells.append(worded("{answer}: {each}", answer=term(answer), each=each))
    if not cells:
        return []
    return [
        worded("Rank correlations over the draws, strongest first. {each}.", each=capital(one_by_one(cells)))
    ]  # fmt: skip


def check_words(found: Results) -> list[str]:
    """Published figures against the model, how far the account closes, and how many draws failed."""
    words = [
        worded(
            "The account closes in every run to {gap:.0e} of its size: lines = fiscal outlay, committed = paid + "
            "arrears, support + tax given up = the model's own sum.",
            gap=found.gap,
        )
    ]
    if found.failed:
        words.append(
            worded("{failed} draws were not finite under some schedule and are left out.", failed=found.failed)
        )  # fmt: skip
    return [*words, *reported_words(found)]


def reported_words(found: Results) -> list[str]:
    """Published figures of the account beside the model's."""
    return [
        worded(
            "{what}: {modelled} in the model, {value:g} as reported ({source}).",
            what=capital(term(one.words)), modelled=told(measure), source=term(one.source),
            value=customary(measure.unit)[0] * one.value,
        )
        for one, measure in found.reported
    ]  # fmt: skip


def _basis(found: Results) -> str:
    stated = found.study
    return worded(
        "{draws} draws of the accepted posterior of {case} under {schedules} schedules, each against the runs of the "
        "same draws; medians, in brackets intervals that hold 50% or 90% of the draws; money in billion CNY of 2020 "
        "(present values of {year:g}), units in {unit}.",
        draws=found.size, case=term(stated.case), schedules=len(found.arms), year=stated.base_year,
        unit=customary(stated.texts.unit)[1],
    )  # fmt: skip


def _told(found: Results) -> list[tuple[Arm, Mapping[str, Measure]]]:
    """Arms told of in words, with their numbers: the first named one, continued support, no support."""
    places = dict.fromkeys((main_arm(found.arms), only(found.arms, "supported"), only(found.arms, "no support")))
    return [(found.arms[place], found.measures[place]) for place in places]


def _cell(value: object, unit: str, last: float) -> str:
    if not isinstance(value, float):
        return term(str(value))
    if np.isnan(value):
        return worded("not defined")
    if np.isinf(value):
        return worded("none to {last:g}", last=last)
    return f"{value:.0f}" if value > 1000 else f"{customary(unit)[0] * value:.2g}"
