"""Vensim's savelists (.lst): which variables of a run are kept."""

from __future__ import annotations

from pathlib import Path

from stockflow.batches.checked import Checked
from stockflow.errors import InputError
from stockflow.model import Model
from stockflow.vensim_files.text import lines


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
