"""When single instruments can end, in words: what counts as safe, from when, and how often an exit fails then."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.phase_out.by_instrument.apart import Beside, spans
from analysis.phase_out.exit import doubt, undecided, verdict
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.language import listed, one_by_one, term, worded
from analysis.plain.shown import capital
from models.case import load_case
from stockflow.arrays import Array, Flags


def spans_words(years: str) -> str:
    """Return what `spans` gave in the language spoken."""
    runs = [run.partition(" to ") for run in years.split(", ")]
    return listed(
        worded("{first} to {latest:g}", first=first, latest=float(last)) if last else term(first)
        for first, _, last in runs
    )


def criteria_words(study: PhaseOutStudy) -> str:
    """Say what counts as safe, and what as a setback."""
    asked = study.exit
    return worded(
        "Two criteria. Safe: in fewer than {probability:.0%} of draws the share {years:g} years after the start is "
        "below {kept:g} times that with all support going on; years too near to {probability:.0%} for the draws to "
        "tell are named, and what lasts is safe with all later starts. A slope is judged as long after its first step, "
        "and after its last where the horizon allows. Setback: in {probability:.0%} of draws or more the share drops, "
        "within those years, from its own peak by over "
        "{fall:.0%} of that peak more than with all support going on. The market: {market}.",
        probability=asked.probability, years=asked.years_after, kept=asked.share_kept, fall=asked.own_fall,
        market=term(study.texts.market),
    )  # fmt: skip


def instrument_words(said: Beside, study: PhaseOutStudy) -> list[str]:
    """Say from when each set of instruments can end, what goes on, and what ends do together."""
    words = [criteria_words(study)] if len(said.answers) else []
    for row in said.answers.to_dict("records"):
        years = [year_words(row[third], study) for third in THIRDS]
        if len(set(years)) > 1:
            thirds = worded(", weak to strong: {years}", years=" / ".join(years))
        else:
            thirds = worded(", whatever it is: {year}", year=years[0])
        words.append(
            worded(
                "{ends}: {safe}; by response{thirds}. Setback if from: {setback}. Goes on: {goes_on}.",
                ends=capital(term(row["ends"])), safe=_exit_and_risk(row, study), thirds=thirds,
                setback=spans_words(row["setback if from"]), goes_on=term(row["goes on"]),
            )
        )  # fmt: skip
    for row in said.together.to_dict("records"):
        words.append(
            worded(
                "{ends} together, {exit} from {start:g}: the share falls by {middle:.1%} (90%: {low:.1%} to "
                "{high:.1%}) more than the single ends add up to.",
                ends=capital(term(row["ends"])), exit=term(row["exit"]), start=row["start"], middle=-row["beyond"],
                low=-row["high"], high=-row["low"],
            )
        )  # fmt: skip
    return words


def worse_later(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> dict[Hashable, Any] | None:
    """Return a row of `answers` judged after the end of its exit if it is safe later then, or not for good."""
    if (late := after_its_end(row, study)) is None:
        return None
    own, other = (np.inf if (found := lasting(one, study)) is None else found for one in (row, late))
    return late if other > own else None


def end_words(by_instrument: pd.DataFrame, study: PhaseOutStudy) -> str:
    """From when each set of instruments can end at a stroke, in one line, without those that no start tried hurts."""
    rows = by_instrument[(by_instrument["exit"] == "cliff") & (by_instrument["safe from"] > study.grid.first)]
    told = []
    for row in rows.to_dict("records"):
        if np.isinf(row["safe from"]):
            told.append(worded("{ends} at no start by {last:g}", ends=term(row["ends"]), last=study.grid.last))
        else:
            told.append(worded("{ends} {when}", ends=term(row["ends"]), when=when_words(row, study)))
    return one_by_one(told)


def points(by_instrument: pd.DataFrame, study: PhaseOutStudy) -> list[str]:
    """Say of each set of instruments, in a line, what goes on, and from when it can end by each exit at what risk."""
    told = []
    for (ends, goes_on), part in by_instrument.groupby(["ends", "goes on"], sort=False):
        rows = part.to_dict("records")
        most = max(share for row in rows for share in (*row["failing"], *row["failing after"]))
        span = {"first": study.grid.first, "last": study.grid.last}
        if most >= study.exit.probability or any(row["setbacks"] for row in rows):
            each = one_by_one(_exit_and_risk(row, study) for row in rows)
        elif most == 0:
            draws = rows[0]["draws"]
            each = worded("0 of {draws} draws fail at any start, {first:g} to {last:g}", draws=draws, **span)
        else:
            each = worded(
                "at every start tried, {first:g} to {last:g} ({most:.1%} of draws or fewer fail)", **span, most=most
            )
        head = worded("{ends} (going on: {goes_on})", ends=capital(term(str(ends))), goes_on=term(str(goes_on)))
        told.append(worded("{head}: {rest}", head=head, rest=each))
    return told


def _exit_and_risk(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    if (late := worse_later(row, study)) is not None:
        return _not_for_good(row, late, study)
    told = worded("{exit}, {when}", exit=exit_words(row), when=_when_and_risk(row, study))
    safe = lasting(row, study)
    if safe is not None and (back := np.array([year for year in row["setbacks"] if year >= safe])).size:
        years = spans_words(spans(back, study.grid.step))
        told += worded(", with a setback for a time if it begins in {years}", years=years)
    return told


def _not_for_good(row: Mapping[Hashable, Any], late: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """Say first what comes of an exit after its end, then from when it seemed safe before, and what fails from then."""
    safe, (starts, failing) = near_years(row, study)[1], judged(late, study)
    then = failing[starts == safe]
    told = worded(
        "{exit}, {late} as judged {years:g} years after its last step",
        exit=exit_words(row), late=_when_and_risk(late, study), years=study.exit.years_after,
    )  # fmt: skip
    if then.size:
        told += worded(", {fails:.0%} if it begins in {start:g}", fails=then[0], start=safe)
    return told + worded(
        ", though it looks safe {when} as judged {years:g} years after its first step",
        when=_when_and_risk(row, study), years=study.exit.years_after,
    )  # fmt: skip


def _when_and_risk(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    starts, failing = judged(row, study)
    if np.isinf(row["safe from"]):
        least = failing.min()
        return worded("at no start by {last:g} ({least:.1%} of draws or more fail)", last=starts[-1], least=least)
    if lasting(row, study) is None:
        at, fails = starts[failing.argmin()], failing.min()
        if verdict(fails, row["draws"], study.exit.probability) == "safe":
            return worded(
                "at no start that is safe with all later ones (at best {at:g}: {fails:.1%} of draws fail)",
                at=at, fails=fails,
            )  # fmt: skip
        return worded(
            "at no start that is clearly safe (at best {at:g}: {fails:.1%} of draws fail, too near to tell)",
            at=at, fails=fails,
        )  # fmt: skip
    near, latest = near_years(row, study)
    shares = _shares(failing[near])
    if np.isinf(latest):
        return worded("perhaps from {first:g} ({fails} of draws fail)", first=starts[near][0], fails=shares)
    safe = worded("from {latest:g} ({fails:.1%} of draws fail)", latest=latest, fails=failing[starts == latest][0])
    if not near.any():
        return safe
    years = spans_words(spans(starts[near], study.grid.step))
    return safe + worded(", {years} too near to tell ({fails})", years=years, fails=shares)


def near_years(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> tuple[Flags, float]:
    """Return which starts before the first clearly safe one are too near to the limit, (start,), and that one."""
    starts, failing = judged(row, study)
    latest = undecided(starts, failing, row["draws"], study.exit.probability)[1]
    told = [verdict(share, row["draws"], study.exit.probability) == "not decided" for share in failing]
    return np.array(told) & (starts < latest), latest


def _shares(failing: Array) -> str:
    return " / ".join(f"{share:.1%}" for share in failing)


def exit_words(row: Mapping[Hashable, Any]) -> str:
    """Return how an exit of a row of `answers` goes on: at a stroke, or by its shape over some years."""
    return worded("at a stroke") if row["exit"] == "cliff" else term(row["exit"])


def after_its_end(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> dict[Hashable, Any] | None:
    """Return a row of `answers` judged as long after the last step of its exit, of starts that the horizon allows."""
    if not len(row["failing after"]):
        return None
    starts, failing = np.asarray(study.grid.starts), np.asarray(row["failing after"])
    safe = failing < study.exit.probability
    return {
        **row,
        "failing": row["failing after"],
        "safe from": float(starts[np.argmax(safe)]) if safe.any() else np.inf,
    }


def at_a_stroke(by_instrument: pd.DataFrame, study: PhaseOutStudy) -> str:
    """Say from when each set of instruments of the case can end at a stroke."""
    each = end_words(by_instrument, study)
    return worded("{case}, at a stroke: {each}", case=term(load_case(study.case).title), each=each)


def shortly(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """From when an exit is clearly safe, beside a picture that shows the rest: "from 2022", "none lasts"."""
    latest = near_years(row, study)[1]
    if lasting(row, study) is None or np.isinf(latest):
        return worded("none to {last:g}", last=judged(row, study)[0][-1]) if np.isinf(row["safe from"]) else (
            worded("none that lasts")
        )  # fmt: skip
    return worded("from {safe}", safe=year_words(latest, study))


def when_words(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """Put "from" before a safe year that lasts, else "at" before what there is instead."""
    safe = safe_year(row, study)
    if lasting(row, study) is not None:
        return worded("from {safe}", safe=safe)
    if np.isinf(row["safe from"]):
        return worded("at no start to {last:g}", last=judged(row, study)[0][-1])
    return worded("at {safe}", safe=safe)


def fails_words(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """How often an exit fails from each start that `safe_year` names: "7.8% / 1.5%"."""
    starts, failing = judged(row, study)
    if lasting(row, study) is None:
        return worded("{fails:.1%} (least, in {at:g})", fails=failing.min(), at=starts[failing.argmin()])
    near, latest = near_years(row, study)
    found = [_shares(some) for some in (failing[starts == latest], failing[near]) if some.size]
    return found[0] if len(found) == 1 else worded("{safe} ({near})", safe=found[0], near=found[1])


def lasting(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> float | None:
    """Return the safe year of a row of `answers`; None where none is, or a later start is not safe."""
    starts, failing = judged(row, study)
    safe = float(row["safe from"])
    return None if np.isinf(safe) or (failing[starts >= safe] >= study.exit.probability).any() else safe


def judged(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> tuple[Array, Array]:
    """Return the starts that a row of `answers` judges, and how often the exit from each fails."""
    failing = np.asarray(row["failing"])
    return np.asarray(study.grid.starts)[: len(failing)], failing


def safe_year(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """The safe year of a row of `answers` in words: all that may be it as far as its draws tell, if it lasts."""
    starts, failing = judged(row, study)
    if np.isinf(row["safe from"]):
        return worded("none to {last:g}", last=starts[-1])
    if lasting(row, study) is None:
        sure = failing < study.exit.probability - doubt(study.exit.probability, row["draws"])
        if sure.any():
            years = spans_words(spans(starts[sure], study.grid.step))
            return worded("no start that lasts (only {years} is safe)", years=years)
        return worded("no start that lasts (at best {at:g}, too near to tell)", at=starts[failing.argmin()])
    near, latest = near_years(row, study)
    if not near.any():
        return year_words(latest, study)
    years = spans_words(spans(starts[near], study.grid.step))
    if np.isinf(latest):
        return worded("perhaps {years}, too near to tell", years=years)
    return worded("{safe} ({years} too near to tell)", safe=year_words(latest, study), years=years)


def year_words(year: float, study: PhaseOutStudy) -> str:
    """A safe year in a cell: the first start tried may be later than needed, and none may be safe."""
    if np.isinf(year):
        return worded("none to {last:g}", last=study.grid.last)
    return worded("{year:g} or earlier", year=year) if year == study.grid.first else worded("{year:g}", year=year)
