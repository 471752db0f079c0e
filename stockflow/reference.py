"""The same run through PySD: slow and trusted.

It is for files that are trusted, too: it makes a program of the model's text.

Every run works on a fresh translation in a temporary folder, because PySD writes beside the file it
reads and keeps what a run has changed.  Tables are translated with all their digits, where PySD by
itself would keep eight decimals.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stockflow.arrays import Array
from stockflow.errors import InputError, StoppedError
from stockflow.language.clock import clock, moving_step
from stockflow.language.equations import Equations
from stockflow.language.source import Source
from stockflow.language.tree import Refused
from stockflow.names import plain
from stockflow.numerals import UNSIGNED

if TYPE_CHECKING:
    import xarray as xr

# PySD writes names and texts between single quotes
_ENDS_A_QUOTE = re.compile(r"['\\\r\n]")
_NUMBER = rf"[+-]?\s*{UNSIGNED}"
_WHOLE = re.compile(rf"\s*({_NUMBER})\s*")
_POINT = re.compile(rf"\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*,?\s*")
_QUOTED = re.compile(r"'([^']*)'")
_LONGEST_SHOWN = 40


def run(file: Source, equations: Equations, names: Sequence[str]) -> tuple[Array, Array]:
    """Return times, shape (time,), and variables, (time, variable), as PySD computes them.

    `names` are display names; the final time and save period are those of `equations`.  Raises
    StoppedError where PySD stops at a division by zero or an overflow, and where it loses moments to
    be saved, as it does once its sums of time steps stray from them; InputError where PySD is not installed.
    """
    if not installed():
        raise InputError(f"{file.name}: the reference is PySD, which is not installed: `pip install pysd`")
    import pysd

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"model{Path(file.name).suffix.lower()}"
        path.write_text(file.text, encoding="utf-8")
        for beside in _files_beside(file):
            copy = Path(folder) / beside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(file.folder) / beside, copy)
        with np.printoptions(precision=17, floatmode="unique"), _stopping(file.name):
            model = pysd.load(translated(path))
        interpolate_quickly(model)
        _change_elements(model, file)
        moves = moving_step(equations) is not None
        with np.errstate(all="ignore"), _stopping(file.name):
            frame = model.run(
                final_time=equations.control("final time"),
                return_timestamps=clock(equations).saved_times if moves else None,
                saveper=None if moves else equations.control("saveper"),
                flatten_output=True,
            )
    moments = int(clock(equations).saved.sum())
    if len(frame) != moments:
        raise StoppedError(f"{file.name}: the reference kept {len(frame)} moments, not {moments}: its times stray")
    columns = {plain(str(name)): name for name in frame.columns}
    found = frame[[columns[plain(name)] for name in names]]
    return frame.index.to_numpy(dtype=float), found.to_numpy(dtype=float)


def installed() -> bool:
    """Say whether PySD is there."""
    return find_spec("pysd") is not None


def translated(path: Path) -> Path:
    """Return the Python file that PySD writes for a model, of whose text it holds nothing but names and numbers.

    PySD puts comments and names between quotes as they are, so that a comment or a name with a quote
    could go on as code: it gets no comments, and no text in which a quote could end early.
    """
    from pysd.builders.python.python_model_builder import ModelBuilder
    from pysd.translators.vensim.vensim_file import VensimFile
    from pysd.translators.xmile.xmile_file import XmileFile

    safe_reader("vensim"), safe_reader("xmile")
    file = VensimFile(path) if path.suffix == ".mdl" else XmileFile(path)
    file.parse()
    model = file.get_abstract_model()
    for section in model.sections:
        for element in section.elements:
            element.documentation = element.units = ""
        # what it does not translate
        section.constraints, section.test_inputs = (), ()
    for text in _texts(model.sections):
        if _ENDS_A_QUOTE.search(text):
            raise ValueError(f"it is not given the name or text {text!r}, which could end a quote")
    return Path(ModelBuilder(model).build_model())


def _texts(part: object) -> Iterator[str]:
    """Yield every text in a syntax tree of PySD's that it writes as it is, however deep.

    Names of variables become identifiers or are escaped, but those of data and of functions.
    """
    kind = type(part).__name__
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        yield from _texts((*part.keys(), *part.values()))
    elif isinstance(part, Iterable) and not isinstance(part, np.ndarray):
        for inner in part:
            yield from _texts(inner)
    elif kind == "ReferenceStructure":
        yield from _texts(vars(part)["subscripts"])
    elif kind == "CallStructure":
        function, arguments = vars(part)["function"], vars(part)["arguments"]
        yield from _texts((getattr(function, "reference", function), arguments))
    elif kind == "AbstractElement":
        inside = {name: inner for name, inner in vars(part).items() if name != "name"}
        data = any(hasattr(component, "keyword") for component in inside["components"])
        yield from _texts((vars(part)["name"] if data else "", inside))
    elif hasattr(part, "__dict__"):
        yield from _texts(vars(part))


@contextmanager
def _stopping(name: str) -> Iterator[None]:
    """Say in one line what stopped code that PySD wrote."""
    try:
        yield
    except (ArithmeticError, ValueError) as error:
        raise StoppedError(f"{name}: the reference stopped: {error}") from error


def _files_beside(file: Source) -> list[str]:
    """Return the files that a model names between quotes and that lie in its folder or below."""
    inside = Path(file.folder).resolve()
    names = dict.fromkeys(re.findall(r"'([^'\n]+\.[A-Za-z0-9]+)'", file.text))
    return [name for name in names if (inside / name).resolve().is_relative_to(inside) and (inside / name).is_file()]


def _change_elements(model: Any, file: Source) -> None:
    """Give single elements of arrays other numbers; InputError for paths over time, which PySD has no place for."""
    arrays: dict[str, xr.DataArray] = {}
    spelling = {plain(name): name for name in model.namespace}
    for name, equation in file.elements.items():
        value = equation.partition("=")[2].strip()
        try:
            new = float(value)
        except ValueError as error:
            raise InputError(f"{file.name}: the reference engine cannot replace {name} by a path over time") from error
        array, _, subscripts = name[:-1].partition("[")
        whole = spelling[plain(array)]
        if whole not in arrays:
            arrays[whole] = getattr(model.components, model.namespace[whole])().copy()
        place = {plain(one): at for at, one in enumerate(subscripts.split(","))}
        wanted = [
            next(one for one in axis.values if plain(str(one)) in place) for axis in arrays[whole].coords.values()
        ]
        arrays[whole].loc[tuple(wanted)] = new
    if arrays:
        model.set_components(arrays)


def interpolate_quickly(model: Any) -> None:
    """Give scalar lookups NumPy's interpolation: the same bits as xarray's, fifty times faster."""
    for lookup in model._lookup_elements:
        if lookup.is_float and lookup.interp == "interpolate":
            lookup._call = _interpolated


def _interpolated(data: xr.DataArray, x: float, final_subs: object = None) -> float:
    return float(np.interp(x, data["lookup_dim"].values, data.values))


def value(text: str) -> float | str | list[tuple[float, float]]:
    """Return what a piece of a model stands for: a number, the points of a table, or a text in single quotes.

    Points are `(x,y),(x,y)`, for the limits of a table in brackets.  Raises Refused for all else.
    """
    if number := _WHOLE.fullmatch(text):
        return _number(number[1])
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1]
    bare = text.strip()
    return _points(bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare, text)


def _points(text: str, whole: str) -> list[tuple[float, float]]:
    points, at = [], 0
    while at < len(text):
        point = _POINT.match(text, at)
        if point is None:
            break
        points.append((_number(point[1]), _number(point[2])))
        at = point.end()
    if not points or at < len(text):
        shown = whole if len(whole) <= _LONGEST_SHOWN else f"{whole[:_LONGEST_SHOWN]}..."
        raise Refused([f"{shown!r} where numbers are expected"])
    return points


def _number(text: str) -> float:
    bare = "".join(text.split())
    # whole numbers stay whole: elements of ranges are counted with them
    return int(bare) if bare.lstrip("+-").isdigit() else float(bare)


@cache
def safe_reader(form: Literal["vensim", "xmile"]) -> Any:
    """Return PySD's module that reads the equations of a format, made safe."""
    module = import_module(f"pysd.translators.{form}.{form}_element")
    vars(module)["eval"] = value
    return module
