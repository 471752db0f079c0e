"""A page in a browser, from a file and without a network: sliders, addresses, runs kept, files, telephones, keys."""

import base64
import json
import struct
import sys
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from page_helpers import EVIL, OVERLAPS, ROOT, downloaded, hostile, in_every_browser, needs_browser, of_text, resized

import stockflow
from benchmarks.browser import Tab, tab
from stockflow.errors import InputError
from stockflow.intervals import FAN, quantiles
from stockflow.language.data_tables import Column
from stockflow.language.equations import Method
from stockflow.page.contents import Asked, Contents, contents
from stockflow.page.page import html
from stockflow.page.widget import widget

P = "stockflowPage"
SETTLED = f"{P}.runs.busy === false && !{P}.waiting"


def commodity() -> Contents:
    model = stockflow.load(ROOT / "stockflow" / "examples" / "commodity.mdl")
    random = np.random.default_rng(1)
    samples = {
        name: model.variable(name).value * random.uniform(0.8, 1.2, 40) for name in ("coverage effect", "plant life")
    }
    seen = Column("Price", (0.0, 100.0, 200.0), (50.0, 52.0, 49.0), ("", "", ""))
    return contents(model, Asked(samples=samples, observed={"Price": seen}, save_period=4.0))


@pytest.fixture(scope="module")
def page() -> Contents:
    return commodity()


