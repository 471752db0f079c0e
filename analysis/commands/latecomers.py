"""The command `techcycle latecomers`."""

from pathlib import Path

import click

from analysis.commands.shared import JSON, say
from analysis.paths.figures import race_figure
from analysis.paths.latecomers import DRAWS, follow
from analysis.plain.shown import records
from stockflow.commands.console import Whole


@click.command("latecomers")
@click.argument("name", default="dram")
@click.option("--draws", type=Whole(1, 1000), default=DRAWS, show_default=True,
              help="Draws of the leader's posterior.")  # fmt: skip
@click.option("--figure", type=click.Path(path_type=Path), help="Also draw the shares: FIGURE.png, .svg and .csv.")
@JSON
def latecomers_command(name: str, draws: int, figure: Path | None, as_json: bool) -> None:
    """Run the latecomers of NAME (dram: Japan and Korea) against the run of their leader.

    Prints shares of the market beside those observed, and stage dates counted from discovery and from industrial
    entry. Intervals are those of the leader's accepted posterior, one run without interval where there is none; what a
    follower's file says is taken as it stands.

    \b
    Example:
      techcycle latecomers dram --draws 40
    """
    answer = follow(name, draws)
    if figure is not None:
        race_figure(answer, figure)
    tables = {"Share of the market": answer.shares, "Stages": answer.stages}
    say(
        as_json,
        {"shares": records(answer.shares), "stages": records(answer.stages), "share_error": answer.share_error,
         "basis": answer.basis},
        *(f"{title}\n{table.round(2).to_string(index=False)}\n" for title, table in tables.items()),
        answer.basis,
        f"Root mean square error of the shares: {answer.share_error:.2f}",
    )  # fmt: skip
