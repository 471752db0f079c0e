"""System dynamics in general: reads a stock-flow model file and runs it; knows no technology."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockflow.equations import Variable
    from stockflow.errors import InputError, UnknownNameError
    from stockflow.model import Model, from_text, load
    from stockflow.reduction import Term
    from stockflow.simulator import Simulator

__all__ = ["InputError", "Model", "Simulator", "Term", "UnknownNameError", "Variable", "from_text", "load"]

_HOMES = {
    "InputError": "errors",
    "Model": "model",
    "Simulator": "simulator",
    "Term": "reduction",
    "UnknownNameError": "errors",
    "Variable": "equations",
    "from_text": "model",
    "load": "model",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: a command's help needs no compiler."""
    if name not in _HOMES:
        raise AttributeError(f"module 'stockflow' has no attribute {name!r}")
    value: object = getattr(import_module(f"stockflow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
