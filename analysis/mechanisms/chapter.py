"""Studies run, saved and told: tables, words and figures of loops, barriers and instruments, for command or report."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, drawn
from analysis.draws.stages import STAGES
from analysis.mechanisms import figures
from analysis.mechanisms.barriers import Barriers, barrier_table, barriers, lever_table, strongest_levers
from analysis.mechanisms.instrument_study import BARRIERS, InstrumentStudy
from analysis.mechanisms.instruments import Instruments, Tried, instrument_table, instruments
from analysis.mechanisms.knockouts import Knockout, cut_words, knockout_table, knockouts, research_elasticity
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.loops import Dominance, dominance_table, loop_dominance, phases
from analysis.mechanisms.takeover import TakenOver, takeover, takeover_table, takeover_words
from analysis.paths.study import PathStudy
from analysis.plain.folder import Folder
from analysis.plain.language import listed, one_by_one, term, worded
from analysis.plain.shown import Tell, Told, when
from analysis.plain.units import beside_numbers
from models.case import load_case
from models.home import home_of
from stockflow.intervals import interval

TENTH = STAGES.index("share 10%")


def tell_loops(case: str, study: LoopStudy, folder: Folder, draws: int | None = None) -> Tell:
    """Score, cut and compare the loops of one case; save tables, and return what words and draws them."""
    of, settings = drawn(case, draws or study.draws), study.case(case)
    label = home_of(case).label
    until = of.until(settings.until)
    found, taken, cut = loop_dominance(of, study), takeover(of, study), knockouts(of, study)
    tables = {
        "loops": dominance_table(found), "takeover": takeover_table(taken),
        "knockouts": knockout_table(case, of.basis, cut, until),
    }  # fmt: skip
    for name, table in tables.items():
        folder.table(f"{name}_{label}.csv", table)
    elasticity = interval(research_elasticity(of, study))

    def told() -> Told:
        title, stems = (
            term(load_case(case).title),
            (folder.figure(f"loops_{label}"), folder.figure(f"knockouts_{label}")),
        )
        head = worded("{case}: which loops drive growth", case=title)
        figures.loop_panels(head, found, taken, settings.shown, study.looks(), stems[0])
        outcomes = ("years to share 10%", f"output to {until:g}")
        head = worded("{case}: effect of cutting each loop", case=title)
        figures.knockout_panels(head, tables["knockouts"], outcomes, study.looks(), stems[1])
        words = (*loop_words(found, taken, cut, study), research_words(of, study, elasticity))
        return Told(_under(title, words), tables, stems)

    return told


def _under(title: str, words: Iterable[str]) -> tuple[str, ...]:
    return tuple(worded("{case}: {words}", case=title, words=one) for one in words)


def research_words(of: Drawn, study: LoopStudy, elasticity: tuple[float, float, float]) -> str:
    """Say how output answers firms' research, beside what surveys of returns to research find."""
    low, middle, high = elasticity
    about = study.research
    span = worded(" ({low:.2f} to {high:.2f})", low=low, high=high) if of.posterior else ""
    place = worded("within")
    if middle > about.high or middle < about.low:
        place = worded("above") if middle > about.high else worded("below")
    return worded(
        "output to {until:g} answers the stock of firms' research with an elasticity of {middle:.2f}{span}, {place} "
        "the {low:g} to {high:g} that surveys find.",
        until=of.until(study.case(of.case).until),
        middle=middle,
        span=span,
        place=place,
        low=about.low,
        high=about.high,
    )


