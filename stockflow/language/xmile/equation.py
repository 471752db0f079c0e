"""Equations of XMILE: words in any case, choices as expressions, stars among subscripts, names of modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stockflow.language.parser import QUOTED, Parser, Token, pattern
from stockflow.language.tree import COMPUTED, INDEXED, Call, Literal, Name, Refused, Tree, walk, with_marks
from stockflow.names import plain

_LETTER = r"[^\x00-\x7f\s]"
_WORD = rf"(?:[^\W\d]|{_LETTER})(?:[\w'$]|{_LETTER})*"
# a point stands between a module and what is in it; one at the start is the whole model
_NAME = rf"\.?{_WORD}(?:\.(?:{_WORD}|{QUOTED}))*"
_SIGNS = r"<>|<=|>=|//|\*\s*:|[-+*/^()\[\]=<>,;!]"
# all elements of a range that is named
_STAR_OF = "*:"
WORDS = frozenset({"if", "then", "else", "and", "or", "not", "mod"})


class Equation(Parser):
    """The equation of one variable.

    `arrays` are the dimensions of those that have any, by compared name; `meant` returns what a name is called in the
    whole model, where it stands in a module.  `places` are the compared names of ranges and elements, and `outside` is
    what an array has at an index that none of its elements has.
    """

    pattern = pattern(_NAME, _SIGNS, r"\s")

    def __init__(
        self, text: str, line: int, arrays: Mapping[str, Sequence[str]], meant: Callable[[str], str] = str
    ) -> None:
        self.arrays, self.meant = arrays, meant
        self.places: frozenset[str] = frozenset()
        self.outside = 0.0
        self._indices: list[Tree] = []
        super().__init__(text, line)

    def token(self, kind: str, text: str, start: int) -> Token:
        """Return a token; words of the language are their own kind."""
        word = text.lower()
        if kind == "sign" and text.endswith(":"):
            return Token(_STAR_OF, text, start)
        return Token(word, word, start) if kind == "name" and word in WORDS else super().token(kind, text, start)

    def whole(self) -> Tree:
        """Return all of the equation: an expression, or the numbers of an array."""
        tree = super().whole()
        self.end()
        return tree

    def atom(self) -> Tree:
        """Return a number, name, call, parenthesis or choice; a variable may be called mod."""
        if self.kind == "mod":
            self.tokens[self.at].kind = "name"
        return self.deeper(self._choice) if self.kind == "if" else super().atom()

    def _choice(self) -> Tree:
        """Return IF .. THEN .. ELSE .., which another may follow after ELSE."""
        cases: list[tuple[Tree, Tree]] = []
        while self.skip("if"):
            condition = self.expression()
            self.take("then")
            cases.append((condition, self.expression()))
            self.take("else")
        result = self.expression()
        for condition, value in reversed(cases):
            result = Call("if then else", (condition, value, result))
        return result

    def chained(self, operators: Sequence[str], arguments: Sequence[Tree]) -> Tree:
        """Return what stands between operators; two strokes divide with 0 for a divisor of 0."""
        if "//" not in operators:
            return super().chained(operators, arguments)
        result = arguments[0]
        for operator, one in zip(operators, arguments[1:], strict=True):
            pair = (result, one)
            result = Call("safediv", pair) if operator == "//" else super().chained([operator], pair)
        return result

    def named(self) -> Tree:
        """Return a name or a call; a star among subscripts stands for all elements of its dimension, or another."""
        before = len(self._indices)
        tree = super().named()
        indices = self._indices[before:]
        if not indices:
            return self._starred(tree)
        del self._indices[before:]
        if not isinstance(tree, Name):
            raise Refused([f"index that is computed, of {tree.name!r}" if isinstance(tree, Call) else "index"])
        return Call(INDEXED, (Literal(self.outside), self._starred(tree), *indices), line=tree.line)

    def _starred(self, tree: Tree) -> Tree:
        if not isinstance(tree, Name) or not any(one.startswith("*") for one in tree.subscripts):
            return tree
        own = self.arrays.get(plain(tree.name), ())
        if len(own) != len(tree.subscripts):
            raise Refused([f"{len(tree.subscripts)} subscripts of {tree.name!r}, which has {len(own)}"])
        over = [
            one.removeprefix("*") or name for name, one in zip(own, tree.subscripts, strict=True) if one.startswith("*")
        ]
        stars = iter(with_marks(over))
        return Name(tree.name, tuple(next(stars) if one[0] == "*" else one for one in tree.subscripts), tree.line)

    def name(self) -> str:
        """Return a name as the whole model has it."""
        return self.meant(super().name().replace("\\n", " "))

    def subscript(self) -> str:
        """Return one subscript, a star of its own dimension or of the range that follows it, or mark an expression."""
        if self.skip("*"):
            return "*"
        if self.skip(_STAR_OF):
            return f"*{self.subscript()}"
        start = self.at
        if self.kind in {"number", "name"}:
            # what stands alone is no variable, unless it is nothing else
            meant, self.meant = self.meant, str
            name = super().subscript()
            self.meant = meant
            if self.kind in {",", "]"} and (not self._other(name) or name.endswith("!")):
                return name
        self.at = start
        index = self.deeper(self.expression)
        if not any(isinstance(one, (Name, Call)) for one in walk(index)):
            raise self.here("an element is missing")  # such as 0-14, which would need quotes
        self._indices.append(index)
        return COMPUTED

    def _other(self, name: str) -> bool:
        """Say whether a name in brackets is no range, element or number."""
        key = plain(name)
        return bool(self.places) and not key.replace(" ", "").isdecimal() and key.rpartition(".")[2] not in self.places
