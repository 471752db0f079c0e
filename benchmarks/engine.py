"""Speed of the batch engine against PySD, the two measured in turn in one process; only the ratios travel.

Run with `make bench`. The machine may be shared, so every figure is the best of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from models.case import CASES, load_case

RUNS = 2048
ROUNDS = 3
OUTPUTS = ["market share", "Cumulative Domestic Sales", "Price", "Capacity", "Cumulative Fiscal Outlay"]


def seconds(job: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def main() -> None:
    """Measure the four models and print a table."""
    print("model   steps  PySD s/run  compile s  1 run ms    runs/s     ratio")
    for name in CASES:
        model = load_case(name).model
        compiling = seconds(lambda m=model: m.simulator(["cost sensitivity"], OUTPUTS))
        simulator = model.simulator(["cost sensitivity"], OUTPUTS)
        value = model.variable("cost sensitivity").value
        one, many = np.full((1, 1), value), np.full((RUNS, 1), value)
        reference = single = batch = np.inf
        for _ in range(ROUNDS):
            reference = min(reference, seconds(lambda m=model: m.run(engine="reference")))
            single = min(single, seconds(lambda s=simulator, v=one: s(v)))
            batch = min(batch, seconds(lambda s=simulator, v=many: s(v, threads=2)))
        steps = round((model.final_time - model.initial_time) / model.time_step)
        print(
            f"{name:6s} {steps:6d} {reference:11.2f} {compiling:10.2f} {1000 * single:9.2f} {RUNS / batch:9.0f} "
            f"{reference * RUNS / batch:9.0f}"
        )
    print(f"ratio: PySD time per run over batch time per run ({RUNS} runs, 2 threads); PySD includes its translation.")


if __name__ == "__main__":
    main()
