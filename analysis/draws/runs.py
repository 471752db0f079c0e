"""Runs of a case over its posterior draws, with variables held from some year on in the same draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.draws.stages import STAGE_OUTPUTS, STAGES, date_stages
from calibration.errors import AbsentError
from calibration.records.results import Accepted, accepted_posterior
from models.case import load_case
from stockflow import Model
from stockflow.arrays import Array
from stockflow.over_time import QUARTER

Paths = Mapping[str, tuple[Array, Array]]
OWN = "own"  # a variable held at the value it has when the holding begins


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A case with values of its parameters: draws of the accepted posterior, or one run where there is none.

    `samples` holds (draw,) by parameter; `basis` says in words what the draws are.
    """

    case: str
    model: Model
    samples: Mapping[str, Array]
    basis: str

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(next(iter(self.samples.values()))) if self.samples else 1

    @property
    def posterior(self) -> bool:
        """Whether these are draws of a posterior, so that an interval means something."""
        return bool(self.samples)

    def until(self, wanted: float) -> float:
        """Return a last year that the model can run to."""
        return min(wanted, self.model.final_time)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Saved runs of one case: `times`, (time,), and values by variable as it was asked for, (draw, time)."""

    times: Array
    values: Mapping[str, Array]

    def at(self, variable: str, year: float) -> Array:
        """Return the values, (draw,), at the last saved time not after `year`."""
        return self.values[variable][:, int(np.searchsorted(self.times, year + 1e-9)) - 1]

    def stages(self) -> Array:
        """Return the date of every stage, (draw, stage); infinite where never reached."""
        dates = date_stages(self.times, self.values)
        return np.stack([dates[stage] for stage in STAGES], axis=-1)


def drawn(case: str, draws: int, model: Model | None = None) -> Drawn:
    """Return `draws` evenly spaced draws of the accepted posterior; where there is none yet the run of the case file.

    Raises InputError, with the remedy, for a posterior that is damaged or of another model, data or target file.
    """
    model = model or case_model(case)
    try:
        samples = accepted_posterior(case).spread(draws)
    except AbsentError as error:
        return Drawn(case, model, {}, f"one run at the values of the case file, no interval ({error})")
    count = len(next(iter(samples.values())))
    return Drawn(case, model, samples, f"{count} draws of the accepted posterior")


def at_fit(case: str, model: Model, accepted: Accepted | None) -> Drawn:
    """Return one run of a case: at its accepted estimates, or at the values of its case file."""
    if accepted is None:
        return Drawn(case, model, {}, "one run at the values of the case file")
    return Drawn(case, model.with_constants(accepted.values), {}, "one run at the accepted estimates")


def run(
    of: Drawn,
    outputs: Sequence[str],
    until: float,
    samples: Mapping[str, Array] | None = None,
    series: Paths | None = None,
    save_period: float = QUARTER,
) -> Runs:
    """Run every draw; `samples` and `series` take the place of what the draws or the model have."""
    paths = {of.model.variable(name).name: path for name, path in (series or {}).items()}
    merged = {**_named(of, of.samples), **_named(of, samples or {})}
    given = {name: values for name, values in merged.items() if name not in paths}
    wide = {name: (times, np.broadcast_to(values, (of.count, len(times)))) for name, (times, values) in paths.items()}
    names = list(dict.fromkeys(outputs))
    moving = [
        name for name in names if of.model.variable(name).kind != "constant" or of.model.variable(name).name in paths
    ]
    timed = moving or [STAGE_OUTPUTS[0]]  # constants alone make no run
    batch = of.model.runs(given, timed, until, save_period, series=wide).dataset()
    times = batch["time"].to_numpy()
    values = {name: batch[of.model.variable(name).name].to_numpy() for name in moving}
    for name in set(names) - set(moving):
        one = of.model.variable(name)
        column = given[one.name] if one.name in given else np.array(one.value)
        values[name] = np.repeat(np.broadcast_to(column, (of.count,))[:, None], len(times), 1)
    return Runs(times, values)


def own_paths(of: Drawn, what: Mapping[str, float | str], until: float) -> Runs:
    """Return how the variables to hold, and those that they follow, go in every draw, at every step."""
    followed = [value for value in what.values() if isinstance(value, str) and value != OWN]
    return run(of, [*what, *followed], until, save_period=of.model.time_step)


def held(went: Runs, what: Mapping[str, float | str], since: float, own_at: float | None = None) -> Paths:
    """Return paths that hold variables from the year `since` on, ready for `run`; `went` is that of `own_paths`.

    A variable is held at a number, at its own value of the moment (`OWN`) or of the year `own_at`, or goes as another
    variable went.  Before that it goes as it went, step by step, in the same draw.
    """
    begin = max(since, float(went.times[0]))
    after = went.times > begin - (went.times[1] - went.times[0]) / 2
    paths = {}
    for name, value in what.items():
        path = went.values[name].copy()
        if value == OWN:
            path[:, after] = went.at(name, begin if own_at is None else own_at)[:, None]
        else:
            path[:, after] = went.values[value][:, after] if isinstance(value, str) else value
        paths[name] = (went.times, path)
    return paths


def _named(of: Drawn, samples: Mapping[str, Array]) -> dict[str, Array]:
    return {of.model.variable(name).name: values for name, values in samples.items()}


def case_model(case: str) -> Model:
    """Return the model of a case as its file has it."""
    return load_case(case).model


def with_held(of: Drawn, held: Mapping[str, float]) -> Drawn:
    """Return the case with some variables held, constants or paths over time, whatever model and draws have."""
    model, samples = of.model, _named(of, of.samples)
    ends = [model.initial_time, model.final_time]
    values = {model.variable(name).name: value for name, value in held.items()}
    constants = {name: value for name, value in values.items() if model.variable(name).value is not None}
    paths = {name: (ends, [value, value]) for name, value in values.items() if name not in constants}
    samples |= {name: np.full(of.count, value) for name, value in constants.items() if name in samples}
    return replace(of, model=model.with_constants(constants).with_series(paths), samples=samples)
