"""What is on a page: the compiled model, what may be moved, draws, observations, and the words for all of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array
from stockflow.compiler.assembly import Assembly
from stockflow.compiler.simulator import Simulator
from stockflow.errors import InputError
from stockflow.language.equations import LookupCall, Method, Reference, Table, Time, WithLookup, references, walk
from stockflow.model import Model
from stockflow.page.pictures import beside, pictures
from stockflow.page.sliders import MOST_CURVES, curves, movable, slider, strongest, tables
from stockflow.page.wasm import WIDTH, Module, module
from stockflow.vensim_files.data import Column
from stockflow.version import VERSION

#: charts where nobody names outputs
MOST_CHARTS = 6
#: draws that are taken of more
MOST_DRAWS = 200
#: variables without a chart whose values stand in the pictures
MOST_BESIDE = 40
# bytes that all draws of all outputs take in a browser, and what depends on time alone
_MOST_BYTES, _MOST_TABLE = 2**28, 2**26


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is asked to hold; a sequence that is None is left to the rules of `contents`.

    `samples` are draws of constants, (draw,) by display name, alike in length; `observed` are series by variable.
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


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """A model made ready for a page.

    `simulator` is the engine's own run of what the page runs: its inputs are all that the page may set or draw, and
    `sliders` those a reader sees.  Its first `charts` outputs have a chart; the others stand in pictures of stocks and
    flows.  `drawn` has shape (draw, name of `samples`), in 32-bit numbers, which is what page
    and engine are both given.
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
    module: Module
    code: Mapping[str, int]
    table: Array
    saved: NDArray[np.uint8]

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

    Outputs that nobody names are the observed ones, then stocks, at most MOST_CHARTS; sliders those of the constants
    that move the outputs furthest; curves all lookups if they are few. Draws beyond `asked.draws` are left out evenly.
    Raises InputError as `Model.simulator` does, and for a page whose draws would not fit into a browser's memory.
    """
    outputs = _outputs(model, asked)
    samples = {model.variable(name).name: column for name, column in (asked.samples or {}).items()}
    allowed = movable(model, outputs)
    if asked.inputs is None:
        sliders = strongest(model, allowed, outputs)
    else:
        sliders = [one for name in asked.inputs for one in model.equations.elements(name)]
        for one in map(model.variable, sliders):
            if not math.isfinite(one.value or 0.0):
                raise InputError(
                    f"{model.file.name}: {one.name} is {one.value}, not a finite number: no slider is for it"
                )
    opened = _curves(model, asked, outputs)
    inputs = [*sliders, *(name for name in samples if name not in sliders)]
    simulator = model.simulator(
        inputs,
        [*outputs, *beside(model, outputs, MOST_BESIDE)],
        asked.until,
        asked.save_period,
        asked.method,
        lookups={name: one.xs for name, one in opened.items()},
    )
    drawn, given = _drawn(samples, asked.draws)
    size = 8 * max(1, len(drawn)) * len(simulator.times) * len(simulator.outputs)
    if size > _MOST_BYTES:
        raise InputError(
            f"{model.file.name}: {len(drawn)} draws of {len(simulator.outputs)} outputs at {len(simulator.times)} saved"
            f" times are {size / 1e6:.0f} MB in a browser; name fewer outputs, take fewer draws or save less often"
        )
    plan = simulator.task.plan()
    if plan.table.nbytes + plan.clock.saved.nbytes > _MOST_TABLE:
        raise InputError(
            f"{model.file.name}: {len(plan.table)} moments with {plan.table.shape[1]} series over time are"
            f" {plan.table.nbytes / 1e6:.0f} MB, too much for a page; run it to an earlier time or in longer steps"
        )
    assembly = Assembly(plan, WIDTH)
    code = module(assembly.text(), "simulate")
    sizes = {"columns": assembly.columns, "workspace": assembly.workspace, "width": WIDTH, "data": code.data}
    saved = plan.clock.saved.astype(np.uint8)
    rest = (tuple(samples), drawn, given, code, sizes, plan.table, saved)
    return Contents(model, asked, simulator, tuple(sliders), len(outputs), opened, *rest)


def described(page: Contents) -> dict[str, object]:
    """Return all that a page says or needs beside its three blocks of bytes, fit for JSON."""
    model, simulator, asked = page.model, page.simulator, page.asked
    columns = {name: page.drawn[:, place] for place, name in enumerate(page.samples)}
    return {
        "title": asked.title or _title(PurePath(model.file.name).stem.replace("_", " ")),
        "origin": {
            "file": PurePath(model.file.name).name,
            "equations": simulator.digest,
            "version": VERSION,
            "method": simulator.task.equations.method,
            "step": model.time_step,
        },
        "time": {"unit": model.variable("time step").unit, "values": simulator.times.tolist()},
        "inputs": [_input(model, name, columns.get(name), name in page.sliders) for name in simulator.inputs],
        "outputs": [_output(page, name) for name in simulator.outputs[: page.charts]],
        "beside": list(simulator.outputs[page.charts :]),
        "pictures": pictures(model, simulator.outputs[: page.charts]),
        "constants": _constants(page),
        "curves": [_curve(model, name, one) for name, one in page.tables.items()],
        "samples": list(page.samples),
        "draws": len(page.drawn),
        "given": page.given,
        "left": {
            "sliders": len(movable(model, simulator.outputs[: page.charts])) - len(page.sliders),
            "curves": len(curves(model, simulator.outputs[: page.charts])) - len(page.tables),
        },
        "code": {**page.code, "shape": list(page.table.shape), "steps": len(page.saved)},
    }


def _constants(page: Contents) -> dict[str, float]:
    """Return the values of constants that stand as they are."""
    held = set(page.simulator.inputs)
    values = {name: page.model.variable(name).value for name in page.model.constants if name not in held}
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _outputs(model: Model, asked: Asked) -> list[str]:
    observed = [model.variable(name).name for name in asked.observed or {}]
    if asked.outputs is not None:
        named = [one for name in asked.outputs for one in model.equations.elements(name)]
        return [*named, *(name for name in observed if name not in named)]
    rest = model.stocks or [name for name, one in model.variables.items() if one.kind in {"flow", "auxiliary"}]
    most = max(0, MOST_CHARTS - len(observed))
    found = [*observed, *[name for name in rest if name not in observed][:most]]
    if not found:
        raise InputError(f"{model.file.name}: nothing in it changes over time, so there is nothing to show")
    return found


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
    return whole[rows].astype(np.float32), len(whole)


def _input(model: Model, name: str, drawn: NDArray[np.float32] | None, shown: bool) -> dict[str, object]:
    one = model.variable(name)
    span = slider(one, None if drawn is None else drawn.astype(float))
    return {
        **_words(model, name),
        "value": one.value,
        "low": span.low,
        "high": span.high,
        "rule": span.rule,
        "limits": list(one.limits),
        "shown": shown,
    }


def _output(page: Contents, name: str) -> dict[str, object]:
    wanted = {page.model.variable(one).name: column for one, column in (page.asked.observed or {}).items()}
    seen = wanted.get(name)
    points = None if seen is None else {"times": list(seen.times), "values": list(seen.values)}
    return {**_words(page.model, name), "observed": points}


def _curve(model: Model, name: str, table: Table) -> dict[str, object]:
    one = model.variable(name)
    of, unit = _argument(model, name)
    limits = list(one.limits) if one.kind != "lookup" else [None, None]
    shape = {"xs": list(table.xs), "ys": list(table.ys), "steps": table.kind == "steps"}
    return {**_words(model, name), **shape, "of": of, "of unit": unit, "limits": limits}


def _argument(model: Model, name: str) -> tuple[str, str]:
    """Return what a curve is read at, in words, and its unit where that is one variable or time."""
    own = model.variable(name).expression
    if isinstance(own, WithLookup):
        read = [own.argument]
    else:
        parts = (part for one in model.equations.variables.values() for part in walk(one.expression))
        read = list(dict.fromkeys(one.argument for one in parts if isinstance(one, LookupCall) and one.name == name))
    if read == [Time()]:
        return "Time", model.variable("time step").unit
    names = list(dict.fromkeys(name for one in read for name in references(one) if name in model.variables))
    single = len(read) == len(names) == 1 and isinstance(read[0], Reference)
    return ", ".join(names) or "what it is read at", model.variable(names[0]).unit if single else ""


def _words(model: Model, name: str) -> dict[str, object]:
    one = model.variable(name)
    return {"name": name, "unit": one.unit, "note": one.documentation, "group": one.group, "kind": one.kind}
