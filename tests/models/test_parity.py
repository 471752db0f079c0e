"""The compiled engine gives what PySD gives: every variable at every saved time of every model."""

from __future__ import annotations

import functools
import zlib

import numpy as np
import pytest

from models.case import CASES, Case, load_case

SPREAD = 0.2


@functools.cache
def case(name: str) -> Case:
    return load_case(name)


def draw(name: str, number: int) -> dict[str, float]:
    """Return every parameter of a case moved by up to 20 percent inside its bounds; draw 0 moves none."""
    if number == 0:
        return {}
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    moved = {}
    for parameter in case(name).parameters.values():
        value = parameter.value * (1 + SPREAD * rng.uniform(-1, 1))
        moved[parameter.name] = float(np.clip(value, parameter.low, parameter.high))
    return moved


def compare(name: str, number: int) -> None:
    constants = draw(name, number)
    model = case(name).model
    fast, trusted = model.run(constants), model.run(constants, engine="reference")
    np.testing.assert_array_equal(fast.time, trusted.time)
    assert set(fast) == set(trusted) == {v.name for v in model.variables.values() if v.kind != "lookup"}
    for variable in trusted:
        expected = trusted[variable].values
        # what is left when large numbers cancel has the error of the large numbers
        rounding = 1e-11 * np.abs(expected).max()
        np.testing.assert_allclose(
            fast[variable], expected, rtol=1e-9, atol=rounding, err_msg=f"{name} draw {number}: {variable}"
        )


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, marks=[] if (name, number) == ("nev", 2) else [pytest.mark.slow])
        for name in CASES
        for number in range(23)
    ],
)
def test_the_engine_agrees_with_pysd_on_every_variable(name: str, number: int) -> None:
    compare(name, number)
