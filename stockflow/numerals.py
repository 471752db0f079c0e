"""Numbers as people write them in cells, settings and options: the one rule of what a text counts for."""

from __future__ import annotations

import math
import re
import unicodedata

from stockflow.errors import InputError

UNSIGNED = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMERAL = re.compile(rf"[+-]?{UNSIGNED}")
_ENDLESS = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_MINUS = str.maketrans(dict.fromkeys("\N{MINUS SIGN}\N{EN DASH}\N{HYPHEN}\N{NON-BREAKING HYPHEN}", "-"))


def as_number(text: str) -> float | None:
    """Return the finite number that `text` is, None if it is none.

    A number is digits 0 to 9 with at most one point, a sign before and an exponent `e5` behind if wanted; spaces around
    it do not count. Nothing separates digits: `9_1`, `1,000` and `1 000` are no numbers, nor are digits and signs of
    other scripts, `nan`, `inf` and what no float holds, as `1e400`.
    """
    bare = text.strip()
    value = float(bare) if _NUMERAL.fullmatch(bare) else math.nan
    return value if math.isfinite(value) else None


def number(text: str, what: str = "") -> float:
    """Return the number that `text` is, as `as_number` has it; InputError says `what` is none, and how to write it."""
    value = as_number(text)
    if value is None:
        raise InputError(f"{what} {text.strip()!r} is {_why_not(text.strip())}".strip())
    return value


def _why_not(text: str) -> str:
    if _ENDLESS.fullmatch(text) or _NUMERAL.fullmatch(text):
        return "not a finite number"
    plain = unicodedata.normalize("NFKC", text).translate(_MINUS)
    if "," in plain and _NUMERAL.fullmatch(plain.replace(",", "")):
        return "not a number: a comma stands neither for a decimal point nor between thousands"
    plain = re.sub(r"[_\s']", "", plain)
    return f"not a number: write {plain}" if _NUMERAL.fullmatch(plain) else "not a number"
