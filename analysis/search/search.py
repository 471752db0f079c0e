"""The best schedule for a stated objective and budget, robust over the posterior: along slopes, and without them.

Worth in a draw is W = benefit x units - (1 + mcpf) x present value of cost; the objective is its mean over draws, or
over the worst share of them. The search along slopes is SLSQP (Kraft 1988) from several starts, with exact slopes of
the computed runs; the check without slopes is differential evolution (Storn and Price 1997) on the same objective.
Both are SciPy's. Runs have kinks (a budget that binds, a full market), so slopes may trap a search: if the other ends
higher, that is said, and its end is taken.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import NonlinearConstraint, differential_evolution, minimize

from analysis.plain.language import one_by_one, worded
from analysis.search.settings import Climb, Free, SearchStudy
from analysis.search.worth import Judge, Measures
from analysis.unknowns.outcomes import Tell
from stockflow.arrays import Array
from stockflow.errors import InputError

BEYOND = 0.5  # how far coordinates of the search without slopes reach beyond both bounds, where levers rest on them
SLACK = 1e-6  # share of the budget by which an end may pass it, for the optimisers' own tolerance


@dataclass(frozen=True, slots=True)
class Goal:
    """What is made best: worth or units, in the mean of the `worst` share of draws, with mean cost within `budget`.

    `benefit` is in bnCNY per unit, `budget` in bnCNY of present value; `units_only` leaves worth aside.
    """

    benefit: float
    mcpf: float
    worst: float = 1.0
    budget: float = np.inf
    units_only: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.worst <= 1:
            raise InputError(f"share of worst draws is {self.worst:g}, but must be above 0 and at most 1")
        if not self.budget > 0:
            raise InputError(f"budget is {self.budget:g} bnCNY, but must be above 0")
        if self.units_only and not np.isfinite(self.budget):
            raise InputError("units without a budget are best at full support: give a budget")

    def worth(self, units: Array, cost: Array) -> Array:
        """Return the objective before it is averaged over draws, in the shape of its arguments."""
        return units if self.units_only else self.benefit * units - (1 + self.mcpf) * cost

    def weights(self, worth: Array) -> Array:
        """Weight of every draw, (..., draw): 1/n for the mean, or even over the worst draws and none elsewhere."""
        n = worth.shape[-1]
        left = np.clip(self.worst * n - np.argsort(np.argsort(worth, axis=-1), axis=-1), 0.0, 1.0)
        return np.asarray(left / (self.worst * n))

    def value(self, found: Measures) -> Array:
        """Return the objective of schedules, (schedule,)."""
        worth = self.worth(found.units, found.cost)
        return np.asarray(np.sum(self.weights(worth) * worth, axis=-1))


@dataclass(frozen=True, slots=True)
class Levers:
    """What a search may move: bounds, and whether levers in order must not rise (`falling`), as knots do."""

    names: tuple[str, ...]
    low: Array
    high: Array
    falling: bool

    def __post_init__(self) -> None:
        if not (self.low < self.high).all():
            at = int(np.argmin(self.low < self.high))
            raise InputError(f"lever {self.names[at]!r}: low {self.low[at]:g} is not below high {self.high[at]:g}")

    def inside(self, u: Array) -> Array:
        """Levers, (..., lever), of coordinates: cut to 0 to 1, and in falling order if they must fall."""
        cut = np.clip(u, 0.0, 1.0)
        ordered = -np.sort(-cut, axis=-1) if self.falling else cut
        return self.low + ordered * (self.high - self.low)

    def starts(self, random: int, seed: int) -> Array:
        """Return starts (start, lever): all, none, a straight line, all up to each lever and none after, and random.

        Falling levers are mixtures of such steps, so their corners are among the starts.
        """
        n = len(self.names)
        steps = np.tri(n + 1, n, -1) if self.falling else np.array([np.zeros(n), np.ones(n)])
        rest = np.random.default_rng(seed).uniform(size=(random, n))
        return self.inside(np.concatenate([steps, np.linspace(1.0, 0.0, n)[None], rest]))


@dataclass(frozen=True, slots=True)
class End:
    """Where one search ended: levers, objective, mean units and cost, and what it took (runs are draws x schedules)."""

    method: str
    x: Array
    value: float
    units: float
    cost: float
    runs: int
    passes: int
    success: bool
    message: str


@dataclass(frozen=True, slots=True)
class Search:
    """Both searches of one problem: the best end, ends along slopes, the end without, and what they say together."""

    goal: Goal
    levers: Levers
    best: End
    along: tuple[End, ...]
    free: End
    nothing: float
    gap: float
    agreed: bool
    words: str


@dataclass(slots=True)
class _Asked:
    """A judge that remembers the last schedule it was asked about and counts what it took."""

    judge: Judge
    goal: Goal
    runs: int = 0
    passes: int = 0
    _last: tuple[bytes, float, float, Array, Array] | None = field(default=None, repr=False)

    def many(self, x: Array) -> tuple[Array, Array, Measures]:
        """Objective and mean cost of schedules (schedule, lever), and all that was found."""
        found = self.judge.measures(x)
        self.runs += found.units.size
        return self.goal.value(found), found.cost.mean(axis=1), found

    def one(self, x: Array) -> tuple[float, float, Array, Array]:
        """Objective and mean cost of one schedule, and the slopes of both by the levers, (lever,) each."""
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            value, cost, seen = self.many(x[None])
            by_units, by_cost = self.judge.slopes(x)
            self.passes += len(by_units)
            slopes = self.goal.weights(self.goal.worth(seen.units, seen.cost))[0] @ self.goal.worth(by_units, by_cost)
            self._last = (key, float(value[0]), float(cost[0]), slopes, by_cost.mean(axis=0))
        return self._last[1:]


def search(judge: Judge, goal: Goal, levers: Levers, study: SearchStudy, tell: Tell = lambda _: None) -> Search:
    """Search for the best levers both ways and compare the ends.

    They agree if they are within the study's `tolerance` of what the best gains over no support at all. If the search
    without slopes ends higher by more, slopes start once more from there. Raises InputError if no end keeps the budget.
    """
    nothing = float(goal.value(judge.measures(levers.inside(np.zeros((1, len(levers.names))))))[0])
    along = []
    climb, tolerance = study.gradient, study.tolerance
    starts = levers.starts(climb.starts, study.seed)
    for place, start in enumerate(starts):
        tell(worded("search along slopes, start {place} of {starts}", place=place + 1, starts=len(starts)))
        along.append(along_slopes(judge, goal, levers, climb, start))
    tell(worded("search without slopes"))
    other = without_slopes(judge, goal, levers, study.free, study.seed)
    kept = [end for end in along if _affordable(end, goal)]
    if not kept and not _affordable(other, goal):
        raise InputError(f"no schedule that was tried keeps the budget of {goal.budget:g} bnCNY")
    best = max(kept, key=lambda one: one.value) if kept else other
    gap = other.value - best.value if _affordable(other, goal) else -np.inf
    allowed = tolerance * max(max(best.value, other.value) - nothing, 1e-12)
    trapped, agreed = gap > allowed, abs(gap) <= allowed
    if trapped:
        again = along_slopes(judge, goal, levers, climb, other.x)
        along.append(again)
        best = again if _affordable(again, goal) and again.value >= other.value else other
    same = sum(end.value >= best.value - allowed for end in along if _affordable(end, goal))
    words = _words(trapped, agreed, gap, same, len(along), tolerance)
    return Search(goal, levers, best, tuple(along), other, nothing, gap, agreed, words)


def along_slopes(judge: Judge, goal: Goal, levers: Levers, climb: Climb, start: Array) -> End:
    """Climb from one start by SLSQP, levers scaled to 0..1 and the objective by its size at the start."""
    asked, span = _Asked(judge, goal), levers.high - levers.low
    at = levers.low + span * np.clip((start - levers.low) / span, 0.0, 1.0)
    first, _, slopes, _ = asked.one(at)
    size = max(abs(first), float(np.abs(slopes * span).max()), 1e-12)
    rules: list[Any] = []
    if levers.falling and len(levers.names) > 1:
        steps = -np.diff(np.eye(len(levers.names)), axis=0)
        rules.append({"type": "ineq", "fun": lambda u: steps @ u, "jac": lambda _: steps})
    if np.isfinite(goal.budget):
        rules.append(
            {
                "type": "ineq",
                "fun": lambda u: 1.0 - asked.one(levers.low + span * u)[1] / goal.budget,
                "jac": lambda u: -asked.one(levers.low + span * u)[3] * span / goal.budget,
            }
        )

    def downhill(u: Array) -> tuple[float, Array]:
        value, _, slopes, _ = asked.one(levers.low + span * u)
        return -value / size, -slopes * span / size

    found = minimize(
        downhill, (at - levers.low) / span, jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * len(span),
        constraints=rules, options={"maxiter": climb.iterations, "ftol": climb.precision},
    )  # fmt: skip
    end = np.clip(found.x, 0.0, 1.0)
    end = np.minimum.accumulate(end) if levers.falling else end
    return _end("along slopes", asked, levers.low + span * end, bool(found.success), str(found.message))


def without_slopes(judge: Judge, goal: Goal, levers: Levers, free: Free, seed: int) -> End:
    """Search by differential evolution over coordinates that `levers` puts in order."""
    asked, n = _Asked(judge, goal), len(levers.names)
    memory: dict[bytes, tuple[float, float]] = {}

    def judged(u: Array, which: int) -> Array:
        """Objective (0) or mean cost (1) of coordinates (lever,) or (lever, schedule); each schedule is run once."""
        points = levers.inside(np.atleast_2d(u.T))
        keys = [point.tobytes() for point in points]
        new = {key: point for key, point in zip(keys, points, strict=True) if key not in memory}
        if new:
            values, costs, _ = asked.many(np.array(list(new.values())))
            memory.update(zip(new, zip(values.tolist(), costs.tolist(), strict=True), strict=True))
        return np.array([memory[key][which] for key in keys])

    def objective(u: Array) -> Any:
        return -judged(u, 0)

    rules: Any = ()
    if np.isfinite(goal.budget):
        rules = (NonlinearConstraint(lambda u: judged(u, 1)[None] / goal.budget, -np.inf, 1.0),)
    box: Any = [(-BEYOND, 1.0 + BEYOND)] * n
    found = differential_evolution(
        objective, box, popsize=free.population, maxiter=free.generations, tol=free.precision, rng=seed, polish=False,
        vectorized=True, updating="deferred", constraints=rules,
    )  # fmt: skip
    return _end("without slopes", asked, levers.inside(found.x), bool(found.success), str(found.message))


def _end(method: str, asked: _Asked, x: Array, success: bool, message: str) -> End:
    value, cost, found = asked.many(x[None])
    units = float(found.units.mean())
    return End(method, x, float(value[0]), units, float(cost[0]), asked.runs, asked.passes, success, message)


def _affordable(end: End, goal: Goal) -> bool:
    return end.cost <= goal.budget * (1 + SLACK)


def _words(trapped: bool, agreed: bool, gap: float, same: int, tried: int, tolerance: float) -> str:
    if trapped:
        found = worded(
            "the search along slopes was trapped: without slopes the objective is higher by {gap:.4g}", gap=gap
        )
    elif agreed:
        found = worded("both searches agree (difference {gap:+.4g})", gap=gap)
    else:
        found = worded("the search without slopes fell short by {gap:.4g}", gap=-gap)
    ends = worded(
        "{same} of {tried} starts along slopes end within {tolerance:.0%} of the best",
        same=same,
        tried=tried,
        tolerance=tolerance,
    )
    return one_by_one([found, ends])
