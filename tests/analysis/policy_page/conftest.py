"""The page of vehicles with few draws, opened in a browser that no test leaves with an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.policy_page.contents import PolicyPage, policy_page
from analysis.policy_page.page import html
from benchmarks.browser import Tab, tab


@pytest.fixture(scope="module")
def page() -> PolicyPage:
    return policy_page("nev", 30)


@pytest.fixture(scope="module")
def file(page: PolicyPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "nev.html"
    path.write_text(html(page, "en"), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with tab() as one:
        yield one


@pytest.fixture
def opened(browser: Tab, file: Path) -> Iterator[Tab]:
    browser.size(1280, 900)
    browser.errors.clear()
    browser.open(file.as_uri())
    yield browser
    assert browser.errors == []
