"""Blocks of figures on README and pages: each has a name, and is made from records, studies or measurements."""

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import pandas as pd

from analysis.draws.runs import Drawn, drawn
from analysis.draws.stages import LARGE
from analysis.fits.tables import misfits
from analysis.forecasts.own_trials import trial_lines
from analysis.forecasts.study import coverage_words, forecast_chapter, rivals, wins, wins_everywhere, yardsticks
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.knockouts import knockouts
from analysis.mechanisms.loop_study import LoopStudy
from analysis.mechanisms.paper import measured, mechanisms_of_the_paper, paper_table
from analysis.paths.chapter import drawn_cases
from analysis.paths.durations import Dated, date_path, durations, published_durations
from analysis.paths.latecomers import alone, follow, two_clocks
from analysis.paths.study import PathStudy
from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart_told import criteria_words
from analysis.phase_out.by_instrument.happened import failing, happened_words
from analysis.phase_out.study import STUDIED, load_phase_out_study
from analysis.plain.language import one_by_one, sentence, sentences, term, worded
from analysis.plain.shown import markdown, when
from analysis.report.brief import (
    CLOCK_DECIDES,
    exit_head,
    exit_objection,
    exit_points,
    exit_rows,
    safe_in_short,
    years_sentence,
)
from analysis.report.goals import HEAD, goal_table, research_of
from analysis.report.rooms import ROOT, rooms_block
from analysis.scoreboard.board import scoreboard
from calibration.forecasting.record import REFERENCE, YARDSTICK, load_accepted_forecast
from calibration.forecasting.scores import POOL
from calibration.records.results import accepted_fits, load_record
from models.case import CASES, load_case
from stockflow.intervals import interval

SPEEDS = ROOT / "benchmarks" / "results.json"
Range = tuple[float, float, float]
CARRIERS = (
    "R1 learning by doing", "R3 word of mouth", "R9 quality", "R5 innovation and industry spiral",
    "R6 entry and variety",
)  # fmt: skip
ENGINE = "stockflow, 2 threads"
SLOWER = {
    "PySD": ("PySD",),
    "pysimlin": ("pysimlin, 1 thread", "pysimlin, 2 threads"),
    "scalar C": ("scalar C, 2 threads",),
}


def fit_block() -> str:
    """Return the fit of every series as a Markdown table."""
    rows = [
        (case, name, f"{row['first_year']}-{row['last_year']} ({row['n']})", f"{row['r2_log']:.3f}",
         f"{row['rms_log_error']:.2f}", row["use"])
        for case in CASES for name, row in load_record(case)["series"].items()
    ]  # fmt: skip
    return "\n".join(markdown(("case", "series", "years", "R2 of logs", "rms log error", "used in"), rows))


def misfit_block() -> str:
    """Return the years that the fits miss by more than a factor of 1.5."""
    lines = []
    for case in CASES:
        off = misfits({name: row["misfits"] for name, row in load_record(case)["series"].items()})
        lines += [f"- {case}, {name}: {years}" for name, years in off]
    return "\n".join(lines)


def summary_block() -> str:
    """Return how the starts ended, what bounds were hit, the causal effects and the scoreboard in sentences."""
    lines = []
    for case in CASES:
        data = load_record(case)
        checks, bounds = data["checks"], ", ".join(data["checks"]["at_bound"]) or "none"
        lines.append(
            f"- {load_case(case).title}: {data['starts']} starts (seed {data['seed']}), best objective "
            f"{data['objective']:.1f}, worst end {checks['worst_end']:.1f}, {checks['starts_within_1_of_best']} within "
            f"1 of the best; bounds hit: {bounds}."
        )
        for name in data["effects"]:
            three = " / ".join(f"{data['variants'][v]['effects'][name]:.0%}" for v in ("low", "central", "high"))
            lines.append(f"- {name[0].upper()}{name[1:]}: {three} under the low / central / high response.")
    return "\n".join([*lines, f"- Scoreboard: {scoreboard(accepted_fits(CASES)[0]).words()}"])


