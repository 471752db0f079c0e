"""Dependencies, components and feedback loops are those that the equations make."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stockflow_helpers import loaded

import stockflow
from stockflow.errors import InputError, ReadingWarning
from stockflow.insight.loops import Loop
from stockflow.insight.polarity import signs_measured, signs_told
from stockflow.insight.structure import _candidates, _independent, components, independent_loops, links

POPULATION = """
    Population= INTEG ( births-deaths, initial population) ~ people
    births= Population*birth rate ~ people/Year
    deaths= Population*death rate*crowding(Population/capacity) ~ people/Year
    crowding( (0,0.5),(1,1),(2,4) ) ~ Dmnl
    birth rate= 0.04 ~ 1/Year
    death rate= 0.02 ~ 1/Year
    capacity= 200 ~ people
    initial population= seed*2 ~ people
    seed= 5 ~ people
    density= Population/capacity ~ Dmnl
"""


@pytest.fixture
def population(tmp_path: Path) -> stockflow.Model:
    return loaded(tmp_path, POPULATION)


def by_members(model: stockflow.Model) -> dict[frozenset[str], Loop]:
    return {frozenset(loop.members): loop for loop in model.loops()}


def test_what_a_variable_depends_on_is_found_through_stocks_lookups_and_initial_values(
    population: stockflow.Model,
) -> None:
    assert population.depends_on("DENSITY", direct=True) == ("Population", "capacity")
    assert population.depends_on("density") == (
        "Population", "births", "deaths", "crowding", "birth rate", "death rate", "capacity",
        "initial population", "seed",
    )  # fmt: skip
    assert population.depends_on("seed") == ()


def test_what_uses_a_variable_is_the_same_relation_backwards(population: stockflow.Model) -> None:
    assert population.used_by("seed", direct=True) == ("initial population",)
    assert population.used_by("crowding", direct=True) == ("deaths",)
    for name in population.variables:
        for other in population.variables:
            assert (name in population.depends_on(other)) == (other in population.used_by(name))


def test_an_unknown_name_is_refused_with_the_nearest(population: stockflow.Model) -> None:
    with pytest.raises(InputError, match="did you mean 'births'"):
        population.depends_on("birth")


def test_initial_values_make_no_feedback(tmp_path: Path) -> None:
    model = loaded(tmp_path, "A= INTEG ( 1, B) ~ x\n B= INTEG ( A, 0) ~ x\n C= INITIAL( A ) ~ x")
    assert model.components() == ()
    assert model.loops() == ()


def test_births_reinforce_and_crowded_deaths_balance(population: stockflow.Model) -> None:
    loops = by_members(population)
    assert set(loops) == {frozenset({"Population", "births"}), frozenset({"Population", "deaths"})}
    birth, death = loops[frozenset({"Population", "births"})], loops[frozenset({"Population", "deaths"})]
    assert (birth.polarity, death.polarity) == ("reinforcing", "balancing")
    assert birth.name == "R1 Population via births"
    assert death.name == "B1 Population via deaths"
    assert birth.members == ("Population", "births")
    assert birth.stocks == ("Population",)
    assert birth.length == 2
    assert birth.certain


def test_a_polarity_that_only_a_run_can_tell_says_so(tmp_path: Path) -> None:
    text = """
        Level= INTEG ( change, 1) ~ x
        change= Level*(goal-Level) ~ x/Year
        goal= 10 ~ x
    """
    loops = loaded(tmp_path, text, final=0.5).loops()
    assert [(one.polarity, one.certain) for one in loops] == [("reinforcing", False)]
    above = loaded(tmp_path, text.replace("change, 1", "change, 9"), final=0.5).loops()
    assert [(one.polarity, one.certain) for one in above] == [("balancing", False)]


def test_a_saturated_limit_leaves_the_polarity_undetermined(tmp_path: Path) -> None:
    text = """
        Level= INTEG ( MIN(cap, Level)-MIN(Level*other, cap), 5) ~ x
        other= Level-Level ~ x
        cap= 1 ~ x
    """
    loops = by_members(loaded(tmp_path, text, final=0.5))
    assert loops[frozenset({"Level", "other"})].polarity == "undetermined"
    assert loops[frozenset({"Level", "other"})].name.startswith("U")


@pytest.mark.parametrize(
    ("equation", "sign"),
    [
        ("a+3", 1),
        ("3-a", -1),
        ("-a", -1),
        ("2*a", 1),
        ("a/(0-2)", -1),
        ("2/positive", -1),
        ("positive^(-2)", -1),
        ("EXP(-a)", -1),
        ("MIN(a, 3)", 1),
        ("MAX(-a, 3)", -1),
        ("a-2*a", None),
        ("a*a", None),
        ("positive*positive", 1),
        ("IF THEN ELSE(b>1, a, 2*a)", 1),
        ("IF THEN ELSE(a>1, 1, 2)", None),
        ("curve(-a)", -1),
        ("WITH LOOKUP(a, ((0,0),(1,2),(2,1)))", None),
        ("ABS(positive)", 1),
        ("SQRT(a)", 1),
    ],
)
def test_the_equation_tells_the_sign_of_a_link(tmp_path: Path, equation: str, sign: int | None) -> None:
    model = loaded(
        tmp_path,
        f"a= Time ~ x\n b= Time ~ x\n positive= Time ~ x [0,?]\n curve((0,0),(1,1)) ~ x\n y= {equation} ~ x",
    )
    cause = "positive" if "positive" in equation else "a"
    assert signs_told(model.equations, [(cause, "y")]) == {(cause, "y"): sign}


@settings(max_examples=30)
@given(st.sampled_from(["a+b", "a-b", "a*b", "a/b", "MIN(a,b)", "EXP(a)/b", "(a+b)^2", "2*a-b*b"]), st.data())
def test_measured_signs_never_contradict_told_ones(equation: str, data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        model = loaded(Path(folder), f"a= Time ~ x [0,?]\n b= Time ~ x [0,?]\n y= {equation} ~ x")
    values = {name: data.draw(st.floats(0.5, 2.0)) for name in ("a", "b")}
    pairs = [("a", "y"), ("b", "y")]
    told = signs_told(model.equations, pairs)
    measured = signs_measured(model.equations, pairs, values, 1.0)
    for pair in pairs:
        assert told[pair] in {None, 0, measured[pair]} or measured[pair] is None


@settings(max_examples=200)
@given(st.integers(2, 7).flatmap(lambda n: st.lists(st.booleans(), min_size=n * n, max_size=n * n)))
def test_a_basis_has_as_many_loops_as_links_minus_variables_plus_one(bits: list[bool]) -> None:
    size = int(len(bits) ** 0.5)
    names = [f"v{place}" for place in range(size)]
    # a ring through all makes the graph strongly connected, whatever else is drawn
    graph = {
        a: tuple(b for j, b in enumerate(names) if bits[i * size + j] or j == (i + 1) % size)
        for i, a in enumerate(names)
    }
    loops = _independent(graph, _candidates(graph))
    assert len(loops) == sum(map(len, graph.values())) - size + 1
    assert [len(one) for one in loops] == sorted(len(one) for one in loops)
    for loop in loops:
        assert len(set(loop)) == len(loop)
        assert all(b in graph[a] for a, b in zip(loop, (*loop[1:], loop[0]), strict=True))
    covered = {(a, b) for loop in loops for a, b in zip(loop, (*loop[1:], loop[0]), strict=True)}
    assert covered == {(a, b) for a in graph for b in graph[a]}


@pytest.mark.parametrize("case", ["pv", "nev", "ic", "mrna"])
def test_every_loop_of_a_built_model_follows_links_and_starts_with_a_stock(case: str) -> None:
    import models

    equations = stockflow.load(Path(models.__file__).parent / "vensim" / f"{case}.mdl").equations
    graph = links(equations)
    for loop in independent_loops(equations):
        assert equations.variables[loop[0]].kind == "stock"
        assert all(b in graph[a] for a, b in zip(loop, (*loop[1:], loop[0]), strict=True))


def test_loop_names_of_a_large_model_are_all_different_and_the_same_each_time() -> None:
    import models

    model = stockflow.load(Path(models.__file__).parent / "vensim" / "nev.mdl")
    names = [loop.name for loop in model.loops()]
    assert len(set(names)) == len(names) > 50
    assert names == [loop.name for loop in model.loops()]


def test_what_is_hidden_inside_a_delay_is_passed_through_and_not_named(tmp_path: Path) -> None:
    text = """
        Level= INTEG ( filling-late, 3) ~ x
        filling= goal-perceived ~ x/Year
        perceived= SMOOTH3(Level, time to see) ~ x
        late= DELAY1(filling, time to see) ~ x/Year
        time to see= 2 ~ Year
        goal= 10 ~ x
    """
    model = loaded(tmp_path, text)
    assert model.depends_on("perceived", direct=True) == ("Level", "time to see")
    assert model.used_by("Level", direct=True) == ("perceived",)
    loops = {loop.members: loop.polarity for loop in model.loops()}
    assert loops == {
        ("Level", "perceived", "filling"): "balancing",
        ("Level", "perceived", "filling", "late"): "reinforcing",
    }


def test_elements_of_an_array_are_variables_of_their_own(tmp_path: Path) -> None:
    text = """
        place: here, there ~
        Herd[place]= INTEG ( growth[place], 1) ~ x
        growth[place]= Herd[place]*rate[place] ~ x/Year
        rate[place]= 0.5, -0.5 ~ 1/Year
    """
    model = loaded(tmp_path, text)
    polarities = {loop.members: loop.polarity for loop in model.loops()}
    assert polarities == {
        ("Herd[here]", "growth[here]"): "reinforcing",
        ("Herd[there]", "growth[there]"): "balancing",
    }
    assert model.used_by("rate[here]") == ("Herd[here]", "growth[here]")


def test_components_are_apart_and_the_largest_comes_first(tmp_path: Path) -> None:
    text = """
        A= INTEG ( -A, 1) ~ x
        B= INTEG ( C, 1) ~ x
        C= INTEG ( -B, A) ~ x
        D= B+C ~ x
    """
    equations = loaded(tmp_path, text).equations
    assert components(equations) == (("B", "C"), ("A",))


def test_a_long_chain_needs_no_deep_recursion(tmp_path: Path) -> None:
    chain = "\n".join(f"v{place}= v{place - 1}+1 ~ x" for place in range(1, 1500))
    model = loaded(tmp_path, f"S= INTEG ( v1499, 0) ~ x\n v0= S ~ x\n{chain}")
    assert len(model.components()[0]) == 1501
    assert len(model.depends_on("v1499")) == 1501


def test_a_component_with_too_many_links_gives_a_sample_and_says_so(tmp_path: Path) -> None:
    stocks = "\n".join(f"S{place}= INTEG ( total, 0) ~ x" for place in range(1600))
    parts = [f"t{part}= {'+'.join(f'S{place}' for place in range(part, 1600, 40))} ~ x" for part in range(40)]
    total = "+".join(f"t{part}" for part in range(40))
    text = "\n".join([stocks, *parts, f"total= {total} ~ x"])
    equations = loaded(tmp_path, text + "\nA= INTEG(-B, 1) ~ x\nB= A ~ x").equations
    start = process_time()
    with pytest.warns(ReadingWarning, match="1641 variables with 3240 links .* a sample, the shortest through 200"):
        *found, last = independent_loops(equations)
    assert process_time() - start < 10
    assert last == ("A", "B")
    assert [loop[0] for loop in found] == [f"S{place}" for place in range(200)]
    assert all(loop == (f"S{place}", f"t{place % 40}", "total") for place, loop in enumerate(found))
