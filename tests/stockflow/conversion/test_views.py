"""Views go over: names, positions, which flows join which stocks, arrows and their bends."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
import stockflow
from stockflow.conversion.convert import converted
from stockflow.conversion.views import angle, middle, of_sketch, of_xmile
from stockflow.names import plain
from stockflow.pictures.layout import Arrow, View, Word

VENSIM = sorted((Path(models.__file__).parent / "vensim").glob("*.mdl"))


def spots(view: View) -> set[tuple[object, ...]]:
    # a name that is no variable is not drawn in XMILE, and the name of a flow stands below its valve there
    return {
        (plain(one.name), one.kind, one.shadow, one.x, one.y)
        for one in view.words
        if one.kind != "flow" and one.name != "Time"
    }


def joined(view: View) -> set[tuple[object, ...]]:
    words = [one.name for one in view.words]
    return {
        (words[one.label], one.x, one.y, *(None if end is None else words[end] for end in (one.source, one.target)))
        for one in view.pipes
        if not view.words[one.label].shadow
    }


def arrows(view: View) -> set[tuple[object, ...]]:
    names = [one.name for one in view.words]
    return {(names[one.start], names[one.end], one.sign) for one in view.arrows if names[one.start] != "Time"}


@pytest.mark.parametrize("file", VENSIM, ids=lambda one: one.name)
def test_a_sketch_goes_to_xmile_and_back(file: Path) -> None:
    model = stockflow.load(file)
    text = converted(model, "b.xmile")
    back = converted(stockflow.from_text("b.xmile", text), "c.mdl")
    before, there, after = of_sketch(model.file.text), of_xmile("b.xmile", text), of_sketch(back)
    assert [one.name for one in before] == [one.name for one in there] == [one.name for one in after]
    for one, other in zip(before, after, strict=True):
        # a flow drawn a second time is a shadow without its pipe
        lost = {plain(one.words[pipe.label].name) for pipe in one.pipes if one.words[pipe.label].shadow}
        assert {each for each in spots(one) ^ spots(other) if each[0] not in lost} == set()
        assert joined(one) == joined(other)
        assert arrows(one) == arrows(other)


def test_a_file_without_views_gets_one_for_each_group() -> None:
    file = Path(stockflow.__file__).parent / "examples" / "epidemic.mdl"
    views = of_xmile("b.xmile", converted(stockflow.load(file), "b.xmile"))
    assert [one.name for one in views] == ["Epidemic"]
    assert len(views[0].pipes) == 2


@given(
    ends=st.tuples(*[st.integers(0, 1000)] * 4).filter(lambda one: math.dist(one[:2], one[2:]) > 50),
    turn=st.floats(-120, 120),
)
def test_an_arrow_leaves_in_the_direction_in_which_its_bend_lies(ends: tuple[int, ...], turn: float) -> None:
    x, y, to_x, to_y = ends
    direction = math.degrees(math.atan2(y - to_y, to_x - x)) + turn
    words = tuple(Word(name, "text", False, 9, 9, *spot) for name, spot in (("a", (x, y)), ("b", (to_x, to_y))))
    picture = View("v", words, (), ())
    bend = Arrow(0, 1, None, middle((x, y), (to_x, to_y), direction))
    assert abs(math.remainder(angle(picture, bend) - direction, 360)) < 5


@pytest.mark.parametrize("name", ["", "name=''", "name=' '"])
def test_what_has_no_name_is_left_out(name: str) -> None:
    text = (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><model><variables>'
        f"<aux name='a'/></variables><views><view><aux {name} x='1' y='2'/><alias x='1' y='2'/></view></views>"
        "</model></xmile>"
    )
    assert not of_xmile("a.xmile", text)[0].words


@pytest.mark.parametrize("spot", ["x='a' y='2'", "x='1'", "x='inf' y='nan'", ""])
def test_what_stands_nowhere_is_left_out(spot: str) -> None:
    text = (
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><model><variables>'
        "<aux name='a'/></variables><views><view>"
        f"<aux name='a' {spot}/><flow name='a' x='1' y='2'><pts><pt {spot}/></pts></flow>"
        f"<connector angle='far'><from>a</from><to>a</to></connector></view></views></model></xmile>"
    )
    assert [one.kind for one in of_xmile("a.xmile", text)[0].words] == ["text"]
