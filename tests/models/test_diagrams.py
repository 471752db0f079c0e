"""The built files open as diagrams: every variable stands in the view of its group, and no two on one another."""

from __future__ import annotations

import shutil
import warnings
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stockflow_helpers import loaded, written

import models
import stockflow
from models.case import CASES
from stockflow import InputError
from stockflow.insight.structure import signed_flows
from stockflow.pictures.diagram import diagrams, svg
from stockflow.pictures.layout import CLOUD, VALVE, View, groups, spread, view
from stockflow.pictures.sketch import sketch

VENSIM = Path(models.__file__).parent / "vensim"
Box = tuple[str, int, int, int, int]


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest) -> stockflow.Model:
    return stockflow.load(VENSIM / f"{request.param}.mdl")


def views(model: stockflow.Model) -> list[View]:
    return [view(model.equations, group) for group in groups(model.equations)]


def boxes(picture: View) -> list[Box]:
    words = [(one.name, one.x, one.y, one.w, one.h) for one in picture.words]
    valves = [(f"valve of {picture.words[one.label].name}", one.x, one.y, *VALVE) for one in picture.pipes]
    clouds = [
        (f"cloud of {picture.words[one.label].name}", *end, *CLOUD)
        for one in picture.pipes
        for end, stock in zip(one.ends, (one.source, one.target), strict=True)
        if stock is None
    ]
    return words + valves + clouds


def overlap(one: Box, other: Box) -> bool:
    return abs(one[1] - other[1]) < one[3] + other[3] and abs(one[2] - other[2]) < one[4] + other[4]


def test_no_two_boxes_of_a_view_overlap(model: stockflow.Model) -> None:
    for picture in views(model):
        assert [(a, b) for a, b in combinations(boxes(picture), 2) if overlap(a, b)] == []


def test_everything_stands_inside_its_picture(model: stockflow.Model) -> None:
    for picture in views(model):
        width, height = picture.size
        for _, x, y, w, h in boxes(picture):
            assert w <= x <= width - w
            assert h <= y <= height - h


def test_every_variable_stands_once_in_the_view_of_its_group(model: stockflow.Model) -> None:
    for picture in views(model):
        own = [one.name for one in picture.words if not one.shadow]
        group = [name for name, one in model.variables.items() if one.group == picture.name and one.kind != "control"]
        assert sorted(own) == sorted(group)


def test_every_cause_of_a_variable_leads_to_it_and_nothing_else_does(model: stockflow.Model) -> None:
    for picture in views(model):
        drawn: dict[str, set[str]] = {one.name: set() for one in picture.words if not one.shadow}
        for arrow in picture.arrows:
            drawn[picture.words[arrow.end].name].add(picture.words[arrow.start].name)
        for pipe in picture.pipes:
            for stock in (pipe.source, pipe.target):
                if stock is not None:
                    drawn[picture.words[stock].name].add(picture.words[pipe.label].name)
        for name, causes in drawn.items():
            assert causes - {"Time"} == set(model.depends_on(name, direct=True)) - {name, "TIME STEP"}


def test_pipes_run_into_what_their_flow_fills_and_out_of_what_it_empties(model: stockflow.Model) -> None:
    pipes = 0
    for picture in views(model):
        for pipe in picture.pipes:
            flow = picture.words[pipe.label].name
            for stock, sign in ((pipe.source, -1), (pipe.target, 1)):
                if stock is not None:
                    expression = model.variables[picture.words[stock].name].expression
                    assert (flow, sign) in set(signed_flows(expression))
                    pipes += 1
    assert pipes > 20


def test_every_stock_is_a_box_and_every_flow_of_its_group_has_a_valve(model: stockflow.Model) -> None:
    for picture in views(model):
        stocks = {one.name for one in picture.words if one.kind == "stock"}
        assert stocks == {name for name in model.stocks if model.variables[name].group == picture.name}
        valves = {picture.words[one.label].name for one in picture.pipes}
        for name in stocks:
            for flow, _ in signed_flows(model.variables[name].expression):
                assert flow in valves or model.variables[flow].kind == "stock"


