"""A forecast sees nothing after its origin, says how sure it is, and prints nothing that has not converged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import calibration.fitting.posterior
import stockflow
from calibration.errors import NotConvergedError
from calibration.fitting.targets import (
    PartialStep,
    Prior,
    Sampling,
    SeriesTarget,
    Targets,
    load_targets,
)
from calibration.forecasting.ahead import Mode, carried_forward
from calibration.forecasting.drivers_ahead import Expectations, Rule, Rules
from calibration.forecasting.forecast import CaseForecast, forecast_case, payoff_at
from calibration.forecasting.new_scores import skill_words
from calibration.forecasting.scores import COMBINED, MODEL, POOL
from calibration.forecasting.settings import CaseSettings, ForecastSettings, Kind
from calibration.observed.observations import Source
from models.case import Case, Parameter, load_case
from models.files.series import Point, Series
from models.home import home_of
from stockflow.errors import InputError

GROWTH = """{UTF-8}
growth rate= 0.2 ~ 1/Year [0,1] ~ Share added per year. |
push= WITH LOOKUP ( Time, ([(2000,0)-(2030,9)], (2000,1), (2030,1))) ~ Dmnl [0,9] ~ What drives growth. |
initial size= 2 ~ unit ~ Where the stock starts. |
inflow= Size*growth rate*push ~ unit/Year ~ Growth. |
Size= INTEG ( inflow, initial size) ~ unit ~ What grows. |
FINAL TIME= 2030 ~ Year ~ End. |
INITIAL TIME= 2000 ~ Year ~ Start. |
SAVEPER= 0.25 ~ Year ~ Save. |
TIME STEP= 0.0625 ~ Year ~ Step. |
"""
ORIGIN = 2012
Fit = Callable[..., CaseForecast]


def path(values: dict[float, float], name: str = "push") -> Series:
    return Series(name, tuple(Point(name, y, v, "Dmnl", "test", "assumed", f"row {y}") for y, v in values.items()))


PUSH = path({2000: 1.0, 2012.5: 1.0, 2014.0: 0.5, 2030.0: 0.5})


def small_settings(kind: Kind = "cost", **sampling: object) -> ForecastSettings:
    rules = {"chains": 2, "tune": 100, "draws": 120, "largest_rhat": 1.1, "smallest_ess": 20, "most_divergent": 0.1}
    return ForecastSettings(
        seed=3, starts=2, origins=(ORIGIN,), headline_origin=ORIGIN, resamples=200,
        sampling=Sampling.model_validate(rules | sampling),
        cases={"growth": CaseSettings(headline=("size",), kinds={"size": kind})},
    )  # fmt: skip


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> Case:
    file = tmp_path_factory.mktemp("models") / "growth.mdl"
    file.write_text(GROWTH, encoding="utf-8")
    parameter = Parameter(
        name="growth rate", value=0.2, unit="1/Year", low=0.001, high=0.9, source="test", evidence="assumed",
        comment="Test.",
    )  # fmt: skip
    home = replace(home_of("pv"), name="growth", label="growth", entry="growth")
    return Case("growth", "Growth", {"growth rate": parameter}, stockflow.load(file), home)


@pytest.fixture
def targets() -> Targets:
    source = Source(table="t", series="s", region="r", unit="u", first_year=2000, last_year=2019)
    series = SeriesTarget(
        name="size", quantity="Size", measure="year end", unit="unit", sigma=0.1, first_year=2000, last_year=2019,
        scope="made by the model itself", sources=(source,),
    )  # fmt: skip
    prior = Prior(shape="lognormal", centre=0.2, spread=0.5, source="test")
    return Targets(case="growth", last_year=2019, starts=2, seed=1, free={"growth rate": prior},
                   response="growth rate", response_grid=(0.1, 0.2, 0.3), series=(series,))  # fmt: skip


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """What has been observed, by year: change it and every reader sees the change."""
    noise = np.random.default_rng(4).normal(0, 0.05, 20)
    values = {year: 2 * float(np.exp(0.2 * (year - 1999) + noise[year - 2000])) for year in range(2000, 2020)}

    def observed(sources: Sequence[Source], unit: str, combine: str = "") -> pd.Series:
        years = [year for year in values if any(one.covers(year) for one in sources)]
        return pd.Series([values[y] for y in years], index=pd.Index(years, dtype="int64"), name=unit)

    monkeypatch.setattr("calibration.fitting.payoff.observed", observed)
    monkeypatch.setattr("calibration.forecasting.forecast.observed", observed)
    monkeypatch.setattr("calibration.forecasting.forecast._holds", lambda one: any(one.covers(y) for y in values))
    return values


@pytest.fixture
def fit(growth: Case, targets: Targets, seen: dict[int, float], tmp_path: Path) -> Fit:
    def run(
        name: str = "a", mode: Mode = "conditional", drivers: Series = PUSH, kind: Kind = "cost", **sampling: object
    ) -> CaseForecast:
        driven = replace(
            growth, model=growth.model.with_series({"push": (np.array(drivers.years), np.array(drivers.values))})
        )
        known = Expectations({"push": drivers}, Rules(rules={"push": Rule(rule="hold", reason="test")}))
        settings = small_settings(kind, **sampling)
        return forecast_case(driven, targets, ORIGIN, mode, tmp_path / name, settings, expected=known)

    return run


def test_a_forecast_does_not_see_what_was_observed_after_its_origin(fit: Fit, seen: dict[int, float]) -> None:
    first = fit("a").series[0]
    for year in range(ORIGIN + 1, 2020):
        seen[year] *= 3.0
    second = fit("b").series[0]
    assert first.years == second.years == tuple(range(2013, 2020))
    assert list(first.draws) == list(second.draws)
    for name in first.draws:
        assert np.array_equal(first.draws[name], second.draws[name]), name
    assert second.skills[MODEL].mean_crps > first.skills[MODEL].mean_crps


def test_a_conditional_forecast_runs_with_the_true_drivers(fit: Fit) -> None:
    slow = fit("a").series[0]
    fast = fit("b", drivers=path({2000: 1.0, 2012.5: 1.0, 2014.0: 1.5, 2030.0: 1.5})).series[0]
    ratio = np.log(np.median(fast.draws[MODEL][:, -1]) / np.median(slow.draws[MODEL][:, -1]))
    assert ratio == pytest.approx(0.2 * 6.75, rel=0.1)


def test_an_unconditional_forecast_knows_no_driver_after_its_origin_to_the_bit(fit: Fit) -> None:
    known = fit("a", "unconditional").series[0]
    other = fit("b", "unconditional", path({2000: 1.0, 2012.5: 1.0, 2013.0: 7.0, 2030.0: 0.1})).series[0]
    assert np.array_equal(known.draws[MODEL], other.draws[MODEL])
    held = np.log(np.median(known.draws[MODEL][:, -1]) / known.history.values[-1]) / 7
    assert held == pytest.approx(0.2, rel=0.1)


def test_a_forecast_that_has_not_converged_is_not_made_and_its_chains_are_kept(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(
        NotConvergedError, match=r"forecast from 2012 conditional: bulk ESS of 'size in .* chains kept in"
    ):
        fit("a", smallest_ess=1e6)
    assert len(list((tmp_path / "a").glob("chain_*.npz"))) == 2


def test_finished_chains_are_used_again(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fit("a").series[0]

    def refuse(*_: object) -> None:
        raise AssertionError("a finished chain was sampled again")

    monkeypatch.setattr(calibration.fitting.posterior, "sample_chain", refuse)
    assert np.array_equal(first.draws[MODEL], fit("a").series[0].draws[MODEL])


@pytest.mark.parametrize("what", ["observation", "mode", "setting"])
def test_chains_of_other_data_mode_or_setting_are_refused(fit: Fit, seen: dict[int, float], what: str) -> None:
    fit("a")
    if what == "observation":
        seen[2005] *= 1.01
    with pytest.raises(InputError, match=r"chain_0.npz: belongs to another model, data or setting"):
        fit("a", "unconditional" if what == "mode" else "conditional", **({"tune": 101} if what == "setting" else {}))


def test_an_origin_before_the_data_or_at_their_end_is_refused(
    growth: Case, targets: Targets, seen: dict[int, float], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no series has 3 observations by 1999"):
        forecast_case(growth, targets, 1999, "conditional", tmp_path, small_settings())
    with pytest.raises(InputError, match="nothing is observed after 2019"):
        forecast_case(growth, targets, 2019, "conditional", tmp_path, small_settings())


def test_a_case_that_the_settings_do_not_know_is_refused(
    growth: Case, targets: Targets, seen: dict[int, float], tmp_path: Path
) -> None:
    other = targets.model_copy(update={"case": "steam"})
    with pytest.raises(InputError, match=r"forecasts.toml: cases: nothing is said of case 'steam'; known: 'growth'"):
        forecast_case(growth, other, ORIGIN, "conditional", tmp_path, small_settings())


def test_a_series_without_data_by_the_origin_is_named_and_not_scored(
    growth: Case, targets: Targets, seen: dict[int, float], tmp_path: Path
) -> None:
    one = targets.series[0]
    late = one.model_copy(update={"name": "late size", "first_year": 2011})
    both = targets.model_copy(update={"series": (one, late)})
    settings = small_settings()
    about = CaseSettings(headline=("size",), kinds={"size": "cost", "late size": "cost"})
    settings = settings.model_copy(update={"cases": {"growth": about}})
    found = forecast_case(growth, both, ORIGIN, "conditional", tmp_path, settings)
    assert [series.name for series in found.series] == ["size"]
    assert found.untold == {"late size": "not fitted: 2 observations by 2012, fewer than 3"}


def test_naive_forecasts_that_need_more_years_are_named_with_the_reason(fit: Fit, seen: dict[int, float]) -> None:
    for year in range(2000, 2008):
        del seen[year]
    series = fit("a", kind="level").series[0]
    assert set(series.naive) == {"Moore's law", "exponential", "last value"}
    assert set(series.absent) == {"logistic", "Gompertz", "Bass"}
    assert "needs at least 6" in series.absent["logistic"]


def test_errors_are_carried_forward_with_the_mean_and_variance_of_the_autoregression() -> None:
    n, degrees, sigma, rho = 200_000, 9.0, 0.3, 0.7
    years = np.array([2013, 2014, 2017])
    last, size, keeps = np.full(n, 0.8), np.full(n, sigma), np.full(n, rho)
    z = carried_forward(last, size, keeps, "flow", 2011, years, degrees, np.random.default_rng(1))
    gaps = np.array([2, 3, 6])
    assert z.mean(axis=0) == pytest.approx(0.8 * rho**gaps, abs=4e-3)
    variance = sigma**2 * (1 - rho ** (2 * gaps)) * degrees / (degrees - 2)
    assert z.var(axis=0) == pytest.approx(variance, rel=0.02)
    assert np.corrcoef(z[:, 0], z[:, 1])[0, 1] == pytest.approx(rho * np.sqrt(variance[0] / variance[1]), abs=0.01)


def test_the_error_of_a_cost_walks_at_random_from_the_last_misfit() -> None:
    n, degrees, sigma, rho = 200_000, 9.0, 0.3, 0.7
    last, size, keeps = np.full(n, 0.8), np.full(n, sigma), np.full(n, rho)
    years = np.array([2013, 2014, 2017])
    z = carried_forward(last, size, keeps, "cost", 2011, years, degrees, np.random.default_rng(1))
    horizons = np.array([2, 3, 6])
    assert z.mean(axis=0) == pytest.approx(0.8, abs=4e-3)
    assert z.var(axis=0) == pytest.approx(horizons * sigma**2 * (1 - rho**2) * degrees / (degrees - 2), rel=0.02)
    assert np.corrcoef(z[:, 0], z[:, 2])[0, 1] == pytest.approx(np.sqrt(horizons[0] / horizons[2]), abs=0.01)


def test_a_cost_starts_from_its_last_observation_and_a_volume_nearer_to_the_model(
    fit: Fit, seen: dict[int, float]
) -> None:
    seen[ORIGIN] *= 1.3
    even = path({2000: 1.0, 2030: 1.0})
    cost, volume = (fit("a", drivers=even, kind=kind).series[0] for kind in ("cost", "flow"))
    start, lower = (np.log(np.median(one.draws[MODEL][:, 0])) - 0.2 for one in (cost, volume))
    assert start == pytest.approx(float(cost.history.logs[-1]), abs=0.03)
    assert lower < start - 0.05


def test_the_combination_and_the_pool_stand_beside_what_they_are_made_of(fit: Fit) -> None:
    series = fit("a", kind="flow").series[0]
    assert series.reference == "Gompertz"
    assert {MODEL, "Gompertz", COMBINED, POOL} <= set(series.skills)
    middle = {who: np.log(np.median(series.draws[who], axis=0)) for who in (MODEL, "Gompertz", COMBINED)}
    assert middle[COMBINED] == pytest.approx((middle[MODEL] + middle["Gompertz"]) / 2, abs=1e-3)
    assert series.best_naive in series.naive
    assert not {MODEL, COMBINED, POOL} & set(series.naive)
    ratio = series.skills[COMBINED].mean_crps / series.skills[series.best_naive].mean_crps
    assert f"; half and half with Gompertz {ratio:.2f}" in skill_words([series])[-1]


def test_what_was_fitted_to_later_years_is_free_and_leaves_no_trace() -> None:
    case, targets = load_case("nev"), load_targets("nev")
    payoff = payoff_at(case, targets, 2016, "conditional")
    assert {"reference credit price", "performance half knowledge"} <= set(payoff.space.names)
    names = [one.name for one in payoff.coordinates]
    moved = replace(case, model=case.model.with_constants({n: _near_low(case.parameters[n]) for n in names}))
    again = payoff_at(moved, targets, 2016, "conditional")
    x = payoff.space.centre[None]
    assert np.array_equal(payoff.readings(x), again.readings(x))
    assert payoff.model.file.text == again.model.file.text


def _near_low(one: Parameter) -> float:
    return one.low + 1e-3 * (one.high - one.low)


def test_no_effect_date_or_range_known_later_is_in_the_payoff() -> None:
    payoff = payoff_at(load_case("nev"), load_targets("nev"), 2019, "conditional")
    assert [one.known_from for one in payoff.effects] == [2019]  # the quasi-experiment was published in 2020
    assert max(int(one.years[-1]) for one in payoff.series) == 2019


def test_a_partial_step_without_data_keeps_its_prior(growth: Case, targets: Targets, seen: dict[int, float]) -> None:
    step = PartialStep(name="late", series=("late size",), free={"growth rate": targets.free["growth rate"]})
    late = targets.series[0].model_copy(update={"name": "late size", "first_year": 2018})
    both = targets.model_copy(update={"series": (targets.series[0], late), "partial": (step,), "free": {}})
    assert payoff_at(growth, both, ORIGIN, "conditional").space.names[0] == "growth rate"


def test_the_shipped_settings_speak_of_every_series_and_refuse_strangers() -> None:
    settings = ForecastSettings.load()
    for case in ("pv", "nev"):
        assert settings.of(load_targets(case)).headline
    targets = load_targets("nev")
    short = targets.model_copy(update={"series": targets.series[1:]})
    with pytest.raises(InputError, match="headline: 'NEV sales' is no series of the targets"):
        settings.of(short)
    more = targets.series[0].model_copy(update={"name": "trains"})
    with pytest.raises(InputError, match="kinds: nothing is said of series 'trains'"):
        settings.of(targets.model_copy(update={"series": (*targets.series, more)}))
