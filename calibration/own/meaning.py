"""What observations seem to mean that a person may not have meant: a sentence each, none of them a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, Observed
from models.own import own_drivers

FEWEST = 4  # years that two series must share to be compared
SAME = 1e-3  # relative difference within which a ratio of two series is one constant
FACTOR = 2.0  # by which what is derived twice may differ
DEARER = 10.0  # times that a cost may rise above its first year


def doubts(observed: Mapping[str, Observed], folder: Path) -> list[str]:
    """Say which series do not change, rise as no cost does, repeat or contradict another or the market of the case."""
    market = own_drivers(folder)["market size"]
    size = {year: float(np.interp(year + 0.5, market.years, market.values)) for year in _years(observed)}
    return [
        *_single(observed), *_repeated(observed), *_not_differences(observed), *_other_market(observed, size),
        *_beyond(observed, size),
    ]  # fmt: skip


def _years(observed: Mapping[str, Observed]) -> set[int]:
    return {year for one in observed.values() for year in one.years}


def _single(observed: Mapping[str, Observed]) -> list[str]:
    said = []
    for one in observed.values():
        values = [row.value for row in one.rows]
        if len(values) >= FEWEST and min(values) == max(values):
            said.append(f"{one.rows[0].place}: {one.name} is {values[0]:g} {one.unit} in every year: is it observed?")
        if one.name == COST and max(values) > DEARER * values[0]:
            top = max(one.rows, key=lambda row: row.value)
            times = f"{top.value / values[0]:.3g} times that of {one.rows[0].year}"
            said.append(f"{top.place}: unit_cost of {top.year} is {times}: is its unit the same in every row?")
    return said


def _repeated(observed: Mapping[str, Observed]) -> list[str]:
    """Compare every two series of volumes and shares: a constant ratio says that they are one series twice."""
    said = []
    names = [name for name in (ANNUAL, CUMULATIVE, SHARE) if name in observed]
    for first, second in ((a, b) for place, a in enumerate(names) for b in names[place + 1 :]):
        one, other = observed[first], observed[second]
        ratios = [row.value / _of(one)[row.year] for row in other.rows if row.year in _of(one)]
        if len(ratios) >= FEWEST and max(ratios) <= min(ratios) * (1 + SAME):
            said.append(
                f"{other.rows[0].place}: {second} is {first} times {ratios[0]:.4g} in every year: "
                "do both measure the same?"
            )
    return said


def _not_differences(observed: Mapping[str, Observed]) -> list[str]:
    """Compare annual volumes with the differences of cumulative ones."""
    if not {ANNUAL, CUMULATIVE} <= observed.keys():
        return []
    annual = _of(observed[ANNUAL])
    ratios = [
        annual[after.year] / (after.value - before.value)
        for before, after in pairwise(observed[CUMULATIVE].rows)
        if after.year == before.year + 1 and after.year in annual and after.value > before.value
    ]
    middle = float(np.median(ratios)) if len(ratios) >= FEWEST else 1.0
    if 1 / FACTOR <= middle <= FACTOR:
        return []
    return [
        f"{observed[ANNUAL].rows[0].place}: annual_volume is {middle:.3g} times the yearly growth of cumulative_volume "
        "(median): is one of them in another unit, or cumulative too?"
    ]


def _other_market(observed: Mapping[str, Observed], size: Mapping[int, float]) -> list[str]:
    """Compare the market that volume and share make with that of the case."""
    if not {ANNUAL, SHARE} <= observed.keys():
        return []
    one, shares = observed[ANNUAL], _of(observed[SHARE])
    both = [(row, row.value * one.factor / shares[row.year]) for row in one.rows if row.year in shares]
    wrong = [(row, made / size[row.year]) for row, made in both if not 1 / FACTOR <= made / size[row.year] <= FACTOR]
    if len(wrong) < FEWEST:
        return []
    row, times = wrong[-1]
    return [
        f"{row.place}: annual_volume over share makes a market {times:.3g} times the market size of scenario.csv in "
        f"{row.year}: is the share one of that market?"
    ]


def _beyond(observed: Mapping[str, Observed], size: Mapping[int, float]) -> list[str]:
    if ANNUAL not in observed:
        return []
    return [
        f"{row.place}: annual_volume {row.value:g} {row.unit} is above the market size of scenario.csv in {row.year}"
        for row, value in zip(observed[ANNUAL].rows, observed[ANNUAL].in_model, strict=True)
        if value > size[row.year]
    ]


def _of(one: Observed) -> dict[int, float]:
    return {row.year: row.value for row in one.rows}
