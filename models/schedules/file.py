"""A schedule: what becomes of each instrument of support, as a small TOML file states it.

Files lie in `models/policies/*.toml`; an instrument that a file does not name keeps the case's history. What can be
said of one instrument stands in `models/schedules/change.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from models.files.settings import Strict, read_toml, valid
from models.schedules.change import Change, Text, revised
from models.schedules.instruments import Instrument, instrument, instruments
from stockflow.errors import InputError, unknown

__all__ = ["Change", "Schedule", "load_schedule", "revised", "shipped", "unchanged"]

POLICIES = Path(__file__).parents[1] / "policies"


class Schedule(Strict):
    """A policy over time: what becomes of each instrument that it names; the others keep the case's history."""

    name: Annotated[str, StringConstraints(pattern=r"^[^\s/\\]+$")]
    case: str
    title: Text
    source: Text
    instruments: dict[str, Change] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_the_case(self) -> Schedule:
        instruments(self.case)
        for name, change in self.instruments.items():
            _fits(self.case, change, instrument(self.case, name))
        spent: dict[str, str] = {}
        for name, change in self.instruments.items():
            money = instrument(self.case, name).money
            if change.reallocate is not None and spent.setdefault(money, name) != name:
                raise ValueError(f"{name} and {spent[money]} both reallocate {money!r}: its savings would count twice")
        return self

    def changed(self, changes: Mapping[str, Change], name: str, title: str | None = None) -> Schedule:
        """Return the schedule with other changes of some instruments."""
        new = {"name": name, "title": title or self.title, "instruments": {**self.instruments, **changes}}
        return valid(Schedule, {"case": self.case, "source": self.source, **new}, name)

    def with_dates(self, start: float | None = None, length: float | None = None) -> Schedule:
        """Return the schedule with other dates for every dated decline in it; `length` for those that have one."""
        made = {}
        for name, change in self.instruments.items():
            if change.start is not None and change.shape != "keep":
                new = {"start": start, "length": length if change.length is not None else None}
                made[name] = revised(change, {key: value for key, value in new.items() if value is not None}, self.name)
        if not made:
            raise InputError(f"{self.name}: no decline that starts in a given year")
        given = (("from", start), ("over", length))
        return self.changed(made, "_".join([self.name, *(f"{k}_{v:g}" for k, v in given if v is not None)]))


def amounts(schedule: Schedule) -> dict[str, tuple[float, ...]]:
    """Return the values that a schedule gives itself, by the variable that its instrument moves."""
    out = {}
    for name, change in schedule.instruments.items():
        if given := tuple(value for _, value in _given(change)):
            out[instrument(schedule.case, name).variable] = given
    return out


def unchanged(case: str) -> Schedule:
    """Return the schedule that changes nothing: the case's history as the model has it."""
    return Schedule(name="unchanged", case=case, title="history as the model has it", source="models/policies/*.csv")


def load_schedule(path: str | Path, case: str | None = None) -> Schedule:
    """Read a schedule: a file, or the short name of a shipped one ("nev_linear", or "linear" with its case).

    Raises InputError with file, key, value and bound, also for a schedule of another case than `case`.
    """
    file = _file(path, case)
    schedule = valid(Schedule, read_toml(file), file.name)
    if case is not None and schedule.case != case:
        raise InputError(f"{file.name}: case = {schedule.case!r}, but a schedule of {case!r} is wanted")
    return schedule


def shipped() -> tuple[str, ...]:
    """Return the names of the shipped schedules."""
    return tuple(sorted(file.stem for file in POLICIES.glob("*.toml")))


def _file(path: str | Path, case: str | None) -> Path:
    given = Path(path)
    if given.suffix or len(given.parts) > 1 or given.is_file():
        return given
    names = shipped()
    for name in (str(path), f"{case}_{path}"):
        if name in names:
            return POLICIES / f"{name}.toml"
    raise unknown("schedule", str(path), names)


def _given(change: Change) -> Iterator[tuple[str, float]]:
    """Yield the values that a change gives itself, each with the key that it stands under."""
    if change.amount is not None:
        own = change.amount
        yield from (("amount", value) for value in (own.value, *(value for _, value in own.path)) if value is not None)
    yield from (("tiers", tier.value) for tier in change.tiers if tier.value is not None)


def _fits(case: str, change: Change, about: Instrument) -> None:
    """Refuse what an instrument cannot be: another unit, more than it can be, money that it does not spend."""
    amount, name = change.amount, about.name
    units = {"amount": amount.unit if amount else None, "cap": change.cap.unit if change.cap else None}
    for key, unit in units.items():
        if unit is not None and unit != about.unit:
            raise ValueError(f"{name}.{key}: unit = {unit!r}, but {about.variable!r} is in {about.unit!r}")
    for key, value in _given(change):
        if about.most is not None and value > about.most:
            raise ValueError(f"{name}.{key}: value = {value:g} is above {about.most:g}, all that there is")
    if amount and amount.share_of_price is not None and not about.price:
        raise ValueError(f"{name}.amount: share_of_price = {amount.share_of_price:g}: not a payment per unit sold")
    if change.annual_budget is not None:
        if not about.budget:
            raise ValueError(f"{name}.annual_budget: the model has no budget for it")
        if change.annual_budget.unit != "bnCNY/Year":
            raise ValueError(f"{name}.annual_budget: unit = {change.annual_budget.unit!r}, not 'bnCNY/Year'")
    if change.reallocate is not None:
        target = instrument(case, change.reallocate.to, f"{name}.reallocate.to")
        if target.unit != "bnCNY/Year":
            raise ValueError(f"{name}.reallocate: to = {target.name!r} is in {target.unit!r}, not in bnCNY/Year")
        if not about.money or target.name == name:
            raise ValueError(f"{name}.reallocate: nothing to save here for {target.name!r}")
