"""Tables as files for Excel: workbooks with numbers as numbers and heads that stay in sight, and CSV with a mark."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from analysis.plain.lines import width
from stockflow.commands.console import deliver
from stockflow.files import replace_file

MARK = "\N{BYTE ORDER MARK}"  # by which Excel knows UTF-8
_DAY = datetime(2020, 1, 1)  # of every workbook: the same table gives the same bytes
_WIDEST, _ROOM, _CHOICES = 70, 2, 2000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what no workbook can hold


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: heads and rows of texts and numbers; a number that is not finite is an empty cell.

    `choices` offers, below the head of a column, the cells of another sheet's first column: (title, rows) by head.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    choices: Mapping[str, tuple[str, int]] = field(default_factory=dict)


def sheet_of(title: str, table: pd.DataFrame) -> Sheet:
    """Return a table as a sheet, numbers with ten digits."""
    return Sheet(title, [str(name) for name in table.columns], [tuple(row) for row in table.itertuples(index=False)])


def workbook(sheets: Sequence[Sheet]) -> bytes:
    """Return a workbook of `sheets`; the same sheets give the same bytes."""
    book = Workbook()
    for one in list(book.worksheets):
        book.remove(one)
    for sheet in sheets:
        _fill(book.create_sheet(sheet.title), sheet)
    book.properties.creator, book.properties.created = "techcycle", _DAY
    written = io.BytesIO()
    book.save(written)
    return _undated(written)


def write_table(table: pd.DataFrame, out: Path | None, notes: Callable[[], Sheet], mark: bool = False) -> None:
    """Write a table to `out`, a workbook with its notes if the name says so, else CSV; or CSV to standard output.

    `mark` sets a byte order mark before CSV. InputError, in words, for what the file system refuses.
    """
    if out is not None and out.suffix.lower() == ".xlsx":
        whole = workbook([sheet_of("values", table), notes()])
        replace_file(out, lambda part: part.write_bytes(whole))
        return
    deliver([MARK if mark else "", table.to_csv(index=False, float_format="%.10g")], out)


def _fill(sheet: Worksheet, told: Sheet) -> None:
    sheet.append([_cell(one) for one in told.head])
    for row in told.rows:
        sheet.append([_cell(one) for one in row])
    for cells in sheet.iter_rows():
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # a text that begins with an equals sign is no formula
                cell.alignment = Alignment(wrap_text=width(cell.value) > _WIDEST, vertical="top")
    for cell in sheet[1]:
        cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    for place, head in enumerate(told.head, 1):
        texts = [row[place - 1] for row in told.rows if len(row) >= place]
        longest = max(len(head) // 2, *(width(one) for one in texts if isinstance(one, str)), 0)
        sheet.column_dimensions[get_column_letter(place)].width = min(max(longest, 10) + _ROOM, _WIDEST)
        if head in told.choices:
            title, count = told.choices[head]
            offered = DataValidation("list", formula1=f"'{title}'!$A$2:$A${count + 1}", allow_blank=True)
            offered.showErrorMessage = False  # a comment is no error
            sheet.add_data_validation(offered)
            letter = get_column_letter(place)
            offered.add(f"{letter}2:{letter}{_CHOICES}")
    sheet.freeze_panes = "B2" if len(told.head) > 2 else "A2"


def _cell(value: object) -> object:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.10g}") if np.isfinite(value) else None
    return None if value is None else _CONTROL.sub(" ", str(value))


def _undated(written: io.BytesIO) -> bytes:
    """Return the packed workbook without the time at which it was written."""
    out = io.BytesIO()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                day = f"{_DAY:%Y-%m-%dT%H:%M:%SZ}".encode()
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + day, content)
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
