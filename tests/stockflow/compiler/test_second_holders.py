"""Simlin, an engine of other hands, lets conveyors, queues and limited flows hold and let go what stockflow does.

Where it means something else, the test says which rule holds.  It has no ovens.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from holders import written

import stockflow

pytest.importorskip("simlin", reason="the second engine is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")

CLOSE = 1e-9
LENGTHS = {"2": "two", "1+STEP(1.3,1)": "longer", "2-STEP(1.2,1)": "shorter", "1.5+SIN(TIME*4)": "moving"}
# belts of many slats
FINE = pytest.param(0.1, marks=pytest.mark.slow)
ARREST = "<arrest>IF TIME&gt;1 AND TIME&lt;2.2 THEN 1 ELSE 0</arrest>"
LIMITS = {
    "": "free",
    "<capacity>10</capacity>": "capacity",
    "<capacity>8+TIME</capacity>": "growing",
    "<in_limit>3</in_limit>": "limit",
    f"<capacity>9</capacity><in_limit>2.5</in_limit>{ARREST}": "all",
}
LEAKS = "<flow name='l'><eqn>0.25</eqn><leak/></flow><flow name='m'><leak>0.1</leak></flow>"
FLOW = "<flow name='i'><eqn>1+3*SIN(TIME*3)</eqn></flow><flow name='o'/>"
LINE = "<stock name='Q'><eqn>5</eqn><inflow>a</inflow><outflow>i</outflow>{}<queue/></stock><flow name='i'/>{}"
ARRIVE = "<flow name='a'><eqn>3+9*SIN(TIME*3)</eqn></flow><flow name='o'/>"


def belt(marks: str, parts: str, leaks: int = 0, start: str = "12", source: str = "<inflow>i</inflow>") -> str:
    outflows = "".join(f"<outflow>{name}</outflow>" for name in ("o", "l", "m")[: 1 + leaks])
    return f"<stock name='S'><eqn>{start}</eqn>{source}{outflows}<conveyor {marks}>{parts}</conveyor></stock>"


def apart(path: Path) -> dict[str, float]:
    """Return, by variable, how far the two engines are apart on a file, as a share of one more than its size."""
    import simlin

    run = {name.lower().replace(" ", "_"): one.values for name, one in stockflow.load(path).run().items()}
    other = simlin.load(path).run().results
    names = [name for name in other.columns if name not in {"dt", "initial_time", "final_time"}]
    assert names
    return {name: float(np.max(np.abs(run[name] - other[name]) / (1.0 + np.abs(other[name])))) for name in names}


@pytest.mark.parametrize("step", [0.5, FINE])
@pytest.mark.parametrize("length", LENGTHS, ids=LENGTHS.values())
@pytest.mark.parametrize("limits", LIMITS, ids=LIMITS.values())
def test_belts(tmp_path: Path, limits: str, length: str, step: float) -> None:
    for marks, leaks in (("", 0), ("", 2), ("exponential_leak='true'", 2)):
        variables = belt(marks, f"<len>{length}</len>{limits}", leaks) + FLOW + LEAKS * bool(leaks)
        found = apart(written(tmp_path, variables, step=step, stop=5))
        assert max(found.values()) < CLOSE, (marks, leaks, found)


@pytest.mark.parametrize("length", LENGTHS, ids=LENGTHS.values())
def test_exponential_leakage_that_varies(tmp_path: Path, length: str) -> None:
    for share in ("0.3+0.3*SIN(TIME*2)", "MAX(0,TIME-2)", "0.4-TIME/4"):
        for limits in ("", f"<capacity>9</capacity>{ARREST}"):
            variables = belt("exponential_leak='true'", f"<len>{length}</len>{limits}", 2) + FLOW + LEAKS
            found = apart(written(tmp_path, variables.replace("0.25", share), stop=5))
            assert max(found.values()) < CLOSE, (share, found)


@pytest.mark.parametrize("marks", ["", "exponential_leak='true'"])
@pytest.mark.parametrize("zones", [((0.0, 0.5), (0.0, 1.0)), ((0.25, 0.75), (0.5, 1.0)), ((0.3, 0.9), (0.0, 0.45))])
def test_leaks_in_parts_of_a_belt(tmp_path: Path, zones: tuple[tuple[float, float], ...], marks: str) -> None:
    leaks = LEAKS
    for name, (start, end) in zip("lm", zones, strict=True):
        leaks = leaks.replace(f"'{name}'", f"'{name}' leak_start='{start}' leak_end='{end}'")
    for limits, count in (("", 2), (f"<capacity>9</capacity>{ARREST}", 2), ("", 1)):
        variables = belt(marks, f"<len>2</len>{limits}", count) + FLOW
        variables += leaks if count == 2 else leaks.partition("<flow name='m'")[0]
        found = apart(written(tmp_path, variables, step=0.1, stop=5))
        assert max(found.values()) < CLOSE, found


@pytest.mark.parametrize("arrest", ["", "<arrest>IF TIME=2 THEN 1 ELSE 0</arrest>"])
def test_a_transit_time_that_is_sampled_now_and_then(tmp_path: Path, arrest: str) -> None:
    parts = f"<len>1.5+SIN(TIME*4)</len><sample>IF INT(TIME)=TIME THEN 1 ELSE 0</sample>{arrest}"
    found = apart(written(tmp_path, belt("", parts) + FLOW, stop=6))
    assert max(found.values()) < CLOSE, found


def test_inflows_are_let_in_by_their_order_and_belts_after_belts_are_not_held_back(tmp_path: Path) -> None:
    source = "<inflow>i</inflow><inflow>j</inflow><inflow>e</inflow>"
    first = "<stock name='B'><eqn>6</eqn><outflow>e</outflow><conveyor><len>1</len></conveyor></stock><flow name='e'/>"
    extra = "<flow name='j'><eqn>2</eqn></flow>"
    variables = first + belt("", "<len>2</len><capacity>15</capacity>", source=source) + FLOW + extra
    found = apart(written(tmp_path, variables, stop=6))
    assert max(found.values()) < CLOSE, found


QUEUED = ["<capacity>8</capacity>", "<in_limit>5</in_limit>", f"<capacity>7+2*SIN(TIME)</capacity>{ARREST}", ""]
MARKS = ["", "one_at_a_time='false'", "batch_integrity='true'"]


@pytest.mark.parametrize("step", [0.5, pytest.param(1, marks=pytest.mark.slow), FINE])
@pytest.mark.parametrize("overflow", [False, True])
def test_queues_before_belts(tmp_path: Path, step: float, overflow: bool) -> None:
    line = LINE.format(*(("<outflow>v</outflow>", "<flow name='v'><overflow/></flow>") if overflow else ("", "")))
    for marks, limits in itertools.product(MARKS, QUEUED):
        variables = line + belt(f"discrete='true' {marks}", f"<len>2</len>{limits}", start="0") + ARRIVE
        found = apart(written(tmp_path, variables, step=step, stop=6))
        assert max(found.values()) < CLOSE, (marks, limits, found)


def test_what_rounding_leaves_of_a_limit_lets_nothing_in(tmp_path: Path) -> None:
    # 6 a year in steps of 0.1 use up a limit of 5 a year but for 1e-15, of which simlin makes a batch of its own: there
    # the next step then brings what is left of the first batch alone.  The limit is used up: the batches stay whole.
    variables = LINE.format("", "") + belt("discrete='true'", "<len>2</len><in_limit>5</in_limit>", start="0")
    steady = ARRIVE.replace("3+9*SIN(TIME*3)", "6")
    path = written(tmp_path, variables + steady, step=0.1, stop=6)
    entered = stockflow.load(path).run()["i"].values
    assert set(np.round(entered[10:], 9)) <= {0.0, 2.0, 4.0, 6.0} and entered[39] == 0.0 and entered[40] == 6.0
    assert apart(path)["i"] > 0.5


def test_queues_that_nothing_holds_back_and_flows_that_are_not_negative(tmp_path: Path) -> None:
    # simlin reads past non_negative: it gets the rules of the standard written out as equations
    text = (
        "<stock name='R'><eqn>4</eqn><outflow>a</outflow>{stock}</stock>"
        "<stock name='Q'><eqn>5</eqn><inflow>a</inflow><outflow>i</outflow><outflow>j</outflow><queue/></stock>"
        "<stock name='T'><eqn>0</eqn><inflow>i</inflow><outflow>k</outflow></stock>"
        "<flow name='a'><eqn>{a}</eqn></flow><flow name='i'/><flow name='j'><overflow/></flow>"
        "<flow name='k'><eqn>{k}</eqn>{flow}</flow>"
    )
    mark = "<non_negative/>"
    for step in (0.5, 0.1):
        marked = text.format(stock=mark, flow=mark, a="3*SIN(TIME)", k="TIME-2")
        ours = stockflow.load(written(tmp_path, marked, step=step)).run()
        spelled = text.format(stock="", flow="", a="MAX(0, MIN(3*SIN(TIME), R/DT))", k="MAX(TIME-2, 0)")
        path = written(tmp_path, spelled, step=step)
        assert max(apart(path).values()) < CLOSE
        theirs = stockflow.load(path).run()
        assert all(np.allclose(ours[name], theirs[name], rtol=CLOSE, atol=1e-12) for name in ("R", "Q", "T", "a", "k"))
        assert ours["R"].values.min() > -1e-12 and not ours["Q"].values[1:].any()


def test_a_belt_in_a_module_is_that_of_a_file_without_modules(tmp_path: Path) -> None:
    # simlin has belts in the whole model alone
    parts = "<len>{}</len><capacity>9</capacity>"
    inner = (
        f"<model name='m'><variables>{belt('', parts.format('wait'))}{FLOW}"
        "<aux name='wait' access='input'><eqn>1</eqn></aux></variables></model>"
    )
    outer = "<module name='m'><connect to='wait' from='long'/></module><aux name='long'><eqn>1.5</eqn></aux>"
    ours = stockflow.load(written(tmp_path, outer, rest=inner)).run()
    path = written(tmp_path, belt("", parts.format("1.5")) + FLOW)
    alone = stockflow.load(path).run()
    assert max(apart(path).values()) < CLOSE
    assert all(np.array_equal(ours[f"m.{name}"], alone[name]) for name in ("S", "i", "o"))