@pytest.fixture(scope="module")
def file(page: Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "commodity.html"
    path.write_text(html(page), encoding="ascii")
    return path


def shown(one: Tab) -> np.ndarray:
    """Return the quantiles that the page draws, (output, share, time)."""
    one.until(SETTLED)
    return np.array(one.run(f"{P}.now.found.map((of) => of.map((share) => Array.from(share)))"))


def wanted(page: Contents, values: dict[str, float], curves: dict[str, list[float]] | None = None) -> np.ndarray:
    return quantiles(page.native(values, curves)[..., : page.charts], FAN).transpose(2, 0, 1)


def move(one: Tab, name: str, position: int) -> float:
    """Drag a slider as a reader does; return the value the page says it has."""
    at = f"{P}.sliders.find((one) => one.one.name === {json.dumps(name)})"
    one.run(f"[{at}.range].forEach((one) => {{ one.value = {position}; one.dispatchEvent(new Event('input')); }})")
    return float(one.run(f"{P}.setting.values[{json.dumps(name)}]"))


@in_every_browser
def test_every_slider_gives_the_engines_quantiles(opened: Tab, page: Contents) -> None:
    np.testing.assert_allclose(shown(opened), wanted(page, {}), rtol=1e-9)
    assert "workers are refused" not in opened.run("document.getElementById('about').textContent")
    values = {}
    for place, name in enumerate(page.sliders):
        values[name] = move(opened, name, 60 + 7 * place)
        np.testing.assert_allclose(shown(opened), wanted(page, values), rtol=1e-9, err_msg=name)
    opened.run("document.getElementById('reset').click()")
    np.testing.assert_allclose(shown(opened), wanted(page, {}), rtol=1e-9)


def test_a_slider_that_is_dragged_ends_with_all_draws_of_where_it_was_left(opened: Tab, page: Contents) -> None:
    name = page.sliders[2]
    slow = f"const own = {P}.runs.workers; {P}.runs.workers = own.map((run) => async (...all) => {{"
    opened.run(f"{slow} await new Promise((done) => setTimeout(done, 25)); return run(...all); }})")
    drag = f"const one = {P}.sliders[2].range; one.value = place; one.dispatchEvent(new Event('input'));"
    opened.run(
        f"(async () => {{ for (let place = 40; place <= 120; place += 4) {{ {drag}"
        " await new Promise((done) => setTimeout(done, 20)); } })()"
    )
    opened.until(f"{P}.now.runs === {page.runs} && {SETTLED}")
    value = opened.run(f"{P}.setting.values[{json.dumps(name)}]")
    np.testing.assert_allclose(shown(opened), wanted(page, {name: value}), rtol=1e-9)
    assert opened.run(f"{P}.count") < 20  # what was overtaken is left


def test_a_run_that_breaks_down_is_told(opened: Tab, page: Contents) -> None:
    opened.run(f"{P}.runs.workers = [async () => {{ throw new Error('out of memory'); }}]")
    move(opened, page.sliders[0], 10)
    opened.until("!document.getElementById('alert').hidden")
    assert "out of memory" in opened.run("document.getElementById('alert').innerText")
    opened.errors.clear()


def test_a_worker_that_breaks_down_says_so(opened: Tab) -> None:
    run = f"{P}.runs.workers[0](new Float64Array(2), new Float64Array(2), 0, 1e7, -1, null, null, [])"
    assert "out of bounds" in opened.run(f"{run}.then(() => 'done', (error) => error.message)")


def test_a_setting_waits_for_what_still_runs_of_one_that_broke_down(opened: Tab, page: Contents) -> None:
    opened.run(
        f"(() => {{ const [own] = {P}.runs.workers; window.under = window.most = 0;"
        " const late = async (...all) => { most = Math.max(most, ++under);"
        " await new Promise((done) => setTimeout(done, 150)); under--; return own(...all); };"
        f" {P}.runs.workers = [late, async () => {{ {P}.runs.workers.length = 1; throw new Error('broken'); }}]; }})()"
    )
    move(opened, page.sliders[0], 10)
    value = move(opened, page.sliders[0], 150)
    opened.until("!document.getElementById('alert').hidden")
    np.testing.assert_allclose(shown(opened), wanted(page, {page.sliders[0]: value}), rtol=1e-9)
    assert opened.run("most") == 1
    opened.errors.clear()


def test_a_slider_of_a_narrow_range_far_from_nought_moves(opened: Tab) -> None:
    scale = "scaleFor({low: 100000, high: 100010, value: 100001})"
    assert opened.run(f"[0, 1, 100, 200].map({scale}.value)") == pytest.approx([100000, 100000.05, 100005, 100010])
    least = "scaleFor({low: 1e-6, high: 1200, value: %s}).logarithmic"
    assert [opened.run(least % value) for value in (600, 0.1)] == [False, True]


def test_a_typed_number_counts_and_one_outside_the_limits_is_taken_back(opened: Tab, page: Contents) -> None:
    field = f"{P}.sliders[2].field"
    name = page.sliders[2]
    for text, held in (("0.75", 0.75), ("-5", 0.75), ("", 0.75)):
        opened.run(
            f"{field}.value = '{text}'; ['input', 'change'].forEach((one) => {field}.dispatchEvent(new Event(one)))"
        )
        assert opened.run(f"{P}.setting.values[{json.dumps(name)}]") == held
        if text != "0.75":
            assert "taken back" in opened.run("document.getElementById('status').textContent")
            assert float(opened.run(f"{field}.value")) == held


def test_what_is_set_to_its_own_value_is_not_changed_unless_it_is_sampled(opened: Tab) -> None:
    field = f"{P}.sliders.find((one) => one.one.name === 'demand shock').field"
    typed = f"{field}.focus(); {field}.value = '0.10'; {field}.dispatchEvent(new Event('input'));"
    opened.run(f"{P}.set('demand shock', 0.2); {typed}")
    assert opened.run(f"[{P}.changed(), {field}.value]") == [False, "0.10"]  # and the reader may type on
    opened.run(f"{P}.set('plant life', 120)")
    assert opened.run(f"{P}.changed()")


def test_a_curve_bent_by_hand_gives_the_engines_quantiles(opened: Tab, page: Contents) -> None:
    ((name, table),) = page.tables.items()
    field = f"{P}.curves[0].fields[1]"
    opened.run(f"{field}.value = '0.7'; {field}.dispatchEvent(new Event('change'))")
    ys = [*table.ys]
    ys[1] = 0.7
    np.testing.assert_allclose(shown(opened), wanted(page, {}, {name: ys}), rtol=1e-9)
    place = opened.run(
        f"(() => {{ const one = {P}.curves[0].svg.querySelectorAll('circle')[3];"
        " one.scrollIntoView({block: 'center'});"
        " const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    for kind, down in (("mousePressed", 0), ("mouseMoved", -10), ("mouseMoved", -20), ("mouseReleased", -20)):
        opened.call(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1] + down, button="left", buttons=1, clickCount=1
        )
    bent = opened.run(f"{P}.setting.curves[{json.dumps(name)}]")
    assert bent[3] > ys[3]
    assert bent[:3] == ys[:3]
    np.testing.assert_allclose(shown(opened), wanted(page, {}, {name: bent}), rtol=1e-9)


CURVES = """((0,1),(5,2),(5.1,3),(11.3,1),(20,4))"""
OVER_TIME = (
    "a= 0.3",
    f"path= WITH LOOKUP(Time, {CURVES})",
    f"later= WITH LOOKUP(Time+2, {CURVES})",
    "b= 2",
    "c= 1",
    "S= INTEG(path-a*S+RANDOM UNIFORM(0,1,1)+b*STEP(1,9)-IF THEN ELSE(Time>12, c, 0), 5)",
    "T= INTEG(S*later+MAX(S-T,0)+DELAY FIXED(S, 3, 1)-DELAY FIXED(T/2, 0.5, 1), 1)",
)


def begun(one: Tab, change: str) -> tuple[np.ndarray, bool]:
    """Change something; return what is drawn, and whether no run began at the start."""
    one.run(
        f"(() => {{ const {{ runs }} = {P}; runs.plain ??= runs.workers; window.begun = [];"
        " runs.workers = runs.plain.map((run) => (...all) => { begun.push(all[4]); return run(...all); }); })()"
    )
    one.run(change)
    return shown(one), one.run("begun.length > 0 && begun.every((stop) => stop >= 0)")


def typed(curve: int, point: int, value: float) -> str:
    field = f"{P}.curves[{curve}].fields[{point}]"
    return f"{field}.value = '{value}'; {field}.dispatchEvent(new Event('change'))"


@pytest.mark.parametrize("method", ["Euler", "RK2", "Heun", "RK4"])
def test_a_change_that_counts_later_on_runs_from_there_and_gives_the_same_bits(
    method: Method, browser: Tab, tmp_path: Path
) -> None:
    random = np.random.default_rng(2)
    samples = {"a": random.uniform(0.2, 0.5, 40), "c": random.uniform(0.2, 0.5, 40)}
    page = contents(of_text(*OVER_TIME), Asked(outputs=["S", "T"], samples=samples, method=method))
    path = tmp_path / "page.html"
    path.write_text(html(page), encoding="ascii")
    browser.open(path.as_uri())
    shown(browser)
    curves = {name: list(table.ys) for name, table in page.tables.items()}
    values: dict[str, float] = {}
    changes: list[tuple[str | int, int, float, bool]] = [
        *((0, 4, 5.0, True), (0, 2, 2.5, True), (1, 3, 0.5, True), (1, 2, 2.0, True), (0, 0, 0.5, False)),
        *((0, 4, 4.0, True), ("b", 0, 3.0, True), ("c", 0, 0.3, True), ("b", 0, -1.0, False), ("c", 0, 0.0, True)),
        *(("c", 0, -0.5, False), ("a", 0, 0.3, False)),
    ]
    for which, point, value, expected in changes:
        if isinstance(which, str):
            ours, later = begun(browser, f"{P}.set('{which}', {value})")
            values[which] = value
        else:
            ours, later = begun(browser, typed(which, point, value))
            curves[list(curves)[which]][point] = value
        assert later == expected, (which, point, value)
        np.testing.assert_allclose(ours, wanted(page, values, curves), rtol=1e-9)
        again = browser.run(
            f"(async () => {{ const {{ runs, setting }} = {P}, {{ whole }} = runs; runs.whole = null;"
            " const { found } = await runs.ask(setting); runs.whole = whole;"
            " return found.map((of) => of.map((share) => Array.from(share))); })()"
        )
        assert ours.tobytes() == np.array(again).tobytes()


def test_what_counts_from_the_start_is_run_from_the_start(opened: Tab, page: Contents) -> None:
    _, later = begun(opened, typed(0, 1, 0.7))  # read at a price
    assert not later
    assert opened.run(f"{P}.model.code.stops") == []


def test_a_picture_shows_what_the_engine_has_at_the_moment_read_off(opened: Tab, page: Contents) -> None:
    name, place = "demand shock", 20
    value = move(opened, name, 120)
    shown(opened)
    opened.run(f"{P}.look({place})")
    opened.until(SETTLED)
    medians = np.median(page.native({name: value})[:, place], axis=0)
    for output, median in zip(page.simulator.outputs, medians, strict=True):
        assert opened.run(f"{P}.valueOf({json.dumps(output)})") == pytest.approx(median, rel=1e-9)
    assert opened.run(f"{P}.valueOf({json.dumps(name)})") == value
    texts = opened.run("[...document.querySelectorAll('#picture g text')].map((one) => one.textContent)")
    assert len(texts) > 20
    assert opened.run("document.querySelector('#picture image').href.baseVal").startswith("data:image/svg+xml,")


@in_every_browser
def test_an_address_opened_again_shows_the_same(opened: Tab, page: Contents, file: Path) -> None:
    values = {name: move(opened, name, 150) for name in page.sliders[:3]}
    opened.run("document.getElementById('run-name').value = 'a <b> run'")
    opened.run("document.getElementById('keep').requestSubmit()")
    values[page.sliders[3]] = move(opened, page.sliders[3], 20)
    before = shown(opened)
    # the address follows a while after the last change
    opened.until(f"location.hash === addressOf({P})")
    address = opened.run("location.href")
    assert address.startswith(file.as_uri())
    opened.open(address, f"window.{P} && {P}.count > 1 && {P}.kept[0]?.result")
    assert opened.run(f"{P}.setting.values") == values
    assert opened.run(f"{P}.kept[0].name") == "a <b> run"
    np.testing.assert_array_equal(shown(opened), before)
    kept = np.array(opened.run(f"{P}.kept[0].result.found.map((of) => of.map((share) => Array.from(share)))"))
    del values[page.sliders[3]]
    np.testing.assert_allclose(kept, wanted(page, values), rtol=1e-9)


def test_kept_runs_are_shown_hidden_taken_up_and_forgotten(opened: Tab, page: Contents) -> None:
    name = page.sliders[2]
    first = move(opened, name, 30)
    for run in ("one", "two"):
        opened.run(f"document.getElementById('run-name').value = '{run}'")
        opened.run("document.getElementById('keep').requestSubmit()")
        opened.until(f"{P}.kept.every((one) => one.result)")
        move(opened, name, 90)
    lines = "document.querySelector('.chart svg').querySelectorAll('path[stroke-dasharray]').length"
    opened.until(f"{SETTLED} && {lines} === 3")  # the base run and two that are kept
    opened.run("document.getElementById('k1').click()")
    opened.until(f"{SETTLED} && {lines} === 2")
    opened.run("document.querySelector('#kept button').click()")
    opened.until(f"{P}.setting.values[{json.dumps(name)}] === {first}")
    opened.run("document.querySelectorAll('#kept button')[1].click()")
    assert opened.run(f"{P}.kept.map((one) => one.name)") == ["two"]


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("%7Bdamaged", "is cut short or damaged"),
        (json.dumps({"values": {"no such": 1}}), "leaves out"),
        (json.dumps({"values": {"demand elasticity": 1e9}}), "leaves out"),
        (json.dumps({"values": {"demand elasticity": "<img src=x onerror=alert(1)>"}}), "leaves out"),
        (json.dumps({"curves": {"utilisation": [1]}}), "leaves out"),
    ],
)
def test_an_address_that_asks_for_what_is_not_here_is_told(
    opened: Tab, page: Contents, file: Path, fragment: str, said: str
) -> None:
    opened.open(f"{file.as_uri()}#{urllib.parse.quote(fragment)}", f"window.{P} && {P}.count > 1")
    assert said in opened.run("document.getElementById('status').textContent")
    np.testing.assert_allclose(shown(opened), wanted(page, {}), rtol=1e-9)


