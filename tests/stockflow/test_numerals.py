"""What a text counts for is one rule, whoever asks: tables, settings, options, samples, control files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from calibration.observed.tables import load_table
from calibration.own.data import read_rows
from models.files.series import read_series
from stockflow.batches.samples import read_samples
from stockflow.commands.console import Real, Whole, settings
from stockflow.errors import InputError
from stockflow.language.data_tables import read_data
from stockflow.numerals import as_number, number


def spelled(value: float, rng: np.random.Generator) -> str:
    """Return a number in one of the forms that count."""
    text = rng.choice([f"{value!r}", f"{value:.17e}", f"{value:.17g}", f"+{value!r}" if value >= 0 else f"{value!r}"])
    return f"{' ' * rng.integers(3)}{text}{' ' * rng.integers(3)}"


@pytest.mark.parametrize("seed", range(200))
def test_a_number_in_any_plain_form_is_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value = float(rng.normal() * 10.0 ** rng.integers(-12, 12))
    assert number(spelled(value, rng)) == value


WHOLE_FORMS: dict[str, Callable[[str], str]] = {
    "underscores": lambda text: f"{text[0]}_{text[1:]}",
    "commas between thousands": lambda text: f"{int(text):,}",
    "decimal comma": lambda text: f"{text},5",
    "spaces within": lambda text: f"{text[0]} {text[1:]}",
    "full-width digits": lambda text: "".join(chr(ord(digit) + 0xFEE0) for digit in text),
    "Arabic digits": lambda text: "".join(chr(0x0660 + int(digit)) for digit in text),
    "Unicode minus": lambda text: f"\N{MINUS SIGN}{text}",
    "apostrophes": lambda text: f"{text[0]}'{text[1:]}",
    "two points": lambda text: f"{text}.0.0",
    "two signs": lambda text: f"--{text}",
    "hexadecimal": lambda text: hex(int(text)),
    "percent": lambda text: f"{text}%",
    "a word": lambda text: f"{text} or so",
    "an exponent without end": lambda text: f"{text}e400",
    "no digits": lambda text: "",
    "nan": lambda text: "nan",
    "infinity": lambda text: "-Infinity",
}


@pytest.mark.parametrize("form", WHOLE_FORMS)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_no_number_is_none_in_every_reader(form: str, seed: int, tmp_path: Path) -> None:
    text = WHOLE_FORMS[form](str(np.random.default_rng(seed).integers(1000, 1_000_000)))
    assert as_number(text) is None
    for read in READERS if form != "full-width digits" else set(READERS) - TABLES:
        with pytest.raises((InputError, click.BadParameter)) as caught:
            read(text, tmp_path)
        assert text.strip() in str(caught.value) or not text


@pytest.mark.parametrize("seed", range(5))
def test_tables_that_people_save_may_have_full_width_digits(seed: int, tmp_path: Path) -> None:
    digits = str(np.random.default_rng(seed).integers(1000, 1_000_000))
    wide = WHOLE_FORMS["full-width digits"](digits)
    assert {read(wide, tmp_path) for read in TABLES} == {float(digits)}


@pytest.mark.parametrize("text", ["１２", "\N{MINUS SIGN}3", "9_1", "1 000", "1'000"])
def test_a_refusal_shows_how_to_write_it(text: str) -> None:
    written = {"１２": "12", "\N{MINUS SIGN}3": "-3", "9_1": "91", "1 000": "1000", "1'000": "1000"}[text]
    with pytest.raises(InputError, match=f"is not a number: write {written}$"):
        number(text)


def test_a_comma_is_refused_without_a_guess_at_what_it_means() -> None:
    for text in ("1,000", "0,5"):
        with pytest.raises(InputError, match="a comma stands neither for a decimal point nor between thousands"):
            number(text)


@pytest.mark.parametrize("seed", range(20))
def test_every_reader_gives_the_same_number(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    value = float(np.exp(rng.normal()) * 10.0 ** rng.integers(-3, 6))
    text = spelled(value, rng)
    assert {read(text, tmp_path) for read in READERS if read is not _whole} == {value}


def _written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def _series(text: str, folder: Path) -> float:
    table = _written(folder, "policy.csv", f'variable,year,value,unit\ntariff,2010,"{text}",Dmnl\n')
    return read_series(table, sourced=False)["tariff"].values[0]


def _samples(text: str, folder: Path) -> float:
    return float(read_samples(_written(folder, "samples.csv", f'a,b\n"{text}",1\n'))["a"][0])


def _own(text: str, folder: Path) -> float:
    table = f'series,year,value,unit,source\nunit_cost,2010,"{text}",USD/W,a book\n'
    return read_rows(_written(folder, "own.csv", table))[0].value


def _setting(text: str, _: Path) -> float:
    return settings([f"contact rate={text}"])["contact rate"]


def _observed(text: str, folder: Path) -> float:
    _written(folder, "t.csv", "series,region,year,value,unit,source,source_kind,note\n"
             f'price,China,2010,"{text}",Dmnl,a book,read,\n')  # fmt: skip
    _written(folder, "t.toml", 'title = "t"\nlayout = "series"\norigin = "here"\nlicence = "none"\nfirst_year = 2000\n'
             'last_year = 2020\n[[series]]\nname = "price"\nunit = "Dmnl"\nregions = ["China"]\nrole = "driver"\n'
             'meaning = "what it costs"\nscope = "all"\ntime_basis = "mean of the year"\nbreaks = []\n')  # fmt: skip
    return float(load_table("t", folder).rows["value"][0])


def _option(text: str, _: Path) -> float:
    return float(_given(Real(), text))


def _whole(text: str, _: Path) -> float:
    return float(_given(Whole(), text))


def _given(kind: Any, text: str) -> Any:
    command = click.Command("take", params=[click.Option(["--until"], type=kind)], callback=lambda until: until)
    result = CliRunner().invoke(command, ["--until", text], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value


def _data(text: str, folder: Path) -> float:
    return read_data(_written(folder, "data.csv", f'Time,stock\n2010,"{text or "empty"}"\n')).columns["stock"].values[0]


READERS = (_series, _samples, _own, _setting, _observed, _option, _whole, _data)


@pytest.mark.parametrize("text", ["3.5", "1e-1"])
def test_an_option_that_counts_takes_no_fraction(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a whole number"):
        _given(Whole(), text)
    assert _given(Whole(), "1e3") == 1000


TABLES = {_series, _samples, _own}  # read in the forms that `stockflow.tables` knows
