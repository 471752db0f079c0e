"""A model file is read as it is written, or refused with what is wrong and where."""

import numpy as np
import pytest
from stockflow_helpers import MODELS, loaded, written

import stockflow
from stockflow import InputError, UnknownNameError
from stockflow.language import source
from stockflow.language.tree import Refused


@pytest.fixture(scope="module")
def tank() -> stockflow.Model:
    return stockflow.load(MODELS / "tank.mdl")


def refusal(folder, equations: str) -> str:
    return refusal_of(written(folder, equations))


def refusal_of(path) -> str:
    with pytest.raises(InputError) as caught:
        stockflow.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_variable_has_the_kind_its_equation_gives_it(tank) -> None:
    kinds = {name: one.kind for name, one in tank.variables.items()}
    assert kinds == {
        "Water": "stock",
        "inflow": "flow",
        "tap": "constant",
        "opening": "auxiliary",
        "outflow": "flow",
        "residence time": "constant",
        "initial water": "constant",
        "level": "auxiliary",
        "area": "constant",
        "alarm": "auxiliary",
        "one metre": "constant",
        "delivered": "auxiliary",
        "pipe delay": "constant",
        "FINAL TIME": "control",
        "INITIAL TIME": "control",
        "SAVEPER": "control",
        "TIME STEP": "control",
    }
    assert tank.stocks == ("Water",)
    assert tank.constants[:2] == ("tap", "residence time")


def test_a_variable_keeps_its_unit_documentation_group_limits_and_value(tank) -> None:
    tap = tank.variable("tap")
    assert (tap.unit, tap.group, tap.limits, tap.value) == ("litre/Year", "Tank 1 Water", (0.0, 100.0), 12.0)
    assert tap.documentation == "The tap when fully open. Measured twice."
    assert tank.variable("residence time").limits == (0.1, None)
    assert tank.variable("level").group == "Tank 2 Use"
    assert tank.variable("level").limits == (None, None)
    assert tank.variable("level").value is None
    assert tank.variable("SAVEPER").group == "Control"


def test_controls_are_numbers_of_the_model(tank) -> None:
    assert (tank.initial_time, tank.final_time, tank.time_step, tank.save_period) == (0.0, 10.0, 0.125, 1.0)


@pytest.mark.parametrize("spelling", ["residence time", "Residence_Time", "  RESIDENCE   TIME "])
def test_names_are_found_in_any_case_with_spaces_or_underscores(tank, spelling: str) -> None:
    assert tank.variable(spelling).name == "residence time"


def test_an_unknown_name_is_answered_with_the_nearest_ones(tank) -> None:
    with pytest.raises(UnknownNameError, match=r"tank\.mdl: unknown variable 'residense'.*'residence time'"):
        tank.variable("residense")


def test_a_lookup_is_a_variable_without_values(tmp_path) -> None:
    model = loaded(tmp_path, "f( (0,1),(4,3)) ~ Dmnl\ny= f(Time) ~ Dmnl")
    assert model.variable("f").kind == "lookup"
    assert list(model.run()) == ["y", "INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER"]
    with pytest.raises(InputError, match="f is a lookup, which has no value of its own"):
        model.simulator([], ["f"])


def test_quoted_names_are_names(tmp_path) -> None:
    model = loaded(tmp_path, '"R&D (own)"= 3 ~ Dmnl\ny= "R&D (own)"*2 ~ Dmnl')
    assert model.variable("r&d (own)").value == 3.0
    changed = model.with_constants({"R&D (own)": 4.0})
    assert changed.run(engine="reference")["y"].values[0] == changed.run()["y"].values[0] == 8.0


def test_constants_may_be_written_as_sums_of_numbers(tmp_path) -> None:
    model = loaded(tmp_path, "a= 1/8+2 ~ Dmnl\nb= -3 ~ Dmnl\nc= a+1 ~ Dmnl")
    assert [model.variable(name).value for name in "abc"] == [2.125, -3.0, None]


