"""Queues: what leaves them at once, or as a conveyor or oven after them has room for it.

What an inflow brings into a queue during a step is one batch, which may leave in the same step.  What takes one batch
at a time takes from the first alone, all of it or, where batches may be split, what it has room for.  An overflow takes
what is left of that.
"""

from __future__ import annotations

from stockflow.language import equations as eq
from stockflow.language.functions.held import CLOSE, MOST_STEPS, ONE, ZERO, Made, steps_of_run, there
from stockflow.language.functions.memory import minus, over, plus, times
from stockflow.language.functions.vectors import choice
from stockflow.language.place import Place
from stockflow.language.tree import Holder, Refused


def made(reader: Place, holder: Holder, room: eq.Expression | None) -> Made:
    """Return the flows out of a queue, of which the first has a `room`, None for all that it may take."""
    nothing = (ZERO,) * (len(holder.outflows) - 1)
    if holder.before is None or not holder.outflows:
        return Made((reader.keep("out of the queue", there(reader, holder)), *nothing))
    marks = holder.before.marks
    batches = _Batches(reader, holder) if "one_at_a_time" in marks else None
    wanted = reader.keep(
        "first batch" if batches else "in the queue", batches.first if batches else there(reader, holder)
    )
    taken: eq.Expression = wanted
    if room is not None:
        fits = eq.Operation("<=", (wanted, times(room, eq.Number(1.0 + CLOSE))))
        # room that is left by rounding alone is none
        none = eq.Operation("<=", (room, times(wanted, eq.Number(CLOSE))))
        part = ZERO if "batch_integrity" in marks else choice(none, ZERO, room)
        taken = choice(fits, wanted, part)
    taken = reader.keep("out of the queue", taken)
    flows: list[eq.Expression] = [taken, *nothing]
    if holder.overflow is not None:
        flows[holder.overflow] = minus(wanted, taken)
    if batches:
        batches.move(taken, holder.overflow is not None)
    return Made(tuple(flows))


class _Batches:
    """The batches of a queue, per unit of time, the first one first: a place for each that a run may bring."""

    def __init__(self, reader: Place, holder: Holder) -> None:
        run = steps_of_run(reader)
        if run is None or run * len(holder.inflows) >= MOST_STEPS:
            raise Refused([f"queue of single batches in a run that may bring more than {MOST_STEPS - 1} of them"])
        self.reader = reader
        self.stock = over(reader.read(holder.stock), reader.step)
        self.count = reader.promise("batches")
        self.places = [reader.promise("batch") for _ in range(run * len(holder.inflows) + 1)]
        #: with what comes in now, and how many there are then
        self.row: list[eq.Expression] = list(self.places)
        self.after: eq.Expression = self.count
        for one in map(reader.read, holder.inflows):
            last = self.after
            self.row = [
                plus(batch, choice(eq.Operation("=", (last, eq.Number(float(place)))), one, ZERO))
                for place, batch in enumerate(self.row)
            ]
            self.after = plus(last, choice(eq.Operation(">", (one, ZERO)), ONE, ZERO))
        self.first = self.row[0]

    def move(self, taken: eq.Expression, overflows: bool) -> None:
        """Say what the batches are a step later; with an overflow nothing is left of the first."""
        reader, first = self.reader, self.first
        all_taken = choice(eq.Operation("<=", (first, taken)), ONE, ZERO)
        gone = reader.keep("a batch is gone", ONE if overflows else all_taken)
        for place, (now, own) in enumerate(zip(self.places, self.row, strict=True)):
            after = self.row[place + 1] if place + 1 < len(self.row) else ZERO
            stays = own if place else minus(first, taken)
            start = ZERO if place else self.stock
            reader.fulfil(now, eq.DelayFixed(choice(gone, after, stays), reader.step, start))
        left = eq.Operation("and", (gone, eq.Operation(">", (first, ZERO))))
        at_first = choice(eq.Operation(">", (self.stock, ZERO)), ONE, ZERO)
        reader.fulfil(self.count, eq.DelayFixed(minus(self.after, choice(left, ONE, ZERO)), reader.step, at_first))
