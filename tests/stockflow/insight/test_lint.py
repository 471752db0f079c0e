"""Each rule finds what it names, points at the line, and leaves a clean model alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from stockflow_helpers import written

import stockflow
from stockflow.insight.lint import CODES, Finding

CLEAN = """
    Stock= INTEG ( inflow-outflow, 0) ~ x ~ What is there.
    inflow= 1+curve(Stock)^2 ~ x/Year ~ What comes.
    outflow= Stock/life ~ x/Year ~ What goes.
    life= 2 ~ Year ~ How long it stays.
    curve( (0,1),(5,1),(9,3) ) ~ x ~ How it answers.
"""


def findings(folder: Path, equations: str, step: float = 0.25) -> list[Finding]:
    return [one for one in stockflow.load(written(folder, equations, step)).lint() if one.variable.islower()]


def codes(folder: Path, equations: str, step: float = 0.25) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in stockflow.load(written(folder, equations, step, save=step)).lint():
        found.setdefault(one.code, set()).add(one.variable)
    return found


def test_a_clean_model_has_no_findings(tmp_path: Path) -> None:
    assert codes(tmp_path, CLEAN) == {}


@pytest.mark.parametrize(
    ("line", "instead", "code", "variable"),
    [
        ("inflow= 1+curve(Stock)^2 ~", "inflow= 1+curve(Stock)*0.3 ~", "buried-constant", "inflow"),
        ("integ ( inflow-outflow, 0)", "integ ( inflow-outflow, 7)", "buried-constant", "Stock"),
        ("~ What goes.", "~", "no-documentation", "outflow"),
        ("life= 2 ~ Year ~", "life= 2 ~ ~", "no-unit", "life"),
        ("outflow= Stock/life ~", "outflow= Stock ~", "unused", "life"),
        ("curve(Stock)^2", "Stock", "unused", "curve"),
        ("life= 2 ~", "life= 0.9 ~", "short-delay", "life"),
        ("(9,3)", "(9,3),(10,2)", "not-monotone", "curve"),
        ("outflow= Stock/life", "outflow= 1/life", "may-go-negative", "Stock"),
        ("inflow-outflow, 0", "inflow, 0", "output-only", "outflow"),
    ],
)
def test_one_change_makes_one_finding(tmp_path: Path, line: str, instead: str, code: str, variable: str) -> None:
    text = CLEAN.replace("INTEG", "integ") if line.startswith("integ") else CLEAN
    assert line in text
    found = codes(tmp_path, text.replace(line, instead))
    assert found.get(code) == {variable}


@pytest.mark.parametrize(
    ("delay", "buried"),
    [
        ("DELAY3(inflow, life)", set()),
        ("DELAY N(inflow, life, size, 5)", set()),
        ("SMOOTH3(inflow, life)", set()),
        ("DELAY3(inflow, life)*0.3", {"late"}),
        ("DELAY N(inflow, 7, size, 5)", {"late"}),
    ],
)
def test_the_stages_of_a_delay_are_no_buried_constants(tmp_path: Path, delay: str, buried: set[str]) -> None:
    text = CLEAN + f"late= {delay} ~ x/Year ~ Late.\n size= 0.1 ~ x/Year ~ At first."
    assert codes(tmp_path, text).get("buried-constant", set()) == buried


def test_a_delay_of_four_time_steps_is_long_enough(tmp_path: Path) -> None:
    assert codes(tmp_path, CLEAN.replace("life= 2", "life= 1")) == {}
    assert "short-delay" in codes(tmp_path, CLEAN.replace("life= 2", "life= 1"), step=0.5)


def test_what_is_emptied_in_one_time_step_is_no_short_delay(tmp_path: Path) -> None:
    assert "short-delay" not in codes(tmp_path, CLEAN + "late= inflow/TIME STEP ~ x/Year/Year ~ At once.")


def test_a_divisor_that_is_no_time_is_no_delay(tmp_path: Path) -> None:
    text = CLEAN + "share= Stock/(2*size) ~ Dmnl ~ A share.\n size= 0.1 ~ x ~ A size."
    assert codes(tmp_path, text) == {"output-only": {"share"}, "buried-constant": {"share"}}


PULSED = CLEAN + "now= {} ~ Dmnl ~ When.\n width= 0.2 ~ Year ~ How long.\n start= 1 ~ Year ~ From when.\n"
MOMENTS = ("short-pulse", "inexact-moment", "jump-inside-step")


def moments(folder: Path, call: str, step: float = 0.25, method: int = 0) -> dict[str, set[str]]:
    tolerances = "ABSOLUTE TOLERANCE= 0.001 ~ Dmnl ~ Told.\nRELATIVE TOLERANCE= 0.001 ~ Dmnl ~ Told."
    path = written(folder, f"{PULSED.format(call)}\n{tolerances}", step, final=3.0, save=step)
    if method:
        sketch = f"\\\\\\---/// Sketch information\n///---\\\\\\\n:L\x7f<%^E!@\n15:0,0,0,{method},0,0\n"
        path.write_text(path.read_text(encoding="utf-8") + sketch, encoding="utf-8")
    found: dict[str, set[str]] = {}
    for one in stockflow.load(path).lint():
        if one.code in MOMENTS:
            assert one.severity == "warning"
            assert one.line is not None
            found.setdefault(one.code, set()).add(one.variable)
    return found


@pytest.mark.parametrize(
    ("call", "short"),
    [
        ("PULSE(start, 0)", False),
        ("PULSE(start, width)", True),
        ("PULSE(start, TIME STEP/2)", True),
        ("PULSE TRAIN(start, width/2, 1, 3)", False),
        ("PULSE(start, TIME STEP)", False),
        ("PULSE(start, width*2)", False),
        ("PULSE TRAIN(start, 0.5, 0.1, 3)", False),
        ("PULSE(start, Stock)", False),
        ("STEP(0, start)", False),
    ],
)
def test_a_pulse_of_known_width_below_a_time_step_is_found(tmp_path: Path, call: str, short: bool) -> None:
    assert moments(tmp_path, call) == ({"short-pulse": {"now"}} if short else {})


@pytest.mark.parametrize(
    ("call", "step", "inexact"),
    [
        ("PULSE(start, 1)", 0.1, False),
        ("PULSE(start+0.05, 1)", 0.1, True),
        ("PULSE(start, 1.05)", 0.1, True),
        ("PULSE TRAIN(start, 1, 2, 9)", 0.1, False),
        ("PULSE TRAIN(start, 1, 1.95, 9)", 0.1, True),
        ("STEP(1, start+0.05)", 0.1, True),
        ("STEP(1, Stock)", 0.1, True),
        ("STEP(1, start)", 0.1, False),
        ("PULSE(start, 1)", 0.375, False),
        ("PULSE(start, 1)", 0.03125, False),
        ("STEP(1, start+0.0625)", 0.125, False),
    ],
)
def test_steps_and_pulses_off_the_moments_of_an_inexact_time_step_are_found(
    tmp_path: Path, call: str, step: float, inexact: bool
) -> None:
    assert moments(tmp_path, call, step) == ({"inexact-moment": {"now"}} if inexact else {})


@pytest.mark.parametrize("call", ["STEP(1, start)", "PULSE(start, 1)", "SMOOTH(PULSE TRAIN(start, 1, 2, 9), 2)"])
def test_steps_and_pulses_under_rk4_are_found(tmp_path: Path, call: str) -> None:
    assert moments(tmp_path, call, method=5) == {"jump-inside-step": {"now"}}
    # automatic steps hold them for a whole time step
    assert moments(tmp_path, call, method=1) == {}
    assert moments(tmp_path, call) == {}


def test_a_pulse_below_a_time_step_is_nothing_where_the_middle_of_no_step_falls_in_it(tmp_path: Path) -> None:
    run = stockflow.load(written(tmp_path, "a= PULSE(1, 0) ~ Dmnl\nb= PULSE(1, 0.1) ~ Dmnl\nc= PULSE(1.1, 0.1) ~ Dmnl"))
    values = run.run()
    assert [float(values[name].sum()) for name in "abc"] == [1.0, 0.0, 1.0]


def test_names_that_differ_only_in_punctuation_are_found(tmp_path: Path) -> None:
    text = CLEAN + "out flow= outflow ~ x/Year ~ The same.\n final= out flow ~ x/Year ~ The same."
    assert codes(tmp_path, text) == {"similar-names": {"out flow"}, "output-only": {"final"}}


def test_an_outflow_limited_through_another_variable_is_left_alone(tmp_path: Path) -> None:
    text = CLEAN.replace("outflow= Stock/life", "outflow= most").replace(
        "life= 2", "most= MIN(Stock, 1)/life ~ x/Year ~ A bound.\n life= 2"
    )
    assert codes(tmp_path, text) == {}


def test_an_outflow_limited_by_another_stock_is_found(tmp_path: Path) -> None:
    text = CLEAN + "Other= INTEG ( -outflow, 0) ~ x ~ A stock that another one empties."
    found = [one for one in stockflow.load(written(tmp_path, text)).lint() if one.code == "may-go-negative"]
    assert [one.variable for one in found] == ["Other"]
    assert "'outflow' takes from it" in found[0].text


def test_a_stock_that_may_be_negative_by_its_limits_is_left_alone(tmp_path: Path) -> None:
    text = CLEAN + "Debt= INTEG ( -outflow, 0) ~ x [?,?] ~ Money.\n Credit= INTEG ( -outflow, 0) ~ x [-9,9] ~ Money."
    assert codes(tmp_path, text) == {"may-go-negative": {"Debt"}}


def test_a_path_over_time_may_go_up_and_down(tmp_path: Path) -> None:
    shape = "((0,0),(1,2),(2,1))"
    text = CLEAN + (
        f"history= WITH LOOKUP(Time, {shape}) ~ x ~ A history.\n"
        f"earlier= WITH LOOKUP(Time-life, {shape}) ~ x ~ A history.\n"
        f"answer= WITH LOOKUP(history, {shape}) ~ x ~ An answer."
    )
    assert codes(tmp_path, text)["not-monotone"] == {"answer"}


def test_a_long_equation_is_found(tmp_path: Path) -> None:
    names = [f"part {place}" for place in range(11)]
    parts = "".join(f"{name}= {place} ~ x ~ A part.\n" for place, name in enumerate(names))
    found = findings(tmp_path, CLEAN + parts + f"total= {'+'.join(names)} ~ x ~ A sum.")
    assert [one.code for one in found if one.variable == "total"] == ["output-only", "long-equation"]
    assert "reads 11 variables" in found[-1].text


def test_a_finding_names_the_line_of_its_variable(tmp_path: Path) -> None:
    path = written(tmp_path, CLEAN.replace("~ What goes.", "~"))
    (finding,) = stockflow.load(path).lint()
    assert finding.line is not None
    assert path.read_text(encoding="utf-8").splitlines()[finding.line - 1].startswith("outflow=")
    assert str(finding) == f"line {finding.line}: outflow: has no comment [no-documentation]"


def test_every_code_is_explained_and_graded() -> None:
    assert {severity for severity, *_ in CODES.values()} == {"warning", "note"}
    assert Finding("no-unit", "a", None, "has no unit").severity == "warning"
    assert str(Finding("no-unit", "a", None, "has no unit")) == "a: has no unit [no-unit]"


@pytest.mark.parametrize("case", ["pv", "nev", "ic", "mrna"])
def test_the_built_models_have_no_warnings(case: str) -> None:
    import models

    found = stockflow.load(Path(models.__file__).parent / "vensim" / f"{case}.mdl").lint()
    assert [str(one) for one in found if one.severity == "warning"] == []
