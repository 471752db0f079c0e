"""The three answers that report and README open with: a sentence, what carries it, and what a critic would say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.forecasts.study import wins_everywhere, yardsticks
from analysis.mechanisms.instrument_study import BARRIERS
from analysis.paths.study import PathStudy
from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart import safe_year, stroke_words, year_words
from analysis.phase_out.by_instrument.happened import failing
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.study import PhaseOutStudy, load_phase_out_study
from analysis.scoreboard.board import Scoreboard
from calibration.fitting.estimates import Calibration
from calibration.forecasting.record import REFERENCE
from calibration.forecasting.scores import COMBINED
from models.case import load_case


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An answer: the question, sentences, a small table, figures by what they show, objections, chapters by title."""

    question: str
    sentences: Sequence[str]
    table: pd.DataFrame | None
    pictures: Mapping[str, Path]
    objections: Sequence[str]
    chapters: Mapping[str, str]


def exit_sentence(case: str) -> str:
    """Say from when each set of instruments of a case can end at a stroke, as accepted."""
    each = stroke_words(load_answer(case)["by_instrument"], load_phase_out_study(case))
    return f"{load_case(case).title}, at a stroke: {each}."


def exit_objection(case: str) -> str:
    """Say what a critic would say of that."""
    missed = failing(load_answer(case)["happened"])
    return f"the model misses {'; '.join(missed)}" if missed else "sales alone do not settle how buyers respond"


def exit_rows(case: str) -> pd.DataFrame:
    """Return a row for each set of instruments: when it can end at a stroke, and how sure that is."""
    study = load_phase_out_study(case)
    found = load_answer(case)["by_instrument"]
    told = []
    for row in found[found["exit"] == "cliff"].to_dict("records"):
        safest = "" if np.isfinite(row["safe from"]) else f" ({row['at']:g})"
        by_response = " / ".join(year_words(row[third], study) for third in THIRDS)
        told.append(
            {"industry": load_case(case).title, "what ends at a stroke": row["ends"],
             "safe from": safe_year(row, study), "fails in": f"{row['fails']:.0%} of draws{safest}",
             "if buyers respond weakly / middling / strongly": by_response, "what goes on": row["goes on"]}
        )  # fmt: skip
    return pd.DataFrame(told)


def safe_words(study: PhaseOutStudy) -> str:
    """Say what safe means, and what is not said of a start."""
    asked = study.exit
    return (
        f"Safe: in fewer than {asked.probability:.0%} of {study.draws} draws of the fitted model the share of the "
        f"market is, {asked.years_after:g} years later, below {asked.share_kept:g} of what it is "
        "if all support goes on."
    )


def years_sentence(durations: pd.DataFrame, study: PathStudy) -> str:
    """Say how long each industry took to a tenth of its market, from its first clock; rows are those of that stage."""
    told = [
        f"{study.cases[row['case']].title} {row['years']:.0f} years ({row['clock']}, {row['clock year']:g})"
        for row in durations.drop_duplicates("case").to_dict("records")
    ]
    return f"To 10% of the market: {'; '.join(told)}."


CLOCK_DECIDES = "the clock decides, each industry has others, and the fits saw most of these dates"


def shortening_sentences(levers: pd.DataFrame) -> list[str]:
    """Say for each barrier which change of an instrument shortens the wait most, in each industry; by `lever_table`."""
    words = []
    meant = levers[levers["helps"] & ~levers["assumption"] & (levers["high"] < 0)]
    for barrier in BARRIERS:
        best = meant[meant["barrier"] == barrier].sort_values("years").drop_duplicates("case")
        each = "; ".join(
            f"{load_case(row['case']).title}: {row['instrument']} ({row['setting']}), {-row['years']:.1f} years sooner "
            f"({-row['high']:.1f} to {-row['low']:.1f})"
            for row in best.sort_values("case").to_dict("records")
        )
        words += [f"{barrier} is crossed sooner with: {each}."] if each else []
    return words


def trust_sentences(
    fits: Mapping[str, Calibration], forecast: Sequence[str], board: Scoreboard
) -> tuple[list[str], list[str]]:
    """Say how well fits, forecasts and the paper's figures are met, and what that leaves open."""
    rms = [one.rms for fit in fits.values() for one in fit.closed.series if one.use == "closed loop"]
    words = [
        f"Fit, on data it was fitted to: typical errors of {np.exp(min(rms)) - 1:.0%} to {np.exp(max(rms)) - 1:.0%} "
        f"over {len(rms)} series ({len(fits)} industries; median {np.exp(np.median(rms)) - 1:.0%})."
    ]
    rows = yardsticks(forecast)
    if len(rows):
        both = rows[
            (rows["case"] == rows["case"].iloc[0]) & (rows["over"] == REFERENCE) & (rows["forecaster"] == COMBINED)
        ]
        ours = both.set_index("mode").loc["unconditional"]
        words.append(
            f"Forecast, on years it had not seen: averaged with the naive forecast named in advance, its error is "
            f"{ours['ratio']:.2f} of that forecast's ({ours['5%']:.2f} to {ours['95%']:.2f}; under 1 is better), and "
            f"its 90% intervals held {ours['inside 90%']:.0%} of what came."
        )
    fresh = [row.inside for row in board.rows if not row.fitted]
    words.append(
        f"The paper's figures: {board.inside} of {len(board.rows)} that the model can answer are met, {sum(fresh)} of "
        f"{len(fresh)} where nothing was fitted to them."
    )
    but = ["intervals are within this structure: they do not know what the structure gets wrong"]
    if len(rows):
        won, of = np.sum([wins_everywhere(case, "unconditional") for case in forecast], axis=0)
        but.append(f"the best of all naive curves, chosen in hindsight, is beaten on {won} of {of} series and origins")
    return words, but
