"""Priors of a fifth industry from four: the rule, held to numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from calibration.own.settings import Pooled, load_own_settings, pool, pooled_prior
from stockflow.errors import InputError

WHY = "a reason of some length"
ALL = ("pv", "nev", "ic", "mrna")


def rule(shape: str = "normal", industries: tuple[str, ...] = ALL, least: float = 1e-6) -> Pooled:
    return Pooled.model_validate({"shape": shape, "industries": industries, "least": least, "reason": WHY})


def test_the_ninety_percent_of_the_pool_are_those_of_a_new_member_of_a_normal_family() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.0])
    centre, spread = pool(values)
    end = centre + t.ppf(0.95, 3) * values.std(ddof=1) * np.sqrt(1 + 1 / 4)
    assert centre + norm.ppf(0.95) * spread == pytest.approx(end)


def test_the_source_of_a_pooled_prior_names_every_industry() -> None:
    told = pooled_prior("doing learning rate", rule()).source
    assert all(f"{case} " in told for case in ALL)


def test_two_industries_are_no_pool() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        rule(industries=("pv", "nev"))


def test_an_industry_without_the_parameter_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"pool.'base promotion': industry 'pv' has no such parameter"):
        pooled_prior("base promotion", rule(industries=("pv", "nev", "ic")))


@pytest.mark.parametrize(("count", "held"), [(9, 0), (10, 3), (20, 5), (60, 8)])
def test_a_hindcast_holds_out_a_quarter_of_the_years_within_bounds(count: int, held: int) -> None:
    assert load_own_settings().hindcast.years(count) == held
