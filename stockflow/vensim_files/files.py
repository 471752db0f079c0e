"""Vensim's payoff definitions (.vpd), optimisation controls (.voc), changes (.cin, .out) and savelists (.lst).

Forms after the Vensim reference manual, "Payoff Definitions", "Optimization Options" and "Constant Input Files", and
after files that Vensim wrote.  What a file says is kept even where nothing here can use it; what cannot be read is
refused with file, line, text and what was expected.  Names are looked up in a model where one is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stockflow.batches.checked import Checked
from stockflow.errors import InputError
from stockflow.language.equations import CONTROLS
from stockflow.model import Model
from stockflow.names import plain
from stockflow.numerals import as_number
from stockflow.vensim_files.text import Line, lines

Kind = Literal["calibration", "policy", "prior"]

_KINDS: Mapping[str, Kind] = {"C": "calibration", "P": "policy", "R": "prior"}
_WORDS = {"calibration", "policy", "prior"}
_TRANSFORMS, _DISTRIBUTIONS, _TIMINGS = "LX", "GKORYHBPD", "IF"
_WHOLE = ("MAX_ITERATIONS", "RESTART_MAX", "PASS_LIMIT", "SEED", "VECTOR_POINTS")
_REAL = ("FRACTIONAL_TOLERANCE", "TOLERANCE_MULTIPLIER", "ABSOLUTE_TOLERANCE", "SCALE_ABSOLUTE")
_TEXT = ("OPTIMIZER", "SENSITIVITY", "MULTIPLE_START", "RANDOM_NUMBER", "OUTPUT_LEVEL", "TRACE", "STOCHASTIC")
_OPTIMIZERS = ("POWELL", "OFF", "MCMC")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a payoff: `variable` against `data`, or alone in a policy payoff or prior.

    `code` is the type as written without the star.  `transform` is "L" for logarithms, "" for none; `distribution`
    is "" for weighted least squares, "G" Gaussian, "K" Kalman, "R" robust and so on; `timing` is "I" or "F" for the
    initial or final time alone.  `weight` is a number or the name of a variable.
    """

    line: Line
    kind: Kind
    code: str
    transform: str
    distribution: str
    timing: str
    variable: str
    data: str | None
    weight: float | str


@dataclass(frozen=True, slots=True)
class PayoffDefinition:
    """All elements of a payoff definition file, in file order."""

    file: str
    elements: tuple[Element, ...]


def read_payoff(path: str | Path, model: Model | None = None) -> PayoffDefinition:
    """Read a payoff definition (.vpd): types such as `*C`, `*CG`, `*CLR`, `*PF`, and the elements below each.

    Raises InputError for an unknown type, an element before any type, a missing `|data` or `/weight`, a weight of a
    calibration that is not above 0, a name the model does not have, and a file without elements.
    """
    code, found = "", []
    for line in lines(path):
        if line.text.startswith("*"):
            code = line.text[1:].strip()
            _type(line, code)
        elif not code:
            raise line.refusal("an element before any type", "a type such as *C or *P first")
        else:
            found.append(_element(line, code, model))
    if not found:
        raise InputError(f"{path}: no payoff element; expected a type such as *C and lines variable|data/weight")
    return PayoffDefinition(str(path), tuple(found))


def _type(line: Line, code: str) -> tuple[Kind, str, str, str]:
    """Return kind, transform, distribution and timing of a type; only the first letter of a word counts."""
    kind = _KINDS.get(code[:1].upper())
    expected = "*C with L or X and one of G K O R Y H B P D, or *P or *R with L or X and I or F"
    if kind is None:
        raise line.refusal(f"unknown payoff type {code!r}", expected)
    if len(code) > 2 and any(word.startswith(code.casefold()) for word in _WORDS):
        return kind, "", "", ""
    groups = (_TRANSFORMS, _DISTRIBUTIONS, "") if kind == "calibration" else (_TRANSFORMS, "", _TIMINGS)
    letters = code[1:].upper()
    parts = ["".join(one for one in letters if one in group) for group in groups]
    if any(len(one) > 1 for one in parts) or sum(map(len, parts)) != len(letters):
        raise line.refusal(f"unknown payoff type {code!r}", expected)
    return kind, *parts  # type: ignore[return-value]


