"""The three answers that report and README open with: a sentence, what carries it, and what a critic would say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.draws.stages import LARGE
from analysis.forecasts.study import wins_everywhere, yardsticks
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart_told import (
    after_its_end,
    criteria_words,
    exit_words,
    fails_words,
    points,
    safe_year,
    spans_words,
    year_words,
)
from analysis.phase_out.by_instrument.happened import objection
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.study import load_phase_out_study
from analysis.plain.folder import Folder
from analysis.plain.language import listed, marked, one_by_one, sentence, sentences, term, translated, worded
from analysis.plain.shown import capital
from analysis.report.chapters import texts
from analysis.report.try_it import page_name
from analysis.scoreboard.board import Scoreboard
from calibration.forecasting.record import REFERENCE
from calibration.forecasting.scores import COMBINED, MODEL
from models.case import load_case
from models.schedules.file import load_schedule

HEADING = marked("How a technology becomes an industry, and what policy can do about it")
ABOUT = marked(
    "A system-dynamics model of knowledge, capacity, cost and market under policy, fitted to photovoltaics and "
    "new-energy vehicles (NEV) in China, integrated circuits and mRNA vaccines. The question and the historical "
    "figures come from He Defang et al. 2025, Bulletin of the Chinese Academy of Sciences 40(5): 781-794. Money is in "
    "yuan (CNY) of 2020. Intervals hold 90% of the draws."
)
USED = "closed loop"  # the use of a series that a fit is judged by


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An answer: question, sentences, points and tables by industry, captioned figures, objections, chapters.

    `pages` are files that run the model in a browser, by title.
    """

    question: str
    sentences: Sequence[str]
    points: Mapping[str, Sequence[str]]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Path]
    objections: Sequence[str]
    chapters: Mapping[str, str]
    pages: Mapping[str, str] = field(default_factory=dict)


def exit_head(case: str) -> str:
    """Say whose support ends, of which market the share is, and what an end is compared with."""
    study = load_phase_out_study(case)
    base = load_schedule(study.supported, case).title
    return worded(
        "{case}; the market: {market}; compared with: {base}",
        case=term(load_case(case).title), market=term(study.texts.market), base=term(base),
    )  # fmt: skip


def exit_points(case: str) -> list[str]:
    """Say of each set of instruments of a case from when it can end, at a stroke and by a slope, and at what risk."""
    return points(load_answer(case)["by_instrument"], load_phase_out_study(case))


def exit_objection(case: str) -> str:
    """Say what a critic would say of that."""
    words = load_phase_out_study(case).texts
    said = objection(load_answer(case)["happened"], words.evidence)
    return sentences([said, sentence(capital(term(words.supported)))]) if words.supported else said


def exit_rows(case: str) -> pd.DataFrame:
    """Return a row for each set of instruments and exit: from when it is safe, how sure, what breaks, what goes on."""
    study = load_phase_out_study(case)
    after = worded("safe from, judged {years:g} years after the last step", years=study.exit.years_after)
    first = worded("safe from, judged {years:g} years after the start", years=study.exit.years_after)
    back = worded("setback in the first {years:g} years if from", years=study.exit.years_after)
    return pd.DataFrame(
        {worded("what ends"): term(row["ends"]), worded("how"): exit_words(row),
         first: safe_year(row, study), worded("fails then (of draws)"): fails_words(row, study),
         after: worded("the same") if row["exit"] == "cliff" else
             worded("not judged") if (late := after_its_end(row, study)) is None else safe_year(late, study),
         worded("first safe start, by third of draws: buyers respond weakly / middling / strongly"):
             " / ".join(year_words(row[third], study) for third in THIRDS),
         back: spans_words(row["setback if from"]),
         worded("what stays in place"): term(row["goes on"])}
        for row in load_answer(case)["by_instrument"].to_dict("records")
    )  # fmt: skip


def safe_in_short(case: str) -> str:
    """Say what counts as safe, and why two years may be named."""
    study = load_phase_out_study(case)
    asked, draws = study.exit, study.draws
    return worded(
        "A draw (a run with parameters that the data allow) fails if, {years:g} years after the end begins, the share "
        "of the market is below {kept:.0%} of what it is with all support kept; a slope is judged as long after its "
        "last step, too, and that is told where it is worse. Safe from a year: if the end begins on the first day of "
        "that year, or of any later one tried, clearly fewer than {probability:.0%} of draws fail. Too near to tell: "
        "{draws} draws cannot place it above or below {probability:.0%}.",
        probability=asked.probability, years=asked.years_after, kept=asked.share_kept, draws=draws,
    )  # fmt: skip


