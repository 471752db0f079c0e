"""How a policy maker's page words what it found: what leads, which year is meant, what cannot matter."""

import json
from typing import Any

import numpy as np
import pytest
from page_settings import Set, schedule_of

from analysis.phase_out.adoption import MARKET, SOLD
from analysis.policy_page.contents import PolicyPage
from analysis.policy_page.texts import charts_of
from benchmarks.browser import Tab
from models.schedules.run import run_schedule
from stockflow.over_time import QUARTER

P = "policyPage"
WORST = {"first": 0.0, "later": None, "last": None, "all": 0.0, "sloped": False, "none": False, "back": 0.0}

MANY = f"{P}.answer.draws = [...Array(200).keys()]; 0"  # enough to tell none that fail from the bound


def settled(one: Tab, script: str) -> None:
    """Do something and wait until what is told is what is set."""
    one.run(script)
    one.until(f"{P}.busy === false && {P}.runs.busy === false")


def text(one: Tab, place: str) -> str:
    """Return what stands at a place."""
    return str(one.run(f"document.getElementById('{place}').textContent"))


def columns_of(page: PolicyPage) -> dict[str, float]:
    """Return what 1 of each column of the command's table is in the model, by variable."""
    return {one.variable: one.in_model for one in page.study.columns}


@pytest.mark.parametrize(
    ("found", "said", "look"),
    [
        ({}, "Safe", "safe"),
        ({"back": 0.5}, "Safe, but with a setback for a time", "open"),
        ({"first": 0.5, "all": 0.5, "back": 0.5}, "Not safe", "unsafe"),
        (
            {"sloped": True, "none": True, "last": 0.9, "all": 0.9},
            "In the last year of the study, before 2035: Not safe. 5 years after the last step: not judged. "
            "5 years after the start: Safe.",
            "unsafe",
        ),
        (
            {"sloped": True, "none": True, "last": 0.0},
            "5 years after the last step: not judged. 5 years after the start: Safe.",
            "safe unjudged",
        ),
        (
            {"sloped": True, "later": 0.9, "all": 0.9},
            "5 years after the last step: Not safe. 5 years after the start: Safe.",
            "unsafe",
        ),
    ],
)
def test_what_comes_last_leads_and_nothing_that_fails_is_shown_as_safe(
    opened: Tab, found: dict[str, Any], said: str, look: str
) -> None:
    worst = json.dumps(WORST | found)
    opened.run(MANY)
    assert opened.run(f"{P}.verdict.answer({worst}, null)") == said
    assert opened.run(f"{P}.verdict.look({worst})") == look


def test_every_year_is_told_by_its_worst_judgement(opened: Tab) -> None:
    sloped = WORST | {"sloped": True}
    tried = [
        sloped | {"later": 0.9, "all": 0.9},
        sloped | {"none": True, "last": 0.9, "all": 0.9},
        sloped | {"none": True, "last": 0.0},
    ]
    trial = {"years": [2020, 2021, 2022], "worst": tried}
    opened.run(MANY)
    opened.run(f"{P}.verdict.trial = {json.dumps(trial)}; {P}.verdict.bars()")
    assert text(opened, "tried") == (
        "As judged 5 years after the last step: Safe in none of the years that can be judged. Not judged, as that lies"
        " beyond the study: 2021 to 2022. In the last year of the study, before 2035, it has failed already if it"
        " starts in: 2021. As judged 5 years after the start: Safe if it starts in: 2020 to 2022."
    )
    looks = "[...document.querySelectorAll('#years rect[class]')].map((one) => one.getAttribute('class'))"
    assert opened.run(looks) == ["unsafe", "unsafe", "safe unjudged"]
    assert opened.run("document.querySelectorAll('#years rect[fill=\"url(#stripes)\"]').length") == 2
    assert "dashed: 10%, what the study allows" in text(opened, "years")
    opened.size(390, 844)
    opened.until("document.querySelector('#years svg').viewBox.baseVal.width <= 390")
    fill = "getComputedStyle(document.querySelector('#years rect.unsafe')).fill"
    opened.run("document.getElementById('verdict').className = 'unsafe'")
    assert opened.run(fill) == opened.run("getComputedStyle(document.getElementById('verdict')).borderLeftColor")


def test_a_year_is_the_one_that_a_command_means(opened: Tab, page: PolicyPage) -> None:
    settled(opened, f"{P}.set('purchase subsidy', {{ shape: 'cliff', start: 2017 }})")
    opened.run("document.getElementById('table-part').open = true; ''")
    opened.until("document.querySelectorAll('#table tbody tr').length > 0")
    rows = "[...document.querySelectorAll('#table tbody tr')].map((one) => [...one.children].map((c) => c.textContent))"
    (row,) = [cells for cells in opened.run(rows) if cells[0] == "2017"]
    schedule = schedule_of(page, "continued", {"purchase subsidy": Set(shape="cliff", start=2017.0)})
    found = run_schedule(page.model, schedule, page.samples, [SOLD, MARKET, "Price"], float(page.at.times[-1]), QUARTER)
    first, last = np.searchsorted(found["time"].to_numpy(), [2017 - 1e-9, 2018 - 1e-9])
    sold, market = (found[name].to_numpy()[:, last] - found[name].to_numpy()[:, first] for name in (SOLD, MARKET))
    assert float(row[1].split()[0]) == pytest.approx(float(np.median(100 * sold / market)), rel=5e-3)
    price = found["Price"].to_numpy()[:, first:last].mean(axis=1) / columns_of(page)["Price"]
    assert float(row[5].split()[0]) == pytest.approx(float(np.median(price)), rel=5e-3)
    opened.run(f"{P}.charts.look({P}.charts.times.indexOf(2018))")
    assert text(opened, "at") == "2017"
    opened.until(f"!{P}.charts.waiting")
    assert row[1].split()[0] in opened.run("document.querySelector('.chart .read').textContent")
    assert "over the year before 2022" in text(opened, "reasons").lower()
    seen = charts_of(page)[1].seen
    assert seen is not None
    assert {year % 1 for year in seen[0]} == {0.5}
    line = next(one for one in opened.run(f"{P}.charts.csv()").splitlines() if ",2017,2018," in one)
    assert float(line.split(",")[-3]) == pytest.approx(float(np.median(100 * sold / market)))


