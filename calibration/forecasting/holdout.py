"""What was known in a year: the targets of a fit cut at a forecast's origin, so that nothing later is seen."""

from __future__ import annotations

import math

from calibration.fitting.targets import DrivenVariable, PartialStep, SeriesTarget, Targets
from calibration.observed.observations import Source, observed
from calibration.observed.tables import DATA, load_table
from stockflow.errors import InputError

FEWEST = 3  # observations that a series must have by the origin to be fitted


def seen_by(targets: Targets, year: int) -> Targets:
    """Return `targets` as they could have been written at the end of `year`.

    Series end there and are left out with fewer than three observations; dates, ranges and effects that came or were
    published later are left out; so are partial steps of which, or of whose drivers, nothing is left. InputError when
    no series is left.
    """
    kept = [_cut(one, year) for one in targets.series if one.first_year <= year]
    series = tuple(one for one in kept if _count(one) >= FEWEST)
    if not series:
        raise InputError(f"{targets.case}: no series has {FEWEST} observations by {year}")
    names = {one.name for one in series}
    events = tuple(one for one in targets.events if one.year < year + 1)
    happened = {one.name for one in events}
    steps = [_step(one, names, happened, year) for one in targets.partial]
    return targets.model_copy(
        update={
            "last_year": year,
            "series": series,
            "events": events,
            "effects": tuple(one for one in targets.effects if one.known_from <= year),
            "ranges": tuple(one for one in targets.ranges if one.last_year <= year),
            "partial": tuple(one for one in steps if one is not None),
        }
    )


def _cut(series: SeriesTarget, year: int) -> SeriesTarget:
    return series.model_copy(update={"last_year": min(series.last_year, year), "sources": _sources(series, year)})


def _sources(one: SeriesTarget | DrivenVariable, year: int) -> tuple[Source, ...]:
    """Sources cut at `year`; none if nothing is left of a series, or of one of the parts that it is a sum of."""
    begun = [source for source in one.sources if source.first_year <= year]
    left = [source.model_copy(update={"last_year": min(source.last_year, year)}) for source in begun]
    known = tuple(source for source in left if _holds(source))
    return () if one.combine == "sum" and len(known) < len(left) else known


def _holds(source: Source) -> bool:
    """Whether the window of a source holds an observation."""
    table = load_table(source.table, source.folder or DATA)
    years = table.values(source.series, source.region, source.unit)
    return any(source.first_year <= math.floor(year) <= source.last_year for year in years)


def _count(series: SeriesTarget) -> int:
    if not series.sources:
        return 0
    table = observed(series.sources, series.unit, combine=series.combine)
    return int(((table.index >= series.first_year) & (table.index <= series.last_year)).sum())


def _step(step: PartialStep, series: set[str], events: set[str], year: int) -> PartialStep | None:
    left = tuple(name for name in step.series if name in series), tuple(name for name in step.events if name in events)
    driven = tuple(one.model_copy(update={"sources": _sources(one, year)}) for one in step.driven)
    if not any(left) or not all(one.sources for one in driven):
        return None
    return step.model_copy(update={"series": left[0], "events": left[1], "driven": driven})
