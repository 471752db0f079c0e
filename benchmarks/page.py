"""What a page of a model costs its reader: bytes, the first frame, and how long a move of a slider takes.

Run with `python -m benchmarks.page`; it prints. Pages are of the shipped cases with draws of their accepted posteriors,
opened from a file in headless Chromium; a move is the time from a slider's event to the frame that shows its result,
and is measured in Firefox and WebKit too where the machine has them.
Beside it stand the engine's own runs of the same draws in this process, quickest of as many, on all cores, and plain
JavaScript of the same equations with the page's curves as they are, one run after the other in the same tab. A policy
is changed at a point of its curve, drawn at random, once from where it counts and once, in the same turn, from the
start: on all threads of the page, and on one. Then the same sizes, and moves by kind, of the policy maker's pages.

Other engines' WebAssembly is not here: SDEverywhere's needs Emscripten, and of Simlin only the native form is measured,
in `benchmarks.engine`. What SDEverywhere's JavaScript takes is told in `docs/engine/page.md`.
"""

import argparse
import base64
import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import filterfalse, product
from pathlib import Path

import numpy as np

from analysis.draws.runs import drawn
from analysis.policy_page.contents import policy_page
from analysis.report.try_it import write_page
from benchmarks.browser import BROWSERS, Tab, lacking, tab
from benchmarks.chromium import Chromium
from benchmarks.engine import OUTPUTS
from benchmarks.machine import machine
from benchmarks.policy_page import HEAD, moved
from benchmarks.scalar_c import script
from benchmarks.table import grid
from stockflow.arrays import Array
from stockflow.commands.bench import timed
from stockflow.page.contents import Asked, Contents, compiled, contents
from stockflow.page.page import html
from stockflow.page.wasm import WIDTH

DRAWS = 200
SIZES = ("case", "kB", "kB gzipped", "first answer, ms", "native runs, ms", "plain JavaScript, one thread")
POLICIES = {"nev": "central subsidy", "pv": "feed in tariff"}
# ends when the frame that shows the result has been painted
_MOVE = """(async (place, position) => {
  const page = stockflowPage, slider = page.sliders[place].range;
  page.setting = plainSetting();
  const before = page.count, old = page.now, begin = performance.now();
  let first = 0;
  slider.value = position;
  slider.dispatchEvent(new Event("input"));
  while (page.count === before || page.waiting) {
    await new Promise((done) => setTimeout(done));
    if (page.now !== old && !page.waiting) first ||= performance.now() - begin;
  }
  return [first || performance.now() - begin, performance.now() - begin];
})"""
# a policy's point is set, from the base run, by runs that begin where it counts or, without `whole`, at the start
_POLICY = """(async (point, share, whole) => {
  const page = stockflowPage, { runs } = page, [curve] = page.curves, ys = [...curve.one.ys];
  ys[point] = share * Math.max(...ys);
  page.setting = plainSetting();
  window.base ??= runs.whole;
  runs.whole = whole ? base : null;
  const before = page.count, begin = performance.now();
  page.bend(curve.one.name, ys);
  while (page.count === before || page.waiting) await new Promise((done) => setTimeout(done));
  const spent = performance.now() - begin;
  runs.whole = base;
  return spent;
})"""
# the quickest of five times that plain JavaScript makes all runs, and what it finds at the end of each
_SCRIPT = """((values, table, saved, moments, runs, size) => {
  %s
  const given = [Float64Array.from(values), new Float64Array(size), Float64Array.from(table), Uint8Array.from(saved)];
  let best = Infinity;
  for (let k = 0; k < 5; k++) {
    const begin = performance.now();
    simulate(...given, moments, 0, runs);
    best = Math.min(best, performance.now() - begin);
  }
  return [best, Array.from(given[1])];
})"""
# the parts of a move, one after the other on one thread: runs, quantiles, drawing; and, in turns with them, runs in the
# short code that is given and without vectors
_PARTS = """(async (short) => {
  const page = stockflowPage, { model } = page, { code } = model, { draws, bytes, table, saved } = page.runs.data;
  const made = (code, module) => runner()(code, module, table, saved, totalOf(model), model.draws);
  const run = await made(code, bytes);
  const shorter = await made(code, Uint8Array.from(atob(short), (one) => one.charCodeAt(0)));
  const alone = await made({ ...code, ...code.alone }, await unpacked(byId("alone").textContent));
  const rows = rowsOf(model, draws, plainSetting()), points = pointsOf(model, plainSetting()).shared;
  const parts = [[], [], [], [], []];
  for (let k = 0; k < 15; k++) {
    const a = performance.now(), out = run(rows, points, 0, model.draws), b = performance.now();
    quantiles(new Whole([out.out], page.times.length, totalOf(model)), model.outputs.length);
    const c = performance.now();
    page.charts.forEach((one) => one.draw());
    const d = performance.now();
    shorter(rows, points, 0, model.draws);
    const e = performance.now();
    alone(rows, points, 0, model.draws);
    [b - a, c - b, d - c, e - d, performance.now() - e].forEach((one, part) => parts[part].push(one));
  }
  return parts.map((some) => Math.min(...some));
})"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Sizes in bytes; times in ms: first frame; moves; parts on one thread; native runs; plain JavaScript.

    Moves are seen when some draws are on the screen (median), whole when all are (quickest, median, 95%).
    """

    name: str
    page: Contents
    raw: int
    packed: int
    frame: float
    moves: tuple[float, ...]
    parts: tuple[float, ...]
    native: float
    script: float
    difference: float
    policy: dict[str, Array]

    def policy_row(self, threads: str) -> tuple[str, ...]:
        """Return what a change of policy takes on so many threads: quickest, median and 95%, as text."""
        late, whole = self.policy[threads].T
        ratio = float(np.median(late / whole))
        spread = [f"{one:.0f}" for row in (late, whole) for one in (row.min(), np.median(row), np.quantile(row, 0.95))]
        return (self.name, threads, *spread, f"{ratio:.2f}")


