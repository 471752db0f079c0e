"""Sensitivity indices of variance: those of known functions, and those of stored outputs."""

import numpy as np
import pytest
from scipy.stats import qmc
from stockflow_helpers import loaded

import stockflow
from stockflow import InputError

ISHIGAMI = """
    one= 0 ~ Dmnl [-4,4]
    two= 0 ~ Dmnl
    three= 0 ~ Dmnl
    seven= 7 ~ Dmnl
    small= 0.1 ~ Dmnl
    wave= SIN(one)+seven*SIN(two)^2+small*three^4*SIN(one) ~ Dmnl
    Level= INTEG(wave, 100) ~ Dmnl
    still= seven*2 ~ Dmnl
"""
NAMES = ("one", "two", "three")


def ishigami(folder) -> stockflow.Model:
    return loaded(folder, ISHIGAMI, final=1.0)


def independent(count: int, seed: int = 1) -> list[dict[str, np.ndarray]]:
    """Two samples of the three inputs, uniform from -pi to pi."""
    points = np.pi * (2 * qmc.Sobol(6, seed=seed).random(count) - 1)
    return [dict(zip(NAMES, part.T, strict=True)) for part in (points[:, :3], points[:, 3:])]


def test_the_indices_of_ishigamis_function_are_found(tmp_path) -> None:
    sums = ishigami(tmp_path).index_sums(*independent(2**14), outputs=["wave", "Level"])
    found = sums.indices()
    # Ishigami and Homma 1990: partial variances of sin x1 + a sin^2 x2 + b x3^4 sin x1
    a, b = 7.0, 0.1
    alone = [0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0]
    together = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    variance = sum(alone) + together
    first = np.array(alone) / variance
    total = np.array([alone[0] + together, alone[1], together]) / variance
    wave = found.sel(output="wave").isel(time=-1)
    np.testing.assert_allclose(wave["first"], first, atol=0.01)
    np.testing.assert_allclose(wave["total"], total, atol=0.01)
    assert wave["variance"] == pytest.approx(variance, rel=0.01)
    assert wave["mean"] == pytest.approx(a / 2, abs=0.01)
    assert wave["first_error"].max() < 0.02 and wave["total_error"].max() < 0.02
    # a stock that adds up a constant rate: the same shares, 100 in mean notwithstanding
    level = found.sel(output="Level").isel(time=-1)
    np.testing.assert_allclose(level["first"], wave["first"], rtol=1e-9, atol=1e-12)
    assert level["mean"] == pytest.approx(100 + float(wave["mean"]))


def stored(model: stockflow.Model, a: dict, b: dict, outputs: list[str], **more) -> np.ndarray:
    """Outputs (base sample, run, time, output) of the same layout, all of them in memory."""
    names, base = list(a), len(a["one"])
    rows = np.empty((base, len(names) + 2, len(names)))
    rows[:, :] = np.stack([a[name] for name in names], axis=1)[:, None]
    for place, name in enumerate(names):
        rows[:, place + 1, place] = b[name]
        rows[:, -1, place] = b[name]
    flat = rows.reshape(-1, len(names))
    batch = model.batch(dict(zip(names, flat.T, strict=True)), outputs, **more)
    values = np.stack([batch[name].values for name in outputs], axis=-1)
    return values.reshape(base, len(names) + 2, *values.shape[1:])


