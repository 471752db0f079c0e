"""How names are compared: without case, and with a space and an underscore being the same."""

from __future__ import annotations

import functools
import re

_BRACKETS = re.compile(r"\s*([\[\],])\s*")


@functools.lru_cache(maxsize=100_000)
def plain(name: str) -> str:
    """Return the form in which two spellings of one name are equal.

    Quotes and the spaces around the brackets and commas of subscripts do not count.
    """
    words = " ".join(name.replace('"', " ").replace("_", " ").split()).casefold()
    return _BRACKETS.sub(r"\1", words)
