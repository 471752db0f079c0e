"""One run: a case, with some constants set, under a policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

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
    model = load_case(case_name).model.with_constants(set_)
    if policy is not None:
        changed = read_policy(policy, model)
        both = sorted(changed.keys() & {model.variable(name).name for name in set_})
        if both:
            raise InputError(f"{policy}: {both[0]!r} is set by hand as well")
        model = model.with_series(changed)
    return model.run(until=until, engine=engine)
