"""The elements of an XMILE file, and the models in it: the whole one and those of its modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stockflow.errors import InputError
from stockflow.names import plain

VARIABLES = ("aux", "flow", "stock", "gf")
_MOST_VARIABLES = 100_000
_DEEPEST = 20
_MOST_ELEMENTS = 100_000
_MOST_PREFIXES = 20
_UNDECLARED = re.compile(r"Namespace prefix (\w+)")
_FIRST_TAG = re.compile(r"<[A-Za-z_][\w.-]*")
# what would change the results of a file and is not read: where it stands, and the attribute that says so
_UNREAD = (
    ("model", "resource", "model in a file of its own"),
    ("model", "encryption-scheme", "encrypted model"),
    ("macro", "filter", "macro that filters others' values"),
    ("sim_specs/run", "by", "run of some groups or modules alone"),
)


@dataclass(slots=True)
class Part:
    """One use of a model: the whole one, or that of a module, whose name and a point are the `prefix`.

    `given` are the variables that stand for others outside; these, its variables (`names`) and its `modules` are by
    compared name.  A `macro` is one by itself.
    """

    prefix: str
    node: Any
    above: Part | None = None
    given: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    macro: bool = False

    def key(self, node: Any) -> str:
        """Return the compared name in the whole model of a variable of this one."""
        return plain(self.prefix + name_of(node))

    def meant(self, name: str) -> str:
        """Return what a name in this model is called in the whole one.

        A point at the start is the whole model; before other points stands a module of this model or of one around it.
        """
        name = name.replace('"', "")  # as each part of it may have them
        if plain(name) in self.names:
            return f"{self.prefix}{name}"
        if name.startswith("."):
            return name[1:]
        first, point, _ = name.partition(".")
        if not point:
            return name
        part: Part | None = self
        while part is not None:
            if plain(first) in part.modules:
                return f"{part.prefix}{name}"
            part = part.above
        return name


class File:
    """The elements of one file, whatever namespace it uses.

    `variables` are those of all its models in file order, each with the model that it is in.  InputError for text that
    is no XMILE, for document types, for modules without a model, and for models and macros that are not read.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.root = parsed(name, text)
        self.mark = space_of(self.root)
        for path, attribute, what in _UNREAD:
            for node in self.found(path):
                if node.attrib.get(attribute, "all") != "all":
                    place = f"{name}: line {node.sourceline}"
                    raise InputError(f"{place}: {what} ({attribute}={node.attrib[attribute]!r}), which is not read")
        self.variables = [
            (part, node)
            for part in self._parts()
            for group in self.found("variables", part.node)
            for node in group
            if self.tag(node) in VARIABLES
        ]

    def tag(self, node: Any) -> str:
        """Return the name of an element, without the namespace."""
        return str(node.tag).removeprefix(self.mark)

    def found(self, path: str, node: Any = None) -> list[Any]:
        """Return the elements on a path from a node, by default the root."""
        steps = "/".join(f"{self.mark}{one}" if one else "" for one in path.split("/"))
        return list((self.root if node is None else node).findall(steps))

    def inside(self, node: Any, what: str) -> str | None:
        """Return the text of an element in a node, None if there is none."""
        found = self.found(what, node)
        return None if not found else found[0].text or ""

    def elements(self, node: Any) -> list[str]:
        """Return the elements of a dimension; those of one that is given by its size alone have numbers."""
        size = node.attrib.get("size", "")
        named = [name_of(one) for one in self.found("elem", node)]
        if not named and not (re.fullmatch(r"[0-9]{1,6}", size) and 1 <= int(size) <= _MOST_ELEMENTS):
            place = f"{self.name}: line {node.sourceline}: dimension {name_of(node)!r}"
            raise InputError(f"{place} has size {size!r}, but must have 1 to {_MOST_ELEMENTS} elements")
        return named or [str(one) for one in range(1, int(size) + 1)]

    def dimensions(self, node: Any) -> list[str]:
        """Return the names of the dimensions of a variable."""
        return [name_of(one) for one in self.found("dimensions/dim", node)]

    def _parts(self) -> Iterator[Part]:
        """Yield the whole model, then those of its modules; InputError for a module without a model."""
        models = self.found("model")
        known = {plain(name_of(one)): one for one in models if name_of(one)}
        todo = [(Part("", models[0]), 0)] if models else []
        count = 0
        for part, depth in todo:
            inside = [one for group in self.found("variables", part.node) for one in group]
            count += len(inside)
            if count > _MOST_VARIABLES:
                raise InputError(f"{self.name}: models and modules of more than {_MOST_VARIABLES} variables")
            part.names = {plain(name_of(one)) for one in inside if self.tag(one) in VARIABLES}
            part.modules = {plain(name_of(one)) for one in inside if self.tag(one) == "module"}
            yield part
            for module in inside:
                if self.tag(module) != "module":
                    continue
                place = f"{self.name}: module {name_of(module)!r} (line {module.sourceline})"
                names = map(plain, (name_of(module), module.attrib.get("resource", "")))
                model = next((known[one] for one in names if one in known), None)
                if model is None:
                    raise InputError(f"{place}: the file has no model of that name")
                if depth >= _DEEPEST or self.found("sim_specs", model):
                    raise InputError(f"{place}: " + ("is inside itself" if depth else "has a clock of its own"))
                inner = Part(f"{part.prefix}{name_of(module)}.", model, part)
                todo.append((inner, depth + 1))
                for one in self.found("connect", module):
                    to, source = one.attrib.get("to", ""), part.meant(one.attrib.get("from", ""))
                    # a point before a single name is the whole model
                    before, quote, quoted = to.removesuffix('"').partition('."')
                    before, name = (before, quoted) if quote else to.rpartition(".")[::2]
                    end = todo[0][0] if before == "" and to.startswith(".") else inner
                    if end is not inner and plain(name) not in end.names:
                        raise InputError(f"{place}: connects {to!r}, but the whole model has no variable of that name")
                    end.given[plain(name)] = source


