"""A progress bar that says what it has come to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

_shown: dict[str, bool] = {"bars": True}


def hide() -> None:
    """Show no bars in this process: another shows its own."""
    _shown["bars"] = False


@contextmanager
def counted(what: str, total: int, unit: str) -> Iterator[Callable[..., None]]:
    """Yield what counts a step, with a text or none beside the bar; it ends full, though there may be fewer steps."""
    with tqdm(total=total, desc=what, unit=unit, disable=None if _shown["bars"] else True) as bar:

        def step(text: str = "") -> None:
            bar.set_postfix_str(text)
            bar.update()

        yield step
        bar.update(total - bar.n)
