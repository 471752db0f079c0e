"""A case: one technology in one region, its parameters and its model."""

from collections.abc import Mapping
from dataclasses import dataclass

import stockflow
from models.files.casefile import CASES, Parameter, read_core_file
from models.home import MODELS, Home, home_of

__all__ = ["CASES", "Case", "Parameter", "load_case"]


@dataclass(frozen=True, slots=True)
class Case:
    """`parameters` holds every number a person chose, shared ones first; `model` runs with these values."""

    name: str
    title: str
    parameters: Mapping[str, Parameter]
    model: stockflow.Model
    home: Home

    @property
    def label(self) -> str:
        """Name without the way to its folder."""
        return self.home.label


def load_case(name: str, fitted: bool = True) -> Case:
    """Return one of CASES, or the technology of the user's own in the folder `name`.

    Without `fitted` a technology of the user's own stands at the values of its case file, whatever was estimated.
    Raises InputError with the nearest names for any other, and for a bad file.
    """
    home = home_of(name)
    shared, numbers = read_core_file(MODELS / "cases" / "core.toml"), home.numbers(fitted)
    return Case(home.name, numbers.title, {**shared.parameters, **numbers.parameters}, home.model(fitted), home)
