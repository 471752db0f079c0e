"""Stages dated for every draw, and durations: from every clock to every stage, and of other technologies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, run
from analysis.draws.stages import LARGE, PRODUCT, STAGE_OUTPUTS, STAGES
from analysis.paths.study import PathCase, PathStudy, path_of
from calibration.observed.tables import load_table
from models.case import load_case
from stockflow.arrays import Array
from stockflow.intervals import interval, interval_columns, quantiles

TABLE = "technology_timelines"
STARTS = ("discovery", "invention", "first_commercial", "takeoff")
YEARS = ("years", "years low", "years high")
ENDS = ("invention", "first_commercial", "takeoff", "mass_market")


@dataclass(frozen=True, slots=True, eq=False)
class Dated:
    """Dates of all stages in years, (draw, stage): infinite where never reached, the start where met at the start.

    `basis` says in words what was run; without `posterior` there is one run and an interval means nothing.
    """

    case: str
    about: PathCase
    basis: str
    posterior: bool
    initial_time: float
    until: float
    dates: Array

    @property
    def title(self) -> str:
        """Name of the industry in words."""
        return load_case(self.case).title

    def of(self, stage: str) -> Array:
        """Return the dates of one stage, (draw,)."""
        return np.asarray(self.dates[:, STAGES.index(stage)])

    def spread(self, stage: str) -> tuple[float, float, float]:
        """Return 5%, 50% and 95% of the date of a stage; a draw that never reaches it counts as later than all."""
        return interval(self.of(stage))

    def already(self, stage: str) -> bool:
        """Whether some draw met the stage at the model's first moment, so that its true date is earlier."""
        return bool((self.of(stage) <= self.initial_time).any())

    def reached(self, stage: str) -> float:
        """Return the share of draws that reach the stage within the run."""
        return float(np.isfinite(self.of(stage)).mean())


def date_path(of: Drawn, study: PathStudy) -> Dated:
    """Run every draw of one industry and date its stages."""
    about = path_of(of.case, study)
    until = of.until(about.until)
    runs = run(of, STAGE_OUTPUTS, until, save_period=about.save_period)
    return Dated(of.case, about, of.basis, of.posterior, of.model.initial_time, until, runs.stages())


def durations(paths: Sequence[Dated], study: PathStudy) -> pd.DataFrame:
    """Start-by-end matrix, a row per industry, clock and stage.

    `stage year` and `years` are medians over draws with 5% and 95% beside them; a draw that never reaches the stage
    counts as later than all (an infinite end). `in window` is the share of all draws whose duration lies in the
    study's window. A stage met when the model starts is not dated.
    """
    clocks = [(path, *clock) for path in paths for clock in path.about.clocks.items()]
    return pd.DataFrame([_row(*clock, stage, study.window) for clock in clocks for stage in STAGES])


def _row(path: Dated, clock: str, start: float, stage: str, window: tuple[float, float]) -> dict[str, object]:
    already = path.already(stage)
    low, middle, high = (np.nan,) * 3 if already else path.spread(stage)
    observed = path.about.observed.get(stage)
    return {
        "case": path.case, "clock": clock, "clock year": start, "stage": stage,
        "stage year": middle, "stage year low": low, "stage year high": high,
        "years": middle - start, "years low": low - start, "years high": high - start,
        "reached": path.reached(stage),
        "in window": np.nan if already else within(path.of(stage) - start, window),
        "observed stage year": np.nan if observed is None else observed,
        "observed years": np.nan if observed is None else observed - start,
        "note": f"before {path.initial_time:g}, when the model starts" if already else "",
    }  # fmt: skip


def within(years: Array, window: tuple[float, float]) -> float:
    """Return the share of durations that lie in the window, its ends included; never is outside."""
    return float(((years >= window[0]) & (years <= window[1])).mean())


def stage_dates() -> pd.DataFrame:
    """Return the year of every dated stage of every technology of the timelines: the earliest where several stand."""
    table = load_table(TABLE).rows
    return table.groupby(["technology", "stage"])["year"].min().unstack()


def published_durations(window: tuple[float, float], dates: pd.DataFrame | None = None) -> pd.DataFrame:
    """Start-by-end matrix over the technologies of the timelines, a row per pair of stages.

    `technologies` have both dates, in this order; `end not dated` have the start alone, so that what took longest may
    be missing; `other order` have the end first and are left out.
    """
    known = stage_dates() if dates is None else dates
    rows = []
    for start in STARTS:
        for end in ENDS[STARTS.index(start) :]:
            both = (known[end] - known[start]).dropna()
            gap = both[both >= 0].to_numpy(dtype=float)
            quartiles = quantiles(gap, [0.25, 0.5, 0.75])
            rows.append(
                {
                    "from": start.replace("_", " "), "to": end.replace("_", " "), "technologies": len(gap),
                    "lower quartile": quartiles[0], "median": quartiles[1], "upper quartile": quartiles[2],
                    f"share within {window[0]:g}-{window[1]:g}": within(gap, window) if gap.size else np.nan,
                    "end not dated": int((known[start].notna() & known[end].isna()).sum()),
                    "other order": int((both < 0).sum()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def places(paths: Sequence[Dated], dates: pd.DataFrame | None = None) -> pd.DataFrame:
    """Where each industry stands among the technologies: years from the first product to a tenth of the market.

    The technologies' are from the first commercial year to the takeoff (a tenth of fitted saturation); `quicker` is
    the share of them that took no longer than the industry's median.
    """
    known = stage_dates() if dates is None else dates
    gap = (known["takeoff"] - known["first_commercial"]).dropna()
    gap = gap[gap >= 0]
    rows = []
    for path in paths:
        if path.already(PRODUCT):
            continue
        with np.errstate(invalid="ignore"):
            years = interval_columns(path.of(LARGE) - path.of(PRODUCT), *YEARS)
        quicker = float((gap <= years["years"]).mean())
        rows.append({"case": path.case, **years, "quicker": quicker, "technologies": len(gap)})
    return pd.DataFrame(rows)


def means(paths: Sequence[Dated], window: tuple[float, float]) -> pd.DataFrame:
    """Mean over industries of the years to large scale, for the earliest and for the latest clock of each.

    Draws of different industries are independent: the n-th of one goes with the n-th of another. Industries that do
    not date the stage are left out and counted.
    """
    used = [path for path in paths if not path.already(LARGE)]
    rows = []
    for words, pick in (("earliest", min), ("latest", max)):
        spans = [path.of(LARGE) - pick(path.about.clocks.values()) for path in used]
        if not spans:
            continue
        count = max(len(one) for one in spans)
        mean = np.mean([np.resize(one, count) for one in spans], axis=0)
        rows.append({"clock": words, "to": LARGE, "industries": len(used), **interval_columns(mean, *YEARS),
                     "in window": within(mean, window)})  # fmt: skip
    return pd.DataFrame(rows)
