"""The functions of each dialect: how many arguments they take, and the expressions they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from stockflow.language import equations as eq
from stockflow.language.definition import Function
from stockflow.language.functions import (
    allocation,
    arrays,
    belts,
    curves,
    data,
    laws,
    memory,
    random,
    random_closed,
    random_tables,
    vectors,
)
from stockflow.language.operations import ARGUMENTS
from stockflow.language.place import Place
from stockflow.language.tree import Call, Literal, Refused, Tree
from stockflow.names import plain

_MOST_ORDERS = 1000
_ONE = eq.Number(1.0)
_ZERO = Literal(0.0)
_TURN = eq.Number(2 * math.pi)
_HARDLY = eq.Number(1e-6)
# GET TIME VALUE of a time in years: how many there are in one, after how many their count begins anew, and with which
_CALENDAR: Mapping[float, tuple[float, float, float]] = {
    1.0: (1.0, 0.0, 0.0),
    2.0: (4.0, 4.0, 1.0),
    3.0: (12.0, 12.0, 1.0),
    4.0: (360.0, 30.0, 1.0),
    6.0: (360.0, 0.0, 0.0),
}
Remembering = Callable[[Place, eq.Expression, eq.Expression, eq.Expression, int], eq.Expression]


def _operation(operator: str, *order: int) -> Function:
    """A function that is one operation, of its arguments in another `order` if one is given."""
    count = ARGUMENTS[operator]

    def make(reader: Place, tree: Call) -> eq.Expression:
        arguments = [tree.arguments[place] for place in order or range(count)]
        return eq.Operation(operator, tuple(reader.read(one) for one in arguments))

    return Function(count, count, make)


def _by_count(*functions: Function) -> Function:
    """A function that means another one for every number of arguments."""
    known = {one.least: one.make for one in functions}
    return Function(min(known), max(known), lambda reader, tree: known[len(tree.arguments)](reader, tree))


def _delayed(make: Remembering, order: int, starts: tuple[int, int] = (2, 2)) -> Function:
    """A delay or smooth of an order; without an initial value it starts from its input."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        source, time, initial = (*tree.arguments, tree.arguments[0])[:3]
        return make(reader, reader.read(source), reader.read(time), reader.read(initial), order)

    return Function(*starts, read)


