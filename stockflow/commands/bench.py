"""How fast a model runs here: compiled, alone and in a batch, and through PySD."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from stockflow import reference
from stockflow.errors import StoppedError
from stockflow.model import Model

_MOST_INPUTS = 5
_MOST_OUTPUTS = 5
_Result = TypeVar("_Result")


def measure(model: Model, runs: int) -> dict[str, float | None]:
    """Return times in seconds, runs per second, and the largest difference from PySD.

    The batch varies up to five constants within 1 % and keeps up to five stocks.  PySD's run is
    timed as the difference between a whole run and one that stops at once, so that its reading does
    not count.  The difference is a share of each variable's largest size; None where PySD stops or is not installed.
    """
    inputs = model.constants[:_MOST_INPUTS]
    outputs = (model.stocks or tuple(model.variables))[:_MOST_OUTPUTS]
    base = np.array([[model.variable(name).value for name in inputs]], dtype=float)
    factors = np.random.default_rng(1).uniform(0.99, 1.01, (runs, len(inputs)))
    simulator, compiling = timed(lambda: model.simulator(inputs, outputs))
    simulator(base)
    _, alone = timed(lambda: simulator(base))
    _, together = timed(lambda: simulator(base * factors))
    numbers: dict[str, float | None] = {
        "variables": len(model.variables),
        "time steps": round((model.final_time - model.initial_time) / model.time_step),
        "compile, s": compiling,
        "one run, s": alone,
        "runs of the batch": runs,
        "runs per second": runs / together,
    }
    return numbers | _pysd(model, runs / together)


def _pysd(model: Model, speed: float) -> dict[str, float | None]:
    none = dict.fromkeys(("PySD read, s", "PySD run, s", "times PySD", "difference from PySD"))
    if not reference.installed():
        return none
    own = model.run()
    first = float(own["time"][1])
    try:
        model.run(until=first, engine="reference")  # PySD itself is loaded only once
        _, reading = timed(lambda: model.run(until=first, engine="reference"))
        theirs, whole = timed(lambda: model.run(engine="reference"))
    except StoppedError:
        return none
    running = max(whole - reading, 1e-9)
    apart = 0.0
    for name in own:
        size = float(np.abs(theirs[name]).max()) or 1.0
        apart = max(apart, float(np.abs(own[name].values - theirs[name].values).max()) / size)
    return {
        "PySD read, s": reading,
        "PySD run, s": running,
        "times PySD": speed * running,
        "difference from PySD": apart,
    }


def timed(call: Callable[[], _Result]) -> tuple[_Result, float]:
    """Return what a call returns and its wall time in seconds."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start
