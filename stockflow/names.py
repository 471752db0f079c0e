"""How names are compared: without case, and with a space and an underscore being the same."""

from __future__ import annotations


def plain(name: str) -> str:
    """Return the form in which two spellings of one name are equal."""
    return " ".join(name.strip().strip('"').replace("_", " ").split()).casefold()
