"""Spreads runs over threads, a few at a time."""

from __future__ import annotations

from collections.abc import Callable

from stockflow.cores import usable_cores
from stockflow.errors import InputError

# for each thread, to even out threads of unequal speed
_PIECES = 4


def in_pieces(piece: Callable[[int, int], None], runs: int, width: int, most: int, threads: int | None) -> None:
    """Call `piece` with ranges of at most `most` runs, whole vectors but for the last, on some threads.

    InputError for fewer than one thread.
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
    if workers == 1:
        for first, last in zip(firsts, lasts, strict=True):
            piece(first, last)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(piece, firsts, lasts))
