"""The three answers that report and README open with: a sentence, what carries it, and what a critic would say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.forecasts.study import wins_everywhere, yardsticks
from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart import criteria_words, safe_year, stroke_words, year_words
from analysis.phase_out.by_instrument.happened import objection
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.study import load_phase_out_study
from analysis.scoreboard.board import Scoreboard
from calibration.fitting.estimates import Calibration
from calibration.forecasting.record import REFERENCE
from calibration.forecasting.scores import COMBINED, MODEL
from models.case import load_case
from models.schedules.file import load_schedule


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An answer: the question, sentences, a small table, figures by what they show, objections, chapters by title."""

    question: str
    sentences: Sequence[str]
    table: pd.DataFrame | None
    pictures: Mapping[str, Path | str]
    objections: Sequence[str]
    chapters: Mapping[str, str]


def exit_sentence(case: str) -> str:
    """Say from when each set of instruments of a case can end at a stroke, as accepted."""
    each = stroke_words(load_answer(case)["by_instrument"], load_phase_out_study(case))
    return f"{load_case(case).title}, at a stroke: {each}."


def exit_objection(case: str) -> str:
    """Say what a critic would say of that."""
    return objection(load_answer(case)["happened"], load_phase_out_study(case).texts.evidence)


def exit_rows(case: str) -> pd.DataFrame:
    """Return a row for each set of instruments: when it can end, how sure that is, what breaks, and what goes on."""
    study, told = load_phase_out_study(case), []
    for ends, part in load_answer(case)["by_instrument"].groupby("ends", sort=False):
        (row,) = part[part["exit"] == "cliff"].to_dict("records")
        slopes = {f"safe from, {one['exit']}": safe_year(one, study) for one in part.to_dict("records")}
        told.append(
            {"industry": load_case(case).title, "what ends": ends,
             "safe from, at a stroke": slopes.pop("safe from, cliff"),
             "fails": f"{row['fails']:.1%} of draws, from {row['at']:g}", **slopes,
             "at a stroke, if buyers respond weakly / middling / strongly":
                 " / ".join(year_words(row[third], study) for third in THIRDS),
             "setback at a stroke from": row["setback if from"], "what goes on": row["goes on"]}
        )  # fmt: skip
    return pd.DataFrame(told)


def safe_words(case: str) -> str:
    """Say what safe means and what setback, and which path an exit is compared with."""
    study = load_phase_out_study(case)
    base = load_schedule(study.supported, case).title
    drawn = f"{load_case(case).title}, {study.draws} draws of the fitted model"
    return f"{drawn}, compared with: {base}. {criteria_words(study)}"


def years_sentence(durations: pd.DataFrame) -> str:
    """Say how long each industry took to a tenth of its market, from its first clock; rows are those of that stage."""
    told = [
        f"{load_case(row['case']).title} {row['years']:.0f} years ({row['years low']:.0f} to {row['years high']:.0f}; "
        f"{row['clock']}, {row['clock year']:g})"
        for row in durations.drop_duplicates("case").to_dict("records")
    ]
    return f"To 10% of the market: {'; '.join(told)}."


CLOCK_DECIDES = "the clock decides, each industry has others, and the fits saw most of these dates"


def trust_sentences(
    fits: Mapping[str, Calibration], forecast: Sequence[str], board: Scoreboard
) -> tuple[list[str], list[str]]:
    """Say how well fits, forecasts and the paper's figures are met, and what that leaves open."""
    rms = [one.rms for fit in fits.values() for one in fit.closed.series if one.use == "closed loop"]
    words = [
        f"Fit, on data it was fitted to: typical errors of {np.exp(min(rms)) - 1:.0%} to {np.exp(max(rms)) - 1:.0%} "
        f"over {len(rms)} series ({len(fits)} industries; median {np.exp(np.median(rms)) - 1:.0%})."
    ]
    if len(rows := yardsticks(forecast)):
        at = (rows["case"] == rows["case"].iloc[0]) & (rows["over"] == REFERENCE) & (rows["mode"] == "unconditional")
        by = rows[at].set_index("forecaster").to_dict("index")
        told = [
            f"{name} {by[who]['ratio']:.2f} of it ({by[who]['5%']:.2f} to {by[who]['95%']:.2f}), 90% intervals held "
            f"{by[who]['inside 90%']:.0%} of what came"
            for who, name in ((MODEL, "the model alone"), (COMBINED, "averaged with that curve"))
        ]
        words.append(
            f"Forecast, on years it had not seen ({' and '.join(load_case(one).title for one in forecast)}, "
            f"{by[MODEL]['series']} series, drivers as then expected): error against that of the curve named in "
            f"advance: {'; '.join(told)}. Under 1 is better."
        )
    fresh = [row.inside for row in board.rows if not row.fitted]
    words.append(
        f"The paper's figures: {board.inside} of {len(board.rows)} that the model can answer are met, {sum(fresh)} of "
        f"{len(fresh)} where nothing was fitted to them."
    )
    but = ["intervals are within this structure: they do not know what the structure gets wrong."]
    if len(rows):
        won, of = np.sum([wins_everywhere(case, "unconditional") for case in forecast], axis=0)
        but.append(f"the model alone beats the best of all curves, chosen in hindsight, on {won} of {of} occasions.")
    return words, but
