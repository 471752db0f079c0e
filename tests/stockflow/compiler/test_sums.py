"""Sums beside a model: exact for the engine's own steps, and without any effect on the model."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from models.case import load_case
from stockflow import Model
from stockflow.accumulate import Sum, with_sums
from stockflow.errors import InputError

PAID = Sum("Paid in sum", ("paid support",), "bnCNY")
CREDITS = Sum("Credits in sum", ("domestic sales", "credit value per NEV"), "bnCNY")


@pytest.fixture(scope="module")
def nev() -> Model:
    return load_case("nev").model


def test_a_sum_is_every_step_of_the_run_added_up(nev: Model) -> None:
    run = with_sums(nev, [CREDITS]).run(until=2022.0, save_period=nev.time_step)
    flow = run["domestic sales"].to_numpy() * run["credit value per NEV"].to_numpy()
    np.testing.assert_allclose(run["Credits in sum"].to_numpy()[1:], np.cumsum(flow[:-1]) * nev.time_step, rtol=1e-12)


def test_a_sum_has_the_same_values_at_any_save_period(nev: Model) -> None:
    made = with_sums(nev, [PAID])
    fine, coarse = (made.runs({}, [PAID.name], until=2022.0, save_period=p).dataset()[PAID.name] for p in (1 / 32, 1.0))
    np.testing.assert_array_equal(fine.to_numpy()[:, ::32], coarse.to_numpy())


def test_sums_act_on_nothing_in_the_model(nev: Model) -> None:
    names = list(nev.stocks)
    before, after = (one.runs({}, names, until=2030.0).dataset() for one in (nev, with_sums(nev, [PAID, CREDITS])))
    for name in names:
        np.testing.assert_allclose(after[name].to_numpy(), before[name].to_numpy(), rtol=1e-12)


def test_a_sum_has_the_unit_of_its_variables_times_time(nev: Model) -> None:
    assert with_sums(nev, [PAID, CREDITS]).unbalanced() == []
    assert with_sums(nev, [Sum("Wrong", ("paid support",), "unit")]).unbalanced() != []


@pytest.mark.slow
def test_the_reference_engine_sums_to_the_same(nev: Model) -> None:
    made = with_sums(nev, [PAID])
    batch, reference = (made.run(until=2012.0, engine=e)[PAID.name].to_numpy() for e in ("batch", "reference"))
    assert batch[-1] > 0
    np.testing.assert_allclose(batch, reference, rtol=1e-9)


def test_a_model_with_sums_pickles(nev: Model) -> None:
    made = with_sums(nev, [PAID])
    again = pickle.loads(pickle.dumps(made))
    values = [one.runs({}, [PAID.name], until=2015.0).dataset()[PAID.name].to_numpy() for one in (made, again)]
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Sum("cumulative tax_expenditure", ("tax expenditure",), "bnCNY"), "already there"),
        (Sum("New", ("paid suport",), "bnCNY"), "paid support"),
        (Sum("New", (), "bnCNY"), "sum of nothing"),
        (Sum("New", ("time step",), "Year"), "cannot be summed"),
    ],
)
def test_a_sum_that_cannot_be_is_refused_by_name(nev: Model, one: Sum, says: str) -> None:
    with pytest.raises(InputError, match=says):
        with_sums(nev, [one])
