"""Tables in the forms that people save come out as the same CSV, and what was guessed is said."""

import warnings
from pathlib import Path

import pytest
from openpyxl import Workbook

from stockflow.errors import InputError
from stockflow.tables import TableWarning, table_text

ROWS = [["series", "year", "value"], ["成本, 元", "2019", "1.5"], ["price", "2020", "0.25"]]
PLAIN = 'series,year,value\n"成本, 元",2019,1.5\nprice,2020,0.25\n'


def saved(folder: Path, text: str, encoding: str) -> Path:
    file = folder / "table.csv"
    file.write_bytes(text.encode(encoding))
    return file


def workbook(folder: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    file = folder / "table.xlsx"
    book.save(file)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_is_csv_already_is_left_alone_in_silence(tmp_path: Path, encoding: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert table_text(saved(tmp_path, PLAIN, encoding)) == PLAIN


@pytest.mark.parametrize(("encoding", "says"), [("gb18030", "GB18030"), ("gbk", "GB18030"), ("utf-16", "UTF-16")])
def test_other_encodings_are_read_and_said(tmp_path: Path, encoding: str, says: str) -> None:
    with pytest.warns(TableWarning, match=says):
        assert table_text(saved(tmp_path, PLAIN, encoding)) == PLAIN


@pytest.mark.parametrize(("separator", "says"), [(";", "semicolons"), ("\t", "tabs"), ("，", "full-width commas")])
def test_other_separators_are_read_and_said(tmp_path: Path, separator: str, says: str) -> None:
    text = "\n".join(separator.join(row) for row in ROWS) + "\n"
    with pytest.warns(TableWarning, match=says):
        assert table_text(saved(tmp_path, text, "utf-8")) == PLAIN


@pytest.mark.filterwarnings("ignore:.*apart by semicolons")
def test_a_decimal_comma_is_read_where_it_can_be_nothing_else(tmp_path: Path) -> None:
    text = "series;year;value\nprice;2019;1,5\nprice;2020;1,250\n"
    with pytest.warns(TableWarning, match=r"decimal commas are read as points \(1,5 in row 2\)"):
        assert table_text(saved(tmp_path, text, "utf-8")) == "series,year,value\nprice,2019,1.5\nprice,2020,1.250\n"


def test_a_comma_that_may_mark_thousands_is_refused_by_row(tmp_path: Path) -> None:
    with (
        pytest.warns(TableWarning, match="semicolons"),
        pytest.raises(InputError, match=r"table\.csv row 2: 1,250: its comma may be decimal or mark thousands"),
    ):
        table_text(saved(tmp_path, "series;year;value\nprice;2019;1,250\n", "utf-8"))


def test_full_width_digits_are_digits(tmp_path: Path) -> None:
    text = "series,year,value\n价格１,２０１９,１．５\n"
    assert table_text(saved(tmp_path, text, "utf-8")) == "series,year,value\n价格１,2019,1.5\n"


def test_a_workbook_gives_its_first_sheet_that_holds_anything(tmp_path: Path) -> None:
    rows: list[list[object]] = [["series", "year", "value", None], ["成本, 元", 2019, 1.5], ["price", 2020.0, 0.25]]
    file = workbook(tmp_path, {"empty": [], "data": rows, "notes": [["a"]]})
    with pytest.warns(TableWarning, match="sheet 'data' is read, not 'notes'"):
        assert table_text(file) == PLAIN


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 no workbook", "not a workbook that can be read"),
        (b"\xff\xfea", "not UTF-16 text"),
        (b"series,year\n\xff\xff,1\n", "not UTF-8 text: byte 12, line 2"),
        (b'series;year\n"open;1\n', "not a table"),
    ],
)
@pytest.mark.filterwarnings("ignore::stockflow.tables.TableWarning")
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        table_text(file)
    assert "bad.csv" in str(caught.value)


def test_an_empty_workbook_and_one_that_unpacks_to_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = workbook(tmp_path, {"empty": []})
    with pytest.raises(InputError, match="without anything in it"):
        table_text(file)
    monkeypatch.setattr("stockflow.workbooks._MOST_UNPACKED", 100)
    with pytest.raises(InputError, match="unpacks to more than 100 bytes"):
        table_text(file)


def test_a_workbook_whose_one_cell_lies_far_off_is_refused_before_it_is_read(tmp_path: Path) -> None:
    book = Workbook()
    book.active["XFD1048576"] = 1
    file = tmp_path / "far.xlsx"
    book.save(file)
    with pytest.raises(InputError, match=r"far\.xlsx: a workbook of which a sheet has 1048576 rows and 16384 columns"):
        table_text(file)
