"""XMILE files are read as Vensim's are, and compute what PySD computes; where PySD errs, what the standard says."""

from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import MODELS, apart

import stockflow
from stockflow import InputError

CLOSE = 1e-9
NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"


@pytest.fixture(scope="module")
def market() -> stockflow.Model:
    return stockflow.load(MODELS / "market.xmile")


def small(folder: Path, variables: str, specs: str = "", ending: str = ".xmile") -> Path:
    """Write variables as an XMILE file that runs from 0 to 2 in steps of 0.25."""
    path = folder / f"small{ending}"
    path.write_text(
        f'<xmile version="1.0" xmlns="{NAMESPACE}">\n<sim_specs {specs}><start>0</start><stop>2</stop><dt>0.25</dt>'
        '</sim_specs>\n<dimensions><dim name="region"><elem name="north"/><elem name="south"/></dim>'
        f'<dim name="age" size="2"/></dimensions>\n<model><variables>\n{variables}\n</variables></model></xmile>',
        encoding="utf-8",
    )
    return path


def values(path: Path, name: str) -> list[float]:
    return list(stockflow.load(path).run()[name].values.tolist())


def test_every_construct_gives_what_the_reference_gives(market: stockflow.Model) -> None:
    run, reference = market.run(), market.run(engine="reference")
    shares = apart(run, reference)
    # PySD floors the stock and lets its outflow go on
    assert {name: share for name, share in shares.items() if not share < CLOSE} == {"drain": 1.0}
    assert (run["drain"].values <= reference["drain"].values).all()


def test_variables_keep_name_unit_documentation_limits_kind_and_line(market: stockflow.Model) -> None:
    tau = market.variable("TAU")
    assert (tau.unit, tau.limits, tau.value, tau.kind, tau.line) == ("Year", (0.5, 9.0), 3.0, "constant", 17)
    assert market.variable("tank_water").documentation == "Water in it."
    assert market.stocks == ("Tank Water", "Floored", "Population[north]", "Population[south]")
    assert market.variable("out_flow").kind == "flow"
    assert market.variable("curve").kind == "lookup"
    assert market.variable("population[South]").name == "Population[south]"
    assert (market.time_step, market.save_period, market.final_time) == (0.125, 0.125, 4.0)


def test_changed_models_are_changed_for_the_reference_too(market: stockflow.Model) -> None:
    changed = market.with_series({"in flow": ([0.0, 2.0], [1.0, 2.5])}).with_constants({"tau": 2.0})
    changed = changed.with_series({"Floored": ([0.0, 1.0], [1.0, 3.0])}).with_constants({"base[south]": 1.5})
    assert max(apart(changed.run(), changed.run(engine="reference")).values()) < CLOSE
    assert market.run()["tau"].values[0] == 3.0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("", [1.0, 1.0, 2.0, 4.0, 4.0]),
        ("continuous", [1.0, 1.0, 2.0, 4.0, 4.0]),
        ("extrapolate", [-1.0, 1.0, 2.0, 4.0, 5.0]),
        ("discrete", [1.0, 1.0, 1.0, 4.0, 4.0]),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_graphical_functions_go_on_as_their_type_says(tmp_path, kind: str, expected: list[float], inline: bool) -> None:
    # PySD takes every one inside a variable for continuous
    kind = f'type="{kind}"' if kind else ""
    curve = f"<gf NAME {kind}><xpts>0,2,3</xpts><ypts>1,3,4</ypts></gf>"
    path = "<gf name='path'><xpts>0,0.25,0.5,0.75,1</xpts><ypts>-2,0,1,3,4</ypts></gf>"
    x = f"{path}<aux name='x'><eqn>path(TIME)</eqn></aux>"
    if inline:
        body = f"<aux name='y'><eqn>x</eqn>{curve.replace('NAME', '')}</aux>"
    else:
        body = curve.replace("NAME", "name='f'") + "<aux name='y'><eqn>f(x)</eqn></aux>"
    assert values(small(tmp_path, x + body), "y")[:5] == expected


def test_a_step_of_a_discrete_function_is_at_its_point(market: stockflow.Model) -> None:
    run = market.run()
    time = run["time"].values - 0.5
    assert run["steps"].values.tolist() == np.select([time < 1, time < 2], [5.0, 2.0], 3.0).tolist()


def test_a_floored_stock_stops_at_nothing(market: stockflow.Model) -> None:
    run = market.run()
    assert run["Floored"].values.min() == 0.0
    assert run["Floored"].values[-1] == 0.0
    assert run["one way"].values[-1] == 0.0


def test_behaviour_of_the_whole_model_reaches_every_stock_and_flow(tmp_path) -> None:
    variables = "<stock name='s'><eqn>1</eqn><outflow>f</outflow></stock><flow name='f'><eqn>TIME-1</eqn></flow>"
    path = small(tmp_path, variables)
    path.write_text(path.read_text().replace("<model>", "<behavior><non_negative/></behavior><model>"))
    assert min(values(path, "f")) == 0.0


