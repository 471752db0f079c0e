"""The page's WebAssembly gives the engine's own numbers, whatever is set, drawn or bent."""

import math
import subprocess
from dataclasses import replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from page_helpers import NODE, ROOT, SPIDERMONKEY, Setting, difference, in_node, needs_node, of_text, random_setting

import stockflow
from stockflow.intervals import FAN, quantiles
from stockflow.model import Model
from stockflow.page import wasm
from stockflow.page.contents import Asked, contents
from stockflow.page.page import shuffled, straightened

pytestmark = [needs_node, pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")]
NOTHING: Setting = {"values": {}, "curves": {}}
MODELS = [
    *(f"stockflow/examples/{name}.mdl" for name in ("commodity", "epidemic", "population")),
    *(f"tests/model_files/{name}" for name in ("constructs.mdl", "market.xmile", "held/plant.xmile", "tank.mdl")),
    "models/vensim/nev.mdl",
]


def sampled(model: Model, names: tuple[str, ...], draws: int) -> Asked:
    random = np.random.default_rng(7)
    values = {name: model.variable(name).value * random.uniform(0.9, 1.1, draws) for name in names}
    return Asked(samples=values)


@pytest.mark.parametrize("path", MODELS)
def test_a_page_gives_the_engines_numbers_for_any_setting(path: str, tmp_path: Path) -> None:
    model = stockflow.load(ROOT / path)
    page = contents(model, Asked())
    page = contents(model, sampled(model, page.sliders[:4], 13))
    settings = [{"values": {}, "curves": {}}, *(random_setting(page, seed) for seed in range(8))]
    runs, spreads = in_node(page, settings, tmp_path)
    for setting, ours, spread in zip(settings, runs, spreads, strict=True):
        native = page.native(setting["values"], setting["curves"])
        far = difference(ours, native)
        print(f"{path}: {far:.1e}")
        assert far < 1e-9
        if np.isfinite(ours).all():
            wanted = quantiles(ours[..., : page.charts], FAN).transpose(2, 0, 1)
            np.testing.assert_allclose(spread, wanted, rtol=1e-13, atol=0)


@pytest.mark.skipif(find_spec("pythonmonkey") is None, reason="pythonmonkey, Firefox's engine, is not installed")
@pytest.mark.parametrize("path", MODELS)
def test_firefoxs_engine_gives_the_same_bits(path: str, tmp_path: Path) -> None:
    model = stockflow.load(ROOT / path)
    page = contents(model, sampled(model, contents(model, Asked()).sliders[:4], 7))
    settings = [NOTHING, random_setting(page, 1)]
    for ours, theirs in zip(
        in_node(page, settings, tmp_path), in_node(page, settings, tmp_path, SPIDERMONKEY), strict=True
    ):
        np.testing.assert_array_equal(theirs, ours)


ONES = ("a= 0.7", "b= 1.3", "Stock= INTEG(a*COS(Time)-0.1*Stock, b)")
POINTS = ",".join(f"({x},{x * x % 7})" for x in range(-20, 40))
FUNCTIONS = {
    "growth": "EXP(a*Stock)",
    "logarithm": "LN(b+Stock^2)",
    "power": "(b+ABS(Stock))^a",
    "sine": "SIN(b*Stock)",
    "cosine": "COS(b*Stock*10)",
    "tangent": "TAN(Stock/3)",
    "arcs": "ARCSIN(Stock/10)+ARCCOS(Stock/10)+ARCTAN(Stock)",
    "hyperbolic": "SINH(Stock)+COSH(Stock)+TANH(Stock)",
    "root": "SQRT(b+ABS(Stock))",
    "choice": "IF THEN ELSE(Stock>a, MODULO(Stock,a), QUANTUM(Stock,a))",
    "least": "MIN(Stock,a)+MAX(Stock,b)+ZIDZ(a,Stock)+XIDZ(b,Stock,1)",
    "over time": "STEP(a,3)+RAMP(b,2,8)+PULSE(4,2)+PULSE TRAIN(1,1,3,15)",
    "memory": "DELAY FIXED(Stock,2.5,b)+SMOOTH3(Stock,a)+DELAY3(Stock,b)",
    "chance": "RANDOM UNIFORM(0,a,1)+RANDOM NORMAL(-9,9,0,1,2)",
    "short table": "WITH LOOKUP(Stock,((-5,1),(0,2),(5,-1)))",
    "long table": f"WITH LOOKUP(Stock*4,({POINTS}))",
}


@pytest.mark.parametrize("code", ["ordered", "short", "without vectors"])
@pytest.mark.parametrize("method", ["Euler", "RK4", "RK4 auto"])
def test_every_function_is_compiled_in_and_agrees(
    method: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wasm, "_WAITING", math.inf if code == "short" else -1.0)
    texts = [f"{name}= {right}" for name, right in FUNCTIONS.items()]
    total = "total= INTEG(" + "+".join(FUNCTIONS) + ", 0)"
    model = of_text(*ONES, *texts, total)
    random = np.random.default_rng(3)
    samples = {"a": random.uniform(0.4, 1.2, 7), "b": random.uniform(0.8, 2.0, 7)}
    outputs = [*FUNCTIONS, "total"]
    page = contents(model, Asked(samples=samples, outputs=outputs, method=method, curves=["short table", "long table"]))
    if code == "without vectors":
        page = replace(page, module=wasm.Module(b"what a browser refuses", 0))
    settings = [{"values": {}, "curves": {}}, random_setting(page, 1, 1), random_setting(page, 2, 1)]
    runs, _ = in_node(page, settings, tmp_path)
    for setting, ours in zip(settings, runs, strict=True):
        native = page.native(setting["values"], setting["curves"])
        for place, name in enumerate(outputs):
            far = difference(ours[..., [place]], native[..., [place]])
            print(f"{method} {name}: {far:.1e}")
            assert far < 1e-9, name


def test_exp_and_log_end_where_the_engines_end(tmp_path: Path) -> None:
    values = np.array([-2e38, -745.0, -708.3, -1.0, -1e-38, 0.0, 1e-38, 1.0, 709.4, 709.7, 709.8, 2e38])
    wanted = {"up": "EXP(a)", "log": "LN(a)", "least": "MIN(LN(a),a)", "most": "MAX(a,LN(a))", "tiny": "LN(a*1E-260)"}
    model = of_text("a= 2", *(f"{name}= {right}" for name, right in wanted.items()), "Stock= INTEG(up, 0)")
    page = contents(model, Asked(samples={"a": values}, outputs=list(wanted), pictures=False))
    runs, _ = in_node(page, [NOTHING], tmp_path)
    native = page.native({})
    assert np.isnan(native).any()
    assert np.isinf(native[..., :2]).any(axis=(0, 1)).all()
    np.testing.assert_allclose(runs[0], native, rtol=2e-13, atol=1e-307)


def test_exp_log_and_powers_lie_within_what_is_said_of_them(tmp_path: Path) -> None:
    bases = {
        "up": "EXP(x)",
        "log": "LN(up^0.25)",
        "near": "LN(y)",
        "power": "y^(b*x)",
        "minus": "(0-y)^b",
        "odd": "(0-y)^3",
    }
    given = ("a= 1", "b= 1", "x= a*SIN(Time*b*7)", "y= 1+x/1000", "Stock= INTEG(0*x, 0)")
    model = of_text(*given, *(f"{name}= {right}" for name, right in bases.items()))
    random, outputs = np.random.default_rng(5), ["x", "y", *bases]
    samples = {"a": random.uniform(-700, 700, 200), "b": random.uniform(0.4, 0.58, 200)}
    page = contents(model, Asked(samples=samples, outputs=outputs, pictures=False))
    x, y, *ours = in_node(page, [NOTHING], tmp_path)[0][0].transpose(2, 0, 1)
    b = page.drawn[:, [page.samples.index("b")]]
    with np.errstate(invalid="ignore"):
        exact = [np.exp(x), np.log(ours[0] ** 0.25), np.log(y), y ** (b * x), (-y) ** b, (-y) ** 3]
    for name, one, wanted, most in zip(bases, ours, exact, [1e-13, 1e-13, 1e-14, 4e-13, 4e-13, 4e-13], strict=True):
        np.testing.assert_allclose(one, wanted, rtol=most, atol=1e-13 if name == "log" else 0, err_msg=name)
    assert np.isnan(ours[4]).all()


def test_a_module_has_its_own_data_below_what_the_page_puts_into_its_memory() -> None:
    model = of_text(*ONES, f"long table= {FUNCTIONS['long table']}")
    page = contents(model, Asked(outputs=["long table"], curves=[]))
    assert page.module.data >= 3 * 59 * 8
    assert page.code["data"] == page.module.data


def test_data_of_a_module_may_be_larger_than_a_page_of_memory(tmp_path: Path) -> None:
    points = ",".join(f"({x},{x * x % 7})" for x in range(3000))
    page = contents(of_text(*ONES, f"far= WITH LOOKUP(Stock*100,({points}))"), Asked(outputs=["far"], curves=[]))
    assert page.module.data > 2**16
    runs, _ = in_node(page, [NOTHING], tmp_path)
    assert difference(runs[0], page.native({})) < 1e-9


def test_runs_that_are_not_finite_are_left_out_as_the_engine_leaves_them_out(tmp_path: Path) -> None:
    model = of_text("a= 1", "Stock= INTEG(1/(a-1), 0)")
    values = np.array([0.5, 1.0, 1.5, 2.0])
    page = contents(model, Asked(samples={"a": values}, outputs=["Stock"]))
    runs, spreads = in_node(page, [{"values": {}, "curves": {}}], tmp_path)
    finite = np.isfinite(runs[0]).all(axis=(1, 2))
    assert finite.tolist() == [True, False, True, True]
    np.testing.assert_allclose(spreads[0, 0], quantiles(runs[0][finite, :, 0], FAN), rtol=1e-13)


def test_a_variable_without_a_chart_that_is_not_finite_leaves_out_no_run(tmp_path: Path) -> None:
    model = of_text("a= 2", "Stock= INTEG(a, 0)", "ratio= a/Stock", "Other= INTEG(MIN(ratio, 1), 0)")
    page = contents(model, Asked(outputs=["Stock"], samples={"a": np.array([1.0, 2.0, 3.0])}))
    runs, spreads = in_node(page, [NOTHING], tmp_path)
    assert "ratio" in page.simulator.outputs[page.charts :]
    assert not np.isfinite(runs[0]).all()
    np.testing.assert_allclose(spreads[0, 0], quantiles(runs[0][..., 0], FAN), rtol=1e-13)


def test_a_single_run_that_is_not_finite_everywhere_is_shown_where_it_is(tmp_path: Path) -> None:
    model = of_text("a= 2", "Stock= INTEG(a, 0)", "ratio= a/Stock")
    page = contents(model, Asked(outputs=["ratio", "Stock"]))
    runs, spreads = in_node(page, [NOTHING], tmp_path)
    np.testing.assert_array_equal(np.isfinite(spreads[0, 0, 2]), np.isfinite(runs[0, 0, :, 0]))
    np.testing.assert_array_equal(spreads[0, 1, 2], runs[0, 0, :, 1])


def test_names_that_every_object_of_a_script_has_are_names_as_any_other(tmp_path: Path) -> None:
    names = ("constructor", "__proto__", "valueOf")
    model = of_text(*(f"{name}= 3" for name in names), f"S= INTEG({'+'.join(names)}, 0)")
    page = contents(model, Asked())
    settings = [NOTHING, {"values": {"constructor": 5.0}, "curves": {}}]
    runs, _ = in_node(page, settings, tmp_path)
    for setting, ours in zip(settings, runs, strict=True):
        assert difference(ours, page.native(setting["values"])) < 1e-12


def test_what_is_packed_as_far_from_a_straight_line_is_restored_to_the_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    bent = np.interp(np.arange(40), [0, 7, 40], [1, 3.3, -2e5])
    values = np.column_stack([np.arange(40.0), bent, random.normal(size=40)])
    odd = np.where(random.random((40, 2)) < 0.3, [[np.inf, -1.7e308]], -0.0)
    values = np.hstack([values, values[::-1] * 8e302, odd])
    values[11, 2], values[13, 0] = np.nan, 5e-324
    (tmp_path / "packed").write_bytes(shuffled(straightened(values)))
    script = resources.files("stockflow.page").joinpath("numbers.js").read_text(encoding="utf-8")
    shape = f"40, {values.shape[1]}, Float64Array), {values.shape[1]}"
    (tmp_path / "restore.js").write_text(
        f"{script}; const fs = require('fs'), bytes = new Uint8Array(fs.readFileSync(process.argv[2]));"
        f" fs.writeFileSync(process.argv[3], restored(ordered(bytes, {shape}));"
    )
    assert NODE is not None
    names = [tmp_path / name for name in ("restore.js", "packed", "restored")]
    subprocess.run([NODE, *names], check=True, timeout=60)
    assert (tmp_path / "restored").read_bytes() == values.tobytes()
