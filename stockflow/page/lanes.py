"""Instructions on vectors of runs as a page writes them: exp and log in half the operations that the engine takes.

WebAssembly has neither fused multiplication, nor registers for many constants, nor a quick arithmetic shift of 64 bits,
so its polynomials are shorter and its exponents are moved by logical shifts.  Results lie within 1e-13 of the exact
ones, relative to their size, powers within 4e-13; sizes below 2.3e-308 count as 0.
"""

from __future__ import annotations

import math

from stockflow.compiler.vector import ROUND, Writer, bits_of

_SMALLEST = 2.2250738585072014e-308
_EXPONENT = 1023
# (2^(f+1) - 2) / f for |f| <= 1/2, and (log((1+s)/(1-s)) / s - 2) / s^2 in powers of s^2 for |s| <= 0.1716: through the
# nodes of Chebyshev, computed with 70 digits
_EXP = (
    *(1.3862943611198906, 0.4804530139162598, 0.11100821732952085, 0.019236258318805117, 0.0026667116358086223),
    *(0.00030806911704907676, 3.050537369253544e-05, 2.6510449757337634e-06, 2.0406242126783458e-07),
)
_LOG = (
    *(0.6666666666666208, 0.40000000011206505, 0.2857142413832416),
    *(0.22222862280108716, 0.18140193802865992, 0.16621817152858928),
)


class Lanes(Writer):
    """Writes for a page; numbers are read once for every call, as three instructions make one anew at each use."""

    registers = 16  # of the processors that most browsers run on

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self._kept: dict[int, str] = {}

    def number(self, value: float) -> str:
        """Return the name of the vector with that value in every lane."""
        return self._kept.setdefault(bits_of(value), f"%number{len(self._kept)}")

    def opening(self) -> list[str]:
        """Read all numbers, which no pass over the code may take for constants."""
        before, self.lines = self.lines, []
        stored = ", ".join(f"i64 {one}" for one in self._kept)
        self.globals.append(f"@numbers = private global [{len(self._kept)} x i64] [{stored}], align 8")
        for place, name in enumerate(self._kept.values()):
            vector = self.everywhere("@numbers", place)
            self.lines.append(f"  {name} = bitcast {self.double} {vector} to {self.double}")
        found, self.lines = self.lines, before
        return found

    def exp(self, x: str) -> str:
        """e^x: twice 2^f for the part f of the power of two that is not whole, times half of 2 to the whole part."""
        number = self.number
        power = self.arithmetic("mul", x, number(math.log2(math.e)))
        # 2^-1022 comes out as 0, twice 2^1023 as infinite
        power = self.select(self.compare("olt", power, number(-1022.0)), number(-1022.0), power)
        power = self.select(self.compare("ogt", power, number(1024.0)), number(1024.0), power)
        shifted = self.exact("add", power, number(ROUND + _EXPONENT - 1))
        f = self.exact("sub", power, self.exact("sub", shifted, number(ROUND + _EXPONENT - 1)))
        square = self.arithmetic("mul", f, f)
        part = self.fused(square, self.estrin(f, _EXP[1:]), self.fused(f, number(_EXP[0]), number(2.0)))
        scale = self.unbits(self.integers("shl", self.bits(shifted), self.whole(52)))
        return self.arithmetic("mul", part, scale)

    def log(self, x: str) -> str:
        """ln x; -infinity at 0, NaN below."""
        number, low = self.number, bits_of(math.sqrt(0.5))
        moved = self.integers("add", self.bits(x), self.whole(bits_of(1.0) - low))
        power = self.integers("or", self.integers("lshr", moved, self.whole(52)), self.whole(bits_of(2.0**52)))
        k = self.exact("sub", self.unbits(power), number(2.0**52 + _EXPONENT))
        rest = self.integers("and", moved, self.whole(2**52 - 1))
        f = self.exact("sub", self.unbits(self.integers("add", rest, self.whole(low))), number(1.0))
        s = self.arithmetic("div", f, self.exact("add", f, number(2.0)))
        z = self.arithmetic("mul", s, s)
        series = self.fused(z, self.estrin(z, _LOG), number(2.0))
        result = self.fused(k, number(math.log(2.0)), self.arithmetic("mul", s, series))
        # all bits of a truth value make a NaN
        wrong = self.integers("or", self.all_bits(self.compare("olt", x, number(0.0))), self.whole(bits_of(-math.inf)))
        result = self.select(self.compare("oge", x, number(_SMALLEST)), result, self.unbits(wrong))
        return self.select(self.compare("olt", x, number(math.inf)), result, x)

    def extreme(self, op: str, left: str, right: str, left_finite: bool) -> str:
        """The smaller or larger of two values; NaN if either is NaN."""
        chosen = super().extreme(op, left, right, True)
        if left_finite:
            return chosen
        missing = self.all_bits(self.compare("uno", left, left))
        return self.unbits(self.integers("or", self.bits(chosen), missing))

    def all_bits(self, truth: str) -> str:
        """Return integers all bits of which are a truth value."""
        return self.let(f"sext {self.truth} {truth} to {self.integer}")
