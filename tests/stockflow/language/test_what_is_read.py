"""What the page "What is read" says is read: each construct in a small model, with what it gives."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded, written

import stockflow
from stockflow import InputError
from stockflow.errors import ReadingWarning
from stockflow.language.functions.dialects import VENSIM, XMILE

PAGE = (Path(__file__).parents[3] / "docs" / "engine" / "reading.md").read_text(encoding="utf-8")
SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"

# title on the page, equations, and what variables are at times 0 to 4
VENSIM_CASES = [
    ("comment in braces", "x= 3 {of (which | one ~ and} * 2 ~ Dmnl", {"x": [6] * 5}),
    ("table of all x, then all y", "f(0,1,2,0,10,20) ~ Dmnl\ny= f(Time/2) ~ Dmnl", {"y": [0, 5, 10, 15, 20]}),
    (
        "macro with several results",
        ":MACRO: both(a,b:c)\nboth= a+b ~~|\nc= INTEG(a*b, 1) ~~|\n:END OF MACRO:\n"
        "r: p, q ~~|\nx= both(2,Time:d) ~~|\ny[r]= both(r,1:e[r])+e[r] ~~|\nz= d+1",
        {"x": [2, 3, 4, 5, 6], "d": [1, 1, 3, 7, 13], "z": [2, 2, 4, 8, 14], "e[q]": [1, 3, 5, 7, 9]},
    ),
    (
        "VECTOR ELM MAP",
        "r: a, b, c ~~|\nv[r]= 10, 20, 30 ~~|\nnext[r]= VECTOR ELM MAP(v[r], 1) ~~|\n"
        "by number[r]= VECTOR ELM MAP(v[a], r-1) ~~|\nmoving= VECTOR ELM MAP(v[a], Time)",
        {
            "next[a]": [20] * 5,
            "next[c]": [-(2.0**109)] * 5,
            "by number[b]": [20] * 5,
            "moving": [10, 20, 30, -(2.0**109), -(2.0**109)],
        },
    ),
    (
        "VECTOR LOOKUP",
        "r: a, b, c ~~|\nq: one, two ~~|\nv[q,r]= 1, 2, 3; 0, 10, 40 ~~|\n"
        "line[q]= VECTOR LOOKUP(v[q,a], Time-1, 0, 2, 0) ~~|\nback= VECTOR LOOKUP(v[two,a], Time/2, 0, 2, 2) ~~|\n"
        "next= VECTOR LOOKUP(v[two,a], Time/2, 0, 2, 4) ~~|\nbeyond= VECTOR LOOKUP(v[two,a], Time-1, 0, 2, 3)",
        {
            "line[two]": [0, 0, 10, 40, 40],
            "line[one]": [1, 1, 2, 3, 3],
            "back": [0, 0, 10, 10, 40],
            "next": [0, 10, 10, 40, 40],
            "beyond": [-10, 0, 10, 40, 70],
        },
    ),
    (
        "error action of VECTOR SELECT",
        "r: a, b ~~|\npick[r]= 1, 0 ~~|\nv[r]= 3, 4 ~~|\nhow= 1 ~~|\n"
        "y= VECTOR SELECT(pick[r!], v[r!], 0, 0, how+2) ~~|\n"
        "z= IF THEN ELSE(VECTOR SELECT(v[r!], v[r!], 0, 6, 2) > 0, 1, 0)",
        {"y": [3] * 5, "z": [0] * 5},
    ),
    (
        "range that names an element twice",
        "e: x1, x2, x3 -> f ~~|\nf: a, b, b ~~|\np[a]= 1 ~~|\np[b]= 2 ~~|\nc[e]= p[f]*10",
        {"c[x1]": [10] * 5, "c[x2]": [20] * 5, "c[x3]": [20] * 5},
    ),
    (
        "the order of a delay, which holds as it is at the initial time",
        "n= 1+STEP(1,3) ~~|\ny= DELAY N(Time, 2, 0, n) ~~|\nz= DELAY1I(Time, 2, 0)-y",
        {"z": [0] * 5},
    ),
    (
        ":RAW: data",
        ":MACRO: AT(d)\nAT= X ~~|\nX:RAW::= d ~~|\n:END OF MACRO:\n"
        "a:RAW::= GET DIRECT DATA('d.csv', ',', 'A', 'B2') ~~|\nb:= GET DIRECT DATA('d.csv', ',', 'A', 'B2') ~~|\n"
        "c= AT(b) ~~|\nd:HOLD BACKWARD::= b",
        {
            "a": [1, 2, -(2.0**109), 4, -(2.0**109)],
            "b": [1, 2, 3, 4, 4],
            "c": [1, 2, -(2.0**109), 4, -(2.0**109)],
            "d": [1, 2, 2, 4, 4],
        },
    ),
    (
        "a FINAL TIME that moves with time and constants",
        "last= 100 ~~|\nhorizon= IF THEN ELSE(Time*2-5 > 1, Time, last)",
        {"horizon": [100, 100, 100, 100, 4]},
    ),
    (
        # parts of profiles in another order than their range; a price of 5 for triangles, of 4 for curves
        "ALLOCATE AVAILABLE in rectangles, triangles, normal and exponential curves",
        "r: a, b ~~|\np: ptype, ppriority, pwidth, pextra ~~|\nq[r]= 100, 100 ~~|\n"
        "one[a,ptype]= 2 ~~|\none[b,ptype]= 1 ~~|\none[r,pwidth]= 4 ~~|\none[r,pextra]= 0 ~~|\n"
        "one[a,ppriority]= 5 ~~|\none[b,ppriority]= 4 ~~|\nx[r]= ALLOCATE AVAILABLE(q[r], one[r,ptype], 75) ~~|\n"
        "two[a,p]= 3, 4, 1, 0 ~~|\ntwo[b,p]= 4, 5, 1, 0 ~~|\n"
        "y[r]= ALLOCATE AVAILABLE(q[r], two[r,ptype], 50+100*(1-0.5*EXP(-1)))",
        {"x[a]": [50] * 5, "x[b]": [25] * 5, "y[a]": [50] * 5, "y[b]": [100 - 50 * np.exp(-1)] * 5},
    ),
    ("LOOKUP FORWARD", "f((0,0),(2,10),(4,10)) ~~|\ny= LOOKUP FORWARD(f, Time)", {"y": [0, 10, 10, 10, 10]}),
    ("LOOKUP BACKWARD", "f((0,0),(2,10),(4,20)) ~~|\ny= LOOKUP BACKWARD(f, Time)", {"y": [0, 0, 10, 10, 20]}),
    ("LOOKUP EXTRAPOLATE", "f((0,0),(1,10)) ~~|\ny= LOOKUP EXTRAPOLATE(f, Time-1)", {"y": [-10, 0, 10, 20, 30]}),
    (
        "LOOKUP INVERT",
        "f((0,0),(4,8),(9,8)) ~~|\ng((0,8),(4,0)) ~~|\ny= LOOKUP INVERT(f, Time*2)+LOOKUP INVERT(g, Time)",
        {"y": [4, 4.5, 5, 5.5, 6]},
    ),
    (
        "LOOKUP AREA",
        "f((0,1),(1,1),(2,2)) ~~|\na= LOOKUP AREA(f,0,1) ~~|\nb= LOOKUP AREA(f,2,4) ~~|\n"
        "c= LOOKUP AREA(f,0.5,2.5) ~~|\nd= LOOKUP AREA(f,0,Time/2) ~~|\ne= LOOKUP AREA(f,1,-1)",
        {"a": [1] * 5, "b": [4] * 5, "c": [3] * 5, "d": [0, 0.5, 1, 1.625, 2.5], "e": [-2] * 5},
    ),
    (
        "LOOKUP SLOPE",
        "f((1,0),(2,1),(3,1.5)) ~~|\ny= LOOKUP SLOPE(f,Time,1) ~~|\nz= LOOKUP SLOPE(f,Time+0.5,1)",
        {"y": [1, 1, 0.75, 0.5, 0.5], "z": [1, 1, 0.5, 0.5, 0.5]},
    ),
    (
        "DELAY MATERIAL and DELAY INFORMATION",
        "late= 2 ~~|\ny= DELAY MATERIAL(Time,late,7,9) ~~|\nz= DELAY INFORMATION(Time,late-1,7)",
        {"y": [7, 7, 0, 1, 2], "z": [7, 0, 1, 2, 3]},
    ),
    (
        "GET TIME VALUE",
        "y= GET TIME VALUE(0,1,0) ~~|\nz= GET TIME VALUE(1,3,0)",
        {"y": [1, 2, 3, 4, 5], "z": [3] * 5},
    ),
    ("GAMMA LN", "y= EXP(GAMMA LN(Time+1)) ~ Dmnl", {"y": [1, 1, 2, 6, 24]}),
    (
        "missing numbers (`:NA:`)",
        "x= :NA: ~~|\ny= MAX(x, 1) ~~|\nz= IF THEN ELSE(x = :NA:, 1, 0)",
        {"y": [1] * 5, "z": [1] * 5},
    ),
    ("FINAL TIME as an equation", "horizon= 4 ~~|\nlate= FINAL TIME-horizon", {"late": [0] * 5}),
]
XMILE_CASES = [
    (
        "IF .. ELSE IF ..",
        "<aux name='y'><eqn>IF TIME &gt; 3 THEN 3 ELSE IF TIME &gt; 1 THEN 2 ELSE 1</eqn></aux>",
        [1, 1, 2, 2, 3],
    ),
    ("IF inside an expression", "<aux name='y'><eqn>1 + IF TIME &gt; 1 THEN 2 ELSE 1</eqn></aux>", [2, 2, 3, 3, 3]),
    ("PI", "<aux name='y'><eqn>COS(PI * TIME)</eqn></aux>", [1, -1, 1, -1, 1]),
    ("PREVIOUS and SELF", "<aux name='y'><eqn>PREVIOUS(SELF, 0) + TIME</eqn></aux>", [0, 1, 3, 6, 10]),
    ("INT towards minus infinity", "<aux name='y'><eqn>INT(TIME/2 - 1.2) + INT(-1)</eqn></aux>", [-3, -2, -2, -1, -1]),
    ("MOD never below 0", "<aux name='y'><eqn>(TIME - 7) MOD 3</eqn></aux>", [2, 0, 1, 2, 0]),
    ("ROUND", "<aux name='y'><eqn>ROUND(TIME/2 - 0.9)</eqn></aux>", [-1, 0, 0, 1, 1]),
    (
        "SUM, MEAN, STDDEV, SIZE, MIN, MAX of an array",
        "<aux name='v'><dimensions><dim name='d'/></dimensions><element subscript='a'><eqn>TIME</eqn></element>"
        "<element subscript='b'><eqn>4</eqn></element></aux>"
        "<aux name='y'><eqn>SUM(v) + MEAN(v[*]) + 10*STDDEV(v) + 100*SIZE(v) + MIN(v) - MAX(v)</eqn></aux>",
        [222, 219.5, 217, 214.5, 212],
    ),
    (
        "graphical function of each element",
        "<aux name='x'><dimensions><dim name='d'/></dimensions><eqn>TIME</eqn><element subscript='a'><gf>"
        "<xscale min='0' max='4'/><ypts>0,4</ypts></gf></element><element subscript='b'><gf><xscale min='0' max='4'/>"
        "<ypts>0,8</ypts></gf></element></aux><aux name='y'><eqn>x[a] + 10*x[b]</eqn></aux>",
        [0, 21, 42, 63, 84],
    ),
    (
        "multiplier of a flow",
        "<stock name='y'><eqn>0</eqn><inflow>i</inflow></stock>"
        "<flow name='i'><eqn>2</eqn><multiplier>3</multiplier></flow>",
        [0, 6, 12, 18, 24],
    ),
    (
        "non-negative stocks",
        "<stock name='A'><eqn>3</eqn><outflow>o</outflow><non_negative/></stock><flow name='o'><eqn>2</eqn></flow>"
        "<stock name='B'><eqn>0</eqn><inflow>o</inflow></stock><aux name='y'><eqn>A + 10*B + 100*o</eqn></aux>",
        [203, 121, 30, 30, 30],
    ),
    (
        "LOOKUP",
        "<gf name='f'><xscale min='0' max='4'/><ypts>0,8</ypts></gf><aux name='y'><eqn>LOOKUP(f, TIME)</eqn></aux>",
        [0, 2, 4, 6, 8],
    ),
    (
        "what a variable is at the start, beside its equation",
        "<aux name='x'><eqn>TIME</eqn><init_eqn>45</init_eqn></aux><stock name='y'><eqn>x</eqn><inflow>i</inflow>"
        "</stock><flow name='i'><eqn>x</eqn></flow>",
        [45, 45, 46, 48, 51],
    ),
    (
        "what a variable is at the start, beside its equation (`init_eqn`), through its curve and its bound",
        "<flow name='x'><eqn>TIME</eqn><init_eqn>3</init_eqn><gf><xscale min='0' max='4'/><ypts>-8,0</ypts></gf>"
        "</flow><flow name='f'><eqn>TIME</eqn><init_eqn>-9</init_eqn><non_negative/></flow><aux name='e'><eqn>5</eqn>"
        "<init_eqn> </init_eqn></aux><stock name='s'><eqn>x + 10*f + e</eqn></stock>"
        "<aux name='y'><eqn>s + 0*x</eqn></aux>",
        [3] * 5,
    ),
    (
        "names of flows in a stock without quotes, whatever signs they have",
        "<stock name='y'><eqn>0</eqn><inflow>in/flow,_(a*b)</inflow></stock>"
        "<flow name='in/flow, (a*b)'><eqn>2</eqn></flow>",
        [0, 2, 4, 6, 8],
    ),
    (
        "a variable called mod",
        "<aux name='mod'><eqn>5</eqn></aux><aux name='y'><eqn>7 mod mod + mod</eqn></aux>",
        [7] * 5,
    ),
    (
        "MEAN, MIN and MAX of several",
        "<aux name='y'><eqn>MEAN(1, 2, TIME)*3 + MAX(1, 3, TIME) + MIN(TIME)</eqn></aux>",
        [6, 8, 10, 12, 15],
    ),
    (
        "a range that the left side does not have stands for all its elements in SUM, MEAN, MIN, MAX",
        "<aux name='v'><dimensions><dim name='d'/></dimensions><eqn>2, 5</eqn></aux>"
        "<aux name='y'><eqn>MIN(v[d]) + 10*MAX(v[d]) + 100*SUM(v[d])</eqn></aux>",
        [752] * 5,
    ),
    ("two strokes", "<aux name='y'><eqn>6//TIME/2 + 8//2//2</eqn></aux>", [2, 5, 3.5, 3, 2.75]),
    ("NPV", "<aux name='y'><eqn>NPV(TIME, 0.25) - NPV(TIME, 0.25, 3)</eqn></aux>", [-3] * 5),
    ("INIT", "<aux name='y'><eqn>INIT(TIME + 1) + LOG10(100)</eqn></aux>", [3] * 5),
    ("SMTH3", "<aux name='y'><eqn>SMTH3(TIME, 3) + SMTHN(TIME, 3, 3)</eqn></aux>", [0, 0, 0, 0, 2]),
    ("DELAYN", "<aux name='y'><eqn>DELAYN(TIME, 4, 2, 0)</eqn></aux>", [0, 0, 0, 0.25, 0.75]),
    ("FORCST", "<aux name='y'><eqn>FORCST(TIME + 1, 2, 1)</eqn></aux>", [1, 3, 4.5, 50 / 9, 6.5]),
    ("EXPRND", "<aux name='y'><eqn>IF EXPRND(3) &gt; 0 THEN 1 ELSE 0</eqn></aux>", [1] * 5),
    ("DERIVN", "<aux name='y'><eqn>DERIVN(TIME^2, 1)</eqn></aux>", [0, 1, 3, 5, 7]),
    (
        "DERIVN",
        "<aux name='x'><eqn>TIME</eqn><init_eqn>45</init_eqn></aux><aux name='y'><eqn>DERIVN(x, 1)</eqn></aux>",
        [0, 1, 1, 1, 1],
    ),
    ("INF", "<aux name='y'><eqn>IF TIME &lt; 3 THEN MIN(TIME, INF) ELSE NAN</eqn></aux>", [0, 1, 2, np.nan, np.nan]),
    ("SINWAVE", "<aux name='y'><eqn>SINWAVE(2, 4) + COSWAVE(3, 4) + SIGN(TIME-2)</eqn></aux>", [2, 1, -3, -1, 4]),
    (
        "a flow out of two stocks",
        "<stock name='A'><eqn>2</eqn><outflow>o</outflow><non_negative/></stock><stock name='B'><eqn>2</eqn>"
        "<outflow>o</outflow></stock><flow name='o'><eqn>1</eqn></flow><aux name='y'><eqn>A + 10*B</eqn></aux>",
        [22, 11, 0, -10, -20],
    ),
]


def small(folder: Path, variables: str, rest: str = "", specs: str = "<dt>1</dt>", ending: str = ".xmile") -> Path:
    path = folder / f"small{ending}"
    path.write_text(
        f'<xmile version="1.0" xmlns="{SPACE}"><sim_specs><start>0</start><stop>4</stop>{specs}</sim_specs>'
        '<dimensions><dim name="d"><elem name="a"/><elem name="b"/></dim></dimensions>'
        f"<model><variables>{variables}</variables></model>{rest}</xmile>",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(("title", "equations", "expected"), VENSIM_CASES, ids=[one[0] for one in VENSIM_CASES])
def test_a_construct_of_vensim_gives_what_its_manual_says(tmp_path, title: str, equations: str, expected) -> None:
    assert f"- {title}" in PAGE
    (tmp_path / "d.csv").write_text("Time,d\n0,1\n1,2\n3,4\n")
    whole = equations if "~~|" in equations else "".join(f"{line} ~|\n" for line in equations.splitlines())
    path = tmp_path / "model.mdl"
    final = "horizon" if "horizon" in equations else "4"
    controls = f"INITIAL TIME= 0 ~~|\nFINAL TIME= {final} ~~|\nTIME STEP= 1 ~~|\nSAVEPER= 1 ~~|\n"
    path.write_text("{UTF-8}\n" + whole + ("~~|\n" if "~~|" in equations else "") + controls, encoding="utf-8")
    run = stockflow.load(path).run()
    for name, values in expected.items():
        np.testing.assert_allclose(run[name].values, values, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("title", "variables", "expected"), XMILE_CASES, ids=[one[0] for one in XMILE_CASES])
def test_a_construct_of_xmile_gives_what_the_standard_says(tmp_path, title: str, variables: str, expected) -> None:
    assert f"- {title}" in PAGE or f"`{title}`" in PAGE
    np.testing.assert_allclose(stockflow.load(small(tmp_path, variables)).run()["y"].values, expected, atol=1e-12)


def test_every_function_of_both_dialects_stands_on_the_page_and_in_a_test() -> None:
    tests = " ".join(path.read_text(encoding="utf-8").lower() for path in Path(__file__).parents[1].rglob("test_*.py"))
    for known in (VENSIM, XMILE):
        assert [name for name in known if f"`{name.upper()}`" not in PAGE] == []
        for name, function in known.items():
            called = rf"\b{name.replace(' ', '[ _]')}\s*\("
            # what takes no arguments may stand without parentheses
            bare = rf"|<eqn>[^<]*\b{name}\b" if function.most == 0 else ""
            assert re.search(called + bare, tests), name


def test_a_run_may_set_a_constant_that_the_final_time_is_made_of(tmp_path) -> None:
    path = written(tmp_path, "horizon= 2 ~ Year\ns= INTEG(1, 0) ~ Year", 1.0, 4.0, 1.0)
    path.write_text(path.read_text().replace("FINAL TIME= 4.0", "FINAL TIME= INITIAL TIME+horizon*2"))
    model = stockflow.load(path)
    assert (model.final_time, float(model.run()["s"].values[-1])) == (4.0, 4.0)
    assert model.run({"horizon": 3.0})["s"].values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    with pytest.raises(InputError, match="horizon decides FINAL TIME, which is fixed when a simulator is made"):
        model.runs({"horizon": [1.0, 2.0]}, ["s"])


def test_what_is_saved_is_the_first_step_at_or_after_its_time(tmp_path) -> None:
    path = written(tmp_path, "s= INTEG(1, 0) ~ Year", 1.0, 10.0, 2.5)
    assert stockflow.load(path).run()["time"].values.tolist() == [0.0, 3.0, 5.0, 8.0, 10.0]
    path = written(tmp_path, "s= INTEG(1, 0) ~ Year", 1.0, 2.0, 0.25)
    assert stockflow.load(path).run()["time"].values.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1252", "{}x= 3 ~ ~ Sterman’s é |\n"), ("gb18030", "{}人口= 3 ~ ~ 人口数 |\n")]
)
def test_a_model_in_a_local_encoding_is_read_and_that_is_said(tmp_path, encoding: str, text: str) -> None:
    path = tmp_path / "model.mdl"
    controls = "INITIAL TIME= 0~~|\nFINAL TIME= 1~~|\nTIME STEP= 1~~|\nSAVEPER= 1~~|\n"
    path.write_bytes((text.format("") + controls).encode(encoding))
    with pytest.warns(ReadingWarning, match=f"is not UTF-8; read as {encoding}"):
        model = stockflow.load(path)
    documentation = next(iter(model.variables.values())).documentation
    assert documentation in text
    assert next(iter(stockflow.load(path, encoding=encoding).variables.values())).documentation == documentation
    path.write_bytes((text.format("{" + encoding + "}\n") + controls).encode(encoding))
    assert next(iter(stockflow.load(path).variables.values())).documentation == documentation
    with pytest.raises(InputError, match="not text in the encoding 'ascii'"):
        stockflow.load(path, encoding="ascii")


def test_modules_are_written_out_with_their_connections() -> None:
    model = stockflow.load(MODELS / "modules.xmile")
    run = model.run()
    assert run["north.Level"].values.tolist() == [10.0, 12.0, 14.0, 16.0, 18.0]
    assert run["south.pump.rate"].values.tolist() == [5.0] * 5
    assert run["total"].values.tolist() == [20.0, 27.0, 34.0, 41.0, 48.0]
    assert model.variable("north.Level").kind == "stock"
    # a module beside this one may be called as a variable that it fills here
    np.testing.assert_allclose(run["prey.prey"].values, [40.0, 38.0, 28.0, 10.4, 0.0], atol=1e-12)
    np.testing.assert_allclose(run["hunters.hunters"].values, [1.0, 5.0, 8.8, 11.6, 12.64])
    assert run["prey.hunters"].values.tolist() == run["hunters.hunters"].values.tolist()


@pytest.mark.parametrize("module", ["<module name='m'/>", "<module name='s'/>"])
def test_a_module_that_has_no_model_or_is_inside_itself_is_refused(tmp_path, module: str) -> None:
    rest = "<model name='s'><variables><module name='s'/></variables></model>"
    with pytest.raises(InputError, match=r"the file has no model of that name|is inside itself"):
        stockflow.load(small(tmp_path, module, rest))


def test_macros_of_xmile_are_written_out(tmp_path) -> None:
    macro = (
        "<macro name='kept'><parm>x</parm><parm>share</parm><eqn>Level*share</eqn><variables><stock name='Level'>"
        "<eqn>1</eqn><inflow>f</inflow></stock><flow name='f'><eqn>x</eqn></flow></variables></macro>"
    )
    path = small(tmp_path, "<aux name='y'><eqn>kept(TIME, 2) + kept(1, 10)</eqn></aux>", macro)
    assert stockflow.load(path).run()["y"].values.tolist() == [12.0, 22.0, 34.0, 48.0, 64.0]


def test_what_programs_write_beside_the_standard_is_read_past(tmp_path) -> None:
    style = "<views><style><aux color='black'/><module color='blue'/></style></views>"
    path = small(tmp_path, "<aux name='y'><eqn>3</eqn></aux>", "<isee:prefs layer='model'/>", ending=".stmx")
    path.write_text(path.read_text().replace("</model>", f"{style}</model>"))
    assert stockflow.load(path).run()["y"].values.tolist() == [3.0] * 5


def test_the_standards_time_step_and_the_first_known_method_are_taken(tmp_path) -> None:
    path = small(
        tmp_path, "<stock name='y'><eqn>1</eqn><inflow>i</inflow></stock><flow name='i'><eqn>y</eqn></flow>", specs=""
    )
    assert stockflow.load(path).time_step == 1.0
    for asked, method in (("rk4, rk2, euler", "RK4"), ("gear, rk2", "Heun"), ("RK2", "Heun")):
        path.write_text(path.read_text().replace("<sim_specs>", f"<sim_specs method='{asked}'>"))
        assert stockflow.load(path).equations.method == method
        path.write_text(path.read_text().replace(f"<sim_specs method='{asked}'>", "<sim_specs>"))


def test_an_oven_without_times_is_refused_by_name(tmp_path) -> None:
    path = small(
        tmp_path, "<stock name='S'><eqn>1</eqn><outflow>o</outflow><oven/></stock><flow name='o'><eqn>1</eqn></flow>"
    )
    with pytest.raises(InputError, match=r"oven without a cook time.* in 'S' \(line 1\)"):
        stockflow.load(path)


def test_results_are_kept_as_often_as_stella_says(tmp_path) -> None:
    path = small(tmp_path, "<aux name='y'><eqn>TIME</eqn></aux>")
    path.write_text(path.read_text().replace("<sim_specs>", "<sim_specs isee:save_interval='2.0'>"))
    assert stockflow.load(path).run()["y"].values.tolist() == [0.0, 2.0, 4.0]
    path.write_text(path.read_text().replace("'2.0'", "'abc'"))
    with pytest.raises(InputError, match=r"small\.xmile: line 1: save_interval of sim_specs is 'abc', which is no num"):
        stockflow.load(path)


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("SMTHN(TIME, 3, 2.7)", "order of a delay that is no whole number, 2.7, in 'y'"),
    ],
)
def test_what_an_equation_of_xmile_cannot_be_is_refused(tmp_path, equation: str, message: str) -> None:
    array = "<aux name='v'><dimensions><dim name='d'/></dimensions><eqn>2, 5</eqn></aux>"
    with pytest.raises(InputError) as caught:
        stockflow.load(small(tmp_path, f"{array}<aux name='y'><eqn>{equation}</eqn></aux>"))
    assert message in str(caught.value) and "!" not in str(caught.value)


def test_elements_of_an_array_are_values_among_others(tmp_path) -> None:
    array = "<aux name='v'><dimensions><dim name='d'/></dimensions><eqn>2, 5</eqn></aux>"
    equation = (
        "MEAN(v[*]*2, 1) + 100*MAX(TIME, v[*]) + 1000*MIN(MAX(v[*], 1), 3, v[*]-2, SUM(v[*])) + 10000*MEAN(v[*]+TIME)"
    )
    run = stockflow.load(small(tmp_path, f"{array}<aux name='y'><eqn>{equation}</eqn></aux>")).run()
    assert run["y"].values.tolist() == [5 + 500 + 10000 * (3.5 + time) for time in range(5)]


def test_a_stock_starts_from_its_equation_and_that_is_said_where_it_has_another(tmp_path) -> None:
    second = "<stock name='z'><eqn>1</eqn><init_eqn>2</init_eqn></stock>"
    path = small(tmp_path, f"<stock name='y'>\n<eqn>1</eqn>\n<init_eqn>2</init_eqn></stock>{second}")
    words = r"stock 'y' \(line 1\) has an init_eqn, which is not used: it starts from its equation \(and 1 more\)"
    with pytest.warns(ReadingWarning, match=words):
        model = stockflow.load(path)
    assert model.run()["y"].values.tolist() == [1.0] * 5


def test_a_drawn_stock_before_a_variable_with_a_start_is_none(tmp_path) -> None:
    variables = "<aux name='x'><eqn>1</eqn><init_eqn>2</init_eqn></aux>"
    drawn = "<views><view><stock name='s'/></view></views><variables>"
    path = small(tmp_path, variables + "<stock name='s'><eqn>1</eqn></stock>")
    path.write_text(path.read_text("utf-8").replace("<variables>", drawn), "utf-8")
    assert stockflow.load(path).run()["s"].values.tolist() == [1.0] * 5


def test_warnings_of_a_large_file_cost_no_more_than_its_length(tmp_path) -> None:
    stocks = "".join(f"<stock name='s{place}'><eqn>1</eqn></stock>" for place in range(4000))
    path = small(tmp_path, stocks)
    begun = time.process_time()
    stockflow.load(path)
    assert time.process_time() - begun < 5.0


def test_outflows_of_a_non_negative_stock_take_what_is_left_in_their_order(tmp_path) -> None:
    variables = """
    <stock name="S"><eqn>3</eqn><inflow>i</inflow><outflow>o</outflow><outflow>q</outflow><non_negative/></stock>
    <flow name="i"><eqn>0.5</eqn></flow><flow name="o"><eqn>2</eqn></flow><flow name="q"><eqn>o</eqn></flow>
    """
    run = stockflow.load(small(tmp_path, variables)).run()
    assert run["o"].values.tolist() == [2.0, 0.5, 0.5, 0.5, 0.5]
    assert run["q"].values.tolist() == [1.5, 0.0, 0.0, 0.0, 0.0]


def test_what_goes_round_between_non_negative_stocks_stays_as_much(tmp_path) -> None:
    variables = """
    <stock name="A"><eqn>3</eqn><inflow>back</inflow><outflow>there</outflow><non_negative/></stock>
    <stock name="B"><eqn>0</eqn><inflow>there</inflow><outflow>back</outflow><non_negative/></stock>
    <flow name="there"><eqn>2</eqn></flow><flow name="back"><eqn>1.5</eqn></flow><aux name="y"><eqn>A + B</eqn></aux>
    """
    run = stockflow.load(small(tmp_path, variables)).run()
    assert run["y"].values.tolist() == [3.0] * 5
    assert min(run["A"].values.min(), run["B"].values.min()) >= 0


@pytest.mark.parametrize("size", ["9999999999", "0"])
def test_an_array_too_large_to_be_written_out_is_refused(tmp_path, size: str) -> None:
    path = small(tmp_path, "<aux name='y'><eqn>3</eqn></aux>")
    path.write_text(path.read_text().replace('<dim name="d">', f'<dim name="e" size="{size}"/><dim name="d">'))
    with pytest.raises(InputError, match=f"dimension 'e' has size '{size}'"):
        stockflow.load(path)
    with pytest.raises(InputError, match="range of more than 1000000 elements"):
        stockflow.load(written(tmp_path, "r: (a1-a9999999999) ~ ~\nx[r]= 1 ~ Dmnl"))
    with pytest.raises(InputError, match="array of more than 100000 elements in 'x'"):
        stockflow.load(written(tmp_path, "r: (a1-a99999) ~ ~\ns: (b1-b99999) ~ ~\nx[r,s]= 1 ~ Dmnl"))


def test_data_are_read_at_any_time(tmp_path) -> None:
    table = tmp_path / "d.csv"
    table.write_text("Time,d\n1,10\n3,30\n")
    equations = """
        d ~ Dmnl
        between= GET DATA BETWEEN TIMES(d, Time, 0) ~ Dmnl
        next= GET DATA BETWEEN TIMES(d, Time, 1) ~ Dmnl
        last= GET DATA BETWEEN TIMES(d, Time, -1) ~ Dmnl
        ends= GET DATA FIRST TIME(d)+GET DATA LAST TIME(d)*10 ~ Dmnl
    """
    run = stockflow.load(written(tmp_path, equations, 1.0, 4.0, 1.0), data=[table]).run()
    missing = -(2.0**109)
    assert run["between"].values.tolist() == [missing, 10.0, 20.0, 30.0, missing]
    assert run["next"].values.tolist() == [missing, 10.0, 30.0, 30.0, missing]
    assert run["last"].values.tolist() == [missing, 10.0, 10.0, 30.0, missing]
    assert run["ends"].values.tolist() == [31.0] * 5
    # whatever keyword the data have
    for how in (":RAW:", ":HOLD BACKWARD:", ":LOOK FORWARD:"):
        for own in (equations.replace("d ~", f"d{how} ~"), equations.replace("d ~", f"d{how}:= e ~") + "e ~ Dmnl"):
            table.write_text(f"Time,{'e' if 'e ~ Dmnl' in own else 'd'}\n1,10\n3,30\n")
            again = stockflow.load(written(tmp_path, own, 1.0, 4.0, 1.0), data=[table]).run()
            for name in ("between", "next", "last", "ends"):
                assert again[name].values.tolist() == run[name].values.tolist(), (how, name)


def test_raw_data_stand_for_one_step(tmp_path) -> None:
    table = tmp_path / "d.csv"
    table.write_text("Time,d,one\n2000,1,\n2001,2,7\n2002,4,\n")
    equations = "d:RAW: ~ Dmnl\none:RAW: ~ Dmnl"
    path = written(tmp_path, equations, 2.0**-12, 2002.0, 2.0**-12)
    path.write_text(path.read_text().replace("INITIAL TIME= 0", "INITIAL TIME= 2000"))
    run = stockflow.load(path, data=[table]).run()
    assert [one for one in run["d"].values.tolist() if one > 0] == [1.0, 2.0, 4.0]
    assert [one for one in run["one"].values.tolist() if one > 0] == [7.0]


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("LOOKUP SLOPE(f, Time, 0)", "LOOKUP SLOPE with a mode other than 1"),
        ("DELAY MATERIAL(Time, Time, 0, 0)", "DELAY MATERIAL with a delay time that is not a number of the file"),
        ("DELAY INFORMATION(Time, Time, 0)", "DELAY INFORMATION with a delay time that is not a number of the file"),
        ("GET TIME VALUE(2, 0, 0)", "GET TIME VALUE of the computer's clock"),
        ("GET TIME VALUE(0, 0, 5)", "GET TIME VALUE other than measure 0, or 1 to 4 and 6 of a time in years"),
        ("LOOKUP(f, Time)", r"function LOOKUP \(a table is called by its own name, as in table\(x\)\) in 'y'"),
        ("LOOKUP EXTRAPOLATE(step, Time)", "a table that goes on beyond its ends ends with a vertical step in 'y'"),
        ("LOOKUP SLOPE(step, Time, 1)", "LOOKUP SLOPE of a table with a vertical step in 'y'"),
        ("RANDOM POISSON(0, 9, Time, 0, 1, 1)", "RANDOM POISSON of what is not a number of the file"),
        ("RANDOM POISSON(0, 9, 1e9, 0, 1, 1)", "RANDOM POISSON of more than 3000 different numbers"),
        ("RANDOM POISSON(1.2, 1.8, 3, 0, 1, 1)", "RANDOM POISSON with nothing between its ends"),
        ("RANDOM BINOMIAL(0, 9, 1.5, 3, 0, 1, 1)", "RANDOM BINOMIAL: P of RANDOM BINOMIAL is 1.5"),
    ],
)
def test_forms_of_functions_without_a_definite_meaning_are_refused(tmp_path, equation: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stockflow.load(
            written(tmp_path, f"f((0,0),(1,1)) ~ Dmnl\nstep((0,0),(1,1),(1,2)) ~ Dmnl\ny= {equation} ~ Dmnl")
        )


def test_an_array_without_subscripts_goes_by_the_names_of_its_ranges(tmp_path) -> None:
    both = "<dimensions><dim name='A'/><dim name='B'/></dimensions>"
    path = small(
        tmp_path,
        "<aux name='y'><dimensions><dim name='B'/></dimensions><element subscript='1'><eqn>10</eqn></element>"
        "<element subscript='2'><eqn>20</eqn></element></aux>"
        f"<aux name='x'>{both}<eqn>y</eqn></aux>"
        "<aux name='z'><dimensions><dim name='B'/><dim name='A'/></dimensions><eqn>x</eqn></aux>",
    )
    sized = "<dimensions><dim name='A' size='2'/><dim name='B' size='2'/>"
    path.write_text(path.read_text(encoding="utf-8").replace("<dimensions>", sized, 1), encoding="utf-8")
    run = stockflow.load(path).run()
    assert [run[f"x[{one}]"].values[0] for one in ("1,1", "1,2", "2,1", "2,2")] == [10.0, 20.0, 10.0, 20.0]
    assert [run[f"z[{one}]"].values[0] for one in ("1,1", "1,2", "2,1", "2,2")] == [10.0, 10.0, 20.0, 20.0]
    inside = "r: a,b ~ ~\ns: b,a ~ ~\ny[s]= s ~ Dmnl\nx[r,s]= y ~ Dmnl"
    run = stockflow.load(written(tmp_path, inside)).run()
    assert [run[f"x[{one}]"].values[0] - run["x[a,a]"].values[0] for one in ("a,b", "b,a")] != [0.0, 0.0]


def test_points_of_a_graphical_function_hold_where_a_scale_is_drawn_beside_them(tmp_path) -> None:
    curve = "<gf><xscale min='0' max='4'/><xpts>0,1,4</xpts><ypts>0,12,18</ypts></gf>"
    run = stockflow.load(small(tmp_path, f"<aux name='y'><eqn>TIME</eqn>{curve}</aux>")).run()
    assert run["y"].values.tolist() == [0.0, 12.0, 14.0, 16.0, 18.0]


def test_a_share_is_safe_from_exact_zeros_alone(tmp_path) -> None:
    variables = "<aux name='y'><eqn>SAFEDIV(1e-9, 1e-8) + SAFEDIV(1, 0*TIME, 7) + SAFEDIV(1, 0)</eqn></aux>"
    assert stockflow.load(small(tmp_path, variables)).run()["y"].values.tolist() == [7.1] * 5


def test_a_name_with_a_point_is_no_module(tmp_path) -> None:
    inner = (
        "<model name='m'><variables><aux name='a.b'><eqn>3</eqn></aux>"
        "<aux name='c'><eqn>2*&quot;a.b&quot;</eqn></aux></variables></model>"
    )
    path = small(
        tmp_path, "<module name='m'/><aux name='a.b'><eqn>1</eqn></aux><aux name='y'><eqn>m.c</eqn></aux>", inner
    )
    assert stockflow.load(path).run()["y"].values.tolist() == [6.0] * 5


def test_an_encoding_that_a_person_names_holds_against_what_the_file_says(tmp_path) -> None:
    path = small(tmp_path, "<aux name='é'><eqn>3</eqn></aux>")
    text = path.read_text(encoding="utf-8")
    path.write_bytes(f'<?xml version="1.0" encoding="iso-8859-1"?>{text}'.encode("iso-8859-1"))
    assert "é" in stockflow.load(path, encoding="iso-8859-1").run()


def test_comments_in_an_element_do_not_end_its_text(tmp_path) -> None:
    curve = "<gf><xpts>0,<!-- then --> 4</xpts><ypts>0<?mark?>,8</ypts></gf>"
    variables = f"<aux name='y'><eqn>TIME <!-- and --> * 1</eqn>{curve}</aux>"
    assert stockflow.load(small(tmp_path, variables)).run()["y"].values.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    with pytest.raises(InputError, match="equation with elements inside in 'y'"):
        stockflow.load(small(tmp_path, "<aux name='y'><eqn>1<b/> + 2</eqn></aux>"))


TWO = "<module name='m{0}'/>" * 2
OUT = "<outflow>o</outflow>"
REFUSED_XMILE = [
    (
        "<aux name='y'><eqn>m(2)</eqn></aux>",
        "<macro name='m'><parm>a</parm><eqn>a</eqn><sim_specs><start>0</start><stop>9</stop></sim_specs></macro>",
        "macro with a clock of its own",
    ),
    (
        "<aux name='y'><eqn>m(2)</eqn></aux>",
        "<macro name='m'><parm>a</parm><eqn>a</eqn></macro><macro name='M'><parm>a</parm><eqn>2*a</eqn></macro>",
        "second definition of the macro 'M'",
    ),
    ("<aux name='y'><eqn>1</eqn></aux>", "<dimensions><dim name='D' size='2'/></dimensions>", "range 'D'"),
    (
        f"<aux name='y'><eqn>{'IF 1 THEN ' * 900}1{' ELSE 2' * 900}</eqn></aux>",
        "",
        "signs or choices inside each other",
    ),
    (
        "<module name='m0'/>",
        "".join(f"<model name='m{n}'><variables>{TWO.format(n + 1)}</variables></model>" for n in range(18))
        + "<model name='m18'><variables><aux name='a'><eqn>1</eqn></aux></variables></model>",
        "more than 100000 variables",
    ),
    (
        f"<stock name='s'><eqn>1</eqn>{OUT * 501}<non_negative/></stock><flow name='o'><eqn>1</eqn></flow>",
        "",
        "non-negative stock 's' with 501 outflows, more than 500",
    ),
]


@pytest.mark.parametrize(("variables", "rest", "message"), REFUSED_XMILE)
def test_what_would_be_read_wrongly_or_without_end_is_refused(
    tmp_path, variables: str, rest: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stockflow.load(small(tmp_path, variables, rest))


def test_a_range_or_macro_defined_twice_is_refused_unless_it_is_the_same(tmp_path) -> None:
    again = loaded(tmp_path, "r: a,b ~ ~\nr: a,b ~ ~\nx[r]= 1 ~ Dmnl\ny= SUM(x[r!]) ~ Dmnl")
    assert float(again.run()["y"][0]) == 2.0
    with pytest.raises(InputError, match="second definition of the range 'R' in 'R'"):
        stockflow.load(written(tmp_path, "r: a,b ~ ~\nR: a ~ ~\nx[r]= 1 ~ Dmnl"))
    macro = ":MACRO: M(x)\nM= x ~ Dmnl ~|\n:END OF MACRO:\n"
    path = written(tmp_path, "y= M(1) ~ Dmnl")
    path.write_text(macro * 2 + path.read_text(encoding="utf-8").removeprefix("{UTF-8}"), encoding="utf-8")
    with pytest.raises(InputError, match="second definition of the macro 'M'"):
        stockflow.load(path)


@pytest.mark.parametrize("cell", ["B2", "A3"])
def test_a_cell_without_a_number_is_no_constant(tmp_path, cell: str) -> None:
    (tmp_path / "c.csv").write_text("a,b\n1,\nx,3\n")
    with pytest.raises(InputError, match=f"cell from '{cell}' on in 'c.csv' that holds no number"):
        stockflow.load(written(tmp_path, f"y= GET DIRECT CONSTANTS('c.csv', ',', '{cell}') ~ Dmnl"))
