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
# of zones, how much of each of four places they cover
COVERED = {
    ((0.3, 0.31),): [[0, 0.04, 0, 0]],
    ((0.2, 0.45),): [[0.2, 0.8, 0, 0]],
    ((0.0, 0.4), (0.4, 1.0)): [[1, 0.6, 0, 0], [0, 0.4, 1, 1]],
}
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
        ("<conveyor><len>0</len></conveyor>", IN + END + LEAK, "transit time of 0, which must be above 0 and at most"),
        ("<conveyor><len>1/0</len></conveyor>", IN + END + LEAK, "transit time of inf, which must be above 0"),
        ("<conveyor><len>inf</len></conveyor>", IN + END + LEAK, "transit time of inf, which must be above 0"),
        (
            "<conveyor><len>1e308</len></conveyor>",
            IN + END + LEAK,
            r"time of 1e\+308, .* at most 1000000 time steps, in 'S'",
        ),
        (
            "<conveyor><len>0.5*TIME</len><capacity/></conveyor>",
            IN + END + LEAK.replace("0.25", "TIME"),
            "fraction is not",
        ),
        ("<conveyor isee:fifo='true'><len>2</len></conveyor>", IN + END + LEAK, "conveyor with fifo in 'S'"),
        (BELT, IN + END, "outflow that is no flow of its own"),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(tmp_path: Path, conveyor: str, flows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stockflow.load(written(tmp_path, belt(conveyor, 1) + flows))


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ("<len>1.8</len>", "a transit time of 1.8, no whole number of time steps: 2 is taken"),
        ("<len>1.8</len><arrest>TIME-TIME</arrest>", "a transit time of 1.8, no whole number of time steps: 2 is"),
        ("<len>0.1</len>", "a transit time of 0.1, no whole number of time steps: 0.5 is"),
    ],
)
def test_a_time_of_no_whole_number_of_steps_is_taken_to_the_nearest(tmp_path: Path, parts: str, taken: str) -> None:
    with pytest.warns(ReadingWarning, match=rf"'S' \(line 1\) has {taken}"):
        run = stockflow.load(written(tmp_path, belt(f"<conveyor>{parts}</conveyor>") + IN + END)).run()
    length = "0.5" if "0.1" in parts else "2"
    whole = stockflow.load(written(tmp_path, belt(BELT.replace("2", length)) + IN + END)).run()
    assert np.array_equal(run["o"].values, whole["o"].values)


def zoned(fraction: float, *zones: tuple[float, float]) -> str:
    return "".join(
        f"<flow name='{name}' leak_start='{start}' leak_end='{end}'><leak>{fraction}</leak></flow>"
        for name, (start, end) in zip("lm", zones, strict=False)
    )


@pytest.mark.parametrize("mark", ["", "exponential_leak='true'"])
def test_a_zone_leaks_from_each_place_as_much_of_it_as_it_covers(tmp_path: Path, mark: str) -> None:
    conveyor = BELT.replace("<conveyor>", f"<conveyor {mark}>")
    # of a belt of four places: one within a place, one over two places, and two that touch in a place
    for zones in (((0.3, 0.31),), ((0.2, 0.45),), ((0.0, 0.4), (0.4, 1.0))):
        flows = IN.replace("2+TIME", "4") + END + zoned(0.4, *zones)
        run = stockflow.load(written(tmp_path, belt(conveyor, len(zones)) + flows, stop=9)).run()
        left = 0.6 ** len(zones)
        if mark:
            left = np.prod([1 - 0.2 * sum(one[place] for one in COVERED[zones]) for place in range(4)])
        assert np.isclose(run["o"].values[-1], 4 * left, rtol=1e-12)
        lost = sum(run[name].values[-1] for name in "lm"[: len(zones)])
        assert np.isclose(lost, 4 * (1 - left), rtol=1e-12)


def test_zones_that_lie_apart_may_leak_more_than_all_together(tmp_path: Path) -> None:
    flows = IN.replace("2+TIME", "4") + END
    path = written(tmp_path, belt(leaks=2) + flows + zoned(0.7, (0.0, 0.5), (0.5, 1.0)), stop=9)
    assert np.isclose(stockflow.load(path).run()["o"].values[-1], 4 * 0.3 * 0.3, rtol=1e-12)
    with pytest.raises(InputError, match="leakage fractions are more than all of what is on a part of it in 'S'"):
        stockflow.load(written(tmp_path, belt(leaks=2) + flows + zoned(0.9, (0.0, 0.5), (0.0, 0.6))))


