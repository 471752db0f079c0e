"""When the learning loop takes over from the subsidy.

For each year three cuts are made in the same draw, each for good: what policy offers buyers ends; what was learned
by doing since support began is undone, so that cost is back at its value of then; or learning goes no further.  Each
costs sales in the years after it.  Learning has taken over from the first year from which on, in all years looked at,
what was learned carries more sales than support does; a draw in which that never happens says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, Runs, held, own_paths, run
from analysis.mechanisms.loop_study import Held, LoopStudy
from analysis.plain.language import term, worded
from analysis.plain.shown import when
from stockflow.arrays import Array
from stockflow.intervals import interval, interval_columns

SALES = "Cumulative Production"  # exports are sales, too


@dataclass(frozen=True, slots=True, eq=False)
class TakenOver:
    """Losses of sales, shares of those of the same draw, over `window` years from each year on, (draw, year).

    `since` is the year to which `from_learned` takes learning back; `from_learning` is what stopping it there costs.
    `others` gives the year of the takeover, (draw,), for other windows, since the answer depends on it.
    """

    case: str
    basis: str
    since: float
    window: float
    years: Array
    from_support: Array
    from_learned: Array
    from_learning: Array
    others: Mapping[float, Array]

    @property
    def year(self) -> Array:
        """First year, (draw,), from which on what was learned weighs more in all years; infinite if there is none."""
        return _year_of(self.years, self.from_support, self.from_learned)

    @property
    def probability(self) -> Array:
        """Probability, (year,), that what was learned weighs more in a year."""
        return np.asarray((self.from_learned > self.from_support).mean(axis=0))


def takeover(of: Drawn, study: LoopStudy) -> TakenOver:
    """Make the cuts in every year of the study; sales are those of makers, exports included."""
    settings = study.case(of.case)
    asked = settings.takeover
    years = np.arange(asked.first, asked.last + 0.5)
    windows = (asked.window, *asked.other_windows)
    base = run(of, [SALES], of.until(asked.last + max(windows)))
    support, learned, learning = (
        _losses(of, cut, years, windows, base, own_at)
        for cut, own_at in ((settings.support, None), (settings.learning, settings.since), (settings.learning, None))
    )
    others = {window: _year_of(years, support[window], learned[window]) for window in asked.other_windows}
    chosen = asked.window
    return TakenOver(
        of.case, of.basis, settings.since, chosen, years, support[chosen], learned[chosen], learning[chosen], others
    )


def _year_of(years: Array, support: Array, learned: Array) -> Array:
    """Return the first year, (draw,), from which on learned is above support in all years; infinite if none."""
    more = learned > support
    lasting = np.logical_and.accumulate(more[:, ::-1], axis=1)[:, ::-1]
    return np.where(lasting.any(axis=1), years[lasting.argmax(axis=1)], np.inf)


def _losses(
    of: Drawn, cut: Held, years: Array, windows: Sequence[float], base: Runs, own_at: float | None
) -> dict[float, Array]:
    """Return the share of sales lost in each window after each year, (draw, year), by a cut in that year."""
    until = float(base.times[-1])
    went = own_paths(of, cut, until)
    columns: dict[float, list[Array]] = {window: [] for window in windows}
    for year in years:
        without = run(of, [SALES], until, series=held(went, cut, float(year), own_at))
        for window, column in columns.items():
            had, has = (one.at(SALES, year + window) - one.at(SALES, year) for one in (base, without))
            column.append(1.0 - np.divide(has, had, out=np.ones_like(has), where=had > 0))
    return {window: np.stack(column, axis=1) for window, column in columns.items()}


def takeover_table(found: TakenOver) -> pd.DataFrame:
    """One row for each year: all losses with 90% intervals, and the probability that what was learned weighs more."""
    rows = []
    for y, year in enumerate(found.years):
        losses = {"support": found.from_support, "what was learned": found.from_learned,
                  "further learning": found.from_learning}  # fmt: skip
        told: dict[str, float] = {}
        for name, values in losses.items():
            told |= interval_columns(values[:, y], f"lost without {name}", f"{name}, low", f"{name}, high")
        about = {"case": found.case, "year": int(year), "window": found.window}
        rows.append({**about, **told, "learned weighs more": found.probability[y], "basis": found.basis})
    return pd.DataFrame(rows)


def takeover_words(found: TakenOver) -> str:
    """Say when learning takes over, or that it does not."""
    low, middle, high = interval(found.year)
    never = float(np.isinf(found.year).mean())
    first, last = found.years[0], found.years[-1]
    other = "".join(
        worded("; over {window:g} years: {year}", window=window, year=when(interval(year)[1], ".0f"))
        for window, year in found.others.items()
    )
    compared = worded(
        "sales of the {window:g} years after each year, without support from then on against without what was learned "
        "since {since:g}; looked at {first:g} to {last:g}; {basis}{other}",
        window=found.window, since=found.since, first=first, last=last, basis=term(found.basis), other=other,
    )  # fmt: skip
    if never > 0.5:
        return worded(
            "the learning loop does not take over from support by {last:g} (in {never:.0%} of draws; {compared}).",
            last=last,
            never=never,
            compared=compared,
        )
    if high <= first:
        return worded(
            "what was learned carries more sales than support in every year looked at ({compared}).", compared=compared
        )
    span = worded("no interval")
    if len(found.year) > 1:
        span = worded("{first} to {last}", first=when(low, ".0f"), last=when(high, ".0f"))
    share = worded(", in {never:.0%} of draws never", never=never) if never else ""
    return worded(
        "the learning loop takes over from support in {middle:.0f} ({span}{share}; {compared}).",
        middle=middle,
        span=span,
        share=share,
        compared=compared,
    )
