"""A made-up technology for tests: ten years of cost and volume with support, and rules of sampling for plumbing."""

from __future__ import annotations

import math
from pathlib import Path

from calibration.fitting.targets import Sampling

HEADER = "series,year,value,unit,source"
FIRST, LAST = 2008, 2017
PLUMBING = Sampling(
    chains=2, tune=50, draws=50, keep=50, acceptance=0.8, largest_rhat=1e6, smallest_ess=0.01, most_divergent=0.99
)


def cost(year: int) -> float:
    """USD of 2020 per kWh: falls by 12% a year, with a wiggle of 8%."""
    since = year - FIRST
    return round(1000 * math.exp(-0.12 * since) * (1 + 0.08 * math.sin(2.1 * since)), 3)


def volume(year: int) -> float:
    """GWh a year: grows by 35% a year, against the wiggle of cost."""
    since = year - FIRST
    return round(2 * math.exp(0.3 * since) / (1 + 0.08 * math.sin(2.1 * since)), 3)


def table(first: int = FIRST, last: int = LAST) -> list[str]:
    """Rows of an observations file, the header first."""
    rows = [HEADER]
    for year in range(first, last + 1):
        rows.append(f"unit_cost,{year},{cost(year)},USD2020/kWh,made up")
        rows.append(f"annual_volume,{year},{volume(year)},GWh/year,made up")
    return rows


def written(path: Path, rows: list[str]) -> Path:
    """Write rows and return the file."""
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def edited(path: Path, old: str, new: str) -> None:
    """Replace a text that must stand in the file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def supported(folder: Path) -> None:
    """Give the technology support that ends, and a coarse clock that ends early."""
    edited(folder / "case.toml", "final_time = 2060.0", "final_time = 2030.0")
    edited(folder / "case.toml", "time_step = 0.0625", "time_step = 0.25")
    with (folder / "policy.csv").open("a", encoding="utf-8") as file:
        file.write("subsidy per unit,2008,100,USD2020/kWh,made up,assumed,\n")
        file.write("subsidy per unit,2020,0,USD2020/kWh,made up,assumed,\n")