def measured(case: str, draws: int, moves: int, browser: Tab) -> Measured:
    """Return what the page of a case costs; its numbers are compared with the engine's on the way."""
    of = drawn(case, draws)
    outputs = [name for name in OUTPUTS if name in of.model.variables]
    page = contents(of.model, Asked(outputs=outputs, curves=[POLICIES[case]], samples=of.samples, draws=draws))
    text = html(page)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{case}.html"
        path.write_text(text, encoding="ascii")
        frame, seen = seen_moves(path, len(page.sliders), moves, browser)
        browser.open(path.as_uri())
        found = np.array(browser.run("stockflowPage.now.found.map((of) => Array.from(of[2]))"))
        short = base64.b64encode(compiled(page.plan, WIDTH, short=True)[0].content).decode()
        parts, script = tuple(browser.run(f"{_PARTS}({json.dumps(short)})")), scripted(page, browser)
        policy = {}
        for threads, set_up in (("all", ""), ("one", "stockflowPage.runs.workers.length = 1;")):
            browser.run(f"{set_up}document.getElementById('reset').click()")
            browser.until("stockflowPage.runs.busy === false && !stockflowPage.waiting")
            policy[threads] = _policy_moves(browser, page.plan.points, moves, np.random.default_rng(1))
    runs = page.native({})[..., : page.charts]
    medians = np.median(runs, axis=0).T
    apart = float((np.abs(found - medians).max(axis=1) / np.abs(medians).max(axis=1)).max())
    native = min(timed(lambda: page.native({}))[1] for _ in range(moves)) * 1e3
    packed = len(gzip.compress(text.encode(), 9))
    return Measured(case, page, len(text), packed, frame, seen, parts, native, script, apart, policy)


def seen_moves(path: Path, sliders: int, moves: int, browser: Tab) -> tuple[float, tuple[float, ...]]:
    """Return ms: to the first frame of a page (median of 5); of moves, seen (median) and whole, as in `Measured`."""
    frames, times, random = [], [], np.random.default_rng(1)
    for _ in range(5):
        browser.open(path.as_uri())
        frames.append(float(browser.run("document.documentElement.dataset.frame")))
    for _ in range(moves):
        times.append(browser.run(f"{_MOVE}({random.integers(sliders)}, {random.integers(201)})"))
    first, whole = np.array(times).T
    return float(np.median(frames)), (float(np.median(first)), *map(float, np.quantile(whole, (0.0, 0.5, 0.95))))


def in_all_browsers(pages: Mapping[str, Contents], moves: int) -> list[tuple[str, ...]]:
    """Return of every browser that the machine has, and every case, a row of what `seen_moves` finds, as text.

    Where a browser does not answer within a minute, is gone, or refuses, its row says so.
    """
    rows = []
    for name, (case, page) in product(filterfalse(lacking, BROWSERS), pages.items()):
        try:
            rows.append(in_browser(name, case, page, moves))
        except (ConnectionError, TimeoutError, RuntimeError) as wrong:
            rows.append((name, case, f"not measured: {wrong}", *("",) * 4))
    return rows


def in_browser(name: str, case: str, page: Contents, moves: int) -> tuple[str, ...]:
    """Return what `seen_moves` finds of a page in a browser, as text behind its version and the case."""
    with tempfile.TemporaryDirectory() as folder, tab(name) as browser:
        browser.size(1280, 900)
        path = Path(folder) / f"{case}.html"
        path.write_text(html(page), encoding="ascii")
        frame, seen = seen_moves(path, len(page.sliders), moves, browser)
        return browser.version, case, *(f"{time:.0f}" for time in (frame, *seen))


