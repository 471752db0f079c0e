"""What is on a page: the compiled model, what may be moved, draws, and the engine's own runs beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.compiler.adaptive import written
from stockflow.compiler.assembly import Assembly
from stockflow.compiler.plan import Plan
from stockflow.compiler.simulator import Simulator
from stockflow.errors import InputError
from stockflow.language.curve import Table
from stockflow.language.data_tables import Column
from stockflow.language.equations import Method
from stockflow.model import Model
from stockflow.page import MOST_DRAWS
from stockflow.page.lanes import Lanes
from stockflow.page.pictures import beside
from stockflow.page.resume import resumable
from stockflow.page.sliders import MOST_CURVES, curves, movable, moves, strongest, tables
from stockflow.page.wasm import ALONE, WIDTH, Module, module

#: charts where nobody names outputs
MOST_CHARTS = 6
# names that are run for each chart, to find some that change
_LOOKED_AT = 8
#: variables without a chart whose values stand in the pictures
MOST_BESIDE = 40
# bytes that all draws of all outputs take in a browser, and what depends on time alone
_MOST_BYTES, _MOST_TABLE = 2**28, 2**26


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked to hold; a sequence that is None is left to the rules of `contents`.

    `samples` are draws of constants, (draw,) by display name, alike in length; `observed` are series by variable.
    `pictures` says whether values for pictures of stocks and flows are kept beside the charts.  `changed` are the times
    between which points of curves are changed.
    """

    title: str = ""
    inputs: Sequence[str] | None = None
    outputs: Sequence[str] | None = None
    curves: Sequence[str] | None = None
    samples: Mapping[str, Array] | None = None
    observed: Mapping[str, Column] | None = None
    draws: int = MOST_DRAWS
    until: float | None = None
    save_period: float | None = None
    method: Method | None = None
    pictures: bool = True
    changed: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True, eq=False)
class Contents:
    """A model made ready for a page.

    `simulator` is the engine's own run of what the page runs: its inputs are all that the page may set or draw, and
    `sliders` those a reader sees.  Its first `charts` outputs have a chart; the others stand in pictures of stocks and
    flows.  `drawn` has shape (draw, name of `samples`), in 32-bit numbers, which is what page
    and engine are both given.  `code` are sizes that the page's script needs to run the module.
    """

    model: Model
    asked: Asked
    simulator: Simulator
    sliders: tuple[str, ...]
    charts: int
    tables: Mapping[str, Table]
    samples: tuple[str, ...]
    drawn: NDArray[np.float32]
    given: int
    plan: Plan
    module: Module
    code: Mapping[str, int]

    @cached_property
    def alone(self) -> Module:
        """The module that makes one run at a time, for browsers without vectors; short, as they are rare."""
        return compiled(self.plan, ALONE, short=True)[0]

    @property
    def runs(self) -> int:
        """How many runs the page makes for one setting."""
        return max(1, len(self.drawn))

    def native(self, settings: Mapping[str, float], lines: Mapping[str, Sequence[float]] | None = None) -> Array:
        """Return the engine's own runs, shape (run, time, output), of what a page shows with these settings.

        `settings` are sliders' values and `lines` curves' y values, by display name; the rest is as drawn, or else as
        in the file.
        """
        columns = {name: self.drawn[:, place].astype(float) for place, name in enumerate(self.samples)}
        values = np.empty((self.runs, len(self.simulator.inputs)))
        for place, name in enumerate(self.simulator.inputs):
            values[:, place] = settings.get(name, columns.get(name, self.model.variable(name).value))
        opened = {name: (lines or {}).get(name, one.ys) for name, one in self.tables.items()}
        return self.simulator(values, tables={name: np.tile(ys, (self.runs, 1)) for name, ys in opened.items()})


def contents(model: Model, asked: Asked) -> Contents:
    """Return what a page of a model holds.

    Outputs that nobody names are the observed ones, then stocks, then what is worked out of them and nothing else uses,
    at most MOST_CHARTS, of those that change in the base run if any does; sliders those of the constants that move the
    outputs furthest; curves all lookups if they are few. Draws beyond `asked.draws` are left out evenly.
    Raises InputError as `Model.simulator` does, and for a page whose draws would not fit into a browser's memory.
    """
    outputs, samples = _outputs(model, asked), asked.samples or {}
    sliders, opened = _sliders(model, asked, outputs), _curves(model, asked, outputs)
    sampled = {model.variable(name).name: column for name, column in samples.items()}
    drawn, given = _drawn(sampled, asked.draws)
    simulator = model.simulator(
        [*sliders, *(name for name in sampled if name not in sliders)],
        [*outputs, *(beside(model, outputs, MOST_BESIDE) if asked.pictures else [])],
        asked.until,
        asked.save_period,
        asked.method,
        lookups={name: one.xs for name, one in opened.items()},
    )
    plan = simulator.task.plan()
    _check_size(simulator, plan, len(drawn))
    made, assembly, held = compiled(plan, WIDTH)
    sizes = {"columns": assembly.columns, "points": plan.points, "workspace": assembly.workspace, "held": held}
    code = {**sizes, "width": WIDTH, "data": made.data, "steps": len(plan.clock.saved)}
    rest = (tuple(sampled), drawn, given, plan, made, code)
    return Contents(model, asked, simulator, tuple(sliders), len(outputs), opened, *rest)