def name_of(node: Any) -> str:
    """Return the name of an element, with single spaces."""
    return " ".join(str(node.attrib.get("name", "")).replace("\\n", " ").split())


def space_of(root: Any) -> str:
    """Return the namespace of an outermost element as names of elements begin with it."""
    return f"{{{root.nsmap[None]}}}" if root.nsmap.get(None) else ""


def parsed(name: str, text: str, comments: bool = False) -> Any:
    """Return the outermost element of an XMILE file, with or without its comments; InputError if it is none.

    Prefixes that programs use and do not declare are declared for them.
    """
    root = _tree(name, text, comments)
    mark = space_of(root)
    if root.getroottree().docinfo.doctype:
        raise InputError(f"{name}: has a document type, which a model does not need")
    tag = str(root.tag).removeprefix(mark)
    if tag != "xmile":
        raise InputError(f"{name}: not XMILE: the outermost element is {tag!r}")
    if not mark:
        raise InputError(f"{name}: XMILE without its namespace")
    return root


def _tree(name: str, text: str, comments: bool) -> Any:
    from lxml import etree

    declared: set[str] = set()
    while True:
        # its text is known: what it says of its encoding no longer holds
        parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            huge_tree=False,
            load_dtd=False,
            remove_comments=not comments,
            remove_pis=True,
        )
        try:
            return etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as error:
            undeclared = _UNDECLARED.match(error.msg or "")
            first = _FIRST_TAG.search(text)
            if undeclared is None or undeclared[1] in declared or first is None or len(declared) >= _MOST_PREFIXES:
                raise InputError(f"{name}: line {error.lineno or 1}: not XML: {error.msg}") from error
            declared.add(undeclared[1])
            text = f'{text[: first.end()]} xmlns:{undeclared[1]}="undeclared:{undeclared[1]}"{text[first.end() :]}'
