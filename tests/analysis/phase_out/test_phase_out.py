"""`techcycle phase-out` from end to end: page, tables, figures, store, refusals; and its runs are the model's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis import cli
from analysis.ensembles.writing import write
from analysis.phase_out.answer import answer_study, evidence_of
from analysis.phase_out.prepare import ensemble, rushed, stored
from analysis.phase_out.runs import Arm, Runs, finite_draws, where
from analysis.phase_out.study import PhaseOutStudy, load_phase_out_study, study_file
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.schedules.file import POLICIES
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
FEW = {
    "draws = 400": "draws = 6", "first = 2011.0": "first = 2018.0", "last = 2029.0": "last = 2020.0",
    "together = 2023.0": "together = 2019.0",
}  # fmt: skip
RUSH = '\n[rush]\nconstant = "timing elasticity"\nvalues = [3.0]\ndraws = 3\nsource = "made for a test"\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = study_file("nev").read_text(encoding="utf-8")
    for old, new in FEW.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("study") / "few.toml"
    path.write_text(text + RUSH, encoding="utf-8")
    return path


def study(file: Path) -> PhaseOutStudy:
    return load_phase_out_study(file)


def invoked(*arguments: str) -> str:
    found = CliRunner().invoke(cli.cli, ["phase-out", *arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def answered(file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("answered")
    return out, invoked(str(file), "--out", str(out))


@pytest.fixture(scope="module")
def machine(file: Path, answered: tuple[Path, str]) -> str:
    return invoked(str(file), "--out", str(answered[0]), "--no-figures", "--json")


def test_a_study_ends_in_one_page_tables_figures_and_a_store(answered: tuple[Path, str]) -> None:
    folder, out = answered[0] / "phase_out", answered[1]
    assert out.startswith("Ending support for new-energy vehicles in China\n")
    assert (folder / "few.zarr" / "zarr.json").is_file()
    assert (folder / "few_page.txt").read_text(encoding="utf-8") in out
    for name in ("measures", "shares", "account", "safe_exit", "regret", "waiting", "by_third", "pulled_forward"):
        assert len(pd.read_csv(folder / f"few_{name}.csv")) > 0, name
    for name in ("shares", "safe_exit", "account", "regret"):
        assert {f"few_figure_{name}{end}" for end in (".png", ".svg", ".csv")} <= {f.name for f in folder.iterdir()}


def test_a_second_call_reads_the_store_and_says_the_same(answered: tuple[Path, str], machine: str) -> None:
    page = (answered[0] / "phase_out" / "few_page.txt").read_text(encoding="utf-8")
    assert json.loads(machine)["page"] == page.splitlines()
    assert answered[1].startswith(page)


def test_the_machine_form_has_every_table_and_no_number_that_json_does_not_know(machine: str) -> None:
    told = json.loads(machine, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert told["draws"] == 6
    assert set(told["safe_exit_year"]) == {"cliff", "linear over 5 years"}
    assert {"measures", "regret", "waiting", "by_third", "drivers"} <= set(told)
    never = [row for row in told["measures"] if row["measure"] == "first year of the relapse" and row["reached"] == 0]
    assert never
    assert all(row["median"] is None for row in never)


def test_another_number_of_draws_is_another_ensemble_and_refused(
    techcycle: Run, file: Path, answered: tuple[Path, str]
) -> None:
    code, out, error = techcycle("phase-out", str(file), "--out", str(answered[0]), "--draws", "4")
    assert (code, out) == (2, "")
    assert "another ensemble" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ic",), "phase-out studies exist for 'pv', 'nev', not for 'ic'"),
        (("nowhere.toml",), "nowhere.toml"),
        (("nev", "--draws", "0"), "--draws"),
    ],
)
def test_bad_input_ends_in_one_line_and_writes_nothing(
    techcycle: Run, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, out, error = techcycle("phase-out", *arguments, "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert says in error
    assert not (tmp_path / "out").exists()


def test_runs_of_the_historical_schedule_are_those_of_the_model(file: Path, tmp_path: Path) -> None:
    asked, model, draws = study(file), load_case("nev").model, accepted_posterior("nev").spread(6)
    made, arms = ensemble(asked, model, draws)
    runs = stored(write(made, tmp_path / "one.zarr", progress=False), arms, draws)
    place = [arm.label for arm in arms].index("history")
    names = ["Cumulative Domestic Sales", "Cumulative Fiscal Outlay"]
    plain = model.runs(draws, names, until=asked.horizon, save_period=0.25).dataset()
    for name in names:
        np.testing.assert_allclose(runs.read(place)[name], plain[name].to_numpy(), rtol=1e-9, atol=1e-12)


def test_a_named_schedule_equal_to_the_supported_path_differs_in_nothing(file: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.toml"
    same.write_text((POLICIES / "nev_continued.toml").read_text(encoding="utf-8"), encoding="utf-8")
    asked = study(file).model_copy(update={"schedules": (str(same),), "rush": None})
    found = answer_study(asked, tmp_path / "same").results
    own = found.measures[2]
    assert own["relapse"].values.max() == 0
    np.testing.assert_array_equal(found.units[2], found.units[0])
    np.testing.assert_array_equal(found.spent[2], found.spent[0])
    regret = found.regret().query("worth == 'central'")["mean regret"].to_numpy()
    assert regret[2] == regret[0]


def test_announcements_pull_sales_forward_only_where_the_study_lets_them(file: Path) -> None:
    asked, draws = study(file), accepted_posterior("nev").spread(3)
    runs = rushed(asked, load_case("nev").model, draws)
    assert list(runs) == [3.0]
    place = [arm.label for arm in runs[3.0].arms].index("history")
    assert (runs[3.0].read(place)["Cumulative pull forward"][:, -1] > 0).all()


def test_the_evidence_is_that_of_the_target_file_and_of_the_same_draws(file: Path) -> None:
    posterior = accepted_posterior("nev")
    found = evidence_of(study(file), posterior)
    assert found is not None
    assert (found.value, found.deviation) == (0.52, 0.10)
    places = np.unique(np.linspace(0, posterior.size - 1, 6).astype(int))
    np.testing.assert_array_equal(found.effect, posterior.reported[found.name][places])


def test_an_effect_that_is_not_in_the_fit_is_refused_by_name(file: Path) -> None:
    with pytest.raises(InputError, match=r"'no such effect'.*purchase subsidies"):
        evidence_of(study(file).model_copy(update={"effect": "no such effect"}), accepted_posterior("nev"))


def test_a_draw_that_is_not_finite_under_one_schedule_is_left_out_of_all_and_counted() -> None:
    good, bad = np.ones((3, 2)), np.array([[1.0, 1.0], [1.0, np.inf], [1.0, 1.0]])
    arms = (Arm("a", "supported"), Arm("b", "no support"))
    runs = Runs(arms, np.array([0.0, 1.0]), {"p": np.arange(3.0)}, lambda place: {"x": (good, bad)[place]})
    kept = finite_draws(runs)
    assert list(kept) == [True, False, True]
    left = where(runs, kept)
    assert list(left.draws["p"]) == [0, 2]
    assert left.read(0)["x"].shape == (2, 2)
