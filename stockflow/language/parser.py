"""Text of an equation to tokens, and tokens to a syntax tree by precedence: what both dialects share.

Operators of one precedence in a row become one node, so that long sums are no deep trees.  What cannot be read is
refused with the place where it stands and what is missing there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stockflow.language.tree import Call, Chain, Entries, Literal, Name, Prefix, Refused, Tree
from stockflow.numerals import UNSIGNED

LONGEST = 200_000
DEEPEST = 40
#: binding of what stands between operands: all of one binding in a row are one chain
COMPARISON, SUM, PRODUCT, SIGN, POWER = 4, 5, 6, 7, 8
BINDING: Mapping[str, int] = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys("+-", SUM),
    **dict.fromkeys(("*", "/", "//", "mod"), PRODUCT),
    "^": POWER,
}
QUOTED = r'"(?:\\"|[^"\\]|\\(?!"))*"'
_SHOWN = 24
_Read = TypeVar("_Read")


@dataclass(slots=True)
class Token:
    """A piece of an equation: `kind` is its sort (number, name, text) or, for a sign, the sign itself."""

    kind: str
    text: str
    start: int


def pattern(names: str, signs: str, space: str) -> re.Pattern[str]:
    """Return what cuts a dialect into tokens; a comment in braces is space."""
    return re.compile(
        rf"(?P<space>(?:{space}|\{{[^{{}}]*\}})+)|(?P<number>{UNSIGNED})|(?P<name>{QUOTED}|{names})"
        rf"|(?P<text>'[^']*')|(?P<sign>{signs})",
        re.IGNORECASE,
    )


class Parser:
    """Reads one equation; the dialects set how it is cut, and which function has arguments of its own kind."""

    pattern: re.Pattern[str]
    #: binding of the operand after a logical negation, and of what stands between operands
    negation = SIGN
    binding: Mapping[str, float] = BINDING

    def __init__(self, text: str, line: int = 0) -> None:
        if len(text) > LONGEST:
            raise Refused([f"equation of more than {LONGEST} characters"])
        self.text, self.line = text, line
        self.depth = 0
        self.tokens = self._tokens()
        self.at = 0

    def _tokens(self) -> list[Token]:
        found, at = [], 0
        match = self.pattern.match
        while at < len(self.text):
            one = match(self.text, at)
            if one is None:
                raise self.wrong(at, "no name, number or sign begins so")
            kind = one.lastgroup or ""
            if kind != "space":
                found.append(self.token(kind, one[0], at))
            at = one.end()
        found.append(Token("end", "", len(self.text)))
        return found

    def token(self, kind: str, text: str, start: int) -> Token:
        """Return a token; signs are their own kind."""
        return Token(text if kind == "sign" else kind, text, start)

    def line_of(self, start: int) -> int:
        """Return the line in the file of a place in the equation."""
        return self.line + self.text.count("\n", 0, start)

    def wrong(self, start: int, why: str) -> Refused:
        """Return the refusal of an equation at a place in its text."""
        rest = " ".join(self.text[start:].split())
        shown = f"at {rest[:_SHOWN] + '...' * (len(rest) > _SHOWN)!r}" if rest else "at its end"
        line = self.line_of(start)
        place = f"line {line}, {shown}" if line != self.line else shown
        return Refused([f"equation that cannot be parsed ({place}: {why})"])

    def here(self, why: str) -> Refused:
        """Return the refusal of an equation at the token that comes next."""
        return self.wrong(self.tokens[self.at].start, why)

    @property
    def kind(self) -> str:
        """The kind of the token that comes next."""
        return self.tokens[self.at].kind

    def take(self, kind: str) -> str:
        """Return the text of the next token, which must be of a kind, and go on."""
        token = self.tokens[self.at]
        if token.kind != kind:
            raise self.here(f"{_WORDS.get(kind, repr(kind))} is missing")
        self.at += 1
        return token.text

    def skip(self, kind: str) -> bool:
        """Go on if the next token is of a kind; say whether it was."""
        if self.kind != kind:
            return False
        self.at += 1
        return True

    def inside(self, opening: str, closing: str, read: Callable[[], _Read]) -> _Read:
        """Return what is read between two signs."""
        self.take(opening)
        result = self.deeper(read)
        self.take(closing)
        return result

    def deeper(self, read: Callable[[], _Read]) -> _Read:
        """Return what is read inside something else; Refused if too much is inside each other."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Refused([f"more than {DEEPEST} parentheses, signs or choices inside each other"])
        result = read()
        self.depth -= 1
        return result

    def listed(self, read: Callable[[], _Read]) -> list[_Read]:
        """Return what is read one by one, with commas between."""
        found = [read()]
        while self.skip(","):
            found.append(read())
        return found

    def whole(self) -> Tree:
        """Return all that is left: an expression, or the numbers of an array."""
        found = [self.expression()]
        while self.skip(",") or self.skip(";"):
            if self.kind == "end":
                break
            found.append(self.expression())
        return found[0] if len(found) == 1 else Entries(tuple(found))

    def expression(self, floor: float = 0) -> Tree:
        """Return what stands here as far as its operators bind more than `floor`."""
        left = self.operand()
        while (binding := self.binding.get(self.kind, 0)) > floor:
            operators: list[str] = []
            arguments = [left]
            while self.binding.get(self.kind) == binding:
                if binding == COMPARISON and operators:
                    raise self.here("comparisons in a row: put parentheses")
                operators.append(self.kind)
                self.at += 1
                arguments.append(self.expression(binding))
            left = self.chained(operators, arguments)
        return left

    def chained(self, operators: Sequence[str], arguments: Sequence[Tree]) -> Tree:
        """Return what stands between operators of one precedence as one node."""
        return Chain(tuple(operators), tuple(arguments))

    def operand(self) -> Tree:
        """Return a number, name, call or parenthesis, with the signs before it."""
        signs = 0
        while self.kind in {"+", "-"}:
            signs += self.kind == "-"
            self.at += 1
            if self.kind not in {"+", "-"}:
                inner = self.deeper(lambda: self.expression(SIGN))
                if isinstance(inner, Literal):
                    return Literal(-inner.value) if signs % 2 else inner
                return Prefix("negative", inner) if signs % 2 else inner
        if self.kind == "not":
            return self._negation()
        return self.atom()

    def _negation(self) -> Tree:
        count = 0
        while self.skip("not"):
            count += 1
        inner = Prefix("not", self.deeper(lambda: self.expression(self.negation)))
        return inner if count % 2 else Prefix("not", inner)

    def atom(self) -> Tree:
        """Return a number, name, call or parenthesis."""
        token = self.tokens[self.at]
        match token.kind:
            case "number":
                return self.number()
            case "name":
                return self.named()
            case "(":
                return self.inside("(", ")", self.expression)
        raise self.here("a number, a name or a parenthesis is missing")

    def number(self) -> Literal:
        """Return a number without a sign; Refused for one that no float holds."""
        value = float(self.take("number"))
        if not math.isfinite(value):
            raise Refused(["number beyond 1e308"])
        return Literal(value)

    def signed(self) -> float:
        """Return a number with the sign before it."""
        sign = self.kind if self.kind in {"+", "-"} else ""
        if sign:
            self.take(sign)
        return -self.number().value if sign == "-" else self.number().value

    def named(self) -> Tree:
        """Return a name, with its subscripts, or a call of it."""
        line = self.line_of(self.tokens[self.at].start)
        name = self.name()
        subscripts = self.subscripts() if self.kind == "[" else ()
        if self.kind != "(":
            return Name(name, subscripts, line)
        arguments, outputs = self.inside("(", ")", self.arguments)
        return Call(name, tuple(arguments), subscripts, tuple(outputs), line)

    def name(self) -> str:
        """Return a name without its quotes and with single spaces."""
        text = self.take("name")
        return " ".join((text[1:-1] if text.startswith('"') else text).replace("\\\n", " ").split())

    def subscripts(self) -> tuple[str, ...]:
        """Return subscripts in brackets."""
        return tuple(self.inside("[", "]", lambda: self.listed(self.subscript)))

    def subscript(self) -> str:
        """Return one subscript, an element or a range; elements may be called by a number."""
        if self.kind == "number":
            start = self.tokens[self.at].start
            self.at += 1
            self.skip("name")
            name = self.text[start : self.tokens[self.at].start].strip()
        else:
            name = self.name()
        return f"{name}!" if self.skip("!") else name

    def arguments(self) -> tuple[list[Tree], list[Name]]:
        """Return the arguments of a call, and the names of a macro's further results, which only Vensim has."""
        return ([] if self.kind == ")" else self.listed(self.expression)), []

    def end(self) -> None:
        """Raise Refused unless the equation ends here."""
        if self.kind != "end":
            raise self.here("an operator is missing")


_WORDS: Mapping[str, str] = {"name": "a name", "number": "a number", "text": "a text in single quotes"}
