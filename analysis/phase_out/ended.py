"""What ending the support of any case does, without a study: runs with and without it over draws of its posterior."""

from collections.abc import Sequence

import pandas as pd

from analysis.draws.runs import Drawn
from models.home import home_of
from models.schedules.file import Schedule, unchanged
from models.schedules.instruments import instruments
from models.schedules.law import Exit
from models.schedules.run import run_schedule
from models.schedules.variants import variants
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval
from stockflow.over_time import QUARTER

DRAWS = 200
LENGTH = 5.0  # years that a sloping end takes
ACCOUNT = (
    "Cumulative Domestic Sales", "market share", "Price", "Cumulative Support Outlay", "Cumulative Fiscal Outlay",
)  # fmt: skip


def support_ended(of: Drawn, until: float, start: float | None = None, shape: Exit = "cliff") -> pd.DataFrame:
    """Compare support as the case has it with support that ends, draw by draw, at the year `until`.

    Support is what the case gives buyers: a schedule ends every such instrument by `shape` from the year `start`, by
    default at the start of the run: a cliff there is no support at all. Columns are median and 90% interval of each
    figure with support, without, and of the difference, in the units of the case's observations. InputError for a case
    without support, and years that do not fit the run.
    """
    model, home = of.model, home_of(of.case)
    begin = model.initial_time if start is None else start
    if not (model.initial_time <= begin < until <= model.final_time):
        span = f"{model.initial_time:g} to {model.final_time:g}"
        raise InputError(f"a phase-out from {begin:g} seen at {until:g}: must lie in the run, {span}, in this order")
    ended = {key: one for key, one in instruments(home.entry).items() if one.to_buyers}
    base = unchanged(home.entry)
    if not any(flow.any() for flow in _runs(of, base, sorted({one.money for one in ended.values()}), until).values()):
        told = " and ".join(repr(one.variable) for one in ended.values())
        raise InputError(
            f"{home.drivers[0]}: {told} are never above 0 by {until:g}: no support to end; give it there and calibrate "
            "again"
        )
    (ending,) = variants(base, [shape], [begin], [LENGTH], tuple(ended))
    kept, gone = (_runs(of, one, ACCOUNT, until) for one in (base, ending))
    own, rows = home.units_of(), []
    for figure in ACCOUNT:
        unit = model.variable(figure).unit.replace("Dmnl", "1")
        shown, factor = (unit, 1.0) if own is None else own.shown(unit)
        row: dict[str, object] = {"figure": figure, "unit": shown}
        before, after = kept[figure][:, -1] / factor, gone[figure][:, -1] / factor
        for told, values in (("with", before), ("without", after), ("difference", after - before)):
            row |= zip((f"{told} low", told, f"{told} high"), interval(values), strict=True)
        rows.append(row)
    return pd.DataFrame(rows)


def _runs(of: Drawn, schedule: Schedule, outputs: Sequence[str], until: float) -> dict[str, Array]:
    """Return the values, (draw, time), of the outputs under a schedule."""
    found = run_schedule(of.model, schedule, of.samples, outputs, until, QUARTER)
    return {name: found[name].to_numpy() for name in outputs}
