"""What a policy maker's page tells: of which setting, of slopes after their end, of levels, and of addresses."""

import json
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from page_helpers import EVIL, OVERLAPS, hold
from page_settings import Set, schedule_of

from analysis.mechanisms.paper import measured
from analysis.phase_out.adoption import MARKET, SOLD
from analysis.phase_out.by_instrument.apart import Exits
from analysis.policy_page.contents import PolicyPage, policy_page
from analysis.policy_page.page import html
from analysis.policy_page.presets import presets
from analysis.policy_page.texts import _minus, charts_of
from benchmarks.browser import Tab
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import load_targets
from models.schedules.run import run_schedule
from stockflow.over_time import QUARTER

P = "policyPage"


def done(one: Tab, script: str) -> None:
    """Do something and wait until what is told is what is set."""
    one.run(script)
    one.until(f"{P}.busy === false && {P}.runs.busy === false && !{P}.path.waiting")


def put(one: Tab, name: str, **change: object) -> None:
    """Set fields of an instrument."""
    done(one, f"{P}.set({json.dumps(name)}, {json.dumps(change)})")


def text(one: Tab, place: str) -> str:
    """Return what stands at a place."""
    return str(one.run(f"document.getElementById('{place}').textContent"))


def test_an_old_answer_is_never_shown_as_that_of_a_new_setting(opened: Tab) -> None:
    put(opened, "tax exemption", shape="cliff", start=2012)
    command = text(opened, "command")
    parts = "['verdict', 'results', 'more'].map((id) => document.getElementById(id).ariaBusy)"
    off = "['csv', 'print', 'try'].map((id) => document.getElementById(id).disabled)"
    hold(opened)
    opened.run(
        f"{P}.set('tax exemption', {{ start: 2020 }}); {P}.speak('zh'); {P}.setting.third = 'weak'; {P}.sifted();"
        f"{P}.setting.third = 'all'; {P}.sifted()"
    )
    opened.until(f"{P}.marked")
    assert opened.run(f"[{parts}, {off}, document.getElementById('command').textContent]") == [
        ["true"] * 3, [True] * 3, command,
    ]  # fmt: skip
    opened.run("release()")
    opened.until(f"{P}.busy === false")
    assert opened.run(f"[{parts}, {off}]") == [["false"] * 3, [False] * 3]
    assert "--start 2020" in text(opened, "command")
    assert opened.run(f"{P}.charts.csv()").splitlines()[-1].startswith('setting,"#%7B')


@pytest.mark.parametrize(("start", "length"), [(2017.0, 5.0), (2019.25, 10.75), (2024.0, 8.0)])
def test_a_slope_is_judged_after_its_last_step_as_the_command_judges_it(
    start: float, length: float, opened: Tab, page: PolicyPage
) -> None:
    put(opened, "purchase subsidy", shape="linear", start=start, length=length)
    exits = Exits(page.study, page.samples)
    *_, after = exits.judged(
        exits.run(schedule_of(page, "continued", {"purchase subsidy": Set(100, 2010, "linear", start, length)})),
        start,
        length,
    )
    if start + length + 5 > page.study.horizon:
        assert np.isnan(after).all()
        assert opened.run(f"{P}.answer.found[0].later.beyond") == start + length + 5
        assert "5 years after the last step: not judged. 5 years after the start:" in text(opened, "answer")
        return
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].later.ratio"), after, rtol=1e-9)
    assert opened.run(f"{P}.answer.found[0].later.fails") == pytest.approx(float((after < 0.9).mean()))
    assert "5 years after the last step, over the year before" in text(opened, "reasons")


def test_paper_says_that_the_answer_is_not_there_yet(opened: Tab) -> None:
    put(opened, "tax exemption", shape="cliff", start=2012)
    hold(opened)
    told = "document.getElementById('verdict').ariaBusy"
    assert opened.run(
        f"{P}.set('tax exemption', {{ start: 2020 }}); const before = {told};"
        f" dispatchEvent(new Event('beforeprint')); [before, {told}]"
    ) == ["false", "true"]
    opened.run("dispatchEvent(new Event('afterprint')); release()")
    opened.until(f"{told} === 'false'")