def bench_block() -> str:
    """Return speeds beside other engines on this project's models, as measured last, and where that was."""
    data = json.loads(SPEEDS.read_text(encoding="utf-8"))
    head = ["model", "steps", "runs/s", *(f"x {name}" for name in SLOWER), "one run, ms", "compile, s"]
    lines = []
    for result in data["results"]:
        rows = {row["engine"]: row for row in result["rows"]}
        ours = rows[ENGINE]
        fastest = [max(_rate(rows[name]) for name in names if name in rows) for names in SLOWER.values()]
        ratios = [_rate(ours) / one for one in fastest]
        times = [f"{ratio:,.0f}" if ratio > 20 else f"{ratio:.1f}" for ratio in ratios]
        single = min(cost["seconds"] for cost in rows["stockflow, 1 thread"]["timings"][0]["costs"])
        cells = [result["case"], f"{result['steps']:,}", f"{_rate(ours):,.0f}", *times]
        lines.append([*cells, f"{1000 * single:.2f}", f"{ours['prepare']:.2f}"])
    where, many = data["machine"], data["million"]
    memory = "" if many["memory"] is None else f" in {many['memory'] / 1e6:.0f} MB beyond its inputs"
    start = max(result["startup"]["cached"] for result in data["results"])
    told = (
        f"{where['processor']}, {where['cores']} cores, {' '.join(where['flags'])}; {where['day']}, load average "
        f"{where['load']:.1f}. 10,000 runs, 5 outputs, 64-bit numbers, two threads; the others at their quickest, PySD "
        f"one run after the other. {many['runs']:,} runs with quantiles of {many['outputs']} outputs at "
        f"{many['times']} times: {many['seconds']:.0f} s{memory}. "
        f"From process start to first results with compiled code kept: {start:.2f} s."
    )
    return "\n".join([*markdown(head, lines), "", told])


def _rate(row: Mapping[str, Any]) -> float:
    """Runs per second of an engine in its largest batch."""
    last = row["timings"][-1]
    return float(last["size"] / min(cost["seconds"] for cost in last["costs"]))


def forecast_block() -> str:
    """Return the skill of the forecasts from the headline origin as a Markdown table, and the count of wins."""
    lines, told = [], []
    for case in STUDIED:
        chapter = forecast_chapter(case)
        if chapter.missing:
            return f"No accepted forecasts: {chapter.missing}"
        for row in chapter.headline.to_dict("records"):
            reference, best = row["reference CRPS"], row["its CRPS"]
            ours = (row["model"], row["model and reference"])
            scores = (f"**{crps:.3f}**" if crps < reference else f"{crps:.3f}" for crps in ours)
            naive = (f"{row['reference']} {reference:.3f}", f"{row['best in hindsight']} {best:.3f}")
            lines.append((case, row["series"], row["drivers"], *scores, *naive, f"{row['inside 90%']:.0%}"))
        for mode in ("conditional", "unconditional"):
            won, of = wins(case, mode)
            ever, pairs = wins_everywhere(case, mode)
            told.append(f"{case}, {mode}: {won} of {of} (all origins: {ever} of {pairs} pairs of series and origin)")
    head = ("case", "series", "drivers", "model", "model and reference", "reference", "best in hindsight", "inside 90%")
    return "\n".join([
        YARDSTICK, "",
        *_yardstick_lines(), "",
        "Series on which the model beats the best naive forecast in hindsight, an upper bound, from the end of 2019: "
        f"{'; '.join(told)}.", "",
        *markdown(head, lines), "",
        *_rival_lines(), "",
        *(f"- {case}, {line}" for case in STUDIED for line in coverage_words(load_accepted_forecast(case))),
    ])  # fmt: skip


def mechanisms_block() -> str:
    """Return what every mechanism of the paper does in the models, as measured, as a Markdown table."""
    table = paper_table(mechanisms_of_the_paper(), measured(), InstrumentStudy.load())
    return "\n".join(markdown(list(table.columns), table.to_numpy()))


def phase_out_block() -> str:
    """Return the NEV study's answers for weak, middling and strong responses of buyers as a Markdown table."""
    rows = load_answer("nev")["by_third"]
    thirds = list(dict.fromkeys(rows["draws"]))
    lines = []
    for answer, part in rows.groupby("answer", sort=False):
        by = part.set_index("draws")
        unit = by["unit"].iloc[0]
        told = "" if unit in {"1", "schedule", "year"} else f", {unit}"
        lines.append((f"{answer}{told}", *(_answer_cell(by.loc[third].to_dict()) for third in thirds)))
    return "\n".join(markdown(("draws by response of buyers", *thirds), lines))


