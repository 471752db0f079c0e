"""DELAY CONVEYOR of Vensim: a belt with a time of its own for what is on it at first, as a profile says."""

from __future__ import annotations

import numpy as np

from stockflow.language import equations as eq
from stockflow.language.curve import Table
from stockflow.language.functions.curves import table_of
from stockflow.language.functions.held import ONE, ZERO, rounded
from stockflow.language.functions.memory import over, plus, times
from stockflow.language.place import Place
from stockflow.language.tree import Call, Refused

# time steps of what leaves a belt at first, unless all of them give alike
_MOST_SHARES = 100_000


def delayed(reader: Place, tree: Call) -> eq.Expression:
    """Return what came in a conveyance time ago, less what leaked from it in every step since then.

    What is on the belt at first leaves it over the initial conveyance time and leaks alike.  In each step that is as
    much of it as the area is, of the whole below the profile, that the step has of the stretch of its points.
    """
    source, time, leak, profile, amount, first = tree.arguments
    step = reader.fixed(reader.step)
    share, length, start = (reader.fixed(reader.read(one)) for one in (leak, time, first))
    if step is None or share is None or length is None or start is None:
        raise Refused(["DELAY CONVEYOR whose times or leakage are not numbers of the file"])
    if not 0 <= share * step <= 1:
        raise Refused([f"DELAY CONVEYOR with a leakage of {share:g}, below 0 or more than all of it in a step"])
    table = table_of(reader, profile)
    if table is None or min(table.ys) < 0 or not max(table.ys) > 0:
        raise Refused(["DELAY CONVEYOR whose initial profile is no table, or is below 0 or nothing but 0"])
    steps = rounded(reader, None, "conveyance time", length)
    begun = rounded(reader, None, "initial conveyance time", start)
    left = 1.0 - share * step
    comes = reader.keep(
        "on its way", eq.DelayFixed(times(eq.Number(left**steps), reader.read(source)), eq.Number(steps * step), ZERO)
    )
    initial = reader.keep("initial", eq.Initial(over(reader.read(amount), reader.step)))
    passed = reader.promise("steps since the start")
    reader.fulfil(passed, eq.DelayFixed(plus(passed, ONE), reader.step, ZERO))
    leaves = reader.translation.once(("profile", id(table), begun, left), lambda: _leaves(table, begun, left))
    return plus(comes, times(eq.WithLookup(passed, leaves), initial))


def _leaves(profile: Table, count: int, left: float) -> Table:
    """Return which share of what is on a belt at first leaves it, by steps since the start."""
    if len(set(profile.ys)) == 1 and left == 1.0:
        return Table((-0.5, count - 0.5), (1.0 / count, 0.0), "steps")
    if count > _MOST_SHARES:
        raise Refused([f"DELAY CONVEYOR with an initial conveyance time of more than {_MOST_SHARES} time steps"])
    ends = np.linspace(profile.xs[0], profile.xs[-1], count + 1)
    points = np.union1d(profile.xs, ends)
    heights = np.interp(points, profile.xs, profile.ys)
    reached = np.concatenate([[0.0], np.cumsum(np.diff(points) * (heights[1:] + heights[:-1]) / 2.0)])
    # a profile of one point is flat
    areas = np.diff(np.interp(ends, points, reached)) / reached[-1] if reached[-1] > 0 else np.full(count, 1.0 / count)
    shares = [float(one) for one in areas * left ** np.arange(count)]
    return Table(tuple(place - 0.5 for place in range(count + 1)), (*shares, 0.0), "steps")
