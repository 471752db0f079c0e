"""Runs named by what they change are held against the first: numbers, words, figure, and one line for what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.runs.asked import asked_run, asked_runs
from analysis.runs.compare import CompareStudy, compare, observations, table, words
from calibration.own.new import new_example
from models.case import CASES, load_case
from models.home import home_of
from models.run import run_case
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
NEV = home_of("nev")
POLICY = "variable,year,value,unit\ncentral subsidy,2009,7,bnCNY/unit\n"


def written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_difference_and_a_ratio_are_those_of_the_two_runs(techcycle: Run, tmp_path: Path) -> None:
    asked = ("compare", "nev", "cliff", "--until", "2025", "--yearly", "--out", str(tmp_path), "--json")
    code, out, _ = techcycle(*asked)
    assert code == 0
    rows = pd.DataFrame(json.loads(out)["table"]).set_index(["variable", "time"])
    plain = pd.read_csv(tmp_path / "results" / "compare_nev_history_cliff.csv").set_index(["variable", "time"])
    np.testing.assert_allclose(rows["cliff"], plain["cliff"], rtol=1e-6)
    share = rows.loc["market share"]
    np.testing.assert_allclose(share["cliff, difference from history"], share["cliff"] - share["history"], atol=1e-15)
    assert share.loc[2020.0, "cliff, ratio to history"] == pytest.approx(
        share.loc[2020.0, "cliff"] / share.loc[2020.0, "history"]
    )
    assert set(share.index) == set(np.arange(1991.0, 2026.0))
    assert rows.loc[("domestic sales", 2020.0), "unit"] == "million vehicles/Year"
    assert {one.suffix for one in (tmp_path / "figures").iterdir()} == {".png", ".svg", ".csv"}


def test_the_largest_difference_is_told_with_its_time(techcycle: Run, tmp_path: Path) -> None:
    asked = ("history", "weak: cost sensitivity=2 + cliff", "--variables", "price", "--until", "2025")
    code, out, _ = techcycle("compare", "nev", *asked, "--out", str(tmp_path))
    assert code == 0
    one = run_case("nev", until=2025.0)["Price"]
    other = run_case("nev", {"cost sensitivity": 2.0}, until=2025.0, schedule=asked_run(NEV, "cliff").schedule)["Price"]
    apart = (other - one).to_numpy()
    place = int(np.argmax(np.abs(apart)))
    assert f"Price: {apart[place]:+.3g} thousand CNY/vehicle in {float(one['time'][place]):g}, " in out


def test_every_kind_of_run_is_what_the_command_run_makes_of_it(tmp_path: Path) -> None:
    schedule = Path("models/policies/nev_cliff.toml").read_text(encoding="utf-8")
    for text, option in {
        "nev_cliff": {"schedule": asked_run(NEV, "cliff").schedule},
        written(tmp_path / "own.toml", schedule): {"schedule": asked_run(NEV, "nev_cliff").schedule},
        written(tmp_path / "own.csv", POLICY): {"policy": tmp_path / "own.csv"},
        written(tmp_path / "own.cin", "cost sensitivity=2\n"): {"set_": {"cost sensitivity": 2.0}},
        "Cost_Sensitivity=2": {"set_": {"cost sensitivity": 2.0}},
        "cost sensitivity=2e+0 + cliff": {
            "set_": {"cost sensitivity": 2.0}, "schedule": asked_run(NEV, "cliff").schedule
        },
        "history": {},
    }.items():  # fmt: skip
        found, _ = compare(NEV, [asked_run(NEV, text)], ["market share"], 2022.0, None)
        wanted = run_case("nev", until=2022.0, **option)["market share"]
        np.testing.assert_array_equal(found.values["market share"][0, 0], wanted)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("chosen", [(), ("--yearly", "--variables", "Price", "--variables", "market share")])
def test_a_run_that_was_saved_is_the_same_as_the_run_itself(
    techcycle: Run, tmp_path: Path, ending: str, chosen: tuple[str, ...]
) -> None:
    file = str(tmp_path / f"saved.{ending}")
    assert techcycle("run", "nev", "--until", "2012", *chosen, "--out", file)[::2] == (0, "")
    asked = ("history", file, "--variables", "Price", "--variables", "market share", "--out", str(tmp_path))
    code, out, error = techcycle("compare", "nev", *asked)
    assert (code, error) == (0, "")
    assert f"saved.{ending} is the same as history in all variables shown." in out


def test_over_draws_differences_are_taken_in_each_draw() -> None:
    asked = asked_runs(NEV, ["history", "cliff", "subsidies: cost sensitivity=2"])
    found, _ = compare(NEV, asked, ["market share"], 2022.0, 20)
    assert found.values["market share"].shape[:2] == (3, 20)
    early = found.times < 2015
    share = found.values["market share"]
    np.testing.assert_allclose(share[0][:, early], share[1][:, early], rtol=1e-12)
    last = table(found, yearly=True).iloc[-1]
    middle = last["subsidies, difference from history"]
    assert middle == pytest.approx(np.median(share[2, :, -1] - share[0, :, -1]))
    assert last["subsidies, difference, 5%"] < middle < last["subsidies, difference, 95%"]
    assert "90% of draws" in "\n".join(words(found))


def test_a_setting_holds_in_every_draw() -> None:
    asked = asked_runs(NEV, ["cost sensitivity=2", "cost sensitivity=2 + doing learning rate=0.1"])
    found, _ = compare(NEV, asked, ["cost sensitivity", "doing learning rate"], 2000.0, 5)
    assert (found.values["cost sensitivity"] == 2.0).all()
    assert (found.values["doing learning rate"][1] == 0.1).all()
    assert np.ptp(found.values["doing learning rate"][0]) > 0


def test_a_comparison_in_chinese_has_customary_units_and_letters_for_names_of_runs(
    techcycle: Run, tmp_path: Path
) -> None:
    asked = ("nev", "history", "一步退出: cliff", "--until", "2025", "--variables", "domestic sales")
    said = {}
    for one in ("en", "zh"):
        code, out, error = techcycle("--lang", one, "compare", *asked, "--out", str(tmp_path / one))
        assert (code, "Warning" in error) == (0, False)
        said[one] = out
    english = re.search(r"domestic sales: ([-+.\d]+) million vehicles/Year in ([\d.]+)", said["en"])
    chinese = re.search(r"国内销量：([\d.]+)年相差([-+.\d]+)万辆/年", said["zh"])
    assert english and chinese
    assert (float(chinese[2]), chinese[1]) == (pytest.approx(100 * float(english[1])), english[2])
    tables = [pd.read_csv(next((tmp_path / one / "results").glob("*.csv"))) for one in said]
    pd.testing.assert_frame_equal(*tables)


def test_a_setting_that_changes_nothing_is_warned_of_with_its_run(techcycle: Run, tmp_path: Path) -> None:
    asked = ("--until", "2012", "idle: support suspension start=2050", "--out", str(tmp_path))
    code, out, error = techcycle("compare", "nev", *asked)
    assert (code, error) == (0, "Warning: idle: support suspension start: changes no saved value of this run\n")
    assert "idle is the same as history in all variables shown." in out


def test_a_technology_of_ones_own_is_compared_in_its_folder(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new_example("wind", "wind", tmp_path)
    code, out, _ = techcycle("compare", "wind", "doing learning rate=0.1", "--until", "2000", "--tables", "xlsx")
    assert code == 0
    assert "TWh/Year" in out
    assert list((tmp_path / "wind" / "results").glob("compare_wind_history_*.xlsx"))


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        (("histry",), "unknown run 'histry'; did you mean 'history'?; a run is history, a schedule"),
        (("clif",), "did you mean 'cliff'"),
        (("pv_cliff",), "a schedule of 'nev' is wanted"),
        (("cliff + linear",), "'linear' is a second schedule"),
        (("nowhere.csv",), "nowhere.csv: cannot be read"),
        (("cost sensitivty=2",), "'cost sensitivity'"),
        (("cost sensitivity=two",), "run 'cost sensitivity=two': 'cost sensitivity=two': 'two' is not a number"),
        (("history", "history"), "run 'history' stands twice"),
        (("history", "a: cliff", "--variables", "Pric"), "--variables: unknown variable 'Pric'; did you mean 'Price'"),
        (("cliff", "--from", "2070"), "--from 2070: must be before 2060"),
        (tuple(f"{n}: doing learning rate=0.{n}" for n in range(1, 7)), "at most 5 lines"),
    ],
)
def test_what_names_no_run_is_refused_in_one_line(
    techcycle: Run, tmp_path: Path, runs: tuple[str, ...], says: str
) -> None:
    code, out, error = techcycle("compare", "nev", *runs, "--out", str(tmp_path / "out"))
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert says in error
    assert not (tmp_path / "out").exists()


def test_a_saved_run_has_no_draws(tmp_path: Path) -> None:
    saved = written(tmp_path / "saved.csv", "Time,Price\n2000,1\n")
    with pytest.raises(InputError, match=r"--draws: saved\.csv is one saved run"):
        compare(NEV, asked_runs(NEV, ["history", saved]), ["Price"], None, 5)
    other = written(tmp_path / "other.csv", "Time,Price (CNY)\n2000,1\n")
    with pytest.raises(InputError, match=r"'Price \(CNY\)' is not in 'bnCNY/unit'"):
        compare(NEV, asked_runs(NEV, ["history", other]), ["Price"], None, None)


def test_observations_are_those_of_the_fit_where_they_are_of_that_very_variable() -> None:
    name, times, values = observations(NEV, "domestic sales") or ("", np.empty(0), np.empty(0))
    assert (name, len(times) > 5, set(times % 1)) == ("NEV sales", True, {0.5})
    assert 5 < values[times == 2022.5][0] < 8  # million vehicles
    assert observations(NEV, "Knowledge Stock") is None


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown_by_default_is_in_every_case(case: str) -> None:
    model = load_case(case).model
    assert all(model.variable(name).name == name for name in CompareStudy.load().variables)
