"""One run: a case, with some constants set, under a policy and a schedule of support."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import xarray as xr

from models.case import load_case
from models.policy import read_policy
from models.schedules.file import Schedule
from models.schedules.run import AppliedSchedule, Draws, applied
from stockflow import Model
from stockflow.batches.checked import Checked
from stockflow.errors import InputError
from stockflow.names import plain

_NOTHING: Mapping[str, float] = MappingProxyType({})
_ENDED = ("phase out shape", "phase out start", "phase out length", "phase out trigger ratio")


def run_case(
    case_name: str,
    set_: Mapping[str, float] = _NOTHING,
    policy: str | Path | None = None,
    until: float | None = None,
    engine: str = "batch",
    schedule: Schedule | None = None,
) -> xr.Dataset:
    """Run a case and return every variable over the dimension "time", as `stockflow.Model.run` does.

    `set_` gives constants other values, in the unit of the model; `policy` is a file for `read_policy`; `schedule`
    changes instruments of support from what the case, or that policy, has.
    Raises InputError for an unknown case, name or engine, and for a value outside its bounds.
    """
    model = changed_model(case_name, set_, policy)
    if schedule is not None:
        paths = one_run(model, schedule, until).paths()
        model = model.with_series({name: (times, np.atleast_2d(values)[0]) for name, (times, values) in paths.items()})
    run = model.run(until=until, engine=engine)
    _refuse_overflow(run, case_name if policy is None else f"{case_name} under {policy}")
    return run


def changed_model(case_name: str, set_: Mapping[str, float] = _NOTHING, policy: str | Path | None = None) -> Model:
    """Return the model of a case with other constants and paths; InputError as `run_case`."""
    model = load_case(case_name).model
    for name in set_:
        if plain(name) in map(plain, _ENDED):
            raise InputError(
                f"{case_name}: {name!r} is no input of the model: support ends by `--schedule NAME_OR_FILE` "
                "(`techcycle policy list` names those shipped)"
            )
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
    return model


def one_run(model: Model, schedule: Schedule, until: float | None = None) -> AppliedSchedule:
    """Return a schedule on one run of a model, as the runs of a phase-out study have it for each of their draws."""
    Checked(model.equations).moments(until, None)
    return applied(Draws(model, {}, model.final_time if until is None else until, 1), schedule)


def without_effect(
    run: xr.Dataset,
    case_name: str,
    set_: Mapping[str, float],
    asked: Iterable[str],
    policy: str | Path | None = None,
    until: float | None = None,
    schedule: Schedule | None = None,
) -> list[str]:
    """Return those constants `asked` of `set_` that change no saved value of `run` but their own: a run for each."""
    idle = []
    for name in asked:
        others = {other: value for other, value in set_.items() if other != name}
        if _alike(run, run_case(case_name, others, policy, until, schedule=schedule), name):
            idle.append(name)
    return idle


def _alike(run: xr.Dataset, other: xr.Dataset, but: str) -> bool:
    names = [name for name in run.data_vars if plain(str(name)) != plain(but)]
    return run["time"].equals(other["time"]) and all(np.array_equal(run[name], other[name]) for name in names)


def _refuse_overflow(run: xr.Dataset, place: str) -> None:
    """A run that left the numbers is no answer: name the first variable and time at which it did."""
    bad = {str(name): ~np.isfinite(run[name].to_numpy()) for name in run.data_vars}
    first = {name: int(np.argmax(where)) for name, where in bad.items() if where.any()}
    if first:
        name = min(first, key=lambda one: first[one])
        time = float(run["time"][first[name]])
        raise InputError(f"{place}: {name!r} is {float(run[name][first[name]])} at {time:g}: an input is out of reach")
