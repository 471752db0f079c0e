"""Errors in the language spoken: the layers say them in English, and the catalogue's templates are found in them.

What is filled in, as names of files, places and values, stays as it was typed, unless it is such a message itself;
and so does the name of a place before it. A message that no template fits stays English.
"""

import re
from functools import cache

from analysis.plain.language import language, reasons, translated

_FIELD = re.compile(r"\{(\d+)(!r)?\}")
# as Python shows a text, a list or an error, a number
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\w*[\[({].*?[\])}]|[\w.+-]+"""

_ROW = re.compile(r" (?:row|line) (\d+)$")


def message(text: str) -> str:
    """Return what an error says in the language spoken."""
    return text if language() == "en" else _found(text) or text


def _found(text: str) -> str | None:
    for said, pattern, template in _patterns():
        if said in text and (fields := pattern.fullmatch(text)) is not None:
            told = (message(one) for one in fields.groups())
            return translated(template).replace("!r}", "}").format(*told)
    place, apart, rest = text.partition(": ")
    found = _found(rest) if apart else None
    return None if found is None else _ROW.sub(r"第\1行", place) + f"：{found}"


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str]]:
    """Return the longest words of each template, what finds it and its fields, and it; the most literal one first."""
    by_letters = sorted(reasons(), key=lambda one: -len(_FIELD.sub("", one)))
    return [(_bare(max(_FIELD.split(one)[::3], key=len)), re.compile(_pattern(one)), one) for one in by_letters]


def _bare(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def _pattern(template: str) -> str:
    """Return the pattern of a template; no field before its first word holds a place, which would stand before it."""
    pieces = _FIELD.split(template)  # text, number, whether quoted, text, ...
    found, spoken = "", False
    for text, number, quoted in zip(pieces[::3], [*pieces[1::3], ""], [*pieces[2::3], None], strict=True):
        spoken = spoken or re.search("[A-Za-z]", text) is not None
        plain = ".*?" if spoken else "(?:(?!: ).)*?"
        field = _QUOTED if quoted else plain if text or not found else "(?:;.*?)?"  # a hint behind a value
        found += re.escape(_bare(text)) + (f"({field})" if number else "")
    return found
