"""Schedules to begin from: those shipped that what a page can set says whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.policy_page.contents import AWAITED, LIMITS, PolicyPage
from models.schedules.change import Change, equal_steps
from models.schedules.file import load_schedule, shipped
from models.schedules.law import is_exit

_KNOWN = {"shape", "start", "length", "announced", "tiers", "trigger", "floor"}


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
        elif schedule.instruments.keys() <= known:
            made = {one: _settings(page, one, change) for one, change in schedule.instruments.items()}
            settings = {one: fields for one, fields in made.items() if fields is not None}
            if len(settings) == len(made):
                found.append(Preset(schedule.title, "history", settings))
    return [one for i, one in enumerate(found) if not any(one.same(other) for other in found[:i])]


def _settings(page: PolicyPage, name: str, change: Change) -> dict[str, object] | None:
    """Return what a page sets for a change that is an end by a shape that it has, or nothing at all, and no more."""
    given = change.model_fields_set
    if change.amount is not None:
        before = page.at.times < page.study.since  # which a page cannot set
        never = change.amount.value == 0 and change.amount.since is None
        nothing = given == {"amount"} and never and not page.paid["history"][name].now.full[before].any()
        return {"level": 0.0, "since": page.study.since} if nothing else None
    shape, begins = _shape(change), _begins(page, change)
    if shape is None or begins is None or not given <= _KNOWN:
        return None
    floor = {"floor": change.floor * 100} if change.floor else {}
    return {**shape, **begins, **floor, "announced": change.announced}


def _shape(change: Change) -> dict[str, object] | None:
    """Return shape and length of an end, steps if they are equal; None for another."""
    if change.shape != "tiers":
        length = {} if change.length is None else {"length": change.length}
        return {"shape": change.shape, **length} if is_exit(change.shape) else None
    first, *_, last = (tier.at if tier.at is not None else tier.after for tier in change.tiers)
    count, low, high = len(change.tiers), *LIMITS["steps"][:2]
    if first is None or last is None or not low <= count <= high or any(one.fraction is None for one in change.tiers):
        return None
    began = change.began if change.began is not None else 0.0
    equal = change.model_copy(update={"tiers": equal_steps(count, last - first)})
    when = np.array([one.at if one.at is not None else began + (one.after or 0.0) for one in change.tiers])
    same = np.allclose(change.share_left(when, began), equal.share_left(when, when[0]), rtol=0, atol=1e-12)
    return {"shape": "steps", "steps": count, "length": last - first} if same and when[0] == began else None


def _begins(page: PolicyPage, change: Change) -> dict[str, object] | None:
    """Return from when on an end is, or what it waits for from when on; None for what a page cannot set."""
    since, last = page.study.since, page.study.horizon - page.study.exit.years_after
    if change.trigger is None:
        within = change.began is not None and since <= change.began <= last
        return {"start": change.began} if within else None
    on, begins = change.trigger, change.trigger.not_before
    per = 100.0 if on.unit == "Dmnl" else 1.0
    start = since if begins is None else begins
    return {"when": on.on, AWAITED[on.on]: on.level * per, "start": start} if start >= since else None
