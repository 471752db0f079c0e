"""Latecomers against their leader: shares of the market beside those observed, and stage dates on two clocks.

The runs are those of `models.latecomer`, one for each draw of the leader's accepted posterior, so that intervals hold
what the leader's fit leaves open; a leader without an accepted fit is one run at the values of its case file. What is
said of a follower itself (its research, access, licences) is fixed by its file and mostly judged: no interval covers
that.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.draws.runs import Runs
from analysis.draws.stages import STAGES
from calibration.observed.observations import Source, observed
from calibration.records.results import HERE, accepted_fits, accepted_posterior
from models.latecomer import NO_DRAWS, Latecomers, Race, load_latecomers, run_race
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval_columns

DRAWS = 200
UNTIL = 2006.0
SETTLED = 0.01  # share of the market by which the last round of a race may still move one
OUTPUTS = ("Cumulative River Crossing", "Commercial Designs", "unsubsidised user cost", "trigger benchmark")


@dataclass(frozen=True, slots=True)
class Following:
    """What one race says: `shares` against observation, `stages` on both clocks, both with medians and 90%.

    `basis` says in words what was run: draws of the leader's posterior, or one run without interval.
    """

    race: Race
    shares: pd.DataFrame
    stages: pd.DataFrame
    basis: str

    @property
    def share_error(self) -> float:
        """Root mean square of modelled median minus observed share over all countries and years."""
        gap = self.shares["median"] - self.shares["observed"]
        return float(np.sqrt(np.mean(gap.to_numpy(dtype=float) ** 2)))

    def miss(self, country: str) -> tuple[int, float, float]:
        """Return the last observed year of a country with its observed share and the modelled median."""
        last = self.shares[self.shares["country"] == country].iloc[-1]
        return int(last["year"]), float(last["observed"]), float(last["median"])


def follow(name: str = "dram", draws: int = DRAWS, until: float = UNTIL, folder: Path = HERE) -> Following:
    """Run the latecomers of a file over `draws` draws of the leader's posterior accepted in `folder`.

    Raises InputError for an unknown file, and for an accepted fit of the leader without a current posterior.
    """
    study = load_latecomers(name)
    _, missing = accepted_fits([study.leader], folder)
    samples = NO_DRAWS if missing else accepted_posterior(study.leader, folder).spread(draws)
    race = run_race(study, samples, OUTPUTS, until)
    count = race.leader.sizes["run"]
    basis = missing.get(
        study.leader, f"{study.leader}: {count} draws of the accepted posterior, bands hold 90% of them."
    )
    if race.unsettled > SETTLED:
        raise InputError(f"{name}.toml: passes: shares still move by {race.unsettled:.3f} after {study.passes} rounds")
    return Following(race, share_table(race), stage_table(race), basis)


def share_table(race: Race) -> pd.DataFrame:
    """Return modelled shares (median and 90% over draws, mid-year) beside every observed one, fractions.

    The leader stands for the whole market that followers leave, so that it is compared with what they leave in years
    in which all of them are observed.
    """
    study = race.study
    seen = {one.title: _observed(study, one.region, race.times) for one in study.followers.values()}
    years = sorted(set.intersection(*(set(one) for one in seen.values())))
    left = {year: 1.0 - sum(one[year] for one in seen.values()) for year in years}
    told = {study.leader_title: (left, race.leader_share)}
    told |= {one.title: (seen[one.title], race.shares[key]) for key, one in study.followers.items()}
    rows = []
    for title, (values, share) in told.items():
        for year, value in values.items():
            modelled = np.array([np.interp(float(year) + 0.5, race.times, row) for row in share])
            spread = interval_columns(modelled, "median")
            rows.append({"country": title, "year": int(year), "observed": value, **spread})
    return pd.DataFrame(rows)


def _observed(study: Latecomers, region: str, times: Array) -> dict[int, float]:
    first, last = int(np.ceil(times[0])), int(times[-1]) - 1
    source = Source(**study.observed.model_dump(), region=region, first_year=first, last_year=last)
    table = observed([source], "1", combine="sum")  # a share of 0 is an observation
    return {int(year): float(value) for year, value in zip(table.index.to_numpy(), table.to_numpy(), strict=True)}


def stage_table(race: Race) -> pd.DataFrame:
    """Return the year of every stage of every follower, and the years to it from discovery and from its entry.

    Medians and 90% over draws; a stage that a draw does not reach by the end of the run counts as later than all, and
    `reached` is the share of draws that do.
    """
    rows = []
    for key, follower in race.study.followers.items():
        run = {name: race.followers[key][name].to_numpy() for name in OUTPUTS}
        dates = Runs(race.times, run | {"market share": race.shares[key]}).stages()
        for stage, years in zip(STAGES, dates.T, strict=True):
            spread = interval_columns(years, "year")
            rows.append(
                {"country": follower.title, "stage": stage, **spread,
                 "from discovery": spread["year"] - race.study.discovery,
                 "from industrial entry": spread["year"] - follower.entry, "reached": float(np.isfinite(years).mean())}
            )  # fmt: skip
    return pd.DataFrame(rows)
