"""Latecomers against leaders on two clocks, and what a latecomer owes to what was there before it.

Dates count from the discovery, wherever it was made, and from the country's own entry into the industry. Memory chips
have a leader and followers in one race (see latecomers); for the two Chinese industries the world abroad is
data of the case, so there is no leader's run to date.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, run
from analysis.draws.stages import LARGE, PRODUCT, STAGE_OUTPUTS, STAGES, later
from analysis.paths.durations import Dated
from analysis.paths.latecomers import Following
from analysis.paths.study import PathStudy, path_of
from stockflow.errors import InputError
from stockflow.intervals import interval_columns

TOLD = (PRODUCT, "share 1%", LARGE, "share 20%")
LEADER, LATECOMER = "leader", "latecomer"


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
                who = about.title if follower is None else f"{about.title}, entry {entry:g}"
                rows.append(
                    _row(who, role, about.discovery.year, entry, stage, path.spread(stage), path.reached(stage))
                )
    if race is not None:
        entries = {one.title: one.entry for one in race.race.study.followers.values()}
        for country, stage, *dates, reached in race.stages[
            ["country", "stage", "low", "year", "high", "reached"]
        ].itertuples(index=False):
            if stage in TOLD:
                low, middle, high = dates
                rows.append(_row(f"Memory chips ({country})", LATECOMER, race.race.study.discovery, entries[country],
                                 stage, (low, middle, high), reached))  # fmt: skip
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
