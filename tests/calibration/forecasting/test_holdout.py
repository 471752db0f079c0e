"""What a fit may see at a forecast's origin: nothing that came, or was published, later."""

from __future__ import annotations

import pytest

from calibration.fitting.fit import closed_payoff, drive
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import (
    DrivenVariable,
    EffectTarget,
    EventTarget,
    PartialStep,
    RangeTarget,
    SeriesTarget,
    Targets,
    load_targets,
)  # fmt: skip
from calibration.forecasting.forecast import FEWEST, seen_by
from calibration.observed.observations import Source
from models.case import load_case
from stockflow.errors import InputError

ORIGINS = (2012, 2016, 2019)
TABLE = "new_energy_vehicles"
SALES = Source(table=TABLE, series="nev_sales", region="China", unit="vehicles/year", first_year=2011, last_year=2023)
EXPORTS = SALES.model_copy(update={"series": "nev_exports", "first_year": 2020, "factor": -1.0})
STOCK = SALES.model_copy(update={"series": "nev_stock", "unit": "vehicles, end of year", "first_year": 2014})


def series(name: str, *sources: Source, unit: str = "million vehicles/Year", **given: object) -> SeriesTarget:
    usual = {"quantity": "Cumulative Domestic Sales", "measure": "yearly difference", "sigma": 0.2, "first_year": 2011,
             "last_year": 2023, "scope": "made for a test"}  # fmt: skip
    return SeriesTarget.model_validate({"name": name, "unit": unit, "sources": sources, **usual, **given})


@pytest.mark.parametrize("case", ["pv", "nev"])
@pytest.mark.parametrize("year", ORIGINS)
def test_nothing_after_the_origin_is_left_in_the_shipped_targets(case: str, year: int) -> None:
    whole = load_targets(case)
    cut = seen_by(whole, year)
    assert cut.last_year == year
    for one in cut.series:
        assert one.last_year <= year
        assert all(source.last_year <= year for source in one.sources)
        found = fitted_series(one)
        assert len(found.years) >= FEWEST
        assert found.years.max() <= year
    assert all(one.year < year + 1 for one in cut.events)
    assert all(one.known_from <= year for one in cut.effects)
    assert all(one.last_year <= year for one in cut.ranges)
    for step in cut.partial:
        assert set(step.series) <= {one.name for one in cut.series}
        assert set(step.events) <= {one.name for one in cut.events}
        assert step.series or step.events
        for driven in step.driven:
            times, _ = drive(driven)
            assert times.max() <= year + 1
    again = Targets.model_validate(cut.model_dump())
    assert again == cut, "a cut target file must still be a good one"


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_what_is_seen_before_the_origin_is_what_was_seen_then(case: str) -> None:
    whole = load_targets(case)
    cut = seen_by(whole, 2016)
    for one in cut.series:
        full, seen = fitted_series(whole.named(one.name)), fitted_series(one)
        before = full.years <= 2016
        assert seen.years.tolist() == full.years[before].tolist()
        assert seen.values.tolist() == full.values[before].tolist()
        assert seen.sigma.tolist() == full.sigma[before].tolist()


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_the_last_year_sees_everything(case: str) -> None:
    whole = load_targets(case)
    far = seen_by(whole, 2100)
    assert far.series == whole.series
    assert far.events == whole.events
    assert far.effects == whole.effects
    assert far.ranges == whole.ranges
    assert [step.name for step in far.partial] == [step.name for step in whole.partial]


def test_a_cut_payoff_reads_no_year_after_the_origin_of_any_series() -> None:
    payoff = closed_payoff(load_case("nev"), seen_by(load_targets("nev"), 2016))
    assert max(int(one.years.max()) for one in payoff.series) == 2016
    assert payoff.effects == (), "the study of subsidies was published in 2020"


def test_a_series_with_fewer_than_three_observations_is_left_out_with_the_steps_that_need_it() -> None:
    whole = load_targets("nev")
    third = int(fitted_series(whole.named("public charging points")).years[2])
    names = {year: {one.name for one in seen_by(whole, year).series} for year in (third - 1, third)}
    assert "public charging points" not in names[third - 1], "two years are too few"
    assert "public charging points" in names[third]
    steps = {year: {one.name for one in seen_by(whole, year).partial} for year in (third - 1, third)}
    assert "charging given the fleet" not in steps[third - 1]
    assert "charging given the fleet" in steps[third]
    assert "dates of the innovation chain" in steps[third - 1], "a step with a date alone stays"


def bare(**given: object) -> Targets:
    """Targets with one series, and what is given."""
    whole = load_targets("nev")
    return whole.model_copy(update={"series": (series("sales", SALES),), "partial": (), "events": (), **given})


def test_sources_that_hold_nothing_yet_are_left_out_of_a_mean_and_end_a_sum() -> None:
    late = STOCK.model_copy(update={"first_year": 2009})  # its window is open, but the first observation is of 2014
    mean = series("mean", SALES.model_copy(update={"last_year": 2012}), SALES)
    assert len(seen_by(bare(series=(mean,)), 2013).series[0].sources) == 2
    stocks = {"unit": "million vehicles", "measure": "year end", "first_year": 2009}
    alone = series("alone", late, **stocks)
    total = series("total", SALES, EXPORTS.model_copy(update={"first_year": 2012}), combine="sum")
    seen = seen_by(bare(series=(series("sales", SALES), alone, total)), 2013)
    assert [one.name for one in seen.series] == ["sales"]


def test_a_step_without_a_driver_yet_is_left_out() -> None:
    driver = DrivenVariable(variable="Installed Base", unit="million vehicles", sources=(STOCK,))
    free = load_targets("nev").free
    step = PartialStep(name="given the fleet", free={"cost sensitivity": free["cost sensitivity"]}, series=("sales",),
                       driven=(driver,))  # fmt: skip
    assert seen_by(bare(partial=(step,)), 2013).partial == ()
    kept = seen_by(bare(partial=(step,)), 2015).partial[0]
    assert kept.driven[0].sources[0].last_year == 2015
    assert drive(kept.driven[0])[0].max() == 2015.5


def test_dates_ranges_and_effects_are_seen_once_they_are_over_or_published() -> None:
    event = EventTarget(name="e", quantity="x", level=1.0, year=2015.5, sd=1.0, source="test")
    range_ = RangeTarget(name="r", quantity="x", kind="mean", first_year=2010, last_year=2015, low=1.0, width=0.1,
                         source="test")  # fmt: skip
    effect = EffectTarget(name="f", quantity="x", first_year=2010, last_year=2014, without={"y": 0.0}, value=0.5,
                          sd=0.1, known_from=2015, source="test")  # fmt: skip
    for year, expected in ((2014, 0), (2015, 1)):
        seen = seen_by(bare(events=(event,), ranges=(range_,), effects=(effect,)), year)
        assert (len(seen.events), len(seen.ranges), len(seen.effects)) == (expected,) * 3


def test_an_origin_before_the_data_is_refused() -> None:
    for year in (1980, 2012):
        with pytest.raises(InputError, match=f"nev: no series has 3 observations by {year}"):
            seen_by(bare(), year)
    assert len(seen_by(bare(), 2013).series) == 1
