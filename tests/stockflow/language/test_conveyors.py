"""Conveyors of XMILE are fixed delays with leaks; what of them is not simulated is refused by name."""

from pathlib import Path

import numpy as np
import pytest
from holders import written
from stockflow_helpers import loaded

import stockflow
from stockflow import InputError
from stockflow.errors import LoopError, ReadingWarning

IN = "<flow name='i'><eqn>2+TIME</eqn></flow>"
END = "<flow name='o'/>"
LEAK = "<flow name='l'><eqn>0.25</eqn><leak/></flow>"
BELT = "<conveyor><len>2</len></conveyor>"


def belt(conveyor: str = BELT, leaks: int = 0) -> str:
    outflows = "".join(f"<outflow>{name}</outflow>" for name in ("o", "l", "m")[: 1 + leaks])
    return f"<stock name='S'><eqn>12</eqn><inflow>i</inflow>{outflows}{conveyor}</stock>"


def test_what_comes_in_leaves_after_the_transit_time(tmp_path: Path) -> None:
    run = stockflow.load(written(tmp_path, belt() + IN + END)).run()
    assert run["o"].values.tolist() == [6, 6, 6, 6, 2, 2.5, 3, 3.5, 4]
    assert run["S"].values[4] == 0.5 * (2 + 2.5 + 3 + 3.5)


