"""A posterior as a NetCDF file that ArviZ and xarray read, with what it depends on; and back as draws to run with."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from calibration.errors import AbsentError
from calibration.fitting.payoff import Payoff
from calibration.fitting.posterior import Draws, quantities
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.files import read_bytes, read_text, replace_file

PACKED = {"zlib": True, "complevel": 9, "shuffle": True, "fletcher32": True, "dtype": "float32"}


@dataclass(frozen=True, slots=True)
class Posterior:
    """Draws of one accepted posterior in natural units: parameters, and other reported quantities, (draw,) each.

    `series` holds the modelled years and the replicated observations of every series, (draw, year).
    """

    case: str
    parameters: Mapping[str, Array]
    reported: Mapping[str, Array]
    series: Mapping[str, tuple[tuple[int, ...], Array, Array]]

    @property
    def size(self) -> int:
        """Number of draws."""
        return len(next(iter(self.parameters.values())))

    def spread(self, count: int) -> dict[str, Array]:
        """Return `count` draws of the parameters, evenly spaced along the chains."""
        chosen = np.unique(np.linspace(0, self.size - 1, min(count, self.size)).astype(int))
        return {name: values[chosen] for name, values in self.parameters.items()}


def replicated(payoff: Payoff, x: Array, seed: int) -> list[Array]:
    """Draw what the series could have been, (run, year) each: modelled values times errors of the fitted kind."""
    rng = np.random.default_rng(seed)
    _, sigma, rho = payoff.space.split(np.atleast_2d(x))
    out = []
    for i, (series, modelled) in enumerate(zip(payoff.series, payoff.series_values(x), strict=True)):
        z = np.zeros_like(modelled)
        for k in range(modelled.shape[1]):
            phi = rho[:, i] ** (series.years[k] - series.years[k - 1]) if k else np.zeros(len(z))
            step = sigma[:, i] * np.sqrt(1 - phi**2) * rng.standard_t(payoff.errors.degrees, len(z))
            z[:, k] = (phi * z[:, k - 1] if k else 0.0) + step
        out.append(modelled * np.exp(z * series.multiplier))
    return out


def inference_data(
    payoff: Payoff, draws: Draws, units: Mapping[str, str], seed: int, origin: Mapping[str, Any]
) -> xr.DataTree:
    """Return all groups: posterior, prior, their predictives, log likelihood, observed data, sampler statistics.

    `lp` among the statistics is the log posterior density of the coordinates, up to a constant.
    """
    shape = draws.coordinates.shape[:2]
    prior = payoff.space.prior_draws(shape[1], seed)
    names = [s.target.name for s in payoff.series]
    known = {**units, **_other_units(payoff)}

    def yearly(parts: list[Array], of: tuple[int, ...]) -> dict[str, Array]:
        return {n: part.reshape(*of, -1) for n, part in zip(names, parts, strict=True)}

    modelled = yearly(payoff.series_values(draws.flat), shape)
    replicas = yearly(replicated(payoff, draws.flat, seed), shape)
    before = {n: v[None] for n, v in zip(payoff.space.names, payoff.space.values(prior).T, strict=True)}
    density = payoff.log_density(draws.flat).reshape(shape)
    statistics = {"diverging": draws.diverging, "n_steps": draws.steps, "lp": density}
    groups = {
        "posterior": _group(payoff, quantities(payoff, draws), known),
        "posterior_predictive": _group(payoff, replicas | {f"modelled {n}": v for n, v in modelled.items()}, known),
        "log_likelihood": _group(payoff, yearly(payoff.pointwise(draws.flat), shape), {}),
        "sample_stats": _group(payoff, statistics, {}),
        "prior": _group(payoff, before, known),
        "prior_predictive": _group(payoff, yearly(replicated(payoff, prior, seed), (1, shape[1])), known),
        "observed_data": _group(payoff, {s.target.name: s.values for s in payoff.series}, known, drawn=False),
    }
    attributes = {k: v if isinstance(v, str) else json.dumps(v) for k, v in origin.items()}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes), **groups})


def _group(payoff: Payoff, values: Mapping[str, Any], units: Mapping[str, str], drawn: bool = True) -> xr.Dataset:
    """Return named values, (chain, draw), (chain, draw, year) or (year,), with their years and units."""
    axes = ("chain", "draw") if drawn else ()
    years = {s.target.name: s.years for s in payoff.series}
    coordinates: dict[str, Any] = {}
    variables = {}
    for name, value in values.items():
        dims: tuple[str, ...] = axes
        if np.ndim(value) > len(axes):
            series = name if name in years else name.removeprefix("modelled ")
            year = f"year of {series}"
            dims, coordinates[year] = (*axes, year), years[series]
        coordinates |= {axis: np.arange(size) for axis, size in zip(axes, np.shape(value), strict=False)}
        variables[name] = (dims, np.asarray(value), {"unit": units[name]} if name in units else {})
    return xr.Dataset(variables, coordinates)


def _other_units(payoff: Payoff) -> dict[str, str]:
    """Units by name of everything but the parameters: series, modelled and observed, their errors, other targets."""
    out = dict.fromkeys(payoff.space.names[len(payoff.coordinates) :], "1")
    for series in payoff.series:
        out[series.target.name] = out[f"modelled {series.target.name}"] = series.target.unit
    out |= {one.name: "year" for one in payoff.events} | {one.name: "1" for one in payoff.effects}
    for one in payoff.ranges:
        out[one.name] = "1" if one.kind == "fall" else payoff.model.variable(one.quantity).unit
    return out


def save(data: xr.DataTree, file: Path) -> Path:
    """Write a NetCDF file whole or not at all, numbers packed to single precision, and its SHA-256 beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return replace_file(file, lambda part: _fill(part, data, file))