def loop_words(found: Dominance, taken: TakenOver, cut: Sequence[Knockout], study: LoopStudy) -> list[str]:
    """Say which loops are strongest when, when learning takes over from support, and what each loop is worth."""
    words = [takeover_words(taken), *_learning_words(found)]
    stretches = [one for one in phases(found, *study.case(found.case).shown) if one[1] - one[0] >= 2]
    told = listed(
        worded("{first}-{last} {loop} ({probability:.0%})", first=first, last=last, loop=term(name), probability=share)
        for first, last, name, share in stretches
    ) or worded("none for three years")
    words.append(worded("longest-lived strongest loops (probability over draws): {loops}.", loops=told))
    often = zip(found.names, (found.dominates >= 0.5).sum(axis=0), strict=True)
    alone = [worded("{loop} in {years} years", loop=term(name), years=years) for name, years in often if years]
    words.append(
        worded(
            "loops that probably do at least {level:.0%} of what all named loops do: {loops}. Named loops are "
            "{named:.0%} (median over years) of all loops scored, those and the model's independent ones; the rest is "
            "mostly single stocks adjusting.",
            level=found.level,
            loops=listed(alone) or worded("none in any year"),
            named=np.median(found.named),
        )
    )
    for one in cut:
        low, middle, high = (100 * x for x in interval(one.output))
        years = interval(one.delay[:, TENTH])
        if not one.acts:
            words.append(worded("{loop} does not act here.", loop=term(one.loop)))
            continue
        span = worded(" ({low:+.0f} to {high:+.0f})", low=low, high=high) if found.posterior else ""
        words.append(
            worded(
                "without {loop} ({cut}, from {since:g}) output changes by {middle:+.0f}%{span} and 10% of the market "
                "comes {later}.",
                loop=term(one.loop),
                cut=cut_words(one.cut),
                since=one.since,
                middle=middle,
                span=span,
                later=_later(years, found.posterior),
            )
        )
    if idle := [term(name) for i, name in enumerate(found.names) if not found.share[..., i].any()]:
        words.append(worded("without any score: {loops}.", loops=listed(idle)))
    known = (loop for loop in study.loops if loop.not_cut and loop.name in found.names)
    return words + [worded("{loop} is not cut: {why}.", loop=term(loop.name), why=term(loop.not_cut)) for loop in known]


def _learning_words(found: Dominance) -> list[str]:
    """Say how much of what happens the learning loop does at its best, beside what cutting it costs."""
    name = next((one for one in found.names if one.startswith("R1 ")), None)
    if name is None:
        return []
    share = np.median(found.share[..., found.names.index(name)], axis=0)
    best = int(share.argmax())
    return [
        worded(
            "{loop} never does more than {share:.0%} of what all named loops do in a year (median, in {year:.0f}): "
            "scores tell what moves the model at a moment, and learning works slowly; what it is worth in the long "
            "run is told by cutting it.",
            loop=term(name),
            share=share[best],
            year=found.years[best],
        )
    ]


def _later(years: tuple[float, float, float], posterior: bool) -> str:
    low, middle, high = years
    if np.isnan(middle):
        return worded("never, with it or without")
    if np.isposinf(middle):
        told = worded(" (from {low:+.1f} years)", low=low) if posterior and np.isfinite(low) else ""
        return worded("never within the run") + told
    told = worded(" ({first} to {last})", first=when(low), last=when(high)) if posterior else ""
    if np.isneginf(middle):
        return worded("within the run, as it does not otherwise") + told
    if middle >= 0:
        return worded("{years:+.1f} years later", years=middle) + told
    return worded("{years:.1f} years earlier", years=-middle) + told


def tell_instruments(cases: Sequence[str], study: InstrumentStudy, folder: Folder, draws: int | None = None) -> Tell:
    """Try every instrument in some cases; save tables, and return what words and draws them."""
    found = [instruments(drawn(case, draws or study.draws), study) for case in cases]
    tables = {one.case: instrument_table(one) for one in found}
    labels = {case: f"instruments_{home_of(case).label}" for case in tables}
    for case, table in tables.items():
        folder.table(f"{labels[case]}.csv", table)

    def told() -> Told:
        words: list[str] = []
        for one in found:
            title = term(load_case(one.case).title)
            outcomes = ("years to share 10%", f"domestic sales to {one.until:g}", f"fiscal outlay to {one.until:g}")
            head = worded("{case}: effect of changing each instrument", case=title)
            figures.instrument_panels(head, tables[one.case], outcomes, folder.figure(labels[one.case]))
            words += _under(title, instrument_words(one, study))
        return Told(tuple(words), tables, tuple(map(folder.figure, labels.values())))

    return told


