"""Accepting a fit: the one place where code writes inside a package.

The record goes to `calibration/results/`, the estimates to `models/cases/`, and the model files are rebuilt, so that
a model opened in Vensim shows the accepted base run.
"""

from __future__ import annotations

from pathlib import Path

import tomlkit
import xarray as xr

from calibration.fitting.estimates import Calibration
from calibration.fitting.inference_data import save
from calibration.records.results import Sampled, depends_on, record
from models.files.build import main
from models.home import home_of
from stockflow.errors import InputError
from stockflow.files import watched, write_whole


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
