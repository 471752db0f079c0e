"""The stages of a path and how one run is dated.

S0 is a clock, see the study. S1 Devil's River crossed (one design has passed it), S2 Valley of Death crossed (one
commercial design), S3 1% of the market, S4 10%, S4b 20%, S5 self-sustaining (10% and unsubsidised cost at or below its
benchmark at once). A share counts from when it lasts for a year: a rush before a dated cut is no stage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stockflow.arrays import Array
from stockflow.over_time import LASTS, year_reached


@dataclass(frozen=True, slots=True)
class Reached:
    """When a stage is reached: the first year in which `of` is at a level and stays there for `hold` years."""

    of: str
    level: float
    hold: float = LASTS


SHARES = (0.01, 0.10, 0.20)
SELF_SUSTAINING = 0.10  # share that must hold together with parity
RIVER, PRODUCT, LAST = "river crossed", "product", "self-sustaining"
SHARE, COST, BENCHMARK = "market share", "unsubsidised user cost", "trigger benchmark"


def shares(levels: Sequence[float]) -> dict[str, Reached]:
    """Return the stages at which the share of the market is at these levels, by name."""
    return {f"share {level:.0%}": Reached(SHARE, level) for level in levels}


#: all stages but the last, which asks for a share and for parity at once
REACHED: Mapping[str, Reached] = {
    RIVER: Reached("Cumulative River Crossing", 1.0, hold=0.0),
    PRODUCT: Reached("Commercial Designs", 1.0, hold=0.0),
    **shares(SHARES),
}
STAGES = (*REACHED, LAST)
LARGE = "share 10%"  # what "large-scale" means unless another end is named
# what stages are dated from
STAGE_OUTPUTS = (*dict.fromkeys(one.of for one in REACHED.values()), COST, BENCHMARK)


def date_stages(times: Array, values: Mapping[str, Array]) -> dict[str, Array]:
    """Date every stage of runs (..., time), (...,), linearly between saved times; infinite where never reached."""
    gap = values[BENCHMARK] - values[COST]
    sustained = np.minimum(values[SHARE] - SELF_SUSTAINING, gap / np.abs(values[BENCHMARK]))
    reached = {stage: year_reached(times, values[one.of], one.level, one.hold) for stage, one in REACHED.items()}
    return {**reached, LAST: year_reached(times, sustained, 0.0)}


def later(stages: Array, reference: Array) -> Array:
    """Return how much later stages come, (draw, stage): infinite if only the reference reaches one, NaN if none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(stages - reference)
