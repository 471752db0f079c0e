"""Syntax trees of one dialect as trees of the other that mean the same: functions, names, subscripts.

Functions that the other dialect lacks become macros (`macros`); what has no form there is refused.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

from stockflow.conversion.expressions import misplaced, no_form
from stockflow.conversion.macros import Library, libraries
from stockflow.language.definition import Definition, Macro, Parsed
from stockflow.language.functions.calls import marked
from stockflow.language.functions.dialects import VENSIM, XMILE
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import (
    INDEXED,
    Call,
    Chain,
    Kept,
    Literal,
    Name,
    Points,
    Prefix,
    Refused,
    Stock,
    Tree,
    Unfilled,
    WithTable,
    with_marks,
)
from stockflow.language.xmile.variables import ALIASES
from stockflow.names import plain

ZERO = Literal(0.0)
_FAR = Literal(1e30)
# what each may take of a stock is written with all those before it
_MOST_OUTFLOWS = 500
Rule = Callable[["Translator", Call, bool], Tree]


class Refusing:
    """What cannot be written of a file, variable by variable."""

    def __init__(self) -> None:
        self.refused: dict[str, None] = {}

    def refuse(self, error: Refused, one: Definition | Macro) -> None:
        """Note what cannot be written of a variable."""
        place = f" (line {one.line})" if one.line else ""
        self.refused |= dict.fromkeys(f"{item} in {one.name!r}{place}" for item in error.items)


class Translator(ABC):
    """Translates the trees of one file.

    `vensim` says whether into Vensim; `arrays` are the ranges of every array by compared name, and `used` the macros
    that translated trees call.
    """

    vensim: bool
    rules: Mapping[str, Rule]
    #: names of the model's clock
    reserved: Iterable[str]

    def __init__(self, parsed: Parsed, ranges: Ranges, arrays: Mapping[str, Sequence[str]]) -> None:
        self.parsed, self.ranges, self.arrays = parsed, ranges, arrays
        self.library: Library = libraries()[self.vensim]
        other = libraries()[not self.vensim]
        self.functions = {key: other.functions[key] for key, one in parsed.macros.items() if other.known(one)}
        self.tables = {plain(one.name): one for one in parsed.definitions if one.lookup}
        self.known = {plain(one.name) for one in parsed.definitions}
        self.used: set[str] = set()
        self.own = Definition("", (), (), None)
        self.bound: Mapping[str, str] | None = None
        self.macro: Macro | None = None
        #: compared names of what the present macro takes and defines
        self.inside: frozenset[str] = frozenset()

    def translated(self, tree: Tree, own: Definition, bound: Mapping[str, str] | None = None) -> Tree:
        """Return a whole right side; `bound` are the elements that ranges stand for, where it is of one element."""
        self.own, self.bound = own, bound
        return self.whole(tree)

    def whole(self, tree: Tree) -> Tree:
        """Return what may be a whole right side."""
        match tree:
            case WithTable(argument, points):
                return WithTable(self.tree(argument), points)
            case Points():
                return tree
            case Call():
                return self.call(tree, True)
            case Unfilled():
                raise Refused(["data that another file holds"])
        return self.tree(tree)

    def tree(self, tree: Tree) -> Tree:
        """Return any part of a right side."""
        match tree:
            case Literal():
                return tree
            case Name():
                return self.reference(tree)
            case Prefix(operator, argument):
                return Prefix(operator, self.tree(argument))
            case Chain(operators, (Kept(_, Chain(before, first)), *others)):
                if len(first) + len(others) > _MOST_OUTFLOWS:
                    raise Refused([f"outflow of a non-negative stock after more than {_MOST_OUTFLOWS} others"])
                return self.tree(Chain((*before, *operators), (*first, *others)))
            case Chain(operators, arguments):
                return self.chain(operators, [self.tree(one) for one in arguments])
            case Call():
                return self.call(tree, False)
        raise misplaced(tree)

    def chain(self, operators: Sequence[str], arguments: Sequence[Tree]) -> Tree:
        """Return operands with their operators."""
        return Chain(tuple(operators), tuple(arguments))

    def call(self, tree: Call, whole: bool) -> Tree:
        """Return a call as one of the other dialect."""
        key = plain(tree.name)
        if key in self.functions:
            return self.built_in(self.functions[key], [self.tree(one) for one in tree.arguments])
        if key in self.parsed.macros:
            if tree.outputs:
                raise Refused([f"further results of the macro {tree.name!r}"])
            return Call(tree.name, tuple(self.tree(one) for one in tree.arguments))
        if key in self.tables:
            return self.lookup(tree, "")
        rule = self.rules.get(key)
        if rule is None:
            raise Refused([f"function {tree.name.replace('_', ' ').upper()}"])
        return rule(self, tree, whole)

    def macro_call(self, function: str, arguments: Sequence[Tree]) -> Tree:
        """Return a call of the macro that stands for a function."""
        name = self.library.calls[function]
        for needed in (one.name for one in self.library.with_needed([name])):
            own = self.parsed.macros.get(plain(needed))
            if plain(needed) in self.known or (own is not None and not self.library.known(own)):
                raise Refused([f"function {function.upper()} beside what is called {needed!r}"])
        self.used.add(name)
        return Call(name, tuple(arguments))

    def built_in(self, function: str, arguments: Sequence[Tree]) -> Tree:
        """Return a call of a function of the other dialect for which this one has a macro."""
        if function == "mod":
            return Chain(("mod",), tuple(arguments))
        return Call("pulse" if function == "pulses" else function, tuple(arguments))

    def marked(self, tree: Name) -> Name:
        """Return an array that is named alone with marks for all its ranges."""
        dimensions = self.arrays.get(plain(tree.name), ())
        if tree.subscripts or not dimensions or plain(tree.name) in self.inside:
            return tree
        return Name(tree.name, with_marks(dimensions))

    def over(self, tree: Call) -> list[tuple[Tree, int]]:
        """Return what a function of arrays and values takes, with marks, and how many elements each is; 0 for a value.

        An array named alone is one if nothing else is there, or the variable that is written is no array.
        """
        alone = len(tree.arguments) == 1 or not self.own.subscripts
        found: list[tuple[Tree, int]] = []
        for argument in tree.arguments:
            array = self.marked(argument) if alone and isinstance(argument, Name) else argument
            marks = dict.fromkeys(marked([array], XMILE if self.vensim else VENSIM))
            count = math.prod(len(self.ranges.choices(one.rstrip("!"))) for one in marks)
            found.append((self.tree(array), count if marks else 0))
        return found

    def within(self, macro: Macro) -> None:
        """Turn to a macro, whose own names come before all others; Refused for one that has another meaning there."""
        inside = {plain(one) for one in (*macro.parameters, *(each.name for each in macro.definitions))}
        for name in ("time", *self.reserved):
            if name in inside:
                raise Refused([f"macro with {name.upper()} among its own names"])
        self.macro, self.inside = macro, frozenset(inside)

    def outside(self) -> None:
        """Turn back to the model."""
        self.macro, self.inside = None, frozenset()

    @abstractmethod
    def reference(self, tree: Name) -> Tree:
        """Return a name as the other dialect has it."""

    @abstractmethod
    def lookup(self, tree: Call, kind: str) -> Tree:
        """Return a call of a table: as its ends are, or otherwise (`kind`)."""


def renamed(name: str, *order: int) -> Rule:
    """A function of another name, with its arguments in another `order` if one is given."""

    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        arguments = [tree.arguments[place] for place in order] if order else tree.arguments
        return Call(name, tuple(one.tree(each) for each in arguments))

    return translate


def by_macro(function: str, *missing: Tree, name: str = "") -> Rule:
    """A function for which there is a macro; one that is left alone may be another function (`name`)."""

    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        count = len(one.library.macros[plain(one.library.calls[function])].parameters)
        arguments = [one.tree(each) for each in tree.arguments]
        arguments += missing[len(missing) - (count - len(arguments)) :] if len(arguments) < count else ()
        return Call(name, tuple(arguments)) if whole and name else one.macro_call(function, arguments)

    return translate


def by_count(**rules: Rule) -> Rule:
    """A function that is another one for each number of arguments: `of2`, `of3`."""

    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        return rules[f"of{len(tree.arguments)}"](one, tree, whole)

    return translate


def _power(one: Translator, tree: Call, whole: bool) -> Tree:
    return one.chain("^", [one.tree(each) for each in tree.arguments])


def _active(one: Translator, tree: Call, whole: bool) -> Tree:
    """ACTIVE INITIAL, which may only be a whole right side: in XMILE it is an equation beside another."""
    if not whole or one.macro:
        raise Refused([f"{tree.name.replace('_', ' ').upper()} inside an expression or macro"])
    return Call(tree.name, tuple(map(one.tree, tree.arguments)))


class ToXmile(Translator):
    """Translates Vensim's trees."""

    vensim = False
    reserved = tuple(ALIASES)

    def reference(self, tree: Name) -> Tree:
        """Return a name; in a macro, the marks of the model's clock are left out."""
        key = plain(tree.name)
        if key in self.inside:
            return Name(self.renamed.get(key, tree.name), tree.subscripts)
        if self.macro is not None and key.endswith("$"):
            inside = key.removesuffix("$")
            words = {"time": "TIME", **{name: word.upper() for word, name in ALIASES.items()}}
            if inside not in words:
                raise Refused([f"name {tree.name!r} of the model around the macro"])
            return Name(words[inside])
        # a range or element by itself is its place; one equation for all elements names the range
        alone = self.ranges.known(key) and key not in self.known
        if alone and (key not in self.ranges.members or self.bound is not None):
            return Literal(float(self.ranges.position(key, self.bound or {}) or 0))
        return Name(self.renamed.get(key, tree.name), self.subscripts(tree))

    def subscripts(self, tree: Name) -> tuple[str, ...]:
        """Return subscripts, with the elements in the place of ranges where it is one element's equation."""
        dimensions = self.arrays.get(plain(tree.name), ())
        found: list[str] = []
        if len(set(marks := [plain(one) for one in tree.subscripts if one.endswith("!")])) < len(marks):
            raise Refused([f"diagonal of the array {tree.name!r}"])
        for place, one in enumerate(tree.subscripts):
            if one.endswith("!"):
                if place >= len(dimensions) or plain(one.removesuffix("!")) != plain(dimensions[place]):
                    raise Refused([f"{one} as a part of an array"])
                found.append(one)
            elif self.bound is not None:
                found.append(self.ranges.spelling[self.ranges.element(one, self.bound)])
            else:
                found.append(one)
        return tuple(found)

    def lookup(self, tree: Call, kind: str) -> Tree:
        """Return a call of a table."""
        if len(tree.arguments) != 1:
            raise Refused([f"call of the table {tree.name!r}"])
        name = Name(tree.name, tree.subscripts)
        return Call("lookup", (Name(tree.name, self.subscripts(name)), self.tree(tree.arguments[0])))

    def beyond(self, tree: Call, whole: bool) -> Tree:
        """LOOKUP EXTRAPOLATE and LOOKUP BACKWARD: of a table that all calls read so."""
        table, argument = tree.arguments
        if not isinstance(table, Name) or plain(table.name) not in self.tables:
            raise Refused([f"{tree.name.upper()} of what is no table"])
        if self.kinds.get(plain(table.name)) != BEYOND[plain(tree.name)]:
            raise Refused([f"{tree.name.upper()} of a table that is read in another way, too"])
        return self.lookup(Call(table.name, (argument,), table.subscripts), "")

    #: how the tables are read that are not read as they stand
    kinds: Mapping[str, str] = {}
    #: names that are others in the present macro
    renamed: Mapping[str, str] = {}


