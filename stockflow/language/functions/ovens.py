"""Ovens: they fill, until they are full or their time for filling is over, cook, and let all out in one step.

Times are rounded to whole time steps.  The time for filling begins with the step in which something first comes in, or
at the initial time for what is in the oven then.  Cooking begins with the step after that in which the oven was
filled; once it is over all flows out during one step.  In that step the oven is filled again, unless it is cleaned
from then on.
"""

from __future__ import annotations

import math

from stockflow.language import equations as eq
from stockflow.language.functions.held import CLOSE, ONE, ZERO, Made, arrested, rounded, total
from stockflow.language.functions.memory import minus, over, plus, times
from stockflow.language.functions.vectors import choice
from stockflow.language.place import Place
from stockflow.language.tree import Holder, Refused

# what the door of an oven says: open, or for how many more steps it cooks, or below that is cleaned
_OPEN = eq.Number(-1.0)


def made(reader: Place, holder: Holder) -> Made:
    """Return the flow out of an oven and its room; Refused for times that are no numbers of the file."""
    cooking, cleaning = _steps(reader, holder, "cook_time", "len"), _steps(reader, holder, "clean_time")
    filling = _steps(reader, holder, "fill_time")
    stock, step, inflow = reader.read(holder.stock), reader.step, total(reader, holder.inflows)
    still = arrested(reader, holder)
    door, filled = reader.promise("door"), reader.promise("filling")
    ends = eq.Operation("=", (door, ZERO))
    opened = eq.Operation("=", (door, _OPEN))
    if not cleaning:
        opened = eq.Operation("or", (opened, ends))
    held = choice(ends, ZERO, stock)
    after = plus(held, times(inflow, step))
    some = eq.Operation(">", (after, ZERO))
    count = choice(eq.Operation("and", (opened, some)), plus(choice(ends, ZERO, filled), ONE), ZERO)
    room: eq.Expression = eq.Number(math.inf)
    full: list[eq.Expression] = []
    start: eq.Expression = _OPEN
    if "capacity" in holder.settings:
        capacity = reader.read(holder.settings["capacity"])
        room = eq.Operation("max", (over(minus(capacity, held), step), ZERO))
        full.append(_is_full(after, capacity))
        start = choice(_is_full(stock, capacity), eq.Number(float(cooking or 0)), _OPEN)
    if filling is not None:
        full.append(eq.Operation("<=", (eq.Number(float(max(filling, 1))), count)))
    closes = full[0] if len(full) == 1 else eq.Operation("or", (full[0], full[1]))
    shut = choice(eq.Operation("and", (closes, some)), eq.Number(float(cooking or 0)), _OPEN)
    cleaned = eq.Number(-float(cleaning or 1))
    closed = choice(eq.Operation(">", (door, ZERO)), minus(door, ONE), choice(ends, cleaned, plus(door, ONE)))
    moves = {door: (choice(opened, shut, closed), start), filled: (count, ZERO)}
    for now, (later, first) in moves.items():
        moved = later if still is None else choice(still.now, now, later)
        reader.fulfil(now, eq.DelayFixed(moved, step, first))
    out, enters = choice(ends, over(stock, step), ZERO), choice(opened, room, ZERO)
    if still is not None:
        out, enters = still.nothing_or(out), still.nothing_or(enters)
    return Made((out,), reader.keep("room", enters))


def _is_full(amount: eq.Expression, capacity: eq.Expression) -> eq.Expression:
    nearly = eq.Operation(">=", (amount, times(capacity, eq.Number(1.0 - CLOSE))))
    return eq.Operation("and", (nearly, eq.Operation(">", (amount, ZERO))))


def _steps(reader: Place, holder: Holder, *names: str) -> int | None:
    """Return a time in whole steps, None if there is none; Refused if it is no number of the file, or below 0."""
    tree = next((holder.settings[one] for one in names if one in holder.settings), None)
    if tree is None:
        return None
    time = reader.fixed(reader.read(tree))
    what = names[0].replace("_", " ")
    if time is None or reader.fixed(reader.step) is None:
        raise Refused([f"oven whose {what} is not a number of the file"])
    return rounded(reader, holder.stock, what, time, 0)
