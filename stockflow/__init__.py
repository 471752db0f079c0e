"""System dynamics in general: reads a stock-flow model file and runs it; knows no technology."""

from typing import TYPE_CHECKING

from stockflow.equations import Variable
from stockflow.errors import InputError, UnknownNameError
from stockflow.model import Model, from_text, load
from stockflow.simulator import Simulator

if TYPE_CHECKING:
    from stockflow.reduction import Term

__all__ = ["InputError", "Model", "Simulator", "Term", "UnknownNameError", "Variable", "from_text", "load"]


def __getattr__(name: str) -> object:
    """Load what a plain run does not need when it is first asked for."""
    if name == "Term":
        from stockflow.reduction import Term

        return Term
    raise AttributeError(f"module 'stockflow' has no attribute {name!r}")
