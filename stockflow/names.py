"""How names are compared: without case, and with a space and an underscore being the same."""

from __future__ import annotations

import functools


@functools.lru_cache(maxsize=100_000)
def plain(name: str) -> str:
    """Return the form in which two spellings of one name are equal.

    Quotes and the spaces around the brackets and commas of subscripts do not count.
    """
    words = " ".join(name.replace('"', " ").replace("_", " ").split()).casefold()
    if "[" in words or "]" in words or "," in words:
        for sign in "[],":
            words = words.replace(f" {sign}", sign).replace(f"{sign} ", sign)
    return words
