"""What the paths say, in sentences."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.draws.stages import LARGE, PRODUCT
from analysis.paths.durations import Dated, means
from analysis.paths.latecomers import LATECOMER, LEADER
from analysis.paths.study import PathStudy
from analysis.plain.language import listed, marked, one_by_one, term, worded
from analysis.plain.shown import when
from analysis.plain.units import customary
from models.case import load_case


def path_words(paths: Sequence[Dated], table: pd.DataFrame, study: PathStudy) -> list[str]:
    """Say when each industry got where, against what is observed, and what the clock does to the 25-35 years."""
    low, high = study.window
    window = worded("{low:g}-{high:g} years", low=low, high=high)
    words = [_industry(path, table[(table["case"] == path.case)], window) for path in paths]
    words += [line for path in paths if (line := _order(path))]
    words += [
        worded(
            "Mean over {industries} industries to 10% of the market, from the {clock} clock of each: {years}; "
            "{inside:.0%} of draws within {window}.",
            industries=row["industries"], clock=term(row["clock"]), inside=row["in window"], window=window,
            years=_years(row["years"], row["years low"], row["years high"]),
        )
        for row in means(paths, study.window).to_dict("records")
    ]  # fmt: skip
    words.append(choice_words(table, study))
    return words


def choice_words(table: pd.DataFrame, study: PathStudy) -> str:
    """Say how many pairs of clock and stage have most draws within the years of the paper."""
    known = table.dropna(subset=["in window"])
    some = known[known["in window"] >= 0.5]
    low, high = study.window
    return worded(
        "Of {known} pairs of clock and stage that the model dates, {some} have most draws within {window}: the figure "
        "is a choice of clock as much as a property of technologies.",
        known=len(known), some=len(some), window=worded("{low:g}-{high:g} years", low=low, high=high),
    )  # fmt: skip


def _industry(path: Dated, table: pd.DataFrame, window: str) -> str:
    part = table[table["stage"] == LARGE]
    if path.already(LARGE):
        return worded("{case}: 10% of the market before the model starts.", case=term(path.title))
    dates = _date(path.spread(LARGE), path.posterior)
    seen = path.about.observed.get(LARGE)
    told = [
        worded(
            "{years} from {clock} ({year:g}; {inside:.0%} of draws within {window})",
            years=_years(row["years"], row["years low"], row["years high"]), clock=term(row["clock"]),
            year=row["clock year"], inside=row["in window"], window=window,
        )
        for row in part.to_dict("records")
    ]  # fmt: skip
    observed = worded(", observed {year:.1f}", year=seen) if seen is not None else ""
    return worded(
        "{case}: 10% of the market in {dates}{observed} ({basis}): {each}.",
        case=term(path.title), dates=dates, observed=observed, basis=term(path.basis), each=one_by_one(told),
    )  # fmt: skip


def _order(path: Dated) -> str:
    """Say if an industry sells before it has a product."""
    if path.already(PRODUCT) or path.already(LARGE):
        return ""
    early = float((path.of(LARGE) < path.of(PRODUCT)).mean())
    if early == 0:
        return ""
    return worded(
        "{case}: in {early:.0%} of draws 10% of the market comes before the first product.",
        case=term(path.title),
        early=early,
    )


def published_words(table: pd.DataFrame, placed: pd.DataFrame, study: PathStudy) -> list[str]:
    """Say what other technologies took, and where the industries stand among them."""
    low, high = study.window
    column = f"share within {low:g}-{high:g}"
    words = []
    for start, end in (("first commercial", "mass market"), ("invention", "mass market")):
        pair = table[(table["from"] == start) & (table["to"] == end)].iloc[0]
        words.append(
            worded(
                "Other technologies, {start} to {end}: median {median:.0f} years, half of them {lower:.0f} to "
                "{upper:.0f} ({count} technologies); {inside:.0%} within {low:g}-{high:g}. Those whose end is "
                "not dated ({undated}) are not in it.",
                start=term(start), end=term(end), median=pair["median"], lower=pair["lower quartile"],
                upper=pair["upper quartile"], count=pair["technologies"], inside=pair[column], low=low, high=high,
                undated=pair["end not dated"],
            )
        )  # fmt: skip
    return words + [
        worded(
            "{case}: {years} from first product to 10% of the market; {quicker:.0%} of {count} other technologies took "
            "no longer from first sale to takeoff.",
            case=_title(row["case"]), years=_years(row["years"], row["years low"], row["years high"]),
            quicker=row["quicker"], count=row["technologies"],
        )
        for row in placed.to_dict("records")
    ]  # fmt: skip


def follower_words(clocks: pd.DataFrame, alone: Sequence[pd.DataFrame]) -> Iterator[str]:
    """Say who was quicker on which clock, and what a latecomer owes to those before it."""
    large = clocks[(clocks["stage"] == LARGE) & np.isfinite(clocks["year"].astype(float))]
    leaders, late = large[large["role"] == LEADER], large[large["role"] == LATECOMER]
    if len(leaders) and len(late):
        counted = {
            "from discovery": marked("Years to 10% of the market from discovery: latecomers {late}; leaders {lead}."),
            "from entry": marked("Years to 10% of the market from their own entry: latecomers {late}; leaders {lead}."),
        }
        for column, said in counted.items():
            lead, follow = (
                listed(
                    worded("{who} {years:.0f}", who=term(row["who"]), years=row[column])
                    for row in part.to_dict("records")
                )
                for part in (leaders, late)
            )
            yield worded(said, late=follow, lead=lead)
        yield worded(
            "Only memory chips have a leader and followers in one industry; the others are set side by side and "
            "differ in much besides."
        )
        chips = leaders[leaders["who"].str.contains("circuits")]
        yield from [_late(row, chips.iloc[0]) for row in late.to_dict("records") if row["who"].startswith("Memory")]
    for table in alone:
        row = table[table["stage"] == LARGE].iloc[0]
        yield worded(
            "{case}: with {without}, 10% of the market comes {years:.1f} years later ({low:.1f} to {high:.1f}).",
            case=_title(row["case"]), without=term(row["without"]), years=row["years later"], low=row["low"],
            high=row["high"],
        )  # fmt: skip


def _late(row: Mapping[Hashable, Any], leader: pd.Series) -> str:
    """Compare a follower with the leader of its own industry on both clocks, by 90% intervals."""

    def against(column: str) -> str:
        if row[f"{column} low"] > leader["from discovery high"]:
            return worded("later")
        return worded("earlier") if row[f"{column} high"] < leader["from discovery low"] else worded("not told apart")

    return worded(
        "{who} against its leader, years to 10% of the market: {first} counted from discovery ({own:.0f} against "
        "{other:.0f}), {second} counted from its own entry in {entry:.0f} ({since:.0f}).",
        who=term(row["who"]), first=against("from discovery"), own=row["from discovery"],
        other=leader["from discovery"], second=against("from entry"), entry=row["entry"], since=row["from entry"],
    )  # fmt: skip


def forward_words(tables: Mapping[str, pd.DataFrame], study: PathStudy) -> Iterator[str]:
    """Say what the runs ahead are and what they span."""
    yield worded(
        "Runs ahead: no observation after 2023 tests them, and forecasts from past years lose to simple curves on "
        "several series, so read differences between worlds and policies rather than levels. Bands hold what the "
        "posterior leaves open, not what the equations may have wrong."
    )
    for case, table in tables.items():
        first = str(table["quantity"].iloc[0])
        for year in dict.fromkeys([table["year"].iloc[0], table["year"].max()]):
            yield _ahead(case, first, table[(table["quantity"] == first) & (table["year"] == year)])
        changes = (*study.forward[case].scenarios.items(), *study.forward[case].policies.items())
        yield from [
            worded("{case}, {name}: {why}.", case=_title(case), name=term(name), why=term(one.not_counted))
            for name, one in changes
            if one.not_counted
        ]


def _ahead(case: str, quantity: str, part: pd.DataFrame) -> str:
    """Say one quantity of one year: as expected and decided, and between which worlds and policies medians lie."""
    expected = part.iloc[0]
    ordered = part.sort_values("median")
    least, most = ordered.iloc[0], ordered.iloc[-1]
    factor, unit = customary(expected["unit"])
    values = {name: factor * expected[name] for name in ("median", "low", "high")}
    middle = _number(values["median"])
    return worded(
        "{case}: {quantity} in {year:.0f}: {value} ({low} to {high}) {world} and {policy}; over worlds and policies "
        "medians go from {least} ({least_world}, {least_policy}) to {most} ({most_world}, {most_policy}).",
        case=_title(case), quantity=term(quantity), year=expected["year"], low=_number(values["low"]),
        value=middle if expected["unit"] == "1" else worded("{value} {unit}", value=middle, unit=unit),
        high=_number(values["high"]), world=term(expected["scenario"]), policy=term(expected["policy"]),
        least=_number(factor * least["median"]), least_world=term(least["scenario"]),
        least_policy=term(least["policy"]), most=_number(factor * most["median"]), most_world=term(most["scenario"]),
        most_policy=term(most["policy"]),
    )  # fmt: skip


def _title(case: str) -> str:
    return term(load_case(case).title)


def _years(middle: float, low: float, high: float) -> str:
    if not np.isfinite(middle):
        return worded("never within the run")
    if low == high:
        return worded("{years:.1f} years", years=middle)
    return worded("{years:.1f} years ({low:.1f} to {high})", years=middle, low=low, high=when(high, ".1f"))


def _date(spread: tuple[float, float, float], interval: bool) -> str:
    low, middle, high = spread
    if not np.isfinite(middle):
        return worded("no year of the run")
    if not interval:
        return f"{middle:.1f}"
    return worded("{year:.1f} ({low:.1f} to {high})", year=middle, low=low, high=when(high, ".1f"))


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
