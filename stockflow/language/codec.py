"""Equations as bytes and back: exact, the same for equal equations, and safe to read from anywhere.

The form is JSON.  Every distinct node of an expression is written once, so that an expression that
shares parts stays as small as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from itertools import islice
from typing import Any, get_args

from stockflow.language.equations import Equations, Expression, Variable, walk

_KNOWN: Mapping[str, type] = {one.__name__: one for one in (Variable, *get_args(Expression))}
# the field of a node that comes before those it is made of
_NODE = "node"
_JSON = json.JSONEncoder(separators=(",", ":")).encode
# nodes of equations that are kept: of more, writing them takes longer and more memory than reading the file
_MOST_KEPT = 500_000
# variables, by identity, with the hash of what they say
_hashed: dict[int, tuple[Variable, str]] = {}
_MOST_HASHED = 20_000


def keepable(equations: Equations) -> bool:
    """Say whether equations take less time and memory to keep than to read anew: up to so many nodes."""
    nodes = (node for one in equations.variables.values() for node in walk(one.expression))
    return next(islice(nodes, _MOST_KEPT, None), None) is None


def encoded(equations: Equations) -> bytes:
    """Return equations as bytes; the name of their source is left out."""
    writer = _Writer()
    variables = ",".join(_JSON(writer.written(one)) for one in equations.variables.values())
    # every node is text as soon as it is written: as objects, those of a large model would fill the memory
    return f'{{"variables":[{variables}],{_JSON(_rest(equations))[1:-1]},"nodes":[{",".join(writer.nodes)}]}}'.encode()


@lru_cache(maxsize=32)  # a study loads the same model again and again
def decoded(content: bytes, source: str) -> Equations:
    """Return the equations that `encoded` made bytes of, under the name of a source."""
    parts = json.loads(content)
    nodes: list[Any] = []
    for kind, *values in parts["nodes"]:
        nodes.append(_KNOWN[kind](*(_read(value, nodes) for value in values)))
    variables = [_read(one, nodes) for one in parts["variables"]]
    return Equations(
        source,
        {one.name: one for one in variables},
        tuple(tuple(names) for names in parts["equivalences"]),
        parts["method"],
        frozenset(parts["structural"]),
        tuple(parts.get("notes", ())),
    )


def digest(equations: Equations) -> str:
    """Return the SHA-256 of all that equations say, whatever file they are from.

    Those of a variable that stays when others are changed are worked out once.
    """
    writer, whole = _Hasher(), hashlib.sha256(_JSON(_rest(equations)).encode())
    for one in equations.variables.values():
        found = _hashed.get(id(one))
        if found is None:
            if len(_hashed) >= _MOST_HASHED:
                _hashed.clear()
            found = _hashed[id(one)] = one, writer.written(one)[_NODE]
        whole.update(found[1].encode())
    return whole.hexdigest()


def _rest(equations: Equations) -> dict[str, Any]:
    """Return what equations say beside their variables."""
    return {
        "equivalences": equations.equivalences,
        "method": equations.method,
        "structural": sorted(equations.structural),
        **({"notes": equations.notes} if equations.notes else {}),
    }


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.places: dict[int, int | str] = {}

    def put(self, text: str) -> int | str:
        """Keep the text of a node and return what stands for it elsewhere."""
        self.nodes.append(text)
        return len(self.nodes) - 1

    def written(self, value: Any) -> Any:
        """Return plain values as they are, sequences as lists, and nodes as their places."""
        if value is None or isinstance(value, (str, float, bool, int)):
            return value
        if isinstance(value, tuple):
            return [self.written(one) for one in value]
        place = self.places.get(id(value))
        if place is None:
            parts = [self.written(getattr(value, one.name)) for one in fields(value)]
            place = self.places[id(value)] = self.put(_JSON([type(value).__name__, *parts]))
        return {_NODE: place}


class _Hasher(_Writer):
    def put(self, text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()


def _read(value: Any, nodes: list[Any]) -> Any:
    if isinstance(value, list):
        return tuple(_read(one, nodes) for one in value)
    return nodes[value[_NODE]] if isinstance(value, dict) else value
