"""The numerics certificate: every headline result again at half the time step, with the shift and a verdict.

Euler's error is of first order, so the shift at half the step is about what is left of it at the half step and half
of what it was before. Tolerances stand with their reasons in `studies/numerics.toml`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from analysis.draws.runs import at_fit, case_model
from analysis.draws.stages import STAGES
from analysis.paths.durations import date_path
from analysis.paths.study import PathStudy
from analysis.phase_out.prepare import ScheduleRuns, arms_of, outputs, prepared
from analysis.phase_out.results import results
from analysis.phase_out.runs import in_memory
from analysis.phase_out.study import load_phase_out_study
from analysis.plain.language import one_by_one, term, worded
from analysis.scoreboard.board import scoreboard
from calibration.fitting.payoff import Payoff, fitted_series
from calibration.fitting.targets import load_targets
from calibration.records.results import Accepted
from models.case import CASES
from models.files.settings import NotNegative, Positive, SettingsFile, Strict
from stockflow import Model
from stockflow.language.clock import clock
from stockflow.language.equations import Number
from stockflow.over_time import QUARTER

STUDY = Path(__file__).parents[1] / "studies" / "numerics.toml"
Kind = Literal["date", "money", "units", "effect", "stock", "series", "verdict"]
RELATIVE = ("money", "units", "stock")
# what a shift is measured in; a share of the value for what is relative
MEASURES = {"date": "years", "effect": "difference", "series": "stated errors", "verdict": "inside or not"}
HOLDS, MOVES = "holds", "moves"
FIRST = 5  # figures named in a sentence
Tick = Callable[[str], object]


class Tolerance(Strict):
    """How far a figure of each kind may shift: years, shares, or parts of a stated error."""

    date: Positive
    money: Positive
    units: Positive
    effect: Positive
    stock: Positive
    series: Positive
    smallest_money: NotNegative


class Study(SettingsFile):
    """The study file."""

    shipped = STUDY
    divide: Annotated[int, Field(ge=2, le=64)]
    tolerance: Tolerance
    stocks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline figure: `value` in `unit`; `scale` is the stated error of a series' logarithm, 1 elsewhere."""

    case: str
    group: str
    what: str
    kind: Kind
    unit: str
    value: float
    scale: float = 1.0


def refined(model: Model, divide: int) -> Model:
    """Return the model with its time step divided; fixed delays and the save period stay whole numbers of steps."""
    step = model.time_step / divide
    name = model.variable("time step").name
    equations = model.equations.changed({name: Number(step)})
    clock(equations)
    return Model(equations, model.file.with_equations({name: f"{name}= {step!r}"}))


def certificate(accepted: Mapping[str, Accepted], tick: Tick = lambda _: None) -> pd.DataFrame:
    """Return one row per headline figure: value, value at the finer step, shift, tolerance and verdict.

    Shifts are in years for dates, shares of the value for money, units and stocks, plain differences for effects, and
    differences of logarithms over the stated error for series. A figure of the scoreboard holds if its verdict does.
    """
    study = Study.load()
    fine = cache(lambda case: refined(case_model(case), study.divide))
    before = list(headlines(accepted, study, case_model, tick))
    after = headlines(accepted, study, fine, tick)
    return pd.DataFrame([row(one, finer, study.tolerance) for one, finer in zip(before, after, strict=True)])


def row(one: Figure, finer: Figure, tolerance: Tolerance) -> dict[str, object]:
    """Compare one figure with itself at the finer step."""
    moved = shift(one, finer.value)
    holds = one.kind == "money" and abs(finer.value - one.value) <= tolerance.smallest_money
    allowed = 0.0 if one.kind == "verdict" else float(getattr(tolerance, one.kind))
    measure = MEASURES.get(one.kind, "share of the value")
    return {
        "case": one.case, "group": one.group, "what": one.what, "unit": one.unit, "value": _or_none(one.value),
        "finer": _or_none(finer.value), "shift": _or_none(moved), "measured as": measure,
        "tolerance": allowed, "verdict": HOLDS if holds or abs(moved) <= allowed else MOVES,
    }  # fmt: skip


def shift(one: Figure, finer: float) -> float:
    """Return how far a figure moves, in the measure of its kind; 0 if neither step ever gets there, else infinite."""
    if not (np.isfinite(one.value) and np.isfinite(finer)):
        return 0.0 if one.value == finer or (np.isnan(one.value) and np.isnan(finer)) else float("inf")
    if one.kind == "series":
        return float(np.log(finer / one.value) / one.scale)
    if one.kind in RELATIVE:
        return finer / one.value - 1 if one.value else (0.0 if finer == 0 else float("inf"))
    return finer - one.value