def test_paper_has_what_was_set_last_in_charts_and_tables_too(opened: Tab) -> None:
    put(opened, "purchase subsidy", shape="cliff", start=2012)
    told = "['charts', 'stages'].map((id) => document.getElementById(id).innerHTML)"
    printed, drawn = opened.run(
        f"(async () => {{ {P}.set('purchase subsidy', {{ start: 2016 }});"
        f" while ({P}.busy) await new Promise((done) => setTimeout(done));"
        f" {P}.charts.draw(); dispatchEvent(new Event('beforeprint')); const printed = {told};"
        f" dispatchEvent(new Event('afterprint')); {P}.charts.draw(); {P}.charts.drawn();"
        f" return [printed, {told}] }})()"
    )
    assert printed == drawn


def test_levels_do_not_move_what_is_said_of_an_end(opened: Tab) -> None:
    put(opened, "infrastructure", level=0)
    assert text(opened, "answer").startswith("Levels only")
    assert "Levels are not judged" in text(opened, "reasons")
    assert opened.run(f"{P}.answer.all.year") == 2015
    put(opened, "basic research", shape="cliff", start=2029)
    assert "at the same levels without the end" in text(opened, "reasons")
    held = f"{P}.answer.found[0].ratio.every((one) => Math.abs(one - 1) < 0.05)"
    assert opened.run(held)
    assert "judges ends alone" in text(opened, "command")


def test_a_level_above_its_ceiling_is_told(opened: Tab) -> None:
    put(opened, "tax exemption", level=200)
    assert "Tax exemption: it cannot be more than 1" in text(opened, "reasons")


def test_a_command_is_given_only_where_it_says_the_same(opened: Tab) -> None:
    put(opened, "purchase subsidy", shape="linear", length=3, announced=1)
    put(opened, "purchase subsidy", shape="cliff")
    put(opened, "tax exemption", shape="cliff")  # its length is another one, and no field of it is shown
    assert text(opened, "command").startswith("techcycle exit")
    assert "--announced 1" in text(opened, "command")
    done(opened, f"{P}.setting.third = 'weak'; {P}.sifted()")
    assert "not a third" in text(opened, "command")


def test_an_end_of_a_given_year_beside_one_that_waits_is_what_is_judged(opened: Tab) -> None:
    put(opened, "purchase subsidy", shape="cliff", when="market share", share=5, start=2012)
    assert text(opened, "answer").startswith("Not judged")
    put(opened, "local subsidy", shape="cliff", start=2016)
    assert text(opened, "answer") == "What ends in a given year: Not safe"
    told = text(opened, "reasons")
    assert "Safe or not is what is said of ends in a given year" in told
    assert "not called safe or not" not in told


def test_money_that_rounding_leaves_is_none(opened: Tab) -> None:
    assert opened.run("[lessBy({ noise: 1e-5 }, 390, 390.0005), lessBy({ noise: 1e-5 }, 390, 391)]") == [0, -1]
    assert opened.run("[beside({ noise: 1e-5 }, 4e-7, 2840), beside({ noise: 1e-5 }, 4e-7, 0)]") == [0, 4e-7]
    assert opened.run(f"{P}.charts.numbers(0, [1e-9, 0.5, 1])") == ["0", "0.5", "1"]


def test_no_line_is_named_that_no_chart_has(opened: Tab) -> None:
    for cost, named in ((50, False), (100, True)):
        put(opened, "purchase subsidy", shape="cliff", when="cost parity ratio", cost=cost, start=2015)
        assert ("an end begins" in text(opened, "key")) is named
        assert opened.run("document.querySelectorAll('.chart line[stroke=\"#8a1c1c\"]').length > 0") is named


def test_a_minus_is_one_in_texts_too() -> None:
    assert _minus("(observed -43%, model 8%; 2015-18); \u5b9e\u6d4b-43%") == (
        "(observed \u221243%, model 8%; 2015-18); \u5b9e\u6d4b\u221243%"
    )


