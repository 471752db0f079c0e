"""The tables as they are shipped: every fact has a unit, a source and a meaning, and outcomes stop at 2023."""

import math
from collections import Counter

import pytest

from calibration.observed.money import Prices, parse_unit
from calibration.observed.tables import DATA, Table, load_table
from stockflow.errors import InputError

NAMES = sorted(path.stem for path in DATA.glob("*.csv"))
CASES = ["integrated_circuits", "mrna_vaccines", "new_energy_vehicles", "photovoltaics"]


@pytest.fixture(scope="module", params=CASES)
def table(request: pytest.FixtureRequest) -> Table:
    name: str = request.param
    return load_table(name)


def test_the_tables_are_the_eight_there_should_be() -> None:
    assert sorted([*CASES, "deflators", "paper_figures", "technology_durations", "technology_timelines"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_read_and_says_where_it_is_from_and_what_is_allowed(name: str) -> None:
    loaded = load_table(name)
    assert len(loaded.rows) > 30
    assert len(loaded.manifest.origin) > 40
    assert len(loaded.manifest.licence) > 20


def test_every_row_has_a_manifest_entry_and_a_source(table: Table) -> None:
    for row in table.rows.itertuples():
        assert table.entry(row.series, row.unit).meaning
        assert len(row.source) > 3


def test_no_outcome_is_later_than_2023(table: Table) -> None:
    for entry in table.manifest.series:
        if entry.role == "outcome":
            assert entry.last_year is None
    outcomes = [row.year for row in table.rows.itertuples() if table.entry(row.series, row.unit).role == "outcome"]
    assert max(math.floor(year) for year in outcomes) <= 2023


def test_only_plans_and_rules_run_beyond_2023(table: Table) -> None:
    later = table.rows[table.rows["year"] >= 2024]
    assert {table.entry(r.series, r.unit).role for r in later.itertuples()} <= {"driver"}


def test_the_price_base_of_a_unit_is_the_one_of_its_manifest(table: Table) -> None:
    for entry in table.manifest.series:
        try:
            unit = parse_unit(entry.unit)
        except InputError:
            assert entry.currency_year is None, entry.name
            continue
        if unit.price_year is None:
            assert (entry.currency_year == "nominal") == (unit.currency is not None), entry.name
        else:
            assert unit.price_year == entry.currency_year, entry.name


def test_a_break_lies_within_the_years_of_its_series(table: Table) -> None:
    for entry in table.manifest.series:
        rows = table.rows[(table.rows["series"] == entry.name) & (table.rows["unit"] == entry.unit)]
        for change in entry.breaks:
            assert change.years[0] <= change.years[1]
            assert rows["year"].min() - 1 <= change.years[0]
            assert change.years[1] <= rows["year"].max()


def test_the_scope_choices_stand_in_the_manifests() -> None:
    assert "CAAM" in load_table("new_energy_vehicles").manifest.notes
    solar = load_table("photovoltaics").manifest.notes
    assert "AC" in solar
    assert "cost of capital" in solar


def test_chinese_installation_is_not_offered_in_direct_current() -> None:
    table = load_table("photovoltaics")
    assert table.entry("annual_installation_dc", "GWdc").regions == ("World",)


def test_the_paper_has_153_figures_in_their_roles() -> None:
    figures = load_table("paper_figures").rows
    assert len(figures) == 153
    assert Counter(figures["role"]) == {"target": 61, "driver": 41, "context": 32, "event": 19}
    assert Counter(figures["case"]) == {"PV": 41, "NEV": 34, "IC": 27, "mRNA": 26, "general": 15, "China": 10}


def test_the_timelines_hold_206_technologies() -> None:
    timelines = load_table("technology_timelines").rows
    assert len(timelines) == 412
    assert timelines["technology"].nunique() == 206


def test_the_deflators_cover_the_years_of_the_model() -> None:
    prices = Prices.read()
    assert set(range(1985, 2025)) <= set(prices.china)
    assert set(range(1947, 2025)) <= set(prices.america)
    assert set(range(1985, 2025)) <= set(prices.cny_per_usd)


@pytest.mark.parametrize(
    ("year", "published"), [(1985, 20.84), (1995, 53.78), (2005, 68.04), (2010, 87.60), (2019, 110.81)]
)
def test_the_chinese_deflator_agrees_with_another_edition_of_the_index(year: int, published: float) -> None:
    china = Prices.read().china
    assert china[year] / china[2020] == pytest.approx(published / 111.50, rel=0.0015)


@pytest.mark.parametrize(
    ("year", "published"), [(1990, 59.3), (2000, 72.7), (2010, 89.6), (2020, 105.4), (2023, 122.3)]
)
def test_the_us_deflator_agrees_with_the_rounded_one_of_the_imf(year: int, published: float) -> None:
    assert Prices.read().america[year] == pytest.approx(published, abs=0.1)


def test_no_table_names_a_path_of_a_workplace() -> None:
    for path in DATA.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/work/", "/tmp/", "/home/", "shared/data")), path.name
