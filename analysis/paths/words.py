"""What the paths say, in sentences."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.draws.stages import LARGE, PRODUCT
from analysis.paths.durations import Dated, means
from analysis.paths.latecomers import LATECOMER, LEADER
from analysis.paths.study import PathStudy
from analysis.plain.shown import when
from models.case import load_case

END = "10% of the market"


def path_words(paths: Sequence[Dated], table: pd.DataFrame, study: PathStudy) -> list[str]:
    """Say when each industry got where, against what is observed, and what the clock does to the 25-35 years."""
    low, high = study.window
    window = f"{low:g}-{high:g} years"
    words = [_industry(path, table[(table["case"] == path.case)], window) for path in paths]
    words += [line for path in paths if (line := _order(path))]
    words += [
        f"Mean over {row['industries']} industries to {END}, from the {row['clock']} clock of each: "
        f"{_years(row['years'], row['years low'], row['years high'])}; {row['in window']:.0%} of draws within {window}."
        for row in means(paths, study.window).to_dict("records")
    ]
    known = table.dropna(subset=["in window"])
    some = known[known["in window"] >= 0.5]
    words.append(
        f"Of {len(known)} pairs of clock and stage that the model dates, {len(some)} have most draws within {window}: "
        "the figure is a choice of clock as much as a property of technologies."
    )
    return words


def _industry(path: Dated, table: pd.DataFrame, window: str) -> str:
    part = table[table["stage"] == LARGE]
    if path.already(LARGE):
        return f"{path.title}: {END} before the model starts."
    dates = _date(path.spread(LARGE), path.posterior)
    seen = path.about.observed.get(LARGE)
    told = [
        f"{_years(row['years'], row['years low'], row['years high'])} from {row['clock']} ({row['clock year']:g}; "
        f"{row['in window']:.0%} of draws within {window})"
        for row in part.to_dict("records")
    ]
    observed = f", observed {seen:.1f}" if seen is not None else ""
    return f"{path.title}: {END} in {dates}{observed} ({path.basis}): {'; '.join(told)}."


def _order(path: Dated) -> str:
    """Say if an industry sells before it has a product."""
    if path.already(PRODUCT) or path.already(LARGE):
        return ""
    early = float((path.of(LARGE) < path.of(PRODUCT)).mean())
    return f"{path.title}: in {early:.0%} of draws {END} comes before the first product." if early > 0 else ""


def published_words(table: pd.DataFrame, placed: pd.DataFrame, study: PathStudy) -> list[str]:
    """Say what other technologies took, and where the industries stand among them."""
    low, high = study.window
    column = f"share within {low:g}-{high:g}"
    words = []
    for start, end in (("first commercial", "mass market"), ("invention", "mass market")):
        pair = table[(table["from"] == start) & (table["to"] == end)].iloc[0]
        words.append(
            f"Other technologies, {start} to {end}: median {pair['median']:.0f} years, half of them "
            f"{pair['lower quartile']:.0f} to {pair['upper quartile']:.0f} ({pair['technologies']} technologies); "
            f"{pair[column]:.0%} within {low:g}-{high:g}. Those whose end is not dated ({pair['end not dated']}) "
            "are not in it."
        )
    return words + [
        f"{load_case(row['case']).title}: {_years(row['years'], row['years low'], row['years high'])} from first "
        f"product to {END}; {row['quicker']:.0%} of {row['technologies']} other technologies took no longer from first "
        "sale to takeoff."
        for row in placed.to_dict("records")
    ]


def follower_words(clocks: pd.DataFrame, alone: Sequence[pd.DataFrame]) -> list[str]:
    """Say who was quicker on which clock, and what a latecomer owes to those before it."""
    large = clocks[(clocks["stage"] == LARGE) & np.isfinite(clocks["year"].astype(float))]
    leaders, late = large[large["role"] == LEADER], large[large["role"] == LATECOMER]
    words = []
    if len(leaders) and len(late):
        for column, told in (("from discovery", "from discovery"), ("from entry", "from their own entry")):
            lead = ", ".join(f"{row['who']} {row[column]:.0f}" for row in leaders.to_dict("records"))
            follow = ", ".join(f"{row['who']} {row[column]:.0f}" for row in late.to_dict("records"))
            words.append(f"Years to {END} {told}: latecomers {follow}; leaders {lead}.")
        words.append(
            "Only memory chips have a leader and followers in one industry; the others are set side by side and differ "
            "in much besides."
        )
        chips = leaders[leaders["who"].str.contains("circuits")]
        words += [_late(row, chips.iloc[0]) for row in late.to_dict("records") if row["who"].startswith("Memory")]
    for table in alone:
        row = table[table["stage"] == LARGE].iloc[0]
        words.append(
            f"{load_case(row['case']).title}: with {row['without']}, {END} comes {row['years later']:.1f} years later "
            f"({row['low']:.1f} to {row['high']:.1f})."
        )
    return words


def _late(row: Mapping[Hashable, Any], leader: pd.Series) -> str:
    """Compare a follower with the leader of its own industry on both clocks, by 90% intervals."""

    def against(column: str) -> str:
        if row[f"{column} low"] > leader["from discovery high"]:
            return "later"
        return "earlier" if row[f"{column} high"] < leader["from discovery low"] else "not told apart"

    return (
        f"{row['who']} against its leader, years to {END}: {against('from discovery')} counted from discovery "
        f"({row['from discovery']:.0f} against {leader['from discovery']:.0f}), {against('from entry')} counted from "
        f"its own entry in {row['entry']:.0f} ({row['from entry']:.0f})."
    )


def forward_words(tables: Mapping[str, pd.DataFrame], study: PathStudy) -> list[str]:
    """Say what the runs ahead are and what they span."""
    words = [
        "Runs ahead: no observation after 2023 tests them, and forecasts from past years lose to simple curves on "
        "several series, so read differences between worlds and policies rather than levels. Bands hold what the "
        "posterior leaves open, not what the equations may have wrong."
    ]
    for case, table in tables.items():
        first = str(table["quantity"].iloc[0])
        for year in dict.fromkeys([table["year"].iloc[0], table["year"].max()]):
            words.append(_ahead(case, first, table[(table["quantity"] == first) & (table["year"] == year)]))
        changes = (*study.forward[case].scenarios.items(), *study.forward[case].policies.items())
        words += [f"{load_case(case).title}, {name}: {one.not_counted}." for name, one in changes if one.not_counted]
    return words


def _ahead(case: str, quantity: str, part: pd.DataFrame) -> str:
    """Say one quantity of one year: as expected and decided, and between which worlds and policies medians lie."""
    expected = part.iloc[0]
    ordered = part.sort_values("median")
    least, most = ordered.iloc[0], ordered.iloc[-1]
    unit = "" if expected["unit"] == "1" else f" {expected['unit']}"
    return (
        f"{load_case(case).title}: {quantity} in {expected['year']:.0f}: {_number(expected['median'])}{unit} "
        f"({_number(expected['low'])} to {_number(expected['high'])}) {expected['scenario']} and {expected['policy']}; "
        f"over worlds and policies medians go from {_number(least['median'])} ({least['scenario']}, {least['policy']}) "
        f"to {_number(most['median'])} ({most['scenario']}, {most['policy']})."
    )


def _years(middle: float, low: float, high: float) -> str:
    if not np.isfinite(middle):
        return "never within the run"
    if low == high:
        return f"{middle:.1f} years"
    return f"{middle:.1f} years ({low:.1f} to {when(high, '.1f')})"


def _date(spread: tuple[float, float, float], interval: bool) -> str:
    low, middle, high = spread
    if not np.isfinite(middle):
        return "no year of the run"
    return f"{middle:.1f} ({low:.1f} to {when(high, '.1f')})" if interval else f"{middle:.1f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
