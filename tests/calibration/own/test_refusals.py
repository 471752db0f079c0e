"""What a technology of the user's own may not be: each refusal names file, row or key, value and bound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from own_made import HEADER, edited, supported, table, written

from analysis.cli import cli
from analysis.phase_out.study import load_exit_study
from calibration.own.data import read_rows
from calibration.own.fit import validate_own
from calibration.own.new import EXAMPLES, new_case, new_example
from calibration.own.settings import industry_centres, load_own_settings, pool, pooled_prior, pooled_priors
from calibration.records.results import load_accepted
from models.case import CASES
from models.files.build import FOLDER, build_text
from stockflow.errors import InputError

COST, VOLUME = "unit_cost,2008,1000,USD2020/kWh,made up", "annual_volume,2008,2,GWh/year,made up"
NAME = "battery"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a new case, made from the made-up data, in the current folder."""
    monkeypatch.chdir(tmp_path)
    new_case(NAME, Path(), written(Path("data.csv"), table()))
    return Path(NAME)


def appended(row: str) -> list[str]:
    return [*table(), row]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([HEADER.replace("value", "amount"), COST], "row 1: columns 'series,year,amount,unit,source'; must be exactly"),
        ([HEADER + ",note", COST + ","], "row 1: columns 'series,year,value,unit,source,note'; must be exactly"),
        ([HEADER, "unit_cost,2008,1000,USD2020/kWh"], "row 2: 4 fields; must be 5"),
        ([HEADER, COST, VOLUME.replace(",2,", ",-2,")], "row 3: value -2 GWh/year of annual_volume is not above 0"),
        ([HEADER, COST.replace("1000", "0")], "row 2: value 0 USD2020/kWh of unit_cost is not above 0"),
        ([HEADER, COST, VOLUME, COST], "row 4: unit_cost of 2008 stands already in .*row 2"),
        ([HEADER, COST.replace("1000", "NaN")], "row 2: value 'NaN' is not a finite number"),
        ([HEADER, COST.replace("1000", "inf")], "row 2: value 'inf' is not a finite number"),
        ([HEADER, COST.replace("1000", "10_00")], "row 2: value '10_00' is not a number: write 1000"),
        ([HEADER, COST.replace("1000", "dear")], "row 2: value 'dear' is not a number"),
        ([HEADER, COST.replace("2008", "2008.5")], "row 2: year 2008.5 is not a whole year"),
        ([HEADER, COST.replace("2008", "208")], "row 2: year 208 is not a whole year from 1700 to 2200"),
        ([HEADER, COST.replace("made up", "")], "row 2: source is missing"),
        ([HEADER, COST.replace("USD2020/kWh", " ")], "row 2: unit is missing"),
        ([HEADER, "# a comment", COST.replace("1000", "-1")], "row 3: value -1"),
        ([HEADER, COST.replace("made up", '"made" up')], "row 2: not CSV"),
        ([HEADER, COST, VOLUME.replace("made", '"made'), COST], "row 3: not CSV"),
        ([HEADER], "no observations"),
        ([""], "row 1: columns ''; must be exactly"),
    ],
)
def test_observations_are_refused_by_row(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=rf"data\.csv.*{message}"):
        read_rows(written(tmp_path / "data.csv", rows))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (appended("unit_price,2008,9,USD2020/kWh,x"), "row 22: unknown series 'unit_price'.*known: unit_cost"),
        (appended("unit_cost,2018,9,EUR2020/kWh,x"), "row 22: unit_cost is in 'EUR2020/kWh', not 'USD2020/kWh'"),
        (appended("annual_volume,2018,9,GWh,x"), "row 22: annual_volume is in 'GWh', not 'GWh/year'"),
        (appended("share,2018,12,%,x"), "row 22: share is in '%', not '1' as case.toml says; shares are fractions"),
        (appended("annual_volume,2018,1e60,GWh/year,x"), r"row 22: value 1e\+60 .* outside 1e-30 to 1e\+30"),
        (appended("unit_cost,2018,1e-60,USD2020/kWh,x"), "row 22: value 1e-60 .* outside 1e-30 to"),
        (appended("share,2018,12,1,x"), "row 22: share 12 is above 1"),
        (appended("unit_cost,2007,9,USD2020/kWh,x"), "row 22: year 2007 is outside the run, 2008 to 2059"),
        (
            [*appended("cumulative_volume,2008,9,GWh,x"), "cumulative_volume,2009,8,GWh,x"],
            "row 23: cumulative_volume falls from 9 in 2008 to 8 GWh in 2009",
        ),
        ([HEADER, COST, *table()[2::2]], "row 2: unit_cost has 1 years; needs at least 4"),
        (appended("share,2018,0.1,1,x"), "row 22: share has 1 years; needs at least 4"),
        (table()[:1] + table()[1::2], "only unit_cost; needs at least one of cumulative_volume, annual_volume, share"),
        (table()[:1] + table()[2::2], "no unit_cost; needs unit_cost and at least one of"),
    ],
)
def test_observations_that_do_not_fit_the_case_are_refused(folder: Path, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=rf"bad\.csv.*{message}"):
        validate_own(NAME, written(Path("bad.csv"), rows))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("case.toml", "in_model = 0.069042", "in_model = 0.69042", r"cost\.in_model: 0\.69042 .* makes it 0\.069042"),
        ("case.toml", 'unit = "GWh"', 'unit = "MWh"', r"csv row 4: 'market size' is in 'GWh/year', not 'MWh/"),
        ("case.toml", 'kind = "price"', 'kind = "guess"', r"cost\.kind: .*'guess'"),
        ("case.toml", "value = 10.0", "value = -10.0", r"parameters.\"product life\".*-10 Year is outside 0\.1 to"),
        ("case.toml", '"product life"', '"product lives"', "unknown parameter 'product lives'; did you mean"),
        ("case.toml", 'source = "generic value: give your own"', "", r"product life\.source: Field required"),
        ("case.toml", 'evidence = "assumed"', 'evidence = "sure"', r"evidence: .*'sure'"),
        ("case.toml", "time_step = 0.0625", "time_step = -1", "time_step"),
        ("case.toml", "save_period = 0.25", "save_period = 5", "save_period = 5 is more than 1 year"),
        ("case.toml", "value = 10.0", "low = -1e9\nvalue = -10.0", "life\": low -1e\\+09 Year is beyond 0,"),
        ("case.toml", "value = 10.0", "low = 0.0\nvalue = 10.0", "product life\": low 0 Year is beyond 0, the end"),
        ("scenario.csv", "market size,2008", "market sighs,2008", "row 4: unknown variable 'market sighs'"),
        ("scenario.csv", "USD2020/kWh,assumed: the", "EUR2020/kWh,assumed: the", "row 5: 'reference cost' is in 'EUR"),
        ("scenario.csv", "assumed: the last observed cost", "", "scenario.csv row 5: source is missing"),
        ("scenario.csv", "market size,2008", "market size,soon", "scenario.csv row 4: year 'soon'"),
        ("scenario.csv", "market size,2008,", "market size,2008,0,GWh/year,x,read,\n#",
         "scenario.csv row 4: 'market size' 0 GWh/year must be above 0"),
        ("scenario.csv", "market size,2008,", "promotion profile,2008,-1,Dmnl,x,read,\n#",
         "no rows of 'market size', which every technology must have"),
        ("policy.csv", "# subsidy per unit,2010,0,USD2020/kWh,where from,read,", "tax relief,2010,1.5,Dmnl,x,read,",
         "policy.csv row .*: 'tax relief' 1.5 Dmnl is above 1"),
        ("policy.csv", "# subsidy per unit,2010,0,USD2020/kWh,where", "subsidy per unit,2010,-9,USD2020/kWh,where",
         "policy.csv row .*: 'subsidy per unit' .* is below 0"),
        ("policy.csv", "# subsidy per unit,2010,0,USD2020/kWh,where from,read,", "market size,2010,9,GWh/year,x,read,",
         "scenario.csv row 4: 'market size' stands also at .*policy.csv row 4"),
    ],
)  # fmt: skip
def test_validate_refuses_a_case_by_file_and_key(folder: Path, file: str, old: str, new: str, message: str) -> None:
    edited(folder / file, old, new)
    with pytest.raises(InputError, match=message):
        validate_own(NAME, Path("data.csv"))


