"""The operations that expressions are made of, and how many values each takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# what PySD and Vensim take for zero in a divisor, and the slack of RAMP
SMALL = 1e-6
# of a time step, just before its middle
NEARLY_HALF = 0.5 - 2.0**-20
#: what `:NA:` is: a number that no model reaches, and which stays what it is under small additions
MISSING = -(2.0**109)
#: operations of one value each, with the number of their arguments
ARGUMENTS: Mapping[str, int] = {
    **dict.fromkeys(("+", "-", "*", "/", "^", "<", "<=", ">", ">=", "=", "<>", "and", "or"), 2),
    **dict.fromkeys(("negative", "not", "exp", "ln", "sqrt", "abs", "integer"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"), 1),
    **dict.fromkeys(("normal share", "normal quantile"), 1),
    **dict.fromkeys(("min", "max", "zidz", "step", "pulse", "modulo", "quantum", "log"), 2),
    # endless ramp: slope, start; impulse: start, amount; impulses: start, interval, amount
    **dict.fromkeys(("endless ramp", "impulse"), 2),
    **dict.fromkeys(("if then else", "xidz", "ramp", "impulses"), 3),
    # start, interval, width, end
    "pulse train": 4,
}

#: operations that NumPy has: what each is called in compiled code, and the function
DIRECT: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "+": ("add", np.add),
    "-": ("sub", np.subtract),
    "*": ("mul", np.multiply),
    "/": ("div", np.divide),
    "^": ("pow", np.power),
    "negative": ("neg", np.negative),
    "<": ("lt", np.less),
    "<=": ("le", np.less_equal),
    "=": ("eq", np.equal),
    "<>": ("ne", np.not_equal),
    "and": ("and", np.logical_and),
    "or": ("or", np.logical_or),
    "not": ("not", np.logical_not),
    "min": ("min", np.minimum),
    "max": ("max", np.maximum),
    "exp": ("exp", np.exp),
    "ln": ("log", np.log),
    "sqrt": ("sqrt", np.sqrt),
    "abs": ("abs", np.abs),
    "integer": ("trunc", np.trunc),
    "if then else": ("select", np.where),
}
ARITHMETIC: Mapping[str, Callable[..., Any]] = {one: DIRECT[one][1] for one in ("+", "-", "*", "/", "^", "negative")}
