"""A model in which the schedule that is searched for moves some instruments alone, and not all given support."""

from collections.abc import Iterable

from models.schedules.instruments import Instrument
from models.schedules.knots import AHEAD, CORE, WRAPPED
from stockflow import Model
from stockflow.language.source import equations
from stockflow.names import plain

# what a plant gets for its power without support: the knots leave a share of what the tariff is above that
FLOOR = {"feed in tariff": "market value"}


def moving(model: Model, ends: Iterable[Instrument]) -> Model:
    """Return a model of `knots_model` with its schedule on the paths of some instruments, not on the multiplier."""
    file = model.file
    own = {entry.key: entry.equation for entry in file.entries()}
    changed, more = {name: f"{name}= {CORE}" for name in (WRAPPED, AHEAD)}, []
    for one in ends:
        floor = FLOOR.get(one.variable)
        for name, left in ((one.variable, "support left"), (one.announced, "announced support left")):
            if name:
                core = f"core {name}"
                share = f"{floor}+MAX(0, {core}-{floor})*{left}" if floor else f"{core}*{left}"
                changed[name] = f"{name}= {share}"
                _, _, given = own[plain(name)].partition("=")
                more.append(f"{core}={given}\n\t~\t{model.variable(name).unit}\n\t~\tAs given.\n\t|\n\n")
    source = file.with_equations(changed).with_more("".join(more))
    return Model(equations(source), source)
