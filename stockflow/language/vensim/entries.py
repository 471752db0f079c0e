"""Vensim's entries, one at a time, so that every complaint can name its variable: what they define, units, limits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stockflow.errors import InputError
from stockflow.language.definition import OPEN, Definition, Limits, Parsed
from stockflow.language.tree import Call, Output, Refused, Tree, walk
from stockflow.language.vensim.equation import TABLE_FILES, Equation, Left
from stockflow.names import plain
from stockflow.numerals import number

_CONDITION = re.compile(r":THE\s+CONDITION:", re.IGNORECASE)
_IMPLIES = re.compile(r":IMPLIES:", re.IGNORECASE)
TEST_INPUT = re.compile(r"(.*?):TEST\s+INPUT:(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One equation of a file: its three texts, its group, its line, and where its equation text stands.

    `raw` is the equation with its own line ends, which complaints count.
    """

    equation: str
    unit: str
    documentation: str
    group: str
    start: int
    end: int
    line: int
    raw: str

    @property
    def key(self) -> str:
        """The compared form of the name the equation defines."""
        return plain(head(self.equation))


def head(equation: str) -> str:
    """Return the name that an equation defines."""
    found = re.match(r'\s*(?:"((?:\\"|[^"])*)"|([^=(\[:<]*))', equation)
    name = (found[2] if found[1] is None else found[1]) if found else ""
    return " ".join(name.split())


def parse(entries: Iterable[Entry], reads: type[Equation] = Equation) -> Parsed:
    """Return what entries define, as `reads` has it; what cannot be parsed is a problem of its definition."""
    parsed = Parsed()
    for entry in entries:
        problems: list[str] = []
        unit, limits = entry.unit, OPEN
        try:
            unit, limits = unit_and_limits(entry.unit)
        except Refused as error:
            problems += error.items
        left = Left((), ())
        tree: Tree | None = None
        try:
            equation = reads(entry.raw, entry.line)
            found = equation.left(parsed)
            if found is None:
                continue
            left, tree = found, equation.right(found)
        except Refused as error:
            problems += error.items
        if problems:
            left, tree = Left((), ()), None
        texts = (unit, entry.documentation, entry.group)
        lookup = left.lookup or (isinstance(tree, Call) and plain(tree.name) in TABLE_FILES)
        data = (left.keyword or "") if left.data else None
        calls = [one for one in walk(tree) if isinstance(one, Call) and one.outputs] if tree else []
        parsed.definitions += [
            Definition(output.name, output.subscripts, (), Output(one, place), line=entry.line, group=entry.group)
            for one in calls
            for place, output in enumerate(one.outputs)
        ]
        parsed.definitions.append(
            Definition(
                head(entry.equation),
                left.subscripts,
                left.exceptions,
                tree,
                *texts,
                limits,
                entry.line,
                lookup,
                data,
                tuple(problems),
            )
        )
    return parsed


def unit_and_limits(text: str) -> tuple[str, Limits]:
    """Split `Dmnl [0,1]` into the unit and the bounds; `?` is an open bound, a third number a step."""
    found = re.fullmatch(r"([^\[\]]*)(?:\[([^\[\]]*)\])?", text)
    if found is None:
        raise Refused([f"unit {text!r}"])
    if found[2] is None:
        return found[1].strip(), OPEN
    bounds = [part.strip() for part in found[2].split(",")]
    try:
        values = [None if part in {"?", ""} else number(part) for part in bounds[:2]]
    except InputError as error:
        raise Refused([f"limits [{found[2]}]"]) from error
    low, high = (*values, None, None)[:2]
    if low is not None and high is not None and low > high:
        raise Refused([f"limits [{found[2]}], which are empty,"])
    return found[1].strip(), (low, high)


def rule_of(equation: str) -> tuple[str, str, str] | None:
    """Return name, condition and consequence of a reality check; None if the text is none."""
    begin = _CONDITION.search(equation)
    end = _IMPLIES.search(equation, begin.end()) if begin else None
    if begin is None or end is None:
        return None
    return equation[: begin.start()], equation[begin.end() : end.start()], equation[end.end() :]