def scripted(page: Contents, browser: Tab) -> float:
    """Return the ms that plain JavaScript takes for a page's runs; ArithmeticError if they are not the engine's."""
    asked, values = page.asked, np.empty((page.runs, len(page.simulator.inputs)))
    for place, name in enumerate(page.simulator.inputs):
        values[:, place] = page.model.variable(name).value
        if name in page.samples:
            values[:, place] = page.drawn[:, page.samples.index(name)]
    simulator = page.model.simulator(
        page.simulator.inputs, page.simulator.outputs, asked.until, asked.save_period, asked.method
    )
    plan, native = simulator.task.plan(), simulator(values)
    moments, saved = len(plan.clock.times), plan.clock.saved.astype(int).tolist()
    given = (values.ravel().tolist(), plan.table.ravel().tolist(), saved, moments, len(values), native.size)
    best, made = browser.run(f"{_SCRIPT % script(plan)}({', '.join(map(json.dumps, given))})")
    distance = np.abs(np.array(made).reshape(native.shape) - native).max(axis=(0, 1))
    if not (distance <= 1e-9 * np.abs(native).max(axis=(0, 1))).all():
        raise ArithmeticError(
            f"plain JavaScript of {page.model.file.name} differs from the engine by {distance.max():g}"
        )
    return float(best)


def policy_pages(cases: Sequence[str], draws: int, moves: int, browser: Chromium) -> tuple[list[tuple[str, ...]], ...]:
    """Return the sizes of policy maker's pages with what native and plain runs take, and their moves by kind."""
    sizes, rows = [], []
    for case in cases:
        page = policy_page(case, draws)
        with tempfile.TemporaryDirectory() as folder:
            path, frames = write_page(case, Path(folder) / f"{case}.html", draws), []
            for _ in range(5):
                browser.open(path.as_uri())
                frames.append(float(browser.run("performance.now()")))
            rows += moved(page, moves, browser)
            native = min(timed(partial(page.page.native, {}))[1] for _ in range(moves)) * 1e3
            times = (float(np.median(frames)), native, scripted(page.page, browser))
            whole = path.read_bytes()
        packed = len(gzip.compress(whole, 9))
        sizes.append((case, f"{len(whole) / 1e3:.0f}", f"{packed / 1e3:.0f}", *(f"{one:.0f}" for one in times)))
    return sizes, rows


def _policy_moves(browser: Tab, points: int, moves: int, random: np.random.Generator) -> Array:
    """Return ms, shape (move, 2), of changes of policy that begin where they count and at the start."""
    found = []
    for _ in range(moves):
        where = f"{random.integers(points)}, {random.random()}"
        found.append([browser.run(f"{_POLICY}({where}, {late})") for late in ("true", "false")])
    return np.array(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.page", description=__doc__)
    parser.add_argument("--cases", default="nev,pv", help="which cases, separated by commas")
    parser.add_argument("--draws", type=int, default=DRAWS, help="draws of the posterior on a page")
    parser.add_argument("--moves", type=int, default=60, help="moves of a slider that are timed")
    options = parser.parse_args(arguments)
    print(f"{machine().line()}\n")
    head = (
        "case",
        "kB",
        "kB gzipped",
        "module, bytes",
        "first frame, ms",
        "a move seen",
        "whole, quickest",
        "median",
        "95%",
        "one thread: runs",
        "quantiles",
        "drawing",
        "runs in short code",
        "without vectors",
        "native runs, ms",
        "plain JavaScript",
        "difference",
    )
    rows, changes, opened = [], [], {}
    with tab() as browser:
        assert isinstance(browser, Chromium)
        browser.size(1280, 900)
        cases = options.cases.split(",")
        for case in cases:
            one = measured(case, options.draws, options.moves, browser)
            sizes = (f"{one.raw / 1e3:.0f}", f"{one.packed / 1e3:.0f}", f"{len(one.page.module.content):,}")
            times = (one.frame, *one.moves, *one.parts, one.native, one.script)
            rows.append((case, *sizes, *(f"{time:.0f}" for time in times), f"{one.difference:.0e}"))
            opened[case] = one.page
            changes += [one.policy_row(threads) for threads in one.policy]
        pages, kinds = policy_pages(cases, options.draws, options.moves, browser)
    print("\n".join(grid(head, rows)))
    spread = [
        f"{what} {one}"
        for what in ("from where it counts, ms,", "from the start,")
        for one in ("quickest", "median", "95%")
    ]
    print("\nA change of policy:\n\n" + "\n".join(grid(("case", "threads", *spread, "ratio"), changes)))
    times_of = ("browser", "case", *head[4:9])
    print("\nIn every browser:\n\n" + "\n".join(grid(times_of, in_all_browsers(opened, options.moves))))
    print("\nPolicy maker's pages:\n\n" + "\n".join([*grid(SIZES, pages), "", *grid(HEAD, kinds)]))


if __name__ == "__main__":
    main()
