"""Simlin, an engine of other hands that also takes Runge-Kutta steps, computes what stockflow computes.

Where it means something else it is left out here, and PySD alone decides: it smooths DELAY FIXED;
ZIDZ and XIDZ take for zero 0 alone, where Vensim and PySD take what is below 1e-6; `:NOT:` binds before
a comparison; a remembered sample begins with the input; the length of a pulse may vary.
"""

from pathlib import Path

import numpy as np
import pytest
from simlin_text import exact_zero
from stockflow_helpers import written

import stockflow

simlin = pytest.importorskip("simlin")

CLOSE = 1e-9
EXAMPLES = Path(stockflow.__file__).parent / "examples"
FILES = Path(stockflow.__file__).parent.parent / "models" / "vensim"
# the end of a Vensim file, with the code of the method of integration
SETTINGS = "\n\\\\\\---/// Sketch information\n///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,{},0,0\n"
METHODS = {"Euler": 0, "RK4": 5}
SETTING = """
    x= 3+SIN(Time*2)+STEP(2,1.3) ~ Dmnl
    w= 1+0.5*Time ~ Year
    start= 2 ~ Dmnl
    curve( (0,1),(2,3),(5,2) ) ~ Dmnl
"""
CONSTRUCTS = [
    "SMOOTH(x, w)",
    "SMOOTHI(x, 2, 5.5)",
    "SMOOTH3(x, w)*2-1",
    "SMOOTH3I(x, w, 5.5)",
    "DELAY1(x, w)",
    "DELAY1I(x, 2, 1.5)",
    "DELAY3(x, w)",
    "DELAY3I(x, w, 1.5)",
    "DELAY3(SMOOTH(x, 1), SMOOTH(w, 2))",
    "TREND(x, 2, 0.1)",
    "SAMPLE IF TRUE(Time > 2 :AND: x > 4, x, 7)",
    "INITIAL(x*2)+x",
    "curve(x-1)*curve(w)",
    "WITH LOOKUP(w, ([(0,0)-(9,9)],(0,1),(1,4),(3,2)))",
    "RAMP(2, 1, 3)+STEP(x, 2)",
    "PULSE(1, 0.5)+PULSE(2, 0)+PULSE TRAIN(0.5, 0.25, 1, 3)",
    "MODULO(x*7-20, 3)+QUANTUM(x*7-20, 0.7)+INTEGER(x*3-8)",
    "SIN(x)+COS(x*20-40)+TAN(x/3)+ARCSIN(x/10)+ARCCOS(x/-10)+ARCTAN(x*9-30)",
    "EXP(-x)+LN(x)+SQRT(w)+x^1.7+x^-2",
    "MIN(x, w)+MAX(x, 4)+ABS(x-4)",
    "ZIDZ(x, w-2)+XIDZ(x, w-2, 9)+ZIDZ(start, w*0)",
    "IF THEN ELSE(x > 4 :OR: w < 2, x, -x)",
    "Level*(1-Level/8)*start",
]
NO_SERIES = {"time step", "saveper"}


def distances(path: Path, method: str) -> dict[str, float]:
    """Return, by variable, how far the two engines are apart on a file, as a share of its largest size."""
    ours = stockflow.load(path).run(method=method)
    simulation = simlin.load(path).simulate()
    simulation.run_to_end()
    found = {}
    for name in map(str, ours):
        if name.lower() not in NO_SERIES:
            expected = np.asarray(simulation.get_series(name))
            size = np.abs(expected).max() or 1.0
            found[name] = float(np.abs(ours[name].values - expected).max() / size)
    return found


def assert_alike(path: Path, method: str) -> None:
    found = distances(path, method)
    assert len(found) > 4
    assert {name: far for name, far in found.items() if not far < CLOSE} == {}


def with_method(path: Path, method: str) -> Path:
    """Say in a Vensim file how to integrate."""
    body = path.read_text(encoding="utf-8").partition("\\\\\\---///")[0]
    path.write_text(body + SETTINGS.format(METHODS[method]), encoding="utf-8")
    return path


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_construct_gives_what_simlin_gives(tmp_path: Path, construct: str, method: str) -> None:
    equations = f"{SETTING}y= {construct} ~ Dmnl\nLevel= INTEG(y/10-Level/w, start) ~ Dmnl"
    path = with_method(written(tmp_path, equations, step=0.125), method)
    assert stockflow.load(path).equations.method == method
    assert_alike(path, method)


@pytest.mark.parametrize("method", METHODS)
def test_saving_less_often_than_stepping_gives_what_simlin_gives(tmp_path: Path, method: str) -> None:
    equations = f"{SETTING}Level= INTEG(x-Level/w, start) ~ Dmnl\na= Level*2 ~ Dmnl\nb= a+x ~ Dmnl"
    assert_alike(with_method(written(tmp_path, equations, step=0.125, save=0.5), method), method)


def test_the_two_methods_differ_by_more_than_the_two_engines(tmp_path: Path) -> None:
    path = written(tmp_path, f"{SETTING}Level= INTEG(x-Level/w, start) ~ Dmnl")
    runs = [stockflow.load(path).run(method=method)["Level"].values for method in METHODS]
    assert np.abs(runs[0] - runs[1]).max() > 1e6 * CLOSE


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("example", ["epidemic", "commodity"])
def test_the_examples_give_what_simlin_gives(tmp_path: Path, example: str, method: str) -> None:
    path = tmp_path / f"{example}.mdl"
    path.write_text((EXAMPLES / path.name).read_text(encoding="utf-8"), encoding="utf-8")
    assert_alike(with_method(path, method), method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["pv", "nev", "ic", "mrna"])
def test_the_lifecycle_models_give_what_simlin_gives(tmp_path: Path, case: str, method: str) -> None:
    model = stockflow.load(FILES / f"{case}.mdl")
    text = model.file.text
    if case == "pv":
        # in place of the one fixed delay, which simlin smooths
        instead = "expiring commitments= Premium Commitments/contract length"
        text = model.file.with_equations({"expiring commitments": instead}).text
    path = tmp_path / f"{case}.mdl"
    path.write_text(exact_zero(text), encoding="utf-8")
    assert "XIDZ" in text and "XIDZ" not in path.read_text(encoding="utf-8")
    found = distances(with_method(path, method), method)
    assert len(found) > 300
    assert {name: far for name, far in found.items() if not far < CLOSE} == {}