def test_every_unsupported_construct_is_listed_with_its_variable_and_line(tmp_path) -> None:
    path = written(
        tmp_path,
        """
        a= DELAY CONVEYOR(b, 2)+1 ~ Dmnl
        b= SIMULTANEOUS(0, 1)*TREND(c, 1, 0) ~ Dmnl
        c[region]= 4 ~ Dmnl
        d= INTEG(a, 2, 0) ~ Dmnl
        e= a[north] ~ Dmnl
        f= SMOOTH N(a, 2, 1, b) ~ Dmnl
        g= SUM(a) ~ Dmnl
        h= nobody*2 ~ Dmnl
        i= MIN(1, 2, 3) ~ Dmnl
        j( (0,1),(0,2)) ~ Dmnl
        k= j+1 ~ Dmnl
        l= a(3) ~ Dmnl
        m= 2 + * 3 ~ Dmnl
        n= 1 ~ Dmnl [2,1]
        o= 1, 2, 3 ~ Dmnl
        p:= ~ Dmnl
        n= 2 ~ Dmnl
        Time= 3 ~ Dmnl
        """,
    )
    with pytest.raises(Refused) as caught:
        source._equations(source.read(path))
    text = "; ".join(caught.value.items)
    for what in [
        "DELAY CONVEYOR takes 6 arguments, not 2 in 'a' (line 2)",
        "function SIMULTANEOUS in 'b' (line 3)",
        "unknown subscript 'region' in 'c' (line 4)",
        "INTEG takes 2 arguments, not 3 in 'd' (line 5)",
        "unknown subscript 'north' in 'e' (line 6)",
        "order of a delay that is not known from time and constants as a number from 1 to 1000 in 'f' (line 7)",
        "sum without a subscript marked with ! in 'g' (line 8)",
        "unknown name 'nobody' in 'h' (line 9)",
        "MIN takes 2 arguments, not 3 in 'i' (line 10)",
        "table of several points at one x, 0, in 'j' (line 11)",
        "lookup 'j' without an argument in 'k' (line 12)",
        "call of 'a', which is not a lookup, in 'l' (line 13)",
        "cannot be parsed",
        "in 'm' (line 14)",
        "limits [2,1], which are empty, in 'n' (line 15)",
        "list of 3 numbers for 1 elements in 'o' (line 16)",
        "data without a file: give a table that has a column of that name (--data FILE) in 'p' (line 17)",
        "second definition of 'n' in 'n' (line 18)",
        "definition of Time, which is built in, in 'Time' (line 19)",
    ]:
        assert what in text, what
    message = refusal_of(path)
    assert message.startswith(f"{path}: not supported: ")
    assert message.endswith(f"; and {len(caught.value.items) - 5} more")
    assert message.count(" (line ") == 5


def test_a_complaint_tells_the_line_that_it_is_about(tmp_path) -> None:
    path = written(tmp_path, "a= 1 ~ Dmnl")
    long = "b= a + \\\n\t\tSQRD(a) * \\\n\t\tnobody {or c} ~ ~ |\nc= a + \\\n\t(2 ~ ~ |\n"
    path.write_text(path.read_text().replace("{UTF-8}\n", "{UTF-8}\n" + long))
    text = refusal_of(path)
    assert "function SQRD (did you mean SQRT?) at line 3 in 'b' (line 2)" in text
    assert "unknown name 'nobody' at line 4 in 'b' (line 2)" in text
    assert "equation that cannot be parsed (line 6, at its end: ')' is missing) in 'c' (line 5)" in text


def test_reality_checks_are_no_equations_and_are_not_dropped(tmp_path) -> None:
    path = written(tmp_path, "a= 1 ~ Dmnl")
    check = "no a no b:THE CONDITION: a = 1:IMPLIES: a = 0 ~ Dmnl ~|\n"
    path.write_text(path.read_text().replace("{UTF-8}\n", "{UTF-8}\n" + check))
    model = stockflow.load(path)
    assert "no a no b" not in model.variables
    assert [(one.name, one.holds) for one in model.reality_checks()] == [("no a no b", False)]


def test_a_loop_without_a_stock_is_named_in_order(tmp_path) -> None:
    text = refusal(tmp_path, "a= b+1 ~ Dmnl\nb= c*2 ~ Dmnl\nc= Time+a ~ Dmnl\nd= a ~ Dmnl\ns= INTEG ( s+d, 1) ~ Dmnl")
    assert text.endswith("a loop without a stock: a -> b -> c -> a")


def test_a_loop_of_initial_values_is_named_in_order(tmp_path) -> None:
    text = refusal(tmp_path, "s= INTEG ( -s, a) ~ Dmnl\na= 2*s ~ Dmnl")
    assert text.endswith("a loop of initial values: s -> a -> s")