def test_what_is_saved_holds_what_is_shown(opened: Tab, page: Contents) -> None:
    name = page.sliders[2]
    value = move(opened, name, 30)
    values = shown(opened)
    lines = opened.run(f"{P}.csv()").removeprefix("\ufeff").splitlines()
    assert lines[0] == "run,variable,unit,time,p5,p25,median,p75,p95"
    assert len(lines) == 1 + 2 * values.shape[0] * values.shape[2]
    own = next(line for line in lines if line.startswith('"this run","Price"')).split(",")
    assert [float(one) for one in own[4:]] == values[0, :, 0].tolist()
    changes = opened.run(f"{P}.cin()")
    assert changes == f"{name} = {value:.15g}\n"


@in_every_browser
def test_files_are_downloaded_whole(opened: Tab, page: Contents) -> None:
    move(opened, page.sliders[2], 30)
    shown(opened)
    numbers, settings = downloaded(opened, "#csv", ".csv"), downloaded(opened, "#cin", ".cin")
    assert numbers.read_text(encoding="utf-8-sig").splitlines() == opened.run(f"{P}.csv()")[1:].splitlines()
    assert settings.read_text(encoding="utf-8") == opened.run(f"{P}.cin()")
    width, height = struct.unpack(">II", downloaded(opened, ".chart .small", ".png").read_bytes()[16:24])
    assert width > 500
    assert height > 300