def test_fields_keep_what_was_set_where_it_counts_for_nothing(opened: Tab) -> None:
    put(opened, "purchase subsidy", level=98, since=2017, shape="cliff", start=2015)
    put(opened, "purchase subsidy", level=100, shape="")
    assert opened.run(f"{P}.setting.instruments") == {}
    assert opened.run(f"{P}.setting.address()") == ""
    put(opened, "purchase subsidy", level=99, shape="cliff")
    kept = opened.run(f"{P}.setting.instruments['purchase subsidy']")
    assert (kept["since"], kept["start"]) == (2017, 2015)


def test_years_never_reached_are_counted(opened: Tab) -> None:
    assert opened.run("[quantile([-Infinity, 1], 0.5), quantile([1, Infinity], 0.5)].map(String)") == [
        "-Infinity",
        "Infinity",
    ]
    for name in opened.run(f"{P}.policy.instruments.map((one) => one.name)"):
        opened.run(f"{P}.setting.set({json.dumps(name)}, {{ level: 0 }})")
    done(opened, f"{P}.moved()")
    missed = opened.run(f"{P}.dated.stages.at(-1)")
    assert 0 < missed["never"] <= 1
    shown = f"{100 * missed['never']:.1f}".removesuffix(".0")
    assert f"{shown}% / 0%" in text(opened, "stages")
    assert "not by 2035" in text(opened, "stages")
    assert " or later)" in text(opened, "stages")
    assert " or more)" in text(opened, "stages")
    wide, room = opened.run("[byId('stages').scrollWidth, byId('stages').closest('.wide').clientWidth]")
    assert wide <= room
    assert "NaN" not in text(opened, "main")
    assert "not a number" not in text(opened, "main")


def test_an_address_keeps_the_language_and_opens_what_it_changes(opened: Tab, file: Path) -> None:
    done(opened, f"{P}.speak('zh'); {P}.set('public procurement', {{ level: 50 }})")
    address = opened.run(f"{P}.setting.address()")
    opened.open(file.as_uri() + address)
    assert opened.run("document.documentElement.lang") == "zh"
    assert opened.run("document.getElementById('rest').open")
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run("document.getElementById('summary').offsetHeight") > 0
    opened.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"base": {"toString": 1}}, "1 that it does not know"),
        ({"third": "nonsense", "more": 1}, "2 that it does not know"),
        ({"instruments": {"purchase subsidy": {"level": 60.5}}}, "purchase subsidy"),
        ({"instruments": {"purchase subsidy": {"levl": 5}}}, "purchase subsidy"),
        ({"instruments": {"purchase subsidy": {"shape": ["cliff"]}}}, "purchase subsidy"),
        ({"instruments": {EVIL[0]: {"level": 1}, "ending it is safe": {"level": 1}}}, "2 that it does not know"),
        ({"instruments": "abc"}, "1 that it does not know"),
        (None, "1 that it does not know"),
        ([], "1 that it does not know"),
    ],
)
def test_an_address_puts_no_sentence_on_the_page(asked: object, said: str, browser: Tab, file: Path) -> None:
    browser.errors.clear()
    browser.open(f"{file.as_uri()}#{urllib.parse.quote(json.dumps(asked))}")
    status = text(browser, "status")
    assert said in status
    assert ("Level, % of what was paid: 0 to 200" in status) == ("purchase subsidy" in said)
    assert "ending it" not in status
    assert browser.run(f"{P}.setting.changed") is False
    assert browser.run("document.getElementById('alert').hidden")
    done(browser, f"{P}.speak('zh')")
    assert text(browser, "status") not in ("", status)
    assert browser.errors == []


def test_what_is_set_before_the_first_answer_is_kept(browser: Tab, file: Path) -> None:
    browser.errors.clear()
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=file.as_uri())
    browser.until(f"window.{P} && document.querySelector('#market select')")
    browser.run(f"{P}.setting.third = 'weak'; {P}.sifted(); {P}.set('purchase subsidy', {{ shape: 'cliff' }})")
    browser.until(f"{P}.busy === false && {P}.runs.busy === false")
    assert browser.run(f"{P}.result.asked.instruments['purchase subsidy'].shape") == "cliff"
    assert browser.run(f"{P}.answer.draws.length") == 10
    assert browser.errors == []


