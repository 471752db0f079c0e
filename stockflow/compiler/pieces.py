"""Spreads runs over threads, a few at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from stockflow.cores import usable_cores
from stockflow.errors import InputError

_USUAL = 2**21
_PAGE = 2**16
_LOCK = threading.Lock()
if hasattr(os, "register_at_fork"):  # a copy of the process must not begin with a lock that nobody in it gives back
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)
# for each thread, to even out threads of unequal speed
_PIECES = 4


def in_pieces(
    piece: Callable[[int, int], None], runs: int, width: int, most: int, threads: int | None, stack: int = 0
) -> None:
    """Call `piece` with ranges of at most `most` runs, whole vectors but for the last, on some threads.

    What needs more bytes of `stack` than any thread has gets threads of its own, fewer where no more can be started.
    InputError for fewer than one thread, and where not one of such a stack can be started.
    """
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}, but must be at least 1")
    workers = min(threads or usable_cores(), -(-runs // width))
    if not workers:
        return
    pieces = workers * _PIECES if workers > 1 else 1
    size = min(most, -(-runs // (pieces * width)) * width)
    todo = [(first, min(first + size, runs)) for first in range(0, runs, size)]
    if workers == 1 and stack <= _USUAL:
        for one in todo:
            piece(*one)
    else:
        _side_by_side(piece, todo, workers, stack)


def _side_by_side(
    piece: Callable[[int, int], None], pieces: Sequence[tuple[int, int]], workers: int, stack: int
) -> None:
    """Call `piece` with ranges on some threads; raise what the first range that fails raises."""
    todo = deque(pieces)
    failed: dict[int, BaseException] = {}

    def work() -> None:
        while True:
            try:
                first, last = todo.popleft()
            except IndexError:  # nothing is left
                return
            try:
                piece(first, last)
            except BaseException as error:  # noqa: BLE001 - told by the thread that asked
                failed[first] = error
                todo.clear()

    started = _started(work, workers, stack)
    try:
        if not started:
            work()
        for one in started:
            one.join()
    except BaseException:
        todo.clear()
        for one in started:
            one.join()
        raise
    if failed:
        raise failed[min(failed)]


def _started(work: Callable[[], None], workers: int, stack: int) -> list[threading.Thread]:
    """Return running threads, as many as can be started; none only where this one has stack enough."""
    started: list[threading.Thread] = []
    with _LOCK:  # the size of stacks is that of the process
        before = threading.stack_size(-(-stack // _PAGE) * _PAGE) if stack > _USUAL else None
        try:
            for _ in range(workers):
                thread = threading.Thread(target=work)
                thread.start()
                started.append(thread)
        except RuntimeError as error:  # no memory for one more
            if not started and stack > _USUAL:
                raise InputError(f"no thread can be started with the stack of {stack >> 20} MB it needs") from error
        finally:
            if before is not None:
                threading.stack_size(before)
    return started