def test_the_engine_takes_the_settings_that_a_page_saves(opened: Tab, page: Contents, tmp_path: Path) -> None:
    from stockflow.vensim_files.files import changes

    values = {name: move(opened, name, 77) for name in page.sliders[:4]}
    file = tmp_path / "x.cin"
    file.write_text(opened.run(f"{P}.cin()"), encoding="utf-8")
    assert changes(file, page.model) == values


def test_names_of_a_hostile_model_come_back_from_its_settings(browser: Tab, tmp_path: Path) -> None:
    from stockflow.vensim_files.files import changes

    made = contents(hostile(), Asked())
    (tmp_path / "page.html").write_text(html(made), encoding="ascii")
    browser.open((tmp_path / "page.html").as_uri())
    # braces are comments in Vensim's files, in names too
    values = {name: move(browser, name, 33) for name in EVIL if "{" not in name}
    (tmp_path / "x.cin").write_text(browser.run(f"{P}.cin()"), encoding="utf-8")
    assert changes(tmp_path / "x.cin", made.model) == values


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(opened: Tab, page: Contents) -> None:
    tree = opened.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"slider", "spinbutton", "button", "textbox", "checkbox", "image", "DisclosureTriangle"}
    nodes = [one for one in tree if one.get("role", {}).get("value") in roles and not one.get("ignored")]
    assert len(nodes) > 3 * len(page.sliders)
    names = [one.get("name", {}).get("value", "").strip() for one in nodes]
    assert all(names)
    assert len(set(names)) == len(names)
    seen = set()
    for _ in range(12):
        opened.key("Tab")
        seen.add(
            opened.run(
                "document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.tagName"
            )
        )
    assert len(seen) > 8
    first = page.sliders[0]
    opened.run(f"{P}.sliders[0].range.focus()")
    opened.key("ArrowRight")
    opened.until(f"{json.dumps(first)} in {P}.setting.values")


