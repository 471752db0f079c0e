"""An equation whose sides differ in unit is found and explained."""

import pytest
from stockflow_helpers import MODELS, loaded

import stockflow
from stockflow.insight.units import read_unit, unit_text


def test_a_model_that_balances_has_nothing_to_report() -> None:
    assert stockflow.load(MODELS / "tank.mdl").unbalanced() == []


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("bnCNY*Year/unit", "bnCNY/(unit/Year)"),
        ("unit/Year/Year", "unit/Year^2"),
        ("unit/Year/Year", " unit / ( year * YEAR ) "),
        ("1/Year", "Year^-1"),
        ("Dmnl", "1"),
        ("dimensionless", "Year/Year"),
        ("Mt/content", "1/content*Mt"),
        ("million people", "Million_People"),
        ("metre**2", "metre*metre"),
    ],
)
def test_two_ways_of_writing_a_unit_are_equal(text: str, other: str) -> None:
    assert read_unit(text) == read_unit(other)


@pytest.mark.parametrize("text", ["", "/Year", "Year/", "(Year", "Year)", "3 Year", "Year^a", "a*/b", "Year^"])
def test_a_text_that_is_no_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|Fraction"):
        read_unit(text)


def test_a_unit_is_written_as_model_files_write_it() -> None:
    assert unit_text(read_unit("Year*bnCNY/unit")) == "bncny*year/unit"
    assert unit_text(read_unit("1/Year/Year")) == "1/year^2"
    assert unit_text(read_unit("a/a")) == "Dmnl"


BALANCED = """
    width= 2 ~ metre
    other width= 3 ~ metre
    life= 4 ~ Year
    share= 0.5 ~ Dmnl
    Store= INTEG ( in flow-Store/life, 0) ~ metre
    in flow= MAX(0, width)/life ~ metre/Year
    curve( (0,0),(1,1)) ~ metre
"""


@pytest.mark.parametrize(
    "equation",
    [
        "x= width+other width ~ metre",
        "x= width*width ~ metre^2",
        "x= width^2*width^-1 ~ metre",
        "x= SQRT(width*other width) ~ metre",
        "x= (width/other width)^share ~ Dmnl",
        "x= (1+share)^share ~ Dmnl",
        "x= EXP(-Time/life) ~ Dmnl",
        "x= LN(width/other width) ~ Dmnl",
        "x= IF THEN ELSE(width > 0 :AND: Time > life, width, 0) ~ metre",
        "x= MIN(0, width) ~ metre",
        "x= XIDZ(width, other width, 1)+ZIDZ(width, other width) ~ Dmnl",
        "x= WITH LOOKUP ( width, ((0,0),(1,1))) ~ Year",
        "x= curve(Time)+curve(width) ~ metre",
        "x= INITIAL(width) ~ metre",
        "x= DELAY FIXED ( width, life, 0) ~ metre",
        "x= STEP(width, life)+RAMP(width/life, 0, life)+width*PULSE(0, life) ~ metre",
        "x= -ABS(width) ~ metre",
        "x= 0 ~ metre",
        "x= 7 ~ metre",
        "x= TIME STEP*2 ~ Year",
        "x= 0*width ~ Year",
    ],
)
def test_equations_that_balance_pass(tmp_path, equation: str) -> None:
    assert loaded(tmp_path, f"{BALANCED}\n{equation}").unbalanced() == []


@pytest.mark.parametrize(
    ("equation", "line"),
    [
        ("x= width*width ~ metre", "x: unit metre, but right side metre^2"),
        ("x= width+life ~ metre", "x: + joins metre with Year"),
        ("x= width-1 ~ metre", "x: - joins metre with Dmnl"),
        ("x= MAX(width, life) ~ metre", "x: MAX joins metre with Year"),
        (
            "x= IF THEN ELSE(Time > 1, width, 2) ~ metre",
            "x: > joins Year with Dmnl; IF THEN ELSE joins metre with Dmnl",
        ),
        ("x= EXP(width) ~ Dmnl", "x: argument of EXP must be Dmnl, but is metre"),
        ("x= LN(life) ~ Dmnl", "x: argument of LN must be Dmnl, but is Year"),
        ("x= width^share ~ metre", "x: base of a power must be Dmnl, but is metre; unit metre, but right side Dmnl"),
        ("x= share^width ~ Dmnl", "x: exponent must be Dmnl, but is metre"),
        ("x= XIDZ(width, life, 1) ~ metre/Year", "x: XIDZ joins metre/Year with Dmnl"),
        ("x= INTEG ( width, width) ~ metre", "x: unit metre/Year, but rate metre"),
        ("x= INTEG ( 0, life) ~ metre", "x: unit metre, but initial value Year"),
        ("x= DELAY FIXED ( width, width, 0) ~ metre", "x: unit Year, but delay metre"),
        ("x= INITIAL(life) ~ metre", "x: unit metre, but right side Year"),
        ("x= curve(1) ~ Year", "x: unit Year, but right side metre"),
        ("x= RAMP(width, 0, life) ~ metre", "x: unit metre, but right side metre*Year"),
        ("x= STEP(width, width) ~ metre", "x: STEP joins Year with metre"),
        ("x= width", "x: no unit"),
        ("x= 3 ~ metre^", "x: unit that ends too early"),
    ],
)
def test_a_planted_error_is_found_and_explained(tmp_path, equation: str, line: str) -> None:
    text = equation if "~" in equation else f"{equation} ~ "
    assert loaded(tmp_path, f"{BALANCED}\n{text}").unbalanced() == [line]


def test_equivalent_unit_names_balance(tmp_path) -> None:
    model = loaded(tmp_path, "a= 2 ~ GW\nb= a ~ unit")
    assert model.unbalanced() == ["b: unit unit, but right side GW"]
    assert model.unbalanced([("unit", "GW")]) == []


def test_a_model_file_may_declare_equivalent_names(tmp_path) -> None:
    text = (MODELS / "tank.mdl").read_text(encoding="utf-8").replace("litre/Year", "l/Years")
    path = tmp_path / "tank.mdl"
    path.write_text(text, encoding="utf-8")
    assert stockflow.load(path).unbalanced() == []
