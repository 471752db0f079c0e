"""Browsers without a window in sight: pages of files are opened, moved, measured and pictured, alike in all of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: by browser: the programs that it takes, each under any one of its names
BROWSERS = {
    "chromium": (("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),),
    "firefox": (("firefox-esr", "firefox"),),
    "webkit": (("WebKitWebDriver",), ("Xvfb",)),
}


class Tab(ABC):
    """One page in a browser; `errors` collects what its scripts did not catch and what its policy refused.

    `version` names the browser; what is downloaded lands in the folder `files`.
    """

    def __init__(self, files: Path) -> None:
        self.errors: list[str] = []
        self.files, self.version = files, ""

    @abstractmethod
    def go(self, url: str) -> None:
        """Go to an address."""

    @abstractmethod
    def run(self, expression: str) -> Any:
        """Return the value of an expression, waited for if it is a promise; RuntimeError if it throws."""

    @abstractmethod
    def size(self, width: int, height: int) -> None:
        """Give the page another size in pixels."""

    @abstractmethod
    def picture(self, path: Path) -> None:
        """Write what is seen as PNG."""

    @abstractmethod
    def key(self, name: str) -> None:
        """Press and let go a key, such as Tab or ArrowRight."""

    def open(self, url: str, ready: str = "document.documentElement?.dataset.moves > 0") -> None:
        """Go to an address and wait until an expression is true."""
        self.go("about:blank")
        self.go(url)
        self.until(ready)

    def asked(self, url: str) -> None:
        """Note an address that the page asked for, if it is the network's."""
        if not url.startswith(("file:", "blob:", "data:", "about:")):
            self.errors.append(f"asked the network for {url}")

    def until(self, expression: str, seconds: float = 60.0) -> None:
        """Wait until an expression is true; TimeoutError after so many seconds."""
        waited(lambda: self.run(f"Boolean({expression})"), lambda: f"{expression}; {self.errors}", seconds)


def waited(found: Callable[[], T], what: Callable[[], str], seconds: float) -> T:
    """Return what is found once there is any; TimeoutError, with `what` is waited for, after so many seconds."""
    end = time.monotonic() + seconds
    while not (there := found()):
        if time.monotonic() > end:
            raise TimeoutError(f"never true: {what()}")
        time.sleep(0.02)
    return there


def lacking(browser: str) -> str | None:
    """Return what this machine lacks to run a browser, None if nothing."""
    if os.name != "posix":
        return f"{browser} is spoken to where pipes and signals are those of Unix"
    for names in BROWSERS[browser]:
        if not _program(names):
            return f"{names[0]} is not installed"
    if browser == "firefox" and find_spec("websocket") is None:
        return "websocket-client, which speaks to Firefox, is not installed"
    return None


@contextmanager
def tab(browser: str = "chromium", *options: str) -> Iterator[Tab]:
    """Start a browser with one page, which ends with the block; RuntimeError if this machine lacks it."""
    if (lacks := lacking(browser)) is not None:
        raise RuntimeError(f"no browser: {lacks}")
    from benchmarks import chromium, webdriver

    starts: dict[str, Callable[..., AbstractContextManager[Tab]]] = {
        "chromium": chromium.started,
        "firefox": webdriver.firefox,
        "webkit": webdriver.webkit,
    }
    programs = [_program(names) or "" for names in BROWSERS[browser]]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as files,
        starts[browser](*programs, Path(files), *options) as one,
    ):
        yield one


def _program(names: Iterable[str]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)
