"""What people read is there in both languages, whole, with the same numbers in it, and no letter of it is a box."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from babel.messages.catalog import Message

from analysis.phase_out.by_instrument.named import Asked, exit_figure, exit_lines, exit_text, named_exit
from analysis.phase_out.study import STUDIED, load_phase_out_study
from analysis.plain import catalogue
from analysis.plain.language import LANGUAGES, REASON, language, language_of_user, speaking, term, worded
from analysis.plain.lines import fill, width
from analysis.plain.shown import text
from analysis.plain.style import drawing, save
from analysis.plain.units import CUSTOMARY, beside_numbers, customary, decimals
from analysis.report.brief import exit_objection, exit_points, exit_rows, safe_words
from models.case import CASES, load_case
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
PERCENT = re.compile(r"%\((\w+)\)[sd]|(?<!%)%(?![(%])")
ENGLISH = re.compile(r"[A-Za-z][a-z]{2,}")
KEPT = ("SEMATECH", "exit.toml")


@pytest.fixture
def chinese() -> Iterator[None]:
    with speaking("zh"):
        yield


def fields(text: str) -> list[tuple[str, str]]:
    """Named fields and their formats, as the code fills them in; a template's, too."""
    braces = [(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None]
    return sorted([*braces, *((name, "%") for name in PERCENT.findall(text) if name)])


def messages() -> dict[str, Message]:
    return {str(one.id): one for one in catalogue.on_record() if one.id}


def test_everything_said_is_in_the_catalogue_and_nothing_else() -> None:
    today = {str(one.id) for one in catalogue.extracted() if one.id}
    assert set(messages()) == today, "run `python -m analysis.plain.catalogue`"
    assert not catalogue.on_record().obsolete


def test_every_text_has_a_translation_that_somebody_stands_by() -> None:
    missing = [text for text, one in messages().items() if not str(one.string).strip() or one.fuzzy]
    assert not missing, "translate them in analysis/plain/locale/zh.po"


def test_a_translation_has_the_fields_and_formats_of_its_text() -> None:
    other = [text for text, one in messages().items() if fields(text) != fields(str(one.string))]
    assert not other


def test_no_translation_holds_a_formula_for_its_letters_would_be_boxes() -> None:
    drawn = [one for one in messages().values() if REASON not in one.auto_comments]
    assert not [one.string for one in drawn if "$" in str(one.string)]


def test_the_catalogue_lies_as_its_command_writes_it(tmp_path: Path) -> None:
    with (tmp_path / "zh.po").open("wb") as file:
        catalogue.write(catalogue.renewed(), file)
    assert (tmp_path / "zh.po").read_bytes() == catalogue.CATALOGUE.read_bytes()


def test_no_text_stands_in_a_string_that_is_filled_in_before_it_is_translated() -> None:
    for file in sorted(catalogue.ROOT.glob("analysis/**/*.py")):
        found = re.findall(r"\b(?:worded|marked)\(\s*f[\"']", file.read_text(encoding="utf-8"))
        assert not found, file


@pytest.mark.parametrize("case", STUDIED)
def test_the_chinese_answer_holds_no_english(case: str, chinese: None) -> None:
    table = exit_rows(case)
    told = [*exit_points(case), exit_objection(case), safe_words(case), *table.columns, *table.to_numpy().ravel()]
    assert not [text for text in told if ENGLISH.search(str(text))]


def test_a_named_exit_is_told_and_drawn_in_chinese(tmp_path: Path, chinese: None) -> None:
    found = named_exit(load_phase_out_study("nev"), Asked(("purchase subsidy",), 2022.0), 20)
    said = "\n".join([*exit_lines(found), exit_text(found)])
    assert not [word for word in ENGLISH.findall(said) if word not in KEPT]
    assert "自2022年起取消购置补贴" in said
    assert exit_figure(found, tmp_path / "exit").exists()  # a letter that no font has is a warning, and an error here


@pytest.mark.parametrize("case", STUDIED)
def test_both_languages_say_the_same_years(case: str) -> None:
    said = {}
    for one in LANGUAGES:
        with speaking(one):
            said[one] = sorted(re.findall(r"\d+", "".join(exit_points(case))))
    assert said["zh"] == said["en"]
    assert said["en"]


def test_a_case_named_in_chinese_has_letters_in_an_english_figure(tmp_path: Path) -> None:
    with drawing(title="锂电池与钙钛矿，2030年（“十五五”）") as (figure, ax):
        ax.set_title("氢燃料电池")
        ax.set_ylabel("亿元/年")
        assert save(figure, exit_rows("nev"), tmp_path / "named").exists()


def test_whole_sentences_are_translated_and_formatted_after_that(chinese: None) -> None:
    said = worded("at no start by {last:g} ({least:.1%} of draws or more fail)", last=2029.0, least=0.1925)
    assert said == "至2029年没有安全的起始年（不达标比例至少19.2%）"
    assert term("safe exit year, linear over 5 years") == "安全退出年份，5年线性退坡"
    assert term("wind in Inner Mongolia") == "wind in Inner Mongolia"  # a user's own name stays


@pytest.mark.parametrize(
    ("unit", "factor", "name"),
    [("bnCNY", 10, "亿元"), ("million vehicles", 100, "万辆"), ("GW", 1, "吉瓦"), ("CNY/W", 1, "元/瓦"), ("%", 1, "%"),
     ("thousand CNY", 0.1, "万元")],
)  # fmt: skip
def test_a_unit_is_the_customary_one(unit: str, factor: float, name: str) -> None:
    assert customary(unit) == (1, unit)
    with speaking("zh"):
        assert customary(unit) == (factor, name)


def test_a_unit_that_is_a_number_stays_one(chinese: None) -> None:
    assert customary("1") == (1, "1")
    assert "1年" not in text(pd.DataFrame({"unit": ["1"], "series": ["share"]}))


@pytest.mark.parametrize("unit", CUSTOMARY)
def test_a_unit_beside_numbers_that_stay_has_a_name_of_its_own_size(unit: str, chinese: None) -> None:
    assert beside_numbers(unit).startswith(("十亿", "百万", "千"))
    assert beside_numbers(unit) != customary(unit)[1]


@pytest.mark.parametrize(
    ("unit", "name"),
    [("bnCNY/kperson/Year", "十亿元/千人/年"), ("bnCNY*Year/unit", "十亿元*年/单位"), ("1/Year", "1/年"),
     ("0.2 bnCNY/Year from 1995", "0.2十亿元/年，自1995年起"), ("0.9 Dmnl", "0.9"),
     ("13", "13"), ("5%", "5%"), ("1/2", "1/2"), ("PLN/Year", "PLN/Year"),
     ("GWh/year", "吉瓦时/年"), ("USD2022/MWh", "美元/兆瓦时（2022年价）"), ("CNY2020/kW", "元/千瓦（2020年价）")],
)  # fmt: skip
def test_a_unit_is_named_part_by_part_where_every_part_is_known(unit: str, name: str, chinese: None) -> None:
    assert beside_numbers(unit) == name


def test_a_sentence_of_another_layer_is_found_by_what_is_filled_in(chinese: None) -> None:
    assert term("one adoption series is fitted: annual_volume") == "拟合一个采用量序列：年产销量"
    assert term("Cumulative Fiscal Outlay at 2060") == "2060年的累计财政支出"
    assert term("only together with my own") == "only together with my own"


def test_a_long_cell_ends_in_dots_within_its_columns(chinese: None) -> None:
    shown = text(pd.DataFrame({"source": ["十年期的风险投资基金" * 5, "短"]})).splitlines()[1]
    assert shown.endswith("…")
    assert width(shown.strip()) <= 60
    assert "..." not in shown


def test_a_parameter_is_shown_in_chinese_beside_the_name_that_is_typed(chinese: None) -> None:
    shown = text(pd.DataFrame({"parameter": ["doing learning rate", "my own"], "moves with": ["appeal step 2016"] * 2}))
    assert "“干中学”学习率（doing learning rate）" in shown
    assert "2016年吸引力变化" in shown
    assert "my own" in shown


@pytest.mark.parametrize("case", CASES)
def test_every_source_of_a_parameter_is_told_in_chinese(case: str, chinese: None) -> None:
    sources = {one.source for one in load_case(case).parameters.values()}
    assert {one for one in sources if term(one) == one} == {f"calibration/results/{case}.toml"}


@pytest.mark.parametrize(
    "command",
    [("latecomers", "dram", "--draws", "1"), ("policy", "show", "nev_share_triggered"), ("policy", "show", "pv_tiers")],
)
def test_what_a_command_prints_in_chinese_holds_no_english(command: tuple[str, ...], techcycle: Run) -> None:
    code, out, _ = techcycle("--lang", "zh", *command)
    assert code == 0
    assert not [word for word in ENGLISH.findall(out) if word not in command[-1]]


def test_a_value_keeps_its_digits_in_the_customary_unit(chinese: None) -> None:
    assert [decimals(digits, "million vehicles") for digits in (2, 0)] == [0, 0]
    assert decimals(0, "thousand CNY") == 1


def test_the_language_is_that_asked_for_else_of_the_variable_else_of_the_locale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "TECHCYCLE_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert language_of_user(None) == "zh"
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert language_of_user(None) == "en"
    monkeypatch.setenv("TECHCYCLE_LANG", "zh")
    assert language_of_user(None) == "zh"
    assert language_of_user("en") == "en"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_an_unknown_language_is_one_line(how: str, techcycle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TECHCYCLE_LANG", "fr" if how == "variable" else "en")
    code, out, err = techcycle(*(["--lang", "fr"] if how == "option" else []), "policy", "list")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "fr" in err
    assert ("--lang" if how == "option" else "TECHCYCLE_LANG") in err


def test_a_command_speaks_the_language_it_is_asked_for_and_none_after_it(techcycle: Run) -> None:
    _, out, _ = techcycle("--lang", "zh", "policy", "list")
    assert "购置补贴在2017年一次性退出" in out
    assert language() == "en"


@pytest.mark.parametrize("command", [(), ("compare",), ("exit",), ("policy",), ("policy", "show")])
def test_help_speaks_chinese_but_for_what_is_typed(command: tuple[str, ...], techcycle: Run) -> None:
    _, out, _ = techcycle("--lang", "zh", *command, "--help")
    assert out.startswith("用法：techcycle")
    assert "选项：" in out
    assert all(width(line) <= 80 for line in out.splitlines() if "techcycle " not in line)
    assert not re.findall(r"\b(?:the|is|of|and|with|default|Show)\b", out)
    assert language() == "en"


def test_a_language_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="'fr' is no language"), speaking("fr"):
        pass


@pytest.mark.parametrize("columns", [20, 31, 60])
def test_lines_of_han_characters_are_no_wider_than_asked_and_none_begins_with_punctuation(columns: int) -> None:
    text = "中国新能源汽车若一步退出：仅取消购置补贴，自2022年起安全；仅取消购置税减免，自2024年起安全（1.2%）。"
    lines = fill(text, columns).splitlines()
    assert "".join(lines) == text
    assert all(width(line) <= columns for line in lines)
    assert not any(line[0] in "，。；：）" for line in lines)
    assert not any(re.fullmatch(r".*\d", a) and b[0].isdigit() for a, b in pairwise(lines))