def test_a_long_chain_of_variables_is_no_loop_and_no_limit(tmp_path) -> None:
    chain = "\n".join(f"v{k}= v{k + 1}+1 ~ Dmnl" for k in range(3000))
    model = loaded(tmp_path, f"{chain}\nv3000= 0 ~ Dmnl", final=0.25)
    assert model.runs({"v3000": [5.0]}, ["v0"]).dataset()["v0"].values.tolist() == [[3005.0, 3005.0]]


def test_a_file_that_asks_for_another_method_is_refused(tmp_path) -> None:
    text = (MODELS / "tank.mdl").read_text(encoding="utf-8")
    path = tmp_path / "tank.mdl"
    path.write_text(text.replace("15:0,0,0,0,0,0", "15:0,0,0,7,0,0"), encoding="utf-8")
    with pytest.raises(InputError, match=r"integration method number 7; known are 0 \(Euler\), 1 \(RK4 auto\), 3 \("):
        stockflow.load(path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("TIME STEP= 0.25", "TIME STEP= 0", "TIME STEP (line 5) is 0, but must be above 0"),
        ("FINAL TIME= 4.0", "FINAL TIME= 0", "FINAL TIME (line 4) is 0, but must be after INITIAL TIME 0"),
        ("SAVEPER= 0.25", "SAVEPER= 0", "SAVEPER (line 6) is 0, but must be above 0"),
        ("SAVEPER= 0.25", "SAVEPER= Time*a", "SAVEPER (line 6) is 0, but must be above 0"),
        ("SAVEPER= 0.25", "SAVEPER= SMOOTH(a, 2)", "SAVEPER (line 6) must be a number, not an equation"),
        ("TIME STEP= 0.25", "TIME STEP= 1e-09", "makes more than 10000000 steps"),
        ("SAVEPER= 0.25", "other= 0.25", "the control variable SAVEPER is missing"),
        ("a= 1 ~ Dmnl", "a= 1 Dmnl", "line 2: an equation that does not end with ~ unit ~ comment |"),
        ("SAVEPER= 0.25 ~ Year ~|", "SAVEPER= 0.25 ~ Year ~", "line 6: an equation that does not end"),
    ],
)
def test_clashing_controls_and_broken_entries_are_refused(tmp_path, old: str, new: str, complaint: str) -> None:
    path = written(tmp_path, "a= 1 ~ Dmnl")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        stockflow.load(path)
    assert complaint in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"missing\.mdl: cannot be read: there is no such file"):
        stockflow.load(tmp_path / "missing.mdl")
    with pytest.raises(InputError, match=r"not a model file of Vensim \(\.mdl\) or XMILE"):
        stockflow.load(tmp_path / "model.txt")
    broken = tmp_path / "broken.mdl"
    broken.write_bytes(b"{UTF-8}a= 1 ~ \xff ~|")
    with pytest.raises(InputError, match=r"broken\.mdl: not UTF-8 text: byte 14"):
        stockflow.load(broken)