def _of_order(make: Remembering, order: int, least: int = 4) -> Function:
    """A delay or smooth of the order that one of its arguments, at the place `order`, is."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        source, time, *others = tree.arguments
        initial = next((one for place, one in enumerate(others, 2) if place != order), source)
        parts = [reader.read(one) for one in (source, time, initial)]
        return make(reader, parts[0], parts[1], parts[2], _order(reader, tree.arguments[order]))

    return Function(least, 4, read)


def _order(reader: Place, tree: Tree) -> int:
    """Return the order of a delay, which holds as it is at the initial time."""
    order = reader.read(tree)
    value = reader.fixed(order)
    value = reader.at_start(order) if value is None else value
    if value is None or not 1 <= value <= _MOST_ORDERS:
        raise Refused(["order of a delay that is not known from time and constants as a number from 1 to 1000"])
    if value != int(value):
        raise Refused([f"order of a delay that is no whole number, {value:g},"])
    return int(value)


def _read_all(make: Callable[..., eq.Expression], least: int, most: int, *missing: Tree) -> Function:
    """A function of a place and its arguments, in order; `missing` stand for those left out at the end."""

    def read(reader: Place, tree: Call) -> eq.Expression:
        trees = (*tree.arguments, *missing[len(missing) - (most - len(tree.arguments)) :])[:most]
        return make(reader, *(reader.read(one) for one in trees))

    return Function(least, most, read)


def whole(make: Callable[..., eq.Expression], count: int, part: str = "") -> Function:
    """A function that makes an expression of its arguments as they are, of a kind of variable of its own (`part`)."""
    return Function(count, count, lambda reader, tree: make(*map(reader.read, tree.arguments)), part)


def _fixed_delay(reader: Place, tree: Call) -> eq.Expression:
    source, time, initial = (*tree.arguments, tree.arguments[0])[:3]
    return eq.DelayFixed(reader.read(source), reader.read(time), reader.read(initial))


def _discrete_delay(reader: Place, tree: Call) -> eq.Expression:
    """DELAY MATERIAL and DELAY INFORMATION, which are DELAY FIXED as long as the delay time does not change."""
    source, time, initial = (reader.read(one) for one in tree.arguments[:3])
    delay = reader.fixed(time)
    if delay is None:
        raise Refused([f"{tree.name.replace('_', ' ').upper()} with a delay time that is not a number of the file"])
    return eq.DelayFixed(source, eq.Number(delay), initial)


def _time_value(reader: Place, tree: Call) -> eq.Expression:
    """GET TIME VALUE: a time in the unit of the model, or what a calendar of 360 days says of it."""
    relative, offset, measure = (reader.read(one) for one in tree.arguments)
    of, what = eq.number(relative), eq.number(measure)
    if of not in {0, 1}:
        raise Refused(["GET TIME VALUE of the computer's clock, with which no run could be repeated,"])
    start = eq.Reference(reader.translation.main.spelling.get("initial time", "INITIAL TIME"))
    time = memory.plus(start if of else eq.Time(), offset)
    if what == 0:
        return time
    unit = next((one.unit for one in reader.translation.main.definitions.get("time step", {}).values()), "")
    if what is None or what not in _CALENDAR or plain(unit) not in {"year", "years"}:
        known = "measure 0, or 1 to 4 and 6 of a time in years"
        raise Refused([f"GET TIME VALUE other than {known}; here TIME STEP has the unit {unit!r},"])
    length, parts, first = _CALENDAR[what]
    # a sum of steps may be a little short of the day
    passed = vectors.floor(memory.plus(memory.times(time, eq.Number(length)), _HARDLY))
    return memory.plus(vectors.remainder(passed, eq.Number(parts)) if parts else passed, eq.Number(first))


def _previous(reader: Place, tree: Call) -> eq.Expression:
    """PREVIOUS: a value as it was one time step ago."""
    source, initial = (*tree.arguments, _ZERO)[:2]
    return eq.DelayFixed(reader.read(source), reader.step, reader.read(initial))


def _rounded(reader: Place, tree: Call) -> eq.Expression:
    """ROUND: the nearest whole number, of two the one further from 0."""
    value = reader.keep("rounded", reader.read(tree.arguments[0]))
    half = vectors.choice(eq.Operation("<", (value, eq.Number(0.0))), eq.Number(-0.5), eq.Number(0.5))
    return eq.Operation("integer", (memory.plus(value, half),))


def _safe_share(reader: Place, value: eq.Expression, divisor: eq.Expression, other: eq.Expression) -> eq.Expression:
    """SAFEDIV: a share, or another value where the divisor is exactly 0."""
    kept = divisor if isinstance(divisor, eq.Number) else reader.keep("divisor", divisor)
    zero = eq.Operation("=", (kept, eq.Number(0.0)))
    return vectors.choice(zero, other, memory.over(value, vectors.choice(zero, _ONE, kept)))


def _constant(value: float, reader: Place, tree: Call) -> eq.Expression:
    return eq.Number(value)


def _sign(reader: Place, tree: Call) -> eq.Expression:
    """SIGN: 1 above 0, -1 below it."""
    value = reader.keep("signed", reader.read(tree.arguments[0]))
    above, below = (eq.Operation(sign, (value, eq.Number(0.0))) for sign in "><")
    return vectors.choice(above, _ONE, vectors.choice(below, eq.Number(-1.0), eq.Number(0.0)))


def _wave(operator: str, reader: Place, size: eq.Expression, period: eq.Expression) -> eq.Expression:
    """SINWAVE and COSWAVE: a wave over time, of a size and a period."""
    return memory.times(size, eq.Operation(operator, (memory.over(memory.times(_TURN, eq.Time()), period),)))


def _derivative(reader: Place, tree: Call) -> eq.Expression:
    """DERIVN of order 1: the change since the step before, over the step; 0 at the start."""
    if reader.fixed(reader.read(tree.arguments[1])) != 1:
        raise Refused(["DERIVN of an order other than 1"])
    value = reader.keep("changing", reader.read(tree.arguments[0]))
    before = reader.keep("before", eq.DelayFixed(value, reader.step, value))
    start = eq.Reference(reader.translation.main.spelling.get("initial time", "INITIAL TIME"))
    later = eq.Operation(">", (eq.Time(), start))
    return vectors.choice(later, memory.over(memory.minus(value, before), reader.step), eq.Number(0.0))


def _log_gamma(reader: Place, tree: Call) -> eq.Expression:
    """GAMMA LN: Stirling's series eight above the argument, less the logarithms of what is in between."""
    x = reader.keep("gamma", reader.read(tree.arguments[0]))
    above = memory.plus(x, eq.Number(8.0))
    between = vectors.joined("*", [memory.plus(x, eq.Number(float(one))) for one in range(8)])
    terms = [
        memory.times(memory.minus(above, eq.Number(0.5)), eq.Operation("ln", (above,))),
        eq.Operation("negative", (memory.plus(above, eq.Operation("ln", (between,))),)),
        eq.Number(0.5 * math.log(2 * math.pi)),
        *(
            memory.over(eq.Number(share), eq.Operation("^", (above, eq.Number(power))))
            for power, share in ((1.0, 1 / 12), (3.0, -1 / 360), (5.0, 1 / 1260), (7.0, -1 / 1680), (9.0, 1 / 1188))
        ),
    ]
    return vectors.joined("+", terms)


