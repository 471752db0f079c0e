"""What is on a page and in its file: sliders, ranges, charts, the policy that keeps it alone, no code of a model's."""

import base64
import gzip
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from sys import float_info

import numpy as np
import pytest
from page_helpers import ROOT, hostile, of_text

import stockflow
from stockflow.errors import InputError
from stockflow.language.data_tables import Column, read_data
from stockflow.page.contents import Asked, compiled, contents
from stockflow.page.page import html, shuffled
from stockflow.page.sliders import slider
from stockflow.page.wasm import WIDTH, module
from stockflow.page.words import described
from stockflow.pictures.layout import view

EPIDEMIC = stockflow.load(ROOT / "stockflow" / "examples" / "epidemic.mdl")


class Elements(HTMLParser):
    """Collects start tags with their attributes, and the text of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.within = tag == "script"

    def handle_data(self, data: str) -> None:
        if self.within:
            self.scripts.append(data)
            self.within = False


def parsed(text: str) -> Elements:
    elements = Elements()
    elements.feed(text)
    return elements


def test_a_page_of_a_hostile_model_has_the_elements_of_any_other() -> None:
    plain, bad = (parsed(html(contents(model, Asked()))) for model in (EPIDEMIC, hostile()))
    assert [tag for tag, _ in bad.tags] == [tag for tag, _ in plain.tags]
    assert len(bad.scripts) == len(plain.scripts) == 6


def test_what_a_hostile_model_says_is_carried_whole() -> None:
    model = hostile()
    about = json.loads(parsed(html(contents(model, Asked()))).scripts[0])
    for one in [*about["inputs"], *about["outputs"]]:
        assert one["name"] in model.variables
        assert one["note"] == model.variable(one["name"]).documentation
    assert any("</script>" in one["name"] for one in about["inputs"])


def test_a_page_is_ascii_asks_for_nothing_and_names_what_may_run_by_its_hash() -> None:
    text = html(contents(EPIDEMIC, Asked()))
    assert text.isascii()
    elements = parsed(text)
    assert not [
        tag for tag, attributes in elements.tags if {"src", "href", "action", "style", "onclick"} & set(attributes)
    ]
    policy = next(a["content"] or "" for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    digest = base64.b64encode(hashlib.sha256(elements.scripts[-1].encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}' 'wasm-unsafe-eval'"


def test_the_same_model_makes_the_same_page() -> None:
    assert html(contents(EPIDEMIC, Asked())) == html(contents(EPIDEMIC, Asked()))


def test_a_range_is_the_files_own_where_it_is_worth_trying_and_else_a_stated_rule() -> None:
    model = of_text(
        "a= 2\n\t~ m [0,5]\n\t~ ~ :SUPPLEMENTARY\n\t|\nb= 2\n\t~ m [0,1e+06]\n\t~ ~ :SUPPLEMENTARY\n\t|\nc= -3",
        "d= 0",
        "S= INTEG(a+b+c+d, 0)",
    )
    ranges = {name: slider(model.variable(name)) for name in "abcd"}
    assert {name: (one.low, one.high) for name, one in ranges.items()} == {
        "a": (0, 5),
        "b": (0, 4),
        "c": (-6, 0),
        "d": (0, 1),
    }
    assert ranges["a"].rule == "range: the model file's"
    assert "too wide" in ranges["b"].rule
    assert "gives no limits" in ranges["c"].rule


@pytest.mark.parametrize(
    ("limits", "value", "ends", "said"),
    [
        ("[?,0]", 0, (-1, 0), "at most 0"),
        ("[-1,?]", 0, (-1, 1), "at least -1"),
        ("[10,?]", 5, (5, 10), "to the nearest limit"),
        ("[0,10]", 20, (0, 10), "without the value"),
        ("[0,1]", 0.001, (0, 0.002), "0 to twice the value; the model file says 0 to 1, too wide"),
        ("[1,1e+06]", 100, (1, 200), "0 to twice the value, within its limits; the model file says 1 to 1,000,000"),
        ("[?,?]", 1e308, (0, float_info.max), "gives no limits"),
        ("[-1e308,1e308]", 0, (-1, 1), "too wide"),
    ],
)
def test_a_range_has_two_ends_and_says_why(limits: str, value: float, ends: tuple[float, float], said: str) -> None:
    model = of_text(f"a= {value}\n\t~ m {limits}\n\t~ ~ :SUPPLEMENTARY\n\t|\nb= 1", "S= INTEG(a, 0)")
    found = slider(model.variable("a"))
    assert (found.low, found.high) == ends
    assert said in found.rule


def test_a_constant_that_its_limits_hold_fast_has_no_slider() -> None:
    model = of_text("a= 5\n\t~ m [5,5]\n\t~ ~ :SUPPLEMENTARY\n\t|\nb= 1", "S= INTEG(a+b, 0)")
    assert contents(model, Asked()).sliders == ("b",)
    with pytest.raises(InputError, match="nothing to move"):
        contents(model, Asked(inputs=["a"]))


def test_what_keeps_one_value_has_no_chart_where_anything_else_changes() -> None:
    still, moved = "K= INTEG(0*a, 3)", "S= INTEG(a, 0)"
    both, alone = (contents(of_text("a= 1", *made), Asked()) for made in ((still, moved), (still,)))
    assert both.simulator.outputs[: both.charts] == ("S",)
    assert alone.simulator.outputs[: alone.charts] == ("K",)


def test_an_epidemic_is_finite_at_both_ends_of_every_slider() -> None:
    names = ["contact rate", "infectivity", "duration of illness"]
    ends = [EPIDEMIC.variable(name).limits for name in names]
    rows = np.array([*itertools.product(*ends)], dtype=float)
    runs = EPIDEMIC.simulator(names, ["Susceptible", "Infectious"])(rows)
    assert ((runs >= -1e-6) & (runs <= 100_000 + 1e-6)).all()


def test_a_range_reaches_to_every_draw() -> None:
    drawn = np.array([-1.0, 30.0])
    found = slider(EPIDEMIC.variable("contact rate"), drawn)
    assert found.low <= -1.0
    assert found.high >= 30.0


def test_sliders_left_to_the_rule_move_an_output_and_can_be_set() -> None:
    model = stockflow.load(ROOT / "models" / "vensim" / "nev.mdl")
    page = contents(model, Asked(outputs=["market share"]))
    assert len(page.sliders) == 16
    base = page.native({})
    for name in page.sliders:
        one = slider(model.variable(name))
        assert max(np.abs(page.native({name: end}) - base).max() for end in (one.low, one.high)) > 0, name


def test_what_is_observed_has_a_chart_and_its_points(tmp_path: Path) -> None:
    data = tmp_path / "seen.csv"
    data.write_text("Time,recovery\n10,3\n20,5.5\n", encoding="utf-8")
    about = described(contents(EPIDEMIC, Asked(observed=read_data(data).columns)))
    first = about["outputs"][0]  # type: ignore[index]
    assert first["name"] == "recovery"
    assert first["observed"] == {"times": [10, 20], "values": [3, 5.5]}


def test_charts_are_of_stocks_and_of_what_is_worked_out_of_them_for_a_reader() -> None:
    assert contents(EPIDEMIC, Asked()).simulator.outputs[:4] == (*EPIDEMIC.stocks, "share ever infected")
    seen = Column("share ever infected", (0.0, 9.0), (0.1, 0.2), ("line 2", "line 3"))
    observed = Asked(observed={seen.name: seen})
    assert contents(EPIDEMIC, observed).simulator.outputs[:4] == ("share ever infected", *EPIDEMIC.stocks)


def test_a_group_too_large_to_draw_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = described(contents(EPIDEMIC, Asked()))
    assert len(drawn["pictures"]) == 1  # type: ignore[arg-type]
    assert drawn["beside"] == ["infection", "recovery", "reproduction number"]
    monkeypatch.setattr("stockflow.page.pictures.MOST_DRAWN", 3)
    left = described(contents(EPIDEMIC, Asked()))
    assert (left["pictures"], left["beside"], left["left"]["pictures"]) == ([], [], 1)  # type: ignore[index]


def test_the_value_of_a_stock_stands_within_its_box() -> None:
    (drawn,) = described(contents(EPIDEMIC, Asked()))["pictures"]  # type: ignore[attr-defined]
    heights = {name: y for name, _, y in drawn["places"]}
    boxes = [one for one in view(EPIDEMIC.equations, drawn["name"]).words if one.kind == "stock"]
    assert len(boxes) == 3
    assert all(one.y < heights[one.name] < one.y + one.h for one in boxes)


def test_a_curve_is_named_by_what_it_is_read_at() -> None:
    curves = (f"{name}= WITH LOOKUP({at}, ((0,0),(9,1)))" for name, at in (("one", "S"), ("two", "S/a")))
    model = of_text("a= 1", *curves, "S= INTEG(one+two, 0)")
    found = described(contents(model, Asked(outputs=["S"])))["curves"]
    assert [(one["of"], one["of unit"]) for one in found] == [  # type: ignore[attr-defined]
        ("S", ""),
        ("what is computed from S, a", ""),
    ]


def test_draws_are_thinned_evenly_and_said_to_be() -> None:
    page = contents(EPIDEMIC, Asked(samples={"contact rate": np.linspace(1, 10, 1000)}, draws=10))
    assert page.drawn[:, 0].tolist() == pytest.approx(np.linspace(1, 10, 10).tolist(), rel=1e-2)
    about = described(page)
    assert (about["draws"], about["given"]) == (10, 1000)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(inputs=["contact rat"]), "did you mean 'contact rate'"),
        (Asked(inputs=["Susceptible"]), "is not a constant"),
        (Asked(outputs=["nothing"]), "unknown variable"),
        (Asked(curves=["recovery"]), "is no lookup"),
    ],
)
def test_what_the_model_has_not_is_refused_by_name(asked: Asked, said: str) -> None:
    with pytest.raises(InputError, match=said):
        contents(EPIDEMIC, asked)


def test_a_page_too_large_for_a_browser_is_refused_with_the_remedy() -> None:
    samples = {"contact rate": np.full(100_000, 6.0)}
    with pytest.raises(InputError, match="fewer draws"):
        contents(EPIDEMIC, Asked(samples=samples, draws=100_000))


def test_a_run_of_too_many_moments_for_a_page_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockflow.page.contents._MOST_TABLE", 1000)
    with pytest.raises(InputError, match="longer steps"):
        contents(of_text("S= INTEG(SIN(Time), 0)"), Asked(outputs=["S"]))


def test_assembly_that_needs_a_library_is_refused_by_name() -> None:
    body = "{\n  %y = call double @sin(double %x)\n  ret double %y\n}"
    text = f"declare double @sin(double)\ndefine double @f(double %x) {body}"
    with pytest.raises(RuntimeError, match=r"env\.sin"):
        module(text, "f", waiting=1.0)


def test_numbers_are_shuffled_by_column_and_byte() -> None:
    values = np.arange(6.0).reshape(3, 2)
    bytes_ = np.frombuffer(shuffled(values), dtype=np.uint8).reshape(2, 8, 3)
    assert np.array_equal(bytes_.transpose(2, 0, 1).copy().view("<f8")[..., 0], values)


def test_a_page_of_our_largest_model_is_small() -> None:
    model = stockflow.load(ROOT / "models" / "vensim" / "nev.mdl")
    samples = {name: np.full(200, model.variable(name).value) for name in ("doing learning rate", "product life")}
    text = html(contents(model, Asked(samples=samples)))
    assert len(text) < 1_200_000
    assert len(gzip.compress(text.encode())) < 300_000
    assert re.search(r"sha256-", text)


@pytest.mark.parametrize("deep", [True, False])
def test_a_step_that_waits_keeps_its_order_at_the_price_of_longer_code(deep: bool) -> None:
    places = range(60)
    taken = [f"x{place - 1}" if deep and place else f"S{place}" for place in places]
    equations = [f"x{place}= EXP(-{one}/{place + 7})" for place, one in zip(places, taken, strict=True)]
    page = contents(
        of_text(*equations, *(f"S{place}= INTEG(x{place}, 0)" for place in places)),
        Asked(outputs=[f"S{place}" for place in places], pictures=False),
    )
    short = compiled(page.plan, WIDTH, short=True)[0]
    if deep:
        assert len(page.module.content) > 1.2 * len(short.content)
    else:
        assert page.module == short
