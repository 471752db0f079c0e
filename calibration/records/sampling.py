"""From a mode to an accepted posterior: sample, look whether it may be believed, say what it says, accept it.

Accepting a fit is the one place where code writes inside a package. The record goes to `calibration/results/`, the
estimates to `models/cases/`, and the model files are rebuilt, so that a model opened in Vensim shows the accepted base
run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tomlkit
import xarray as xr

from calibration.errors import NotConvergedError
from calibration.fitting.convergence import diagnose
from calibration.fitting.estimates import Calibration
from calibration.fitting.fit import Mode, concluded
from calibration.fitting.inference_data import inference_data, save
from calibration.fitting.posterior import Draws, Tick, intervals, quantities, sample
from calibration.records.results import Sampled, depends_on, record
from models.files.build import main
from models.home import home_of
from stockflow.errors import InputError
from stockflow.files import watched, write_whole


@dataclass(frozen=True, slots=True)
class Answer:
    """A calibration with its posterior: what the record says, and the draws for the NetCDF file."""

    calibration: Calibration
    sampled: Sampled
    data: xr.DataTree
    draws: Draws


def steps_of(mode: Mode) -> int:
    """Number of steps that all chains take together: what a progress bar counts."""
    rules = mode.targets.sampling
    return rules.chains * (rules.tune + rules.draws)


def sampled_posterior(mode: Mode, folder: Path, tick: Tick | None = None) -> Answer:
    """Sample the posterior around `mode`, resuming from the chains in `folder`, and conclude from it.

    Raises NotConvergedError, with the draws saved in `folder`, if any reported quantity breaks the rules of the target
    file: nothing is concluded from such draws.
    """
    case, payoff, rules, seed = mode.case, mode.payoff, mode.targets.sampling, mode.targets.seed
    names = [c.name for c in payoff.coordinates]
    fitted = [*names, *(name for _, fit in mode.partial for name in fit.values)]
    digest = depends_on(case.name, fitted, mode.targets.file)
    draws = sample(payoff, mode.best, rules, seed, folder, f"{digest} {_asked(mode)}", tick)
    found = diagnose(quantities(payoff, draws), draws.diverging)
    kept = draws.thinned(rules.keep)
    settings: dict[str, int | float] = {
        "chains": rules.chains, "tune": rules.tune, "draws": rules.draws, "kept": kept.coordinates.shape[1],
        "acceptance": rules.acceptance, "gradients_per_draw": round(float(draws.steps.mean()), 1),
    }  # fmt: skip
    origin = {
        "digest": digest, "case": case.label, "parameters": names, "seed": seed, "settings": settings,
        "sampler": f"nutpie {version('nutpie')}", "created_by": "techcycle calibrate --posterior",
    }  # fmt: skip
    units = {name: case.parameters[name].unit for name in names}
    data = inference_data(payoff, kept, units, seed, origin)
    if failures := found.failures(rules):
        file = save(data, folder / f"{case.label}_not_converged.nc")
        raise NotConvergedError(
            f"the chains of {case.label!r} have not converged: {'; '.join(failures)}; draws in {file}"
        )
    known = intervals(payoff, draws, found)
    return Answer(concluded(mode, known), Sampled(known, found, settings, digest), data, draws)


def _asked(mode: Mode) -> str:
    """Digest of the targets and observations fitted, which may be less than the file's: a forecast's end early.

    The number of chains is left out: a chain is the same whatever others are beside it.
    """
    told = mode.targets.model_dump_json(exclude={"file": True, "sampling": {"chains"}})
    total = hashlib.sha256(told.encode())
    for series in mode.payoff.series:
        for part in (series.years, series.values, series.sigma):
            total.update(part.tobytes())
    return total.hexdigest()[:16]


@watched(renewing=True)
def accept_fit(calibration: Calibration, sampled: Sampled, data: xr.DataTree) -> Path:
    """Write record and posterior, carry the estimates into the case file, rebuild the model files; return the record.

    If the model files cannot be rebuilt the case file is left as it was and the record is not replaced.
    """
    home = home_of(calibration.case)
    if calibration.targets_file not in {None, home.targets}:
        raise InputError(f"{calibration.targets_file}: only a fit to the project's {home.targets.name} can be accepted")
    if sampled.digest != depends_on(calibration.case, calibration.values):
        raise InputError(f"{calibration.case}: the posterior is of another model, data or targets than the fit")
    before = home.case_file.read_text(encoding="utf-8")
    write_whole(home.case_file, carried(before, calibration))
    said: list[str] = []
    if main([], show=said.append):
        write_whole(home.case_file, before)
        raise InputError(f"the fit was not accepted: {said[-1]}")
    save(data, home.posterior)
    return write_whole(home.record, record(calibration, sampled))


def require_built() -> None:
    """Raise InputError where a fit could not be accepted, since the model files are not what their parts give."""
    said: list[str] = []
    if main(["--check"], show=said.append):
        raise InputError(f"--accept: {said[0]}")


def carried(case_text: str, calibration: Calibration) -> str:
    """Return the case file's text with every estimate as value, its source and evidence naming the record."""
    document = tomlkit.parse(case_text)
    parameters = document["parameters"]
    for name, value in calibration.values.items():
        if name not in parameters:
            raise InputError(f"{calibration.case}.toml: estimated parameter {name!r} is not in the case file")
        row = parameters[name]
        row["value"] = float(f"{value:.7g}")
        row["source"] = f"calibration/results/{calibration.case}.toml"
        row["evidence"] = "fit"
    return tomlkit.dumps(document)