def test_reading_and_running_leave_no_file_behind(tmp_path) -> None:
    model = loaded(tmp_path, "s= INTEG ( 1, 0) ~ Dmnl")
    model.run(engine="reference")
    assert [one.name for one in tmp_path.iterdir()] == ["model.mdl"]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda m: m.run({"tap": 101.0}), "tap is 101 litre/Year, outside [0, 100]"),
        (lambda m: m.run({"tap": float("nan")}), "tap is nan litre/Year, which is not a finite number"),
        (lambda m: m.run({"tap": 200.0}, engine="reference"), "tap is 200 litre/Year, outside [0, 100]"),
        (lambda m: m.with_constants({"residence time": 0.0}), "residence time is 0 Year, outside [0.1, ?]"),
        (lambda m: m.run({"level": 3.0}), "level is not a constant of the model (auxiliary); give it a path"),
        (lambda m: m.run({"TIME STEP": 0.5}), "TIME STEP is not a constant of the model (control)"),
        (lambda m: m.run({"tab": 3.0}), "unknown variable 'tab'; did you mean 'tap'"),
        (lambda m: m.run(until=0.0), "until is 0, but must be after 0 and no later than 10"),
        (lambda m: m.run(until=10.5), "until is 10.5, but must be after 0"),
        (lambda m: m.run(until=float("nan")), "until is nan"),
        (lambda m: m.run(until=0.07), "until is 0.07, between two moments of TIME STEP 0.125: take 0 or 0.125"),
        (lambda m: m.payoff([], [], until=9.9), "until is 9.9, between two moments of TIME STEP 0.125"),
        (lambda m: m.run({"tap": 1.0, "TAP": 2.0}), "an input is named twice in tap, tap"),
        (lambda m: m.with_constants({"tap": 1.0, "TAP": 2.0}), "an input is named twice in tap, tap"),
        (lambda m: m.runs({"tap": [1.0], "TAP": [2.0]}, ["level"]).dataset(), "an input is named twice in tap, tap"),
        (lambda m: m.with_series({"tap": ([0.0], [1.0]), "TAP": ([0.0], [2.0])}), "an input is named twice in tap"),
        (lambda m: m.run(engine="fast"), "engine is 'fast', but must be 'batch' or 'reference'"),
        (lambda m: m.simulator(["tap", "TAP"], ["level"]), "an input is named twice in tap, tap"),
        (lambda m: m.simulator(["tap"], []), "needs at least one output"),
        (lambda m: m.simulator([], ["depth"]), "unknown variable 'depth'"),
        (lambda m: m.simulator([], ["level"], save_period=0.3), "SAVEPER is 0.3, not a whole multiple"),
        (
            lambda m: m.simulator(["pipe delay"], ["delivered"]),
            "pipe delay decides the length of the delay in delivered",
        ),
        (lambda m: m.simulator(["tap"], ["level"])(np.ones(3)), "shape (3,), but must be (run, 1)"),
        (lambda m: m.simulator(["tap"], ["level"])([[1.0], [np.nan]]), "tap is nan in run 1"),
        (lambda m: m.simulator(["tap"], ["level"])([[1.0]], threads=0), "threads is 0"),
        (
            lambda m: m.runs({"tap": [1.0, 2.0, -3.0]}, ["level"]).dataset(),
            "tap is -3 litre/Year, outside [0, 100] in run 2",
        ),
        (
            lambda m: m.runs({"tap": [1.0, np.inf]}, ["level"]).dataset(),
            "tap is inf litre/Year, which is not a finite number in run 1",
        ),
        (lambda m: m.runs({"tap": [1.0, 2.0], "area": [1.0]}, ["level"]).dataset(), "tap (2,), area (1,)"),
        (
            lambda m: m.runs({"opening": [1.0]}, ["level"]).dataset(),
            "opening is not a constant of the model (auxiliary)",
        ),
        (lambda m: m.with_series({"tap": ([0.0, 1.0], [1.0])}), "as many times as values, not shapes (2,) and (1,)"),
        (lambda m: m.with_series({"tap": ([1.0, 1.0], [1.0, 2.0])}), "tap: the x values of a table must increase"),
        (lambda m: m.with_series({"tap": ([], [])}), "tap: a table needs"),
        (lambda m: m.with_series({"level": ([0.0, 1.0], [1.0, np.nan])}), "the point (1, nan), which is not finite"),
        (lambda m: m.with_series({"tap": ([0.0, 1.0], [1.0, 300.0])}), "tap is 300 litre/Year, outside [0, 100]"),
        (lambda m: m.with_series({"SAVEPER": ([0.0], [1.0])}), "SAVEPER is a control"),
    ],
)
def test_what_cannot_be_done_is_refused_with_name_value_and_bound(tank, call, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        call(tank)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_may_set_the_length_of_a_delay(tank) -> None:
    late = tank.run({"pipe delay": 3.0, "tap": 30.0})
    assert (late["delivered"].values[:3] == 0).all()
    assert (late["delivered"].values[4:] == late["outflow"].values[1:-3]).all()


def test_the_simulator_itself_does_not_check_limits(tank) -> None:
    assert tank.simulator(["tap"], ["tap"])([[200.0]])[0, 0, 0] == 200.0


@pytest.mark.parametrize("name", stockflow.__all__)
def test_every_public_name_is_found_where_it_is_made(name: str) -> None:
    assert getattr(stockflow, name).__name__ == name


def test_a_name_that_is_not_public_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'stockflow' has no attribute 'lod'"):
        stockflow.lod  # noqa: B018
