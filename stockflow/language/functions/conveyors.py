"""Conveyors: what comes off the end of a belt, what leaks from it on its way, and what room is on it.

A belt of a transit time of so many steps holds what came in during each of them.  Linear leakage takes the same share
of what came in from it at every step on the belt, the last one included; exponential leakage takes the same share of
what is left.  What the belt holds at first lies on it as a constant inflow would have left it.  A belt that stands
still at times, or whose transit time varies, is written out step by step: what comes in is put as many steps from the
end as the transit time has at that moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stockflow.language import equations as eq
from stockflow.language.curve import Table
from stockflow.language.functions import memory, vectors
from stockflow.language.functions.held import (
    CLOSE,
    MOST_STEPS,
    ONE,
    UNKNOWN,
    ZERO,
    Made,
    Still,
    arrested,
    rounded,
    steps_of_run,
    total,
)
from stockflow.language.functions.memory import minus, over, plus, times
from stockflow.language.functions.vectors import choice, joined
from stockflow.language.place import Place
from stockflow.language.tree import Call, Holder, Name, Refused, Stock
from stockflow.names import plain

# operations of one place on a belt that is written out
_PARTS = 60
# of a time step
_SLACK = 1e-6
_WHOLE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Leaks:
    """The leakage fractions of the outflows of a conveyor, None for the one at its end, and what leaks in all.

    That is the `share` of what came in, or where leakage is exponential, of what is left in one `step`.
    """

    fractions: tuple[eq.Expression | None, ...]
    share: eq.Expression
    exponential: bool
    step: eq.Number

    @property
    def linear(self) -> bool:
        """Whether anything leaks, by the same amount in each step."""
        return self.share != ZERO and not self.exponential

    def left(self, steps: eq.Expression, after: eq.Expression) -> eq.Expression:
        """Return the share of what came in that is left after some of the steps on a belt."""
        if self.exponential:
            return eq.Operation("^", (minus(ONE, self.share), after))
        return minus(ONE, over(times(self.share, after), steps))

    def held(self, steps: eq.Expression) -> eq.Expression:
        """Return what lies on a belt for each unit of a constant inflow, by its number of steps."""
        length = times(steps, self.step)
        if self.share == ZERO:
            return length
        if not self.exponential:
            return minus(length, times(minus(steps, ONE), times(self.share, over(self.step, eq.Number(2.0)))))
        held = over(times(minus(ONE, self.left(steps, steps)), self.step), self.share)
        known = isinstance(self.share, eq.Number)
        return held if known else choice(eq.Operation("=", (self.share, ZERO)), length, held)


def made(reader: Place, holder: Holder) -> Made:
    """Return the flows out of a conveyor and its room; Refused for what is not simulated."""
    step = reader.fixed(reader.step)
    if step is None:
        raise Refused(["conveyor in a model whose time step is no number"])
    fixed = reader.fixed(reader.read(holder.settings["len"]))
    leaks = _leaks(reader, holder, step)
    if "discrete" in holder.marks and step != 1.0 and reader.at_start(_first(reader, holder)) != 0.0:
        raise Refused(["discrete conveyor that is not empty at first, at a time step other than 1"])
    still = arrested(reader, holder)
    steps = None if fixed is None else rounded(reader, holder.stock, "transit time", fixed)
    if any(one != _WHOLE for one in holder.zones):
        outflows = _in_zones(reader, holder, leaks, steps, still)
    elif still is None and steps is not None and isinstance(leaks.share, eq.Number):
        outflows = _carried(reader, holder, leaks, steps)
    else:
        outflows = _written_out(reader, holder, leaks, steps, still)
    return Made(outflows, _room(reader, holder, still))


def _first(reader: Place, holder: Holder) -> eq.Expression:
    """Return what a conveyor holds at first."""
    stock = reader.find(holder.stock)[1].tree
    return reader.read(stock.initial) if isinstance(stock, Stock) else ZERO


def _leaks(reader: Place, holder: Holder, step: float) -> _Leaks:
    """Return the leaks of a conveyor; exponential ones may vary, and leak no more than there is."""
    exponential, length = "exponential_leak" in holder.marks, eq.Number(step)
    read = [None if one is None else reader.read(one) for one in holder.leaks]
    known = [reader.fixed(one) for one in read if one is not None]
    numbers = [one for one in known if one is not None]
    if len(numbers) == len(known):
        share = sum(numbers) * (step if exponential else 1.0)
        # where parts of a belt leak, what is lost of each decides
        whole_belt = all(one == _WHOLE for one in holder.zones)
        if min(numbers, default=0.0) < 0 or (whole_belt and share > 1):
            raise Refused(["conveyor whose leakage fractions are below 0, or more than all of what is on it"])
        return _Leaks(tuple(read), eq.Number(share), exponential, length)
    if not exponential:
        raise Refused(["conveyor whose linear leakage fraction is not a number of the file"])
    fractions = [None if one is None else eq.Operation("max", (one, ZERO)) for one in read]
    whole = reader.keep("leaking", times(joined("+", [one for one in fractions if one is not None]), length))
    most = eq.Operation("max", (whole, ONE))
    parts = tuple(None if one is None else over(one, most) for one in fractions)
    return _Leaks(parts, reader.keep("leaking share", over(whole, most)), exponential, length)


def _carried(reader: Place, holder: Holder, leaks: _Leaks, steps: int) -> tuple[eq.Expression, ...]:
    """Return the flows out of a belt that never stands still, of a transit time that does not change."""
    inflow, stock, count = total(reader, holder.inflows), reader.read(holder.stock), eq.Number(float(steps))
    length = eq.Number(steps * leaks.step.value)
    start = over(stock, leaks.held(count))
    off = reader.keep("off the belt", eq.DelayFixed(inflow, length, start))
    leaking: eq.Expression = stock
    if leaks.linear:
        # what came in during the transit time, before any of it leaked
        came_in = reader.keep("on the belt", eq.Integral(minus(inflow, off), times(start, length)))
        leaking = over(came_in, length)
    end = off if leaks.share == ZERO else times(leaks.left(count, count), off)
    return tuple(end if one is None else times(one, leaking) for one in leaks.fractions)


@dataclass(frozen=True, slots=True)
class _Slats:
    """A belt written out step by step: its first `most` places, of which the present transit time counts `steps`."""

    reader: Place
    steps: eq.Expression
    most: int
    still: Still | None

    def kept(self, now: eq.Reference, later: eq.Expression, start: eq.Expression) -> None:
        """Say what something on the belt is a step later, unless it stands still, and at first."""
        moved = later if self.still is None else choice(self.still.now, now, later)
        self.reader.fulfil(now, eq.DelayFixed(moved, self.reader.step, start))

    def row(
        self,
        what: str,
        enters: eq.Expression,
        starts: Callable[[int, eq.Expression], eq.Expression],
        stays: Callable[[int, eq.Expression], eq.Expression],
    ) -> list[eq.Expression]:
        """Return what lies at each place, from the end: of what `enters` and lies there at first, what `stays`."""
        self.reader.translation.spend(_PARTS * self.most)
        none = (
            ZERO if isinstance(self.steps, eq.Number) else self.reader.keep("no place", minus(self.steps, self.steps))
        )
        names = [self.reader.promise(what) for _ in range(self.most)]
        left = [stays(place, one) for place, one in enumerate(names)]
        for place, one in enumerate(names):
            number = eq.Number(place + 1.0)
            put = choice(eq.Operation("=", (self.steps, number)), enters, none)
            later = plus(left[place + 1], put) if place + 1 < self.most else put
            there = eq.Operation("<=", (number, self.steps))
            self.kept(one, later, choice(there, starts(place, minus(self.steps, number)), ZERO))
        return left


def _written_out(
    reader: Place, holder: Holder, leaks: _Leaks, steps: int | None, still: Still | None
) -> tuple[eq.Expression, ...]:
    """Return the flows out of a belt that stands still at times, or whose transit time varies."""
    most = steps_of_run(reader) if steps is None else steps
    if most is None or most > MOST_STEPS:
        what = "is arrested at times or leaks by a varying share" if steps else "has a transit time that varies"
        raise Refused([f"conveyor that {what}, over more than {MOST_STEPS} time steps"])
    count = _latched(reader, holder, still) if steps is None else eq.Number(float(steps))
    belt = _Slats(reader, count, max(most, 1), still)
    stock, inflow = reader.read(holder.stock), total(reader, holder.inflows)
    start = over(stock, leaks.held(count))
    leaking: list[eq.Expression] = []
    all_leaking: eq.Expression = stock
    if leaks.linear:
        # what leaks at each place in a step, as a part of the fraction
        leaking = belt.row("leaking", over(inflow, count), lambda *_: over(start, count), lambda _, one: one)
        all_leaking = reader.promise("all that leaks")
        belt.kept(all_leaking, plus(minus(all_leaking, leaking[0]), over(inflow, count)), start)

    def stays(place: int, there: eq.Expression) -> eq.Expression:
        if leaks.share == ZERO:
            return there
        return minus(there, times(leaks.share, leaking[place] if leaking else there))

    ends = belt.row("on the belt", inflow, lambda _, after: times(leaks.left(count, after), start), stays)[0]
    flows = [ends if one is None else times(one, all_leaking) for one in leaks.fractions]
    return tuple(flows if still is None else [still.nothing_or(one) for one in flows])


def _in_zones(
    reader: Place, holder: Holder, leaks: _Leaks, steps: int | None, still: Still | None
) -> tuple[eq.Expression, ...]:
    """Return the flows out of a belt that leaks in parts of its length, whose transit time does not change."""
    known = [0.0 if one is None else reader.fixed(one) for one in leaks.fractions]
    fractions = [one for one in known if one is not None]
    if steps is None or len(fractions) < len(known) or steps > MOST_STEPS:
        problem = f"with a transit time or leakage that varies, or of more than {MOST_STEPS} time steps"
        raise Refused([f"conveyor that leaks in a part of its length, {problem},"])
    parts = [[_overlap(zone, place, steps) for place in range(steps)] for zone in holder.zones]
    shares = _shares(fractions, holder.zones, leaks, steps)
    losses = [[share * part for part in own] for share, own in zip(shares, parts, strict=True)]
    left = _left([sum(own) for own in zip(*losses, strict=True)], leaks)
    belt = _Slats(reader, eq.Number(float(steps)), steps, still)
    inflow = total(reader, holder.inflows)
    start = over(reader.read(holder.stock), eq.Number(sum(left) * leaks.step.value))
    came_in = belt.row("came in", inflow, lambda *_: start, lambda _, one: one) if leaks.linear else []
    there: list[eq.Expression] = []

    def leaked(own: Sequence[float], place: int) -> list[eq.Expression]:
        return [times(eq.Number(own[place]), (came_in or there)[place])] if own[place] else []

    def stays(place: int, one: eq.Expression) -> eq.Expression:
        there.append(one)
        lost = [each for own in losses for each in leaked(own, place)]
        return minus(one, joined("+", lost)) if lost else one

    ends = belt.row("on the belt", inflow, lambda place, _: times(eq.Number(left[place]), start), stays)[0]
    flows = [
        ends if leak is None else joined("+", [one for place in range(steps) for one in leaked(own, place)] or [ZERO])
        for leak, own in zip(holder.leaks, losses, strict=True)
    ]
    return tuple(flows if still is None else [still.nothing_or(one) for one in flows])


def _overlap(zone: tuple[float, float], place: int, steps: int) -> float:
    """Return how much of a place of a belt, counted from its end, lies in a zone of the belt's length."""
    start, end = (min(max((1.0 - one) * steps - place, 0.0), 1.0) for one in zone)
    return start - end


