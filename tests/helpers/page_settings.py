"""What is set on a policy maker's page, as the schedule that the commands run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.phase_out.by_instrument.levels import scaled, support_of
from analysis.policy_page.contents import PolicyPage
from models.schedules.change import TRIGGERS, Change, equal_steps, revised
from models.schedules.file import Schedule
from models.schedules.law import SLOPES


@dataclass(frozen=True, slots=True)
class Set:
    """What becomes of one instrument: paid at `level` percent from `since` on, and an exit if it has a `shape`.

    An exit that waits for `when` begins once `share` and `cost` (percent) or `volume` are there, from `start` on.
    """

    level: float = 100.0
    since: float = 0.0
    shape: str | None = None
    start: float = 0.0
    length: float = 5.0
    announced: float = 0.0
    steps: int = 5
    when: str = ""
    share: float = 10.0
    cost: float = 100.0
    volume: float = 1.0
    floor: float = 0.0

    @property
    def exit(self) -> dict[str, object]:
        """The fields of a change that its exit sets."""
        if self.shape is None:
            return {}
        length = {"length": self.length} if self.shape in SLOPES else {}
        shape: dict[str, object] = {"shape": self.shape, **length}
        if self.shape == "steps":
            shape = {"shape": "tiers", "tiers": equal_steps(self.steps, self.length)}
        begins = {"start": self.start} if not self.when else {"trigger": self.trigger}
        return {**shape, **begins, "floor": self.floor / 100, "announced": self.announced}

    @property
    def trigger(self) -> dict[str, object]:
        """What its exit waits for."""
        unit, _ = TRIGGERS[self.when]
        level = {"market share": self.share / 100, "cost parity ratio": self.cost / 100}.get(self.when, self.volume)
        return {"on": self.when, "level": level, "unit": unit, "not_before": self.start}


def schedule_of(page: PolicyPage, base: str, settings: Mapping[str, Set]) -> Schedule:
    """Return the schedule of a page's settings, by instrument, on one of its bases."""
    made, end = page.bases[base], page.at.times[-1]
    for name, one in settings.items():
        if one.level != 100.0:
            given = support_of(page.bases[base], page.model, name, (one.since, np.inf), float(end))
            made = scaled(made, [given], one.level / 100)
        made = made.changed({name: revised(made.instruments.get(name, Change()), one.exit, name)}, made.name)
    return made
