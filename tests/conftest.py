"""What tests of several rooms ask for."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# two workers fill two cores: linear algebra with threads of its own would have them wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# words are tested in English, whatever the locale of the machine; Chinese is asked for
os.environ["TECHCYCLE_LANG"] = "en"

from analysis import cli
from analysis.plain import progress
from benchmarks.browser import Tab, lacking, tab

Run = Callable[..., tuple[int, str, str]]


# how long an example takes depends on what else the machine does
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# what is said of work that takes long depends on the machine; tests of it ask for it
progress.saying.first = 3600.0


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: to look through them all for garbage takes a fifteenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that starts most processes comes first: at the end it would leave one worker idle."""
    items.sort(key=lambda one: one.path.name != "test_platforms.py")


@pytest.fixture
def techcycle(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: its exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["techcycle", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="module")
def started() -> Iterator[Callable[[str], Tab]]:
    """Browsers for the tests of a module, each started when a test first asks for it."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(tab(name)))


@pytest.fixture
def browser(request: pytest.FixtureRequest, started: Callable[[str], Tab]) -> Iterator[Tab]:
    """Chromium, or the browser that a test names; a machine without it skips the test and says why."""
    name = getattr(request, "param", "chromium")
    if lacks := lacking(name):
        pytest.skip(lacks)
    yield started(name)
    if name != "chromium":
        started(name).go("about:blank")  # a page that waits for its next test would go on working


@pytest.fixture
def opened(browser: Tab, file: Path) -> Iterator[Tab]:
    """The page in the `file` of a room, which no test leaves with an error."""
    browser.size(1280, 900)
    browser.errors.clear()
    browser.open(file.as_uri())
    yield browser
    assert browser.errors == []
