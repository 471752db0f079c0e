"""The hand-written model text: groups of Vensim equations, with a mark where a driver is filled in.

A part is plain Vensim (`name= expression ~ unit [low,high] ~ comment |`) except that the right-hand side of
a driver reads `@driver` (its points stand in a CSV file under its own name) or
`@driver feed in tariff at Time+anticipation horizon` (another driver's points, read at another time).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.numerals import number

MARK = "@driver"
_BLOCK = re.compile(r"[^|]*\|")
_HEADER = re.compile(r"\*{3,}\s*\n\s*\.(?P<name>[^\n]+?)\s*\n\*{3,}~\s*\|")
_EQUATION = re.compile(r"(?P<name>[A-Za-z][\w ]*?)\s*=\s*(?P<expression>[^~]*)~(?P<unit>[^~]*)~(?P<comment>[^~|]*)\|")
_LIMITS = re.compile(r"(?P<unit>[^\[]*)(?:\[(?P<low>[^,\]]*),(?P<high>[^,\]]*)\])?")
_TOKEN = re.compile(r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<word>[A-Za-z]\w*(?: +\w+)*)\s*(?P<call>\(?)")
_BUILTIN = {"time", "initial time", "final time", "time step", "saveper"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One equation or driver of a part; `text` is what the file holds, the other fields are its pieces."""

    name: str
    expression: str
    unit: str
    limits: tuple[float | None, float | None]
    comment: str
    place: str
    text: str

    @property
    def is_driver(self) -> bool:
        """Whether the build fills in the right-hand side from a CSV file."""
        return self.expression.startswith(MARK)

    @property
    def read_at(self) -> tuple[str, str]:
        """Return (driver whose points are read, time at which they are read) of a driver entry."""
        spec = self.expression.removeprefix(MARK).strip()
        name, found, when = spec.partition(" at ")
        return (name.strip(), when.strip()) if found else (spec or self.name, "Time")


@dataclass(frozen=True, slots=True)
class Group:
    """A sector of the model: its heading without the leading dot, and its entries in file order."""

    name: str
    entries: tuple[Entry, ...]


def read_part(path: Path) -> tuple[Group, ...]:
    """Read a part file; raises InputError naming the file and the text that is not Vensim as used here."""
    text = read_text(path)
    groups: list[tuple[str, list[Entry]]] = []
    end = 0
    for block in _BLOCK.finditer(text):
        body, end = block.group().strip(), block.end()
        heading = _HEADER.fullmatch(body)
        if heading:
            groups.append((heading["name"], []))
        elif not groups:
            raise InputError(f"{path}: text before the first group heading: {_short(body)!r}")
        else:
            groups[-1][1].append(_entry(body, path))
    if text[end:].strip():
        raise InputError(f"{path}: no closing '|' after {_short(text[end:])!r}")
    return tuple(Group(name, tuple(entries)) for name, entries in groups)


def names_used(expression: str) -> tuple[str, ...]:
    """Return the variable names in a Vensim expression, in order of appearance, without functions and time."""
    found = (match for match in _TOKEN.finditer(_joined(expression)) if match["word"] and not match["call"])
    names = (" ".join(match["word"].split()) for match in found)
    return tuple(dict.fromkeys(name for name in names if name.casefold() not in _BUILTIN | {"and", "or", "not"}))


def _entry(body: str, path: Path) -> Entry:
    match = _EQUATION.fullmatch(body)
    if not match:
        raise InputError(f"{path}: not of the form 'name= expression ~ unit ~ comment': {_short(body)!r}")
    name = " ".join(match["name"].split())
    unit, limits = _unit(_joined(match["unit"]), f"{path}: {name}")
    comment, expression = _joined(match["comment"]), _joined(match["expression"])
    return Entry(name, expression, unit, limits, comment, path.name, body)


def _unit(text: str, place: str) -> tuple[str, tuple[float | None, float | None]]:
    match = _LIMITS.fullmatch(text)
    if not match or not match["unit"].strip():
        raise InputError(f"{place}: unit {text!r} is not 'unit' or 'unit [low,high]'")
    if match["low"] is None:
        return match["unit"].strip(), (None, None)
    return match["unit"].strip(), (_bound(match["low"], place), _bound(match["high"], place))


def _bound(text: str, place: str) -> float | None:
    if text.strip() == "?":
        return None
    return number(text, f"{place}: limit, unless it is '?',")


def _joined(text: str) -> str:
    return " ".join(re.sub(r"\\\n", " ", text).split())


def _short(text: str) -> str:
    return _joined(text)[:60]
