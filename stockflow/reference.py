"""The same run through PySD: slow and trusted.

Every run works on a fresh translation in a temporary folder, because PySD writes beside the file it
reads and keeps what a run has changed.  Tables are translated with all their digits, where PySD by
itself would keep eight decimals.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from stockflow.equations import Equations
from stockflow.names import plain
from stockflow.source import Source


def run(file: Source, equations: Equations, names: Sequence[str]) -> xr.Dataset:
    """Return variables along `time`, as PySD computes them.

    `names` are display names; the final time and save period are those of `equations`.  Raises
    ArithmeticError where PySD stops at a division by zero or an overflow.
    """
    import pysd

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.mdl"
        path.write_text(file.text, encoding="utf-8")
        with np.printoptions(precision=17, floatmode="unique"):
            model = pysd.read_vensim(path)
        _interpolate_quickly(model)
        with np.errstate(all="ignore"):
            frame = model.run(final_time=equations.control("final time"), saveper=equations.control("saveper"))
    columns = {plain(str(name)): name for name in frame.columns}
    data = {}
    for name in names:
        one = equations.variables[name]
        values = frame[columns[plain(name)]].to_numpy(dtype=float)
        data[name] = ("time", values, {"unit": one.unit, "documentation": one.documentation})
    unit = {"unit": equations.find("time step").unit}
    return xr.Dataset(data, {"time": ("time", frame.index.to_numpy(dtype=float), unit)})


def _interpolate_quickly(model: Any) -> None:
    """Give scalar lookups NumPy's interpolation: the same bits as xarray's, fifty times faster."""
    for lookup in model._lookup_elements:
        if lookup.is_float and lookup.interp == "interpolate":
            lookup._call = _interpolation()


def _interpolation() -> Any:
    def call(data: xr.DataArray, x: float, final_subs: object = None) -> float:
        return float(np.interp(x, data["lookup_dim"].values, data.values))

    return call
