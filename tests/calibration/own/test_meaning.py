"""Units and tables that mean something else than they say: refused where it cannot be meant, doubted where it may."""

from __future__ import annotations

import errno
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_made import FIRST, HEADER, LAST, edited, table, volume, written

from calibration.forecasting.ahead import ScoredForecast
from calibration.observed.history import History
from calibration.observed.money import _THINGS, UnknownUnitError
from calibration.own.data import Row
from calibration.own.fit import validate_own
from calibration.own.meaning import doubts_of_scored
from calibration.own.new import new_case, new_example
from calibration.own.settings import load_own_settings
from calibration.own.units import way
from stockflow.errors import InputError

YEARS = range(FIRST, LAST + 1)
ENERGY = ("Wh", "kWh", "MWh", "GWh", "TWh")
POWER = ("W", "kW", "MW", "GW")
CURRENCIES = st.sampled_from(["USD", "CNY", "EUR", "JPY", "GBP", "INR"])


@given(CURRENCIES, st.sampled_from(ENERGY), st.sampled_from(ENERGY))
def test_money_of_no_year_is_refused(money: str, thing: str, volume_unit: str) -> None:
    with pytest.raises(InputError, match="money needs a price year"):
        way(f"{money}/{thing}", volume_unit)


@given(
    st.sampled_from(["USD", "CNY", "EUR"]), st.integers(1000, 1946) | st.integers(2025, 2999), st.sampled_from(ENERGY)
)
def test_money_of_a_year_without_prices_is_refused_with_the_years_that_have_them(
    money: str, year: int, thing: str
) -> None:
    with pytest.raises(InputError, match=rf"{money}{year}/{thing}.* runs from \d+ to \d+, not to {year}"):
        way(f"{money}{year}/{thing}", "TWh")


@given(st.sampled_from(ENERGY), st.data())
def test_a_slip_of_the_pen_in_a_known_unit_is_refused_with_the_unit_that_is_meant(
    thing: str, data: st.DataObject
) -> None:
    flips = data.draw(st.lists(st.booleans(), min_size=len(thing), max_size=len(thing)))
    slip = "".join(letter.swapcase() if flip else letter for letter, flip in zip(thing, flips, strict=True))
    for cost_unit, volume_unit in ((f"USD2020/{slip}", "kWh"), ("USD2020/kWh", slip)):
        if slip in _THINGS:
            assert way(cost_unit, volume_unit)[0] > 0
        elif not (cost_unit.endswith(slip) and slip == volume_unit):
            with pytest.raises(InputError, match=f"'{slip}' is not known; did you mean '{thing}'"):
                way(cost_unit, volume_unit)


@pytest.mark.parametrize(("money", "meant"), [("RMB", "CNY"), ("kUSD", "thousand USD"), ("usd", "USD"), ("$", "USD"),
                                              ("mUSD", "million USD"), ("yuan", "CNY")])  # fmt: skip
