"""The command `stockflow loops`: which feedback loops do what a model does, and when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from stockflow.arrays import Array
from stockflow.commands.console import Whole, deliver, settings, table
from stockflow.commands.options import DIGITS, FILE, JSON, METHOD, PATH, SAVE, SET, UNTIL, loaded
from stockflow.files import check_ending
from stockflow.insight.loop_scores import periods
from stockflow.language.equations import Method

if TYPE_CHECKING:
    import xarray as xr

_DOMINANT = 0.5
_ALL_ONE_WAY = 0.99


@click.command()
@FILE
@SET
@UNTIL
@SAVE
@METHOD
@click.option("--top", type=Whole(1), default=20, show_default=True, help="Loops to list.")
@click.option("--out", type=PATH, help="CSV to write: loop, time and the scores.")
@JSON
def loops(
    file: Path,
    pairs: Sequence[str],
    until: float | None,
    save_period: float | None,
    method: Method | None,
    top: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say which feedback loops do what FILE does, and when (Loops That Matter).

    Scored are the shortest independent loops. A share is a loop's part in all that loops of its group do,
    a mean over every time step; groups do not act on each other. A loop dominates where its share is one
    half or more. R acts as a reinforcing loop, B as a balancing one, U as both.

    \b
    Example:
      stockflow loops model.mdl --until 2030 --top 5
    """
    check_ending(out, ".csv")
    scores = loaded(file).loop_scores(
        {name: [value] for name, value in settings(pairs).items()}, None, until, save_period, method=method
    )
    rows = _rows(scores)
    if out is not None:
        values = scores[["score", "relative_score", "mean_relative_score", "mean_share"]].isel(run=0)
        deliver([values.reset_coords(drop=True).to_dataframe(["loop", "time"]).to_csv(float_format=DIGITS)], out)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    lines = [("group", "share", "acts", "dominates", "loop")]
    for row in rows[:top]:
        stretches = ", ".join(f"{first:g}-{last:g}" for first, last in row["dominates"]) or "-"
        lines.append((str(row["group"]), f"{row['share']:.1%}", row["acts"], stretches, row["loop"]))
    click.echo(table(lines), nl=False)
    if len(rows) > top:
        click.echo(f"and {len(rows) - top} loops more, with at most {rows[top]['share']:.1%}")


def _rows(scores: xr.Dataset) -> list[dict[str, Any]]:
    """One row for each loop, those of a group together, the largest mean share first."""
    times = scores["time"].to_numpy()
    weights = np.diff(times, prepend=times[0])
    share, signed = (
        scores[name].isel(run=0).transpose("loop", "time").to_numpy() for name in ("mean_share", "mean_relative_score")
    )
    names, members, partition = (scores[name].to_numpy() for name in ("loop", "members", "partition"))
    rows = [
        {
            "loop": str(name),
            "members": str(members[place]).split(" -> "),
            "group": int(partition[place]),
            "share": float(np.average(share[place], weights=weights)),
            "acts": _acts(signed[place], share[place]),
            "dominates": periods(times, share[place] >= _DOMINANT),
        }
        for place, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: (row["group"], -row["share"]))


def _acts(signed: Array, share: Array) -> str:
    """R or B where all but a hundredth of what the loop does goes one way, U otherwise, - without any."""
    total = float(share.sum())
    if not total > 0.0:
        return "-"
    rising = (1.0 + float(signed.sum()) / total) / 2.0
    return "R" if rising >= _ALL_ONE_WAY else "B" if rising <= 1.0 - _ALL_ONE_WAY else "U"
