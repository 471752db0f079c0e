"""Runs of posterior draws for the scoreboard: one batch for each case and counterfactual, then one draw at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from analysis.draws.runs import case_model, with_held
from analysis.scoreboard.questions import UNTIL, Reading, Run
from calibration.fitting.inference_data import Posterior
from stockflow import Model
from stockflow.arrays import Array
from stockflow.names import plain

DRAWS = 200
Posteriors = Mapping[str, Posterior]
Models = Callable[[str], Model]  # by case
NO_POSTERIORS: Posteriors = MappingProxyType({})


class DrawnRuns:
    """Batches of DRAWS evenly spaced posterior draws, made when first asked for and kept.

    Draws of different cases are independent: the n-th of one goes with the n-th of another.
    """

    def __init__(self, posteriors: Posteriors, readings: Mapping[str, Reading], models: Models = case_model) -> None:
        self.posteriors = posteriors
        self._samples = {case: posterior.spread(DRAWS) for case, posterior in posteriors.items()}
        self._variables = {
            case: tuple(dict.fromkeys(v for r in readings.values() if r.case == case for v in (*r.quantity, *r.over)))
            for case in posteriors
        }
        self._models = models
        self._made: dict[tuple[str, tuple[tuple[str, float], ...]], tuple[Array, dict[str, Array]]] = {}

    def count(self, case: str) -> int:
        """Return how many draws of a case there are."""
        return len(next(iter(self._samples[case].values())))

    def runs(self, draw: int) -> Callable[[str, Mapping[str, float]], Run]:
        """Return what answers for one draw: the run of a case with some variables held."""

        def run(case: str, held: Mapping[str, float]) -> Run:
            times, values = self._batch(case, held)
            return Run(times, {name: rows[draw] for name, rows in values.items()})

        return run

    def _batch(self, case: str, held: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        key = (case, tuple(sorted(held.items())))
        if key not in self._made:
            model = self._models(case)
            constants = {plain(name) for name in model.constants}
            changing = [name for name in self._variables[case] if plain(name) not in constants]
            runs = with_held(model, held).runs(self._samples[case], changing, min(UNTIL, model.final_time))
            batch = runs.dataset()
            values = {str(name): np.asarray(batch[name]) for name in batch.data_vars}
            fixed = [name for name in self._variables[case] if plain(name) in constants]
            for name in fixed:
                one = model.variable(name)
                usual = np.full(self.count(case), one.value)
                values[one.name] = np.asarray(self._samples[case].get(one.name, usual))[:, None]
            self._made[key] = batch["time"].to_numpy(), values
        return self._made[key]