def by_definition(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and total order (input, time, output) as SALib computes them from normalised outputs."""
    y = (outputs - outputs.mean(axis=(0, 1))) / outputs.std(axis=(0, 1))
    first, mixed, last = y[:, 0], y[:, 1:-1], y[:, -1]
    variance = np.concatenate([first, last]).var(axis=0)
    change = mixed - first[:, None]
    return (last[:, None] * change).mean(axis=0) / variance, 0.5 * (change**2).mean(axis=0) / variance


@pytest.mark.parametrize("count", [2, 51, 777])
def test_indices_are_those_of_stored_outputs(tmp_path, count: int) -> None:
    model = ishigami(tmp_path)
    rng = np.random.default_rng(5)
    a, b = ({name: rng.uniform(-3, 3, count) for name in NAMES} for _ in range(2))
    found = model.index_sums(a, b, ["Level", "wave"]).indices()
    # the stock stands at 100 in all runs at first
    first, total = by_definition(stored(model, a, b, ["Level", "wave"])[:, :, 1:])
    np.testing.assert_allclose(found["first"].values[:, 1:], first, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["total"].values[:, 1:], total, rtol=1e-9, atol=1e-9)


def test_the_sums_have_the_same_bits_whatever_the_threads(tmp_path) -> None:
    model, (a, b) = ishigami(tmp_path), independent(2**10)
    one, *others = (model.index_sums(a, b, ["Level", "wave"], threads=many) for many in (1, 2, 5))
    for other in others:
        for name in ("samples", "start", "level", "square", "change", "cross", "jump"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_the_error_of_an_index_is_how_far_samples_scatter(tmp_path) -> None:
    model = ishigami(tmp_path)
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        a, b = ({name: rng.uniform(-np.pi, np.pi, 1000) for name in NAMES} for _ in range(2))
        found.append(model.index_sums(a, b, ["wave"]).indices().isel(time=-1, output=0))
    for name in ("first", "total"):
        scatter = np.std([one[name].values for one in found], axis=0)
        told = np.mean([one[f"{name}_error"].values for one in found], axis=0)
        assert told / scatter == pytest.approx(1.0, abs=0.4), name


def test_random_numbers_are_those_of_the_same_layout_in_a_batch(tmp_path) -> None:
    model = loaded(tmp_path, "one= 1 ~ Dmnl\ntwo= 1 ~ Dmnl\ny= one+two*RANDOM UNIFORM(0, 1, 3) ~ Dmnl\nz= INTEG(y, 0)~")
    rng = np.random.default_rng(2)
    a, b = ({name: rng.uniform(1, 2, 300) for name in ("one", "two")} for _ in range(2))
    found = model.index_sums(a, b, ["y"], seed=9).indices()
    first, total = by_definition(stored(model, a, b, ["y"], seed=9))
    np.testing.assert_allclose(found["first"], first, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["total"], total, rtol=1e-9, atol=1e-9)


def test_base_samples_with_a_failed_run_are_left_out_and_counted(tmp_path) -> None:
    model = loaded(tmp_path, "one= 1 ~ Dmnl\ntwo= 1 ~ Dmnl\ny= LN(one)+two ~ Dmnl\nz= INTEG(y, 0) ~ Dmnl")
    rng = np.random.default_rng(2)
    a, b = ({name: rng.uniform(1, 2, 200) for name in ("one", "two")} for _ in range(2))
    good = model.index_sums({k: v[2:] for k, v in a.items()}, {k: v[2:] for k, v in b.items()}, ["y"]).indices()
    a["one"][0], b["one"][1] = -1.0, -1.0
    found = model.index_sums(a, b, ["y"]).indices()
    assert (found.attrs["failed"], found.attrs["base_samples"]) == (2, 198)
    for name in ("first", "total", "mean", "variance"):
        np.testing.assert_allclose(found[name], good[name], rtol=1e-9)


def test_an_output_that_does_not_vary_has_no_indices(tmp_path) -> None:
    found = ishigami(tmp_path).index_sums(*independent(64), outputs=["still"]).indices()
    assert np.isnan(found["first"].values).all() and (found["variance"].values == 0.0).all()


def test_samples_that_do_not_belong_together_are_refused(tmp_path) -> None:
    model, (a, b) = ishigami(tmp_path), independent(8)
    refused = [
        ((a, {"one": b["one"]}), {}, "name different constants"),
        ((a, {name: part[:4] for name, part in b.items()}), {}, "have 8 and 4 values"),
        (({**a, "one": a["one"] * 9}, b), {}, "one is .* in run"),
        (({**a, "four": a["one"]}, b), {}, "four"),
        (
            ({name: part[:0] for name, part in a.items()}, {name: part[:0] for name, part in b.items()}),
            {},
            "at least one",
        ),
        ((a, b), {"threads": 0}, "threads is 0"),
    ]
    for both, more, complaint in refused:
        with pytest.raises(InputError, match=complaint):
            model.index_sums(*both, outputs=["wave"], **more)
