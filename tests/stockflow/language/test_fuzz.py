"""Whatever stands in a model file, reading it ends soon, with a model or with one clear line."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stockflow_helpers import MODELS

import stockflow
from stockflow import InputError

PATIENCE = 20

SMALL = """{UTF-8}
region: north, south
	~	~	|
********************************************************
	.People
********************************************************~
	What lives and dies.
	|
Population[region]= INTEG ( births[region]-deaths[region], initial[region])
	~	people [0,?]
	~	Those alive.
	|
births[region]= Population[region]*birth rate*crowding(Population[region]/capacity) \\
		+STEP(1, 2)*PULSE(1, 0.5)
	~	people/Year
	~	|
deaths[region]= DELAY3(births[region], life)+SMOOTH(Population[region], 2)/life
	~	people/Year
	~	|
crowding( [(0,0)-(2,2)], (0,1.5),(1,1),(2,0))
	~	Dmnl
	~	|
initial[north]= 10 ~ people ~ |
initial[south]= 1e+01 ~ people ~ |
birth rate= IF THEN ELSE(Time>2 :AND: :NOT: policy=1, 0.1, 0.2) ~ 1/Year ~ |
policy= 0 ~ Dmnl [0,1,1] ~ |
capacity= 5^2*2 ~ people ~ |
life= 10 ~ Year ~ |
"total people"= SUM(Population[region!]) ~ people ~ |
order= DELAY FIXED ( total people, 1, 0) ~ people ~ |
tail= WITH LOOKUP(Time, ([(0,0)-(9,9)],(0,0),(4,2))) ~ ~ |
INITIAL TIME= 0 ~ Year ~ |
FINAL TIME= 4 ~ Year ~ |
TIME STEP= 0.25 ~ Year ~ |
SAVEPER= TIME STEP ~ Year ~ |
\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,Population,300,200,40,20,3,3,0,0,0,0,0,0
///---\\\\\\
:L<%^E!@
22:Year,Years
15:0,0,0,0,0,0
"""
XMILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><vendor>x</vendor><product version="1">x</product></header>
<sim_specs method="Euler" time_units="Year"><start>0</start><stop>4</stop><dt>0.25</dt></sim_specs>
<model><variables>
<stock name="Level"><eqn>initial_level</eqn><inflow>filling</inflow><outflow>emptying</outflow>
<units>litre</units></stock>
<flow name="filling"><eqn>IF TIME &gt; 2 THEN 1 ELSE shape</eqn><units>litre/Year</units></flow>
<flow name="emptying"><eqn>Level/5 + SMTH1(Level, 2)</eqn><non_negative/></flow>
<aux name="initial level"><eqn>10</eqn><doc>At first.</doc></aux>
<aux name="shape"><eqn>TIME</eqn><gf><xscale min="0" max="4"/><ypts>0,1,2,1,0</ypts></gf></aux>
</variables></model></xmile>
"""
TOKENS = (
    *"()[]{}~|,=<>\"'\\!:*+-/^&;#@ \n\t\0",
    *("==", ":=", "<>", "<->", "->", "--", "\\\n", "~~|", "***", "********\n\t.x\n********~\n|", "\ufeff", "\u2028"),
    *("INTEG (", "WITH LOOKUP(", "DELAY FIXED(", "SMOOTH3(Time,", "INITIAL(", "IF THEN ELSE(", "RANDOM UNIFORM("),
    *("VECTOR SELECT(", "ALLOCATE AVAILABLE(", "SAMPLE IF TRUE(", "A FUNCTION OF(", "GAME(", "ACTIVE INITIAL("),
    *(":MACRO: m(a)", ":END OF MACRO:", ":EXCEPT:", ":THE CONDITION:", ":IMPLIES:", ":RAW:", ":NA:", ":AND:", ":OR:"),
    *(
        "GET XLS DATA('/etc/passwd','a','b','c2')",
        "GET DIRECT CONSTANTS('../x.csv',',','b2')",
        "TABBED ARRAY(1 2\n3 4)",
    ),
    *("Time", "region", "Population[region]", "Population[region!]", "[north]", "TIME STEP", "FINAL TIME= 1e9 ~~|"),
    *(
        "0",
        "-1",
        "1e999",
        "1e-400",
        "9" * 400,
        "0.1.2",
        "nan",
        "inf",
        "1e9",
        "10^10^10",
        "Year^1e9999999",
        "Year^(1/0)",
    ),
    *(
        "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>",
        "&a;",
        "<![CDATA[",
        "]]>",
        "</eqn>",
        "<eqn>",
        "<gf>",
        "<module/>",
        "<array/>",
    ),
    *("\ud800", "é", "人口", "ﬀ", "İ", "\x85"),
)


