"""A policy maker's page gives the numbers of the commands, for whatever it can set."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_helpers import NODE, difference, needs_node
from page_settings import Set, schedule_of

from analysis.draws.runs import drawn
from analysis.draws.stages import LARGE, STAGE_OUTPUTS, STAGES, date_stages, shares
from analysis.mechanisms.barriers import _dates as waits
from analysis.mechanisms.instrument_study import BARRIERS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.loops import loop_dominance, phases
from analysis.paths.durations import date_path, within
from analysis.paths.forward import changed
from analysis.paths.study import Ahead, PathStudy
from analysis.phase_out.account import ARREARS, LINES, TOTAL, outlay
from analysis.phase_out.adoption import SOLD
from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.by_instrument.levels import at_levels
from analysis.phase_out.runs import Values
from analysis.phase_out.study import PhaseOutStudy
from analysis.policy_page.contents import BASES, LIMITS, TEXTS, PolicyPage, policy_page
from analysis.policy_page.page import html
from analysis.policy_page.path import path
from analysis.policy_page.presets import presets
from analysis.policy_page.texts import said
from models.schedules.change import TRIGGERS
from models.schedules.file import load_schedule, shipped
from models.schedules.law import LAWS
from models.schedules.run import CENT, run_schedule
from stockflow.arrays import Array
from stockflow.intervals import FAN, quantiles
from stockflow.over_time import QUARTER, year_reached

pytestmark = needs_node
DRAWS, SETTINGS = 20, 50
FEW = (1, 3, 26)  # seeds of settings that have every shape, and all that an end can wait for
#: where both industries go the same way through page and command
ONE_CASE = ["nev", pytest.param("pv", marks=pytest.mark.slow)]
SHAPES = (*LAWS, "steps")
LEVELS = [int(end) for end in LIMITS["level"][:2]]
Settings = Mapping[str, Set]


@cache
def page_of(case: str) -> PolicyPage:
    return policy_page(case, DRAWS)


@cache
def written(case: str) -> str:
    return html(page_of(case), "en")


def random_settings(page: PolicyPage, seed: int) -> tuple[str, dict[str, Set]]:
    """Return a base, and for one to three instruments a level, an end, or both, as the page's fields allow them."""
    random = np.random.default_rng(seed)
    names = random.permutation([one.name for one in page.instruments])[: random.integers(1, 4)]
    study, made = page.study, {}
    for name in map(str, names):
        shape = SHAPES[random.integers(len(SHAPES))] if random.random() < 0.8 else None
        level = float(random.choice([100, 0, random.integers(*LEVELS)])) if shape else float(random.integers(*LEVELS))
        years = np.arange(study.since, study.horizon - study.exit.years_after + QUARTER, QUARTER)
        length = float(random.choice(np.arange(QUARTER, LIMITS["length"][1] + QUARTER, QUARTER)))
        when = str(random.choice(["", "", *TRIGGERS])) if shape else ""
        made[name] = Set(level, float(random.choice(years)), shape, float(random.choice(years)), length,
                         float(random.choice([0, 0.25, 1, 3])), int(random.integers(2, 11)), when,
                         float(random.choice([1, 10, 50])), float(random.choice([80, 110, 150])),
                         float(random.choice([0.5, 30, 200])), float(random.choice([0, 0, 15, 60])))  # fmt: skip
    return BASES[random.integers(2)], made


def in_node(
    page: PolicyPage, asked: Sequence[tuple[str, Settings]], folder: Path, world: str | None = None
) -> tuple[Array, list[dict[str, Any]]]:
    """Return what a page computes, (setting, run, time, output), and what it judges."""
    told = [
        {
            "base": base,
            "world": world or next(iter(page.worlds)),
            "instruments": {name: asdict(one) | {"shape": one.shape or ""} for name, one in made.items()},
        }
        for base, made in asked
    ]
    (folder / "page.html").write_text(written(page.study.case), encoding="ascii")
    (folder / "settings.json").write_text(json.dumps(told), encoding="utf-8")
    names = (folder / name for name in ("page.html", "settings.json", "out.bin"))
    assert NODE is not None
    subprocess.run([NODE, Path(__file__).with_name("in_node.mjs"), *names], check=True, timeout=300)
    shape = (len(asked), page.page.runs, len(page.page.simulator.times), len(page.page.simulator.outputs))
    judged = json.loads((folder / "out.bin.json").read_text(encoding="utf-8"))
    return np.fromfile(folder / "out.bin", dtype="<f8").reshape(shape), judged


