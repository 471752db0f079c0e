"""The record of a fit: what was estimated, from which files, with which seed and versions, and how it was checked."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from tomlkit.items import Table

import models
from calibration.errors import AbsentError
from calibration.fitting.convergence import Diagnostics
from calibration.fitting.estimates import Calibration, Estimate, Fit, Interval, Variant, held_values
from calibration.fitting.inference_data import Posterior, load_posterior
from calibration.fitting.targets import targets_of
from models.case import load_case
from models.files.settings import read_toml
from models.own import FIT, PATHS, again, own_folder, own_parts, read_own
from stockflow.errors import InputError
from stockflow.names import plain

HERE = Path(__file__).parents[1] / "results"
DATA = Path(__file__).parents[1] / "data"
TARGETS = Path(__file__).parents[1] / "targets"
MODELS = Path(models.__file__).parent
PARTS = MODELS / "vensim" / "parts"  # not the built file: accepting a fit changes its numbers
PACKAGES = ("numpy", "scipy", "llvmlite", "pysd", "nutpie")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What other commands need of an accepted fit: parameter values, and the response variants."""

    case: str
    response: str
    values: Mapping[str, float]
    variants: Mapping[str, Mapping[str, float]]
    effects: Mapping[str, Mapping[str, float]]
    objective: float


def accepted_from(calibration: Calibration) -> Accepted:
    """Return a fresh calibration in the form in which an accepted one is read back."""
    held = held_values(calibration.partial)
    return Accepted(
        calibration.case,
        calibration.response,
        calibration.values,
        {v.name: {**held, **v.values} for v in calibration.variants},
        {v.name: dict(v.effects) for v in calibration.variants},
        calibration.closed.objective,
    )


def digest(*files: Path) -> str:
    """SHA-256 over the contents of `files` in order, first 16 hexadecimal digits."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def fixed_digest(case: str, fitted: Iterable[str]) -> str:
    """SHA-256 over names and values of every parameter that the fit did not estimate, first 16 digits."""
    free = {plain(name) for name in fitted}
    rows = [f"{p.name}={p.value!r}" for p in load_case(case).parameters.values() if plain(p.name) not in free]
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def tables_named(data: object, beside: Path = DATA) -> set[Path]:
    """Return the files of all tables that a target or settings file, read as plain values, names at any depth.

    A table is looked for in the folder `beside` first, as the target file's own, then among the project's data.
    """
    parts: Iterable[object] = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    found = {file for part in parts for file in tables_named(part, beside)}
    if isinstance(data, Mapping) and isinstance(name := data.get("table"), str):
        own = beside / f"{name}.csv"
        found.add(own if own.is_file() else DATA / f"{name}.csv")
    return found


def hashes(case: str, fitted: Iterable[str], targets: Path | None = None) -> dict[str, str]:
    """Digests of everything that a fit of `case` depends on, by kind; `fitted` names what it estimated.

    `targets` is the target file, by default the project's own, or that of a technology of the user's own.
    """
    own = own_folder(case)
    if own is not None:
        return _own_hashes(case, own, fitted, targets or targets_of(case))
    file = targets or TARGETS / f"{case}.toml"
    return {
        "targets": digest(file),
        "observations": digest(*sorted({*tables_named(read_toml(file), file.parent), DATA / "deflators.csv"})),
        "equations": digest(*(PARTS / f"{name}.part" for name in ("core", case))),
        "drivers": digest(*(MODELS / kind / f"{case}.csv" for kind in ("policies", "scenarios"))),
        "fixed_parameters": fixed_digest(case, fitted),
    }


def _own_hashes(case: str, folder: Path, fitted: Iterable[str], targets: Path) -> dict[str, str]:
    told = read_own(folder)
    units = repr((told.control, told.cost, told.volume))
    return {
        "targets": digest(targets),
        "observations": digest(*sorted(tables_named(read_toml(targets), targets.parent))),
        "equations": digest(*own_parts()),
        "drivers": digest(*(file for name in PATHS if (file := folder / name).is_file())),
        "units": hashlib.sha256(units.encode()).hexdigest()[:16],
        "fixed_parameters": fixed_digest(case, fitted),
    }


def record_of(case: str) -> Path:
    """Return where the accepted fit of a case lies: among the project's, or in the folder of the user's technology."""
    own = own_folder(case)
    return HERE / f"{case}.toml" if own is None else own / FIT


def posterior_of(case: str) -> Path:
    """Return where the accepted posterior of a case lies."""
    own = own_folder(case)
    return HERE / f"{case}_posterior.nc" if own is None else (own / FIT).with_name("posterior.nc")


def depends_on(case: str, fitted: Iterable[str], targets: Path | None = None) -> str:
    """Digest of everything that a posterior of `case` depends on: one line for its file to carry."""
    return hashlib.sha256(repr(sorted(hashes(case, fitted, targets).items())).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a record says of its posterior: intervals of every reported quantity, how it was made and checked."""

    intervals: Mapping[str, Interval]
    diagnostics: Diagnostics
    settings: Mapping[str, int | float]
    digest: str


