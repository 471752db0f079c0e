"""The page of vehicles with few draws, opened in a browser that no test leaves with an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.policy_page.contents import PolicyPage, policy_page
from analysis.policy_page.page import html


@pytest.fixture(scope="session")
def page() -> PolicyPage:
    return policy_page("nev", 30)


@pytest.fixture(scope="session")
def file(page: PolicyPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "nev.html"
    path.write_text(html(page, "en"), encoding="ascii")
    return path