@pytest.mark.parametrize(
    "seeds", [FEW, pytest.param(range(SETTINGS), marks=pytest.mark.slow)], ids=lambda seeds: f"{len(seeds)}"
)
@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_page_gives_the_runs_of_the_schedule_that_it_sets(case: str, seeds: Sequence[int], tmp_path: Path) -> None:
    page = page_of(case)
    asked = [*((base, {}) for base in BASES), *(random_settings(page, seed) for seed in seeds)]
    assert {one.shape for _, made in asked for one in made.values()} == {None, *SHAPES}
    assert {one.when for _, made in asked for one in made.values()} == {"", *TRIGGERS}
    runs, judged = in_node(page, asked, tmp_path)
    outputs, worst = page.page.simulator.outputs, 0.0
    for (base, made), ours, told in zip(asked, runs, judged, strict=True):
        schedule = schedule_of(page, base, made)
        found = run_schedule(page.model, schedule, page.samples, outputs, float(page.at.times[-1]), QUARTER)
        cut = (found["cut"] > CENT).sum("run")
        kept = {
            str(name): int(count) for name, count in zip(cut["instrument"].values, cut.values, strict=True) if count
        }
        assert dict(told["cut"]) == kept
        theirs = np.stack([found[name].to_numpy() for name in outputs], axis=2)
        far = difference(ours, theirs)
        worst = max(worst, far)
        assert far < 1e-9, (base, made, far)
        began = dict(zip(found["instrument"].values, found["began"].values.T, strict=True))
        for name, one in made.items():
            if one.shape and one.when:
                when = np.array([np.inf if year is None else year for year in told["dates"][name]]) + one.announced
                within = np.where(when <= page.at.times[-1], when, np.nan)
                np.testing.assert_array_equal(within, np.broadcast_to(began[name], when.shape))
    print(f"{case}: {worst:.1e}")


@pytest.mark.parametrize("case", ONE_CASE)
def test_a_page_judges_an_exit_as_the_command_does(case: str, tmp_path: Path) -> None:
    page = page_of(case)
    name = next(one.name for one in page.instruments if one.to_buyers)
    ends = [("continued", {name: Set(shape="cliff", start=start)}) for start in (2018.0, 2023.0)]
    ends += [("history", {name: Set(shape="linear", start=2019.25, length=3.5, announced=1.0)})]
    _, judged = in_node(page, ends, tmp_path)
    for (base, made), found in zip(ends, judged, strict=True):
        one = made[name]
        exits = Exits(page.study, page.samples, base=page.bases[base])
        assert one.shape is not None
        values = exits.run(exits.schedule([name], one.shape, one.start, one.length, one.announced or None))
        ratio, fall, held, _, saved, *_ = exits.judged(values, one.start, 0.0)
        np.testing.assert_allclose(found["found"][0]["ratio"], ratio, rtol=1e-9)
        np.testing.assert_allclose(found["found"][0]["fall"], fall - held, atol=1e-9)
        assert found["found"][0]["back"] == pytest.approx(float((fall - held > page.study.exit.own_fall).mean()))
        assert found["worst"]["first"] == pytest.approx(float((~(ratio >= page.study.exit.share_kept)).mean()))
        np.testing.assert_allclose(found["saved"], saved, rtol=1e-9, atol=1e-9 * float(np.abs(saved).max()))
        assert found["cut"] == []