def _elements(one: Translator, tree: Call, whole: bool) -> Tree:
    name = tree.arguments[0]
    if not isinstance(name, Name):
        raise Refused(["ELMCOUNT of what is no range"])
    return Literal(float(len(one.ranges.choices(name.name))))


def _beyond(one: Translator, tree: Call, whole: bool) -> Tree:
    assert isinstance(one, ToXmile)
    return one.beyond(tree, whole)


#: functions that read a table otherwise than it stands, and the type of graphical function that is read so
BEYOND: Mapping[str, str] = {"lookup extrapolate": "extrapolate", "lookup backward": "steps"}
_ALIKE = (
    "exp",
    "ln",
    "log10",
    "sqrt",
    "abs",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "step",
    "min",
    "max",
    "if then else",
    "sum",
    "prod",
    "trend",
    "delay1",
    "delay3",
)
# functions of Vensim that XMILE only calls otherwise
_OTHERWISE = {
    "vmin": "min",
    "vmax": "max",
    "delay1i": "delay1",
    "delay3i": "delay3",
    "delay fixed": "delay",
    "smooth": "smth1",
    "smoothi": "smth1",
    "smooth3": "smth3",
    "smooth3i": "smth3",
    "forecast": "forcst",
    "initial": "init",
    "random uniform": "random",
}
ToXmile.rules = {
    **{name: renamed(name) for name in _ALIKE},
    **{name: renamed(other) for name, other in _OTHERWISE.items()},
    **{name: by_macro(name) for name in libraries()[False].calls},
    **dict.fromkeys(BEYOND, _beyond),
    "power": _power,
    "elmcount": _elements,
    "delay n": renamed("delayn", 0, 1, 3, 2),
    "smooth n": renamed("smthn", 0, 1, 3, 2),
    "active initial": _active,
    "random normal": renamed("normal", 2, 3, 4, 0, 1),
    "random 0 1": lambda one, tree, whole: Call("random", (ZERO, Literal(1.0))),
}


