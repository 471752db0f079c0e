"""XMILE files through PySD's reader, one variable at a time, so that every complaint can name its variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from stockflow.errors import InputError
from stockflow.language.definition import Definition, Refused
from stockflow.language.equations import Method
from stockflow.language.literals import parsing
from stockflow.language.vensim import NEGATIVE, Parsed, bounded
from stockflow.names import plain

ENDINGS = (".xmile", ".xml", ".stmx", ".itmx")
#: names every XMILE model may use
ALIASES: Mapping[str, str] = MappingProxyType(
    {"dt": "time step", "starttime": "initial time", "stoptime": "final time"}
)
_METHODS: Mapping[str, Method] = MappingProxyType({"euler": "Euler", "rk4": "RK4"})
_WORDS = re.compile(r'("[^"]*")|\b(if|then|else)\b|\b(mod)\b', re.IGNORECASE)
_COMMENT = re.compile(r"\{[^{}]*\}")
_STARRED = re.compile(r'("[^"]*"|\w+)\s*\[([^\[\]]*\*[^\[\]]*)\]')
_VARIABLES = ("aux", "flow", "stock", "gf")
_MOST_ELEMENTS = 100_000


def parse(name: str, text: str) -> tuple[Parsed, Method]:
    """Return what an XMILE file defines, and the integration method it asks for.

    Raises InputError for text that is no XMILE, for document types, for modules and macros, and for
    an integration method other than Euler and RK4.
    """
    file = _File(name, text)
    specs = file.found("sim_specs")
    if not specs:
        raise InputError(f"{name}: no sim_specs element")
    file.refuse_modules()
    parsed = Parsed(ranges=file.ranges())
    for node in file.variables():
        parsed.definitions += file.definitions(node, parsed.ranges)
    own = {plain(one.name) for one in parsed.definitions}
    parsed.definitions += [one for one in file.controls(specs[0]) if plain(one.name) not in own]
    asked = specs[0].attrib.get("method", "Euler").strip()
    method = _METHODS.get(asked.lower())
    if method is None:
        raise InputError(f"{name}: asks for the integration method {asked}; only Euler and RK4 are supported")
    return parsed, method


def with_equations(name: str, text: str, equations: Mapping[str, str]) -> str:
    """Return the file with Vensim equations, numbers or tables of Time, in place of some variables."""
    from lxml import etree

    file = _File(name, text)
    wanted = {plain(one): equation.partition("=")[2].strip() for one, equation in equations.items()}
    for node in file.variables():
        equation = wanted.pop(plain(_name(node)), None)
        if equation is None:
            continue
        for child in list(node):
            if file.tag(child) in {"eqn", "gf", "inflow", "outflow", "non_negative"}:
                node.remove(child)
        node.tag = f"{file.mark}aux"
        points = re.findall(r"\(([^(),]+),([^(),]+)\)", equation)
        etree.SubElement(node, f"{file.mark}eqn").text = "TIME" if points else equation
        if points:
            curve = etree.SubElement(node, f"{file.mark}gf")
            etree.SubElement(curve, f"{file.mark}xpts").text = ",".join(x for x, _ in points)
            etree.SubElement(curve, f"{file.mark}ypts").text = ",".join(y for _, y in points)
    if wanted:
        raise InputError(f"{name}: no equation for {', '.join(sorted(wanted))}")
    return str(etree.tostring(file.root, encoding="unicode"))


class _File:
    """The elements of one file, whatever namespace it uses."""

    def __init__(self, name: str, text: str) -> None:
        from lxml import etree

        self.name = name
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
        try:
            self.root = etree.fromstring(text.encode(), parser)
        except etree.XMLSyntaxError as error:
            raise InputError(f"{name}: line {error.lineno or 1}: not XML: {error.msg}") from error
        if self.root.getroottree().docinfo.doctype:
            raise InputError(f"{name}: has a document type, which a model does not need")
        self.space = self.root.nsmap.get(None) or ""
        self.mark = f"{{{self.space}}}" if self.space else ""
        if self.tag(self.root) != "xmile":
            raise InputError(f"{name}: not XMILE: the outermost element is {self.tag(self.root)!r}")
        if not self.space:
            raise InputError(f"{name}: XMILE without its namespace")
        self.arrays = {plain(_name(node)): self._dimensions(node) for node in self.variables()}

    def tag(self, node: Any) -> str:
        """Return the name of an element, without the namespace; empty for comments."""
        return node.tag.removeprefix(self.mark) if isinstance(node.tag, str) else ""

    def found(self, path: str, node: Any = None) -> list[Any]:
        """Return the elements on a path from a node, by default the root."""
        steps = "/".join(f"{self.mark}{one}" if one else "" for one in path.split("/"))
        return list((self.root if node is None else node).findall(steps))

    def variables(self) -> list[Any]:
        """Return the elements of all variables in file order."""
        return [node for group in self.found("model/variables") for node in group if self.tag(node) in _VARIABLES]

    def refuse_modules(self) -> None:
        """Raise InputError for what has variables of its own elsewhere."""
        inner = [node for node in self.root.iter() if self.tag(node) in {"module", "macro"}]
        several = self.found("model")[1:]
        if inner or several:
            items = [f"{self.tag(node)} {_name(node)!r} (line {node.sourceline})" for node in [*inner, *several]]
            raise InputError(f"{self.name}: not supported: {'; '.join(items)}")

    def ranges(self) -> dict[str, Sequence[str]]:
        """Return the dimensions with their elements; those given by size alone have numbers."""
        result: dict[str, Sequence[str]] = {}
        for node in self.found("dimensions/dim"):
            size = node.attrib.get("size", "")
            named = [_name(one) for one in self.found("elem", node)]
            if not named and not (re.fullmatch(r"[0-9]{1,6}", size) and 1 <= int(size) <= _MOST_ELEMENTS):
                place = f"{self.name}: line {node.sourceline}: dimension {_name(node)!r}"
                raise InputError(f"{place} has size {size!r}, but must have 1 to {_MOST_ELEMENTS} elements")
            result[_name(node)] = named or [str(one) for one in range(1, int(size) + 1)]
        return result

    def _dimensions(self, node: Any) -> list[str]:
        return [_name(one) for one in self.found("dimensions/dim", node)]

    def definitions(self, node: Any, dimensions: Mapping[str, Sequence[str]]) -> Iterator[Definition]:
        """Yield the definitions of one variable; what cannot be read is a problem of the definition."""
        try:
            with parsing("xmile", LookupError, AttributeError, TypeError) as reader:
                element = self._element(reader, node, dimensions)
        except Refused as error:
            yield Definition(_name(node), (), (), None, line=node.sourceline, problems=tuple(error.items))
            return
        for (subscripts, _), tree in element.components:
            left = (_name(node), tuple(one.strip() for one in subscripts), ())
            texts = ((element.units or "").strip(), " ".join((element.documentation or "").split()), "")
            yield Definition(*left, tree, *texts, element.limits, node.sourceline, lookup=self._is_lookup(node))

    def _is_lookup(self, node: Any) -> bool:
        inside = {self.tag(child) for child in node}
        return self.tag(node) == "gf" or ("gf" in inside and not inside & {"eqn", "element"})

    def _element(self, reader: Any, node: Any, dimensions: Mapping[str, Sequence[str]]) -> Any:
        """Return PySD's reading of a variable."""
        for equation in node.iter(f"{self.mark}eqn", f"{self.mark}inflow", f"{self.mark}outflow"):
            equation.text = self._as_read(equation.text or "")
        if not self._is_lookup(node) and next(node.iter(f"{self.mark}eqn"), None) is None:
            raise Refused(["variable without an equation"])
        kinds = {"aux": reader.Aux, "flow": reader.Flow, "stock": reader.Stock, "gf": reader.Gf}
        element = kinds[self.tag(node)](node, {"ns": self.space}, dict(dimensions))
        if self._is_lookup(node) and self.tag(node) != "gf":
            table = element._parse_lookup_xml_node(self.found("gf", node)[0])
            element.components = [((self._dimensions(node), []), table)]
        else:
            every = self.found("behavior/non_negative")
            floored = [kind for kind in ("stock", "flow") if every or self.found(f"behavior/{kind}/non_negative")]
            element.parse({f"non_negative_{kind}": kind in floored for kind in ("stock", "flow")})
        return element

    def _as_read(self, equation: str) -> str:
        """Return an equation in the part of the language that PySD's grammar knows, with the same meaning."""
        bounded(equation)

        def every(found: re.Match[str]) -> str:
            own = self.arrays.get(plain(found[1]), [])
            given = [one.strip() for one in found[2].split(",")]
            if len(own) != len(given):
                return found[0]
            named = [f"{name}!" if one == "*" else one for name, one in zip(own, given, strict=True)]
            return f"{found[1]}[{','.join(named)}]"

        text = _STARRED.sub(every, _COMMENT.sub(" ", equation))
        text = _WORDS.sub(lambda found: found[1] or (found[2] or "").upper() or "mod", text)
        return NEGATIVE.sub(lambda found: found[1] or f"(0-{found[2]})", text)

    def controls(self, specs: Any) -> Iterator[Definition]:
        """Yield the control variables that the simulation specification stands for."""
        unit = specs.attrib.get("time_units", "")
        for what, path in (("INITIAL TIME", "start"), ("FINAL TIME", "stop"), ("TIME STEP", "dt")):
            nodes = self.found(path, specs)
            try:
                value = float(nodes[0].text)
                if nodes[0].attrib.get("reciprocal", "").lower() == "true":
                    value = 1.0 / value
            except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
                line = specs.sourceline
                raise InputError(f"{self.name}: line {line}: sim_specs without a number for {what}") from error
            yield Definition(what, (), (), value, unit, "", "Control", line=nodes[0].sourceline)
        yield Definition("SAVEPER", (), (), value, unit, "", "Control", line=specs.sourceline)


def _name(node: Any) -> str:
    return " ".join(str(node.attrib.get("name", "")).replace("\\n", " ").split())
