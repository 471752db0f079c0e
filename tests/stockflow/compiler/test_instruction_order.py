"""The order of instructions changes how fast a step is, never what it computes."""

import re

import numpy as np
import pytest
from stockflow_helpers import MODELS

import stockflow
from stockflow.compiler import assembly
from stockflow.compiler.instruction_order import reordered, waiting
from stockflow.compiler.llvm import generate, load, vector_width

LINES = [
    "  %a = fadd <8 x double> %x, %y",
    "  %b = fadd <8 x double> %a, %y",
    "  %slow = fdiv <8 x double> %x, %y",
    "  %slower = fdiv <8 x double> %slow, %y",
    "  %end = fadd <8 x double> %slower, %b",
]


def test_what_most_has_to_wait_for_comes_first() -> None:
    order = reordered(LINES)
    assert sorted(order) == sorted(LINES)
    assert order == [LINES[place] for place in (2, 0, 1, 3, 4)]


def test_no_instruction_comes_before_one_whose_result_it_takes() -> None:
    rng = np.random.default_rng(0)
    lines = []
    for place in range(300):
        taken = ", ".join(f"%t{one}" for one in rng.integers(0, place, min(place, 2)))
        lines.append(f"  %t{place} = {rng.choice(['fdiv', 'fmul', 'bitcast'])} <2 x double> {taken or '%x'}")
    order = reordered(lines)
    assert sorted(order) == sorted(lines)
    known = {"%x"}
    for line in order:
        result, *operands = re.findall(r"%\w+", line)
        assert set(operands) <= known
        known.add(result)
    assert reordered(lines) == order


def test_results_are_used_up_where_they_fill_the_registers() -> None:
    lines = [f"  %t{place} = fmul <2 x double> %x, %y" for place in range(40)]
    lines += [f"  %sum{place} = fadd <2 x double> %t{place}, %x" for place in range(40)]

    def held(order: list[str]) -> int:
        names = [re.findall(r"%\w+", line) for line in order]
        last = {name: at for at, (_, *taken) in enumerate(names) for name in taken}
        return max(sum(last.get(name, -1) > at for name, *_ in names[: at + 1]) for at in range(len(names)))

    assert held(reordered(lines, registers=16)) < 20
    assert held(reordered(lines)) == 40


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_the_order_of_instructions_changes_no_bit(monkeypatch, method) -> None:
    model = stockflow.load(MODELS / "constructs.mdl")
    task = model.simulator(["growth rate"], list(model.stocks), method=method).task
    values = np.linspace(0.1, 0.5, 16)[:, None]
    ordered = load(generate(task.plan())).run(values)
    monkeypatch.setattr(assembly, "reordered", lambda lines, _: list(lines))
    assert load(generate(task.plan())).run(values).tobytes() == ordered.tobytes()


def test_a_chain_waits_and_work_side_by_side_does_not() -> None:
    assert waiting([f"  %t{place} = fadd <8 x double> %t{place - 1}, %x" for place in range(1, 41)]) == 8
    assert waiting([f"  %t{place} = fadd <8 x double> %x, %y" for place in range(1, 41)]) == 0.2


@pytest.mark.parametrize("waits", [True, False])
def test_a_step_that_waits_is_computed_for_two_vectors_of_runs_with_the_same_bits(monkeypatch, waits) -> None:
    model = stockflow.load(MODELS / "constructs.mdl")
    plan = model.simulator(["growth rate"], list(model.stocks)).task.plan()
    values = np.linspace(0.1, 0.5, 37)[:, None]
    usual = load(generate(plan, vector_width())).run(values)
    monkeypatch.setattr(assembly, "waiting", lambda lines: 1.5 if waits else 0.9)
    assert generate(plan).width == vector_width() * (2 if waits else 1)
    assert load(generate(plan)).run(values).tobytes() == usual.tobytes()