@pytest.mark.parametrize(
    ("cost", "more", "key"),
    [
        ([1, 2, 3], 1, "cost"),
        ([1, 2, 3], -1, "cost kept"),
        ([-1, -2, -3], 1, "cost none"),
        ([-1, -2, -3], -1, "cost lost"),
        ([-1, 2, 3], -1, "cost unclear"),
    ],
)
def test_a_cost_is_worded_by_its_sign_in_most_draws(opened: Tab, cost: list[float], more: int, key: str) -> None:
    assert opened.run(f"costSign({{ cost: {cost}, more: {more} }})") == key


def test_money_leads_from_its_lines_to_what_is_saved(opened: Tab) -> None:
    settled(opened, f"{P}.set('purchase subsidy', {{ level: 50 }})")
    saved, parts = f"{P}.answer.saved", f"{P}.answer.now.map((value, k) => value + {P}.answer.due[k])"
    np.testing.assert_allclose(opened.run(saved), opened.run(parts))
    last = opened.run(f"{P}.answer.lines.at(-1)")
    assert last["name"] == "worth"
    assert -last["more"] == pytest.approx(opened.run(f"fan({saved})[2]"))
    assert "in present value of 2020" in text(opened, "money")


def test_several_ends_are_named_and_those_of_nothing_left_out(opened: Tab) -> None:
    opened.run(f"{P}.setting.base = 'history'; {P}.setting.set('purchase subsidy', {{ shape: 'cliff', start: 2015 }})")
    opened.run(f"{P}.setting.set('tax exemption', {{ shape: 'cliff', start: 2018 }})")
    settled(opened, f"{P}.set('local subsidy', {{ shape: 'cliff', start: 2028 }})")
    assert opened.run(f"{P}.answer.found.map((one) => one.names)") == [["purchase subsidy"], ["tax exemption"]]
    told = text(opened, "reasons")
    assert "Purchase subsidy: Over the year before 2020" in told
    assert "Tax exemption: Over the year before 2023" in told
    assert "Local subsidy: nothing of it is left" in told
    assert "Local subsidy: Over" not in told


def test_what_is_answered_stands_under_the_answer(opened: Tab) -> None:
    settled(opened, f"{P}.set('tax exemption', {{ level: 80, since: 2015, shape: 'linear', start: 2022, length: 2 }})")
    assert text(opened, "summary") == (
        "Tax exemption: 80% of what was paid, from 2015 on, ends in a straight line from 2022, over 2 years;"
        " Held against: support that goes on"
    )
    assert opened.run("document.getElementById('summary').offsetHeight") > 0


@pytest.mark.parametrize(("start", "same"), [(2017.0, True), (2024.0, False)])
def test_a_world_is_told_and_whether_it_can_matter(opened: Tab, page: PolicyPage, start: float, same: bool) -> None:
    assert page.departs(next(iter(page.worlds))) is None
    assert {page.departs(name) for name in list(page.worlds)[1:]} == {2026.0}
    opened.run(f"{P}.setting.world = 'cheap fuel'")
    settled(opened, f"{P}.set('purchase subsidy', {{ shape: 'cliff', start: {start} }})")
    told = text(opened, "reasons")
    assert ("after the years judged here" in told) is same
    assert ("which the study does not ask about" in told) is not same
    fails = opened.run(f"{P}.answer.worst.first")
    if same:
        settled(opened, f"{P}.setting.world = 'as expected'; {P}.moved()")
        assert opened.run(f"{P}.answer.worst.first") == fails
        assert "departs" not in text(opened, "reasons")


def test_what_a_schedule_loads_is_told_and_stays_chosen(opened: Tab) -> None:
    settled(opened, f"{P}.setting.base = 'continued'; {P}.setting.world = 'cheap fuel'; {P}.moved()")
    select = f"{P}.fields.selects.preset"
    place, title = opened.run(
        f"[...{select}.options].map((one) => [one.value, one.textContent]).findLast(([one]) => one)"
    )
    settled(opened, f"{select}.value = {place}; {select}.dispatchEvent(new Event('change'))")
    assert text(opened, "status") == f"Begun from: {title}. Held against: what happened. World: as expected."
    assert opened.run(f"{select}.value") == place
    settled(opened, f"{P}.set('tax exemption', {{ level: 42 }})")
    assert opened.run(f"{select}.value") == ""
    assert text(opened, "status") == ""
