"""What a schedule does to a run: nothing before it begins, what the model's own phase-out clock does after."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import xarray as xr

from calibration.results import accepted_posterior
from models.case import load_case
from models.schedule import Change, Schedule, unchanged
from models.schedule_run import run_schedule
from stockflow import Model

OUTPUTS = ("market share", "Price", "Cumulative Domestic Sales", "Cumulative Support Outlay")
MAIN = {"nev": "purchase subsidy", "pv": "feed-in premium"}
UNTIL = 2030.0
Samples = Mapping[str, np.ndarray]


@pytest.fixture(scope="module", params=["nev", "pv"])
def block(request: pytest.FixtureRequest) -> tuple[str, Model, Samples, xr.Dataset]:
    model, samples = load_case(request.param).model, accepted_posterior(request.param).spread(24)
    return request.param, model, samples, model.batch(samples, OUTPUTS, until=UNTIL, save_period=0.25)


def schedule(case: str, name: str, **change: object) -> Schedule:
    return unchanged(case).changed({MAIN[case]: Change.model_validate(change)}, name)


def run(block: tuple[str, Model, Samples, xr.Dataset], one: Schedule) -> xr.Dataset:
    return run_schedule(block[1], one, block[2], OUTPUTS, UNTIL, 0.25)


def test_a_schedule_that_changes_nothing_gives_the_base_run_bit_for_bit(block) -> None:
    same = run(block, unchanged(block[0]))
    for name in OUTPUTS:
        np.testing.assert_array_equal(same[name], block[3][name])


def test_a_cliff_leaves_everything_before_it_as_it_was_and_changes_every_draw_after(block) -> None:
    cut = run(block, schedule(block[0], "cut", shape="cliff", start=2015.0))
    before = slice(None, 2015.0)
    for name in ("Price", "Cumulative Domestic Sales"):
        np.testing.assert_array_equal(cut[name].sel(time=before), block[3][name].sel(time=before))
    after = {"time": 2017.0}
    assert (cut["Cumulative Domestic Sales"].sel(after) < block[3]["Cumulative Domestic Sales"].sel(after)).all()


def test_a_trigger_that_never_fires_never_begins_and_gives_the_base_run_bit_for_bit(block) -> None:
    trigger = {"on": "market share", "level": 0.999, "unit": "Dmnl"}
    never = run(block, schedule(block[0], "never", shape="cliff", trigger=trigger))
    assert never["began"].isnull().all()
    for name in OUTPUTS:
        np.testing.assert_array_equal(never[name], block[3][name])
