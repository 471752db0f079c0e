"""Paths run, saved and told: tables, words and figures for the command and the report."""

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.draws.runs import Drawn, drawn
from analysis.paths import figures
from analysis.paths.durations import Dated, date_path, durations, means, places, published_durations
from analysis.paths.forward import future_table, futures
from analysis.paths.latecomers import Following, alone, follow, two_clocks
from analysis.paths.study import PathStudy
from analysis.paths.words import follower_words, forward_words, path_words, published_words
from analysis.plain.folder import Folder
from analysis.plain.language import term, worded
from analysis.plain.progress import each
from analysis.plain.shown import Tell, Told
from models.case import load_case


def drawn_cases(cases: Sequence[str], study: PathStudy, draws: int | None = None) -> dict[str, Drawn]:
    """Return draws of the accepted posterior of each case, `draws` of them or as many as the study says."""
    return {case: drawn(case, draws or study.draws) for case in cases}


def tell_stages(of: Mapping[str, Drawn], study: PathStudy, folder: Folder) -> tuple[Tell, list[Dated]]:
    """Date the stages of the cases, compare durations with those of other technologies; save tables.

    Returns what words and draws them, and the dates.
    """
    paths = [date_path(one, study) for one in of.values()]
    table, published, placed = durations(paths, study), published_durations(study.window), places(paths)
    averages = means(paths, study.window)
    for name, one in (("paths", table), ("published_durations", published), ("paths_places", placed),
                      ("paths_means", averages)):  # fmt: skip
        folder.table(f"{name}.csv", one)
    tables = {"durations": table, "means": averages, "published": published, "places": placed}

    def told() -> Told:
        stems = folder.figure("clocks"), folder.figure("paths"), folder.figure("durations")
        figures.clock_figure(table, published, study, stems[0])
        figures.industry_paths(paths, study, stems[1])
        figures.duration_matrix(table, study, stems[2])
        words = path_words(paths, table, study) + published_words(published, placed, study)
        return Told(tuple(words), tables, stems)

    return told, paths


def tell_followers(
    paths: Sequence[Dated], of: Mapping[str, Drawn], study: PathStudy, folder: Folder, draws: int | None = None
) -> Tell:
    """Put latecomers beside leaders on both clocks, and shut off what comes from abroad; save tables.

    Returns what words and draws them.
    """
    race: Following | None = follow(study.race, draws or study.draws) if "ic" in of else None
    clocks = two_clocks(paths, race)
    if clocks.empty:
        return lambda: Told((), {}, ())
    shut = [alone(of[path.case], study) for path in paths if path.about.follower is not None]
    tables = {"two clocks": clocks}
    folder.table("paths_two_clocks.csv", clocks)
    if shut:
        tables["without what is abroad"] = pd.concat(shut, ignore_index=True)
        folder.table("paths_alone.csv", tables["without what is abroad"])
    if race is not None:
        tables["shares of memory chips"] = race.shares
        folder.table("latecomers_shares.csv", race.shares)

    def told() -> Told:
        words, stems = [*follower_words(clocks, shut)], []
        if race is not None:
            stems.append(folder.figure("latecomers"))
            figures.race_figure(race, stems[0])
            words.append(
                worded(
                    "Memory chips: root mean square error of the shares {error:.2f} of the market; {misses}; {basis} "
                    "What is said of the followers is judged, and no interval covers that.",
                    error=race.share_error, misses=race.last_misses(), basis=term(race.basis),
                )
            )  # fmt: skip
        return Told(tuple(words), tables, tuple(stems))

    return told


def tell_forward(of: Mapping[str, Drawn], study: PathStudy, folder: Folder) -> Tell:
    """Run the worlds and policies ahead of every case that has them; save tables, and return what tells them."""
    tables, ahead = {}, {}
    for case, one in each([pair for pair in of.items() if pair[0] in study.forward], worded("runs ahead"), "case"):
        ahead[case] = futures(one, study)
        tables[case] = future_table(case, ahead[case], study.forward[case])
        folder.table(f"paths_ahead_{case}.csv", tables[case])

    def told() -> Told:
        stems = {case: folder.figure(f"paths_ahead_{case}") for case in ahead}
        for case, found in ahead.items():
            title = term(load_case(case).title)
            figures.forward_panels(title, found, study.forward[case], study.shown_from, stems[case])
        return Told(tuple(forward_words(tables, study)) if tables else (), tables, tuple(stems.values()))

    return told
