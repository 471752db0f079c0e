"""What a subsidy phase-out does: historical schedule against cliff, linear, exponential and cost-triggered decline.

Every schedule is run for a low, a central and a high response of demand to support, because the sales series alone
do not tell these apart; each response is a full refit, not a knob turned on the central one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from analysis.draws.runs import case_model
from calibration.records.results import Accepted
from models.files.settings import read_settings
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.over_time import present_value, year_reached

STUDIES = Path(__file__).parents[1] / "studies"
SHAPES = {"cliff": 1.0, "linear": 2.0, "exponential": 3.0}
NEVER = 2200.0  # a start that no run reaches
RESPONSES = ("low", "central", "high")
SERIES = (
    "market share",
    "Cumulative Domestic Sales",
    "Cumulative Support Outlay",
    "Cumulative Tax Expenditure",
    "Cumulative Fiscal Outlay",
    "Support Arrears",
    "Years since Phase Out Start",
    "Installed Base",
)
PAID_AND_OWED = "support paid and owed"  # the support that is varied: no tax relief in it
STEP = 0.25  # years between saved values
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
Year = Annotated[float, Field(strict=True, ge=1990, le=2060)]


class Reported(BaseModel):
    """A figure of the fiscal account that somebody published, to hold the model's against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variable: str
    time: Year
    value: Finite
    words: str
    source: Annotated[str, Field(min_length=10)]


class Study(BaseModel):
    """A phase-out study as its TOML file states it; years are decimal, shares fractions, money bnCNY of 2020."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: Literal["nev", "pv"]
    horizon: Year
    tail: Annotated[float, Field(strict=True, ge=0, le=40)]
    starts: Annotated[tuple[Year, ...], Field(min_length=1)]
    length: Annotated[float, Field(strict=True, ge=0.25, le=50)]
    trigger_ratios: tuple[Annotated[float, Field(strict=True, gt=0, le=10)], ...]
    shares: Annotated[tuple[Share, ...], Field(min_length=1)]
    discount_rates: Annotated[tuple[Annotated[float, Field(strict=True, ge=0, lt=1)], ...], Field(min_length=1)]
    base_year: Year
    unit: str
    support: str
    paid_by: str
    reported: tuple[Reported, ...] = ()

    @model_validator(mode="after")
    def _in_time(self) -> Study:
        late = [s for s in self.starts if s >= self.horizon]
        if late:
            raise ValueError(f"start {late[0]:g} is not before the horizon {self.horizon:g}")
        if self.horizon / STEP % 1:
            raise ValueError(f"horizon {self.horizon:g} is not a quarter of a year")
        for name in ("starts", "trigger_ratios", "shares"):
            texts = [f"{v:.0%}" if name == "shares" else f"{v:g}" for v in getattr(self, name)]
            if len(set(texts)) < len(texts):
                raise ValueError(f"{name} has two values that read the same: {', '.join(texts)}")
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
    return read_settings(file, Study)


def schedules(study: Study) -> tuple[Schedule, ...]:
    """All schedules of the study: history first, then each shape at each start, then the cost triggers."""
    dated = [Schedule(shape, start, study.length, 0.0) for shape, start in product(SHAPES, study.starts)]
    triggered = [Schedule("cost-triggered", NEVER, study.length, ratio) for ratio in study.trigger_ratios]
    return (Schedule("historical", NEVER, study.length, 0.0), *dated, *triggered)


def run_study(study: Study, accepted: Accepted, models: Callable[[str], Model] = case_model) -> PhaseOut:
    """Run every schedule under every response and tabulate adoption, cost and years lost against history."""
    plans = schedules(study)
    samples = {name: np.array([p.constants[name] for p in plans]) for name in plans[0].constants}
    runs = []
    for response in RESPONSES:
        model = models(study.case).with_constants(accepted.variants[response])
        runs.append(model.batch(samples, list(SERIES), until=study.horizon + study.tail, save_period=STEP))
    times = runs[0]["time"].to_numpy()
    paths = {name: np.stack([run[name].to_numpy() for run in runs]) for name in SERIES}
    paid = paths["Cumulative Support Outlay"] - paths["Cumulative Tax Expenditure"]
    paths[PAID_AND_OWED] = paid + paths["Support Arrears"]
    end = int(np.searchsorted(times, study.horizon)) + 1
    tails = paths[PAID_AND_OWED][:, :, -1] - paths[PAID_AND_OWED][:, :, end - 1]
    seen = {name: values[:, :, :end] for name, values in paths.items()}
    rows = [
        _row(study, accepted, times[:end], seen, (r, s), plans) | {"owed after the horizon": float(tails[r, s])}
        for r, s in product(range(len(RESPONSES)), range(len(plans)))
    ]
    return PhaseOut(study, plans, times[:end], seen, pd.DataFrame(rows))


def _row(
    study: Study,
    accepted: Accepted,
    times: Array,
    paths: Mapping[str, Array],
    at: tuple[int, int],
    plans: Sequence[Schedule],
) -> dict[str, object]:
    r, s = at
    plan, share = plans[s], paths["market share"][r]
    began = float(year_reached(times, paths["Years since Phase Out Start"][r, s], 1e-9, hold=0.0))
    row: dict[str, object] = {
        "response": RESPONSES[r],
        "response value": accepted.variants[RESPONSES[r]][accepted.response],
        "schedule": plan.label,
        "shape": plan.shape,
        "start": plan.start if plan.start < NEVER else None,
        "decline began": began if np.isfinite(began) else None,
    }
    for level in study.shares:
        reached, before = (float(year_reached(times, share[i], level)) for i in (s, 0))
        row[f"year of {level:.0%}"] = reached if np.isfinite(reached) else None
        both = np.isfinite(reached) and np.isfinite(before)
        row[f"years lost to {level:.0%}"] = reached - before if both else None
    units, owed = paths["Cumulative Domestic Sales"][r], paths[PAID_AND_OWED][r]
    tax = paths["Cumulative Tax Expenditure"][r]
    row["cumulative units"] = float(units[s, -1])
    row["units against history"] = float(units[s, -1] / units[0, -1] - 1)
    row[PAID_AND_OWED] = float(owed[s, -1])
    row["of it arrears"] = float(paths["Support Arrears"][r, s, -1])
    for rate in study.discount_rates:
        row[f"{PAID_AND_OWED}, at {rate:.0%}"] = float(present_value(times, owed[s], rate, study.base_year))
    row["tax relief"] = float(tax[s, -1])
    row["fiscal outlay"] = float(paths["Cumulative Fiscal Outlay"][r, s, -1])
    saved, lost = float(owed[0, -1] - owed[s, -1]), float(units[0, -1] - units[s, -1])
    row["support saved per unit lost"] = saved / lost if lost > 1e-3 * units[0, -1] else None
    return row
