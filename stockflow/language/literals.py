"""PySD's readers without Python's `eval`, to which they hand pieces of a model's text.

In their modules the name `eval` stands for `value` below: numbers, points and quoted text, read
here.  Whatever else the grammar lets through, however it is nested, is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Literal

from stockflow.language.definition import Refused
from stockflow.numerals import UNSIGNED

_NUMBER = rf"[+-]?\s*{UNSIGNED}"
_WHOLE = re.compile(rf"\s*({_NUMBER})\s*")
_POINT = re.compile(rf"\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*,?\s*")
_QUOTED = re.compile(r"'([^']*)'")
_LONGEST_SHOWN = 40


def value(text: str) -> float | str | list[tuple[float, float]]:
    """Return what a piece of a model stands for: a number, the points of a table, or a text in single quotes.

    Points are `(x,y),(x,y)`, for the limits of a table in brackets.  Raises Refused for all else.
    """
    if number := _WHOLE.fullmatch(text):
        return _number(number[1])
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1]
    bare = text.strip()
    return _points(bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare, text)


def _points(text: str, whole: str) -> list[tuple[float, float]]:
    points, at = [], 0
    while at < len(text):
        point = _POINT.match(text, at)
        if point is None:
            break
        points.append((_number(point[1]), _number(point[2])))
        at = point.end()
    if not points or at < len(text):
        shown = whole if len(whole) <= _LONGEST_SHOWN else f"{whole[:_LONGEST_SHOWN]}..."
        raise Refused([f"{shown!r} where numbers are expected"])
    return points


def _number(text: str) -> float:
    bare = "".join(text.split())
    # whole numbers stay whole: elements of ranges are counted with them
    return int(bare) if bare.lstrip("+-").isdigit() else float(bare)


@cache
def safe_reader(form: Literal["vensim", "xmile"]) -> Any:
    """Return PySD's module that reads the equations of a format, made safe."""
    module = import_module(f"pysd.translators.{form}.{form}_element")
    vars(module)["eval"] = value
    return module


@contextmanager
def parsing(form: Literal["vensim", "xmile"], *failures: type[Exception]) -> Iterator[Any]:
    """Lend PySD's module that reads a format; Refused where it fails to parse, in one of these ways of its own too."""
    reader = safe_reader(form)
    # the parser library is PySD's affair: its errors are taken from where PySD uses it
    known = reader.parsimonious.exceptions
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield reader
    except (known.ParseError, known.VisitationError, ValueError, RecursionError, *failures) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise Refused([f"equation that cannot be parsed ({reason})"]) from error