class ToVensim(Translator):
    """Translates XMILE's trees."""

    vensim = True
    reserved = tuple(ALIASES.values())

    def reference(self, tree: Name) -> Tree:
        """Return a name with the subscripts that XMILE leaves out."""
        key = plain(tree.name)
        if key in self.inside:
            return tree
        if key not in self.known:
            if key in ALIASES or key == "time":
                name = ALIASES.get(key, "Time")
                return Name(f"{name}$" if self.macro else name.upper() if key in ALIASES else name)
            if key == "pi":
                return Literal(math.pi)
            if key == "self":
                return Name(self.own.name, tree.subscripts or self.own.subscripts)
            if not self.ranges.counts_alike(key):
                raise Refused([f"place in the range {tree.name!r}, which Vensim counts in a larger one,"])
            place = None if self.ranges.known(key) else self.ranges.position(key, {})
            if place is not None:
                return Literal(float(place))
        dimensions = self.arrays.get(key, ())
        if any(one.endswith("!!") for one in tree.subscripts):
            raise Refused([f"all elements of {tree.name!r}, an array over one dimension twice,"])
        if len(tree.subscripts) == len(dimensions):
            tree = Name(tree.name, tuple(map(self.ranges.numbered, dimensions, tree.subscripts)))
        if tree.subscripts or not dimensions or self.macro:
            return Name(tree.name, tree.subscripts)
        mine = self.arrays.get(plain(self.own.name), ())
        names, wanted = [plain(one) for one in mine], [plain(one) for one in dimensions]
        if names == wanted:
            return Name(tree.name, self.own.subscripts)
        here = dict(zip(names, self.own.subscripts, strict=False))
        # which of two subscripts over one dimension is meant, no name tells
        if len(here) < len(names) or len(set(wanted)) < len(wanted) or not here.keys() >= set(wanted):
            raise Refused([f"array {tree.name!r} without subscripts"])
        return Name(tree.name, tuple(here[one] for one in wanted))

    def chain(self, operators: Sequence[str], arguments: Sequence[Tree]) -> Tree:
        """Return operands with their operators; a remainder is a call."""
        if "mod" not in operators:
            return super().chain(operators, arguments)
        result = arguments[0]
        for operator, one in zip(operators, arguments[1:], strict=True):
            result = self.macro_call("mod", (result, one)) if operator == "mod" else Chain((operator,), (result, one))
        return result

    def whole(self, tree: Tree) -> Tree:
        """Return what may be a whole right side; a stock is the integral of its flows."""
        if not isinstance(tree, Stock):
            return super().whole(tree)
        if tree.holder is not None:
            raise no_form(tree.holder)
        flows = [self.tree(one) for one in (*tree.inflows, *tree.outflows)]
        rate: Tree = flows[0] if flows else ZERO
        if flows and not tree.inflows:
            rate = Prefix("negative", flows[0])
        signs = "+" * (len(tree.inflows) - 1) + "-" * (len(tree.outflows) - (not tree.inflows))
        if signs:
            rate = Chain(tuple(signs), (rate, *flows[1:]))
        if tree.floored:
            # no more than empties the stock in one step
            stock = Name(self.own.name, self.own.subscripts)
            step = Name("TIME STEP$" if self.macro else "TIME STEP")
            rate = Call("max", (rate, Chain(("/",), (Prefix("negative", stock), step))))
        return Call("integ", (rate, self.tree(tree.initial)))

    def lookup(self, tree: Call, kind: str) -> Tree:
        """Return a call of a graphical function, whose type is the function that reads it in Vensim."""
        if len(tree.arguments) != 1:
            raise Refused([f"call of the graphical function {tree.name!r}"])
        points = self.tables[plain(tree.name)].tree
        own = points.kind if isinstance(points, Points) else "hold"
        name = self.reference(Name(tree.name, tree.subscripts))
        assert isinstance(name, Name)
        argument = self.tree(tree.arguments[0])
        if own == "hold":
            return Call(name.name, (argument,), name.subscripts)
        return Call(next(one for one, kind in BEYOND.items() if kind == own), (name, argument))