def _shares(fractions: Sequence[float], zones: Sequence[tuple[float, float]], leaks: _Leaks, steps: int) -> list[float]:
    """Return what each flow takes in one step from a place that lies in its zone, as a share.

    A linear fraction is of what is left where its zone begins, and the share one of what came in.
    """
    if leaks.exponential:
        return [one * leaks.step.value for one in fractions]
    taken = [0.0] * len(zones)
    for flow in sorted(range(len(zones)), key=lambda one: zones[one][0]):
        before = [
            lost * min((zones[flow][0] - start) / (end - start), 1.0)
            for lost, (start, end) in zip(taken, zones, strict=True)
            if start < zones[flow][0]
        ]
        taken[flow] = fractions[flow] * (1.0 - sum(before))
    return [lost / (steps * (end - start)) for lost, (start, end) in zip(taken, zones, strict=True)]


def _left(lost: Sequence[float], leaks: _Leaks) -> list[float]:
    """Return what is left of one unit at each place of a belt, from its end, of what is `lost` at each in one step.

    Refused where that is more than there is.
    """
    left, now = [0.0] * len(lost), 1.0
    for place in reversed(range(len(lost))):
        left[place] = now
        now -= lost[place] * (now if leaks.exponential else 1.0)
        if now < -CLOSE:
            raise Refused(["conveyor whose leakage fractions are more than all of what is on a part of it"])
        now = max(now, 0.0)
    return left


