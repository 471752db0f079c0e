"""Studies run, saved and told: tables, words and figures of loops, barriers and instruments, for command or report."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, drawn
from analysis.draws.stages import STAGES
from analysis.mechanisms import figures
from analysis.mechanisms.barriers import Barriers, barrier_table, barriers, lever_table, strongest_levers
from analysis.mechanisms.instrument_study import BARRIERS, InstrumentStudy
from analysis.mechanisms.instruments import Instruments, Tried, instrument_table, instruments
from analysis.mechanisms.knockouts import Knockout, knockout_table, knockouts, research_elasticity
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.loops import Dominance, dominance_table, loop_dominance, phases
from analysis.mechanisms.takeover import TakenOver, takeover, takeover_table, takeover_words
from analysis.paths.study import PathStudy
from analysis.plain.folder import Folder
from analysis.plain.shown import Told, when
from models.case import load_case
from models.home import home_of
from stockflow.intervals import interval

TENTH = STAGES.index("share 10%")


def tell_loops(case: str, study: LoopStudy, folder: Folder, draws: int | None = None) -> Told:
    """Score, cut and compare the loops of one case; save tables and figures."""
    of, settings = drawn(case, draws or study.draws), study.case(case)
    label, title = home_of(case).label, load_case(case).title
    until = of.until(settings.until)
    found, taken, cut = loop_dominance(of, study), takeover(of, study), knockouts(of, study)
    tables = {
        "loops": dominance_table(found), "takeover": takeover_table(taken),
        "knockouts": knockout_table(case, of.basis, cut, until),
    }  # fmt: skip
    for name, table in tables.items():
        folder.table(f"{name}_{label}.csv", table)
    stems = folder.figure(f"loops_{label}"), folder.figure(f"knockouts_{label}")
    figures.loop_panels(f"{title}: which loops drive growth", found, taken, settings.shown, stems[0])
    outcomes = ("years to share 10%", f"output to {until:g}")
    figures.knockout_panels(f"{title}: effect of cutting each loop", tables["knockouts"], outcomes, stems[1])
    words = (*loop_words(found, taken, cut, study), research_words(of, study))
    return Told(_under(title, words), tables, stems)


def _under(title: str, words: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{title}: {one}" for one in words)


def research_words(of: Drawn, study: LoopStudy) -> str:
    """Say how output answers firms' research, beside what surveys of returns to research find."""
    low, middle, high = interval(research_elasticity(of, study))
    about = study.research
    span = f" ({low:.2f} to {high:.2f})" if of.posterior else ""
    place = "above" if middle > about.high else "below" if middle < about.low else "inside"
    return (
        f"output to {of.until(study.case(of.case).until):g} answers the stock of firms' research with an elasticity "
        f"of {middle:.2f}{span}, {place} the {about.low:g} to {about.high:g} that surveys find."
    )


def loop_words(found: Dominance, taken: TakenOver, cut: Sequence[Knockout], study: LoopStudy) -> list[str]:
    """Say which loops are strongest when, when learning takes over from support, and what each loop is worth."""
    words = [takeover_words(taken), *_learning_words(found)]
    stretches = [one for one in phases(found, *study.case(found.case).shown) if one[1] - one[0] >= 2]
    told = ", ".join(f"{first}-{last} {name} ({probability:.0%})" for first, last, name, probability in stretches)
    words.append(f"longest-lived strongest loops (probability over draws): {told or 'none for three years'}.")
    often = zip(found.names, (found.dominates >= 0.5).sum(axis=0), strict=True)
    alone = [f"{name} in {years} years" for name, years in often if years]
    words.append(
        f"loops that probably do at least {found.level:.0%} of what all named loops do: "
        f"{', '.join(alone) or 'none in any year'}. Named loops are {np.median(found.named):.0%} (median over years) "
        "of all loops scored, those and the model's independent ones; the rest is mostly single stocks adjusting."
    )
    for one in cut:
        low, middle, high = (100 * x for x in interval(one.output))
        years = interval(one.delay[:, TENTH])
        if not one.acts:
            words.append(f"{one.loop} does not act here.")
            continue
        span = f" ({low:+.0f} to {high:+.0f})" if found.posterior else ""
        words.append(
            f"without {one.loop} ({one.cut}, from {one.since:g}) output changes by "
            f"{middle:+.0f}%{span} and 10% of the market comes {_later(years, found.posterior)}."
        )
    if idle := [name for i, name in enumerate(found.names) if not found.share[..., i].any()]:
        words.append(f"without any score: {', '.join(idle)}.")
    known = (loop for loop in study.loops if loop.not_cut and loop.name in found.names)
    return words + [f"{loop.name} is not cut: {loop.not_cut}." for loop in known]


def _learning_words(found: Dominance) -> list[str]:
    """Say how much of what happens the learning loop does at its best, beside what cutting it costs."""
    name = next((one for one in found.names if one.startswith("R1 ")), None)
    if name is None:
        return []
    share = np.median(found.share[..., found.names.index(name)], axis=0)
    best = int(share.argmax())
    return [
        f"{name} never does more than {share[best]:.0%} of what all named loops do in a year (median, in "
        f"{found.years[best]:.0f}): scores tell what moves the model at a moment, and learning works slowly; what it "
        "is worth in the long run is told by cutting it."
    ]


def _later(years: tuple[float, float, float], posterior: bool) -> str:
    low, middle, high = years
    if np.isnan(middle):
        return "never, with it or without"
    if np.isposinf(middle):
        return "never within the run" + (f" (from {low:+.1f} years)" if posterior and np.isfinite(low) else "")
    told = f" ({when(low)} to {when(high)})" if posterior else ""
    if np.isneginf(middle):
        return f"within the run, as it does not otherwise{told}"
    return f"{middle:+.1f} years later{told}" if middle >= 0 else f"{-middle:.1f} years earlier{told}"


