"""A sensitivity index with its error and a verdict: has it converged, and does the unknown matter at all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from stockflow.arrays import Array

STILL = "the answer does not vary"


@dataclass(frozen=True, slots=True)
class Index:
    """One index of one unknown for one answer in one year.

    `half_width` is half the interval of `value`, `halved` the value from half of the sample; both in the unit of the
    index. `converged` follows the rule of the study, `why` says what broke it. `influence` says whether the unknown
    matters beyond chance, where the method can tell. `direction` is the rank correlation with the answer.
    """

    answer: str
    year: float
    unknown: str
    method: str
    value: float
    half_width: float
    halved: float
    converged: bool
    why: str
    influence: bool | None = None
    direction: float = np.nan


def verdict(value: float, half_width: float, shift: float, width: float, most: float) -> tuple[bool, str]:
    """Say whether an index has converged: interval no wider than `width` each way, half the sample within `most`."""
    if not np.isfinite([value, half_width, shift]).all():
        return False, "not a number"
    faults = []
    if half_width > width:
        faults.append(f"interval +-{half_width:.3f} wider than +-{width:g}")
    if abs(shift) > most:
        faults.append(f"half the sample moves it by {shift:+.3f}, more than {most:g}")
    return not faults, "; ".join(faults)


def table(indices: Sequence[Index]) -> pd.DataFrame:
    """Return indices as rows, the strongest of each method, answer and year first."""
    rows = pd.DataFrame([asdict(one) for one in indices])
    order = ["method", "answer", "year", "value"]
    return rows.sort_values(order, ascending=[True, True, True, False], kind="stable", ignore_index=True)


def varies(y: Array) -> bool:
    """Whether numbers differ by more than rounding."""
    return bool(np.ptp(y) > 1e-12 * max(1.0, float(np.max(np.abs(y)))))


def still(answer: str, year: float, names: Sequence[str], method: str) -> list[Index]:
    """Indices of an answer that no unknown moves: none, and no convergence to speak of."""
    nan = float("nan")
    return [Index(answer, year, name, method, nan, nan, nan, False, STILL, False) for name in names]
