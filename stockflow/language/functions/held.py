"""What conveyors, queues and ovens have in common: what they give their flows, and how each is written out in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stockflow.language import equations as eq
from stockflow.language.functions.memory import over
from stockflow.language.functions.vectors import joined
from stockflow.language.place import Place
from stockflow.language.tree import Holder, Tree

#: how near numbers of time steps and amounts that are the same but for rounding are to each other, as a share
CLOSE = 1e-9
#: of a belt or a queue that is written out step by step
MOST_STEPS = 1000
ZERO, ONE = eq.Number(0.0), eq.Number(1.0)


@dataclass(frozen=True, slots=True)
class Made:
    """What flows out of a conveyor, queue or oven, by place, and what may flow in, None for all, per unit of time."""

    outflows: tuple[eq.Expression, ...]
    room: eq.Expression | None = None


def total(reader: Place, flows: Sequence[Tree]) -> eq.Expression:
    """Return the sum of some flows."""
    return joined("+", [reader.read(one) for one in flows]) if flows else ZERO


def there(reader: Place, holder: Holder) -> eq.Expression:
    """Return what is in a conveyor, queue or oven and comes in during a step, per unit of time."""
    return joined("+", [over(reader.read(holder.stock), reader.step), *map(reader.read, holder.inflows)])


def arrested(reader: Place, holder: Holder) -> eq.Expression | None:
    """Return when a conveyor or oven stands still, None for never."""
    setting = holder.settings.get("arrest")
    return None if setting is None else eq.Operation("<>", (reader.read(setting), ZERO))


def steps_of_run(reader: Place) -> int | None:
    """Return the number of time steps of a run, which is fixed by this; None if it is no number of the file."""
    spelling = reader.translation.main.spelling
    start, final = (reader.fixed(eq.Reference(spelling.get(one, one))) for one in ("initial time", "final time"))
    step = reader.fixed(reader.step)
    return None if start is None or final is None or not step else round((final - start) / step)
