"""Sums over time beside a model: a stock that starts at 0 and gathers a variable, or a product of variables.

The sums are integrated with the model, at every time step and by its own method, so differences between saved values
are exact whatever the save period. They read the model and act on nothing in it: every other value stays what it
is, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from stockflow.errors import InputError
from stockflow.language.equations import Expression, Integral, Number, Operation, Reference, Variable
from stockflow.model import Model
from stockflow.names import plain

GROUP = "Accumulated"


@dataclass(frozen=True, slots=True)
class Sum:
    """A stock `name`, in `unit`, that gathers the product of the variables `of` from the start of the run."""

    name: str
    of: tuple[str, ...]
    unit: str


def with_sums(model: Model, sums: Sequence[Sum]) -> Model:
    """Return the model with these stocks beside its own; it must be a Vensim model.

    Raises InputError for a name that is taken, for a variable that the model does not have, and for one that has no
    value at every time (a lookup).
    """
    if not model.file.is_vensim:
        raise InputError(f"{model.file.name}: sums can be added to Vensim models only")
    variables = dict(model.equations.variables)
    taken = {plain(name) for name in model.variables}
    texts = []
    for one in sums:
        if plain(one.name) in taken:
            raise InputError(f"{model.file.name}: {one.name!r} is already there")
        taken.add(plain(one.name))
        parts = [_named(model, name) for name in one.of]
        if not parts:
            raise InputError(f"{model.file.name}: {one.name!r} is a sum of nothing")
        told = f"{' times '.join(parts)}, summed up since the start of the run."
        references: list[Expression] = [Reference(name) for name in parts]
        rate = reduce(lambda left, right: Operation("*", (left, right)), references)
        none = (None, None)
        variables[one.name] = Variable(one.name, "stock", one.unit, told, GROUP, none, Integral(rate, Number(0.0)))
        texts.append(f"{one.name}= INTEG ({'*'.join(parts)}, 0)\n\t~\t{one.unit}\n\t~\t{told}\n\t|\n\n")
    return Model(replace(model.equations, variables=variables), model.file.with_more("".join(texts)))


def _named(model: Model, name: str) -> str:
    variable = model.variable(name)
    if variable.kind in {"lookup", "control"}:
        raise InputError(f"{model.file.name}: {variable.name!r} is a {variable.kind} and cannot be summed over time")
    return variable.name
