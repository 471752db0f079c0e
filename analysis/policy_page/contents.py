"""What is on a policy maker's page: the compiled model with the paths of its instruments open."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from analysis.draws.runs import drawn
from analysis.draws.stages import STAGE_OUTPUTS
from analysis.paths.forward import changed, check_forward
from analysis.paths.study import Ahead, PathStudy
from analysis.phase_out.account import ARREARS, LINES, SUPPORT, TOTAL, outlay
from analysis.phase_out.adoption import MARKET, SOLD
from analysis.phase_out.hinges import THIRDS
from analysis.phase_out.prepare import prepared
from analysis.phase_out.study import STUDIED, PhaseOutStudy, load_phase_out_study
from calibration.fitting.targets import load_targets
from calibration.records.results import load_accepted
from models.case import load_case
from models.home import home_of
from models.policy import history
from models.schedules.change import TRIGGERS
from models.schedules.described import Described, described
from models.schedules.file import Schedule, load_schedule, unchanged
from models.schedules.instruments import Instrument
from models.schedules.paths import Grid
from models.schedules.run import CENT, run_schedule
from stockflow import Model
from stockflow.arrays import Array, Flags
from stockflow.errors import InputError
from stockflow.names import plain
from stockflow.over_time import QUARTER
from stockflow.page import MOST_DRAWS
from stockflow.page.contents import Asked, Contents, contents

TEXTS = tomllib.loads(files("analysis.policy_page").joinpath("texts.toml").read_text(encoding="utf-8"))
#: what fields of a page take: least, most, step
LIMITS: Mapping[str, Sequence[float]] = TEXTS["limits"]
#: by which field of a page what an end waits for is set
AWAITED = {"market share": "share", "cost parity ratio": "cost", "cumulative volume": "volume"}
PARITY = TRIGGERS["cost parity ratio"][1]
OWNERS = ("user cost", "reference cost")
#: paths of support that an exit may be held against, the first unless told otherwise: `--against` of `techcycle exit`
BASES = ("continued", "history")


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What goes another way than expected: drivers on the grid, (point,), and what is paid there, by base and name.

    `ends` is what the factors of all its drivers end at, and `from_year` from when on; None where they do not agree, or
    a driver has a path of its own.
    """

    drivers: Mapping[str, Array]
    paid: Mapping[str, Mapping[str, Described]]
    ends: float | None = None
    from_year: float = 0.0

    def of(self, names: Collection[str]) -> World:
        """Return the world with some instruments alone."""
        paid = {base: {name: one[name] for name in names} for base, one in self.paid.items()}
        return replace(self, paid=paid)


