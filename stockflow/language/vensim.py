"""Vensim's equations, one at a time, so that every complaint can name its variable: left sides, right sides, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stockflow.errors import InputError
from stockflow.language.definition import OPEN, Definition, Limits, Macro, Refused
from stockflow.language.equations import MISSING
from stockflow.language.parser import Parser, Token, pattern
from stockflow.language.tree import Call, Entries, Literal, Name, Output, Points, Text, Tree, Unfilled, WithTable, walk
from stockflow.names import plain
from stockflow.numerals import number

_LETTER = r"[^\x00-\x7f\s]"
_NAME = rf"(?:[^\W\d]|{_LETTER})(?:[\w'$]|{_LETTER})*(?:[\s\\]+(?:[\w'$]|{_LETTER})+)*"
_SPACED = r"[\s_]+"
_KEYWORDS = rf"INTERPOLATE|RAW|HOLD{_SPACED}BACKWARD|LOOK{_SPACED}FORWARD"
_SIGNS = rf":\s*(?:AND|OR|NOT|NA|EXCEPT|{_KEYWORDS})\s*:|<->|->|:=|==|<>|<=|>=|[-+*/^()\[\]=<>,;:!]"
_CONDITION = re.compile(r":THE\s+CONDITION:", re.IGNORECASE)
_IMPLIES = re.compile(r":IMPLIES:", re.IGNORECASE)
TEST_INPUT = re.compile(r"(.*?):TEST\s+INPUT:(.*)", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)([0-9]+)")
_MOST_ELEMENTS = 1_000_000
#: functions that give a table from a file
_TABLE_FILES = ("get direct lookups", "get xls lookups")
_SUBSCRIPT_FILES = ("get direct subscript", "get xls subscript")


@dataclass(frozen=True, slots=True)
class Listed:
    """A range whose elements stand in a file: between two cells of a sheet, with a prefix before each."""

    file: str
    tab: str
    first: str
    last: str
    prefix: str


@dataclass(slots=True)
class Parsed:
    """What the entries of a file define."""

    definitions: list[Definition] = field(default_factory=list)
    macros: dict[str, Macro] = field(default_factory=dict)
    ranges: dict[str, Sequence[str]] = field(default_factory=dict)
    mappings: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    imported: dict[str, Listed] = field(default_factory=dict)


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


def parse(entries: Iterable[Entry]) -> Parsed:
    """Return what entries define; what cannot be parsed is a problem of its definition."""
    parsed = Parsed()
    for entry in entries:
        problems: list[str] = []
        unit, limits = entry.unit, OPEN
        try:
            unit, limits = unit_and_limits(entry.unit)
        except Refused as error:
            problems += error.items
        left = _Left((), ())
        tree: Tree | None = None
        try:
            equation = _Equation(entry.raw, entry.line)
            found = equation.left(parsed)
            if found is None:
                continue
            left, tree = found, equation.right(found)
        except Refused as error:
            problems += error.items
        if problems:
            left, tree = _Left((), ()), None
        texts = (unit, entry.documentation, entry.group)
        lookup = left.lookup or (isinstance(tree, Call) and plain(tree.name) in _TABLE_FILES)
        data = (left.keyword or "interpolate") if left.data else None
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


@dataclass(slots=True)
class _Left:
    """A left side: subscripts, what is left out of them, and which sort of variable its sign makes."""

    subscripts: tuple[str, ...]
    exceptions: tuple[tuple[str, ...], ...]
    keyword: str = ""
    data: bool = False
    lookup: bool = False


class _Equation(Parser):
    """One entry: a left side first, then what it says."""

    pattern = pattern(_NAME, _SIGNS, r"[\s\\]")
    # :NOT: takes a whole comparison
    negation = 3

    def token(self, kind: str, text: str, start: int) -> Token:
        """Return a token; what stands between colons is named by its word."""
        if kind == "sign" and text[0] == ":" and len(text) > 2:
            word = "_".join(text.strip(":").replace("_", " ").split()).lower()
            return Token(word if word in {"and", "or", "not", "na", "except"} else "keyword", word, start)
        return super().token(kind, text, start)

    def left(self, parsed: Parsed) -> _Left | None:
        """Read a left side; None for a range, which is then in `parsed`."""
        name = self.name()
        left = _Left(self.subscripts() if self.kind == "[" else (), ())
        if self.skip("except"):
            groups = [self.subscripts()]
            while self.skip(","):
                groups.append(self.subscripts())
            left.exceptions = tuple(groups)
        match self.kind:
            case ":":
                self._range(parsed, name)
                return None
            case "<->":
                self.take("<->")
                parsed.ranges[name] = [self.name()]
                self.end()
                return None
            case "(":
                left.lookup = True
                return left
            case "keyword":
                left.keyword = self.take("keyword")
        left.data = bool(left.keyword) or self.kind in {":=", "end"}
        if self.kind != "end" and not self.skip("=="):
            self.take(":=" if left.data else "=")
        return left

    def right(self, left: _Left) -> Tree:
        """Read what a left side says."""
        found: list[Tree] = []
        if left.lookup:
            self.inside("(", ")", lambda: found.append(self._table()))
        elif left.data and self.kind == "end":
            return Unfilled()
        else:
            found.append(self.expression())
            while self.skip(",") or self.skip(";"):
                if self.kind == "end":
                    break
                found.append(self.expression())
        self.end()
        return found[0] if len(found) == 1 else Entries(tuple(found))

    def atom(self) -> Tree:
        """Return a number, name, call or parenthesis; also what is missing, or named by a text."""
        if self.skip("na"):
            return Literal(MISSING)
        if self.kind == "text":
            return Text(self.take("text")[1:-1])
        return super().atom()

    def named(self) -> Tree:
        """Return a name or a call; tables and lists of numbers are calls of their own kind."""
        following = self.tokens[self.at + 1].kind
        name = plain(self.tokens[self.at].text) if following == "(" else ""
        found: list[Tree] = []
        if name == "with lookup":
            self.take("name")
            self.inside("(", ")", lambda: found.append(self._with_lookup()))
            return found[0]
        if name == "tabbed array":
            self.take("name")
            self.inside("(", ")", lambda: found.append(self._tabbed()))
            return found[0]
        return super().named()

    def arguments(self, arguments: list[Tree], outputs: list[Name]) -> None:
        """Read the arguments of a call, and after a colon the names of a macro's further results."""
        super().arguments(arguments, outputs)
        if self.skip(":"):
            outputs.append(self._output())
            while self.skip(","):
                outputs.append(self._output())

    def _output(self) -> Name:
        return Name(self.name(), self.subscripts() if self.kind == "[" else ())

    def _with_lookup(self) -> Tree:
        argument = self.expression()
        self.take(",")
        found: list[Tree] = []
        self.inside("(", ")", lambda: found.append(self._table()))
        points = found[0]
        if not isinstance(points, Points):
            raise Refused(["WITH LOOKUP without points"])
        return WithTable(argument, points)

    def _tabbed(self) -> Tree:
        found: list[Tree] = []
        while self.kind != ")":
            found.append(Literal(self.signed()))
        return Entries(tuple(found))

    def _table(self) -> Tree:
        """Return the points of a table, or the call that takes them from a file, up to its closing parenthesis."""
        if self.kind == "name":
            call = self.named()
            if isinstance(call, Call) and plain(call.name) in _TABLE_FILES:
                return call
            raise Refused(["table without points"])
        if self.kind == "[":
            self._table_limits()
            self.skip(",")
        points = self._pairs() if self.kind == "(" else self._halves()
        points.sort(key=lambda one: one[0])
        return Points(tuple(x for x, _ in points), tuple(y for _, y in points))

    def _table_limits(self) -> None:
        """Read past the limits of a table, which say how it is drawn."""
        start = self.tokens[self.at].start
        self.take("[")
        while self.kind in {"number", "(", ")", ",", "-", "+"}:
            self.at += 1
        if self.kind != "]":
            stop = self.text.find("]", start)
            inside = " ".join(self.text[start + 1 : stop if stop > 0 else None].split())
            raise Refused([f"table limits [{inside}] that are not numbers"])
        self.take("]")

    def _pairs(self) -> list[tuple[float, float]]:
        """Return points (x,y), with commas between them or without."""
        points: list[tuple[float, float]] = []

        def pair() -> None:
            x = self.signed()
            self.take(",")
            points.append((x, self.signed()))

        while self.kind == "(":
            self.inside("(", ")", pair)
            self.skip(",")
        if self.kind == "[":
            raise Refused(["table limits given twice"])
        return points

    def _halves(self) -> list[tuple[float, float]]:
        """Return points written as all x and then all y."""
        values = [self.signed()]
        while self.skip(","):
            values.append(self.signed())
        if len(values) % 2:
            raise Refused([f"table of {len(values)} numbers, which are not as many x as y,"])
        half = len(values) // 2
        return list(zip(values[:half], values[half:], strict=True))

    def _range(self, parsed: Parsed, name: str) -> None:
        """Read the elements of a range and what they are mapped to."""
        self.take(":")
        if self.kind == "name" and plain(self.tokens[self.at].text) in _SUBSCRIPT_FILES:
            call = self.named()
            texts = [one.value for one in call.arguments if isinstance(one, Text)] if isinstance(call, Call) else []
            if len(texts) != 5:
                raise Refused([f"range from a file by {len(texts)} texts, not 5"])
            parsed.imported[name] = Listed(*texts)
        else:
            elements = self._elements()
            parsed.ranges[name] = elements
            while self.skip("->") or self.skip(","):
                self._mapping(parsed, name, elements)
        self.end()

    def _elements(self) -> list[str]:
        found: list[str] = []
        while True:
            if self.kind == "(":
                self.inside("(", ")", lambda: found.extend(self._numbered()))
            else:
                found.append(self.subscript())
            if not self.skip(","):
                return found

    def _numbered(self) -> list[str]:
        """Return the elements of a range such as (item1-item9)."""
        first = self.name()
        self.take("-")
        ends = [_NUMBERED.fullmatch(one) for one in (first, self.name())]
        if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1]:
            raise Refused(["range between elements that are not one name with two numbers"])
        low, high = int(ends[0][2][:12]), int(ends[1][2][:12])
        if high > _MOST_ELEMENTS:
            raise Refused([f"range of more than a million elements (up to number {ends[1][2]})"])
        if low >= high:
            raise Refused([f"range from number {low} to {high}, which is not above it"])
        return [f"{ends[0][1]}{one}" for one in range(low, high + 1)]

    def _mapping(self, parsed: Parsed, name: str, elements: Sequence[str]) -> None:
        if self.kind != "(":
            parsed.mappings.append((name, self.name(), []))
            return

        def read() -> None:
            other = self.name()
            self.take(":")
            others = self._elements()
            if len(others) != len(elements):
                raise Refused([f"mapping to {other!r} of another size"])
            parsed.mappings.append((name, other, list(zip(elements, others, strict=True))))

        self.inside("(", ")", read)


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