def headlines(
    accepted: Mapping[str, Accepted], study: Study, models: Callable[[str], Model], say: Tick = lambda _: None
) -> Iterator[Figure]:
    """Yield every headline figure from the models that `models` gives."""
    for case, fit in accepted.items():
        yield from _fitted(case, fit, models(case))
        say(f"series of {case}")
        yield from _stocks(case, fit, models(case), study.stocks.get(case, ()))
        yield from _phase_out(case, fit, models(case))
        say(f"phase-out of {case}")
    paths = PathStudy.load()
    for case in CASES:
        path = date_path(at_fit(case, models(case), accepted.get(case)), paths)
        for stage in STAGES:
            yield Figure(case, "stages", stage, "date", "year", path.spread(stage)[1])
    say("stages")
    for one in scoreboard(accepted, models=models).rows:
        yield Figure(one.case, "scoreboard", f"{one.id} {one.quantity}", "verdict", "inside", float(one.inside))
    say("scoreboard")


def _fitted(case: str, fit: Accepted, model: Model) -> Iterator[Figure]:
    targets = load_targets(case)
    series = [fitted_series(one) for one in targets.series if one.use == "closed loop"]
    # a payoff that only reads: nothing is free
    payoff = Payoff(model.with_constants(fit.values), (), series, targets.events, targets.effects, (), targets.errors)
    x = payoff.space.centre
    for one, values in zip(payoff.series, payoff.series_values(x), strict=True):
        for k in sorted({0, len(one.years) // 2, len(one.years) - 1}):
            what, error = f"{one.target.name} in {one.years[k]}", float(one.sigma[k])
            yield Figure(case, "series", what, "series", one.target.unit, float(values[0, k]), error)
    for name, value in payoff.effects_at(x).items():
        yield Figure(case, "effects", name, "effect", "1", float(value[0]))
    for name, value in payoff.events_at(x).items():
        yield Figure(case, "events", name, "date", "year", float(value[0]))


def _stocks(case: str, fit: Accepted, model: Model, names: tuple[str, ...]) -> Iterator[Figure]:
    run = model.with_constants(fit.values).runs({}, list(names), save_period=QUARTER).dataset().isel(run=0)
    for name in names:
        variable = model.variable(name)
        what = f"{variable.name} at {model.final_time:g}"
        yield Figure(case, "stocks", what, "stock", variable.unit, float(run[variable.name][-1]))


def _phase_out(case: str, fit: Accepted, model: Model) -> Iterator[Figure]:
    """Adoption and public money under the schedules of the case's study, at each response of buyers.

    Of the exits of each family the first, the middle and the last.
    """
    study = load_phase_out_study(case)
    samples = {name: np.array([one[name] for one in fit.variants.values()]) for name in fit.values}
    starts = study.grid.starts
    shown = (starts[0], starts[len(starts) // 2], starts[-1])
    arms = {arm: one for arm, one in arms_of(study).items() if arm.role != "grid" or arm.start in shown}
    until = study.horizon + study.tail
    runs = ScheduleRuns(prepared(study, model), tuple(arms.values()), samples, outputs(study), until)
    found = results(study, in_memory(runs, tuple(arms), samples))
    names: dict[str, Kind] = {
        f"units sold to {study.horizon:g}": "units", f"fiscal outlay to {study.horizon:g}": "money",
        "outlay with tail": "money", **{f"year of {share:.0%}": "date" for share in study.shares},
    }  # fmt: skip
    for arm, measures in zip(found.arms, found.measures, strict=True):
        for name, kind in names.items():
            one = measures[name]
            for response, value in zip(fit.variants, one.values, strict=True):
                what = f"{arm.label}, {response} response: {name}"
                yield Figure(case, "phase-out", what, kind, one.unit, float(value))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per case and group: figures, how many hold, the largest shift (of those that move, if any) and whose."""
    rows = []
    for (case, group, measure), part in table.groupby(["case", "group", "measured as"], sort=False):
        moving = part[part["verdict"] == MOVES]
        shown = moving if len(moving) else part
        worst = shown.iloc[int(np.argmax(pd.to_numeric(shown["shift"]).abs().fillna(np.inf).to_numpy()))]
        rows.append(
            {"case": case, "group": group, "figures": len(part), "hold": int((part["verdict"] == HOLDS).sum()),
             "largest shift": worst["shift"], "measured as": measure, "tolerance": worst["tolerance"],
             "of": worst["what"]}
        )  # fmt: skip
    return pd.DataFrame(rows)


def words(table: pd.DataFrame, study: Study) -> str:
    """Say in one sentence how the certificate stands."""
    holds = int((table["verdict"] == HOLDS).sum())
    moved = table.loc[table["verdict"] == MOVES, "what"].tolist()
    told = one_by_one(map(term, moved[:FIRST]))
    if len(moved) > FIRST:
        told = worded("{figures}; and {count} more", figures=told, count=len(moved) - FIRST)
    rest = worded("beyond it: {figures}", figures=told) if moved else worded("all within tolerance")
    return worded(
        "{holds} of {all} headline figures hold at 1/{divide} of the time step; {rest}.",
        holds=holds, all=len(table), divide=study.divide, rest=rest,
    )  # fmt: skip


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
