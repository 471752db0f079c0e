"""Vensim's side files on the command line do what they do there: changes, sensitivity, savelists, confidence bounds."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from stockflow_helpers import outcome

import stockflow
from stockflow.commands import cli
from stockflow.pictures.fan import PROBABILITIES
from stockflow.vensim_files.files import read_savelist
from stockflow.vensim_files.sampling import read_sensitivity, samples

Run = Callable[..., tuple[int, str, str]]
FOLDER = Path(__file__).parents[2] / "model_files" / "vensim"
MODEL, CHANGES, SENSITIVITY = (FOLDER / f"diffusion.{ending}" for ending in ("mdl", "cin", "vsc"))
PERCENTILES = ["0%", "2.5%", "12.5%", "25%", "50%", "75%", "87.5%", "97.5%", "100%"]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = outcome(cli.main, "stockflow", *arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(MODEL)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_with_a_changes_file_is_the_run_with_those_settings(command: Run) -> None:
    _, changed, _ = command("run", MODEL, "--changes", CHANGES)
    _, by_hand, _ = command("run", MODEL, "--set", "market=120", "--set", "contact rate=0.45")
    _, base, _ = command("run", MODEL)
    assert changed == by_hand != base


def test_what_is_set_by_hand_goes_before_the_changes_file(command: Run) -> None:
    _, both, _ = command("run", MODEL, "--changes", CHANGES, "--set", "Contact_Rate=0.2")
    _, by_hand, _ = command("run", MODEL, "--set", "market=120", "--set", "contact rate=0.2")
    assert both == by_hand


def test_a_sensitivity_batch_is_the_batch_of_its_draws(command: Run, model: stockflow.Model) -> None:
    code, out, err = command("batch", MODEL, "--sensitivity", SENSITIVITY, "--outputs", "Installed", "--save-period", 5)
    frame = pd.read_csv(io.StringIO(out))
    assert (code, err) == (0, "")
    drawn = samples(read_sensitivity(SENSITIVITY, model), model=model)
    expected = model.runs(drawn, ["Installed"], save_period=5.0).dataset()["Installed"].to_numpy()
    assert expected.shape == (400, 6)
    np.testing.assert_allclose(frame["Installed"].to_numpy().reshape(400, 6), expected, rtol=1e-9)


def test_changes_are_the_base_that_constants_are_drawn_around(command: Run, tmp_path: Path) -> None:
    control = written(tmp_path, "a.vsc", "3,U,7\ncontact rate=RANDOM UNIFORM(0.1,0.6)\n")
    arguments = ("batch", MODEL, "--sensitivity", control, "--outputs", "market", "--save-period", 25)
    _, out, _ = command(*arguments, "--changes", CHANGES)
    assert set(pd.read_csv(io.StringIO(out))["market"]) == {120.0}


def test_percentiles_are_those_of_the_runs(command: Run, model: stockflow.Model, tmp_path: Path) -> None:
    kept = written(tmp_path, "a.lst", '{what to keep}\nInstalled\n"INSTALLATION"\n')
    code, out, err = command("batch", MODEL, "--sensitivity", SENSITIVITY, "--save", kept, "--percentiles")
    frame = pd.read_csv(io.StringIO(out))
    assert (code, err) == (0, "")
    assert list(frame.columns) == ["variable", "unit", "time", *PERCENTILES]
    assert list(dict.fromkeys(zip(frame["variable"], frame["unit"], strict=True))) == [
        ("Installed", "GW"), ("installation", "GW/Year")
    ]  # fmt: skip
    runs = model.runs(
        samples(read_sensitivity(SENSITIVITY, model), model=model), ["Installed", "installation"]
    ).dataset()
    for name, rows in frame.groupby("variable"):
        below, above = (np.quantile(runs[name], PROBABILITIES, axis=0, method=how) for how in ("lower", "higher"))
        found = rows[PERCENTILES].to_numpy().T
        assert (found >= below * (1 - 1e-3)).all()
        assert (found <= above * (1 + 1e-3)).all()
        np.testing.assert_allclose(found[[0, -1]], [runs[name].min("run"), runs[name].max("run")], rtol=1e-9)


def test_percentiles_can_be_netcdf(command: Run, tmp_path: Path) -> None:
    out = tmp_path / "spread.nc"
    arguments = ("batch", MODEL, "--sensitivity", SENSITIVITY, "--outputs", "Installed", "--percentiles", "--out", out)
    assert command(*arguments)[0] == 0
    with xr.open_dataset(out, engine="scipy") as found:
        assert found["quantile"].values.tolist() == pytest.approx(PROBABILITIES)
        assert found.attrs["runs"] == 400


def test_runs_that_are_not_finite_are_counted_and_left_out(command: Run, tmp_path: Path) -> None:
    text = MODEL.read_text(encoding="utf-8").replace("contact rate= 0.3", "contact rate= 1/LN(widest market)")
    broken = written(tmp_path, "broken.mdl", text)
    values = written(tmp_path, "values.csv", "widest market\n500\n1\n2\n")
    code, out, err = command("batch", broken, values, "--outputs", "Installed", "--percentiles")
    assert (code, err) == (0, "stockflow: 1 of 3 runs are not finite and left out\n")
    assert np.isfinite(pd.read_csv(io.StringIO(out))[PERCENTILES].to_numpy()).all()


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_fan_is_drawn_in_the_kind_its_name_says_and_its_numbers_are_written(
    command: Run, tmp_path: Path, ending: str, begins: bytes
) -> None:
    fan, numbers = tmp_path / f"fan.{ending}", tmp_path / "fan.csv"
    arguments = ("batch", MODEL, "--sensitivity", SENSITIVITY)
    code, out, err = command(
        *arguments, "--outputs", "Installed,installation,market", "--figure", fan, "--out", numbers
    )
    assert (code, out, err) == (0, "", "")
    assert fan.read_bytes().startswith(begins)
    assert list(pd.read_csv(numbers)["variable"].unique()) == ["Installed", "installation", "market"]


def test_a_fan_without_matplotlib_is_refused_in_one_line(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    arguments = ("batch", MODEL, "--sensitivity", SENSITIVITY, "--outputs", "Installed")
    code, out, err = command(*arguments, "--figure", tmp_path / "fan.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "needs matplotlib" in err
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_imported_only_to_draw() -> None:
    text = f"""
