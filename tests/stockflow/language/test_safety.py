"""A model file is text from a stranger: nothing in it is executed, and nothing in it lasts for ever."""

import ast
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pysd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stockflow_helpers import MODELS, loaded, written

import stockflow
from stockflow import InputError, reference
from stockflow.errors import StoppedError
from stockflow.language.tree import Refused


@pytest.mark.parametrize(
    "equation",
    [
        "f( [PAYLOAD],(0,0),(1,1)) ~ Dmnl",
        "f(\t[ PAYLOAD ] , (0,0),(1,1)) ~ Dmnl",
        "f([PAYLOAD](0,0),(1,1)) ~ Dmnl",
        "f( [0],[(PAYLOAD*0,0)-(10,10)],(0,0),(10,10)) ~ Dmnl",
        "f( [1],[PAYLOAD],(0,0),(10,10)) ~ Dmnl",
        "f( [1],[2],[PAYLOAD],(0,0),(10,10)) ~ Dmnl",
        "f( [[PAYLOAD]],(0,0),(10,10)) ~ Dmnl",
        "f( [0],[(PAYLOAD*0,0)-(10,10)],(0,0),(10,10)) ~ Dmnl\ny= f(Time) ~ Dmnl",
        "y= WITH LOOKUP(Time, ([1],[PAYLOAD],(0,0),(10,10))) ~ Dmnl",
        "y= WITH LOOKUP(Time, ([(0,0)-(1,1)],[(PAYLOAD,0)-(10,10)],(0,0),(10,10))) ~ Dmnl",
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


def _places_of_eval(package) -> set[str]:
    """Return the modules in a package that name Python's `eval`, read from their text."""
    return {
        ".".join(file.relative_to(package).with_suffix("").parts)
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and node.id == "eval"
    }


def test_every_reader_of_the_library_that_evaluates_text_is_one_made_safe() -> None:
    readers = (reference.safe_reader("vensim"), reference.safe_reader("xmile"))
    package = Path(pysd.translators.__file__).parent
    assert _places_of_eval(package) == {one.__name__.removeprefix("pysd.translators.") for one in readers}
    assert all(vars(one)["eval"] is reference.value for one in readers)


_PIECES = st.sampled_from(
    [
        *"[](),-;~\\'\" \t",
        "[(0,0)-(1,1)]",
        "[0],",
        "(0,0)",
        "(1,2),",
        "1",
        "-2e3",
        "PAYLOAD",
        "(PAYLOAD*0,0)",
        "f(",
        "Time",
    ]
)
_FRAMES = ["f({})", "f( [0],{},(0,0),(1,1))", "y= WITH LOOKUP(Time, ({},(0,0),(1,1)))", "y= {}", "x[{}]= 1", "r: {}"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=st.sampled_from(_FRAMES), pieces=st.lists(_PIECES, min_size=1, max_size=12))
def test_no_nesting_of_brackets_brings_text_to_be_executed(tmp_path, frame: str, pieces: list[str]) -> None:
    witness = tmp_path / "witness"
    payload = f"open({str(witness)!r},'w')"
    text = frame.format("".join(pieces).replace("PAYLOAD", payload))
    with contextlib.suppress(InputError):
        stockflow.load(written(tmp_path, f"{text} ~ Dmnl ~"))
    assert not witness.exists()


def test_nothing_that_reads_a_model_can_execute_text_or_comes_from_the_reference_engine() -> None:
    package = Path(stockflow.__file__).parent
    for file in package.rglob("*.py"):
        if file == package / "reference.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "compile", "__import__"}, file
            imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {one.partition(".")[0] for one in imported} & {"pysd", "parsimonious", "pickle"}, file


@pytest.mark.parametrize("name", ["constructs.mdl", "market.xmile"])
def test_reading_and_running_a_model_load_neither_the_reference_engine_nor_its_grammar(name: str) -> None:
    program = (
        f"import sys, stockflow\nstockflow.load({str(MODELS / name)!r}).run()\n"
        "print([one for one in ('pysd', 'parsimonious') if one in sys.modules])"
    )
    setting = {**os.environ, "STOCKFLOW_CACHE": "off"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120, env=setting
    )
    assert done.stdout.strip() == "[]"


@settings(max_examples=300)
@given(st.text(alphabet="()[],-+.eE0123456789' \\_ax\n", max_size=40))
def test_what_stands_for_eval_gives_numbers_points_and_texts_or_refuses(text: str) -> None:
    try:
        value = reference.value(text)
    except Refused:
        return
    if isinstance(value, list):
        assert value and all(len(point) == 2 for point in value)
        assert "[" not in text.strip()[1:-1]
    else:
        assert isinstance(value, (int, float, str))


@pytest.mark.parametrize(
    "equation",
    [
        'y= Time ~ Dmnl ~ innocent """ + str(PAYLOAD) + """',
        'x= 1 ~ Dmnl ~ ends \\\\"""; PAYLOAD; """',
        "x= 1 ~ u'u + PAYLOAD + 'u ~",
        "r: \"a', PAYLOAD, 'b\" ~~\nx[r]= 1 ~ Dmnl ~",
        "d\\' + PAYLOAD + r' := 1 ~ Dmnl ~",
        "y= GET DIRECT CONSTANTS('a\\', ', PAYLOAD, ', 'B5') ~ Dmnl ~",
    ],
)
def test_nothing_in_a_file_is_executed_by_the_reference_engine(tmp_path, equation: str) -> None:
    witness = tmp_path / "witness"
    payload = f'open("{witness}","w")'
    path = written(tmp_path, equation.replace("PAYLOAD", payload))
    with contextlib.suppress(InputError, StoppedError):
        stockflow.load(path).run(engine="reference")
    # whatever the reading above thinks of it
    parsing = reference.safe_reader("vensim").parsimonious.exceptions
    with contextlib.suppress(ValueError, SyntaxError, parsing.ParseError):
        pysd.load(reference.translated(Path(path)))
    assert not witness.exists()


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
def test_strange_equations_are_read_or_refused_in_one_line(tmp_path, equation: str) -> None:
    try:
        stockflow.load(written(tmp_path, f"{equation} ~ Dmnl ~"))
    except InputError as error:
        assert "\n" not in str(error)


def test_a_file_larger_than_any_model_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("stockflow.language.source._LARGEST", 100)
    with pytest.raises(InputError, match="259 bytes are more than 100"):
        loaded(tmp_path, "x= 1 ~ Dmnl\n" * 10)


def test_ranges_inside_each_other_for_ever_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="range 'a' inside itself"):
        loaded(tmp_path, "a: b ~ ~\nb: a ~ ~\nx[a]= 1 ~ Dmnl")