def test_an_alert_goes_with_the_next_move(opened: Tab) -> None:
    opened.run(f"{P}.refuse(new Error('told'))")
    assert not opened.run("document.getElementById('alert').hidden")
    put(opened, "tax exemption", level=50)
    assert opened.run("document.getElementById('alert').hidden")


def test_a_number_off_its_steps_is_told_by_them(opened: Tab) -> None:
    opened.run("const one = document.getElementById('i0-start'); one.value = 2019.3;")
    opened.run("document.getElementById('i0-start').dispatchEvent(new Event('change'))")
    assert "in steps of 0.25" in text(opened, "status")


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_schedules_that_set_the_same_are_offered_once(case: str) -> None:
    found = [(one.base, json.dumps(one.settings, sort_keys=True)) for one in presets(policy_page(case, 10))]
    assert len(found) == len(set(found))


def test_strongest_loops_end_with_the_study_and_what_is_ahead_says_so(opened: Tab, page: PolicyPage) -> None:
    years = opened.run("[...document.querySelectorAll('#led tbody th')].map((one) => one.textContent)")
    assert {"2012", "2024 to 2025, forecast", "2032 to 2034, forecast"} <= set(years)
    spans = [[int(year) for year in one.split(",")[0].split(" to ")] for one in years]
    assert all((one[0] > 2023) == said.endswith("forecast") for one, said in zip(spans, years, strict=True))
    assert max(one[-1] for one in spans) + 1 == page.study.horizon
    assert "not what a loop is worth" in text(opened, "led-key")
    row = "[...document.querySelectorAll('#led tr')].find((one) => one.textContent.includes('R7 talent'))"
    worth = measured().query("case == 'nev' and name == 'R7 talent'")["output"].item()
    assert opened.run(f"{row}.children[3].textContent") == f"{100 * worth:.1f}%"


def test_what_the_model_misses_is_told_whatever_is_set(opened: Tab) -> None:
    done(opened, "0")
    told = "* The model misses 1% of the market: observed 2015.2, under what happened the model has 2015.6 (2015.3 to"
    assert told in text(opened, "clocks")
    put(opened, "tax exemption", level=0)
    assert told in text(opened, "clocks")
    assert "2015.2*" in text(opened, "stages")
    assert "2021.1*" not in text(opened, "stages")


def test_a_choice_of_clock_is_called_one_and_shares_are_rounded_as_the_command_rounds_them(opened: Tab) -> None:
    done(opened, "0")
    assert "choice of clock as much as a property of technologies" in text(opened, "clocks")
    assert "25 to 35 years after national R&D" in text(opened, "path")
    shares = [0.885, 0.895, 0.005, 0.4449, 1.0]
    assert opened.run(f"{json.dumps(shares)}.map((one) => `${{whole(one)}}%`)") == [f"{one:.0%}" for one in shares]


def test_the_picture_of_the_path_tells_all_its_rows(opened: Tab) -> None:
    done(opened, "0")
    spoken = opened.run("document.querySelector('#path svg').getAttribute('aria-label')")
    for part in ("Darwinian Sea: ", "10% of the market: 20", "Strongest loop at the moment: B6 Darwinian selection"):
        assert part in spoken
    titles = opened.run("[...document.querySelectorAll('#path title')].map((one) => one.textContent)")
    assert "2024 to 2025, forecast: R8 investment momentum" in titles
    assert any(one.startswith("20% of the market: 2022") for one in titles)


def test_other_instruments_are_those_of_the_case(opened: Tab) -> None:
    assert text(opened, "others") == (
        "Other instruments: credit requirement, public procurement, infrastructure, applied research, basic research, "
        "demonstration"
    )


@pytest.fixture(scope="module")
def solar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "pv.html"
    path.write_text(html(policy_page("pv", 10), "en"), encoding="ascii")
    return path


