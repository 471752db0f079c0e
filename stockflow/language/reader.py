"""One right side to one expression: names found, subscripts decided, signs applied, functions handed on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from stockflow.language import equations as eq
from stockflow.language.curve import Table
from stockflow.language.definition import Definition
from stockflow.language.external import FROM_FILES
from stockflow.language.functions import calls, data, holders, indexed
from stockflow.language.functions.vectors import joined, remainder
from stockflow.language.place import TOO_DEEP, Place
from stockflow.language.scope import Translation
from stockflow.language.tree import (
    Call,
    Chain,
    Entries,
    Holder,
    Kept,
    LetIn,
    LetOut,
    Literal,
    Name,
    Output,
    Points,
    Prefix,
    Refused,
    Stock,
    Text,
    Tree,
    Unfilled,
    WithTable,
    children,
)
from stockflow.names import plain

_DEEPEST = 150
# reading a part of a tree takes some places on the stack
_DEEPEST_TREE = 100
# longer sums are written as a shallow tree, which no stack is too small for
_LONG = 64
_Node = TypeVar("_Node")


def variables_of(translation: Translation, definitions: Sequence[Definition]) -> dict[str, eq.Variable]:
    """Return all variables of a file; what cannot be read is in `translation.refused` then."""
    for one in definitions:
        translation.refuse(translation.define(translation.main, one), one)
    main = translation.main
    broken: set[int] = set()  # a definition that is refused for one element is not read for the others
    for key, elements in main.definitions.items():
        for coordinates, one in elements.items():
            if id(one) in broken:
                continue
            name = translation.name(main, key, coordinates)
            reader = Reader(translation, main, name, name, one, coordinates)
            expression = reader.refusing()
            if reader.refused:
                broken.add(id(one))
                translation.refuse(reader.refused, one)
            texts = (one.unit, one.documentation, one.group, one.limits)
            kind, value = eq.kind(expression)
            translation.add(eq.Variable(name, kind, *texts, expression, value, one.line))
    return translation.variables


class Reader(Place):
    """Reads a definition for one element of its array, from its syntax tree."""

    def expression(self) -> eq.Expression:
        """Return the whole right side; what is not supported is in `refused` then."""
        tree = self.definition.tree
        if self.definition.problems or tree is None:
            return eq.Number(0.0)
        # an element may stand twice, as on the diagonal of a matrix
        running = [one for one in map(plain, self.definition.subscripts) if one in self.ranges.members]
        if len(set(running)) < len(running):
            return self.refuse("the same subscript twice on the left side")
        result = self.attempt(lambda: self._whole(tree))
        return self.refuse(TOO_DEEP) if _deeper(result, eq.children, _DEEPEST) else result

    def _whole(self, tree: Tree) -> eq.Expression:
        # of a list only what belongs to this element is looked at
        own = self.entry(tree) if isinstance(tree, Entries) else tree
        if own is tree and self.coordinates:  # the same for all elements
            deep = self.translation.once(("deep", id(tree)), lambda: _deeper(tree, children, _DEEPEST_TREE))
        else:
            deep = _deeper(own, children, _DEEPEST_TREE)
        return self.refuse(TOO_DEEP) if deep else self.top(own)

    def top(self, tree: Tree) -> eq.Expression:
        """Read what may be a whole right side: here stocks, delays and tables need no hidden variable."""
        match tree:
            case Stock(_, _, initial, floored, None):
                return eq.Integral(self.rate(tree), self.read(initial), floored)
            case Stock(_, _, initial, _, Holder() as holder):
                return holders.content(self, holder, self.rate(tree), self.read(initial))
            case LetOut():
                return holders.let_out(self, tree)
            case Call(name) if plain(name) in FROM_FILES:
                return self.translation.external.read(
                    tree, self.definition, self.coordinates, self.ranges, self.raw_step
                )
            case Unfilled():
                return self.translation.external.filled(self.name, self.definition.data or "", self.raw_step)
            case Entries():
                return self.top(self.entry(tree))
            case Call(name) if self.definition.data is None or plain(name) == "x if missing":
                return self.attempt(lambda: calls.call(self, tree, whole=True), tree.line)
            case Points():
                return self.table(tree)
            case _ if self.definition.data is not None:
                return data.equation(self, tree, self.definition.data)
        return self.read(tree)

    def read(self, tree: Tree) -> eq.Expression:
        """Read any part of a right side."""
        self.translation.spend()
        match tree:
            case Name():
                return self.attempt(lambda: self.reference(tree), tree.line)
            case Literal(value):
                return eq.Number(value)
            case Prefix(operator, argument):
                return eq.Operation(operator, (self.read(argument),))
            case Chain(operators, arguments):
                return _chained(operators, [self.read(one) for one in arguments])
            case Call(name) if plain(name) in FROM_FILES:
                return self.refuse(f"{name.replace('_', ' ').upper()} inside an expression")
            case Call():
                return self.attempt(lambda: calls.call(self, tree), tree.line)
            case Output(call, place):
                return self.attempt(lambda: calls.macro_value(self, call, place))
            case LetIn():
                return holders.let_in(self, tree)
            case WithTable(argument, points):
                return self.attempt(lambda: eq.WithLookup(self.read(argument), self.table(points)))
            case Kept(name, part):
                use = ("kept", id(tree), self.scope.prefix, self.coordinates, tuple(self.bound.items()))
                return self.translation.once(use, lambda: self.keep(name, self.read(part)))
            case Text(value):
                return self.refuse(f"text {value!r}")
            case Entries():
                return self.refuse("list of numbers inside an expression")
        return self.refuse(f"{type(tree).__name__.lower()} inside an expression")

    def table(self, points: Points) -> Table:
        """Return the table of some points, the same for all elements; Refused for points that are none."""
        return self.translation.once(("table", id(points)), points.table)

    def rate(self, stock: Stock) -> eq.Expression:
        """Return the flows of a stock: what comes in, less what goes out."""
        flows = [self.read(one) for one in (*stock.inflows, *stock.outflows)]
        if not flows:
            return eq.Number(0.0)
        if not stock.inflows:
            flows[0] = eq.Operation("negative", (flows[0],))
        signs = "+" * (len(stock.inflows) - 1) + "-" * (len(stock.outflows) - (not stock.inflows))
        return _chained(signs, flows) if signs else flows[0]

    @property
    def raw_step(self) -> float | None:
        """The time step, which is fixed by :RAW: data, as they stand for less than one of it; None for others."""
        return self.fixed(self.step) if self.definition.data == "raw" else None

    def entry(self, tree: Entries) -> Tree:
        """Return what belongs to this element in a list or matrix."""
        sizes, place = self.ranges.row(self.definition.subscripts, self.coordinates)
        if len(tree.values) != math.prod(sizes):
            raise Refused([f"list of {len(tree.values)} numbers for {math.prod(sizes)} elements"])
        return tree.values[place]

    def reference(self, tree: Name) -> eq.Expression:
        """Return what a name stands for: an argument, Time, a variable or the place of a subscript."""
        key = plain(tree.name)
        if key in self.scope.arguments:
            return self.scope.arguments[key]
        if self._bare(key) == "time":
            return eq.Time()
        if not self.defined(key):
            place = self.ranges.position(tree.name, self.bound)
            if place is not None:
                return eq.Number(float(place))
            function = self.translation.functions.get(key)
            if function is not None and key == "self" and tree.subscripts:
                return self.reference(indexed.own(self, tree))
            if function is not None and function.least == 0:
                return calls.call(self, Call(tree.name, ()))
        name, definition = self.find(tree)
        if definition.lookup:
            return self.refuse(f"lookup {name!r} without an argument")
        return eq.Reference(name)


def _deeper(root: _Node, children: Callable[[_Node], Iterable[_Node]], most: int) -> bool:
    """Say whether more than so many parts stand inside each other."""
    level = [root]
    for _ in range(most):
        level = [part for one in level for part in children(one)]
        if not level:
            return False
    return True


def _chained(operators: Sequence[str], values: list[eq.Expression]) -> eq.Expression:
    """Join values by operators of one precedence: powers from the right, all others from the left."""
    if operators[0] == "^":
        *others, result = values
        for value in reversed(others):
            result = eq.Operation("^", (value, result))
        return result
    if operators[0] == "or":
        return joined("or", values)
    if len(values) > _LONG and set(operators) <= {"+", "-"}:
        signed = [
            eq.Operation("negative", (one,)) if sign == "-" else one
            for sign, one in zip(["+", *operators], values, strict=True)
        ]
        return joined("+", signed)
    result = values[0]
    for operator, value in zip(operators, values[1:], strict=True):
        result = remainder(result, value) if operator == "mod" else eq.Operation(operator, (result, value))
    return result
