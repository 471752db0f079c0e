"""What a move on a policy maker's page takes, by what is moved, on all threads of the page and on one.

A move is the time from a setting to the frame that shows all draws of it, charts and verdict; the path that it is held
against has been run before, but where a world moves, in which it is run as well.  Beside it stand the processor's own
times of the thread that draws and of the workers, which other work on the machine does not add to: on processors that
are free a move takes about the first and the second's share of one thread.  What is out of sight is drawn when moves
rest, and is in none of them: at the top of a page in a window of 1280 by 900 pixels two charts are in sight, farther
down most of them, and the long path never.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np

from analysis.policy_page.contents import PolicyPage
from benchmarks.chromium import Chromium
from models.schedules.law import LAWS
from stockflow.arrays import Array
from stockflow.over_time import QUARTER

HEAD = (
    "case",
    "moved",
    "threads",
    "quickest, ms",
    "median",
    "95%",
    "drawing, ms of processor",
    "workers",
    "on free ones",
)
_MOVE = """(async ({ world, ...set }) => {
  const page = policyPage, { setting } = page;
  setting.clear();
  if (world) setting.world = worldNamed(page.policy, world);
  for (const [name, one] of Object.entries(set)) setting.set(name, one);
  const begin = performance.now();
  await page.moved();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
})"""
_SETTLED = "policyPage.busy === false && policyPage.runs.busy === false"
# the kind of move that is looked at farther down on the page
_CHARTS = "an end, charts in sight"
# moves that are not counted: code is still compiled
_WARM = 5
Set = Mapping[str, object]


def moved(page: PolicyPage, moves: int, browser: Chromium) -> list[tuple[str, ...]]:
    """Return for every kind of move and number of threads of an open page a row as in HEAD."""
    random, rows = np.random.default_rng(2), []
    browser.until(_SETTLED)
    for threads in (int(browser.run("policyPage.runs.workers.length")), 1):
        browser.run(f"policyPage.runs.workers.length = {threads}")
        for kind, one in _kinds(page, random).items():
            browser.run("policyPage.charts.figures[2].scrollIntoView()" if kind == _CHARTS else "scrollTo(0, 0)")
            times, drawing, workers = _timed(browser, one, moves)
            free = drawing + workers / threads
            spread = (times.min(), np.median(times), np.quantile(times, 0.95), drawing, workers, free)
            rows.append((page.study.case, kind, str(threads), *(f"{time:.0f}" for time in spread)))
    return rows


def _timed(browser: Chromium, one: Callable[[], Set], moves: int) -> tuple[Array, float, float]:
    """Return ms of each move, and the processor's ms a move of the thread that draws and of the workers."""
    for _ in range(_WARM):
        browser.run(f"{_MOVE}({json.dumps(one())})")
    before = browser.processor()
    times = np.array([browser.run(f"{_MOVE}({json.dumps(one())})") for _ in range(moves)])
    drawing, workers = (now - then for now, then in zip(browser.processor(), before, strict=True))
    return times, drawing / moves, workers / moves


def _kinds(page: PolicyPage, random: np.random.Generator) -> dict[str, Callable[[], Set]]:
    """Return what a move may set of the first instrument that buyers are paid by, anew at every call."""
    name, study = next(one.name for one in page.instruments if one.to_buyers), page.study
    years = np.arange(study.since, study.horizon - study.exit.years_after + QUARTER, QUARTER)
    worlds = len(page.scaled)

    def level(low: int, high: int) -> dict[str, float]:
        return {"level": float(random.integers(low, high)), "since": float(random.choice(years))}

    def end() -> dict[str, object]:
        return {
            "shape": str(random.choice(list(LAWS))),
            "start": float(random.choice(years)),
            "length": 3.0,
            "announced": 1,
        }

    return {
        "an end": lambda: {name: end()},
        _CHARTS: lambda: {name: end()},
        "a level, to 100%": lambda: {name: level(0, 101)},
        "a level and an end": lambda: {name: level(0, 100) | end()},
        "a level above 100%": lambda: {name: level(101, 201)},
        "a world, below what is expected": lambda: {"world": [int(part) for part in random.integers(50, 100, worlds)]},
        "a world and an end": lambda: {
            "world": [int(part) for part in random.integers(50, 301, worlds)],
            name: end(),
        },
    }
