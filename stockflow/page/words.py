"""What a page says of its model, as data: names, units, notes, ranges, observed points, pictures."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from stockflow.language.clock import one_step
from stockflow.language.curve import Table
from stockflow.language.equations import LookupCall, Reference, Time, WithLookup, references, walk
from stockflow.model import Model
from stockflow.page.contents import Contents
from stockflow.page.pictures import MOVING, pictures, undrawn
from stockflow.page.resume import inputs_from, points_from, stops
from stockflow.page.sliders import curves, movable, slider
from stockflow.page.wasm import ALONE
from stockflow.version import VERSION


def described(page: Contents) -> dict[str, object]:
    """Return all that a page says or needs beside its three blocks of bytes, fit for JSON."""
    model, simulator, asked = page.model, page.simulator, page.asked
    outputs = simulator.outputs[: page.charts]
    columns = {name: page.drawn[:, place] for place, name in enumerate(page.samples)}
    inputs, points = inputs_from(page.plan), points_from(page.plan)
    moved = [moment for name, moment in zip(simulator.inputs, inputs, strict=True) if name in page.sliders]
    first, last = asked.changed
    times = [x for one in page.tables.values() for x in one.xs]
    likely = [moment for moment, x in zip(points, times, strict=True) if first <= x <= last]
    stopped = stops([*likely, *moved], page.code["steps"], 8 * page.runs * page.code["held"])
    moments, alone = iter(points), {"width": ALONE, "data": page.alone.data}
    return {
        "title": asked.title or _title(PurePath(model.file.name).stem.replace("_", " ")),
        "origin": {
            "file": PurePath(model.file.name).name,
            "equations": simulator.digest,
            "version": VERSION,
            "method": simulator.task.equations.method,
            "step": one_step(model.equations, "a page"),
        },
        "time": {"unit": model.variable("time step").unit, "values": simulator.times.tolist()},
        "inputs": [
            {**_input(model, name, columns.get(name)), "shown": name in page.sliders, "from": moment}
            for name, moment in zip(simulator.inputs, inputs, strict=True)
        ],
        "outputs": [_output(page, name) for name in outputs],
        "beside": list(simulator.outputs[page.charts :]),
        "pictures": pictures(model, outputs) if asked.pictures else [],
        "constants": _constants(page),
        "curves": [_curve(model, name, one, list(islice(moments, len(one.xs)))) for name, one in page.tables.items()],
        "samples": list(page.samples),
        "draws": len(page.drawn),
        "given": page.given,
        "left": {
            "sliders": len(movable(model, outputs)) - len(page.sliders),
            "charts": sum(one.kind in MOVING for one in model.variables.values()) - len(outputs),
            "curves": len(curves(model, outputs)) - len(page.tables),
            "pictures": undrawn(model, outputs) if asked.pictures else 0,
        },
        "check": _check(page),
        "code": {**page.code, "shape": list(page.plan.table.shape), "stops": stopped, "alone": alone},
    }


def _check(page: Contents) -> list[float] | None:
    """Return the engine's own medians of the base run at the last moment, by chart; None where no run is finite."""
    runs = page.native({})[..., : page.charts]
    finite = runs[np.isfinite(runs).all(axis=(1, 2)), -1]
    return np.median(finite, axis=0).tolist() if len(finite) else None


def _constants(page: Contents) -> dict[str, float]:
    """Return the values of constants that stand as they are."""
    held = set(page.simulator.inputs)
    values = {name: page.model.variable(name).value for name in page.model.constants if name not in held}
    return {name: value for name, value in values.items() if value is not None and math.isfinite(value)}


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _input(model: Model, name: str, drawn: NDArray[np.float32] | None) -> dict[str, object]:
    one = model.variable(name)
    span = slider(one, None if drawn is None else drawn.astype(float))
    return {
        **_words(model, name),
        "value": one.value,
        "low": span.low,
        "high": span.high,
        "rule": span.rule,
        "limits": list(one.limits),
        "drawn": None if drawn is None else [float(drawn.min()), float(drawn.max())],
    }


def _output(page: Contents, name: str) -> dict[str, object]:
    wanted = {page.model.variable(one).name: column for one, column in (page.asked.observed or {}).items()}
    seen = wanted.get(name)
    points = None if seen is None else {"times": list(seen.times), "values": list(seen.values)}
    return {**_words(page.model, name), "observed": points}


def _curve(model: Model, name: str, table: Table, moments: list[int]) -> dict[str, object]:
    one = model.variable(name)
    of, unit = _argument(model, name)
    limits = list(one.limits) if one.kind != "lookup" else [None, None]
    shape = {"xs": list(table.xs), "ys": list(table.ys), "steps": table.kind == "steps", "from": moments}
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
    if len(read) == len(names) == 1 and isinstance(read[0], Reference):
        return names[0], model.variable(names[0]).unit
    return f"what is computed from {', '.join(names)}" if names else "what it is read at", ""


def _words(model: Model, name: str) -> dict[str, object]:
    one = model.variable(name)
    return {"name": name, "unit": one.unit, "note": one.documentation, "group": one.group}
