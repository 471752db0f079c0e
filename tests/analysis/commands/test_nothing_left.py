"""A command that is refused leaves nothing behind: no folder, no file, no half of a result."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from own_made import edited, table, written

from analysis.cli import cli, main
from calibration.own.new import new_case
from stockflow.errors import InputError

REFUSED: dict[str, tuple[str, ...]] = {
    "calibrate, no target file": ("calibrate", "pv", "--targets", "none.toml"),
    "calibrate, targets that are none": ("calibrate", "pv", "--targets", "bad.toml"),
    "import-vensim, no payoff": ("import-vensim", "pv", "none.vpd", "none.voc", "none.csv", "--region", "x"),
    "policy plot, no schedule": ("policy", "plot", "none.toml"),
    "loops, no study": ("loops", "mrna", "--study", "bad.toml"),
    "barriers, no study": ("barriers", "mrna", "--study", "bad.toml"),
    "instruments, no study": ("instruments", "mrna", "--study", "bad.toml"),
    "paths, no case": ("paths", "none"),
    "phase-out, no study": ("phase-out", "bad.toml"),
    "phase-out, nobody schedules": ("phase-out", "pv", "--draws", "2", "--scheduler", "garbage"),
    "new, a name that is none": ("new", "a/b"),
    "new, no data": ("new", "mine", "--data", "none.csv"),
    "new, data that are none": ("new", "mine", "--data", "bad.toml"),
    "run, another format": ("run", "pv", "--out", "run.ods"),
    "run, policy that is none": ("run", "pv", "--policy", "bad.toml", "--out", "deep/run.csv"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_command_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text("this = 'is not it'", encoding="utf-8")
    result = CliRunner().invoke(
        cli, [*REFUSED[what], *(() if REFUSED[what][0] in {"new", "run"} else ("--out", "a/b"))]
    )
    assert isinstance(result.exception, InputError), result.output
    assert len(str(result.exception).splitlines()) == 1
    assert [one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*")] == ["bad.toml"]


def test_run_refuses_the_case_file_that_validate_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new_case("mine", Path(), written(Path("data.csv"), table()))
    assert CliRunner().invoke(cli, ["run", "mine", "--until", "2009"]).exit_code == 0
    edited(Path("mine/case.toml"), "in_model = 0.069042", "in_model = 0.69042")
    said = [CliRunner().invoke(cli, [command, "mine"]).exception for command in ("run", "validate")]
    assert str(said[0]) == str(said[1])
    assert "cost.in_model: 0.69042" in str(said[0])


NAMED = (("run",), ("parameters",), ("calibrate",), ("identify",), ("score", "--data", "x.csv"), ("forecast",),
         ("phase-out",), ("exit", "--start", "2020"), ("policy", "show"), ("policy", "validate"), ("loops",),
         ("barriers",), ("validate",), ("latecomers",), ("search",), ("paths",))  # fmt: skip


@pytest.mark.parametrize("command", NAMED, ids=" ".join)
@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a\nb", "", ".", os.devnull], ids=lambda name: ascii(name)[:9])
def test_a_name_that_nothing_can_have_ends_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["techcycle", *command, name])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert "Errno" not in err
    assert list(tmp_path.iterdir()) == []


def test_observations_among_the_results_are_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new_case("mine", Path(), written(Path("data.csv"), table()))
    Path("mine/results").mkdir()
    data = written(Path("mine/results/observations.csv"), table())
    before = data.read_bytes()
    result = CliRunner().invoke(cli, ["calibrate", "mine", "--data", str(data)])
    assert "lies among the results that this command writes" in str(result.exception)
    assert data.read_bytes() == before


@pytest.mark.parametrize(("unit", "warns"), [("GBP2020/kWh", True), ("guilder/loom", True), ("USD2020/kWh", False)])
def test_new_warns_of_money_that_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, warns: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["new", "mine", "--cost-unit", unit, "--volume-unit", unit.rpartition("/")[2]])
    assert result.exit_code == 0
    assert (result.stderr.count("Warning: mine: units: taken as stated, since"), "Warning" in result.stderr) == (
        warns,
        warns,
    )
