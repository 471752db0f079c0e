"""Vensim's sensitivity controls (.vsc): which constants are drawn from what, and the samples themselves.

Forms after the Vensim reference manual, "Sensitivity Control Files" and "Distributions".  The draws follow the stated
distributions; they are not Vensim's own numbers, whose generator is another.  Each distribution draws a number,
multiplies it by `stretch`, adds `shift`, and is cut off at min and max.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from scipy.stats import qmc

from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.files import read_text
from stockflow.language.functions import laws
from stockflow.model import Model
from stockflow.names import plain
from stockflow.vensim_files.text import LARGEST, MOST_WHOLE, Line, lines

Method = Literal["U", "M", "L", "G", "F"]

#: what Vensim takes where the first line leaves a field empty
DEFAULT_RUNS, DEFAULT_METHOD, DEFAULT_SEED = 200, "M", 1234
_MOST_RUNS = 10_000_000
_WITHIN = "min and max within the limits of the model"
_VECTOR = ("min", "max", "increment")
_DRAW = re.compile(r"([A-Za-z][\w ]*?)\s*\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Draw:
    """How one constant is drawn: a distribution by name, and its arguments after the manual."""

    line: Line
    name: str
    distribution: str
    arguments: tuple[float, ...]

    def steps(self) -> Array:
        """Return the values of a VECTOR, from the lowest up."""
        low, high, step = self.arguments
        return np.asarray(low + step * np.arange(math.floor((high - low) / step * (1 + 1e-12)) + 1))

    def at(self, share: Array) -> Array:
        """Return the values below which the given shares (any shape, 0 to 1) of the truncated distribution lie."""
        low, high = self.arguments[:2]
        if self.distribution == "RANDOM UNIFORM":
            return np.asarray(low + share * (high - low))
        given = dict(zip(laws.ARGUMENTS[self.distribution], self.arguments, strict=True))
        found = laws.law(self.distribution, given).at(share, low, high)
        if found is None:
            raise self.line.refusal(f"no share of {self.distribution} lies between its min and max", "wider bounds")
        return found


@dataclass(frozen=True, slots=True)
class SensitivityControl:
    """A sensitivity control: number of runs, method, seed, and the draws in file order.

    Methods: "U" one constant at a time, "M" all together, "L" latin hypercube, "G" grid, "F" from `sample`, a file
    beside the control.
    """

    file: str
    runs: int
    method: Method
    seed: int
    sample: str
    draws: tuple[Draw, ...]


def read_sensitivity(path: str | Path, model: Model | None = None) -> SensitivityControl:
    """Read a sensitivity control (.vsc): `runs,method,seed,file,warnings`, then `name=DISTRIBUTION(...)` lines.

    Raises InputError for a first line that cannot be read, an unknown distribution or number of arguments, min not
    below max, a spread or shape not above 0, a name that stands twice or is not a constant of the model, and a
    control that draws nothing.
    """
    rows = list(lines(path))
    if not rows:
        raise InputError(f"{path}: empty; expected runs,method,seed,file,warnings and lines name=DISTRIBUTION(...)")
    runs, method, seed, sample = _first(rows[0])
    found: dict[str, Draw] = {}
    for line in rows[1:] if method != "F" else ():
        one = _draw(line, model)
        if plain(one.name) in found:
            raise line.refusal(f"{one.name} is drawn twice", "each constant once")
        found[plain(one.name)] = one
    if not found and method != "F":
        raise InputError(f"{path}: draws no constant; expected lines name=DISTRIBUTION(...)")
    return SensitivityControl(str(path), runs, method, seed, sample, tuple(found.values()))


def _first(line: Line) -> tuple[int, Method, int, str]:
    fields = [one.strip() for one in line.text.split(",")]
    form = "runs,method,seed,file,warnings with method U, M, L, G or F"
    if len(fields) > 5 or "(" in line.text:
        raise line.refusal("not the first line of a sensitivity control", form)
    runs, method, seed, sample, warnings = fields + [""] * (5 - len(fields))
    count = line.whole(runs, "number of runs", 1, _MOST_RUNS) if runs else DEFAULT_RUNS
    start = line.whole(seed, "seed", -MOST_WHOLE) if seed else DEFAULT_SEED
    how = (method or DEFAULT_METHOD).upper()
    if how not in set("UMLGF") or warnings not in {"", "0", "1"}:
        raise line.refusal(f"method is {method!r} and warnings {warnings!r}", form)
    if how == "F" and not sample:
        raise line.refusal("method F without a file", "runs,F,seed,file")
    return count, cast(Method, how), start, sample


def _draw(line: Line, model: Model | None) -> Draw:
    name, *right = line.split("=")
    found = _DRAW.fullmatch(right[0]) if len(right) == 1 else None
    if found is None:
        raise line.refusal("a draw that cannot be read", "name=DISTRIBUTION(min,max,...)")
    law = plain(found[1]).upper()
    if law != "VECTOR" and law not in laws.ARGUMENTS:
        known = ", ".join(sorted([*laws.ARGUMENTS, "VECTOR"]))
        raise line.refusal(f"unknown distribution {found[1]!r}", f"one of {known}")
    names = laws.ARGUMENTS.get(law, _VECTOR)
    given = found[2].split(",")
    if len(given) != len(names):
        raise line.refusal(f"{law} with {len(given)} arguments", f"{law}({','.join(names)})")
    values = tuple(line.value(text, f"{what} of {law}") for text, what in zip(given, names, strict=True))
    if (problem := laws.wrong(law, dict(zip(names, values, strict=True)))) is not None:
        raise line.refusal(*problem)
    display = line.name(name, None) if model is None else line.constant(line.name(name, model), model).name
    if model is not None:
        for end in values[:2]:
            line.check(display, end, model, _WITHIN)
    return Draw(line, display, law, values)


def samples(
    control: SensitivityControl, runs: int | None = None, seed: int | None = None, model: Model | None = None
) -> dict[str, Array]:
    """Return what `Model.runs` takes: for each constant its values, shape (run,), one for each run.

    `runs` and `seed` replace those of the file.  "M" draws independently and "L" by latin hypercube.  "G" takes the
    middle of `runs` equal shares of each distribution in every combination, and constants that are all VECTORs are
    combined in the same way under every method but "U".  "U" gives each constant its `runs` draws (a VECTOR its
    values) in turn while the others hold the value of `model`, which it needs.  "F" takes the rows of the file.

    Raises InputError for a seed not above 0 (Vensim's own or unrepeatable draws), VECTORs mixed with distributions,
    and more runs than ten million.
    """
    count = control.runs if runs is None else runs
    start = control.seed if seed is None else seed
    if count < 1:
        raise InputError(f"{control.file}: {count} runs asked for, but there must be at least 1")
    if control.method == "F":
        return _from_file(control, model, runs)
    if start < 1:
        raise InputError(f"{control.file}: seed {start} is Vensim's own generator or chance; give a seed above 0")
    generator = np.random.default_rng(start)
    stepped = [one for one in control.draws if one.distribution == "VECTOR"]
    if control.method == "U":
        return _one_at_a_time(control, count, generator, model)
    if stepped and len(stepped) < len(control.draws):
        raise stepped[0].line.refusal("a VECTOR beside random distributions", "VECTORs alone, or method U")
    if stepped:
        return _combined(control, [one.steps() for one in stepped])
    if control.method == "G":
        middles = (np.arange(count) + 0.5) / count
        return _combined(control, [one.at(middles) for one in control.draws])
    if control.method == "L":
        cube = qmc.LatinHypercube(len(control.draws), seed=generator).random(count)
    else:
        cube = generator.random((count, len(control.draws)))
    return {one.name: one.at(cube[:, place]) for place, one in enumerate(control.draws)}


def _combined(control: SensitivityControl, values: Sequence[Array]) -> dict[str, Array]:
    total = math.prod(len(one) for one in values)
    if total > _MOST_RUNS:
        raise InputError(f"{control.file}: {total} combinations, but at most {_MOST_RUNS} runs")
    grid = np.meshgrid(*values, indexing="ij")
    return {one.name: axis.reshape(-1) for one, axis in zip(control.draws, grid, strict=True)}


def _one_at_a_time(
    control: SensitivityControl, count: int, generator: np.random.Generator, model: Model | None
) -> dict[str, Array]:
    if model is None:
        raise InputError(f"{control.file}: method U needs the model, whose values the other constants keep")
    drawn = {
        one.name: one.steps() if one.distribution == "VECTOR" else one.at(generator.random(count))
        for one in control.draws
    }
    total = sum(len(one) for one in drawn.values())
    found, begin = {}, 0
    for one in control.draws:
        base = one.line.constant(one.name, model).value
        values = np.full(total, np.nan if base is None else base)
        values[begin : begin + len(drawn[one.name])] = drawn[one.name]
        begin += len(drawn[one.name])
        found[one.name] = values
    return found


def _from_file(control: SensitivityControl, model: Model | None, runs: int | None) -> dict[str, Array]:
    """Read tab-separated rows under a row of names; an empty cell repeats the one above, as Vensim does."""
    path = Path(control.file).parent / control.sample
    rows = [
        (at, text.split("\t")) for at, text in enumerate(read_text(path, LARGEST).splitlines(), start=1) if text.strip()
    ]
    if len(rows) < 2:
        raise InputError(f"{path}: needs a row of names and at least one row of numbers")
    header = Line(str(path), rows[0][0], "\t".join(rows[0][1]))
    names = [header.name(one, None) if model is None else header.constant(one, model).name for one in rows[0][1]]
    if len(set(map(plain, names))) < len(names):
        raise header.refusal("a name stands twice", "each constant once")
    values = np.empty((len(rows) - 1, len(names)))
    for place, (at, cells) in enumerate(rows[1:]):
        line = Line(str(path), at, "\t".join(cells))
        if len(cells) > len(names):
            raise line.refusal(f"{len(cells)} values", f"{len(names)} values")
        for column, name in enumerate(names):
            text = cells[column].strip() if column < len(cells) else ""
            if not text and place == 0:
                raise line.refusal(f"no value of {name} and none above to repeat", "a number")
            value = line.value(text, name) if text else values[place - 1, column]
            if model is not None:
                line.check(name, value, model, _WITHIN)
            values[place, column] = value
    if runs is not None and runs > len(values):
        raise InputError(f"{path}: {runs} runs asked for, but it has {len(values)} rows")
    return {name: values[:runs, column] for column, name in enumerate(names)}
