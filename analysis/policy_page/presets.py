"""Schedules to begin from: those shipped that what a page can set says whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.policy_page.contents import PolicyPage
from models.schedules.change import Change
from models.schedules.file import load_schedule, shipped
from models.schedules.law import STRAIGHT


@dataclass(frozen=True, slots=True)
class Preset:
    """A schedule as settings of a page, by instrument, on one of its bases."""

    title: str
    base: str
    settings: Mapping[str, Mapping[str, object]]

    def same(self, other: Preset) -> bool:
        """Whether it sets the same as another."""
        return (self.base, self.settings) == (other.base, other.settings)


def presets(page: PolicyPage) -> list[Preset]:
    """Return the shipped schedules that a page can say, equal ones once, the path that exits are held against first."""
    case, found = page.study.case, list[Preset]()
    known = {one.name for one in page.instruments}
    for name in shipped():
        if not name.startswith(f"{case}_"):
            continue
        schedule = load_schedule(name)
        if schedule.name == page.study.supported:
            found.insert(0, Preset(schedule.title, "continued", {}))
        elif schedule.name == f"{case}_history":
            found.append(Preset(schedule.title, "history", {}))
        elif schedule.instruments.keys() <= known and all(
            _whole(page, one, change) for one, change in schedule.instruments.items()
        ):
            settings = {one: _settings(page, change) for one, change in schedule.instruments.items()}
            found.append(Preset(schedule.title, "history", settings))
    return [one for i, one in enumerate(found) if not any(one.same(other) for other in found[:i])]


def _whole(page: PolicyPage, name: str, change: Change) -> bool:
    """Whether a change is an end of history by a shape that a page has, or nothing at all, and no more than that."""
    given = change.model_fields_set
    if change.amount is not None:
        before = page.at.times < page.study.since  # which a page cannot set
        never = change.amount.value == 0 and change.amount.since is None
        return given == {"amount"} and never and not page.paid["history"][name].now.full[before].any()
    last = page.study.horizon - page.study.exit.years_after
    within = change.start is not None and page.study.since <= change.start <= last
    return within and given <= {"shape", "start", "length", "announced"} and change.shape in STRAIGHT


def _settings(page: PolicyPage, change: Change) -> dict[str, object]:
    if change.amount is not None:
        return {"level": 0.0, "since": page.study.since}
    made: dict[str, object] = {"shape": change.shape, "start": change.start, "announced": change.announced}
    return made | ({} if change.length is None else {"length": change.length})
