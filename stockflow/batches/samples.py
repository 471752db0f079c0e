"""Samples as a file: a column for each parameter, a row for each run."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from stockflow.arrays import Array
from stockflow.batches.checked import Checked, first_outside
from stockflow.errors import InputError
from stockflow.language.equations import Equations
from stockflow.names import plain
from stockflow.numerals import number
from stockflow.tables import table_text


def read_samples(path: str | Path) -> dict[str, Array]:
    """Return the columns of a CSV file of numbers, shape (run,), by name.

    Raises InputError, naming row and column, for a file without rows, a row that is too short or
    long, a name that stands twice, and a value that is no finite number.
    """
    file = Path(path)
    try:
        rows = [row for row in csv.reader(io.StringIO(table_text(file), newline=""), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"{file}: not a CSV file: {error}") from error
    if len(rows) < 2:
        raise InputError(f"{file}: needs a row of names and at least one row of numbers")
    names = [name.strip() for name in rows[0]]
    for place, name in enumerate(names):
        if not name or plain(name) in map(plain, names[:place]):
            raise InputError(f"{file}: column {place + 1}: {'no name' if not name else f'{name!r} stands twice'}")
    values = np.empty((len(rows) - 1, len(names)))
    for row, cells in enumerate(rows[1:], start=1):
        if len(cells) != len(names):
            raise InputError(f"{file}: row {row} has {len(cells)} values, not {len(names)}")
        values[row - 1] = [number(text, f"{file}: row {row}, {name}:") for text, name in zip(cells, names, strict=True)]
    return {name: values[:, place] for place, name in enumerate(names)}


def samples_of(path: str | Path, equations: Equations) -> dict[str, Array]:
    """Return the columns of a CSV file of constants of a model, shape (run,), by name.

    Raises InputError as `read_samples` does and, with the file and its row or column, for a name that is not a
    constant of the model and for a value outside its limits.
    """
    columns, checked = read_samples(path), Checked(equations)
    for name, values in columns.items():
        place = f"column {name!r}"
        try:
            one = checked.constant(name)
            bad = first_outside(one, values)
            if bad is not None:
                place = f"row {bad + 1}"
                one.check(float(values[bad]))
        except InputError as error:
            raise InputError(f"{path}: {place}: {error}") from None
    return columns
