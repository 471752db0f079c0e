"""From a study to runs: the model with its sums, the arms with their schedules, what computes them, and the store."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import xarray as xr

from analysis.ensembles.ensemble import Ensemble
from analysis.phase_out.account import ARREARS, CREDITS, LEVY, LINES, PROMISED, RETURNED, SUPPORT_AND_TAX, TOTAL, sums
from analysis.phase_out.adoption import MADE, MARKET, OUTSTANDING, PLANT, RUSH, SHARE, SOLD
from analysis.phase_out.results import SIGNALS
from analysis.phase_out.runs import Arm, Runs, Values, by_name, family, in_memory
from analysis.phase_out.study import ExitStudy, PhaseOutStudy
from models.files.settings import NEVER
from models.schedules.change import Amount, Change
from models.schedules.file import Schedule, load_schedule
from models.schedules.instruments import instrument
from models.schedules.run import run_schedule
from models.schedules.variants import variants
from stockflow import Model
from stockflow.accumulate import with_sums
from stockflow.arrays import Array
from stockflow.language.codec import digest
from stockflow.over_time import QUARTER


def prepared(study: ExitStudy, model: Model) -> Model:
    """Return the model with the sums that the results read, and no new support from the horizon on.

    Until the horizon every value stays what it is, to rounding (the engine orders sums by what is asked for); after it
    only contracts that exist are paid: the tail.
    """
    closing = {"support suspension start": study.horizon, "support suspension end": NEVER}
    return with_sums(model.with_constants(closing), sums(study.case))


def outputs(study: PhaseOutStudy) -> tuple[str, ...]:
    """Names of all variables that the results of a study read."""
    apart = CREDITS if study.case == "nev" else LEVY
    lines = [line.stock for line in (*LINES, RETURNED, PROMISED, apart)]
    adoption = (SHARE, SOLD, MADE, MARKET, PLANT, RUSH, OUTSTANDING)
    return (*adoption, *lines, TOTAL, SUPPORT_AND_TAX, ARREARS, *SIGNALS[study.case])


def arms_of(study: PhaseOutStudy, exits: bool = True) -> dict[Arm, Schedule]:
    """Return the schedules of a study by arm: supported path, no support, the named ones, then exits of the grid.

    Raises InputError for a schedule file that is bad, missing or of another case, and where nothing can be ended.
    """
    base = load_schedule(study.supported, study.case)
    ended = study.grid.instruments or tuple(base.instruments)
    none = load_schedule(study.no_support, study.case) if study.no_support else never(base, ended)
    found = {Arm("continued support", "supported"): base, Arm("no support", "no support"): none}
    for name in study.schedules:
        schedule = load_schedule(name, study.case)
        found[Arm(schedule.name.removeprefix(f"{study.case}_").replace("_", " "), "named")] = schedule
    if not exits:
        return found
    for shape, length in study.grid.families:
        lengths = () if shape == "cliff" else (length,)
        made = variants(base, [shape], study.grid.starts, lengths, ended)
        for start, schedule in zip(study.grid.starts, made, strict=True):
            found[Arm(f"{family(shape, length)}, from {start:g}", "grid", shape, start, length)] = schedule
    return found


def never(base: Schedule, ends: Sequence[str]) -> Schedule:
    """Return the base without some instruments, ever."""
    units = {name: instrument(base.case, name).unit for name in ends}
    return base.changed(
        {name: Change(amount=Amount(value=0.0, unit=unit)) for name, unit in units.items()}, f"{base.name}_never"
    )


@dataclass(frozen=True, eq=False)
class ScheduleRuns:
    """Computes the runs of a study, draw by draw under each schedule; it pickles, and a run has the same bits anywhere.

    `model` is a prepared one; `draws` hold (draw,) values of its constants.
    """

    model: Model
    schedules: tuple[Schedule, ...]
    draws: Mapping[str, Array]
    outputs: tuple[str, ...]
    until: float

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of every output."""
        return {name: self.model.variable(name).unit for name in self.outputs}

    @property
    def times(self) -> Array:
        """Saved times: quarters from the start of the model."""
        steps = np.arange(round((self.until - self.model.initial_time) / QUARTER) + 1, dtype=np.float64)
        return steps * QUARTER + self.model.initial_time

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Array:
        """Return draws `first` to `last`, exclusive, under one schedule: (run, time, variable)."""
        samples = {name: values[first:last] for name, values in self.draws.items()}
        found = run_schedule(self.model, self.schedules[schedule], samples, self.outputs, self.until, QUARTER, threads)
        return np.stack([found[name].to_numpy() for name in self.outputs], axis=2)


def ensemble(study: PhaseOutStudy, model: Model, draws: Mapping[str, Array]) -> tuple[Ensemble, tuple[Arm, ...]]:
    """Return the runs of a study as an ensemble, with its arms in order; `model` is the case's own."""
    found = arms_of(study)
    ready = prepared(study, model)
    made = tuple(found.values())
    computes = ScheduleRuns(ready, made, draws, outputs(study), study.horizon + study.tail)
    parameters = hashlib.sha256(b"".join(f"{k}:".encode() + v.tobytes() for k, v in sorted(draws.items())))
    texts = json.dumps([one.model_dump(mode="json") for one in made])
    origin = {
        "case": study.case,
        "equations": digest(ready.equations),
        "parameters of the draws": parameters.hexdigest()[:16],
        "contents of the schedules": hashlib.sha256(texts.encode()).hexdigest()[:16],
    }
    arms = tuple(found)
    return Ensemble(computes, tuple(arm.label for arm in arms), len(next(iter(draws.values()))), origin), arms


def stored(dataset: xr.Dataset, arms: tuple[Arm, ...], draws: Mapping[str, Array]) -> Runs:
    """Return the runs of an open store; each arm is read when asked for, and the first two are kept."""
    count = len(next(iter(draws.values())))
    names = [str(name) for name in dataset["variable"].to_numpy()]

    def load(place: int) -> Values:
        return by_name(names, dataset["values"][place * count : (place + 1) * count].to_numpy())

    kept = cache(load)
    return Runs(arms, dataset["time"].to_numpy(), draws, lambda place: kept(place) if place < 2 else load(place))


def rushed(study: PhaseOutStudy, model: Model, draws: Mapping[str, Array]) -> Mapping[float, Runs]:
    """Return runs with other values of the constant that lets announcements pull sales forward, without exits.

    One for each value that the study states; none if it states none.
    """
    if study.rush is None:
        return {}
    found = arms_of(study, exits=False)
    draws = {name: values for name, values in draws.items() if name != study.rush.constant}
    out = {}
    for value in study.rush.values:
        ready = prepared(study, model).with_constants({study.rush.constant: value})
        computes = ScheduleRuns(ready, tuple(found.values()), draws, (RUSH, OUTSTANDING), study.horizon)
        out[value] = in_memory(computes, tuple(found), draws)
    return out
