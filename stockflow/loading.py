"""From a file, or a text, to its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stockflow.language import source
from stockflow.language.clock import SCHEMES, TOLERANCE, clock, left_out
from stockflow.language.source import Rules, Source
from stockflow.model import Model
from stockflow.reading import read


def load(
    path: str | Path,
    external: str | Path | Sequence[str | Path] | None = None,
    encoding: str | None = None,
    data: Sequence[str | Path] = (),
    tags: Mapping[str, str] | None = None,
    rules: Rules = "manual",
) -> Model:
    """Return the model of a Vensim or XMILE file; InputError if it cannot be read or is not supported.

    Files named in the model must lie in the folder `external` (or one of several) or below it, by default in the
    model's own folder; `tags` are the files it calls by a name such as `?data`.  `data` are tables, with time down the
    first column or across the first row, that fill data variables without a file of their own.  `encoding` is that of
    the text; a Vensim file that says none and is not UTF-8 is read as GB18030 or Windows-1252, whichever its bytes look
    like.  Where PySD differs from Vensim's manual or the XMILE standard, these hold, or PySD by the `rules` "pysd", for
    comparing runs.  A ReadingWarning says what was guessed, or is read otherwise than the file asks.
    """
    return _of(source.read(path, external, encoding, data, tags, rules))


def from_text(name: str, text: str) -> Model:
    """Return the model of a text as it would stand in the file `name` (.mdl, .xmile), which need not exist.

    InputError as for `load`; files named in the model are not read.
    """
    return _of(Source(name, text))


def _of(file: Source) -> Model:
    equations = read(file)
    clock(equations)
    source.told(equations)
    if SCHEMES[equations.method].order and (missing := left_out(equations)):
        source.warn(
            f"{file.name}: asks for {equations.method} without {' and '.join(missing)}: {TOLERANCE:g} is taken", 4
        )
    return Model(equations, file)
