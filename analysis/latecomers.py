"""Latecomers against their leader: shares of the market beside those observed, and stage dates on two clocks.

The runs are those of `models.latecomer`, one for each draw of the leader's accepted posterior, so that intervals hold
what the leader's fit leaves open. What is said of a follower itself (its research, access, licences) is fixed by its
file and mostly judged: no interval covers that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.pathways import STAGES, date_stages
from calibration.observations import Source, observed
from calibration.results import accepted_posterior
from models.latecomer import Latecomers, Race, load_latecomers, run_race

Array = NDArray[np.float64]
DRAWS = 40
UNTIL = 2006.0
OUTPUTS = ("Cumulative River Crossing", "Commercial Designs", "unsubsidised user cost", "trigger benchmark")


@dataclass(frozen=True, slots=True)
class Following:
    """What one race says: `shares` against observation, `stages` on both clocks, both with medians and 90%."""

    race: Race
    shares: pd.DataFrame
    stages: pd.DataFrame

    @property
    def share_error(self) -> float:
        """Root mean square of modelled median minus observed share over all countries and years."""
        gap = self.shares["median"] - self.shares["observed"]
        return float(np.sqrt(np.mean(gap.to_numpy(dtype=float) ** 2)))


def follow(name: str = "dram", draws: int = DRAWS, until: float = UNTIL) -> Following:
    """Run the latecomers of a file over `draws` draws of the leader's accepted posterior.

    Raises InputError for an unknown file, and for a leader without a current accepted posterior.
    """
    study = load_latecomers(name)
    posterior = accepted_posterior(study.leader)
    race = run_race(study, posterior.spread(draws), OUTPUTS, until)
    return Following(race, share_table(race), stage_table(race))


def share_table(race: Race) -> pd.DataFrame:
    """Return modelled shares (median and 90% over draws, mid-year) beside every observed one, fractions."""
    study = race.study
    told = {study.leader_title: (study.observed.leader_region, race.leader_share)}
    told |= {one.title: (one.region, race.shares[key]) for key, one in study.followers.items()}
    rows = []
    for title, (region, share) in told.items():
        for year, value in _observed(study, region, race.times).items():
            modelled = [float(np.interp(float(year) + 0.5, race.times, row)) for row in share]
            low, median, high = np.quantile(modelled, [0.05, 0.5, 0.95])
            rows.append({"country": title, "year": int(year), "observed": value,
                         "median": median, "low": low, "high": high})  # fmt: skip
    return pd.DataFrame(rows)


def _observed(study: Latecomers, region: str, times: Array) -> dict[int, float]:
    first, last = int(np.ceil(times[0])), int(times[-1]) - 1
    source = Source(study.observed.table, study.observed.series, region, study.observed.unit, first, last)
    table = observed([source], "1", combine="sum")  # a share of 0 is an observation
    return {int(year): float(value) for year, value in zip(table.index.to_numpy(), table.to_numpy(), strict=True)}


def stage_table(race: Race) -> pd.DataFrame:
    """Return the year of every stage of every follower, and the years to it from discovery and from its entry.

    Medians and 90% over draws; a stage that a draw does not reach by the end of the run counts as later than all, and
    `reached` is the share of draws that do.
    """
    rows = []
    for key, follower in race.study.followers.items():
        run = race.followers[key]
        dated = []
        for draw, share in enumerate(race.shares[key]):
            values = {name: run[name].to_numpy()[draw] for name in OUTPUTS}
            dated.append(date_stages(race.times, {**values, "market share": share}))
        for stage in STAGES:
            years = np.array([one[stage] for one in dated])
            low, median, high = np.quantile(years, [0.05, 0.5, 0.95], method="nearest")
            rows.append(
                {"country": follower.title, "stage": stage, "year": median, "low": low, "high": high,
                 "from discovery": median - race.study.discovery, "from industrial entry": median - follower.entry,
                 "reached": float(np.isfinite(years).mean())}
            )  # fmt: skip
    return pd.DataFrame(rows)
