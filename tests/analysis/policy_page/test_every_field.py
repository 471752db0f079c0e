"""Every field of a policy maker's page, moved on a telephone as a reader moves it, gives the engine's own runs."""

import json
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from page_helpers import difference, downloaded, in_every_browser, slow_elsewhere
from page_settings import Set, schedule_of

from analysis.paths.forward import changed
from analysis.paths.study import PathStudy
from analysis.policy_page.contents import PolicyPage
from benchmarks.browser import Tab
from models.schedules.run import run_schedule
from stockflow.arrays import Array
from stockflow.over_time import QUARTER

P = "policyPage"
RUNS = (
    f"[...Array({P}.model.draws).keys()].flatMap((run) => {P}.model.time.values.flatMap((_, time) =>"
    f" {P}.model.outputs.map((_, place) => {P}.result.made.at(run, time, place))))"
)


def runs_of(one: Tab, page: PolicyPage) -> Array:
    """Return all runs that a page holds, (run, time, output)."""
    one.until(f"{P}.busy === false && {P}.runs.busy === false")
    of = page.page.simulator
    return np.array(one.run(RUNS)).reshape(page.page.runs, len(of.times), len(of.outputs))


def engine(page: PolicyPage, base: str, made: dict[str, Set], world: str | None = None) -> Array:
    """Return the engine's runs of a setting, (run, time, output)."""
    model, outputs = page.model, page.page.simulator.outputs
    if world is not None:
        model = changed(model, PathStudy.load().forward[page.study.case].scenarios[world], world)
    until = float(page.at.times[-1])
    found = run_schedule(model, schedule_of(page, base, made), page.samples, outputs, until, QUARTER)
    return np.stack([found[name].to_numpy() for name in outputs], axis=2)


def move(one: Tab, place: int, key: str, value: float | str) -> None:
    """Give a field of an instrument a value: its slider where it has one, else its number, else its choice."""
    field = f"document.getElementById('i{place}-{key}')"
    slider = f"({field}.previousElementSibling?.type === 'range' ? {field}.previousElementSibling : {field})"
    kind = "change" if key in ("shape", "when") else "input"
    one.run(
        f"(() => {{ const one = {slider}; one.value = {json.dumps(value)}; one.dispatchEvent(new Event('{kind}')) }})()"
    )


def choose(one: Tab, which: str, value: str) -> None:
    """Choose what is held against what, or the world."""
    select = f"{P}.fields.selects.{which}"
    one.run(
        f"[{select}].forEach((one) => {{ one.value = {json.dumps(value)}; one.dispatchEvent(new Event('change')); }})"
    )


@slow_elsewhere
def test_every_field_of_every_instrument_gives_the_runs_of_the_engine(opened: Tab, page: PolicyPage) -> None:
    opened.size(390, 844)
    fields = {"level": 80.0, "since": 2014.0, "shape": "linear", "start": 2019.5, "length": 4.25}
    for place, about in enumerate(page.instruments):
        opened.run("document.getElementById('reset').click()")
        ahead = 1.5 if about.announced else 0.0
        for key, value in (fields | ({"announced": ahead} if ahead else {})).items():
            move(opened, place, key, value)  # type: ignore[arg-type]
        made = {about.name: Set(80.0, 2014.0, "linear", 2019.5, 4.25, ahead)}
        assert difference(runs_of(opened, page), engine(page, "continued", made)) < 1e-9, about.name
        kept = opened.run(f"{P}.setting.instruments[{json.dumps(about.name)}]")
        assert {key: kept[key] for key in (*fields, "announced")} == fields | {"announced": ahead}
    assert opened.run("document.documentElement.scrollWidth") <= 390


AWAITED = {"market share": ("share", 4.5), "cost parity ratio": ("cost", 118.0), "cumulative volume": ("volume", 2.75)}


def test_an_end_of_every_instrument_waits_as_a_schedule_does(opened: Tab, page: PolicyPage) -> None:
    opened.size(390, 844)
    waited = 0
    for place, about in enumerate(page.instruments):
        opened.run("document.getElementById('reset').click()")
        when, (key, level) = list(AWAITED.items())[place % 3]
        shape = ("steps", "exponential", "linear", "cliff")[place % 4]
        move(opened, place, "shape", shape)
        move(opened, place, "when", when)
        shown = "[...document.querySelectorAll('#controls input[type=number]')].filter((one) => one.checkVisibility())"
        ids = opened.run(f"{shown}.map((one) => one.id).filter((id) => id.startsWith('i{place}-'))")
        length, steps = ([] if shape == "cliff" else ["length"]), (["steps"] if shape == "steps" else [])
        ahead = ["announced"] if about.announced else []
        assert ids == [f"i{place}-{one}" for one in ("level", *steps, key, "start", *length, "floor", *ahead)]
        values = {"steps": 4.0, key: level, "start": 2013.5, "length": 3.25, "floor": 35.0, "announced": 0.75}
        for one in (*steps, key, "start", *length, "floor", *ahead):
            move(opened, place, one, values[one])
        given = {one: values[one] for one in (*length, "floor", *ahead)}
        made = {about.name: Set(shape=shape, start=2013.5, steps=4, when=when, **{key: level}, **given)}  # type: ignore[arg-type]
        assert difference(runs_of(opened, page), engine(page, "continued", made)) < 1e-9, about.name
        begun = opened.run(f"{P}.answer.began[0].years.filter(Number.isFinite).length")
        waited += begun
        assert opened.run("document.getElementById('answer').textContent").startswith("Not judged")
        told = opened.run("document.getElementById('reasons').textContent")
        assert f"in {100 * begun / 30:.0f}% of 30 draws" in told or "comes in no draw" in told
    assert waited > 100
    assert opened.run("document.documentElement.scrollWidth") <= 390


