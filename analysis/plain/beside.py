"""Work in a process of its own, beside other work."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from analysis.plain import progress
from stockflow.cores import usable_cores

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def beside(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Iterator[Callable[[], T]]:
    """Call a function in another process, without progress bars, while the block runs; yield what waits for its result.

    Function, arguments and result must be such as can be sent to a process. What the function raises, waiting raises.
    With one core the function is called here, when its result is asked for.
    """
    if usable_cores() == 1:
        yield lambda: function(*arguments, **named)
        return
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=progress.hide) as pool:
        yield pool.submit(function, *arguments, **named).result
