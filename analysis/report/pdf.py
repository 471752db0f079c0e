"""The brief as PDF, by fpdf2 (an extra: `pip install fpdf2`), with the letters it needs embedded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import pandas as pd
from PIL import Image

from analysis.plain.language import language, translated, worded
from analysis.plain.style import HAN
from analysis.report.brief import HEADING, TRY_IT, Answer, Brief
from stockflow.files import write_whole

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN, GAP = 14.0, 4.0  # mm
BODY, SMALL, TABLE = 8.6, 7.2, 6.4  # points
LEAD, BUT = (27, 73, 101), (180, 40, 60)  # colours of the bars beside sentences and objections
TALLEST = {1: 88.0, 2: 72.0}  # mm of a figure that stands alone, or beside another
BREAKS = re.compile("([⺀-鿿，。；：、）])(?=[^，。；：、）」？！％])")  # a line may end after


def write_pdf(brief: Brief, figures: Path, file: Path) -> Path:
    """Write a brief as A4 pages, figures, those of that folder, two abreast.

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
    answers = brief.answers(figures, language())
    for place, one in enumerate(answers):
        pdf.ln(1.5)
        _text(pdf, one.question, 10.5, "B")
        for sentence in one.sentences:
            _text(pdf, sentence, BODY, bar=LEAD)
        for sentence in one.objections:
            _text(pdf, worded("But: {objection}", objection=sentence), BODY, bar=BUT)
        if one.table is not None:
            _table(pdf, one.table)
            for note in brief.notes():
                _text(pdf, note, SMALL)
        if one.pages:
            _text(pdf, f"{translated(TRY_IT)} {', '.join(one.pages.values())}", SMALL)
        first = sum(len(other.pictures) for other in answers[:place]) + 1
        _pictures(pdf, one, first)
    pdf.ln(2)
    for line in brief.about():
        _text(pdf, line, SMALL)
    return write_whole(file, bytes(pdf.output()))


def _text(pdf: FPDF, text: str, size: float, style: str = "", bar: tuple[int, int, int] | None = None) -> None:
    """Write a paragraph over the whole width, with a bar of that colour at its left if given."""
    pdf.set_font("main", style, size)
    pdf.set_x(pdf.l_margin + (2.5 if bar else 0.0))
    before, page = pdf.get_y(), pdf.page
    pdf.multi_cell(0, size * 0.5, _breaking(text), align="L", new_x="LMARGIN", new_y="NEXT")
    if bar and pdf.page == page:
        pdf.set_fill_color(*bar)
        pdf.rect(pdf.l_margin, before, 0.8, pdf.get_y() - before, style="F")
    pdf.ln(1)


def _table(pdf: FPDF, table: pd.DataFrame) -> None:
    from fpdf.fonts import FontFace

    pdf.set_font("main", "", TABLE)
    pdf.set_fill_color(255, 255, 255)
    longest = [max(len(str(name)) / 2, *(len(str(one)) for one in table[name])) for name in table]
    widths = [min(max(length, 9), 30) for length in longest]
    with pdf.table(
        col_widths=tuple(widths), text_align="LEFT", line_height=TABLE * 0.46, padding=0.6,
        borders_layout="HORIZONTAL_LINES", headings_style=FontFace(emphasis="" if language() == "zh" else "BOLD"),
    ) as made:  # fmt: skip
        made.row([_breaking(str(one)) for one in table.columns])
        for row in table.itertuples(index=False):
            made.row([_breaking(str(one)) for one in row])
    pdf.ln(1)


def _pictures(pdf: FPDF, answer: Answer, number: int) -> None:
    """Draw the figures of an answer two abreast, each over its caption; one alone has the whole width."""
    shown = list(answer.pictures.items())
    for start in range(0, len(shown), 2):
        pair = shown[start : start + 2]
        width = (pdf.epw - GAP) / 2 if len(pair) == 2 else pdf.epw
        sizes = [_size(file, width, TALLEST[len(pair)]) for _, file in pair]
        if pdf.get_y() + max(high for _, high in sizes) + 10 > pdf.h - MARGIN:
            pdf.add_page()
        top, lowest = pdf.get_y(), pdf.get_y()
        for place, ((caption, file), (wide, high)) in enumerate(zip(pair, sizes, strict=True)):
            left = pdf.l_margin + place * (width + GAP)
            pdf.image(file, x=left, y=top, w=wide, h=high, alt_text=caption)
            pdf.set_font("main", "", SMALL)
            pdf.set_xy(left, top + high + 0.5)
            told = worded("Figure {number}. {caption}", number=number + start + place, caption=caption)
            pdf.multi_cell(width, SMALL * 0.48, _breaking(told), align="L")
            lowest = max(lowest, pdf.get_y())
        pdf.set_y(lowest + 3)


def _size(file: Path, width: float, tallest: float) -> tuple[float, float]:
    """Return width and height, mm, of a picture that may have so much of each."""
    with Image.open(file) as picture:
        across, down = picture.size
    high = min(width * down / across, tallest)
    return high * across / down, high


def _breaking(text: str) -> str:
    """Return a text whose lines may end after a Han character, but not within a number or before a closing mark."""
    return BREAKS.sub("\\1\u200b", text)
