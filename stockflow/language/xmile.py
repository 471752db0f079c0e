"""XMILE files, one variable at a time, so that every complaint can name its variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from stockflow.errors import InputError
from stockflow.language.definition import OPEN, Definition, Limits, Refused
from stockflow.language.equations import Method
from stockflow.language.parser import Parser, Token, pattern
from stockflow.language.tree import Call, Chain, Entries, Literal, Name, Points, Prefix, Stock, Tree, WithTable
from stockflow.language.vensim import Parsed
from stockflow.names import plain
from stockflow.numerals import number

ENDINGS = (".xmile", ".xml", ".stmx", ".itmx")
#: names every XMILE model may use
ALIASES: Mapping[str, str] = MappingProxyType(
    {"dt": "time step", "starttime": "initial time", "stoptime": "final time"}
)
_METHODS: Mapping[str, Method] = MappingProxyType({"euler": "Euler", "rk4": "RK4"})
_LETTER = r"[^\x00-\x7f\s]"
_NAME = rf"(?:[^\W\d]|{_LETTER})(?:[\w'$]|{_LETTER})*"
_SIGNS = r"<>|<=|>=|[-+*/^()\[\]=<>,;!]"
_WORDS = frozenset({"if", "then", "else", "and", "or", "not", "mod"})
_VARIABLES = ("aux", "flow", "stock", "gf")
_CURVES: Mapping[str, str] = MappingProxyType({"continuous": "hold", "extrapolate": "extrapolate", "discrete": "steps"})
_MOST_ELEMENTS = 100_000


def parse(name: str, text: str) -> tuple[Parsed, Method]:
    """Return what an XMILE file defines, and the integration method it asks for.

    Raises InputError for text that is no XMILE, for document types, for modules and macros, and for
    an integration method other than Euler and RK4.
    """
    file = _File(name, text)
    specs = file.found("sim_specs")
    if not specs:
        raise InputError(f"{name}: no sim_specs element")
    file.refuse_modules()
    parsed = Parsed(ranges=file.ranges())
    for node in file.variables():
        parsed.definitions += file.definitions(node, parsed.ranges)
    own = {plain(one.name) for one in parsed.definitions}
    parsed.definitions += [one for one in file.controls(specs[0]) if plain(one.name) not in own]
    asked = specs[0].attrib.get("method", "Euler").strip()
    method = _METHODS.get(asked.lower())
    if method is None:
        raise InputError(f"{name}: asks for the integration method {asked}; only Euler and RK4 are supported")
    return parsed, method


def with_equations(name: str, text: str, equations: Mapping[str, str]) -> str:
    """Return the file with Vensim equations, numbers or tables of Time, in place of some variables."""
    from lxml import etree

    file = _File(name, text)
    wanted = {plain(one): equation.partition("=")[2].strip() for one, equation in equations.items()}
    for node in file.variables():
        equation = wanted.pop(plain(_name(node)), None)
        if equation is None:
            continue
        for child in list(node):
            if file.tag(child) in {"eqn", "gf", "inflow", "outflow", "non_negative"}:
                node.remove(child)
        node.tag = f"{file.mark}aux"
        points = re.findall(r"\(([^(),]+),([^(),]+)\)", equation)
        etree.SubElement(node, f"{file.mark}eqn").text = "TIME" if points else equation
        if points:
            curve = etree.SubElement(node, f"{file.mark}gf")
            etree.SubElement(curve, f"{file.mark}xpts").text = ",".join(x for x, _ in points)
            etree.SubElement(curve, f"{file.mark}ypts").text = ",".join(y for _, y in points)
    if wanted:
        raise InputError(f"{name}: no equation for {', '.join(sorted(wanted))}")
    return str(etree.tostring(file.root, encoding="unicode"))


class _Equation(Parser):
    """The equation of one variable; `arrays` are the dimensions of those that have any, by compared name."""

    pattern = pattern(_NAME, _SIGNS, r"\s")

    def __init__(self, text: str, line: int, arrays: Mapping[str, Sequence[str]]) -> None:
        self.arrays = arrays
        super().__init__(text, line)

    def token(self, kind: str, text: str, start: int) -> Token:
        """Return a token; words of the language are their own kind."""
        word = text.lower()
        return Token(word, word, start) if kind == "name" and word in _WORDS else super().token(kind, text, start)

    def whole(self) -> Tree:
        """Return all of the equation: an expression, or the numbers of an array."""
        found = [self.expression()]
        while self.skip(",") or self.skip(";"):
            if self.kind == "end":
                break
            found.append(self.expression())
        self.end()
        return found[0] if len(found) == 1 else Entries(tuple(found))

    def atom(self) -> Tree:
        """Return a number, name, call, parenthesis or choice."""
        return self._choice() if self.kind == "if" else super().atom()

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

    def named(self) -> Tree:
        """Return a name or a call; a star among subscripts stands for all elements of its dimension."""
        tree = super().named()
        if not isinstance(tree, Name) or "*" not in tree.subscripts:
            return tree
        own = self.arrays.get(plain(tree.name), ())
        if len(own) != len(tree.subscripts):
            raise Refused([f"{len(tree.subscripts)} subscripts of {tree.name!r}, which has {len(own)}"])
        marked = (f"{name}!" if one == "*" else one for name, one in zip(own, tree.subscripts, strict=True))
        return Name(tree.name, tuple(marked))

    def subscript(self) -> str:
        """Return one subscript; a star is one, too."""
        return "*" if self.skip("*") else super().subscript()


class _File:
    """The elements of one file, whatever namespace it uses."""

    def __init__(self, name: str, text: str) -> None:
        from lxml import etree

        self.name = name
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
        try:
            self.root = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as error:
            raise InputError(f"{name}: line {error.lineno or 1}: not XML: {error.msg}") from error
        if self.root.getroottree().docinfo.doctype:
            raise InputError(f"{name}: has a document type, which a model does not need")
        self.space = self.root.nsmap.get(None) or ""
        self.mark = f"{{{self.space}}}" if self.space else ""
        if self.tag(self.root) != "xmile":
            raise InputError(f"{name}: not XMILE: the outermost element is {self.tag(self.root)!r}")
        if not self.space:
            raise InputError(f"{name}: XMILE without its namespace")
        self.arrays = {plain(_name(node)): self._dimensions(node) for node in self.variables()}
        every = bool(self.found("behavior/non_negative"))
        self.floored = {kind: every or bool(self.found(f"behavior/{kind}/non_negative")) for kind in ("stock", "flow")}

    def tag(self, node: Any) -> str:
        """Return the name of an element, without the namespace; empty for comments."""
        return node.tag.removeprefix(self.mark) if isinstance(node.tag, str) else ""

    def found(self, path: str, node: Any = None) -> list[Any]:
        """Return the elements on a path from a node, by default the root."""
        steps = "/".join(f"{self.mark}{one}" if one else "" for one in path.split("/"))
        return list((self.root if node is None else node).findall(steps))

    def inside(self, node: Any, what: str) -> str | None:
        """Return the text of an element in a node, None if there is none."""
        found = self.found(what, node)
        return None if not found else found[0].text or ""

    def variables(self) -> list[Any]:
        """Return the elements of all variables in file order."""
        return [node for group in self.found("model/variables") for node in group if self.tag(node) in _VARIABLES]

    def refuse_modules(self) -> None:
        """Raise InputError for what has variables of its own elsewhere."""
        inner = [node for node in self.root.iter() if self.tag(node) in {"module", "macro"}]
        several = self.found("model")[1:]
        if inner or several:
            items = [f"{self.tag(node)} {_name(node)!r} (line {node.sourceline})" for node in [*inner, *several]]
            raise InputError(f"{self.name}: not supported: {'; '.join(items)}")

    def ranges(self) -> dict[str, Sequence[str]]:
        """Return the dimensions with their elements; those given by size alone have numbers."""
        result: dict[str, Sequence[str]] = {}
        for node in self.found("dimensions/dim"):
            size = node.attrib.get("size", "")
            named = [_name(one) for one in self.found("elem", node)]
            if not named and not (re.fullmatch(r"[0-9]{1,6}", size) and 1 <= int(size) <= _MOST_ELEMENTS):
                place = f"{self.name}: line {node.sourceline}: dimension {_name(node)!r}"
                raise InputError(f"{place} has size {size!r}, but must have 1 to {_MOST_ELEMENTS} elements")
            result[_name(node)] = named or [str(one) for one in range(1, int(size) + 1)]
        return result

    def _dimensions(self, node: Any) -> list[str]:
        return [_name(one) for one in self.found("dimensions/dim", node)]

    def definitions(self, node: Any, dimensions: Mapping[str, Sequence[str]]) -> Iterator[Definition]:
        """Yield the definitions of one variable; what cannot be read is a problem of the definition."""
        line = node.sourceline
        texts = ((self.inside(node, "units") or "").strip(), " ".join((self.inside(node, "doc") or "").split()), "")
        try:
            limits = self._limits(node)
            for subscripts, tree in self._trees(node, dimensions):
                left = (_name(node), subscripts, ())
                yield Definition(*left, tree, *texts, limits, line, lookup=isinstance(tree, Points))
        except Refused as error:
            yield Definition(_name(node), (), (), None, line=line, problems=tuple(error.items))

    def _limits(self, node: Any) -> Limits:
        found = self.found("yscale" if self.tag(node) == "gf" else "range", node)
        if not found:
            return OPEN
        low, high = (_number(found[0].attrib[end], "limits") if end in found[0].attrib else None for end in _ENDS)
        return low, high

    def _trees(self, node: Any, dimensions: Mapping[str, Sequence[str]]) -> Iterator[tuple[tuple[str, ...], Tree]]:
        """Yield the subscripts and the tree of every equation of a variable."""
        own = tuple(self._dimensions(node))
        parts = self.found("element", node)
        for part in parts:
            subscripts = tuple(one.strip() for one in part.attrib.get("subscript", "").split(","))
            yield subscripts, self._tree(node, part)
        if parts:
            return
        equations = self.found("eqn", node)
        if len(equations) > 1 and own and len(equations) == len(dimensions.get(own[0], ())):
            for element, equation in zip(dimensions[own[0]], equations, strict=True):
                yield (element,), self._value(node, self._equation(equation), node)
            return
        yield own, self._tree(node, node)

    def _tree(self, node: Any, part: Any) -> Tree:
        """Return the tree of a variable, or of one element of it."""
        if self.tag(node) == "gf":
            return self._points(node)
        equations = self.found("eqn", part)
        if not equations:
            curves = self.found("gf", part)
            if not curves:
                raise Refused(["variable without an equation"])
            return self._points(curves[0])
        tree = self._equation(equations[0])
        if self.tag(node) == "stock":
            return Stock(self._rate(node), tree, self._is_floored(node))
        return self._value(node, tree, part)

    def _value(self, node: Any, tree: Tree, part: Any) -> Tree:
        """Return the tree of a flow or auxiliary with the graphical function beside its equation."""
        curves = self.found("gf", part) or self.found("gf", node)
        if curves:
            tree = WithTable(tree, self._points(curves[0]))
        floored = self.tag(node) == "flow" and self._is_floored(node)
        return Call("max", (tree, Literal(0.0))) if floored else tree

    def _is_floored(self, node: Any) -> bool:
        own = self.inside(node, "non_negative")
        return self.floored[self.tag(node)] if own is None else "false" not in own.lower()

    def _rate(self, node: Any) -> Tree:
        """Return the flows of a stock: what comes in, less what goes out."""
        inflows = [self._equation(one) for one in self.found("inflow", node)]
        outflows = [self._equation(one) for one in self.found("outflow", node)]
        if not inflows and outflows:
            outflows[0] = Prefix("negative", outflows[0])
        signs = "+" * max(len(inflows) - 1, 0) + "-" * (len(outflows) - (not inflows))
        flows = (*inflows, *outflows)
        return Chain(tuple(signs), flows) if len(flows) > 1 else flows[0] if flows else Literal(0.0)

    def _equation(self, node: Any) -> Tree:
        return _Equation(node.text or "", node.sourceline, self.arrays).whole()

    def _points(self, node: Any) -> Points:
        """Return the points of a graphical function."""
        ys = self._numbers(node, "ypts")
        scale = self.found("xscale", node)
        if scale:
            low, high = (_number(scale[0].attrib.get(end, ""), "limits of a graphical function") for end in _ENDS)
            xs = [float(one) for one in np.linspace(low, high, len(ys))]
        else:
            xs = self._numbers(node, "xpts")
        if len(xs) != len(ys):
            raise Refused([f"graphical function of {len(xs)} x values and {len(ys)} y values"])
        kind = node.attrib.get("type", "continuous").lower()
        if kind not in _CURVES:
            raise Refused([f"graphical function of the type {kind!r}"])
        points = sorted(zip(xs, ys, strict=True), key=lambda one: one[0])
        return Points(tuple(x for x, _ in points), tuple(y for _, y in points), _CURVES[kind])

    def _numbers(self, node: Any, what: str) -> list[float]:
        found = self.found(what, node)
        if not found:
            raise Refused([f"graphical function without {what}"])
        parts = (found[0].text or "").split(found[0].attrib.get("sep") or ",")
        return [_number(one, what) for one in parts if one.strip()]

    def controls(self, specs: Any) -> Iterator[Definition]:
        """Yield the control variables that the simulation specification stands for."""
        unit = specs.attrib.get("time_units", "")
        for what, path in (("INITIAL TIME", "start"), ("FINAL TIME", "stop"), ("TIME STEP", "dt")):
            nodes = self.found(path, specs)
            try:
                value = float(nodes[0].text)
                if nodes[0].attrib.get("reciprocal", "").lower() == "true":
                    value = 1.0 / value
            except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
                line = specs.sourceline
                raise InputError(f"{self.name}: line {line}: sim_specs without a number for {what}") from error
            texts = (unit, "", "Control")
            yield Definition(what, (), (), Literal(value), *texts, line=nodes[0].sourceline)
        yield Definition("SAVEPER", (), (), Literal(value), unit, "", "Control", line=specs.sourceline)


_ENDS = ("min", "max")


def _number(text: str, what: str) -> float:
    try:
        return number(text)
    except InputError as error:
        raise Refused([f"{what}: {error}"]) from error


def _name(node: Any) -> str:
    return " ".join(str(node.attrib.get("name", "")).replace("\\n", " ").split())
