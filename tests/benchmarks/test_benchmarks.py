"""The engines that stockflow is timed beside compute the same, and what is reported follows from what is timed."""

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_helpers import NODE, needs_node
from stockflow_helpers import MODELS, loaded

import stockflow
from benchmarks import page, reading, table
from benchmarks.engine import compared, distance, timings
from benchmarks.engines import Engine, Startup
from benchmarks.machine import Cost, cost
from benchmarks.reductions import Reduced, million, reductions
from benchmarks.scalar_c import ScalarC, script
from benchmarks.table import Result, Row, Timing
from stockflow.language import source

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
INPUTS = ("growth rate", "elasticity", "base size")


@pytest.fixture(scope="module")
def simulator() -> stockflow.Simulator:
    model = stockflow.load(MODELS / "constructs.mdl")
    return model.simulator(INPUTS, [name for name, one in model.variables.items() if one.kind != "lookup"])


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return np.random.default_rng(3).uniform([0.1, -1.0, 0.2], [0.5, 2.0, 0.9], (21, 3))


def test_a_browser_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(name: str, case: str, page: object, moves: int) -> tuple[str, ...]:
        if name == "webkit":
            raise TimeoutError("timed out")
        return (name, case, *["1"] * 5)

    monkeypatch.setattr(page, "lacking", {"firefox": "not installed"}.get)
    monkeypatch.setattr(page, "in_browser", slow)
    rows = page.in_all_browsers({"nev": None, "pv": None}, 1)  # type: ignore[dict-item]
    assert [row[:3] for row in rows[:2]] == [("chromium", "nev", "1"), ("chromium", "pv", "1")]
    assert [row[:3] for row in rows[2:]] == [("webkit", one, "not measured: timed out") for one in ("nev", "pv")]
    assert {len(row) for row in rows} == {7}


def same(simulator: stockflow.Simulator, results: np.ndarray, expected: np.ndarray) -> None:
    for place, name in enumerate(simulator.outputs):
        size = np.nanmax(np.abs(np.where(np.isfinite(expected[..., place]), expected[..., place], 0.0)))
        np.testing.assert_allclose(
            results[..., place], expected[..., place], rtol=0, atol=1e-9 * (size or 1.0), err_msg=name
        )


@needs_gcc
@pytest.mark.parametrize("threads", [1, 2])
def test_scalar_c_computes_every_construct_as_stockflow_does(simulator, values, threads) -> None:
    same(simulator, ScalarC(simulator.task.plan())(values, threads), simulator(values))


@needs_node
def test_plain_javascript_computes_every_construct_as_stockflow_does(simulator, values, tmp_path) -> None:
    plan, expected = simulator.task.plan(), simulator(values)
    sizes = f"{len(plan.clock.times)}, 0, {len(values)}"
    (tmp_path / "run.js").write_text(
        f"{script(plan)} const fs = require('fs'), doubles = (name) => new Float64Array("
        "new Uint8Array(fs.readFileSync(process.argv[2] + '/' + name)).buffer);"
        f" const out = new Float64Array({expected.size}), saved = fs.readFileSync(process.argv[2] + '/saved');"
        f" simulate(doubles('values'), out, doubles('table'), saved, {sizes});"
        " fs.writeFileSync(process.argv[2] + '/out', out);"
    )
    for name, array in (("values", values), ("table", plan.table), ("saved", plan.clock.saved.astype(np.uint8))):
        (tmp_path / name).write_bytes(np.ascontiguousarray(array).tobytes())
    assert NODE is not None
    subprocess.run([NODE, tmp_path / "run.js", tmp_path], check=True, timeout=60)
    same(simulator, np.fromfile(tmp_path / "out").reshape(expected.shape), expected)


def test_a_plan_with_open_tables_or_other_steps_than_eulers_is_refused(simulator) -> None:
    for plan in (replace(simulator.task.plan(), method="RK4"), replace(simulator.task.plan(), points=3)):
        with pytest.raises(ValueError, match="plain engine"):
            ScalarC(plan)


def test_an_engine_that_computes_something_else_is_not_timed() -> None:
    right, wrong = (Engine(name, lambda values, f=f: values[:, None] * f, 0.0, 0.0) for name, f in (("a", 1), ("b", 2)))
    with pytest.raises(ArithmeticError, match="b differs from a by 1"):
        compared([right, wrong], np.ones((3, 1)))
    assert compared([right, right], np.ones((3, 1))) == [0.0, 0.0]


def test_runs_that_leave_the_finite_numbers_together_are_alike() -> None:
    one, other = np.ones((1, 3, 1)), np.full((1, 3, 1), 2.0)
    assert distance(one, other) == 0.5
    one[0, 2], other[0, 2] = np.nan, np.inf
    assert distance(one, other) == 0.5
    other[0, 2] = 2.0
    assert distance(one, other) == np.inf


