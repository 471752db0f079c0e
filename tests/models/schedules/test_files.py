"""Schedule files: the shipped ones are valid and the historical ones are history; nonsense is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.case import load_case
from models.files.series import read_series
from models.schedules.file import POLICIES, Change, load_schedule, shipped, unchanged
from models.schedules.instruments import INSTRUMENTS
from models.schedules.run import Draws, applied
from models.schedules.variants import variants
from stockflow.errors import InputError

HEAD = 'name = "mine"\ncase = "nev"\ntitle = "some schedule"\nsource = "a test"\n'
CASES = ("nev", "pv")


def written(tmp_path: Path, text: str, head: str = HEAD) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(f"{head}\n{text}\n", encoding="utf-8")
    return file


def refused(tmp_path: Path, text: str, head: str = HEAD) -> str:
    with pytest.raises(InputError) as caught:
        load_schedule(written(tmp_path, text, head))
    said = str(caught.value)
    assert "\n" not in said
    assert "mine.toml" in said
    return said


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_schedule_is_valid_and_bears_the_name_of_its_file(name: str) -> None:
    schedule = load_schedule(name)
    assert schedule.name == name
    assert name.startswith(f"{schedule.case}_")


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_schedule_is_shipped(case: str) -> None:
    kinds = {name.removeprefix(f"{case}_") for name in shipped()}
    assert kinds >= {
        "history", "no_support", "cliff", "linear", "exponential", "tiers", "share_triggered", "parity_triggered",
        "volume_triggered", "announced", "by_surprise", "budget_capped", "support_kept",
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_historical_schedule_has_the_points_and_sources_of_the_drivers(case: str) -> None:
    drivers = read_series(POLICIES / f"{case}.csv", sourced=True)
    schedule = load_schedule("history", case)
    for name, about in INSTRUMENTS[case].items():
        amount, driver = schedule.instruments[name].amount, drivers[about.variable]
        assert amount is not None
        assert amount.stretches is not None
        rows = [(*point, one.source, one.evidence) for one in amount.stretches for point in one.points]
        assert rows == [(p.year, p.value, p.source, p.evidence) for p in driver.points]
        assert amount.unit == driver.unit


@pytest.mark.parametrize("case", CASES)
def test_the_historical_schedule_moves_nothing(case: str) -> None:
    model = load_case(case).model
    assert applied(Draws(model, {}, 2040.0, 1), load_schedule("history", case)).paths() == {}


@pytest.mark.parametrize("case", CASES)
def test_instruments_name_variables_of_their_case_with_their_units_and_bounds(case: str) -> None:
    model = load_case(case).model
    for about in INSTRUMENTS[case].values():
        variable = model.variable(about.variable)
        assert variable.unit == about.unit
        assert variable.limits == (0.0, about.most)
        for name in (about.announced, about.over, about.beside):
            assert not name or model.variable(name).unit in (about.unit, "Dmnl")
        for name in (about.money, about.budget):
            assert not name or model.variable(name).unit == "bnCNY/Year"
        assert not about.price or model.variable(about.price).unit == about.unit


def test_a_schedule_is_found_by_its_short_name_with_or_without_its_case() -> None:
    assert load_schedule("cliff", "pv") == load_schedule("pv_cliff") == load_schedule(POLICIES / "pv_cliff.toml")


def test_whole_numbers_are_as_good_as_decimal_ones(tmp_path: Path) -> None:
    text = '[instruments."purchase subsidy"]\nshape = "linear"\nstart = 2016\nlength = 3'
    assert load_schedule(written(tmp_path, text)).instruments["purchase subsidy"].start == 2016.0


SUBSIDY = '[instruments."purchase subsidy"]\n'
CLIFF = f'{SUBSIDY}shape = "cliff"\nstart = 2016\n'
BAD: dict[str, tuple[str, tuple[str, ...]]] = {
    "ends before it starts": (f"{CLIFF}end = 2014", ("purchase subsidy", "end = 2014", "2016")),
    "tiers out of order": (
        f'{SUBSIDY}shape = "tiers"\ntiers = [{{at = 2016, fraction = 0.5}}, {{at = 2015, fraction = 0.4}}]',
        ("purchase subsidy", "2015", "2016"),
    ),
    "tiers that rise": (
        f'{SUBSIDY}shape = "tiers"\ntiers = [{{at = 2016, value = 5.0}}, {{at = 2017, value = 6.0}}]',
        ("purchase subsidy", "6", "rises above 5"),
    ),
    "tiers dated both ways": (
        f'{SUBSIDY}shape = "tiers"\ntiers = [{{at = 2016, fraction = 0.5}}, {{after = 2, fraction = 0.4}}]',
        ("at or after",),
    ),
    "dated tiers with a start": (
        f'{SUBSIDY}shape = "tiers"\nstart = 2015\ntiers = [{{at = 2016, fraction = 0.5}}]', ("no start",)),
    "a tier of nothing": (f'{SUBSIDY}shape = "tiers"\ntiers = [{{at = 2016}}]', ("tiers.0", "fraction or value")),
    "no tiers": (f'{SUBSIDY}shape = "tiers"\nstart = 2016', ("needs tiers",)),
    "a negative amount": (
        f'{SUBSIDY}amount = {{value = -3, unit = "bnCNY/unit"}}', ("purchase subsidy.amount.value", "0", "-3")),
    "a negative point": (f'{SUBSIDY}amount = {{points = [[2015, -1.0]], unit = "bnCNY/unit"}}', ("points", "-1")),
    "points out of order": (
        f'{SUBSIDY}amount = {{points = [[2016, 1.0], [2015, 2.0]], unit = "bnCNY/unit"}}', ("2015", "2016")),
    "two kinds of amount": (
        f'{SUBSIDY}amount = {{value = 3, hold_from = 2016, unit = "bnCNY/unit"}}', ("amount", "exactly one")),
    "an amount without unit": (f"{SUBSIDY}amount = {{value = 3}}", ("amount", "unit")),
    "a wrong unit": (f'{SUBSIDY}amount = {{value = 3, unit = "bnCNY/TWh"}}', ("bnCNY/TWh", "bnCNY/unit")),
    "a cap in a wrong unit": (f'{CLIFF}cap = {{value = 3, unit = "Dmnl"}}', ("cap", "Dmnl", "bnCNY/unit")),
    "a share of the price above 1": (f"{SUBSIDY}amount = {{share_of_price = 1.5}}", ("share_of_price", "1", "1.5")),
    "a share of a price that is not there": (
        '[instruments.infrastructure]\namount = {share_of_price = 0.5}', ("infrastructure", "share_of_price")),
    "more than all": ('[instruments."tax exemption"]\namount = {value = 2, unit = "Dmnl"}', ("tax exemption", "2")),
    "an unknown instrument": ('[instruments."purchas subsidy"]\nshape = "cliff"\nstart = 2016', ("purchase subsidy",)),
    "an instrument of another case": ('[instruments."feed-in premium"]\nshape = "cliff"\nstart = 2016', ("nev", "pv")),
    "an unknown key": (f'{SUBSIDY}shap = "cliff"', ("purchase subsidy.shap", "unknown key")),
    "an unknown shape": (f'{SUBSIDY}shape = "cliffs"\nstart = 2016', ("shape", "cliffs", "exponential")),
    "not a number": (f'{SUBSIDY}shape = "cliff"\nstart = nan', ("start", "nan", "finite")),
    "an infinite length": (f'{SUBSIDY}shape = "linear"\nstart = 2016\nlength = inf', ("length", "inf")),
    "a year beyond all runs": (f'{SUBSIDY}shape = "cliff"\nstart = 3016', ("start", "2200", "3016")),
    "text for a number": (f'{SUBSIDY}shape = "cliff"\nstart = "2016"', ("start", "2016")),
    "a truth for a number": (f'{SUBSIDY}shape = "cliff"\nstart = true', ("start", "True")),
    "no start": (f'{SUBSIDY}shape = "cliff"', ("cliff", "start")),
    "no length": (f'{SUBSIDY}shape = "linear"\nstart = 2016', ("linear", "length")),
    "a cliff with a length": (f"{CLIFF}length = 3", ("cliff", "length", "3")),
    "a floor above all": (f"{CLIFF}floor = 1.2", ("floor", "1", "1.2")),
    "a floor without a fall": (f"{SUBSIDY}floor = 0.2", ("floor", "0.2")),
    "a start and a trigger": (
        f'{CLIFF}trigger = {{on = "market share", level = 0.1, unit = "Dmnl"}}', ("2016", "trigger")),
    "a trigger on something else": (
        f'{SUBSIDY}shape = "cliff"\ntrigger = {{on = "the moon", level = 0.1, unit = "Dmnl"}}', ("trigger.on", "moon")),
    "a trigger in a wrong unit": (
        f'{SUBSIDY}shape = "cliff"\ntrigger = {{on = "market share", level = 0.1, unit = "unit"}}', ("unit", "Dmnl")),
    "a market share above 1": (
        f'{SUBSIDY}shape = "cliff"\ntrigger = {{on = "market share", level = 1.5, unit = "Dmnl"}}', ("1.5", "below 1")),
    "announced backwards": (f"{CLIFF}announced = -1", ("announced", "0", "-1")),
    "an announcement of nothing": (f"{SUBSIDY}announced = 1", ("announced = 1",)),
    "a budget for what has none": (
        '[instruments."tax exemption"]\nannual_budget = {value = 3, unit = "bnCNY/Year"}', ("annual_budget",)),
    "a budget in a wrong unit": (f'{CLIFF}annual_budget = {{value = 3, unit = "bnCNY"}}', ("annual_budget", "bnCNY")),
    "money put where none is spent": (
        f'{CLIFF}reallocate = {{to = "credit requirement", share = 0.5}}', ("reallocate", "bnCNY/Year")),
    "money put nowhere": (f'{CLIFF}reallocate = {{to = "chargers", share = 0.5}}', ("reallocate", "chargers")),
    "more money than is saved": (
        f'{CLIFF}reallocate = {{to = "infrastructure", share = 1.5}}', ("reallocate.share", "1", "1.5")),
    "the same money put elsewhere twice": (
        f'{CLIFF}reallocate = {{to = "infrastructure", share = 0.5}}\n'
        '[instruments."local subsidy"]\nshape = "cliff"\nstart = 2016\n'
        'reallocate = {to = "infrastructure", share = 0.5}',
        ("local subsidy", "twice"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_nonsense_is_refused_by_file_key_value_and_bound(tmp_path: Path, what: str) -> None:
    text, told = BAD[what]
    said = refused(tmp_path, text)
    for piece in told:
        assert piece in said, said


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (HEAD.replace('"nev"', '"steam"'), "steam"),
        (HEAD.replace('"nev"', '"ic"'), "ic"),
        (HEAD.replace('source = "a test"\n', ""), "source"),
        (HEAD.replace('"mine"', '"my own"'), "name"),
        (HEAD + "colour = 3\n", "colour: unknown key"),
        (HEAD + "=", "not readable as TOML"),
    ],
)
def test_a_head_that_lacks_something_is_refused(tmp_path: Path, head: str, says: str) -> None:
    assert says in refused(tmp_path, "", head)


def test_a_schedule_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="nev_cliff"):
        load_schedule("nev_clif")
    with pytest.raises(InputError, match="cannot be read"):
        load_schedule("nowhere/mine.toml")


def test_a_schedule_of_another_case_is_refused() -> None:
    with pytest.raises(InputError, match=r"pv_cliff.toml: case = 'pv'.*'nev'"):
        load_schedule("pv_cliff", "nev")


def test_variants_are_every_shape_with_every_start_and_length_and_a_cliff_has_none() -> None:
    made = variants(load_schedule("nev_cliff"), ["cliff", "linear", "exponential"], [2014.0, 2016.0], [3.0, 5.0])
    assert len(made) == len({one.name for one in made}) == 2 + 4 + 4
    assert {one.instruments["purchase subsidy"].length for one in made} == {None, 3.0, 5.0}


def test_variants_of_history_decline_where_told() -> None:
    made = variants(unchanged("pv"), ["cliff"], [2015.0], instruments=["feed-in premium", "distributed premium"])
    assert [one.shape for one in made[0].instruments.values()] == ["cliff", "cliff"]


def test_variants_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="no instrument declines"):
        variants(unchanged("nev"), ["cliff"], [2015.0])
    with pytest.raises(InputError, match="lengths"):
        variants(load_schedule("nev_cliff"), ["linear"], [2015.0])
    with pytest.raises(InputError, match="needs tiers"):
        variants(load_schedule("nev_cliff"), ["tiers"], [2015.0])


def test_other_dates_move_every_dated_decline_and_are_checked() -> None:
    moved = load_schedule("pv_linear").with_dates(start=2015.0, length=2.0)
    assert {(one.start, one.length) for one in moved.instruments.values()} == {(2015.0, 2.0)}
    with pytest.raises(InputError, match="pv_linear: start"):
        load_schedule("pv_linear").with_dates(start=3015.0)
    with pytest.raises(InputError, match="no decline"):
        load_schedule("nev_share_triggered").with_dates(start=2015.0)


def test_a_schedule_is_the_same_after_it_was_written_and_read() -> None:
    for name in shipped():
        schedule = load_schedule(name)
        assert type(schedule).model_validate_json(schedule.model_dump_json()) == schedule


def test_a_change_of_nothing_is_history() -> None:
    assert Change() == Change.model_validate({"shape": "keep"})
