"""Priors of a fifth industry from four: the rule, held to numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from calibration.own_settings import Pooled, industry_centres, load_own_settings, pool, pooled_prior
from calibration.results import load_accepted
from models.case import load_case
from stockflow.errors import InputError

WHY = "a reason of some length"
ALL = ("pv", "nev", "ic", "mrna")


def rule(shape: str = "normal", industries: tuple[str, ...] = ALL, least: float = 1e-6) -> Pooled:
    return Pooled.model_validate({"shape": shape, "industries": industries, "least": least, "reason": WHY})


def test_the_pool_of_three_is_their_mean_and_the_spread_of_a_fourth() -> None:
    centre, spread = pool(np.array([0.1, 0.2, 0.3]))
    assert centre == pytest.approx(0.2)
    # s = 0.1, n = 3: 0.1 sqrt(4/3) times 2.91999/1.64485
    assert spread == pytest.approx(0.1 * 1.1547005 * 2.9199856 / 1.6448536, rel=1e-6)


def test_the_ninety_percent_of_the_pool_are_those_of_a_new_member_of_a_normal_family() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.0])
    centre, spread = pool(values)
    end = centre + t.ppf(0.95, 3) * values.std(ddof=1) * np.sqrt(1 + 1 / 4)
    assert centre + norm.ppf(0.95) * spread == pytest.approx(end)


def test_centres_are_the_accepted_estimates_where_there_are_any_else_the_case_files() -> None:
    found = industry_centres("doing learning rate", ALL)
    for case in ("pv", "nev"):
        assert found[case][0] == load_accepted(case).values["doing learning rate"]
    assert found["mrna"][0] == pytest.approx(load_case("mrna").parameters["doing learning rate"].value)


def test_a_lognormal_pool_averages_logarithms() -> None:
    values = [value for value, _ in industry_centres("cost sensitivity", ALL).values()]
    assert pooled_prior("cost sensitivity", rule("lognormal")).centre == pytest.approx(
        float(np.exp(np.mean(np.log(values))))
    )


def test_a_pool_is_never_narrower_than_stated() -> None:
    assert pooled_prior("cost sensitivity", rule("lognormal", least=7.0)).spread == 7.0


def test_the_source_of_a_pooled_prior_names_every_industry() -> None:
    told = pooled_prior("doing learning rate", rule()).source
    assert all(f"{case} " in told for case in ALL)


def test_two_industries_are_no_pool() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        rule(industries=("pv", "nev"))


def test_an_industry_without_the_parameter_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"pool.'base promotion': industry 'pv' has no such parameter"):
        pooled_prior("base promotion", rule(industries=("pv", "nev", "ic")))


def test_every_prior_of_the_settings_can_be_made() -> None:
    for name, one in load_own_settings().pool.items():
        assert pooled_prior(name, one).spread >= one.least


@pytest.mark.parametrize(("count", "held"), [(9, 0), (10, 3), (20, 5), (60, 8)])
def test_a_hindcast_holds_out_a_quarter_of_the_years_within_bounds(count: int, held: int) -> None:
    assert load_own_settings().hindcast.years(count) == held
