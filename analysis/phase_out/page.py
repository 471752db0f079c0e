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
from analysis.phase_out.words import brief, capital, number, often, over_all, safe_words, told

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
        lines = [self.title, "-" * len(self.title)]
        lines += [textwrap.fill(one, WIDTH, initial_indent="- ", subsequent_indent="  ") for one in self.sentences]
        if self.table is not None:
            wide = self.table.to_string(index=False, justify="left")
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
        Section(study.title, [study.question, _basis(found)]),
        *([Section("By instrument", by_instrument)] if by_instrument else []),
        *([Section("What happened, and what the model says", happened)] if happened else []),
        Section("Answer, for all support at once", [*exit_words(found), *share_words(found)]),
        Section("What breaks", [*relapse_words(found), *idle_words(found), *rush_words(found, rush)]),
        Section("What it costs", cost_words(found)),
        Section(
            "Which schedule", [*(best_refused(failed) or regret_words(found)), *waiting_words(found)],
            *schedules_table(found, best=not failed),
        ),
        Section(
            "What it hinges on", [*evidence_words(found, response, evidence), *driver_words(found)],
            f"Draws by {response}:", thirds_table(found, response, evidence, best=not failed),
        ),
        Section("Checks", check_words(found)),
    ]  # fmt: skip


def exit_words(found: Results) -> list[str]:
    """When exits of each family are safe, counted as the study says, and counted from their end where that differs."""
    words = []
    for one in found.safe:
        words.append(safe_words(one, found.study.exit, one is found.safe[0]))
        for late in found.after_end:
            if late.family == one.family:
                words[-1] += f" Counted from its end instead: {over_all(late, found.study.exit)}"
    return words


def share_words(found: Results) -> list[str]:
    """Years of each share of the market, for everything that is no exit of the grid; "never" is told as such."""
    words = []
    for arm, own in _told(found):
        parts = []
        for level in found.study.shares:
            one = own[f"year of {level:.0%}"]
            reached = one.spread.reached
            seldom = "" if reached == 1 else f", reached by {found.study.horizon:g} in {often(reached)} of the draws"
            parts.append(f"{level:.0%} in {told(one, 1, never=f'after {found.study.horizon:g}', fifty=False)}{seldom}")
        words.append(f"Share of the market, {arm.label}: {'; '.join(parts)}.")
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
        how = (
            f", for {told(own['years in relapse'], 1)}, at the lowest to {least} of it; in {often(still)} of the draws "
            f"still in {found.study.horizon:g}"
        )
        words.append(
            f"Relapse, {arm.label}: the share over the last year falls below {found.study.exit.share_kept:g} of that "
            f"under continued support in {often(odds)} of the draws{how if odds > 0 else ''}."
        )
    return words


def idle_words(found: Results) -> list[str]:
    """Capacity that stands idle under the first named schedule and under continued support."""
    full = found.study.full_use
    return [
        f"Capacity, {arm.label}: idle in the worst quarter "
        f"{told(own['idle share of capacity, worst quarter'], 0, scale=100, unit='%', fifty=False)}; used under "
        f"{full:.0%} for {told(own[f'years with utilisation under {full:g}'], 1, fifty=False)} since "
        f"{found.study.since:g}."
        for arm, own in _told(found)
        if arm.role != "no support"
    ]


def rush_words(found: Results, rush: pd.DataFrame | None) -> list[str]:
    """What announcements pull forward; nothing as fitted where the fit holds the response at zero."""
    name = "pulled forward by announcements"
    fitted = max(float(own[name].values.max()) for own in found.measures)
    sums = "; ".join(f"{arm.label} {told(own[name], 2, fifty=False)}" for arm, own in _told(found)[:2])
    asked = found.study.rush
    head = f"As fitted, announcements pull forward in sum: {sums}. "
    if not fitted:
        head = "As fitted, announcements pull nothing forward. "
    if rush is None or asked is None:
        return [head.strip()]
    cells = []
    for value, part in rush[rush["measure"] == name].groupby("value"):
        rows = part.set_index("schedule").loc[[arm.label for arm, _ in _told(found)[:2]]]
        each = [
            f"{label} {row['median']:.3g} (90%: {row['90% low']:.3g} to {row['90% high']:.3g})"
            for label, row in rows.iterrows()
        ]
        cells.append(f"at {value:g} {', '.join(each)}")
    return [
        f"{head}{capital(asked.constant)} is not in the fit ({asked.source}). Pulled forward in sum, in "
        f"{found.study.texts.unit}: {'; '.join(cells)}."
    ]


