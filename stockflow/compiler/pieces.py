"""Spreads runs over threads, a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stockflow.cores import usable_cores
from stockflow.errors import InputError

_USUAL = 2**21
_PAGE = 2**16
_LOCK = threading.Lock()
# for each thread, to even out threads of unequal speed
_PIECES = 4


def in_pieces(
    piece: Callable[[int, int], None], runs: int, width: int, most: int, threads: int | None, stack: int = 0
) -> None:
    """Call `piece` with ranges of at most `most` runs, whole vectors but for the last, on some threads.

    What needs more bytes of `stack` than any thread has gets threads of its own.  InputError for fewer than one thread.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}, but must be at least 1")
    workers = min(threads or usable_cores(), -(-runs // width))
    if not workers:
        return
    pieces = workers * _PIECES if workers > 1 else 1
    size = min(most, -(-runs // (pieces * width)) * width)
    firsts = range(0, runs, size)
    lasts = [min(first + size, runs) for first in firsts]
    if workers == 1 and stack <= _USUAL:
        for first, last in zip(firsts, lasts, strict=True):
            piece(first, last)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            with _LOCK:  # the size of stacks is that of the process
                before = threading.stack_size(-(-stack // _PAGE) * _PAGE) if stack > _USUAL else None
                try:
                    results = pool.map(piece, firsts, lasts)
                finally:
                    if before is not None:
                        threading.stack_size(before)
            list(results)
