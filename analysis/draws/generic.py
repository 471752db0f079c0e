"""What a study says of a case that it does not name: the entry of its kind, with the case's own years in it.

Such an entry says years in words ("last observed year + 10"), so that it holds for every technology on the generic
market. `reference cost` in it is what a unit of what is used today costs in the last observed year.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, get_args

import numpy as np
from pydantic import BaseModel

from analysis.plain.language import worded
from calibration.fitting.targets import load_targets
from models.case import load_case
from models.files.settings import SettingsFile, valid
from models.home import home_of
from models.policy import with_announced
from stockflow import Model
from stockflow.errors import unknown
from stockflow.over_time import QUARTER

T = TypeVar("T", bound=BaseModel)
START, FIRST, LAST, END = "start of the run", "first observed year", "last observed year", "end of the run"
_YEAR = re.compile(rf"({START}|{FIRST}|{LAST}|{END})(?: ([+-]) (\d+))?")
REFERENCE, SUBSIDY = "reference cost", "subsidy per unit"
SIGNALS = ("support per unit", "tax expenditure")


def entry_of(case: str, named: Mapping[str, object]) -> str:
    """Return under which name a study speaks of a case: its own among those `named`, else that of its kind."""
    return case if case in named else home_of(case).entry


class CaseStudies(SettingsFile, Generic[T]):
    """A study file with what is set for single cases, `cases`, and for all others of a kind, `kinds`."""

    cases: Mapping[str, T]
    kinds: Mapping[str, Mapping[str, Any]] = {}

    def case(self, case: str) -> T:
        """Return what is set for a case; InputError, with the nearest names, if nothing is for it or its kind."""
        if case in self.cases:
            return self.cases[case]
        entry, place = self.kinds.get(home_of(case).entry), self.shipped.name
        if entry is None:
            raise unknown("case", case, self.cases, place, listed=True)
        schema: type[T] = get_args(type(self).model_fields["cases"].annotation)[1]
        return valid(schema, _resolved(entry, _meanings(case)), f"{place}: {case}")


def with_support(model: Model, share: float, since: float, until: float) -> tuple[Model, str]:
    """Return the model with something to end, and what was put there in words; as it is where it pays any support.

    That is a subsidy of `share` of the reference cost from the year `since` on. InputError if neither is there.
    """
    signals = [name for name in SIGNALS if name in model.variables]
    run = model.runs({}, [*signals, *([REFERENCE] if share else [])], until=until, save_period=QUARTER).dataset()
    if not share or any(run[name].to_numpy().any() for name in signals):
        return model, ""
    times = run["time"].to_numpy()
    path = np.where(times < since, 0.0, share * run[REFERENCE].to_numpy()[0])
    told = worded(
        "the case pays no support: a subsidy of {share:.0%} of the reference cost from {since:g} is tried",
        share=share,
        since=since,
    )
    return model.with_series(with_announced({SUBSIDY: (times, path)}, model)), told


def _meanings(case: str) -> Callable[[str], float | str]:
    model = load_case(case).model
    years = {
        START: lambda: model.initial_time,
        END: lambda: model.final_time,
        FIRST: lambda: float(min(one.first_year for one in load_targets(case).series)),
        LAST: lambda: float(load_targets(case).last_year),
    }  # what no fit has made yet is not asked for

    def meaning(text: str) -> float | str:
        if text == REFERENCE:
            run = model.runs({}, [REFERENCE], until=years[LAST]() + 1.0).dataset()
            return float(run[REFERENCE].to_numpy()[0, -1])
        found = _YEAR.fullmatch(text)
        if found is None:
            return text
        year = years[found[1]]() + float(f"{found[2] or '+'}{found[3] or 0}")
        return min(max(year, model.initial_time), model.final_time)

    return meaning


def _resolved(value: Any, meaning: Callable[[str], float | str]) -> Any:
    if isinstance(value, str):
        return meaning(value)
    if isinstance(value, Mapping):
        return {key: _resolved(part, meaning) for key, part in value.items()}
    return tuple(_resolved(part, meaning) for part in value) if isinstance(value, list | tuple) else value
