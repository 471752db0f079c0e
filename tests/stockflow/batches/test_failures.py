"""A run that stops being finite is marked with when and where that began; the others are untouched."""

import numpy as np
import pytest
from stockflow_helpers import loaded

import stockflow

EQUATIONS = """
    limit= 2 ~ Dmnl
    unused= 1/(limit - 5) ~ Dmnl
    level= INTEG ( 1, 0) ~ Dmnl
    gap= limit - level ~ Dmnl
    pressure= SQRT(gap) ~ Dmnl
    flow= 2*pressure ~ Dmnl
    heap= INTEG ( flow, 0) ~ Dmnl
    other= level*2 ~ Dmnl
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> stockflow.Model:
    return loaded(tmp_path_factory.mktemp("failures"), EQUATIONS, step=0.25, final=4.0, save=1.0)


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_a_failed_run_names_the_first_step_and_the_variable_it_began_in(model, method) -> None:
    limits = np.array([9.0, 2.0, 3.1, 9.0, -1.0])
    batch = model.runs({"limit": limits}, ["heap", "other"], method=method).dataset()
    assert batch["finite"].values.tolist() == [True, False, False, True, False]
    bad = batch["first_bad_time"].values
    assert batch["first_bad_variable"].values.tolist() == ["", "pressure", "pressure", "", "pressure"]
    assert bad[[1, 2, 4]].tolist() == [2.25, 3.25, 0.0]
    assert np.isnan(bad[[0, 3]]).all()
    assert batch["first_bad_time"].attrs["unit"] == "Year"
    alone = model.runs({"limit": limits[[0, 3]]}, ["heap", "other"], method=method).dataset()
    assert alone["heap"].values.tobytes() == batch["heap"].values[[0, 3]].tobytes()


def test_what_the_outputs_do_not_depend_on_marks_nothing(model) -> None:
    batch = model.runs({"limit": [5.0, 0.5]}, ["heap"]).dataset()
    assert batch["finite"].values.tolist() == [True, False]
    assert batch["first_bad_variable"].values.tolist() == ["", "pressure"]
    assert model.runs({"limit": 5.0}, ["unused"]).dataset()["first_bad_variable"].values.tolist() == ["unused"]
    assert model.runs({"limit": 0.5}, ["other"]).dataset()["finite"].values.all()


def test_a_stock_is_named_when_its_own_equation_fails(tmp_path) -> None:
    model = loaded(tmp_path, "divisor= 1 ~ Dmnl\nstart= 1 ~ Dmnl\ns= INTEG ( 1/divisor, LN(start)) ~ Dmnl")
    batch = model.runs({"divisor": [1.0, 0.0, 1.0], "start": [1.0, 1.0, 0.0]}, ["s"]).dataset()
    assert batch["first_bad_variable"].values.tolist() == ["", "s", "s"]
    assert batch["first_bad_time"].values[1:].tolist() == [0.25, 0.0]


def test_many_failed_runs_among_many_good_ones_are_all_found(model) -> None:
    limits = np.random.default_rng(8).uniform(0.0, 8.0, 3000)
    batch = model.runs({"limit": limits}, ["heap"]).dataset()
    failed = limits < 4.0 - 0.25
    # the last moment computes a flow that nothing takes up any more
    assert (batch["finite"].values == ~failed).all()
    expected = np.floor(limits[failed] * 4) / 4 + 0.25
    np.testing.assert_array_equal(batch["first_bad_time"].values[failed], expected)
    assert np.isnan(batch["first_bad_time"].values[~failed]).all()


def test_failures_of_runs_with_their_own_paths_are_found_too(model) -> None:
    paths = np.array([[9.0, 9.0], [9.0, -3.0], [9.0, 9.0]])
    batch = model.runs({}, ["heap"], series={"limit": ([0.0, 4.0], paths)}).dataset()
    assert batch["finite"].values.tolist() == [True, False, True]
    assert batch["first_bad_variable"].values.tolist() == ["", "pressure", ""]
    assert batch["first_bad_time"].values[1] == 2.5
