"""Numbers and safe years as words: medians with intervals, "never" and "or earlier" told as such."""

import numpy as np

from analysis.phase_out.exit import SafeYears, sampling_error, undecided
from analysis.phase_out.spread import Measure, spread
from analysis.phase_out.study import SafeExit
from analysis.plain.language import listed, sentence, sentences, term, worded
from analysis.plain.shown import capital
from analysis.plain.units import customary, decimals
from stockflow.arrays import Array

BARE = {"", "1", "year", "probability"}  # units that are not written behind a number


def told(
    one: Measure,
    digits: int = 0,
    never: str | None = None,
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
        return worded("not defined in any draw")

    stated = one.unit if unit is None else unit
    (factor, name), shown = customary(stated), decimals(digits, stated)

    def text(value: float) -> str:
        end = worded("never") if never is None else never
        return end if np.isinf(value) else number(value * scale * factor, shown, sign)

    body = text(s.median)
    if stated not in BARE:
        body = f"{body}%" if stated == "%" else worded("{value} {unit}", value=body, unit=name)
    if len({text(v) for v in (s.low90, s.median, s.high90)}) == 1:
        body = worded("{value} in nearly all draws", value=body) if one.values.size > 1 else body
    elif fifty:
        body = worded(
            "{value} (50%: {low50} to {high50}; 90%: {low90} to {high90})", value=body, low50=text(s.low50),
            high50=text(s.high50), low90=text(s.low90), high90=text(s.high90),
        )  # fmt: skip
    else:
        body = worded("{value} (90%: {low} to {high})", value=body, low=text(s.low90), high=text(s.high90))
    if s.defined == 1:
        return body
    return worded("{value} [defined in {often} of the draws]", value=body, often=often(s.defined))


def brief(one: Measure, digits: int = 0, scale: float = 1.0) -> str:
    """Median with the 90% interval for a cell of a table: "12 [7-20]"; a dash where it is not defined."""
    factor, shown = customary(one.unit)[0], decimals(digits, one.unit)
    s = one.spread
    if np.isnan(s.median):
        return "-"
    low, median, high = (
        worded("never") if np.isinf(v) else number(v * scale * factor, shown) for v in (s.low90, s.median, s.high90)
    )
    return median if low == high else f"{median} [{low}-{high}]"


def number(value: float, digits: int = 0, sign: bool = False) -> str:
    """A number with `digits` decimals and no sign on a zero; thousands apart from ten thousand on."""
    rounded = round(value, digits) + 0.0
    plus = "+" if sign and rounded > 0 else ""
    return plus + (f"{rounded:.{digits}f}" if abs(rounded) < 10_000 else f"{rounded:,.{digits}f}")


def often(share: float) -> str:
    """A probability as a percentage that is 0% or 100% only where it is."""
    if 0 < share <= 0.005:
        return worded("under 1%")
    return worded("over 99%") if 0.995 <= share < 1 else f"{share:.0%}"


def safe_words(one: SafeYears, asked: SafeExit, rule: bool) -> str:
    """When exits of one family are safe: over all draws, and as a distribution draw by draw.

    No safe start, a safe start with unsafe later ones, and safety from the first start tried on are told as what they
    are. `rule` is whether what safe means is told too.
    """
    first, last = float(one.starts[0]), float(one.starts[-1])
    s, never = spread(one.by_draw), float(np.isinf(one.by_draw).mean())

    def start(value: float) -> str:
        if np.isinf(value):
            return worded("none to {last:g}", last=last)
        year = _later(value, one.starts)
        return worded("{year:g} or earlier", year=year) if value == first else worded("{year:g}", year=year)

    words = [worded("{exit}: {said}", exit=capital(term(one.family)), said=over_all(one, asked))]
    if never == 1:
        words.append(worded("In no draw does any start hold."))
    else:
        words.append(
            worded(
                "Draw by draw, the first start from which on the share holds: {median} (50%: {low50} to {high50}; 90%: "
                "{low90} to {high90}).",
                median=start(s.median), low50=start(s.low50), high50=start(s.high50), low90=start(s.low90),
                high90=start(s.high90),
            )
        )  # fmt: skip
        if never > 0:
            words.append(
                worded("In {often} of the draws no start up to {last:g} holds.", often=often(never), last=last)
            )
    if rule:
        words.append(
            worded(
                "(Safe: in fewer than {probability:.0%} of the draws the share over the last year, {years:g} years "
                "after the {place} of the exit, is below {kept:g} times that under continued support. With {draws} "
                "draws such a probability has a standard error of {error:.1%}.)",
                probability=asked.probability, years=asked.years_after, place=term(asked.counted_from),
                kept=asked.share_kept, draws=(draws := one.kept.shape[1]),
                error=sampling_error(asked.probability, draws),
            )
        )  # fmt: skip
    return sentences(words)


def over_all(one: SafeYears, asked: SafeExit) -> str:
    """From when on exits of one family are safe over all draws, and how often the start chosen fails."""
    first, last = one.starts[0], one.starts[-1]
    if np.isinf(one.year):
        least = int(np.argmin(one.failing))
        return worded(
            "no start from {first:g} to {last:g} is safe; even the one from {year:g} fails in {fails:.1%} of the "
            "draws.",
            first=first, last=last, year=one.starts[least], fails=one.failing[least],
        )  # fmt: skip
    fails = one.failing[list(one.starts).index(one.year)]
    if one.year == first:
        said = worded(
            "safe from {first:g}, the first start tried, or earlier (fails in {fails:.1%} of the draws)",
            first=first, fails=fails,
        )  # fmt: skip
        return sentence(said + _exceptions(one, asked))
    said = worded(
        "safe from {year:g} on (fails in {fails:.1%} of the draws, the start before in {before:.1%})",
        year=one.year, fails=fails, before=one.failing[list(one.starts).index(one.year) - 1],
    )  # fmt: skip
    return sentence(said + _exceptions(one, asked) + _close(one, asked))


def _close(one: SafeYears, asked: SafeExit) -> str:
    """Name the other starts that, as far as these draws can tell, may be the first safe one."""
    draws = one.kept.shape[1]
    earliest, latest = undecided(one.starts, one.failing, draws, asked.probability)
    near = [f"{year:g}" for year in one.starts if earliest <= year <= latest and year != one.year]
    if not near:
        return ""
    return worded("; {years} cannot be told from it with {draws} draws", years=listed(near), draws=draws)


def _exceptions(one: SafeYears, asked: SafeExit) -> str:
    if one.lasting:
        return ""
    bad = [f"{y:g}" for y, f in zip(one.starts, one.failing, strict=True) if y > one.year and f >= asked.probability]
    return worded(", but not from {years}", years=listed(bad))


def _later(value: float, starts: Array) -> float:
    """The start at or after `value`: a quantile between two starts is no start."""
    return float(starts[min(int(np.searchsorted(starts, value - 1e-9)), len(starts) - 1)])
