"""Scoring a shipped case on observations that its accepted fit never saw; values are made up, the mechanism is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_helpers import write

from calibration.forecasting.ahead import accepted_fit
from calibration.forecasting.new_scores import score_case, skill_words
from calibration.forecasting.scores import COMBINED, MODEL, POOL
from stockflow.errors import InputError

UNIT, WHY = "million vehicles/Year", "a number for the test"


def test_a_shipped_case_is_scored_from_its_last_fitted_year(tmp_path: Path) -> None:
    (one,) = score_case("nev", write(tmp_path / "new.csv", [["NEV sales", 2024, 11.3, UNIT, WHY]]))
    assert one.history.last_year == 2023
    assert {MODEL, "logistic", "exponential", "last value"} <= set(one.skills)
    last = float(one.history.values[-1])
    assert np.median(one.draws["last value"]) == pytest.approx(last, rel=0.1)


def test_observations_that_stay_at_the_last_fitted_value_are_scored(tmp_path: Path) -> None:
    last = float(accepted_fit("nev").series("NEV sales").values[-1])
    rows = [["NEV sales", year, repr(last), UNIT, WHY] for year in (2024, 2025)]
    (one,) = score_case("nev", write(tmp_path / "new.csv", rows))
    assert one.observed == pytest.approx((last, last))
    assert one.skills["last value"].mean_crps < one.skills["exponential"].mean_crps


def test_the_words_say_whether_the_model_has_a_lower_crps_than_every_naive_forecast(tmp_path: Path) -> None:
    (one,) = score_case("nev", write(tmp_path / "new.csv", [["NEV sales", 2024, 11.3, UNIT, WHY]]))
    winner = min((MODEL, *one.naive), key=lambda who: one.skills[who].mean_crps)
    told = next(line for line in skill_words([one]) if line.startswith("NEV sales: the model"))
    assert ("wins against" in told) == (winner == MODEL)


def test_values_in_a_unit_that_converts_are_the_same_observation(tmp_path: Path) -> None:
    one, other = (
        score_case("nev", write(tmp_path / "new.csv", [["NEV sales", 2024, value, unit, WHY]]))[0]
        for value, unit in ((11.3, UNIT), (11.3e6, "vehicles/Year"))
    )
    assert one.observed == pytest.approx(other.observed)
    assert one.skills[MODEL].crps == pytest.approx(other.skills[MODEL].crps)


def test_a_cost_of_pv_is_held_against_wrights_law_too(tmp_path: Path) -> None:
    (one,) = score_case("pv", write(tmp_path / "new.csv", [["module price", 2024, 1.0, "CNY2020/W", WHY]]))
    assert {MODEL, "Wright's law", COMBINED, POOL} <= set(one.skills)
    assert one.reference == "Wright's law"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["NEV sales", 2023, 9, UNIT, "x"], "row 2: NEV sales of 2023 is not after 2023, the last year that the fit"),
        (["NEV sale", 2024, 9, UNIT, "x"], "row 2: unknown fitted series 'NEV sale'"),
        (["NEV sales", 2024, 9, "GWh", "x"], "row 2: NEV sales is in 'GWh', not 'million vehicles/Year'"),
        (["NEV sales", 2199, 9, UNIT, "x"], "row 2: year 2199 is after the run"),
    ],
)
def test_what_a_shipped_case_has_seen_or_does_not_know_is_refused_by_row(
    tmp_path: Path, row: list[object], words: str
) -> None:
    with pytest.raises(InputError) as told:
        score_case("nev", write(tmp_path / "new.csv", [row]))
    assert words in str(told.value)