def _element(line: Line, code: str, model: Model | None) -> Element:
    kind, transform, distribution, timing = _type(line, code)
    form = "variable|data/weight" if kind == "calibration" else "variable/weight"
    compared, *weights = line.split("/")
    variable, *against = line.split("|", compared)
    wanted = 1 if kind == "calibration" else 0
    if len(weights) != 1 or len(against) != wanted or not all([variable, *against, *weights]):
        raise line.refusal(f"an element of a {kind} payoff that does not read {form}", form)
    weight = as_number(weights[0])
    if weight is not None and kind == "calibration" and weight <= 0:
        raise line.refusal(f"weight {weight:g} is not above 0", "a weight above 0")
    modelled, data = line.name(variable, model), line.name(against[0], None) if against else None
    weighed = line.name(weights[0], model) if weight is None else weight
    return Element(line, kind, code, transform, distribution, timing, modelled, data, weighed)


@dataclass(frozen=True, slots=True)
class Search:
    """One parameter of a search, in its own unit: bounds and start as numbers, None where the file leaves them out.

    `low` and `high` are names where the file bounds by a constant and no model was given.  `extra` is what follows
    a bar: a tolerance, or a step of discrete values.
    """

    line: Line
    name: str
    low: float | str | None
    start: float | None
    high: float | str | None
    extra: str


@dataclass(frozen=True, slots=True)
class Control:
    """An optimisation control: options by full name, with the last of each, and the parameters in file order.

    Whole and real options are numbers; others, and the sampler's (MC...), are the text after the equals sign.
    """

    file: str
    options: Mapping[str, float | str]
    parameters: tuple[Search, ...]


def read_control(path: str | Path, model: Model | None = None) -> Control:
    """Read an optimisation control (.voc): `:OPTION=value` lines, then `low <= name = start <= high` lines.

    Options may be shortened to four letters; `:COM...` is a comment.  Either bound and the start may be left out.
    Raises InputError for an unknown option or one after a parameter, for a value of the wrong kind, for a parameter
    that stands twice, is not a constant or starts outside its bounds, and for a file without parameters.
    """
    options: dict[str, float | str] = {}
    found: dict[str, Search] = {}
    for line in lines(path):
        if line.text.startswith(":"):
            if found:
                raise line.refusal("an option after a parameter", "all options first")
            options.update(_option(line))
            continue
        one = search(line, model)
        if plain(one.name) in found:
            raise line.refusal(f"{one.name} is searched twice", "each parameter once")
        found[plain(one.name)] = one
    if not found:
        raise InputError(f"{path}: no parameter; expected lines low <= name = start <= high")
    return Control(str(path), options, tuple(found.values()))


def _option(line: Line) -> dict[str, float | str]:
    """Return the option of a line by its full name; nothing for a comment."""
    key, _, value = line.text[1:].partition("=")
    key, value = re.sub(r"[\s_]", "", key).upper(), value.strip()
    if key.startswith("COM"):
        return {}
    if key.startswith("MC") and key.isalpha():
        return {key: line.value(value, f"option {key}")}
    known = {re.sub("_", "", one)[:4]: one for one in (*_WHOLE, *_REAL, *_TEXT)}
    name = known.get(key[:4])
    if name is None:
        raise line.refusal(f"unknown option {key!r}", f"one of {', '.join(sorted(known.values()))} or a MC... option")
    if name in _TEXT:
        if name == "OPTIMIZER" and value.upper() not in _OPTIMIZERS:
            raise line.refusal(f"optimiser {value!r}", f"one of {', '.join(_OPTIMIZERS)}")
        return {name: value}
    read = line.whole if name in _WHOLE else line.value
    return {name: float(read(value, f"option {name}"))}


def search(line: Line, model: Model | None) -> Search:
    """Return the parameter of a line `low <= name = start <= high | extra`; refuses any other form."""
    form = "low <= name = start <= high"
    body, *extra = line.split("|")
    low, middle, high = _sides(line, line.split("<=", body), form)
    name, *start = line.split("=", middle)
    tolerance = re.fullmatch(r"(\S+)\s+((?:FRAC|ABS)\S*.*)", high, re.IGNORECASE)
    if tolerance:
        high, extra = tolerance[1], [tolerance[2], *extra]
    if len(start) > 1 or "" in start:
        raise line.refusal(f"{middle!r} is not name = start", form)
    named = line.name(name, None) if model is None else line.constant(line.name(name, model), model).name
    below = _bound(line, low, model)
    value = line.value(start[0], f"start of {name}") if start else None
    one = Search(line, named, below, value, _bound(line, high, model), " | ".join(extra))
    _in_order(one)
    return one