def _lookup(one: Translator, tree: Call, whole: bool) -> Tree:
    table, argument = tree.arguments
    if not isinstance(table, Name) or plain(table.name) not in one.tables:
        raise Refused(["LOOKUP of what is no graphical function"])
    return one.lookup(Call(table.name, (argument,), table.subscripts), "")


def _computed(one: Translator, tree: Call, whole: bool) -> Tree:
    named = tree.arguments[1]
    raise Refused([f"element of {named.name if isinstance(named, Name) else ''!r} whose place is computed"])


def _extreme(name: str, of_array: str) -> Rule:
    """MIN or MAX of values and of the elements of arrays, two by two."""

    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        parts = [Call(of_array, (part,)) if count else part for part, count in one.over(tree)]
        result = parts[0]
        for other in parts[1:]:
            result = Call(name, (result, other))
        return result

    return translate


def _joined(one: Translator, tree: Call, whole: bool) -> Tree:
    argument = tree.arguments[0]
    return Call(plain(tree.name), (one.tree(one.marked(argument) if isinstance(argument, Name) else argument),))


def _size(one: Translator, tree: Call, whole: bool) -> Tree:
    named = tree.arguments[0]
    if isinstance(named, Name) and plain(named.name) not in one.arrays and plain(named.name) in one.ranges.members:
        return Literal(float(len(one.ranges.choices(named.name))))
    return Literal(float(one.over(tree)[0][1] or 1))


