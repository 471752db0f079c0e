"""Writing the folder of a technology of the user's own: templates, filled in from the data."""

import math
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import models
from calibration.observed.money import UnknownUnitError
from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, SHEET, Row, read_rows
from calibration.own.fit import validate_own
from calibration.own.units import way
from models.files.casefile import CASES
from models.own import CASE_FILE, GENERIC
from stockflow.errors import InputError
from stockflow.files import writing
from stockflow.tables import table_text

HOME = Path(models.__file__).parent
TEMPLATES, EXAMPLES = HOME / "templates", HOME / "examples"
FILES = (CASE_FILE, "policy.csv", "scenario.csv", "observations.csv")
ROOM = 20.0  # an assumed market is so many times the largest observed year
NO_DATA = "2000"
DECADES = 6  # the first observed volume is at least some 1e-6 units of the model
LONGEST = 100  # bytes of a name
UNIT_RULE = "a unit has no comma, quote, backslash, '#' or '$'"
USUAL = ("USD2020/unit", "unit")
VOLUMES, A_YEAR = (ANNUAL, CUMULATIVE), "/year"


def new_folder(name: str, parent: Path) -> Path:
    """Return the folder to be made for `name`; InputError for a name that no folder or case can have, or one taken."""
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise InputError(f"name {name!r}: letters, digits, '_', '-' and '.' only, since it names a folder")
    if len(name.encode()) > LONGEST:
        raise InputError(f"name {name!r:.20}...: {len(name.encode())} bytes; at most {LONGEST}")
    if name.casefold() in (*CASES, GENERIC):
        raise InputError(f"name {name!r} is that of a case that the project has")
    folder = parent / name
    if folder.exists():
        raise InputError(f"{folder}: is there already; nothing was written")
    return folder


def new_example(name: str, example: str, parent: Path) -> tuple[Path, ...]:
    """Copy a shipped example into a new folder and return its files; InputError for an unknown one."""
    known = sorted(one.name for one in EXAMPLES.iterdir() if one.is_dir())
    if example not in known:
        raise InputError(f"no example {example!r}; there are {', '.join(known)}")
    folder = new_folder(name, parent)
    with _put_whole(folder) as made:
        shutil.copytree(EXAMPLES / example, made)
    return tuple(sorted(folder.iterdir()))


