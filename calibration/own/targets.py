"""From a user's observations to a target file: what is fitted to what, written into NAME/results with its table.

One adoption series is fitted, the first there is of annual volume, cumulative volume and share: the others repeat it.
They are shown, and a cumulative volume places the start. Numbers in the table are in the model's units; the unit, value
and source of each row as it was given stand in its note.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from calibration.fitting.targets import Prior, Targets, load_targets
from calibration.observed.tables import written
from calibration.own.data import ANNUAL, COST, CUMULATIVE, SHARE, Observed, by_series, read_rows, require
from calibration.own.settings import OwnSettings, pooled_priors
from models.own import OwnFile, own_drivers, own_numbers, read_own
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.files import writing

TABLE, TARGETS = "observations", "targets.toml"
ADOPTION = (ANNUAL, CUMULATIVE, SHARE)
QUANTITY = {
    ANNUAL: ("Cumulative Domestic Sales", "yearly difference"),
    CUMULATIVE: ("cumulative volume", "year end"),
    SHARE: ("market share", "mid year"),
}
COST_QUANTITY = {"price": "Cumulative Price", "cost": "Cumulative Unit Cost"}
FLOOR = "cost floor share"
RECENT = 6  # first years whose growth says how fast sales grew before the start


def observations(path: Path, folder: Path, settings: OwnSettings) -> dict[str, Observed]:
    """Read and check the observations of the case in `folder`; InputError by row for whatever cannot be used."""
    found = by_series(read_rows(path), read_own(folder))
    require(found, settings.fewest, path)
    return found


def adoption_of(observed: Mapping[str, Observed]) -> str:
    """Return the adoption series that is fitted."""
    return next(name for name in ADOPTION if name in observed)


def scales_of(observed: Mapping[str, Observed], folder: Path) -> dict[str, float]:
    """Return what the observations say of scales, in the model's units, by the parameter that has it.

    Experience at the start is volume then over its growth rate, the cost of a component the first cost less the markup
    of a price, its floor the lowest cost as a share of the first.

    With growth g of the first years, a cumulative volume of C at the first year's end is C exp(-g (years since the
    start)), a yearly volume of V is V/g made before it.
    """
    own, numbers = read_own(folder), own_numbers(folder, fitted=False)
    name = adoption_of(observed)
    one = observed.get(CUMULATIVE, observed[name])
    years, values = np.array(one.years, dtype=float), np.array(one.in_model)
    if one.name == SHARE:
        size = own_drivers(folder)["market size"]
        values = values * np.interp(years + 0.5, size.years, size.values)
    growth = _growth(years, values)
    since = years[0] - own.control.initial_time
    before = values[0] * np.exp(-growth * (since + (1.0 if one.name == CUMULATIVE else 0.5)))
    experience = before if one.name == CUMULATIVE else before / growth
    markup = numbers.parameters["target markup"].value if own.cost.kind == "price" else 0.0
    costs = observed[COST].in_model
    scales = {"initial experience": float(experience), "reference component cost": costs[0] / (1 + markup)}
    return {**scales, FLOOR: lowest_of(costs)}


def lowest_of(costs: Sequence[float]) -> float:
    """Return the lowest cost as a share of the first."""
    return min(costs) / costs[0]


def seen_priors(free: Mapping[str, Prior], costs: Sequence[float], settings: OwnSettings) -> dict[str, Prior]:
    """Return the priors as they would have been had no cost after `costs` been known.

    The floor's is centred below the lowest cost; every other is of the industries, judged, or of the first years.
    """
    known = settings.started[FLOOR].times * lowest_of(costs)
    return {**free, FLOOR: free[FLOOR].model_copy(update={"centre": known})}


def _growth(years: Array, values: Array) -> float:
    slope = float(np.polyfit(years[:RECENT], np.log(values[:RECENT]), 1)[0])
    return float(np.clip(slope, 0.02, 1.0))


def priors(observed: Mapping[str, Observed], folder: Path, settings: OwnSettings) -> dict[str, Prior]:
    """Return the prior of every free parameter, its centre kept inside the bounds of the case."""
    scales, known = scales_of(observed, folder), own_numbers(folder, fitted=False).parameters
    out = pooled_priors(settings.pool)
    for name, judged in settings.judged.items():
        out[name] = Prior(shape=judged.shape, centre=judged.centre, spread=judged.spread, source=judged.reason)
    for name, rule in settings.started.items():
        out[name] = Prior(shape="lognormal", centre=rule.times * scales[name], spread=rule.spread, source=rule.reason)
    for name, prior in out.items():
        one = known[name]
        if not one.low <= prior.centre <= one.high:
            raise InputError(
                f"{folder}: prior of {name!r} is centred at {prior.centre:g} {one.unit}, outside {one.low:g} to "
                f"{one.high:g}: choose another unit of the model (case.toml: volume.in_model)"
            )
    return out


def write_targets(
    name: str, observed: Mapping[str, Observed], folder: Path, settings: OwnSettings, quick: bool = False
) -> Targets:
    """Write table and target file of the case `name` into folder/results and return the targets read back."""
    place = folder / "results"
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{TABLE}.csv").write_text(_table(observed), encoding="utf-8")
        (place / f"{TABLE}.toml").write_text(tomlkit.dumps(_manifest(name, observed)), encoding="utf-8")
        text = tomlkit.dumps(_targets(name, observed, folder, settings, quick))
        (place / TARGETS).write_text(text, encoding="utf-8")
    return load_targets(str(folder), place / TARGETS)


def _table(observed: Mapping[str, Observed]) -> str:
    return written(
        (one.name, "own", row.year, f"{value:.12g}", "1", row.source, "read", f"given as {row.value!r} {row.unit}")
        for one in observed.values()
        for row, value in zip(one.rows, one.in_model, strict=True)
    )


def _manifest(name: str, observed: Mapping[str, Observed]) -> dict[str, Any]:
    years = [year for one in observed.values() for year in one.years]
    return {
        "title": f"Observations of {name}, in units of the model",
        "layout": "series",
        "origin": "given by the user, each row with its source",
        "licence": "as the sources have it",
        "first_year": min(years),
        "last_year": max(years),
        "series": [
            {
                "name": one.name, "unit": "1", "regions": ["own"], "role": "outcome",
                "meaning": f"{one.name} in {one.unit}, times {one.factor:.10g}", "scope": "as the sources have it",
                "time_basis": "end of the year" if one.name == CUMULATIVE else "mean of the year", "breaks": [],
            }
            for one in observed.values()
        ],
    }  # fmt: skip


def _targets(
    name: str, observed: Mapping[str, Observed], folder: Path, settings: OwnSettings, quick: bool
) -> dict[str, Any]:
    own: OwnFile = read_own(folder)
    fitted = (COST, adoption_of(observed))
    rules = settings.quick if quick else settings.sampling
    return {
        "case": name,
        "last_year": max(year for one in observed.values() for year in one.years),
        "starts": settings.starts,
        "seed": settings.seed,
        "response": settings.response,
        "response_grid": list(settings.response_grid),
        "free": {key: prior.model_dump() for key, prior in priors(observed, folder, settings).items()},
        "errors": {"largest_persistence": settings.largest_persistence},
        "sampling": rules.model_dump(),
        "series": [_series(one, own, settings, one.name in fitted) for one in observed.values()],
    }


def _series(one: Observed, own: OwnFile, settings: OwnSettings, fitted: bool) -> dict[str, Any]:
    quantity, measure = QUANTITY.get(one.name, (COST_QUANTITY[own.cost.kind], "yearly difference"))
    source = {"table": TABLE, "series": one.name, "region": "own", "unit": "1",
              "first_year": one.years[0], "last_year": one.years[-1]}  # fmt: skip
    return {
        "name": one.name, "quantity": quantity, "measure": measure, "unit": "1",
        "sigma": settings.series[one.name].sigma, "first_year": one.years[0], "last_year": one.years[-1],
        "use": "closed loop" if fitted else "shown only",
        "scope": f"in units of the model; 1 {one.unit} is {one.factor:.10g} of them", "sources": [source],
    }  # fmt: skip