def cost_words(found: Results) -> list[str]:
    """Outlay, cost per additional unit, free riders, and what stands apart."""
    study, words = found.study, [f"Support: {found.study.texts.support}. Paid by {found.study.texts.paid_by}."]
    to, rate = f"to {study.horizon:g}", f"{study.rate:.0%}"
    for arm, own in _told(found):
        parts = [f"outlay {told(own[f'fiscal outlay {to}'], fifty=False)} {to}"]
        if own["tail of contracts"].values.max() > 0.5:
            parts.append(f"then {told(own['tail of contracts'], fifty=False)} on contracts of before")
        if own["owed after the tail"].values.max() > 0.5:
            last = study.horizon + study.tail
            parts.append(f"still owed in {last:g} {told(own['owed after the tail'], fifty=False)}")
        parts.append(f"present value at {rate} {told(own[f'outlay with tail, at {rate}'], fifty=False)}")
        if own["arrears, peak"].values.max() > 0.5:
            parts.append(f"arrears at their peak {told(own['arrears, peak'], fifty=False)}")
        if arm.role != "no support":
            parts.append(f"per additional unit {told(own[f'cost per additional unit, at {rate}'], 1)}")
            free = told(own["free riders"], scale=100, unit="%")
            parts.append(f"of the units that drew support {free} would have been sold anyway in the same time")
        words.append(f"{capital(arm.label)}: {'; '.join(parts)}.")
    main = main_arm(found.arms)
    for title in ("credits paid by makers of petrol cars", "levy raised from electricity users"):
        if f"{title} {to}" in found.measures[main]:
            one = told(found.measures[main][f"{title} {to}"], fifty=False)
            words.append(f"Apart from that, {title} {to}, {found.arms[main].label}: {one}.")
    return words


def best_refused(failed: list[str]) -> list[str]:
    """Say why no schedule is called the best; nothing if no check fails."""
    if not failed:
        return []
    return [f"No schedule is called the best: the model misses {'; '.join(failed)}, on which the comparison rests."]


def regret_words(found: Results) -> list[str]:
    """Which schedule is best at each worth of a unit, and how sure that is; losses are told as losses."""
    words, table, stated = [], found.regret(), found.study.worth
    none = only(found.arms, "no support")
    for name, value in stated.values.items():
        part = table[table["worth"] == name].sort_values("mean regret", kind="stable")
        least, likely = part.iloc[0], part.iloc[int(np.argmax(part["probability of best"]))]
        main = part[part["schedule"] == found.arms[main_arm(found.arms)].label].iloc[0]
        place = found.place(str(least["schedule"]))
        gain = Measure("gain", "bnCNY", found.gains(name)[place] - found.gains(name)[none])
        loses = float((gain.values < 0).mean())
        losing = f", a loss in {often(loses)} of the draws" if loses else ""
        against = "" if place == none else f"; against no support W {told(gain, fifty=False)}{losing}"
        words.append(
            f"A unit worth {value:g} {stated.unit}, {name}: least mean regret for {least['schedule']} "
            f"({number(least['mean regret'])} bnCNY, at most {number(least['largest regret'])}{against}); most often "
            f"best: {likely['schedule']}, in {often(likely['probability of best'])} of the draws. "
            f"{capital(main['schedule'])}: mean regret {number(main['mean regret'])}, best in "
            f"{often(main['probability of best'])}."
        )
    return words


def schedules_table(found: Results, best: bool = True) -> tuple[str, pd.DataFrame]:
    """All schedules but the exits of the grid: what the table holds, medians with 90% intervals, and probabilities.

    Without `best` nothing is said of regret.
    """
    rate, stated = f"{found.study.rate:.0%}", found.study
    table = found.regret()
    table = table[table["worth"] == "central"].set_index("schedule")
    rows = []
    for arm, own in zip(found.arms, found.measures, strict=True):
        if arm.role != "grid":
            regret = table.loc[[arm.label]].iloc[0]
            rows.append({
                "": arm.label,
                f"{stated.shares[0]:.0%} share": brief(own[f"year of {stated.shares[0]:.0%}"], 1),
                "relapse": often(own["relapse"].values.mean()),
                f"outlay, {rate}": brief(own[f"outlay with tail, at {rate}"]),
                "per extra unit": brief(own[f"cost per additional unit, at {rate}"], 1),
                "free riders, %": brief(own["free riders"], scale=100),
            })  # fmt: skip
            if best:
                rows[-1]["mean regret"] = number(float(regret["mean regret"]))
                rows[-1]["best"] = often(regret["probability of best"])
    head = f"Median [90% interval]; outlay{' and regret' * best} bnCNY, {stated.texts.per_unit}"
    head += "; regret at the central worth:" if best else ":"
    return head, pd.DataFrame(rows)


