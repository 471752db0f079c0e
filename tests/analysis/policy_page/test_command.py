"""`techcycle page`: what it writes, and what it refuses."""

import gzip
from pathlib import Path
from typing import Any

import pytest


def test_a_page_is_one_file_of_ascii_that_asks_for_nothing(tmp_path: Path, techcycle: Any) -> None:
    code, told, _ = techcycle("page", "pv", "--draws", "20", "--out", str(tmp_path / "pv.html"))
    assert code == 0, told
    text = (tmp_path / "pv.html").read_text(encoding="ascii")
    assert [one.name for one in tmp_path.iterdir()] == ["pv.html"]
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_page_of_all_draws_is_small(case: str, tmp_path: Path, techcycle: Any) -> None:
    assert techcycle("page", case, "--out", str(tmp_path / "page.html"))[0] == 0
    whole = (tmp_path / "page.html").read_bytes()
    assert len(whole) < 1_200_000
    assert len(gzip.compress(whole)) < 300_000


@pytest.mark.parametrize(("case", "out"), [("ic", "ic.html"), ("nev", "nev.pdf"), ("nowhere", "x.html")])
def test_what_has_no_page_is_refused_and_nothing_is_written(
    case: str, out: str, tmp_path: Path, techcycle: Any
) -> None:
    code, _, told = techcycle("page", case, "--out", str(tmp_path / out))
    assert code == 2
    assert (case if case != "nev" else ".html") in told
    assert not list(tmp_path.iterdir())
