"""Chinese names of columns, series and units, and tables of a Chinese Excel, give what English ones do."""

from pathlib import Path

import pytest

from calibration.observed.money import parse_unit
from calibration.own.data import SERIES, chinese_words, known_unit, read_rows
from stockflow.tables import TableWarning

TABLE = "系列,年份,数值,单位,来源\n单位成本,2010,12000,2020年元/千瓦,统计\n年销量,2010,1.5,万辆/年,统计\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("万辆/年", "10^4 vehicle/year"), ("2020年元/千瓦", "CNY2020/kW"), ("2020年亿元", "10^8 CNY2020"),
        ("元/千瓦", "CNY/kW"), ("万千瓦", "10^4 kW"), ("吉瓦", "GW"), ("2020年不变价元/千瓦时", "CNY2020/kWh"),
        ("GW", "GW"), ("万匹/年", "万匹/年"),
    ],
)  # fmt: skip
def test_units_are_read_as_the_units_that_are_known(text: str, told: str) -> None:
    assert known_unit(text) == told
    if text != told:
        parse_unit(told)


def test_every_word_leads_to_a_known_one() -> None:
    known = chinese_words()
    assert set(known.series.values()) == set(SERIES)
    for name in known.units.values():
        parse_unit(name)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.filterwarnings("ignore::stockflow.tables.TableWarning")
def test_a_table_in_chinese_is_that_in_english(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(TABLE.encode(encoding))
    found = [(row.series, row.year, row.value, row.unit) for row in read_rows(file)]
    assert found == [("unit_cost", 2010, 12000.0, "CNY2020/kW"), ("annual_volume", 2010, 1.5, "10^4 vehicle/year")]


def test_what_is_guessed_is_said(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_bytes(TABLE.encode("gb18030"))
    with pytest.warns(TableWarning, match="read as GB18030"):
        read_rows(file)
