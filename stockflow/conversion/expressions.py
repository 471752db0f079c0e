"""Syntax trees as text: operators by precedence, names quoted where they must be, one writer for each dialect.

What is written reads as the same tree: parentheses stand wherever one was, and nowhere else but around signs behind an
operator and powers of powers, which programs read differently.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from stockflow.language.functions.dialects import VENSIM, XMILE
from stockflow.language.operations import MISSING
from stockflow.language.parser import BINDING, POWER, SIGN
from stockflow.language.tree import (
    Call,
    Chain,
    Holder,
    LetIn,
    LetOut,
    Literal,
    Name,
    Points,
    Prefix,
    Refused,
    Tree,
    WithTable,
)
from stockflow.language.vensim import equation as vensim
from stockflow.language.xmile import equation as xmile
from stockflow.names import plain

_ATOM = POWER + 1
# trees that stand in no expression, by what a person calls them
_KINDS: Mapping[str, str] = {
    "WithTable": "table",
    "Points": "table",
    "Entries": "list of numbers",
    "Stock": "stock",
    "Text": "text",
    "Unfilled": "data of another file",
    "Output": "further result of a macro",
}
#: a tree as text, and how tightly what is outermost in it binds
_Part = tuple[str, int]


def misplaced(tree: Tree) -> Refused:
    """Return the refusal of what stands where only an expression may."""
    if isinstance(tree, LetIn | LetOut):
        return no_form(tree.holder)
    return Refused([f"{_KINDS.get(type(tree).__name__, type(tree).__name__.lower())} inside an expression"])


def no_form(holder: Holder) -> Refused:
    """Return the refusal of a conveyor, queue or oven, and of the flows that it decides on."""
    return Refused([f"{holder.stock.name!r} is a {holder.kind}, which Vensim has not,"])


class Writer(ABC):
    """Writes trees whose functions are those of its dialect; Refused for what the dialect has no form for."""

    words: Mapping[str, str]
    time: str

    def text(self, tree: Tree, floor: int = -1) -> str:
        """Return a tree as text, in parentheses if it binds no more than `floor`."""
        text, binding = self._part(tree)
        return f"({text})" if binding <= floor else text

    def _part(self, tree: Tree) -> _Part:
        match tree:
            case Literal(value):
                text = self.number(value)
                return text, SIGN if text.startswith("-") else _ATOM
            case Name(name, subscripts):
                return self.time if plain(name) == "time" else self.name(name) + self.subscripts(subscripts), _ATOM
            case Prefix("not", argument):
                return f"{self.words['not']} ({self.text(argument)})", 0
            case Prefix(_, argument):
                return f"-{self.text(argument, SIGN)}", SIGN
            case Chain(operators, arguments):
                return self._chain(operators, arguments)
            case Call():
                return self.call(tree)
        raise misplaced(tree)

    def _chain(self, operators: Sequence[str], arguments: Sequence[Tree]) -> _Part:
        binding = BINDING[operators[0]]
        if binding == POWER and len(arguments) > 2:
            # programs differ in which power of a power they take first
            return self._chain("^", (arguments[0], Chain(tuple(operators[1:]), tuple(arguments[1:]))))
        pieces = [self.text(arguments[0], binding)]
        for operator, one in zip(operators, arguments[1:], strict=True):
            text, own = self._part(one)
            word = self.words.get(operator, operator)
            tight = binding == POWER or operator in "*/"
            pieces.append(word if tight else f" {word} ")
            pieces.append(f"({text})" if own <= binding or own == SIGN else text)
        return "".join(pieces), binding

    def call(self, tree: Call) -> _Part:
        """Return a call of a function, macro or table."""
        if tree.outputs:
            raise Refused([f"further results of the macro {tree.name!r}"])
        arguments = ", ".join(self.text(one) for one in tree.arguments)
        return f"{self.function(tree.name)}{self.subscripts(tree.subscripts)}({arguments})", _ATOM

    def subscripts(self, names: Sequence[str]) -> str:
        """Return subscripts in brackets, nothing if there are none."""
        return f"[{','.join(map(self.subscript, names))}]" if names else ""

    def number(self, value: float) -> str:
        """Return a number with all its digits."""
        if not math.isfinite(value):
            raise Refused([f"number {value}"])
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

    def checked(self, name: str) -> str:
        """Return a name that can stand between quotes."""
        if '"' in name or "\\" in name or "\n" in name:
            raise Refused(
                [f"name {name!r} with a quote, a backslash or a line break, which cannot stand in quotes (rename it),"]
            )
        return name

    @abstractmethod
    def name(self, name: str) -> str:
        """Return the name of a variable as it stands in an equation."""

    @abstractmethod
    def function(self, name: str) -> str:
        """Return the name of what is called."""

    @abstractmethod
    def subscript(self, name: str) -> str:
        """Return one subscript."""


class Vensim(Writer):
    """Writes Vensim's equations."""

    words: Mapping[str, str] = {"and": ":AND:", "or": ":OR:", "not": ":NOT:"}
    time = "Time"

    def name(self, name: str) -> str:
        """Return a name, in quotes if it is no word of letters or is that of a function."""
        bare = re.fullmatch(vensim._NAME, name) and plain(name) not in VENSIM
        return name if bare else f'"{self.checked(name)}"'

    def function(self, name: str) -> str:
        """Return a function in capitals; others are spelled as they are."""
        return name.upper() if plain(name) in VENSIM else self.name(name)

    def subscript(self, name: str) -> str:
        """Return one subscript, with its mark."""
        return f"{self.name(name.removesuffix('!'))}{'!' * name.endswith('!')}"

    def number(self, value: float) -> str:
        """Return a number with all its digits, or the word for what is missing."""
        return ":NA:" if value == MISSING else super().number(value)

    def points(self, table: Points) -> str:
        """Return the points of a table, with the limits of its drawing before them."""
        pairs = [f"({self.number(x)},{self.number(y)})" for x, y in zip(table.xs, table.ys, strict=True)]
        low, high = ((find(table.xs), find(table.ys)) for find in (min, max))
        limits = "-".join(f"({self.number(x)},{self.number(y)})" for x, y in (low, high))
        return f"[{limits}], {', '.join(pairs)}"

    def whole(self, tree: Tree) -> str:
        """Return a whole right side; Refused for a table that does not hold its ends."""
        if not isinstance(tree, WithTable):
            return self.text(tree)
        if tree.points.kind != "hold":
            raise Refused(["graphical function beside an equation that does not hold its ends"])
        return f"WITH LOOKUP({self.text(tree.argument)}, ({self.points(tree.points)}))"


