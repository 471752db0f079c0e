"""A progress bar that says what it has come to, and work in a process of its own, without one, beside other work."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from tqdm import tqdm

from analysis.plain.language import language, speak
from stockflow.cores import usable_cores

P = ParamSpec("P")
T = TypeVar("T")

_shown: dict[str, bool] = {"bars": True}


def _hide(language: str) -> None:
    """Show no bars in this process: another shows its own; its language is spoken here, too."""
    _shown["bars"] = False
    speak(language)


@contextmanager
def counted(what: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
    """Yield what counts a step, with a text or none beside the bar; it ends full, though there may be fewer steps."""
    with tqdm(total=total, desc=what, unit=unit, disable=None if _shown["bars"] else True) as bar:

        def step(text: str = "") -> None:
            bar.set_postfix_str(text)
            bar.update()

        yield step
        bar.update(total - bar.n)


@contextmanager
def beside(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Iterator[Callable[[], T]]:
    """Call a function in another process, without progress bars, while the block runs; yield what waits for its result.

    Function, arguments and result must be such as can be sent to a process. What the function raises, waiting raises.
    With one core the function is called here, when its result is asked for.
    """
    if usable_cores() == 1:
        yield lambda: function(*arguments, **named)
        return
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=_hide, initargs=(language(),)) as pool:
        yield pool.submit(function, *arguments, **named).result
