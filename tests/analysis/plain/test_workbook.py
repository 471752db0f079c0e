"""Workbooks: numbers are numbers, notes say what columns mean, the same table gives the same bytes."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from analysis.plain.folder import Folder
from analysis.plain.workbook import Sheet, sheet_of, workbook
from stockflow.tables import table_text

Run = Callable[..., tuple[int, str, str]]


def opened(content: bytes | Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content) if isinstance(content, bytes) else content)


def test_a_number_is_a_number_a_text_a_text_and_what_is_none_an_empty_cell() -> None:
    rows = [(1990, 0.1, "=1+1", math.nan), (1991, math.inf, "成本\x07", None)]
    sheet = opened(workbook([Sheet("values", ("year", "x", "note", "none"), rows)]))["values"]
    told = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert told == [["year", "x", "note", "none"], [1990, 0.1, "=1+1", None], [1991, None, "成本 ", None]]
    assert sheet["C2"].data_type == "s"
    assert sheet.freeze_panes == "B2"


def test_the_same_table_gives_the_same_bytes_whenever_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = sheet_of("values", pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    first = workbook([sheet])
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    assert workbook([sheet]) == first


def test_a_run_is_a_workbook_of_the_same_numbers_with_notes_on_every_column(techcycle: Run, tmp_path: Path) -> None:
    asked = ("run", "nev", "--until", "1995", "--set", "cost sensitivity=2", "--variables", "Price", "--yearly")
    file = tmp_path / "run.xlsx"
    assert techcycle(*asked, "--out", str(file))[0] == 0
    book = opened(file)
    assert book.sheetnames == ["values", "notes"]
    assert table_text(file, "values") == techcycle(*asked)[1]
    assert book["values"]["B2"].data_type == "n"
    notes = {row[0]: row[1:] for row in book["notes"].iter_rows(values_only=True)}
    assert notes["Price"][:2] == ("bnCNY/unit", "thousand CNY/vehicle")
    assert notes["Price"][2].startswith("Price paid to makers")
    assert notes["run"][2] == "settings: cost sensitivity=2"
    assert notes["estimates"][2] == "the accepted fit, nev.toml"


def test_a_workbook_that_cannot_be_written_leaves_nothing(techcycle: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "nowhere" / "run.xlsx")
    code, out, error = techcycle("run", "nev", "--until", "1992", "--out", file)
    assert (code, out) == (2, "")
    assert "cannot be written" in error
    assert not list(tmp_path.iterdir())


def test_csv_for_excel_begins_with_a_mark_and_reads_back(techcycle: Run, tmp_path: Path) -> None:
    asked, file = ("run", "nev", "--until", "1992", "--variables", "Price"), tmp_path / "run.csv"
    assert techcycle(*asked, "--excel", "--out", str(file))[0] == 0
    assert file.read_bytes().startswith(b"\xef\xbb\xbfTime,")
    assert table_text(file) == techcycle(*asked)[1]
    code, _, error = techcycle(*asked, "--excel", "--out", str(tmp_path / "run.xlsx"))
    assert code == 2
    assert "is a workbook already" in error


def test_a_folder_writes_workbooks_if_it_is_told_so(tmp_path: Path) -> None:
    table = pd.DataFrame({"year": [2020], "share": [0.5]})
    file = Folder(tmp_path, "xlsx").table("x.csv", table)
    assert file.name == "x.xlsx"
    assert table_text(file, "values") == "year,share\n2020,0.5\n"
    assert Folder(tmp_path).table("x.csv", table).read_text(encoding="utf-8") == "year,share\n2020,0.5\n"
