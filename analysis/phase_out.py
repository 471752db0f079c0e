"""What a subsidy phase-out does: historical schedule against cliff, linear, exponential and cost-triggered decline.

Every schedule is run for a low, a central and a high response of demand to support, because the sales series alone
do not tell these apart; each response is a full refit, not a knob turned on the central one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calibration.payoff import first_crossing
from calibration.results import Accepted
from models.case import load_case
from stockflow.errors import InputError

Array = NDArray[np.float64]
STUDIES = Path(__file__).parent / "studies"
SHAPES = {"cliff": 1.0, "linear": 2.0, "exponential": 3.0}
NEVER = 2200.0  # a start that no run reaches
RESPONSES = ("low", "central", "high")
SERIES = (
    "market share",
    "Cumulative Domestic Sales",
    "Cumulative Support Outlay",
    "Cumulative Fiscal Outlay",
    "Support Arrears",
    "Years since Phase Out Start",
    "Installed Base",
)
PAID_AND_OWED = "support paid and owed"
Share = Annotated[float, Field(gt=0, lt=1)]


class Study(BaseModel):
    """A phase-out study as its TOML file states it; years are decimal, shares fractions, money bnCNY of 2020."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: Literal["nev", "pv"]
    horizon: Annotated[float, Field(ge=2000, le=2060)]
    starts: Annotated[tuple[float, ...], Field(min_length=1)]
    length: Annotated[float, Field(gt=0, le=50)]
    trigger_ratios: tuple[Annotated[float, Field(gt=0, le=100)], ...]
    shares: Annotated[tuple[Share, ...], Field(min_length=1)]
    discount_rate: Annotated[float, Field(ge=0, lt=1)]
    base_year: float
    unit: str
    support: str

    @model_validator(mode="after")
    def _in_time(self) -> Study:
        late = [s for s in self.starts if s >= self.horizon]
        if late:
            raise ValueError(f"start {late[0]:g} is not before the horizon {self.horizon:g}")
        return self


@dataclass(frozen=True, slots=True)
class Schedule:
    """One way to end support: shape, the year it starts (or the cost ratio that starts it), and its length."""

    shape: str
    start: float
    length: float
    trigger_ratio: float

    @property
    def label(self) -> str:
        """Short text for tables and legends."""
        if self.shape == "historical":
            return "historical"
        if self.trigger_ratio > 0:
            return f"cost-triggered at {self.trigger_ratio:g}x"
        return f"{self.shape} from {self.start:g}"

    @property
    def constants(self) -> dict[str, float]:
        """The model constants that this schedule sets."""
        code = SHAPES["linear"] if self.trigger_ratio > 0 else SHAPES.get(self.shape, 0.0)
        return {
            "phase out shape": code,
            "phase out start": self.start,
            "phase out length": self.length,
            "phase out trigger ratio": self.trigger_ratio,
        }


@dataclass(frozen=True, slots=True)
class PhaseOut:
    """Answer of a study: `paths` are arrays (response, schedule, time) by variable, `table` one row per run."""

    study: Study
    schedules: tuple[Schedule, ...]
    times: Array
    paths: Mapping[str, Array]
    table: pd.DataFrame


def load_study(case: str, path: Path | None = None) -> Study:
    """Read a study file; an `InputError` names file, key and value."""
    file = path or STUDIES / f"phase_out_{case}.toml"
    if path is None and case not in ("nev", "pv"):
        raise InputError(f"phase-out studies exist for 'nev' and 'pv', not for {case!r}")
    try:
        return Study.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file.name}: not readable as TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "study"
        raise InputError(f"{file.name}: {place}: {first['msg']} (got {first['input']!r:.60})") from None


def schedules(study: Study) -> tuple[Schedule, ...]:
    """All schedules of the study: history first, then each shape at each start, then the cost triggers."""
    dated = [Schedule(shape, start, study.length, 0.0) for shape, start in product(SHAPES, study.starts)]
    triggered = [Schedule("cost-triggered", NEVER, study.length, ratio) for ratio in study.trigger_ratios]
    return (Schedule("historical", NEVER, study.length, 0.0), *dated, *triggered)


def run_study(study: Study, accepted: Accepted) -> PhaseOut:
    """Run every schedule under every response and tabulate adoption, cost and years lost against history."""
    plans = schedules(study)
    samples = {name: np.array([p.constants[name] for p in plans]) for name in plans[0].constants}
    runs = []
    for response in RESPONSES:
        model = load_case(study.case).model.with_constants(accepted.variants[response])
        runs.append(model.batch(samples, list(SERIES), until=study.horizon, save_period=0.25))
    times = runs[0]["time"].to_numpy()
    paths = {name: np.stack([run[name].to_numpy() for run in runs]) for name in SERIES}
    paths[PAID_AND_OWED] = paths["Cumulative Support Outlay"] + paths["Support Arrears"]
    rows = [
        _row(study, accepted, times, paths, (r, s), plans) for r, s in product(range(len(RESPONSES)), range(len(plans)))
    ]
    return PhaseOut(study, plans, times, paths, pd.DataFrame(rows))


def discounted(times: Array, cumulative: Array, rate: float, base_year: float) -> float:
    """Present value in `base_year` of the yearly growth of `cumulative`, each step at its middle."""
    middle = (times[1:] + times[:-1]) / 2
    return float(np.sum(np.diff(cumulative) * (1 + rate) ** (base_year - middle)))


def _row(
    study: Study,
    accepted: Accepted,
    times: Array,
    paths: Mapping[str, Array],
    at: tuple[int, int],
    plans: Sequence[Schedule],
) -> dict[str, object]:
    r, s = at
    plan = plans[s]
    began = first_crossing(times, paths["Years since Phase Out Start"][r, s], 1e-9)
    units = paths["Cumulative Domestic Sales"][r]
    outlay = paths["Cumulative Support Outlay"][r]
    owed = paths[PAID_AND_OWED][r, :, -1]
    row: dict[str, object] = {
        "response": RESPONSES[r],
        "response value": accepted.variants[RESPONSES[r]][accepted.response],
        "schedule": plan.label,
        "shape": plan.shape,
        "start": plan.start if plan.start < NEVER else None,
        "decline began": began if np.isfinite(began) else None,
    }
    for share in study.shares:
        reached = first_crossing(times, paths["market share"][r, s], share)
        before = first_crossing(times, paths["market share"][r, 0], share)
        row[f"year of {share:.0%}"] = reached if np.isfinite(reached) else None
        both = np.isfinite(reached) and np.isfinite(before)
        row[f"years lost to {share:.0%}"] = reached - before if both else None
    row["cumulative units"] = float(units[s, -1])
    row["units against history"] = float(units[s, -1] / units[0, -1] - 1)
    row["support paid"] = float(outlay[s, -1])
    row["arrears at horizon"] = float(paths["Support Arrears"][r, s, -1])
    row[PAID_AND_OWED] = float(owed[s])
    row["support paid, discounted"] = discounted(times, outlay[s], study.discount_rate, study.base_year)
    row["fiscal outlay"] = float(paths["Cumulative Fiscal Outlay"][r, s, -1])
    saved, lost = float(owed[0] - owed[s]), float(units[0, -1] - units[s, -1])
    row["support saved per unit lost"] = saved / lost if lost > 1e-3 * units[0, -1] else None
    return row