class Xmile(Writer):
    """Writes XMILE's equations."""

    words: Mapping[str, str] = {"and": "AND", "or": "OR", "not": "NOT", "mod": "MOD"}
    time = "TIME"

    def name(self, name: str) -> str:
        """Return a name with underscores, in quotes if it is no word of letters or one of the language."""
        word = "_".join(name.split())
        own = plain(name) in xmile.WORDS or (plain(name) in XMILE and XMILE[plain(name)].least > 0)
        return word if re.fullmatch(xmile._WORD, word) and not own else f'"{self.checked(name)}"'

    def function(self, name: str) -> str:
        """Return a function in capitals; others are spelled as they are."""
        return "_".join(name.upper().split()) if plain(name) in XMILE else self.name(name)

    def subscript(self, name: str) -> str:
        """Return one subscript; one that runs over a dimension is a star."""
        return "*" if name.endswith("!") else self.name(name)

    def call(self, tree: Call) -> _Part:
        """Return a call; choices have words of their own."""
        if plain(tree.name) != "if then else" or len(tree.arguments) != 3:
            return super().call(tree)
        condition, yes, no = tree.arguments
        # a choice after THEN is one in parentheses, one after ELSE goes on
        return f"IF {self.text(condition)} THEN {self.text(yes, 0)} ELSE {self.text(no)}", 0
