"""The pages of `docs/` become a site with every link met, say what the program reads, and open offline."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from read_rows import rows

from models.files.build import FOLDER
from models.files.casefile import CASES, read_case_file
from models.files.parts import read_part
from stockflow.language.functions.dialects import VENSIM, XMILE

pytest.importorskip("furo", reason="the site is built where the extra `docs` is installed")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(folder / "trees"), "docs"]
    done = subprocess.run(
        [*command, str(folder / "html")], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def text_of(page: Path) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


def test_every_link_within_the_site_leads_to_a_page_and_a_place_on_it(site: Path) -> None:
    pages = {page.resolve(): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    places = {page: {"", *re.findall(r'\bid="([^"]+)"', text)} for page, text in pages.items()}
    links = 0
    for page, text in pages.items():
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text):
            path, place = urldefrag(unescape(link))
            if re.match(r"[a-z]+:", path):
                continue
            goal = (page.parent / unquote(path)).resolve() if path else page
            assert goal.is_file(), f"{page.relative_to(site.resolve())}: {link}"
            if goal in places:
                assert unquote(place) in places[goal], f"{page.relative_to(site.resolve())}: {link}"
            links += 1
    assert links > 500


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(script|img|iframe)\b[^>]*\bsrc="(https?:)?//', text), page.name
        assert not re.search(r'<link\b[^>]*rel="(stylesheet|preload)"[^>]*href="(https?:)?//', text), page.name


@pytest.mark.parametrize("case", [*CASES, "generic"])
def test_a_model_card_holds_every_equation_and_number_of_its_case(site: Path, case: str) -> None:
    shown = text_of(site / "models" / f"{case}.html")
    for group in read_part(FOLDER / "vensim" / "parts" / f"{case}.part"):
        for entry in group.entries:
            assert entry.name in shown
            assert entry.is_driver or f"{entry.name} = {entry.expression}" in shown, entry.name
    for number in read_case_file(FOLDER / "cases" / f"{case}.toml").parameters.values():
        words = " ".join(f"{number.name} {number.value:.6g} {number.unit}".split())
        assert words in shown


def test_the_page_of_what_is_read_holds_every_row_and_function(site: Path) -> None:
    shown = text_of(site / "engine" / "reading.html")
    for row in rows()["row"]:
        assert re.sub(r"\W", "", row["what"]) in re.sub(r"\W", "", shown), row["what"]
        assert row.get("file", "") in shown
    listed = [name for group in rows()["unread"] for name in group["names"]]
    assert [name for name in (*VENSIM, *XMILE, *listed) if f" {name.upper()} " not in shown] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_every_link_of_the_first_pages_leads_to_a_file(page: Path) -> None:
    links = [one for one in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")) if ":" not in one]
    assert all((ROOT / urldefrag(one)[0]).exists() for one in links), links


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("learning by doing=", "models/vensim/parts/core.part"),
        ("central subsidy,2016,", "models/policies/nev.csv"),
        ('"cliff"', "models/schedules/law.py"),
        ("# Add an instrument", "docs/how_to/instrument.md"),
    ],
)
def test_what_a_stranger_asks_for_first_is_one_link_from_the_readme(text: str, file: str) -> None:
    assert f"({file})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert text in (ROOT / file).read_text(encoding="utf-8")
