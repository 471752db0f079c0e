"""Errors are told in the language spoken: every template is found in what is said, and what was typed stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.plain.language import reasons, speaking, translated
from analysis.plain.messages import message
from stockflow.errors import InputError, unknown
from stockflow.numerals import number

Run = Callable[..., tuple[int, str, str]]
FIELD = re.compile(r"\{(\d+)(!r)?\}")


def filled(template: str) -> tuple[str, list[str]]:
    """Return a message of that template, and what was filled in: names of files, and what Python quotes."""
    fields = [repr(f"typed {place}") if quoted else f"file{place}.csv" for place, quoted in FIELD.findall(template)]
    for place in map(int, re.findall(r"\}\{(\d+)\}", template)):  # a hint behind a value
        fields[place] = f"; {fields[place]}"
    return template.replace("!r}", "}").format(*fields), fields


@pytest.mark.parametrize("place", ["", "my.toml: tables.3: "])
def test_every_template_is_found_in_its_message_and_what_was_filled_in_stays(place: str) -> None:
    with speaking("zh"):
        for template in reasons():
            said, fields = filled(template)
            told = translated(template).replace("!r}", "}").format(*fields)
            assert message(f"{place}{said}") == place.replace(": ", "：") + told, template


def test_the_more_literal_of_two_templates_that_fit_is_the_one() -> None:
    with speaking("zh"):
        assert message("column share is missing") == "缺少列share"
        assert message("share is missing") == "缺少share"


def test_parts_of_a_message_are_told_too_and_values_are_not() -> None:
    with speaking("zh"):
        assert message(str(unknown("case", "nevv", ["nev"]))) == "没有案例'nevv'（是否指'nev'？）"
        assert message("a folder: it is a folder") == "a folder：这是文件夹"
        assert message("my.csv row 3: no rows") == "my.csv第3行：没有数据行"
        with pytest.raises(InputError) as caught:
            number("1,5", "--set 'x=1,5':")
        assert message(str(caught.value)) == ("--set 'x=1,5'：'1,5'不是数字：逗号既不能作小数点，也不能作千位分隔")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("--set 'a is not b=x': 'x' is not a number", "--set 'a is not b=x'：'x'不是数字"),
        ("x is not y.csv: no rows", "x is not y.csv：没有数据行"),
        ("column commas is missing", "缺少列commas"),
        ("my.csv: no rows (see `techcycle run --help`)", "my.csv：没有数据行（见`techcycle run --help`）"),
        ("nothing known (see `techcycle run --help`)", "nothing known（见`techcycle run --help`）"),
    ],
)
def test_what_a_person_typed_is_no_message(said: str, told: str) -> None:
    with speaking("zh"):
        assert message(said) == told


def test_a_message_of_any_length_and_any_places_is_told_or_stays() -> None:
    with speaking("zh"):
        for one in ("x: " * 1500, "a is not b, " * 400, "x: " * 600 + "no rows"):
            assert message(one) == one


def test_what_no_template_fits_stays_english_and_so_does_everything_where_english_is_spoken() -> None:
    strange, known = "my.toml: nobody ever said this of anything", "my.csv: no rows"
    with speaking("zh"):
        assert message(strange) == strange
    assert message(known) == known


BAD = {
    "an unknown case": ("run", "nevv"),
    "a number that is none": ("run", "nev", "--set", "cost floor=abc"),
    "an unknown option": ("run", "nev", "--sett", "x"),
    "an option out of range": ("loops", "nev", "--draws", "1"),
    "a file that is not there": ("run", "nev", "--policy", "nothing.csv"),
    "no argument": ("run",),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_an_error_in_chinese_is_one_line_and_ends_alike(bad: tuple[str, ...], techcycle: Run) -> None:
    english, chinese = techcycle("--lang", "en", *bad), techcycle("--lang", "zh", *bad)
    assert (chinese[0], chinese[1]) == (english[0], english[1]) == (2, "")
    assert len(chinese[2].splitlines()) == 1
    assert chinese[2].startswith("techcycle：错误：")
    assert not re.findall(r"\b(?:the|is|not|of|there)\b", chinese[2]), chinese[2]


def test_a_settings_file_that_is_wrong_is_told_in_chinese(techcycle: Run, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("draws = -1\n", encoding="utf-8")
    code, _, err = techcycle("--lang", "zh", "loops", "nev", "--study", str(file))
    assert code == 2
    assert err.startswith("techcycle：错误：study.toml：")
    assert re.search("[\u4e00-\u9fff]{2}", err.partition("study.toml")[2]), err
