"""Arrays are one variable for each element, and compute what PySD computes."""

import itertools

import numpy as np
import pytest
from scipy import optimize
from stockflow_helpers import apart, loaded

import stockflow
from stockflow import InputError, UnknownNameError
from stockflow.language import scope

CLOSE = 1e-9
RANGES = """
    region: north, middle, south ~ ~
    warm: middle, south ~ ~
    age: young, old ~ ~
"""
POPULATION = """
    base[region]= 1, 2, 3 ~ Dmnl
    birth[region]= base[region]*0.1 ~ Dmnl
    Population[region]= INTEG(birth[region]*Population[region]+moved[region], base[region]*10) ~ Dmnl
    moved[region]= SMOOTH(Population[region], 2)*0.01 ~ Dmnl
    total= SUM(Population[region!]) ~ Dmnl
"""
FEATURES = """
    matrix[region,age]= 1,2;3,4;5,6; ~ Dmnl
    of age[age]= SUM(matrix[region!,age]*base[region!]) ~ Dmnl
    extremes= VMAX(Population[region!])+VMIN(matrix[region!,age!])+PROD(base[region!]) ~ Dmnl
    double[warm]= Population[warm]*2 ~ Dmnl
    of warm= SUM(Population[warm!]) ~ Dmnl
    except[region] :EXCEPT: [north]= 5*base[region] ~ Dmnl
    except[north]= 7+Time ~ Dmnl
    part[north]= 1 ~ Dmnl
    part[warm]= 2*Population[warm] ~ Dmnl
    difference= Population[south]-Population[north] ~ Dmnl
    crossed[region,age]= Population[region]*of age[age]-matrix[region,age] ~ Dmnl
    f[region]( (0,0),(100,10)) ~ Dmnl
    g[north]( (0,1),(100,10)) ~ Dmnl
    g[middle]( (0,2),(100,10)) ~ Dmnl
    g[south]( (0,2),(100,12)) ~ Dmnl
    looked[region]= f[region](Population[region])+g[region](Population[region]) ~ Dmnl
    late[region]= DELAY3(Population[region], 2)+TREND(Population[region], 1, 0) ~ Dmnl
    sampled[region]= SAMPLE IF TRUE(Population[region] > 30, Population[region], 0) ~ Dmnl
    count= ELMCOUNT(region) ~ Dmnl
    place[region]= region*2 ~ Dmnl
    selection[region]= 0, 1, 2 ~ Dmnl
    chosen[age]= VECTOR SELECT(selection[region!], matrix[region!,age], 0, 6, 0) ~ Dmnl
    nothing= VECTOR SELECT(base[region!]*0, Population[region!], 17, 3, 0) ~ Dmnl
    shares[region]= 3, 1, 2 ~ Dmnl
    order[region]= VECTOR SORT ORDER(shares[region], 1) ~ Dmnl
    falling[region]= VECTOR SORT ORDER(shares[region], -1) ~ Dmnl
    rank[region]= VECTOR RANK(shares[region], 1) ~ Dmnl
    sorted[region]= VECTOR REORDER(shares[region], order[region]) ~ Dmnl
    square[region,zone]= 1,2,3;4,5,7;7,8,1; ~ Dmnl
    inverse[region,zone]= INVERT MATRIX(square[region,zone], 3) ~ Dmnl
    zone: z1, z2, z3 ~ ~
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> stockflow.Model:
    return loaded(tmp_path_factory.mktemp("arrays"), RANGES + POPULATION + FEATURES, step=0.125)


def test_arrays_give_what_the_reference_gives(model: stockflow.Model) -> None:
    shares = apart(model.run(), model.run(engine="reference"))
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {}


def test_arrays_defined_in_parts_give_what_the_reference_gives(tmp_path) -> None:
    model = loaded(
        tmp_path,
        RANGES
        + """
        t[region,age]= TABBED ARRAY( 1 2 3 4 5 6 ) ~ Dmnl
        u[north,age]= 1,2 ~ Dmnl
        u[warm,age]= 3,4;5,6; ~ Dmnl
        v[region,age] :EXCEPT: [north,young],[south,old]= u[region,age]*2 ~ Dmnl
        v[north,young]= 9 ~ Dmnl
        v[south,old]= Time ~ Dmnl
        k== 3 ~ Dmnl
        S[region]= INTEG(t[region,young]-S[region]*k/9, t[region,old]) ~ Dmnl
        w[warm,age]= S[warm]+t[warm,age] ~ Dmnl
        largest[age]= VMAX(w[warm!,age]) ~ Dmnl
        every= SUM(t[region!,age!]*u[region!,age!]) ~ Dmnl
        share= SUM(S[region!])/SUM(t[region!,old]) ~ Dmnl
        row[region]= SUM(v[region,age!]) ~ Dmnl
        looked[region]= WITH LOOKUP(S[region], ((0,0),(10,5))) ~ Dmnl
        fixed[region]= DELAY FIXED(S[region], 0.5, 0) ~ Dmnl
        late[region,age]= DELAY1(S[region]*u[region,age], 2) ~ Dmnl
        "a b(c)"[age]= 5*t[north,age] ~ Dmnl
        read[age]= "a b(c)"[age]*2 ~ Dmnl
        """,
        step=0.125,
    )
    shares = apart(model.run(), model.run(engine="reference"))
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {}
    assert model.variable('"A b(c)"[Young]').kind == "auxiliary"


@pytest.mark.parametrize("action", range(11))
def test_every_action_of_vector_select_gives_what_numpy_gives(tmp_path, action: int) -> None:
    model = loaded(
        tmp_path,
        f"""
        region: a, b, c, d ~ ~
        s[region]= 0, 2, 0.5, 1 ~ Dmnl
        x[region]= 3, 4, 5, 2 ~ Dmnl
        y= VECTOR SELECT(s[region!], x[region!], -7, {action}, 0) ~ Dmnl
        """,
        final=0.25,
    )
    s, x = np.array([2, 0.5, 1]), np.array([4, 5, 2])
    values = s * x if action < 5 else s**x if action == 5 else x
    fold = [np.sum, np.prod, np.min, np.max, np.mean, np.prod, np.sum, np.prod, np.min, np.max, np.mean][action]
    assert float(model.run()["y"].values[0]) == pytest.approx(fold(values), rel=1e-14)
    names = [f"s[{one}]" for one in "abcd"]
    assert model.runs(dict.fromkeys(names, 0.0), ["y"]).dataset()["y"].values[0, 0] == -7


@pytest.mark.parametrize(
    ("equations", "complaint"),
    [
        ("r: a, b -> (s: c, nobody) ~ ~\ns: c, d ~ ~\nx[r]= 1 ~ Dmnl", "unknown subscript 'nobody'"),
        ("y[r]= ALLOCATE AVAILABLE(x[r], p[r,one], 1) ~ Dmnl", "profiles of less than three parts"),
        ("y= VECTOR ELM MAP(1, 1) ~ Dmnl", "VECTOR ELM MAP of what is no array"),
        ("y= VECTOR LOOKUP(x[b], 1, 0, 2, 0) ~ Dmnl", "from another element than its first"),
        ("y= VECTOR LOOKUP(x[a], 1, 0, 2, 5) ~ Dmnl", "a mode other than 0, 2, 3 or 4"),
        ("y= LOOKUP INVERT(x, 1) ~ Dmnl", "array without subscripts"),
        ("y= LOOKUP FORWARD(z, 1) ~ Dmnl\nz= 3 ~ Dmnl", "function of a lookup with what is none"),
        ("f((0,0),(1,2),(2,1)) ~ Dmnl\ny= LOOKUP INVERT(f, 1) ~ Dmnl", "neither only rises nor only falls"),
        ("y= GET DATA BETWEEN TIMES(z, 1, 0) ~ Dmnl\nz= 3 ~ Dmnl", "function of data with what is no data variable"),
        ("f(0, 1, 2) ~ Dmnl", "table of 3 numbers, which are not as many x as y,"),
        ("q: (a1-b3) ~ ~", "range between elements that are not one name with two numbers"),
        ("q: (a3-a1) ~ ~", "range from number 3 to 1, which is not above it"),
    ],
)
def test_what_an_array_or_a_table_cannot_be_is_refused(tmp_path, equations: str, complaint: str) -> None:
    usual = "" if equations.startswith("r:") else "r: a, b ~ ~\npart: one, two ~ ~\nx[r]= 1 ~ Dmnl\n"
    usual += "p[r,part]= 1 ~ Dmnl\n" if "ALLOCATE" in equations else ""
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, usual + equations)
    assert complaint in str(caught.value)


def test_the_action_of_vector_select_may_change_in_a_run(tmp_path) -> None:
    equations = """
        region: a, b, c, d ~ ~
        s[region]= 0, 2, 0.5, 1 ~ Dmnl
        x[region]= 3, 4, 5, 2 ~ Dmnl
        y= VECTOR SELECT(s[region!], x[region!], -7, Time, 0) ~ Dmnl
    """
    found = loaded(tmp_path, equations, step=1.0, final=11.0, save=1.0).run()["y"].values.tolist()
    s, x = np.array([2, 0.5, 1]), np.array([4, 5, 2])
    folds = [np.sum, np.prod, np.min, np.max, np.mean]
    weighed = [float(fold(s * x)) for fold in folds]
    expected = [*weighed, float(np.prod(s**x)), *(float(fold(x)) for fold in folds), -(2.0**109)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_sorting_follows_the_state_of_every_run(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        region: a, b, c, d ~ ~
        x[region]= 1, 2, 3, 4 ~ Dmnl
        order[region]= VECTOR SORT ORDER(x[region], 1) ~ Dmnl
        falling[region]= VECTOR SORT ORDER(x[region], 0) ~ Dmnl
        rank[region]= VECTOR RANK(x[region], 1) ~ Dmnl
        sorted[region]= VECTOR REORDER(x[region], order[region]) ~ Dmnl
        """,
        final=0.25,
    )
    cases = np.array(list(itertools.product([1.0, 2.0, 3.0], repeat=4)))
    samples = {f"x[{name}]": cases[:, at] for at, name in enumerate("abcd")}
    batch = model.runs(samples, ["order", "falling", "rank", "sorted"]).dataset()
    expected = np.argsort(cases, axis=1, kind="stable")
    found = {
        name: np.column_stack([batch[f"{name}[{one}]"].values[:, 0] for one in "abcd"])
        for name in ("order", "falling", "rank", "sorted")
    }
    assert (found["order"] == expected).all()
    assert (found["falling"] == expected[:, ::-1]).all()
    assert (found["rank"] == np.argsort(expected, axis=1) + 1).all()
    assert (found["sorted"] == np.sort(cases, axis=1)).all()


