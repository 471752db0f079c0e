"""What is far too long, too large or too far away is refused in one line and at once, or has its plain answer."""

from __future__ import annotations

import contextlib
import random
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from stockflow_helpers import loaded, outcome

import stockflow
from stockflow.commands import cli

CONTROLS = "INITIAL TIME=0~~|\nFINAL TIME=4~~|\nTIME STEP=1~~|\nSAVEPER=1~~|\n"


def refusal(folder: Path, text: str, name: str = "a.mdl") -> str:
    """Return what is said of a model that cannot be read; it must be one line, and said soon."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    begin = time.process_time()
    with pytest.raises(stockflow.InputError) as error:
        stockflow.load(path)
    assert time.process_time() - begin < 10
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))
    return str(error.value)


def asking(file: str, cell: str = "A1") -> str:
    return f"y= GET DIRECT CONSTANTS('{file}', 'Sheet', '{cell}') ~~|\n{CONTROLS}"


@pytest.mark.parametrize("file", ["a\0.xlsx", "a" * 300 + ".csv", "d/" * 3000 + "a.csv", "\0"], ids=ascii)
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, file: str) -> None:
    said = refusal(tmp_path, asking(file))
    assert "line 1" in said


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").mkdir()
    assert "'data.csv', which is not in" in refusal(tmp_path, asking("data.csv"))


@pytest.mark.parametrize("seed", range(6))
def test_a_sheet_whose_cells_stand_too_far_away_is_refused_before_it_is_read(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)
    columns = drawn.choice([16384, drawn.randint(100, 16384)])
    rows = drawn.randint(5_000_000 // columns + 1, 1048576)
    book = openpyxl.Workbook()
    sheet = book.active
    # one cell in the corner, or the two that make the rectangle
    places = drawn.choice([[(rows, columns)], [(rows, 1), (1, columns)]])
    for row, column in [(1, 1), *places]:
        sheet.cell(row, column, 2.5)
    book.save(tmp_path / "far.xlsx")
    said = refusal(tmp_path, asking("far.xlsx"))
    assert f"'far.xlsx', of which a sheet has {rows} rows and {columns} columns" in said


@pytest.mark.parametrize(("rows", "columns", "first"), [(1048000, 16384, 1), (5_000_000, 2, 3), (2, 2_600_000, 1)])
def test_cells_that_are_repeated_count_as_often_as_they_are(
    tmp_path: Path, rows: int, columns: int, first: int
) -> None:
    book, sheet = OpenDocumentSpreadsheet(), Table(name="Sheet")
    sheet.addElement(TableRow(numberrowsrepeated=first))
    row = TableRow(numberrowsrepeated=rows)
    row.addElement(TableCell(numbercolumnsrepeated=columns, valuetype="float", value="2.5"))
    sheet.addElement(row)
    book.spreadsheet.addElement(sheet)
    book.save(tmp_path / "far.ods")
    said = refusal(tmp_path, asking("far.ods"))
    assert f"'far.ods', of which a sheet has {rows + first} rows and {columns} columns" in said


def test_empty_rows_to_the_end_of_a_sheet_are_no_cells(tmp_path: Path) -> None:
    book, sheet = OpenDocumentSpreadsheet(), Table(name="Sheet")
    for cell in (TableCell(valuetype="float", value="2.5"), TableCell(numbercolumnsrepeated=16384)):
        row = TableRow() if cell.getAttribute("value") else TableRow(numberrowsrepeated=1048575)
        row.addElement(cell)
        sheet.addElement(row)
    sheet.childNodes[0].childNodes[0].addElement(P(text="2.5"))
    book.spreadsheet.addElement(sheet)
    book.save(tmp_path / "near.ods")
    (tmp_path / "a.mdl").write_text(asking("near.ods"), encoding="utf-8")
    assert stockflow.load(tmp_path / "a.mdl").variable("y").value == 2.5


@pytest.mark.parametrize("at", [0, 40, 200, 1000, 2500, 4000, -30])
def test_a_workbook_with_a_byte_flipped_is_read_or_refused_in_one_line(tmp_path: Path, at: int) -> None:
    book = openpyxl.Workbook()
    book.active.cell(1, 1, 2.5)
    book.save(tmp_path / "hurt.xlsx")
    content = bytearray((tmp_path / "hurt.xlsx").read_bytes())
    content[at] ^= 0xFF
    (tmp_path / "hurt.xlsx").write_bytes(content)
    (tmp_path / "a.mdl").write_text(asking("hurt.xlsx"), encoding="utf-8")
    with contextlib.suppress(stockflow.InputError):
        assert stockflow.load(tmp_path / "a.mdl").variable("y").value == 2.5


def test_a_sheet_within_bounds_is_read_to_its_last_cell(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.cell(1, 1, 0.5)
    book.active.cell(2000, 30, 2.5)
    book.save(tmp_path / "near.xlsx")
    (tmp_path / "a.mdl").write_text(asking("near.xlsx", "AD2000"), encoding="utf-8")
    assert stockflow.load(tmp_path / "a.mdl").variable("y").value == 2.5


def test_a_workbook_that_unpacks_to_very_much_is_refused_unread(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        for place in range(6):
            packed.writestr(f"xl/worksheets/sheet{place}.xml", b" " * 10_000_000)
    assert (tmp_path / "bomb.xlsx").stat().st_size < 100_000
    assert "'bomb.xlsx', which unpacks to more than 50000000 bytes" in refusal(tmp_path, asking("bomb.xlsx"))


TOKENS = [
    ":MACRO: ", ":MACRO: a(b) ", ":END OF MACRO: ", ":MACRO: (", "*** ", "***" + " " * 30, "~", "|", '"', "(", "[", "{",
    "\\\\\\---///", ":THE CONDITION:", ":TEST INPUT:", "x= ", "x~", "'", "((0,0),", "a:b ",
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS)
def test_a_word_said_twenty_thousand_times_is_read_or_refused_soon(tmp_path: Path, token: str) -> None:
    many = token * 20_000
    for place, text in enumerate((many, f"{CONTROLS}x= 1~~|\n{many}\ny= 2 ~~|", f"{CONTROLS}x= {many} ~~|")):
        path = tmp_path / f"{place}.mdl"
        path.write_text(text, encoding="utf-8")
        begin = time.process_time()
        # a sketch, or groups without names, may stand in a file as often as they like
        with contextlib.suppress(stockflow.InputError):
            stockflow.load(path)
        assert time.process_time() - begin < 5


def test_macros_are_found_among_what_only_looks_like_one(tmp_path: Path) -> None:
    text = f":MACRO: twice(a)\ntwice= 2*a ~~|\n:END OF MACRO:\nx= twice(3) ~~|\n{CONTROLS}"
    (tmp_path / "a.mdl").write_text(text, encoding="utf-8")
    assert stockflow.load(tmp_path / "a.mdl").run()["x"].values.tolist() == [6.0] * 5
    assert "'again'" in refusal(
        tmp_path, f":MACRO: again(a: b)\nagain= a ~~|\n:END OF MACRO:\ny= again(1: z) ~~|\n{text}"
    )


@pytest.mark.parametrize("method", ["Euler", "RK4"])
@pytest.mark.parametrize("length", [4.25, 5.0, 1e9, 1e300])
def test_what_went_in_longer_ago_than_a_run_lasts_never_comes_out(tmp_path: Path, length: float, method: str) -> None:
    text = f"""
        late= DELAY FIXED(Time+1, length, 7) ~ GW
        length= {length!r} ~ Year
        Stock= INTEG (late, 0) ~ GW*Year
    """
    run = loaded(tmp_path, text).run(method=method)
    assert (run["late"] == 7.0).all()
    np.testing.assert_allclose(run["Stock"], 7.0 * run["time"])


def test_a_delay_as_long_as_the_run_gives_out_its_first_input_at_the_end(tmp_path: Path) -> None:
    run = loaded(tmp_path, "late= DELAY FIXED(Time+1, 4, 7) ~ GW").run()
    assert run["late"].values.tolist() == [7.0] * 16 + [1.0]


def test_a_delay_of_no_length_that_is_a_number_is_refused(tmp_path: Path) -> None:
    model = loaded(tmp_path, "late= DELAY FIXED(Time, length, 7) ~ GW\n length= LN(-1) ~ Year")
    with pytest.raises(stockflow.InputError, match="length of the delay in late is not a number"):
        model.run()


@pytest.mark.parametrize("period", [1e308, 1e300, 1.7e308, 1e5])
def test_a_save_period_beyond_counting_is_refused(tmp_path: Path, period: float) -> None:
    model = loaded(tmp_path, "x= 1 ~ GW", step=1e-3)
    with pytest.raises(stockflow.InputError, match="SAVEPER is"):
        model.run(save_period=period)


def test_more_numbers_than_memory_holds_are_refused_before_they_are_made(tmp_path: Path) -> None:
    model = loaded(tmp_path, "Stock= INTEG (x, 0) ~ GW\n x= 1 ~ GW/Year", step=1.0, final=1e6, save=1.0)
    with pytest.raises(stockflow.InputError, match=r"10000 runs of 1 outputs at 1000001 saved times are 80 GB"):
        model.runs({"x": np.ones(10_000)}, ["Stock"]).dataset()
    first = next(model.runs({"x": np.ones(10_000)}, ["Stock"]).pieces(1))
    assert float(first["Stock"][0, -1]) == 1e6


@pytest.mark.parametrize("size", ["9999999999", "100001", "0", "-3", "3.5", "many", "", "９", "1" * 5000])
def test_a_dimension_of_no_size_that_can_be_is_refused_by_line(tmp_path: Path, size: str) -> None:
    text = f"""<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>v</vendor><product version="1">p</product></header>
