"""Small ensembles for tests of the laboratory's store, and what compares folders to the byte."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.ensembles.ensemble import Ensemble
from analysis.ensembles.writing import write
from analysis.phase_out.prepare import ScheduleRuns
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.schedules.file import load_schedule

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which ends a process at once on Windows, too
OUTPUTS = ("tide", "swell", "market share")


@dataclass(frozen=True)
class Waves:
    """Numbers that depend on schedule, draw, time and variable, and on nothing else; `wait` seconds for each call."""

    saved: int = 12
    wait: float = 0.0
    seed: int = 1

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS

    @property
    def units(self) -> Mapping[str, str]:
        return dict(zip(OUTPUTS, ("m", "m", "1"), strict=True))

    @property
    def times(self) -> NDArray[np.float64]:
        return 2010 + np.arange(self.saved) / 4

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> NDArray[np.float64]:
        time.sleep(self.wait)
        draw = np.arange(first, last, dtype=float)[:, None, None]
        return np.sin((draw + 0.1) * self.times[:, None] * (1 + np.arange(3))) + 10 * schedule + self.seed


def ensemble(draws: int = 100, **settings: Any) -> Ensemble:
    """Three schedules of `draws` draws."""
    waves = Waves(**settings)
    return Ensemble(waves, ("history", "cliff in 2020", "linear"), draws, {"case": "waves", "seed": waves.seed})


def scheduled(draws: int = 20) -> Ensemble:
    """Schedules of electric vehicles whose paths depend on the run: on a trigger, on a price, on money saved."""
    names = ("nev_share_triggered", "nev_share_of_price", "nev_to_charging")
    model, samples = load_case("nev").model, accepted_posterior("nev").spread(draws)
    schedules = tuple(load_schedule(name) for name in names)
    runs = ScheduleRuns(model, schedules, samples, ("market share", "Cumulative Support Outlay"), 2030.0)
    return Ensemble(runs, names, draws, {"case": "nev"})


def bytes_of(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder (or of a file) by its path."""
    files = [folder] if folder.is_file() else [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def marks_in(store: Path) -> int:
    """How many blocks of an unfinished store are complete."""
    marks = store.with_name(store.name + ".part") / "marks"
    return sum(1 for file in marks.glob("*") if file.suffix == "") if marks.exists() else 0


def in_child(job: Callable[[], object]) -> int:
    """Start a job in a forked process that ends with it; return its id."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            job()
            failed = 0
        finally:
            if failed:
                sys.excepthook(*sys.exc_info())
            os._exit(failed)
    return child


def killed(child: int) -> bool:
    """Wait for a process; whether a kill ended it.  It must not have failed by itself."""
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("a child failed")
    return os.WIFSIGNALED(status)


def kill_at_operation(number: int, folder: Path) -> None:
    """Let this process be killed just before its operation `number` on a file below a folder."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event.startswith(("os.", "shutil.", "open")) and any(str(folder) in str(one) for one in arguments):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), KILL)

    sys.addaudithook(hook)


def operations(folder: Path, step: int) -> None:
    """Kill a writer before each `step`-th of its file operations, let another go on, and print what came of it."""
    small = ensemble(draws=8)
    write(small, folder / "whole.zarr", progress=False, block=10)
    whole, ends, number = bytes_of(folder / "whole.zarr"), [], 1 - step
    while True:
        number += step
        store = folder / f"{number}.zarr"

        def first(store: Path = store, number: int = number) -> None:
            kill_at_operation(number, folder)
            write(small, store, progress=False, block=10)

        if not killed(in_child(first)):
            break
        killed(in_child(lambda store=store: write(small, store, progress=False, block=10)))
        ends.append(bytes_of(store))
    print(json.dumps({"kills": len(ends), "ends": ends, "whole": whole}))


def random_moments(folder: Path, kills: int, seed: int) -> None:
    """Kill a slow writer of one store again and again, then let it end; print where it was each time."""
    rng = np.random.default_rng(seed)
    slow, store, seen = ensemble(wait=0.02), folder / "killed.zarr", []
    for _ in range(kills):
        before = marks_in(store)
        child = in_child(lambda: write(slow, store, progress=False, block=10))
        while marks_in(store) == before:
            time.sleep(0.001)
        time.sleep(float(rng.uniform(0, 0.06)))
        os.kill(child, KILL)
        if not killed(child):
            raise RuntimeError("the writer was done before it was killed")
        seen.append(marks_in(store))
    killed(in_child(lambda: write(slow, store, progress=False, block=10)))
    print(json.dumps({"seen": seen, "end": bytes_of(store)}))


def peak_memory(folder: Path, draws: int) -> None:
    """Write a small store, then a large one; print by how many bytes the peak of memory rose, and the numbers' size."""
    import resource  # Windows has none

    write(ensemble(saved=100), folder / "small.zarr", progress=False, block=1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = write(ensemble(draws, saved=100), folder / "large.zarr", progress=False, block=1024)
    risen = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"risen": 1024 * risen, "numbers": large["values"].nbytes}))


if __name__ == "__main__":
    if sys.argv[1] == "operations":
        operations(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1] == "memory":
        peak_memory(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        random_moments(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
