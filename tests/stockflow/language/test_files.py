"""Macros are written out, and numbers come from files beside the model and from nowhere else."""

import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from stockflow_helpers import apart, loaded, written

import stockflow
from stockflow import InputError

CLOSE = 1e-9
MACRO = """:MACRO: GROW(input, rate)
GROW= INTEG(input*rate-loss, start)
	~	Dmnl
	~		|
loss= SMOOTH(GROW, 2)*0.05*factor
	~	Dmnl
	~	|
factor= 1+Time*0.1
	~	Dmnl
	~	|
start= 1
	~	Dmnl
	~	|
:END OF MACRO:
"""
TABLE = "time,0,1,2,3,4\na,1,3,2,5,4\nb,10,,20,30,40\n,,,,,\nk,7,8\nl,9,10\nnorth,south\n"


def with_macro(folder: Path, equations: str, macro: str = MACRO) -> Path:
    path = written(folder, equations)
    path.write_text(path.read_text().replace("{UTF-8}\n", "{UTF-8}\n" + macro))
    return path


def test_every_use_of_a_macro_has_stocks_of_its_own(tmp_path) -> None:
    equations = "x= 3+SIN(Time) ~ Dmnl\ny= GROW(x*2, 0.1)*2+GROW(x, slow) ~ Dmnl\nslow= 0.2 ~ Dmnl"
    model = stockflow.load(with_macro(tmp_path, equations))
    assert list(model.variables)[:3] == ["x", "y", "slow"]
    assert max(apart(model.run(), model.run(engine="reference")).values()) < CLOSE
    hidden = [one for one in model.equations.variables.values() if one.owner]
    assert {one.owner for one in hidden} == {"y"}
    assert sum(one.kind == "stock" for one in hidden) == 4


def test_a_macro_sees_its_arguments_and_time_but_no_variable_of_the_same_name(tmp_path) -> None:
    macro = ":MACRO: TWICE(x)\nTWICE= x*2+inner+Time$ ~ Dmnl ~|\ninner= TIME STEP$ ~ Dmnl ~|\n:END OF MACRO:\n"
    model = stockflow.load(with_macro(tmp_path, "inner= 50 ~ Dmnl\nx= 7 ~ Dmnl\ny= TWICE(1+x) ~ Dmnl", macro))
    assert model.run()["y"].values[:2].tolist() == [16.25, 16.5]


