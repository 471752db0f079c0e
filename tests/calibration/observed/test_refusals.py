"""A bad table is refused in one line that names file, row, column and value."""

from pathlib import Path

import pytest

from calibration.observed.tables import load_table
from stockflow.errors import InputError, UnknownNameError

HEADER = "series,region,year,value,unit,source,source_kind,note\n"
GOOD = "price,China,2010,13,CNYnominal/W,Someone 2011,read,\n"
MANIFEST = """
title = "Prices"
layout = "series"
first_year = 1975
last_year = 2023
origin = "Someone"
licence = "cited"

[[series]]
name = "price"
unit = "CNYnominal/W"
regions = ["China"]
role = "outcome"
meaning = "Price"
currency_year = "nominal"
scope = "China"
time_basis = "mean of the year"
breaks = []
"""


def refusal(folder: Path, rows: str = GOOD, manifest: str = MANIFEST, header: str = HEADER) -> str:
    (folder / "prices.csv").write_text(header + rows, encoding="utf-8")
    (folder / "prices.toml").write_text(manifest, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_table("prices", folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_good_table_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(HEADER + GOOD, encoding="utf-8")
    (tmp_path / "prices.toml").write_text(MANIFEST, encoding="utf-8")
    assert load_table("prices", tmp_path).values("price", "China", "CNYnominal/W") == {2010.0: 13.0}


def test_an_unknown_table_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="photovoltaics"):
        load_table("photovoltaic")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    header = HEADER.replace("unit,", "")
    said = refusal(tmp_path, GOOD.replace("CNYnominal/W,", ""), header=header)
    assert said.startswith("prices.csv row 1: column unit is missing")


def test_an_additional_column_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, header=HEADER.replace("note", "note,colour"))
    assert said.startswith("prices.csv row 1: column colour is too many")


def test_a_row_of_the_wrong_length_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, GOOD + "price,China,2011,9\n") == "prices.csv row 3: 8 columns expected"


@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        ("unit", "CNYnominal/W", ""),
        ("source", "Someone 2011", " "),
        ("value", "13", "nan"),
        ("value", "13", "inf"),
        ("value", "13", "-13"),
        ("value", "13", "about 13"),
        ("value", "13", ""),
        ("year", "2010", "soon"),
        ("region", "China", ""),
        ("source_kind", "read", "guessed"),
    ],
)
def test_a_bad_cell_is_named_with_its_row_and_column(tmp_path: Path, column: str, old: str, new: str) -> None:
    said = refusal(tmp_path, GOOD.replace("2010", "2009") + GOOD.replace(old, new))
    assert said.startswith(f"prices.csv row 3: {column}: ")
    assert repr(new.strip()) in said or repr(new) in said


@pytest.mark.parametrize("year", ["1974", "2024", "2024.5"])
def test_a_year_out_of_range_is_named_with_the_bounds(tmp_path: Path, year: str) -> None:
    said = refusal(tmp_path, GOOD.replace("2010", year))
    assert said == f"prices.csv row 2 column year: {year} is outside 1975 to 2023"


def test_the_last_year_of_a_series_goes_before_the_last_year_of_the_table(tmp_path: Path) -> None:
    manifest = MANIFEST.replace("breaks", "last_year = 2009\nbreaks")
    assert refusal(tmp_path, manifest=manifest).endswith("2010 is outside 1975 to 2009")


def test_a_duplicate_is_named_with_the_row_it_repeats(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD + GOOD.replace("13", "14"))
    assert said.startswith("prices.csv row 3 columns series+region+year+unit: duplicate of row 2")


def test_a_series_without_manifest_entry_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD + GOOD.replace("price", "cost"))
    assert said == "prices.csv row 3 column series: 'cost' in 'CNYnominal/W' has no manifest entry"


def test_a_unit_without_manifest_entry_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD + GOOD.replace("nominal", "2020"))
    assert "'price' in 'CNY2020/W' has no manifest entry" in said


def test_a_region_the_manifest_does_not_know_is_named(tmp_path: Path) -> None:
    assert "column region: 'Chile' is not in China" in refusal(tmp_path, GOOD.replace("China", "Chile"))


def test_a_manifest_entry_without_a_row_is_named(tmp_path: Path) -> None:
    start = MANIFEST.index("[[series]]")
    manifest = MANIFEST + MANIFEST[start:].replace('"price"', '"cost"')
    assert refusal(tmp_path, manifest=manifest).startswith("prices.toml key series: 'cost'")


def test_a_series_described_twice_is_named(tmp_path: Path) -> None:
    manifest = MANIFEST + MANIFEST[MANIFEST.index("[[series]]") :]
    assert "'price' in 'CNYnominal/W' is described twice" in refusal(tmp_path, manifest=manifest)


def test_a_manifest_without_licence_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, manifest=MANIFEST.replace('licence = "cited"', ""))
    assert said.startswith("prices.toml: licence: Field required")
    said = refusal(tmp_path, manifest=MANIFEST.replace('"cited"', '""'))
    assert said.startswith("prices.toml: licence: ")


def test_a_manifest_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert "series.0.colour: unknown key" in refusal(tmp_path, manifest=MANIFEST + 'colour = "red"\n')


def test_a_manifest_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, manifest="title = ").startswith("prices.toml: not readable as TOML")


def test_a_table_without_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(HEADER + GOOD, encoding="utf-8")
    with pytest.raises(InputError, match=r"^prices\.toml: the table has no manifest$"):
        load_table("prices", tmp_path)


def test_an_open_quotation_mark_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, GOOD.replace("Someone", '"Someone'))
    assert said == "prices.csv after row 1: unexpected end of data"


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_bytes((HEADER + GOOD).encode("utf-16"))
    (tmp_path / "prices.toml").write_text(MANIFEST, encoding="utf-8")
    with pytest.raises(InputError, match=r"prices\.csv: not UTF-8 text: byte 0, line 1; it looks like UTF-16"):
        load_table("prices", tmp_path)
