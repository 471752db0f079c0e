"""Latecomers: the leader's model run again for a country that enters later, with the leader's run as its world abroad.

A follower has the leader's equations and parameters, but for what the file of latecomers (`latecomers/NAME.toml`) says.
The leader's knowledge, leading chip and output are what it learns from; the leader's price is what it sells against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field, model_validator

from models.case import load_case
from models.files.settings import Strict, read_settings
from models.policy import known_variable
from stockflow import Model
from stockflow.arrays import Array
from stockflow.errors import InputError, unknown
from stockflow.over_time import QUARTER

Text = Annotated[str, Field(min_length=3)]
Evidence = Literal["read", "recalled", "derived", "assumed", "paper"]
FOLDER = Path(__file__).parent / "latecomers"
TINY = 1e-12  # a market of nothing, which the model would divide by
OFFSET = "other attractiveness"
NO_DRAWS: Mapping[str, Array] = MappingProxyType({})
# what the race itself needs of a follower's run
NEEDED = ("willing share", OFFSET, "own experience inflow")


class Number(Strict):
    """A constant of the follower, in the unit of the model."""

    value: float
    unit: str
    source: Text
    evidence: Evidence


class GivenPath(Strict):
    """A driver of the follower: (year, value) points, linear in between and held at the ends."""

    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    unit: str
    source: Text
    evidence: Evidence

    @model_validator(mode="after")
    def _in_order(self) -> GivenPath:
        years = [year for year, _ in self.points]
        if any(b <= a for a, b in pairwise(years)):
            raise ValueError(f"years {years} do not increase")
        return self


class Observed(Strict):
    """Where the shares of the market were observed."""

    table: str
    series: str
    unit: str


class Follower(Strict):
    """A country that enters later: when, and in what it differs from the leader."""

    title: Text
    region: str
    entry: float
    entry_source: Text
    constants: Mapping[str, Number]
    series: Mapping[str, GivenPath]


class Latecomers(Strict):
    """One leader and those that follow it in one market."""

    title: Text
    leader: str
    leader_title: Text
    discovery: float
    discovery_source: Text
    passes: Annotated[int, Field(ge=1, le=50)]
    linked: Mapping[str, tuple[str, ...]]
    frontier: tuple[str, ...]
    observed: Observed
    followers: Mapping[str, Follower] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Race:
    """Runs of leader and followers over the same draws, and the share of the market of each, (run, time).

    `unsettled` is the largest change of any share in the last round: how far the shares are from agreeing.
    """

    study: Latecomers
    times: Array
    leader: xr.Dataset
    followers: Mapping[str, xr.Dataset]
    shares: Mapping[str, Array]
    unsettled: float

    @property
    def leader_share(self) -> Array:
        """What the followers leave, (run, time)."""
        return np.asarray(1.0 - sum(self.shares.values()))


def load_latecomers(name: str, folder: Path = FOLDER) -> Latecomers:
    """Read a file of latecomers and check it against the leader's model.

    Raises InputError for an unknown file, and naming file, key and value for a name that the model lacks, another unit
    than the model's, an entry outside the run, and something given twice.
    """
    known = tuple(sorted(file.stem for file in folder.glob("*.toml")))
    if name not in known:
        raise unknown("file of latecomers", name, known)
    study = read_settings(folder / f"{name}.toml", Latecomers)
    _check(study, load_case(study.leader).model, f"{name}.toml")
    return study


def run_race(
    study: Latecomers,
    draws: Mapping[str, Array] = NO_DRAWS,
    outputs: tuple[str, ...] = (),
    until: float = 2010.0,
    model: Model | None = None,
) -> Race:
    """Run the leader and then the followers against it and each other, for every draw of the leader's parameters.

    `draws` gives constants of the leader (and so of the followers, unless their own file sets them) one value per run;
    `outputs` are kept of every follower's run; `model` is the leader's, that of its case if not given. Each follower's
    odds against the leader are what its run says; the followers' shares are those odds together, s_i = o_i/(1 + sum of
    o), in rounds: in each a follower meets the odds that the others had in the round before, learns from whoever is
    ahead, the leader or another follower (`frontier`), and the output of its own that the leader's run holds is not
    counted as foreign experience a second time.
    """
    model = model or load_case(study.leader).model
    wanted = tuple(dict.fromkeys(q for several in study.linked.values() for q in several))
    drawn = {model.variable(name).name: values for name, values in draws.items()}
    fixed = {
        name: np.atleast_1d(np.asarray(drawn.get(one.name, one.value), dtype=float))
        for name in wanted
        if (one := model.variable(name)).kind == "constant"
    }
    leader = model.runs(draws, [n for n in wanted if n not in fixed], until=until, save_period=QUARTER).dataset()
    times = leader["time"].to_numpy()
    abroad = {driver: _product(leader, fixed, several) for driver, several in study.linked.items()}
    ahead = {driver: study.linked[driver][0] for driver in study.frontier}
    keep = tuple(dict.fromkeys((*NEEDED, *ahead.values(), *outputs)))
    zero = np.zeros((leader.sizes["run"], len(times)))
    odds, shares = dict.fromkeys(study.followers, zero), dict.fromkeys(study.followers, zero)
    runs: dict[str, xr.Dataset] = {}
    theirs = {name: _theirs(model, follower) for name, follower in study.followers.items()}
    unsettled = np.inf
    for _ in range(study.passes):
        before = shares
        for name, follower in study.followers.items():
            others = np.asarray(sum((odds[o] for o in odds if o != name), start=zero))
            own = runs[name]["own experience inflow"].to_numpy() if name in runs else zero
            rivals = [run for other, run in runs.items() if other != name]
            best = {d: np.maximum.reduce([abroad[d], *(r[q].to_numpy() for r in rivals)]) for d, q in ahead.items()}
            runs[name] = _run(theirs[name], follower, draws, {**abroad, **best}, times, others, own, keep, until)
            odds[name] = _odds(runs[name], others)
        total = 1.0 + np.asarray(sum(odds.values()))
        shares = {name: odds[name] / total for name in odds}
        unsettled = max(float(np.abs(shares[name] - before[name]).max()) for name in shares)
    return Race(study, times, leader, runs, shares, unsettled)


def _theirs(model: Model, follower: Follower) -> Model:
    """The leader's model with what the follower differs in."""
    constants = {name: number.value for name, number in follower.constants.items()}
    paths = {
        name: ([year for year, _ in path.points], [value for _, value in path.points])
        for name, path in follower.series.items()
    }
    return model.with_constants(constants).with_series(paths)


