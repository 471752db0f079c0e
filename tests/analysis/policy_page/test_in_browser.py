"""A policy maker's page in a browser, from a file, without a network: fields, thirds, addresses, languages, paper."""

import json
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from page_helpers import EVIL, hold, slow_elsewhere
from page_settings import Set, schedule_of

from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.by_instrument.named import model_objection
from analysis.phase_out.exit import undecided, verdict
from analysis.policy_page import page as page_module
from analysis.policy_page.contents import PolicyPage
from analysis.policy_page.page import html
from analysis.policy_page.texts import said
from benchmarks.browser import Tab
from stockflow.arrays import Array

P = "policyPage"
SUBSIDY = f"{P}.fields.parts[0].element"


def moved(one: Tab, script: str) -> None:
    """Do something and wait until the page has run what it asks for."""
    one.run(f"{P}.count = 0; {script}")
    one.until(f"{P}.count > 0 && {P}.busy === false && {P}.runs.busy === false")


def field(one: Tab, selector: str, value: object) -> None:
    """Give a field of the first instrument a value as a reader does."""
    event = "change" if selector == "select" else "input"
    find = f"{SUBSIDY}.querySelector({json.dumps(selector)})"
    moved(one, f"{find}.value = {json.dumps(value)}; {find}.dispatchEvent(new Event('{event}'))")


def ratio_of(page: PolicyPage, made: dict[str, Set], base: str, start: float) -> tuple[Array, Array]:
    """Return the share that an end leaves over that of the same levels without it, and what all that is set saves."""
    exits = Exits(page.study, page.samples, base=page.bases[base])
    levels = {name: Set(one.level, one.since) for name, one in made.items() if one.level != 100}
    exits.held = exits._share(exits.run(schedule_of(page, base, levels))) if levels else exits.held
    ratio, _, _, _, saved, *_ = exits.judged(exits.run(schedule_of(page, base, made)), start, 0.0)
    return ratio, saved


def test_fields_set_a_schedule_and_the_answer_is_that_of_the_command(opened: Tab, page: PolicyPage) -> None:
    field(opened, "select", "linear")
    field(opened, "#i0-start", 2019.25)
    field(opened, "#i0-length", 3.5)
    field(opened, "#i0-announced", 1)
    field(opened, "#i0-level", 60)
    field(opened, "#i0-since", 2017)
    ratio, saved = ratio_of(page, {"purchase subsidy": Set(60, 2017, "linear", 2019.25, 3.5, 1)}, "continued", 2019.25)
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].ratio"), ratio, rtol=1e-9)
    np.testing.assert_allclose(opened.run(f"{P}.answer.saved"), saved, rtol=1e-9)
    assert opened.run(f"{P}.answer.worst.first") == pytest.approx(float((ratio < 0.9).mean()))
    not_told = "Not decided by so many draws"
    said = f"5 years after the last step: {not_told}. 5 years after the start: {not_told}."
    assert opened.run("document.getElementById('answer').textContent") == said


def test_a_setting_dragged_ends_where_it_was_left(opened: Tab, page: PolicyPage) -> None:
    field(opened, "select", "cliff")
    opened.run(f"for (let year = 2011; year <= 2021; year += 0.25) {P}.set('purchase subsidy', {{ start: year }})")
    opened.until(f"{P}.result.asked.instruments['purchase subsidy'].start === 2021 && {P}.runs.busy === false")
    anew = f"{P}.policy.charts.map((one) => band({P}.model, one, {P}.result.made, {P}.answer.draws))"
    own = f"{P}.policy.charts.map((_, place) => {P}.charts.own(place))"
    assert opened.run(f"JSON.stringify({own}) === JSON.stringify({anew})")
    ratio, _ = ratio_of(page, {"purchase subsidy": Set(shape="cliff", start=2021)}, "continued", 2021)
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].ratio"), ratio, rtol=1e-9)


def test_an_answer_that_takes_long_is_dimmed_until_the_next_is_there(opened: Tab) -> None:
    hold(opened)
    opened.run(f"{P}.set('purchase subsidy', {{ shape: 'cliff', start: 2019 }})")
    dimmed = "getComputedStyle(document.getElementById('verdict')).opacity"
    opened.until(f"{dimmed} < 1")
    opened.run("release()")
    opened.until(f"{P}.busy === false")
    assert opened.run(dimmed) == "1"