<sim_specs><start>0</start><stop>4</stop><dt>1</dt></sim_specs>
<dimensions><dim name="d" size="{size}"/></dimensions>
<model><variables><aux name="x"><dimensions><dim name="d"/></dimensions><eqn>1</eqn></aux>
</variables></model></xmile>"""
    said = refusal(tmp_path, text, "a.xmile")
    assert re.search(r"line 4: dimension 'd' has size .* must have 1 to 100000 elements", said)


@pytest.mark.parametrize(
    ("command", "out"),
    [("run", "a.xlsx"), ("run", "a.nc"), ("run", "a.mdl2"), ("batch", "a.xlsx"), ("loops", "a.json")],
)
def test_a_name_that_says_another_kind_of_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, out: str
) -> None:
    loaded(tmp_path, "Stock= INTEG (x, 0) ~ GW\n x= 1 ~ GW/Year")
    (tmp_path / "values.csv").write_text("x\n1\n", encoding="utf-8")
    more = [tmp_path / "values.csv", "--outputs", "x"] if command == "batch" else []
    code = outcome(cli.main, "stockflow", command, tmp_path / "model.mdl", *more, "--out", tmp_path / out)
    said = capsys.readouterr().err
    assert (code, said.count("\n")) == (2, 1)
    assert "its name must end in .csv" in said
    assert not (tmp_path / out).exists()


def test_a_long_run_is_written_in_parts_that_fit_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(tmp_path, "Stock= INTEG (x, 0) ~ GW\n x= 1 ~ GW/Year")
    outcome(cli.main, "stockflow", "run", tmp_path / "model.mdl")
    whole = capsys.readouterr().out
    monkeypatch.setattr(cli, "_ROWS", 5)
    outcome(cli.main, "stockflow", "run", tmp_path / "model.mdl")
    assert capsys.readouterr().out == whole
