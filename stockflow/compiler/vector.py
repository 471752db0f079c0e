"""Writes LLVM instructions on vectors of runs, one lane a run: arithmetic, exp, log and tables.

Every value is a name or a literal of type <width x double>, except truth values (<width x i1>).
Nothing branches on a lane, so what one run computes cannot depend on its neighbours.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from stockflow.compiler.graph import Graph
from stockflow.language.curve import Table

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARE = {"lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
_INTRINSIC = {"sqrt": "sqrt", "abs": "fabs", "trunc": "trunc"}
# tables up to this size are searched by comparing with every point, larger ones by bisection
_SCANNED = 12

#: adding and subtracting this rounds to a whole number and leaves it in the low bits
ROUND = 6755399441055744.0
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# (e^r - 1 - r) / r^2 for |r| <= ln(2)/2
_EXP = [1.0 / math.factorial(power) for power in range(2, 14)]
# Threefry-2x64 of Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011)
_THREEFRY_ROUNDS = 20
_THREEFRY_TURNS = (16, 42, 12, 31, 16, 32, 24, 21)
_THREEFRY_PARITY = 0x1BD11BDAA9FC1A22
# fdlibm's polynomial for log((1 + s) / (1 - s)), in powers of s^2
_LOG_ODD = (6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01, 1.479819860511658591e-01)
_LOG_EVEN = (3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01)


def literal(value: float) -> str:
    """Return a double as LLVM writes it exactly."""
    return f"0x{bits_of(value):016X}"


def bits_of(value: float) -> int:
    """Return the 64 bits of a double as a number."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