def test_what_so_many_draws_cannot_tell_is_not_called_safe(opened: Tab, page: PolicyPage) -> None:
    rule = page.study.exit
    for fails in np.arange(0, 31) / 30:
        said = opened.run(f"verdictOf({P}.policy.rule, {fails}, 30)").replace("open", "not decided")
        assert said == verdict(fails, 30, rule.probability)
        first, last = undecided(np.array([2020.0]), np.array([fails]), 30, rule.probability)
        assert said == ("safe" if np.isfinite(last) else "not decided" if np.isfinite(first) else "not safe")


def test_every_start_is_tried_as_a_study_tries_it(opened: Tab, page: PolicyPage) -> None:
    assert opened.run("document.getElementById('try').disabled")
    assert "Let an instrument end" in opened.run("document.getElementById('tried').textContent")
    moved(opened, f"{P}.setting.set('tax exemption', {{ shape: 'cliff', start: 2022 }}); {P}.moved()")
    field(opened, "select", "cliff")
    assert "in different years" in opened.run("document.getElementById('tried').textContent")
    moved(opened, f"{P}.set('tax exemption', {{ shape: '' }})")
    opened.run("document.getElementById('try').click()")
    opened.until(f"{P}.verdict.trial?.worst.length === {P}.verdict.trial?.years.length")
    years, fails = opened.run(f"[{P}.verdict.trial.years, {P}.verdict.trial.worst.map((one) => one.first)]")
    for year in (2012, 2020, 2029):
        ratio, _ = ratio_of(page, {"purchase subsidy": Set(shape="cliff", start=year)}, "continued", year)
        assert fails[years.index(year)] == pytest.approx(float((ratio < page.study.exit.share_kept).mean()))
    assert opened.run("document.getElementById('tried').textContent").startswith(
        "Safe in none of these years. Not decided: 2021 to 2030. With a setback for a time: "
    )
    moved(opened, f"{P}.set('purchase subsidy', {{ level: 90 }})")
    assert opened.run("document.getElementById('years').textContent") == ""


def test_thirds_are_those_of_the_response(opened: Tab, page: PolicyPage) -> None:
    response = page.samples[page.response]
    field(opened, "select", "cliff")
    for name, some in zip(("weak", "middle", "strong"), np.array_split(np.argsort(response), 3), strict=True):
        opened.run(
            f"{P}.fields.selects.third.value = '{name}'; {P}.fields.selects.third.dispatchEvent(new Event('change'))"
        )
        assert sorted(opened.run(f"{P}.answer.draws")) == sorted(some.tolist())


def test_history_is_a_path_to_hold_against(opened: Tab, page: PolicyPage) -> None:
    moved(
        opened, f"{P}.fields.selects.base.value = 'history'; {P}.fields.selects.base.dispatchEvent(new Event('change'))"
    )
    moved(opened, f"{P}.set('tax exemption', {{ shape: 'cliff', start: 2024 }})")
    ratio, _ = ratio_of(page, {"tax exemption": Set(shape="cliff", start=2024)}, "history", 2024)
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].ratio"), ratio, rtol=1e-9)
    assert "--against history" in opened.run("document.getElementById('command').textContent")


def test_an_end_of_nothing_is_told(opened: Tab) -> None:
    said = "document.getElementById('reasons').textContent"
    moved(opened, f"{P}.set('purchase subsidy', {{ shape: 'cliff', start: 2024 }})")
    assert "changes nothing" not in opened.run(said)
    moved(
        opened, f"{P}.fields.selects.base.value = 'history'; {P}.fields.selects.base.dispatchEvent(new Event('change'))"
    )
    assert "Purchase subsidy: nothing of it is left from 2024 on" in opened.run(said)
    assert opened.run("document.getElementById('answer').textContent") == "Safe, as nothing is left that could end"
    assert opened.run(f"{P}.answer.worst.first") == 0


def test_an_end_is_over_a_year_before_the_runs_are(opened: Tab, page: PolicyPage) -> None:
    moved(opened, f"{P}.set('purchase subsidy', {{ shape: 'linear', start: 2029, length: 9 }})")
    assert opened.run(f"{P}.setting.instruments['purchase subsidy'].length") == page.study.horizon - 1 - 2029
    opened.run("document.getElementById('try').click()")
    opened.until(f"{P}.verdict.trial?.worst.length === {P}.verdict.trial?.years.length")
    assert opened.run(f"{P}.verdict.trial.years.at(-1)") == 2025  # the nine years asked for
    assert "ends over 5 years here" in opened.run("document.getElementById('reasons').textContent")
    moved(opened, f"{P}.set('purchase subsidy', {{ start: 2020 }})")
    assert opened.run(f"{P}.setting.instruments['purchase subsidy'].length") == 9


