"""Small model files for tests, and how far two runs of one are apart."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

import stockflow

MODELS = Path(__file__).parents[1] / "model_files"


def written(folder: Path, equations: str, step: float = 0.25, final: float = 4.0, save: float = 0.25) -> Path:
    """Write equations, one `name= ... ~ unit` a line, as a model file that starts at time 0."""
    lines = [line.strip() for line in equations.splitlines() if line.strip()]
    controls = [
        "INITIAL TIME= 0 ~ Year",
        f"FINAL TIME= {final!r} ~ Year",
        f"TIME STEP= {step!r} ~ Year",
        f"SAVEPER= {save!r} ~ Year",
    ]
    entries = [line if line.count("~") > 1 else f"{line} ~" for line in [*lines, *controls]]
    path = folder / "model.mdl"
    path.write_text("{UTF-8}\n" + "\n".join(f"{entry}|" for entry in entries), encoding="utf-8")
    return path


def loaded(folder: Path, equations: str, step: float = 0.25, final: float = 4.0, save: float = 0.25) -> stockflow.Model:
    """Return the model of such a file."""
    return stockflow.load(written(folder, equations, step, final, save))


def apart(one: xr.Dataset, other: xr.Dataset) -> dict[str, float]:
    """Return, by variable, the largest difference as a share of the variable's largest size."""
    assert list(one) == list(other)
    assert one["time"].values.tolist() == other["time"].values.tolist()
    shares = {}
    for name in one:
        left, right = one[name].values, other[name].values
        size = np.abs(right).max() or 1.0
        shares[str(name)] = float(np.abs(left - right).max() / size)
    return shares


def outcome(main: Callable[[], None], *arguments: object) -> int:
    """Call a command's `main` with arguments, its own name first, and return the exit code."""
    before, sys.argv = sys.argv, list(map(str, arguments))
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0