def test_a_function_of_arrays_has_marks_of_its_own(tmp_path) -> None:
    inside = "r: a, b ~ ~\ns: c, d ~ ~\nv[r]= 3, 5 ~ Dmnl\nw[s]= 1, 2 ~ Dmnl\ny= SUM(MIN(v[r!], 4)) ~ Dmnl"
    model = loaded(tmp_path, f"{inside}\nz= VMAX(v[r!]*SUM(w[s!])) ~ Dmnl\nu= 2*VMIN(1+0*SUM(v[r!])+w[s!]) ~ Dmnl")
    assert [float(model.run()[name][0]) for name in "yzu"] == [7.0, 15.0, 4.0]


@pytest.mark.parametrize("size", [3, 8])
def test_a_matrix_is_inverted_anew_in_every_run(tmp_path, size: int) -> None:
    model = loaded(
        tmp_path,
        f"""
        row: (r1-r{size}) ~ ~
        column: (c1-c{size}) ~ ~
        m[row,column]= {";".join([",".join(["1"] * size)] * size)}; ~ Dmnl
        inverse[row,column]= INVERT MATRIX(m[row,column], {size}) ~ Dmnl
        """,
        final=0.25,
    )
    matrices = np.random.default_rng(2).normal(size=(20, size, size))
    matrices[0, 0, 0] = 0.0  # where a column begins with 0, another row comes first
    names = [f"m[r{i},c{j}]" for i in range(1, size + 1) for j in range(1, size + 1)]
    batch = model.runs(dict(zip(names, matrices.reshape(20, -1).T, strict=True)), ["inverse"]).dataset()
    found = np.column_stack([batch[name].values[:, 0] for name in batch.data_vars]).reshape(20, size, size)
    np.testing.assert_allclose(found @ matrices, np.broadcast_to(np.eye(size), found.shape), atol=1e-9)


