"""Queues of XMILE, and ovens: what leaves them and when, by hand; what of them is not simulated is refused by name."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from holders import written
from stockflow_helpers import MODELS

import stockflow
from stockflow import InputError
from stockflow.errors import ReadingWarning

pytestmark = pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
QUEUE = (
    "<stock name='S'><eqn>3</eqn><inflow>i</inflow><outflow>o</outflow><outflow>p</outflow><queue/></stock>"
    "<flow name='i'><eqn>TIME-1</eqn></flow><flow name='o'/><flow name='p'><eqn>9</eqn><overflow/></flow>"
)
LINE = "<stock name='Q'><eqn>0</eqn><inflow>a</inflow><outflow>i</outflow><queue/></stock>"
FLOWS = "<flow name='a'><eqn>2</eqn></flow><flow name='i'/><flow name='o'/>"
ENTER = "<flow name='i'><eqn>2</eqn></flow><flow name='o'/>"


def oven(parts: str, marks: str = "", start: str = "0", kind: str = "oven") -> str:
    flows = "<inflow>i</inflow><outflow>o</outflow>"
    return f"<stock name='S'><eqn>{start}</eqn>{flows}<{kind} {marks}>{parts}</{kind}></stock>"


def yearly(folder: Path, variables: str) -> Path:
    return written(folder, variables, step=1, stop=9)


def test_a_queue_that_nothing_holds_back_is_empty_after_every_step(tmp_path: Path) -> None:
    further = "<stock name='T'><eqn>1</eqn><inflow>o</inflow><outflow>q</outflow><queue/></stock><flow name='q'/>"
    with pytest.warns(ReadingWarning, match="has a queue"):
        model = stockflow.load(written(tmp_path, QUEUE + further))
    run = model.run()
    assert run["o"].values.tolist() == [6, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert run["q"].values.tolist() == [8, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert run["S"].values.tolist() == [3, *[0] * 8] and run["T"].values.tolist() == [1, *[0] * 8]
    assert not run["p"].values.any()
    with pytest.raises(InputError, match="but conveyors, queues and ovens need Euler's"):
        model.run(method="RK4")


def test_an_emptied_queue_holds_exactly_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, QUEUE.replace("TIME-1", "0.1+0.7*SIN(3*TIME)^2"), step=0.1)
    run = stockflow.load(path).run()
    assert run["S"].values[0] == 3 and not run["S"].values[1:].any()
    given = stockflow.load(path).with_series({"o": ([0.0, 4.0], [0.0, 0.0])}).run()
    assert np.isclose(given["S"].values[-1], 3 + 0.1 * run["i"].values[:-1].sum())


@pytest.mark.parametrize("start", ["-3", "-0.3e1", "below"])
@pytest.mark.parametrize("kind", ["queue", "conveyor", "oven"])
def test_nothing_holds_less_than_nothing_at_first(tmp_path: Path, kind: str, start: str) -> None:
    parts = {"queue": "", "conveyor": "<len>2</len>", "oven": "<len>1</len><capacity>9</capacity>"}[kind]
    variables = oven(parts, start=start, kind=kind) + ENTER + "<aux name='below'><eqn>-3</eqn></aux>"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run = stockflow.load(yearly(tmp_path, variables)).run()
    words = f"stock 'S' (line 1) holds {start} at first, but a {kind} holds no less than nothing: 0 is taken"
    assert any(words in str(one.message) for one in told) == (start != "below")
    assert run["S"].values[0] == 0 and run["o"].values.min() >= 0


def test_an_oven_fills_cooks_and_lets_all_out_at_once(tmp_path: Path) -> None:
    with pytest.warns(ReadingWarning, match="has an oven"):
        model = stockflow.load(yearly(tmp_path, oven("<cook_time>2</cook_time><capacity>3</capacity>") + ENTER))
    run = model.run()
    assert run["S"].values.tolist() == [0, 2, 3, 3, 3, 2, 3, 3, 3, 2]
    assert run["i"].values.tolist() == [2, 1, 0, 0, 2, 1, 0, 0, 2, 1]
    assert run["o"].values.tolist() == [0, 0, 0, 0, 3, 0, 0, 0, 3, 0]
    with pytest.raises(InputError, match="need Euler's"):
        model.run(method="RK4")


@pytest.mark.parametrize(
    ("parts", "start", "enters", "holds", "leaves"),
    [
        # cleaned for a year from the end of cooking on
        (
            "<cook_time>2</cook_time><capacity>3</capacity><clean_time>1</clean_time>",
            *("0", "2", [0, 2, 3, 3, 3, 0, 2, 3, 3, 3], [0, 0, 0, 0, 3, 0, 0, 0, 0, 3]),
        ),
        # open for three years from when something comes in
        (
            "<len>2</len><fill_time>3</fill_time>",
            *("0", "IF TIME=1 OR TIME=2 OR TIME=8 THEN 2 ELSE 0", [0, 0, 2, 4, 4, 4, 4, 0, 0, 2]),
            [0, 0, 0, 0, 0, 0, 4, 0, 0, 0],
        ),
        # full at first; arrested for a year
        (
            "<cook_time>1.2</cook_time><capacity>3</capacity><arrest>IF TIME=2 THEN 1 ELSE 0</arrest>",
            *("4", "2", [4, 4, 2, 2, 3, 3, 2, 3, 3, 2], [0, 4, 0, 0, 0, 3, 0, 0, 3, 0]),
        ),
        # a cook time of no whole step; full before the time for filling is over
        (
            "<cook_time>0.4</cook_time><capacity>4</capacity><fill_time>3</fill_time>",
            *(
                "0",
                "IF TIME&lt;3 THEN 2 ELSE 0.5",
                [0, 2, 4, 2, 2.5, 3, 0.5, 1, 1.5, 0.5],
                [0, 0, 4, 0, 0, 3, 0, 0, 1.5, 0],
            ),
        ),
    ],
)
def test_times_of_an_oven(
    tmp_path: Path, parts: str, start: str, enters: str, holds: list[float], leaves: list[float]
) -> None:
    run = stockflow.load(yearly(tmp_path, oven(parts, start=start) + ENTER.replace(">2<", f">{enters}<"))).run()
    assert run["S"].values.tolist() == holds and run["o"].values.tolist() == leaves
    assert np.allclose(np.diff(run["S"].values), (run["i"].values - run["o"].values)[:-1])


def test_an_oven_is_full_whatever_the_rounding_of_steps(tmp_path: Path) -> None:
    baked = oven("<cook_time>0.5</cook_time><capacity>1</capacity>") + ENTER.replace(">2<", ">1<")
    path = written(tmp_path, baked, step=0.1)
    run = stockflow.load(path).run()
    assert np.flatnonzero(run["o"].values).tolist() == [15, 30]
    assert np.allclose(run["o"].values[[15, 30]], 10.0) and np.isclose(run["S"].values[16], 0.1)


def test_what_an_oven_does_not_let_in_stays_where_it_was(tmp_path: Path) -> None:
    source = "<stock name='R'><eqn>3.5</eqn><outflow>i</outflow>{}</stock>"
    baked = oven("<cook_time>2</cook_time><capacity>3</capacity>") + ENTER
    run = stockflow.load(yearly(tmp_path, source.format("<non_negative/>") + baked)).run()
    assert run["R"].values.tolist() == [3.5, 1.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0]
    assert run["S"].values.tolist() == [0, 2, 3, 3, 3, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert stockflow.load(yearly(tmp_path, source.format("") + baked)).run()["R"].values[4] == 0.5


@pytest.mark.parametrize(
    ("marks", "waits", "holds"),
    [
        ("", [0, 0, 0, 1, 3, 5, 6, 6, 6, 8], [0, 2, 4, 5, 5, 5, 1, 3, 5, 5]),
        ("one_at_a_time='false'", [0, 0, 0, 1, 3, 5, 2, 4, 6, 3], [0, 2, 4, 5, 5, 5, 5, 5, 5, 5]),
    ],
)
def test_a_queue_waits_for_an_oven(tmp_path: Path, marks: str, waits: list[float], holds: list[float]) -> None:
    parts = "<cook_time>2</cook_time><capacity>5</capacity>"
    run = stockflow.load(yearly(tmp_path, LINE + oven(parts, marks) + FLOWS)).run()
    assert run["Q"].values.tolist() == waits and run["S"].values.tolist() == holds
    other = stockflow.load(yearly(tmp_path, LINE + oven(parts, marks, kind="isee:oven") + FLOWS)).run()
    assert other["S"].values.tolist() == holds


def test_every_inflow_of_a_queue_brings_a_batch_of_its_own_in_their_order(tmp_path: Path) -> None:
    # the second brings nothing in its second year
    line = LINE.replace("<inflow>a</inflow>", "<inflow>a</inflow><inflow>b</inflow>")
    second = "<flow name='b'><eqn>IF TIME=1 THEN 0 ELSE 1</eqn></flow>"
    belt = oven("<len>1</len><in_limit>3</in_limit>", "discrete='true'", kind="conveyor")
    run = stockflow.load(yearly(tmp_path, line + belt + FLOWS + second)).run()
    assert run["i"].values.tolist() == [2, 1, 2, 2, 1, 2, 1, 2, 1, 2]
    assert run["Q"].values.tolist() == [0, 1, 2, 3, 4, 6, 7, 9, 10, 12]


BEFORE = "<stock name='B'><eqn>0</eqn><inflow>o</inflow><outflow>e</outflow>{}</stock><flow name='e'/>"


@pytest.mark.parametrize(
    ("stock", "message"),
    [
        ("<stock name='B'><eqn>1</eqn><queue/><oven/></stock>", "oven and queue, which is not simulated"),
        ("<stock name='B'><eqn>1</eqn><outflow>o</outflow><queue/></stock>", "outflow that is no flow of its own"),
        (BEFORE.format("<oven split='yes'><len>2</len><fill_time>1</fill_time></oven>"), "oven with split in 'B'"),
        (
            BEFORE.format("<oven><len>TIME</len><fill_time>1</fill_time></oven>").replace("<inflow>o</inflow>", ""),
            "oven whose cook time is not a number of the file in 'B' (line 1)",
        ),
        (
            BEFORE.format("<oven><len>1e308</len><fill_time>1</fill_time></oven>").replace("<inflow>o</inflow>", ""),
            "cook time of 1e+308, which must be 0 or more and at most 1000000 time steps, in 'B' (line 1)",
        ),
        (
            BEFORE.format("<oven><len>-1</len><fill_time>1</fill_time></oven>").replace("<inflow>o</inflow>", ""),
            "cook time of -1, which must be 0 or more and at most 1000000 time steps, in 'B' (line 1)",
        ),
    ],
)
def test_what_is_not_simulated_is_refused_by_name(tmp_path: Path, stock: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        stockflow.load(written(tmp_path, QUEUE + stock))
    assert message in str(error.value)


def test_a_plant_keeps_what_it_has_and_its_units_balance() -> None:
    model = stockflow.load(MODELS / "held" / "plant.xmile")
    assert model.unbalanced() == []
    run = model.run()
    held = sum(run[name].values for name in ("yard", "kiln", "cart", "line", "racks", "belt"))
    gained = run["arriving"] + run["bought"] - run["sold at once"] - run["broken"] - run["sent"]
    assert np.allclose(held[1:], held[0] + 0.25 * np.cumsum(gained.values)[:-1], rtol=1e-12)
    assert run["line"].values.max() <= 7.2 * (1 + 1e-9) and run["sold at once"].values.any()
    orders = np.array([4.0, 6.5])
    batch = model.runs({"orders": orders}, outputs=["sent"]).dataset()["sent"].values
    for place, value in enumerate(orders):
        alone = model.with_constants({"orders": value}).run()["sent"].values
        assert np.array_equal(batch[place], alone)


def test_elements_of_an_array_have_queues_and_ovens_of_their_own(tmp_path: Path) -> None:
    line = LINE + oven("<cook_time>2</cook_time><capacity>{}</capacity>") + FLOWS
    dimension = "<dimensions><dim name='d'/></dimensions>"
    each = line.replace("'>", f"'>{dimension}").replace("<flow name='i'/>", f"<flow name='i'>{dimension}</flow>")
    each = each.replace("<flow name='o'/>", f"<flow name='o'>{dimension}</flow>").format("2+d")
    run = stockflow.load(yearly(tmp_path, each)).run()
    for name, capacity in (("a", 3), ("b", 4)):
        alone = stockflow.load(yearly(tmp_path, line.format(capacity))).run()
        assert all(np.array_equal(run[f"{one}[{name}]"], alone[one]) for one in ("Q", "S", "i", "o"))
    assert run["o[a]"].values.tolist() != run["o[b]"].values.tolist()


def test_a_run_of_single_batches_is_as_long_as_the_file_says(tmp_path: Path) -> None:
    variables = LINE + oven("<cook_time>2</cook_time><capacity>5</capacity>") + FLOWS
    model = stockflow.load(yearly(tmp_path, variables))
    whole, part = model.run(), model.run(until=5)
    assert all(np.array_equal(part[name].values, whole[name].values[:6]) for name in ("Q", "S", "o"))
    with pytest.raises(InputError, match="until is 10, but must be after 0 and no later than 9"):
        model.run(until=10)
    with pytest.raises(
        InputError, match=r"queue of single batches in a run that may bring more than 999 of them in 'Q'"
    ):
        stockflow.load(written(tmp_path, variables, step=0.001))
