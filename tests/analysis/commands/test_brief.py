"""The brief says what README and report say, in either language, as a page and as a PDF, from what is on record."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.commands import brief
from analysis.report import try_it
from analysis.report.brief import exit_objection, exit_points
from analysis.report.pdf import _breaking

Run = Callable[..., tuple[int, str, str]]
README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize("spoken", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_a_brief_is_a_page_and_a_pdf_that_say_what_the_readme_says(techcycle: Run, tmp_path: Path, spoken: str) -> None:
    code, out, _ = techcycle("--lang", spoken, "brief", "nev", "--out", str(tmp_path), "--json")
    assert code == 0
    support, clock, trust = json.loads(out)
    page = (tmp_path / "brief.html").read_text(encoding="utf-8")
    for one in (support, clock, trust):
        assert one["question"] in page
        assert all(Path(file).is_file() for file in one["figures"])
    assert not re.search(r'(?:="|url\()["\']?(?:https?:)?//', page)  # nothing is asked of a network
    assert f'href="policy_nev.html?lang={spoken}"' in page
    assert "default-src 'none'" in (tmp_path / "policy_nev.html").read_text(encoding="ascii")
    pdf = (tmp_path / "brief.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 3
    if spoken == "en":
        assert list(support["points"].values()) == [exit_points("nev")]
        assert support["sentences"][0].startswith(
            "A draw (a run with parameters that the data allow) fails if, 5 years"
        )
        assert all(f"- {one}" in README.read_text(encoding="utf-8") for one in exit_points("nev"))
        assert exit_objection("nev") in support["objections"][0]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_every_letter_of_a_chinese_pdf_is_the_one_meant(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_it, "write_pages", lambda cases, root: [])  # they lie beside it, and take longer
    code, out, _ = techcycle("--lang", "zh", "brief", "nev", "--out", str(tmp_path), "--json")
    assert code == 0
    read = subprocess.run(["pdftotext", tmp_path / "brief.pdf", "-"], check=True, capture_output=True, text=True).stdout
    letters = re.sub(r"[\s\u200b]", "", read)
    for answer in json.loads(out):
        for line in (
            *answer["sentences"],
            *answer["objections"],
            *(one for own in answer["points"].values() for one in own),
        ):
            assert re.sub(r"\s", "", line) in letters


def test_without_the_package_for_pdf_one_line_says_so(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brief, "find_spec", lambda name: None)
    code, out, _ = techcycle("brief", "mrna", "--out", str(tmp_path))
    assert code == 0
    assert "pip install fpdf2" in out
    assert "When can support end" not in out  # no study asks it of vaccines
    assert not (tmp_path / "brief.pdf").exists()


def test_a_case_without_records_is_refused_before_anything_is_written(techcycle: Run, tmp_path: Path) -> None:
    code, _, err = techcycle("brief", "tidal", "--out", str(tmp_path / "no"))
    assert code == 2
    assert "tidal" in err
    assert not (tmp_path / "no").exists()


def test_lines_break_after_han_characters_and_never_within_a_number_or_before_a_closing_mark() -> None:
    assert _breaking("自2021年起安全（7.8%）。") == "自\u200b2021年\u200b起\u200b安\u200b全\u200b（7.8%）。"
    assert _breaking("from 2021 on") == "from 2021 on"
