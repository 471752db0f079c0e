"""A short case of the shipped example, on which a calibration takes seconds: wind power from 2004 on, coarse steps."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import models
from calibration.own.data import COLUMNS
from calibration.own.new import new_example
from models.files.build import build_text, heading
from models.files.parts import read_part

WIND = Path(models.__file__).parent / "examples" / "wind"
FIRST, LAST = 2004, 2016


def write(path: Path, rows: Iterable[Sequence[object]], header: Sequence[str] = COLUMNS) -> Path:
    """Write a table of observations."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return path


def core_of(case: str) -> str:
    """Return the text of the core in a built file: all before the first group of the case's own."""
    (first, *_) = read_part(Path(models.__file__).parent / "vensim" / "parts" / f"{case}.part")
    return build_text(case).partition(heading(first.name))[0].removeprefix("{UTF-8}\n")


def example_rows(file: str, first: int, last: int) -> list[list[str]]:
    """Return the example's rows of some years."""
    with (WIND / file).open(encoding="utf-8", newline="") as text:
        return [row for row in csv.reader(text) if row[1].isdigit() and first <= int(row[1]) <= last]


def short_wind(folder: Path) -> Path:
    """Copy the example into `folder`/wind, shortened, with its observations in `folder`/observations.csv."""
    new_example("wind", "wind", folder)
    case = folder / "wind" / "case.toml"
    text = case.read_text(encoding="utf-8").replace("initial_time = 1984.0", f"initial_time = {FIRST}.0")
    case.write_text(text.replace("time_step = 0.0625", "time_step = 0.25"), encoding="utf-8")
    return write(folder / "observations.csv", example_rows("observations.csv", FIRST, LAST))
