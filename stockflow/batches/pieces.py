"""Spreads runs over threads, a few at a time."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stockflow.cores import usable_cores
from stockflow.errors import InputError

# pieces of each thread that may be under way or wait for those before them
_AHEAD = 4

T = TypeVar("T")


def in_pieces(piece: Callable[[int, int], None], runs: int, width: int, most: int, threads: int | None) -> None:
    """Call `piece` with ranges of at most `most` runs, whole vectors but for the last, on some threads."""
    workers = min(_workers(threads), -(-runs // width))
    if not workers:
        return
    size = min(most, -(-runs // (workers * width)) * width)
    firsts = range(0, runs, size)
    lasts = [min(first + size, runs) for first in firsts]
    if workers == 1:
        for first, last in zip(firsts, lasts, strict=True):
            piece(first, last)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(piece, firsts, lasts))


def in_order(piece: Callable[[int], T], firsts: Iterable[int], threads: int | None) -> Iterator[T]:
    """Yield what `piece` returns for each of `firsts`, in their order, computed on some threads.

    Few results wait for those before them, however many there are in all.
    """
    workers = _workers(threads)
    if workers == 1:
        yield from map(piece, firsts)
        return
    rest = iter(firsts)
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque(pool.submit(piece, first) for first in itertools.islice(rest, workers * _AHEAD))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(piece, first) for first in itertools.islice(rest, 1))


def _workers(threads: int | None) -> int:
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}, but must be at least 1")
    return threads or usable_cores()
