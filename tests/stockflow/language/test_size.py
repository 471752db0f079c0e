"""Reading takes time in proportion to what is read."""

import random

import pytest

from stockflow.language.definition import Definition
from stockflow.language.tree import Literal, Name, Stock
from stockflow.language.xmile import outflows as xmile_outflows


def ring(count: int, order: str) -> list[Definition]:
    """Return stocks in a circle, none below 0, each of which flows into the next and out of the model."""
    places = list(range(count))
    if order == "backwards":
        places.reverse()
    if order == "any":
        random.Random(1).shuffle(places)
    result = []
    for one in places:
        flows = (Name(f"in {(one - 1) % count}"),), (Name(f"in {one}"), Name(f"out {one}"))
        result.append(Definition(f"stock {one}", (), (), Stock(*flows, Literal(1.0), floored=True)))
        result += [Definition(f"{name} {one}", (), (), Literal(1.0)) for name in ("in", "out")]
    return result


class Looked(dict[str, set[str]]):
    """What variables read, and how often one asked for it."""

    count = 0

    def get(self, *arguments):
        Looked.count += 1
        return super().get(*arguments)


@pytest.mark.parametrize("order", ["forwards", "backwards", "any"])
def test_limits_of_outflows_in_a_circle_look_at_each_stock_some_times(monkeypatch, order: str) -> None:
    class Counted(xmile_outflows._Uses):
        def __init__(self) -> None:
            self.reads, self.readers = Looked(), Looked()

    monkeypatch.setattr(xmile_outflows, "_Uses", Counted)
    monkeypatch.setattr(Looked, "count", 0)
    count = 1000
    found = xmile_outflows.limited(ring(count, order))
    assert sum("min" in repr(one.tree) for one in found) == 2 * count
    assert count < Looked.count < 100 * count
