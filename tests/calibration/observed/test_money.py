"""Units of published figures and their way into yuan of 2020."""

import pytest

from calibration.observed.money import Prices, Unit, convert, parse_unit
from stockflow.errors import InputError

PRICES = Prices(
    china={2000: 50.0, 2010: 80.0, 2020: 100.0},
    america={2000: 60.0, 2010: 90.0, 2020: 120.0, 2024: 150.0},
    cny_per_usd={2000: 8.0, 2010: 6.8, 2020: 7.0},
    eur_per_usd={2010: 0.8, 2020: 0.9},
)


def converted(value: float, year: float, source: str, target: str) -> float:
    return convert(value, year, parse_unit(source), parse_unit(target), PRICES)


@pytest.mark.parametrize(
    ("text", "scale", "currency", "price_year", "powers"),
    [
        ("USD2024/W", 1.0, "USD", 2024, {"W": -1}),
        ("CNYnominal/W", 1.0, "CNY", "nominal", {"W": -1}),
        ("CNY2023/kWh", 1e-3, "CNY", 2023, {"Wh": -1}),
        ("USD2023/kW", 1e-3, "USD", 2023, {"W": -1}),
        ("CNY/Wh (nominal, excl. VAT)", 1.0, "CNY", "nominal", {"Wh": -1}),
        ("CNY nominal/Wh (excl. VAT)", 1.0, "CNY", "nominal", {"Wh": -1}),
        ("USD2018/kWh (real)", 1e-3, "USD", 2018, {"Wh": -1}),
        ("USD/kWh in money of the survey year", 1e-3, "USD", "nominal", {"Wh": -1}),
        ("UScent nominal/kWh", 1e-5, "USD", "nominal", {"Wh": -1}),
        ("2005 USD per kbit", 1e-3, "USD", 2005, {"bit": -1}),
        ("million current USD", 1e6, "USD", "nominal", {}),
        ("billion CNY (nominal)", 1e9, "CNY", "nominal", {}),
        ("million USD", 1e6, "USD", None, {}),
        ("bnCNY2020/Year", 1e9, "CNY", 2020, {"year": -1}),
        ("GW/yr", 1e9, None, None, {"W": 1, "year": -1}),
        ("million vehicles/Year", 1e6, None, None, {"vehicle": 1, "year": -1}),
        ("vehicles, end of year", 1.0, None, None, {"vehicle": 1}),
        ("charging points, end of year", 1.0, None, None, {"charging point": 1}),
        ("10^9 transistors per year", 1e9, None, None, {"transistor": 1, "year": -1}),
        ("10^6 Mbit per year (=10^12 bit)", 1e12, None, None, {"bit": 1, "year": -1}),
        ("percent of sales", 0.01, None, None, {}),
        ("1", 1.0, None, None, {}),
    ],
)
def test_a_unit_of_the_tables_is_taken_apart(
    text: str, scale: float, currency: str | None, price_year: int | str | None, powers: dict[str, int]
) -> None:
    unit = parse_unit(text)
    assert unit.scale == pytest.approx(scale)
    assert (unit.currency, unit.price_year, dict(unit.powers)) == (currency, price_year, powers)


@pytest.mark.parametrize("text", ["furlongs", "CNY/", "cities with a registration quota", "CNY per USD"])
def test_a_unit_that_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match=r"^unit '"):
        parse_unit(text)


def test_real_dollars_are_deflated_and_then_exchanged_at_the_rate_of_2020() -> None:
    assert converted(1.0, 2010, "USD2024/W", "CNY2020/W") == pytest.approx(120 / 150 * 7.0)


def test_nominal_dollars_are_deflated_from_their_own_year() -> None:
    assert converted(3.0, 2000, "USDnominal/W", "CNY2020/W") == pytest.approx(3 * 120 / 60 * 7.0)


def test_nominal_yuan_are_deflated_from_their_own_year() -> None:
    assert converted(4.0, 2010, "CNYnominal/kWh", "CNY2020/kWh") == pytest.approx(4 * 100 / 80)


def test_real_yuan_are_deflated_from_their_price_year() -> None:
    assert converted(4.0, 2000, "CNY2010/kWh", "CNY2020/kWh") == pytest.approx(4 * 100 / 80)


def test_nominal_euros_go_through_dollars_of_the_same_year() -> None:
    assert converted(8.0, 2010, "EUR/vehicle (nominal)", "CNY2020/vehicle") == pytest.approx(8 / 0.8 * 120 / 90 * 7.0)


def test_a_yuan_a_watt_is_a_billion_yuan_a_gigawatt() -> None:
    assert converted(2.5, 2020, "CNY2020/W", "bnCNY2020/GW") == pytest.approx(2.5)
    assert converted(2.5, 2020, "CNY/Wh (nominal)", "bnCNY2020/GWh") == pytest.approx(2.5)
    assert converted(900, 2020, "CNY/vehicle (nominal)", "bnCNY2020/million vehicles") == pytest.approx(0.9)


@pytest.mark.parametrize(("year", "ratio"), [(2000, 1.59), (2010, 1.06), (2023, 1.13)])
def test_the_alternative_route_differs_as_the_module_says(year: int, ratio: float) -> None:
    prices = Prices.read()
    exchanged = prices.cny_per_usd[year] * prices.china[2020] / prices.china[year]
    share = exchanged / prices.in_yuan("USD", year, year)
    assert share == pytest.approx(ratio, abs=0.005)


def test_the_yuan_lost_two_thirds_of_its_dollar_value_from_1985_to_1994() -> None:
    rates = Prices.read().cny_per_usd
    assert rates[1985] / rates[1994] == pytest.approx(1 / 3, abs=0.02)


def test_percent_becomes_a_share() -> None:
    assert converted(85, 2022, "percent", "1") == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("GWdc", "GW"),
        ("cars/year", "vehicles/year"),
        ("GW", "GW/Year"),
        ("USD2024/W", "CNY2020/kWh"),
        ("USD2024/W", "1"),
        ("percent", "CNY2020/W"),
        ("CNYnominal/W", "USD2020/W"),
        ("CNYnominal/W", "CNY2010/W"),
        ("million USD", "million CNY2020"),
    ],
)
def test_a_conversion_that_does_not_exist_names_both_units(source: str, target: str) -> None:
    with pytest.raises(InputError) as refusal:
        converted(1.0, 2010, source, target)
    assert repr(source) in str(refusal.value)
    assert repr(target) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_year_without_deflator_is_refused_with_the_years_there_are() -> None:
    with pytest.raises(InputError, match=r"China runs from 2000 to 2020, not to 1999"):
        converted(1.0, 1999, "CNYnominal/W", "CNY2020/W")


@pytest.mark.parametrize("unit", ["billion JPY2010", "EUR2000/W"])
def test_money_without_a_deflator_is_refused(unit: str) -> None:
    currency = parse_unit(unit).currency
    assert currency
    with pytest.raises(InputError, match=f"no way from {currency}"):
        PRICES.in_yuan(currency, 2000, 2010)


def test_a_flow_gains_its_year_and_a_share_stays_a_share() -> None:
    assert parse_unit("GW").per_year().powers == (("W", 1), ("year", -1))
    assert parse_unit("GW/yr").per_year() == parse_unit("GW/yr")
    assert parse_unit("percent").per_year() == Unit("percent", 0.01, None, None, ())