def test_a_scarce_supply_goes_by_priority_as_the_reference_has_it(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        region: a, b, c, d ~ ~
        request[region]= 3, 6, 2.5, 2 ~ Dmnl
        urgency[region]= 10, 9, 7, 2 ~ Dmnl
        growing[region]= request[region]*(1+Time/9) ~ Dmnl
        given[region]= ALLOCATE BY PRIORITY(growing[region], urgency[region], ELMCOUNT(region), width, supply) ~ Dmnl
        width= 3 ~ Dmnl
        supply= Time*3+0*width ~ Dmnl
        """,
        final=6.0,
    )
    assert max(apart(model.run(), model.run(engine="reference")).values()) < CLOSE
    wider = model.with_constants({"width": 50.0, "urgency[d]": 9.0})
    assert max(apart(wider.run(), wider.run(engine="reference")).values()) < CLOSE
    batch = model.runs({"width": [3.0, 50.0], "urgency[d]": [2.0, 9.0]}, ["given"]).dataset()
    for run, one in enumerate((model, wider)):
        for name in batch.data_vars:
            np.testing.assert_allclose(batch[name].values[run], one.run()[name].values, rtol=1e-12, atol=1e-13)


def test_a_supply_goes_to_overlapping_claims_until_it_is_used_up(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        region: a, b, c ~ ~
        part: ptype, ppriority, pwidth, pextra ~ ~
        request[region]= 3, 6, 2.5 ~ Dmnl
        profile[region,part]= 1,10,3,0;1,9,4,0;1,4,1.5,0; ~ Dmnl
        given[region]= ALLOCATE AVAILABLE(request[region], profile[region,ptype], supply) ~ Dmnl
        supply= Time*3 ~ Dmnl
        """,
        final=5.0,
        save=0.25,
    )
    run = model.run()
    claims = [(3.0, 10.0, 3.0), (6.0, 9.0, 4.0), (2.5, 4.0, 1.5)]

    def taken(price: float) -> list[float]:
        return [size * float(np.clip((at + width / 2 - price) / width, 0, 1)) for size, at, width in claims]

    for moment, supply in enumerate(run["supply"].values):
        price = optimize.brentq(lambda one: sum(taken(one)) - min(supply, 11.5), 0, 20, xtol=1e-14)  # noqa: B023
        found = [float(run[f"given[{one}]"][moment]) for one in "abc"]
        assert found == pytest.approx(taken(price), abs=1e-9)
    assert max(apart(run, model.run(engine="reference")).values()) < 1e-6
    with pytest.raises(InputError, match=r"profile\[a,ptype\] decides how an equation is built"):
        model.with_constants({"profile[a,ptype]": 3.0})


