"""Observed series in model units, composed of published ones, with gaps left as gaps."""

import csv
import math
import shutil
from pathlib import Path

import pytest

from calibration.observed.observations import Source, observed
from calibration.observed.tables import DATA
from models.files.settings import valid
from stockflow.errors import InputError

PV, NEV = "photovoltaics", "new_energy_vehicles"


def source(table: str, series: str, region: str, unit: str, first: int, last: int, **more: float) -> Source:
    told = {"table": table, "series": series, "region": region, "unit": unit, "first_year": first, "last_year": last}
    return valid(Source, {**told, **more}, "source")


WORLD = source(PV, "module_price", "World", "USD2024/W", 1990, 2009)
CHINA = source(PV, "module_price", "China", "CNYnominal/W", 2007, 2020)
EXPORT = source(PV, "module_export_price", "China", "USDnominal/W", 2021, 2023)
SALES = source(NEV, "nev_sales", "China", "vehicles/year", 2011, 2023)
EXPORTS = source(NEV, "nev_exports", "China", "vehicles/year", 2020, 2023, factor=-1.0)
FLEET = source(NEV, "nev_stock", "China", "vehicles, end of year", 2014, 2023)


def published(table: str, series: str, region: str, unit: str, year: int) -> float:
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if (row["series"], row["region"], row["unit"], row["year"]) == (series, region, unit, str(year)):
                return float(row["value"])
    raise AssertionError(f"{series} {year} is not in {table}")


def test_a_nominal_price_of_2020_needs_no_deflator() -> None:
    assert observed([CHINA], "CNY2020/W").loc[2020] == pytest.approx(1.57)


def test_the_module_price_is_spliced_by_windows_and_averaged_where_they_overlap() -> None:
    world, china = observed([WORLD], "CNY2020/W"), observed([CHINA], "CNY2020/W")
    both = observed([WORLD, CHINA, EXPORT], "CNY2020/W")
    assert list(both.index) == list(range(1990, 2024))
    assert both.loc[2006] == pytest.approx(world.loc[2006])
    assert both.loc[2008] == pytest.approx(math.sqrt(world.loc[2008] * china.loc[2008]))
    assert both.loc[2010] == pytest.approx(china.loc[2010])
    assert both.loc[2023] == pytest.approx(observed([EXPORT], "CNY2020/W").loc[2023])


def test_domestic_sales_are_sales_less_exports() -> None:
    domestic = observed([SALES, EXPORTS], "million vehicles/Year", combine="sum")
    assert domestic.loc[2023] == pytest.approx((9495000 - 1203000) / 1e6)
    assert domestic.loc[2019] == pytest.approx(1.206)
    assert list(domestic.index) == list(range(2011, 2024))


def test_a_sum_has_a_gap_where_one_covering_source_has_one() -> None:
    exports = source(NEV, "nev_exports", "China", "vehicles/year", 2018, 2023, factor=-1.0)
    domestic = observed([SALES, exports], "million vehicles/Year", combine="sum")
    assert 2017 in domestic.index
    assert not {2018, 2019} & set(domestic.index)
    assert 2020 in domestic.index


def test_a_missing_year_stays_missing() -> None:
    assert 2016 not in observed([FLEET], "million vehicles").index


def test_additions_of_the_year_are_a_flow_although_their_unit_leaves_the_year_out() -> None:
    china = source(PV, "annual_installation", "China", "GW", 2013, 2013)
    assert observed([china], "GW/Year").loc[2013] == pytest.approx(10.9)
    with pytest.raises(InputError, match="cannot convert 'GW' into 'GW'"):
        observed([china], "GW")


def test_the_rest_of_the_world_is_the_world_without_china() -> None:
    world = source(PV, "annual_installation", "World", "GW", 2001, 2023)
    china = source(PV, "annual_installation", "China", "GW", 2001, 2023, factor=-1.0)
    rest = observed([world, china], "GW/Year", combine="sum")
    expected = published(PV, "annual_installation", "World", "GW", 2023) - 216.88
    assert rest.loc[2023] == pytest.approx(expected)
    assert (rest > 0).all()


def test_a_share_is_a_number_between_0_and_1() -> None:
    share = observed([source(PV, "world_production_share", "China", "percent", 2010, 2021)], "1")
    assert ((share > 0.4) & (share < 0.8)).all()


def test_two_surveys_of_the_battery_price_agree_in_yuan_of_2020() -> None:
    old = source(NEV, "battery_pack_price_usd2018", "World", "USD2018/kWh (real)", 2013, 2018)
    new = source(NEV, "battery_pack_price_usd2023", "World", "USD2023/kWh (real)", 2013, 2018)
    ratio = observed([old], "CNY2020/kWh") / observed([new], "CNY2020/kWh")
    assert ((ratio > 0.98) & (ratio < 1.02)).all()


def test_the_price_base_of_money_is_completed_by_the_manifest() -> None:
    dose = source("mrna_vaccines", "price_per_dose_pfizer", "United States", "USD", 2020, 2020)
    assert observed([dose], "CNY2020").loc[2020] == pytest.approx(19.5 * 6.9042)


def test_a_manifest_that_contradicts_its_unit_is_refused(tmp_path: Path) -> None:
    for path in DATA.iterdir():
        shutil.copy(path, tmp_path)
    manifest = tmp_path / f"{PV}.toml"
    text = manifest.read_text(encoding="utf-8").replace("currency_year = 2024", "currency_year = 2023")
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"currency_year 2023 does not fit 'USD2024/W'"):
        observed([WORLD], "CNY2020/W", folder=tmp_path)


def test_a_decimal_date_is_not_a_year() -> None:
    doses = source("mrna_vaccines", "doses_administered_cumulative_pfizer", "United States", "doses", 2021, 2023)
    with pytest.raises(InputError, match=r"2021\.244 is a date within a year"):
        observed([doses], "million doses")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (source("pv", "module_price", "China", "CNYnominal/W", 2007, 2020), "unknown table 'pv'"),
        (source(PV, "modul_price", "China", "CNYnominal/W", 2007, 2020), "did you mean 'module_price'"),
        (source(PV, "module_price", "Chna", "CNYnominal/W", 2007, 2020), "did you mean 'China'"),
        (source(PV, "module_price", "China", "CNY/W", 2007, 2020), "did you mean 'CNYnominal/W'"),
        (source(PV, "module_price", "China", "USD2024/W", 2007, 2020), "unknown region"),
        (source(PV, "module_price", "China", "CNYnominal/W", 1990, 2000), "nothing observed from 1990 to 2000"),
    ],
)
def test_a_source_that_finds_nothing_is_refused_by_name(source: Source, said: str) -> None:
    with pytest.raises(InputError) as error:
        observed([source], "CNY2020/W")
    assert said in str(error.value)


def test_a_negative_value_has_no_geometric_mean() -> None:
    with pytest.raises(InputError, match=r"^new_energy_vehicles nev_exports: -0\.\d+ in 2020 has no geometric mean"):
        observed([EXPORTS], "million vehicles/Year")


def test_no_source_is_no_series() -> None:
    with pytest.raises(InputError, match="at least one source"):
        observed([], "CNY2020/W")


@pytest.mark.parametrize("factor", [0.0, math.nan, math.inf])
def test_a_factor_that_is_not_a_number_is_refused(factor: float) -> None:
    with pytest.raises(InputError, match="factor"):
        source(PV, "module_price", "China", "CNYnominal/W", 2007, 2020, factor=factor)


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InputError, match="first year 2020 is after 2007"):
        source(PV, "module_price", "China", "CNYnominal/W", 2020, 2007)
