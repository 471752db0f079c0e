"""Numbers and safe years as words: medians with intervals, "never" and "or earlier" told as such."""

import numpy as np

from analysis.phase_out.exit import SafeYears
from analysis.phase_out.spread import Measure, spread
from analysis.phase_out.study import SafeExit
from stockflow.arrays import Array

BARE = {"", "1", "year", "probability"}  # units that are not written behind a number


def told(
    one: Measure,
    digits: int = 0,
    never: str = "never",
    scale: float = 1.0,
    unit: str | None = None,
    fifty: bool = True,
    sign: bool = False,
) -> str:
    """Median with intervals: "12 GW (50%: 10 to 14; 90%: 7 to 20)"; says in how many draws it is defined, if not all.

    `fifty` is whether the 50% interval is told, `sign` whether a plus is written.
    """
    s = one.spread
    if np.isnan(s.median):
        return "not defined in any draw"

    def text(value: float) -> str:
        return never if np.isinf(value) else number(value * scale, digits, sign)

    unit = one.unit if unit is None else unit
    body = text(s.median) + ("" if unit in BARE else "%" if unit == "%" else f" {unit}")
    if len({text(v) for v in (s.low90, s.median, s.high90)}) == 1:
        body += " in nearly all draws" if one.values.size > 1 else ""
    else:
        middle = f"50%: {text(s.low50)} to {text(s.high50)}; " if fifty else ""
        body += f" ({middle}90%: {text(s.low90)} to {text(s.high90)})"
    return body + ("" if s.defined == 1 else f" [defined in {often(s.defined)} of the draws]")


def brief(one: Measure, digits: int = 0, scale: float = 1.0) -> str:
    """Median with the 90% interval for a cell of a table: "12 [7-20]"; a dash where it is not defined."""
    s = one.spread
    if np.isnan(s.median):
        return "-"
    low, median, high = (
        "never" if np.isinf(v) else number(v * scale, digits) for v in (s.low90, s.median, s.high90)
    )  # fmt: skip
    return median if low == high else f"{median} [{low}-{high}]"


def number(value: float, digits: int = 0, sign: bool = False) -> str:
    """A number with `digits` decimals and no sign on a zero; thousands apart from ten thousand on."""
    rounded = round(value, digits) + 0.0
    plus = "+" if sign and rounded > 0 else ""
    return plus + (f"{rounded:.{digits}f}" if abs(rounded) < 10_000 else f"{rounded:,.{digits}f}")


def often(share: float) -> str:
    """A probability as a percentage that is 0% or 100% only where it is."""
    if 0 < share <= 0.005:
        return "under 1%"
    return "over 99%" if 0.995 <= share < 1 else f"{share:.0%}"


def capital(text: str) -> str:
    """The text with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]


def safe_words(one: SafeYears, asked: SafeExit, rule: bool) -> str:
    """When exits of one family are safe: over all draws, and as a distribution draw by draw.

    No safe start, a safe start with unsafe later ones, and safety from the first start tried on are told as what they
    are. `rule` is whether what safe means is told too.
    """
    first, last = float(one.starts[0]), float(one.starts[-1])
    s, never = spread(one.by_draw), float(np.isinf(one.by_draw).mean())

    def start(value: float) -> str:
        if np.isinf(value):
            return f"none to {last:g}"
        return f"{_later(value, one.starts):g}{' or earlier' if value == first else ''}"

    words = [capital(one.family) + ": " + over_all(one, asked)]
    if never == 1:
        words.append("In no draw does any start hold.")
    else:
        words.append(
            f"Draw by draw, the first start from which on the share holds: {start(s.median)} (50%: {start(s.low50)} to "
            f"{start(s.high50)}; 90%: {start(s.low90)} to {start(s.high90)})."
        )
        if never > 0:
            words.append(f"In {often(never)} of the draws no start up to {last:g} holds.")
    if rule:
        words.append(
            f"(Safe: in fewer than {asked.probability:.0%} of the draws the share over the last year, "
            f"{asked.years_after:g} years after the {asked.counted_from} of the exit, is below {asked.share_kept:g} "
            f"times that under continued support. With {one.kept.shape[1]} draws such a probability has a standard "
            f"error of {sampling_error(one, asked):.1%}.)"
        )
    return " ".join(words)


def over_all(one: SafeYears, asked: SafeExit) -> str:
    """From when on exits of one family are safe over all draws, and how often the start chosen fails."""
    first, last = one.starts[0], one.starts[-1]
    if np.isinf(one.year):
        least = int(np.argmin(one.failing))
        return (
            f"no start from {first:g} to {last:g} is safe; even the one from {one.starts[least]:g} fails in "
            f"{one.failing[least]:.1%} of the draws."
        )
    fails = f"fails in {one.failing[list(one.starts).index(one.year)]:.1%} of the draws"
    if one.year == first:
        return f"safe from {first:g}, the first start tried, or earlier ({fails}){_exceptions(one, asked)}."
    before = one.failing[list(one.starts).index(one.year) - 1]
    more = _exceptions(one, asked) + _close(one, asked)
    return f"safe from {one.year:g} on ({fails}, the start before in {before:.1%}){more}."


def sampling_error(one: SafeYears, asked: SafeExit) -> float:
    """Standard error of a probability as large as the one allowed, estimated from this number of draws."""
    return float((asked.probability * (1 - asked.probability) / one.kept.shape[1]) ** 0.5)


def _close(one: SafeYears, asked: SafeExit) -> str:
    """Name the earlier starts that these draws cannot tell from safe ones: within two standard errors."""
    most = asked.probability + 2 * sampling_error(one, asked)
    near = [f"{y:g}" for y, f in zip(one.starts, one.failing, strict=True) if y < one.year and f < most]
    return f"; {', '.join(near)} cannot be told from it with {one.kept.shape[1]} draws" if near else ""


def _exceptions(one: SafeYears, asked: SafeExit) -> str:
    if one.lasting:
        return ""
    bad = [f"{y:g}" for y, f in zip(one.starts, one.failing, strict=True) if y > one.year and f >= asked.probability]
    return f", but not from {', '.join(bad)}"


def _later(value: float, starts: Array) -> float:
    """The start at or after `value`: a quantile between two starts is no start."""
    return float(starts[min(int(np.searchsorted(starts, value - 1e-9)), len(starts) - 1)])
