"""The accepted answer of a shipped study, as README and report quote it, and what made it."""

from pathlib import Path

import numpy as np
import pandas as pd
import tomlkit
import tomlkit.items

from analysis.phase_out.answer import PhaseOutAnswer
from analysis.phase_out.by_instrument.apart import Beside
from analysis.phase_out.prepare import ensemble
from analysis.phase_out.study import STUDIES, load_phase_out_study
from calibration.records.results import accepted_posterior, digest
from models.case import load_case
from models.files.settings import read_toml
from stockflow.errors import InputError
from stockflow.files import watched, write_whole

HERE = Path(__file__).parent.parent / "results"
PARTS = ("by_third", "by_instrument", "together", "happened")
COLUMNS = ("draws", "answer", "unit", "value", "90% low", "90% high")


def depends_on(case: str) -> dict[str, str]:
    """Digests of the study file and of everything that its runs depend on (model, draws, schedules, outputs)."""
    study = load_phase_out_study(case)
    made, _ = ensemble(study, load_case(case).model, accepted_posterior(case).spread(study.draws))
    return {"study": digest(STUDIES / f"phase_out_{case}.toml"), "runs": made.digest}


@watched(renewing=True)
def accept_answer(answer: PhaseOutAnswer, folder: Path = HERE) -> Path:
    """Write the answer of a shipped study to `folder`; InputError if it has other draws than the study asks for."""
    case = answer.results.study.case
    if answer.results.study != load_phase_out_study(case):
        raise InputError(f"--accept: the answer is not that of the shipped study of {case!r}")
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `techcycle phase-out CASE --accept`; edit nothing here by hand."))
    document["case"] = case
    document["draws"] = answer.results.size
    document["digests"] = depends_on(case)
    for name, table in {"by_third": answer.tables()["by_third"][list(COLUMNS)], **answer.said.tables}.items():
        if name in PARTS:
            document[name] = _rows(table)
    return write_whole(folder / f"phase_out_{case}.toml", tomlkit.dumps(document))


def _rows(table: pd.DataFrame) -> tomlkit.items.AoT:
    rows = tomlkit.aot()
    for row in table.to_dict("records"):
        rows.append(tomlkit.item({str(k): _cell(v) for k, v in row.items() if isinstance(v, list) or pd.notna(v)}))
    return rows


def load_answer(case: str, folder: Path = HERE) -> dict[str, pd.DataFrame]:
    """Read the accepted answer of `case`: the tables named in `PARTS`, columns of "by_third" as in `COLUMNS`.

    InputError if it is missing, damaged, or of another study, model or posterior.
    """
    file = folder / f"phase_out_{case}.toml"
    again = f"run `techcycle phase-out {case} --accept`"
    if not file.exists():
        raise InputError(f"{file.name}: case {case!r} has no accepted phase-out study; {again}")
    data = read_toml(file)
    try:
        own = dict(data["digests"])
        found = {name: pd.DataFrame([dict(row) for row in data[name]]) for name in PARTS}
        found["by_third"] = found["by_third"][list(COLUMNS)]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file.name}: not an accepted study: {error!r}; {again}") from None
    if own != (now := depends_on(case)):
        changed = ", ".join(key for key in now if own.get(key) != now[key])
        raise InputError(f"{file.name}: digests: made with another version of {changed}; {again}")
    return found


def beside_on_record(case: str) -> Beside:
    """Return what the accepted answer says by instrument and of what happened, without its rows by start."""
    kept = load_answer(case)
    return Beside(kept["by_instrument"], kept["together"], kept["happened"], pd.DataFrame())


def _cell(value: object) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    return float(f"{plain:.7g}") if isinstance(plain, float) else plain
