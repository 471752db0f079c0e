"""Every settings file is read by one strict rule: types as they are, finite numbers, years that can be meant."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import analysis
from analysis.paths.study import PathStudy
from calibration.own.settings import OwnSettings
from models.files.series import read_series
from models.files.settings import FIRST_YEAR, LAST_YEAR, Strict, Year, read_toml, valid
from models.home import CALIBRATION
from stockflow.errors import InputError

FILES: dict[Path, type[BaseModel]] = {
    CALIBRATION / "targets" / "own_technology.toml": OwnSettings,
    Path(analysis.__file__).parent / "studies" / "paths.toml": PathStudy,
}


def numbers(content: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every number of a table."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield (*way, key)
        yield from numbers(value, (*way, key))


@pytest.mark.parametrize("wrong", [True, "0.1", "10", float("nan"), float("inf")], ids=str)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_number_is_taken_for_a_truth_a_text_or_without_end(file: Path, wrong: object) -> None:
    content = read_toml(file)
    ways = list(numbers(content))
    assert len(ways) > 10
    for way in ways:
        changed = copy.deepcopy(content)
        inner = changed
        for key in way[:-1]:
            inner = inner[key]
        inner[way[-1]] = wrong
        with pytest.raises(InputError) as caught:
            valid(FILES[file], changed, file.name)
        assert str(caught.value).startswith(f"{file.name}: {'.'.join(map(str, way))}: "), way


def test_the_files_themselves_are_taken() -> None:
    for file, schema in FILES.items():
        assert valid(schema, read_toml(file), file.name)


class Dated(Strict):
    """A table with a year and a count."""

    year: Year
    count: int = 1
    points: tuple[tuple[float, float], ...] = ()


@pytest.mark.parametrize("year", [201, 0, -2011, 1699.9, 2200.1, 3011, 20080, 1.7e308])
def test_a_year_that_is_a_typo_is_refused_with_the_bounds(year: float) -> None:
    with pytest.raises(InputError) as caught:
        valid(Dated, {"year": year}, "a.toml")
    bound = f"{FIRST_YEAR:g}" if year < FIRST_YEAR else f"{LAST_YEAR:g}"
    assert re.fullmatch(rf"a\.toml: year: .* {bound} \(got {re.escape(repr(year))}\)", str(caught.value))


@pytest.mark.parametrize("year", ["201", "0", "-2011", "1699.9", "3011", "20080", "1.7e308"])
def test_a_year_of_a_table_that_is_a_typo_is_refused_with_row_and_bounds(tmp_path: Path, year: str) -> None:
    table = tmp_path / "policy.csv"
    table.write_text(f"variable,year,value,unit\ntariff,2010,1,Dmnl\nlevy,{year},1,Dmnl\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"policy.csv row 3: year {re.escape(year)} is outside 1700 to 2200"):
        read_series(table, sourced=False)


def test_what_is_wrong_is_told_with_file_key_and_value() -> None:
    for content, says in (
        ({}, "a.toml: year: Field required"),
        ({"year": 2000, "colour": 3}, "a.toml: colour: unknown key (got 3)"),
        ({"year": 2000, "count": 2.5}, "a.toml: count: Input should be a valid integer (got 2.5)"),
        (
            {"year": 2000, "points": [[1, 2], [3, True]]},
            "a.toml: points.1.1: Input should be a valid number (got True)",
        ),
    ):
        with pytest.raises(InputError) as caught:
            valid(Dated, content, "a.toml")
        assert str(caught.value) == says
    assert valid(Dated, {"year": 2000, "points": [[1, 2]]}, "a.toml").points == ((1.0, 2.0),)
