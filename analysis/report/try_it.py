"""The policy maker's page of a case as a file, with the letters that it needs: beside report and brief, or alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.phase_out.study import STUDIED
from analysis.plain.language import language
from analysis.policy_page.contents import policy_page
from analysis.policy_page.page import html
from analysis.report.lettering import inline, lettering, with_letters
from stockflow.files import write_whole
from stockflow.page import MOST_DRAWS


def page_name(case: str) -> str:
    """Return what the page of a case is called beside a report."""
    return f"policy_{case}.html"


def write_page(case: str, file: Path, draws: int = MOST_DRAWS) -> Path:
    """Write the page of a case, the language spoken first; InputError for a case without a study of its exits."""
    return write_whole(file, html(policy_page(case, draws), language(), _lettered))


def write_pages(cases: Sequence[str], root: Path) -> list[Path]:
    """Write the pages of those cases that have one into a folder."""
    return [write_page(case, root / page_name(case)) for case in cases if case in STUDIED]


def _lettered(style: str, text: str) -> str:
    return with_letters(f"<style>\n{style}", inline(lettering(text))).removeprefix("<style>\n")
