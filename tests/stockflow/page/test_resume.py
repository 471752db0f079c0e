"""From which moment on a point of a curve counts, and where a page keeps the states of its runs."""

import numpy as np
import pytest
from page_helpers import of_text

from stockflow.compiler.assembly import Assembly
from stockflow.page.contents import Asked, contents
from stockflow.page.resume import MOST_STOPS, inputs_from, points_from, stops

CURVE = "WITH LOOKUP({}, ((0,1),(5,2),(10,3),(20,4)))"


def read(*equations: str, **asked: str) -> list[int]:
    return points_from(contents(of_text(*equations), Asked(outputs=["S"], **asked)).plan)


def test_a_point_counts_from_the_point_before_it_on() -> None:
    # eight steps a year
    assert read(f"c= {CURVE.format('Time')}", "S= INTEG(c, 0)") == [0, 0, 5 * 8, 10 * 8]


def test_a_step_of_stages_reads_ahead_and_so_counts_a_moment_before() -> None:
    assert read(f"c= {CURVE.format('Time')}", "S= INTEG(c, 0)", method="RK4") == [0, 0, 5 * 8 - 1, 10 * 8 - 1]


def test_with_automatic_steps_a_point_may_count_from_the_start_on() -> None:
    assert read(f"c= {CURVE.format('Time')}", "S= INTEG(c, 0)", method="RK4 auto") == [0, 0, 0, 0]


def test_a_curve_that_is_read_ahead_of_time_counts_before() -> None:
    assert read(f"c= {CURVE.format('Time+2')}", "S= INTEG(c, 0)") == [0, 0, 3 * 8, 8 * 8]


def test_a_point_that_no_moment_reads_counts_never() -> None:
    # moments are an eighth of a year apart
    points = "((0,1),(5.01,1),(5.02,2),(5.03,3),(20,4))"
    assert read(f"c= WITH LOOKUP(Time, {points})", "S= INTEG(c, 0)")[2] == 20 * 8 + 1


@pytest.mark.parametrize(
    "equations",
    [
        (f"c= {CURVE.format('S')}", "S= INTEG(c, 0)"),
        (f"c= {CURVE.format('Time+a')}", "a= 1", "S= INTEG(c, 0)"),
        (f"c= {CURVE.format('a')}", "a= 1", "S= INTEG(1, c)"),
    ],
    ids=["a stock", "an input beside time", "an input in a starting value"],
)
def test_what_is_not_known_beforehand_counts_from_the_start(equations: tuple[str, ...]) -> None:
    assert read(*equations) == [0, 0, 0, 0]


@pytest.mark.parametrize("stock", ["INTEG(1, c)", "INTEG(c, INITIAL(c))", "INTEG(c+a, a*INITIAL(c))"])
def test_of_a_curve_in_a_starting_value_the_points_at_the_start_count_from_there(stock: str) -> None:
    assert read(f"c= {CURVE.format('Time')}", "a= 1", f"S= {stock}") == [0, 0, 5 * 8, 10 * 8]


def test_stops_are_few_and_neither_the_start_nor_beyond_the_end() -> None:
    assert stops([0, 8, 8, 4, 101], 101, 0) == [4, 8]
    many = stops(range(100), 101, 1000)
    assert len(many) == MOST_STOPS
    assert (many[0], many[-1]) == (1, 99)
    assert np.diff(many).max() <= 4
    assert stops([], 101, 1000) == []
    assert len(stops(range(100), 101, 2**22)) == 4


def test_assembly_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = of_text("S= INTEG(1, 0)")
    contents(model, Asked())  # from here on the engine's own code is kept: only the page asks for assembly
    monkeypatch.setattr(Assembly, "text", lambda _: "define void @block() {}")
    with pytest.raises(RuntimeError, match="not one"):
        contents(model, Asked())


def counts(*equations: str, **asked: str) -> dict[str, int]:
    page = contents(of_text(*equations), Asked(outputs=["S"], **asked))
    return dict(zip(page.simulator.inputs, inputs_from(page.plan), strict=True))


def test_a_constant_counts_from_where_time_lets_it_in() -> None:
    equations = (
        "now= 1",
        "later= 1",
        "ahead= 1",
        "chosen= 1",
        "threshold= 12",
        "S= INTEG(now+later*MAX(0,Time-5)+IF THEN ELSE(Time>=10, chosen*S, 1)+STEP(ahead,15)+STEP(1,threshold), 0)",
    )
    found = {"now": 0, "later": 5 * 8 + 1, "ahead": 15 * 8, "chosen": 10 * 8, "threshold": 0}
    assert counts(*equations) == found
    assert counts(*equations, method="RK4") == {name: max(one - 1, 0) for name, one in found.items()} | {"later": 40}


@pytest.mark.parametrize(
    "equations",
    [
        ("a= 1", "S= INTEG(a*STEP(1,5), a)"),
        ("a= 1", "S= INTEG((a+0)*a*STEP(1,5), 0)", "T= INTEG(a, 0)"),
        ("a= 1", "S= INTEG(EXP(a)*STEP(1,5), 0)"),
    ],
    ids=["a starting value", "a product of its own", "a function"],
)
def test_a_constant_of_which_that_is_not_known_counts_from_the_start(equations: tuple[str, ...]) -> None:
    assert counts(*equations)["a"] == 0