@pytest.mark.parametrize(
    "parts",
    [
        "<len>IF TIME=1 THEN 0/0 ELSE 1</len>",
        "<len>IF TIME=1 THEN 1/0 ELSE 1</len>",
        "<len>IF TIME=1 THEN -1 ELSE 1</len>",
        "<len>2</len><arrest>IF TIME=1 THEN 0/0 ELSE 0</arrest>",
        "<len>1+0*TIME</len><sample>IF TIME=1 THEN 0/0 ELSE 1</sample>",
        "<len>2</len><capacity>IF TIME=1 THEN 0/0 ELSE 9</capacity>",
    ],
)
def test_what_is_put_nowhere_is_no_number(tmp_path: Path, parts: str) -> None:
    run = stockflow.load(written(tmp_path, belt(f"<conveyor>{parts}</conveyor>") + IN + END)).run()
    assert np.isfinite(run["S"].values[:3]).all() and np.isnan(run["S"].values[4:]).all()


@pytest.mark.parametrize("step", ["0", "-1"])
def test_belts_and_ovens_of_no_time_step_are_refused(tmp_path: Path, step: str) -> None:
    for stock in (
        belt(),
        belt("<conveyor><len>TIME</len></conveyor>"),
        belt("<oven><len>1</len><fill_time>1</fill_time></oven>"),
    ):
        path = written(tmp_path, stock + IN + END)
        path.write_text(path.read_text("utf-8").replace("<dt>0.5<", f"<dt>{step}<"), "utf-8")
        with pytest.raises(InputError):
            stockflow.load(path)


def test_a_belt_that_varies_holds_what_leaves_it_at_the_last_moment(tmp_path: Path) -> None:
    # the run ends with the step that reaches FINAL TIME
    varying, fixed = (
        stockflow.load(written(tmp_path, belt(f"<conveyor><len>{length}</len></conveyor>") + IN + END, stop=4.2)).run()
        for length in ("4.5+0*TIME", "4.5")
    )
    assert fixed["o"].values[-1] == 2.0
    assert np.allclose(varying["o"].values, fixed["o"].values, rtol=1e-12)


def test_hidden_places_count_as_the_operations_that_they_are(tmp_path: Path) -> None:
    dimension = "<dimensions><dim name='e'/></dimensions>"
    many = "<dim name='e' size='70'/></dimensions>"
    one = belt("<conveyor><len>1+TIME</len></conveyor>").replace("<eqn>12</eqn>", f"{dimension}<eqn>12</eqn>")
    flows = IN.replace("<eqn>", f"{dimension}<eqn>") + END.replace("/>", f">{dimension}</flow>")
    path = written(tmp_path, one + flows, step=0.005)
    path.write_text(path.read_text("utf-8").replace("</dimensions>", many, 1), "utf-8")
    with pytest.raises(InputError, match="more than 3000000 operations"):
        stockflow.load(path)


def test_belts_need_the_method_of_euler(tmp_path: Path) -> None:
    model = stockflow.load(written(tmp_path, belt() + IN + END))
    with pytest.raises(InputError, match="method is 'RK4', but conveyors, queues and ovens need Euler's"):
        model.run(method="RK4")


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
        ("DELAY CONVEYOR(input, 2, 9, flat, 1, 2)", "with a leakage of 9, below 0 or more than all of it in a step"),
        (
            "DELAY CONVEYOR(input, 2, 0, 1, 1, 2)",
            "whose initial profile is no table, or is below 0 or nothing but 0 in 'y'",
        ),
        ("DELAY CONVEYOR(input, 1/0, 0, flat, 1, 2)", "conveyance time of inf, which must be above 0 and at most"),
        ("DELAY CONVEYOR(input, 2, 0, flat, 1, 0)", "initial conveyance time of 0, which must be above 0 and at most"),
    ],
)
def test_what_of_a_conveyor_of_vensim_is_not_simulated_is_refused(tmp_path: Path, call: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        loaded(tmp_path, f"{CONVEY.format(0, 2)}\n y= {call} ~ Dmnl")
    assert message in str(error.value)
