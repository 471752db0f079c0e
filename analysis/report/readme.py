"""Keeps the figures in README.md and `docs/` true: `python -m analysis.report.readme [--check]` rewrites them.

A block reads `<!-- begin NAME -->` ... `<!-- end NAME -->` and is made from the accepted fits, the scoreboard and
the last measurement of speed. The README's picture and its numbers are `docs/fits.png` and `docs/fits.csv`,
the drawing of what may import what is `docs/arrows.svg`.
"""

import argparse
import re
import sys
from dataclasses import replace
from pathlib import Path

from analysis.fits.figures import series_against_data
from analysis.plain.language import speaking, term, worded
from analysis.report.blocks import BLOCKS
from analysis.report.goals import beside_data
from analysis.report.rooms import ROOT, arrows
from calibration.fitting.estimates import SeriesFit
from calibration.fitting.targets import load_targets
from models.case import load_case
from stockflow.files import write_whole

PICTURE = ROOT / "docs" / "fits"
DRAWING = ROOT / "docs" / "arrows.svg"
IN_CHINESE = ROOT / "README.zh.md"
SHOWN = {"pv": ("module price", "China installation"), "nev": ("battery pack price", "NEV sales"),
         "ic": ("transistor price", "transistors made")}  # fmt: skip
_BLOCK = re.compile(
    r"(?P<begin><!-- begin (?P<name>[\w-]+) -->\n)(?:.*?\n)??(?P<end><!-- end (?P=name) -->)", re.DOTALL
)


def picture() -> list[SeriesFit]:
    """Return the series of the README's picture, observed and as the accepted fits have them."""
    found = []
    for case, names in SHOWN.items():
        fits = beside_data(case, load_targets(case).series)
        title = term(load_case(case).title)
        found += [replace(fits[name], name=worded("{case}: {series}", case=title, series=term(name))) for name in names]
    return found


def pages() -> list[Path]:
    """Return the pages that may hold blocks: the README, the one in Chinese, and what is written by hand in `docs/`."""
    docs = ROOT / "docs"
    return [
        ROOT / "README.md",
        IN_CHINESE,
        *sorted(one for one in docs.rglob("*.md") if docs / "made" not in one.parents),
    ]


def renewed_page(page: Path) -> str:
    """Return the text of a page, in its language, with every block made anew."""
    with speaking("zh" if page.resolve() == IN_CHINESE else "en"):
        return renewed(page.read_text(encoding="utf-8"))


def renewed(text: str) -> str:
    """Return a page's text with every block made anew; a block that nobody makes raises KeyError."""
    return _BLOCK.sub(lambda block: f"{block['begin']}{BLOCKS[block['name']]()}\n{block['end']}", text)


def main() -> int:
    """Rewrite blocks and picture, or with `--check` only say whether they are out of date."""
    parser = argparse.ArgumentParser(prog="python -m analysis.report.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a block is out of date")
    parser.add_argument("pages", nargs="*", type=Path, help="only these; all, and the picture, if none is named")
    told = parser.parse_args()
    check, stale = told.check, False
    for page in told.pages or pages():
        old = page.read_text(encoding="utf-8")
        new = renewed_page(page)
        stale |= new != old
        if not check and new != old:
            write_whole(page, new)
    if not check and not told.pages:
        for chosen, stem in (("en", PICTURE), ("zh", PICTURE.with_name("fits_zh"))):
            with speaking(chosen):
                title = worded("Observed, and one run of each model with every feedback closed")
                series_against_data(title, picture(), stem)
            stem.with_suffix(".svg").unlink()
    if not check:
        write_whole(DRAWING, arrows())
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
