"""The code of a long time step is cut into parts and computes the same; it is made in time linear in the model."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow.compiler import assembly
from stockflow.compiler.llvm import generate, load
from stockflow.compiler.simulator import Task
from stockflow.language.equations import Method


def task(model: stockflow.Model, method: Method = "Euler") -> Task:
    equations = replace(model.equations, method=method)
    names = [name for name, one in equations.variables.items() if one.kind in {"stock", "flow", "auxiliary"}]
    return Task(equations, (), tuple(names))


def outputs(wanted: Task) -> np.ndarray:
    return np.array(load(generate(wanted.plan())).run(np.zeros((1, 0)), 1))


@pytest.mark.parametrize("method", ["Euler", "RK4"])
@pytest.mark.parametrize("file", ["constructs.mdl", "tank.mdl"])
def test_a_step_in_parts_has_the_bits_of_a_whole_one(monkeypatch, file: str, method: Method) -> None:
    wanted = task(stockflow.load(MODELS / file), method)
    whole = outputs(wanted)
    assert "part" not in assembly.Assembly(wanted.plan(), 4).text()
    monkeypatch.setattr(assembly, "_LONGEST_BLOCK", 8)
    monkeypatch.setattr(assembly, "_PART", 5)
    text = assembly.Assembly(wanted.plan(), 4).text()
    assert "part5:" in text
    assert "observepart5:" in text
    assert outputs(wanted).tobytes() == whole.tobytes()


def test_a_long_chain_is_compiled_in_seconds_and_right(tmp_path) -> None:
    chain = "\n".join(f"x{one}= x{one - 1}+1 ~ Dmnl" for one in range(1, 3000))
    wanted = task(loaded(tmp_path, f"x0= Time ~ Dmnl\n{chain}", step=1.0, save=1.0))
    plan, start = wanted.plan(), process_time()
    kernel = load(generate(plan))
    # 10 s in one block
    assert process_time() - start < 4
    found = np.array(kernel.run(np.zeros((1, 0)), 1))
    assert (found.reshape(5, 3000) == np.arange(5)[:, None] + np.arange(3000)).all()
