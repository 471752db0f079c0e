"""What the command promises: a table on good input, one line and exit code 2 on bad input, nothing half-written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.commands import trust
from analysis.scoreboard.board import Scoreboard

Run = Callable[..., tuple[int, str, str]]


def test_run_prints_a_row_per_saved_time_and_a_column_per_variable(techcycle: Run) -> None:
    code, out, _ = techcycle("run", "nev", "--until", "1995")
    table = pd.read_csv(io.StringIO(out))
    assert code == 0
    assert list(table["Time"][:3]) == [1991.0, 1991.25, 1991.5]
    assert table["Time"].iloc[-1] == 1995.0
    assert {"Knowledge Stock", "market share"} <= set(table.columns)


def test_chosen_variables_come_in_order_with_units_and_whole_years(techcycle: Run) -> None:
    words = ("run", "nev", "--until", "2005", "--yearly", "--variables", "price", "--variables", "Market Share")
    code, out, _ = techcycle(*words)
    assert code == 0
    table = pd.read_csv(io.StringIO(out), index_col="Time")
    assert list(table.columns) == ["Price (bnCNY/unit)", "market share (Dmnl)"]
    assert (table.index % 1 == 0).all()
    whole = pd.read_csv(io.StringIO(techcycle("run", "nev", "--until", "2005")[1]), index_col="Time")
    np.testing.assert_array_equal(table["Price (bnCNY/unit)"], whole.loc[table.index, "Price"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--variables", "pricee"), "did you mean 'Price'"),
        (("--policy", "a.toml", "--schedule", "nev_cliff"), "--policy a.toml: is a second schedule beside --schedule"),
    ],
)
def test_what_a_run_cannot_show_is_refused_with_the_remedy(techcycle: Run, words: tuple[str, ...], says: str) -> None:
    code, out, err = techcycle("run", "nev", "--until", "2000", *words)
    assert (code, out) == (2, "")
    assert says in err


def test_set_changes_the_run_and_any_spelling_is_accepted(techcycle: Run) -> None:
    _, base, _ = techcycle("run", "nev", "--until", "2010")
    _, changed, _ = techcycle("run", "nev", "--until", "2010", "--set", "Cost_Sensitivity=2")
    column = "cost sensitivity"
    assert pd.read_csv(io.StringIO(changed))[column].iloc[0] == 2.0
    assert pd.read_csv(io.StringIO(base))[column].iloc[0] != 2.0


def test_the_reference_engine_gives_the_same_run(techcycle: Run) -> None:
    _, batch, _ = techcycle("run", "nev", "--until", "1996")
    _, reference, _ = techcycle("run", "nev", "--until", "1996", "--engine", "reference")
    pd.testing.assert_frame_equal(
        pd.read_csv(io.StringIO(batch)), pd.read_csv(io.StringIO(reference)), rtol=1e-8, check_like=True
    )


def policy(tmp_path: Path, text: str) -> str:
    file = tmp_path / "policy.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_policy_file_replaces_a_lever(techcycle: Run, tmp_path: Path) -> None:
    file = policy(
        tmp_path, "variable,year,value,unit\ncentral subsidy,2009,0,bnCNY/unit\ncentral subsidy,2010,7,bnCNY/unit\n"
    )
    code, out, _ = techcycle("run", "nev", "--until", "2012", "--policy", file)
    table = pd.read_csv(io.StringIO(out)).set_index("Time")
    assert code == 0
    assert table.loc[2009.5, "central subsidy"] == pytest.approx(3.5)
    assert table.loc[2011.0, "central subsidy"] == pytest.approx(7.0)


def after_2017(out: str, column: str) -> float:
    table = pd.read_csv(io.StringIO(out))
    return float(table.loc[table["Time"] >= 2017, column].max())


def test_a_schedule_ends_what_it_names_and_says_so(techcycle: Run) -> None:
    code, out, error = techcycle("run", "nev", "--until", "2020", "--schedule", "nev_cliff")
    assert code == 0
    assert after_2017(out, "central subsidy") == 0 < after_2017(out, "tax exemption")
    assert error.startswith(
        "nev_cliff: purchase subsidy ends in 2017; as in history to 2020: local subsidy, tax exempt"
    )
    assert error.count("\n") == 1


def test_a_policy_may_be_a_schedule(techcycle: Run) -> None:
    asked = ("run", "nev", "--until", "2020")
    by_policy = techcycle(*asked, "--policy", "models/policies/nev_cliff.toml")
    assert by_policy == techcycle(*asked, "--schedule", "nev_cliff")


def test_a_schedule_goes_together_with_constants_a_policy_and_a_file(techcycle: Run, tmp_path: Path) -> None:
    path = policy(tmp_path, "variable,year,value,unit\ncentral subsidy,2009,7,bnCNY/unit\n")
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\ncase = "nev"\ntitle = "half is left"\nsource = "a test"\n'
        '[instruments."purchase subsidy"]\nshape = "cliff"\nstart = 2014.0\nfloor = 0.5\n', encoding="utf-8"
    )  # fmt: skip
    code, out, _ = techcycle("run", "nev", "--until", "2018", "--schedule", str(file), "--policy", path,
                             "--set", "cost sensitivity=1.5")  # fmt: skip
    table = pd.read_csv(io.StringIO(out)).set_index("Time")
    assert code == 0
    assert table.loc[[2010.0, 2013.75, 2014.0, 2018.0], "central subsidy"].tolist() == [7, 7, 3.5, 3.5]
    assert (table["cost sensitivity"] == 1.5).all()


def test_what_changes_nothing_in_the_years_run_is_warned_of(techcycle: Run) -> None:
    _, base, silent = techcycle("run", "nev", "--until", "2012")
    _, same, error = techcycle("run", "nev", "--until", "2012", "--schedule", "nev_linear")
    assert silent == ""
    assert same == base
    assert error == "Warning: --schedule nev_linear: changes nothing in the years run, 1991 to 2012\n"
    _, _, error = techcycle("run", "nev", "--until", "2012", "--set", "support suspension start=2050",
                            "--set", "cost sensitivity=2")  # fmt: skip
    assert error == "Warning: --set support suspension start: changes no saved value of this run\n"


BAD_POLICIES = {
    "variable,year,value\ncentral subsidy,2009,0\n": "unit",
    "variable,year,value,unit\ncentral subsidi,2009,0,bnCNY/unit\n": "central subsidy",
    "variable,year,value,unit\ncentral subsidy,2010,1,bnCNY/unit\ncentral subsidy,2009,1,bnCNY/unit\n": "2009",
    "variable,year,value,unit\ncentral subsidy,2009,nan,bnCNY/unit\n": "nan",
    "variable,year,value,unit\ncentral subsidy,2009,1,GW\n": "GW",
    "variable,year,value,unit\ncentral subsidy,2009,-1,bnCNY/unit\n": "-1",
    "variable,year,value,unit\nproduction,2009,1,unit/Year\n": "computed by the model",
    "variable,year,value,unit\ncentral subsidy,2100,1,bnCNY/unit\n": "no point inside the run",
    'variable,year,value,"unit\ncentral subsidy,2009,1,bnCNY/unit\n': "row 1: not CSV: ",
}


@pytest.mark.parametrize(
    "text",
    BAD_POLICIES,
    ids=["no unit", "unknown", "order", "nan", "wrong unit", "negative", "computed", "too late", "open quote"],
)
def test_a_bad_policy_file_is_refused_by_file_and_row(techcycle: Run, tmp_path: Path, text: str) -> None:
    out = tmp_path / "run.csv"
    code, printed, error = techcycle("run", "nev", "--policy", policy(tmp_path, text), "--out", str(out))
    assert code == 2
    assert printed == ""
    assert error.count("\n") == 1
    assert "policy.csv" in error
    assert BAD_POLICIES[text].lower() in error.lower()
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "nevv"), "'nev'"),
        (("run", "nev", "--set", "cost sensitivty=2"), "'cost sensitivity'"),
        (("run", "nev", "--set", "doing learning rate=1.5"), "1.5"),
        (("run", "nev", "--set", "doing learning rate=abc"), "not a number"),
        (("run", "nev", "--set", "doing learning rate"), "name=value"),
        (("run", "nev", "--set", "fund life=9", "--set", "Fund_Life=8"), "set twice"),
        (("run", "nev", "--set", "central subsidy=2"), "policy file"),
        (("run", "nev", "--out", "nowhere/run.csv"), "cannot be written"),
        (("run", "nev", "--set", "doing learning rate=nan"), "nan"),
        (("run", "nev", "--until", "1900"), "1900"),
        (("run", "nev", "--policy", "nowhere.csv"), "nowhere.csv"),
        (("run", "nev", "--set", "Phase_Out_Shape=1"), "--schedule"),
        (("run", "nev", "--schedule", "nev_clif"), "'nev_cliff'"),
        (("run", "nev", "--schedule", "pv_cliff"), "a schedule of 'nev' is wanted"),
        (("run", "ic", "--schedule", "nev_cliff"), "'ic'"),
        (("run", "nev", "--schedule", "nev_cliff", "--until", "1900"), "1900"),
        (("run", "xx"), "unknown case 'xx'; known: pv, nev, ic, mrna"),
        (("run",), "Missing argument"),
        (("forecast", "ic"), "nothing is said of case 'ic'"),
        (("latecomers", "steel"), "'steel'"),
        (("phase-out", "ic"), "'ic'"),
        (("phase-out", "wind"), "for a technology of your own `techcycle exit NAME` answers"),
        (("exit", "ic", "--start", "1970"), "unknown case with schedules 'ic'"),
        (("paths", "steam"), "steam"),
        (("phase-out", "nowhere.toml"), "nowhere.toml"),
        (("fly",), "No such command"),
    ],
)
def test_bad_input_ends_in_one_line_and_exit_code_2(techcycle: Run, arguments: tuple[str, ...], says: str) -> None:
    code, out, error = techcycle(*arguments)
    assert code == 2
    assert out == ""
    assert error.count("\n") == 1
    assert says in error


def test_a_value_out_of_reach_is_refused_by_variable_and_time(techcycle: Run, tmp_path: Path) -> None:
    file = policy(tmp_path, "variable,year,value,unit\nfuel price,1991,1e300,bnCNY/GL\n")
    code, out, error = techcycle("run", "nev", "--policy", file)
    assert (code, out) == (2, "")
    assert "out of reach" in error
    assert f"nev under {file}: " in error


def test_output_replaces_a_file_whole_and_keeps_the_usual_permissions(techcycle: Run, tmp_path: Path) -> None:
    out = tmp_path / "run.csv"
    out.write_text("old", encoding="utf-8")
    mode = out.stat().st_mode
    assert techcycle("run", "NEV", "--until", "1992", "--out", str(out))[0] == 0
    assert out.read_text(encoding="utf-8").startswith("Time,")
    assert out.stat().st_mode == mode
    for folder in (str(tmp_path), ".", "..", "/"):
        code, _, error = techcycle("run", "nev", "--until", "1992", "--out", folder)
        assert (code, error) == (2, f"techcycle: error: {folder}: cannot be written: it is a folder\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.csv"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--out", "{}/in.vpd"), "in.vpd: cannot be made"),
        (("--out", "{}/out", "--table", "a/b"), "table 'a/b'"),
        (("--out", "{}/out", "--table", "../../evil"), "table '../../evil'"),
        (("--out", "{}/out", "--table", ""), "table ''"),
        (("--out", "{}/out", "--region", ""), "region ''"),
    ],
)
def test_an_import_that_cannot_be_written_writes_nothing(
    techcycle: Run, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    (tmp_path / "in.vpd").write_text("*CL\nproduction|made/10\n", encoding="utf-8")
    (tmp_path / "in.voc").write_text("0.5 <= cost sensitivity = 2 <= 4\n", encoding="utf-8")
    (tmp_path / "in.csv").write_text("Time,made\n2010.5,2\n2011.5,3\n", encoding="utf-8")
    files = [str(tmp_path / f"in.{ending}") for ending in ("vpd", "voc", "csv")]
    before = sorted(tmp_path.rglob("*"))
    asked = ("import-vensim", "pv", *files, "--unit", "production=GW/Year", "--region", "China")
    code, _, error = techcycle(*asked, *(one.format(tmp_path) for one in options))
    assert code == 2
    assert says in error
    assert sorted(tmp_path.rglob("*")) == before
    assert techcycle(*asked, "--out", str(tmp_path / "out"))[0] == 0


def test_parameters_are_listed_with_unit_bounds_and_source(techcycle: Run) -> None:
    code, out, _ = techcycle("parameters", "pv", "--json")
    rows = {row["parameter"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["cost sensitivity"]["low"] < rows["cost sensitivity"]["value"] < rows["cost sensitivity"]["high"]
    assert all(row["source"] and row["unit"] for row in rows.values())


def test_scoreboard_answers_at_least_25_targets_and_its_json_agrees_with_its_text(
    techcycle: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Scoreboard] = []

    def once(*rest: Any, **more: Any) -> Scoreboard:
        made.extend([] if made else [score(*rest, **more)])
        return made[0]

    score = trust.score
    monkeypatch.setattr(trust, "score", once)
    code, out, _ = techcycle("scoreboard", "--json")
    board = json.loads(out)
    assert code == 0
    assert len(board["rows"]) >= 25
    _, text, _ = techcycle("scoreboard")
    inside = sum(row["inside"] for row in board["rows"])
    assert f"{inside} of {len(board['rows'])} answered" in text


@pytest.mark.slow
def test_paths_json_holds_every_case_and_clock(techcycle: Run, tmp_path: Path) -> None:
    code, out, _ = techcycle("paths", "--json", "--draws", "4", "--no-ahead", "--out", str(tmp_path))
    told = json.loads(out)
    assert code == 0
    rows = told["stages"]["durations"]
    assert {row["case"] for row in rows} == {"pv", "nev", "ic", "mrna"}
    assert {row["clock"] for row in rows if row["case"] == "nev"} == {"national R&D", "863 project", "industrial entry"}
    assert told["latecomers"]["two clocks"]
    assert (tmp_path / "figures" / "paths.png").is_file()


@pytest.mark.slow
def test_paths_of_one_case_tell_years_words_and_worlds_ahead(techcycle: Run, tmp_path: Path) -> None:
    code, out, _ = techcycle("paths", "nev", "--draws", "4", "--out", str(tmp_path))
    assert code == 0
    assert "industrial entry" in out
    assert "no observation after 2023 tests them" in out
    assert (tmp_path / "results" / "paths_ahead_nev.csv").is_file()
