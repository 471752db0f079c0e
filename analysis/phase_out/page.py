"""One page in words: the answer with its intervals, what breaks, what it costs, and what it hinges on."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.phase_out.by_instrument.apart import Beside
from analysis.phase_out.by_instrument.apart_told import instrument_words
from analysis.phase_out.by_instrument.happened import failing, happened_words
from analysis.phase_out.cost_words import best_refused, cost_words, regret_words, schedules_table, waiting_words
from analysis.phase_out.hinge_words import driver_words, evidence_words, thirds_table
from analysis.phase_out.hinges import Evidence
from analysis.phase_out.results import Results
from analysis.phase_out.words import often, over_all, safe_words, told
from analysis.plain.language import listed, one_by_one, sentence, term, worded
from analysis.plain.lines import fill, width
from analysis.plain.shown import capital, screen
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
    answer = worded("Answer, for all support at once") if len(study.apart) != 1 else worded("Answer")
    return [
        Section(term(study.title), [term(study.question), _basis(found)]),
        *([Section(worded("By instrument"), by_instrument)] if by_instrument else []),
        *([Section(worded("What happened, and what the model says"), happened)] if happened else []),
        Section(answer, [*exit_words(found), *share_words(found)]),
        Section(worded("What breaks"), [*relapse_words(found), *idle_words(found), *rush_words(found, rush)]),
        Section(worded("What it costs"), [*cost_words(found)]),
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


def exit_words(found: Results) -> Iterator[str]:
    """When exits of each family are safe, counted as the study says, and counted from their end where that differs."""
    for one in found.safe:
        said = safe_words(one, found.study.exit, one is found.safe[0])
        for late in found.after_end:
            if late.family == one.family:
                said += worded(" Counted from its end instead: {said}", said=over_all(late, found.study.exit))
        yield said


def share_words(found: Results) -> Iterator[str]:
    """Years of each share of the market, for everything that is no exit of the grid; "never" is told as such."""
    for arm, own in found.told():
        parts = []
        for level in found.study.shares:
            one = own[f"year of {level:.0%}"]
            reached = one.spread.reached
            never = worded("after {year:g}", year=found.study.horizon)
            part = worded("{level:.0%} in {year}", level=level, year=told(one, 1, never=never, fifty=False))
            if reached < 1:
                part += worded(
                    ", reached by {year:g} in {often} of the draws", year=found.study.horizon, often=often(reached)
                )
            parts.append(part)
        yield worded("Share of the market, {schedule}: {years}.", schedule=term(arm.label), years=one_by_one(parts))


def relapse_words(found: Results) -> Iterator[str]:
    """How likely, how long and how deep the share falls below the supported path's."""
    for arm, own in found.told():
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
        yield sentence(said)


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
        for arm, own in found.told()
        if arm.role != "no support"
    ]  # fmt: skip


def rush_words(found: Results, rush: pd.DataFrame | None) -> list[str]:
    """What announcements pull forward; nothing as fitted where the fit holds the response at zero."""
    name = "pulled forward by announcements"
    fitted = max(float(own[name].values.max()) for own in found.measures)
    sums = one_by_one(
        worded("{schedule} {value}", schedule=term(arm.label), value=told(own[name], 2, fifty=False))
        for arm, own in found.told()[:2]
    )
    asked = found.study.rush
    head = worded("As fitted, announcements pull forward in sum: {sums}. ", sums=sums)
    if not fitted:
        head = worded("As fitted, announcements pull nothing forward. ")
    if rush is None or asked is None:
        return [head.strip()]
    factor, unit = customary(found.study.texts.unit)
    cells = []
    for value, part in rush[rush["measure"] == name].groupby("value"):
        rows = part.set_index("schedule").loc[[arm.label for arm, _ in found.told()[:2]]]
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
        )
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
