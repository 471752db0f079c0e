"""An ensemble on a Dask cluster: workers return encoded blocks, and only this process writes.

So the workers need not see the store's folder, a block that was computed twice because a worker died is written once,
and a kill at any moment leaves what it leaves without a cluster.  A few encoded blocks are on their way at a time.

Dask starts workers with MALLOC_TRIM_THRESHOLD_=65536: every array is then made of fresh pages, which doubles the work
of a block.  A local cluster is started without; whoever starts workers by hand may set it, and
MALLOC_MMAP_THRESHOLD_, to `KEPT`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import hashlib
import pickle
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError
from itertools import islice

import dask
from distributed import Client, Future, LocalCluster, wait
from distributed.protocol.pickle import dumps
from distributed.scheduler import KilledWorker

from analysis.ensembles.blocks import Encoded, Layout, computed
from analysis.ensembles.ensemble import Ensemble, versions
from stockflow.cores import usable_cores
from stockflow.errors import InputError

LOCAL = "local"
_CONNECTING = 15.0  # seconds until a scheduler has answered and a worker is there
_PATIENCE = 60.0  # seconds without any worker
_AHEAD = 2  # blocks a thread of the workers has before it
_LARGE = {"distributed.admin.large-graph-warning-threshold": "1GiB"}  # samples are
KEPT = {"MALLOC_TRIM_THRESHOLD_": 2**28, "MALLOC_MMAP_THRESHOLD_": 2**25}  # bytes of memory a worker keeps


def on_cluster(
    ensemble: Ensemble,
    layout: Layout,
    todo: list[int],
    put: Callable[[Encoded], None],
    scheduler: str,
    workers: int | None = None,
) -> Generator[int, None, None]:
    """Compute blocks on the workers of a scheduler, or of a local cluster, and yield each once it is put.

    Raises InputError for a scheduler that does not answer, for workers of other versions, and when all are lost.
    """
    if not todo:
        return
    with dask.config.set(_LARGE), _client(scheduler, workers) as client:
        try:
            yield from _blocks(client, ensemble, layout, todo, put, scheduler)
        except (OSError, CancelledError) as error:
            raise InputError(f"{scheduler}: is lost: {error!s:.200}; blocks that came are kept") from None


def _blocks(
    client: Client, ensemble: Ensemble, layout: Layout, todo: list[int], put: Callable[[Encoded], None], scheduler: str
) -> Generator[int, None, None]:
    payload = dumps((ensemble, layout, dict(versions())))
    name = hashlib.sha256(payload).hexdigest()[:16]
    # a task, not scattered data: if the worker that holds it dies, another makes it anew
    shared = client.submit(_Shared, payload, key=f"ensemble-{name}")
    pending: dict[Future[Encoded], int] = {}
    queue = iter(todo)
    while True:
        ahead = max(_AHEAD * _threads(client), 1) - len(pending)
        for index in islice(queue, max(ahead, 0)):
            pending[client.submit(_block, shared, index, key=f"block-{name}-{index}")] = index
        if not pending:
            return
        for future in _finished(client, pending, scheduler):
            try:
                block = _result(future, pending[future], layout)
            except TimeoutError:  # its worker died with it: it is computed again, if there is another
                _see_workers(client, scheduler)
                continue
            put(block)
            future.release()
            del pending[future]
            yield block.index


class _Shared:
    """An ensemble on a worker, unpickled once, with the compiled simulators it keeps."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.ensemble, self.layout, wanted = pickle.loads(payload)
        there = dict(versions())
        differing = [f"{key} is {there[key]} there and {one} here" for key, one in wanted.items() if there[key] != one]
        if differing:
            raise InputError(f"a worker has other versions: {'; '.join(differing)}")

    def __reduce__(self) -> tuple[type[_Shared], tuple[bytes]]:
        return _Shared, (self.payload,)


def _block(shared: _Shared, index: int) -> Encoded:
    return computed(shared.ensemble, shared.layout, index, 1)


def _threads(client: Client) -> int:
    return sum(client.nthreads().values())


def _finished(client: Client, pending: dict[Future[Encoded], int], scheduler: str) -> list[Future[Encoded]]:
    """Wait until some blocks are there, as long as there is a worker."""
    while True:
        try:
            with client.as_current():
                return list(wait(list(pending), timeout=_PATIENCE, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            _see_workers(client, scheduler)


def _see_workers(client: Client, scheduler: str) -> None:
    """Raise InputError if there is no worker."""
    if not _threads(client):
        raise InputError(f"{scheduler}: no worker is left; blocks that came are kept") from None


def _result(future: Future[Encoded], index: int, layout: Layout) -> Encoded:
    first, last = layout.span(index)
    place = f"block {index} (runs {first} to {last - 1})"
    try:
        result = future.result(timeout=_PATIENCE)
    except KilledWorker as error:
        raise InputError(
            f"{place}: worker after worker died computing it: {error}; blocks that came are kept"
        ) from None
    except ImportError as error:
        raise InputError(f"{place}: a worker lacks this program: {error}; blocks that came are kept") from None
    if not isinstance(result, Encoded) or hashlib.sha256(result.content).hexdigest() != result.sha256:
        raise InputError(f"{place}: came damaged from its worker; blocks that came are kept")
    return result


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Start a cluster of processes with a thread each on this machine; killed ones are started again."""
    kept = {f"distributed.nanny.pre-spawn-environ.{name}": size for name, size in KEPT.items()}
    with (
        dask.config.set(kept),
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as found,
    ):
        yield found


@contextlib.contextmanager
def _client(scheduler: str, workers: int | None) -> Iterator[Client]:
    with contextlib.ExitStack() as stack:
        address: str | LocalCluster = scheduler
        if scheduler == LOCAL:
            address = stack.enter_context(local_cluster(workers or usable_cores()))
        try:
            client = stack.enter_context(Client(address, timeout=_CONNECTING, set_as_default=False))
            client.wait_for_workers(1, timeout=_CONNECTING)
        except (OSError, ValueError) as error:
            raise InputError(f"{scheduler}: no Dask scheduler with workers answers there: {error!s:.200}") from None
        yield client
