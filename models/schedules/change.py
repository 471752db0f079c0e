"""What a schedule file says of one instrument: amount, shape of the decline, dates, trigger, bounds.

Years are decimal, shares fractions, money bnCNY of 2020. Whatever cannot be is refused when it is read, by key.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, StringConstraints, model_validator

from models.files.settings import NotNegative, Positive, Share, Strict, Year, valid
from models.schedules.law import SLOPES, Shape, is_exit, share_left
from stockflow.arrays import Array, Flags
from stockflow.over_time import QUARTER

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]
Years = Annotated[float, Field(ge=0, le=100)]
# what a decline can wait for: its unit, and the variables whose quarterly values decide
TRIGGERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "market share": ("Dmnl", ("Cumulative Domestic Sales", "addressable demand")),
    "cost parity ratio": ("Dmnl", ("unsubsidised user cost", "trigger benchmark")),
    "cumulative volume": ("unit", ("Cumulative Domestic Sales",)),
}


class Quantity(Strict):
    """A number with its unit."""

    value: NotNegative
    unit: Text


class Stretch(Strict):
    """Consecutive points (year, value) of an own path that come from one source."""

    source: Text
    evidence: Literal["paper", "read", "recalled", "derived", "assumed"]
    points: Annotated[tuple[tuple[Year, NotNegative], ...], Field(min_length=1)]


class Amount(Strict):
    """What would be paid without a decline, in place of the case's history: one of five.

    `value` from the year `since` on (from the start of the run if not given), history before; `points` (year, value),
    straight in between and held at the ends; the same as `stretches`, each with its source; `share_of_price`, from
    `since` on, of the price that the same draw has without the schedule; `hold_from`: history, and from that year on
    its value in that year.
    """

    unit: Text | None = None
    value: NotNegative | None = None
    points: Annotated[tuple[tuple[Year, NotNegative], ...], Field(min_length=1)] | None = None
    stretches: Annotated[tuple[Stretch, ...], Field(min_length=1)] | None = None
    share_of_price: Share | None = None
    hold_from: Year | None = None
    since: Year | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = ("value", "points", "stretches", "share_of_price", "hold_from")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of {', '.join(kinds)} must be given, not {', '.join(given) or 'none'}")
        if self.since is not None and given[0] not in ("value", "share_of_price"):
            raise ValueError(f"since = {self.since:g} belongs to value or share_of_price, not to {given[0]}")
        if given[0] in ("value", "points", "stretches") and self.unit is None:
            raise ValueError(f"{given[0]} needs its unit")
        if given[0] in ("share_of_price", "hold_from") and self.unit is not None:
            raise ValueError(f"unit = {self.unit!r}: {given[0]} has none")
        years = [year for year, _ in self.path]
        for before, after in pairwise(years):
            if after <= before:
                raise ValueError(f"year {after:g} does not follow {before:g}")
        return self

    @property
    def path(self) -> tuple[tuple[float, float], ...]:
        """The points of an own path, in order; empty for the other kinds."""
        return self.points or tuple(point for one in self.stretches or () for point in one.points)


class Tier(Strict):
    """A step: `at` a year, or `after` so many years of the decline, to a fraction of the base or to an own value."""

    at: Year | None = None
    after: Years | None = None
    fraction: Share | None = None
    value: NotNegative | None = None

    def reached(self, times: ArrayLike, began: ArrayLike) -> Flags:
        """Whether the step has been taken at `times` of a decline that began in `began`, broadcast."""
        when, start = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(began, dtype=float))
        return np.asarray(when >= (self.at if self.at is not None else start + (self.after or 0.0)))

    @model_validator(mode="after")
    def _one(self) -> Self:
        for pair in (("at", "after"), ("fraction", "value")):
            if sum(getattr(self, name) is not None for name in pair) != 1:
                raise ValueError(f"a tier needs either {pair[0]} or {pair[1]}")
        return self


def equal_steps(count: int, length: float) -> tuple[Tier, ...]:
    """Return steps of one size, from the start of a decline to its end so many years later, where nothing is left."""
    return tuple(Tier(after=step * length / (count - 1), fraction=(count - step - 1) / count) for step in range(count))


class Trigger(Strict):
    """What begins a decline: the first quarter in which the condition holds, looked for from `not_before` on.

    Market share over the last year, or cumulative volume at home, at least `level`; or the ratio of the unsubsidised
    user cost to its benchmark at most `level`. Once begun, a decline never stops.
    """

    on: Literal["market share", "cost parity ratio", "cumulative volume"]
    level: Positive
    unit: Text
    not_before: Year | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        unit, _ = TRIGGERS[self.on]
        if self.unit != unit:
            raise ValueError(f"unit = {self.unit!r}: {self.on} is in {unit!r}")
        if self.on == "market share" and self.level >= 1:
            raise ValueError(f"level = {self.level:g}: a market share must be below 1")
        return self

    def statistic(self, values: Mapping[str, Array]) -> Array:
        """Return what is looked at, shape (run, time), from values saved every quarter; NaN where not yet known.

        The market share is that of the last four quarters: sales over what could have been sold.
        """
        first, *others = (values[name] for name in TRIGGERS[self.on][1])
        if self.on == "cumulative volume":
            return first
        (second,) = others
        if self.on == "cost parity ratio":
            return first / second
        share = np.full(first.shape, np.nan)
        back = round(1.0 / QUARTER)
        quarters = (second[:, 1:] + second[:, :-1]) / 2 * QUARTER
        total = np.concatenate([np.zeros((len(second), 1)), np.cumsum(quarters, axis=1)], axis=1)
        share[:, back:] = (first[:, back:] - first[:, :-back]) / (total[:, back:] - total[:, :-back])
        return share

    def first_date(self, times: Array, values: Mapping[str, Array]) -> Array:
        """Return the first quarter in which the condition holds, shape (run,); infinite where it never does."""
        seen = self.statistic(values)
        with np.errstate(invalid="ignore"):
            holds = seen <= self.level if self.on == "cost parity ratio" else seen >= self.level
        if self.not_before is not None:
            holds &= times >= self.not_before
        return np.where(holds.any(axis=1), times[np.argmax(holds, axis=1)], np.inf)


class Reallocation(Strict):
    """Where a share of the money goes that the change saves in a year, against the same draw without it."""

    to: Text
    share: Annotated[float, Field(gt=0, le=1)]


class Change(Strict):
    """What becomes of one instrument.

    It falls from `start`, or from `announced` years after its `trigger`, by `shape` over `length` years, not below
    the fraction `floor`; from `end` on nothing is paid. A dated decline is known `announced` years before it starts,
    a triggered one from its trigger on; 0 is by surprise. `cap` and `annual_budget` act from the start of the decline,
    or always if there is none.
    """

    shape: Shape = "keep"
    amount: Amount | None = None
    start: Year | None = None
    trigger: Trigger | None = None
    length: Annotated[float, Field(gt=0, le=100)] | None = None
    tiers: tuple[Tier, ...] = ()
    end: Year | None = None
    floor: Share = 0.0
    cap: Quantity | None = None
    annual_budget: Quantity | None = None
    announced: Years = 0.0
    reallocate: Reallocation | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.start is not None and self.trigger is not None:
            raise ValueError(f"start = {self.start:g} and trigger: only one of them can begin the decline")
        if self.shape != "keep" and not self.begins:
            raise ValueError(f"shape = {self.shape!r} needs a start or a trigger")
        if (self.length is not None) != (self.shape in SLOPES):
            needs = "needs a length" if self.length is None else f"has no length (got {self.length:g})"
            raise ValueError(f"shape = {self.shape!r} {needs}")
        if bool(self.tiers) != (self.shape == "tiers"):
            raise ValueError(f"shape = {self.shape!r} {'needs tiers' if not self.tiers else 'has no tiers'}")
        if self.floor and self.shape == "keep":
            raise ValueError(f"floor = {self.floor:g} needs a shape that falls")
        if self.announced and not self.begins and self.end is None:
            raise ValueError(f"announced = {self.announced:g}: nothing begins")
        self._tiers_fall()
        if self.end is not None and self.began is not None and self.end <= self.began:
            raise ValueError(f"end = {self.end:g} is not after the start, {self.began:g}")
        return self

    def _tiers_fall(self) -> None:
        when = [one.at if one.at is not None else one.after for one in self.tiers]
        if self.tiers and len({(one.at is None, one.value is None) for one in self.tiers}) > 1:
            raise ValueError("tiers must all be dated the same way (at or after) and all be fractions or all values")
        if self.tiers and self.tiers[0].at is not None and (self.start is not None or self.trigger is not None):
            raise ValueError("tiers with dates (at) begin by themselves: give no start or trigger, or use after")
        levels = [one.fraction if one.fraction is not None else one.value for one in self.tiers]
        for name, values, falls in (("at or after", when, False), ("fraction or value", levels, True)):
            for before, after in pairwise(values):
                assert before is not None and after is not None
                if (after > before) if falls else (after <= before):
                    raise ValueError(
                        f"tiers: {name} {after:g} {'rises above' if falls else 'does not follow'} {before:g}"
                    )

    @property
    def begins(self) -> bool:
        """Whether something begins: in a given year or when triggered."""
        return self.began is not None or self.trigger is not None

    @property
    def began(self) -> float | None:
        """The year in which a dated decline starts; None for a triggered one and for none."""
        if self.tiers and self.tiers[0].at is not None:
            return self.tiers[0].at
        return self.start

    def share_left(self, times: ArrayLike, began: ArrayLike, end: float | None = None) -> Array:
        """Return the share of the base that is left at `times` of a decline that began in `began` (never: infinite).

        The two broadcast against each other; nothing is left from `end` on. Tiers that are own values leave 1 here: see
        `tier_value`.
        """
        when, start = np.broadcast_arrays(np.asarray(times, dtype=float), np.asarray(began, dtype=float))
        left = share_left(self.shape, when, start, self.length) if is_exit(self.shape) else np.ones(when.shape)
        for tier in self.tiers:
            if tier.fraction is not None:
                left = np.where(tier.reached(when, start), tier.fraction, left)
        left = np.where(when >= start, np.maximum(left, self.floor), left)
        return left if end is None else np.where(when >= end, 0.0, left)

    def tier_value(self, times: ArrayLike, began: ArrayLike) -> Array:
        """Return the own value of the tier in force at `times`, NaN before the first one and for other changes."""
        value = np.full(np.broadcast_shapes(np.shape(times), np.shape(began)), np.nan)
        for tier in self.tiers:
            if tier.value is not None:
                value = np.where(tier.reached(times, began), tier.value, value)
        return value


def revised(change: Change, new: Mapping[str, object], place: str) -> Change:
    """Return a change with some fields replaced, checked again; InputError, at `place`, for what does not fit."""
    return valid(Change, {**{name: getattr(change, name) for name in change.model_fields_set}, **new}, place)
