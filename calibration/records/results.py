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

from calibration.errors import AbsentError
from calibration.fitting.convergence import Diagnostics
from calibration.fitting.estimates import Calibration, Estimate, Interval, SeriesFit, Variant, held_values
from calibration.fitting.inference_data import Posterior, load_posterior
from calibration.fitting.targets import sources_in
from models.files.digest import digest_of, digests
from models.files.settings import read_toml
from models.home import home_of
from stockflow.errors import InputError

HERE = Path(__file__).parents[1] / "results"
DATA = Path(__file__).parents[1] / "data"
TARGETS = Path(__file__).parents[1] / "targets"
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


def tables_named(data: object, beside: Path = DATA) -> set[Path]:
    """Return the files of all tables that a target or settings file, read as plain values, names at any depth.

    A table is looked for in the folder `beside` first, as the target file's own, then among the project's data.
    """
    files = {f"{source['table']}.csv" for source in sources_in(data)}
    return {beside / file if (beside / file).is_file() else DATA / file for file in files}


def hashes(case: str, fitted: Iterable[str], targets: Path | None = None) -> dict[str, str]:
    """Digests of everything that a fit of `case` depends on, by kind; `fitted` names what it estimated.

    `targets` is the target file, by default the project's own, or that of a technology of the user's own.
    """
    home = home_of(case)
    file, told = targets or home.targets, home.units_of()
    units = {} if told is None else {"units": digest_of(repr((told.control, told.cost, told.volume)))}
    return {
        "targets": digest(file),
        "observations": digest(*sorted({*tables_named(read_toml(file), file.parent), *home.prices})),
        **digests(home.source(), fitted),
        **units,
    }


def depends_on(case: str, fitted: Iterable[str], targets: Path | None = None) -> str:
    """Digest of everything that a posterior of `case` depends on: one line for its file to carry."""
    return digest_of(repr(sorted(hashes(case, fitted, targets).items())))


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
    fits = [fit for _, fit in calibration.partial] + [calibration.closed]
    document["estimates"] = {e.name: _estimate(e) for fit in fits for e in fit.estimates}
    document["series"] = {s.name: _series(s) for s in calibration.closed.series}
    document["effects"] = {k: _short(v) for k, v in calibration.closed.effects.items()}
    document["events"] = {k: _short(v) for fit in fits for k, v in fit.events.items()}
    document["variants"] = {v.name: _variant(v) for v in calibration.variants}
    return tomlkit.dumps(document)


def load_accepted(case: str, path: Path | None = None) -> Accepted:
    """Read the accepted fit of `case`, or any record of it at `path`; missing or damaged ones are an `InputError`.

    So is an accepted fit of another model, data or targets than the present ones.
    """
    home = home_of(case)
    file = path or home.record
    data = _record_at(file, case, home.again)
    if path is None and not is_current(case):
        now = hashes(case, data["estimates"])
        changed = ", ".join(kind for kind in now if data["hashes"].get(kind) != now[kind])
        raise InputError(f"{file.name}: hashes: made with other {changed}; {home.again}")
    try:
        held = {name: float(row["value"]) for name, row in data["estimates"].items()}
        variants = {n: {**held, **_floats(row["values"])} for n, row in data["variants"].items()}
        effects = {n: _floats(row["effects"]) for n, row in data["variants"].items()}
        return Accepted(data["case"], data["response"], held, variants, effects, float(data["objective"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file.name}: not a calibration record: {error!r}; {home.again}") from None


def load_record(case: str) -> dict[str, Any]:
    """Read all that is on record of the accepted fit of `case`; a missing or damaged record is an `InputError`."""
    home = home_of(case)
    return _record_at(home.record, case, home.again)


def _record_at(file: Path, case: str, again: str) -> dict[str, Any]:
    if not file.exists():
        raise AbsentError(f"{file.name}: case {case!r} has no accepted fit; {again}")
    try:
        return read_toml(file)
    except InputError as error:
        raise InputError(f"{error}; {again}") from None


def accepted_fits(cases: Iterable[str], folder: Path | None = None) -> tuple[dict[str, Accepted], dict[str, str]]:
    """Read the accepted fits of `cases`; for every case that has none, the sentence that says what it runs at.

    A damaged record is an `InputError`, as in `load_accepted`.
    """
    found: dict[str, Accepted] = {}
    missing: dict[str, str] = {}
    for case in cases:
        file = home_of(case).with_fit_in(folder).record
        if file.is_file():
            found[case] = load_accepted(case, file)
        else:
            missing[case] = f"{case}: no accepted fit, run at the values of its case file."
    return found, missing


def accepted_posterior(case: str, folder: Path | None = None) -> Posterior:
    """Read the posterior accepted with the fit of `case`; `InputError` if it is of another model, data or targets.

    `folder` is where record and posterior lie, left out that of the accepted fits.
    """
    home = home_of(case).with_fit_in(folder)
    values = load_accepted(case, home.record).values
    try:
        now = depends_on(case, values)
    except (InputError, OSError) as error:
        raise InputError(f"{home.record.parent}: {error}; {home.again}") from None
    return load_posterior(case, home.posterior, now, home.again)


def is_current(case: str) -> bool:
    """Whether the accepted fit of `case` was made from the present model, data and target file."""
    home = home_of(case)
    data = _record_at(home.record, case, home.again)
    try:
        return bool(data["hashes"] == hashes(case, data["estimates"]))
    except (KeyError, TypeError, OSError) as error:
        raise InputError(f"{home.record.name}: not a calibration record: {error!r}; {home.again}") from None


def accepted_intervals(case: str) -> dict[str, Interval]:
    """Return the intervals of the posterior that the record of `case` tells of; empty if it tells of none."""
    home = home_of(case)
    data = _record_at(home.record, case, home.again)
    try:
        rows, estimates = data.get("posterior", {}).get("quantities", {}), data["estimates"]
        return {
            name: Interval(row["median"], row["low"], row["high"], estimates.get(name, {}).get("learned", 0.0),
                           row["rhat"], row["bulk_ess"], row["tail_ess"])
            for name, row in rows.items()
        }  # fmt: skip
    except (KeyError, AttributeError) as error:
        raise InputError(f"{home.record.name}: not a calibration record: {error!r}; {home.again}") from None


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


def _estimate(e: Estimate) -> dict[str, Any]:
    numbers = {key: _short(getattr(e, key)) for key in ("value", "low", "high")}
    told = {"unit": e.unit, "interval": e.interval, "learned": round(e.learned, 3)}
    return {**numbers, **told, "at_bound": e.at_bound, "step": e.step}


def _series(s: SeriesFit) -> dict[str, Any]:
    return {
        "n": len(s.years), "first_year": s.years[0], "last_year": s.years[-1], "use": s.use,
        "r2_log": round(s.r2, 4), "rms_log_error": round(s.rms, 4), "bias": round(s.bias, 4),
        "lag1": round(s.autocorrelation, 3),
        "misfits": [[year, round(ratio, 2)] for year, ratio in s.misfits],
    }  # fmt: skip


def _variant(v: Variant) -> dict[str, Any]:
    effects, values = ({k: _short(x) for k, x in one.items()} for one in (v.effects, v.values))
    return {"response": _short(v.response), "objective": _short(v.objective), "effects": effects, "values": values}


def _short(value: float) -> float:
    return float(f"{value:.7g}")


def _floats(row: Mapping[str, Any]) -> dict[str, float]:
    return {str(k): float(v) for k, v in row.items()}
