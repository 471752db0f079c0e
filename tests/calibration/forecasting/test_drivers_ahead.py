"""Drivers ahead: what was known, then a plan, a trend or the last value, and nothing from after the origin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.forecasting.drivers_ahead import (
    Expectations,
    Plan,
    Rule,
    Rules,
    expectations,
    load_rules,
    paths_ahead,
)
from calibration.forecasting.settings import ForecastSettings
from models.case import load_case
from models.files.series import Point, Series
from stockflow.errors import InputError

HOLD = Rule(rule="hold", reason="test")


def path(values: dict[float, float], name: str = "push") -> Series:
    return Series(
        name, tuple(Point(name, y, v, "Dmnl", "test", "assumed", f"t.csv row {y:g}") for y, v in values.items())
    )


def ahead(
    one: Series,
    rule: Rule,
    origin: int = 2019,
    plans: tuple[Plan, ...] = (),
    limits: tuple[float | None, float | None] = (None, None),
) -> dict[float, float]:
    found = paths_ahead({one.name: one}, Rules(rules={one.name: rule}, plans=plans), origin, 2060.0, {one.name: limits})
    times, values = found[one.name]
    return dict(zip(map(float, times), map(float, values), strict=True))


def test_the_last_value_is_held_and_a_point_beyond_the_origin_draws_no_line_to_it() -> None:
    assert ahead(path({2010.5: 1.0, 2018.5: 2.0, 2020.5: 9.0}), HOLD) == {2010.5: 1.0, 2018.5: 2.0}


def test_a_point_at_the_very_end_of_the_origin_year_is_not_known() -> None:
    assert ahead(path({2019.0: 1.0, 2019.99: 2.0, 2020.0: 9.0}), HOLD) == {2019.0: 1.0, 2019.99: 2.0}


def test_a_trend_goes_on_at_the_rate_of_the_last_five_years_and_stops() -> None:
    known = {2000.5: 1.0, **{2009.5 + k: 3 * np.exp(0.1 * k) for k in range(11)}, 2030.0: 0.0}
    found = ahead(path(known), Rule(rule="trend", years=3, reason="test"))
    assert max(found) == 2023.0
    for year in (2020.5, 2022.5, 2023.0):
        assert found[year] == pytest.approx(3 * np.exp(0.1 * (year - 2009.5)))


def test_a_trend_stops_at_the_limits_of_the_variable() -> None:
    share = path({2014.5: 0.5, 2019.5: 0.9, 2025.0: 0.2})
    found = ahead(share, Rule(rule="trend", years=9, reason="test"), limits=(0.0, 1.0))
    assert max(found.values()) == 1.0


def test_a_plan_replaces_the_rule_at_its_origin_alone() -> None:
    plan = Plan(
        driver="push", origins=(2019,), announced=2019.3, multiples=((2020.99, 1.0), (2021.0, 0.5)), source="test"
    )
    subsidy = path({2000.0: 8.0, 2016.5: 4.0, 2023.0: 0.0})
    assert ahead(subsidy, HOLD, 2019, (plan,)) == {2000.0: 8.0, 2016.5: 4.0, 2020.99: 4.0, 2021.0: 2.0}
    assert ahead(subsidy, HOLD, 2018, (plan,)) == {2000.0: 8.0, 2016.5: 4.0}


STEPS = Plan(
    driver="push", origins=(2016,), announced=2016.9, source="test",
    multiples=((2017.0, 0.8), (2018.99, 0.8), (2019.0, 0.6), (2020.99, 0.6), (2021.0, 0.0)),
)  # fmt: skip
CUT = {2000.0: 8.0, 2016.5: 10.0, 2016.99: 10.0, 2017.0: 7.0}


def test_a_plan_known_earlier_goes_on_from_an_origin_that_no_plan_names() -> None:
    planned = {2018.99: 8.0, 2019.0: 6.0, 2020.99: 6.0, 2021.0: 0.0}
    assert ahead(path(CUT | {2022.0: 3.0}), HOLD, 2017, (STEPS,)) == CUT | planned
    rest = {year: value for year, value in planned.items() if year >= 2021}
    assert ahead(path(CUT | {2022.0: 3.0}), HOLD, 2020, (STEPS,)) == CUT | rest


def test_a_plan_that_is_over_or_not_yet_announced_is_not_gone_by() -> None:
    assert ahead(path(CUT | {2022.0: 3.0}), HOLD, 2021, (STEPS,)) == CUT
    assert ahead(path(CUT), HOLD, 2015, (STEPS,)) == {2000.0: 8.0}


def test_the_plan_announced_last_is_gone_by_and_begins_where_it_was_written_for() -> None:
    later = Plan(driver="push", origins=(2018,), announced=2017.7, points=((2019.0, 1.0), (2020.0, 0.0)), source="test")
    found = ahead(path(CUT | {2019.0: 9.0}), HOLD, 2017, (STEPS, later))
    assert found == CUT | {2018.99: 7.0, 2019.0: 1.0, 2020.0: 0.0}


def test_multiples_of_a_value_that_is_not_known_yet_are_not_gone_by() -> None:
    later = Plan(driver="push", origins=(2018,), announced=2016.9, multiples=((2019.0, 0.5),), source="test")
    assert ahead(path(CUT), HOLD, 2017, (later,)) == CUT


def test_a_shipped_plan_is_known_from_the_years_between_the_accepted_origins() -> None:
    known = expectations("nev")
    model = load_case("nev").model
    limits = {name: model.variable(name).limits for name in known.drivers}
    times, values = paths_ahead(known.drivers, known.rules, 2017, model.final_time, limits)["central subsidy"]
    assert (times[-1], values[-1]) == (2021.0, 0.0)
    known.at(model, 2017)


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_accepted_origins_go_by_the_plans_that_name_them_alone(case: str) -> None:
    known, model = expectations(case), load_case(case).model
    limits = {name: model.variable(name).limits for name in known.drivers}
    for origin in ForecastSettings.load().origins:
        naming = [one for one in known.rules.plans if origin in one.origins]
        strict = known.rules.model_copy(update={"plans": tuple(naming)})
        found = paths_ahead(known.drivers, known.rules, origin, model.final_time, limits)
        for name, (times, values) in paths_ahead(known.drivers, strict, origin, model.final_time, limits).items():
            assert (found[name][0].tobytes(), found[name][1].tobytes()) == (times.tobytes(), values.tobytes()), name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"announced": 2020.0}, "after the origin: the end of 2019"),
        ({"points": ((2019.5, 1.0),)}, "a point in 2019.5, before the end of 2019"),
        ({"points": ((2022.0, 1.0), (2021.0, 1.0))}, "do not increase"),
        ({"points": ()}, "either points or multiples"),
        ({"multiples": ((2021.0, 1.0),)}, "either points or multiples"),
    ],
)
def test_a_plan_that_could_not_have_been_known_or_says_nothing_is_refused(fields: dict[str, object], said: str) -> None:
    good = {"driver": "push", "origins": (2019,), "announced": 2019.2, "points": ((2021.0, 0.0),), "source": "test"}
    with pytest.raises(ValueError, match=said):
        Plan.model_validate(good | fields)


def test_a_file_with_a_plan_from_the_future_is_refused_by_file_key_and_year(tmp_path: Path) -> None:
    file = tmp_path / "ahead.toml"
    file.write_text(
        '[pv.rules]\n"push" = { rule = "hold", reason = "none" }\n[[pv.plans]]\ndriver = "push"\norigins = [2016]\n'
        'announced = 2017.2\npoints = [[2018.0, 1.0]]\nsource = "test"\n'
    )
    with pytest.raises(
        InputError, match=r"ahead.toml: pv.plans.0: .*announced in 2017.2, after the origin: the end of 2016"
    ):
        load_rules("pv", file)


def test_an_unknown_driver_a_missing_rule_and_an_unknown_case_are_refused() -> None:
    known = {"push": path({2000.0: 1.0, 2010.0: 2.0})}
    with pytest.raises(InputError, match=r"drivers_ahead.toml: .*driver 'pusk'"):
        paths_ahead(known, Rules(rules={"pusk": HOLD}), 2019, 2060.0)
    with pytest.raises(InputError, match="no rule for driver 'push'"):
        paths_ahead(known, Rules(rules={}), 2019, 2060.0)
    with pytest.raises(InputError, match="case 'steam'"):
        load_rules("steam")


def test_a_driver_that_starts_after_the_origin_and_a_trend_through_zero_are_refused() -> None:
    with pytest.raises(InputError, match=r"'push' starts in 2015; nothing is known at the end of 2012"):
        ahead(path({2015.0: 1.0, 2016.0: 1.0}), HOLD, 2012)
    with pytest.raises(InputError, match="push: a trend of 0, which is not positive"):
        ahead(path({2000.0: 0.0, 2016.0: 0.0, 2019.0: 1.0}), Rule(rule="trend", reason="test"))


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_every_driver_after_the_origin_can_change_without_changing_a_bit_of_the_expected_run(case: str) -> None:
    origin, model, known = 2019, load_case(case).model, expectations(case)
    changed = {name: _changed_after(one, origin) for name, one in known.drivers.items()}
    assert sum(changed[name] != known.drivers[name] for name in changed) > 20
    paths = {name: (np.array(one.years), np.array(one.values)) for name, one in changed.items() if len(one.points) > 1}
    other = model.with_series(paths)
    stocks = list(model.stocks)[:40]
    runs = [
        Expectations(drivers, known.rules).at(base, origin).runs({}, stocks, until=2024.0).dataset()
        for base, drivers in ((model, known.drivers), (other, changed))
    ]
    for name in stocks:
        assert np.array_equal(runs[0][name].to_numpy(), runs[1][name].to_numpy()), name
    true = model.runs({}, stocks, until=2024.0).dataset()
    assert any(not np.array_equal(true[name].to_numpy(), runs[0][name].to_numpy()) for name in stocks)


def _changed_after(one: Series, origin: int) -> Series:
    points = tuple(replace(p, value=0.5 * p.value + 0.01) if p.year >= origin + 1 else p for p in one.points)
    return Series(one.name, points)


@pytest.mark.parametrize("case", ["pv", "nev"])
@pytest.mark.parametrize("origin", [2012, 2014, 2016, 2018, 2019])
def test_every_driver_has_a_path_from_every_origin_inside_its_limits(case: str, origin: int) -> None:
    model, known = load_case(case).model, expectations(case)
    limits = {name: model.variable(name).limits for name in known.drivers}
    paths = paths_ahead(known.drivers, known.rules, origin, model.final_time, limits)
    for name, (times, values) in paths.items():
        true = known.drivers[name]
        before = [(y, v) for y, v in zip(true.years, true.values, strict=True) if y < origin + 1]
        assert list(zip(times, values, strict=True))[: len(before)] == before
    known.at(model, origin)  # refuses values outside limits and times that do not increase


def test_what_buyers_see_coming_is_the_plan_read_ahead() -> None:
    model = load_case("nev").model
    later = expectations("nev").at(model, 2019)
    run = later.runs({}, ["announced central subsidy", "central subsidy"], until=2022.0, save_period=0.25).dataset()
    horizon = model.variable("anticipation horizon").value
    assert horizon == 0.5
    announced, paid = (run[n].to_numpy()[0] for n in ("announced central subsidy", "central subsidy"))
    shift = int(horizon / 0.25)
    assert announced[:-shift] == pytest.approx(paid[shift:], rel=1e-9)
    assert paid[-1] == 0.0
    assert paid[-6] > 0.0