def test_a_chart_has_its_name_before_it_is_drawn(opened: Tab, page: Contents) -> None:
    named = opened.run(f"{P}.charts.map((_, place) => new Chart({P}, place).svg.getAttribute('aria-label'))")
    assert named == [f"{name} over time" for name in opened.run(f"{P}.model.outputs.map((one) => one.name)")]
    assert len(named) == page.charts


@pytest.mark.parametrize(
    ("browser", "width"),
    [("chromium", 320), ("chromium", 768), ("chromium", 390), ("firefox", 390)],
    indirect=["browser"],
)
def test_a_page_fits_a_telephone(opened: Tab, width: int) -> None:
    resized(opened, width, 844)
    opened.until(SETTLED)
    opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert opened.run("document.documentElement.scrollWidth") <= width
    # the charts stay in sight while sliders are moved, and leave room for them
    opened.run("document.getElementById('sliders').scrollIntoView()")
    assert opened.run("document.getElementById('results').getBoundingClientRect().height") < 0.55 * 844


@pytest.mark.parametrize("width", [390, 1280])
def test_no_words_of_a_chart_lie_over_one_another(browser: Tab, tmp_path: Path, width: int) -> None:
    model = of_text("people= INTEG(1000, 1e6)\n\t~ person\n\t~ |\nshare= people*2")
    made = tmp_path / "made.html"
    made.write_text(html(contents(model, Asked())).replace('"unit":"Year"', '"unit":"Semester"'), encoding="ascii")
    browser.errors.clear()
    browser.size(width, 800)
    browser.open(made.as_uri())
    browser.until(SETTLED)
    words = browser.run("[...document.querySelectorAll('.chart text')].map((one) => one.textContent)")
    assert "Semester" in words
    assert browser.run(OVERLAPS % ".chart svg") == []
    browser.size(1280, 800)


