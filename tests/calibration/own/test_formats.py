"""How a user's table may be written: byte order mark, line ends, row order, blank lines, ten decades of volume."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_made import HEADER, table, written

from calibration.own.data import read_rows
from calibration.own.fit import validate_own
from calibration.own.new import new_case
from models.own import read_own

TEXT = "\n".join(table()) + "\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\n\n").encode(),
        TEXT.replace(",", " , ").encode(),
        "\n".join([HEADER, *reversed(table()[1:])]).encode(),
    ],
    ids=["byte order mark", "line ends of windows", "blank lines", "blanks", "years backwards"],
)
def test_the_way_a_table_is_written_does_not_matter(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(data)
    (tmp_path / "plain.csv").write_text(TEXT)
    found, plain = (
        sorted((r.series, r.year, r.value, r.unit) for r in read_rows(tmp_path / name))
        for name in ("data.csv", "plain.csv")
    )
    assert found == plain


def test_new_copies_the_data_into_the_folder(tmp_path: Path) -> None:
    new_case("x", tmp_path, written(tmp_path / "data.csv", table()))
    assert (tmp_path / "x" / "observations.csv").read_text() == TEXT


@pytest.mark.parametrize("decades", [2, 10, 14])
def test_a_case_can_be_made_of_volumes_that_grow_by_many_decades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decades: int
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [HEADER]
    for i in range(10):
        rows.append(f"unit_cost,{1970 + i},{5 * 10 ** (-decades * i / 12)},USD2005/transistor,x")
        rows.append(f"annual_volume,{1970 + i},{2e9 * 10 ** (decades * i / 9)},transistors/year,x")
    data = written(Path("data.csv"), rows)
    new_case("chip", Path(), data)
    assert validate_own("chip", data)[0].startswith("observations: unit_cost 1970-1979 (10)")
    assert read_own(Path("chip")).volume.in_model * 2e9 >= 1e-6