def _mean(one: Translator, tree: Call, whole: bool) -> Tree:
    found = one.over(tree)
    parts = [Call("sum", (part,)) if count else part for part, count in found]
    total = Chain(("+",) * (len(parts) - 1), tuple(parts)) if len(parts) > 1 else parts[0]
    return Chain(("/",), (total, Literal(float(sum(count or 1 for _, count in found)))))


def _of_order(name: str) -> Rule:
    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        source, time, order = (one.tree(each) for each in tree.arguments[:3])
        start = one.tree(tree.arguments[3]) if len(tree.arguments) > 3 else source
        return Call(name, (source, time, start, order))

    return translate


def _drawn(name: str, *before: Tree) -> Rule:
    """A random function, which in Vensim always has a seed; `before` are limits that XMILE does not ask for."""

    def translate(one: Translator, tree: Call, whole: bool) -> Tree:
        arguments = [one.tree(each) for each in tree.arguments]
        if len(arguments) > 3:
            mean, deviation, seed, low, high = (*arguments, *before[1:])[:5]
            return Call(name, (low, high, mean, deviation, seed))
        if arguments == [ZERO, Literal(1.0)] and not before:
            return Call("random 0 1", ())
        return Call(name, (*before, *arguments, *(ZERO,) * (3 - len(arguments))))

    return translate