@pytest.mark.parametrize("case", ONE_CASE)
def test_a_schedule_to_begin_from_is_the_shipped_one(case: str) -> None:
    page = page_of(case)
    titles = {load_schedule(name).title: load_schedule(name) for name in shipped()}
    assert len(presets(page)) > 5
    outputs, until = page.page.simulator.outputs, float(page.at.times[-1])
    for one in presets(page):
        made = {name: Set(**fields) for name, fields in one.settings.items()}  # type: ignore[arg-type]
        ours, theirs = (
            run_schedule(page.model, schedule, page.samples, outputs, until, QUARTER)
            for schedule in (schedule_of(page, one.base, made), titles[one.title])
        )
        for name in outputs:
            scale = float(np.abs(theirs[name]).max())
            assert float(np.abs(ours[name] - theirs[name]).max()) <= 1e-9 * scale, (one.title, name)


ABOVE = {
    "nev": [
        {"purchase subsidy": Set(level=120.0, since=2010.0)},
        {"purchase subsidy": Set(level=200.0, since=2010.0)},
        {"purchase subsidy": Set(level=200.0, since=2012.25, shape="linear", start=2014.0, length=6.0, announced=1.0)},
        {"purchase subsidy": Set(level=180.0, since=2011.0), "local subsidy": Set(level=200.0, since=2011.5)},
        {"local subsidy": Set(level=200.0, since=2010.0), "purchase subsidy": Set(shape="cliff", start=2016.0)},
    ],
    "pv": [
        {"feed-in premium": Set(level=110.0, since=2010.0)},
        {"feed-in premium": Set(level=200.0, since=2015.5, shape="linear", start=2020.0, length=3.0, announced=0.25)},
        {"distributed premium": Set(level=200.0, since=2010.0), "feed-in premium": Set(level=150.0, since=2012.0)},
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_payment_above_the_price_is_cut_as_the_command_cuts_it(case: str, tmp_path: Path) -> None:
    page, outputs = page_of(case), page_of(case).page.simulator.outputs
    asked = [(base, made) for made in ABOVE[case] for base in BASES]
    runs, judged = in_node(page, asked, tmp_path)
    worst, counted = 0.0, 0
    for (base, made), ours, told in zip(asked, runs, judged, strict=True):
        schedule = schedule_of(page, base, made)
        found = run_schedule(page.model, schedule, page.samples, outputs, float(page.at.times[-1]), QUARTER)
        cut = (found["cut"] > CENT).sum("run")
        kept = {
            str(name): int(count) for name, count in zip(cut["instrument"].values, cut.values, strict=True) if count
        }
        assert dict(told["cut"]) == kept, (base, made)
        counted += sum(kept.values())
        far = difference(ours, np.stack([found[name].to_numpy() for name in outputs], axis=2))
        worst = max(worst, far)
        assert far < 1e-9, (base, made, far)
    print(f"{case}: {worst:.1e}")
    assert counted > DRAWS


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_page_tells_lines_what_is_left_over_and_what_a_unit_costs_as_the_commands_do(
    case: str, tmp_path: Path
) -> None:
    page = page_of(case)
    study, (name, *_) = page.study, [one.name for one in page.instruments if one.to_buyers]
    asked = [("history", {name: Set(level=level, since=2014.0)}) for level in (75.0, 0.0)]
    _, judged = in_node(page, asked, tmp_path)
    for (base, made), told in zip(asked, judged, strict=True):
        exits = Exits(study, page.samples, [*(line.stock for line in LINES)], page.bases[base])
        own, other = exits.run(schedule_of(page, base, made)), exits.supported
        end = int(np.searchsorted(exits.times, study.horizon - 1e-9))
        for one in told["lines"]:
            theirs = [float(np.median(line_of(one["name"], study, exits.times, run, end))) for run in (own, other)]
            for key, value, beside in zip(("own", "base"), theirs, reversed(theirs), strict=True):
                wanted = 0 if abs(value) < TEXTS["counted"]["noise"] * abs(beside) else value
                assert one[key] == pytest.approx(wanted, rel=1e-9), one["name"]
        units = [run[SOLD][:, 4 : end + 1] - run[SOLD][:, : end - 3] for run in (own, other)]
        differ = units[0] - units[1]
        np.testing.assert_allclose(told["left"]["last"], differ[:, -1], rtol=1e-6)
        np.testing.assert_allclose(told["left"]["part"], np.abs(differ[:, -1]) / np.abs(differ).max(axis=1), rtol=1e-6)
        levels = at_levels(study, [name], 2014.0, None, (made[name].level, 100.0), base, DRAWS)
        step = levels.step(made[name].level, 100.0)
        cost = np.array([np.nan if one is None else one for one in told["cost"]])
        np.testing.assert_allclose(cost, step.cost.values, rtol=1e-5)  # draws there are not rounded to 32 bits


def line_of(name: str, study: PhaseOutStudy, times: Array, values: Values, end: int) -> Array:
    """Return a row of public money, (draw,), as the account of the commands has it."""
    if name == "worth":
        return outlay(study, times, values, study.rate)
    if name == "due":
        return outlay(study, times, values) - values[TOTAL][:, end]
    return np.asarray(values[ARREARS if name == "owed" else name][:, end])


def dates_of(page: PolicyPage, base: str, made: Settings) -> dict[str, Array]:
    """Return when every draw reaches every stage that a page tells by the horizon, (draw,), as the commands date it."""
    until, horizon = float(page.at.times[-1]), page.study.horizon
    found = run_schedule(page.model, schedule_of(page, base, made), page.samples, STAGE_OUTPUTS, until, QUARTER)
    times = found["time"].to_numpy()
    values = {name: found[name].to_numpy()[:, times <= horizon] for name in STAGE_OUTPUTS}
    times = times[times <= horizon]
    more = {name: year_reached(times, values[one.of], one.level, one.hold) for name, one in shares([0.5]).items()}
    return date_stages(times, values) | more


def same(told: Sequence[float | None], ours: Array) -> None:
    """Hold what a page tells of years, where what is never reached came as null, against those of the commands."""
    theirs = quantiles(ours, FAN)
    np.testing.assert_allclose([np.inf if one is None else one for one in told], theirs, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_page_dates_stages_barriers_and_clocks_as_the_commands_do(case: str, tmp_path: Path) -> None:
    page, study = page_of(case), PathStudy.load()
    everything = {one.name: Set(0.0, page.study.since) for one in page.instruments}
    asked = [("history", {}), ("continued", everything), *(random_settings(page, seed) for seed in range(4))]
    _, judged = in_node(page, asked, tmp_path)
    rules, clocks = path(case, [0.5], page.study.horizon), sorted(study.cases[case].clocks.values())
    stages = [one["name"] for one in rules["stages"]]  # type: ignore[attr-defined]
    assert set(stages) == {*STAGES, "share 50%"}
    for (base, made), told in zip(asked, judged, strict=True):
        own, other = dates_of(page, base, made), dates_of(page, base, {})
        for name, one in zip(stages, told["path"]["stages"], strict=True):
            same(one["own"], own[name])
            same(one["base"], other[name])
            assert one["never"] == pytest.approx(float(np.isinf(own[name]).mean()))
            with np.errstate(invalid="ignore"):
                later = own[name] - other[name]
            if np.isfinite(later).all():
                same(one["lost"], later)
        dates = np.stack([own[name] for name in STAGES], axis=1)
        for barrier, one in zip(BARRIERS, told["path"]["waits"], strict=True):
            begins, ends = waits(dates, barrier, clocks[0])
            assert one["before"] == bool((ends <= page.model.initial_time).all())
            if np.isfinite(ends).all():
                same(one["own"], ends - begins)
        for year, one in zip(clocks, told["path"]["clocks"], strict=True):
            assert one["inside"] == pytest.approx(within(own[LARGE] - year, study.window))
    command = date_path(drawn(case, DRAWS), study)  # its draws are not rounded to 32 bits
    for name, one in zip(stages, judged[0]["path"]["stages"], strict=True):
        if name in STAGES:
            np.testing.assert_allclose(one["own"][::2], command.spread(name), atol=1e-3)


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_a_world_on_a_page_is_that_of_the_study_of_paths(case: str, tmp_path: Path) -> None:
    page, outputs = page_of(case), page_of(case).page.simulator.outputs
    worlds = PathStudy.load().forward[case].scenarios
    absent = {"nev": [], "pv": ["power worth less"]}[case]
    assert [*page.worlds, *absent] == sorted(worlds, key=lambda name: name in absent)
    name = next(one.name for one in page.instruments if one.to_buyers)
    slope, more = {name: Set(shape="linear", start=2026.0, length=4.0)}, {name: Set(150, 2012.0)}
    asked: list[tuple[str, Settings]] = [("continued", slope), ("history", more)]
    for world in page.worlds:
        about = worlds[world]
        runs, judged = in_node(page, asked, tmp_path, world)
        model = changed(page.model, about, world)
        for (base, made), ours, told in zip(asked, runs, judged, strict=True):
            until = float(page.at.times[-1])
            found = run_schedule(model, schedule_of(page, base, made), page.samples, outputs, until, QUARTER)
            assert difference(ours, np.stack([found[one].to_numpy() for one in outputs], axis=2)) < 1e-9, (world, base)
            usual = run_schedule(model, page.bases[base], page.samples, outputs, until, QUARTER)
            end = int(np.searchsorted(found["time"].to_numpy(), page.study.horizon - 1e-9))
            sold = (found[SOLD].to_numpy() - usual[SOLD].to_numpy())[:, end]
            np.testing.assert_allclose(told["sold"], sold, rtol=1e-6)


@pytest.mark.parametrize(("case", "ends"), [("nev", [80, 250, 120]), ("nev", [100, 100, 50]), ("pv", [140])])
def test_a_world_of_ones_own_is_that_of_the_study_with_other_factors(
    case: str, ends: list[int], tmp_path: Path
) -> None:
    page, outputs = page_of(case), page_of(case).page.simulator.outputs
    worlds = PathStudy.load().forward[case].scenarios
    factors = own_factors([worlds[name] for name in page.scaled], ends)
    model = changed(page.model, Ahead(says="of one's own", source="a test of the page", factors=factors), "own")
    name = next(one.name for one in page.instruments if one.to_buyers)
    made = {name: Set(shape="exponential", start=2026.0, length=4.0), page.instruments[-1].name: Set(50, 2027.0)}
    runs, _ = in_node(page, [("continued", {}), ("history", made)], tmp_path, " ".join(["own", *map(str, ends)]))
    for (base, some), ours in zip([("continued", {}), ("history", made)], runs, strict=True):
        schedule = schedule_of(page, base, some)
        found = run_schedule(model, schedule, page.samples, outputs, float(page.at.times[-1]), QUARTER)
        assert difference(ours, np.stack([found[one].to_numpy() for one in outputs], axis=2)) < 1e-9, base


def own_factors(worlds: Sequence[Ahead], ends: Sequence[int]) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return the factors of worlds, as far that they end at so many percent."""
    return {
        driver: tuple((year, 1 + (end / 100 - 1) / (points[-1][1] - 1) * (factor - 1)) for year, factor in points)
        for one, end in zip(worlds, ends, strict=True)
        for driver, points in one.factors.items()
    }


@pytest.mark.parametrize("case", ONE_CASE)
def test_the_loops_on_a_page_are_those_of_the_command(case: str) -> None:
    study, page = LoopStudy.load(), page_of(case)
    found = loop_dominance(drawn(case, study.draws), study)
    about = path(case, [], page.study.horizon)
    led: Any = about["led"]
    names: Any = said(page)["en"]["led"]
    first, _ = study.case(case).shown
    yearly = {
        year: loop
        for begins, ends, loop, _ in phases(found, first, page.study.horizon - 1)
        for year in range(begins, ends + 1)
    }
    pairs = list(zip(led, names, strict=True))
    assert {year: name["name"] for one, name in pairs for year in range(one["first"], one["last"] + 1)} == yearly
    for one, name in pairs:
        inside = (found.years >= one["first"]) & (found.years <= one["last"])
        assert one["share"] == pytest.approx(found.strongest[inside, found.names.index(name["name"])].mean())
        assert one["last"] <= 2023 or one["first"] > 2023
    assert about["named"] == pytest.approx(np.median(found.named))