def test_a_batch_beyond_patience_is_reckoned_from_a_smaller_one() -> None:
    calls = []
    before = [Timing(10, (Cost(0.5, 0.5, 0), Cost(0.4, 0.3, 0)))]
    engine = Engine("slow", lambda values: calls.append(len(values)) or values, 0.0, 0.0, steady=True)
    (reckoned,) = timings([engine], np.ones((1000, 1)), before, rounds=3, patience=10.0)
    assert reckoned.reckoned and reckoned.best == pytest.approx(40.0) and not calls
    (timed,) = timings([engine], np.ones((100, 1)), before, rounds=3, patience=10.0)
    assert not timed.reckoned and len(timed.costs) == 3 and calls == [100, 100, 100]


def test_memory_is_what_a_call_needed_at_its_peak() -> None:
    megabytes = 64
    memory = cost(lambda: np.ones((megabytes, 2**17))).memory
    if memory is None:
        pytest.skip("this system does not count peak memory")
    assert 0.9 * megabytes < memory / 2**20 < 1.5 * megabytes


def result(ours: float, scalar: float) -> Result:
    rates = {"stockflow, 1 thread": ours / 2, table.OURS: ours, "scalar C, 2 threads": scalar, "PySD": 1.0}
    rows = tuple(
        Row(name, 0.1, 0.2, 0.0, (Timing(100, (Cost(100 / rate, 100 / rate, 0),)),)) for name, rate in rates.items()
    )
    reduced = Reduced({"outputs stored": 50.0, "payoff": 40.0}, 39.0, 12, 70, 2.5, 0.7, 0.3)
    return Result("pv", 10, rows, Startup(1.0, 0.2, False), reduced)


def test_targets_are_met_or_missed_by_what_was_measured() -> None:
    met, missed = table.targets([result(16_000, 2000)]), table.targets([result(14_000, 4000)])
    said = [[line.split("|")[-2].strip() for line in lines[4:10]] for lines in (met, missed)]
    assert said[0] == ["met", "met", "met", "missed", "met", "missed"]
    assert said[1] == ["missed", "missed", "met", "missed", "met", "missed"]


def test_a_row_says_how_many_times_as_fast_as_the_others_it_is() -> None:
    line = next(line for line in table.speeds(result(16_000, 2000)) if line.startswith(f"| {table.OURS}"))
    assert [cell.strip() for cell in line.split("|")][5:8] == ["16,000", "16,000", "8"]


def test_every_way_to_reduce_runs_is_measured(tmp_path: Path) -> None:
    model = loaded(tmp_path, "A= INTEG(A*rate*part, 1) ~ x\nrate= 0.1 ~ x\npart= 1 ~ x", step=0.125, final=20.0)
    values = np.random.default_rng(1).uniform(0.1, 0.2, (400, 2))
    found = reductions(model, ("rate", "part"), ("A",), values, rounds=1)
    assert list(found.work) == ["outputs stored", "payoff", "quantiles"]
    assert all(0 < one < 1e6 for one in (*found.work.values(), found.gradient, found.chain, found.single))
    assert (found.inputs, found.terms) == (2, 14)
    assert 0 < found.equations < 1e6


def test_a_payoff_is_faster_by_what_storing_costs() -> None:
    lines = table.reduced([result(16_000, 2000)])
    assert [cell.strip() for cell in lines[4].split("|")][2:8] == ["50.0", "40.0", "39.0", "25.0 %", "2.50", "0.70"]
    assert "98 % of it or more" in " ".join(lines)


def test_memory_of_very_many_runs_does_not_grow_with_them(tmp_path: Path) -> None:
    model = loaded(tmp_path, "A= INTEG(A*rate, 1) ~ x\nrate= 0.1 ~ x", step=0.125, final=20.0)
    values = np.random.default_rng(1).uniform(0.1, 0.2, (200_000, 1))
    found = million("small", model, ("rate",), ("A",), values)
    assert (found.runs, found.outputs, found.times, found.stored) == (200_000, 1, 21, 200_000 * 21 * 8)
    if found.memory is None:
        pytest.skip("this system does not count peak memory")
    assert found.memory < 0.5 * found.stored
    assert "200,000 runs of small" in table.million(found)[2]


def test_reading_is_measured_beside_the_others(monkeypatch, capsys) -> None:
    monkeypatch.setattr(reading, "_ROUNDS", 1)
    monkeypatch.setattr(reading, "_MODELS", Path(reading.__file__).parents[1] / "stockflow" / "examples")
    reading.main([str(Path(reading.__file__).parents[1])])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| model | before, ms | stockflow, ms | PySD, ms |")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| commodity", "| epidemic", "| population"]


def work(kind: str, scalars: int, folder: Path) -> int:
    """Return how many functions, and steps of generators, are entered while a generated model is read."""
    path, entered = reading.written(kind, scalars, folder), Counter[str]()
    sys.setprofile(lambda frame, event, argument: entered.update((event,)))
    try:
        source.equations(source.read(path))
    finally:
        sys.setprofile(None)
    return entered["call"]


@pytest.mark.parametrize("kind", reading.KINDS)
def test_reading_takes_work_in_proportion_to_the_number_of_scalars(kind: str, tmp_path: Path) -> None:
    work(kind, 200, tmp_path)  # what is imported first is no part of reading
    few, many = (work(kind, scalars, tmp_path) for scalars in (500, 2000))
    assert many < 4.5 * few
