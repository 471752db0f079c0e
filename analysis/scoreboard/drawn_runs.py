"""Runs of posterior draws for the scoreboard: one batch for each case and counterfactual, then one draw at a time."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from analysis.draws.runs import Drawn, run, with_held
from analysis.scoreboard.questions import UNTIL, Reading, Run
from calibration.fitting.inference_data import Posterior
from stockflow import Model
from stockflow.arrays import Array

DRAWS = 200
Posteriors = Mapping[str, Posterior]
Models = Callable[[str], Model]  # by case
NO_POSTERIORS: Posteriors = MappingProxyType({})


class DrawnRuns:
    """Batches of what each case is run at, made when first asked for and kept.

    Draws of different cases are independent: the n-th of one goes with the n-th of another.
    """

    def __init__(self, drawn: Mapping[str, Drawn], readings: Mapping[str, Reading]) -> None:
        self.drawn = drawn
        self._variables = {
            case: tuple(dict.fromkeys(v for r in readings.values() if r.case == case for v in (*r.quantity, *r.over)))
            for case in drawn
        }
        self._made: dict[tuple[str, tuple[tuple[str, float], ...]], tuple[Array, dict[str, Array]]] = {}

    def runs(self, draw: int) -> Callable[[str, Mapping[str, float]], Run]:
        """Return what answers for one draw: the run of a case with some variables held."""

        def of_draw(case: str, held: Mapping[str, float]) -> Run:
            times, values = self._batch(case, held)
            return Run(times, {name: rows[draw] for name, rows in values.items()})

        return of_draw

    def _batch(self, case: str, held: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        key = (case, tuple(sorted(held.items())))
        if key not in self._made:
            of = with_held(self.drawn[case], held)
            found = run(of, self._variables[case], of.until(UNTIL), save_period=of.model.save_period)
            self._made[key] = found.times, dict(found.values)
        return self._made[key]
