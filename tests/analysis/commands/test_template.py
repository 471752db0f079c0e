"""A template that is filled in is read back by every command that takes a table, whatever else the workbook holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from own_made import table, written

from calibration.own.data import read_rows
from calibration.own.new import new_example
from models.case import CASES, load_case

Run = Callable[..., tuple[int, str, str]]
RAISED = [("central subsidy", 2009, 7, "bnCNY/unit"), ("central subsidy", 2015.5, 0, "bnCNY/unit")]


def filled(file: Path, sheet: str, rows: Sequence[Sequence[object]]) -> str:
    book = openpyxl.load_workbook(file)
    for row in rows:
        book[sheet].append(list(row))
    book.move_sheet("notes", -len(book.sheetnames))  # the order is nobody's business
    book.save(file)
    return str(file)


def test_observations_become_a_case(techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert techcycle("template", "mine.xlsx")[::2] == (0, "")
    rows = [line.split(",") for line in table()[1:]]
    filled(Path("mine.xlsx"), "observations", [(s, int(y), float(v), unit, source) for s, y, v, unit, source in rows])
    code, _, error = techcycle("new", "mine", "--data", "mine.xlsx")
    assert code == 0
    assert "sheet" not in error
    kept, made = (read_rows(file) for file in (Path("mine/observations.csv"), written(Path("made.csv"), table())))
    assert [replace(one, place="") for one in kept] == [replace(one, place="") for one in made]
    assert techcycle("validate", "mine", "--data", "mine.xlsx")[0] == 0
    assert techcycle("run", "mine", "--until", "2009", "--out", "run.xlsx")[0] == 0


def test_a_policy_is_the_same_as_from_csv(techcycle: Run, tmp_path: Path) -> None:
    file = tmp_path / "nev.xlsx"
    assert techcycle("template", str(file), "--case", "nev")[0] == 0
    code, _, error = techcycle("run", "nev", "--policy", str(file))
    assert (code, error) == (2, f"techcycle: error: {file}: no rows\n")
    filled(file, "policy", RAISED)
    plain = tmp_path / "nev.csv"
    rows = ["variable,year,value,unit", *(",".join(map(str, row)) for row in RAISED)]
    plain.write_text("\n".join(rows) + "\n", encoding="utf-8")
    asked = ("run", "nev", "--until", "2016", "--policy")
    assert techcycle(*asked, str(file)) == techcycle(*asked, str(plain))


@pytest.mark.parametrize("case", [*CASES, "wind"])
def test_every_name_it_offers_is_taken_with_the_unit_that_stands_there(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    new_example("wind", "wind", tmp_path)
    assert techcycle("template", "all.xlsx", "--case", case)[0] == 0
    book, model = openpyxl.load_workbook("all.xlsx"), load_case(case).model
    names = {row[0]: row[1] for row in book["variables"].iter_rows(min_row=2, values_only=True)}
    assert len(names) > 100
    for name, unit in names.items():
        assert model.variable(name).unit == unit
    example = [list(row) for row in book["policy"].iter_rows(min_row=2, values_only=True)]
    assert len(example) == 2
    for row in book["policy"].iter_rows(min_row=2):
        row[0].value = row[0].value.removeprefix("# ")
    book.save("all.xlsx")
    assert techcycle("run", case, "--policy", "all.xlsx", "--out", "run.csv")[0] == 0


def test_a_workbook_that_is_there_is_left_as_it_is(techcycle: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.xlsx"
    file.write_bytes(b"mine")
    code, _, error = techcycle("template", str(file))
    assert (code, "is there already" in error, file.read_bytes()) == (2, True, b"mine")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_its_notes_are_in_the_language_spoken(techcycle: Run, tmp_path: Path, language: str) -> None:
    file = tmp_path / "mine.xlsx"
    assert techcycle("--lang", language, "template", str(file), "--case", "pv")[0] == 0
    book = openpyxl.load_workbook(file)
    for _, told in book["notes"].iter_rows(min_row=2, values_only=True):
        assert any("\u4e00" <= one <= "\u9fff" for one in re.sub(r"\(.*?\)", "", told)) == (language == "zh")
    assert [cell.value for cell in book["observations"][1]][:2] == ["series", "year"]
    assert book["variables"]["A1"].value == {"en": "variable", "zh": "变量"}[language]