def test_a_tariff_falls_to_its_floor_and_not_below(browser: Tab, solar: Path) -> None:
    browser.errors.clear()
    browser.open(solar.as_uri())
    put(browser, "feed-in premium", shape="linear", start=2016, length=4)
    lines = (
        "[...document.querySelectorAll('#market fieldset:first-child svg path')].map((one) => one.getAttribute('d'))"
    )
    *_, own, floor = browser.run(lines)
    heights = [[float(point.split()[1]) for point in one[1:].split("L")] for one in (own, floor)]
    assert heights[0][-1] == heights[1][-1]
    assert all(mine <= least for mine, least in zip(*heights, strict=True))
    assert "dotted: coal tariff" in text(browser, "market")
    assert "obsolescence → knowledge; in circuits" not in text(browser, "led")
    assert "misses 1% of the market" not in text(browser, "clocks")  # 2012.5, as the interval's end is told
    told = "10% of the market: observed 2021.6, under what happened the model has 2018.7 (2016.7 to 2020.6"
    assert told in text(browser, "clocks")
    assert browser.errors == []


def test_tables_of_the_path_fit_a_telephone(opened: Tab) -> None:
    opened.size(390, 800)
    put(opened, "purchase subsidy", shape="cliff", start=2014)
    opened.run("document.querySelectorAll('details').forEach((one) => one.setAttribute('open', ''))")
    opened.until("document.querySelectorAll('#table tbody tr').length > 0")
    for place in ("stages", "waits", "led", "money", "table"):
        one = f"document.getElementById('{place}')"
        wide, room = opened.run(f"[{one}.scrollWidth, {one}.closest('.wide').clientWidth]")
        assert wide <= room, place


def test_paper_is_no_telephone(opened: Tab) -> None:
    opened.run(f"{P}.set('purchase subsidy', {{ shape: 'cliff', start: 2018 }})")
    opened.call("Emulation.setEmulatedMedia", media="print")
    opened.size(794, 1123)
    folded = "[...document.querySelectorAll('.part')].filter((one) => !one.open).length"
    try:
        assert opened.run(f"new Promise((done) => requestAnimationFrame(() => done({folded})))") == 0
    finally:
        opened.call("Emulation.setEmulatedMedia", media="")


def test_a_browser_that_cannot_run_the_model_is_told_so_under_its_title(browser: Tab, file: Path) -> None:
    lacking = "delete globalThis.WebAssembly;"
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=lacking)["identifier"]
    try:
        browser.open(file.as_uri(), "document.getElementById('alert')?.textContent")
        assert "no WebAssembly" in text(browser, "alert")
        assert "vehicles" in text(browser, "title")
        assert browser.run("[...document.querySelectorAll('button')].filter((one) => one.offsetHeight).length") == 0
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_money_is_told_as_saved_or_as_spent_and_nothing_as_nothing(opened: Tab) -> None:
    put(opened, "purchase subsidy", level=150)
    assert "More public money spent" in text(opened, "reasons")
    assert "money saved, in" not in text(opened, "reasons")
    put(opened, "purchase subsidy", level=50)
    assert "Public money saved, in" in text(opened, "reasons")
    put(opened, "purchase subsidy", level=100)
    put(opened, "local subsidy", shape="cliff", start=2021)
    assert "Nothing differs from the path held against" in text(opened, "reasons")
    assert "saved" not in text(opened, "reasons")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_words_of_a_picture_lie_over_one_another(opened: Tab, width: int) -> None:
    opened.size(width, 900)
    put(opened, "tax exemption", shape="linear", start=2022)
    opened.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    opened.until(f"!{P}.charts.waiting && !{P}.path.waiting")
    for pictures in ("#charts svg", "fieldset svg", "#path svg"):
        assert opened.run(OVERLAPS % pictures) == [], pictures


def test_what_is_no_answer_field_or_chart_is_folded_on_a_telephone_and_open_on_paper(opened: Tab) -> None:
    parts = "[...document.querySelectorAll('.part')].map((one) => one.open)"
    put(opened, "purchase subsidy", shape="linear", start=2015, length=3)
    assert set(opened.run(parts)) == {True}
    opened.size(390, 844)
    opened.until(f"!{parts}.includes(true)")
    assert opened.run("document.documentElement.scrollHeight") < 5000
    assert "100% of 30 draws" in opened.run("document.getElementById('reasons').innerText")
    assert opened.run("document.getElementById('money').checkVisibility()") is False
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    assert set(opened.run(parts)) == {True}
    assert opened.run("document.querySelector('#path svg').viewBox.baseVal.width") == 640
    assert opened.run("document.getElementById('led').checkVisibility()")
    opened.run("window.dispatchEvent(new Event('afterprint'))")
    assert set(opened.run(parts)) == {False}