@pytest.mark.parametrize("ending", [".xmile", ".xml", ".stmx"])
def test_the_method_and_the_names_of_the_clock_are_the_files(tmp_path, ending: str) -> None:
    path = small(tmp_path, "<aux name='x'><eqn>DT*10+STOPTIME+starttime</eqn></aux>", 'method="rk4"', ending)
    model = stockflow.load(path)
    assert model.equations.method == "RK4"
    assert model.run()["x"].values[0] == 4.5
    path.write_text(path.read_text().replace("rk4", "Gear"))
    with pytest.raises(InputError, match="asks for the integration method Gear"):
        stockflow.load(path)


def test_words_are_read_in_any_case_and_comments_skipped(tmp_path) -> None:
    variables = """
    <aux name="x"><eqn>if time &lt; 1 then 7 MOD 4 else {not now} 2</eqn></aux>
    <aux name="y"><eqn>(-2)^2 - -2^2</eqn></aux>
    <aux name="z"><eqn>SUM(a[*]) + SUM(m[north, *])</eqn></aux>
    <aux name="a"><dimensions><dim name="region"/></dimensions><eqn>3</eqn></aux>
    <aux name="m"><dimensions><dim name="region"/><dim name="age"/></dimensions><eqn>a + age</eqn></aux>
    """
    path = small(tmp_path, variables)
    assert values(path, "x")[:5] == [3.0, 3.0, 3.0, 3.0, 2.0]
    assert values(path, "y")[0] == 8.0
    assert values(path, "z")[0] == 6.0 + 4.0 + 5.0


def test_not_binds_as_the_standard_has_it_and_mod_as_a_product(tmp_path) -> None:
    variables = """
    <aux name="x"><eqn>IF NOT 3 = 4 THEN 1 ELSE 0</eqn></aux>
    <aux name="y"><eqn>IF NOT (3 = 4) THEN 1 ELSE 0</eqn></aux>
    <aux name="z"><eqn>7 MOD 4 * 2</eqn></aux>
    """
    path = small(tmp_path, variables)
    assert [values(path, name)[0] for name in "xyz"] == [0.0, 1.0, 6.0]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<eqn>1</eqn>", "<eqn>1 +</eqn>", "equation that cannot be parsed"),
        ("<eqn>1</eqn>", "<eqn>nobody</eqn>", "unknown name 'nobody' in 'x' (line 5)"),
        ("<eqn>1</eqn>", "<eqn>FANCY(1)</eqn>", "function FANCY in 'x' (line 5)"),
        ("<eqn>1</eqn>", "", "variable without an equation in 'x' (line 5)"),
        ("<eqn>1</eqn>", "<eqn>" + "(" * 500 + "1" + ")" * 500 + "</eqn>", "more than 40 parentheses"),
        ("<eqn>1</eqn>", "<eqn>1</eqn><gf><xpts>0,1</xpts><ypts>1</ypts></gf>", "in 'x' (line 5)"),
        (
            "<eqn>1</eqn>",
            "<eqn>" + "IF 1=1 THEN 1 ELSE " * 300 + "1</eqn>",
            "expression nested too deeply in 'x' (line 5)",
        ),
        (
            "<eqn>1</eqn>",
            "<eqn>" + "(IF 1=1 THEN " * 300 + "1" + " ELSE 0)" * 300 + "</eqn>",
            "more than 40 parentheses",
        ),
        ("</variables>", "<module name='m'/></variables>", "module 'm' (line 6): the file has no model of that name"),
        ("<stop>2</stop>", "<stop>soon</stop>", "line 2: sim_specs without a number for FINAL TIME"),
        ("<dt>0.25</dt>", "<dt reciprocal='true'>0</dt>", "line 2: sim_specs without a number for TIME STEP"),
        ("</model>", "", "line 6: not XML"),
        ("xmile", "smile", "not XMILE: the outermost element is 'smile'"),
        (f' xmlns="{NAMESPACE}"', "", "XMILE without its namespace"),
        ("<xmile", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><xmile", "has a document type"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(tmp_path, old: str, new: str, complaint: str) -> None:
    path = small(tmp_path, "<aux name='x'><eqn>1</eqn></aux>")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        stockflow.load(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_index_that_is_no_number_gives_none_whether_it_is_known_before_the_run_or_not(tmp_path) -> None:
    array = "<aux name='v'><dimensions><dim name='age'/></dimensions><eqn>10*age</eqn></aux>"
    path = small(tmp_path, f"{array}<aux name='y'><eqn>v[LN(-1-TIME)]</eqn></aux>")
    assert np.isnan(values(path, "y")).all()
    path = small(tmp_path, f"{array}<aux name='y'><eqn>v[20000.5*SIZE(age)/2]</eqn></aux>")
    with pytest.raises(InputError, match=r"index 20000\.5 of 'v', no whole number, in 'y'"):
        stockflow.load(path)
