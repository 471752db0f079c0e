"""Vensim equations through PySD's grammar, one at a time, so that every complaint can name its variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from stockflow.errors import InputError
from stockflow.language.definition import OPEN, Definition, Limits, Macro, Refused
from stockflow.language.literals import parsing
from stockflow.names import plain
from stockflow.numerals import number

# the limits of a table say how it is drawn: they are checked and taken out
_TABLE_LIMITS = re.compile(r"\(([\s\\]*)\[([^\]]*)\][\s\\]*,?")
_NUMBERS_ONLY = re.compile(r"[\s\\\d.,()eE+-]*")
# in parentheses of its own a negative number is the whole base of a power
NEGATIVE = re.compile(r'("(?:\\"|[^"])*")|\(\s*-\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*\)')
_MAPPED = re.compile(r'\(\s*("[^"]*"|[^:()]+?)\s*:\s*([^()]*)\)|("[^"]*"|[^,()]+)')
# the last element of a range such as (item1-item9)
_NUMBERED = re.compile(r"-\s*[^\W\d][^(),]*?(\d+)\s*\)")
_CONDITION = re.compile(r":THE\s+CONDITION:", re.IGNORECASE)
_IMPLIES = re.compile(r":IMPLIES:", re.IGNORECASE)
TEST_INPUT = re.compile(r"(.*?):TEST\s+INPUT:(.*)", re.IGNORECASE)
_LONGEST = 200_000
_DEEPEST_PARENTHESES = 40


@dataclass(slots=True)
class Parsed:
    """What the entries of a file define."""

    definitions: list[Definition] = field(default_factory=list)
    macros: dict[str, Macro] = field(default_factory=dict)
    ranges: dict[str, Sequence[str]] = field(default_factory=dict)
    mappings: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    imported: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One equation of a file: its three texts, its group, its line, and where its equation text stands."""

    equation: str
    unit: str
    documentation: str
    group: str
    start: int
    end: int
    line: int

    @property
    def key(self) -> str:
        """The compared form of the name the equation defines."""
        return plain(head(self.equation))


def head(equation: str) -> str:
    """Return the name that an equation defines."""
    found = re.match(r'\s*(?:"((?:\\"|[^"])*)"|([^=(\[:<]*))', equation)
    name = (found[2] if found[1] is None else found[1]) if found else ""
    return " ".join(name.split())


def parse(entries: Iterable[Entry]) -> Parsed:
    """Return what entries define; what cannot be parsed is a problem of its definition."""
    parsed = Parsed()
    copies: list[tuple[str, str]] = []
    for entry in entries:
        name = head(entry.equation)
        problems: list[str] = []
        unit, limits = entry.unit, OPEN
        try:
            unit, limits = unit_and_limits(entry.unit)
        except Refused as error:
            problems += error.items
        try:
            component = _component(entry.equation)
        except Refused as error:
            problems += error.items
            component = None
        kind = type(component).__name__
        if kind == "SubscriptRange":
            _range(parsed, copies, entry, component)
            continue
        if kind in {"Constraint", "TestInput"}:
            problems.append("constraint" if kind == "Constraint" else "test input")
        subscripts, exceptions = component.subscripts if component is not None and not problems else ((), ())
        left = (name, tuple(subscripts), tuple(tuple(one) for one in exceptions))
        tree = None if problems else component.ast
        texts = (unit, entry.documentation, entry.group)
        lookup = kind == "Lookup" or bool(getattr(component, "lookup", False))
        data = (component.keyword or "interpolate") if kind == "Data" else None
        parsed.definitions.append(Definition(*left, tree, *texts, limits, entry.line, lookup, data, tuple(problems)))
    for name, other in copies:
        parsed.ranges[name] = [other]
    return parsed


def _range(parsed: Parsed, copies: list[tuple[str, str]], entry: Entry, component: Any) -> None:
    if isinstance(component.definition, str):
        copies.append((component.name, component.definition))
        return
    if isinstance(component.definition, dict):
        parsed.imported[component.name] = component.definition
        return
    own, arrow, mapped = entry.equation.partition("->")
    if arrow:
        # PySD counts the elements of a mapping among the range's own
        component = _component(own)
    parsed.ranges[component.name] = list(component.definition)
    for found in _MAPPED.finditer(mapped):
        if found[3] is not None:
            if found[3].strip():
                parsed.mappings.append((component.name, found[3].strip(), []))
            continue
        others = [one.strip() for one in found[2].split(",")]
        if len(others) != len(component.definition):
            raise Refused([f"mapping to {found[1]!r} of another size (line {entry.line})"])
        parsed.mappings.append((component.name, found[1], list(zip(component.definition, others, strict=True))))


def _component(equation: str) -> Any:
    text = _harmless(equation)
    with parsing("vensim") as reader:
        component = reader.Element(equation=text, units="", documentation="").parse()
        if hasattr(component, "parse"):
            component.parse()
    return component


def bounded(equation: str) -> None:
    """Raise Refused for an equation that is too long or nested too deeply for the parser's stack."""
    if len(equation) > _LONGEST:
        raise Refused([f"equation of more than {_LONGEST} characters"])
    depths = accumulate((character == "(") - (character == ")") for character in equation)
    if max(depths, default=0) > _DEEPEST_PARENTHESES:
        raise Refused([f"more than {_DEEPEST_PARENTHESES} parentheses inside each other"])


def _harmless(equation: str) -> str:
    """Return an equation without what only says how a table is drawn, and within the stack of PySD's parser."""
    bounded(equation)
    if "=" not in equation:
        for numbered in _NUMBERED.finditer(equation):
            if len(numbered[1]) > 6:
                raise Refused([f"range of more than a million elements (up to number {numbered[1]})"])
    for limits in _TABLE_LIMITS.finditer(equation):
        if not _NUMBERS_ONLY.fullmatch(limits[2]):
            raise Refused([f"table limits [{limits[2]}] that are not numbers"])
    bare = _TABLE_LIMITS.sub(r"(\1", equation)
    if again := _TABLE_LIMITS.search(bare):
        raise Refused([f"table limits given twice ([{again[2]}])"])
    return NEGATIVE.sub(lambda found: found[1] or f"(0-{found[2]})", bare)


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