@pytest.mark.parametrize("shape", [1, 2, 3, 4])
def test_claims_of_hardly_any_width_share_what_there_is(tmp_path, shape: int) -> None:
    equations = f"""
        r: a, b ~ ~
        part: ptype, ppriority, pwidth ~ ~
        profile[r,ptype]= {shape} ~ Dmnl
        profile[r,ppriority]= 5 ~ Dmnl
        profile[r,pwidth]= width ~ Dmnl
        width= 0.001 ~ Dmnl
        given[r]= ALLOCATE AVAILABLE(asked[r], profile[r,ptype], supply) ~ Dmnl
        asked[r]= 100 ~ Dmnl
        supply= Time*50-50 ~ Dmnl
    """
    model = loaded(tmp_path, equations, step=1.0, final=4.0, save=1.0)
    shared = [0.0, 0.0, 25.0, 50.0, 75.0]
    # a width that is set is no number of the file
    for one in (model, model.with_constants({"width": 0.0}), model.with_constants({"width": -1.0})):
        np.testing.assert_allclose(one.run()["given[a]"].values, shared, atol=1e-5)
    if shape == 3:
        none = loaded(tmp_path, equations.replace("0.001", "0"), step=1.0, final=4.0, save=1.0)
        np.testing.assert_allclose(none.run()["given[a]"].values, shared, atol=1e-5)
        return
    with pytest.raises(InputError, match=r"with the width 0, 'profile\[a,pwidth\]', which is not above 0, in 'given'"):
        loaded(tmp_path, equations.replace("0.001", "0"))


