"""The last years of a user's technology held out: what its fit would have said of them; and a fit's being current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from calibration_helpers import shallow
from own_helpers import short_wind
from own_made import PLUMBING

from calibration.fitting.targets import load_targets
from calibration.forecasting.ahead import accepted_fit
from calibration.forecasting.forecast import CaseForecast
from calibration.own import fit as own_fit
from calibration.own.fit import calibrate_own
from calibration.own.forecast import cumulative_of, hindcast, targets_at
from calibration.own.settings import load_own_settings
from calibration.own.targets import FLOOR
from calibration.records.results import is_current
from stockflow.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseForecast]:
    """Return the hindcast of a short case, whose folder is the current one."""
    few = load_own_settings().model_copy(update={"quick": PLUMBING})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("own"))
        patch.setattr(own_fit, "load_own_settings", lambda: few)
        shallow(patch)
        calibrate_own("wind", short_wind(Path()), starts=1, quick=True)
        found, why = hindcast("wind")
        assert found is not None, why
        yield found


def test_a_hindcast_is_scored_on_the_years_that_it_did_not_see(wind: CaseForecast) -> None:
    assert wind.origin == 2013
    for one in wind.series:
        assert one.history.last_year == 2013
        assert one.years == (2014, 2015, 2016)
        assert len(one.observed) == 3


def test_a_hindcast_scores_model_and_naive_forecasts_alike(wind: CaseForecast) -> None:
    skills = {one.name: set(one.skills) for one in wind.series}
    assert {"model", "Wright's law", "Moore's law", "last value"} <= skills["unit_cost"]
    assert {"model", "logistic", "exponential"} <= skills["annual_volume"]


def test_experience_is_what_came_before_and_the_observed_years(wind: CaseForecast) -> None:
    past, volumes = cumulative_of(accepted_fit("wind")), accepted_fit("wind").series("annual_volume")
    assert past is not None
    assert past.values[-1] - past.values[0] == pytest.approx(volumes.values[1:].sum())


def test_a_hindcast_has_no_prior_that_knows_held_out_costs(wind: CaseForecast) -> None:
    fitted, settings = accepted_fit("wind"), load_own_settings()
    cost, times = fitted.series("unit_cost"), settings.started[FLOOR].times
    seen = cost.values[cost.years <= wind.origin]
    then, now = targets_at(fitted, settings, wind.origin).free[FLOOR], load_targets("wind").free[FLOOR]
    assert then.centre == pytest.approx(times * seen.min() / seen[0])
    assert now.centre == pytest.approx(times * cost.values.min() / cost.values[0])
    assert then.centre > now.centre


def test_a_fit_is_current_until_its_case_changes(wind: CaseForecast) -> None:
    assert is_current("wind")
    file = Path("wind/policy.csv")
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}subsidy per unit,2003,20,USD2022/MWh,made up,assumed,\n", encoding="utf-8")
    try:
        assert not is_current("wind")
    finally:
        file.write_text(before, encoding="utf-8")


def test_too_few_years_make_no_hindcast_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    short_wind(tmp_path)
    with pytest.raises(InputError, match=r"techcycle calibrate wind --data wind.observations.csv"):
        hindcast("wind")
    assert load_own_settings().hindcast.years(9) == 0
