"""When single instruments can end, in words: what counts as safe, from when, and how often an exit fails then."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.phase_out.by_instrument.apart import Beside, spans
from analysis.phase_out.exit import undecided
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.language import listed, one_by_one, term, worded
from analysis.plain.shown import capital
from models.case import load_case


def spans_words(years: str) -> str:
    """Return what `spans` gave in the language spoken."""
    return listed(term(run) for run in years.split(", "))


def criteria_words(study: PhaseOutStudy) -> str:
    """Say what counts as safe, and what as a setback."""
    asked = study.exit
    return worded(
        "Two criteria. Safe: in fewer than {probability:.0%} of draws the share {years:g} years after the start is "
        "below {kept:g} times that with all support going on; of two years named the first is too near to "
        "{probability:.0%} for the draws to tell, the second is clear. A slope is judged as long after its start. "
        "Setback: in {probability:.0%} of draws or more the share falls, within those years, below its own highest by "
        "over {fall:.0%} of it more than with all support going on.",
        probability=asked.probability, years=asked.years_after, kept=asked.share_kept, fall=asked.own_fall,
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
        if np.isfinite(row["safe from"]):
            safe = worded(
                "safe {when} (fails in {fails} of {draws} draws)",
                when=when_words(row, study), fails=fails_words(row, study), draws=row["draws"],
            )  # fmt: skip
        else:
            safe = worded(
                "no start to {last:g} is safe (from {at:g} it fails in {fails:.1%} of {draws} draws)",
                last=study.grid.last, at=row["at"], fails=row["fails"], draws=row["draws"],
            )  # fmt: skip
        words.append(
            worded(
                "{ends}, {exit}: {safe}; by response{thirds}. Setback if from: {setback}. Goes on: {goes_on}.",
                ends=capital(term(row["ends"])), exit=term(row["exit"]), safe=safe, thirds=thirds,
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


def end_words(by_instrument: pd.DataFrame, study: PhaseOutStudy, exit: str = "cliff", risk: bool = False) -> str:
    """From when each set of instruments can end by an exit, in one line, and at what risk if asked for.

    Those that no start tried hurts are left out.
    """
    rows = by_instrument[(by_instrument["exit"] == exit) & (by_instrument["safe from"] > study.grid.first)]
    told = []
    for row in rows.to_dict("records"):
        if np.isinf(row["safe from"]):
            told.append(worded("{ends} at no start by {last:g}", ends=term(row["ends"]), last=study.grid.last))
        elif risk and lasting(row, study) is not None:
            fails = fails_words(row, study)
            when = worded("{when} (fails in {fails} of draws)", when=when_words(row, study), fails=fails)
            told.append(worded("{ends} {when}", ends=term(row["ends"]), when=when))
        else:
            told.append(worded("{ends} {when}", ends=term(row["ends"]), when=when_words(row, study)))
    return one_by_one(told)


def at_a_stroke(by_instrument: pd.DataFrame, study: PhaseOutStudy, risk: bool = False) -> str:
    """Say from when each set of instruments of the case can end at a stroke, and at what risk if asked for."""
    each = end_words(by_instrument, study, risk=risk)
    return worded("{case}, at a stroke: {each}", case=term(load_case(study.case).title), each=each)


def when_words(row: Mapping[Hashable, Any], study: PhaseOutStudy, none: str | None = None) -> str:
    """Put "from" before a safe year that lasts, else `none` before what there is instead; "at" if not given."""
    safe = safe_year(row, study)
    if lasting(row, study) is not None:
        return worded("from {safe}", safe=safe)
    return worded("at {safe}", safe=safe) if none is None else none + safe


def fails_words(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """How often an exit fails from each start that `safe_year` names: "7.8% / 1.5%"."""
    starts, failing = np.asarray(study.grid.starts), np.asarray(row["failing"])
    earliest, latest = undecided(starts, failing, row["draws"], study.exit.probability)
    if lasting(row, study) is None:
        return worded("{fails:.1%} (least, in {at:g})", fails=row["fails"], at=row["at"])
    return " / ".join(f"{share:.1%}" for share in failing[(starts >= earliest) & (starts <= latest)])


def lasting(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> float | None:
    """Return the safe year of a row of `answers`; None where none is, or a later start is not safe."""
    starts, fails = np.asarray(study.grid.starts), np.asarray(row["failing"]) >= study.exit.probability
    safe = float(row["safe from"])
    return None if np.isinf(safe) or fails[starts >= safe].any() else safe


def safe_year(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    """The safe year of a row of `answers` in words: all that may be it as far as its draws tell, if it lasts."""
    starts, failing = np.asarray(study.grid.starts), np.asarray(row["failing"])
    fails = failing >= study.exit.probability
    if fails[starts >= row["safe from"]].any():
        return worded("no start that lasts (only {years} is safe)", years=spans_words(spans(starts[~fails])))
    if np.isinf(row["safe from"]):
        return year_words(np.inf, study)
    earliest, latest = undecided(starts, failing, row["draws"], study.exit.probability)
    first = year_words(earliest, study)
    if earliest == latest:
        return first
    if np.isinf(latest):
        return worded("{first} or later", first=first)
    return worded("{first} or {latest:g}", first=first, latest=latest) if latest - earliest <= study.grid.step else (
        worded("{first} to {latest:g}", first=first, latest=latest)
    )  # fmt: skip


def year_words(year: float, study: PhaseOutStudy) -> str:
    """A safe year in a cell: the first start tried may be later than needed, and none may be safe."""
    if np.isinf(year):
        return worded("none to {last:g}", last=study.grid.last)
    return worded("{year:g} or earlier", year=year) if year == study.grid.first else worded("{year:g}", year=year)