@in_every_browser
def test_a_world_and_a_path_are_chosen_shared_and_brought_back(opened: Tab, page: PolicyPage, file: Path) -> None:
    opened.size(390, 844)
    choose(opened, "base", "history")
    choose(opened, "world", "dear materials")
    move(opened, 2, "shape", "cliff")
    move(opened, 2, "start", 2027.0)
    theirs = engine(page, "history", {page.instruments[2].name: Set(shape="cliff", start=2027.0)}, "dear materials")
    assert difference(runs_of(opened, page), theirs) < 1e-9
    assert "three times as dear" in opened.run("document.getElementById('world').textContent")
    assert "expected world alone" in opened.run("document.getElementById('command').textContent")
    opened.run("[...document.getElementById('languages').children].find((one) => one.lang === 'zh').click()")
    opened.run("document.getElementById('copy').click()")
    address = opened.run("location.href")
    assert json.loads(urllib.parse.unquote(address.partition("#")[2]))["world"] == "dear materials"
    opened.open(address)
    assert difference(runs_of(opened, page), theirs) < 1e-9
    assert opened.run("document.documentElement.lang") == "zh"
    assert opened.run(f"{P}.fields.selects.world.selectedOptions[0].textContent") == "材料昂贵"
    opened.open(f"{file.as_uri()}#{urllib.parse.quote(json.dumps({'world': 'flat earth'}))}")
    assert opened.run(f"{P}.setting.world") == next(iter(page.worlds))
    assert "1" in opened.run("document.getElementById('status').textContent")


def test_a_world_of_ones_own_is_set_told_shared_and_left(opened: Tab, page: PolicyPage, file: Path) -> None:
    opened.size(390, 844)
    move(opened, 0, "level", 90.0)
    for place, value in enumerate((80, 250, 120)):
        move_world(opened, place, value)
    opened.until(f"{P}.busy === false && {P}.runs.busy === false")
    address, runs = opened.run("policyPage.setting.address()"), runs_of(opened, page)
    assert opened.run(f"{P}.fields.selects.world.value") == "own"
    told = opened.run("document.getElementById('summary').textContent")
    assert "Fuel price 80% of expected from 2030 on (changing from 2026)" in told
    assert opened.run(f"{P}.setting.world") == "own 80 250 120"
    opened.open(file.as_uri() + address)
    assert difference(runs_of(opened, page), runs) < 1e-12
    move_world(opened, 0, 100)
    move_world(opened, 1, 300)
    move_world(opened, 2, 100)
    assert opened.run(f"{P}.setting.world") == "dear materials"
    theirs = engine(page, "continued", {page.instruments[0].name: Set(90.0, 2010.0)}, "dear materials")
    assert difference(runs_of(opened, page), theirs) < 1e-9
    assert len(opened.run(f"Object.keys({P}.bases).filter((one) => one.includes('own '))")) <= 1
    for wrong in ("own 80 250", "own 80 250 999", "own 80 250 1.5", "own 100 100 67"):
        opened.open(f"{file.as_uri()}#{urllib.parse.quote(json.dumps({'world': wrong}))}")
        assert opened.run(f"{P}.setting.world") == "as expected", wrong


def move_world(one: Tab, place: int, value: int) -> None:
    """Move what the drivers of a world end at by its slider."""
    field = f"document.getElementById('w{place}-range')"
    one.run(f"{field}.value = {value}; {field}.dispatchEvent(new Event('input'))")


@slow_elsewhere
def test_numbers_are_downloaded_as_they_are_shown(opened: Tab) -> None:
    opened.size(390, 844)
    move(opened, 0, "level", 50.0)
    opened.until(f"{P}.busy === false && {P}.runs.busy === false")
    lines = downloaded(opened, "#csv", "nev.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "run,quantity,unit,from,to,p5,p25,median,p75,p95"
    told = "10% of the market at parity"
    place = f"{P}.policy.path.stages.findIndex(({{ name }}) => {P}.words.stages[name].startsWith('{told}'))"
    dated = opened.run(f"{P}.dated.stages[{place}].own")
    (stage,) = [line for line in lines if line.startswith(f'"yours","{told}')]
    assert [float(one) for one in stage.split(",")[-5:]] == pytest.approx(dated)
    last = [line for line in lines if line.startswith('"yours"')][len(opened.run(f"{P}.charts.times")) - 1]
    shown = opened.run(f"{P}.charts.own(0).map((values) => values.at(-1))")
    assert [float(one) for one in last.split(",")[-5:]] == pytest.approx(shown)


def test_the_path_is_told_and_drawn_of_what_is_set(opened: Tab) -> None:
    rows = "document.getElementById('stages').querySelectorAll('tr').length"
    opened.until(f"!{P}.path.waiting")
    assert opened.run(rows) == 1 + opened.run(f"{P}.policy.path.stages.length")
    before = opened.run(f"{P}.dated.clocks[0].years[2]")
    move(opened, 0, "level", 0.0)
    opened.until(f"{P}.busy === false && {P}.runs.busy === false && !{P}.path.waiting")
    after = opened.run(f"{P}.dated.clocks[0].years[2]")
    assert after > before + 0.5
    assert f"{after:.1f}" in opened.run("document.getElementById('clocks').firstElementChild.textContent")
    label = "document.querySelector('#path svg').getAttribute('aria-label')"
    opened.until(f"{label}.includes('Darwinian Sea: ' + {P}.path.spread({P}.dated.waits.at(-1).own))")
    led = opened.run("document.querySelectorAll('#led tbody tr').length")
    assert led == opened.run(f"{P}.policy.path.led.length") > 5
