"""The brief as PDF, by fpdf2 (an extra: `pip install fpdf2`), with the letters it needs embedded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from PIL import Image

from analysis.plain.folder import Folder
from analysis.plain.language import language, translated, worded
from analysis.plain.style import HAN
from analysis.report.brief import HEADING, TRY_IT, Answer, Brief
from stockflow.files import write_whole

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN = 14.0  # mm
BODY, SMALL = 8.6, 7.2  # points
LEAD, BUT = (27, 73, 101), (180, 40, 60)  # colours of the bars beside sentences and objections
TALLEST, LEAST = 122.0, 45.0  # mm: of a figure; left on a page on which a question begins
BREAKS = re.compile("([⺀-鿿，。；：、）])(?=[^，。；：、）」？！％])")  # a line may end after


def write_pdf(brief: Brief, folder: Folder, file: Path) -> Path:
    """Write a brief as A4 pages, without its tables, with figures of that folder.

    ModuleNotFoundError where fpdf2 is not installed.
    """
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, MARGIN)
    pdf.set_title(translated(HEADING))
    pdf.set_lang(language())
    letters = Path(mpl.get_data_path()) / "fonts" / "ttf"
    latin, han = (letters / "DejaVuSans.ttf", letters / "DejaVuSans-Bold.ttf"), (HAN, HAN)
    main, other = (han, latin) if language() == "zh" else (latin, han)
    for style, file_of_main, file_of_other in zip(("", "B"), main, other, strict=True):
        pdf.add_font("main", style, file_of_main)
        pdf.add_font("other", style, file_of_other)
    pdf.set_fallback_fonts(["other"], exact_match=False)
    pdf.add_page()
    _text(pdf, translated(HEADING), 12, "B")
    answers = brief.answers(folder)
    for place, one in enumerate(answers):
        pdf.ln(1.5)
        if pdf.h - MARGIN - pdf.get_y() < LEAST:
            pdf.add_page()
        _text(pdf, one.question, 10.5, "B")
        for sentence in one.sentences:
            _text(pdf, sentence, BODY, bar=LEAD)
        for head, lines in one.points.items():
            _text(pdf, head, BODY, "B", LEAD)
            for line in lines:
                _text(pdf, f"• {line}", BODY, bar=LEAD)
        for sentence in one.objections:
            _text(pdf, worded("But: {objection}", objection=sentence), BODY, bar=BUT)
        if one.pages:
            _text(pdf, f"{translated(TRY_IT)} {', '.join(one.pages.values())}", SMALL)
        first = sum(len(other.pictures) for other in answers[:place]) + 1
        _pictures(pdf, one, first)
        for note in brief.notes() if one.points else ():
            _text(pdf, note, SMALL)
    pdf.ln(2)
    for line in brief.about():
        _text(pdf, line, SMALL)
    return write_whole(file, bytes(pdf.output()))


def _text(pdf: FPDF, text: str, size: float, style: str = "", bar: tuple[int, int, int] | None = None) -> None:
    """Write a paragraph over the whole width, with a bar of that colour at its left if given."""
    pdf.set_font("main", style, size)
    pdf.cell(0.01, 0, " ")  # else fpdf2 writes later lines of a paragraph that begins in another font as if in that one
    pdf.set_x(pdf.l_margin + (2.5 if bar else 0.0))
    before, page = pdf.get_y(), pdf.page
    pdf.multi_cell(0, size * 0.5, _breaking(text), align="L", new_x="LMARGIN", new_y="NEXT")
    if bar and pdf.page == page:
        pdf.set_fill_color(*bar)
        pdf.rect(pdf.l_margin, before, 0.8, pdf.get_y() - before, style="F")
    pdf.ln(1)


def _pictures(pdf: FPDF, answer: Answer, number: int) -> None:
    """Draw the figures of an answer one below the other, each over its caption."""
    for place, (caption, file) in enumerate(answer.pictures.items()):
        wide, high = _size(file, pdf.epw, TALLEST)
        if pdf.get_y() + high + 10 > pdf.h - MARGIN:
            pdf.add_page()
        pdf.image(file, x=pdf.l_margin, y=pdf.get_y(), w=wide, h=high, alt_text=caption)
        pdf.set_y(pdf.get_y() + high + 0.5)
        _text(pdf, worded("Figure {number}. {caption}", number=number + place, caption=caption), SMALL)


def _size(file: Path, width: float, tallest: float) -> tuple[float, float]:
    """Return width and height, mm, of a picture that may have so much of each."""
    with Image.open(file) as picture:
        across, down = picture.size
    high = min(width * down / across, tallest)
    return high * across / down, high


def _breaking(text: str) -> str:
    """Return a text whose lines may end after a Han character, but not within a number or before a closing mark."""
    return BREAKS.sub("\\1\u200b", text)
