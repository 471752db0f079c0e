"""The example models run as a newcomer would run them, and obey their own laws."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import stockflow
from stockflow.commands.cli import cli

FOLDER = Path(stockflow.__file__).parent / "examples"
NAMES = ("epidemic", "commodity", "population")


def model(name: str) -> stockflow.Model:
    return stockflow.load(FOLDER / f"{name}.mdl")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_agrees_with_pysd_on_every_variable(name: str) -> None:
    one = model(name)
    ours, theirs = one.run(), one.run(engine="reference")
    assert set(ours.data_vars) == set(theirs.data_vars)
    for variable in ours.data_vars:
        scale = float(np.abs(theirs[variable]).max())
        np.testing.assert_allclose(
            ours[variable], theirs[variable], rtol=1e-9, atol=1e-11 * scale, err_msg=str(variable)
        )


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_looked_into_checked_and_run_from_the_command_line(name: str) -> None:
    file = str(FOLDER / f"{name}.mdl")
    for command in ("info", "check"):
        assert CliRunner().invoke(cli, [command, file]).exit_code == 0
    printed = CliRunner().invoke(cli, ["run", file])
    rows = list(csv.reader(io.StringIO(printed.stdout)))
    assert printed.exit_code == 0
    assert len(rows) == 1 + len(model(name).run()["time"])


def test_a_batch_from_the_command_line_has_a_row_for_every_run_and_time(tmp_path: Path) -> None:
    samples = tmp_path / "samples.csv"
    samples.write_text("contact rate,infectivity\n4,0.05\n8,0.05\n", encoding="utf-8")
    arguments = ["batch", str(FOLDER / "epidemic.mdl"), str(samples), "--outputs", "share ever infected"]
    printed = CliRunner().invoke(cli, arguments)
    assert printed.exit_code == 0
    assert len(printed.stdout.strip().splitlines()) == 1 + 2 * 181


def test_nobody_is_lost_in_an_epidemic_and_more_contacts_never_infect_fewer() -> None:
    runs = model("epidemic").runs({"contact rate": [1, 3, 6, 12]}, ["Susceptible", "Infectious", "Recovered"]).dataset()
    people = runs["Susceptible"] + runs["Infectious"] + runs["Recovered"]
    np.testing.assert_allclose(people, 100_000, rtol=1e-12)
    ill = 100_000 - runs["Susceptible"].to_numpy()[:, -1]
    assert (np.diff(ill) > 0).all()


def test_a_commodity_without_a_shock_rests_in_equilibrium_and_with_one_swings() -> None:
    runs = model("commodity").runs({"demand shock": [0.0, 0.1]}, ["Price"]).dataset()["Price"].to_numpy()
    np.testing.assert_allclose(runs[0], 50, rtol=1e-6)
    assert runs[1].max() > 55
    assert runs[1].min() < 50


def test_regions_add_up_to_the_whole_population() -> None:
    run = model("population").run()
    np.testing.assert_allclose(run["total population"], run["people[north]"] + run["people[south]"], rtol=1e-12)
