"""A fit whose chains fall short gets more of them; forecasts of a share stay shares; a lost hindcast is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration_helpers import shallow
from own_made import PLUMBING, edited, table, written

from calibration.errors import NotConvergedError
from calibration.forecasting.ahead import ScoredForecast, SeriesForecast
from calibration.forecasting.new_scores import skill_words
from calibration.observed.history import History
from calibration.own import fit as own_fit
from calibration.own.fit import calibrate_own
from calibration.own.forecast import fans, hindcast
from calibration.own.new import new_case
from calibration.own.settings import OwnSettings, load_own_settings

YEARS = (2001, 2002)


def few() -> OwnSettings:
    return load_own_settings().model_copy(update={"quick": PLUMBING, "doublings": 1})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[int]]:
    """Fit a share in a new folder, the first chains being refused; return how many chains were asked for each time."""
    asked: list[int] = []
    whole = own_fit.sampled_posterior

    def refusing(mode: Any, *rest: Any) -> Any:
        asked.append(mode.targets.sampling.chains)
        if len(asked) == 1:
            whole(mode, *rest)
            raise NotConvergedError("tail ESS of 'persistence of share' is 116.1, below 200")
        return whole(mode, *rest)

    home = tmp_path_factory.mktemp("share")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(own_fit, "load_own_settings", few)
        shallow(patch)
        patch.setattr(own_fit, "sampled_posterior", refusing)
        rows = [row for row in table() if not row.startswith("annual")]
        rows += [f"share,{2008 + i},{round(min(0.9, 0.02 * 2**i) + 0.005 * i, 4)},1,made up" for i in range(10)]
        data = written(Path("data.csv"), rows)
        new_case("mine", Path(), data)
        for old, new in (("time_step = 0.0625", "time_step = 0.25"), ("final_time = 2060.0", "final_time = 2045.0")):
            edited(Path("mine/case.toml"), old, new)
        calibrate_own("mine", data, starts=1, quick=True)
        yield asked


def test_chains_that_break_their_rules_get_as_many_again_beside_them(fitted: list[int]) -> None:
    assert fitted == [2, 4]
    assert len(list(Path("mine/results/chains").rglob("chain_*.npz"))) == 4


def test_the_first_chains_are_kept_for_the_second_try(fitted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError("a chain that was there was sampled again")

    monkeypatch.setattr(own_fit, "load_own_settings", few)
    monkeypatch.setattr("calibration.fitting.posterior.sample_chain", unwanted)
    assert calibrate_own("mine", Path("data.csv"), starts=1, quick=True).draws.coordinates.shape[0] == 2


def test_no_forecast_of_a_share_goes_above_one(fitted: list[int]) -> None:
    (share,) = (one for one in fans("mine", 2040) if one.name == "share")
    assert max(float(draws.max()) for draws in share.draws.values()) <= 1
    assert {"model", "exponential"} <= set(share.draws)


def test_a_share_that_saturates_is_scored_although_naive_forecasts_of_it_pass_one(fitted: list[int]) -> None:
    found, why = hindcast("mine")
    assert found is not None, why
    share = found.named("share")
    assert share is not None
    assert {"model", "exponential"} <= set(share.skills)


def scored(model: float, naive: float) -> ScoredForecast:
    """Two years of forecasts that miss an observed 1 by a factor."""
    rng = np.random.default_rng(1)
    noise = np.exp(0.05 * rng.standard_normal((400, 2)))
    draws = {"model": model * noise, "Moore's law": naive * noise}
    history = History("unit_cost", np.array([1999, 2000]), np.array([1.2, 1.1]), "1")
    return SeriesForecast(2000, "conditional", "cost", history, YEARS, draws, {}).scored(np.array([1.0, 1.0]))


def test_where_no_naive_forecast_could_be_made_that_is_said() -> None:
    alone = replace(found := scored(1.0, 2.0), skills={"model": found.skills["model"]})
    assert skill_words([alone]) == ["unit_cost: no naive forecast could be made; nothing is won or lost"]


def test_a_naive_forecast_that_wins_is_named_with_the_advice_to_take_it() -> None:
    (words,) = skill_words([scored(2.0, 1.0)])
    assert "the model loses to the best naive forecast, Moore's law" in words
    assert "0% of years inside" in words
    assert words.endswith("take Moore's law")


def test_a_model_that_wins_is_said_to() -> None:
    (words,) = skill_words([scored(1.0, 2.0)])
    assert words.startswith("unit_cost: the model wins against the best naive forecast, Moore's law")


def test_more_chains_are_the_same_rules() -> None:
    settings = load_own_settings()
    rules = settings.chains(settings.sampling)
    assert [one.chains for one in rules] == [4, 8, 16]
    assert all(one.model_copy(update={"chains": 4}) == settings.sampling for one in rules)
