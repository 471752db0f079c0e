"""Bad input from a person is refused in one line that names file, place, value and bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.case import Case, load_case
from models.files.casefile import read_case_file, read_core_file
from models.files.series import read_series
from models.policy import read_policy
from models.run import run_case
from stockflow import InputError, UnknownNameError

HEAD = "variable,year,value,unit,source,evidence,note"
ROW = "fuel price,2000,4,bnCNY/GL,a yearbook,read,"
CASE = """title = "A case"
units = {unit = ["GW"]}
lookups = 0
[control]
initial_time = 1990
final_time = 2000
time_step = 0.25
save_period = 0.5
[parameters.yield]
value = 1.2
unit = "TWh/unit/Year"
low = 0.5
high = 2.5
source = "a yearbook"
evidence = "read"
comment = "Energy per GW."
""".replace("lookups = 0\n", "")


@pytest.fixture(scope="module")
def nev() -> Case:
    return load_case("nev")


def written(folder: Path, text: str, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(caught: pytest.ExceptionInfo[InputError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([HEAD + ",colour", ROW + ",red"], "row 1: unknown column 'colour'"),
        ([HEAD.replace(",unit", ""), "fuel price,2000,4,a yearbook,read,"], "row 1: column 'unit' stands 0 times"),
        ([HEAD, ROW.replace("bnCNY/GL", "")], "row 2: unit is missing"),
        ([HEAD, ROW.replace("a yearbook", " ")], "row 2: source is missing"),
        ([HEAD, ROW.replace("read", "guessed")], "row 2: evidence 'guessed' is none of paper, read"),
        ([HEAD, ROW, ROW.replace("2000", "1999")], "row 3: year 1999 of 'fuel price' does not follow 2000"),
        ([HEAD, ROW, ROW], "row 3: year 2000 of 'fuel price' does not follow 2000"),
        ([HEAD, ROW.replace(",4,", ",nan,")], "row 2: value 'nan' is not a finite number"),
        ([HEAD, ROW.replace("2000", "MM")], "row 2: year 'MM' is not a number"),
        ([HEAD, ROW, ROW.replace("2000", "2001").replace("GL", "L")], "row 3: unit 'bnCNY/L' of 'fuel price' was"),
        ([HEAD, ROW, ROW.replace("fuel", "tea"), ROW.replace("2000", "2001")], "row 4: 'fuel price' is given twice"),
        ([HEAD, "fuel price,2000,4"], "row 2: not as many fields as columns"),
        ([HEAD, ROW + ",more"], "row 2: not as many fields as columns"),
    ],
)
def test_a_bad_row_of_a_driver_table_is_refused_with_its_line(tmp_path: Path, rows: list[str], message: str) -> None:
    path = written(tmp_path, "\n".join(rows))
    with pytest.raises(InputError) as caught:
        read_series(path, sourced=True)
    assert f"table.csv {message}" in refusal(caught)


def test_a_good_driver_table_is_read_as_it_stands(tmp_path: Path) -> None:
    table = read_series(written(tmp_path, "\n".join([HEAD, ROW, ROW.replace("2000,4", "2001.5,5")])), sourced=True)
    assert table["fuel price"].years == (2000.0, 2001.5)
    assert table["fuel price"].values == (4.0, 5.0)
    assert table["fuel price"].unit == "bnCNY/GL"


def test_a_table_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: cannot be read"):
        read_series(tmp_path / "none.csv", sourced=False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 1.2", "value = 3.0", "parameters.yield: value = 3 TWh/unit/Year is outside 0.5 to 2.5"),
        ("value = 1.2", "value = nan", "parameters.yield.value: Input should be a finite number (got nan)"),
        ("value = 1.2", 'value = "much"', "parameters.yield.value: Input should be a valid number (got 'much')"),
        ('unit = "TWh/unit/Year"\n', "", "parameters.yield.unit"),
        (
            'source = "a yearbook"',
            'source = " "',
            "parameters.yield.source: String should have at least 1 ",
        ),
        ('evidence = "read"', 'evidence = "felt"', "parameters.yield.evidence: Input should be 'paper'"),
        ('comment = "', 'remark = "', "parameters.yield.comment"),
        ("low = 0.5", "low = 0.5\nlowest = 0", "parameters.yield.lowest: unknown key (got 0)"),
        ("low = 0.5", 'name = "other"\nlow = 0.5', "parameters.yield.name: the key of the table is the name"),
        ("final_time = 2000", "final_time = 1980", "control: final_time = 1980 is not after initial_time 1990"),
        ("save_period = 0.5", "save_period = 0.4", "control: save_period = 0.4 is no multiple of time_step"),
        ("time_step = 0.25", "time_step = 0", "control.time_step: Input should be greater than 0 (got 0)"),
        ("title =", "title = =", "not readable as TOML"),
    ],
)
def test_a_bad_case_file_is_refused_with_key_and_value(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert CASE.count(old) == 1
    path = written(tmp_path, CASE.replace(old, new), "case.toml")
    with pytest.raises(InputError) as caught:
        read_case_file(path)
    assert f"case.toml: {message}" in refusal(caught).replace('parameters."yield"', "parameters.yield")


def test_a_good_case_file_is_read_as_it_stands(tmp_path: Path) -> None:
    case = read_case_file(written(tmp_path, CASE, "case.toml"))
    assert case.parameters["yield"].name == "yield"
    assert case.parameters["yield"].value == 1.2


def test_a_curve_whose_input_does_not_increase_is_refused(tmp_path: Path) -> None:
    curve = 'input = "a"\nx = [0, 1, 1]\ny = [1, 2, 3]\nunit = "Dmnl"\nsource = "me"\ncomment = "A curve."\n'
    path = written(tmp_path, f"[parameters]\n[lookups.c]\n{curve}", "core.toml")
    with pytest.raises(InputError, match=r"core.toml: lookups.c: x = .* does not increase"):
        read_core_file(path)


def test_an_unknown_case_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="unknown case 'nv'; did you mean 'nev'"):
        load_case("nv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("central subsidi,2015,1,bnCNY/unit", "row 2: unknown variable 'central subsidi'; did you mean"),
        ("central subsidy,2015,1,bnCNY", "row 2: 'central subsidy' is in 'bnCNY/unit', not 'bnCNY'"),
        ("central subsidy,2015,-1,bnCNY/unit", "row 2: 'central subsidy' = -1 bnCNY/unit is outside 0 to any"),
        ("tax exemption,2015,1.5,Dmnl", "row 2: 'tax exemption' = 1.5 Dmnl is outside 0 to 1"),
        ("fund life,2015,0,Year", "row 2: 'fund life' = 0 Year is outside 1 to 50"),
        ("Price,2015,10,bnCNY/unit", "row 2: 'Price' is a stock"),
        ("TIME STEP,2015,1,Year", "is a control"),
        ("tax exemption,2015,inf,Dmnl", "row 2: value 'inf' is not a finite number"),
        ("tax exemption,2015,1,Dmnl\ntax exemption,2014,1,Dmnl", "row 3: year 2014"),
        ("", "no rows"),
    ],
)
def test_a_bad_policy_is_refused_with_file_and_row(tmp_path: Path, nev: Case, rows: str, message: str) -> None:
    path = written(tmp_path, f"variable,year,value,unit\n{rows}\n", "policy.csv")
    with pytest.raises(InputError) as caught:
        read_policy(path, nev.model)
    assert refusal(caught).startswith(str(path))
    assert message in refusal(caught)


def test_a_policy_without_its_unit_column_is_refused(tmp_path: Path, nev: Case) -> None:
    path = written(tmp_path, "variable,year,value\ntax exemption,2015,1\n")
    with pytest.raises(InputError, match="row 1: column 'unit' stands 0 times"):
        read_policy(path, nev.model)


def test_a_policy_may_move_a_driver_a_constant_and_an_equation(tmp_path: Path, nev: Case) -> None:
    rows = "Tax_Exemption,2015,0,Dmnl\nfund life,2015,15,Year\ntarget markup,2000,0.1,Dmnl\ntarget markup,2010,0,Dmnl"
    path = written(tmp_path, f"variable,year,value,unit\n{rows}\nexport demand,2000,0,unit/Year\n")
    run = nev.model.with_series(read_policy(path, nev.model)).run()
    assert (run["tax exemption"] == 0).all()
    assert (run["fund life"] == 15).all()
    assert float(run["target markup"].sel(time=2005)) == pytest.approx(0.05)
    assert run["exports"].max() == 0


def test_buyers_see_a_new_subsidy_coming_as_they_saw_the_old_one(tmp_path: Path, nev: Case) -> None:
    path = written(
        tmp_path,
        "variable,year,value,unit\ncentral subsidy,2015,30,bnCNY/unit\ncentral subsidy,2016,0,bnCNY/unit\n",
    )
    times, values = read_policy(path, nev.model)["announced central subsidy"]
    np.testing.assert_array_equal(times, [2014.5, 2015.5])
    np.testing.assert_array_equal(values, [30, 0])


def test_a_run_takes_settings_and_a_policy(tmp_path: Path) -> None:
    path = written(tmp_path, "variable,year,value,unit\ncentral subsidy,1991,0,bnCNY/unit\n")
    run = run_case("NEV", {"purchase tax rate": 0.2}, policy=path, until=2015)
    assert float(run.time[-1]) == 2015
    assert (run["purchase tax rate"] == 0.2).all()
    assert run["support per unit"].max() == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("cost sensitivity", 99.0, "99"),
        ("cost sensitivty", 3.0, "did you mean 'cost sensitivity'"),
        ("user cost", 3.0, "not a constant"),
        ("cost sensitivity", float("nan"), "nan"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError) as caught:
        run_case("nev", {name: value})
    assert name in refusal(caught)
    assert message in refusal(caught)


def test_a_variable_set_by_hand_and_by_policy_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "variable,year,value,unit\nfund life,2000,15,Year\n")
    with pytest.raises(InputError, match="'fund life' is set by hand as well"):
        run_case("nev", {"Fund_Life": 10}, policy=path)