def record(calibration: Calibration, sampled: Sampled | None = None) -> str:
    """Return the whole record as TOML text: deterministic for the same fit."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `techcycle calibrate`; edit nothing here by hand."))
    document["case"] = Path(calibration.case).name
    document["response"] = calibration.response
    document["method"] = (
        "partial calibration, then the mode of the posterior density (autocorrelated Student errors of logarithms, "
        "dates, effects, ranges, priors) from many starts" + ("" if sampled is None else ", then a no-U-turn sampler")
    )
    document["seed"] = calibration.seed
    document["starts"] = len(calibration.closed.starts)
    document["objective"] = _short(calibration.closed.objective)
    document["versions"] = {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
    document["hashes"] = hashes(calibration.case, calibration.values, calibration.targets_file)
    document["checks"] = _checks(calibration)
    if sampled is not None:
        document["posterior"] = _posterior(sampled)
    estimates = tomlkit.table(is_super_table=True)
    fits = [fit for _, fit in calibration.partial] + [calibration.closed]
    for estimate in {e.name: e for fit in fits for e in fit.estimates}.values():
        estimates[estimate.name] = _estimate(estimate)
    document["estimates"] = estimates
    document["series"] = {s.name: _series(calibration.closed, i) for i, s in enumerate(calibration.closed.series)}
    document["effects"] = {k: _short(v) for k, v in calibration.closed.effects.items()}
    events = {k: v for fit in fits for k, v in fit.events.items()}
    document["events"] = {k: _short(v) for k, v in events.items()}
    variants = tomlkit.table(is_super_table=True)
    for variant in calibration.variants:
        variants[variant.name] = _variant(variant)
    document["variants"] = variants
    return tomlkit.dumps(document)


def load_accepted(case: str, path: Path | None = None) -> Accepted:
    """Read the accepted fit of `case`; missing or damaged files are an `InputError` that names them."""
    file = path or record_of(case)
    if not file.exists():
        raise AbsentError(f"{file.name}: case {case!r} has no accepted fit{_remedy(case, ': ')}")
    try:
        data = read_toml(file)
        held = {name: float(row["value"]) for name, row in data["estimates"].items()}
        variants = {n: {**held, **_floats(row["values"])} for n, row in data["variants"].items()}
        effects = {n: _floats(row["effects"]) for n, row in data["variants"].items()}
        return Accepted(data["case"], data["response"], held, variants, effects, float(data["objective"]))
    except InputError as error:
        raise InputError(f"{error}{_remedy(case)}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file.name}: not a calibration record: {error!r}{_remedy(case)}") from None


def _remedy(case: str, before: str = "; ") -> str:
    own = own_folder(case)
    return "" if own is None else before + again(own)


def accepted_fits(cases: Iterable[str], folder: Path = HERE) -> tuple[dict[str, Accepted], dict[str, str]]:
    """Read the accepted fits of `cases`; for every case that has none, the sentence that says what it runs at.

    A damaged record is an `InputError`, as in `load_accepted`.
    """
    found: dict[str, Accepted] = {}
    missing: dict[str, str] = {}
    for case in cases:
        file = folder / f"{case}.toml"
        if file.is_file():
            found[case] = load_accepted(case, file)
        else:
            missing[case] = f"{case}: no accepted fit, run at the values of its case file."
    return found, missing


def accepted_posterior(case: str, folder: Path = HERE) -> Posterior:
    """Read the posterior accepted with the fit of `case`; `InputError` if it is of another model, data or targets."""
    if (own := own_folder(case)) is not None:
        values = load_accepted(case).values
        try:
            now = depends_on(case, values)
        except (InputError, OSError) as error:
            raise InputError(f"{own}/results: {error}; {again(own)}") from None
        return load_posterior(case, posterior_of(case), now, again(own))
    values = load_accepted(case, folder / f"{case}.toml").values
    return load_posterior(case, folder / f"{case}_posterior.nc", depends_on(case, values))


def is_current(case: str, folder: Path = HERE) -> bool:
    """Whether the accepted fit of `case` was made from the present model, data and target file."""
    try:
        file = folder / f"{case}.toml" if own_folder(case) is None else record_of(case)
        data = read_toml(file)
        return bool(data["hashes"] == hashes(case, data["estimates"]))
    except (KeyError, TypeError) as error:
        raise InputError(f"{case}.toml: not a calibration record: {error!r}") from None


def accepted_intervals(case: str, path: Path | None = None) -> dict[str, Interval]:
    """Return the intervals of the posterior that the record of `case` tells of; empty if it tells of none."""
    file = path or record_of(case)
    try:
        data = read_toml(file)
        rows, estimates = data.get("posterior", {}).get("quantities", {}), data["estimates"]
        return {
            name: Interval(row["median"], row["low"], row["high"], estimates.get(name, {}).get("learned", 0.0),
                           row["rhat"], row["bulk_ess"], row["tail_ess"])
            for name, row in rows.items()
        }  # fmt: skip
    except (KeyError, AttributeError) as error:
        raise InputError(f"{file.name}: not a calibration record: {error!r}") from None


def _checks(calibration: Calibration) -> dict[str, Any]:
    ends = np.array([s.objective_after for s in calibration.closed.starts])
    return {
        "starts_within_1_of_best": int(np.sum(ends < ends.min() + 1.0)),
        "worst_end": _short(float(ends.max())),
        "at_bound": [e.name for e in calibration.closed.estimates if e.at_bound],
    }


def _posterior(sampled: Sampled) -> dict[str, Any]:
    d = sampled.diagnostics
    return {
        "digest": sampled.digest, **sampled.settings, "divergent": d.divergent,
        "largest_rhat": round(float(d.rhat.max()), 4),
        "smallest_bulk_ess": round(float(d.bulk.min())), "smallest_tail_ess": round(float(d.tail.min())),
        "quantities": {
            name: {"median": _short(i.median), "low": _short(i.low), "high": _short(i.high), "rhat": round(i.rhat, 4),
                   "bulk_ess": round(i.bulk), "tail_ess": round(i.tail)}
            for name, i in sampled.intervals.items()
        },
    }  # fmt: skip


def _estimate(e: Estimate) -> Table:
    row = tomlkit.table()
    cells: dict[str, object] = {
        "value": _short(e.value),
        "low": _short(e.low),
        "high": _short(e.high),
        "unit": e.unit,
        "interval": e.interval,
        "learned": round(e.learned, 3),
        "at_bound": e.at_bound,
        "step": e.step,
    }
    for key, value in cells.items():
        row[key] = value
    return row


def _series(fit: Fit, index: int) -> dict[str, Any]:
    s = fit.series[index]
    return {
        "n": len(s.years), "first_year": s.years[0], "last_year": s.years[-1], "use": s.use,
        "r2_log": round(s.r2, 4), "rms_log_error": round(s.rms, 4), "bias": round(s.bias, 4),
        "lag1": round(s.autocorrelation, 3),
        "misfits": [[year, round(ratio, 2)] for year, ratio in s.misfits],
    }  # fmt: skip


def _variant(v: Variant) -> Table:
    row = tomlkit.table()
    row["response"] = _short(v.response)
    row["objective"] = _short(v.objective)
    row["effects"] = {k: _short(x) for k, x in v.effects.items()}
    row["values"] = {k: _short(x) for k, x in v.values.items()}
    return row


def _short(value: float) -> float:
    return float(f"{value:.7g}")


def _floats(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(k): float(v) for k, v in row.items()}