def _latched(reader: Place, holder: Holder, still: Still | None) -> eq.Expression:
    """Return the transit time in whole time steps, at least one, as it was sampled last; NaN for one that is none."""
    length, setting = reader.read(holder.settings["len"]), holder.settings.get("sample")
    nearest = eq.Operation("integer", (plus(over(length, reader.step), eq.Number(0.5)),))
    ends = (eq.Operation("<", (ZERO, length)), eq.Operation("<", (length, eq.Number(math.inf))))
    steps = reader.keep("transit time", choice(eq.Operation("and", ends), eq.Operation("max", (nearest, ONE)), UNKNOWN))
    if setting is None and still is None:
        return steps
    moving = ONE if still is None else eq.Operation("not", (still.now,))
    if setting is None:
        return memory.sample(reader, moving, steps, steps)
    wanted = reader.read(setting)
    sampled = eq.Operation("and", (eq.Operation("<>", (wanted, ZERO)), moving))
    known = choice(eq.Operation("=", (wanted, wanted)), steps, UNKNOWN)
    return memory.sample(reader, sampled, known, steps)


def _room(reader: Place, holder: Holder, still: Still | None) -> eq.Expression | None:
    """Return what may flow onto a belt per unit of time, beside what other conveyors bring; None for all."""
    limits: list[eq.Expression] = []
    if "capacity" in holder.settings:
        free = over(minus(reader.read(holder.settings["capacity"]), reader.read(holder.stock)), reader.step)
        driven = [one for one in holder.inflows if isinstance(one, Name) and plain(one.name) in holder.driven]
        limits.append(minus(plus(free, total(reader, holder.outflows)), total(reader, driven)))
    if "in_limit" in holder.settings:
        limit = reader.read(holder.settings["in_limit"])
        limits.append(_of_this_unit(reader, holder, limit) if "discrete" in holder.marks else limit)
    if not limits and still is None:
        return None
    room = joined("min", limits) if limits else eq.Number(math.inf)
    room = eq.Operation("max", (room, ZERO))
    return reader.keep("room", room if still is None else still.nothing_or(room))