def safe_words(case: str) -> str:
    """Say what safe means and what setback, and which path an exit is compared with."""
    study = load_phase_out_study(case)
    base = load_schedule(study.supported, case).title
    return worded(
        "{case}, {draws} draws of the fitted model, compared with: {base}. {criteria}",
        case=term(load_case(case).title), draws=study.draws, base=term(base), criteria=criteria_words(study),
    )  # fmt: skip


def years_sentence(durations: pd.DataFrame) -> str:
    """Say how long each industry took to a tenth of its market, from its first clock; rows are those of that stage."""
    told = [
        worded(
            "{case} {years:.0f} years ({low:.0f} to {high:.0f}{observed}; {clock}, {year:g})",
            case=term(load_case(row["case"]).title), years=row["years"], low=row["years low"], high=row["years high"],
            observed=worded(", observed {years:.0f}", years=seen) if (seen := row["observed years"]) > 0 else "",
            clock=term(row["clock"]), year=row["clock year"],
        )
        for row in durations.drop_duplicates("case").to_dict("records")
    ]  # fmt: skip
    return worded("To 10% of the market: {each}.", each=one_by_one(told))


def sooner_sentence(instruments: Mapping[str, pd.DataFrame], strongest: int = 2) -> str:
    """Say which instruments, half as much again, bring a tenth of the market forward most, by case.

    Tables are those of `instrument_table`. What evidence gives no size, what a bound cuts short and what was fitted,
    and so is no policy, is left out; nothing under the study's `visible_years` is told.
    """
    least, told = InstrumentStudy.load().visible_years, []
    for case, table in instruments.items():
        rows = table[(table["outcome"] == f"years to {LARGE}") & (table["change"] == "more")]
        known = ~rows["assumption"].astype(bool) & ~rows["clipped"].astype(bool) & ~rows["evidence"].str.contains("fit")
        most = rows[known & (rows["effect"] <= -least)].sort_values("effect").head(strongest)
        each = [
            worded(
                "{instrument} by {years:.1f} years ({low:.1f} to {high:.1f})",
                instrument=term(row["instrument"]), years=-row["effect"], low=-row["high"] + 0.0, high=-row["low"],
            )
            for row in most.to_dict("records")
        ]  # fmt: skip
        nothing = worded("nothing by {years:g} years or more", years=least)
        told.append(worded("{case}: {each}", case=term(load_case(case).title), each=listed(each) or nothing))
    return worded("50% more of what was done brings that forward: {each}.", each=one_by_one(told))


TRY_IT = marked("Try a policy yourself, in a browser, offline:")
ONE_BY_ONE = marked(
    "instruments are tried one at a time, at any cost, and only those whose size has evidence; intervals are those of "
    "the response, not of that evidence."
)
CLOCK_DECIDES = marked(
    "the answer hangs on the event that years are counted from, each industry has several, and the fits saw most of "
    "these dates"
)


def _forecast_words(rows: pd.DataFrame, forecast: Sequence[str]) -> str:
    """Say how forecasts with drivers as then expected did against the reference, together and the model by industry."""
    rows = rows[(rows["over"] == REFERENCE) & (rows["mode"] == "unconditional")]
    by = rows[rows["case"] == rows["case"].iloc[0]].set_index("forecaster").to_dict("index")
    told = [
        worded(
            "{name} {ratio:.2f} of it ({low:.2f} to {high:.2f}), 90% intervals held {inside:.0%} of what came",
            name=name, ratio=by[who]["ratio"], low=by[who]["5%"], high=by[who]["95%"], inside=by[who]["inside 90%"],
        )
        for who, name in ((MODEL, worded("the model alone")), (COMBINED, worded("averaged with that curve")))
    ]  # fmt: skip
    alone = rows[(rows["forecaster"] == MODEL) & rows["case"].isin(forecast)]
    own = [
        worded(
            "{case} {ratio:.2f} ({verdict})", case=term(load_case(row["case"]).title), ratio=row["ratio"],
            verdict=worded("better") if row["95%"] < 1 else worded("worse") if row["5%"] > 1 else worded("no better"),
        )
        for row in alone.to_dict("records")
    ]  # fmt: skip
    return worded(
        "Forecast, on years it had not seen ({series} series, drivers as then expected): error against that of the "
        "curve named in advance (Wright's law for costs, Gompertz for volumes): {each}. "
        "Under 1 is better. The model alone by industry: {own}.",
        series=by[MODEL]["series"], each=one_by_one(told), own=listed(own),
    )  # fmt: skip


