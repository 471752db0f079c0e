"""The stages of a path and how one run is dated.

S0 is a clock, see the study. S1 Devil's River crossed (one design has passed it), S2 Valley of Death crossed (one
commercial design), S3 1% of the market, S4 10%, S4b 20%, S5 self-sustaining (10% and unsubsidised cost at or below its
benchmark at once). A share counts from when it lasts for a year: a rush before a dated cut is no stage.
"""

from collections.abc import Mapping

import numpy as np

from stockflow.arrays import Array
from stockflow.over_time import year_reached

SHARES = (0.01, 0.10, 0.20)
SELF_SUSTAINING = 0.10  # share that must hold together with parity
RIVER, PRODUCT, LAST = "river crossed", "product", "self-sustaining"
STAGES = (RIVER, PRODUCT, *(f"share {level:.0%}" for level in SHARES), LAST)
LARGE = "share 10%"  # what "large-scale" means unless another end is named
# what stages are dated from
STAGE_OUTPUTS = (
    "Cumulative River Crossing", "Commercial Designs", "market share", "unsubsidised user cost", "trigger benchmark",
)  # fmt: skip


def date_stages(times: Array, values: Mapping[str, Array]) -> dict[str, Array]:
    """Date every stage of runs (..., time), (...,), linearly between saved times; infinite where never reached."""
    share = values["market share"]
    gap = values["trigger benchmark"] - values["unsubsidised user cost"]
    sustained = np.minimum(share - SELF_SUSTAINING, gap / np.abs(values["trigger benchmark"]))
    return {
        RIVER: year_reached(times, values["Cumulative River Crossing"], 1.0, hold=0.0),
        PRODUCT: year_reached(times, values["Commercial Designs"], 1.0, hold=0.0),
        **{f"share {level:.0%}": year_reached(times, share, level) for level in SHARES},
        LAST: year_reached(times, sustained, 0.0),
    }


def later(stages: Array, reference: Array) -> Array:
    """Return how much later stages come, (draw, stage): infinite if only the reference reaches one, NaN if none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(stages - reference)