class Writer:
    """Collects instructions in `lines`, with the declarations and constants they need; `count` of them have names."""

    #: vectors that the order of instructions may fill
    registers = math.inf

    def __init__(self, width: int) -> None:
        self.width = width
        self.double = f"<{width} x double>"
        self.integer = f"<{width} x i64>"
        self.truth = f"<{width} x i1>"
        self.lines: list[str] = []
        self.declarations: set[str] = set()
        self.globals: list[str] = []
        self.count = 0

    def line(self, text: str) -> None:
        """Append one instruction without a result."""
        self.lines.append(f"  {text}")

    def let(self, instruction: str) -> str:
        """Append an instruction and return the name of its result."""
        self.count += 1
        self.lines.append(f"  %t{self.count} = {instruction}")
        return f"%t{self.count}"

    def opening(self) -> list[str]:
        """Return the lines that a block begins with once all else of it is written."""
        return []

    def number(self, value: float) -> str:
        """Return the vector with that value in every lane, here a literal."""
        return f"<{', '.join([f'double {literal(value)}'] * self.width)}>"

    def whole(self, value: int) -> str:
        """Return the literal vector of 64-bit integers with that value in every lane."""
        return f"<{', '.join([f'i64 {value}'] * self.width)}>"

    def always(self, truth: bool) -> str:
        """Return the literal vector with that truth value in every lane."""
        return f"<{', '.join([f'i1 {str(truth).lower()}'] * self.width)}>"

    def known(self, graph: Graph, node: int) -> str | None:
        """Return the literal of a node that is one number or truth value always, else None."""
        value, truth = graph.value(node), graph.truth(node)
        if value is not None:
            return self.number(value)
        return None if truth is None else self.always(truth)

    def spread(self, scalar: str, kind: str = "double") -> str:
        """Copy a scalar, a double or of another type, into every lane."""
        vector = f"<{self.width} x {kind}>"
        first = self.let(f"insertelement {vector} poison, {kind} {scalar}, i64 0")
        mask = f"<{self.width} x i32> zeroinitializer"
        return self.let(f"shufflevector {vector} {first}, {vector} poison, {mask}")

    def arithmetic(self, op: str, left: str, right: str) -> str:
        """Add, subtract, multiply or divide; a product may fuse with the sum that takes it."""
        return self.let(f"{_ARITHMETIC[op]} contract {self.double} {left}, {right}")

    def exact(self, op: str, left: str, right: str) -> str:
        """Add or subtract without fusing or reordering."""
        return self.let(f"{_ARITHMETIC[op]} {self.double} {left}, {right}")

    def compare(self, predicate: str, left: str, right: str) -> str:
        """Compare lane by lane; `predicate` is LLVM's, such as olt."""
        return self.let(f"fcmp {predicate} {self.double} {left}, {right}")

    def select(self, truth: str, yes: str, no: str) -> str:
        """Choose lane by lane."""
        return self.let(f"select {self.truth} {truth}, {self.double} {yes}, {self.double} {no}")

    def intrinsic(self, name: str, *args: str) -> str:
        """Call a floating-point intrinsic of LLVM."""
        function = f"@llvm.{name}.v{self.width}f64"
        self.declarations.add(f"declare {self.double} {function}({', '.join([self.double] * len(args))})")
        return self.let(f"call {self.double} {function}({', '.join(f'{self.double} {one}' for one in args)})")

    def fused(self, factor: str, other: str, term: str) -> str:
        """Return factor * other + term, in one rounding where the processor can."""
        return self.intrinsic("fmuladd", factor, other, term)

    def bits(self, value: str) -> str:
        """Reinterpret doubles as integers."""
        return self.let(f"bitcast {self.double} {value} to {self.integer}")

    def unbits(self, value: str) -> str:
        """Reinterpret integers as doubles."""
        return self.let(f"bitcast {self.integer} {value} to {self.double}")

    def integers(self, op: str, left: str, right: str) -> str:
        """Apply an integer operation lane by lane."""
        return self.let(f"{op} {self.integer} {left}, {right}")

    def horner(self, x: str, coefficients: Sequence[float]) -> str:
        """Evaluate a polynomial, lowest power first."""
        result = self.number(coefficients[-1])
        for one in reversed(coefficients[:-1]):
            result = self.fused(result, x, self.number(one))
        return result

    def estrin(self, x: str, coefficients: Sequence[float]) -> str:
        """Evaluate a polynomial in a shallow tree, which pipelines better than Horner's rule."""
        terms = [self.number(one) for one in coefficients]
        while len(terms) > 1:
            paired = [self.fused(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
            terms = paired + terms[len(terms) - len(terms) % 2 :]
            x = self.arithmetic("mul", x, x) if len(terms) > 1 else x
        return terms[0]

    def exp(self, x: str) -> str:
        """e^x within about 1 ulp; 0 and infinity beyond the range, denormals kept, NaN passed on."""
        number = self.number
        y = self.select(self.compare("olt", x, number(-746.0)), number(-746.0), x)
        y = self.select(self.compare("ogt", y, number(710.0)), number(710.0), y)
        shifted = self.fused(y, number(1.4426950408889634), number(ROUND))
        n = self.exact("sub", shifted, number(ROUND))
        r = self.fused(n, number(-_LN2_HIGH), y)
        r = self.fused(n, number(-_LN2_LOW), r)
        square = self.arithmetic("mul", r, r)
        p = self.exact("add", number(1.0), self.fused(square, self.estrin(r, _EXP), r))
        # 2^n in two factors: n reaches from -1077 to 1025, beyond one exponent field
        power = self.integers("sub", self.bits(shifted), self.whole(bits_of(ROUND)))
        half = self.integers("ashr", power, self.whole(1))
        for part in (half, self.integers("sub", power, half)):
            biased = self.integers("add", part, self.whole(1023))
            scale = self.unbits(self.integers("shl", biased, self.whole(52)))
            p = self.let(f"fmul {self.double} {p}, {scale}")
        return p

    def log(self, x: str) -> str:
        """ln x within about 1 ulp; -infinity at 0, NaN below, denormals and infinity right."""
        number, fused = self.number, self.fused
        tiny = self.compare("olt", x, number(2.2250738585072014e-308))
        scaled = self.select(tiny, self.let(f"fmul {self.double} {x}, {number(2.0**54)}"), x)
        i = self.bits(scaled)
        base = self.whole(bits_of(math.sqrt(0.5)))
        exponent = self.integers("ashr", self.integers("sub", i, base), self.whole(52))
        mantissa = self.unbits(self.integers("sub", i, self.integers("shl", exponent, self.whole(52))))
        f = self.exact("sub", mantissa, number(1.0))
        k = self.unbits(self.integers("add", exponent, self.whole(bits_of(ROUND))))
        k = self.exact("sub", k, self.select(tiny, number(ROUND + 54.0), number(ROUND)))
        s = self.arithmetic("div", f, self.exact("add", f, number(2.0)))
        z = self.arithmetic("mul", s, s)
        w = self.arithmetic("mul", z, z)
        even = self.arithmetic("mul", w, self.horner(w, _LOG_EVEN))
        odd = self.arithmetic("mul", z, self.horner(w, _LOG_ODD))
        half = self.arithmetic("mul", self.arithmetic("mul", f, f), number(0.5))
        total = self.exact("add", half, self.exact("add", even, odd))
        rest = fused(s, total, self.arithmetic("mul", k, number(_LN2_LOW)))
        result = fused(k, number(_LN2_HIGH), self.exact("sub", f, self.exact("sub", half, rest)))
        result = self.select(self.compare("olt", x, number(math.inf)), result, x)
        result = self.select(self.compare("oeq", x, number(0.0)), number(-math.inf), result)
        return self.select(self.compare("olt", x, number(0.0)), number(math.nan), result)

    def extreme(self, op: str, left: str, right: str, left_finite: bool) -> str:
        """The smaller or larger of two values; NaN if either is NaN, as NumPy has it."""
        truth = self.compare("olt" if op == "min" else "ogt", left, right)
        if not left_finite:
            missing = self.compare("uno", left, left)
            truth = self.let(f"or {self.truth} {truth}, {missing}")
        return self.select(truth, left, right)

    def table(self, x: str, table: Table) -> str:
        """The value of a piecewise linear curve that holds its ends, as numpy.interp has it."""
        xs, ys = table.xs, table.ys
        slopes = [(ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) for i in range(len(xs) - 1)]
        low = self.compare("olt", x, self.number(xs[0]))
        inside = self.select(low, self.number(xs[0]), x)
        find = self._scan if len(xs) <= _SCANNED else self._bisect
        slope, x0, y0 = find(inside, xs[:-1], slopes, ys[:-1])
        result = self.fused(slope, self.exact("sub", inside, x0), y0)
        return self.select(self.compare("oge", x, self.number(xs[-1])), self.number(ys[-1]), result)

    def _scan(self, x: str, xs: Sequence[float], slopes: Sequence[float], ys: Sequence[float]) -> list[str]:
        chosen = [self.number(slopes[0]), self.number(xs[0]), self.number(ys[0])]
        for row in zip(slopes[1:], xs[1:], ys[1:], strict=True):
            beyond = self.compare("oge", x, self.number(row[1]))
            chosen = [self.select(beyond, self.number(new), old) for new, old in zip(row, chosen, strict=True)]
        return chosen

    def _bisect(self, x: str, xs: Sequence[float], slopes: Sequence[float], ys: Sequence[float]) -> list[str]:
        size = 1 << (len(xs) - 1).bit_length()
        keys = self._stored([*xs, *[math.inf] * (size - len(xs))])
        index, stride = self.whole(0), size // 2
        while stride:
            candidate = self.integers("add", index, self.whole(stride))
            beyond = self.compare("oge", x, self.gathered(keys, candidate))
            index = self.let(f"select {self.truth} {beyond}, {self.integer} {candidate}, {self.integer} {index}")
            stride //= 2
        return [self.gathered(one, index) for one in (self._stored(slopes), keys, self._stored(ys))]

    def _stored(self, values: Sequence[float]) -> str:
        name = f"@table{len(self.globals)}"
        body = ", ".join(f"double {literal(one)}" for one in values)
        self.globals.append(f"{name} = private unnamed_addr constant [{len(values)} x double] [{body}], align 64")
        return name

    def place(self, base: str, at: int | str) -> str:
        """Return the address of a vector in an array; `at` is a number or the name of one."""
        return self.let(f"getelementptr inbounds {self.double}, ptr {base}, i64 {at}")

    def get(self, base: str, at: int | str = 0) -> str:
        """Load a vector of an array."""
        return self.let(f"load {self.double}, ptr {self.place(base, at)}, align 8")

    def put(self, vector: str, base: str, at: int | str = 0) -> None:
        """Store a vector into an array."""
        self.line(f"store {self.double} {vector}, ptr {self.place(base, at)}, align 8")

    def everywhere(self, base: str, at: int | str) -> str:
        """Load one double of an array into every lane."""
        place = self.let(f"getelementptr inbounds double, ptr {base}, i64 {at}")
        return self.spread(self.let(f"load double, ptr {place}"))

    def gathered(self, base: str, index: str) -> str:
        """Load one double per lane from an array, each at its own index."""
        pointers = f"<{self.width} x ptr>"
        function = f"@llvm.masked.gather.v{self.width}f64.v{self.width}p0"
        self.declarations.add(f"declare {self.double} {function}({pointers}, i32, {self.truth}, {self.double})")
        place = self.let(f"getelementptr double, ptr {base}, {self.integer} {index}")
        everywhere = f"{self.truth} {self.always(True)}"
        return self.let(f"call {self.double} {function}({pointers} {place}, i32 8, {everywhere}, {self.double} poison)")

    def lanes(self, base: str, column: int, columns: int) -> str:
        """Load one of so many columns of a row of doubles for each lane."""
        vector = "poison"
        for lane in range(self.width):
            place = self.let(f"getelementptr double, ptr {base}, i64 {lane * columns + column}")
            value = self.let(f"load double, ptr {place}")
            vector = self.let(f"insertelement {self.double} {vector}, double {value}, i64 {lane}")
        return vector

    def threefry(self, keys: Sequence[str], counters: Sequence[str]) -> str:
        """Return the first of two random words for two keys and two counters: Threefry-2x64-20."""
        parity = self.integers("xor", self.integers("xor", keys[0], keys[1]), self.whole(_THREEFRY_PARITY))
        words = (*keys, parity)
        function = f"@llvm.fshl.v{self.width}i64"
        self.declarations.add(f"declare {self.integer} {function}({', '.join([self.integer] * 3)})")
        left, right = (self.integers("add", *pair) for pair in zip(counters, keys, strict=True))
        for turn in range(_THREEFRY_ROUNDS):
            left = self.integers("add", left, right)
            amount = self.whole(_THREEFRY_TURNS[turn % len(_THREEFRY_TURNS)])
            operands = ", ".join(f"{self.integer} {one}" for one in (right, right, amount))
            right = self.integers("xor", self.let(f"call {self.integer} {function}({operands})"), left)
            if turn % 4 == 3:
                group = turn // 4 + 1
                left = self.integers("add", left, words[group % 3])
                right = self.integers("add", right, words[(group + 1) % 3])
                right = self.integers("add", right, self.whole(group))
        return left

    def uniform(self, word: str) -> str:
        """Turn random words into doubles in the open interval (0, 1), each an odd multiple of 2^-53."""
        mantissa = self.integers("lshr", word, self.whole(12))
        above_one = self.unbits(self.integers("or", mantissa, self.whole(bits_of(1.0))))
        return self.exact("add", self.exact("sub", above_one, self.number(1.0)), self.number(2.0**-53))

    def curve(self, position: str, count: int, value: Callable[[str], str]) -> str:
        """Interpolate between `count` values at whole positions; `value` reads those at an index."""
        if count == 1:
            return value(self.whole(0))
        last = self.number(float(count - 2))
        whole = self.intrinsic("trunc", position)
        whole = self.select(self.compare("olt", whole, last), whole, last)
        whole = self.select(self.compare("ogt", whole, self.number(0.0)), whole, self.number(0.0))
        index = self.let(f"fptosi {self.double} {whole} to {self.integer}")
        below, above = value(index), value(self.integers("add", index, self.whole(1)))
        share = self.exact("sub", position, whole)
        return self.fused(share, self.exact("sub", above, below), below)

    def operation(self, graph: Graph, node: int, args: Sequence[str]) -> str:
        """Write one node of a graph, given the names of its arguments."""
        op, numbers, payload = graph.nodes[node]
        if op in _ARITHMETIC:
            return self.arithmetic(op, *args)
        if op in _COMPARE:
            return self.compare(_COMPARE[op], *args)
        if op in _INTRINSIC:
            return self.intrinsic(_INTRINSIC[op], *args)
        if isinstance(payload, Table):
            return self.table(args[0], payload)
        match op:
            case "min" | "max":
                # a finite literal goes first: then one comparison also passes NaN on
                swap = graph.value(numbers[1]) is not None
                left, right = (args[1], args[0]) if swap else (args[0], args[1])
                known = graph.value(numbers[1] if swap else numbers[0])
                return self.extreme(op, left, right, known is not None and not math.isnan(known))
            case "select":
                return self.select(args[0], args[1], args[2])
            case "neg":
                return self.let(f"fneg {self.double} {args[0]}")
            case "exp":
                return self.exp(args[0])
            case "log":
                return self.log(args[0])
            case "number":
                return self.let(f"uitofp {self.truth} {args[0]} to {self.double}")
            case "and" | "or":
                return self.let(f"{op} {self.truth} {args[0]}, {args[1]}")
            case "not":
                return self.let(f"xor {self.truth} {args[0]}, {self.always(True)}")
        raise ValueError(f"no instruction for {op}")