def tell_instruments(cases: Sequence[str], study: InstrumentStudy, folder: Folder, draws: int | None = None) -> Told:
    """Try every instrument in some cases; save tables and figures."""
    found = [instruments(drawn(case, draws or study.draws), study) for case in cases]
    words: list[str] = []
    tables, stems = {}, []
    for one in found:
        table = instrument_table(one)
        tables[one.case], title = table, load_case(one.case).title
        folder.table(f"instruments_{home_of(one.case).label}.csv", table)
        stem = folder.figure(f"instruments_{home_of(one.case).label}")
        outcomes = ("years to share 10%", f"domestic sales to {one.until:g}", f"fiscal outlay to {one.until:g}")
        figures.instrument_panels(f"{title}: effect of changing each instrument", table, outcomes, stem)
        stems.append(stem)
        words += _under(title, instrument_words(one, study))
    return Told(tuple(words), tables, tuple(stems))


def instrument_words(found: Instruments, study: InstrumentStudy) -> list[str]:
    """Say what moves adoption most, what moves nothing here, what rests on assumption, and what the case lacks."""
    ups = [one for one in found.tried if one.change in ("more", "on", "to")]
    ranked = sorted(ups, key=lambda one: -abs(interval(one.moves["domestic sales"])[1]))[:5]
    best = ", ".join(f"{_moved(one)}: {100 * interval(one.moves['domestic sales'])[1]:+.1f}%" for one in ranked)
    names = list(dict.fromkeys(one.lever.instrument.name for one in found.tried))
    idle = [name for name in names if not any(one.acts for one in found.tried if one.lever.instrument.name == name)]
    assumed = list(dict.fromkeys(one.lever.instrument.name for one in found.tried if one.assumption))
    words = [
        f"{len(names)} of {len(names) + len(found.absent)} instruments have an input here "
        f"({found.basis}). Domestic sales to {found.until:g} move most with {best}.",
        f"assumption only: {', '.join(assumed) or 'none'}.",
        f"absent: {', '.join(f'{name} ({why})' for name, why in found.absent.items()) or 'none'}.",
    ]
    if idle:
        words.append(f"without effect here, because what it loosens does not bind: {', '.join(idle)}.")
    moving = {one.lever.instrument.name for one in found.tried if not _little(one, study)}
    if small := [name for name in names if name not in moving and name not in idle]:
        words.append(
            f"in name only (no change tried moves sales or output by {study.little:.1%} or a stage by "
            f"{study.soon:g} years): {', '.join(small)}."
        )
    return words


def _little(one: Tried, study: InstrumentStudy) -> bool:
    """Whether a change moves sales, output and the date of every stage by next to nothing in half of the draws."""
    sums = (abs(interval(one.moves[name])[1]) for name in ("domestic sales", "output"))
    with np.errstate(invalid="ignore"):
        dates = np.nan_to_num(np.abs(np.median(one.delay, axis=0)), nan=0.0)
    return max(sums) < study.little and bool((dates < study.soon).all())


def tell_barriers(cases: Sequence[str], study: InstrumentStudy, folder: Folder, draws: int | None = None) -> Told:
    """Date the barriers of some cases and what shortens the wait; save tables and the figure."""
    paths = PathStudy.load()
    of = [drawn(case, draws or study.draws) for case in cases]
    found = [barriers(one, instruments(one, study), paths) for one in of]
    waits = pd.concat([barrier_table(one) for one in found], ignore_index=True)
    levers = pd.concat([lever_table(one) for one in found], ignore_index=True)
    folder.table("barriers.csv", waits)
    folder.table("barrier_levers.csv", levers)
    stem = folder.figure("barriers")
    figures.barrier_panels("How long each industry waited at each barrier", waits, stem)
    words = tuple(word for one in found for word in _under(load_case(one.case).title, barrier_words(one)))
    return Told(words, {"waits": waits, "levers": levers}, (stem,))


def barrier_words(found: Barriers) -> list[str]:
    """Say how long the industry waited at each barrier, what was lost, and what shortens the wait most."""
    words = []
    posterior = len(found.waits[0].ends) > 1
    for wait in found.waits:
        fate = "of designs left the market" if wait.barrier == BARRIERS[-1] else "did not get through"
        lost = f"{interval(wait.lost)[1]:.0%} {fate}"
        if wait.before:
            words.append(f"{wait.barrier} was crossed before the run starts; {lost} to {found.until:g}.")
            continue
        low, middle, high = interval(wait.years)
        span = f" ({low:.1f} to {when(high, '.1f')})" if posterior else ""
        told = "not crossed" if np.isposinf(middle) else f"{middle:.1f} years{span}"
        helps = "; ".join(
            f"{_moved(one.tried)}{' [assumption]' if one.tried.assumption else ''}: "
            f"{_years(interval(one.years), posterior)}"
            for one in strongest_levers(found, wait.barrier)
        )
        words.append(f"{wait.barrier}: {told}; {lost}; shortened most by {helps or 'none of the instruments'}.")
    return words


def _moved(one: Tried) -> str:
    return f"{one.lever.instrument.name} ({one.lever.variable} {one.setting})"


def _years(years: tuple[float, float, float], posterior: bool) -> str:
    low, middle, high = map(when, years)
    return middle + (" years" if np.isfinite(years[1]) else "") + (f" ({low} to {high})" if posterior else "")
