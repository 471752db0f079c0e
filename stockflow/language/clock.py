"""The moments of a run, as PySD counts them, and how a step is taken from one to the next.

Methods of integration are data, read by runs, gradients and clocks alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from stockflow.arrays import Array, Flags
from stockflow.errors import InputError
from stockflow.language.at_time import SLACK, first_length, over_time, unknown, walked
from stockflow.language.equations import Equations, Method, Number, Variable
from stockflow.names import plain

_MOST_STEPS = 10_000_000
#: constants that say how exact an automatic step is, and what Vensim takes where a model has none
TOLERANCES = ("absolute tolerance", "relative tolerance")
TOLERANCE = 0.001


@dataclass(frozen=True, slots=True)
class Scheme:
    """An explicit method: each stage begins `ahead` steps along the rates of the stage before it.

    A step is made of the rates of its stages in `parts`, of their sum.  It has `stride` rows in a table of what
    depends on time alone, and its stages stand in `rows` of them.  One with an `order` cuts steps into parts by itself.
    """

    ahead: tuple[float, ...]
    parts: tuple[float, ...]
    rows: tuple[int, ...]
    stride: int
    order: int = 0

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of each stage in a step."""
        return tuple(part / sum(self.parts) for part in self.parts)


SCHEMES: Mapping[Method, Scheme] = {
    "Euler": Scheme((0.0,), (1.0,), (0,), 1),
    # of second order: Vensim takes the rates of the middle of a step, Stella the mean of both its ends
    "RK2": Scheme((0.0, 0.5), (0.0, 1.0), (0, 1), 2),
    "Heun": Scheme((0.0, 1.0), (1.0, 1.0), (0, 2), 2),
    "RK4": Scheme((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 2.0, 1.0), (0, 1, 1, 2), 2),
    "RK2 auto": Scheme((0.0, 0.5), (0.0, 1.0), (0, 0), 1, 2),
    "RK4 auto": Scheme((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 2.0, 1.0), (0, 0, 0, 0), 1, 4),
}


@dataclass(frozen=True, slots=True)
class Clock:
    """`times` of all steps, the last one observed but not stepped from; `saved` marks the kept ones.

    `step` is the first one where they differ (`moves`).
    `tolerances` are how far a stock may be off in a time step of an automatic method, and as a share of its size.
    """

    step: float
    times: Array
    saved: Flags
    tolerances: tuple[float, float] = (TOLERANCE, TOLERANCE)
    moves: bool = False

    @property
    def saved_times(self) -> Array:
        """Times of the kept moments, rounded as PySD rounds them, shape (time,).

        Counted in steps from the start, so that the rounding of a long run's sums does not show in them.  Steps that
        move are added up as they are.
        """
        if self.moves:
            return self.times[self.saved]
        digits = -int(np.log10(self.step * SLACK))
        counted: Array = self.times[0] + self.step * np.flatnonzero(self.saved)
        return np.round(counted, digits)

    def evaluated(self, method: Method) -> Array:
        """Times at which rates are computed, shape (time,): the rows of the method's scheme in every step."""
        stride = SCHEMES[method].stride
        moments = np.empty(stride * (len(self.times) - 1) + 1)
        moments[::stride] = self.times
        for row in range(1, stride):
            moments[row::stride] = self.times[:-1] + self.step * row / stride
        return moments


def clock(equations: Equations) -> Clock:
    """Return the moments between the initial and final time; InputError if the four controls clash."""
    steps_at = moving_step(equations)
    start, final, period = (equations.control(name) for name in ("initial time", "final time", "saveper"))
    step = first_step(equations)
    said = {name: f"{equations.source}: {_placed(equations, name)}" for name in ("time step", "final time", "saveper")}
    if not step > 0:
        raise InputError(f"{said['time step']} is {step:g}, but must be above 0")
    if not final > start:
        raise InputError(f"{said['final time']} is {final:.15g}, but must be after INITIAL TIME {start:.15g}")
    if steps_at is None and (final - start) / step > _MOST_STEPS:
        raise InputError(
            f"{said['time step']} is {step:g}, which makes more than {_MOST_STEPS} steps: let it be longer"
        )
    if math.isfinite(period) and period / step > _MOST_STEPS:
        # which a caller may have asked for
        place = equations.source
        raise InputError(f"{place}: SAVEPER is {period:g}, more than {_MOST_STEPS} times the TIME STEP {step:g}")
    if not (math.isfinite(period) and period > 0):
        raise InputError(f"{said['saveper']} is {period:g}, but must be above 0")
    if steps_at is not None:
        moments = _walked(equations, start, final, steps_at)
        periods = over_time(equations.find("saveper"), equations.variables, step) or (lambda _: period)
        saved = _moving(said["saveper"], moments, float(np.diff(moments).min()), periods)
        return Clock(step, moments, saved, moves=True)
    steps = math.ceil((final - start) / step - SLACK)
    # add up, as PySD does: start + step * count differs in the last digits for steps like 0.1
    moments = np.cumsum(np.concatenate([[start], np.full(steps, step)]))
    # ... but count what is saved: over many steps the sums stray from the save grid
    moving = over_time(equations.find("saveper"), equations.variables, step)
    saved = _saved(steps, period / step) if moving is None else _moving(said["saveper"], moments, step, moving)
    absolute, relative = (_tolerance(equations, name) for name in TOLERANCES)
    return Clock(step, moments, saved, (absolute, relative))


