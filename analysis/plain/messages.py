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

_LONGEST, _DEEPEST, _PLACES = 2000, 4, 8  # letters of a message, parts within parts, places before a reason
_HINT = re.compile(r"(.*) (\(see `[^`]*`\))", re.DOTALL)  # what a command says behind an error of its options
_REASON = re.compile(r"(?<=[:;] )\{\d+\}|\{\d+\}(?=\)?$|\{)|^\{\d+\}(?= \()")  # what may be a message itself
_ROW = re.compile(r" (?:row|line) (\d+)$")


def message(text: str) -> str:
    """Return what an error says in the language spoken; one too long to be a sentence stays as it is."""
    return text if language() == "en" or len(text) > _LONGEST else _told(text, 0)


def _told(text: str, depth: int) -> str:
    if (parts := _HINT.fullmatch(text)) is not None and not depth:
        said, hint = (_found(one, 1) for one in (parts[1], f"x {parts[2]}"))
        if said and hint:
            return said + hint.removeprefix("x")
    return _found(text, depth) or text


def _found(text: str, depth: int, places: int = 0) -> str | None:
    """Return a message as its template is translated.

    A template that begins with a value comes after the reason behind a place: a place may be any words.
    Of what is filled in, a reason at the end or behind a colon is told, too.
    """
    if depth > _DEEPEST or places > _PLACES:
        return None
    place, apart, rest = text.partition(": ")
    found = _filled(text, depth, first=False)
    if found is None and apart and (reason := _found(rest, depth, places + 1)) is not None:
        return _ROW.sub(r"第\1行", place) + f"：{reason}"
    return _filled(text, depth, first=True) if found is None else found


def _filled(text: str, depth: int, first: bool) -> str | None:
    """Return a message by a template that begins with a value (`first`), or by one that does not."""
    for said, pattern, template in _patterns()[first]:
        if said in text and (fields := pattern.fullmatch(text)) is not None:
            parts = {match.start() for match in _REASON.finditer(template)}
            inside = [match.start() in parts for match in _FIELD.finditer(template)]
            told = (_told(one, depth + 1) if part else one for part, one in zip(inside, fields.groups(), strict=True))
            return translated(template).replace("!r}", "}").format(*told)
    return None


@cache
def _patterns() -> tuple[list[tuple[str, re.Pattern[str], str]], list[tuple[str, re.Pattern[str], str]]]:
    """Return the longest words of each template, what finds it and its fields, and it; the most literal one first.

    Those that begin with a value stand apart.
    """
    found: tuple[list[tuple[str, re.Pattern[str], str]], list[tuple[str, re.Pattern[str], str]]] = ([], [])
    for one in sorted(reasons(), key=lambda one: -len(_FIELD.sub("", one))):
        longest = _bare(max(_FIELD.split(one)[::3], key=len))
        found[one.startswith("{0") and ": " not in one].append((longest, re.compile(_pattern(one)), one))
    return found


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