def test_what_would_exceed_the_price_is_cut_and_told(opened: Tab, page: PolicyPage) -> None:
    made = {"purchase subsidy": Set(200, page.study.since, "cliff", 2029)}
    moved(opened, f"{P}.set('purchase subsidy', {{ level: 200, shape: 'cliff', start: 2029 }})")
    ratio, saved = ratio_of(page, made, "continued", 2029)
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].ratio"), ratio, rtol=1e-9)
    np.testing.assert_allclose(opened.run(f"{P}.answer.saved"), saved, rtol=1e-9)
    assert "in 30 of 30 draws" in opened.run("document.getElementById('reasons').textContent")


def test_a_level_dragged_above_the_price_ends_where_it_was_left(opened: Tab, page: PolicyPage) -> None:
    drag = f"{P}.set('purchase subsidy', {{ level: level, shape: 'cliff', start: 2029 }})"
    wait = "await new Promise((done) => setTimeout(done, 7))"
    opened.run(f"(async () => {{ for (let level = 100; level <= 196; level += 4) {{ {drag}; {wait}; }} }})()")
    opened.until(f"{P}.result.asked.instruments['purchase subsidy']?.level === 196 && {P}.runs.busy === false")
    ratio, _ = ratio_of(page, {"purchase subsidy": Set(196, page.study.since, "cliff", 2029)}, "continued", 2029)
    np.testing.assert_allclose(opened.run(f"{P}.answer.found[0].ratio"), ratio, rtol=1e-9)
    assert opened.run("document.getElementById('alert').hidden")


@slow_elsewhere
def test_the_objection_stands_by_the_answer_and_a_tour_speaks_of_both(opened: Tab, page: PolicyPage) -> None:
    assert opened.run("document.getElementById('but').textContent") == f"But: {model_objection(page.study)}"
    opened.run("document.getElementById('guide').focus()")
    told = []
    opened.key("Enter")
    for _ in range(5):
        told.append(opened.run("document.querySelector('.told').id"))
        assert opened.run("document.activeElement.id") == "next"
        opened.key("Enter")
    assert len(set(told)) == 5
    assert {"verdict", "but"} <= set(told)
    assert opened.run("document.getElementById('tour').hidden && document.activeElement.id") == "guide"


def test_an_address_brings_the_setting_back_and_what_it_cannot_is_told(opened: Tab, file: Path) -> None:
    moved(opened, f"{P}.set('tax exemption', {{ shape: 'linear', start: 2022, length: 2, level: 80, since: 2015 }})")
    address, setting = opened.run(f"{P}.setting.address()"), opened.run(f"{P}.setting.now")
    opened.open(file.as_uri() + address)
    assert opened.run(f"{P}.setting.now") == setting
    wrong = {"base": "continued", "instruments": {"tax exemption": {"shape": "<img>"}, EVIL[0]: {"level": 1}}}
    opened.open(f"{file.as_uri()}#{urllib.parse.quote(json.dumps(wrong))}")
    assert opened.run(f"{P}.setting.instruments") == {}
    status = opened.run("document.getElementById('status').textContent")
    assert "tax exemption" in status
    assert "1 more" in status
    assert EVIL[0] not in status
    opened.open(f"{file.as_uri()}#%7Bbroken")
    assert opened.run("document.getElementById('status').textContent")


def test_an_address_names_the_language(opened: Tab, file: Path) -> None:
    for asked, spoken in (("zh", "zh"), ("en", "en"), ("constructor", "en")):
        opened.open(f"{file.as_uri()}?lang={asked}")
        assert opened.run("document.documentElement.lang") == spoken


def test_both_languages_say_all_and_chinese_says_it_in_chinese(opened: Tab, page: PolicyPage) -> None:
    field(opened, "select", "cliff")
    opened.run(f"{P}.speak('zh')")
    opened.until(f"!{P}.charts.waiting")  # charts are told anew with the next frame
    assert opened.run("document.documentElement.lang") == "zh"
    text = opened.run("document.body.innerText")
    command = opened.run("document.getElementById('command').textContent")
    digest = page.page.simulator.digest
    words = set(re.findall(r"[A-Za-z]{3,}", text.replace(command, "").replace(digest, "")))
    assert words <= {"English", "CSV", "techcycle", "policy", "list", "compare", "bnCNY"}, words
    two = said(page)
    assert two["en"].keys() == two["zh"].keys()
    texts, theirs = two["en"]["texts"], two["zh"]["texts"]
    assert isinstance(texts, dict)
    assert isinstance(theirs, dict)
    assert texts.keys() == theirs.keys()
    for key, one in texts.items():
        assert theirs[key] != one, key
        assert set(re.findall(r"{\w+}", theirs[key])) == set(re.findall(r"{\w+}", one)), key


