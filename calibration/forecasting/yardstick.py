"""How good forecasts are, by a yardstick named in advance: their CRPS over that of two forecasts that anybody can make.

The best naive forecast in hindsight is none of them: nobody could have chosen it, so it bounds from above what naive
forecasts can do.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from calibration.forecasting.scores import COMBINED, MODEL, POOL
from calibration.forecasting.settings import ForecastSettings
from stockflow.intervals import interval

REFERENCE = "reference"
PAIR = ["case", "series", "origin"]
WORDS = (
    "Yardstick, named in advance, over headline series and all origins: geometric mean of CRPS over that of the "
    "reference (Wright's law for a cost, Gompertz for a volume or level, Moore's law where that could not be made) and "
    "of the equal-weight pool of all naive forecasts, with a 90% interval by bootstrap over series; under 1 is better."
)


def yardstick(tables: Mapping[str, pd.DataFrame], settings: ForecastSettings) -> pd.DataFrame:
    """Measure model and combination over the headline series of the cases in `tables` (score tables by case).

    One row per mode, forecaster and what it is held "over", the reference of each series or the naive pool: "ratio" is
    the geometric mean of CRPS over that of the other, over pairs of series and origin that have both; "5%" and "95%"
    are its bootstrap interval over series, "inside 90%" is the share of all years that the forecaster's 90% interval
    holds. A row without pairs is left out.
    """
    headline = [
        table[table["series"].isin(settings.cases[case].headline)].assign(case=case) for case, table in tables.items()
    ]
    rows = []
    for mode, part in pd.concat(headline).groupby("mode", sort=False):
        named = part[part["forecaster"] == part["reference"]].assign(forecaster=REFERENCE)
        crps = pd.concat([part, named]).pivot(index=PAIR, columns="forecaster", values="CRPS")
        crps = crps.reindex(columns=[MODEL, COMBINED, REFERENCE, POOL])
        for who in (MODEL, COMBINED):
            scored = part[part["forecaster"] == who]
            for over in (REFERENCE, POOL):
                logs = (crps[who] / crps[over]).dropna().map(np.log)
                if len(logs):
                    low, high, series = _over_series(logs, settings)
                    rows.append(
                        {"mode": mode, "forecaster": who, "over": over, "ratio": float(np.exp(logs.mean())),
                         "5%": low, "95%": high, "pairs": len(logs), "series": series,
                         "inside 90%": float(np.average(scored["inside 90%"], weights=scored["years"]))}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def _over_series(logs: pd.Series[float], settings: ForecastSettings) -> tuple[float, float, int]:
    """Return the ends of the interval of exp(mean log ratio) over resampled series, and how many series there are.

    Origins of one series share its years, so a series is drawn with all its pairs (cluster bootstrap: Davison and
    Hinkley 1997, Bootstrap Methods and their Application, 3.8). One series alone has no interval: NaN.
    """
    pairs = logs.groupby(level=["case", "series"])
    sums, counts = pairs.sum().to_numpy(), pairs.count().to_numpy()
    if len(sums) < 2:
        return np.nan, np.nan, len(sums)
    rng = np.random.default_rng(settings.seed)
    picked = rng.integers(len(sums), size=(settings.resamples, len(sums)))
    low, _, high = interval(np.exp(sums[picked].sum(axis=1) / counts[picked].sum(axis=1)))
    return low, high, len(sums)
