"""Dated stages of an industry: one date a stage for every draw of its accepted posterior, or for one run."""

from dataclasses import dataclass

import numpy as np

from analysis.draws.runs import Drawn, run
from analysis.draws.stages import STAGE_OUTPUTS, STAGES
from analysis.paths.study import PathCase, PathStudy, path_of
from stockflow.arrays import Array
from stockflow.intervals import interval


@dataclass(frozen=True, slots=True, eq=False)
class Dated:
    """Dates of all stages in years, (draw, stage): infinite where never reached, the start where met at the start.

    `basis` says in words what was run; without `posterior` there is one run and an interval means nothing.
    """

    case: str
    about: PathCase
    basis: str
    posterior: bool
    initial_time: float
    until: float
    dates: Array

    def of(self, stage: str) -> Array:
        """Return the dates of one stage, (draw,)."""
        return np.asarray(self.dates[:, STAGES.index(stage)])

    def spread(self, stage: str) -> tuple[float, float, float]:
        """Return 5%, 50% and 95% of the date of a stage; a draw that never reaches it counts as later than all."""
        return interval(self.of(stage))

    def already(self, stage: str) -> bool:
        """Whether some draw met the stage at the model's first moment, so that its true date is earlier."""
        return bool((self.of(stage) <= self.initial_time).any())

    def reached(self, stage: str) -> float:
        """Return the share of draws that reach the stage within the run."""
        return float(np.isfinite(self.of(stage)).mean())


def date_path(of: Drawn, study: PathStudy) -> Dated:
    """Run every draw of one industry and date its stages."""
    about = path_of(of.case, study)
    until = of.until(about.until)
    runs = run(of, STAGE_OUTPUTS, until, save_period=about.save_period)
    return Dated(of.case, about, of.basis, of.posterior, of.model.initial_time, until, runs.stages())