def test_money_by_another_name_is_refused_with_the_one_that_is_meant(money: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{meant}2020'"):
        way(f"{money}2020/kWh", "GWh")


@given(st.sampled_from(ENERGY), st.sampled_from(POWER))
def test_a_cost_of_something_else_than_the_volume_is_refused(energy: str, power: str) -> None:
    for thing, volume_unit in ((energy, power), (power, energy)):
        with pytest.raises(InputError, match=f"is not money per what '{volume_unit}' counts"):
            way(f"USD2020/{thing}", volume_unit)


def test_money_and_things_that_are_not_known_are_told_from_slips() -> None:
    for cost_unit, volume_unit in (("GBP2020/kWh", "GWh"), ("guilder/loom", "loom"), ("USD2020/loom", "mill")):
        with pytest.raises(UnknownUnitError):
            way(cost_unit, volume_unit)
    assert way("USD2020/pump", "pumps") == way("USD2020/pumps", "pump") == way("USD2020/pump", "pump")


def series(name: str, unit: str, value: Callable[[int], float], years: range = YEARS) -> list[str]:
    return [f"{name},{year},{value(year)!r},{unit},made up" for year in years]


REFUSED: dict[str, list[str]] = {
    "a share above 1": [*table(), *series("share", "1", lambda year: 0.2 * (year - FIRST))[1:]],
    "a share in percent": [*table(), *series("share", "%", lambda year: 1.0 + year - FIRST)],
    "a cumulative volume that falls": [*table(), *series("cumulative_volume", "GWh", lambda year: 3000.0 - year)],
    "a cumulative volume a year": [*table(), *series("cumulative_volume", "GWh/year", lambda year: year - 2000.0)],
    "years after the run": [*table(), *series("annual_volume", "GWh/year", volume, range(2060, 2064))],
    "too few years": table(FIRST, FIRST + 2),
    "money of no year": [row.replace("USD2020", "USD") for row in table()],
    "a slip in a unit": [row.replace("kWh", "kwh") for row in table()],
    "energy against power": [row.replace("GWh", "GW") for row in table()],
}


@pytest.mark.parametrize("what", REFUSED)
def test_new_refuses_what_validate_refuses_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    data = written(Path("data.csv"), REFUSED[what])
    with pytest.raises(InputError, match=r"data\.csv( row \d+)?: ") as refused:
        new_case("mine", Path(), data)
    assert ".new-" not in str(refused.value)
    assert os.listdir() == ["data.csv"]  # noqa: PTH208


@pytest.mark.parametrize("fails_at", range(4))
def test_a_disk_that_fills_up_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
    monkeypatch.chdir(tmp_path)
    real, calls = Path.write_text, []

    def full(self: Path, *args: object, **named: object) -> int:
        calls.append(self)
        if len(calls) > fails_at:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, *args, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(InputError, match="mine: cannot be written: the disk is full"):
            new_case("mine", Path())
    assert list(tmp_path.iterdir()) == []
    new_case("mine", Path())


def test_an_example_that_cannot_be_copied_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", full)
        with pytest.raises(InputError, match="mine: cannot be written: the disk is full"):
            new_example("mine", "wind", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    new_case("mine", Path(), written(Path("data.csv"), table()))
    return "mine"


def said(case: str, rows: list[str]) -> str:
    return "\n".join(validate_own(case, written(Path("rows.csv"), rows)))


COSTS, VOLUMES = table()[1::2], table()[2::2]
summed = {year: sum(volume(one) for one in range(FIRST, year + 1)) for year in YEARS}


def test_a_sound_table_is_not_doubted(case: str) -> None:
    told = said(case, [*table(), *series("cumulative_volume", "GWh", summed.__getitem__)])
    assert "?" not in told


@settings(max_examples=5)
@given(times=st.floats(1e-2, 3.0))
def test_a_series_that_repeats_another_is_doubted(tmp_path_factory: pytest.TempPathFactory, times: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("repeat"))
        new_case("mine", Path(), written(Path("data.csv"), table()))
        rows = [*table(), *series("cumulative_volume", "GWh", lambda year: times * volume(year))]
        try:
            told = said("mine", rows)
        except InputError as refused:
            assert "falls" in str(refused)
            return
    assert "cumulative_volume is annual_volume times" in told


def test_an_annual_volume_that_is_the_sum_is_doubted(case: str) -> None:
    both = [
        *series("annual_volume", "GWh/year", summed.__getitem__),
        *series("cumulative_volume", "GWh", summed.__getitem__),
    ]
    told = said(case, [HEADER, *COSTS, *both])
    assert (
        "rows.csv row 22: cumulative_volume is annual_volume times 1 in every year: do both measure the same?" in told
    )
    assert (
        "times the yearly growth of cumulative_volume (median): is one of them in another unit, or cumulative" in told
    )


@pytest.mark.parametrize("factor", [1e-3, 1e3, 1e6])
def test_a_volume_in_another_unit_than_its_sum_is_doubted(case: str, factor: float) -> None:
    told = said(case, [*table(), *series("cumulative_volume", "GWh", lambda year: factor * summed[year])])
    assert "times the yearly growth of cumulative_volume (median)" in told


def test_a_share_of_another_market_is_doubted(case: str) -> None:
    told = said(case, [*table(), *series("share", "1", lambda year: 1e-5 * 1.2 ** (year - FIRST))])
    assert "annual_volume over share makes a market" in told


@pytest.mark.parametrize("place", [0, 1])
def test_a_constant_series_is_doubted(case: str, place: int) -> None:
    constant = [series("unit_cost", "USD2020/kWh", lambda _: 7.0), series("annual_volume", "GWh/year", lambda _: 7.0)]
    told = said(case, [HEADER, *(constant[0] if place == 0 else COSTS), *(constant[1] if place == 1 else VOLUMES)])
    assert "is 7 " in told
    assert "in every year: is it observed?" in told


@pytest.mark.parametrize("times", [20.0, 1e3, 1e6])
def test_a_cost_that_rises_as_none_does_is_doubted(case: str, times: float) -> None:
    rise = times ** (1 / (LAST - FIRST))
    told = said(case, [HEADER, *series("unit_cost", "USD2020/kWh", lambda year: rise ** (year - FIRST)), *VOLUMES])
    assert f"unit_cost of {LAST} is {times:.3g} times that of {FIRST}: is its unit the same in every row?" in told


def edit(rows: list[str], change: Callable[[int, float], float]) -> list[str]:
    """Return the rows of one series with other values, by place and value."""
    cells = [row.split(",") for row in rows]
    return [",".join([*one[:2], repr(change(i, float(one[2]))), *one[3:]]) for i, one in enumerate(cells)]


TABLES = {"unit_cost": COSTS, "annual_volume": VOLUMES}
FACTORS = st.sampled_from([1e-6, 1e-3, 1e3, 1e6])


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(TABLES)), place=st.integers(1, len(COSTS) - 2), factor=FACTORS, rest=st.booleans())
def test_a_value_far_from_its_neighbours_is_doubted_with_them(
    case: str, name: str, place: int, factor: float, rest: bool
) -> None:
    rows = edit(TABLES[name], lambda i, value: factor * value if i == place or (rest and i > place) else value)
    other = next(one for key, one in TABLES.items() if key != name)
    told = [line for line in said(case, [HEADER, *rows, *other]).splitlines() if "a slip" in line]
    row, before, after = (rows[place + step].split(",") for step in (0, -1, 1))
    (line,) = told
    assert line.startswith(f"rows.csv row {place + 2}: {name} of {row[1]} is {float(row[2]):g} {row[3]}, beside ")
    assert f"{float(before[2]):.6g} in {before[1]} and {float(after[2]):.6g} in {after[1]}: " in line


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(growth=st.floats(-0.05, 0.3), wiggle=st.floats(0.0, 0.15))
def test_annual_volumes_that_are_their_own_running_sum_are_doubted(case: str, growth: float, wiggle: float) -> None:
    yearly = [math.exp(growth * i) * (1 + wiggle * math.sin(2.1 * i)) for i in range(len(YEARS))]
    sums = list(itertools.accumulate(yearly))
    told = said(case, [HEADER, *COSTS, *edit(VOLUMES, lambda i, _: sums[i])])
    assert "rows.csv row 12: annual_volume never falls" in told
    assert "is it cumulative_volume?" in told


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_new_observations_in_another_unit_than_the_fitted_ones_are_doubted(factor: float) -> None:
    past = np.arange(FIRST, LAST)
    history = History("annual_volume", past, np.array([volume(int(year)) for year in past]), "unit/Year")
    seen = np.array([factor * volume(LAST)])
    score = ScoredForecast(LAST - 1, "conditional", "flow", history, (LAST,), {}, {}, seen, {})
    row = Row("annual_volume", LAST, factor * volume(LAST), "GWh/year", "made up", "later.csv row 2")
    told = doubts_of_scored([row], [score], load_own_settings().doubts)
    assert [line.split(",")[0] for line in told] == (
        [] if factor == 1.0 else [f"later.csv row 2: annual_volume of {LAST} is {row.value:g} GWh/year"]
    )


def test_a_slip_that_was_written_into_the_case_file_is_refused_by_key(case: str) -> None:
    for file in ("case.toml", "scenario.csv"):
        edited(Path(case) / file, "USD2020/kWh", "USD/kWh")
    with pytest.raises(InputError, match=r"case\.toml: cost\.unit, volume\.unit: unit 'USD/kWh': money needs a price"):
        validate_own(case)
