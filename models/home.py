"""Where all of a case is: its equations and numbers, its targets, its accepted fit, and the command that renews that.

There are two makers: one for the cases that come with the project, one for a folder with a case.toml, a technology on
the generic market (`models.own`). Nothing else asks which of the two a case is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import stockflow
from models.files.build import DRIVER_FOLDERS
from models.files.casefile import CASES, CaseFile, read_case_file
from models.own import CASE_FILE, FIT, GENERIC, PATHS, OwnFile, again, own_numbers, own_text, read_own
from stockflow.errors import InputError, unknown
from stockflow.language.source import Source, read

MODELS = Path(__file__).parent
CALIBRATION = MODELS.parent / "calibration"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a case is. Nothing is read before it is asked for, so a home can be had of a case whose files are damaged.

    `name` is what commands take, `label` the same without the way to a folder, `entry` the name under which settings
    and study files speak of the case: its own, or "generic". `drivers` are tables of paths over time. `prices` are
    files that every observation in money depends on. `tables` is the folder in which commands leave what they say of
    the case, None where they are told one. `again` says how to renew the fit.

    `numbers` returns every number of the case's own, and `model` its model, both with the accepted estimates or
    without; `source` the text of that model, as it is run; `units_of` what the case says of the units of its
    observations, None if it takes those of its targets.
    """

    name: str
    label: str
    entry: str
    folder: Path
    case_file: Path
    drivers: tuple[Path, ...]
    targets: Path
    prices: tuple[Path, ...]
    record: Path
    posterior: Path
    tables: Path | None
    again: str
    numbers: Callable[[bool], CaseFile]
    model: Callable[[bool], stockflow.Model]
    source: Callable[[], Source]
    units_of: Callable[[], OwnFile | None]

    def with_fit_in(self, folder: Path | None) -> Home:
        """Return the same with record and posterior in another folder; None leaves them where they are."""
        if folder is None:
            return self
        return replace(self, record=folder / self.record.name, posterior=folder / self.posterior.name)

    def units(self) -> OwnFile:
        """Return what the case says of the units of its observations; InputError if it says nothing."""
        told = self.units_of()
        if told is None:
            raise InputError(
                f"{self.name}: no {CASE_FILE} says what observations of {self.name!r} are in units of its model; they "
                f"are named in its target file, {self.targets.name} (--targets)"
            )
        return told


def home_of(name: str) -> Home:
    """Return the home of one of CASES, or of the technology whose folder `name` leads to from the current one.

    InputError with the nearest names for any other.
    """
    key, folder = name.strip().casefold(), Path(name.strip())
    if key in CASES:
        return _shipped(key)
    if name.strip() and key != GENERIC and (folder / CASE_FILE).is_file():
        return _folder(folder)
    error = unknown("case", name, CASES, listed=True)
    raise type(error)(f"{error}; or a folder with a {CASE_FILE}, which `techcycle new {name.strip() or 'NAME'}` makes")


def _shipped(case: str) -> Home:
    case_file, built = MODELS / "cases" / f"{case}.toml", MODELS / "vensim" / f"{case}.mdl"
    return Home(
        name=case,
        label=case,
        entry=case,
        folder=MODELS,
        case_file=case_file,
        drivers=tuple(MODELS / kind / f"{case}.csv" for kind in DRIVER_FOLDERS),
        targets=CALIBRATION / "targets" / f"{case}.toml",
        prices=(CALIBRATION / "data" / "deflators.csv",),
        record=CALIBRATION / "results" / f"{case}.toml",
        posterior=CALIBRATION / "results" / f"{case}_posterior.nc",
        tables=None,
        again=f"run `techcycle calibrate {case} --posterior --accept`",
        numbers=lambda fitted: read_case_file(case_file),
        model=lambda fitted: stockflow.load(built),
        source=lambda: read(built),
        units_of=lambda: None,
    )


def _folder(folder: Path) -> Home:
    label, record = folder.resolve().name, folder / FIT
    return Home(
        name=str(folder),
        label=label,
        entry=GENERIC,
        folder=folder,
        case_file=folder / CASE_FILE,
        drivers=tuple(folder / name for name in PATHS),
        targets=record.with_name("targets.toml"),
        prices=(),
        record=record,
        posterior=record.with_name("posterior.nc"),
        tables=record.parent,
        again=again(folder),
        numbers=partial(own_numbers, folder),
        model=lambda fitted: stockflow.from_text(f"{label}.mdl", own_text(folder, fitted)),
        source=lambda: Source(f"{label}.mdl", own_text(folder, fitted=False)),
        units_of=partial(read_own, folder),
    )