@dataclass(frozen=True)
class Edit:
    """One change: take `length` characters at a share `at` of the text, and do something with them."""

    kind: str
    at: float
    length: int
    to: float
    token: str
    depth: int

    def applied(self, text: str) -> str:
        start = int(self.at * len(text))
        end = min(start + self.length, len(text))
        span, there = text[start:end], int(self.to * len(text))
        match self.kind:
            case "delete":
                return text[:start] + text[end:]
            case "replace":
                return text[:start] + self.token + text[end:]
            case "insert":
                return text[:start] + self.token + text[start:]
            case "duplicate":
                return text[:there] + span + text[there:]
            case "repeat":
                return text[:end] + span * min(self.depth, 2000) + text[end:]
            case "nest":
                return text[:start] + "(" * self.depth + span + ")" * self.depth + text[end:]
            case "sign":
                return text[:start] + "-" * self.depth + text[start:]
            case "call":
                return text[:start] + "MAX(1," * self.depth + span + ")" * self.depth + text[end:]
            case "chain":
                return text[:start] + "1+" * self.depth + text[start:]
            case "swap":
                words = text.split(" ")
                one, other = int(self.at * (len(words) - 1)), int(self.to * (len(words) - 1))
                words[one], words[other] = words[other], words[one]
                return " ".join(words)
        raise AssertionError(self.kind)


SEEDS = [
    (SMALL, ".mdl"),
    (XMILE, ".xmile"),
    *((path.read_text(encoding="utf-8"), path.suffix) for path in sorted(MODELS.glob("*.mdl"))),
]
KINDS = ("delete", "replace", "insert", "duplicate", "repeat", "nest", "sign", "call", "chain", "swap")
share = st.floats(0, 1, exclude_max=True)
edits = st.builds(
    Edit,
    st.sampled_from(KINDS),
    share,
    st.one_of(st.integers(1, 12), st.integers(1, 200)),
    share,
    st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)),
    st.one_of(st.integers(1, 9), st.integers(10, 3000)),
)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is read here out of the cache of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STOCKFLOW_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in what computes for longer, however busy the machine is with other things.

    Windows has no such clock: there the tests' own time limit is all.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def read(content: bytes, ending: str) -> stockflow.Model | None:
    """Return the model, having asked all that is asked of a file before it runs, or None if it is refused."""
    with tempfile.TemporaryDirectory() as folder, patience(PATIENCE):
        path = Path(folder) / f"model{ending}"
        path.write_bytes(content)
        try:
            model = stockflow.load(path)
        except InputError as error:
            assert str(error).startswith(str(path))
            assert len(str(error).splitlines()) == 1
            return None
        model.unbalanced()
        model.lint()
        model.components()
        assert [one.name for one in Path(folder).iterdir()] == [path.name]
    return model


def changed(text: str, changes: list[Edit]) -> bytes:
    for change in changes:
        text = change.applied(text)[:100_000]
    return text.encode("utf-8", errors="surrogatepass")


def examples(count: int) -> settings:
    return settings(suppress_health_check=list(HealthCheck), database=None, max_examples=count)


@pytest.mark.parametrize(("text", "ending"), [(SMALL, ".mdl"), (XMILE, ".xmile")], ids=["Vensim", "XMILE"])
def test_the_unchanged_file_is_a_model(text: str, ending: str) -> None:
    assert read(text.encode(), ending) is not None


@examples(30)
@given(st.lists(edits, min_size=1, max_size=4))
def test_a_mutated_vensim_file_is_a_model_or_refused(changes: list[Edit]) -> None:
    read(changed(SMALL, changes), ".mdl")


@examples(60)
@given(st.lists(edits, min_size=1, max_size=4))
def test_a_mutated_xmile_file_is_a_model_or_refused(changes: list[Edit]) -> None:
    read(changed(XMILE, changes), ".xmile")


