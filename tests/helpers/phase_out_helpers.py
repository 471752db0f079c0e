"""A small laboratory for tests: real runs of a case under paths given by hand, in place of schedule files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from analysis.phase_out.prepare import outputs, prepared
from analysis.phase_out.runs import Arm, Runs, in_memory
from analysis.phase_out.study import PhaseOutStudy, load_phase_out_study
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.policy import with_announced
from stockflow import Model
from stockflow.arrays import Array
from stockflow.language.equations import WithLookup
from stockflow.over_time import QUARTER

Paths = Mapping[str, tuple[Array, Array]]
SUPPORT = {"nev": ("central subsidy",), "pv": ("feed in tariff", "distributed premium")}


@dataclass(frozen=True)
class ByHand:
    """Runs of a prepared model, one set of paths for each arm."""

    model: Model
    draws: Mapping[str, Array]
    paths: tuple[Paths, ...]
    outputs: tuple[str, ...]
    until: float

    @property
    def times(self) -> Array:
        return np.arange(self.model.initial_time, self.until + QUARTER / 2, QUARTER)

    @property
    def units(self) -> Mapping[str, str]:
        return {name: self.model.variable(name).unit for name in self.outputs}

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Array:
        samples = {name: one[first:last] for name, one in self.draws.items()}
        batch = (
            self.model.with_series(self.paths[schedule])
            .runs(samples, self.outputs, until=self.until, save_period=QUARTER)
            .dataset()
        )
        return np.stack([batch[name].to_numpy() for name in self.outputs], axis=2)


def history(model: Model, name: str) -> tuple[Array, Array]:
    expression = model.variable(name).expression
    assert isinstance(expression, WithLookup)
    return np.array(expression.table.xs), np.array(expression.table.ys)


def cut(model: Model, case: str, start: float, length: float = 0.0) -> Paths:
    """Paths of support that fall to nothing from `start` on, at once or in a straight line over `length` years."""
    out = {}
    for name in SUPPORT[case]:
        years, values = history(model, name)
        years = np.union1d(years, [start - 0.01, start, start + max(length, 0.01)])
        left = np.clip(1 - (years - start) / length, 0, 1) if length else (years < start).astype(float)
        out[name] = (years, np.interp(years, *history(model, name)) * left)
        assert values[0] >= 0
    return with_announced(out, model)


@cache
def small(case: str, draws: int = 12) -> tuple[PhaseOutStudy, Runs]:
    """A study of few draws: history as the supported path, no support, and cliffs and slopes at a few starts."""
    study = load_phase_out_study(case).model_copy(update={"draws": draws})
    model = prepared(study, load_case(case).model)
    samples = accepted_posterior(case).spread(draws)
    first = {"nev": 2012.0, "pv": 2013.0}[case]
    arms = [Arm("history held", "supported"), Arm("no support", "no support"), Arm("again", "named")]
    paths: list[Paths] = [{}, cut(model, case, 2000.0), {}]
    for shape, length in (("cliff", 0.0), ("linear", 5.0)):
        for start in (first, first + 1, first + 2, first + 6):
            arms.append(Arm(f"{shape} from {start:g}", "grid", shape, start, length))
            paths.append(cut(model, case, start, length))
    made = ByHand(model, samples, tuple(paths), outputs(study), study.horizon + study.tail)
    return study, in_memory(made, arms, samples)