def instruments_block() -> str:
    """Return when each instrument of support can end, by exit and response, and what happened, for every study."""
    lines = []
    for case in sorted(STUDIED):
        found, study = load_answer(case), load_phase_out_study(case)
        rows = exit_rows(case)
        lines += [f"**{load_case(case).title}** ({study.draws} draws). {criteria_words(study)}", ""]
        lines += [*markdown(list(map(str, rows)), rows.to_numpy().tolist()), ""]
        lines += ["What happened, and what the model says:", ""]
        lines += [f"- {one}" for one in happened_words(found["happened"])] + [""]
        if missed := failing(found["happened"]):
            lines += [f"The model misses {'; '.join(missed)}: no schedule is called the best here.", ""]
    return "\n".join(lines).rstrip()


def _answer_cell(row: Mapping[str, Any]) -> str:
    """One answer: its value, with the 90% interval if it is a number of every draw."""
    if isinstance(row["value"], str):
        return row["value"]
    shown = partial(when, form=".0f" if row["unit"] == "year" else ".2g")
    if pd.isna(row.get("90% low")):
        return shown(row["value"])
    return f"{shown(row['value'])} ({shown(row['90% low'])} to {shown(row['90% high'])})"


def _yardstick_lines() -> list[str]:
    """Model and combination against what was named in advance, a row for each case, kind of drivers and forecaster."""
    rows = yardsticks(STUDIED)
    rows["told"] = [
        f"{row['ratio']:.2f} ({row['5%']:.2f} to {row['95%']:.2f}; {row['pairs']} pairs, {row['series']} series)"
        for row in rows.to_dict("records")
    ]
    rows["held"] = [f"{share:.0%}" for share in rows["inside 90%"]]
    keys = ["case", "mode", "forecaster", "held"]
    wide = rows.pivot(index=keys, columns="over", values="told")[[REFERENCE, POOL]]
    head = ("case", "drivers", "forecaster", "90% intervals hold", "over the reference", "over the naive pool")
    return markdown(head, wide.reindex(pd.MultiIndex.from_frame(rows[keys].drop_duplicates())).reset_index().to_numpy())


def _rival_lines() -> list[str]:
    """The model against each forecaster used throughout, a row for each case and kind of drivers."""
    rows = pd.concat([rivals(load_accepted_forecast(case)).assign(case=case) for case in STUDIED])
    rows["told"] = [f"{ratio:.2f} ({pairs})" for ratio, pairs in zip(rows["ratio"], rows["pairs"], strict=True)]
    wide = rows.pivot(index=["case", "mode"], columns="against", values="told")[list(dict.fromkeys(rows["against"]))]
    return [
        "Against each forecaster by itself, used for all series and origins that allow it: geometric mean of the "
        "model's CRPS over its CRPS (under 1 the model is better), number of pairs in brackets.",
        "",
        *markdown(("case", "drivers", *wide.columns), wide.reset_index().to_numpy()),
    ]


@cache
def _dated() -> tuple[PathStudy, Mapping[str, Drawn], tuple[Dated, ...]]:
    """The study of paths, the draws of every industry and their dated stages."""
    study = PathStudy.load()
    draws = drawn_cases(CASES, study)
    return study, draws, tuple(date_path(one, study) for one in draws.values())


@cache
def _large() -> pd.DataFrame:
    """Years from every clock to a tenth of the market."""
    study, _, paths = _dated()
    table = durations(paths, study)
    return table[table["stage"] == LARGE]


def paths_block() -> str:
    """Return the years to a tenth of the market by clock as a Markdown table, and what latecomers owe to others."""
    study, of, paths = _dated()
    head = ("industry", "from", "years to 10% of the market", "draws within 25-35", "observed, or derived")
    lines = []
    for row in _large().to_dict("records"):
        seen = "" if pd.isna(row["observed years"]) else f"{row['observed years']:.1f}"
        years = f"{row['years']:.1f} ({row['years low']:.1f} to {row['years high']:.1f})"
        about = (load_case(row["case"]).title, f"{row['clock']}, {row['clock year']:g}")
        lines.append((*about, years, f"{row['in window']:.0%}", seen))
    published = published_durations(study.window)
    pairs = published[(published["from"] == "invention") | (published["to"] == "mass market")]
    told = [
        f"{a} to {b} {middle:.0f} ({low:.0f} to {high:.0f}, {count} technologies)"
        for a, b, middle, low, high, count in pairs[
            ["from", "to", "median", "lower quartile", "upper quartile", "technologies"]
        ].itertuples(index=False)
        if count > 20
    ]
    late = {case: alone(of[case], study).set_index("stage").loc[LARGE] for case in ("nev", "pv")}
    owed = "; ".join(
        f"{load_case(case).title} {row['years later']:.1f} years ({row['low']:.1f} to {row['high']:.1f})"
        for case, row in late.items()
    )
    race = follow(study.race, study.draws)
    clocks = two_clocks([path for path in paths if path.about.follower], race)
    quick = [
        f"{row['who']} {row['from discovery']:.0f} and {row['from entry']:.0f}"
        for row in clocks[clocks["stage"] == LARGE].to_dict("records")
    ]
    return "\n".join([
        *markdown(head, lines), "",
        f"Other technologies, years between dated stages (median, quartiles): {'; '.join(told)}.", "",
        f"With {late['nev']['without']}, 10% of the market comes later by: {owed}.", "",
        f"Latecomers, years to 10% of the market from the discovery, wherever it was made, and from their own entry: "
        f"{'; '.join(quick)}.", "",
        f"Memory chips, Japan and Korea after the United States: shares of the market are missed by "
        f"{race.share_error:.2f} (root mean square over countries and years); {race.last_misses()}.",
    ])  # fmt: skip


