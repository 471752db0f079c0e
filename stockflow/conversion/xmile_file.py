"""A Vensim file as XMILE: the whole file, one variable at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stockflow.conversion.arrays import Array, arrays, each_element, one_for_all, right_side
from stockflow.conversion.expressions import Xmile
from stockflow.conversion.macros import libraries
from stockflow.conversion.translation import BEYOND, Refusing, ToXmile
from stockflow.conversion.views import into_xmile
from stockflow.language.definition import Definition, Limits, Macro
from stockflow.language.equations import CONTROLS, Equations
from stockflow.language.functions.dialects import XMILE
from stockflow.language.source import Contents
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Call, Chain, Literal, Name, Points, Prefix, Refused, Stock, Tree, WithTable, walk
from stockflow.language.xmile.variables import ALIASES
from stockflow.names import plain
from stockflow.pictures.layout import View
from stockflow.version import VERSION

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
_STELLA = "http://iseesystems.com/XMILE"
_METHODS = {"Euler": "Euler", "RK4": "RK4", "Heun": "RK2"}
_TYPES = {"hold": "continuous", "extrapolate": "extrapolate", "steps": "discrete"}
_WRITER = Xmile()
_UNHELD = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: what a flow says that stands for a part of a stock's rate which is no variable; read back, it is that part again
MADE = "A part of the equation of the stock."
_NET = "net flow"
_MADE = re.compile(rf"{_NET}|(in|out)flow \d+")


def is_made(name: str, stock: str) -> bool:
    """Say whether a flow has the name of one that is made for a stock."""
    own = f"{plain(stock)} "
    return plain(name).startswith(own) and _MADE.fullmatch(plain(name).removeprefix(own)) is not None


@dataclass(slots=True)
class Flows:
    """The names of the flows of a stock, and the right sides of those that are made for it.

    Where elements of an array differ, one flow, whose name is in `net`, is all of the rate.
    """

    into: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    made: dict[str, Tree] = field(default_factory=dict)
    net: str = ""


class XmileFile(Refusing):
    """Writes what a Vensim file says; what cannot be written is in `refused`, variable by variable."""

    def __init__(self, contents: Contents, equations: Equations) -> None:
        super().__init__()
        self.contents, self.equations = contents, equations
        self.parsed = contents.parsed
        self.ranges = Ranges(self.parsed.ranges, self.parsed.mappings)
        self.arrays = arrays(self.parsed, self.ranges)
        dimensions = {key: one.dimensions for key, one in self.arrays.items() if one.dimensions}
        self.translator = ToXmile(self.parsed, self.ranges, dimensions)
        self.translator.kinds = self._kinds()
        self.flows = self._flows()
        self.flowing = {plain(one) for flows in self.flows.values() for one in (*flows.into, *flows.out)}

    def text(self, views: Sequence[View]) -> str:
        """Return the file, with views."""
        root = self.root()
        model = root[-1]
        if views:
            into_xmile(model, views, {plain(one.get("name") or ""): one.tag for one in model[0]})
        indent(root)
        return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'

    def root(self) -> Element:
        """Return the outermost element."""
        root = Element("xmile", {"version": "1.0", "xmlns": NAMESPACE, "xmlns:isee": _STELLA})
        header = _child(root, "header")
        _child(header, "vendor", "stockflow")
        _child(header, "product", "stockflow", version=VERSION)
        _child(header, "name", Path(self.equations.source).stem)
        self._clock(root)
        self._units(root)
        self._dimensions(root)
        variables = Element("variables")
        for one in self.arrays.values():
            self._variable(variables, one)
        self._groups(variables)
        macros = [one for one in self.parsed.macros.values() if plain(one.name) not in self.translator.functions]
        for macro in macros:
            self._macro(root, macro)
        for macro in libraries()[False].with_needed(self.translator.used):
            self._written_macro(root, macro, [one.tree for one in macro.definitions if one.tree])
        _child(root, "model").append(variables)
        return root

    def _clock(self, root: Element) -> None:
        method = _METHODS.get(self.equations.method)
        if method is None:
            how = "takes the middle of a step" if self.equations.method == "RK2" else "sets its steps by itself"
            self.refused[f"integration method {self.equations.method}, which {how}"] = None
        unit, period = self.arrays["time step"].first.unit, self.equations.control("saveper")
        specs = _child(root, "sim_specs", method=method or "")
        specs.set("isee:save_interval", _WRITER.number(period))
        if unit:
            specs.set("time_units", unit)
        for tag, name in (("start", "initial time"), ("stop", "final time"), ("dt", "time step")):
            _child(specs, tag, _WRITER.number(self.equations.control(name)))

    def _units(self, root: Element) -> None:
        if self.contents.equivalences:
            units = _child(root, "model_units")
            for name, *others in self.contents.equivalences:
                unit = _child(units, "unit", name=name)
                for one in others:
                    _child(unit, "alias", one)

    def _dimensions(self, root: Element) -> None:
        if self.parsed.ranges:
            dimensions = _child(root, "dimensions")
            for name in self.parsed.ranges:
                dimension = _child(dimensions, "dim", name=name)
                for one in self.ranges.choices(name):
                    element = self.ranges.spelling[one]
                    if "," in element:
                        why = "with a comma, which divides subscripts in XMILE (rename it)"
                        self.refused[f"element {element!r} of {name!r} {why}"] = None
                    _child(dimension, "elem", name=element)

    def _groups(self, variables: Element) -> None:
        groups: dict[str, list[str]] = {}
        for one in self.arrays.values():
            if one.first.group:
                groups.setdefault(one.first.group, []).append(one.name)
        for name, members in groups.items():
            group = _child(variables, "group", name=name)
            for member in members:
                _child(group, "entity", name=member)

    def _kinds(self) -> dict[str, str]:
        """Return how the tables are read that all their calls read alike, but not as they stand."""
        found: dict[str, set[str]] = {}
        trees = [one.tree for one in self.parsed.definitions if one.tree is not None]
        for one in (each for tree in trees for each in walk(tree) if isinstance(each, Call)):
            key = plain(one.name)
            if key in BEYOND and isinstance(one.arguments[0], Name):
                found.setdefault(plain(one.arguments[0].name), set()).add(BEYOND[key])
            else:
                found.setdefault(key, set()).add("")
        return {key: next(iter(kinds)) for key, kinds in found.items() if len(kinds) == 1 and "" not in kinds}

    def _flows(self) -> dict[str, Flows]:
        """Return the flows of each stock: variables that are added or taken off, and parts of its rate otherwise."""
        taken: tuple[set[str], set[str]] = (set(), set())
        found: dict[str, Flows] = {}
        for key, array in self.arrays.items():
            stock = array.definitions[0].tree
            if not (isinstance(stock, Call) and _is_stock(stock)):
                continue
            flows = found[key] = Flows()
            if array.dimensions and not one_for_all(array, self.ranges):
                flows.net = f"{array.name} {_NET}"
                flows.into.append(flows.net)
                continue
            sides, own_flows = _signed(stock.arguments[0]), (flows.into, flows.out)
            for side, terms, own, word in zip(taken, sides, own_flows, ("inflow", "outflow"), strict=True):
                for number, one in enumerate(terms, 1):
                    if isinstance(one, Name) and plain(one.name) not in side and self._is_flow(one, array):
                        side.add(plain(one.name))
                        own.append(one.name)
                        continue
                    name = f"{array.name} {_NET if sum(map(len, sides)) == 1 else f'{word} {number}'}"
                    flows.made[name] = one
                    own.append(name)
        return found

    def _is_flow(self, one: Name, stock: Array) -> bool:
        array = self.arrays.get(plain(one.name))
        if array is None or array.first.lookup or array.dimensions != stock.dimensions:
            return False
        tree = array.definitions[0].tree
        if plain(one.name) in CONTROLS or _is_stock(tree):
            return False
        return tuple(map(plain, one.subscripts)) in ((), tuple(map(plain, stock.dimensions)))

    def _variable(self, variables: Element, array: Array) -> None:
        one = array.first
        try:
            if plain(array.name) in ALIASES:
                raise Refused(["name that XMILE has of its own"])
            if array.refused:
                raise Refused(list(array.refused))
            for item in array.definitions:
                if item.data is not None:
                    raise Refused(["data that another file holds"])
            _WRITER.checked(array.name)
            _held(array.name, one.unit, one.documentation, one.group)
            variables.extend(self._elements(array))
        except Refused as error:
            self.refuse(error, one)

    def _elements(self, array: Array) -> list[Element]:
        """Return the elements of a variable; beside a stock, those of the flows that are made for it."""
        key = plain(array.name)
        if key in self.flows:
            return self._stock(array, self.flows[key])
        node = self._head("flow" if key in self.flowing else "aux", array)
        self._bodies(node, array)
        return [node]

    def _head(self, kind: str, array: Array) -> Element:
        node = Element(kind, name=array.name)
        one = array.first
        if one.documentation:
            _child(node, "doc", one.documentation)
        if array.dimensions:
            dimensions = _child(node, "dimensions")
            for name in array.dimensions:
                _child(dimensions, "dim", name=name)
        if one.unit:
            _child(node, "units", one.unit)
        _limits(node, one.limits)
        return node

    def _bodies(self, node: Element, array: Array, part: Callable[[Tree], Tree] = lambda tree: tree) -> None:
        """Write the equations of a variable, or a part of each: one, or one for each element."""
        if not array.dimensions or one_for_all(array, self.ranges):
            one = array.definitions[0]
            if len(array.definitions) > 1:
                raise Refused(["second equation"])
            self._body(node, self.translator.translated(part(right_side(one)), one))
            return
        for subscripts, one, tree, bound in each_element(array, self.ranges):
            inside = _child(node, "element", subscript=", ".join(subscripts))
            self._body(inside, self.translator.translated(part(tree), one, bound))

    def _body(self, node: Element, tree: Tree) -> None:
        if isinstance(tree, Points):
            _points(_child(node, "gf"), tree, self.translator.kinds.get(plain(self.translator.own.name), "hold"))
            return
        if isinstance(tree, WithTable):
            _child(node, "eqn", _WRITER.text(tree.argument))
            _points(_child(node, "gf"), tree.points, tree.points.kind)
            return
        if isinstance(tree, Call) and plain(tree.name) == "active initial":
            for tag, one in zip(("eqn", "init_eqn"), tree.arguments, strict=True):
                _child(node, tag, _WRITER.text(one))
            return
        _child(node, "eqn", _WRITER.text(tree))

    def _stock(self, array: Array, flows: Flows) -> list[Element]:
        node = self._head("stock", array)
        self._bodies(node, array, partial(_part, 1))
        for tag, names in (("inflow", flows.into), ("outflow", flows.out)):
            for name in names:
                _child(node, tag, _WRITER.name(name))
        nodes = [node]
        for name in (*flows.made, *filter(None, [flows.net])):
            if plain(name) in self.arrays:
                raise Refused([f"stock beside a variable {name!r}"])
            said = Definition(name, (), (), None, documentation=MADE)
            flow = self._head("flow", Array(name, (said,), array.dimensions))
            nodes.append(flow)
            if name == flows.net:
                self._bodies(flow, array, partial(_part, 0))
            else:
                self._body(flow, self.translator.translated(flows.made[name], array.first))
        return nodes

    def _macro(self, root: Element, macro: Macro) -> None:
        translator = self.translator
        try:
            if macro.outputs:
                raise Refused(["macro with further results"])
            if plain(macro.name) in XMILE:
                raise Refused(["macro with the name of a function of XMILE"])
            _held(*(text for one in macro.definitions for text in (one.name, one.unit, one.documentation)))
            translator.within(macro)
            own = next(one for one in macro.definitions if plain(one.name) == plain(macro.name))
            definitions = macro.definitions
            made = [f"{one.name} {_NET}" for one in definitions if _is_stock(one.tree) and one is not own]
            if _is_stock(own.tree):
                # what a macro gives is an expression: that of a stock is a variable in it
                inside = replace(own, name=f"{macro.name} stock")
                made += [inside.name, f"{inside.name} {_NET}"]
                translator.renamed = {plain(macro.name): inside.name}
                own = replace(own, tree=Name(macro.name))
                definitions = (own, inside, *(one for one in definitions if plain(one.name) != plain(macro.name)))
            for name in made:
                if plain(name) in translator.inside:
                    raise Refused([f"stock beside a variable {name!r}"])
            trees = [self._inside(one) for one in definitions]
            self._written_macro(root, replace(macro, definitions=definitions), trees)
        except Refused as error:
            self.refuse(error, macro)
        finally:
            translator.outside()
            translator.renamed = {}

    def _inside(self, one: Definition) -> Tree:
        """Return the right side of a variable of a macro; a stock with its initial value and its rate."""
        tree = right_side(one)
        if one.subscripts or isinstance(tree, (Points, WithTable)):
            raise Refused([f"{one.name!r}, an array or table,"])
        if isinstance(tree, Call) and _is_stock(tree):
            rate, initial = (self.translator.translated(_part(place, tree), one) for place in (0, 1))
            return Stock((rate,), (), initial)
        return self.translator.translated(tree, one)

    def _written_macro(self, root: Element, macro: Macro, trees: Sequence[Tree]) -> None:
        node = _child(root, "macro", name=macro.name)
        for parameter in macro.parameters:
            _child(node, "parm", _WRITER.name(parameter.strip('"')))
        inside = Element("variables")
        for one, tree in zip(macro.definitions, trees, strict=True):
            if plain(one.name) == plain(macro.name):
                _child(node, "eqn", _WRITER.text(tree))
                continue
            variable = _child(inside, "stock" if isinstance(tree, Stock) else "aux", name=one.name)
            if one.documentation:
                _child(variable, "doc", one.documentation)
            _child(variable, "eqn", _WRITER.text(tree.initial if isinstance(tree, Stock) else tree))
            if one.unit:
                _child(variable, "units", one.unit)
            if isinstance(tree, Stock):
                net = f"{one.name} {_NET}"
                _child(variable, "inflow", _WRITER.name(net))
                flow = _child(inside, "flow", name=net)
                _child(flow, "doc", MADE)
                _child(flow, "eqn", _WRITER.text(tree.inflows[0]))
        if len(inside):
            node.append(inside)


def _held(*texts: str) -> None:
    """Raise Refused for texts that XML has no form for."""
    for text in texts:
        if found := _UNHELD.search(text):
            raise Refused([f"name, unit, comment or group with the control character {found[0]!r} (take it out)"])


def _is_stock(tree: Tree | None) -> bool:
    return isinstance(tree, Call) and plain(tree.name) == "integ"


def _part(place: int, tree: Tree) -> Tree:
    """Return the rate or the initial value of a stock, of which what holds later is no part."""
    if not (isinstance(tree, Call) and _is_stock(tree)):
        raise Refused(["array of which some elements are stocks"])
    part = tree.arguments[place]
    while place and isinstance(part, Call) and plain(part.name) == "active initial":
        part = part.arguments[1]
    if place and isinstance(part, WithTable):
        raise Refused(["stock that starts from a table (give the table a variable)"])
    return part


def _signed(rate: Tree) -> tuple[list[Tree], list[Tree]]:
    """Return the terms that a rate adds and those that it takes off."""
    if rate == Literal(0.0):
        return [], []
    signs: tuple[str, ...] = ("+",)
    terms: tuple[Tree, ...] = (rate,)
    if isinstance(rate, Chain) and set(rate.operators) <= {"+", "-"}:
        signs, terms = ("+", *rate.operators), rate.arguments
    sides: tuple[list[Tree], list[Tree]] = ([], [])
    for sign, term in zip(signs, terms, strict=True):
        taken, one = sign == "-", term
        if isinstance(one, Prefix) and one.operator == "negative":
            taken, one = not taken, one.argument
        sides[taken].append(one)
    return sides


def _limits(node: Element, limits: Limits) -> None:
    given = {end: _WRITER.number(one) for end, one in zip(("min", "max"), limits, strict=True) if one is not None}
    if given:
        _child(node, "range", **given)


def _points(node: Element, table: Points, kind: str) -> None:
    node.set("type", _TYPES[kind])
    for tag, values in (("xpts", table.xs), ("ypts", table.ys)):
        _child(node, tag, ",".join(map(_WRITER.number, values)))


def _child(node: Element, tag: str, text: str = "", **attributes: str) -> Element:
    found = SubElement(node, tag, attributes)
    found.text = text or None
    return found
