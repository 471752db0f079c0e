"""What conveyors, queues and ovens have in common: what they give their flows, and how each is written out in steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stockflow.language import equations as eq
from stockflow.language.functions.memory import over
from stockflow.language.functions.vectors import choice, joined
from stockflow.language.place import Place
from stockflow.language.tree import Holder, Name, Refused, Tree

#: how near numbers of time steps and amounts that are the same but for rounding are to each other, as a share
CLOSE = 1e-9
#: steps of a time
LONGEST = 1_000_000
#: of a belt or a queue that is written out step by step
MOST_STEPS = 1000
# of a time step, by which a step may miss the end, as in the clock
_SLACK = 1e-5
ZERO, ONE, UNKNOWN = eq.Number(0.0), eq.Number(1.0), eq.Number(math.nan)


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


@dataclass(frozen=True, slots=True)
class Still:
    """Whether a conveyor or oven stands still, by the value of its `setting`; where that is NaN, so is what it does."""

    setting: eq.Expression

    @property
    def now(self) -> eq.Expression:
        """Whether it stands still."""
        return eq.Operation("<>", (self.setting, ZERO))

    def nothing_or(self, moves: eq.Expression) -> eq.Expression:
        """Return what moves, nothing while it stands still."""
        none = choice(eq.Operation("=", (self.setting, self.setting)), ZERO, UNKNOWN)
        return choice(self.now, none, moves)


def arrested(reader: Place, holder: Holder) -> Still | None:
    """Return when a conveyor or oven stands still, None for never."""
    setting = holder.settings.get("arrest")
    return None if setting is None else Still(reader.read(setting))


def steps(length: float, step: float) -> int | None:
    """Return a time in whole time steps, the nearest number; None where there is none."""
    count = length / step if step > 0 else math.nan
    return math.floor(count + 0.5) if math.isfinite(count) else None


def rounded(reader: Place, owner: Name | None, what: str, length: float, least: int = 1) -> int:
    """Return a time of `what` in whole time steps, at least some, and note where it is none of them.

    The `owner` is the stock of what has the time, by default the variable that is read.  Refused for a time that is
    not above 0 where one step is the least, below 0 otherwise, or more than 1,000,000 steps.
    """
    step = reader.fixed(reader.step)
    count = None if step is None else steps(length, step)
    if step is None or count is None or count > LONGEST or length < 0 or (least and not length > 0):
        bounds = "above 0" if least else "0 or more"
        raise Refused([f"{what} of {length:g}, which must be {bounds} and at most {LONGEST} time steps,"])
    count = max(count, least)
    if abs(count * step - length) > CLOSE * length:
        one = reader.find(owner)[1] if owner else reader.definition
        words = f"{one.name!r} (line {one.line}) has a {what} of {length:g}, no whole number of time steps"
        reader.translation.notes[f"{words}: {count * step:g} is taken"] = None
    return count


def steps_of_run(reader: Place) -> int | None:
    """Return the number of time steps of a run, of which this fixes the start and the step; None if it is no number."""
    translation, spelling = reader.translation, reader.translation.main.spelling
    first, last = (spelling.get(one, one) for one in ("initial time", "final time"))
    # a run may end before the end that the file says, and none ends later
    free = last not in translation.structural
    start, final = (reader.fixed(eq.Reference(one)) for one in (first, last))
    step = reader.fixed(reader.step)
    if free:
        translation.structural.discard(last)
    if start is None or final is None or not step or not math.isfinite((final - start) / step):
        return None
    # the last one reaches the end
    return math.ceil((final - start) / step - _SLACK)