def test_what_flows_onto_a_belt_is_not_negative(tmp_path: Path) -> None:
    source = "<stock name='from'><eqn>9</eqn><outflow>i</outflow></stock>"
    run = stockflow.load(written(tmp_path, source + belt() + IN.replace("2+TIME", "TIME-1") + END)).run()
    assert run["i"].values.tolist() == [0, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert run["from"].values[-1] == 9 - 0.5 * 7.5


def test_a_belt_without_inflow_runs_empty(tmp_path: Path) -> None:
    run = stockflow.load(written(tmp_path, belt().replace("<inflow>i</inflow>", "") + END)).run()
    assert run["S"].values.tolist() == [12, 9, 6, 3, 0, 0, 0, 0, 0]


def test_nothing_is_lost_and_two_leaks_share(tmp_path: Path) -> None:
    second = LEAK.replace("'l'", "'m'").replace("<eqn>0.25</eqn><leak/>", "<leak>0.5</leak>")
    run = stockflow.load(written(tmp_path, belt(leaks=2) + IN + END + LEAK + second)).run()
    assert np.allclose(run["m"].values, 2 * run["l"].values, rtol=1e-12)
    assert np.allclose(run["o"].values[4:], 0.25 * run["i"].values[:-4], rtol=1e-12)
    # each step on the belt a quarter of three quarters leaks
    amounts = 0.5 * run["i"].values[1:5] * (1 - 0.75 * np.array([3, 2, 1, 0]) / 4)
    assert np.isclose(run["S"].values[5], amounts.sum(), rtol=1e-12)


def test_belts_of_elements_of_an_array(tmp_path: Path) -> None:
    dimension = "<dimensions><dim name='d'/></dimensions>"
    one = belt().replace("<eqn>12</eqn>", f"{dimension}<eqn>12*d</eqn>")
    flows = IN.replace("<eqn>", f"{dimension}<eqn>") + END.replace("/>", f">{dimension}</flow>")
    run = stockflow.load(written(tmp_path, one + flows)).run()
    assert run["o[b]"].values.tolist() == [12, 12, 12, 12, 2, 2.5, 3, 3.5, 4]


@pytest.mark.parametrize("kind", ["<conveyor>", "<conveyor exponential_leak='true'>"])
@pytest.mark.parametrize("leaks", [0, 1])
def test_a_belt_is_that_of_the_other_engine(tmp_path: Path, kind: str, leaks: int) -> None:
    simlin = pytest.importorskip("simlin")
    path = written(tmp_path, belt(BELT.replace("<conveyor>", kind), leaks) + IN + END + LEAK * leaks)
    run, simulation = stockflow.load(path).run(), simlin.load(path).simulate()
    simulation.run_to_end()
    for name in ("S", "i", "o", "l")[: 3 + leaks]:
        assert np.allclose(run[name].values, simulation.get_series(name), rtol=1e-9)


@pytest.mark.parametrize(
    ("flows", "message"),
    [
        (
            IN + "<flow name='o'><eqn>1</eqn></flow>",
            r"flow 'o' \(line 1\) has an equation, which is not used: the conv",
        ),
        (
            IN.replace("/flow", "overflow/></flow") + END,
            r"flow 'i' \(line 1\) has overflow, which is not used: it does",
        ),
        (
            IN.replace("/flow", "leak/></flow") + END,
            "flow 'i' .* has leak, which is not used: it does not come out of a c",
        ),
        (IN + "<flow name='o' leak_start='0.5'/>", "flow 'o' .* has leak_start, which is not used: it does not leak"),
    ],
)
def test_what_a_flow_says_in_vain_is_told(tmp_path: Path, flows: str, message: str) -> None:
    with pytest.warns(ReadingWarning, match=message):
        stockflow.load(written(tmp_path, belt() + flows))


@pytest.mark.parametrize("equation", ["", "0", "o"])
def test_an_equation_that_says_nothing_is_no_matter(tmp_path: Path, equation: str) -> None:
    stockflow.load(written(tmp_path, belt() + IN + f"<flow name='o'><eqn>{equation}</eqn></flow>"))


@pytest.mark.parametrize(
    ("conveyor", "flows", "message"),
    [
        ("<conveyor><len>1.7</len></conveyor>", IN + END + LEAK, "transit time, 1.7, is no whole number of time steps"),
        ("<conveyor><len>0</len></conveyor>", IN + END + LEAK, "transit time, 0, is no whole number"),
        (
            "<conveyor><len>0.5*TIME</len><capacity/></conveyor>",
            IN + END + LEAK.replace("0.25", "TIME"),
            "fraction is not",
        ),
        ("<conveyor/>", IN + END + LEAK, "conveyor without a transit time"),
        ("<conveyor isee:fifo='true'><len>2</len></conveyor>", IN + END + LEAK, "conveyor with fifo in 'S'"),
        ("<conveyor><len>2</len><split>5</split></conveyor>", IN + END + LEAK, "conveyor with split in 'S'"),
        (
            "<conveyor discrete='true'><len>2</len></conveyor>",
            IN + END + LEAK,
            "discrete conveyor without a queue before",
        ),
        (BELT, IN.replace("'i'", "'i' isee:spreadflow='even'") + END + LEAK, "inflow that is spread by 'even' in 'S'"),
        (BELT, IN + END + LEAK.replace("<leak/>", ""), "conveyor with 2 outflows at its end"),
        (BELT, IN + END + LEAK.replace("0.25", "0.1*TIME"), "leakage fraction is not a number of the file"),
        (BELT, IN + END + LEAK.replace("0.25", "1.5"), "more than all of what is on it"),
        (BELT, IN + END + LEAK.replace("'l'", "'l' leak_start='0.5' leak_end='0.2'"), "leaks from 0.5 to 0.2 of its"),
        (
            BELT.replace(">2<", ">2+TIME<"),
            IN + END + LEAK.replace("'l'", "'l' leak_end='0.5'"),
            "part of its length, with a transit time",
        ),
        (BELT, IN + END + LEAK.replace("<leak/>", "<leak/><leak_integers/>"), "leaks whole units"),
        (BELT, IN + END, "outflow that is no flow of its own"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(tmp_path: Path, conveyor: str, flows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stockflow.load(written(tmp_path, belt(conveyor, 1) + flows))


def test_belts_need_the_method_of_euler_and_no_macro(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="simulated by Euler's method alone, but the file asks for RK4"):
        stockflow.load(written(tmp_path, belt() + IN + END, "method='rk4'"))
    model = stockflow.load(written(tmp_path, belt() + IN + END))
    with pytest.raises(InputError, match="method is 'RK4', but conveyors, queues and ovens need Euler's"):
        model.run(method="RK4")
    macro = f"<macro name='f'><eqn>S</eqn><variables>{belt()}{IN}{END}</variables></macro>"
    with pytest.raises(InputError, match="conveyor in a macro"):
        stockflow.load(written(tmp_path, "<aux name='x'><eqn>f()</eqn></aux>", rest=macro))


def test_limits_that_limit_nothing_are_read(tmp_path: Path) -> None:
    parts = "<len>2</len><capacity>INF</capacity><in_limit>INF</in_limit><sample>1</sample><arrest>0</arrest>"
    path = written(tmp_path, belt(f"<conveyor>{parts}</conveyor>") + IN + END)
    assert stockflow.load(path).run()["o"].values[0] == 6


def test_a_belt_in_a_circle_is_no_loop_without_a_stock(tmp_path: Path) -> None:
    path = written(tmp_path, belt() + IN.replace("2+TIME", "o") + END)
    assert stockflow.load(path).run()["S"].values.tolist() == [12.0] * 9
    with pytest.raises(LoopError):
        stockflow.load(
            written(tmp_path, belt("") + IN.replace("2+TIME", "o") + END.replace("/>", "><eqn>i</eqn></flow>"))
        )


def test_a_flow_off_a_belt_may_be_given(tmp_path: Path) -> None:
    model = stockflow.load(written(tmp_path, belt() + IN + END)).with_series({"o": ([0.0, 4.0], [1.0, 1.0])})
    assert model.run()["o"].values.tolist() == [1.0] * 9


CONVEY = """
    flat( (0,1),(1,1) ) ~ Dmnl
    input= IF THEN ELSE(Time < 1.5, 4+Time, 0) ~ Dmnl
    stuff= 6 ~ Dmnl
    rate= {} ~ Dmnl
    out= DELAY CONVEYOR(input, 2, rate, flat, stuff, {}) ~ Dmnl
    ahead= total+TIME STEP*(input-out) ~ Dmnl
    leaking= ahead*rate ~ Dmnl
    total= INTEG(input-out-leaking, stuff) ~ Dmnl
"""


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_a_conveyor_of_vensim_lets_out_what_came_in_less_what_leaked(tmp_path: Path, method: str) -> None:
    run = loaded(tmp_path, CONVEY.format(0, 2), 0.5, save=0.5).run(method=method)
    assert run["out"].values.tolist()[:9] == [3, 3, 3, 3, 4, 4.5, 5, 0, 0]
    run = loaded(tmp_path, CONVEY.format(0.4, 1), 0.5, save=0.5).run(method=method)
    fast, slow = 6 * 0.8 ** np.arange(2), np.array([4, 4.5, 5]) * 0.8**4
    assert np.allclose(run["out"].values[:9], [*fast, 0, 0, *slow, 0, 0], rtol=1e-12)


def test_all_that_comes_onto_a_conveyor_of_vensim_leaves_or_leaks(tmp_path: Path) -> None:
    # the manual's own account of it
    run = loaded(tmp_path, CONVEY.format(0.4, 2)).run()
    assert abs(run["total"].values[-1]) < 1e-12 < run["leaking"].values[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("DELAY CONVEYOR(input, Time, 0, flat, 1, 2)", "whose times or leakage are not numbers of the file in 'y'"),
        ("DELAY CONVEYOR(input, 2, 9, flat, 1, 2)", "with a leakage of 9, below 0 or more than all of it in a step"),
        ("DELAY CONVEYOR(input, 2, 0, rising, 1, 2)", "with an initial profile that is not flat in 'y'"),
        ("DELAY CONVEYOR(input, 2, 0, 1, 1, 2)", "with an initial profile that is not flat in 'y'"),
        ("DELAY CONVEYOR(input, 1.7, 0, flat, 1, 2)", "transit time, 1.7, is no whole number of time steps"),
    ],
)
def test_what_of_a_conveyor_of_vensim_is_not_simulated_is_refused(tmp_path: Path, call: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        loaded(tmp_path, f"{CONVEY.format(0, 2)}\n rising( (0,0),(1,1) ) ~ Dmnl\n y= {call} ~ Dmnl")
    assert message in str(error.value)
