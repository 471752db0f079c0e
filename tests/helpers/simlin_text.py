"""Vensim's text as Simlin needs it."""

from __future__ import annotations

import re


def exact_zero(text: str) -> str:
    """Write `ZIDZ` and `XIDZ` out as Vensim and PySD mean them, for an engine that takes 0 alone for zero."""

    def arguments(begin: int) -> tuple[list[str], int]:
        parts, depth, last, at = [], 0, begin, begin
        while True:
            sign = text[at]
            if sign == ")" and not depth:
                return [*parts, text[last:at]], at + 1
            if sign == "," and not depth:
                parts.append(text[last:at])
                last = at + 1
            depth += {"(": 1, ")": -1}.get(sign, 0)
            at += 1

    while found := re.search(r"\b[XZ]IDZ\s*\(", text):
        (top, bottom, *other), end = arguments(found.end())
        instead = other[0] if other else "0"
        written_out = f"IF THEN ELSE(ABS({bottom}) < 1e-6, {instead}, ({top})/({bottom}))"
        text = text[: found.start()] + written_out + text[end:]
    return text