@pytest.mark.parametrize(
    ("macro", "equations", "complaint"),
    [
        (MACRO, "y= GROW(1) ~ Dmnl", "1 arguments for the macro 'GROW' in 'y' (line 16)"),
        (
            MACRO.replace("input*rate", "input*weight"),
            "y= GROW(1, 2) ~ Dmnl",
            "unknown name 'weight' in the macro 'GROW' in 'y' (line 16)",
        ),
        (":MACRO: A(x)\nA= A(x)+1 ~ Dmnl ~|\n:END OF MACRO:\n", "y= A(1) ~ Dmnl", "macro 'A' inside itself"),
        (
            ":MACRO: A(x)\nB= x ~ Dmnl ~|\n:END OF MACRO:\n",
            "y= A(1) ~ Dmnl",
            "no equation for its own name in the macro",
        ),
        (
            ":MACRO: A(x : b)\nA= x ~ Dmnl ~|\n:END OF MACRO:\n",
            "y= A(1:c) ~ Dmnl",
            "no equation for 'b' in the macro 'A' in 'y'",
        ),
        (
            ":MACRO: A(x : b)\nA= x ~ Dmnl ~|\nb= 2*x ~ Dmnl ~|\n:END OF MACRO:\n",
            "y= A(1) ~ Dmnl",
            "0 further results of 'A', which gives 1 in 'y'",
        ),
        (":MACRO: A(x)\nA= x ~ Dmnl\n:END OF MACRO:\n", "y= 1 ~ Dmnl", "line 3: an equation that does not end"),
    ],
)
def test_a_macro_that_cannot_be_written_out_is_refused(tmp_path, macro: str, equations: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        stockflow.load(with_macro(tmp_path, equations, macro))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_macros_that_multiply_without_end_are_stopped(tmp_path, monkeypatch) -> None:
    chain = "".join(f":MACRO: M{k}(x)\nM{k}= M{k + 1}(x)+M{k + 1}(x) ~ Dmnl ~|\n:END OF MACRO:\n" for k in range(18))
    last = ":MACRO: M18(x)\nM18= x ~ Dmnl ~|\n:END OF MACRO:\n"
    monkeypatch.setattr("stockflow.language.scope._MOST_VARIABLES", 5000)
    with pytest.raises(InputError, match="more than 5000 variables"):
        stockflow.load(with_macro(tmp_path, "y= M0(1) ~ Dmnl", chain + last))


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text(TABLE)
    book = openpyxl.Workbook()
    for row in TABLE.splitlines():
        book.active.append([float(one) if one.isdigit() else one or None for one in row.split(",")])
    book.active.title = "Sheet"
    book.save(tmp_path / "data" / "table.xlsx")
    return tmp_path


@pytest.mark.parametrize(("file", "tab", "function"), [("csv", ",", "DIRECT"), ("xlsx", "Sheet", "XLS")])
def test_numbers_tables_and_series_come_from_files(folder: Path, file: str, tab: str, function: str) -> None:
    place = f"'data/table.{file}', '{tab}'"
    model = loaded(
        folder,
        f"""
        region: north, south ~ ~
        line:INTERPOLATE::= GET {function} DATA({place}, '1', 'B2') ~ Dmnl
        held:HOLD BACKWARD::= GET {function} DATA({place}, '1', 'B2') ~ Dmnl
        next:LOOK FORWARD::= GET {function} DATA({place}, '1', 'B2') ~ Dmnl
        usual:= GET {function} DATA({place}, '1', 'B3') ~ Dmnl
        both[region]:INTERPOLATE::= GET {function} DATA({place}, '1', 'B2') ~ Dmnl
        one= GET {function} CONSTANTS({place}, 'B5') ~ Dmnl
        row[region]= GET {function} CONSTANTS({place}, 'B5') ~ Dmnl
        column[region]= GET {function} CONSTANTS({place}, 'B5*') ~ Dmnl
        f( GET {function} LOOKUPS({place}, '1', 'B2')) ~ Dmnl
        y= f(Time*1.1)+line*one ~ Dmnl
        """,
        step=0.125,
        save=0.125,
    )
    run = model.run()
    assert max(apart(run, model.run(engine="reference")).values()) < CLOSE
    assert run["usual"].values[8] == 15.0
    assert run["both[south]"].values[16] == 20.0
    assert model.variable("row[south]").value == 8.0
    assert model.variable("column[south]").value == 9.0
    assert model.runs({"one": [1.0, 2.0]}, ["y"]).dataset()["y"].values[:, 0].tolist() == [2.0, 3.0]


def test_a_range_may_be_listed_in_a_file(folder: Path) -> None:
    model = loaded(
        folder,
        """
        region: GET DIRECT SUBSCRIPT('data/table.csv', ',', 'A7', 'B7', 'in ') ~ ~
        x[region]= region ~ Dmnl
        """,
    )
    assert list(model.variables)[:2] == ["x[in north]", "x[in south]"]
    assert model.variable("x[in south]").value == 2.0


def test_elements_of_a_range_may_be_numbers_of_a_workbook(folder: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append([2020, 2021.0, 1234567.0])
    book.save(folder / "years.xlsx")
    model = loaded(folder, "y: GET XLS SUBSCRIPT('years.xlsx', 'Sheet', 'A1', 'C1', 'y') ~ ~\nx[y]= 1 ~ Dmnl")
    assert list(model.variables)[:3] == ["x[y2020]", "x[y2021]", "x[y1234567]"]


def test_files_outside_the_models_folder_are_read_only_where_that_is_said(folder: Path) -> None:
    inner = folder / "model"
    inner.mkdir()
    path = written(inner, "a= GET DIRECT CONSTANTS('../data/table.csv', ',', 'B5') ~ Dmnl")
    with pytest.raises(InputError, match=r"file '\.\./data/table\.csv' outside the folder .* in 'a' \(line 2\)"):
        stockflow.load(path)
    path.write_text(path.read_text().replace("../data", "data"))
    with pytest.raises(InputError, match=r"file 'data/table\.csv', which is not in"):
        stockflow.load(path)
    assert stockflow.load(path, external=folder).variable("a").value == 7.0
    path.write_text(path.read_text().replace("data/table.csv", str(folder / "data" / "table.csv")))
    with pytest.raises(InputError, match="outside the folder"):
        stockflow.load(path)


def test_a_file_is_looked_for_in_several_folders_and_by_a_name_of_the_model(folder: Path) -> None:
    path = written(folder, "a= GET DIRECT CONSTANTS('?numbers', ',', 'B5') ~ Dmnl")
    other = folder / "other"
    other.mkdir()
    model = stockflow.load(path, external=[other, folder / "data"], tags={"?Numbers": "table.csv"})
    assert model.variable("a").value == 7.0
    with pytest.raises(InputError, match=f"which is not in {other} and {folder / 'data'}"):
        stockflow.load(path, external=[other, folder / "data"], tags={"?numbers": "none.csv"})


def test_the_settings_of_a_model_say_what_its_names_for_files_are(folder: Path) -> None:
    path = written(folder, "a= GET DIRECT CONSTANTS('?numbers', ',', 'B5') ~ Dmnl")
    settings = (
        "\\\\\\---/// Sketch information\n///---\\\\\\\n:L\x7f<%^E!@\n30:?numbers=data\\table.csv\n15:0,0,0,0,0,0\n"
    )
    path.write_text(path.read_text() + settings, encoding="utf-8")
    assert stockflow.load(path).variable("a").value == 7.0
    with pytest.raises(InputError, match="which is not in"):
        stockflow.load(path, tags={"?numbers": "none.csv"})


def test_data_without_a_file_is_filled_from_tables(folder: Path) -> None:
    path = written(folder, "r: a, b ~ ~\nd ~ Dmnl\nheld[r]:HOLD BACKWARD: ~ Dmnl\ny= d*10+held[b] ~ Dmnl")
    (folder / "first.csv").write_text("Time,D\n0,1\n4,5\n")
    (folder / "second.tab").write_text("Time\t0\t2\nheld[a]\t7\t8\nHeld[B]\t9\t3\n")
    run = stockflow.load(path, data=[folder / "first.csv", folder / "second.tab"]).run()
    assert run["y"].values[[0, 7, 8, 16]].tolist() == [19.0, 36.5, 33.0, 53.0]
    with pytest.raises(InputError, match=r"data without a file: give a table .* in 'held'"):
        stockflow.load(path, data=[folder / "first.csv"])


def test_data_files_of_vensim_itself_are_refused_with_what_to_do(folder: Path) -> None:
    (folder / "run.vdf").write_bytes(b"\x7f\xf7\x17\x52")
    with pytest.raises(
        InputError, match=r"run\.vdf: is Vensim's own data file, whose form is not published; export it"
    ):
        stockflow.load(written(folder, "d ~ Dmnl"), data=[folder / "run.vdf"])
    with pytest.raises(InputError, match=r"a \.vdf has no published form; export it and give the table: --data FILE"):
        stockflow.load(written(folder, "d= GET VDF DATA('run.vdf', 'd', 0, 0, 0) ~ Dmnl"))


def test_links_do_not_lead_out_of_the_folder(folder: Path, tmp_path_factory) -> None:
    away = tmp_path_factory.mktemp("away") / "secret.csv"
    away.write_text("1,2\n")
    (folder / "link.csv").symlink_to(away)
    with pytest.raises(InputError, match="outside the folder"):
        loaded(folder, "a= GET DIRECT CONSTANTS('link.csv', ',', 'B1') ~ Dmnl")


@pytest.mark.parametrize(
    ("equation", "complaint"),
    [
        (
            "a= GET DIRECT CONSTANTS('data/table.csv', ',', 'ZZ99') ~ Dmnl",
            "which lies outside its table, in 'a' (line 2)",
        ),
        ("a= GET DIRECT CONSTANTS('data/none.csv', ',', 'B5') ~ Dmnl", "which is not in"),
        (
            "a= GET DIRECT CONSTANTS('?set', 'Sheet', 'B5') ~ Dmnl",
            "file '?set', a name for which no file is given (--tag ?set=FILE)",
        ),
        (
            "a:RAW::= b ~ Dmnl\nb= Time ~ Dmnl",
            "data with the keyword RAW of what is no data in 'a'",
        ),
        (
            "a:RAW::= b+0 ~ Dmnl\nb:= Time ~ Dmnl",
            "data with the keyword RAW of what is no data in 'a'",
        ),
        (
            "a:HOLD BACKWARD::= MAX(Time, 1) ~ Dmnl",
            "data with the keyword HOLD BACKWARD of what is no data in 'a'",
        ),
        (
            "a:= b/(Time-Time) ~ Dmnl\nb:RAW::= GET DIRECT DATA('data/table.csv', ',', '1', 'B2') ~ Dmnl",
            "data that are no number at",
        ),
        (
            "a:= X IF MISSING(b+c, S) ~ Dmnl\nS= INTEG(1, 1) ~ Dmnl\n"
            "b:= GET DIRECT DATA('data/table.csv', ',', '1', 'B2') ~ Dmnl\nc:= b ~ Dmnl",
            "X IF MISSING with what is no number of the file in 'a'",
        ),
        (
            "a:INTERPOLATE: ~ Dmnl",
            "data without a file: give a table that has a column of that name (--data FILE) in 'a'",
        ),
        (
            "a= 1+GET DIRECT CONSTANTS('data/table.csv', ',', 'B5') ~ Dmnl",
            "GET DIRECT CONSTANTS inside an expression in 'a'",
        ),
        ("a= GET DIRECT CONSTANTS('data/table.csv', ',') ~ Dmnl", "takes 3 texts in single quotes"),
        ("a:= GET DIRECT DATA('data/table.csv', ',', '1', 'B4') ~ Dmnl", "which has no numbers, in 'a'"),
    ],
)
def test_files_that_do_not_hold_what_is_asked_for_are_refused(folder: Path, equation: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(folder, equation)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["CONSTANTS({}, '{}')", "LOOKUPS({}, '1', '{}')", "DATA({}, '1', '{}')"])
@pytest.mark.parametrize("cell", ["B2", "B0", "ZZ99", "", "name", "22"])
@pytest.mark.parametrize(
    "file", ["no zip.xlsx", "half.xlsx", "cut.xlsx", "bad.xls", "bytes.csv", "ragged.csv", "empty.csv"]
)
def test_damaged_files_end_as_one_refusal_wherever_they_are_read(folder: Path, kind: str, cell: str, file: str) -> None:
    if (kind[:9], cell, file) == ("CONSTANTS", "B2", "ragged.csv"):
        return  # there is a number
    (folder / "no zip.xlsx").write_text("no zip")
    with zipfile.ZipFile(folder / "half.xlsx", "w") as half:
        half.writestr("a", "b")
    (folder / "cut.xlsx").write_bytes((folder / "data" / "table.xlsx").read_bytes()[:2000])
    (folder / "bad.xls").write_bytes(b"\xd0\xcf\x11\xe0abc")
    (folder / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01,\x80\n")
    (folder / "ragged.csv").write_text("a,b\n1,2,3,4\n\n,,")
    (folder / "empty.csv").write_text("")
    function = "XLS" if ".xls" in file else "DIRECT"
    call = f"GET {function} " + kind.format(f"'{file}', '{',' if function == 'DIRECT' else 'Sheet'}'", cell)
    with pytest.raises(InputError) as caught:
        loaded(
            folder,
            f"f( {call}) ~ Dmnl\ny= f(1) ~ Dmnl"
            if "LOOKUPS" in kind
            else f"y{':=' if 'DATA' in kind else '='} {call} ~ Dmnl",
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "tab", "cell", "reason"),
    [
        ("data/table.xlsx", "none", "B2", "it has no sheet 'none'"),
        ("data/table.xlsx", "Sheet", "none", "its sheet 'Sheet' has no cells called 'none'"),
        ("half.xlsx", "Sheet", "B2", "There is no item named"),
        ("no zip.xlsx", "Sheet", "B2", "File is not a zip file"),
    ],
)
def test_what_is_wrong_with_a_workbook_is_told(folder: Path, file: str, tab: str, cell: str, reason: str) -> None:
    (folder / "no zip.xlsx").write_text("no zip")
    with zipfile.ZipFile(folder / "half.xlsx", "w") as half:
        half.writestr("a", "b")
    with pytest.raises(InputError) as caught:
        loaded(folder, f"a= GET XLS CONSTANTS('{file}', '{tab}', '{cell}') ~ Dmnl")
    assert f"file {file!r} that cannot be read (" in str(caught.value)
    assert reason in str(caught.value)


def test_cells_are_found_by_the_names_a_workbook_has_for_them(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "data" / "table.xlsx")
    for name, cells in (("years", "$B$1:$F$1"), ("both", "$B$2:$F$3"), ("one", "$B$5")):
        book.defined_names[name] = openpyxl.workbook.defined_name.DefinedName(name, attr_text=f"Sheet!{cells}")
    book.save(folder / "data" / "table.xlsx")
    model = loaded(
        folder,
        """
        region: north, south ~ ~
        path[region]:= GET XLS DATA('data/table.xlsx', 'sheet', 'years', 'both') ~ Dmnl
        number= GET XLS CONSTANTS('data/table.xlsx', 'Sheet', 'one') ~ Dmnl
        """,
    )
    run = model.run()
    assert run["path[north]"].values[[0, 4, 16]].tolist() == [1.0, 3.0, 4.0]
    assert run["path[south]"].values[[0, 4, 16]].tolist() == [10.0, 15.0, 40.0]
    assert model.variable("number").value == 7.0
    with pytest.raises(InputError, match="which are not 1 rows and 2 columns"):
        loaded(folder, "r: a, b ~ ~\nx[r]= GET XLS CONSTANTS('data/table.xlsx', 'Sheet', 'one') ~ Dmnl")


def test_a_file_is_read_once_for_all_elements(folder: Path, monkeypatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        "stockflow.language.external.External.check",
        lambda self, name, check=stockflow.language.external.External.check: read.append(name) or check(self, name),
    )
    model = loaded(folder, "r: a, b ~ ~\nx[r]= GET DIRECT CONSTANTS('data/table.csv', ',', 'B5') ~ Dmnl")
    assert read == ["data/table.csv"]
    assert np.isfinite(model.run()["x[b]"].values).all()
