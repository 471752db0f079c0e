"""A command that is refused leaves nothing behind: no folder, no file, no half of a result."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from own_made import edited, table, written

from analysis.cli import cli
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
    "run, another format": ("run", "pv", "--out", "run.xlsx"),
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