@dataclass(frozen=True, slots=True, eq=False)
class PolicyPage:
    """A case made ready for its page.

    `model` is that of the study, whose runs `page` makes; of its instruments those are on it of which anything is
    paid after the study begins. A path is open at the points of history before `since` and at every
    moment of a run from then on; `ahead` is how far buyers see, in years. `third` (draw,) is 0, 1 or 2 by response.
    `worlds` are those of the study of paths, the expected one first.
    """

    study: PhaseOutStudy
    model: Model
    page: Contents
    at: Grid
    ahead: float
    bases: Mapping[str, Schedule]
    worlds: Mapping[str, World]
    third: Array
    response: str

    @property
    def paid(self) -> Mapping[str, Mapping[str, Described]]:
        """The instruments in the expected world, by base and name."""
        return next(iter(self.worlds.values())).paid

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments on the page."""
        return tuple(one.about for one in self.paid[BASES[0]].values())

    @property
    def other(self) -> tuple[Instrument, ...]:
        """The instruments that buyers are given nothing of."""
        beside = {one.beside for one in self.instruments if one.to_buyers or one.price}
        return tuple(one for one in self.instruments if not (one.to_buyers or one.price or one.variable in beside))

    @property
    def counted(self) -> tuple[str, ...]:
        """What is observed of sales where that is not sales themselves: sums over time."""
        return _counted(self.study)

    @property
    def samples(self) -> dict[str, Array]:
        """The draws that page and command are given alike, (draw,) by parameter."""
        return {name: self.page.drawn[:, place].astype(float) for place, name in enumerate(self.page.samples)}

    def departs(self, world: str) -> float | None:
        """Return to when a world is the expected one, in drivers and payments; None if it always is."""
        own, usual = self.worlds[world], next(iter(self.worlds.values()))
        pairs = [(path, np.interp(self.at.times, *history(self.model, name))) for name, path in own.drivers.items()]
        for base, paid in own.paid.items():
            for name, one in paid.items():
                pairs += _pairs(one, usual.paid[base][name])
        other = np.any([path != expected for path, expected in pairs], axis=0)
        return float(self.at.times[max(int(np.argmax(other)) - 1, 0)]) if other.any() else None

    @property
    def scaled(self) -> tuple[str, ...]:
        """Worlds that can be had in part or beyond, and with each other: they move drivers alone, each its own."""
        usual, moved, found = next(iter(self.worlds.values())), set[str](), list[str]()
        for name, one in self.worlds.items():
            alike = all(
                (own == other).all()
                for base, paid in one.paid.items()
                for name_of, line in paid.items()
                for own, other in _pairs(line, usual.paid[base][name_of])
            )
            if one.ends is not None and alike and not moved & one.drivers.keys():
                found.append(name)
                moved |= one.drivers.keys()
        return tuple(found)

    @property
    def open(self) -> NDArray[np.intp]:
        """Places, on the grid, of the moments at which paths are open."""
        return np.flatnonzero(self.at.times >= self.study.since)

    @property
    def weights(self) -> Mapping[str, Array]:
        """What one more at a saved time adds to the present value of public money, (time,), by output."""
        times, sums = self.page.simulator.times, (TOTAL, SUPPORT.stock, ARREARS)
        one, none = np.eye(len(times)), np.zeros((len(times), len(times)))
        return {
            name: outlay(self.study, times, {other: one if other == name else none for other in sums}, self.study.rate)
            for name in sums
        }


def policy_page(case: str, draws: int = MOST_DRAWS) -> PolicyPage:
    """Return what the page of a case holds; InputError for a case without a study of its exits."""
    name = home_of(case).name
    if name not in STUDIED:
        having = ", ".join(map(repr, STUDIED))
        raise InputError(f"page: {case!r} has no study of ending support, which a page is judged by; {having} have one")
    study = load_phase_out_study(name)
    of, until = drawn(study.case, draws), study.horizon + study.tail
    model = prepared(study, load_case(study.case).model)
    bases = dict(zip(BASES, (load_schedule(study.supported, study.case), unchanged(study.case)), strict=True))
    worlds, at, ahead = _worlds(model, of.samples, bases, until)
    later, first = at.times >= study.since, next(iter(worlds.values()))
    kept = [name for name in first.paid[BASES[0]] if any(_pays(one[name], later) for one in first.paid.values())]
    worlds = {name: one.of(kept) for name, one in worlds.items()}
    paid = worlds[next(iter(worlds))].paid[BASES[0]]
    drivers = dict.fromkeys(driver for one in worlds.values() for driver in one.drivers)
    lines = _lines(model, at, later, paid.values(), ahead, drivers)
    prices = [one.about.price for one in paid.values() if one.about.price]
    sums = [SOLD, MARKET, *_counted(study), TOTAL, ARREARS, *(line.stock for line in LINES)]
    triggers = [name for _, names in TRIGGERS.values() for name in names]
    outputs = dict.fromkeys([*sums, *STAGE_OUTPUTS, *triggers, *OWNERS, "Price", *prices])
    asked = Asked(
        inputs=[], outputs=list(outputs), curves=list(lines), samples=of.samples, draws=draws, until=until,
        save_period=QUARTER, pictures=False, changed=(study.since, study.horizon - study.exit.years_after),
    )  # fmt: skip
    page = contents(model.with_series(lines), asked)
    response = load_accepted(study.case).response
    order = next(page.drawn[:, i] for i, name in enumerate(page.samples) if plain(name) == plain(response))
    third = np.empty(len(order))
    for place, some in enumerate(np.array_split(np.argsort(order, kind="stable"), len(THIRDS))):
        third[some] = place
    return PolicyPage(study, model, page, at, ahead, bases, worlds, third, response)


def _counted(study: PhaseOutStudy) -> tuple[str, ...]:
    quantities = {one.name: one.quantity for one in load_targets(study.case).series}
    return tuple(dict.fromkeys(quantities[one.series] for one in study.happened if one.series) - {SOLD: None}.keys())


def _pairs(one: Described, other: Described) -> list[tuple[Array, Array]]:
    now = [(one.now.full, other.now.full), (one.now.low, other.now.low)]
    if one.ahead is None or other.ahead is None:
        return now
    return [*now, (one.ahead.full, other.ahead.full), (one.ahead.low, other.ahead.low)]


def _pays(one: Described, later: Flags) -> bool:
    return bool((one.now.full[later] > 0).any())


def _worlds(
    model: Model, samples: Mapping[str, Array], bases: Mapping[str, Schedule], until: float
) -> tuple[dict[str, World], Grid, float]:  # fmt: skip
    """Return the worlds of the study of paths, the moments of a run, and how far ahead buyers see (years).

    Worlds in which support that goes on would exceed the price are left out: what is paid there depends on the run.
    """
    study, found, case = PathStudy.load(), dict[str, World](), bases[BASES[0]].case
    check_forward(case, model, study)
    for name, one in study.forward[case].scenarios.items():
        world, paid = changed(model, one, name), dict[str, Mapping[str, Described]]()
        if (run_schedule(world, bases[BASES[0]], samples, ["Price"], until, QUARTER)["cut"] > CENT).any():
            continue
        for base, schedule in bases.items():
            at, ahead, paid[base] = described(world, schedule, until)
        moved = [model.variable(driver).name for driver in (*one.factors, *one.paths)]
        drivers = {driver: np.interp(at.times, *history(world, driver)) for driver in moved}
        found[name] = World(drivers, paid, *_end(one))
    return found, at, ahead


def _end(one: Ahead) -> tuple[float | None, float]:
    """Return what the factors of a world end at, and from when on."""
    ends = {points[-1] for points in one.factors.values()}
    if one.paths or len(ends) != 1 or (end := next(iter(ends)))[1] == 1.0:
        return None, 0.0
    return end[1], end[0]


def _lines(
    model: Model, at: Grid, later: Flags, paid: Collection[Described], ahead: float, drivers: Collection[str]
) -> dict[str, tuple[Array, Array]]:  # fmt: skip
    """Return the points of all paths: history to the last moment not open, what buyers see read `ahead`, then the open.

    Drivers of the world go on as history has them.

    All stand at the same times, so that a run finds its place among them once.
    """
    values = {one.about.variable: (0.0, one.now.full) for one in paid}
    values |= {one.about.announced: (ahead, one.ahead.full) for one in paid if one.ahead is not None}
    values |= {name: (0.0, np.interp(at.times, *history(model, name))) for name in drivers}
    past, last = {name: history(model, name) for name in values}, at.times[~later][-1]
    head = np.unique(np.concatenate([[last], *(past[name][0] - by for name, (by, _) in values.items())]))
    head = head[head <= last]
    return {
        name: (np.append(head, at.times[later]), np.append(np.interp(head + by, *past[name]), full[later]))
        for name, (by, full) in values.items()
    }
