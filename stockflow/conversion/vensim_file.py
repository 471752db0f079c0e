"""An XMILE file as Vensim has it: the whole file, one entry at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from stockflow.conversion.expressions import Vensim
from stockflow.conversion.macros import libraries
from stockflow.conversion.translation import Refusing, ToVensim
from stockflow.conversion.xmile_file import MADE, is_made
from stockflow.language.definition import OPEN, Definition, Limits, Macro
from stockflow.language.equations import Equations
from stockflow.language.functions.dialects import VENSIM
from stockflow.language.source import METHODS, Contents
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Call, Name, Points, Refused, Stock, Tree, walk
from stockflow.names import plain
from stockflow.pictures.layout import View
from stockflow.pictures.sketch import MARK, written

# those with a fixed time step
_METHODS = {name: code for code, name in METHODS.items()}
_WRITER = Vensim()
_STARS = "*" * 56
_LONGEST = 100
#: where an equation and where a text may be broken
_OPERATOR, _SPACE = re.compile(r"(?<=[-+,<>=:]) "), re.compile(" ")
_MARKS = re.compile(r":(END OF )?MACRO:|\\{3}---///|///---\\{3}", re.IGNORECASE)
SETTINGS = "///---\\\\\\\n:L\x7f<%^E!@\n"


class VensimFile(Refusing):
    """Writes what an XMILE file says; what cannot be written is in `refused`, variable by variable."""

    def __init__(self, contents: Contents, equations: Equations) -> None:
        super().__init__()
        self.contents, self.equations = contents, equations
        self.parsed = contents.parsed
        self.ranges = Ranges(self.parsed.ranges, self.parsed.mappings, apart=True)
        arrays = {key: tuple(one) for key, one in self.parsed.arrays.items() if one}
        self.translator = ToVensim(self.parsed, self.ranges, arrays)
        self.rates = _rates(self.parsed.definitions)

    def text(self, views: Sequence[View]) -> str:
        """Return the file, with views."""
        groups = [self._group(name, list(own)) for name, own in groupby(self._in_order(), lambda one: one.group)]
        macros = [
            self._macro(one) for one in self.parsed.macros.values() if plain(one.name) not in self.translator.functions
        ]
        needed = [
            _macro(one, [each.tree for each in one.definitions if each.tree])
            for one in libraries()[True].with_needed(self.translator.used)
        ]
        method = _METHODS.get(self.equations.method)
        if method is None:
            self.refused[f"integration method {self.equations.method}, which takes both ends of a step"] = None
        units = "".join(f"22:{','.join(one)}\n" for one in self.contents.equivalences)
        parts = ["{UTF-8}\n", *needed, *macros, *self._ranges(), *groups]
        return f"{''.join(parts)}{written(views) or MARK}{SETTINGS}{units}15:0,0,0,{method},0,0\n"

    def _in_order(self) -> list[Definition]:
        """Return the definitions, those of one group together, in the order of their first ones."""
        order: dict[str, list[Definition]] = {"": []}
        for one in self.parsed.definitions:
            if (plain(one.name), one.subscripts) not in self.rates:
                order.setdefault(one.group, []).append(one)
        return [one for own in order.values() for one in own]

    def _ranges(self) -> Iterable[str]:
        for name in self.parsed.ranges:
            elements = [self.ranges.spelling[one] for one in self.ranges.choices(name)]
            if any(one[0].isdigit() for one in elements):
                self.refused[f"dimension {name!r}, whose elements are numbers"] = None
            yield f"{_WRITER.name(name)}: {', '.join(map(_WRITER.name, elements))}\n\t~\t\n\t~\t|\n\n"

    def _group(self, name: str, own: list[Definition]) -> str:
        head = f"{_STARS}\n\t.{name}\n{_STARS}~\n\t|\n\n" if name else ""
        return head + "".join(map(self._entry, own))

    def _entry(self, one: Definition) -> str:
        try:
            _check_texts(one)
            tree = self.translator.translated(self._right(one), one)
            left = f"{_WRITER.name(_WRITER.checked(one.name))}{_WRITER.subscripts(one.subscripts)}"
            text = f"{left}({_WRITER.points(tree)})" if isinstance(tree, Points) else f"{left}= {_WRITER.whole(tree)}"
        except Refused as error:
            self.refuse(error, one)
            return ""
        return _ended(text, f"{one.unit}{_limits(one.limits)}", one.documentation)

    def _right(self, one: Definition) -> Tree:
        """Return the right side of a definition; flows that were made for a stock are parts of its rate again."""
        tree = one.tree
        if tree is None:
            raise Refused(list(one.problems) or ["equation that cannot be parsed"])
        if not isinstance(tree, Stock):
            return tree

        def parts(flows: Iterable[Tree]) -> tuple[Tree, ...]:
            names = ((flow, plain(flow.name) if isinstance(flow, Name) else "") for flow in flows)
            return tuple(self.rates.get((name, one.subscripts), flow) for flow, name in names)

        return replace(tree, inflows=parts(tree.inflows), outflows=parts(tree.outflows))

    def _macro(self, macro: Macro) -> str:
        outer = self.rates
        try:
            self.translator.within(macro)
            if plain(macro.name) in VENSIM:
                raise Refused(["macro with the name of a function of Vensim"])
            self.rates = _rates(macro.definitions)
            own = [one for one in macro.definitions if (plain(one.name), ()) not in self.rates]
            for one in own:
                _check_texts(one)
            trees = [self.translator.translated(self._right(one), one) for one in own]
            return _macro(replace(macro, definitions=tuple(own)), trees)
        except Refused as error:
            self.refuse(error, macro)
            return ""
        finally:
            self.translator.outside()
            self.rates = outer


def _check_texts(one: Definition) -> None:
    """Raise Refused for texts that would say something else in a Vensim file."""
    texts = f"{one.documentation} {one.unit} {one.group}"
    if re.search(r"[~|]", texts):
        raise Refused(["text with ~ or |"])
    if _MARKS.search(texts):
        raise Refused(["text with what divides a Vensim file"])
    if '"' in one.unit or '"' in one.group:
        raise Refused(["unit or group with a double quote (take it out)"])
    if any(sign in one.unit for sign in "[]"):
        raise Refused(["unit with brackets"])
    if "*" in one.group:
        raise Refused(["group with *"])


def _rates(definitions: Sequence[Definition]) -> dict[tuple[str, tuple[str, ...]], Tree]:
    """Return the right sides of flows that were made for a stock, by name and elements, unless others read them."""
    trees = [one.tree for one in definitions if one.tree is not None]
    parts = (part for one in trees for part in walk(one.initial if isinstance(one, Stock) else one))
    read = {plain(one.name) for one in parts if isinstance(one, (Name, Call))}
    made = {
        plain(flow.name)
        for one in definitions
        if isinstance(one.tree, Stock)
        for flow in (*one.tree.inflows, *one.tree.outflows)
        if isinstance(flow, Name) and is_made(flow.name, one.name)
    }
    return {
        (plain(one.name), one.subscripts): one.tree
        for one in definitions
        if one.tree is not None
        and plain(one.name) in made - read
        and (one.documentation, one.unit, one.group, one.limits) == (MADE, "", "", OPEN)
    }


def _macro(macro: Macro, trees: Iterable[Tree]) -> str:
    parameters = ", ".join(_WRITER.name(one.strip('"')) for one in macro.parameters)
    head = f":MACRO: {_WRITER.name(macro.name)}({parameters})\n"
    entries = (
        _ended(f"{_WRITER.name(one.name)}= {_WRITER.whole(tree)}", one.unit, one.documentation)
        for one, tree in zip(macro.definitions, trees, strict=True)
    )
    return f"{head}{''.join(entries)}:END OF MACRO:\n\n"


def _ended(equation: str, unit: str, documentation: str) -> str:
    # a backslash at the end of a line would join it to the next
    end = " |" if documentation.endswith("\\") else "\n\t|"
    return f"{_wrapped(equation, _OPERATOR)}\n\t~\t{unit}\n\t~\t{_wrapped(documentation, _SPACE)}{end}\n\n"


def _limits(limits: Limits) -> str:
    if limits == (None, None):
        return ""
    return f" [{','.join('?' if one is None else _WRITER.number(one) for one in limits)}]"


def _wrapped(text: str, where: re.Pattern[str]) -> str:
    """Break a long text, as Vensim does."""
    lines, line = [], ""
    for piece in where.split(text):
        if line and len(line) + len(piece) > _LONGEST:
            lines.append(line)
            line = ""
        line += f"{piece} "
    return "\\\n\t\t".join([*lines, line.rstrip()])
