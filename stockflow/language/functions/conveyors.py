"""Flows out of conveyors and queues: what comes off the end of a belt, what leaks from it on its way, what waits.

A belt of a transit time of so many steps holds what came in during each of them.  Linear leakage takes the same share
of what came in from it at every step on the belt, the last one included; exponential leakage takes the same share of
what is left.  What the belt holds at first lies on it as a constant inflow would have left it.  A queue that nothing
holds back is empty after every step.
"""

from __future__ import annotations

from stockflow.language import equations as eq
from stockflow.language.functions.memory import minus, over, times
from stockflow.language.functions.vectors import joined
from stockflow.language.place import Place
from stockflow.language.tree import Conveyed, Emptied, Refused

#: the hidden variables of every belt and of every queue
OFF, OUT = "off the belt", "out of the queue"
_CLOSE = 1e-9
_MOST_STEPS = 1_000_000


def has_belts(equations: eq.Equations) -> bool:
    """Say whether there are conveyors or queues, which take and give only what Euler's method has in a step."""
    hidden = (one.name for one in equations.variables.values() if one.owner)
    return any(f"~{kind}" in name for name in hidden for kind in (OFF, OUT))


def emptied(reader: Place, tree: Emptied) -> eq.Expression:
    """Return the expression of the flow out of a queue."""
    inflows = [reader.read(one) for one in tree.inflows]
    return reader.keep(OUT, joined("+", [over(reader.read(tree.stock), reader.step), *inflows]))


def flow(reader: Place, tree: Conveyed) -> eq.Expression:
    """Return the expression of a flow out of a conveyor; Refused for a belt that is not of whole steps."""
    length, step = (reader.fixed(one) for one in (reader.read(tree.length), reader.step))
    leaks = [reader.fixed(reader.read(one)) for one in tree.leaks]
    if length is None or step is None:
        raise Refused(["conveyor whose transit time is not a number of the file"])
    steps = round(length / step) if length > 0 else 0
    if not 1 <= steps <= _MOST_STEPS or abs(steps * step - length) > _CLOSE * length:
        raise Refused([f"conveyor whose transit time, {length:g}, is no whole number of time steps of {step:g}"])
    if any(one is None for one in leaks):
        raise Refused(["conveyor whose leakage fraction is not a number of the file"])
    known = [one for one in leaks if one is not None]
    share = sum(known) * (step if tree.exponential else 1.0)
    if min(known, default=0.0) < 0 or share > 1:
        raise Refused(["conveyor whose leakage fractions are below 0, or more than all of what is on it"])
    if tree.leak is not None and tree.exponential:
        return times(eq.Number(known[tree.leak]), reader.read(tree.stock))
    if tree.exponential:
        left = (1.0 - share) ** steps
        held = step * sum((1.0 - share) ** one for one in range(steps))
    else:
        left = 1.0 - share
        held = length - (steps - 1) * share * step / 2.0
    inflow = joined("+", [reader.read(one) for one in tree.inflows]) if tree.inflows else eq.Number(0.0)
    start = over(reader.read(tree.stock), eq.Number(held))
    delayed = eq.DelayFixed(inflow, eq.Number(length), start)
    off = reader.translation.once((OFF, delayed), lambda: reader.keep(OFF, delayed))
    if tree.leak is None:
        return off if left == 1.0 else times(eq.Number(left), off)
    # what came in during the transit time, before any of it leaked
    belt = eq.Integral(minus(inflow, off), times(start, eq.Number(length)))
    came_in = reader.translation.once(("on the belt", belt), lambda: reader.keep("on the belt", belt))
    return times(eq.Number(known[tree.leak] / length), came_in)