def test_a_kept_run_tells_what_was_set_with_its_unit(opened: Tab) -> None:
    asked = {"values": {"plant life": 70.8, "demand shock": 0.5}, "curves": {"utilisation": []}}
    said = opened.run(f"{P}.words({json.dumps(asked)})")
    assert said == "plant life = 70.8 Month, demand shock = 0.5, curve of utilisation"


def test_words_of_a_picture_stay_large_enough_to_read(opened: Tab) -> None:
    drawn = "document.querySelector('#picture > svg')"
    assert opened.run(f"{drawn}.clientWidth / {drawn}.viewBox.baseVal.width") >= 0.84


def test_a_telephone_on_its_side_has_room_for_sliders(opened: Tab) -> None:
    resized(opened, 844, 390)
    opened.until(SETTLED)
    opened.run("document.getElementById('sliders').scrollIntoView()")
    assert opened.run("document.getElementById('results').getBoundingClientRect().bottom") <= 0


def test_the_keyboard_keeps_its_place_where_a_button_goes(opened: Tab, page: Contents) -> None:
    move(opened, page.sliders[0], 30)
    opened.run(f"{P}.sliders[0].back.focus(); {P}.sliders[0].back.click()")
    assert opened.run(f"document.activeElement === {P}.sliders[0].range")
    opened.run(f"{P}.keep('one'); [...document.querySelectorAll('#kept button')].at(-1).click()")
    assert opened.run("document.activeElement.id") == "run-name"


def test_a_page_prints_without_what_cannot_be_used_on_paper(opened: Tab) -> None:
    opened.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert opened.run("getComputedStyle(document.getElementById('keep')).display") == "none"
        assert opened.run("getComputedStyle(document.querySelector('.chart svg')).display") != "none"
        opened.run("document.getElementById('pictures').open = true")
        opened.until("document.querySelector('#picture svg')")
        opened.run("document.querySelector('#picture svg').setAttribute('viewBox', '0 0 100 1000')")
        assert 0 < opened.run("document.querySelector('#picture svg').getBoundingClientRect().height") < 900
        assert base64.b64decode(opened.call("Page.printToPDF")["data"]).startswith(b"%PDF")
    finally:
        opened.call("Emulation.setEmulatedMedia", media="")


