"""Time series and lookups may differ from run to run."""

from dataclasses import replace

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded

import stockflow

TIMES = np.array([0.0, 0.7, 1.0, 2.25, 3.5])
EQUATIONS = """
    gain= 0.3 ~ Dmnl
    tariff= 0.1 ~ Dmnl [0,100]
    effect= WITH LOOKUP ( s, ((0,1),(1,2),(3,0))) ~ Dmnl
    curve( (0,0),(1,2),(2,3)) ~ Dmnl
    s= INTEG ( tariff*effect - gain*s + curve(s), start) ~ Dmnl
    start= curve(0.5) + tariff ~ Dmnl
    held= INITIAL ( tariff) ~ Dmnl
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> stockflow.Model:
    return loaded(tmp_path_factory.mktemp("tables"), EQUATIONS, step=0.125)


@pytest.fixture(scope="module")
def paths() -> np.ndarray:
    return np.random.default_rng(5).uniform(0.0, 2.0, (21, len(TIMES)))


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_a_path_per_run_is_the_run_with_that_series(model, paths, method) -> None:
    batch = model.runs(
        {"gain": 0.4}, ["s", "tariff", "held"], series={"Tariff": (TIMES, paths)}, method=method
    ).dataset()
    assert batch.sizes["run"] == 21
    for run in (0, 7, 8, 20):
        alone = model.with_series({"tariff": (TIMES, paths[run])}).run({"gain": 0.4}, method=method)
        for name in ("s", "tariff", "held"):
            np.testing.assert_allclose(batch[name].values[run], alone[name].values, rtol=1e-12)


def test_a_path_may_replace_a_stock_and_begin_late_or_have_one_point(model) -> None:
    levels = np.linspace(0.0, 3.0, 9)[:, None]
    batch = model.runs({}, ["s", "effect"], series={"s": ([2.0], levels)}).dataset()
    assert (batch["s"].values == levels).all()
    np.testing.assert_allclose(batch["effect"].values, np.interp(levels, [0, 1, 3], [1, 2, 0]).repeat(17, 1)[:, :17])
    late = model.runs({}, ["tariff"], series={"tariff": ([1.0, 2.0], [[3.0, 5.0], [0.0, 1.0]])}).dataset()
    assert late["tariff"].sel(time=[0.0, 1.5, 4.0]).values.tolist() == [[3.0, 4.0, 5.0], [0.0, 0.5, 1.0]]


@pytest.mark.parametrize(("name", "xs"), [("curve", (0.0, 0.4, 1.0, 2.0, 7.0)), ("effect", (0.0, 1.5, 3.0))])
@pytest.mark.parametrize("width", [2, 30])
def test_a_lookup_per_run_is_the_model_with_those_points(tmp_path, name, xs, width) -> None:
    xs = np.unique(np.concatenate([xs, np.linspace(0.1, 6.0, width)]))
    ys = np.random.default_rng(6).uniform(0.0, 2.0, (11, len(xs)))
    batch = loaded(tmp_path, EQUATIONS).runs({}, ["s", "effect"], lookups={name: (xs, ys)}).dataset()
    for run in (0, 10):
        points = ",".join(f"({x!r},{y!r})" for x, y in zip(xs.tolist(), ys[run].tolist(), strict=True))
        before = "curve( (0,0),(1,2),(2,3))" if name == "curve" else "((0,1),(1,2),(3,0))"
        changed = EQUATIONS.replace(before, f"curve( {points})" if name == "curve" else f"({points})")
        alone = loaded(tmp_path, changed).run()
        for output in ("s", "effect"):
            np.testing.assert_allclose(batch[output].values[run], alone[output].values, rtol=1e-12)


def test_several_tables_stand_side_by_side_and_one_may_serve_all_runs(model, paths) -> None:
    series = {"tariff": (TIMES, paths), "gain": ([0.0, 4.0], [0.1, 0.5])}
    lookups = {"curve": ([0.0, 1.0, 2.0], np.outer(np.arange(21), [0.0, 0.1, 0.2]))}
    batch = model.runs({}, ["s", "gain"], series=series, lookups=lookups).dataset()
    assert batch["gain"].values[20, [0, -1]].tolist() == [0.1, 0.5]
    alone = model.runs(
        {},
        ["s", "gain"],
        series={"tariff": (TIMES, paths[4:5]), "gain": ([0.0, 4.0], [0.1, 0.5])},
        lookups={"curve": ([0.0, 1.0, 2.0], [[0.0, 0.4, 0.8]])},
    ).dataset()
    np.testing.assert_allclose(batch["s"].values[4], alone["s"].values[0], rtol=1e-15)


def test_a_simulator_takes_paths_and_gives_the_same_bits_wherever_a_run_stands(model, paths) -> None:
    simulator = model.simulator(["gain"], ["s"], series={"tariff": TIMES}, lookups={"curve": [0.0, 1.0]})
    gains, curves = np.full((21, 1), 0.3), paths[:, :2]
    together = simulator(gains, 1, {"tariff": paths, "curve": curves})
    assert simulator(gains, 2, {"tariff": paths, "curve": curves}).tobytes() == together.tobytes()
    one = simulator(gains[13:14], tables={"tariff": paths[13:14], "curve": curves[13:14]})
    assert one[0].tobytes() == together[13].tobytes()


def test_open_tables_are_refused_where_they_make_no_sense(model, paths) -> None:
    refused = stockflow.InputError
    with pytest.raises(refused, match="curve is a lookup, which a path over time cannot replace"):
        model.runs({}, ["s"], series={"curve": (TIMES, paths)}).dataset()
    with pytest.raises(refused, match="gain is not a lookup"):
        model.runs({}, ["s"], lookups={"gain": (TIMES, paths)}).dataset()
    with pytest.raises(refused, match="tariff is given twice"):
        model.runs({"tariff": 1.0}, ["s"], series={"tariff": (TIMES, paths)}).dataset()
    with pytest.raises(refused, match=r"values of tariff have shape \(21, 4\), not \(21, 5\)"):
        model.runs({}, ["s"], series={"tariff": (TIMES, paths[:, :4])}).dataset()
    with pytest.raises(refused, match="must increase"):
        model.runs({}, ["s"], series={"tariff": (TIMES[::-1], paths)}).dataset()
    with pytest.raises(refused, match=r"tariff is -1 Dmnl, outside \[0, 100\] in point 2 of run 3"):
        paths = paths.copy()
        paths[3, 2] = -1.0
        model.runs({}, ["s"], series={"tariff": (TIMES, paths)}).dataset()
    with pytest.raises(refused, match="one value for each run"):
        model.runs({"gain": [0.1, 0.2]}, ["s"], series={"tariff": (TIMES, np.abs(paths))}).dataset()


def test_a_simulator_refuses_tables_that_are_missing_unknown_or_not_finite(model, paths) -> None:
    simulator = model.simulator([], ["s"], series={"tariff": TIMES})
    none = np.empty((21, 0))
    with pytest.raises(stockflow.InputError, match="no values for tariff"):
        simulator(none)
    with pytest.raises(stockflow.UnknownNameError, match="did you mean 'tariff'"):
        simulator(none, tables={"tarif": paths})
    with pytest.raises(stockflow.InputError, match="tariff is nan in run 2, point 1"):
        bad = paths.copy()
        bad[2, 1] = np.nan
        simulator(none, tables={"tariff": bad})


def test_every_kind_of_variable_can_be_given_a_path_per_run() -> None:
    tank = stockflow.load(MODELS / "tank.mdl")
    times, values = [1.0, 2.5, 6.0], np.array([[1.23456789012, 7.0, 1e-5], [3.0, 2.0, 1.0]])
    outputs = [name for name, one in tank.variables.items() if one.kind != "lookup"]
    for name in ("tap", "level", "outflow", "Water", "opening"):
        batch = tank.runs({}, outputs, series={name: (times, values)}).dataset()
        for run in range(2):
            alone = tank.with_series({name: (times, values[run])}).run()
            for output in outputs:
                np.testing.assert_allclose(batch[output].values[run], alone[output].values, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["steps", "extrapolate"])
def test_an_open_lookup_keeps_what_its_kind_does_between_and_beyond_its_points(tmp_path, kind) -> None:
    model = loaded(tmp_path, "curve( (0,0),(1,2),(3,3)) ~ Dmnl\ny= curve(Time - 1) ~ Dmnl", step=0.25, final=6.0)
    curve = model.equations.variables["curve"].expression
    model = stockflow.Model(model.equations.changed({"curve": replace(curve, kind=kind)}), model.file)
    ys = np.array([[0.0, 2.0, 3.0], [4.0, 1.0, -5.0]])
    batch = model.runs({}, ["y"], lookups={"curve": ([0.0, 1.0, 3.0], ys)}).dataset()["y"].values
    np.testing.assert_allclose(batch[0], model.run()["y"].values, rtol=1e-14, atol=1e-14)
    assert batch[1, [0, 8, 24]].tolist() == pytest.approx([4.0, 1.0, -5.0] if kind == "steps" else [7.0, 1.0, -11.0])


def test_a_lookup_whose_argument_turns_out_to_be_a_constant_is_one(tmp_path) -> None:
    model = loaded(tmp_path, "y= WITH LOOKUP ( Time^0, ((0,3),(2,7))) ~ Dmnl\nz= IF THEN ELSE(y, 1, 2) ~ Dmnl")
    assert [float(model.run()[name][-1]) for name in "yz"] == [5.0, 1.0]