def _run(
    theirs: Model,
    follower: Follower,
    draws: Mapping[str, Array],
    abroad: Mapping[str, Array],
    times: Array,
    others: Array,
    own: Array,
    keep: tuple[str, ...],
    until: float,
) -> xr.Dataset:
    held = {theirs.variable(name).name for name in follower.constants}
    free = {name: values for name, values in draws.items() if theirs.variable(name).name not in held}
    offset = np.asarray(theirs.variable("domestic offset").value) / (1.0 + others)
    series = {name: (times, values) for name, values in abroad.items()}
    foreign = "foreign experience inflow"
    if foreign in series:
        series[foreign] = (times, np.maximum(0.0, abroad[foreign] - own))
    series[OFFSET] = (times, offset)
    return theirs.runs(free, keep, until, QUARTER, series=series).dataset()


def _odds(run: xr.Dataset, others: Array) -> Array:
    """Odds of a follower against the leader alone: its willing share was computed with the others in the offset."""
    share = run["willing share"].to_numpy()
    return np.asarray(share / (1.0 - share) * (1.0 + others))


def _product(leader: xr.Dataset, fixed: Mapping[str, Array], several: tuple[str, ...]) -> Array:
    values = np.ones((leader.sizes["run"], leader.sizes["time"]))
    for name in several:
        values = values * (fixed[name][:, None] if name in fixed else leader[name].to_numpy())
    return np.maximum(values, TINY)


def _check(study: Latecomers, model: Model, file: str) -> None:
    lost = [driver for driver in study.frontier if len(study.linked.get(driver, ())) != 1]
    if lost:
        raise InputError(f"{file}: frontier: {lost[0]!r} must be linked to exactly one quantity of the leader's run")
    for driver, several in study.linked.items():
        for name in (driver, *several):
            known_variable(model, name, f"{file}: linked.{driver}")
    for key, follower in study.followers.items():
        place = f"{file}: followers.{key}"
        if not model.initial_time <= follower.entry <= model.final_time:
            raise InputError(
                f"{place}: entry {follower.entry:g} is outside the run, {model.initial_time:g} to {model.final_time:g}"
            )
        differing: dict[str, Number | GivenPath] = {**follower.constants, **follower.series}
        for name, given in differing.items():
            one = known_variable(model, name, place)
            if given.unit != one.unit:
                raise InputError(f"{place}: {name!r} is in {given.unit!r}, not {one.unit!r}")
            if name in study.linked:
                raise InputError(f"{place}: {name!r} is linked to the leader's run as well")
        for name, number in follower.constants.items():
            one = model.variable(name)
            if one.kind != "constant":
                raise InputError(f"{place}: {name!r} is not a constant; give it a path in series")
            one.check(number.value)