_COMMON: Mapping[str, Function] = {
    **{
        name: _operation(name)
        for name in (
            *("exp", "ln", "sqrt", "abs", "integer", "sin", "cos", "tan", "arcsin", "arccos", "arctan"),
            *("sinh", "cosh", "tanh", "min", "max", "zidz", "xidz", "step", "pulse", "modulo", "quantum", "log"),
            *("if then else", "ramp"),
        )
    },
    "active initial": whole(eq.ActiveInitial, 2, "active initial"),
    "power": _operation("^"),
    "log10": Function(
        1, 1, lambda reader, tree: eq.Operation("log", (reader.read(tree.arguments[0]), eq.Number(10.0)))
    ),
    "sum": arrays.reduction("+"),
    "prod": arrays.reduction("*"),
    "vmin": arrays.reduction("min"),
    "vmax": arrays.reduction("max"),
    "delay1": _delayed(memory.delay, 1),
    "delay3": _delayed(memory.delay, 3),
    "trend": _read_all(memory.trend, 3, 3),
    "npv": _read_all(memory.present_value, 4, 4),
    "elmcount": Function(1, 1, arrays.count),
    "vector elm map": Function(2, 2, arrays.element_map),
    "vector lookup": Function(5, 5, arrays.vector_lookup),
    "vector select": Function(5, 5, arrays.select, of_arrays=True),
    "vector rank": Function(2, 2, arrays.rank),
    "vector sort order": Function(2, 2, arrays.sort_order),
    "vector reorder": Function(2, 2, arrays.reorder),
    "invert matrix": Function(2, 2, arrays.inverse),
    "allocate by priority": Function(5, 5, allocation.by_priority),
    "allocate available": Function(3, 3, allocation.available),
    "lookup extrapolate": Function(2, 2, curves.extrapolated),
    "lookup forward": Function(2, 2, curves.forward),
    "lookup backward": Function(2, 2, curves.backward),
    "lookup area": Function(3, 3, curves.area),
    "lookup slope": Function(3, 3, curves.slope),
    "lookup invert": Function(2, 2, curves.inverted),
    "get data between times": Function(3, 3, curves.between_times),
    "get data first time": Function(1, 1, lambda reader, tree: curves.end_time(reader, tree, 0)),
    "get data last time": Function(1, 1, lambda reader, tree: curves.end_time(reader, tree, -1)),
    "gamma ln": Function(1, 1, _log_gamma),
    "get time value": Function(3, 3, _time_value),
    "random 0 1": Function(0, 0, lambda reader, tree: random.uniform(reader)),
    "random uniform": Function(3, 3, random.random_uniform),
    "random normal": Function(5, 5, random_closed.random_normal),
    "random exponential": Function(5, 5, random_closed.random_exponential),
    "random triangular": Function(6, 6, random_closed.random_triangular),
    "random weibull": Function(6, 6, random_closed.random_weibull),
    "random lookup": Function(6, 6, random_tables.of_lookup),
    "random pink noise": Function(4, 4, random.pink_noise),
    **{
        name.lower(): Function(len(laws.ARGUMENTS[name]) + 1, len(laws.ARGUMENTS[name]) + 1, random_tables.tabled)
        for name in (f"RANDOM {law}" for law in ("GAMMA", "BETA", "POISSON", "BINOMIAL", "NEGATIVE BINOMIAL"))
    },
}
VENSIM: Mapping[str, Function] = {
    **_COMMON,
    "integ": whole(eq.Integral, 2, "stock"),
    "initial": whole(eq.Initial, 1, "initial"),
    "delay fixed": Function(3, 3, _fixed_delay, "fixed delay"),
    "delay material": Function(4, 4, _discrete_delay, "fixed delay"),
    "delay information": Function(3, 3, _discrete_delay, "fixed delay"),
    "delay conveyor": Function(6, 6, belts.delayed),
    "delay1i": _delayed(memory.delay, 1, (3, 3)),
    "delay3i": _delayed(memory.delay, 3, (3, 3)),
    "delay n": _of_order(memory.delay_n, 3),
    "smooth": _delayed(memory.smooth, 1),
    "smoothi": _delayed(memory.smooth, 1, (3, 3)),
    "smooth3": _delayed(memory.smooth, 3),
    "smooth3i": _delayed(memory.smooth, 3, (3, 3)),
    "smooth n": _of_order(memory.smooth, 3),
    "forecast": _read_all(memory.forecast, 3, 4, _ZERO),
    "sample if true": _read_all(memory.sample, 3, 3),
    # its width comes before its interval
    "pulse train": _operation("pulse train", 0, 2, 1, 3),
    "x if missing": Function(2, 2, data.if_missing),
    "game": Function(1, 1, lambda reader, tree: reader.read(tree.arguments[0])),
}
XMILE: Mapping[str, Function] = {
    **_COMMON,
    "init": whole(eq.Initial, 1, "initial"),
    "delay": Function(2, 3, _fixed_delay, "fixed delay"),
    "delay1": _delayed(memory.delay, 1, (2, 3)),
    "delay3": _delayed(memory.delay, 3, (2, 3)),
    "delayn": _of_order(memory.delay_n, 2, 3),
    "smth1": _delayed(memory.smooth, 1, (2, 3)),
    "smth3": _delayed(memory.smooth, 3, (2, 3)),
    "smthn": _of_order(memory.smooth, 2, 3),
    "trend": _read_all(memory.trend, 2, 3, _ZERO),
    "forcst": _read_all(memory.forecast, 3, 4, _ZERO),
    "int": Function(1, 1, lambda reader, tree: vectors.floor(reader.read(tree.arguments[0]))),
    "round": Function(1, 1, _rounded),
    "sign": Function(1, 1, _sign),
    "sinwave": _read_all(partial(_wave, "sin"), 2, 2),
    "coswave": _read_all(partial(_wave, "cos"), 2, 2),
    "derivn": Function(2, 2, _derivative),
    "npv": _read_all(partial(memory.present_value, factor=_ONE), 2, 3, _ZERO),
    **{
        name: Function(0, 0, partial(_constant, value))
        for name, value in (("pi", math.pi), ("inf", math.inf), ("nan", math.nan))
    },
    "self": Function(0, 0, lambda reader, tree: eq.Reference(reader.name)),
    "previous": Function(1, 2, _previous, "previous"),
    "sum": arrays.of_array("+"),
    "prod": arrays.of_array("*"),
    "mean": Function(1, arrays.MOST_LISTED, arrays.mean, of_arrays=True),
    "stddev": Function(1, 1, arrays.deviation, of_arrays=True),
    "size": Function(1, 1, arrays.size, of_arrays=True),
    "lookup": Function(2, 2, curves.call),
    "random": Function(2, 3, random.random_uniform),
    "uniform": Function(2, 3, random.random_uniform),
    **{
        name: Function(len(names), len(names) + 4, partial(random_closed.closed, name))
        for name, (names, _) in random_closed.CLOSED.items()
    },
    "triangular": Function(3, 7, random_closed.triangular),
    "beta": Function(2, 6, random_tables.beta),
    "gamma": Function(2, 6, random_tables.gamma),
    "binomial": Function(2, 6, random_tables.binomial),
    "poisson": Function(1, 5, random_tables.poisson),
    "montecarlo": Function(1, 2, random.monte_carlo),
    "normalpink": Function(3, 4, random.pink_noise),
    "ramp": _by_count(_operation("endless ramp"), _operation("ramp")),
    # the amount comes first
    "pulse": _by_count(_operation("impulse", 1, 0), _operation("impulses", 1, 2, 0)),
    "safediv": _read_all(_safe_share, 2, 3, _ZERO),
    "min": arrays.extreme("min"),
    "max": arrays.extreme("max"),
}