def test_a_hostile_model_is_text_and_nothing_else(browser: Tab, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(html(contents(hostile(), Asked())), encoding="ascii")
    browser.errors.clear()
    browser.open(path.as_uri())
    browser.run(
        f"{P}.keep({json.dumps(EVIL[0])});document.querySelectorAll('details').forEach((one) => {{ one.open = true; }})"
    )
    browser.until(SETTLED)
    assert browser.run("document.querySelectorAll('img, iframe, object, svg[onload]').length") == 0
    assert browser.run("document.querySelectorAll('script').length") == 6
    text = browser.run("document.body.innerText")
    # marks that turn letters round are shown as such
    assert all(one.translate(dict.fromkeys((0x202E, 0x2066), "\ufffd")) in text for one in EVIL)
    move(browser, EVIL[3], 150)
    browser.run(f"{P}.keep('turned')")
    assert "\u202e" not in browser.run("document.querySelector('#kept li:last-child').innerText")
    browser.run(f"document.getElementById('reset').click(); {P}.kept.pop()")
    browser.until(SETTLED)
    # a name that runs backwards leaves its unit where it was: behind it
    places = browser.run(
        f"(() => {{ const [name, unit] = {P}.sliders.find((one) => one.one.name === {json.dumps(EVIL[3])})"
        ".element.querySelectorAll('.name, .unit');"
        " return [name, unit].map((one) => one.getBoundingClientRect().x); })()"
    )
    assert places[0] < places[1]
    assert f"\"'{EVIL[4]}" in browser.run(f"{P}.keep({json.dumps(EVIL[4])}); {P}.kept[1].result = {P}.now; {P}.csv()")
    assert browser.errors == []


def test_a_page_says_how_far_it_is_from_the_engine(opened: Tab) -> None:
    said = opened.run("document.querySelector('#about p').textContent")
    assert said.startswith("Checked just now")
    assert float(said.partition("engine's own by ")[2].split(" ")[0].replace("\u2212", "-")) < 1e-12


@in_every_browser
def test_the_policy_stops_scripts_and_the_network(browser: Tab, file: Path) -> None:
    browser.open(file.as_uri())
    browser.run(
        "[document.createElement('script')].forEach((one) => { one.textContent = 'globalThis.ran = 1';"
        "document.body.append(one);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"globalThis.ran = 2\">'); })"
    )
    assert browser.run("fetch('https://example.org').then(() => 'sent', () => 'refused')") == "refused"
    assert browser.run("typeof ran") == "undefined"
    assert not [one for one in browser.errors if one.startswith("asked the network")]
    browser.errors.clear()


def test_a_finger_bends_a_curve(opened: Tab) -> None:
    opened.call("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        resized(opened, 390, 844)
        opened.until(SETTLED)
        x, y = opened.run(
            f"(() => {{ const one = {P}.curves[0].svg.querySelectorAll('circle')[2];"
            " one.scrollIntoView({block: 'end'});"
            " const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        before = opened.run(f"{P}.curves[0].one.ys[2]")
        for kind, down in (("touchStart", 0), ("touchMove", -6), ("touchMove", -14), ("touchEnd", None)):
            points = [] if down is None else [{"x": x, "y": y + down}]
            opened.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        assert opened.run(f"{P}.setting.curves.utilisation?.[2]") > before
    finally:
        opened.call("Emulation.setTouchEmulationEnabled", enabled=False)


def test_a_page_of_arrays_and_without_anything_to_set_runs(browser: Tab, tmp_path: Path) -> None:
    population = stockflow.load(ROOT / "stockflow" / "examples" / "population.mdl")
    bare = of_text("S= INTEG(1, 0)")
    for place, model in enumerate((population, bare)):
        made = contents(model, Asked())
        path = tmp_path / f"page{place}.html"
        path.write_text(html(made), encoding="ascii")
        browser.errors.clear()
        browser.open(path.as_uri())
        found = np.array(browser.run(f"{P}.now.found.map((of) => Array.from(of[2]))"))
        np.testing.assert_allclose(found, made.native({})[0].T[: made.charts], rtol=1e-9)
        assert browser.errors == []
    assert "nothing to change" in browser.run("document.getElementById('lede').textContent")
    gone = ["controls", "compare", "copy", "cin", "address"]
    assert browser.run(f"{gone}.map((one) => document.getElementById(one).offsetHeight)") == [0] * len(gone)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("delete globalThis.WebAssembly;", "no WebAssembly"),
        ("WebAssembly.validate = () => false;", "refuses it"),
        ("delete globalThis.DecompressionStream;", "too old"),
    ],
)
def test_a_browser_that_cannot_run_the_model_is_told_so(file: Path, browser: Tab, lacking: str, said: str) -> None:
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=lacking)["identifier"]
    try:
        browser.open(file.as_uri(), "document.getElementById('alert')?.textContent")
        assert said in browser.run("document.getElementById('alert').innerText")
        assert browser.run("document.getElementById('main').hidden")
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("delete globalThis.Worker;", ("one thread, as workers are refused", "not defined")),
        (
            "const wait = setTimeout; globalThis.setTimeout = (act, after) => wait(act, after === 10000 ? 50 : after);"
            "globalThis.Worker = class { postMessage() {} terminate() {} };",
            ("one thread, as workers are refused", "they do not answer"),
        ),
        (
            "const real = WebAssembly.validate; let asked = 0;"
            "WebAssembly.validate = (one) => asked++ > 0 && real.call(WebAssembly, one);",
            ("without vectors",),
        ),
    ],
)
def test_without_workers_or_vectors_a_page_gives_the_same(
    page: Contents, file: Path, browser: Tab, lacking: str, said: tuple[str, ...]
) -> None:
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=lacking)["identifier"]
    try:
        browser.open(file.as_uri())
        np.testing.assert_allclose(shown(browser), wanted(page, {}), rtol=1e-9)
        about = browser.run("document.getElementById('about').textContent")
        assert all(one in about for one in said)
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