def _of_this_unit(reader: Place, holder: Holder, limit: eq.Expression) -> eq.Expression:
    """Return what is left of an inflow limit, which a discrete conveyor may use up at once in each unit of time."""
    now, before = (
        vectors.floor(plus(eq.Time(), times(reader.step, eq.Number(part)))) for part in (_SLACK, _SLACK - 1.0)
    )
    carried = reader.promise("came in")
    used = choice(eq.Operation(">", (now, before)), ZERO, carried)
    later = plus(used, times(total(reader, holder.inflows), reader.step))
    reader.fulfil(carried, eq.DelayFixed(later, reader.step, ZERO))
    return over(minus(limit, used), reader.step)


def delayed(reader: Place, tree: Call) -> eq.Expression:
    """DELAY CONVEYOR of Vensim: what came in a conveyance time ago, less what leaked from it in every step since then.

    What is on it at first lies evenly, as a flat profile says, over the initial conveyance time, and leaks alike.
    """
    source, time, leak, profile, amount, first = tree.arguments
    step = reader.fixed(reader.step)
    share, length, start = (reader.fixed(reader.read(one)) for one in (leak, time, first))
    if step is None or share is None or length is None or start is None:
        raise Refused(["DELAY CONVEYOR whose times or leakage are not numbers of the file"])
    if not 0 <= share * step <= 1:
        raise Refused([f"DELAY CONVEYOR with a leakage of {share:g}, below 0 or more than all of it in a step"])
    table = reader.definite(profile) if isinstance(profile, Name) else None
    if not isinstance(table, Table) or len(set(table.ys)) > 1 or not table.ys[0]:
        raise Refused(["DELAY CONVEYOR with an initial profile that is not flat"])
    steps = rounded(reader, None, "conveyance time", length)
    begun = rounded(reader, None, "initial conveyance time", start)
    left = eq.Number((1.0 - share * step) ** steps)
    comes = reader.keep("on its way", eq.DelayFixed(times(left, reader.read(source)), eq.Number(steps * step), ZERO))
    still: eq.Expression = reader.keep("at first", eq.DelayFixed(ZERO, eq.Number(begun * step), ONE))
    if share:
        fading = reader.promise("left at first")
        reader.fulfil(fading, eq.DelayFixed(times(fading, eq.Number(1.0 - share * step)), reader.step, ONE))
        still = times(still, fading)
    initial = reader.keep("initial", eq.Initial(over(reader.read(amount), eq.Number(begun * step))))
    return plus(comes, times(still, initial))
