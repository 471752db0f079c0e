"""Calls of a name: functions of the dialect, lookups and macros, and what functions of whole ranges read."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial

from stockflow.language import equations as eq
from stockflow.language.definition import Function, Macro
from stockflow.language.functions import indexed
from stockflow.language.place import Place
from stockflow.language.scope import Scope
from stockflow.language.tree import INDEXED, Call, Name, Refused, Tree, children, subscripts_of
from stockflow.names import plain

_MOST_SORTED = 64
_MOST_SUMMED = 100_000
_DEEPEST_MACRO = 20
_OF_A_MACRO = 20  # operations that the use of a macro counts for, besides its own
# what to do about functions that real files have and this does not
_INSTEAD = {
    "geometric": " (whether the trial that succeeds counts is not said in its manual; write it with LN of UNIFORM)",
    "negbinomial": " (whether the trials that succeed count is not said in its manual)",
    "a function of": " (an equation that is not written yet)",
    "lookup": " (a table is called by its own name, as in table(x))",
    "get vdf data": " (a .vdf has no published form; export it and give the table: --data FILE)",
    "get vdf constants": " (write the numbers into the model, or a table beside it)",
}


def call(reader: Place, tree: Call, *, whole: bool = False) -> eq.Expression:
    """Return the expression of a call, which may be a `whole` right side; raises Refused if it is not supported."""
    key = plain(tree.name)
    if key == INDEXED and indexed.is_one(tree):
        return indexed.element(reader, tree)
    if key in reader.translation.macros:
        return macro_value(reader, tree)
    function = reader.translation.functions.get(key)
    if reader.defined(key) and not (function and not reader.find(tree)[1].lookup):
        return _lookup(reader, tree)
    if function is None:
        known = reader.translation.functions
        # a macro may ask for it very often
        near = reader.translation.once(("near", key), lambda: difflib.get_close_matches(key, known, 1, cutoff=0.75))
        hint = _INSTEAD.get(key) or (f" (did you mean {near[0].upper()}?)" if near else "")
        raise Refused([f"function {tree.name.replace('_', ' ').upper()}{hint}"])
    count = len(tree.arguments)
    if not function.least <= count <= function.most:
        wanted = f"{function.least}{f' to {function.most}' if function.most > function.least else ''}"
        raise Refused([f"{tree.name.replace('_', ' ').upper()} takes {wanted} arguments, not {count}"])
    expression = function.make(reader, tree)
    return reader.keep(function.part, expression) if function.part and not whole else expression


def _lookup(reader: Place, tree: Call) -> eq.Expression:
    name, definition = reader.find(tree)
    if not definition.lookup:
        raise Refused([f"call of {name!r}, which is not a lookup,"])
    if len(tree.arguments) != 1:
        raise Refused([f"{len(tree.arguments)} arguments for the lookup {name!r}"])
    return eq.LookupCall(name, reader.read(tree.arguments[0]))


def rows(reader: Place, trees: Sequence[Tree]) -> list[list[eq.Expression]]:
    """Read expressions for all elements of the ranges marked with `!` in them."""
    over = [one for one in dict.fromkeys(marked(trees, reader.translation.functions)) if one not in reader.bound]
    if not over:
        raise Refused(["sum without a subscript marked with !"])
    choices = [reader.ranges.choices(one.rstrip("!")) for one in over]
    count = math.prod(map(len, choices))
    if count > _MOST_SUMMED:
        raise Refused([f"sum over {count} elements, more than {_MOST_SUMMED},"])
    reader.translation.spend(count)
    bindings = (dict(zip(over, elements, strict=True)) for elements in itertools.product(*choices))
    return [[reader.within(bound, partial(reader.read, one)) for one in trees] for bound in bindings]


def marked(trees: Sequence[Tree], functions: Mapping[str, Function]) -> list[str]:
    """Return the subscripts marked with `!` in trees, but for those of functions of arrays inside."""
    found: list[str] = []
    todo = list(reversed(trees))
    while todo:
        tree = todo.pop()
        if isinstance(tree, (Name, Call)):
            found += [plain(one) for one in tree.subscripts if one.endswith("!")]
        function = functions.get(plain(tree.name)) if isinstance(tree, Call) else None
        if function is None or not function.of_arrays:
            todo += reversed(children(tree))
    return found


def everything(reader: Place, tree: Tree) -> list[eq.Expression]:
    """Return all elements of an array that is named without subscripts."""
    name = tree.name if isinstance(tree, Name) else ""
    if plain(name) in reader.scope.arguments:
        return [reader.scope.arguments[plain(name)]]
    found = reader.defined(plain(name))
    if found is None:
        raise reader.ranges.unknown("array", name, reader.scope.spelling)
    scope, key = found
    if reader.translation.has_tables(scope, key):
        raise Refused([f"lookup {name!r} without an argument"])
    reader.translation.spend(len(scope.definitions[key]))
    return [eq.Reference(reader.translation.name(scope, key, one)) for one in scope.definitions[key]]


def column(reader: Place, tree: Tree) -> tuple[list[eq.Expression], int]:
    """Read a vector along its last subscript; return it with the place of this element."""
    if not (subscripts := subscripts_of(tree)):
        raise Refused(["vector without a subscript"])
    last = subscripts[-1]
    choices = reader.ranges.choices(last)
    if len(choices) > _MOST_SORTED:
        raise Refused([f"sorting of more than {_MOST_SORTED} elements"])
    here = reader.ranges.element(last, reader.bound)

    def values() -> list[eq.Expression]:
        return [reader.within({plain(last): one}, lambda: reader.read(tree)) for one in choices]

    # a name means the same wherever along the vector it is read
    others = tuple((key, one) for key, one in reader.bound.items() if key != plain(last))
    use = ("column", id(tree), reader.scope.prefix, others)
    return reader.translation.once(use, values) if isinstance(tree, Name) else values(), choices.index(here)


def macro_value(reader: Place, tree: Call, output: int | None = None) -> eq.Expression:
    """Return the value of a use of a macro, or one of its further results, by place."""
    macro = reader.translation.macros.get(plain(tree.name))
    if macro is None or len(tree.outputs) != len(macro.outputs):
        wanted = 0 if macro is None else len(macro.outputs)
        raise Refused([f"{len(tree.outputs)} further results of {tree.name!r}, which gives {wanted}"])

    def written_out() -> Scope:
        return _written_out(reader, macro, tree.arguments)

    # each of several results is read where its own variable stands, and all are of one use
    use = ("macro", id(tree), reader.scope.prefix, reader.coordinates)
    inner = reader.translation.once(use, written_out) if macro.outputs else written_out()
    name = macro.name if output is None else macro.outputs[output]
    return eq.Reference(inner.label(inner.spelling[plain(name)]))


def _written_out(reader: Place, macro: Macro, trees: Sequence[Tree]) -> Scope:
    """Write out one use of a macro, in hidden variables; return where they are."""
    if len(trees) != len(macro.parameters):
        raise Refused([f"{len(trees)} arguments for the macro {macro.name!r}"])
    if reader.scope.depth >= _DEEPEST_MACRO:
        raise Refused([f"macro {macro.name!r} inside itself"])
    reader.translation.spend(_OF_A_MACRO)
    values = [reader.read(one) for one in trees]
    given = {
        plain(name): value if isinstance(value, (eq.Number, eq.Reference, eq.Time)) else reader.keep(name, value)
        for name, value in zip(macro.parameters, values, strict=True)
    }
    translation, prefix = reader.translation, reader.promise(macro.name).name
    inner = Scope(arguments=given, prefix=prefix, depth=reader.scope.depth + 1)
    problems = [item for one in macro.definitions for item in (*one.problems, *translation.define(inner, one))]
    for key, elements in inner.definitions.items():
        for coordinates, one in elements.items():
            name = inner.label(reader.ranges.label(inner.spelling[key], coordinates))
            part = type(reader)(translation, inner, reader.owner, name, one, coordinates)
            reader.fulfil(eq.Reference(name), part.refusing())
            problems += part.refused
    for name in (macro.name, *macro.outputs):
        if () not in inner.definitions.get(plain(name), {}):
            problems.append("no equation for its own name" if name == macro.name else f"no equation for {name!r}")
    if problems:
        where = f" in the macro {macro.name!r}"
        raise Refused([f"{item.removesuffix(where)}{where}" for item in problems])
    return inner
