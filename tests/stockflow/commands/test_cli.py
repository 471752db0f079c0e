"""What the `stockflow` command promises: answers on good input, one line and exit code 2 on bad input."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from stockflow_helpers import outcome, written

import stockflow
from stockflow.commands import cli

Run = Callable[..., tuple[int, str, str]]

POPULATION = """
    Population= INTEG ( births-deaths, initial population) ~ people ~ Those alive.
    births= Population*birth rate ~ people/Year ~ Those born.
    deaths= Population*death rate*Population/capacity ~ people/Year ~ Those who die.
    birth rate= 0.5 ~ 1/Year [0,9] ~ Births by head.
    death rate= 0.25 ~ 1/Year ~ Deaths by head.
    initial population= 10 ~ people ~ Those alive at first.
    capacity= 100 ~ people ~ How many the land feeds.
"""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = outcome(cli.main, "stockflow", *arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path, POPULATION)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.csv"
    path.write_text("birth_rate,Capacity\n0.1,50\n0.2,100\n0.3,200\n", encoding="utf-8")
    return path


def test_info_says_what_is_in_the_file(command: Run, model: Path) -> None:
    code, out, err = command("info", model)
    assert (code, err) == (0, "")
    assert "0 to 4 Year, step 0.25, saved every 0.25, Euler" in out
    assert "11 variables: 4 constant, 4 control, 2 flow, 1 stock" in out
    assert "2 independent feedback loops (1 reinforcing, 1 balancing)" in out
    assert "R1 Population via births" in out
    assert "0.5 1/Year" in out
    assert "0 to 9" in out


def test_info_counts_components_of_one_size(command: Run, tmp_path: Path) -> None:
    equations = "r: (r1-r300) ~ ~\ns[r]= INTEG(-s[r], 1) ~ Dmnl\na= INTEG(b, 1) ~ Dmnl\nb= a/2 ~ Dmnl"
    _, out, _ = command("info", written(tmp_path, equations))
    assert "variables in feedback: 2, 1 (300 times)\n" in out


def test_info_as_json_holds_every_variable_and_loop(command: Run, model: Path) -> None:
    _, out, _ = command("info", model, "--json")
    facts = json.loads(out)
    assert [one["name"] for one in facts["variables"]] == list(stockflow.load(model).variables)
    assert {tuple(one["members"]) for one in facts["loops"]} == {("Population", "births"), ("Population", "deaths")}
    assert facts["variables"][3]["limits"] == [0, 9]


def test_info_lists_as_many_loops_as_asked(command: Run, model: Path) -> None:
    _, out, _ = command("info", model, "--loops", 1)
    assert "Loops (1 of 2;" in out
    assert "B1" not in out


def test_check_finds_nothing_in_a_clean_model(command: Run, model: Path) -> None:
    code, out, _ = command("check", model)
    assert code == 0
    assert out == f"{model}: 0 unbalanced, 0 warnings, 0 notes\n"


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("0.5 ~ 1/Year [0,9]", "0.5 ~ Year", "units: births: unit people/Year, but right side people*Year"),
        ("~ Those born.", "~", "warning: line 3: births: has no comment"),
    ],
)
def test_check_fails_on_what_is_to_be_mended(command: Run, tmp_path: Path, line: str, instead: str, said: str) -> None:
    assert line in POPULATION
    code, out, _ = command("check", written(tmp_path, POPULATION.replace(line, instead)))
    assert code == 1
    assert said in out


def test_check_fails_on_notes_only_if_strict(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, POPULATION + "density= Population/capacity ~ Dmnl ~ An output.")
    code, out, _ = command("check", path)
    assert code == 0
    assert "note: line" in out
    assert command("check", path, "--strict")[0] == 1


def test_check_reports_a_loop_without_a_stock_with_its_members(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "a= b+1 ~ x\n b= c ~ x\n c= a ~ x")
    code, out, err = command("check", path)
    assert (code, err) == (1, "")
    assert "a -> b -> c -> a" in out
    assert json.loads(command("check", path, "--json")[1])["loops"] == [out.strip()]


def test_check_runs_the_reality_checks_of_the_file(command: Run, tmp_path: Path) -> None:
    rules = """
        no births :TEST INPUT: birth rate= 0 ~ Dmnl
        no births no growth :THE CONDITION: no births :IMPLIES: Population <= 10 ~ Dmnl
        early end :THE CONDITION: no births :IMPLIES: Population > 9.5 ~ Dmnl
    """
    code, out, _ = command("check", written(tmp_path, POPULATION + rules))
    assert code == 1
    assert "reality: line 11: early end: fails first at 2.25" in out
    assert "1 of 2 reality checks failed" in out
    reality = json.loads(command("check", tmp_path / "model.mdl", "--json")[1])["reality"]
    assert [(one["name"], one["failed_at"]) for one in reality] == [("no births no growth", None), ("early end", 2.25)]


def test_check_as_json_separates_units_from_lint(command: Run, tmp_path: Path) -> None:
    code, out, _ = command("check", written(tmp_path, POPULATION.replace("[0,9] ~ Births by head.", "~")), "--json")
    found = json.loads(out)
    assert code == 1
    assert found["units"] == []
    assert [one["code"] for one in found["lint"]] == ["no-documentation"]


def test_run_prints_a_row_for_each_saved_time(command: Run, model: Path) -> None:
    code, out, _ = command("run", model, "--until", 2, "--save-period", 0.5)
    frame = pd.read_csv(io.StringIO(out))
    assert code == 0
    assert frame["Time"].tolist() == [0, 0.5, 1, 1.5, 2]
    expected = stockflow.load(model).run(until=2)["Population"].values[::2]
    np.testing.assert_allclose(frame["Population"], expected, rtol=1e-9)


def test_run_sets_constants_in_any_spelling(command: Run, model: Path) -> None:
    _, out, _ = command("run", model, "--set", "Birth_Rate=0.25", "--set", "capacity=1e3")
    frame = pd.read_csv(io.StringIO(out))
    assert frame["birth rate"].unique().tolist() == [0.25]
    assert frame["capacity"].unique().tolist() == [1000]


def test_the_reference_engine_agrees(command: Run, model: Path) -> None:
    frames = [
        pd.read_csv(io.StringIO(command("run", model, "--save-period", 1, "--engine", engine)[1]))
        for engine in ("batch", "reference")
    ]
    pd.testing.assert_frame_equal(*frames, rtol=1e-9, check_like=True)


def test_run_writes_a_file_instead(command: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.csv"
    code, said, _ = command("run", model, "--out", out)
    assert (code, said) == (0, "")
    assert len(pd.read_csv(out)) == 17
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.mdl", "run.csv"]


def test_a_pipe_is_written_to_as_it_is(command: Run, model: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert command("run", model, "--out", pipe)[0] == 0
    assert os.read(reader, 5) == b"Time,"
    os.close(reader)
    assert pipe.is_fifo()


def test_batch_gives_a_row_for_each_run_and_time(command: Run, model: Path, samples: Path) -> None:
    code, out, err = command("batch", model, samples, "--outputs", "population, DEATHS", "--save-period", 1)
    frame = pd.read_csv(io.StringIO(out))
    assert (code, err) == (0, "")
    assert list(frame.columns) == ["run", "time", "Population", "deaths"]
    assert len(frame) == 3 * 5
    alone = stockflow.load(model).run({"birth rate": 0.2, "capacity": 100})["Population"].values[::4]
    np.testing.assert_allclose(frame.loc[frame["run"] == 1, "Population"], alone, rtol=1e-9)


def test_batch_writes_netcdf_with_units(command: Run, model: Path, samples: Path, tmp_path: Path) -> None:
    code, _, _ = command("batch", model, samples, "--outputs", "Population", "--out", tmp_path / "runs.nc")
    with xr.open_dataset(tmp_path / "runs.nc", engine="scipy") as found:
        assert code == 0
        assert dict(found.sizes) == {"run": 3, "time": 17}
        assert found["Population"].attrs["unit"] == "people"
        assert found["finite"].values.tolist() == [1, 1, 1]


def test_batch_names_runs_that_are_not_finite_and_keeps_them(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Stock= INTEG ( 1/divisor, 0) ~ x\n divisor= 1 ~ Year")
    (tmp_path / "samples.csv").write_text("divisor\n1\n0\n2\n", encoding="utf-8")
    code, out, err = command("batch", path, tmp_path / "samples.csv", "--outputs", "Stock")
    assert code == 0
    assert pd.read_csv(io.StringIO(out))["run"].nunique() == 3
    assert err == "stockflow: 1 of 3 runs are not finite: 1 (Stock at 0.25)\n"


def test_run_names_where_it_stops_being_finite_and_prints_it(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Stock= INTEG ( drain, 0) ~ x\n drain= LN(1-Time) ~ x/Year")
    code, out, err = command("run", path)
    assert (code, len(pd.read_csv(io.StringIO(out)))) == (0, 17)
    assert err == "stockflow: the run is not finite: drain at 1\n"
    assert command("run", path, "--until", 0.75)[2] == ""


def test_run_says_where_automatic_steps_do_not_meet_their_tolerances(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Stock= INTEG ( 1e6*(COS(Time)-Stock), 0) ~ x", 1.0, 2.0, 1.0)
    assert command("run", path, "--method", "RK4 auto")[2] == (
        "stockflow: the run is not finite: Stock at 1: RK4 auto does not meet ABSOLUTE TOLERANCE or RELATIVE TOLERANCE"
        " in it in parts of TIME STEP/16384, or its rate is undefined: shorten TIME STEP\n"
    )


def test_the_reference_engine_too_names_where_a_run_stops_being_finite(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Stock= INTEG ( drain, 0) ~ x\n drain= LN(1-Time) ~ x/Year")
    assert command("run", path, "--engine", "reference")[2] == "stockflow: the run is not finite: drain at 1\n"


@pytest.mark.parametrize(
    ("equations", "reason"),
    [("a= 1/b ~ x\n b= 0 ~ x", "division by zero"), ("a= 10^(1000*Time) ~ x", "out of range"),
     ("a= INTEGER(LN(0-Time)) ~ x", "cannot convert")],
)  # fmt: skip
def test_a_run_that_the_reference_cannot_end_is_one_line(
    command: Run, tmp_path: Path, equations: str, reason: str
) -> None:
    code, out, err = command("run", written(tmp_path, equations), "--engine", "reference")
    assert (code, out) == (2, "")
    assert "model.mdl: the reference stopped: " in err
    assert reason in err
    assert err.count("\n") == 1


def test_a_long_batch_comes_in_pieces_that_fit_together(
    command: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "many.csv").write_text("birth rate\n" + "".join(f"{place / 40}\n" for place in range(9)))
    arguments = ("batch", model, tmp_path / "many.csv", "--outputs", "Population", "--save-period", 2)
    _, whole, _ = command(*arguments)
    monkeypatch.setattr("stockflow.commands.batch._CHUNK", 4)
    assert command(*arguments)[1] == whole
    command(*arguments, "--out", tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8") == whole


def test_the_method_of_integration_can_be_chosen(command: Run, model: Path) -> None:
    euler, rk4 = (
        pd.read_csv(io.StringIO(command("run", model, "--method", method)[1]))["Population"].iloc[-1]
        for method in ("Euler", "RK4")
    )
    assert euler != pytest.approx(rk4, rel=1e-3)
    assert euler == pytest.approx(rk4, rel=0.1)


def test_bench_measures_and_compares_with_pysd(command: Run, model: Path) -> None:
    code, out, _ = command("bench", model, "--runs", 50, "--json")
    numbers = json.loads(out)
    assert code == 0
    assert numbers["runs of the batch"] == 50
    assert numbers["runs per second"] > 0
    assert numbers["difference from PySD"] < 1e-12
    assert "runs per second" in command("bench", model, "--runs", 2)[1]


def test_bench_leaves_out_pysd_where_it_stops(command: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Stock= INTEG ( 1/divisor, 0) ~ x\n divisor= 0 ~ Year")
    _, out, _ = command("bench", path, "--runs", 2, "--json")
    assert json.loads(out)["PySD run, s"] is None


def test_diagram_writes_a_picture_for_each_group(command: Run, model: Path, tmp_path: Path) -> None:
    text = model.read_text(encoding="utf-8").replace(
        "birth rate=", "********\n\t.Rates & such\n********~\n\t|\nbirth rate=", 1
    )
    model.write_text(text, encoding="utf-8")
    code, out, _ = command("diagram", model, "--out", tmp_path / "new" / "pictures")
    paths = [Path(line) for line in out.splitlines()]
    assert code == 0
    assert [path.name for path in paths] == ["model.svg", "Rates_such.svg"]
    assert "Population" in paths[0].read_text(encoding="utf-8")
    code, out, _ = command("diagram", model, "--out", tmp_path, "--group", "Rates & such")
    assert [Path(line).name for line in out.splitlines()] == ["Rates_such.svg"]


BAD = {
    ("run", "nowhere.mdl"): "nowhere.mdl: cannot be read",
    ("run", "model.mdl", "--set", "birth rat=1"): "did you mean 'birth rate'",
    ("run", "model.mdl", "--set", "birth rate=ten"): "'ten' is not a number",
    ("run", "model.mdl", "--set", "capacity=1", "--set", "Capacity=2"): "'Capacity' is set twice",
    ("loops", "model.mdl", "--set", "birth rate=1", "--set", "Birth_Rate=2"): "'Birth_Rate' is set twice",
    ("run", "model.mdl", "--set", "birth rate"): "name=value",
    ("run", "model.mdl", "--set", "birth rate=10"): "outside [0, 9]",
    ("run", "model.mdl", "--until", "9"): "until is 9",
    ("run", "model.mdl", "--save-period", "0.3"): "SAVEPER is 0.3",
    ("run", "model.mdl", "--save-period", "nan"): "'nan' is not a finite number",
    ("run", "model.mdl", "--save-period", "inf"): "'inf' is not a finite number",
    ("run", "model.mdl", "--until", "2.1"): "until is 2.1, between two moments of TIME STEP 0.25: take 2 or 2.25",
    ("run", "model.mdl", "--until", "soon"): "'soon' is not a number",
    ("run", "model.mdl", "--out", "no/such/folder.csv"): "cannot be written",
    ("run", "model.mdl", "--out", "."): "error: .: cannot be written: it is a folder",
    ("batch", "model.mdl", "samples.csv"): "--outputs",
    (
        "batch",
        "model.mdl",
        "samples.csv",
        "--outputs",
        "deaths",
        "--save",
        "a.lst",
    ): "by --save, not both",
    ("batch", "model.mdl", "--outputs", "deaths"): "by SAMPLES or by --sensitivity, not both",
    ("batch", "model.mdl", "samples.csv", "--sensitivity", "a.vsc", "--outputs", "deaths"): "not both",
    ("batch", "model.mdl", "--sensitivity", "nowhere.vsc", "--outputs", "deaths"): "nowhere.vsc: cannot be read",
    ("batch", "model.mdl", "samples.csv", "--save", "nowhere.lst"): "nowhere.lst: cannot be read",
    (
        "batch",
        "model.mdl",
        "samples.csv",
        "--outputs",
        "deaths",
        "--figure",
        "fan.jpeg2",
    ): "end in .pdf, .png",
    (
        "batch",
        "model.mdl",
        "samples.csv",
        "--outputs",
        "deaths",
        "--figure",
        "no/fan.png",
    ): "fan.png: cannot be",
    ("batch", "model.mdl", "samples.csv", "--outputs", "deaths", "--changes", "nowhere.cin"): "nowhere.cin: cannot be",
    ("batch", "model.mdl", "samples.csv", "--outputs", "Populatoin"): "did you mean 'Population'",
    ("batch", "model.mdl", "samples.csv", "--outputs", ","): "at least one output",
    ("batch", "model.mdl", "samples.csv", "--outputs", "deaths", "--out", "runs.txt"): "must end in .csv, .nc",
    ("batch", "model.mdl", "nowhere.csv", "--outputs", "deaths"): "nowhere.csv: cannot be read",
    ("diagram", "model.mdl", "--out", "pictures", "--group", "Rates"): "unknown group 'Rates'",
    ("diagram", "model.mdl", "--out", "model.mdl/pictures"): "cannot be made",
    ("info",): "Missing argument 'FILE'",
    ("fly", "model.mdl"): "No such command 'fly'",
}


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_ends_in_one_line_and_code_2(
    command: Run, model: Path, samples: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(model.parent)
    before = sorted(path.name for path in model.parent.iterdir())
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("stockflow: error: ")
    assert BAD[arguments] in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in model.parent.iterdir()) == before


BAD_SAMPLES = {
    "": "needs a row of names",
    "birth rate\n": "at least one row",
    "birth rate,capacity\n0.1\n": "row 1 has 1 values, not 2",
    "birth rate\n0.1\nmuch\n": "row 2, birth rate: 'much' is not a number",
    "birth rate\nnan\n": "row 1, birth rate: 'nan' is not a finite number",
    "birth rate\n1\n12\n": "bad.csv: row 2: birth rate is 12 1/Year, outside [0, 9]",
    'birth rate\n"1\n': "bad.csv: not a CSV file",
    "deaths\n1\n": "bad.csv: column 'deaths': ",
    "birth rate,Birth_Rate\n1,1\n": "column 2: 'Birth_Rate' stands twice",
    "birth rate,\n1,1\n": "column 2: no name",
    "births\n1\n": "births is not a constant",
    "brith rate\n1\n": "bad.csv: column 'brith rate': ",
}


@pytest.mark.parametrize("text", BAD_SAMPLES, ids=repr)
def test_bad_samples_are_refused_by_row_and_column(command: Run, model: Path, text: str) -> None:
    (model.parent / "bad.csv").write_text(text, encoding="utf-8")
    code, out, err = command("batch", model, model.parent / "bad.csv", "--outputs", "deaths")
    assert (code, out) == (2, "")
    assert BAD_SAMPLES[text] in err
    assert err.count("\n") == 1


def test_samples_that_are_no_text_are_refused(command: Run, model: Path) -> None:
    (model.parent / "bad.csv").write_bytes(b"birth rate\n\xff\xfe\n")
    code, _, err = command("batch", model, model.parent / "bad.csv", "--outputs", "deaths")
    assert code == 2
    assert "not UTF-8 text: byte 11, line 2" in err


@pytest.mark.parametrize("name", ["info", "check", "run", "batch", "bench", "diagram"])
def test_every_command_explains_itself(command: Run, name: str) -> None:
    code, out, _ = command(name, "--help")
    assert code == 0
    assert f"Usage: stockflow {name}" in out
    assert len(out.splitlines()) > 6


def test_the_package_runs_as_a_module(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stockflow", "check", str(model)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "0 unbalanced" in done.stdout


@pytest.mark.parametrize("option", ["--seed", "--until", "--save-period"])
@pytest.mark.parametrize("text", ["1e300", "-1e300", "9" * 400, f"1{'0' * 60}", "x" * 500, "0." + "3" * 300])
def test_a_number_out_of_reach_is_refused_without_a_wall_of_digits(
    command: Run, model: Path, option: str, text: str
) -> None:
    code, out, err = command("run", model.name, option, text)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert max(map(len, err.split())) <= 160
    assert not re.search(r"\d{25}", err)
