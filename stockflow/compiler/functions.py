"""What the operations of expressions are in terms of a graph's few: arithmetic, exp, log, choice.

Trigonometric functions are fdlibm's polynomials written as graph operations, so that every way of
running or differentiating a graph has them.  Their error is about 1 ulp for sizes up to 1e5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from stockflow.compiler import normal
from stockflow.compiler.graph import Graph, OpenTable, Path
from stockflow.language.curve import Table
from stockflow.language.operations import DIRECT, NEARLY_HALF, SMALL

# pi/2 in two parts of 33 bits and a rest, so that whole multiples of the parts are exact
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
_SIN = (
    *(-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04),
    *(2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10),
)
_COS = (
    *(4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05),
    *(-2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11),
)
_ARCTAN = (
    *(3.33333333333329318027e-01, -1.99999999998764832476e-01, 1.42857142725034663711e-01),
    *(-1.11111104054623557880e-01, 9.09088713343650656196e-02, -7.69187620504482999495e-02),
    *(6.66107313738753120669e-02, -5.83357013379057348645e-02, 4.97687799461593236017e-02),
    *(-3.65315727442169155270e-02, 1.62858201153657823623e-02),
)
# sinh(x) / x - 1 in powers of x^2, for |x| < 1
_SINH = tuple(1.0 / math.factorial(2 * k + 1) for k in range(1, 10))


class Functions:
    """Adds operations to a graph; `step` is the node of the time step."""

    def __init__(self, graph: Graph, step: int) -> None:
        self.graph = graph
        self.step = step
        self.apply, self.number = graph.apply, graph.constant

    def node(self, operator: str, args: Sequence[int], time: int) -> int:
        """Return the node of an operation of expressions at a time."""
        if operator in DIRECT:
            return self.apply(DIRECT[operator][0], *args)
        own: Mapping[str, Callable[..., int]] = {
            ">": lambda a, b: self.apply("lt", b, a),
            ">=": lambda a, b: self.apply("le", b, a),
            "zidz": lambda a, b: self.ratio(a, b, self.number(0.0)),
            "xidz": self.ratio,
            "quantum": self.quantum,
            "modulo": lambda a, b: self.apply("sub", a, self.quantum(a, b)),
            "log": lambda a, base: self.apply("div", self.apply("log", a), self.apply("log", base)),
            "sin": lambda a: self.wave(a, 0.0),
            "cos": lambda a: self.wave(a, 1.0),
            "tan": lambda a: self.apply("div", self.wave(a, 0.0), self.wave(a, 1.0)),
            "arctan": self.arctan,
            "arcsin": self.arcsin,
            "arccos": self.arccos,
            "sinh": self.sinh,
            "cosh": self.cosh,
            "tanh": self.tanh,
            "normal share": lambda x: normal.share(self.graph, x),
            "normal quantile": lambda p: normal.quantile(self.graph, p),
        }
        timed: Mapping[str, Callable[..., int]] = {
            "step": self.jump,
            "ramp": self.ramp,
            "endless ramp": lambda time, slope, start: self.ramp(time, slope, start, time),
            "pulse": self.pulse,
            "pulse train": self.train,
            "impulse": lambda time, start, amount: self.rate(self.pulse(time, start, self.step), amount),
            # XMILE's PULSE: an amount at once, again at every interval
            "impulses": lambda t, start, every, amount: self.rate(self.train(t, start, every, self.step), amount),
        }
        return own[operator](*args) if operator in own else timed[operator](time, *args)

    def ratio(self, above: int, below: int, instead: int) -> int:
        """XIDZ: a quotient, or something else where the divisor is 0."""
        small = self.apply("lt", self.apply("abs", below), self.number(SMALL))
        return self.apply("select", small, instead, self.apply("div", above, below))

    def quantum(self, value: int, unit: int) -> int:
        """The part of a value that is a whole multiple of a unit, towards 0."""
        part = self.apply("mul", unit, self.apply("trunc", self.apply("div", value, unit)))
        return self.apply("select", self.apply("lt", unit, self.number(SMALL)), value, part)

    def jump(self, time: int, height: int, start: int) -> int:
        """STEP, which begins half a time step early so that rounding cannot delay it."""
        later = self.apply("lt", start, self.apply("add", time, self.apply("mul", self.step, self.number(0.5))))
        return self.apply("mul", height, self.apply("number", later))

    def ramp(self, time: int, slope: int, start: int, end: int) -> int:
        """RAMP: 0 before its start, and flat after its end."""
        begun = self.apply("lt", start, self.apply("add", time, self.number(SMALL)))
        height = self.apply("sub", self.apply("min", end, time), start)
        return self.apply("mul", self.apply("mul", self.apply("number", begun), slope), height)

    def pulse(self, time: int, start: int, width: int) -> int:
        """PULSE: 1 from its start for as long as its width, one time step if that is 0."""
        middle = self.middle(time)
        length = self.apply("select", self.apply("eq", width, self.number(0.0)), self.step, width)
        begun = self.apply("lt", start, middle)
        return self.apply(
            "number", self.apply("and", begun, self.apply("lt", middle, self.apply("add", start, length)))
        )

    def train(self, time: int, start: int, interval: int, width: int, end: int | None = None) -> int:
        """PULSE TRAIN: a pulse at every interval until the end, of one time step at least; an interval of 0 is one."""
        never = self.apply("eq", interval, self.number(0.0))
        period = self.apply("select", never, self.number(1.0), interval)
        middle = self.middle(time)
        passed = self.apply("sub", middle, start)
        whole = self.apply("trunc", self.apply("div", passed, period))
        phase = self.apply("sub", passed, self.apply("mul", period, whole))
        length = self.apply("max", width, self.step)
        on = self.apply("and", self.apply("lt", start, middle), self.apply("lt", phase, length))
        if end is not None:
            on = self.apply("and", on, self.apply("lt", middle, end))
        return self.apply("select", never, self.pulse(time, start, width), self.apply("number", on))

    def middle(self, time: int) -> int:
        """Just before the middle of the time step that begins: what is compared with it does not depend on rounding.

        Read in the middle of a step, as Runge-Kutta does, it is just before the next one: nothing changes there.
        """
        return self.apply("add", time, self.apply("mul", self.step, self.number(NEARLY_HALF)))

    def rate(self, switch: int, amount: int) -> int:
        """An amount that flows within the time steps in which a switch is 1."""
        return self.apply("mul", switch, self.apply("div", amount, self.step))

    def wave(self, x: int, quarters: float) -> int:
        """The sine of x plus so many quarter turns."""
        apply, number = self.apply, self.number
        turns = apply("mul", x, number(2.0 / math.pi))
        half = apply("select", apply("lt", x, number(0.0)), number(-0.5), number(0.5))
        whole = apply("trunc", apply("add", turns, half))
        rest = x
        for part in _HALF_PI:
            rest = apply("sub", rest, apply("mul", whole, number(part)))
        square = apply("mul", rest, rest)
        sine = apply("add", rest, apply("mul", apply("mul", rest, square), self.graph.polynomial(square, _SIN)))
        fourth = apply("mul", apply("mul", square, square), self.graph.polynomial(square, _COS))
        cosine = apply("add", apply("sub", number(1.0), apply("mul", number(0.5), square)), fourth)
        quarter = apply("add", whole, number(quarters))
        half_turns = apply("trunc", apply("mul", quarter, number(0.5)))
        odd = apply("ne", apply("mul", half_turns, number(2.0)), quarter)
        # quarter turns -3..3 from the last whole turn: below 0 the odd ones run backwards
        place = apply("sub", quarter, apply("mul", number(4.0), apply("trunc", apply("mul", quarter, number(0.25)))))
        upside_down = apply(
            "or",
            apply("or", apply("eq", place, number(2.0)), apply("eq", place, number(3.0))),
            apply("or", apply("eq", place, number(-1.0)), apply("eq", place, number(-2.0))),
        )
        value = apply("select", odd, cosine, sine)
        return apply("select", upside_down, apply("neg", value), value)

    def arctan(self, x: int) -> int:
        """The angle whose tangent is x, from four intervals in which the series is short."""
        apply, number = self.apply, self.number
        size = apply("abs", x)
        one = number(1.0)
        angle, reduced = number(math.pi / 2), apply("div", number(-1.0), size)
        for bound, centre in ((2.4375, 1.5), (1.1875, 1.0), (0.6875, 0.5)):
            inside = apply("lt", size, number(bound))
            turned = apply("add", one, apply("mul", number(centre), size))
            quotient = apply("div", apply("sub", size, number(centre)), turned)
            reduced = apply("select", inside, quotient, reduced)
            angle = apply("select", inside, number(math.atan(centre)), angle)
        small = apply("lt", size, number(0.4375))
        reduced = apply("select", small, size, reduced)
        angle = apply("select", small, number(0.0), angle)
        square = apply("mul", reduced, reduced)
        series = apply("mul", apply("mul", reduced, square), self.graph.polynomial(square, _ARCTAN))
        result = apply("add", angle, apply("sub", reduced, series))
        return apply("select", apply("lt", x, number(0.0)), apply("neg", result), result)

    def arcsin(self, x: int) -> int:
        """The angle whose sine is x."""
        one = self.number(1.0)
        other = self.apply("mul", self.apply("sub", one, x), self.apply("add", one, x))
        return self.arctan(self.apply("div", x, self.apply("sqrt", other)))

    def arccos(self, x: int) -> int:
        """The angle whose cosine is x."""
        one = self.number(1.0)
        tangent = self.apply("sqrt", self.apply("div", self.apply("sub", one, x), self.apply("add", one, x)))
        return self.apply("mul", self.number(2.0), self.arctan(tangent))

    def sinh(self, x: int) -> int:
        """Half of e^x - e^-x, from its series where the difference would lose digits."""
        growth = self.apply("exp", x)
        wide = self.apply("mul", self.number(0.5), self.apply("sub", growth, self.apply("exp", self.apply("neg", x))))
        square = self.apply("mul", x, x)
        series = self.apply("mul", self.apply("mul", x, square), self.graph.polynomial(square, _SINH))
        near = self.apply("lt", self.apply("abs", x), self.number(1.0))
        return self.apply("select", near, self.apply("add", x, series), wide)

    def cosh(self, x: int) -> int:
        """Half of e^x + e^-x."""
        total = self.apply("add", self.apply("exp", x), self.apply("exp", self.apply("neg", x)))
        return self.apply("mul", self.number(0.5), total)

    def tanh(self, x: int) -> int:
        """sinh / cosh, and 1 where both overflow."""
        bound = self.number(20.0)
        inside = self.apply("max", self.apply("min", x, bound), self.apply("neg", bound))
        return self.apply("div", self.sinh(inside), self.cosh(inside))

    def lookup(self, argument: int, table: Table) -> int:
        """The value of a table of any kind."""
        graph, apply, number = self.graph, self.apply, self.number
        if isinstance(table, OpenTable):
            # between which of its points, counted from 0, the argument lies
            position = self.lookup(argument, Table(table.xs, table.ys, table.kind))
            return graph.add("path", (position,), Path(table.first, len(table.xs)))
        held = graph.lookup(argument, table)
        if table.kind == "steps":
            result = number(table.ys[0])
            for x, y in zip(table.xs[1:], table.ys[1:], strict=True):
                result = apply("select", apply("le", number(x), argument), number(y), result)
            return result
        if table.kind == "extrapolate" and len(table.xs) > 1:
            for end, beside, op in ((0, 1, "min"), (-1, -2, "max")):
                slope = (table.ys[end] - table.ys[beside]) / (table.xs[end] - table.xs[beside])
                beyond = apply(op, apply("sub", argument, number(table.xs[end])), number(0.0))
                held = apply("add", held, apply("mul", number(slope), beyond))
        return held
