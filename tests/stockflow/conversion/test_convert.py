"""A model in the other format runs to the same numbers, and comes back with the same equations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from read_rows import READ
from stockflow_helpers import MODELS, outcome

import models
import stockflow
from stockflow.commands.cli import main
from stockflow.conversion.convert import converted
from stockflow.conversion.expressions import Vensim, Xmile
from stockflow.conversion.xmile_file import MADE
from stockflow.errors import InputError
from stockflow.language.definition import Parsed
from stockflow.language.equations import Method
from stockflow.language.tree import Call, Chain, Literal, Name, Prefix, Tree
from stockflow.language.vensim.equation import Equation as VensimEquation
from stockflow.language.xmile.equation import Equation as XmileEquation
from stockflow.names import plain

FILES = [
    *sorted((Path(models.__file__).parent / "vensim").glob("*.mdl")),
    *sorted((Path(stockflow.__file__).parent / "examples").glob("*.mdl")),
    *sorted((*MODELS.glob("*.mdl"), *MODELS.glob("vensim/*.mdl"))),
    *sorted(MODELS.glob("*.xmile")),
]
CLOCK = "INITIAL TIME=0~~|FINAL TIME=4~Year~End.|TIME STEP=0.25~Year~|SAVEPER=0.5~~|"
SPECS = (
    '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">'
    "<sim_specs><start>0</start><stop>4</stop><dt>0.25</dt></sim_specs>"
    '<dimensions><dim name="region"><elem name="north"/><elem name="south"/></dim></dimensions>'
)


def vensim(equations: str) -> stockflow.Model:
    return stockflow.from_text("a.mdl", f"{equations}{CLOCK}")


def xmile(variables: str, more: str = "") -> stockflow.Model:
    return stockflow.from_text("a.xmile", f"{SPECS}{more}<model><variables>{variables}</variables></model></xmile>")


def other(model: stockflow.Model) -> stockflow.Model:
    name = "b.xmile" if model.file.is_vensim else "b.mdl"
    return stockflow.from_text(name, converted(model, name))


def assert_same_runs(one: stockflow.Model, two: stockflow.Model) -> None:
    before, after = one.run(), two.run()
    names = {plain(str(name)): name for name in after}
    for name in before:
        left, right = before[name].values, after[names[plain(str(name))]].values
        np.testing.assert_allclose(right, left, rtol=0, atol=1e-12 * (np.abs(left).max() or 1), err_msg=str(name))


def facts(model: stockflow.Model) -> dict[str, object]:
    return {name: (one.unit, one.documentation, one.group, one.limits) for name, one in model.variables.items()}


LARGE = ("ic.mdl", "mrna.mdl", "pv.mdl")


@pytest.mark.parametrize(
    "file",
    [pytest.param(one, marks=[pytest.mark.slow] * (one.name in LARGE)) for one in FILES],
    ids=lambda one: one.name,
)
def test_a_file_in_the_other_format_and_back_runs_the_same(file: Path) -> None:
    model = stockflow.load(file)
    there = other(model)
    back = other(there)
    assert_same_runs(model, there)
    assert_same_runs(model, back)
    assert set(facts(model).items()) <= set(facts(back).items())
    assert back.equations.equivalences == model.equations.equivalences
    assert back.equations.method == model.equations.method


@pytest.mark.parametrize("file", [one for one in FILES if one.suffix == ".mdl"], ids=lambda one: one.name)
def test_equations_of_vensim_come_back_but_for_the_order_of_flows(file: Path) -> None:
    model = stockflow.load(file)
    back = other(other(model))
    flows_apart = {"Stored"} if file.name == "constructs.mdl" else set()
    changed = {name for name, one in model.variables.items() if back.variables[name].expression != one.expression}
    assert changed == flows_apart


def test_a_range_that_another_file_lists_has_no_form_in_xmile() -> None:
    with pytest.raises(InputError, match=r"cannot be written as b\.xmile: range 'listed', which another file lists$"):
        other(stockflow.load(READ / "files_beside.mdl"))


ARRAYS = r"""{UTF-8}
region: north, south, far east ~~|
warm: south, far east ~~|
age: young, old ~~|
zone: zone1, zone2, zone3 -> region ~~|
base[region]= 1,2,3 ~ Dmnl ~ Base. |
matrix[region,age]= 1,2;3,4;5,6; ~~|
Population[region]= INTEG(birth[region]-death[region], base[region]*10) ~ person ~ P |
birth[region]= Population[region]*0.1*base[region] ~ person/Year ~|
death[region]= Population[region]/(20+matrix[region,young]) ~ person/Year ~|
Mixed[north]= INTEG(birth[north], 1) ~ person ~|
Mixed[warm]= INTEG(birth[warm]*2-Mixed[warm]/4, 2) ~ person ~|
all but[region] :EXCEPT: [north]= base[region]+1 ~~|
all but[north]= 7 ~~|
mapped[zone]= base[region]*2 ~~|
total= SUM(Population[region!])+SUM(matrix[region!,old])+VMAX(base[region!])+VMIN(base[region!])+ELMCOUNT(region) ~~|
by age[age]= SUM(matrix[region!,age]*Population[region!])+PROD(matrix[region!,age]) ~~|
place[region]= region*2+base[north] ~~|
table[region]((0,1),(2,3),(5,1)) ~~|
square[young,young]= 1 ~~|
square[young,old]= 2 ~~|
square[old,young]= 3 ~~|
square[old,old]= square[young,young]+square[young,old] ~~|
looked[region]= table[region](Time/2) ~~|
line[north]((0,1),(1,2)) ~~|
line[warm]((0,1),(1,3)) ~~|
beyond[region]= LOOKUP EXTRAPOLATE(line[region], Time) ~~|
late[region]= DELAY3(birth[region], 2)+SMOOTH N(birth[region],2,1,3) ~~|
"""


def test_arrays_go_over_whole_or_element_by_element() -> None:
    model = vensim(ARRAYS)
    there = other(model)
    assert_same_runs(model, there)
    assert_same_runs(model, other(there))
    assert "<inflow>birth</inflow>" in there.file.text


@pytest.mark.parametrize(
    "expression",
    [
        "MODULO(Time*3-5, 2)+INTEGER(Time-2.5)+QUANTUM(Time, 0.3)+LOG(Time+1, 2)",
        "XIDZ(1, Time-1, 4)-ZIDZ(1, Time)+POWER(2, Time)+LOG10(Time+1)",
        "PULSE(1, 0.5)+PULSE TRAIN(0.5, 0.25, 1, 3)*2+PULSE(2, 0)+RAMP(2, 1, 2)+STEP(3, 1.5)",
        "SAMPLE IF TRUE(MODULO(Time, 1) = 0, Time*2, -1)+1",
        "SINH(Time-1)+COSH(Time-1)+TANH(Time-1)+ARCTAN(Time)+MAX(:NA:, 1)",
        "IF THEN ELSE(:NOT: (Time > 2 :AND: Time < 3) :OR: Time = 0, 1, IF THEN ELSE(Time > 1, -2^2, (-2)^2))",
        "3-(2-1)-(-Time)*-2/(3/4)^2^0.5",
        "DELAY1I(Time, 1, 2)+DELAY3I(Time, 1, 2)+SMOOTHI(Time, 1, 2)+SMOOTH3I(Time, 1, 2)+TREND(Time, 1, 0)",
        "DELAY N(Time, 1, 0, 2)+SMOOTH(Time, 2)+FORECAST(Time, 1, 2)+DELAY1(Time, 2)",
        "DELAY FIXED(Time, 1, -1)",
        "INITIAL(Time+3)",
        "WITH LOOKUP(Time, ((0,1),(1,3),(4,-2)))",
        "curve(Time)+LOOKUP EXTRAPOLATE(beyond, Time)+LOOKUP BACKWARD(stairs, Time)",
        "twice(Time, 3)+twice(1, Time)*-2",
        '"odd (name), of"+if',
        "(:NA:)^2",
        "own(Time, 2)",
        "RANDOM UNIFORM(0, 1, 3)+RANDOM NORMAL(-1, 1, 0, 1, 2)*9+RANDOM 0 1()",
    ],
)
def test_what_vensim_means_by_a_word_is_what_xmile_says_and_comes_back(expression: str) -> None:
    text = f"""{{UTF-8}}
    :MACRO: twice(x, y)
    twice= inner*2+Time$ ~ Dmnl ~ It. |
    inner= x+y*TIME STEP$ ~~|
    :END OF MACRO:
    :MACRO: own(east, pi)
    own= east*2+west+pi ~~|
    west= east+7 ~~|
    :END OF MACRO:
    way: east, west ~~|
    curve((0,1),(1,3)) ~~|
    beyond((0,1),(1,3)) ~~|
    stairs((0,1),(1,3)) ~~|
    "odd (name), of"= 3 ~ Dmnl [0,?] ~ With, a comma; and & < more >. |
    if= 2 ~~|
    x= {expression} ~~|
    """
    model = vensim(text)
    there = other(model)
    back = other(there)
    assert_same_runs(model, there)
    assert back.variables["x"].expression == model.variables["x"].expression


@pytest.mark.parametrize(
    "equation",
    [
        "INT(-TIME) + (TIME - 2) MOD 3*2 + ROUND(TIME - 2.5) + INT(TIME*3) MOD 2",
        "SAFEDIV(1, TIME - 1) + SAFEDIV(1, TIME, 5)",
        "PULSE(3, 1) + PULSE(2, 1, 0.5) + RAMP(2, 1) + RAMP(2, 1, 3)",
        "PREVIOUS(TIME, 9) + PREVIOUS(SELF, 1)*0.5",
        "INIT(TIME + 2) + DELAY(TIME, 1, 7)*2 + DELAY(TIME, 1)",
        "SMTH1(TIME, 2) + SMTH3(TIME, 2, 1) + SMTHN(TIME, 2, 4) + DELAYN(TIME, 2, 3, 1) + TREND(TIME, 2)",
        "FORCST(TIME, 2, 1) + PI + DELAY1(TIME, 1, 3) + DELAY3(TIME, 1)",
        "IF TIME > 2 THEN IF TIME > 3 THEN 1 ELSE 2 ELSE IF NOT (TIME = 1) THEN 3 ELSE 4",
        "(IF TIME > 2 THEN 1 ELSE 2)*3 - -TIME",
        "NOT TIME = 1",
        "NORMAL(0, 1) + RANDOM(0, 1)",
        "square[north,south] + alike[north,south]",
        "MAX(base) + MIN(base[*]) + SUM(base) + SUM(base[*]) + MEAN(base) + SIZE(base[*])",
        "MAX(TIME, base[*], 2) + MIN(base[*]*2, 3) + MEAN(base[*]*2, 3) + MEAN(1, TIME) + MIN(TIME) + MEAN(base[*])",
        "NORMAL(0, 1, 7, -1)",
        "curve(TIME) + LOOKUP(stairs, TIME) + beyond(TIME)",
        "DT*2 + STOPTIME + STARTTIME",
        "own(TIME, 2) + NORMAL(1, 2, 7) + UNIFORM(1, 2) + NORMAL(0, 1, 1, -1, 2)",
    ],
)
def test_what_xmile_means_by_a_word_is_what_vensim_says_and_comes_back(equation: str) -> None:
    variables = f"""
    <gf name="curve"><xpts>0,1</xpts><ypts>1,3</ypts></gf>
    <gf name="stairs" type="discrete"><xpts>0,1,2</xpts><ypts>1,3,9</ypts></gf>
    <gf name="beyond" type="extrapolate"><xpts>0,1</xpts><ypts>1,3</ypts></gf>
    <aux name="base"><dimensions><dim name="region"/></dimensions><element subscript="north"><eqn>1</eqn></element>
    <element subscript="south"><eqn>4</eqn></element></aux>
    <aux name="square"><dimensions><dim name="region"/><dim name="region"/></dimensions>
    <element subscript="north,north"><eqn>1</eqn></element><element subscript="north,south"><eqn>2</eqn></element>
    <element subscript="south,north"><eqn>3</eqn></element><element subscript="south,south"><eqn>4</eqn></element></aux>
    <aux name="alike"><dimensions><dim name="region"/><dim name="region"/></dimensions>
    <element subscript="north,north"><eqn>square</eqn></element><element subscript="north,south"><eqn>square</eqn>
    </element><element subscript="south,north"><eqn>square</eqn></element>
    <element subscript="south,south"><eqn>square</eqn></element></aux>
    <aux name="implied"><dimensions><dim name="region"/></dimensions><eqn>base*2</eqn></aux>
    <aux name="x"><eqn>{equation.replace("<", "&lt;")}</eqn></aux>
    """
    macro = '<macro name="own"><parm>a</parm><parm>b</parm><eqn>a*b + INT(a) + DT</eqn></macro>'
    model = xmile(variables, macro)
    there = other(model)
    assert_same_runs(model, there)
    assert_same_runs(model, other(there))


def test_a_sum_over_a_dimension_twice_is_of_all_elements() -> None:
    square = "<dimensions><dim name='region'/><dim name='region'/></dimensions>" + "".join(
        f"<element subscript='{one},{two}'><eqn>{value}</eqn></element>"
        for (one, two), value in {("north", "north"): 1, ("north", "south"): 2, ("south", "north"): 4}.items()
    )
    model = xmile(
        f"<aux name='a'>{square}<element subscript='south,south'><eqn>8</eqn></element></aux>"
        "<aux name='x'><eqn>SUM(a[*,*])*1000 + SIZE(a[*,*])*100 + SUM(a)</eqn></aux>"
    )
    assert model.run()["x"].values[0] == 15415
    with pytest.raises(stockflow.InputError, match="all elements of 'a', an array over one dimension twice, in 'x'"):
        other(model)


def test_a_macro_takes_one_value_by_the_name_of_an_array() -> None:
    base = (
        "<aux name='base'><dimensions><dim name='region'/></dimensions><eqn>3</eqn></aux>"
        "<aux name='x'><eqn>own(TIME+5)</eqn></aux>"
    )
    macro = "<macro name='own'><parm>base</parm><eqn>MAX(base, 1) + SUM(base)</eqn></macro>"
    model = xmile(base, macro)
    assert model.run()["x"].values[0] == 10
    with pytest.raises(stockflow.InputError, match="sum without a subscript"):
        other(model)


@pytest.mark.parametrize("name", ["dt", "pi", "north", "base"])
def test_names_of_a_macro_come_before_all_others(name: str) -> None:
    macro = f"<macro name='own'><parm>{name}</parm><eqn>{name}*2</eqn></macro>"
    model = xmile("<aux name='base'><eqn>3</eqn></aux><aux name='x'><eqn>own(TIME+5)</eqn></aux>", macro)
    assert_same_runs(model, other(model))


@pytest.mark.parametrize(
    ("method", "words"),
    [("RK2", "RK2, which takes the middle of a step"), ("RK4 auto", "RK4 auto, which sets its steps")],
)
def test_a_method_that_xmile_has_not_is_refused_by_what_it_does(method: Method, words: str) -> None:
    model = vensim("x= INTEG(1, 0) ~~|")
    with pytest.raises(stockflow.InputError, match=f"integration method {words}"):
        other(stockflow.Model(replace(model.equations, method=method), model.file))


def test_a_method_keeps_its_fixed_time_step() -> None:
    model = stockflow.from_text(
        "a.xmile", f"{SPECS}<model><variables/></model></xmile>".replace("<sim_specs", "<sim_specs method='RK4'")
    )
    there = other(model)
    assert there.equations.method == "RK4"
    assert not there.equations.notes


def test_non_negative_stocks_keep_their_meaning() -> None:
    model = xmile(
        "<stock name='S'><eqn>1</eqn><inflow>fill</inflow><outflow>drain</outflow><non_negative/></stock>"
        "<flow name='fill'><eqn>0.1 - TIME</eqn></flow><flow name='drain'><eqn>0.7</eqn><non_negative/></flow>"
    )
    assert_same_runs(model, other(model))


def test_what_is_left_after_many_outflows_is_written_out() -> None:
    names = [f"o{one}" for one in range(100)]
    outflows = "".join(f"<outflow>{one}</outflow>" for one in names)
    flows = "".join(f"<flow name='{one}'><eqn>0.{one[1:]}</eqn></flow>" for one in names)
    model = xmile(f"<stock name='S'><eqn>9</eqn>{outflows}<non_negative/></stock>{flows}")
    assert_same_runs(model, other(model))


def test_flows_are_flows_and_what_is_none_becomes_one_of_its_own() -> None:
    model = vensim("S= INTEG(a-S/3-b+a*2, 1) ~~|T= INTEG(-b, 1) ~~| a= 2 ~~| b= S/2 ~~|")
    there = other(model)
    text = there.file.text
    assert '<flow name="a">' in text
    assert "<outflow>S_outflow_1</outflow>" in text
    assert_same_runs(model, there)
    assert list(other(there).variables) == list(model.variables)


def test_only_flows_that_are_made_go_into_a_rate_again() -> None:
    text = (
        "<stock name='S'><eqn>1</eqn><inflow>{0}</inflow></stock>"
        "<flow name='{0}'><eqn>TIME</eqn><doc>{1}</doc>{2}</flow>"
    )
    for name, more, kept in (("S net flow", "", 0), ("f", "", 1), ("S net flow", "<units>m</units>", 1)):
        assert (name in other(xmile(text.format(name, MADE, more))).variables) == kept


def test_groups_and_names_of_units_are_read_from_xmile() -> None:
    model = xmile(
        "<aux name='a'><eqn>1</eqn></aux><aux name='b c'><eqn>1</eqn></aux>"
        "<group name='One'><entity name='a'/></group><group name='Two'><var>b_c</var></group>",
        "<model_units><unit name='Year'><eqn/><alias>Years</alias></unit></model_units>",
    )
    assert [model.variables[one].group for one in ("a", "b c")] == ["One", "Two"]
    assert model.equations.equivalences == (("Year", "Years"),)


@pytest.mark.parametrize("example", ["commodity", "epidemic"])
def test_pysd_runs_what_is_written_to_the_same_numbers(tmp_path: Path, example: str) -> None:
    model = stockflow.load(Path(stockflow.__file__).parent / "examples" / f"{example}.mdl")
    there = tmp_path / "b.xmile"
    there.write_text(converted(model, str(there)), encoding="utf-8")
    own, reference = model.run(), stockflow.load(there).run(engine="reference")
    for name in own:
        np.testing.assert_allclose(reference[name].values, own[name].values, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of loops that it does not look for
@pytest.mark.parametrize(
    "file", [one for one in FILES if one.parent.name == "examples" or one.stem == "nev"], ids=lambda one: one.name
)
def test_simlin_runs_what_is_written_to_the_same_numbers(tmp_path: Path, file: Path) -> None:
    simlin = pytest.importorskip("simlin")
    model = stockflow.load(file)
    there = tmp_path / "b.xmile"
    there.write_text(converted(model, str(there)), encoding="utf-8")
    own, found = model.run(), simlin.load(there).run().results
    columns = {plain(one): one for one in found.columns}
    assert len(found) == own.sizes["time"]
    for name in {plain(str(one)) for one in own} & columns.keys():
        wanted = own[model.variable(name).name].values
        np.testing.assert_allclose(found[columns[name]].values, wanted, rtol=1e-9, atol=1e-12 * np.abs(wanted).max())


def test_what_holds_at_the_start_goes_over() -> None:
    model = vensim("r: a, b ~~|x[r]= ACTIVE INITIAL(S[r]*2, 3+r) ~~|S[r]= INTEG(1, x[r]) ~~|")
    there = other(model)
    assert "<init_eqn>3 + r</init_eqn>" in there.file.text
    assert_same_runs(model, there)
    assert_same_runs(model, other(there))
    assert model.run()["S[b]"].values[0] == 5.0


@pytest.mark.parametrize("start", ["ACTIVE INITIAL(3, 2)", "ACTIVE INITIAL(k, ACTIVE INITIAL(7, 2))"])
def test_a_stock_starts_as_it_did(start: str) -> None:
    model = vensim(f"k= 3 ~~|r: a, b ~~|x= INTEG(1, {start}) ~~|y[r]= INTEG(k, {start}) ~~|")
    there = other(model)
    assert [one.run()["x"].values[0] for one in (model, there, other(there))] == [2.0, 2.0, 2.0]
    assert_same_runs(model, there)
    with pytest.raises(stockflow.InputError, match="stock that starts from a table"):
        other(vensim("x= INTEG(1, WITH LOOKUP(3, ((0,0), (6,4)))) ~~|"))


@pytest.mark.parametrize("end", ["\\", "\\\n\t", " \\ \n"])
def test_a_backslash_at_the_end_of_a_comment_stays(end: str) -> None:
    model = vensim(f"x= 3 + \\\n\t 4 ~Year~It goes on \\\n\t\there{end}|y= 1~~|")
    there = other(model)
    for one in (model, there, other(there)):
        about = one.variables["x"]
        assert (about.value, about.unit, about.documentation) == (
            7.0,
            "Year",
            f"It goes on here{' ' * (end[0] == ' ')}\\",
        )


def test_stocks_in_macros_go_over() -> None:
    model = vensim(
        """:MACRO: approach(goal, delay)
        approach= INTEG((goal-approach)/delay+extra*0, 1) ~ Dmnl ~ It. |
        extra= INTEG(approach, 2) ~~|
        :END OF MACRO:
        x= approach(Time, 2)+approach(3, 1) ~~|"""
    )
    there = other(model)
    assert_same_runs(model, there)
    assert_same_runs(model, other(there))


REFUSED = {
    "x= GAME(1) ~~|": "function GAME in 'x' (line 1)",
    "x= 1+ACTIVE INITIAL(1, 2) ~~|": "ACTIVE INITIAL inside an expression or macro in 'x'",
    'r: "a,b", c ~~| x[r]= 1,2 ~~|': "element 'a,b' of 'r' with a comma, which divides subscripts in XMILE (rename it)",
    "x= 1 ~ \x02 ~|": "unit, comment or group with the control character '\\x02' (take it out) in 'x'",
    '"x\\"y"= 1 ~~|': "with a quote, a backslash or a line break, which cannot stand in quotes (rename it), in 'x",
    "x= 1+WITH LOOKUP(Time, ((0,1),(1,2))) ~~|": "table inside an expression in 'x'",
    "r: a,b,c ~~| s: a,b ~~| v[r]= 1,2,3 ~~| x= SUM(v[s!]) ~~|": "s! as a part of an array in 'x'",
    "r: a,b,c ~~| v[a]= 1 ~~| v[b]= 2 ~~|": "array over elements that are no range of their own in 'v'",
    "c :TEST INPUT: x= 3 ~~| x= 1 ~~|": "reality check or test input in 'c",
    ":MACRO: int(x)\nint= x ~~|\n:END OF MACRO:\ny= int(2) ~~|": "macro with the name of a function of XMILE in 'int'",
    ":MACRO: m(q)\nm= s ~~|\ns= INTEG(q, 1) ~~|\ns net flow= 1 ~~|\n:END OF MACRO:\nx= m(1) ~~|": (
        "stock beside a variable 's net flow' in 'm'"
    ),
    ":MACRO: m(m stock)\nm= INTEG(m stock, 1) ~~|\n:END OF MACRO:\nx= m(1) ~~|": (
        "stock beside a variable 'm stock' in 'm'"
    ),
    ":MACRO: vensim pulse(a)\nvensim pulse= a ~~|\n:END OF MACRO:\nx= PULSE TRAIN(0, 1, 2, 3)+vensim pulse(1) ~~|": (
        "function PULSE TRAIN beside what is called 'VENSIM PULSE' in 'x'"
    ),
    "dt= 1 ~~|": "name that XMILE has of its own in 'dt'",
    ":MACRO: m(time)\nm= time ~~|\n:END OF MACRO:\nx= m(2) ~~|": "macro with TIME among its own names in 'm'",
    ":MACRO: m(dt)\nm= dt ~~|\n:END OF MACRO:\nx= m(2) ~~|": "macro with DT among its own names in 'm'",
    "f((0,1),(1,2)) ~~| x= LOOKUP EXTRAPOLATE(f, Time)+f(1) ~~|": "read in another way, too",
}


@pytest.mark.parametrize("equations", REFUSED)
def test_what_xmile_has_no_form_for_is_refused_with_its_variable(equations: str) -> None:
    with pytest.raises(stockflow.InputError) as error:
        other(vensim(equations))
    assert "cannot be written as b.xmile" in str(error.value)
    assert REFUSED[equations] in str(error.value)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ("<aux name='x'><eqn>EXPRND(1)</eqn></aux>", "function EXPRND in 'x'"),
        ("<aux name='x'><eqn>1</eqn><doc>a | b</doc></aux>", "text with ~ or | in 'x'"),
        ("<aux name='x'><eqn>1</eqn><doc>as :MACRO: says</doc></aux>", "what divides a Vensim file in 'x'"),
        ("<aux name='x'><eqn>1</eqn><units>m[2]</units></aux>", "unit with brackets in 'x'"),
        (
            "<aux name='x'><eqn>1</eqn><units>m&quot;</units></aux>",
            "unit or group with a double quote (take it out) in 'x'",
        ),
        (
            "<aux name='x'><eqn>TIME</eqn><init_eqn>1</init_eqn><gf><xpts>0,1</xpts><ypts>0,1</ypts></gf></aux>",
            "ACTIVE INITIAL inside an expression or macro in 'x'",
        ),
        ("<aux name='x'><eqn>1</eqn></aux><group name='*a'><entity name='x'/></group>", "group with * in 'x'"),
        (
            "<aux name='x'><eqn>INT(2)</eqn></aux><aux name='int'><eqn>2</eqn></aux>",
            "function INT beside what is called",
        ),
        (
            "<aux name='x'><eqn>TIME</eqn><gf type='discrete'><xpts>0,1</xpts><ypts>0,1</ypts></gf></aux>",
            "hold its ends",
        ),
        (
            "<stock name='S'><eqn>1</eqn><outflow>f</outflow><conveyor><len>1</len></conveyor></stock>"
            "<flow name='f'><eqn>0</eqn></flow>",
            "'S' is a conveyor, which Vensim has not, in 'S' (line 1); 'S' is a conveyor, which Vensim has not, in 'f'",
        ),
        (
            "<stock name='S'><eqn>1</eqn><inflow>f</inflow><queue/></stock><flow name='f'><eqn>0</eqn></flow>",
            "'S' is a queue, which Vensim has not, in 'S'",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::stockflow.errors.ReadingWarning")
def test_what_vensim_has_no_form_for_is_refused_with_its_variable(variables: str, told: str) -> None:
    with pytest.raises(stockflow.InputError, match=r"cannot be written as b\.mdl") as error:
        other(xmile(variables))
    assert told in str(error.value)


def test_subscripts_that_are_left_out_are_refused_where_a_dimension_stands_twice() -> None:
    more = "<dimensions><dim name='alike'><elem name='north'/><elem name='south'/></dim></dimensions>"
    square, mixed = (
        f"<dimensions><dim name='region'/><dim name='{name}'/></dimensions><element subscript='north,south'>"
        for name in ("region", "alike")
    )
    model = xmile(
        f"<aux name='a'>{square}<eqn>1</eqn></element></aux><aux name='x'>{mixed}<eqn>a</eqn></element></aux>",
        more,
    )
    with pytest.raises(stockflow.InputError, match="array 'a' without subscripts in 'x'"):
        other(model)


def test_five_refusals_are_told_or_all_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.mdl"
    file.write_text("".join(f"x{one}= GAME({one})~~|" for one in range(7)) + CLOCK, encoding="utf-8")
    out = tmp_path / "b.xmile"
    assert outcome(main, "stockflow", "convert", file, out) == 2
    told = capsys.readouterr().err
    assert told.count("GAME") == 5
    assert "and 2 more (--all names them)" in told
    assert outcome(main, "stockflow", "convert", "--all", file, out) == 2
    assert capsys.readouterr().err.count("GAME") == 7
    assert not out.exists()


def test_the_command_writes_a_file_that_runs(tmp_path: Path) -> None:
    there, back = tmp_path / "t.xmile", tmp_path / "b.mdl"
    assert outcome(main, "stockflow", "convert", MODELS / "tank.mdl", there) == 0
    assert outcome(main, "stockflow", "convert", there, back) == 0
    assert_same_runs(stockflow.load(MODELS / "tank.mdl"), stockflow.load(back))


NAMES = st.sampled_from(["a", "two words", "max", "if", "1st", "a.b", "µ", "x'y", "with, comma", "time step"])
NUMBERS = st.floats(0, 1e12).map(Literal)


def deeper(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def chain(operators: str | list[str], most: int = 3) -> st.SearchStrategy[Tree]:
        return st.integers(1, most).flatmap(
            lambda count: st.builds(
                lambda signs, arguments: Chain(tuple(signs), tuple(arguments)),
                st.lists(st.sampled_from(list(operators)), min_size=count, max_size=count),
                st.lists(parts, min_size=count + 1, max_size=count + 1),
            )
        )

    return st.one_of(
        chain("+-"),
        chain("*/"),
        chain("^", 1),
        chain(["<", "<=", "=", "<>", ">", ">="], 1),
        chain(["and"]),
        chain(["or"]),
        parts.filter(lambda one: not isinstance(one, Literal)).map(lambda one: Prefix("negative", one)),
        parts.map(lambda one: Prefix("not", one)),
        st.tuples(parts, parts, parts).map(lambda three: Call("if then else", three)),
        st.tuples(parts, parts).map(lambda two: Call("max", two)),
    )


TREES = st.recursive(st.one_of(NUMBERS, NUMBERS.map(lambda one: Literal(-one.value)), NAMES.map(Name)), deeper)


def simple(tree: Tree) -> object:
    """Return a tree in which spelling and the sign of 0 do not count."""
    match tree:
        case Literal(value):
            return value
        case Name(name):
            return plain(name)
        case Call(name, arguments):
            return plain(name), *map(simple, arguments)
        case Prefix(operator, argument):
            return operator, simple(argument)
        case Chain(operators, arguments):
            return operators, *map(simple, arguments)
    return tree


@given(tree=TREES)
def test_what_is_written_reads_as_the_same_tree(tree: Tree) -> None:
    equation = VensimEquation(f"x= {Vensim().text(tree)}")
    left = equation.left(Parsed())
    assert left is not None
    assert simple(equation.right(left)) == simple(tree)
    assert simple(XmileEquation(Xmile().text(tree), 0, {}).whole()) == simple(tree)
