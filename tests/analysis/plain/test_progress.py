"""Work beside other work is done in another process, and what it raises is raised where it is waited for."""

import os

import pytest

from analysis.plain import progress as module
from analysis.plain.progress import beside
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
