"""From discovery to large-scale industry: stage dates of the four industries, and what the 25-35 years depend on.

Stages: S1 Devil's River crossed (one design has passed it), S2 Valley of Death crossed (one commercial design),
S3 1% of the market, S4 10%, S4b 20%, S5 self-sustaining (10% and unsubsidised cost at or below its benchmark at once).
A share counts from when it lasts for a year: a rush before a dated cut is no stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from analysis.drawn_runs import case_model
from calibration.observations import load_table
from calibration.payoff import first_crossing, lasting_crossing
from calibration.results import Accepted
from models.settings import read_settings
from stockflow import Model
from stockflow.errors import unknown

Array = NDArray[np.float64]
STUDY = Path(__file__).parent / "studies" / "paths.toml"
SHARES = (0.01, 0.10, 0.20)
SELF_SUSTAINING = 0.10  # share that must hold together with parity
STAGES = ("river crossed", "product", *(f"share {level:.0%}" for level in SHARES), "self-sustaining")
OUTPUTS = (
    "Cumulative River Crossing",
    "Commercial Designs",
    "market share",
    "unsubsidised user cost",
    "trigger benchmark",
    "Knowledge Stock",
    "Concepts",
    "Prototypes",
    "fiscal outlay",
)


class PolicyMark(BaseModel):
    """A policy drawn as a bar on the time axis."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    first: float
    last: float

    @model_validator(mode="after")
    def _in_order(self) -> PolicyMark:
        if self.last < self.first:
            raise ValueError(f"{self.name!r} ends in {self.last:g}, before it starts in {self.first:g}")
        return self


class PathCase(BaseModel):
    """Clocks and observed dates of one industry, each with its source."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str
    until: float
    clocks: Mapping[str, float] = Field(min_length=1)
    clock_sources: Mapping[str, str]
    observed: Mapping[str, float]
    observed_sources: Mapping[str, str]
    policies: tuple[PolicyMark, ...]
    save_period: float = Field(default=0.25, gt=0)  # years between the moments between which dates are interpolated

    @model_validator(mode="after")
    def _sourced(self) -> PathCase:
        bare = (set(self.clocks) - set(self.clock_sources)) | (set(self.observed) - set(self.observed_sources))
        if bare:
            raise ValueError(f"no source for {sorted(bare)}")
        if set(self.observed) - set(STAGES):
            raise ValueError(f"observed dates must be of {STAGES}")
        return self


class PathStudy(BaseModel):
    """The whole study file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    window: tuple[float, float]
    cases: Mapping[str, PathCase]


@dataclass(frozen=True, slots=True)
class IndustryPath:
    """One industry's dated stages; a stage never reached is infinite, one met at the start carries the start."""

    case: str
    title: str
    calibrated: bool
    initial_time: float
    until: float
    stages: Mapping[str, float]
    clocks: Mapping[str, float]
    observed: Mapping[str, float]
    policies: tuple[PolicyMark, ...]
    times: Array
    share: Array

    def already(self, stage: str) -> bool:
        """Whether the stage was met at the model's first moment, so that its true date is earlier."""
        return self.stages[stage] <= self.initial_time


def load_path_study(path: Path = STUDY) -> PathStudy:
    """Read the study file; an `InputError` names file, key and value."""
    return read_settings(path, PathStudy)


def industry_path(
    case: str, study: PathStudy, accepted: Accepted | None, models: Callable[[str], Model] = case_model
) -> IndustryPath:
    """Run one industry (with its accepted fit where there is one) and date its stages."""
    if case not in study.cases:
        raise unknown("case", case, study.cases, listed=True)
    about = study.cases[case]
    model = models(case)
    if accepted is not None:
        model = model.with_constants(accepted.values)
    until = min(about.until, model.final_time)
    run = model.batch({}, list(OUTPUTS), until=until, save_period=about.save_period).isel(run=0)
    times = run["time"].to_numpy()
    values = {name: run[name].to_numpy() for name in OUTPUTS}
    return IndustryPath(
        case, about.title, accepted is not None, model.initial_time, until, date_stages(times, values),
        about.clocks, about.observed, about.policies, times, values["market share"],
    )  # fmt: skip


def date_stages(times: Array, values: Mapping[str, Array]) -> dict[str, float]:
    """Date every stage of one run by linear interpolation between saved times."""
    share = values["market share"]
    gap = values["trigger benchmark"] - values["unsubsidised user cost"]
    sustained = np.minimum(share - SELF_SUSTAINING, gap / np.abs(values["trigger benchmark"]))
    return {
        "river crossed": first_crossing(times, values["Cumulative River Crossing"], 1.0),
        "product": first_crossing(times, values["Commercial Designs"], 1.0),
        **{f"share {level:.0%}": lasting_crossing(times, share, level) for level in SHARES},
        "self-sustaining": lasting_crossing(times, sustained, 0.0),
    }


def durations(paths: Sequence[IndustryPath], study: PathStudy) -> pd.DataFrame:
    """Start-by-end matrix: years from every clock to every stage, and whether they lie in the window."""
    rows = []
    low, high = study.window
    for path in paths:
        for clock, start in path.clocks.items():
            for stage in STAGES:
                end = path.stages[stage]
                observed = path.observed.get(stage)
                years = end - start if np.isfinite(end) and not path.already(stage) else None
                rows.append(
                    {
                        "case": path.case,
                        "clock": clock,
                        "clock year": start,
                        "stage": stage,
                        "stage year": end if years is not None else None,
                        "years": years,
                        "observed stage year": observed,
                        "observed years": observed - start if observed is not None else None,
                        "in window": None if years is None else bool(low <= years <= high),
                    }
                )
    return pd.DataFrame(rows)


def published_durations(window: tuple[float, float]) -> pd.DataFrame:
    """Durations between dated stages over the technologies of the timelines table: n, quartiles, share in window."""
    low, high = window
    table = load_table("technology_timelines").rows
    dates = table.groupby(["technology", "stage"])["year"].min().unstack()
    rows = []
    starts, ends = ("discovery", "invention", "first_commercial"), ("first_commercial", "takeoff", "mass_market")
    for start in starts:
        for end in ends:
            if start == end:
                continue
            gap = (dates[end] - dates[start]).dropna()
            gap = gap[gap >= 0]
            quartiles = np.percentile(gap, [25, 50, 75])
            rows.append(
                {
                    "from": start.replace("_", " "), "to": end.replace("_", " "), "technologies": len(gap),
                    "lower quartile": quartiles[0], "median": quartiles[1], "upper quartile": quartiles[2],
                    f"share within {low:g}-{high:g}": float(((gap >= low) & (gap <= high)).mean()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
