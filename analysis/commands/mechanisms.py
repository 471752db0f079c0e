"""Commands about mechanisms: `loops`, `barriers`, `instruments`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pandas as pd

from analysis.commands.shared import CASE, FILE, JSON, OUT, SOME_CASES, say
from analysis.mechanisms.chapter import tell_barriers, tell_instruments, tell_loops
from analysis.mechanisms.instrument_study import STUDY as INSTRUMENTS
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.loop_study import STUDY as LOOPS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.shown import Told, text
from models.case import CASES, load_case
from stockflow.commands.console import Whole

_DRAWS = click.option("--draws", type=Whole(2, 2000), help="Posterior draws; default: the study's.")


def _for_cases(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command over several cases its argument and options."""
    study = click.option("--study", type=FILE, default=INSTRUMENTS, help="Study file (TOML) of instruments.")
    for one in (JSON, OUT, _DRAWS, study, SOME_CASES):
        command = one(command)
    return command


@click.command()
@CASE
@click.option("--study", type=FILE, default=LOOPS, help="Study file (TOML) instead of the shipped.")
@_DRAWS
@OUT
@JSON
def loops(case: str, study: Path, draws: int | None, out: Path, as_json: bool) -> None:
    """Say which feedback loops carry CASE, year by year, and what each is worth, over posterior draws.

    Loops That Matter gives the share of every named loop in what the model does, with the probability that it
    is the strongest or dominates; learning is held against support, with the year in which it takes over, or
    that it does not; each loop is cut in the same draws. Tables and figures go to OUT.

    \b
    Example:
      techcycle loops nev --draws 100
    """
    case, folder = load_case(case).name, Folder(out).prepare()
    told = tell_loops(case, LoopStudy.load(study), folder, draws)()
    table = told.tables["loops"]
    best = table[table["strongest"] >= 0.2].sort_values(["year", "strongest"], ascending=[True, False])
    columns = ["year", "loop", "share", "low", "high", "strongest", "dominates alone", "in smallest set"]
    head = worded("Strongest loops by year (probability over draws of being the strongest, of dominating alone)")
    _say(as_json, told, f"\n{head}", text(best[columns].round(3)))


@click.command()
@_for_cases
def barriers(cases: Sequence[str], study: Path, draws: int | None, out: Path, as_json: bool) -> None:
    """Say how long each industry waited at Devil's River, the Valley of Death and the Darwinian Sea, and why.

    Dates and losses of each barrier, and how many years each policy meant for it saves, over posterior draws;
    default: all four industries.
    """
    told = tell_barriers(_cases(cases), InstrumentStudy.load(study), Folder(out).prepare(), draws)()
    columns = ["case", "barrier", "begins", "crossed", "years", "years, low", "years, high", "lost", "crosses"]
    _say(as_json, told, "\n" + text(told.tables["waits"][columns].round(2)))


@click.command()
@_for_cases
def instruments(cases: Sequence[str], study: Path, draws: int | None, out: Path, as_json: bool) -> None:
    """Try every policy instrument at half, half as much again, off or on, in each industry.

    Effects on stage years, cost, price, adoption and public money, over posterior draws; what rests on
    assumption is marked, what an industry lacks is listed; default: all four industries.
    """
    told = tell_instruments(_cases(cases), InstrumentStudy.load(study), Folder(out).prepare(), draws)()
    _say(as_json, told, *("\n" + text(wide_table(table)) for table in told.tables.values()))


def wide_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each instrument and change, medians of the outcomes in columns; shares in percent."""
    rows = table.dropna(subset=["outcome"])
    keys = ["case", "instrument", "setting", "assumption", "outcome"]
    wide = rows.set_index(keys)["effect"].unstack(sort=False)
    wide = wide.loc[:, ~wide.columns.str.startswith(("years to river", "years to share 1%", "years to share 20%"))]
    shares = [name for name in wide.columns if not name.startswith("years")]
    wide[shares] = 100 * wide[shares]
    heads = {name: worded("{name} ({place})", name=term(name), place="%") for name in shares}
    return wide.rename(columns=heads).round(2).reset_index()


def _cases(cases: Sequence[str]) -> list[str]:
    return [load_case(case).name for case in cases] or list(CASES)


def _say(as_json: bool, told: Told, *lines: str) -> None:
    tables = told.record()
    data = {"words": tables.pop("words"), "figures": [str(stem) for stem in told.stems], **tables}
    say(as_json, data, *told.words, *lines)