def test_a_number_out_of_bounds_is_taken_back(opened: Tab) -> None:
    opened.run(
        "const one = document.getElementById('i0-level'); one.value = 999; one.dispatchEvent(new Event('input'))"
    )
    opened.run("document.getElementById('i0-level').dispatchEvent(new Event('change'))")
    assert "from 0 to 200" in opened.run("document.getElementById('status').textContent")
    assert opened.run(f"{P}.setting.instruments") == {}


def test_it_fits_a_telephone_and_paper(opened: Tab) -> None:
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run("['set', 'trial'].map((id) => document.getElementById(id).offsetHeight)") == [0, 0]
    opened.call("Emulation.setEmulatedMedia", media="")
    field(opened, "select", "linear")
    opened.size(390, 844)
    opened.until("document.documentElement.scrollWidth <= 390")
    opened.call("Emulation.setEmulatedMedia", media="print")
    shown = "[...document.querySelectorAll('fieldset')].filter((one) => one.offsetHeight > 0).length"
    assert opened.run(shown) == 1  # what was changed, and nothing else
    assert opened.run("document.getElementById('print').offsetHeight") == 0
    assert opened.run("document.getElementById('verdict').offsetHeight") > 0
    opened.call("Emulation.setEmulatedMedia", media="")


@slow_elsewhere
def test_the_keyboard_reaches_and_moves_every_field_that_is_shown(opened: Tab) -> None:
    reached: list[str] = []
    opened.run("document.activeElement.blur()")
    fields = opened.run(
        "[...document.querySelectorAll('#controls input, #controls select')].filter((one) => one.checkVisibility())"
        ".map((one, i) => (one.dataset.field = String(i)))"
    )
    for _ in range(60):
        opened.key("Tab")
        reached.append(opened.run("document.activeElement.dataset.field ?? ''"))
    assert set(fields) <= set(reached)
    assert len(fields) > 10
    opened.run(f"{SUBSIDY}.querySelector('input[type=range]').focus()")
    opened.key("ArrowLeft")
    opened.until(f"{P}.setting.instruments['purchase subsidy']?.level === 99")
    unnamed = (
        "[...document.querySelectorAll('input, select, button')].filter((one) => !(one.ariaLabel || one.textContent"
    )
    assert opened.run(f"{unnamed} || one.labels?.length)).length") == 0


def test_no_word_of_a_case_becomes_markup(
    page: PolicyPage, browser: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hostile(of: PolicyPage) -> dict[str, dict[str, object]]:
        words = said(of)
        for one in words.values():
            one |= {"title": EVIL[0], **{key: list(EVIL) for key in ("happened", "cannot", "about", "but", "rule")}}
            one["instruments"] = dict.fromkeys(one["instruments"], EVIL[0])  # type: ignore[call-overload]
            one["words"] = dict.fromkeys(one["words"], EVIL[5])  # type: ignore[call-overload]
            one["units"] = {key: {"factor": 1.0, "unit": EVIL[0]} for key in one["units"]}
            one["charts"] = [{"name": EVIL[0], "factor": 1.0, "unit": EVIL[5]} for _ in one["charts"]]  # type: ignore[attr-defined]
            one["stages"] = dict.fromkeys(one["stages"], EVIL[0])  # type: ignore[call-overload]
            one |= {key: [EVIL[5] for _ in one[key]] for key in ("barriers", "clocks")}  # type: ignore[attr-defined]
            one["led"] = [{"name": EVIL[0], "meaning": EVIL[5]} for _ in one["led"]]  # type: ignore[attr-defined]
            one["worlds"] = {key: {"name": EVIL[0], "says": EVIL[5], "source": EVIL[1]} for key in one["worlds"]}  # type: ignore[attr-defined]
            one["presets"] = [{"title": EVIL[5], "base": "continued", "set": {}}]
        return words

    monkeypatch.setattr(page_module, "said", hostile)
    text = html(page, "en")
    (tmp_path / "evil.html").write_text(text, encoding="ascii")
    browser.errors.clear()
    browser.open((tmp_path / "evil.html").as_uri())
    assert browser.run("document.querySelectorAll('img, script:not([type]):not(:last-of-type), iframe').length") == 0
    assert browser.run("document.getElementById('title').textContent") == EVIL[0]
    browser.run(
        f"{P}.tell('number', () => ({{ name: {P}.words.instruments['tax exemption'], low: 0, high: 1, step: 1 }}))"
    )
    assert EVIL[0] in browser.run("document.getElementById('status').textContent")
    assert browser.run("document.querySelectorAll('img, iframe').length") == 0
    assert browser.errors == []
    assert "default-src 'none'" in text
