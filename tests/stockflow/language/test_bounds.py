"""A short file may ask for much: what has no bound of its own is refused before it is written out."""

import gc

import pytest
from stockflow_helpers import loaded, written

import stockflow
from stockflow import InputError

PARTS = "more than 2500000 operations, counting array elements"
MADE = "more than 10000 operations that sums, functions and macros are made of"
VARIABLES = "more than 400000 variables, counting array elements and parts of functions"
LARGE = "r: (r1-r50000) ~ ~\n"
REFUSED = {
    "ranges that double": (
        "".join(f"r{one}: r{one + 1},r{one + 1} ~ ~\n" for one in range(40)) + "r40: a,b ~ ~",
        "ranges and mappings of more than 2000000 elements",
    ),
    "many large ranges": (
        "".join(f"r{one}: (e{one}x1-e{one}x600000) ~ ~\n" for one in range(9)),
        "ranges of more than 1000000 elements together, up to the range 'r1'",
    ),
    "one range of many": (
        "r: " + ",".join(f"(e{one}x1-e{one}x600000)" for one in range(9)) + " ~ ~",
        r"range of more than 1000000 elements \(up to number 600000\) in 'r'",
    ),
    "mapping of a range to itself again and again": (
        f"{LARGE}s: (s1-s45) -> (r: {','.join('r' * 45)}) ~ ~",
        "ranges and mappings of more than 2000000 elements",
    ),
    "exceptions of all elements thrice": (f"{LARGE}x[r] :EXCEPT: [r,r,r]= 1 ~ Dmnl", PARTS),
    "an array again and again": (LARGE + "x[r]= 1 ~ Dmnl\n" * 30, VARIABLES),
    "many arrays": (LARGE + "".join(f"x{one}[r]= 1 ~ Dmnl\n" for one in range(11)), VARIABLES),
    "many operations": (LARGE + f"x[r]= {'+'.join(['1'] * 90)} ~ Dmnl", PARTS),
    "sums of sums": (
        "r: (r1-r1000) ~ ~\ns: (s1-s3000) ~ ~\na[s]= s ~ Dmnl\nx[r]= SUM(a[s!]) ~ Dmnl",
        PARTS,
    ),
    "a long name": (f"{LARGE}{'x' * 10_000}[r]= 1 ~ Dmnl", PARTS),
    "signs inside each other": (f"x= 2{'^-2' * 5000} ~ Dmnl", "more than 40 parentheses, signs or choices"),
    "negations inside each other": (f"x= {'- :NOT: ' * 5000}1 ~ Dmnl", "more than 40 parentheses, signs or choices"),
    "a number that does not end": (f"r: (a{'1' * 50_000}x-a2) ~ ~", "not one name with two numbers"),
    "a head of a macro that does not end": (
        f":MACRO:{' ' * 50_000}:END OF MACRO:",
        "an equation that does not end with ~ unit",
    ),
    "a loop of many": (
        "".join(f"x{one}= x{(one + 1) % 500} ~ Dmnl\n" for one in range(500)),
        r"a loop without a stock: x0 -> .* -> x19 -> \(480 more\) -> x0$",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_grows_beyond_its_text_is_refused_in_one_line(tmp_path, kind: str) -> None:
    text, message = REFUSED[kind]
    with pytest.raises(InputError, match=message) as refused:
        loaded(tmp_path, text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(("count", "equation"), [(200, "SUM(v)"), (40, "v[TIME + d]")])
def test_whole_arrays_count_with_all_their_elements(tmp_path, monkeypatch, count: int, equation: str) -> None:
    monkeypatch.setattr("stockflow.language.scope._MOST_MADE", 10_000)
    space = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
    each = "<dimensions><dim name='d'/></dimensions>"
    path = tmp_path / "sums.xmile"
    path.write_text(
        f"<xmile xmlns='{space}'><sim_specs><start>0</start><stop>4</stop></sim_specs>"
        f"<dimensions><dim name='d' size='{count}'/></dimensions><model><variables>"
        f"<aux name='v'>{each}<eqn>1</eqn></aux><aux name='y'>{each}<eqn>{equation}</eqn></aux></variables>"
        "</model></xmile>"
    )
    with pytest.raises(InputError, match=MADE):
        stockflow.load(path)


def test_shares_of_many_count_with_all_they_are_made_of(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("stockflow.language.scope._MOST_MADE", 10_000)
    shares = "a[s]= s ~ Dmnl\nx[s]= ALLOCATE BY PRIORITY(a[s],a[s],64,1,9) ~ Dmnl"
    with pytest.raises(InputError, match=MADE):
        loaded(tmp_path, f"s: (s1-s40) ~ ~\n{shares}")


def test_garbage_is_looked_for_again_once_a_model_is_read(tmp_path) -> None:
    assert gc.isenabled()
    with pytest.raises(InputError):
        loaded(tmp_path, "x= y ~ Dmnl")
    assert gc.isenabled()


def test_macros_in_macros_deeper_than_the_stack_are_refused(tmp_path) -> None:
    path = written(tmp_path, "y= m0(1) ~ Dmnl")
    macros = "".join(
        f":MACRO: m{one}(x)\nm{one}= {'(1+2*' * 34}m{one + 1}(x){')' * 34} ~~|\n:END OF MACRO:\n" for one in range(18)
    )
    path.write_text(f"{macros}{path.read_text(encoding='utf-8').removeprefix('{UTF-8}')}", encoding="utf-8")
    with pytest.raises(InputError, match=r"expression nested too deeply in the macro 'm[0-9]+'.* in 'y'"):
        stockflow.load(path)


def test_a_chain_of_ranges_longer_than_the_stack_is_read(tmp_path) -> None:
    chain = "".join(f"r{one}: r{one + 1} ~ ~\n" for one in range(3000))
    model = loaded(tmp_path, f"{chain}r3000: a,b ~ ~\nx[r0]= r0 ~ Dmnl")
    assert model.run()["x[b]"].values.tolist() == [2.0] * 17


def test_a_control_follows_constants_as_far_as_they_go(tmp_path) -> None:
    last = "x0= 1 ~ Dmnl\n"
    chain = "".join(f"x{one}= ({'+'.join([f'x{one - 1}'] * 4)})/4 ~ Dmnl\n" for one in range(1, 60))
    path = written(tmp_path, last + chain, step=1.0, save=1.0)
    path.write_text(path.read_text(encoding="utf-8").replace("FINAL TIME= 4.0", "FINAL TIME= 4+x59"), encoding="utf-8")
    assert stockflow.load(path).run().time.values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_tables_are_kept_once_for_all_elements_of_an_array(tmp_path) -> None:
    equations = """
        r: (r1-r9) ~ ~
        f((0,0),(1,2),(4,8)) ~ Dmnl
        g[r]((0,0),(1,2),(4,8)) ~ Dmnl
        ahead[r]= LOOKUP FORWARD(f, Time) ~ Dmnl
        beneath[r]= LOOKUP AREA(f, 0, Time) ~ Dmnl
        whole[r]= RANDOM POISSON(0, 90, 9, 0, 1, 1) ~ Dmnl
    """
    variables = loaded(tmp_path, equations).equations.variables
    for name in ("ahead", "whole"):
        assert len({id(variables[f"{name}[r{one}]"].expression.table) for one in range(1, 10)}) == 1
    assert len({id(variables[f"g[r{one}]"].expression) for one in range(1, 10)}) == 1


@pytest.mark.parametrize("row", ["²", "9" * 5000, "0"])
def test_a_row_that_is_no_number_of_a_table_is_refused(tmp_path, row: str) -> None:
    (tmp_path / "d.csv").write_text("Time,1,2\nd,3,4\n")
    with pytest.raises(InputError, match=r"no place in a table|before the first row"):
        loaded(tmp_path, f"d:= GET DIRECT DATA('d.csv', ',', '{row}', 'B2') ~ Dmnl")