def _sides(line: Line, parts: list[str], form: str) -> tuple[str, str, str]:
    """Return low, middle and high as text, "" for a bound that is left out."""
    if len(parts) > 3 or "" in parts:
        raise line.refusal("a parameter that cannot be read", form)
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    if len(parts) == 1:
        return "", parts[0], ""
    if as_number(parts[0]) is not None or len(line.split("=", parts[1])) > 1:
        return parts[0], parts[1], ""
    if as_number(parts[1].split()[0]) is not None or len(line.split("=", parts[0])) > 1:
        return "", parts[0], parts[1]
    raise line.refusal("two names and no number: which of them is searched is not said", form)


def _bound(line: Line, text: str, model: Model | None) -> float | str | None:
    if not text:
        return None
    value = as_number(text)
    if value is not None:
        return value
    if model is None:
        return line.name(text, None)
    return line.constant(line.name(text, model), model).value


def _in_order(one: Search) -> None:
    low, high = (side if isinstance(side, float) else None for side in (one.low, one.high))
    if low is not None and high is not None and low > high:
        raise one.line.refusal(f"low {low:g} is above high {high:g}", "low <= high")
    below = one.start is not None and low is not None and one.start < low
    above = one.start is not None and high is not None and one.start > high
    if below or above:
        raise one.line.refusal(f"start {one.start:g} of {one.name} is outside its bounds", "low <= start <= high")


def changes(path: str | Path, model: Model | None = None) -> dict[str, float]:
    """Return the constants that a changes file (.cin) or the outcome of an optimisation (.out) sets, by name.

    Values are in the model's own units.  Options and comments of an outcome are passed over.  Raises InputError for a
    lookup, a string, a list of values, a control variable, a name that is not a constant of the model, a value outside
    its limits, a constant that is changed twice (Vensim takes the last), and a file that changes nothing.
    """
    found: dict[str, tuple[str, float]] = {}
    for line in lines(path):
        if line.text.startswith(":"):
            continue
        _refuse_other_changes(line)
        one = search(line, model)
        if one.start is None:
            raise line.refusal(f"{one.name} is given no value", "name = number")
        if model is not None:
            line.check(one.name, one.start, model, "a value within the limits of the model")
        if plain(one.name) in found:
            raise line.refusal(f"{one.name} is changed twice", "each constant once")
        found[plain(one.name)] = (one.name, one.start)
    if not found:
        raise InputError(f"{path}: changes nothing; expected lines name = number")
    return dict(found.values())


def with_changes(given: Mapping[str, float], path: str | Path, model: Model) -> dict[str, float]:
    """Return settings by hand and, where they say nothing, those of a changes file; names compared as models do."""
    by_hand = set(map(plain, given))
    return {**{name: value for name, value in changes(path, model).items() if plain(name) not in by_hand}, **given}


def _refuse_other_changes(line: Line) -> None:
    bare = re.sub(r'"[^"]*"', "q", line.text)
    left, equals, right = bare.rpartition("=")
    if ":IS:" in bare.upper():
        raise line.refusal("a string", "name = number")
    if not equals and re.search(r"\(.*\)\s*$", bare):
        raise line.refusal("a lookup, which only Model.runs(lookups=...) changes", "name = number")
    if equals and "," in right:
        raise line.refusal("a list of values", "one line for each element, name[element] = number")
    if plain(left.rpartition("<=")[2]) in CONTROLS:
        raise line.refusal("a control variable, which the model file sets", "a constant of the model")


def read_savelist(path: str | Path, model: Model) -> tuple[str, ...]:
    """Return the variables that a savelist names, one a line, an array's name standing for all its elements.

    A name that stands twice counts once.  Raises InputError, with the line, for what is no variable of the model or a
    lookup, and for a file that names nothing.
    """
    kept: dict[str, None] = {}
    for line in lines(path):
        name = line.name(line.text, None)
        try:
            kept.update(dict.fromkeys(Checked(model.equations).outputs([name])))
        except InputError as error:
            raise line.refusal(str(error), "a variable on each line") from None
    if not kept:
        raise InputError(f"{path}: keeps nothing; expected the name of a variable on each line")
    return tuple(kept)