def trust_sentences(
    errors: Mapping[str, Sequence[float]], forecast: Sequence[str], board: Scoreboard
) -> tuple[list[str], list[str]]:
    """Say how well fits, forecasts and the paper's figures are met, and what that leaves open.

    `errors` are root mean square log errors of the series fitted to, by case.
    """
    rms = [error for own in errors.values() for error in own]
    words = [
        worded(
            "Fit, on data it was fitted to: typical errors of {least:.0%} to {most:.0%} over {series} series "
            "(industries: {industries}; median {median:.0%}).",
            least=np.exp(min(rms)) - 1, most=np.exp(max(rms)) - 1, series=len(rms), industries=len(errors),
            median=np.exp(np.median(rms)) - 1,
        )
    ]  # fmt: skip
    if len(rows := yardsticks(forecast)):
        words.append(_forecast_words(rows, forecast))
    fresh = [row.inside for row in board.rows if not row.fitted]
    words.append(
        worded(
            "The paper's figures: {met} of {all} that the model can answer are met, {fresh} of {unfitted} where "
            "nothing was fitted to them.",
            met=board.inside, all=len(board.rows), fresh=sum(fresh), unfitted=len(fresh),
        )
    )  # fmt: skip
    but = [worded("intervals are within this structure: they do not know what the structure gets wrong.")]
    if len(rows):
        won, of = np.sum([wins_everywhere(case, "unconditional") for case in forecast], axis=0)
        but.append(
            worded(
                "the model alone beats the best of all curves, chosen in hindsight, on {won} of {of} occasions.",
                won=won,
                of=of,
            )
        )
    return words, but


@dataclass(frozen=True, slots=True, eq=False)
class Brief:
    """What the three answers are made of: cases with a study of ending support, and what was found of all industries.

    `large` has the years from every clock to a tenth of the market, `instruments` what each does, by case, `errors` the
    root mean square log errors of the series fitted to, by case; `scored` names cases with accepted forecasts; `basis`
    says what was made anew.
    """

    cases: Sequence[str]
    large: pd.DataFrame
    instruments: Mapping[str, pd.DataFrame]
    errors: Mapping[str, Sequence[float]]
    scored: Sequence[str]
    board: Scoreboard
    basis: str

    def about(self) -> list[str]:
        """Say what the answers come from."""
        return [translated(ABOUT), translated(self.basis)]

    def notes(self) -> list[str]:
        """Say what safe means, once for each rule."""
        return list(dict.fromkeys(map(safe_words, self.cases)))

    def answers(self, folder: Folder) -> list[Answer]:
        """Return the answers in the language spoken; their figures lie in that folder."""
        titles, captions = {case: term(load_case(case).title) for case in self.cases}, texts()["captions"]

        def picture(name: str) -> Path:
            return folder.figure(name).with_suffix(".png")

        strips = {
            worded("{case}. {caption}", case=titles[case], caption=worded(captions["safe_exit"])):
                picture(f"phase_out_{case}_figure_safe_exit")
            for case in self.cases
        }  # fmt: skip
        trust, doubt = trust_sentences(self.errors, self.scored, self.board)
        missed = {worded(captions["forecast_yardstick"]): picture("forecast_yardstick")} if self.scored else {}
        support = Answer(
            worded("When can support end, and what breaks?"),
            list(dict.fromkeys(map(safe_in_short, self.cases))),
            {exit_head(case): exit_points(case) for case in self.cases},
            {titles[case]: exit_rows(case) for case in self.cases}, strips,
            [worded("{case}: {exit}", case=titles[case], exit=exit_objection(case)) for case in self.cases],
            {f"exits_{case}": titles[case] for case in self.cases},
            {titles[case]: page_name(case) for case in self.cases},
        ) if self.cases else None  # fmt: skip
        return [
            *([support] if support else []),
            Answer(
                worded("How long from discovery to large-scale industry, and what shortens it?"),
                [years_sentence(self.large), sooner_sentence(self.instruments)], {}, {},
                {worded(captions["clocks"]): picture("clocks")},
                [sentence(term(CLOCK_DECIDES)), translated(ONE_BY_ONE)],
                {"paths": worded("paths"), "instruments": worded("barriers, and what shortens them")},
            ),
            Answer(
                worded("How far may these answers be trusted?"), trust, {}, {}, missed, doubt,
                {"forecasts": worded("forecasts"), "limits": worded("what it cannot know"),
                 "paper": worded("the paper's figures")},
            ),
        ]  # fmt: skip
