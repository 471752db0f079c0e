"""Long work says how far it is; work beside it is done in another process and raises where it is waited for."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.plain import progress as module
from analysis.plain.language import speaking
from analysis.plain.progress import beside, counted, working
from stockflow.errors import InputError


def who(word: str) -> tuple[int, str]:
    if word == "bad":
        raise InputError("file.toml: no such thing")
    return os.getpid(), word


def test_a_function_is_called_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)
    with beside(abs, -3) as told:
        assert told() == 3
    with beside(os.getpid) as told:
        assert told() != os.getpid()


def test_with_one_core_it_is_called_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 1)
    with beside(who, "good") as told:
        assert told() == (os.getpid(), "good")


@pytest.mark.parametrize("cores", [1, 2])
def test_what_it_raises_is_raised_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: cores)
    with beside(int, "no number") as told, pytest.raises(ValueError, match="no number"):
        told()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "saying", module._Saying(first=0.02, again=0.02))


def waited(capfd: pytest.CaptureFixture[str], text: str) -> str:
    """Return standard error once it holds a text; standard output stays empty."""
    said = ""
    for _ in range(500):
        out, error = capfd.readouterr()
        assert out == ""
        said += error
        if text in said:
            return said
        time.sleep(0.01)
    raise AssertionError(said)


@pytest.mark.parametrize(
    ("total", "done", "taken", "says"),
    [
        (32, 12, 24.0, "fits: 12 of 32 steps, about 40 s left (from 2019)"),
        (32, 0, 0.2, "fits: 0 of 32 steps (from 2019)"),
        (32, 0, 5.0, "fits: 0 of 32 steps, 5 s so far (from 2019)"),
        (None, 7, 5.0, "fits: 7 steps, 5 s so far (from 2019)"),
        (100, 10, 60.0, "fits: 10 of 100 steps, about 9 min left (from 2019)"),
        (100, 1, 100.0, "fits: 1 of 100 steps, about 2.8 h left (from 2019)"),
    ],
)
def test_a_line_says_how_far_it_is_and_how_long_it_may_take(
    total: int | None, done: int, taken: float, says: str
) -> None:
    task = module._Task("fits", total, "step", done=done, text="from 2019", began=1000.0)
    assert task.line(1000.0 + taken) == says


def test_how_far_it_is_is_said_in_the_language_spoken() -> None:
    task = module._Task("校准", 32, "step", began=1000.0)
    task.done, task.text = 12, "自2019年"
    with speaking("zh"):
        assert task.line(1024.0) == "校准：12/32步，约剩40秒（自2019年）"


def test_what_takes_long_is_said_now_and_then_and_the_innermost_speaks(
    soon: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with working("exit nev"):
        assert waited(capfd, "\n").startswith("exit nev: at work for 0 s\n")
        with counted("fits", 4, "fit") as step:
            step("from 2019", 2)
            waited(capfd, "fits: 2 of 4 fits, about 0 s left (from 2019)\n")
        waited(capfd, "exit nev: at work")
    time.sleep(0.05)
    capfd.readouterr()
    time.sleep(0.1)
    assert capfd.readouterr().err == ""


def test_what_is_quick_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with counted("fits", 2, "fit") as step:
        step()
    assert capfd.readouterr() == ("", "")


def test_quiet_silences_it_wherever_it_stands(
    soon: None, techcycle: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, said in (
        (("policy", "list"), True),
        (("--lang", "en", "policy", "list"), True),
        (("--quiet", "policy", "list"), False),
        (("policy", "list", "--quiet"), False),
    ):
        monkeypatch.setattr("analysis.commands.policy.shipped", lambda: time.sleep(0.2) or ())
        code, _, error = techcycle(*words)
        assert (code, "policy list: at work" in error) == (0, said)


def test_one_module_alone_shows_progress() -> None:
    root = Path(module.__file__).parents[2]
    users = [one for package in ("analysis", "calibration", "models", "stockflow")
             for one in (root / package).rglob("*.py") if "import tqdm" in one.read_text(encoding="utf-8")]  # fmt: skip
    assert [one.name for one in users] == ["progress.py"]