import sys
from stockflow.commands import cli
sys.argv = ["stockflow", "batch", {str(MODEL)!r}, "--sensitivity", {str(SENSITIVITY)!r}, "--outputs", "market",
            "--percentiles"]
try:
    cli.main()
finally:
    print("matplotlib" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


ARRAY = """
    region: north, south ~~|
    Stock[region]= INTEG ( flow[region], 0) ~ GW ~|
    flow[region]= 1 ~ GW/Year ~|
    effect( (0,0),(1,1) ) ~ Dmnl ~|
    INITIAL TIME= 0 ~ Year ~| FINAL TIME= 4 ~ Year ~| TIME STEP= 1 ~ Year ~| SAVEPER= 1 ~ Year ~|
"""


def test_a_savelist_keeps_all_elements_of_an_array_and_each_name_once(tmp_path: Path) -> None:
    arrays = stockflow.load(written(tmp_path, "a.mdl", ARRAY))
    kept = written(tmp_path, "a.lst", "flow[south]\nSTOCK\n\n{flow}stock[North]\n")
    assert read_savelist(kept, arrays) == ("flow[south]", "Stock[north]", "Stock[south]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Stock\nstok\n", "a.lst: line 2: "),
        ("\n\neffect\n", "a.lst: line 3: "),
        ("Stock[west]\n", "a.lst: line 1: "),
        ("12\n", "a.lst: line 1: '12' is no name"),
        ("{ nothing }\n", "a.lst: keeps nothing"),
        ("Stock\n{ open\n", "a.lst: line 2: a comment brace"),
    ],
)
def test_a_savelist_that_cannot_be_kept_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    arrays = stockflow.load(written(tmp_path, "a.mdl", ARRAY))
    with pytest.raises(stockflow.InputError) as error:
        read_savelist(written(tmp_path, "a.lst", text), arrays)
    assert said in str(error.value)


def test_outputs_may_name_one_element_by_several_subscripts(command: Run, tmp_path: Path) -> None:
    text = ARRAY.replace("region: north", "kind: old, new ~~|\n region: north").replace("[region]", "[region,kind]")
    path = written(
        tmp_path, "b.mdl", text.replace("flow[region,kind]= 1", "flow[region,kind]= speed") + "speed= 1 ~ GW/Year ~|"
    )
    values = written(tmp_path, "values.csv", "speed\n1\n2\n")
    code, out, _ = command("batch", path, values, "--outputs", "Stock[north,new], flow[south,old]")
    assert code == 0
    assert list(pd.read_csv(io.StringIO(out)).columns) == ["run", "time", "Stock[north,new]", "flow[south,old]"]
