"""Pages run without a browser, beside the engine's own runs of the same settings."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stockflow
from benchmarks.browser import BROWSERS, Tab, lacking
from stockflow.arrays import Array
from stockflow.model import Model
from stockflow.page.contents import Contents
from stockflow.page.page import html

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
_HERE = ROOT / "tests" / "stockflow" / "page"
NODE_PROGRAM = (NODE or "node", str(_HERE / "in_node.mjs"))
#: Firefox's engine, from the package pythonmonkey
SPIDERMONKEY = (sys.executable, str(_HERE / "in_spidermonkey.py"))
needs_node = pytest.mark.skipif(NODE is None, reason="node, which runs WebAssembly without a browser, is not installed")
needs_browser = pytest.mark.skipif(bool(lacking("chromium")), reason=lacking("chromium") or "")
_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in BROWSERS if name != "chromium"]
#: a test of the page that is `opened`, in the browsers of this machine; WebKit, where a page at times does not start
#: when it is opened again at once, is with the slow tests
in_every_browser = pytest.mark.parametrize("browser", ["chromium", "firefox", _SLOW[-1]], indirect=True)
#: the same, in others than Chromium with the slow tests
slow_elsewhere = pytest.mark.parametrize("browser", ["chromium", *_SLOW], indirect=True)
Setting = Mapping[str, Mapping[str, Any]]
#: pairs of words that lie over one another in pictures of a page, by selector
OVERLAPS = """[...document.querySelectorAll('%s')].flatMap((picture) => {
    const words = [...picture.querySelectorAll('text')].map((one) => [one.textContent, one.getBBox()]);
    const before = (a, b) => a.x + a.width <= b.x + 1 || a.y + a.height <= b.y + 3;
    const over = (a, b) => !before(a, b) && !before(b, a);
    const pairs = words.flatMap((one, i) => words.slice(i + 1).map((other) => [one, other]));
    return pairs.filter(([[, a], [, b]]) => over(a, b)).map(([[one], [other]]) => [one, other]);
})"""

ENDING = """
INITIAL TIME= 0
	~ Year
	~ |
FINAL TIME= 20
	~ Year
	~ |
TIME STEP= 0.125
	~ Year
	~ |
SAVEPER= 0.5
	~ Year
	~ |
"""


#: done when a page has been laid out and drawn anew, as what observes its size asks with the frame after the next
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


def resized(one: Tab, width: int, height: int) -> None:
    """Give a page another size and wait until it is drawn at that."""
    one.size(width, height)
    one.run(FRAMES)


def hold(one: Tab) -> None:
    """Let no answer of a policy maker's page come before `release()` is run in it."""
    one.run(
        "window.held = new Promise((done) => { window.release = done; }); const own = policyPage.runs.workers;"
        " policyPage.runs.workers = own.map((run) => async (...all) => { await held; return run(...all); })"
    )


def downloaded(one: Tab, button: str, suffix: str) -> Path:
    """Press a button of a page and return the file that it gives, once it is whole."""
    one.run(f"document.querySelector({json.dumps(button)}).click()")
    end = time.monotonic() + 30
    while not (found := [file for file in one.files.glob(f"*{suffix}") if file.stat().st_size]):
        assert time.monotonic() < end, button
        time.sleep(0.05)
    return found[0]


def of_text(*equations: str, name: str = "made.mdl") -> Model:
    """Return a model of equations over twenty years."""
    return stockflow.from_text(name, "{UTF-8}\n" + "".join(f"{one}\n\t~ \n\t~ |\n" for one in equations) + ENDING)


#: what a name, a unit and a comment may try: to end a script, to be an element, an entity or an attribute, to run
#: letters backwards, to begin a formula
EVIL = (
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "&lt;b&gt; 'quoted' `${alert(1)}`",
    "\u202egnp.exe\u2066",
    "=1+1+cmd",
    "</textarea></style><svg onload=alert(2)>",
)


def hostile() -> Model:
    """Return a model whose names, units and comments are EVIL."""
    constants = [
        f'"{name}"= {place + 1}\n\t~ {EVIL[0]}\n\t~ {name} {EVIL[1]}\n\t|\n' for place, name in enumerate(EVIL)
    ]
    total = "+".join(f'"{name}"' for name in EVIL)
    stock = f'"{EVIL[0]} stock"= INTEG({total}, 0)\n\t~ {EVIL[3]}\n\t~ {EVIL[5]}\n\t|\n'
    curve = f'"curve {EVIL[1]}"= WITH LOOKUP(Time, ((0,1),(20,2)))\n\t~ {EVIL[4]}\n\t~ {EVIL[0]}\n\t|\n'
    other = f'"other {EVIL[3]}"= INTEG("curve {EVIL[1]}", 0)\n\t~ {EVIL[2]}\n\t~ {EVIL[2]}\n\t|\n'
    return stockflow.from_text(f"{EVIL[1]}.mdl", "{UTF-8}\n" + "".join([*constants, stock, curve, other]) + ENDING)


def in_node(
    page: Contents, settings: Sequence[Setting], folder: Path, program: Sequence[str] = NODE_PROGRAM
) -> tuple[Array, Array]:
    """Return what the page computes: runs (setting, run, time, output) and quantiles (setting, output, share, time)."""
    (folder / "page.html").write_text(html(page), encoding="ascii")
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    names = ("page.html", "settings.json", "out.bin")
    subprocess.run([*program, *(folder / name for name in names)], check=True, timeout=300)
    numbers = np.fromfile(folder / "out.bin", dtype="<f8")
    times, outputs = len(page.simulator.times), len(page.simulator.outputs)
    split = len(settings) * page.runs * times * outputs
    runs = numbers[:split].reshape(len(settings), page.runs, times, outputs)
    return runs, numbers[split:].reshape(len(settings), page.charts, 5, times)


def random_setting(page: Contents, seed: int, most: int = 6) -> dict[str, dict[str, Any]]:
    """Return a setting of some sliders between the ends of their ranges, and of one curve within a tenth of its own."""
    from stockflow.page.sliders import slider

    random = np.random.default_rng(seed)
    names = random.permutation(list(page.sliders))[: min(most, len(page.sliders))]
    ranges = {str(name): slider(page.model.variable(str(name))) for name in names}
    values = {name: float(random.uniform(one.low, one.high)) for name, one in ranges.items()}
    bent = random.permutation(list(page.tables))[:1]
    curves = {str(name): [float(y * random.uniform(0.95, 1.05)) for y in page.tables[str(name)].ys] for name in bent}
    return {"values": values, "curves": curves}


def difference(ours: Array, theirs: Array) -> float:
    """Return the largest difference over (run, time, output), each relative to the largest size of its path."""
    same_kind = np.array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert same_kind, "one is finite where the other is not"
    finite = np.isfinite(theirs)
    scale = np.abs(np.where(finite, theirs, 0.0)).max(axis=-2, keepdims=True)
    far = np.abs(np.where(finite, ours - theirs, 0.0)) / np.where(scale > 0, scale, 1.0)
    return float(far.max())
