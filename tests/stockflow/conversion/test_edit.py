"""An edited Vensim file differs in the right sides that were changed and in no other byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from stockflow_helpers import outcome

import stockflow
from stockflow.commands.cli import main

TEXT = """{header}
\trate= 0.5 \t{{old}}
\t~\t1/Year [0,2]
\t~\té, kept as it is. \\
\t\tMore.
\t|
list[r]= 1, -2 , 3~~|
r: a, b, c~~|
each[r]= 4~~|
table((0,0),(1,2))~~|
y[r]= list[r]*rate*table(0.5) ~~|
z= 1 ~~|
INITIAL TIME= 0~~|
FINAL TIME= 1~~|
TIME STEP= 1~~|
SAVEPER= 1~~|
\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
10,1,rate,100,100,20,11,8,3,0,0,0,0,0,0
///---\\\\\\
15:0,0,0,0,0,0
"""
ENCODINGS = {"UTF-8": b"", "cp1252": b"", "UTF-8 with a mark": b"\xef\xbb\xbf"}


def written(folder: Path, encoding: str = "UTF-8", newline: str = "\n") -> Path:
    name = encoding.partition(" ")[0]
    file = folder / "a.mdl"
    text = TEXT.format(header=f"{{{name}}}").replace("\n", newline)
    file.write_bytes(ENCODINGS[encoding] + text.encode(name))
    return file


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_other_byte_stays(tmp_path: Path, encoding: str, newline: str) -> None:
    file, out = written(tmp_path, encoding, newline), tmp_path / "b.mdl"
    changes = [
        "--set",
        "RATE=1.5",
        "--set",
        "list[b]=-7",
        "--equation",
        "y[r] = list[r]/rate",
        "--equation",
        "z=y[a]+1",
    ]
    assert outcome(main, "stockflow", "edit", file, *changes, "--equation", "table((0,1),(2,5))", "--out", out) == 0
    expected = file.read_bytes()
    for old, new in (
        (b"rate= 0.5 ", b"rate= 1.5 "),
        (b" -2 ", b" -7 "),
        (b"list[r]*rate*table(0.5)", b"list[r]/rate"),
        (b"z= 1 ", b"z= y[a]+1 "),
        (b"(0,0),(1,2)", b"(0,1),(2,5)"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert out.read_bytes() == expected
    assert stockflow.load(out).run()["z"].values[0] == 1 / 1.5 + 1


WHOLE = "INITIAL TIME= 0~~|FINAL TIME= 1~~|TIME STEP= 1~~|SAVEPER= 1~~|"


def changed(folder: Path, content: bytes, *options: str) -> bytes:
    file, out = folder / "c.mdl", folder / "d.mdl"
    file.write_bytes(content + WHOLE.encode())
    assert outcome(main, "stockflow", "edit", file, *options, "--out", out) == 0
    return out.read_bytes().removesuffix(WHOLE.encode())


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        ("r: a,b,c~~|x[r] :EXCEPT: [a]= 4~~|x[a]= 7~~|", ["--set", "x[a]=9"], ("7", "9")),
        ("r: a,b~~|x[r] :EXCEPT: [a]= 4~~|x[a]= 7~~|", ["--set", "x[b]=9"], ("4", "9")),
        ("r: a,b~~|x[r] :EXCEPT: [a]= 4~~|x[a]= 7~~|", ["--equation", "x[r] :EXCEPT: [a]= 9"], ("4", "9")),
        ('r: "a,b",c~~|x[r]= 4,5~~|', ["--set", 'x["a,b"]=9'], ("4", "9")),
        ("x= 4 {kept}\n~~|", ["--equation", "x= 9"], ("4", "9")),
        ("x= :NA: {kept}~~|", ["--set", "x=9"], (":NA:", "9")),
        ("far r: aa\\\r\n bb,c~~|\r\nx[far\\\r\n r]= 4~~|\r\n", ["--equation", "x[far r]= 9"], ("4", "9")),
        ("r: aa\\\r\n bb,c~~|\r\nx[r]= 4,5~~|\r\n", ["--set", "x[aa bb]=9"], ("4", "9")),
        ("y= 1~~|\rx= 4~~|\r", ["--equation", "x= y\n+1"], ("4", "y\r+1")),
        ("x= 4 ~~|\ny= 5~~|\r\nz= 6~~|\r\n", ["--set", "z=9"], ("6", "9")),
        ("x :TEST INPUT: x= 3~~|x= 4~~|", ["--set", "x=9"], ("4", "9")),
    ],
)
def test_one_right_side_changes(tmp_path: Path, before: str, options: list[str], after: tuple[str, str]) -> None:
    assert changed(tmp_path, before.encode(), *options) == before.replace(*after).encode()


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (b"x= 1~~ \x87\x90|", "cp932", "would write other bytes"),
        (b"x= 1~~|", "utf-8-sig", "would write other bytes"),
        (b"x= 1~~|\n", "unicode_escape", "would write other bytes"),
        (b"x= 1~~|", "undefined", "not text in the encoding 'undefined'"),
    ],
)
def test_an_encoding_that_writes_other_bytes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, encoding: str, told: str
) -> None:
    file, out = tmp_path / "a.mdl", tmp_path / "b.mdl"
    file.write_bytes(content + WHOLE.encode())
    options = ["--set", "x=2", "--encoding", encoding, "--out", out]
    assert outcome(main, "stockflow", "edit", file, *options) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "nothing to change"),
        (["--set", "no=1"], "unknown"),
        (["--set", "rate=3"], "outside [0, 2]"),
        (["--set", "each[b]=3"], "has one equation with other elements"),
        (["--equation", "no=1"], "no equation with the left side"),
        (["--equation", "y[r] :EXCEPT: [a]=1"], "its left sides are y[r]"),
        (["--equation", "y[a]=1"], "its left sides are y[r]"),
        (["--equation", "z=1+"], "cannot be parsed"),
        (["--equation", "z=nothing"], "unknown name 'nothing'"),
        (["--equation", "z={|} 1 ~ |"], "cannot be parsed"),
        (["--equation", 'z="a|b"'], "unknown name"),
        (["--equation", "z"], 'expected "name= expression"'),
        (["--equation", "z=1", "--set", "z=2"], "two changes of one equation"),
        (["--equation", "table=1"], "is a table"),
        (["--equation", "r: a,b"], 'expected "name= expression"'),
        (["--equation", "z=z"], "z"),
    ],
)
def test_what_is_not_there_or_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: list[str], told: str
) -> None:
    out = tmp_path / "b.mdl"
    assert outcome(main, "stockflow", "edit", written(tmp_path), *changes, "--out", out) == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


def test_what_the_encoding_lacks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "b.mdl"
    change = ["--equation", "z= 1 {汉}"]
    assert outcome(main, "stockflow", "edit", written(tmp_path, "cp1252"), *change, "--out", out) == 2
    assert "has no '汉'" in capsys.readouterr().err
    assert not out.exists()


def test_the_file_itself_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path)
    assert outcome(main, "stockflow", "edit", file, "--set", "rate=1", "--out", file) == 2
    assert "it is an input of this command" in capsys.readouterr().err


def test_a_macro_before_an_equation_stays(tmp_path: Path) -> None:
    file, out = tmp_path / "a.mdl", tmp_path / "b.mdl"
    macro = ":MACRO: twice(x)\ntwice= x*2 ~~|\n:END OF MACRO:\n"
    clock = "INITIAL TIME= 0~~|FINAL TIME= 1~~|TIME STEP= 1~~|SAVEPER= 1~~|"
    file.write_text(f"{macro}rate= 2 ~~|\ny= twice(rate) ~~|{clock}", encoding="utf-8")
    assert outcome(main, "stockflow", "edit", file, "--set", "rate=5", "--out", out) == 0
    assert out.read_text(encoding="utf-8") == file.read_text(encoding="utf-8").replace("rate= 2 ", "rate= 5 ")
    changed = stockflow.load(file).with_constants({"rate": 5})
    assert stockflow.from_text("a.mdl", changed.file.text).run()["y"].values[0] == 10


def test_an_element_of_a_range_that_another_file_lists_is_found(tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("north,south\n", encoding="utf-8")
    file, out = tmp_path / "a.mdl", tmp_path / "b.mdl"
    listed = "r: GET DIRECT SUBSCRIPT('names.csv', ',', 'A1', 'B1', '') ~~|"
    clock = "INITIAL TIME= 0~~|FINAL TIME= 1~~|TIME STEP= 1~~|SAVEPER= 1~~|"
    file.write_text(f"{listed}k[r]= 1, 2 ~~|{clock}", encoding="utf-8")
    assert outcome(main, "stockflow", "edit", file, "--set", "k[south]=5", "--out", out) == 0
    assert "k[r]= 1, 5 " in out.read_text(encoding="utf-8")