def test_a_mapped_range_takes_its_partners_elements(tmp_path) -> None:
    # PySD makes a matrix of both ranges here, and forgets the order of the second mapping
    model = loaded(
        tmp_path,
        """
        region: north, middle, south ~ ~
        zone: z1, z2, z3 -> region ~ ~
        turned: t1, t2, t3 -> (region: south, north, middle) ~ ~
        like region <-> region ~ ~
        x[region]= 1, 2, 3 ~ Dmnl
        by zone[zone]= x[region]+10 ~ Dmnl
        by turned[turned]= x[region]+10 ~ Dmnl
        back[region]= by turned[turned]*2 ~ Dmnl
        same[like region]= x[like region] ~ Dmnl
        """,
        final=0.25,
    )
    run = model.run()
    assert [float(run[f"by zone[z{k}]"][0]) for k in (1, 2, 3)] == [11, 12, 13]
    assert [float(run[f"by turned[t{k}]"][0]) for k in (1, 2, 3)] == [13, 11, 12]
    assert [float(run[f"back[{one}]"][0]) for one in ("north", "middle", "south")] == [22, 24, 26]
    assert float(run["same[south]"][0]) == 3


def test_ranges_may_be_numbered_and_hold_other_ranges(tmp_path) -> None:
    model = loaded(
        tmp_path,
        """
        all: few, (item3-item5) ~ ~
        few: item1, item2 ~ ~
        x[all]= all ~ Dmnl
        y= SUM(x[all!]) ~ Dmnl
        """,
        final=0.25,
    )
    assert [name for name in model.variables if name.startswith("x")] == [f"x[item{k}]" for k in range(1, 6)]
    assert float(model.run()["y"][0]) == 15.0


def test_an_element_is_a_variable_in_any_spelling(model: stockflow.Model) -> None:
    assert model.variable("population[ North ]").name == "Population[north]"
    assert model.variable("MATRIX[south, Young]").value == 5.0
    assert model.stocks == ("Population[north]", "Population[middle]", "Population[south]")
    assert model.constants[:3] == ("base[north]", "base[middle]", "base[south]")
    assert model.variable("Birth[middle]").line == 6
    with pytest.raises(UnknownNameError, match=r"'Population' is an array; .* such as 'Population\[north\]'"):
        model.variable("Population")
    with pytest.raises(UnknownNameError, match=r"'Population\[nort\]'; did you mean 'Population\[north\]'"):
        model.variable("Population[nort]")


def test_the_bare_name_of_an_array_gives_all_its_elements(model: stockflow.Model) -> None:
    batch = model.runs({"base[north]": [1.0, 2.0]}, ["population", "total"]).dataset()
    assert list(batch.data_vars) == ["Population[north]", "Population[middle]", "Population[south]", "total"]
    assert batch["Population[north]"].values[:, 0].tolist() == [10.0, 20.0]
    assert model.runs({}, ["population[south]"]).dataset()["Population[south]"].sizes == {"run": 1, "time": 17}


def test_constants_of_an_array_can_be_changed_one_by_one(tmp_path) -> None:
    model = loaded(tmp_path, RANGES + POPULATION + "grid[region,age]= 1 ~ Dmnl\ny= SUM(grid[region!,old]) ~ Dmnl")
    changed = model.with_constants({"Base[South]": 5.0}).with_constants({"grid[north,old]": 8.0})
    assert changed.run()["y"].values.tolist() == [10.0] * 17
    shares = apart(changed.run(), changed.run(engine="reference"))
    assert max(shares.values()) < CLOSE
    assert float(changed.run()["Population[south]"][0]) == 50.0
    path = model.with_series({"Population[north]": ([0.0, 2.0], [1.0, 3.0])})
    assert path.run()["Population[north]"].values[[0, 4, 16]].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match=r"the reference engine cannot replace Population\[north\] by a path"):
        path.run(engine="reference")


