"""Ranges of runs are done once each, by as many threads as there can be."""

import os
import signal
import threading
import time

import pytest

from stockflow import InputError
from stockflow.compiler import machine
from stockflow.compiler.llvm import stack_of
from stockflow.compiler.pieces import _LOCK, in_pieces

LARGE = 2**23


def done(threads: int, stack: int = 0) -> list[int]:
    found: list[int] = []
    in_pieces(lambda first, last: found.extend(range(first, last)), 100, 4, 8, threads, stack)
    return sorted(found)


@pytest.mark.parametrize("stack", [0, LARGE])
def test_runs_go_on_in_fewer_threads_where_no_more_can_be_started(monkeypatch, stack: int) -> None:
    start, left = threading.Thread.start, [2]

    def limited(one: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(one)

    before = threading.stack_size()
    monkeypatch.setattr(threading.Thread, "start", limited)
    assert done(4, stack) == list(range(100))
    assert left == [0]
    if stack:
        with pytest.raises(InputError, match="no thread can be started with the stack of 8 MB it needs"):
            done(4, stack)
    else:
        assert done(4) == list(range(100))
    assert threading.stack_size() == before


def test_what_the_first_failing_range_raises_is_raised() -> None:
    def piece(first: int, last: int) -> None:
        if first >= 8:
            raise ValueError(first)

    with pytest.raises(ValueError, match=r"\d"):
        in_pieces(piece, 100, 4, 8, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no copies of a process here")
def test_a_copy_of_the_process_may_run_while_threads_are_being_started() -> None:
    held = threading.Event()

    def hold() -> None:
        with _LOCK:
            held.set()
            time.sleep(0.1)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it where it waits for ever
        os._exit(0 if done(2, LARGE) == list(range(100)) else 1)
    other.join()
    assert os.waitpid(child, 0)[1] == 0


def test_code_that_is_kept_in_registers_needs_a_quarter_of_the_stack(monkeypatch) -> None:
    text = "line\n" * 100
    short = stack_of(text, 8)
    monkeypatch.setattr(machine, "LONG", 10)
    assert stack_of(text, 8) == 4 * short