def instrument_words(found: Instruments, study: InstrumentStudy) -> Iterator[str]:
    """Say what moves adoption most, what moves nothing here, what rests on assumption, and what the case lacks."""
    ups = [one for one in found.tried if one.change in ("more", "on", "to")]
    ranked = sorted(ups, key=lambda one: -abs(interval(one.moves["domestic sales"])[1]))[:5]
    best = listed(
        worded("{what}: {change:+.1f}%", what=_moved(one), change=100 * interval(one.moves["domestic sales"])[1])
        for one in ranked
    )
    none = term("none")
    names = list(dict.fromkeys(one.lever.instrument.name for one in found.tried))
    idle = [name for name in names if not any(one.acts for one in found.tried if one.lever.instrument.name == name)]
    assumed = list(dict.fromkeys(one.lever.instrument.name for one in found.tried if one.assumption))
    absent = [worded("{name} ({place})", name=term(name), place=term(why)) for name, why in found.absent.items()]
    yield worded(
        "{there} of {all} instruments have an input here ({basis}). Domestic sales to {until:g} move most with {best}.",
        there=len(names),
        all=len(names) + len(found.absent),
        basis=term(found.basis),
        until=found.until,
        best=best,
    )
    yield worded("assumption only: {names}.", names=listed(map(term, assumed)) or none)
    yield worded("absent: {names}.", names=listed(absent) or none)
    if idle:
        yield worded(
            "without effect here, because what it loosens does not bind: {names}.", names=listed(map(term, idle))
        )
    moving = {one.lever.instrument.name for one in found.tried if not _little(one, study)}
    if small := [name for name in names if name not in moving and name not in idle]:
        yield worded(
            "in name only (no change tried moves sales or output by {little:.1%} or a stage by {soon:g} years): "
            "{names}.",
            little=study.little,
            soon=study.soon,
            names=listed(map(term, small)),
        )


def _little(one: Tried, study: InstrumentStudy) -> bool:
    """Whether a change moves sales, output and the date of every stage by next to nothing in half of the draws."""
    sums = (abs(interval(one.moves[name])[1]) for name in ("domestic sales", "output"))
    with np.errstate(invalid="ignore"):
        dates = np.nan_to_num(np.abs(np.median(one.delay, axis=0)), nan=0.0)
    return max(sums) < study.little and bool((dates < study.soon).all())


def tell_barriers(cases: Sequence[str], study: InstrumentStudy, folder: Folder, draws: int | None = None) -> Tell:
    """Date the barriers of some cases and what shortens the wait; save tables, and return what words and draws them."""
    paths = PathStudy.load()
    of = [drawn(case, draws or study.draws) for case in cases]
    found = [barriers(one, instruments(one, study), paths) for one in of]
    waits = pd.concat([barrier_table(one) for one in found], ignore_index=True)
    levers = pd.concat([lever_table(one) for one in found], ignore_index=True)
    folder.table("barriers.csv", waits)
    folder.table("barrier_levers.csv", levers)

    def told() -> Told:
        stem = folder.figure("barriers")
        figures.barrier_panels(worded("How long each industry waited at each barrier"), waits, stem)
        words = tuple(word for one in found for word in _under(term(load_case(one.case).title), barrier_words(one)))
        return Told(words, {"waits": waits, "levers": levers}, (stem,))

    return told


def barrier_words(found: Barriers) -> Iterator[str]:
    """Say how long the industry waited at each barrier, what was lost, and what shortens the wait most."""
    posterior = len(found.waits[0].ends) > 1
    for wait in found.waits:
        share, barrier = interval(wait.lost)[1], term(wait.barrier)
        lost = worded("{share:.0%} did not get through", share=share)
        if wait.barrier == BARRIERS[-1]:
            lost = worded("{share:.0%} of designs left the market", share=share)
        if wait.before:
            yield worded(
                "{barrier} was crossed before the run starts; {lost} to {until:g}.",
                barrier=barrier,
                lost=lost,
                until=found.until,
            )
            continue
        low, middle, high = interval(wait.years)
        span = worded(" ({first} to {last})", first=f"{low:.1f}", last=when(high, ".1f")) if posterior else ""
        told = worded("not crossed") if np.isposinf(middle) else worded("{years:.1f} years", years=middle) + span
        helps = one_by_one(
            worded(
                "{what}: {years}",
                what=_moved(one.tried) + (worded(" [assumption]") if one.tried.assumption else ""),
                years=_years(interval(one.years), posterior),
            )
            for one in strongest_levers(found, wait.barrier)
        )
        yield worded(
            "{barrier}: {told}; {lost}; shortened most by {helps}.",
            barrier=barrier,
            told=told,
            lost=lost,
            helps=helps or worded("none of the instruments"),
        )


def _moved(one: Tried) -> str:
    setting = f"{term(one.lever.variable)} {beside_numbers(one.setting)}"
    return worded("{name} ({place})", name=term(one.lever.instrument.name), place=setting)


def _years(years: tuple[float, float, float], posterior: bool) -> str:
    low, middle, high = map(when, years)
    told = worded("{number} years", number=middle) if np.isfinite(years[1]) else middle
    return told + (worded(" ({first} to {last})", first=low, last=high) if posterior else "")
