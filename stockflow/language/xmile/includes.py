"""Files that an XMILE file takes models, macros, dimensions and units from: they are put into it, behind its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.language.tree import Refused
from stockflow.language.xmile.file import name_of, parsed, space_of
from stockflow.names import plain

_OTHERS = re.compile(r"<(?:\w+:)?include\b|\bresource\s*=")
_TAKEN = ("macro", "model", "dimensions", "model_units")
_MOST_FILES = 50
_LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """What names a file: an inclusion or a module, in the file `by`, which for the whole model is `beside` none."""

    node: Any
    resource: str
    by: str
    beside: Path | None

    @property
    def place(self) -> str:
        """Where the file is named."""
        return f"{self.by}: file {self.resource!r} (line {self.node.sourceline})"


def joined(file: Path, text: str, find: Callable[[str, Path | None], Path]) -> str:
    """Return an XMILE file with what it includes, and the models that its modules name by file.

    `find` returns the file of a name, which stands in another one or in the whole model (None); it raises Refused for
    one that may not be read or is not there. A model is called as its file then, from the folder of the whole model.
    InputError for files that are no XMILE, without a model, too many or too large together.
    """
    if not _OTHERS.search(text):
        return text
    root = parsed(str(file), text, comments=True)
    mark = space_of(root)
    found: set[Path] = set()
    size = len(text)
    todo = list(_asked(root, mark, str(file), None))
    for one in todo:
        path = _path(one, find)
        if path == file.resolve():
            raise InputError(f"{one.place}: is the whole model, which then includes itself")
        called = Path(relpath(path, file.resolve().parent)).as_posix()
        is_module = one.node.tag == f"{mark}module"
        if is_module:
            one.node.attrib["resource"] = called
        if path in found:
            continue
        other = read_text(path, _LARGEST)
        found.add(path)
        size += len(other)
        if len(found) > _MOST_FILES or size > _LARGEST:
            raise InputError(f"{one.place}: more than {_MOST_FILES} files or {_LARGEST} letters with what is included")
        part = parsed(called, other)
        if space_of(part) != mark:
            raise InputError(f"{one.place}: has another namespace than the file that includes it")
        todo += _asked(part, mark, called, path)
        root.extend(_taken(part, mark, one, called if is_module else ""))
    for header in root.findall(f"{mark}header"):
        for includes in header.findall(f"{mark}includes"):
            header.remove(includes)
    from lxml import etree

    return str(etree.tostring(root, encoding="unicode"))


def _path(one: _Asked, find: Callable[[str, Path | None], Path]) -> Path:
    """Return the file that is asked for; InputError for one that may not be read or is not there."""
    if "*" in one.resource:
        raise InputError(f"{one.place}: a wildcard, which is not supported: name each file")
    try:
        return find(one.resource, one.beside)
    except Refused as error:
        items = "; ".join(item.removesuffix(",") for item in error.items)
        raise InputError(f"{one.by}: not supported: {items} (line {one.node.sourceline})") from error


def _asked(root: Any, mark: str, by: str, beside: Path | None) -> Iterator[_Asked]:
    """Yield what names a file: inclusions, and modules of which no model in the file has the name."""
    named = {plain(name_of(one)) for one in root.findall(f"{mark}model")}
    for node in root.findall(f"{mark}header/{mark}includes/{mark}include"):
        yield _Asked(node, node.attrib.get("resource", ""), by, beside)
    for node in root.findall(f"{mark}model/{mark}variables/{mark}module"):
        resource = node.attrib.get("resource", "")
        if resource and not {plain(name_of(node)), plain(resource)} & named:
            yield _Asked(node, resource, by, beside)


def _taken(root: Any, mark: str, asked: _Asked, called: str) -> Iterator[Any]:
    """Yield the elements that a file gives; its first model is `called` as the file of a module."""
    models = root.findall(f"{mark}model")
    if called and not models:
        raise InputError(f"{asked.place}: has no model")
    if called:
        models[0].attrib["name"] = called
    for one in models:
        if not name_of(one):
            raise InputError(f"{asked.place}: has a model without a name, which only a module can take")
    for what in _TAKEN:
        yield from root.findall(f"{mark}{what}")