def compiled(plan: Plan, width: int, short: bool = False) -> tuple[Module, Assembly, int]:
    """Return the module of a plan, what it was made of, and how many vectors of a block are held at a stop.

    A module that is not `short` keeps the order of its instructions where a step waits for them.
    """
    assembly = written(plan, width, laid=True, writer=Lanes)
    text, held = resumable(assembly)
    return module(text, "simulate", 0.0 if short else assembly.waiting, width), assembly, held


def _check_size(simulator: Simulator, plan: Plan, draws: int) -> None:
    """Refuse what would not fit into a browser: all draws of all outputs, and all that depends on time alone."""
    times, outputs = len(simulator.times), len(simulator.outputs)
    size = 8 * max(1, draws) * times * outputs
    if size > _MOST_BYTES:
        raise InputError(
            f"{simulator.source}: {draws} draws of {outputs} outputs at {times} saved times are {size / 1e6:.0f} MB in"
            " a browser; name fewer outputs, take fewer draws or save less often"
        )
    steps, series = plan.table.shape
    if plan.table.nbytes + plan.clock.saved.nbytes > _MOST_TABLE:
        raise InputError(
            f"{simulator.source}: {steps} moments with {series} series over time are {plan.table.nbytes / 1e6:.0f} MB,"
            " too much for a page; run it to an earlier time or in longer steps"
        )


def _sliders(model: Model, asked: Asked, outputs: Sequence[str]) -> list[str]:
    if asked.inputs is None:
        return strongest(model, movable(model, outputs), outputs)
    found = [one for name in asked.inputs for one in model.equations.elements(name)]
    for one in map(model.variable, found):
        if not math.isfinite(one.value or 0.0):
            raise InputError(f"{model.file.name}: {one.name} is {one.value}, not a finite number: no slider is for it")
        if not moves(one):
            raise InputError(f"{model.file.name}: the limits of {one.name} leave a slider nothing to move")
    return found


def _outputs(model: Model, asked: Asked) -> list[str]:
    observed = [model.variable(name).name for name in asked.observed or {}]
    if asked.outputs is not None:
        named = [one for name in asked.outputs for one in model.equations.elements(name)]
        return [*named, *(name for name in observed if name not in named)]
    most = max(0, MOST_CHARTS - len(observed))
    stocks = _moving(model, asked, [name for name in model.stocks if name not in observed], most)
    rest = [name for name in _worked_out(model, len(stocks) < most) if name not in observed]
    found = [*observed, *stocks, *_moving(model, asked, rest, most - len(stocks))] or [*model.stocks, *rest][:most]
    if not found:
        raise InputError(f"{model.file.name}: nothing in it changes over time, so there is nothing to show")
    return found


def _moving(model: Model, asked: Asked, names: Sequence[str], most: int) -> list[str]:
    """Return the first `most` names that do not keep one value throughout the base run; some of many are looked at."""
    if most <= 0 or not names:
        return []
    some = list(names[: _LOOKED_AT * most])
    (run,) = model.simulator([], some, asked.until, asked.save_period, asked.method)(np.empty((1, 0)))
    return [name for name, path in zip(some, run.T, strict=True) if not (path == path[0]).all()][:most]


def _worked_out(model: Model, wanted: bool) -> Sequence[str]:
    """Return what a model works out of its stocks and nothing else uses; all of it where there is no stock."""
    if not wanted:
        return []
    names = [name for name, one in model.variables.items() if one.kind in {"flow", "auxiliary"}]
    if not model.stocks:
        return names
    stocks = set(model.stocks)
    ends = [name for name in names if not model.used_by(name, direct=True)]
    return [name for name in ends if stocks.intersection(model.depends_on(name))]


def _curves(model: Model, asked: Asked, outputs: Sequence[str]) -> Mapping[str, Table]:
    if asked.curves is not None:
        return tables(model, asked.curves)
    found = curves(model, outputs)
    return tables(model, found if len(found) <= MOST_CURVES else [])


def _drawn(samples: Mapping[str, Array], most: int) -> tuple[NDArray[np.float32], int]:
    """Return at most so many draws, evenly spaced, rounded to 32 bits, and how many there were."""
    if not samples:
        return np.empty((0, 0), dtype=np.float32), 0
    whole = np.column_stack(list(samples.values()))
    rows = np.unique(np.linspace(0, len(whole) - 1, min(most, len(whole))).round().astype(int))
    with np.errstate(over="ignore"):  # the engine refuses what is not finite, by name
        return whole[rows].astype(np.float32), len(whole)
