"""Where a run first stopped being finite: a second look at the runs that failed, with all they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stockflow.arrays import Array
from stockflow.compiler.simulator import Simulator, Task
from stockflow.language.equations import Table
from stockflow.language.order import evaluation_order, made_of


def watching(task: Task) -> Task:
    """Return the watched task of all that the outputs of a task are made of, in order of evaluation.

    The first of them that is not finite, at the first moment when any is not, is where it began:
    all that it reads at that moment is finite.
    """
    variables = task.equations.variables
    ordered = evaluation_order(task.equations, made_of(task.equations, task.outputs))
    outputs = tuple(name for name in ordered if not isinstance(variables[name].expression, Table))
    return replace(task, outputs=outputs, watched=True)


def first_failures(watch: Simulator, codes: Array) -> tuple[Array, list[str]]:
    """Return time and name of the first number that is not finite, by run; NaN and "" where all are.

    `codes` is what the simulator of a watched task gives, shape (run, step, 1).
    """
    failed = codes[:, :, 0] > 0
    steps = failed.argmax(axis=1)
    places = codes[np.arange(len(codes)), steps, 0].astype(int)
    times = np.where(places > 0, watch.times[steps], np.nan)
    return times, [watch.outputs[place - 1] if place else "" for place in places]
