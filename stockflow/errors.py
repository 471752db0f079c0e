"""What went wrong with something a person wrote: one line that names file, place, value and bound."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from stockflow.names import plain


class InputError(ValueError):
    """Bad input from a person or a file; its text is one line and fit to be shown as it is."""

    def __init__(self, text: str) -> None:
        # names and parsers' reasons may bring line ends of their own
        super().__init__(" ".join(text.splitlines()))


class ReadingWarning(UserWarning):
    """What was guessed of a file, or is read otherwise than it asks, in words."""


class LoopError(InputError):
    """Variables that are computed from each other at one moment, without a stock in between."""


class StoppedError(InputError, ArithmeticError):
    """A run that the reference engine could not carry to its end, as at a division by zero."""


class UnknownNameError(InputError):
    """A name that does not exist, with the nearest ones that do."""


def unknown(kind: str, name: str, known: Iterable[str], place: str = "", *, listed: bool = False) -> UnknownNameError:
    """Return the error for an unknown `name`, suggesting up to three of `known`, matched without case.

    Where none is near, a `listed` few are all named.
    """
    spelling = {plain(one): one for one in known}
    near = difflib.get_close_matches(plain(name), spelling, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(spelling[n]) for n in near)}?" if near else ""
    if listed and not near:
        hint = f"; known: {', '.join(spelling.values())}"
    return UnknownNameError(f"{place + ': ' if place else ''}unknown {kind} {name!r}{hint}")