def _placed(equations: Equations, name: str) -> str:
    """Return a control variable with the line that it stands in."""
    line = equations.find(name).line
    return f"{name.upper()} (line {line})" if line else name.upper()


def moving_step(equations: Equations) -> Callable[[float], float] | None:
    """Return what TIME STEP is at a time, None where it is one number; InputError if it is neither."""
    one, start = equations.find("time step"), equations.control("initial time")
    if one.value is not None:
        return None
    first = first_length(one, equations.variables, start)
    if first is None:
        stopped = unknown(one, equations.variables, start) or "what has no value before the run"
        raise InputError(
            f"{equations.source}: {_placed(equations, 'time step')} may move with Time and constants alone,"
            f" but reads {stopped}"
        )
    return over_time(one, equations.variables, first)


def first_step(equations: Equations) -> float:
    """Return TIME STEP at the initial time."""
    steps = moving_step(equations)
    return equations.control("time step") if steps is None else steps(equations.control("initial time"))


def one_step(equations: Equations, follower: str) -> float:
    """Return TIME STEP where it is one number; InputError if it moves, which `follower` cannot follow."""
    if moving_step(equations) is not None:
        raise InputError(f"{equations.source}: {_placed(equations, 'time step')} moves, which {follower} cannot follow")
    return equations.control("time step")


def _walked(equations: Equations, start: float, final: float, steps: Callable[[float], float]) -> Array:
    """Return the moments of steps that move; InputError for a method that cannot follow them."""
    step, end = (equations.find(name) for name in ("time step", "final time"))
    if equations.method != "Euler":
        raise InputError(
            f"{equations.source}: {_placed(equations, 'time step')} moves, which Euler's method alone follows,"
            f" not {equations.method}"
        )
    return np.array(walked(equations.source, step, start, steps, end, lambda _: final))


def left_out(equations: Equations) -> tuple[str, ...]:
    """Return the display names of the tolerances that a model has no constant for."""
    own = {plain(name) for name in equations.visible}
    return tuple(name.upper() for name in TOLERANCES if name not in own)


def with_tolerances(equations: Equations, names: Iterable[str]) -> Equations:
    """Return equations with those of the tolerances that are named, as Vensim takes them where a model has none."""
    wanted = set(map(plain, names))
    new = [name for name in left_out(equations) if plain(name) in wanted]
    more = {name: Variable(name, "constant", "Dmnl", "", "", (None, None), Number(TOLERANCE)) for name in new}
    return replace(equations, variables={**equations.variables, **more}) if more else equations


def _tolerance(equations: Equations, name: str) -> float:
    own = {plain(one.name): one for one in equations.visible.values()}.get(name)
    if own is None or not SCHEMES[equations.method].order:
        return TOLERANCE
    if own.value is None or not own.value > 0:
        raise InputError(f"{equations.source}: {own.name} must be a number above 0 for {equations.method}")
    return own.value


def _saved(steps: int, period: float) -> Flags:
    """Mark the moments to keep, a `period` of steps apart: each the first at or after its time."""
    if not _off(period) and period > 0.5:
        return np.asarray(np.arange(steps + 1) % round(period) == 0)
    saved = np.zeros(steps + 1, dtype=bool)
    wanted = np.ceil(np.arange(steps / max(period, 1.0) + 1) * max(period, 1.0) - SLACK).astype(int)
    saved[wanted[wanted <= steps]] = True
    return saved


def _moving(said: str, moments: Array, step: float, period: Callable[[float], float]) -> Flags:
    """Mark the moments to keep, each the first at or after its time: a period after the one before, as it is there."""
    saved = np.zeros(len(moments), dtype=bool)
    wanted = moments[0]
    for at, time in enumerate(moments):
        if time >= wanted - SLACK * step:
            saved[at] = True
            now = period(float(time))
            if not (math.isfinite(now) and now > 0):
                raise InputError(f"{said} is {now:g} at {time:.15g}, but must be above 0")
            wanted = max(wanted + now, time)
    return saved


def check_period(equations: Equations, period: float) -> None:
    """Refuse a time between saved moments that is asked for and no whole multiple of the time step."""
    step = one_step(equations, "a time between saved moments")
    if not (math.isfinite(period) and period >= step * (1 - SLACK)) or _off(min(period / step, 2.0 * _MOST_STEPS)):
        place = equations.source
        raise InputError(f"{place}: SAVEPER is {period:g}, not a whole multiple of TIME STEP {step:g}")


def neighbours(equations: Equations, time: float) -> tuple[float, float] | None:
    """Return the moments of a run before and after `time`, or None if it is one of them."""
    start, step = equations.control("initial time"), one_step(equations, "an earlier end")
    if not step > 0 or not _off((time - start) / step):
        return None
    before = math.floor((time - start) / step)
    return start + before * step, start + (before + 1) * step


def _off(count: float) -> bool:
    """Say whether a number of steps is not whole."""
    return abs(count - round(count)) > SLACK
