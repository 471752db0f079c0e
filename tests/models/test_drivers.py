"""What the time series of policies and scenarios promise: sources, order, and sums that history fixes."""

import csv
import itertools
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
START = {"pv": 1985.0, "nev": 1991.0, "ic": 1947.0, "mrna": 1961.0}
KINDS = ("policies", "scenarios")
COLUMNS = ["variable", "year", "value", "unit", "source", "evidence", "note"]
EVIDENCE = {"paper", "read", "recalled", "derived", "assumed"}
SHARES = (
    "RD tax credit rate",
    "technology export control",
    "approval acceleration",
    "PV share of fund",
    "tax exemption",
    "credit requirement",
    "trade barrier",
    "domestic material share",
    "discount rate",
    "complement readiness",
    "modification readiness",
    "delivery readiness",
    "antigen readiness",
    "supply tightness of quota",
)
LAST_OBSERVED = 2023.995
YUAN_PER_DOLLAR_2020 = 6.9042
FILES = [(kind, case) for kind in KINDS for case in START]


@dataclass(frozen=True, slots=True)
class Row:
    variable: str
    year: float
    value: float
    text: str
    unit: str
    source: str
    evidence: str
    note: str


def rows_of(kind: str, case: str) -> list[Row]:
    with (ROOT / "models" / kind / f"{case}.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        assert reader.fieldnames == COLUMNS
        return [
            Row(
                line["variable"],
                float(line["year"]),
                float(line["value"]),
                line["value"],
                line["unit"],
                line["source"],
                line["evidence"],
                line["note"],
            )
            for line in reader
        ]


def series(kind: str, case: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows_of(kind, case):
        found.setdefault(row.variable, []).append(row)
    return found


def deflator(region: str) -> dict[int, float]:
    """Price level, 2020 = 1, of each calendar year."""
    with (ROOT / "calibration" / "data" / "deflators.csv").open(encoding="utf-8", newline="") as stream:
        level = {
            int(line["year"]): float(line["value"])
            for line in csv.DictReader(stream)
            if line["series"] == "gdp_deflator" and line["region"] == region
        }
    return {year: value / level[2020] for year, value in level.items()}


def value_at(rows: list[Row], year: float) -> float:
    return float(np.interp(year, [row.year for row in rows], [row.value for row in rows]))


def nominal_sum(rows: list[Row], first: int, last: int, prices: dict[int, float]) -> float:
    """Money of the years first to last at the prices of each year, the series taken in between its points."""
    total = 0.0
    for year in range(first, last + 1):
        moments = year + (np.arange(100) + 0.5) / 100
        total += float(np.mean([value_at(rows, moment) for moment in moments])) * prices[year]
    return total


@pytest.mark.parametrize(("kind", "case"), FILES)
def test_every_row_names_a_unit_a_source_and_its_evidence(kind: str, case: str) -> None:
    for row in rows_of(kind, case):
        where = f"{kind}/{case}.csv {row.variable} {row.year:g}"
        assert row.unit.strip(), where
        assert len(row.source.strip()) > 3, where
        assert row.evidence in EVIDENCE, where


@pytest.mark.parametrize(("kind", "case"), FILES)
def test_years_of_a_series_increase_from_the_start_of_the_clock(kind: str, case: str) -> None:
    for name, rows in series(kind, case).items():
        years = [row.year for row in rows]
        assert years[0] == START[case], name
        assert all(a < b for a, b in itertools.pairwise(years)), name
        assert years[-1] <= 2060, name


@pytest.mark.parametrize(("kind", "case"), FILES)
def test_a_series_stands_in_one_block_and_in_one_unit(kind: str, case: str) -> None:
    rows = rows_of(kind, case)
    changes = sum(a.variable != b.variable for a, b in itertools.pairwise(rows))
    found = series(kind, case)
    assert changes == len(found) - 1
    for name, block in found.items():
        assert len({row.unit for row in block}) == 1, name


@pytest.mark.parametrize(("kind", "case"), FILES)
def test_nothing_after_2023_claims_to_be_observed(kind: str, case: str) -> None:
    for row in rows_of(kind, case):
        if row.year > LAST_OBSERVED:
            assert row.evidence in {"derived", "assumed"}, f"{row.variable} {row.year:g}"
            told = row.source + row.note
            assert re.search("assumed|plan", told), (
                f"{row.variable} {row.year:g} after 2023 without a plan or assumption"
            )


@pytest.mark.parametrize(("kind", "case"), FILES)
def test_values_are_finite_not_negative_and_of_at_most_eight_digits(kind: str, case: str) -> None:
    for row in rows_of(kind, case):
        where = f"{row.variable} {row.year:g}"
        assert math.isfinite(row.value), where
        assert row.value >= 0, where
        digits = re.sub(r"e.*|[^0-9]", "", row.text.lower()).lstrip("0")
        assert len(digits) <= 8, where


@pytest.mark.parametrize("case", list(START))
def test_shares_stay_between_zero_and_one(case: str) -> None:
    found = series("policies", case) | series("scenarios", case)
    for name in SHARES:
        for row in found.get(name, []):
            assert 0 <= row.value <= 1, f"{name} {row.year:g}"


@pytest.mark.parametrize("case", list(START))
def test_no_variable_is_both_a_lever_and_outside_world(case: str) -> None:
    assert not set(series("policies", case)) & set(series("scenarios", case))


@pytest.mark.parametrize("case", list(START))
def test_every_driver_of_the_model_has_one_series_and_no_series_is_unused(case: str) -> None:
    text = (ROOT / "models" / "vensim" / "parts" / f"{case}.part").read_text(encoding="utf-8")
    found = series("policies", case) | series("scenarios", case)
    drivers = re.findall(r"^(\S[^=\n~|]*)=\s*@driver\s*\n\s*~\s*(\S+)", text, re.MULTILINE)
    assert {name.strip() for name, _ in drivers} == set(found)
    for name, unit in drivers:
        assert found[name.strip()][0].unit == unit, name


def test_the_863_money_of_2001_to_2005_sums_to_880_million_yuan() -> None:
    spent = nominal_sum(series("policies", "nev")["public applied RD"], 2001, 2005, deflator("China"))
    assert spent == pytest.approx(0.880, rel=0.03)


def test_the_863_money_of_2006_to_2010_sums_to_1160_million_yuan() -> None:
    spent = nominal_sum(series("policies", "nev")["public applied RD"], 2006, 2010, deflator("China"))
    assert spent == pytest.approx(1.160, rel=0.03)


def test_the_eighth_plan_spends_15_million_yuan_on_electric_vehicles() -> None:
    levers = series("policies", "nev")
    spent = sum(
        nominal_sum(levers[f"public {kind} RD"], 1991, 1995, deflator("China")) for kind in ("basic", "applied")
    )
    assert spent == pytest.approx(0.015, rel=0.05)


def test_the_tariff_of_2012_is_one_yuan_a_kilowatt_hour_of_that_year() -> None:
    tariff = series("policies", "pv")["feed in tariff"]
    assert value_at(tariff, 2012.5) * deflator("China")[2012] == pytest.approx(1.00, rel=0.005)


def test_the_stop_order_of_2018_cuts_the_tariff_by_a_fifth_within_a_week() -> None:
    tariff = series("policies", "pv")["feed in tariff"]
    assert value_at(tariff, 2018.42) / value_at(tariff, 2018.40) == pytest.approx(0.60 / 0.75, rel=0.01)


def test_new_plants_of_2021_get_no_tariff_above_the_market() -> None:
    assert value_at(series("policies", "pv")["feed in tariff"], 2021.0) == 0
    assert value_at(series("scenarios", "pv")["coal tariff"], 2021.5) > 0


def test_the_overseas_tariff_of_2004_lies_between_the_japanese_and_the_german_one() -> None:
    dollar = deflator("United States")[2004]
    german, japanese = 0.574 / 0.804, 24 / 108.15
    tariff = value_at(series("scenarios", "pv")["RoW tariff"], 2004.5) / YUAN_PER_DOLLAR_2020 * dollar
    assert japanese < tariff < german


def test_purchase_subsidies_for_cars_end_with_2022() -> None:
    subsidy = series("policies", "nev")["central subsidy"]
    assert value_at(subsidy, 2022.98) > 5
    assert value_at(subsidy, 2023.0) == 0


def test_no_private_buyer_is_paid_between_the_programmes_of_2012_and_2013() -> None:
    subsidy = series("policies", "nev")["central subsidy"]
    assert value_at(subsidy, 2013.4) == 0
    assert value_at(subsidy, 2012.5) > value_at(subsidy, 2014.5) > value_at(subsidy, 2019.6) > 0


def test_home_market_and_exports_of_2023_add_up_to_the_vehicles_sold() -> None:
    market = value_at(series("scenarios", "nev")["market size"], 2023.5)
    assert market + 4.91 == pytest.approx(30.094, rel=0.005)


def test_american_public_chip_research_of_1958_to_1974_sums_to_930_million_dollars() -> None:
    levers, prices = series("policies", "ic"), deflator("United States")
    names = ("public basic RD", "public applied RD", "demonstration funding")
    spent = sum(nominal_sum(levers[name], 1958, 1974, prices) for name in names) / YUAN_PER_DOLLAR_2020
    assert spent == pytest.approx(0.930, rel=0.10)


def test_military_buyers_take_every_chip_of_1962_and_under_two_fifths_of_1968() -> None:
    bought = series("policies", "ic")["military and space procurement"]
    assert value_at(bought, 1962.5) == pytest.approx(4 / 50, rel=0.05)
    assert value_at(bought, 1968.5) / (312 / 2.33) == pytest.approx(0.37, rel=0.05)


def test_basic_research_on_messenger_rna_before_2020_is_twice_the_american_grants() -> None:
    basic, prices = series("policies", "mrna")["public basic RD"], deflator("United States")
    assert nominal_sum(basic, 1985, 2019, prices) / YUAN_PER_DOLLAR_2020 == pytest.approx(2 * 0.116, rel=0.10)


def test_public_money_for_trials_in_the_pandemic_sums_to_2900_million_dollars() -> None:
    trials, prices = series("policies", "mrna")["demonstration funding"], deflator("United States")
    assert nominal_sum(trials, 2020, 2022, prices) / YUAN_PER_DOLLAR_2020 == pytest.approx(2.915, rel=0.10)
