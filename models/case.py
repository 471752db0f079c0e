"""A case: one technology in one region, its parameters and its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import stockflow
from models.files.casefile import CASES, Parameter, read_case_file, read_core_file
from models.own import own_folder, own_numbers, own_text
from stockflow.errors import unknown

__all__ = ["CASES", "Case", "Parameter", "load_case"]

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """`parameters` holds every number a person chose, shared ones first; `model` runs with these values.

    `folder` is where a technology of the user's own lies; None for one of CASES.
    """

    name: str
    title: str
    parameters: Mapping[str, Parameter]
    model: stockflow.Model
    folder: Path | None = None

    @property
    def label(self) -> str:
        """Name without the way to its folder."""
        return self.name if self.folder is None else self.folder.resolve().name


def load_case(name: str, fitted: bool = True) -> Case:
    """Return one of CASES, or the technology of the user's own in the folder `name`.

    Without `fitted` a technology of the user's own stands at the values of its case file, whatever was estimated.
    Raises InputError with the nearest names for any other, and for a bad file.
    """
    shared = read_core_file(_FOLDER / "cases" / "core.toml")
    folder = own_folder(name)
    if folder is not None:
        numbers = own_numbers(folder, fitted)
        model = stockflow.from_text(f"{folder.resolve().name}.mdl", own_text(folder, fitted))
        return Case(str(folder), numbers.title, {**shared.parameters, **numbers.parameters}, model, folder)
    key = name.strip().casefold()
    if key not in CASES:
        raise unknown("case", name, CASES, listed=True)
    own = read_case_file(_FOLDER / "cases" / f"{key}.toml")
    model = stockflow.load(_FOLDER / "vensim" / f"{key}.mdl")
    return Case(key, own.title, {**shared.parameters, **own.parameters}, model)
