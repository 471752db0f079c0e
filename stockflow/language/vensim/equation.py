"""Equations of Vensim: left sides with their subscripts and keywords, right sides, tables, ranges and mappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stockflow.language.definition import MOST_ELEMENTS, Listed, Parsed
from stockflow.language.operations import MISSING
from stockflow.language.parser import Parser, Token, pattern
from stockflow.language.tree import Call, Entries, Literal, Name, Points, Refused, Text, Tree, Unfilled, WithTable
from stockflow.names import plain

_LETTER = r"[^\x00-\x7f\s]"
_NAME = rf"(?:[^\W\d]|{_LETTER})(?:[\w'$]|{_LETTER})*(?:[\s\\]+(?:[\w'$]|{_LETTER})+)*"
_SPACED = r"[\s_]+"
_KEYWORDS = rf"INTERPOLATE|RAW|HOLD{_SPACED}BACKWARD|LOOK{_SPACED}FORWARD"
_SIGNS = rf":\s*(?:AND|OR|NOT|NA|EXCEPT|{_KEYWORDS})\s*:|<->|->|:=|==|<>|<=|>=|[-+*/^()\[\]=<>,;:!]"
_DIGITS = "0123456789"
#: functions that give a table from a file
TABLE_FILES = ("get direct lookups", "get xls lookups")
_SUBSCRIPT_FILES = ("get direct subscript", "get xls subscript")


@dataclass(slots=True)
class Left:
    """A left side: subscripts, what is left out of them, and which sort of variable its sign makes."""

    subscripts: tuple[str, ...]
    exceptions: tuple[tuple[str, ...], ...]
    keyword: str = ""
    data: bool = False
    lookup: bool = False


class Equation(Parser):
    """One entry: a left side first, then what it says."""

    pattern = pattern(_NAME, _SIGNS, r"[\s\\]")
    # :NOT: takes a whole comparison
    negation = 3
    missing = MISSING

    def token(self, kind: str, text: str, start: int) -> Token:
        """Return a token; what stands between colons is named by its word."""
        if kind == "sign" and text[0] == ":" and len(text) > 2:
            word = "_".join(text.strip(":").replace("_", " ").split()).lower()
            return Token(word if word in {"and", "or", "not", "na", "except"} else "keyword", word, start)
        return super().token(kind, text, start)

    def left(self, parsed: Parsed) -> Left | None:
        """Read a left side; None for a range, which is then in `parsed`."""
        name = self.name()
        left = Left(self.subscripts() if self.kind == "[" else (), ())
        if self.skip("except"):
            left.exceptions = tuple(self.listed(self.subscripts))
        match self.kind:
            case ":":
                self._range(parsed, name)
                return None
            case "<->":
                self.take("<->")
                parsed.add_range(name, [self.name()])
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

    def right(self, left: Left) -> Tree:
        """Read what a left side says."""
        if left.data and self.kind == "end":
            return Unfilled()
        tree = self.inside("(", ")", self._table) if left.lookup else self.whole()
        self.end()
        return tree

    def atom(self) -> Tree:
        """Return a number, name, call or parenthesis; also what is missing, or named by a text."""
        if self.skip("na"):
            return Literal(self.missing)
        if self.kind == "text":
            return Text(self.take("text")[1:-1])
        return super().atom()

    def named(self) -> Tree:
        """Return a name or a call; tables and lists of numbers are calls of their own kind."""
        name = plain(self.tokens[self.at].text) if self.tokens[self.at + 1].kind == "(" else ""
        read = {"with lookup": self._with_lookup, "tabbed array": self._tabbed}.get(name)
        if read is None:
            return super().named()
        self.take("name")
        return self.inside("(", ")", read)

    def arguments(self) -> tuple[list[Tree], list[Name]]:
        """Return the arguments of a call, and after a colon the names of a macro's further results."""
        arguments, _ = super().arguments()
        return arguments, self.listed(self._output) if self.skip(":") else []

    def _output(self) -> Name:
        return Name(self.name(), self.subscripts() if self.kind == "[" else ())

    def _with_lookup(self) -> Tree:
        argument = self.expression()
        self.take(",")
        points = self.inside("(", ")", self._table)
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
            if isinstance(call, Call) and plain(call.name) in TABLE_FILES:
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
        while self.kind == "(":
            point = self.inside("(", ")", lambda: self.listed(self.signed))
            if len(point) != 2:
                raise self.here(f"a point has an x and a y, but one here has {len(point)} numbers")
            points.append((point[0], point[1]))
            self.skip(",")
        if self.kind == "[":
            raise Refused(["table limits given twice"])
        return points

    def _halves(self) -> list[tuple[float, float]]:
        """Return points written as all x and then all y."""
        values = self.listed(self.signed)
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
            parsed.imported.append((name, Listed(*texts)))
        else:
            elements = self._elements()
            parsed.add_range(name, elements)
            while self.skip("->") or self.skip(","):
                self._mapping(parsed, name, elements)
        self.end()

    def _elements(self) -> list[str]:
        found: list[str] = []
        while True:
            if self.kind == "(":
                stem, numbers = self.inside("(", ")", self._numbered)
                if len(found) + len(numbers) > MOST_ELEMENTS:
                    raise Refused([f"range of more than {MOST_ELEMENTS} elements (up to number {numbers[-1]})"])
                found += (f"{stem}{one}" for one in numbers)
            else:
                found.append(self.subscript())
            if not self.skip(","):
                return found

    def _numbered(self) -> tuple[str, range]:
        """Return the name and the numbers of elements such as (item1-item9)."""
        first = self.name()
        self.take("-")
        ends = [(one.rstrip(_DIGITS), one) for one in (first, self.name())]
        numbers = [one[len(stem) :] for stem, one in ends]
        if ends[0][0] != ends[1][0] or not all(numbers):
            raise Refused(["range between elements that are not one name with two numbers"])
        low, high = (int(one[:12]) for one in numbers)
        if low >= high:
            raise Refused([f"range from number {low} to {high}, which is not above it"])
        return ends[0][0], range(low, high + 1)

    def _mapping(self, parsed: Parsed, name: str, elements: Sequence[str]) -> None:
        if self.kind != "(":
            parsed.mappings.append((name, self.name(), []))
            return
        self.take("(")
        other = self.name()
        self.take(":")
        others = self._elements()
        if len(others) != len(elements):
            raise Refused([f"mapping to {other!r} of another size"])
        parsed.mappings.append((name, other, list(zip(elements, others, strict=True))))
        self.take(")")
