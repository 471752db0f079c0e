"""XMILE files, one variable at a time, so that every complaint can name its variable.

Models inside modules are written out: their variables have the module's name before their own, with a point between.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stockflow.errors import InputError
from stockflow.language.definition import OPEN, Definition, Limits, Macro, Parsed
from stockflow.language.equations import Method
from stockflow.language.tree import Call, Chain, Literal, Name, Points, Refused, Stock, Tree, WithTable, with_marks
from stockflow.language.xmile.conveyors import Holders, kinds_of
from stockflow.language.xmile.equation import Equation
from stockflow.language.xmile.file import VARIABLES, File, Part, name_of
from stockflow.language.xmile.notes import notes, says
from stockflow.language.xmile.outflows import limited
from stockflow.names import plain
from stockflow.numerals import number

ENDINGS = (".xmile", ".xml", ".stmx", ".itmx")
#: names every XMILE model may use
ALIASES: Mapping[str, str] = {"dt": "time step", "starttime": "initial time", "stoptime": "final time"}
_METHODS: Mapping[str, Method] = {"euler": "Euler", "rk2": "Heun", "rk4": "RK4"}
_CURVES: Mapping[str, str] = {"continuous": "hold", "extrapolate": "extrapolate", "discrete": "steps"}
_ENDS = ("min", "max")


def parse(
    name: str, text: str, reads: type[Equation] = Equation, guarded: bool = True
) -> tuple[Parsed, Method, tuple[tuple[str, ...], ...]]:
    """Return what an XMILE file defines, the integration method it asks for, and its sets of names of one unit.

    `reads` says how equations are read; where flows are not `guarded`, what a non-negative stock lets out is not
    limited, and multipliers of flows do not count.

    Raises InputError for text that is no XMILE, for document types, for modules without a model, and for an
    integration method that is not known.
    """
    file = _File(name, text, reads, guarded)
    # those of the model itself come before those of the file
    specs = [*file.found("model/sim_specs")[:1], *file.found("sim_specs")]
    if not specs:
        raise InputError(f"{name}: no sim_specs element")
    parsed = Parsed(arrays=file.arrays)
    for node in file.found("dimensions/dim"):
        parsed.add_range(name_of(node), file.elements(node))
    for part, node in file.variables:
        parsed.definitions += file.definitions(part, node, parsed.ranges)
    if guarded:
        parsed.definitions = limited(parsed.definitions)
    own = {plain(one.name) for one in parsed.definitions}
    parsed.notes += notes(file.holders)
    parsed.definitions += [one for one in file.controls(specs[0]) if plain(one.name) not in own]
    for macro in file.macros():
        parsed.add_macro(macro)
    # several methods may be named, the preferred one first
    asked = [one.strip() for one in specs[0].attrib.get("method", "Euler").split(",")]
    method = next((_METHODS[one.lower()] for one in asked if one.lower() in _METHODS), None)
    if method is None:
        known = ", ".join(_METHODS)
        raise InputError(f"{name}: asks for the integration method {', '.join(asked)}; known are {known}")
    if file.holders.made and method != "Euler":
        raise InputError(
            f"{name}: conveyors, queues and ovens are simulated by Euler's method alone, but the file asks for {method}"
        )
    return parsed, method, file.units()


def with_equations(name: str, text: str, equations: Mapping[str, str]) -> str:
    """Return the file with Vensim equations, numbers or tables of Time, in place of some variables."""
    from lxml import etree

    file = _File(name, text)
    wanted = {plain(one): equation.partition("=")[2].strip() for one, equation in equations.items()}
    for part, node in file.variables:
        equation = wanted.pop(part.key(node), None)
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


class _File(File):
    """What a file defines."""

    def __init__(self, name: str, text: str, reads: type[Equation] = Equation, guarded: bool = True) -> None:
        super().__init__(name, text)
        self.reads = reads
        self.groups = {
            plain(part.prefix + (name_of(one) or one.text or "")): name_of(group)
            for part in {id(one): one for one, _ in self.variables}.values()
            for group in self.found("variables/group", part.node)
            for one in (*self.found("entity", group), *self.found("var", group))
        }
        inside = [(name_of(one), *self.elements(one)) for one in self.found("dimensions/dim")]
        self.places = frozenset(plain(one) for names in inside for one in names)
        wanted = (one.attrib.get("invalid_index_value", "") for one in self.found("header/options/uses_arrays"))
        self.outside = math.nan if any(one.strip().lower() == "nan" for one in wanted) else 0.0
        self.arrays = {part.key(node): self.dimensions(node) for part, node in self.variables}
        self.multipliers = {
            part.key(node): (part, found[0])
            for part, node in self.variables
            if guarded and (found := self.found("multiplier", node))
        }
        self.holders = Holders(self, self._flow, self._inflow, self._equation)
        every = bool(self.found("behavior/non_negative") or self.found("model/behavior/non_negative"))
        self.floored = {
            kind: every or any(self.found(f"{where}behavior/{kind}/non_negative") for where in ("", "model/"))
            for kind in ("stock", "flow")
        }

    def macros(self) -> Iterator[Macro]:
        """Yield the macros of the file."""
        for node in self.found("macro"):
            part, line = Part("", node, macro=True), node.sourceline
            parameters = tuple((one.text or "").strip() for one in self.found("parm", node))
            equations, tree, problems = self.found("eqn", node), None, []
            inside = [one for group in self.found("variables", node) for one in group if self._defines(one, parameters)]
            definitions = [one for each in inside for one in self.definitions(part, each, {})]
            if not equations:
                problems.append("macro without an equation")
            if self.found("sim_specs", node):
                problems.append("macro with a clock of its own")
            own, names = plain(name_of(node)), {plain(name_of(one)) for one in inside}
            if not problems and own in names and plain((equations[0].text or "").strip().strip('"')) == own:
                # its value is the variable of its own name
                yield Macro(name_of(node), parameters, tuple(definitions), line)
                continue
            try:
                tree = self._equation(part, equations[0]) if equations else None
            except Refused as error:
                problems += error.items
            result = Definition(name_of(node), (), (), tree, line=line, problems=tuple(problems))
            yield Macro(name_of(node), parameters, (*definitions, result), line)

    def _defines(self, node: Any, parameters: Sequence[str]) -> bool:
        """Say whether a part of a macro defines a variable; one without an equation may be a parameter."""
        declared = not len(node) and plain(name_of(node)) in set(map(plain, parameters))
        return self.tag(node) in VARIABLES and not declared

    def units(self) -> tuple[tuple[str, ...], ...]:
        """Return, for each unit with further names, all its names."""
        named = (
            (name_of(one), *((each.text or "").strip() for each in self.found("alias", one)))
            for one in self.found("model_units/unit")
        )
        return tuple(names for names in named if len(names) > 1)

    def definitions(self, part: Part, node: Any, dimensions: Mapping[str, Sequence[str]]) -> Iterator[Definition]:
        """Yield the definitions of one variable; what cannot be read is a problem of the definition."""
        name, line = part.prefix + name_of(node), node.sourceline
        group = "" if part.macro else self.groups.get(part.key(node), "")
        texts = ((self.inside(node, "units") or "").strip(), " ".join((self.inside(node, "doc") or "").split()), group)
        try:
            limits = self._limits(node)
            for subscripts, tree in self._trees(part, node, dimensions):
                left = (name, subscripts, ())
                yield Definition(*left, tree, *texts, limits, line, lookup=isinstance(tree, Points))
        except Refused as error:
            yield Definition(name, (), (), None, line=line, problems=tuple(error.items))

    def _limits(self, node: Any) -> Limits:
        found = self.found("yscale" if self.tag(node) == "gf" else "range", node)
        if not found:
            return OPEN
        low, high = (_number(found[0].attrib[end], "limits") if end in found[0].attrib else None for end in _ENDS)
        return low, high

    def _trees(
        self, part: Part, node: Any, dimensions: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[tuple[str, ...], Tree]]:
        """Yield the subscripts and the tree of every equation of a variable."""
        own = tuple(self.dimensions(node))
        if plain(name_of(node)) in part.given:
            yield own, Name(part.given[plain(name_of(node))])
            return
        let_out = None if part.macro else self.holders.let_out(part.key(node))
        if let_out is not None and self.tag(node) == "flow":
            yield own, let_out
            return
        elements = self.found("element", node)
        for one in elements:
            subscripts = tuple(each.strip() for each in one.attrib.get("subscript", "").split(","))
            yield subscripts, self._tree(part, node, one)
        if elements:
            return
        equations = self.found("eqn", node)
        if len(equations) > 1 and own and len(equations) == len(dimensions.get(own[0], ())):
            for element, equation in zip(dimensions[own[0]], equations, strict=True):
                yield (element,), self._value(part, node, self._equation(part, equation), node)
            return
        yield own, self._tree(part, node, node)

    def _tree(self, part: Part, node: Any, element: Any) -> Tree:
        """Return the tree of a variable, or of one element of it."""
        if self.tag(node) == "stock" and part.macro and (kinds := kinds_of(node)):
            raise Refused([f"{next(iter(kinds))} in a macro"])
        if not part.macro and part.key(node) in self.holders.stuck:
            raise self.holders.stuck[part.key(node)]
        if self.tag(node) == "gf":
            return self._points(node)
        equations = self.found("eqn", element) or self.found("eqn", node)
        if not equations:
            curves = self.found("gf", element) or self.found("gf", node)
            if not curves:
                raise Refused(["variable without an equation"])
            return self._points(curves[0])
        if len(equations) > 1:
            raise Refused([f"{len(equations)} equations of one variable"])
        tree = self._equation(part, equations[0])
        if self.tag(node) == "stock":
            ins, outs = ([self._flow(part, one) for one in self.found(way, node)] for way in ("inflow", "outflow"))
            holder = None if part.macro else self.holders.made.get(part.key(node))
            own = self.dimensions(node)
            inflows = tuple(self._summed(self._inflow(one), own) for one in ins)
            outflows = tuple(self._summed(one, own) for one in outs)
            if any(isinstance(one, Call) for one in outflows) and self._is_floored(node):
                raise Refused(["non-negative stock with an outflow of more dimensions than its own"])
            if holder and not (isinstance(tree, Literal) and tree.value >= 0.0):
                tree = Call("max", (tree, Literal(0.0)))
            return Stock(inflows, outflows, tree, self._is_floored(node) and not holder, holder)
        return self._value(part, node, tree, element)

    def _value(self, part: Part, node: Any, tree: Tree, element: Any) -> Tree:
        """Return the tree of a flow or auxiliary with the graphical function beside its equation."""
        first = self._first(node, element)
        if first is not None:
            tree = Call("active initial", (tree, self._equation(part, first)))
        curves = self.found("gf", element) or self.found("gf", node)
        if curves:
            tree = WithTable(tree, self._points(curves[0]))
        key = "" if part.macro else part.key(node)
        floored = self.holders.enters(key) or (self.tag(node) == "flow" and self._is_floored(node))
        return self.holders.let_in(key, Call("max", (tree, Literal(0.0))) if floored else tree)

    def _first(self, node: Any, element: Any) -> Any:
        """Return the element that says what a variable is at the start, None where nothing is said."""
        found = [*self.found("init_eqn", element), *self.found("init_eqn", node)]
        return next((one for one in found if says(one)), None)

    def _is_floored(self, node: Any) -> bool:
        own = self.inside(node, "non_negative")
        return self.floored[self.tag(node)] if own is None else "false" not in own.lower()

    def _inflow(self, flow: Tree) -> Tree:
        """Return what a flow brings into a stock: it may be turned into another unit on its way."""
        if not isinstance(flow, Name) or plain(flow.name) not in self.multipliers:
            return flow
        return Chain(("*",), (flow, self._equation(*self.multipliers[plain(flow.name)])))

    def _summed(self, flow: Tree, own: Sequence[str]) -> Tree:
        """Return a flow over its dimensions that a stock does not have."""
        if not isinstance(flow, Name) or flow.subscripts:
            return flow
        mine, dimensions = set(map(plain, own)), self.arrays.get(plain(flow.name), ())
        if len(dimensions) <= len(own) or not mine <= set(map(plain, dimensions)):
            return flow
        more = iter(with_marks([one for one in dimensions if plain(one) not in mine]))
        return Call("sum", (Name(flow.name, tuple(one if plain(one) in mine else next(more) for one in dimensions)),))

    def _flow(self, part: Part, node: Any) -> Tree:
        """Return what a stock calls a flow, a name whose signs need no quotes there."""
        name = " ".join((node.text or "").replace("\\n", " ").strip().strip('"').split())
        return Name(part.meant(name)) if plain(name) in part.names else self._equation(part, node)

    def _equation(self, part: Part, node: Any) -> Tree:
        if len(node):
            raise Refused(["equation with elements inside"])
        equation = self.reads(node.text or "", node.sourceline, self.arrays, part.meant)
        equation.places, equation.outside = self.places, self.outside
        return equation.whole()

    def _points(self, node: Any) -> Points:
        """Return the points of a graphical function."""
        ys = self._numbers(node, "ypts")
        scale = self.found("xscale", node)
        # where points are given, the scale is that of the drawing
        if scale and not self.found("xpts", node):
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
            if path == "dt" and not nodes:
                value = 1.0  # as the standard has it
                yield Definition(what, (), (), Literal(value), unit, "", "Control", line=specs.sourceline)
                continue
            try:
                value = number(nodes[0].text or "")
                if nodes[0].attrib.get("reciprocal", "").lower() == "true":
                    value = 1.0 / value
            except (IndexError, InputError, ZeroDivisionError) as error:
                line = specs.sourceline
                raise InputError(f"{self.name}: line {line}: sim_specs without a number for {what}") from error
            texts = (unit, "", "Control")
            yield Definition(what, (), (), Literal(value), *texts, line=nodes[0].sourceline)
        # Stella says in an attribute of its own how often it keeps results
        kept = [text for name, text in specs.attrib.items() if name.rpartition("}")[2] == "save_interval"]
        try:
            period = number(kept[0]) if kept and kept[0].strip() not in {"", "0"} else value
        except InputError as error:
            place = f"{self.name}: line {specs.sourceline}"
            raise InputError(f"{place}: save_interval of sim_specs is {kept[0]!r}, which is no number") from error
        yield Definition("SAVEPER", (), (), Literal(period), unit, "", "Control", line=specs.sourceline)


def _number(text: str, what: str) -> float:
    try:
        return number(text)
    except InputError as error:
        raise Refused([f"{what}: {error}"]) from error