def test_units_of_arrays_are_checked_element_by_element(tmp_path) -> None:
    equations = """
        region: north, south ~ ~
        Stock[region]= INTEG(flow[region], 1) ~ litre
        flow[region]= Stock[region]/2 ~ litre
    """
    lines = loaded(tmp_path, equations).unbalanced()
    assert [line.partition(":")[0] for line in lines] == ["Stock[north]", "Stock[south]"]


@pytest.mark.parametrize(
    ("equations", "complaint"),
    [
        ("x[nowhere]= 1 ~ Dmnl", "unknown subscript 'nowhere'; did you mean 'north'? in 'x' (line 5)"),
        ("x[warm]= 1 ~ Dmnl\ny= x[north] ~ Dmnl", "'x[north]', which no equation defines in 'y' (line 6)"),
        ("x[warm]= 1 ~ Dmnl\nx[south]= 2 ~ Dmnl", "second definition of 'x[south]' in 'x' (line 6)"),
        ("x[warm]= 1 ~ Dmnl\nx= 2 ~ Dmnl", "another number of subscripts in 'x' (line 6)"),
        ("x[warm]= 1 ~ Dmnl\ny= x[warm] ~ Dmnl", "subscript 'warm', which the left side does not decide in 'y'"),
        ("x[warm]= 1 ~ Dmnl\ny= x ~ Dmnl", "array without subscripts in 'y'"),
        ("x[warm]= 1 ~ Dmnl\ny[age]= x[age] ~ Dmnl", "'x[young]', which no equation defines in 'y'"),
        ("x[warm]= 1 ~ Dmnl\ny[warm]= x[warm,age] ~ Dmnl", "subscript 'age', which the left side does not decide"),
        ("x[warm]= 1, 2, 3 ~ Dmnl", "list of 3 numbers for 2 elements in 'x'"),
        ("x= 1 ~ Dmnl\ny= x[warm!] ~ Dmnl", "unknown subscript 'warm!'"),
        ("x[warm,warm]= 1 ~ Dmnl", "the same subscript twice on the left side in 'x'"),
        (
            "x= VECTOR SELECT(a[warm!],a[warm!],0,0,Time) ~ Dmnl\na[warm]= 1 ~ Dmnl",
            "VECTOR SELECT with an error action",
        ),
        (
            "x[warm]= ALLOCATE AVAILABLE(a[warm], a[warm], 3) ~ Dmnl\na[warm]= 1 ~ Dmnl",
            "ALLOCATE AVAILABLE without profiles by element in 'x' (line 5)",
        ),
        (
            "few: (f1-f3) ~ ~\nx[warm,few]= ALLOCATE BY PRIORITY(a[warm], b[few], 2, 1, 3) ~ Dmnl\n"
            "a[warm]= 1 ~ Dmnl\nb[few]= 1 ~ Dmnl",
            "ALLOCATE BY PRIORITY of 2 requests with 3 priorities in 'x' (line 6)",
        ),
    ],
)
def test_subscripts_that_do_not_fit_are_refused(tmp_path, equations: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, RANGES + equations)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_array_too_large_to_write_out_is_refused(tmp_path, monkeypatch) -> None:
    ranges = "\n".join(f"r{k}: (a{k}x1-a{k}x99) ~ ~" for k in range(4))
    with pytest.raises(InputError, match="array of more than 400000 elements in 'x'"):
        loaded(tmp_path, f"{ranges}\nx[r0,r1,r2,r3]= 1 ~ Dmnl")
    parts = "\n".join(f"z{k}[r{k}]= 1 ~ Dmnl" for k in range(3))
    with pytest.raises(InputError, match="sum over 970299 elements, more than 100000, in 'y'"):
        loaded(tmp_path, f"{ranges}\n{parts}\ny= SUM(z0[r0!]*z1[r1!]*z2[r2!]) ~ Dmnl")
    monkeypatch.setattr(scope, "_MOST_PARTS", 20_000)
    with pytest.raises(InputError, match="more than 20000 operations"):
        loaded(tmp_path, f"{ranges}\n{parts}\ny[r0,r1]= SUM(z0[r0!]*z1[r1!]) ~ Dmnl")
