"""Pictures of stocks and flows on a page, and where in them a variable's value can stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stockflow.model import Model
from stockflow.pictures.diagram import TITLE, svg
from stockflow.pictures.layout import groups, view

#: variables of the largest group that is drawn
MOST_DRAWN = 150
#: kinds of variables that change over time
MOVING = frozenset({"stock", "flow", "auxiliary"})


def pictures(model: Model, outputs: Sequence[str]) -> list[dict[str, object]]:
    """Return the picture of every group that holds an output and is not too large, in the order of outputs.

    `svg` is its text, `size` its width and height; `places` say of each variable in it, where the middle of its value
    stands, just below its name or within its box.
    """
    return [_picture(model, group) for group in _groups(model, outputs)]


def beside(model: Model, outputs: Sequence[str], most: int) -> list[str]:
    """Return what else changes over time in those pictures, in file order; nothing if it is more than `most`."""
    shown = _groups(model, outputs)
    found = [
        name
        for name, one in model.variables.items()
        if one.group in shown and one.kind in MOVING and name not in outputs
    ]
    return found if len(found) <= most else []


def _groups(model: Model, outputs: Sequence[str]) -> list[str]:
    sizes = Counter(one.group for one in model.variables.values())
    return [group for group in _held(model, outputs) if sizes[group] <= MOST_DRAWN]


def undrawn(model: Model, outputs: Sequence[str]) -> int:
    """Return how many groups that hold an output are too large to draw."""
    return len(_held(model, outputs)) - len(_groups(model, outputs))


def _held(model: Model, outputs: Sequence[str]) -> list[str]:
    drawable = groups(model.equations)
    return [group for group in dict.fromkeys(model.variable(name).group for name in outputs) if group in drawable]


def _picture(model: Model, group: str) -> dict[str, object]:
    drawn = view(model.equations, group)
    width, height = drawn.size
    # within a stock's box: a flow may leave it downwards
    places = [[one.name, one.x, one.y + one.h + (-9 if one.kind == "stock" else 6)] for one in drawn.words]
    return {"name": group, "size": [width, height + TITLE], "top": -TITLE, "svg": svg(model, group), "places": places}
