"""From an ensemble to its store: in this process, or on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import xarray as xr
from tqdm import tqdm

from analysis.laboratory.blocks import Encoded, Layout, encode, layout_of, skeleton
from analysis.laboratory.ensemble import Ensemble
from analysis.laboratory.store import check_same, open_store, unfinished
from stockflow.errors import InputError

Put = Callable[[Encoded], None]


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
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}, but must be at least 1")
    with unfinished(path, layout, files) as store:
        if scheduler is None:
            done = in_process(ensemble, layout, store.todo, store.put, threads)
        else:
            from analysis.laboratory.cluster import on_cluster

            done = on_cluster(ensemble, layout, store.todo, store.put, scheduler, workers)
        with tqdm(total=layout.runs, initial=store.done_runs(), unit=" runs", unit_scale=True,
                  desc=path.name, disable=not progress) as bar:  # fmt: skip
            for index in done:
                first, last = layout.span(index)
                bar.update(last - first)
        store.finish()
    return open_store(path, ensemble.digest, verify=False)


def in_process(ensemble: Ensemble, layout: Layout, todo: list[int], put: Put, threads: int | None) -> Iterator[int]:
    """Compute blocks in order and yield each once it is put; one is encoded and put while the next is computed."""

    def finish(index: int, future: Future[None]) -> int:
        future.result()
        return index

    with ThreadPoolExecutor(1) as behind:
        last: tuple[int, Future[None]] | None = None
        for index in todo:
            values = ensemble.rows(*layout.span(index), threads)
            if last is not None:
                yield finish(*last)
            last = index, behind.submit(lambda i, v: put(encode(layout, i, v)), index, values)
            del values
        if last is not None:
            yield finish(*last)
