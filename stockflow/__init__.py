"""System dynamics in general: reads a stock-flow model file and runs it; knows no technology."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockflow.compiler.simulator import Simulator
    from stockflow.errors import InputError, UnknownNameError
    from stockflow.gradients.payoff import Term
    from stockflow.language.equations import Variable
    from stockflow.loading import from_text, load
    from stockflow.model import Model
    from stockflow.page.widget import widget

__all__ = ["InputError", "Model", "Simulator", "Term", "UnknownNameError", "Variable", "from_text", "load", "widget"]

_HOMES = {
    "InputError": "errors",
    "Model": "model",
    "Simulator": "compiler.simulator",
    "Term": "gradients.payoff",
    "UnknownNameError": "errors",
    "Variable": "language.equations",
    "from_text": "loading",
    "load": "loading",
    "widget": "page.widget",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: a command's help needs no compiler."""
    if name not in _HOMES:
        raise AttributeError(f"module 'stockflow' has no attribute {name!r}")
    value: object = getattr(import_module(f"stockflow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