def test_a_chart_has_the_observations_that_the_fit_compares_with_it(browser: Tab, solar: Path) -> None:
    series = {one.quantity: fitted_series(one) for one in load_targets("pv").series}
    charts = {one.of[0]: one for one in charts_of(policy_page("pv", 10)) if one.seen}
    assert list(charts) == ["Cumulative Connection", "Price"]
    for name, quantity in (("Cumulative Connection", "Cumulative Connection"), ("Price", "Cumulative Price")):
        seen = charts[name].seen
        assert seen is not None
        assert list(seen[0]) == [year + 0.5 for year in series[quantity].years]
        np.testing.assert_allclose(seen[1], series[quantity].values)
    browser.open(solar.as_uri())
    browser.until(f"!{P}.charts.waiting")
    dots = "[...document.querySelectorAll('.chart')].map((one) => one.querySelectorAll('circle').length)"
    shown = [sum(year >= 2010 for year in series[one].years) for one in ("Cumulative Connection", "Cumulative Price")]
    assert [count for count in browser.run(dots) if count] == shown
    assert "observed" in text(browser, "key")


def test_chinese_has_marks_of_its_own(browser: Tab, solar: Path) -> None:
    browser.open(solar.as_uri() + "?lang=zh")
    put(browser, "feed-in premium", shape="steps", when="market share", share=5, level=80)
    put(browser, "distributed premium", shape="linear", start=2017)
    put(browser, "surcharge", level=50)
    browser.run("document.getElementById('table-part').open = true; 0")
    browser.until("document.querySelectorAll('#table tbody tr').length > 0")
    told = browser.run("document.getElementById('main').innerText").replace(text(browser, "command"), "")
    assert re.findall(r".{6}[\u4e00-\u9fff%] ?[,;:()].{6}|.{6}[,;:()] ?[\u4e00-\u9fff].{6}", told) == []


def test_an_end_that_waits_is_measured_so_long_after_it_began_in_each_draw(opened: Tab, page: PolicyPage) -> None:
    waiting = {"shape": "linear", "length": 3.0, "when": "cumulative volume", "volume": 0.5, "start": 2012.0}
    put(opened, "purchase subsidy", **waiting)
    until, asked = float(page.at.times[-1]), {"purchase subsidy": Set(**waiting)}  # type: ignore[arg-type]
    own, base = (
        run_schedule(page.model, schedule_of(page, "continued", made), page.samples, [SOLD, MARKET], until, QUARTER)
        for made in (asked, {})
    )
    began = own["began"].to_numpy()[:, 0]
    assert len(set(began)) > 2
    after = np.searchsorted(own["time"].to_numpy(), began + 5)
    draws = np.arange(len(began))
    sums = [[one[name].to_numpy() for name in (SOLD, MARKET)] for one in (own, base)]
    shares = [np.divide(*(one[draws, after] - one[draws, after - 4] for one in pair)) for pair in sums]
    np.testing.assert_allclose(opened.run(f"{P}.answer.all.ratio"), shares[0] / shares[1], rtol=1e-9)
    fails = np.mean(shares[0] / shares[1] < 0.9)
    assert f"in {100 * fails:g}% of 30 draws" in text(opened, "reasons")
    low, middle, high = np.floor(10 * np.quantile(began, [0.05, 0.5, 0.95]) + 0.5) / 10
    assert f"the end begins in {middle:.1f} ({low:.1f} to {high:.1f})" in text(opened, "reasons")
    assert "when 0.5 million vehicles have been sold at home, not before 2012" in text(opened, "summary")
    opened.run(f"{P}.speak('zh')")
    assert "国内累计销量达50万辆后" in text(opened, "summary")
    put(opened, "purchase subsidy", when="market share", share=95)
    opened.run(f"{P}.speak('en')")
    assert "comes in no draw by 2035; nothing ends" in text(opened, "reasons")
    assert opened.run(f"{P}.answer.all.ratio.every((one) => one === 1)")
