"""What is being done and how long it may take: a bar on a terminal, else a line now and then on standard error.

Also work in a process of its own, which says nothing, beside other work.
"""

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import click
from tqdm import tqdm

from analysis.plain.language import language, speak, term, worded
from stockflow.cores import usable_cores

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Saying:
    """Whether anything is said, and after how many seconds: first, and then again."""

    shown: bool = True
    first: float = 2.0
    again: float = 10.0


@dataclass(slots=True)
class _Task:
    """What is being done: `done` of `total` steps, None where their number is not known."""

    what: str
    total: int | None
    unit: str
    barred: bool = False
    done: int = 0
    text: str = ""
    spoken: str = field(default_factory=language)
    began: float = field(default_factory=time.monotonic)

    def line(self, now: float) -> str:
        """Return how far it is and how long it may still take, if it goes on as it has."""
        told = self._done(now - self.began)
        return worded("{what} ({part})", what=told, part=term(self.text)) if self.text else told

    def _done(self, taken: float) -> str:
        if not self.unit:
            return worded("{what}: at work for {span}", what=self.what, span=_span(taken))
        known = {"what": self.what, "done": self.done, "unit": term(f"{self.unit}s")}
        if self.total is None:
            told = worded("{what}: {done} {unit}", **known)
        else:
            told = worded("{what}: {done} of {total} {unit}", total=self.total, **known)
        if self.total is not None and self.done:
            left = _span(taken / self.done * max(self.total - self.done, 0))
            return worded("{done}, about {span} left", done=told, span=left)
        return worded("{done}, {span} so far", done=told, span=_span(taken)) if taken >= 1 else told


saying = _Saying()
_tasks: list[_Task] = []  # the innermost last


def show(shown: bool) -> None:
    """Say what is being done in this process from now on, or do not."""
    saying.shown = shown


def note(text: str) -> None:
    """Say on standard error that a step of some work is made, unless nothing is to be said."""
    if saying.shown:
        click.echo(f"  {text}", err=True)


def _quietly(spoken: str) -> None:
    """Say nothing in this process, which another one started: it says what is done, in the language `spoken`."""
    show(False)
    speak(spoken)


def _span(seconds: float) -> str:
    if seconds >= 5400:
        return worded("{hours:.2g} h", hours=seconds / 3600)
    if seconds >= 90:
        return worded("{minutes:.2g} min", minutes=seconds / 60)
    return worded("{seconds:.0f} s", seconds=seconds)


def _say_now_and_then(over: threading.Event) -> None:
    wait = saying.first
    while not over.wait(wait):
        wait = saying.again
        if saying.shown and _tasks and not _tasks[-1].barred and _tasks[-1].spoken == language():
            with suppress(OSError):  # where standard error takes nothing there is nobody to tell
                click.echo(_tasks[-1].line(time.monotonic()), err=True)


@contextmanager
def _at(task: _Task) -> Iterator[None]:
    """Have a task spoken of while the block runs."""
    over = threading.Event()
    _tasks.append(task)
    if len(_tasks) == 1:
        threading.Thread(target=_say_now_and_then, args=(over,), daemon=True).start()
    try:
        yield
    finally:
        _tasks.remove(task)
        over.set()


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say, while the block runs, that this is being done, wherever nothing inside says more."""
    with _at(_Task(what, None, "")):
        yield


@contextmanager
def counted(
    what: str, total: int | None, unit: str, done: int = 0, shown: bool = True
) -> Iterator[Callable[..., None]]:
    """Yield what counts steps (`step(text, by)`), with a text or none beside; it ends full, though there may be fewer.

    `done` were made before. Without a `total` nothing is said of the time left. On a terminal it is a bar, if `shown`.
    """
    barred = shown and saying.shown and sys.stderr.isatty()
    task = _Task(what, total, unit, barred)
    with _at(task), tqdm(total=total, initial=done, desc=what, unit=term(unit), disable=not barred) as bar:

        def step(text: str = "", by: int = 1) -> None:
            task.text, task.done = text or task.text, task.done + by
            bar.set_postfix_str(term(task.text), refresh=by == 0)
            bar.update(by)

        task.done = done
        yield step
        if total is not None:
            bar.update(total - bar.n)


def each(things: Collection[T], what: str, unit: str) -> Iterator[T]:
    """Yield things one after the other, counted."""
    with counted(what, len(things), unit) as step:
        for thing in things:
            yield thing
            step()


@contextmanager
def beside(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Iterator[Callable[[], T]]:
    """Call a function in another process, which says nothing, while the block runs; yield what waits for its result.

    Function, arguments and result must be such as can be sent to a process. What the function raises, waiting raises.
    With one core the function is called here, when its result is asked for.
    """
    if usable_cores() == 1:
        yield lambda: function(*arguments, **named)
        return
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_quietly, initargs=(language(),)) as pool:
        yield pool.submit(function, *arguments, **named).result
