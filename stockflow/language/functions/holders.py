"""Flows that conveyors, queues and ovens decide on: what each lets out, and what it lets in of what is asked for.

What each needs beside its stock stands in hidden variables, which are made once for each of them.
"""

from __future__ import annotations

from stockflow.language import equations as eq
from stockflow.language.functions import conveyors, ovens, queues
from stockflow.language.functions.held import ZERO, Made, there, total
from stockflow.language.functions.memory import minus
from stockflow.language.place import Place
from stockflow.language.tree import Holder, LetIn, LetOut, Name, Refused
from stockflow.names import plain


def has_holders(equations: eq.Equations) -> bool:
    """Say whether there are conveyors, queues or ovens, which take and give only what Euler's method has in a step."""
    return any(isinstance(one.expression, eq.Content) for one in equations.variables.values())


def content(reader: Place, holder: Holder, rate: eq.Expression, initial: eq.Expression) -> eq.Content:
    """Return the expression of the stock of a conveyor, queue or oven; Refused for what is not simulated."""
    _made(reader, holder)
    return eq.Content(rate, initial, False, there(reader, holder))


def let_out(reader: Place, tree: LetOut) -> eq.Expression:
    """Return the expression of a flow out of a conveyor, queue or oven; what is not simulated, its stock says."""
    try:
        flow = _made(reader, tree.holder).outflows[tree.place]
    except Refused:
        return ZERO
    return flow if isinstance(flow, eq.Reference) else reader.keep("let out", flow)


def let_in(reader: Place, tree: LetIn) -> eq.Expression:
    """Return the expression of a flow into a conveyor or oven, of which flows of earlier places come first."""
    asked, inflows = reader.read(tree.asked), tree.holder.inflows[: tree.place]
    try:
        room = _made(reader, tree.holder).room
    except Refused:
        return asked
    if room is None:
        return asked
    before = [one for one in inflows if isinstance(one, Name) and plain(one.name) not in tree.holder.driven]
    if before:
        room = eq.Operation("max", (minus(room, total(reader, before)), ZERO))
    return eq.Operation("min", (asked, room))


def _made(reader: Place, holder: Holder) -> Made:
    """Return what a conveyor, queue or oven gives its flows, made for the first of them that asks."""
    stock = reader.find(holder.stock)[0]
    found = reader.translation.once(("holder", stock), lambda: _tried(reader, holder))
    if isinstance(found, Refused):
        raise found
    return found


def _tried(reader: Place, holder: Holder) -> Made | Refused:
    try:
        if holder.kind == "oven":
            return ovens.made(reader, holder)
        if holder.kind == "conveyor":
            return conveyors.made(reader, holder)
        return queues.made(reader, holder, _made(reader, holder.before).room if holder.before else None)
    except Refused as error:
        return error