def waiting_words(found: Results) -> list[str]:
    """What a further year of support changes, from the safe year on or, without one, at the middle of the grid."""
    words = []
    for family in dict.fromkeys(one.family for one in found.waits):
        own = [one for one in found.waits if one.family == family]
        safe = next(one for one in found.safe if one.family == family)
        wanted = safe.year if np.isfinite(safe.year) else safe.starts[len(safe.starts) // 2]
        one = min(own, key=lambda w: abs(w.start - wanted))
        better = ", ".join(f"{often((gain > 0).mean())} ({name})" for name, gain in one.gains.items())
        words.append(
            f"Waiting a year, {family} from {one.start + 1:g} instead of {one.start:g}: units "
            f"{told(Measure('', found.study.texts.unit, one.units), 2, sign=True)}, outlay in present value "
            f"{told(Measure('', 'bnCNY', one.spent), sign=True)}, at the margin "
            f"{told(Measure('', found.study.texts.per_unit, one.marginal), 1)}; a gain in {better} of the draws, by "
            "worth of a unit."
        )
    return words


def thirds_table(found: Results, response: str, evidence: Evidence | None, best: bool = True) -> pd.DataFrame:
    """The main answers by third of the draws as a small table: answers down, thirds across."""
    split = thirds(found, response, evidence)
    split = split[~split["answer"].str.startswith("first start" if best else ("first start", "least mean regret"))]
    last = found.safe[0].starts[-1] if found.safe else found.study.horizon
    cells = split.assign(text=[_cell(value, last) for value in split["value"]])
    wide = cells.pivot_table(index="answer", columns="draws", values="text", aggfunc="first", sort=False)[list(THIRDS)]
    wide.columns.name = None
    return wide.reset_index(names="")


def evidence_words(found: Results, response: str, evidence: Evidence | None) -> list[str]:
    """Which evidence decides between the responses."""
    words = [f"{found.study.texts.evidence}."]
    if evidence is not None:
        s = spread(evidence.effect)
        rho = rank_correlation(of_draws(found, response), evidence.effect)
        side = "right" if rho > 0 else "left"
        reads = f": who trusts the observed effect more reads the table further to the {side}" if abs(rho) > 0.5 else ""
        words.append(
            f"{capital(evidence.name)}: observed {evidence.value:.2f} with standard deviation {evidence.deviation:.2f} "
            f"({evidence.source}); in the posterior {s.median:.2f} (50%: {s.low50:.2f} to {s.high50:.2f}; 90%: "
            f"{s.low90:.2f} to {s.high90:.2f}), a compromise of that, the series and the prior. Its rank correlation "
            f"with {response} is {rho:+.2f}{reads}."
        )
    return words


def driver_words(found: Results) -> list[str]:
    """The parameters that go most with the first answers, over the draws."""
    table = drivers(found)
    cells = []
    for answer in dict.fromkeys(table["answer"]):
        top = table[table["answer"] == answer].head(3)
        pairs = zip(top["parameter"], top["rank correlation"], strict=True)
        cells.append(f"{answer}: {', '.join(f'{name} {rho:+.2f}' for name, rho in pairs)}")
    return [f"Rank correlations over the draws, strongest first. {capital('; '.join(cells))}."] if cells else []


def check_words(found: Results) -> list[str]:
    """Published figures against the model, how far the account closes, and how many draws failed."""
    words = [
        f"The account closes in every run to {found.gap:.0e} of its size: lines = fiscal outlay, committed = paid + "
        "arrears, support + tax given up = the model's own sum."
    ]
    if found.failed:
        words.append(f"{found.failed} draws were not finite under some schedule and are left out.")
    return [*words, *reported_words(found)]


def reported_words(found: Results) -> list[str]:
    """Published figures of the account beside the model's."""
    return [
        f"{capital(one.words)}: {told(measure)} in the model, {one.value:g} as reported ({one.source})."
        for one, measure in found.reported
    ]


def _basis(found: Results) -> str:
    stated = found.study
    return (
        f"{found.size} draws of the accepted posterior of {stated.case} under {len(found.arms)} schedules, each "
        f"against the runs of the same draws; medians, in brackets intervals that hold 50% or 90% of the draws; money "
        f"in billion CNY of 2020 (present values of {stated.base_year:g}), units in {stated.texts.unit}."
    )


def _told(found: Results) -> list[tuple[Arm, Mapping[str, Measure]]]:
    """Arms told of in words, with their numbers: the first named one, continued support, no support."""
    places = dict.fromkeys((main_arm(found.arms), only(found.arms, "supported"), only(found.arms, "no support")))
    return [(found.arms[place], found.measures[place]) for place in places]


def _cell(value: object, last: float) -> str:
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "not defined"
    if np.isinf(value):
        return f"none to {last:g}"
    return f"{value:.0f}" if value > 1000 else f"{value:.2g}"