def test_validate_says_which_observed_year_is_above_the_market(folder: Path) -> None:
    edited(folder / "scenario.csv", "market size,2008,", "market size,2008,3,GWh/year,x,read,\n#")
    said = validate_own(NAME, Path("data.csv"))
    assert any(one.endswith("is above the market size of scenario.csv in 2012") for one in said)


def test_validate_accepts_every_template_as_it_is_written(folder: Path) -> None:
    assert (
        validate_own(NAME, Path("data.csv"))[0]
        == "observations: unit_cost 2008-2017 (10), annual_volume 2008-2017 (10)"
    )


def test_validate_names_a_folder_that_is_not_there(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"unknown case 'nothing'; known: .*; or a folder .* which `techcycle new nothing` makes"
    ):
        validate_own("nothing")


@pytest.mark.parametrize(
    ("name", "message"),
    [("pv", "that of a case"), ("generic", "that of a case"), ("a/b", "letters, digits"), ("", "letters, digits"),
     ("a b", "letters, digits"), ("../up", "letters, digits"), ("..", "letters, digits"), ("a\nb", "letters, digits"),
     ("x" * 300, "300 bytes; at most 100"), (NAME, "is there already; nothing was written")],
)  # fmt: skip
def test_new_refuses_a_name_that_cannot_be(folder: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        new_case(name, Path())


@pytest.mark.parametrize(("market", "reference"), [(-1.0, None), (None, 0.0), (float("nan"), None)])
def test_new_writes_nothing_where_a_number_is_not_above_zero(
    tmp_path: Path, market: float | None, reference: float | None
) -> None:
    with pytest.raises(InputError, match="must be above 0"):
        new_case("x", tmp_path, market=market, reference=reference)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (appended("unit_price,2008,9,USD2020/kWh,x"), "row 22: unknown series 'unit_price'; did you mean 'unit_cost'"),
        (
            appended("unit_cost,2018,9,EUR2020/kWh,x"),
            "row 22: .* in 'EUR2020/kWh', not 'USD2020/kWh' as case.toml says",
        ),
        ([HEADER, COST, VOLUME.replace("GWh/year", "GWh")], "row 3: annual_volume is in 'GWh'; it needs a unit a year"),
        (appended("cumulative_volume,2008,9,MWh,x"), "row 22: cumulative_volume is in 'MWh', not 'GWh' as case"),
        ([HEADER, COST.replace("USD2020/kWh", '"USD2020/kWh, real"'), VOLUME], "row 2: unit .* has no comma"),
        (table()[:1] + table()[1::2], "only unit_cost; needs at least one of"),
        (table()[:1] + table()[2::2], "no unit_cost; needs unit_cost and"),
    ],
)
def test_new_refuses_data_that_its_case_would_refuse_and_writes_nothing(
    tmp_path: Path, rows: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        new_case("x", tmp_path, written(tmp_path / "data.csv", rows))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("unit", ['USD2020/"kWh', "USD2020/kWh,real", "a\\b", "a$b", " "])
def test_new_refuses_a_unit_that_its_files_cannot_hold(tmp_path: Path, unit: str) -> None:
    with pytest.raises(InputError, match="--cost-unit"):
        new_case("x", tmp_path, cost_unit=unit)
    assert not (tmp_path / "x").exists()


def test_new_leaves_what_is_in_a_folder_of_that_name(folder: Path) -> None:
    (folder / "case.toml").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        new_case(NAME, Path())
    assert (folder / "case.toml").read_text() == "mine"


def test_validate_refuses_a_start_outside_the_bounds_of_the_case(folder: Path) -> None:
    edited(folder / "case.toml", "in_model = 0.069042", "in_model = 6.9042e8")
    edited(folder / "case.toml", "in_model = 0.1", "in_model = 1e-11")
    with pytest.raises(InputError, match=r"prior of 'initial experience' is centred at .* outside 1e-09 to 1e\+09"):
        validate_own(NAME, Path("data.csv"))


def test_new_refuses_an_example_that_is_not_shipped(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no example 'steam'; there are wind"):
        new_example("x", "steam", tmp_path)


def test_pool_is_the_mean_and_the_spread_of_one_more_of_a_family() -> None:
    centre, spread = pool(np.array([1.0, 2.0, 3.0, 4.0]))
    assert centre == 2.5
    assert spread == pytest.approx(np.sqrt(5 / 3) * np.sqrt(5 / 4) * 2.353363 / 1.644854, rel=1e-6)  # t and z of tables


def test_a_pooled_prior_rests_on_the_accepted_estimates_where_there_are_any() -> None:
    assert industry_centres("pv")["doing learning rate"][0] == load_accepted("pv").values["doing learning rate"]
    assert "mrna" not in {case for case in CASES if "doing learning rate" in load_accepted(case).values}
    assert industry_centres("mrna")["doing learning rate"][0] == 0.2  # judged: models/cases/mrna.toml


def test_a_lognormal_pool_averages_logarithms() -> None:
    rule = load_own_settings().pool["domestic offset"]
    centres = [industry_centres(case)["domestic offset"][0] for case in rule.industries]
    assert pooled_prior("domestic offset", rule).centre == pytest.approx(np.prod(centres) ** (1 / len(centres)))


def test_a_pool_of_what_is_no_industry_is_refused_by_its_place() -> None:
    rule = load_own_settings().pool["domestic offset"].model_copy(update={"industries": ("pv", "nev", "solar")})
    with pytest.raises(InputError, match=r"own_technology\.toml: pool\.'domestic offset': no industry 'solar'"):
        pooled_prior("domestic offset", rule)


def test_pooled_priors_are_each_by_its_own_rule() -> None:
    rules = load_own_settings().pool
    assert pooled_priors(rules) == {name: pooled_prior(name, rule) for name, rule in rules.items()}


@pytest.mark.parametrize("name", sorted(load_own_settings().pool))
def test_no_pooled_prior_is_narrower_than_its_least(name: str) -> None:
    rule = load_own_settings().pool[name]
    assert pooled_prior(name, rule).spread >= rule.least
    assert pooled_prior(name, rule.model_copy(update={"least": 1e6})).spread == 1e6


@pytest.mark.parametrize("file", ["observations.csv", "later.csv"])
def test_every_observation_of_the_example_names_a_file_at_a_commit(file: str) -> None:
    rows = read_rows(EXAMPLES / "wind" / file)
    assert all("IRENA" in row.source or "IEA" in row.source for row in rows)
    assert all("(commit c3a41c0)" in row.source for row in rows)


def test_later_observations_of_the_example_are_all_after_those_fitted() -> None:
    for series in ("unit_cost", "annual_volume"):
        seen, later = (
            [row.year for row in read_rows(EXAMPLES / "wind" / file) if row.series == series]
            for file in ("observations.csv", "later.csv")
        )
        assert min(later) == max(seen) + 1


def test_the_example_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new_example("breeze", "wind", Path())
    assert validate_own("breeze", Path("breeze/observations.csv"))[0].startswith(
        "observations: unit_cost 1984-2016 (33)"
    )


@pytest.mark.parametrize("case", CASES)
def test_the_shipped_model_files_are_byte_for_byte_what_is_built(case: str) -> None:
    assert (FOLDER / "vensim" / f"{case}.mdl").read_bytes() == build_text(case).encode()


@pytest.mark.parametrize(
    "arguments",
    [("forecast", NAME, "--until", "2030", "--mode", "conditional"),
     ("calibrate", NAME, "--data", "data.csv", "--posterior")],
)  # fmt: skip
def test_an_option_that_does_not_go_with_what_is_asked_is_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    found = CliRunner().invoke(cli, arguments)
    assert isinstance(found.exception, InputError)
    wrong = next(one for one in reversed(arguments) if one.startswith("--"))
    assert f"{arguments[0]}: {wrong} does not go with" in str(found.exception)


def test_a_case_that_gives_its_buyers_nothing_has_no_support_to_end(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["exit", NAME, "--start", "2012"])
    assert isinstance(found.exception, InputError)
    assert "policy.csv: 'subsidy per unit' and 'tax relief' are never above 0 by 2060: no support to end" in str(
        found.exception
    )


def test_an_exit_without_a_fit_is_one_run_that_says_so(folder: Path) -> None:
    supported(folder)
    found = CliRunner().invoke(cli, ["exit", NAME, "--start", "2012", "--json"], catch_exceptions=False)
    told = json.loads(found.stdout)
    assert told["draws"] == 1
    assert told["warnings"][0].startswith("one run at the values of the case file, no interval")
    assert any("below 0.9 of it in this one run: " in line for line in told["lines"])
    assert not any("draws" in line for line in told["lines"])


@pytest.mark.parametrize("clock", ["final_time = 2011.0", "initial_time = 2008.1"])
def test_a_run_in_which_no_exit_can_be_judged_is_refused(folder: Path, clock: str) -> None:
    key = clock.partition(" =")[0]
    edited(folder / "case.toml", f"{key} = {'2060' if key == 'final_time' else '2008'}.0", clock)
    with pytest.raises(InputError, match="an exit is judged 5 years after its start"):
        load_exit_study(NAME)
