"""What observations seem to mean that a person may not have meant: a sentence each, none of them a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, Observed, Row
from calibration.own.settings import Doubts
from models.own import own_drivers

if TYPE_CHECKING:
    from calibration.forecasting.ahead import ScoredForecast


def doubts(observed: Mapping[str, Observed], folder: Path, limits: Doubts) -> list[str]:
    """Say which series do not change, leap, rise as no cost does, are sums, or contradict another or the market."""
    market = own_drivers(folder)["market size"]
    years = {year for one in observed.values() for year in one.years}
    size = {year: float(np.interp(year + 0.5, market.years, market.values)) for year in years}
    return [
        *_single(observed, limits),
        *(_leap_words(one, place) for one in observed.values() for place in _leaps(one, limits)),
        *_running_sum(observed, limits),
        *_repeated(observed, limits),
        *_not_differences(observed, limits),
        *_other_market(observed, size, limits),
        *_beyond(observed, size),
    ]


def _single(observed: Mapping[str, Observed], limits: Doubts) -> Iterator[str]:
    for one in observed.values():
        values = [row.value for row in one.rows]
        if len(values) >= limits.fewest and min(values) == max(values):
            yield f"{one.rows[0].place}: {one.name} is {values[0]:g} {one.unit} in every year: is it observed?"
        if one.name == COST and max(values) > limits.dearer * values[0] and not _leaps(one, limits):
            top = max(one.rows, key=lambda row: row.value)
            times = f"{top.value / values[0]:.3g} times that of {one.rows[0].year}"
            yield f"{top.place}: unit_cost of {top.year} is {times}: is its unit the same in every row?"


def doubts_of_scored(rows: Sequence[Row], scores: Sequence[ScoredForecast], limits: Doubts) -> list[str]:
    """Name each of the new `rows` whose value lies far from those beside it, be they new or seen by the fit."""
    said = []
    for score in scores:
        past, years = score.history, score.years
        new = {row.year: row for row in rows if row.series == past.name}
        first = new[years[0]]
        factor = score.observed[0] / first.value
        seen = [
            Row(past.name, int(year), float(value) / factor, first.unit, "", "")
            for year, value in zip(past.years, past.values, strict=True)
        ]
        whole = Observed(past.name, first.unit, (*seen, *(new[year] for year in years)), factor)
        said += [_leap_words(whole, place) for place in _leaps(whole, limits) if place >= len(seen)]
    return said


def _leap_words(one: Observed, place: int) -> str:
    """Say that a value lies far from those beside it: it is a slip, or from there on the unit is another."""
    row, beside = one.rows[place], (one.rows[place - 1], *one.rows[place + 1 : place + 2])
    told = " and ".join(f"{other.value:.6g} in {other.year}" for other in beside)
    return (
        f"{row.place}: {one.name} of {row.year} is {row.value:g} {row.unit}, beside {told}: is it a slip, or is the "
        "unit not the same in every row?"
    )


def _leaps(one: Observed, limits: Doubts) -> list[int]:
    """Return the places of the values to which a series leaps; one that leaps and falls back does so once.

    A leap is a step more than `jump` times what the median growth a year, at most `usual` times, makes of it.
    """
    steps, gaps = np.diff(np.log([row.value for row in one.rows])), np.diff(one.years)
    usual = float(np.median(steps / gaps)) if len(steps) > 2 else 0.0
    odd = steps - np.clip(usual, -np.log(limits.usual), np.log(limits.usual)) * gaps
    found: list[int] = []
    for place in np.flatnonzero(np.abs(odd) > np.log(limits.jump)) + 1:
        back = bool(found) and found[-1] == place - 1 and odd[place - 2] * odd[place - 1] < 0
        if not back:
            found.append(int(place))
    return found


def _running_sum(observed: Mapping[str, Observed], limits: Doubts) -> list[str]:
    """Doubt annual volumes that never fall and grow as their own running sum would, with none beside them to compare.

    A running sum grows at first by about as much a year as the years before had on average, and ever more slowly.
    """
    if ANNUAL not in observed or CUMULATIVE in observed:
        return []
    one = observed[ANNUAL]
    values = np.array([row.value for row in one.rows])
    if len(values) < limits.long or (np.diff(one.years) != 1).any() or (np.diff(values) <= 0).any():
        return []
    over_mean = np.diff(values) / (values[:-1] / np.arange(1, len(values)))
    slower = np.diff(np.log(values), n=2) < 0
    if over_mean[:3].mean() < limits.near_mean or slower.mean() < limits.mostly:
        return []
    return [
        f"{one.rows[0].place}: annual_volume never falls to {one.years[-1]}, and each year adds to it about what the "
        "years before had on average, as to a running sum: is it cumulative_volume?"
    ]


def _repeated(observed: Mapping[str, Observed], limits: Doubts) -> Iterator[str]:
    """Compare every two series of volumes and shares: a constant ratio says that they are one series twice."""
    names = [name for name in (ANNUAL, CUMULATIVE, SHARE) if name in observed]
    for first, second in ((a, b) for place, a in enumerate(names) for b in names[place + 1 :]):
        one, other = observed[first], observed[second]
        ratios = [row.value / _of(one)[row.year] for row in other.rows if row.year in _of(one)]
        if len(ratios) >= limits.fewest and max(ratios) <= min(ratios) * (1 + limits.same):
            times = f"{second} is {first} times {ratios[0]:.4g} in every year"
            yield f"{other.rows[0].place}: {times}: do both measure the same?"


def _not_differences(observed: Mapping[str, Observed], limits: Doubts) -> list[str]:
    """Compare annual volumes with the differences of cumulative ones."""
    if not {ANNUAL, CUMULATIVE} <= observed.keys():
        return []
    annual = _of(observed[ANNUAL])
    ratios = [
        annual[after.year] / (after.value - before.value)
        for before, after in pairwise(observed[CUMULATIVE].rows)
        if after.year == before.year + 1 and after.year in annual and after.value > before.value
    ]
    middle = float(np.median(ratios)) if len(ratios) >= limits.fewest else 1.0
    if 1 / limits.factor <= middle <= limits.factor:
        return []
    return [
        f"{observed[ANNUAL].rows[0].place}: annual_volume is {middle:.3g} times the yearly growth of cumulative_volume "
        "(median): is one of them in another unit, or cumulative too?"
    ]


def _other_market(observed: Mapping[str, Observed], size: Mapping[int, float], limits: Doubts) -> list[str]:
    """Compare the market that volume and share make with that of the case."""
    if not {ANNUAL, SHARE} <= observed.keys():
        return []
    one, shares = observed[ANNUAL], _of(observed[SHARE])
    both = [(row, row.value * one.factor / shares[row.year]) for row in one.rows if row.year in shares]
    wrong = [
        (row, made / size[row.year])
        for row, made in both
        if not 1 / limits.factor <= made / size[row.year] <= limits.factor
    ]
    if len(wrong) < limits.fewest:
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