@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
@examples(40)
@given(st.sampled_from([".mdl", ".xmile"]), st.lists(st.tuples(share, st.binary(max_size=4)), min_size=1, max_size=4))
def test_a_file_with_broken_bytes_is_a_model_or_refused(ending: str, cuts: list[tuple[float, bytes]]) -> None:
    content = (SMALL if ending == ".mdl" else XMILE).encode()
    for at, new in cuts:
        place = int(at * len(content))
        content = content[:place] + new + content[place + len(new) :]
    read(content, ending)


@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
@examples(40)
@given(st.sampled_from([".mdl", ".xmile"]), st.binary(max_size=200))
def test_any_bytes_are_a_model_or_refused(ending: str, content: bytes) -> None:
    read(content, ending)


@pytest.mark.parametrize(
    "equation",
    [
        "(" * 5000 + "1" + ")" * 5000,
        "-" * 5000 + "1",
        "+".join(["1"] * 2000),
        "+".join(["life"] * 2000),
        "MAX(1," * 3000 + "1" + ")" * 3000,
        "1" + "^1" * 3000,
        "9" * 100_000,
        "1e" + "9" * 1000,
        '"' * 5001,
        "[" * 5000,
        " " * 100_000 + "1",
        "\\\n" * 20_000 + "1",
    ],
    ids=lambda text: f"{text[:8]!r} {len(text)}",
)
def test_a_monstrous_equation_is_computed_or_refused(equation: str) -> None:
    read(SMALL.replace("capacity= 5^2*2", f"capacity= {equation}").encode(), ".mdl")


@pytest.mark.parametrize(
    "unit", ["Year^1e9999999", "Year^(1/0)", "(" * 5000, "1/" * 5000 + "1", "a*" * 20_000 + "a", "^"]
)
def test_a_monstrous_unit_is_reported_or_refused(unit: str) -> None:
    read(SMALL.replace("~ Dmnl [0,1,1] ~", f"~ {unit} ~").encode(), ".mdl")


@pytest.mark.parametrize(
    ("part", "instead"),
    [("life= 10", f"life= {'9' * 400}"), ("(0,1.5)", f"(0,{'9' * 400})")],
    ids=["a number beyond floats", "a point beyond floats"],
)
def test_what_mutations_once_broke_is_refused(part: str, instead: str) -> None:
    assert part in SMALL
    assert read(SMALL.replace(part, instead).encode(), ".mdl") is None


def test_a_great_many_equations_are_read_in_time_that_grows_with_their_number() -> None:
    many = "".join(f"constant {place}= {place} ~ Dmnl ~ |\n" for place in range(3000))
    model = read(SMALL.replace("life= 10", f"{many}life= 10").encode(), ".mdl")
    assert model is not None
    assert len(model.variables) > 3000


@pytest.mark.parametrize(
    ("text", "ending"),
    [(XMILE.replace("10", "1\x000"), ".xmile"), (SMALL.replace("life= 10", '"li\u2028fe"= nothing'), ".mdl")],
    ids=["a parser's reason of two lines", "a name with a line end"],
)
def test_a_refusal_is_one_line_whatever_it_quotes(text: str, ending: str) -> None:
    assert read(text.encode(), ending) is None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a clock that counts what a process computes")
@pytest.mark.parametrize("ending", ["mdl", "xmile"])
def test_files_made_by_a_grammar_are_run_or_refused(ending: str) -> None:
    from made_models import search

    counts, wrong = search(ending, 4.0)
    assert wrong == []
    assert counts["run"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a clock that counts what a process computes")
@pytest.mark.parametrize("ending", ["mdl", "xmile"])
def test_files_made_by_a_grammar_for_minutes_are_run_or_refused(ending: str) -> None:
    from made_models import search

    counts, wrong = search(ending, 600.0, 1_000_000)
    assert wrong == []
    assert min(counts.values()) > 1000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
@examples(3000)
@given(st.data())
def test_thousands_of_mutated_files_are_models_or_refused(data: st.DataObject) -> None:
    text, ending = data.draw(st.sampled_from(SEEDS))
    read(changed(text, data.draw(st.lists(edits, min_size=1, max_size=6))), ending)
