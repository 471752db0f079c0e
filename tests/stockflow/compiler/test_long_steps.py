"""The code of a long time step is cut into parts and computes the same; it is made in time linear in the model."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from holders import written
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow.compiler import assembly, machine, parted
from stockflow.compiler.llvm import generate, load
from stockflow.compiler.simulator import Task
from stockflow.language.equations import Method

FILES = ["constructs.mdl", "tank.mdl", "market.xmile", "vensim/diffusion.mdl"]
BELT = """
    <stock name='Q'><eqn>0</eqn><inflow>a</inflow><outflow>i</outflow><queue/></stock><flow name='i'/><flow name='o'/>
    <flow name='a'><eqn>3+9*SIN(TIME*3)</eqn></flow>
    <stock name='S'><eqn>0</eqn><inflow>i</inflow><outflow>o</outflow>
    <conveyor discrete='true'><len>1</len><capacity>6</capacity></conveyor></stock>
"""


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


@pytest.mark.parametrize("method", ["Euler", "RK4"])
@pytest.mark.parametrize("file", FILES)
def test_many_functions_have_the_bits_of_one(monkeypatch, file: str, method: Method) -> None:
    same_in_parts(monkeypatch, task(stockflow.load(MODELS / file), method))


@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_many_functions_hold_what_queues_and_belts_do(monkeypatch, tmp_path, method: Method) -> None:
    same_in_parts(monkeypatch, task(stockflow.load(written(tmp_path, BELT)), method))


def same_in_parts(monkeypatch, wanted: Task) -> None:
    """Check that code in many functions has the bits of code in one."""
    monkeypatch.setattr(parted, "_LONG", 9000)
    whole = outputs(wanted)
    assert len(generate(wanted.plan()).machine) == 1
    monkeypatch.setattr(parted, "_LONG", 0)
    monkeypatch.setattr(parted, "_MODULE", 100)
    monkeypatch.setattr(parted, "_CALLS", 3)
    for instructions in (1, 200):
        monkeypatch.setattr(parted, "_PART", instructions)
        assert len(generate(wanted.plan()).machine) > 1
        assert outputs(wanted).tobytes() == whole.tobytes()


@pytest.mark.parametrize("method", ["RK2 auto", "RK4 auto"])
def test_automatic_steps_stay_one_function_however_long(monkeypatch, method: Method) -> None:
    wanted = task(stockflow.load(MODELS / "tank.mdl"), method)
    careful = outputs(wanted)
    monkeypatch.setattr(parted, "_LONG", 0)
    monkeypatch.setattr(machine, "LONG", 10)
    assert len(generate(wanted.plan()).machine) == 1
    np.testing.assert_allclose(outputs(wanted), careful, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_many_functions_take_inputs_and_open_tables(monkeypatch, tmp_path, method: Method) -> None:
    equations = """
        f((0,0),(1,2),(4,8)) ~ Dmnl
        k= 2 ~ Dmnl
        s= INTEG(k*f(s)-s, k) ~ Dmnl
        t= INTEG(s, 1) ~ Dmnl
        u= INTEG(u, k) ~ Dmnl
        late= DELAY FIXED(s, 2, k) ~ Dmnl
        later= DELAY FIXED(late, 1, 0) ~ Dmnl
        next= DELAY FIXED(s, 0.25, k) ~ Dmnl
        second= DELAY FIXED(next, 0.25, 0) ~ Dmnl
        third= DELAY FIXED(second, 0.25, t*k) ~ Dmnl
        high= IF THEN ELSE(t>k, late, RANDOM UNIFORM(0, 1, 0)) ~ Dmnl
    """
    found = []
    for most in (2000, 0):
        monkeypatch.setattr(parted, "_LONG", most)
        monkeypatch.setattr(parted, "_PART", 3)
        runs = loaded(tmp_path, equations).runs(
            {"k": [1.0, 2.0, 3.0]},
            ["s", "t", "u", "k", "late", "later", "high", "next", "second", "third"],
            lookups={"f": ([0, 1, 4], [0, 3, 9])},
            method=method,
        )
        found.append(runs.dataset().to_array().to_numpy().tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("method", ["Euler", pytest.param("RK4", marks=pytest.mark.slow)])
def test_functions_that_differ_in_places_and_numbers_are_made_once(monkeypatch, tmp_path, method: Method) -> None:
    equations = """
        r: (r1-r300) ~ ~
        f((0,0),(1,2),(4,8)) ~ Dmnl
        k[r]= r/300 ~ Dmnl
        s[r]= INTEG(y[r]-s[r]*k[r], r) ~ Dmnl
        y[r]= IF THEN ELSE(s[r]>k[r], f(s[r]*k[r]), EXP(-s[r])*Time+k[r]) ~ Dmnl
        late[r]= DELAY FIXED(y[r]/2, 3, r) ~ Dmnl
    """
    wanted = task(loaded(tmp_path, equations), method)
    monkeypatch.setattr(parted, "_LONG", 9000)
    whole = outputs(wanted)
    monkeypatch.setattr(parted, "_LONG", 0)
    monkeypatch.setattr(parted, "_MODULE", 500)
    modules: list[str] = []
    block = parted.PartedAssembly(wanted.plan(), 4, modules.append).text()
    made = sum(one.count("define void @") for one in modules)
    assert 3 * made < block.count("call void @")
    assert block.count(".entries = ") > 3 * made
    assert outputs(wanted).tobytes() == whole.tobytes()


@pytest.mark.parametrize("method", ["Euler", "RK4"])
@pytest.mark.parametrize("file", ["constructs.mdl", "tank.mdl"])
def test_code_that_is_made_quickly_computes_the_same(monkeypatch, file: str, method: Method) -> None:
    wanted = task(stockflow.load(MODELS / file), method)
    careful = outputs(wanted)
    monkeypatch.setattr(machine, "LONG", 10)
    np.testing.assert_allclose(outputs(wanted), careful, rtol=1e-13, atol=1e-13)


def test_large_models_are_compiled_in_linear_time(tmp_path) -> None:
    curves = "f((0,0),(1,2),(4,8)) ~ Dmnl\nx[r]= f(f(s[r]/9)/9) ~ Dmnl\ns[r]= INTEG(x[r]-s[r], r) ~ Dmnl"
    seconds = []
    for count in (500, 2000):
        wanted = task(loaded(tmp_path, f"r: (r1-r{count}) ~ ~\n{curves}", step=1.0, save=1.0))
        plan, start = wanted.plan(), process_time()
        code = generate(plan)
        seconds.append(process_time() - start)
        found = np.array(load(code).run(np.zeros((9, 0)), 2))
        assert np.isfinite(found).all()
    # the square of four is sixteen
    assert seconds[1] < 8 * seconds[0]


def test_a_long_chain_is_compiled_in_seconds_and_right(tmp_path) -> None:
    chain = "\n".join(f"x{one}= x{one - 1}+1 ~ Dmnl" for one in range(1, 3000))
    wanted = task(loaded(tmp_path, f"x0= Time ~ Dmnl\n{chain}", step=1.0, save=1.0))
    plan, start = wanted.plan(), process_time()
    kernel = load(generate(plan))
    # 10 s in one block
    assert process_time() - start < 4
    found = np.array(kernel.run(np.zeros((1, 0)), 1))
    assert (found.reshape(5, 3000) == np.arange(5)[:, None] + np.arange(3000)).all()


def test_many_outputs_that_are_numbers_are_right(tmp_path) -> None:
    wanted = task(loaded(tmp_path, "r: (r1-r2100) ~ ~\nv[r]= r ~ Dmnl\ny[r]= VECTOR ELM MAP(v[r], 1) ~ Dmnl"))
    assert parted.is_parted(wanted.plan())
    found = outputs(wanted)[0]
    assert (found == np.arange(2, 2101)).all()