def new_case(
    name: str,
    parent: Path,
    data: Path | None = None,
    cost_unit: str | None = None,
    volume_unit: str | None = None,
    kind: str = "price",
    market: float | None = None,
    reference: float | None = None,
) -> tuple[Path, ...]:
    """Write the templates of a new case and return the files.

    With `data` units, first year and scale come from the observations, which are copied into the folder. `market` is in
    volume units a year, `reference` in the cost unit; left out they are assumed and the files say so. InputError, with
    nothing written, for a name that cannot be, numbers that are not above 0, units that a table cannot hold, and what
    `validate_own` refuses of the data and of the case made from them.
    """
    folder = new_folder(name, parent)
    rows = read_rows(data) if data else ()
    for option, value in (("--market", market), ("--reference", reference)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise InputError(f"{option} {value:g} must be above 0")
    _check_units(rows, cost_unit, volume_unit)
    told = _told(name, rows, cost_unit, volume_unit, kind, market, reference)
    texts = {file: Template((TEMPLATES / file).read_text(encoding="utf-8")).substitute(told) for file in FILES}
    if data:
        texts["observations.csv"] = table_text(data, SHEET)
    with _put_whole(folder) as made:
        made.mkdir()
        for file, text in texts.items():
            (made / file).write_text(text, encoding="utf-8")
        try:
            validate_own(str(made), data)
        except InputError as error:
            raise InputError(str(error).replace(str(made), str(folder))) from None
    return tuple(folder / file for file in FILES)


@contextmanager
def _put_whole(folder: Path) -> Iterator[Path]:
    """Give the place of a folder to be made, which takes the place of `folder` when all is done; else nothing is left.

    InputError, in words, for what the file system refuses.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as stage:
            made = Path(stage) / folder.name
            yield made
            made.rename(folder)


def _check_units(rows: tuple[Row, ...], cost_unit: str | None, volume_unit: str | None) -> None:
    """Raise InputError for units that no file can hold, or from which no unit of volumes follows."""
    for option, unit in (("--cost-unit", cost_unit), ("--volume-unit", volume_unit)):
        if unit is not None and not _plain(unit):
            raise InputError(f"{option} {unit!r}: {UNIT_RULE}")
    for row in rows:
        if not _plain(row.unit):
            raise InputError(f"{row.place}: unit {row.unit!r}: {UNIT_RULE}")
        if row.series == ANNUAL and not (row.unit.casefold().endswith(A_YEAR) and len(row.unit) > len(A_YEAR)):
            raise InputError(f"{row.place}: {ANNUAL} is in {row.unit!r}; it needs a unit a year, as {row.unit}/year")


def _plain(unit: str) -> bool:
    return bool(unit.strip()) and unit.isprintable() and not set(unit) & set(',"\\#$')


def _told(
    name: str,
    rows: tuple[Row, ...],
    cost_unit: str | None,
    volume_unit: str | None,
    kind: str,
    market: float | None,
    reference: float | None,
) -> dict[str, str]:
    cost_unit = cost_unit or next((row.unit for row in rows if row.series == COST), USUAL[0])
    counted = (
        row.unit if row.series == CUMULATIVE else row.unit[: -len(A_YEAR)] for row in rows if row.series in VOLUMES
    )
    volume_unit = volume_unit or next(counted, USUAL[1])
    largest = _largest(rows)
    size = _size(rows, largest)
    try:
        factor, source = way(cost_unit, volume_unit)
        factor *= size
    except UnknownUnitError as unknown:
        factor, source = size / 1e9, f"assumed: 1 CNY of 2020 for 1 of the money, since {unknown}".replace("'", "")
    except InputError as wrong:
        place = next((f"{row.place}: " for row in rows if row.unit == cost_unit), "")
        raise InputError(f"{place}{wrong}") from None
    costs = sorted((row.year, row.value) for row in rows if row.series == COST)
    first = min((row.year for row in rows), default=int(NO_DATA))
    return {
        "name": name, "title": name, "initial_time": f"{first}.0", "first_year": str(first), "kind": kind,
        "cost_unit": cost_unit, "volume_unit": volume_unit, "cost_in_model": f"{factor:.10g}", "cost_source": source,
        "volume_in_model": f"{1 / size:g}", "model_unit": volume_unit if size == 1 else f"{size:g} {volume_unit}",
        "volume_source": "a power of ten near the largest observed year",
        "market": f"{market or ROOM * (largest or 1.0):.6g}",
        "market_source": "given by the user" if market else f"assumed: {ROOM:g} times the largest observed year",
        "reference": f"{reference or (costs[-1][1] if costs else 1.0):.6g}",
        "reference_source": "given by the user" if reference else "assumed: the last observed cost",
    }  # fmt: skip


def _size(rows: tuple[Row, ...], largest: float) -> float:
    """Return how many of the volume unit a unit of the model is: a power of ten near the largest year.

    Less where the first volumes would fall below the smallest numbers that the case takes.
    """
    smallest = min((row.value for row in rows if row.series in VOLUMES), default=largest)
    if not largest:
        return 1.0
    return float(10.0 ** max(0, min(math.floor(math.log10(largest)), math.floor(math.log10(smallest)) + DECADES)))


def _largest(rows: tuple[Row, ...]) -> float:
    """Return the largest yearly volume observed, or that between the last two cumulative ones; 0 for none."""
    yearly = [row.value for row in rows if row.series == ANNUAL]
    total = sorted((row.year, row.value) for row in rows if row.series == CUMULATIVE)
    if not yearly and len(total) > 1:
        (y0, v0), (y1, v1) = total[-2:]
        yearly = [(v1 - v0) / (y1 - y0)] if v1 > v0 and y1 > y0 else [v1]
    shares = [row.value for row in rows if row.series == SHARE]
    return max(yearly, default=max(shares) / ROOM if shares and not total else 0.0)
