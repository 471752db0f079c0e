"""An ensemble on a Dask cluster: the same files as without, whatever workers there are and whichever of them die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from store_helpers import KILL, Waves, bytes_of, ensemble, marks_in, scheduled

from analysis.ensembles import cluster as clusters
from analysis.ensembles.ensemble import versions
from analysis.ensembles.writing import write
from stockflow.errors import InputError

BLOCK = 64
Cluster = tuple[str, list[subprocess.Popen[bytes]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete store of 300 runs that this process made."""
    path = tmp_path_factory.mktemp("store") / "whole.zarr"
    write(ensemble(), path, progress=False, block=BLOCK)
    return path


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with clusters.local_cluster(2) as found:
        yield found


def kill_when(condition: Callable[[], bool], processes: Callable[[], list[int]]) -> threading.Thread:
    """Kill one of `processes` once a condition holds."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(processes()[0], KILL)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.slow
def test_two_workers_one_of_them_killed_make_the_same_files(cluster: LocalCluster, tmp_path: Path) -> None:
    slow, path = ensemble(wait=0.03), tmp_path / "cluster.zarr"
    workers = [nanny.process.pid for nanny in cluster.workers.values()]
    killer = kill_when(lambda: marks_in(path) >= 3, lambda: workers)
    write(slow, path, scheduler=cluster.scheduler_address, progress=False, block=10)
    killer.join()
    assert not Path(f"/proc/{workers[0]}").exists()
    write(ensemble(), tmp_path / "alone.zarr", progress=False, block=10)
    assert bytes_of(path) == bytes_of(tmp_path / "alone.zarr")


@pytest.mark.slow
def test_runs_under_schedules_are_the_same_on_a_cluster(cluster: LocalCluster, tmp_path: Path) -> None:
    here, there = tmp_path / "here.zarr", tmp_path / "there.zarr"
    write(scheduled(), here, progress=False, block=12)
    write(scheduled(), there, scheduler=cluster.scheduler_address, progress=False, block=12)
    assert bytes_of(there) == bytes_of(here)


def test_a_store_begun_here_is_ended_by_a_cluster(cluster: LocalCluster, whole: Path, tmp_path: Path) -> None:
    class Interrupted(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            if schedule == 1:
                raise KeyboardInterrupt
            return super().evaluate(schedule, first, last, threads)

    path = tmp_path / "half.zarr"
    with pytest.raises(KeyboardInterrupt):
        write(replace(ensemble(), evaluator=Interrupted()), path, progress=False, block=BLOCK)
    assert marks_in(path) == 1
    write(ensemble(), path, scheduler=cluster.scheduler_address, progress=False, block=BLOCK)
    assert bytes_of(path) == bytes_of(whole)


def test_a_local_cluster_is_started_when_asked_for(whole: Path, tmp_path: Path) -> None:
    write(ensemble(), tmp_path / "local.zarr", scheduler="local", workers=1, progress=False, block=BLOCK)
    assert bytes_of(tmp_path / "local.zarr") == bytes_of(whole)


def test_what_a_worker_refuses_is_said_here(cluster: LocalCluster, tmp_path: Path) -> None:
    class Refusing(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            raise InputError("nev.toml: 'lifetime' is -1, below 0")

    refusing = replace(ensemble(), evaluator=Refusing())
    with pytest.raises(InputError, match="'lifetime' is -1"):
        write(refusing, tmp_path / "no.zarr", scheduler=cluster.scheduler_address, progress=False)


def test_a_worker_of_other_versions_is_refused(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "versions", lambda: {**versions(), "numpy": "1.0"})
    with pytest.raises(InputError, match=r"numpy is .* there and '?1.0'? here"):
        write(ensemble(), tmp_path / "no.zarr", scheduler=cluster.scheduler_address, progress=False)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_CONNECTING", 0.5)
    with pytest.raises(InputError, match=r"tcp://127.0.0.1:9: no Dask scheduler"):
        write(ensemble(), tmp_path / "no.zarr", scheduler="tcp://127.0.0.1:9", progress=False)


# a cluster of separate processes, without anything that starts a worker again


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers, each started by hand: its address, and all three."""
    tests = Path(__file__).parents[2]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tests.parent), str(tests / "helpers")))}
    file = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    dask = [sys.executable, "-m", "dask"]

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*dask, *arguments, *common], env=paths, cwd=tmp_path, stderr=subprocess.DEVNULL)

    scheduler = start("scheduler", "--port", "0", "--host", "127.0.0.1")
    while not file.exists():
        time.sleep(0.05)
    workers = [start("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
    yield json.loads(file.read_text())["address"], [scheduler, *workers]
    for one in (scheduler, *workers):
        one.kill()
        one.wait()


@pytest.mark.slow
def test_without_nannies_the_worker_that_is_left_ends_the_store(processes: Cluster, tmp_path: Path) -> None:
    address, (_, *workers) = processes
    path = tmp_path / "cluster.zarr"
    killer = kill_when(lambda: marks_in(path) >= 3, lambda: [one.pid for one in workers])
    write(ensemble(wait=0.03), path, scheduler=address, progress=False, block=10)
    killer.join()
    assert workers[0].wait(10) != 0
    write(ensemble(), tmp_path / "alone.zarr", progress=False, block=10)
    assert bytes_of(path) == bytes_of(tmp_path / "alone.zarr")


@pytest.mark.slow
@pytest.mark.parametrize("who", ["workers", "scheduler"])
def test_when_all_is_lost_it_says_so_and_keeps_what_came(
    processes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE", 2.0)
    address, (scheduler, *workers) = processes
    path = tmp_path / "cluster.zarr"

    def lose() -> list[int]:
        lost = workers if who == "workers" else [scheduler]
        for one in lost[1:]:
            one.kill()
        return [lost[0].pid]

    killer = kill_when(lambda: marks_in(path) >= 3, lose)
    with pytest.raises(InputError, match="blocks that came are kept"):
        write(ensemble(wait=0.03), path, scheduler=address, progress=False, block=10)
    killer.join()
    assert marks_in(path) >= 3
    write(ensemble(), path, progress=False, block=10)
    write(ensemble(), tmp_path / "alone.zarr", progress=False, block=10)
    assert bytes_of(path) == bytes_of(tmp_path / "alone.zarr")


@pytest.mark.slow
def test_results_lost_with_the_last_worker_do_not_keep_it_waiting(
    processes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE", 2.0)
    address, (_, *workers) = processes
    finished = clusters._finished

    def and_then_die(*arguments: Any) -> Any:
        done = finished(*arguments)
        for one in workers:
            one.kill()
            one.wait()
        return done

    monkeypatch.setattr(clusters, "_finished", and_then_die)
    with pytest.raises(InputError, match="no worker is left"):
        write(ensemble(), tmp_path / "lost.zarr", scheduler=address, progress=False, block=10)
