"""A file from a stranger takes little time and memory, opens nothing outside, runs nothing, and ends in one line."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

HELPERS = Path(__file__).parents[1] / "helpers"
CONTROLS = "INITIAL TIME= 0 ~~|\nFINAL TIME= 4 ~~|\nTIME STEP= 1 ~~|\nSAVEPER= 1 ~~|\n"
SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
CODE = "__import__('os').system('touch witness')"
BILLION = "".join(f"<!ENTITY e{one + 1} '{f'&e{one};' * 10}'>" for one in range(9))
TWO = "<module name='m{0}'/>" * 2
DOUBLING = "".join(f"<model name='m{one}'><variables>{TWO.format(one + 1)}</variables></model>" for one in range(40))


def asking(file: str) -> str:
    return f"y= GET DIRECT CONSTANTS('{file}', 'Sheet', 'A1')"


def xmile(variables: str, before: str = "", rest: str = "", after: str = "") -> str:
    return (
        f"{before}<xmile version='1.0' xmlns='{SPACE}'><sim_specs><start>0</start><stop>4</stop></sim_specs>{rest}"
        f"<model><variables>{variables}</variables></model>{after}</xmile>"
    )


VENSIM = {
    "code in limits, twice": f"f( [1],[{CODE}],(0,0),(10,10)) ~~|\ny= f(Time)",
    "code in limits, silent": f"f( [0],[({CODE}*0,0)-(10,10)],(0,0),(10,10)) ~~|\ny= f(Time)",
    "code in WITH LOOKUP": f"y= WITH LOOKUP(Time, ([1],[{CODE}],(0,0),(10,10)))",
    "code in a table": f"f( ({CODE},0),(10,10)) ~~|\ny= f(Time)",
    "code in a subscript": f"y[{CODE}]= 1",
    "code in a file's name": asking(f"'+{CODE}+'"),
    "file with NUL in its name": asking("a\0.csv"),
    "file with a name of 300 letters": asking("a" * 300 + ".csv"),
    "file far above": asking("../" * 40 + "etc/passwd"),
    "file by its full name": asking("/etc/passwd"),
    "device": asking("/dev/zero"),
    "link that leads out": asking("link.csv"),
    "pipe": asking("pipe.csv"),
    "workbook of a far cell": asking("far.xlsx"),
    "workbook of three gigabytes": asking("large.xlsx"),
    "words of macros": ":MACRO: " * 20_000,
    "macros that double": "".join(
        f":MACRO: m{one}(x)\nm{one}= m{one + 1}(x)+m{one + 1}(x) ~~|\n:END OF MACRO:\n" for one in range(19)
    )
    + "y= m0(1)",
    "ranges that double": "".join(f"r{one}: r{one + 1}, r{one + 1} ~~|\n" for one in range(60)) + "r60: a, b",
    "range of ten thousand million": "r: (a1-a9999999999) ~~|\ny[r]= 1",
    "array of ten thousand million": "r: (a1-a99999) ~~|\ns: (b1-b99999) ~~|\ny[r,s]= 1",
    "order of a thousand million": "y= SMOOTH N(1, 2, 3, 1e9)",
    "parentheses": "y= " + "(" * 200_000 + "1" + ")" * 200_000,
    "powers": "y= 2" + "^-2" * 100_000,
    "number of a million digits": "r: (a1-a" + "9" * 1_000_000 + ")",
    "run of a thousand million steps": "y= INTEG(1, 0) ~~|\nFINAL TIME= 1e12",
    "steps of next to nothing": "y= INTEG(1, 0) ~~|\nTIME STEP= 1e-300",
}
XMILES = {
    "entities that multiply": xmile("<aux name='y'><eqn>&e9;</eqn></aux>", f"<!DOCTYPE x [<!ENTITY e0 'x'>{BILLION}]>"),
    "entity that is a file": xmile("<aux name='y'/>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"),
    "file that is included": xmile("", rest="<header><includes><include resource='/etc/passwd'/></includes></header>"),
    "model of another file": xmile("<module name='m'/>", after="<model name='m' resource='file:///etc/passwd'/>"),
    "elements inside each other": xmile("<group>" * 200_000 + "</group>" * 200_000),
    "modules that double": xmile("<module name='m0'/>", after=DOUBLING),
    "dimension of ten thousand million": xmile("", rest="<dimensions><dim name='d' size='9999999999'/></dimensions>"),
    "choices inside each other": xmile(f"<aux name='y'><eqn>{'IF 1 THEN ' * 50_000}1{' ELSE 2' * 50_000}</eqn></aux>"),
    "points without end": xmile(f"<gf name='f'><xscale min='0' max='1'/><ypts>{'1,' * 2_000_000}x</ypts></gf>"),
    "outflows of one stock": xmile(
        f"<stock name='s'><eqn>1</eqn>{'<outflow>o</outflow>' * 5000}<non_negative/></stock>"
        "<flow name='o'><eqn>1</eqn></flow>"
    ),
}


def large(path: Path, size: int = 3_000_000_000) -> None:
    """Write a workbook of few megabytes that unpacks to three gigabytes of nothing, and says so."""
    piece = b" " * 10_000_000
    packer, check, count = zlib.compressobj(9, zlib.DEFLATED, -15), 0, size // len(piece)
    first = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(count):
        check = zlib.crc32(piece, check)
    data, name = first + again * (count - 1) + packer.flush(zlib.Z_FINISH), b"xl/worksheets/sheet1.xml"
    about = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, check, len(data), size, len(name), 0)
    local = b"PK\3\4" + about + name + data
    entry = b"PK\1\2" + struct.pack("<H", 20) + about + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    path.write_bytes(local + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0))


def written(folder: Path) -> Iterator[str]:
    """Write every file of this set, and yield its name."""
    book = openpyxl.Workbook()
    book.active.cell(1, 1, 2.5)
    book.active.cell(1048576, 16384, 2.5)
    book.save(folder / "far.xlsx")
    large(folder / "large.xlsx")
    (folder / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.csv")
    for ending, files in ((".mdl", VENSIM), (".xmile", XMILES)):
        for name, text in files.items():
            lines = [line for line in CONTROLS.splitlines() if f"\n{line.split('=')[0]}=" not in text]
            whole = "\n".join(("{UTF-8}", f"{text} ~~|", *lines)) if ending == ".mdl" else text
            (folder / f"{name}{ending}").write_text(whole, encoding="utf-8")
            yield f"{name}{ending}"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a system that says what a process has held")
def test_a_file_of_a_stranger_is_refused_at_little_cost(tmp_path: Path) -> None:
    files = list(written(tmp_path))
    before = sorted(one.name for one in tmp_path.iterdir())
    setting = {**os.environ, "STOCKFLOW_CACHE": "off", "PYTHONPATH": f"{HELPERS.parents[1]}:{HELPERS}"}
    command = [sys.executable, str(HELPERS / "hostile.py"), str(tmp_path), *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=setting, timeout=600, check=False)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one[0] for one in results] == files, done.stderr
    for file, code, told, seconds, megabytes, seen in results:
        assert (code, len(told.splitlines())) == (2, 1), (file, code, told[:1000])
        assert file in told and len(told) < 2000, (file, told[:1000])
        assert seconds < 10 and megabytes < 1000, (file, seconds, megabytes)
        assert seen == [], file
    assert sorted(one.name for one in tmp_path.iterdir()) == before
