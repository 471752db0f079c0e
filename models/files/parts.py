"""The hand-written model text: groups of Vensim equations, with a mark where a driver is filled in.

A part is plain Vensim (`name= expression ~ unit [low,high] ~ comment |`) except that the right-hand side of
a driver reads `@driver` (its points stand in a CSV file under its own name) or
`@driver feed in tariff at Time+anticipation horizon` (another driver's points, read at another time).
"""

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.language.source import Source
from stockflow.language.tree import Refused
from stockflow.language.vensim import entries as vensim

MARK = "@driver"
_EQUATION = re.compile(r"(?P<name>[A-Za-z][\w ]*?)\s*=\s*(?P<expression>.*)")
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
    """Read a part file; raises InputError naming file and line of the text that is not Vensim as used here."""
    text = read_text(path)
    if alien := re.search(r"(?i)\\\\\\---|:macro:", text):
        raise InputError(f"{path}: {alien[0]!r} does not belong in a part: it holds equations alone")
    groups = []
    for group, found in groupby(Source(str(path), text).entries(), lambda one: one.group):
        entries = tuple(_entry(one, text[one.start : text.index("|", one.end) + 1].strip(), path) for one in found)
        if not group:
            raise InputError(f"{path}: text before the first group heading: {entries[0].text[:60]!r}")
        groups.append(Group(group, entries))
    return tuple(groups)


def names_used(expression: str) -> tuple[str, ...]:
    """Return the variable names in a Vensim expression, in order of appearance, without functions and time."""
    found = (match for match in _TOKEN.finditer(expression) if match["word"] and not match["call"])
    names = (" ".join(match["word"].split()) for match in found)
    return tuple(dict.fromkeys(name for name in names if name.casefold() not in _BUILTIN | {"and", "or", "not"}))


def _entry(found: vensim.Entry, text: str, path: Path) -> Entry:
    match, place = _EQUATION.fullmatch(found.equation), f"{path}: line {found.line}"
    if not match:
        raise InputError(f"{place}: not of the form 'name= expression ~ unit ~ comment': {found.equation[:60]!r}")
    try:
        unit, limits = vensim.unit_and_limits(found.unit)
    except Refused as error:
        raise InputError(f"{place}: {match['name']}: {error}; expected 'unit' or 'unit [low,high]'") from None
    if not unit:
        raise InputError(f"{place}: {match['name']}: has no unit")
    return Entry(match["name"], match["expression"], unit, limits, found.documentation, path.name, text)
