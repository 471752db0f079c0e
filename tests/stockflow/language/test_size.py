"""Reading takes time in proportion to what is read."""

import random

import pytest

import stockflow
from stockflow.language.definition import Definition
from stockflow.language.tree import Literal, Name, Stock, walk
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


def test_limits_of_many_outflows_of_one_stock_are_short() -> None:
    count = 2000
    flows = [Name(f"out {one}") for one in range(count)]
    stock = Definition("stock", (), (), Stock((), tuple(flows), Literal(1.0), floored=True))
    found = xmile_outflows.limited([stock, *(Definition(one.name, (), (), Literal(1.0)) for one in flows)])
    assert max(len(list(walk(one.tree))) for one in found[1:] if one.tree is not None) < 80
    assert all("min" in repr(one.tree)[:20] for one in found[1:])


def test_each_of_many_outflows_takes_what_those_before_it_leave() -> None:
    space, count = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0", 700
    outflows = "".join(f"<outflow>o{one}</outflow>" for one in range(count))
    flows = "".join(f"<flow name='o{one}'><eqn>2</eqn></flow>" for one in reversed(range(count)))
    text = (
        f"<xmile version='1.0' xmlns='{space}'><sim_specs><start>0</start><stop>2</stop><dt>1</dt></sim_specs><model>"
        f"<variables><stock name='s'><eqn>601</eqn>{outflows}<non_negative/></stock>{flows}</variables></model></xmile>"
    )
    run = stockflow.from_text("many.xmile", text).run()
    taken = [run[f"o{one}"].to_numpy().tolist() for one in range(count)]
    assert taken == [[2, 0, 0]] * 300 + [[1, 0, 0]] + [[0, 0, 0]] * (count - 301)
    assert run["s"].to_numpy().tolist() == [601, 0, 0]


def test_what_is_left_is_that_of_each_outflows_own_ranges() -> None:
    space, count = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0", 67
    head = "".join(f"<dim name='{one}'><elem name='n'/><elem name='s'/></dim>" for one in "ab")
    shape = [f"<dimensions><dim name='{one[0]}'/><dim name='{one[1]}'/></dimensions>" for one in ("ab", "ba")]
    outflows = "".join(f"<outflow>o{one}</outflow>" for one in range(count))
    flows = "".join(
        f"<flow name='o{one}'>{shape[one == count - 1]}<eqn>{20 if one > 64 else 0}</eqn></flow>"
        for one in range(count)
    )
    text = (
        f"<xmile version='1.0' xmlns='{space}'><dimensions>{head}</dimensions><sim_specs><start>0</start><stop>1</stop>"
        f"<dt>1</dt></sim_specs><model><variables><stock name='s'>{shape[0]}<eqn>30 + 4*a + b</eqn>{outflows}"
        f"<non_negative/></stock>{flows}</variables></model></xmile>"
    )
    run = stockflow.from_text("many.xmile", text).run()
    assert run["o65[n,s]"][0] == run["o65[s,n]"][0] == 20
    assert run["o66[n,s]"][0] == 30 + 8 + 1 - 20
    assert run["o66[s,n]"][0] == 30 + 4 + 2 - 20