def test_a_sketch_numbers_its_objects_and_arrows_join_what_exists(model: stockflow.Model) -> None:
    text = sketch(model.equations)
    for part in text.split("\\\\\\---///")[1:]:
        objects = [line.split(",") for line in part.splitlines()[4:]]
        assert [int(one[1]) for one in objects] == list(range(1, len(objects) + 1))
        kinds = {int(one[1]): int(one[0]) for one in objects}
        for one in objects:
            if one[0] == "1":
                assert {kinds[int(one[2])], kinds[int(one[3])]} <= {10, 11, 12}
            if one[0] == "11":
                assert kinds[int(one[1]) + 1] == 10
                assert objects[int(one[1])][7] == "40"


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_pysd_finds_every_variable_in_the_view_of_its_group(case: str, tmp_path: Path) -> None:
    import pysd
    from pysd.translators.vensim.vensim_file import VensimFile

    shutil.copy(VENSIM / f"{case}.mdl", tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        split = pysd.read_vensim(tmp_path / f"{case}.mdl", split_views=True)
    model = stockflow.load(VENSIM / f"{case}.mdl")
    names = {" ".join(name.split()).casefold(): python for name, python in split.namespace.items()}
    found = {name: module for module, inside in split._modules.items() for name in inside}
    for name, one in model.variables.items():
        if one.kind != "control":
            assert found[names[name.casefold()]] == VensimFile._clean_file_names(one.group.casefold())[0]


def test_the_diagram_is_well_formed_and_shows_every_name(model: stockflow.Model) -> None:
    for group, text in diagrams(model).items():
        shown = " ".join(one.text or "" for one in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text"))
        for name, one in model.variables.items():
            if one.group == group and one.kind != "control":
                assert name in shown


def test_the_same_model_gives_the_same_diagram() -> None:
    first, second = (stockflow.load(VENSIM / "nev.mdl") for _ in range(2))
    assert sketch(first.equations) == sketch(second.equations)
    assert diagrams(first) == diagrams(second)


def test_an_unknown_group_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'Core 2 Knowledge'"):
        svg(stockflow.load(VENSIM / "nev.mdl"), "Core 2 Knowlege")


def test_a_chain_of_stocks_is_joined_from_one_to_the_next(tmp_path: Path) -> None:
    text = """
        Old= INTEG ( ageing-deaths, 1) ~ x
        Young= INTEG ( births-ageing, 1) ~ x
        births= 1 ~ x/Year
        ageing= Young/life ~ x/Year
        deaths= Old/life ~ x/Year
        life= 9 ~ Year
    """
    picture = view(loaded(tmp_path, text).equations, "")
    pipes = {picture.words[one.label].name: one for one in picture.pipes}
    names = {
        flow: tuple(None if one is None else picture.words[one].name for one in (pipe.source, pipe.target))
        for flow, pipe in pipes.items()
    }
    assert names == {"births": (None, "Young"), "ageing": ("Young", "Old"), "deaths": ("Old", None)}
    young, old = (next(one for one in picture.words if one.name == name) for name in ("Young", "Old"))
    assert young.y < pipes["ageing"].y < old.y
    assert young.x == pipes["ageing"].x == old.x


def test_signs_stand_on_links_that_the_equation_tells(tmp_path: Path) -> None:
    picture = view(loaded(tmp_path, "a= Time ~ x\n b= Time ~ x\n c= a-2*b ~ x\n d= a*b ~ x").equations, "")
    signs = {(picture.words[one.start].name, picture.words[one.end].name): one.sign for one in picture.arrows}
    assert (signs["a", "c"], signs["b", "c"], signs["a", "d"]) == (1, -1, None)


def test_what_is_hidden_inside_a_delay_is_not_drawn(tmp_path: Path) -> None:
    text = """
        Store= INTEG ( DELAY3(filling, time to fill)-emptying, start) ~ x
        filling= SMOOTH(Store, time to fill)/time to fill ~ x/Year
        emptying= DELAY1(Store, time to fill)/time to fill ~ x/Year
        time to fill= 2 ~ Year
        start= 10 ~ x
    """
    picture = view(loaded(tmp_path, text).equations, "")
    assert {one.name for one in picture.words} == {"Store", "filling", "emptying", "time to fill", "start"}
    drawn = {(picture.words[one.start].name, picture.words[one.end].name) for one in picture.arrows}
    assert {("filling", "Store"), ("time to fill", "Store"), ("Store", "filling"), ("start", "Store")} <= drawn
    assert [picture.words[one.label].name for one in picture.pipes] == ["emptying"]


def test_odd_names_do_not_break_the_svg(tmp_path: Path) -> None:
    path = written(tmp_path, '"a<b & c"= 1 ~ x\n d= "a<b & c" ~ x')
    ET.fromstring(svg(stockflow.load(path), ""))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1, 50)), max_size=12), st.floats(0, 20))
def test_boxes_in_a_column_keep_their_distance_and_their_balance(rows: list[tuple[float, float]], gap: float) -> None:
    wanted = sorted(place for place, _ in rows)
    halves = [half for _, half in rows]
    got = spread(wanted, halves, gap)
    for (a, left), (b, right) in combinations(zip(got, halves, strict=True), 2):
        assert b - a >= left + right + gap - 1e-6
    assert sum(got) == pytest.approx(sum(wanted), abs=1e-6)
    if all(b - a > 100 + gap for a, b in pairwise(wanted)):
        assert got == pytest.approx(wanted)
