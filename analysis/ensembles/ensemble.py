"""An ensemble: schedules x draws, described so that any process can compute any part of it alone."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np

import models
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.version import VERSION, fingerprint

Origin = Mapping[str, str | int | float]
_PACKAGES = ("numpy", "llvmlite", "xarray", "zarr", "numcodecs")


class Evaluator(Protocol):
    """What computes runs; it pickles, and a run has the same bits whatever runs are asked for with it.

    `units` has a unit for each of `outputs`; `times` are the saved times, decimal years.
    """

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names along the axis `variable`."""

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of every output."""

    @property
    def times(self) -> Array:
        """Saved times, increasing."""

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Array:
        """Return draws `first` to `last`, exclusive, under one schedule: shape (run, time, variable)."""


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Runs of every schedule with every draw, schedule by schedule: run = schedule x `draws` + draw.

    `schedules` are the names of the schedules, one name if there is only a sample of draws; `origin` says what the
    numbers depend on (case, digests of model, posterior and schedules, seed): ensembles that differ must differ there.
    `notes` are said in the store beside it and are no part of the digest.
    """

    evaluator: Evaluator
    schedules: tuple[str, ...]
    draws: int
    origin: Origin = field(default_factory=dict)
    notes: Origin = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.schedules or self.draws < 1 or not self.evaluator.outputs:
            raise InputError(
                f"an ensemble of {len(self.schedules)} schedules, {self.draws} draws and "
                f"{len(self.evaluator.outputs)} outputs has nothing to compute"
            )
        for kind, names in (("schedules", self.schedules), ("outputs", self.evaluator.outputs)):
            if twice := [name for name in names if names.count(name) > 1]:
                raise InputError(f"the ensemble has two {kind} of the name {twice[0]!r}")

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.schedules) * self.draws

    @property
    def digest(self) -> str:
        """SHA-256 of what was asked for, 16 digits: origin, schedules, draws, outputs and units, saved times."""
        one = self.evaluator
        units = [[name, one.units[name]] for name in one.outputs]
        asked = [sorted(self.origin.items()), self.schedules, self.draws, units, np.asarray(one.times).tolist()]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]

    def rows(self, first: int, last: int, threads: int | None = None) -> Array:
        """Return runs `first` to `last`, exclusive, across schedules: shape (run, time, variable)."""
        shape = (len(self.evaluator.times), len(self.evaluator.outputs))
        out = np.empty((last - first, *shape))
        at = first
        while at < last:
            schedule, draw = divmod(at, self.draws)
            count = min(self.draws - draw, last - at)
            part = self.evaluator.evaluate(schedule, draw, draw + count, threads)
            if part.shape != (count, *shape):
                raise ValueError(f"{count} runs at {shape} have come as {part.shape}")
            out[at - first : at - first + count] = part
            at += count
        return out


@cache
def versions() -> Mapping[str, str]:
    """Return what the last bit of a number may depend on beside the ensemble: programs and packages."""
    texts = (file.read_bytes() for file in sorted(Path(models.__file__).parent.rglob("*.py")))
    return {
        "python": platform.python_version(),
        "stockflow": f"{VERSION} {fingerprint()[:16]}",
        "models": hashlib.sha256(b"\0".join(texts)).hexdigest()[:16],
        **{package: version(package) for package in _PACKAGES},
    }
