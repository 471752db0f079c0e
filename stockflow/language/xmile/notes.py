"""What of an XMILE file is read otherwise than it asks, in words for its user: each kind once, by its first place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stockflow.files import shown
from stockflow.language.tree import LetOut
from stockflow.language.xmile.conveyors import Holders, kinds_of, local
from stockflow.language.xmile.file import Part, name_of
from stockflow.names import plain

_HELD: Mapping[str, str] = {
    "queue": "has a queue; as the standard has it, what comes in leaves in the same step where nothing holds it"
    " back, for which no results of Stella were at hand",
    "oven": "has an oven; as its manual has it, it cooks once it is full or its time for filling, from when"
    " something comes in, is over, for which no results of Stella were at hand",
}
# marks of a flow, and what it must come out of for them to count
_MARKS: Mapping[str, str] = {
    **dict.fromkeys(("leak", "leak_start", "leak_end", "leak_integers"), "conveyor"),
    "overflow": "queue",
}
_NEGATIVE = re.compile(r"-[\s\d.]*[1-9][\d.]*(?:[eE][-+]?\d+)?")
#: what is said of a variable behind its name
_Words = Iterator[str]


def says(node: Any) -> bool:
    """Say whether an element holds anything, an element or a text."""
    return bool(len(node) or (node.text or "").strip())


def notes(holders: Holders) -> list[str]:
    """Return what is read otherwise than the file of some conveyors, queues and ovens asks."""
    variables = holders.file.variables
    kinds = {kind for _, node in variables if holders.file.tag(node) == "stock" for kind in kinds_of(node)}
    found = [words for kind, words in _HELD.items() if kind in kinds]
    imported = [one.attrib for one in holders.file.found("data/import") if one.attrib.get("enabled") != "false"]
    for one in imported[:1]:
        file = shown(one.get("resource", ""))
        found.append(f"imports data from {file}, which are not read; the numbers of the file itself hold")
    for rule in _RULES:
        places = [
            f"{holders.file.tag(node)} {part.prefix + name_of(node)!r} (line {node.sourceline}) {words}"
            for part, node in variables
            for words in rule(holders, part, node)
        ]
        more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
        found += [one + more for one in places[:1]]
    return found


def _started(holders: Holders, part: Part, node: Any) -> _Words:
    """Yield what is said of a stock with more than its equation to start from."""
    file = holders.file
    inside = [one for element in (node, *file.found("element", node)) for one in element if says(one)]
    for what in ("init_eqn", "gf") if file.tag(node) == "stock" else ():
        if any(file.tag(one) == what for one in inside):
            yield f"has an {what}, which is not used: it starts from its equation"


def _begins(holders: Holders, part: Part, node: Any) -> _Words:
    """Yield what is said of a conveyor, queue or oven that is written to hold less than nothing."""
    if holders.file.tag(node) == "stock" and (kinds := kinds_of(node)):
        texts = [(one.text or "").strip() for one in holders.file.found("eqn", node)]
        if any(_NEGATIVE.fullmatch(one) for one in texts):
            yield f"holds {texts[0]} at first, but a {next(iter(kinds))} holds no less than nothing: 0 is taken"


def _given(holders: Holders, part: Part, node: Any) -> _Words:
    """Yield what is said of a flow with an equation that a conveyor, queue or oven decides on."""
    out = holders.let_out(part.key(node)) if holders.file.tag(node) == "flow" else None
    if not isinstance(out, LetOut) or (out.holder.leaks and out.holder.leaks[out.place] is not None):
        return
    equations = [one for element in (node, *holders.file.found("element", node)) for one in element]
    texts = {plain((one.text or "").strip()) for one in equations if holders.file.tag(one) == "eqn"}
    if texts - {"", "0", plain(name_of(node))}:
        yield f"has an equation, which is not used: the {out.holder.kind} {out.holder.stock.name!r} decides what leaves"


def _marked(holders: Holders, part: Part, node: Any) -> _Words:
    """Yield what is said of a flow with marks that count elsewhere."""
    if holders.file.tag(node) != "flow":
        return
    out = holders.let_out(part.key(node))
    kind = out.holder.kind if isinstance(out, LetOut) else ""
    marks = [local(one) for one in (*(each.tag for each in node), *node.attrib)]
    for mark in marks:
        if mark in _MARKS and kind != _MARKS[mark]:
            yield f"has {mark}, which is not used: it does not come out of a {_MARKS[mark]}"
        elif mark in {"leak_start", "leak_end"} and "leak" not in marks:
            yield f"has {mark}, which is not used: it does not leak"


_RULES: tuple[Callable[[Holders, Part, Any], _Words], ...] = (_started, _begins, _given, _marked)
