"""Many schedules from one: every shape with every start and length, without files."""

from collections.abc import Sequence
from itertools import product

from models.schedules.change import Change, revised
from models.schedules.file import Schedule
from models.schedules.law import SLOPES, Exit
from stockflow.errors import InputError


def variants(
    base: Schedule,
    shapes: Sequence[Exit],
    starts: Sequence[float],
    lengths: Sequence[float] = (),
    instruments: Sequence[str] | None = None,
    announced: float | None = None,
) -> list[Schedule]:
    """Return `base` with every shape from every start over every length; a cliff has no length and comes once a start.

    The shapes replace those of `instruments`, by default of every instrument that declines in `base`; amounts, caps,
    budgets and reallocations stay, and so do announcements unless `announced` (years ahead) is given. An instrument
    that `base` does not name keeps its history up to its decline. Raises InputError for tiers, for a sloping shape
    without lengths, and where nothing declines.
    """
    falling = tuple(name for name, one in base.instruments.items() if one.shape != "keep")
    names = falling if instruments is None else tuple(instruments)
    if not names:
        raise InputError(f"{base.name}: no instrument declines: say which")
    if not lengths and any(shape in SLOPES for shape in shapes):
        raise InputError(f"{base.name}: {' and '.join(SLOPES)} need lengths")
    made = []
    for shape, start in product(shapes, starts):
        for length in lengths if shape in SLOPES else (None,):
            over = "" if length is None else f", {length:g} years"
            label = "_".join([base.name, shape, f"{start:g}", *([] if length is None else [f"{length:g}"])])
            changes = {name: _declining(base, name, shape, start, length, announced) for name in names}
            made.append(base.changed(changes, label, f"{base.title}: {shape} from {start:g}{over}"))
    return made


def _declining(
    base: Schedule, name: str, shape: Exit, start: float, length: float | None, announced: float | None
) -> Change:
    before = base.instruments.get(name, Change())
    new = {"shape": shape, "start": start, "length": length, "tiers": (), "trigger": None}
    new |= {} if announced is None else {"announced": announced}
    return revised(before, new, f"{base.name}: {name}")
