"""From an ensemble to its store: in this process, or on the workers of a Dask cluster."""

from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice
from pathlib import Path

import xarray as xr

from analysis.ensembles.blocks import Encoded, Layout, computed, layout_of, skeleton
from analysis.ensembles.ensemble import Ensemble
from analysis.ensembles.store import check_same, open_store, unfinished
from analysis.plain.progress import counted
from stockflow.cores import usable_cores
from stockflow.errors import InputError

_BESIDE = 4  # blocks at a time in this process: what memory holds


def write(
    ensemble: Ensemble,
    path: str | Path,
    scheduler: str | None = None,
    progress: bool = True,
    threads: int | None = None,
    workers: int | None = None,
    block: int | None = None,
) -> xr.Dataset:
    """Compute an ensemble into the store `path` and open it; see `open_store`.

    A store that was left unfinished is gone on with, one that is complete is only opened.  Numbers are the same, bit
    for bit, whatever `block` (runs in a file and computed at a time), `threads`, `workers` and interruptions are, and
    files too for the same `block`.  `scheduler` is the address of a Dask scheduler, or "local" for a cluster of
    `workers` processes; without it `threads` of this process compute.  Memory holds a few blocks.
    Raises InputError for a path that is in use by something else, of another ensemble, damaged, or not to be written.
    """
    path, layout = Path(path), layout_of(ensemble, block)
    files = skeleton(ensemble, layout)
    if path.exists() or path.is_symlink():
        check_same(path, files)
        return open_store(path, ensemble.digest)
    for name, count in (("threads", threads), ("workers", workers)):
        if count is not None and count < 1:
            raise InputError(f"{name} is {count}, but must be at least 1")
    with unfinished(path, layout, files) as store:
        if scheduler is None:
            done = in_process(ensemble, layout, store.todo, store.put, threads)
        else:
            done = _cluster()(ensemble, layout, store.todo, store.put, scheduler, workers)
        with closing(done), counted(path.name, layout.runs, "run", store.done_runs(), progress) as step:
            for index in done:
                first, last = layout.span(index)
                step(by=last - first)
        store.finish()
    return open_store(path, ensemble.digest, verify=False)


def _cluster() -> Callable[..., Generator[int, None, None]]:
    """Return what computes blocks on a cluster; InputError where Dask is not installed."""
    try:
        from analysis.ensembles.cluster import on_cluster
    except ModuleNotFoundError as error:
        raise InputError(
            f"--scheduler: {error.name} is not installed; in the checkout: pip install '.[cluster]'"
        ) from None
    return on_cluster


def in_process(
    ensemble: Ensemble, layout: Layout, todo: list[int], put: Callable[[Encoded], None], threads: int | None
) -> Generator[int, None, None]:
    """Compute blocks and yield each once it is put: a few at a time, on `threads` threads in all.

    Side by side, because much of a block (paths, checks, encoding) runs on one thread whatever the engine does.
    """
    allowed = threads or usable_cores()
    beside = min(allowed, _BESIDE)

    def block(index: int) -> int:
        put(computed(ensemble, layout, index, allowed // beside))
        return index

    queue = iter(todo)
    with ThreadPoolExecutor(beside) as pool:
        pending = {pool.submit(block, index) for index in islice(queue, beside)}
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            pending |= {pool.submit(block, index) for index in islice(queue, len(done))}
            for one in done:
                yield one.result()