@cache
def _cuts() -> Mapping[str, tuple[float, Mapping[str, Range], Range]]:
    """Last year of the runs, change of output to then without each of CARRIERS, its elasticity to firms' research."""
    study = LoopStudy.load()
    study = study.model_copy(update={"loops": tuple(one for one in study.loops if one.name in CARRIERS)})
    found = {}
    for case in CASES:
        of = drawn(case, study.draws)
        changes = {one.loop: interval(one.output) for one in knockouts(of, study) if one.acts}
        found[case] = of.until(study.case(case).until), changes, research_of(case)
    return found


def loops_block() -> str:
    """Return the change of output without each of the loops that carry most, by industry."""
    rows = [
        (load_case(case).title, f"{until:g}",
         *(_change(*changes[name]) if name in changes else "not in this model" for name in CARRIERS),
         f"{elasticity[1]:.2f} ({elasticity[0]:.2f} to {elasticity[2]:.2f})")
        for case, (until, changes, elasticity) in _cuts().items()
    ]  # fmt: skip
    head = ("industry", "output to", *(f"without {name}" for name in CARRIERS), "elasticity to firms' research")
    return "\n".join(markdown(head, rows))


def _change(low: float, middle: float, high: float) -> str:
    told = worded("{middle:+.0%} ({low:+.0%} to {high:+.0%})", middle=middle, low=low, high=high)
    return told.replace("-0%", "0%").replace("+0%", "0%")


def answers_block() -> str:
    """Return the README's three answers: a sentence each with its numbers, and what a critic would say."""
    years = years_sentence(_large())
    told = {
        exit_head(case): [*exit_points(case), worded("But: {objection}", objection=exit_objection(case))]
        for case in sorted(STUDIED)
    }
    support = sentences(dict.fromkeys(map(safe_in_short, sorted(STUDIED)))) + "".join(
        f"\n  - {head}" + "".join(f"\n    - {line}" for line in lines) for head, lines in told.items()
    )
    without = one_by_one(
        worded(
            "{change} to {until:g} in {case}",
            change=_change(*changes[CARRIERS[0]]), until=until, case=term(load_case(case).title),
        )
        for case, (until, changes, _) in _cuts().items()
    )  # fmt: skip
    carried = worded(
        "Learning by doing: without it output changes by {without} (90% intervals). But: learning by doing and by "
        "searching are told apart only by priors, and loops cut one at a time do not add up.",
        without=without,
    )
    objection = sentence(term(CLOCK_DECIDES))
    answers = {
        worded("[When can support end?](docs/questions/phase_out.md)"): support,
        worded("[How long from discovery to industry?](docs/questions/paths.md)"):
            worded("{answer} But: {objection}", answer=years, objection=objection),
        worded("[What carries the industry?](docs/questions/loops.md)"): carried,
    }  # fmt: skip
    return "\n".join(f"- **{question}** {answer}".replace("** \n", "**\n") for question, answer in answers.items())


BLOCKS: Mapping[str, Callable[[], str]] = {
    "answers": answers_block,
    "fit": fit_block,
    "goals": lambda: "\n".join(markdown(HEAD, goal_table().to_numpy())),
    "misfits": misfit_block,
    "summary": summary_block,
    "forecast": forecast_block,
    "exits-by-instrument": instruments_block,
    "phase-out": phase_out_block,
    "paths": paths_block,
    "loops": loops_block,
    "own": lambda: "\n".join(trial_lines()),
    "bench": bench_block,
    "rooms": rooms_block,
    "mechanisms": mechanisms_block,
}
