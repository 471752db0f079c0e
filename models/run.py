"""One run: a case, with some constants set, under a policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from models.case import load_case
from models.policy import read_policy
from stockflow.errors import InputError

_NOTHING: Mapping[str, float] = MappingProxyType({})


def run_case(
    case_name: str,
    set_: Mapping[str, float] = _NOTHING,
    policy: str | Path | None = None,
    until: float | None = None,
    engine: str = "batch",
) -> xr.Dataset:
    """Run a case and return every variable over the dimension "time", as `stockflow.Model.run` does.

    `set_` gives constants other values, in the unit of the model; `policy` is a file for `read_policy`.
    Raises InputError for an unknown case, name or engine, and for a value outside its bounds.
    """
    model = load_case(case_name).model
    for name in set_:
        variable = model.variable(name)
        if variable.kind != "constant":
            raise InputError(f"{case_name}: {variable.name!r} is not a constant; give it a path in a policy file")
    model = model.with_constants(set_)
    if policy is not None:
        changed = read_policy(policy, model)
        both = sorted(changed.keys() & {model.variable(name).name for name in set_})
        if both:
            raise InputError(f"{policy}: {both[0]!r} is set by hand as well")
        model = model.with_series(changed)
    run = model.run(until=until, engine=engine)
    _refuse_overflow(run, case_name if policy is None else f"{case_name} under {policy}")
    return run


def _refuse_overflow(run: xr.Dataset, place: str) -> None:
    """A run that left the numbers is no answer: name the first variable and time at which it did."""
    bad = {str(name): ~np.isfinite(run[name].to_numpy()) for name in run.data_vars}
    first = {name: int(np.argmax(where)) for name, where in bad.items() if where.any()}
    if first:
        name = min(first, key=lambda one: first[one])
        time = float(run["time"][first[name]])
        raise InputError(f"{place}: {name!r} is {float(run[name][first[name]])} at {time:g}: an input is out of reach")
