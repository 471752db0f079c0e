"""Reads a Vensim model file into equations.

The file is cut into entries here, so that every complaint can name its variable; each entry is
parsed by PySD's Vensim grammar, and PySD's syntax tree becomes ours.  No other module but
`reference` knows PySD.  Nothing is written beside the model file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stockflow.equations import Equations, Expression, Table, Variable, number
from stockflow.errors import InputError
from stockflow.names import plain
from stockflow.order import evaluation_order, initial_order
from stockflow.vensim import Refused, parse

_QUOTED = r'(?:"[^"]*"|[^~|"])*'
_ENTRY = re.compile(rf"({_QUOTED})~({_QUOTED})(?:~([^~|]*))?(?:~[^~|]*)?\|")
_GROUP = re.compile(r"\*{3,}\s*\.?(.*?)\s*\*{3,}", re.DOTALL)
_NAME = re.compile(r'\s*(?:"([^"]*)"|([^=(\[:<]*))')
_SETTINGS = "///---\\\\\\"
_SKETCH = "\\\\\\---///"
_METHODS = {"0": "Euler", "1": "RK4 with automatic step", "3": "RK2 with automatic step"}


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one model file; `name` stands for it in messages."""

    name: str
    text: str

    def with_equations(self, equations: Mapping[str, str]) -> Source:
        """Return the file with the equation part of some variables replaced, the rest untouched.

        Keys are variable names in any spelling, values are equations such as `"price= 3"`.
        """
        wanted = {plain(name): equation for name, equation in equations.items()}
        out, last = [], 0
        for entry in self.entries():
            if entry.key in wanted:
                out += [self.text[last : entry.start], f"\n{wanted.pop(entry.key)}\n\t"]
                last = entry.end
        if wanted:
            raise InputError(f"{self.name}: no equation for {', '.join(sorted(wanted))}")
        return replace(self, text="".join([*out, self.text[last:]]))

    def entries(self) -> Iterator[Entry]:
        """Yield the equations in file order, each with the group marker it stands under."""
        body = self.text.split(_SKETCH, 1)[0]
        encoding = re.match(r"\s*\{[^}]*\}", body)
        at, group = encoding.end() if encoding else 0, ""
        while body[at:].strip():
            found = _ENTRY.match(body, at)
            marker = _GROUP.search(found[1]) if found else None
            if found is None or (marker is None and found[3] is None):
                line = body.count("\n", 0, at + len(body[at:]) - len(body[at:].lstrip())) + 1
                raise InputError(f"{self.name}: line {line}: an equation that does not end with ~ unit ~ comment |")
            at = found.end()
            if marker:
                group = marker[1]
            else:
                texts = [_one_line(part or "") for part in found.groups()]
                yield Entry(texts[0], texts[1], texts[2], group, *found.span(1))

    def settings(self, code: str) -> list[list[str]]:
        """Return the comma-separated values of every settings line with that code after the sketch."""
        lines = (line.strip() for line in self.text.partition(_SETTINGS)[2].splitlines())
        return [line.partition(":")[2].split(",") for line in lines if line.startswith(f"{code}:")]


@dataclass(frozen=True, slots=True)
class Entry:
    """One equation of the file: its three texts, its group, and where its equation text stands."""

    equation: str
    unit: str
    documentation: str
    group: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """The compared form of the name the equation defines."""
        return plain(_head(self.equation)[0])


def read(path: str | Path) -> Source:
    """Return the text of a Vensim model file; InputError if it cannot be read as one."""
    file = Path(path)
    if file.suffix.lower() != ".mdl":
        raise InputError(f"{file}: not a Vensim model file (.mdl)")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 text: byte {error.start}") from error
    return Source(str(file), text)


def equations(source: Source) -> Equations:
    """Return the equations of a model file.

    Raises InputError for a file with an equation that cannot be parsed, with constructs outside the
    supported ones (all of them are listed, each with its variable), with a name defined twice or
    unknown, with an integration method other than Euler, or with a loop without a stock.
    """
    for values in source.settings("15"):
        if len(values) > 3 and values[3].strip() != "0":
            method = _METHODS.get(values[3].strip(), f"number {values[3].strip()}")
            raise InputError(f"{source.name}: asks for the integration method {method}; only Euler is supported")
    entries = list(source.entries())
    if ":MACRO:" in source.text.upper():
        raise InputError(f"{source.name}: not supported: macros")
    variables, refused = _variables(entries)
    if refused:
        raise InputError(f"{source.name}: not supported: {'; '.join(refused)}")
    equivalences = tuple(tuple(one.strip() for one in values) for values in source.settings("22"))
    model = Equations(source.name, variables, equivalences)
    evaluation_order(model)
    initial_order(model)
    return model


def _variables(entries: list[Entry]) -> tuple[dict[str, Variable], list[str]]:
    names = {entry.key: _head(entry.equation)[0] for entry in entries}
    lookups = frozenset(entry.key for entry in entries if _head(entry.equation)[1].startswith("("))
    variables: dict[str, Variable] = {}
    refused: list[str] = []
    for entry in entries:
        name = names[entry.key]
        if entry.key == "time":
            refused.append("definition of Time, which is built in")
            continue
        if name in variables:
            refused.append(f"second definition of {name!r}")
            continue
        try:
            unit, limits = _unit_and_limits(entry.unit)
            expression: Expression = parse(entry.equation, names, lookups)
        except Refused as error:
            refused += [f"{what} in {name!r}" for what in error.items]
            expression, unit, limits = Table((0.0,), (0.0,)), "", (None, None)
        variables[name] = Variable(
            name, "auxiliary", unit, entry.documentation, entry.group, limits, expression, number(expression)
        )
    return variables, refused


def _unit_and_limits(text: str) -> tuple[str, tuple[float | None, float | None]]:
    """Split `Dmnl [0,1]` into the unit and the bounds; `?` is an open bound, a third number a step."""
    found = re.fullmatch(r"([^\[\]]*)(?:\[([^\[\]]*)\])?", text)
    if found is None:
        raise Refused([f"unit {text!r}"])
    if found[2] is None:
        return found[1].strip(), (None, None)
    bounds = [part.strip() for part in found[2].split(",")]
    try:
        values = [None if part in {"?", ""} else float(part) for part in bounds[:2]]
    except ValueError as error:
        raise Refused([f"limits [{found[2]}]"]) from error
    low, high = (*values, None, None)[:2]
    if low is not None and high is not None and low > high:
        raise Refused([f"limits [{found[2]}], which are empty,"])
    return found[1].strip(), (low, high)


def _head(equation: str) -> tuple[str, str]:
    """Split an equation into the name it defines and the rest."""
    found = _NAME.match(equation)
    if found is None:
        return "", equation
    name = found[2] if found[1] is None else found[1]
    return " ".join(name.split()), equation[found.end() :].lstrip()


def _one_line(text: str) -> str:
    return " ".join(text.replace("\\\n", " ").replace("\\\r\n", " ").split())
