"""A value of another scale than the case's history is doubted, by whatever way it is given; one near it never is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.case import load_case
from models.files.casefile import CASES
from models.policy import SCALE, doubts_of_scale, history, read_policy
from models.schedules.file import amounts, load_schedule, shipped

DRIVERS = {"nev": ("central subsidy", "tax exemption"), "pv": ("feed in tariff", "distributed premium")}


@pytest.mark.parametrize("case", DRIVERS)
@pytest.mark.parametrize("seed", range(5))
def test_a_value_is_doubted_just_beyond_the_bound_and_not_within_it(case: str, seed: int) -> None:
    model, rng = load_case(case).model, np.random.default_rng(seed)
    for name in DRIVERS[case]:
        usual = float(np.abs(history(model, name)[1]).max())
        times = 10.0 ** rng.uniform(np.log10(SCALE), 12)
        within = usual * rng.uniform(0, SCALE, 5)
        assert doubts_of_scale({name: within}, model) == []
        (doubt,) = doubts_of_scale({name: [*within, usual * times]}, model)
        assert doubt.startswith(f"{name!r} goes to {usual * times:g} {model.variable(name).unit}, {times:.3g} times ")


def test_what_never_was_has_no_scale() -> None:
    model = load_case("nev").model.with_constants({"purchase tax rate": 0.0})
    assert doubts_of_scale({"purchase tax rate": [1e9]}, model) == []


def test_what_buyers_see_ahead_of_a_doubted_path_is_not_doubted_again(tmp_path: Path) -> None:
    model, table = load_case("pv").model, tmp_path / "policy.csv"
    table.write_text("variable,year,value,unit\nfeed in tariff,2010,100,bnCNY/TWh\n", encoding="utf-8")
    given = {name: values.tolist() for name, (_, values) in read_policy(table, model).items()}
    assert set(given) == {"feed in tariff", "announced tariff"}
    assert len(doubts_of_scale(given, model)) == 1


@pytest.mark.parametrize("name", [name for name in shipped() if load_schedule(name).case in CASES])
def test_no_shipped_schedule_is_doubted(name: str) -> None:
    schedule = load_schedule(name)
    assert doubts_of_scale(amounts(schedule), load_case(schedule.case).model) == []