def _fill(part: Path, data: xr.DataTree, file: Path) -> None:
    xr.Dataset(attrs=data.attrs).to_netcdf(part, mode="w", engine="h5netcdf")
    for group, node in data.children.items():
        encoding: dict[Any, Any] = {n: dict(PACKED) for n, v in node.data_vars.items() if v.dtype.kind == "f"}
        node.to_dataset().to_netcdf(part, mode="a", group=group, engine="h5netcdf", encoding=encoding)
    told = f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {file.name}\n"
    replace_file(sum_of(file), lambda beside: beside.write_text(told, encoding="utf-8"))


def sum_of(file: Path) -> Path:
    """Return where the SHA-256 of a posterior lies."""
    return file.with_suffix(".sha256")


def _sound(file: Path) -> bytes:
    """Return the content of a posterior; InputError if it is not what was written.

    No other library looks at a damaged one: HDF5 may print its own traceback, or turn in a circle for ever.
    """
    content = read_bytes(file)
    if read_text(sum_of(file))[:64] != hashlib.sha256(content).hexdigest():
        what = "damaged, cut off or another's: not what" if content else "empty, not what"
        raise InputError(f"{file}: {what} {sum_of(file).name} is the SHA-256 of")
    return content


def load_posterior(case: str, file: Path, digest: str, again: str) -> Posterior:
    """Read an accepted posterior; InputError if it is missing, damaged, or of another model, data or target file.

    `again` says what to do then.
    """
    if not file.exists():
        raise AbsentError(f"{file.name}: case {case!r} has no accepted posterior; {again}")
    try:
        own, names, flat, series = _parts(_sound(file))
        parameters = {name: flat[name] for name in names}
    except InputError as error:
        raise InputError(f"{error}; {again}") from None
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        raise InputError(f"{file.name}: not a posterior of this program ({error!r:.200}); {again}") from None
    if own != digest:
        raise InputError(
            f"{file.name}: digest: made with another version of the model, the data or the targets (it says {own}, "
            f"now {digest}); {again}"
        )
    rest = {str(k): v for k, v in flat.items() if k not in names}
    return Posterior(case, parameters, rest, dict(series))


@lru_cache(maxsize=8)
def _parts(content: bytes) -> tuple[str, list[str], Mapping[Any, Array], Mapping[str, tuple[Any, Array, Array]]]:
    """Digest, names of parameters, draws by name (run,) and series: years, modelled and again, (run, year) each.

    Opening a file takes half a second, and a command asks for it several times: arrays are shared and not written to.
    """
    with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as data:
        own, names = str(data.attrs["digest"]), json.loads(str(data.attrs["parameters"]))
        flat = {name: _shared(v, -1) for name, v in data.posterior.data_vars.items()}
        series = {}
        for name, dates in data.observed_data.data_vars.items():
            years = tuple(int(y) for y in dates[f"year of {name}"])
            parts = (data.posterior_predictive[key] for key in (f"modelled {name}", name))
            modelled, again = (_shared(p, -1, len(years)) for p in parts)
            series[str(name)] = (years, modelled, again)
    return own, names, flat, series


def _shared(values: xr.DataArray, *shape: int) -> Array:
    out = np.array(values, dtype=float).reshape(shape)
    out.flags.writeable = False
    return out
