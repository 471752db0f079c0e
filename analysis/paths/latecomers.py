"""Latecomers against leaders: shares beside those observed, stages on two clocks, what is owed to others before.

Dates count from the discovery, wherever it was made, and from the country's own entry into the industry. Memory chips
have a leader and followers in one race; for the two Chinese industries the world abroad is data of the case, so there
is no leader's run to date.

The runs are those of `models.latecomer`, one for each draw of the leader's accepted posterior, so that intervals hold
what the leader's fit leaves open; a leader without an accepted fit is one run at the values of its case file. What is
said of a follower itself (its research, access, licences) is fixed by its file and mostly judged: no interval covers
that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, Runs, run
from analysis.draws.stages import LARGE, PRODUCT, STAGE_OUTPUTS, STAGES, later
from analysis.paths.durations import Dated
from analysis.paths.study import PathStudy, path_of
from analysis.plain.language import listed, term, worded
from calibration.observed.observations import Source, observed
from calibration.records.results import HERE, accepted_fits, accepted_posterior
from models.latecomer import NO_DRAWS, Latecomers, Race, load_latecomers, run_race
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval_columns

DRAWS = 200
UNTIL = 2006.0
SETTLED = 0.01  # share of the market by which the last round of a race may still move one
TOLD = (PRODUCT, "share 1%", LARGE, "share 20%")
LEADER, LATECOMER = "leader", "latecomer"
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

    def last_misses(self) -> str:
        """Say the share of each follower in its last observed year, modelled (median) and observed."""
        told = []
        for one in self.race.study.followers.values():
            last = self.shares[self.shares["country"] == one.title].iloc[-1]
            told.append(
                worded(
                    "{country} in {year}: {modelled:.2f}, observed {observed:.2f}",
                    country=term(one.title), year=last["year"], modelled=last["median"], observed=last["observed"],
                )
            )  # fmt: skip
        return listed(told)


def follow(name: str = "dram", draws: int = DRAWS, until: float = UNTIL, folder: Path = HERE) -> Following:
    """Run the latecomers of a file over `draws` draws of the leader's posterior accepted in `folder`.

    Raises InputError for an unknown file, and for an accepted fit of the leader without a current posterior.
    """
    study = load_latecomers(name)
    _, missing = accepted_fits([study.leader], folder)
    samples = NO_DRAWS if missing else accepted_posterior(study.leader, folder).spread(draws)
    race = run_race(study, samples, OUTPUTS, until)
    count = race.leader.sizes["run"]
    basis = missing.get(study.leader, f"{count} draws of the accepted posterior, bands hold 90% of them.")
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
        values = {name: race.followers[key][name].to_numpy() for name in OUTPUTS}
        dates = Runs(race.times, values | {"market share": race.shares[key]}).stages()
        for stage, years in zip(STAGES, dates.T, strict=True):
            spread = interval_columns(years, "year")
            rows.append(
                {"country": follower.title, "stage": stage, **spread,
                 "from discovery": spread["year"] - race.study.discovery,
                 "from industrial entry": spread["year"] - follower.entry, "reached": float(np.isfinite(years).mean())}
            )  # fmt: skip
    return pd.DataFrame(rows)


def two_clocks(paths: Sequence[Dated], race: Following | None) -> pd.DataFrame:
    """Return a row per country and stage: date, years from discovery and from its own entry, median and 90%.

    A leader enters with the discovery; an industry of which none is stated is left out. So are stages met before a
    model starts, or in some draws before the country's entry: they have no time from entry.
    """
    rows = []
    for path in paths:
        about, follower = path.about, path.about.follower
        if about.discovery is None:
            continue
        entry = about.discovery.year if follower is None else follower.entry
        role = LEADER if follower is None else LATECOMER
        for stage in TOLD:
            if not path.already(stage):
                who = path.title if follower is None else f"{path.title}, entry {entry:g}"
                rows.append(
                    _row(who, role, about.discovery.year, entry, stage, path.spread(stage), path.reached(stage))
                )
    if race is not None:
        entries = {one.title: one.entry for one in race.race.study.followers.values()}
        for one in race.stages.to_dict("records"):
            if one["stage"] in TOLD:
                who, entry = f"Memory chips ({one['country']})", entries[one["country"]]
                dates = one["low"], one["year"], one["high"]
                rows.append(_row(who, LATECOMER, race.race.study.discovery, entry, one["stage"], dates, one["reached"]))
    return pd.DataFrame([row for row in rows if float(str(row["from entry low"])) >= 0])


def _row(
    who: str, role: str, discovery: float, entry: float, stage: str, dates: tuple[float, float, float], reached: float
) -> dict[str, object]:
    low, middle, high = dates
    return {
        "who": who, "role": role, "stage": stage, "year": middle, "year low": low, "year high": high,
        "discovery": discovery, "from discovery": middle - discovery,
        "from discovery low": low - discovery, "from discovery high": high - discovery,
        "entry": entry, "from entry": middle - entry, "from entry low": low - entry, "from entry high": high - entry,
        "reached": reached,
    }  # fmt: skip


def alone(of: Drawn, study: PathStudy) -> pd.DataFrame:
    """Date the stages of a follower without anything from abroad, in the same draws: years later, median and 90%.

    A stage that comes only with what is from abroad is infinitely later; one that comes in neither is NaN.
    """
    about = path_of(of.case, study)
    if about.follower is None:
        raise InputError(f"study of paths: cases.{of.case}: leads, so that there is nothing to shut off")
    until = of.until(study.until)
    held = {name: np.full(of.count, value) for name, value in about.follower.alone.items()}
    usual = run(of, STAGE_OUTPUTS, until, save_period=about.save_period).stages()
    shut = run(of, STAGE_OUTPUTS, until, held, save_period=about.save_period).stages()
    delay = later(shut, usual)
    rows = []
    for i, stage in enumerate(STAGES):
        if (usual[:, i] <= of.model.initial_time).any():
            continue
        told = {"case": of.case, "without": about.follower.alone_says, "stage": stage}
        never = float(np.isinf(shut[:, i]).mean())
        rows.append({**told, **interval_columns(delay[:, i], "years later"), "never": never})
    return pd.DataFrame(rows)
