"""`stockflow page` writes one file, takes what other commands take, and refuses in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stockflow_helpers import outcome

from stockflow.commands import cli

ROOT = Path(__file__).parents[3]
MODEL = ROOT / "stockflow" / "examples" / "epidemic.mdl"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = outcome(cli.main, "stockflow", "page", *arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def about(page: Path) -> dict[str, Any]:
    found = re.search(r'id="model">(.*?)</script>', page.read_text(encoding="ascii"))
    assert found is not None
    return dict(json.loads(found[1]))


def test_a_page_holds_what_was_asked_for(command: Run, tmp_path: Path) -> None:
    out, draws, seen = (tmp_path / name for name in ("page.html", "draws.csv", "seen.csv"))
    draws.write_text("contact_rate,infectivity\n5,0.04\n6,0.05\n7,0.06\n", encoding="utf-8")
    seen.write_text("Time,Infectious\n0,10\n10,40\n", encoding="utf-8")
    code, said, _ = command(
        *(MODEL, "--inputs", "duration of illness, Contact Rate", "--outputs", "Recovered", "--samples", draws),
        *("--data", seen, "--title", "Flu", "--until", 90, "--save-period", 3, "--set", "population=500", "--out", out),
    )
    assert (code, said.startswith(f"{out}: ")) == (0, True)
    page = about(out)
    assert [one["name"] for one in page["inputs"] if one["shown"]] == ["duration of illness", "contact rate"]
    assert [one["name"] for one in page["outputs"]] == ["Recovered", "Infectious"]
    assert (page["title"], page["draws"], page["samples"]) == ("Flu", 3, ["contact rate", "infectivity"])
    assert page["time"]["values"] == list(range(0, 93, 3))


def test_samples_may_come_from_a_sensitivity_control(command: Run, tmp_path: Path) -> None:
    folder, out = ROOT / "tests" / "model_files" / "vensim", tmp_path / "page.html"
    code, _, said = command(
        folder / "diffusion.mdl", "--sensitivity", folder / "diffusion.vsc", "--draws", 9, "--out", out
    )
    assert (code, said) == (0, "")
    assert about(out)["draws"] == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "page.txt"], "must end in .html"),
        (["--inputs", "contact rat", "--out", "page.html"], "did you mean 'contact rate'"),
        (["--outputs", "infectivity=", "--out", "page.html"], "unknown variable"),
        (["--set", "contact rate=99", "--out", "page.html"], "outside [0, 20]"),
        (["--samples", "none.csv", "--out", "page.html"], "no such file"),
        (["--draws", "0", "--out", "page.html"], "0 is not in the range"),
        ([], "Missing option '--out'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_nothing_is_written(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, error = command(MODEL, *options)
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
