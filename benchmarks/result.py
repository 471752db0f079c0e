"""What was measured: timings of one engine on one model, and all engines on that model."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.engines import Startup
from benchmarks.machine import Cost
from benchmarks.reductions import Reduced


@dataclass(frozen=True, slots=True)
class Timing:
    """Costs of a batch of `size` runs, one for each round; `reckoned` from a smaller batch instead."""

    size: int
    costs: tuple[Cost, ...]
    reckoned: bool = False

    @property
    def best(self) -> float:
        """Wall seconds of the fastest round."""
        return min(one.seconds for one in self.costs)

    @property
    def processor(self) -> float:
        """Least processor time of a round in seconds, which waiting for a busy processor does not change."""
        return min(one.processor for one in self.costs)

    def at(self, size: int) -> Timing:
        """What a batch of another size would cost if the time for a run were the same."""
        share = size / self.size
        return Timing(size, (Cost(self.best * share, self.processor * share, None),), reckoned=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine on one model: seconds to read and prepare, distance from stockflow, and its timings."""

    engine: str
    read: float
    prepare: float
    distance: float
    timings: tuple[Timing, ...]

    def rate(self) -> float:
        """Runs per second in the largest batch."""
        return self.timings[-1].size / self.timings[-1].best

    def work(self) -> float:
        """Processor seconds of a run in the largest batch."""
        return self.timings[-1].processor / self.timings[-1].size


@dataclass(frozen=True, slots=True)
class Result:
    """All engines on one model of `steps` time steps, the bound on what one core can do, the wait."""

    case: str
    steps: int
    rows: tuple[Row, ...]
    startup: Startup
    reduced: Reduced
