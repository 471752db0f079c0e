"""A model file in the other format: what it says, read from its syntax trees and written from them."""

from __future__ import annotations

from stockflow.conversion.vensim_file import VensimFile
from stockflow.conversion.views import of_sketch, of_xmile
from stockflow.conversion.xmile_file import XmileFile
from stockflow.errors import InputError
from stockflow.language.source import Source, contents, equations
from stockflow.language.tree import Refused
from stockflow.language.vensim.entries import TEST_INPUT, head, rule_of
from stockflow.model import Model
from stockflow.pictures.layout import View, groups, view

_SHOWN = 5


def converted(model: Model, name: str, shown: int | None = _SHOWN) -> str:
    """Return the text of a model as the file `name` would have it: XMILE of a Vensim file, Vensim's of an XMILE one.

    InputError for a file of the same format, and for what the other one has no form for: construct, variable and line,
    `shown` of them at most.  What is written has been read again.
    """
    source = model.file
    target = Source(name, "", source.folder, {}, source.folders, source.tags, source.data)
    if target.is_vensim == source.is_vensim:
        format_ = "Vensim's" if target.is_vensim else "XMILE"
        raise InputError(
            f"{name}: cannot be written: {source.name} is {format_} already; the other format is converted to"
        )
    if source.rules != "manual":
        raise InputError(f"{source.name}: is read as PySD does; a file is written as the manuals have it")
    if source.elements:
        raise InputError(f"{source.name}: has changed elements of arrays, which are not written")
    found = contents(source)
    if listed := [f"range {one!r}, which another file lists" for one, _ in found.parsed.imported]:
        raise _refused(source.name, name, listed, shown)
    writer = VensimFile(found, model.equations) if target.is_vensim else XmileFile(found, model.equations)
    try:
        text = writer.text(_views(model))
    except Refused as error:
        raise _refused(source.name, name, error.items, shown) from error
    if refused := [*writer.refused, *_checks(source)]:
        raise _refused(source.name, name, refused, shown)
    try:
        equations(Source(name, text, source.folder, {}, source.folders, source.tags, source.data))
    except InputError as error:
        raise InputError(f"{source.name}: cannot be written as {name}, as it would not be read: {error}") from error
    return text


def _checks(source: Source) -> list[str]:
    """Return the reality checks and test inputs of a Vensim file, which are no equations and have no other form."""
    return [
        f"reality check or test input in {head(one.equation)!r} (line {one.line})"
        for one in (source.entries() if source.is_vensim else ())
        if rule_of(one.equation) or TEST_INPUT.match(one.equation)
    ]


def _views(model: Model) -> list[View]:
    """Return the views of a file, or one for each group of variables if it has none; none of those of arrays."""
    file = model.file
    found = of_sketch(file.text) if file.is_vensim else of_xmile(file.name, file.text)
    if any(one.words for one in found) or any("[" in name for name in model.variables):
        return found
    return [view(model.equations, group) for group in groups(model.equations)]


def _refused(source: str, name: str, items: list[str], shown: int | None) -> InputError:
    told = items[:shown]
    more = f"; and {len(items) - len(told)} more (--all names them)" if len(told) < len(items) else ""
    return InputError(f"{source}: cannot be written as {name}: {'; '.join(told)}{more}")
