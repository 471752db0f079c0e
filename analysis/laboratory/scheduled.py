"""The ensemble of a study: every schedule with every draw of the posterior."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from analysis.laboratory.ensemble import Ensemble, Origin
from models.schedule import Schedule
from models.schedule_run import run_schedule
from stockflow import Model
from stockflow.codec import digest
from stockflow.errors import InputError

Array = NDArray[np.float64]
BEGAN = "began: "  # before the instrument's name: the variable that tells when its decline began
NEVER = 9999.0  # the year of what does not begin: finite, as only a run that failed is not


@dataclass(frozen=True, slots=True, eq=False)
class ScheduleRuns:
    """Computes runs of a model under schedules; an `Evaluator`.

    `samples` gives constants one value for each draw; `since` leaves out what is saved before that year. After the
    outputs of the model come, for every one of `instruments`, the year in which its decline began in that run, the
    same at all times, and NEVER where it did not.
    """

    model: Model
    schedules: tuple[Schedule, ...]
    samples: Mapping[str, Array]
    of_model: tuple[str, ...]
    until: float
    save_period: float
    since: float
    instruments: tuple[str, ...] = ()
    saved: Array = field(init=False)

    def __post_init__(self) -> None:
        simulator = self.model.simulator(tuple(self.samples), self.of_model, self.until, self.save_period)
        object.__setattr__(self, "saved", simulator.times[simulator.times >= self.since])

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names along the axis `variable`."""
        return (*self.of_model, *(BEGAN + name for name in self.instruments))

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of every output."""
        own = {name: self.model.variable(name).unit for name in self.of_model}
        return own | {BEGAN + name: "Year" for name in self.instruments}

    @property
    def times(self) -> Array:
        """Saved times."""
        return self.saved

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Array:
        """Return draws `first` to `last`, exclusive, under one schedule: shape (run, time, variable)."""
        part = {name: values[first:last] for name, values in self.samples.items()}
        one = self.schedules[schedule]
        runs = run_schedule(self.model, one, part, self.of_model, self.until, self.save_period, threads)
        out = np.empty((last - first, len(self.saved), len(self.outputs)))
        for place, name in enumerate(self.of_model):
            out[:, :, place] = runs[name].to_numpy()[:, -len(self.saved) :]
        for place, name in enumerate(self.instruments, len(self.of_model)):
            out[:, :, place] = _began(runs, name)[:, None]
        return out


def of_schedules(
    model: Model,
    schedules: Sequence[Schedule],
    samples: Mapping[str, ArrayLike],
    outputs: Sequence[str],
    until: float,
    save_period: float = 0.25,
    since: float | None = None,
    instruments: Sequence[str] = (),
    origin: Origin | None = None,
) -> Ensemble:
    """Return the ensemble of every schedule with every draw of `samples`; see `ScheduleRuns`.

    `origin` adds what a reader should know of the samples, such as the digest of the posterior and a seed, to digests
    of model, samples and schedules. Raises InputError for names that the model lacks, for schedules of several cases,
    and for `since` after `until`.
    """
    if not schedules:
        raise InputError("an ensemble needs a schedule")
    cases = sorted({one.case for one in schedules})
    if len(cases) > 1:
        raise InputError(f"schedules of one ensemble are of several cases: {', '.join(cases)}")
    begin = model.initial_time if since is None else since
    if begin > until:
        raise InputError(f"since is {begin:g}, after the end of the runs at {until:g}")
    columns = {name: np.asarray(values, dtype=float) for name, values in samples.items()}
    sizes = sorted({len(np.atleast_1d(values)) for values in columns.values()})
    if len(sizes) != 1:
        raise InputError(f"samples have {', '.join(map(str, sizes)) or 'no'} draws, but must have one number of them")
    names = tuple(model.variable(name).name for name in outputs)
    runs = ScheduleRuns(model, tuple(schedules), columns, names, until, save_period, begin, tuple(instruments))
    known: dict[str, str | int | float] = {
        "case": cases[0],
        "model_digest": digest(model.equations)[:16],
        "samples_digest": _digest(f"{name} {values.tobytes().hex()}" for name, values in sorted(columns.items())),
        "schedules_digest": _digest(one.model_dump_json() for one in schedules),
        "until": until,
        "save_period": save_period,
        "since": begin,
    }
    return Ensemble(runs, tuple(one.name for one in schedules), sizes[0], known | dict(origin or {}))


def _began(runs: xr.Dataset, instrument: str) -> Array:
    names = runs["instrument"].to_numpy().tolist()
    if instrument not in names:
        return np.full(runs.sizes["run"], NEVER)
    began = runs["began"].to_numpy()[:, names.index(instrument)]
    return np.where(np.isnan(began), NEVER, began)


def _digest(parts: Iterable[str]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode() + b"\0")
    return total.hexdigest()[:16]
