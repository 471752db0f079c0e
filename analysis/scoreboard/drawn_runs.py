"""Runs of posterior draws for the scoreboard: one batch for each case and counterfactual, then one draw at a time."""

from collections.abc import Callable, Mapping

from analysis.draws.runs import Drawn, Runs, run, with_held
from analysis.scoreboard.questions import UNTIL, Reading, Run
from calibration.fitting.inference_data import Posterior
from models.latecomer import load_latecomers, run_race
from stockflow import Model
from stockflow.errors import InputError

DRAWS = 200
Posteriors = Mapping[str, Posterior]
Models = Callable[[str], Model]  # by case
NO_POSTERIORS: Posteriors = {}


class DrawnRuns:
    """Batches of what each case, and each race of latecomers behind one, is run at, made when first asked for and kept.

    Draws of different cases are independent: the n-th of one goes with the n-th of another.
    """

    def __init__(self, drawn: Mapping[str, Drawn], readings: Mapping[str, Reading]) -> None:
        self.drawn = drawn
        own = [one for one in readings.values() if not one.race]
        self._variables = {
            case: tuple(dict.fromkeys(v for r in own if r.case == case for v in (*r.quantity, *r.over)))
            for case in drawn
        }
        self._made: dict[tuple[str, str, tuple[tuple[str, float], ...]], Runs] = {}

    def runs(self, draw: int) -> Callable[[Reading, Mapping[str, float]], Run]:
        """Return what answers for one draw: the run that a reading is of, with some variables of its case held."""

        def of_draw(reading: Reading, held: Mapping[str, float]) -> Run:
            batch = self._batch(reading, held)
            return Run(batch.times, {name: rows[draw] for name, rows in batch.values.items()})

        return of_draw

    def _batch(self, reading: Reading, held: Mapping[str, float]) -> Runs:
        key = (reading.case, reading.race, tuple(sorted(held.items())))
        if key not in self._made:
            of = with_held(self.drawn[reading.case], held)
            if reading.race:
                self._made[key] = _shares(reading.race, of)
            else:
                self._made[key] = run(of, self._variables[of.case], of.until(UNTIL), save_period=of.model.save_period)
        return self._made[key]


def _shares(name: str, of: Drawn) -> Runs:
    """Return the share of every country in a race behind a case, (draw, time), by its title."""
    study = load_latecomers(name)
    if study.leader != of.case:
        raise InputError(f"latecomers {name!r} follow {study.leader!r}, not {of.case!r}")
    race = run_race(study, of.samples, until=of.until(UNTIL), model=of.model)
    shares = {study.followers[key].title: share for key, share in race.shares.items()}
    return Runs(race.times, {study.leader_title: race.leader_share, **shares})
