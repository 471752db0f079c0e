"""`techcycle paths` and `techcycle latecomers`: stages dated, and who came later."""

from collections.abc import Sequence
from pathlib import Path

import click

from analysis.commands.shared import FILE, JSON, OUT, SOME_CASES, folder_of, say
from analysis.draws.stages import STAGES
from analysis.paths.chapter import drawn_cases, tell_followers, tell_forward, tell_stages
from analysis.paths.figures import race_figure
from analysis.paths.forward import check_forward
from analysis.paths.latecomers import DRAWS, follow
from analysis.paths.study import STUDY, PathStudy
from analysis.plain.language import term, worded
from analysis.plain.shown import records, screen, text, when
from models.case import CASES, load_case
from models.latecomer import load_latecomers
from stockflow.commands.console import Whole


@click.command("paths")
@SOME_CASES
@click.option("--draws", type=Whole(2, 100_000), help="Posterior draws; default: the study's.")
@click.option("--study", type=FILE, default=STUDY, help="Study file (TOML) instead of the shipped.")
@click.option("--ahead/--no-ahead", default=True, show_default=True, help="Also run worlds and policies to 2060.")
@OUT
@JSON
def paths(cases: Sequence[str], draws: int | None, study: Path, ahead: bool, out: Path, as_json: bool) -> None:
    """Date the stages from discovery to large-scale industry; default: all four industries.

    Over draws of each accepted posterior: years from every clock to every stage with 90% intervals and the share of
    draws within 25-35 years; the same for some 200 other technologies; latecomers against leaders, from discovery and
    from their own entry; runs to 2060 under named worlds and policies. A technology of your own counts from the
    clocks that its case.toml states and from the start of its run. Tables and figures go to OUT, those of a technology
    of your own to its folder.

    \b
    Example:
      techcycle paths nev pv --draws 100
    """
    settings = PathStudy.load(study)
    wanted = list(dict.fromkeys(load_case(c).name for c in cases)) or list(CASES)
    folder = folder_of(wanted, out)
    of = drawn_cases(wanted, settings, draws)
    load_latecomers(settings.race)
    for case in of if ahead else ():
        if case in settings.forward:
            check_forward(case, of[case].model, settings)
    folder.prepare()
    stages, dated = tell_stages(of, settings, folder)
    late = tell_followers(dated, of, settings, folder, draws)
    parts = {"stages": stages(), "latecomers": late()}
    if ahead:
        parts["ahead"] = tell_forward(of, settings, folder)()
    table = parts["stages"].tables["durations"]
    rows = table[["case", "clock"]].drop_duplicates()
    wide = table.pivot(index=["case", "clock"], columns="stage", values="years").loc[list(map(tuple, rows.to_numpy()))]
    wide = wide.reindex(columns=list(STAGES)).round(1).rename(index=term, columns=term)
    wide = wide.rename_axis(index=[term("case"), term("clock")], columns=term("stage"))
    say(
        as_json,
        {name: one.record() for name, one in parts.items()},
        worded("Years from each clock to each stage, medians (intervals: results/paths.csv):"),
        screen(wide, na_rep="-", float_format=lambda v: when(v, ".1f")),
        "\n" + worded("Years between dated stages of other technologies (calibration/data/technology_timelines.csv):"),
        text(parts["stages"].tables["published"]),
        *("\n" + "\n".join(one.words) for one in parts.values() if one.words),
        "\n"
        + worded(
            "Tables are in {results}, figures in {figures}.",
            results=folder.root / "results",
            figures=folder.root / "figures",
        ),
    )


@click.command("latecomers")
@click.argument("name", default="dram")
@click.option("--draws", type=Whole(1, 1000), default=DRAWS, show_default=True, help="Draws of the leader's posterior.")
@click.option("--figure", type=FILE, help="Also draw the shares: FIGURE.png, .svg and .csv.")
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
    tables = {worded("Share of the market"): answer.shares, worded("Stages"): answer.stages}
    say(
        as_json,
        {"shares": records(answer.shares), "stages": records(answer.stages), "share_error": answer.share_error,
         "basis": answer.basis},
        *(f"{title}\n{text(table.round(2))}\n" for title, table in tables.items()),
        term(answer.basis),
        worded("Root mean square error of the shares: {error:.2f}", error=answer.share_error),
    )  # fmt: skip
