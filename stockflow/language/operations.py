"""The operations that expressions are made of, and how many values each takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

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

ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power, "negative": np.negative,
}  # fmt: skip
