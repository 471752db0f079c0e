"""Functions are as exact as NumPy's, at the edges of their domain too."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from stockflow_helpers import loaded

SMALL = (0.0, 1.0, 2.0, 0.5, 3.0, 2.5, 17.0, 1e-310, 1e308)
EDGES = np.array([*SMALL, *(-x for x in SMALL[1:]), 5e-324, 2.0**53 + 2, 1e20, -744.4, -745.2, 709.7, 709.8])
Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory) -> Callable[..., NDArray[np.float64]]:
    """Return a function that gives one of the outputs below for x and y of many runs."""
    equations = """
        x= 1 ~ Dmnl
        y= 1 ~ Dmnl
        exponential= EXP(x) ~ Dmnl
        logarithm= LN(x) ~ Dmnl
        power= x^y ~ Dmnl
        square= x^2 ~ Dmnl
        cube= x^3 ~ Dmnl
        inverse square= x^-2 ~ Dmnl
        twentieth= x^20 ~ Dmnl
        broken= x^2.5 ~ Dmnl
        base= 2.5^x ~ Dmnl
        zeroth= x^0 ~ Dmnl
        capped= MIN(3, LN(x)) ~ Dmnl
        floored= MAX(SQRT(x), y) ~ Dmnl
        floored too= MAX(y, SQRT(x)) ~ Dmnl
        from table= WITH LOOKUP ( SQRT(x), ((0,1),(1,2))) ~ Dmnl
        guarded= XIDZ(1, x, 5) ~ Dmnl
    """
    model = loaded(tmp_path_factory.mktemp("numbers"), equations)
    simulators = {name: model.simulator(["x", "y"], [name]) for name in model.variables if name not in {"x", "y"}}

    def value(name: str, x: NDArray[np.float64], y: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        return simulators[name](np.column_stack([x, x if y is None else y]))[:, 0, 0]

    return value


@pytest.mark.parametrize(
    ("name", "exact", "low", "high"),
    [
        ("exponential", np.exp, -745.0, 709.7),
        ("exponential", np.exp, -1.0, 1.0),
        ("logarithm", np.log, 0.5, 2.0),
        ("logarithm", np.log, 1e-300, 1e300),
    ],
)
def test_exp_and_ln_are_within_two_units_in_the_last_place(evaluate, name, exact, low, high) -> None:
    x = np.random.default_rng(1).uniform(low, high, 50_000)
    expected = exact(x.astype(np.longdouble)).astype(float)
    assert (np.abs(evaluate(name, x) - expected) <= 2 * np.spacing(np.abs(expected))).all()


def test_ln_is_exact_over_all_magnitudes_including_denormal_numbers(evaluate) -> None:
    x = np.exp(np.random.default_rng(2).uniform(-744, 709, 50_000))
    assert np.allclose(evaluate("logarithm", x), np.log(x), rtol=3e-16, atol=0)


@pytest.mark.parametrize(
    ("name", "numpy"),
    [
        ("exponential", np.exp),
        ("logarithm", np.log),
        ("square", lambda x: np.power(x, 2.0)),
        ("cube", lambda x: np.power(x, 3.0)),
        ("inverse square", lambda x: np.power(x, -2.0)),
        ("twentieth", lambda x: np.power(x, 20.0)),
        ("broken", lambda x: np.power(x, 2.5)),
        ("base", lambda x: np.power(2.5, x)),
        ("zeroth", lambda x: np.power(x, 0.0)),
    ],
)
def test_functions_of_edge_values_are_numpys(evaluate, name: str, numpy: Function) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(evaluate(name, EDGES), numpy(EDGES), rtol=1e-13, atol=0)


def test_powers_of_edge_values_are_numpys_whatever_the_signs(evaluate) -> None:
    x, y = (one.ravel() for one in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(evaluate("power", x, y), np.power(x, y), rtol=1e-12, atol=5e-324)


@pytest.mark.parametrize("name", ["capped", "floored", "floored too", "from table"])
def test_a_missing_value_passes_through_minima_maxima_and_tables(evaluate, name: str) -> None:
    assert np.isnan(evaluate(name, np.array([-1.0]))).all()
    assert np.isfinite(evaluate(name, np.array([4.0]))).all()


def test_a_divisor_counts_as_zero_below_one_millionth(evaluate) -> None:
    divisors = np.array([0.0, 9.999999e-7, -9.999999e-7, 1e-6, -1e-6])
    assert evaluate("guarded", divisors).tolist() == [5.0, 5.0, 5.0, 1 / 1e-6, -1 / 1e-6]


@pytest.mark.parametrize("points", [2, 3, 12, 13, 14, 16, 17, 33, 40])
def test_a_table_is_numpys_interpolation_at_inside_and_outside_its_points(tmp_path, points: int) -> None:
    rng = np.random.default_rng(points)
    xs, ys = np.sort(rng.uniform(-5, 5, points)), rng.uniform(-1, 1, points)
    table = ",".join(f"({x!r},{y!r})" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    model = loaded(tmp_path, f"x= 0 ~ Dmnl\ny= WITH LOOKUP ( x, ({table})) ~ Dmnl", final=0.25)
    x = np.concatenate([xs, rng.uniform(-6, 6, 500), [-1e300, 1e300]])
    got = model.simulator(["x"], ["y"])(x[:, None])[:, 0, 0]
    np.testing.assert_allclose(got, np.interp(x, xs, ys), rtol=0, atol=1e-14)
    assert got[:points].tolist() == ys.tolist()
