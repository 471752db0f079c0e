"""A model file is text from a stranger: nothing in it is executed, and nothing in it lasts for ever."""

import time

import pytest
from stockflow_helpers import loaded, written

import stockflow
from stockflow import InputError


@pytest.mark.parametrize(
    "equation",
    [
        "f( [PAYLOAD],(0,0),(1,1)) ~ Dmnl",
        "f(\t[ PAYLOAD ] , (0,0),(1,1)) ~ Dmnl",
        "f([PAYLOAD](0,0),(1,1)) ~ Dmnl",
        "y= WITH LOOKUP(Time, ([PAYLOAD],(0,0),(1,1))) ~ Dmnl",
        "y= 1+WITH LOOKUP(Time, ( \\\n [PAYLOAD] , (0,0),(1,1))) ~ Dmnl",
        'y= "a" + WITH LOOKUP(Time, ([PAYLOAD],(0,0),(1,1)))+"b" ~ Dmnl',
        "y= it's+WITH LOOKUP(Time, ([PAYLOAD],(0,0),(1,1)))+it's ~ Dmnl",
        "y= GET DIRECT CONSTANTS('([PAYLOAD],', ',', 'B5') ~ Dmnl",
        "x[PAYLOAD]= 1 ~ Dmnl",
        "x= 1 ~ Dmnl [PAYLOAD,2]",
    ],
)
def test_nothing_in_a_file_is_executed(tmp_path, equation: str) -> None:
    witness = tmp_path / "witness"
    payload = f"open({str(witness)!r}.replace('x','x')+'','w')"
    with pytest.raises(InputError):
        loaded(tmp_path, equation.replace("PAYLOAD", payload))
    assert not witness.exists()


def test_limits_of_tables_are_read_past(tmp_path) -> None:
    model = loaded(
        tmp_path,
        "f( [(0,0)-(10,10),(0,0),(1,1)],(0,2),(4,6)) ~ Dmnl\n"
        "y= f(Time)+WITH LOOKUP(Time, ([(-1.5e0,0)-(4,10)],(0,0),(4,-4))) ~ Dmnl",
    )
    assert set(model.run()["y"].values.tolist()) == {2.0}


@pytest.mark.parametrize(
    "equation",
    [
        "y= " + "(" * 5000 + "1" + ")" * 5000,
        "y= " + "ABS(" * 300 + "1" + ")" * 300,
        "y= " + "-" * 3000 + "1",
        "y= " + "1^" * 3000 + "1",
        "y= " + ":NOT: " * 2000 + "1",
        "y= " + "1*" * 3000 + "1",
        "y= " + "1+" * 100_000 + "1",
        "y= f[" + "a," * 5000 + "a]",
        "y= " + "9" * 5000,
        "y= 1e999999",
        "y= SMOOTH N(1, 2, 3, 1e9)",
        'y= "' + "a" * 10_000,
        "r: (a1-a999999999)",
        "y= SUM()",
        "y= ELMCOUNT(3)",
        "y= INVERT MATRIX(3, 2)",
        "y= VECTOR RANK(3, 1)",
        "y= INTEG()",
        "y= ACTIVE INITIAL(1)",
        "y= TABBED ARRAY( 1 2 3 )",
        "y= 'text'",
        "y= [",
        "= 3",
        "",
    ],
)
def test_strange_equations_end_soon_in_one_line_or_are_read(tmp_path, equation: str) -> None:
    started = time.monotonic()
    try:
        stockflow.load(written(tmp_path, f"{equation} ~ Dmnl ~"))
    except InputError as error:
        assert "\n" not in str(error)
    assert time.monotonic() - started < 20


def test_a_file_larger_than_any_model_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("stockflow.source._LARGEST", 100)
    with pytest.raises(InputError, match="larger than 100 bytes"):
        loaded(tmp_path, "x= 1 ~ Dmnl\n" * 10)


def test_ranges_inside_each_other_for_ever_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="range 'a' inside itself"):
        loaded(tmp_path, "a: b ~ ~\nb: a ~ ~\nx[a]= 1 ~ Dmnl")
