"""Files that an XMILE file takes models, macros, dimensions and units from: they are put into it, behind its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from stockflow.errors import InputError
from stockflow.language.tree import Refused
from stockflow.language.xmile.file import name_of, parsed, space_of
from stockflow.names import plain

_OTHERS = re.compile(r"<(?:\w+:)?include\b|\bresource\s*=")
_TAKEN = ("macro", "model", "dimensions", "model_units")
_MOST_FILES = 50
_LARGEST = 50_000_000


def joined(name: str, text: str, read: Callable[[str], str]) -> str:
    """Return an XMILE file with what it includes, and the models that its modules name by file.

    `read` returns the text of a file; it raises Refused for one that may not be read or is not there. A model is called
    as its file then. InputError for files that are no XMILE, without a model, too many or too large together.
    """
    if not _OTHERS.search(text):
        return text
    root = parsed(name, text, comments=True)
    mark = space_of(root)
    found = set()
    size = len(text)
    todo = list(_asked(root, mark))
    for node, resource in todo:
        if resource in found:
            continue
        place = f"{name}: file {resource!r} (line {node.sourceline})"
        try:
            other = read(resource)
        except Refused as error:
            raise InputError(f"{name}: not supported: {'; '.join(error.items)} (line {node.sourceline})") from error
        found.add(resource)
        size += len(other)
        if len(found) > _MOST_FILES or size > _LARGEST:
            raise InputError(f"{place}: more than {_MOST_FILES} files or {_LARGEST} letters with what is included")
        part = parsed(resource, other)
        if space_of(part) != mark:
            raise InputError(f"{place}: has another namespace than the file that includes it")
        todo += _asked(part, mark)
        root.extend(_taken(part, mark, place, resource if node.tag == f"{mark}module" else ""))
    for header in root.findall(f"{mark}header"):
        for includes in header.findall(f"{mark}includes"):
            header.remove(includes)
    from lxml import etree

    return str(etree.tostring(root, encoding="unicode"))


def _asked(root: Any, mark: str) -> Iterator[tuple[Any, str]]:
    """Yield what names a file, and the file: inclusions, and modules of which no model in the file has the name."""
    named = {plain(name_of(one)) for one in root.findall(f"{mark}model")}
    for node in root.findall(f"{mark}header/{mark}includes/{mark}include"):
        yield node, node.attrib.get("resource", "")
    for node in root.findall(f"{mark}model/{mark}variables/{mark}module"):
        resource = node.attrib.get("resource", "")
        if resource and not {plain(name_of(node)), plain(resource)} & named:
            yield node, resource


def _taken(root: Any, mark: str, place: str, resource: str) -> Iterator[Any]:
    """Yield the elements that a file gives; its first model is called as the `resource` of a module."""
    models = root.findall(f"{mark}model")
    if resource and not models:
        raise InputError(f"{place}: has no model")
    if resource:
        models[0].attrib["name"] = resource
    for one in models:
        if not name_of(one):
            raise InputError(f"{place}: has a model without a name, which only a module can take")
    for what in _TAKEN:
        yield from root.findall(f"{mark}{what}")