def _forecast(one: Translator, tree: Call, whole: bool) -> Tree:
    if len(tree.arguments) > 3 and tree.arguments[3] != ZERO:
        raise Refused(["FORCST with a trend at the start"])
    return Call("forecast", tuple(one.tree(each) for each in tree.arguments[:3]))


def _delay(one: Translator, tree: Call, whole: bool) -> Tree:
    given = tree if len(tree.arguments) > 2 else Call(tree.name, (*tree.arguments, tree.arguments[0]))
    return by_macro("delay", name="delay fixed")(one, given, whole)


def _ramp(one: Translator, tree: Call, whole: bool) -> Tree:
    end = () if len(tree.arguments) > 2 else (Name("FINAL TIME$" if one.macro else "FINAL TIME"),)
    return Call("ramp", (*(one.tree(each) for each in tree.arguments), *end))


def _trend(one: Translator, tree: Call, whole: bool) -> Tree:
    start = () if len(tree.arguments) > 2 else (ZERO,)
    return Call("trend", (*(one.tree(each) for each in tree.arguments), *start))


_PI: Rule = lambda one, tree, whole: Literal(math.pi)  # noqa: E731
ToVensim.rules = {
    # both dialects have these, with one meaning
    **{name: renamed(name) for name in VENSIM if XMILE.get(name) is VENSIM[name]},
    "min": _extreme("min", "vmin"),
    "max": _extreme("max", "vmax"),
    "sum": _joined,
    "prod": _joined,
    "mean": _mean,
    "size": _size,
    INDEXED: _computed,
    "lookup": _lookup,
    "int": by_macro("int"),
    "round": by_macro("round"),
    "safediv": by_macro("safediv", ZERO),
    "previous": by_macro("previous", ZERO),
    "init": by_macro("init", name="initial"),
    "active initial": _active,
    "delay": _delay,
    "delay1": by_count(of2=renamed("delay1"), of3=renamed("delay1i")),
    "delay3": by_count(of2=renamed("delay3"), of3=renamed("delay3i")),
    "delayn": _of_order("delay n"),
    "smth1": by_count(of2=renamed("smooth"), of3=renamed("smoothi")),
    "smth3": by_count(of2=renamed("smooth3"), of3=renamed("smooth3i")),
    "smthn": _of_order("smooth n"),
    "trend": _trend,
    "forcst": _forecast,
    "random": _drawn("random uniform"),
    "uniform": _drawn("random uniform"),
    "normal": _drawn("random normal", Literal(-_FAR.value), _FAR),
    "ramp": _ramp,
    "pulse": by_count(of2=by_macro("pulse"), of3=by_macro("pulses")),
    "pi": _PI,
}