HOST = """<!doctype html><meta charset="utf-8"><body><script type="module">
const shown = await import(URL.createObjectURL(new Blob([{shown}], {{ type: "text/javascript" }}))), state = {state};
shown.default.render({{ model: {{ get: (name) => state[name] }}, el: document.body }});
</script>"""


@needs_browser
def test_a_widget_shows_the_page_in_a_frame_that_reaches_nothing_of_the_notebook(tmp_path: Path) -> None:
    model = hostile()
    one = widget(model, height=500)
    assert one.page == html(contents(model, Asked()))
    state = json.dumps({"page": one.page, "title": one.title, "height": one.height}).replace("<", "\\u003c")
    (tmp_path / "notebook.html").write_text(HOST.format(shown=json.dumps(one._esm), state=state), encoding="utf-8")
    with tab("chromium", "--site-per-process") as browser:
        browser.open((tmp_path / "notebook.html").as_uri(), "document.querySelector('iframe')")
        assert browser.run("document.querySelector('iframe').contentDocument") is None
        browser.enter_frame()
        browser.until("document.documentElement.dataset.moves > 0")
        assert browser.errors == []


def test_without_anywidget_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(InputError, match="a page in a notebook needs anywidget: pip install anywidget"):
        widget(hostile())


def test_a_run_that_breaks_off_leaves_the_axis_to_those_that_do_not(browser: Tab, tmp_path: Path) -> None:
    model = of_text("rate= 0.1\n\t~ 1/Year [0,1]\n\t~ |\npower= 1\n\t~ Dmnl [1,9]", "S= INTEG(rate*S^power, 1)")
    (tmp_path / "made.html").write_text(html(contents(model, Asked())), encoding="ascii")
    browser.errors.clear()
    browser.open((tmp_path / "made.html").as_uri())
    marks = "[...document.querySelectorAll('.chart text')].map((one) => one.textContent)"
    browser.until(SETTLED)
    before = browser.run(marks)
    move(browser, "power", 200)
    shown(browser)
    assert browser.run(f"{P}.now.failed") == 1
    assert browser.run(marks) == before
    lines = "[...document.querySelectorAll('.chart path')].map((one) => one.getAttribute('d'))"
    assert min(browser.run(f"{lines}.flatMap((one) => one.match(/ [-.0-9]+/g).map(Number))")) >= 24
    assert browser.errors == []


def test_what_is_read_off_has_the_size_of_its_axis_and_what_has_no_unit_none(browser: Tab, tmp_path: Path) -> None:
    model = of_text("people= INTEG(1000, 1e6)\n\t~ person\n\t~ |\nshare= people*2")
    (tmp_path / "made.html").write_text(html(contents(model, Asked())), encoding="ascii")
    browser.errors.clear()
    browser.open((tmp_path / "made.html").as_uri())
    browser.until(SETTLED)
    assert browser.run("[...document.querySelectorAll('.read')].map((one) => one.textContent)") == [
        "Year 20: 1,020 thousand person",
        "Year 20: 2,040,000 dimensionless",
    ]
    units = browser.run("[...document.querySelectorAll('.chart text')].map((one) => one.textContent)")
    assert {"thousand person", "dimensionless"} <= set(units)
    assert browser.errors == []
