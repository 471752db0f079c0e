"""Calibrating a technology of the user's own: mode from several starts, posterior, record, warnings.

Everything is written into NAME/results: table and targets, chains, posterior.nc, fit.toml, estimates, warnings.
"""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.errors import NotConvergedError
from calibration.fitting.estimates import Calibration
from calibration.fitting.fit import Mode, Progress, find_mode
from calibration.fitting.inference_data import save
from calibration.fitting.posterior import Draws, Tick
from calibration.own.data import CUMULATIVE, SHARE, Observed
from calibration.own.meaning import doubts
from calibration.own.settings import OwnSettings, load_own_settings
from calibration.own.targets import ADOPTION, adoption_of, observations, priors, write_targets
from calibration.own.units import checked
from calibration.records.results import accepted_posterior, record
from calibration.records.sampling import Answer, sampled_posterior
from models.case import Case, load_case
from models.home import Home, home_of
from models.own import CASE_FILE, FIT, PATHS, own_drivers, read_own
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.files import take_away, writing
from stockflow.intervals import quantiles

STAGE, FORGOTTEN = "next-", 86400.0  # of the folder of a fit being made; seconds after which one is thrown away


@dataclass(frozen=True, slots=True)
class OwnFit:
    """A calibration of a user's technology with its draws, and what its data cannot tell, one sentence each."""

    calibration: Calibration
    mode: Mode
    draws: Draws
    warnings: tuple[str, ...]


def validate_own(name: str, data: Path | None = None) -> list[str]:
    """Check case.toml, policy.csv, scenario.csv and, if given, observations; return what to know, one line each.

    A fit that is there and cannot be used is among what to know.
    InputError, naming file, row, value and bound, for whatever is wrong.
    """
    home, settings = home_of(name), load_own_settings()
    load_case(name, fitted=False)
    said = checked(home.units())
    said += _assumed(home.folder)
    if data is not None:
        found = observations(data, home.folder, settings)
        write = ", ".join(f"{one.name} {one.years[0]}-{one.years[-1]} ({len(one.rows)})" for one in found.values())
        said.insert(0, f"observations: {write}")
        said += doubts(found, home.folder, settings.doubts)
        priors(found, home.folder, settings)
    return said + _fit_problem(home)


def calibrate_own(
    name: str,
    data: Path,
    starts: int | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    tick: Tick | None = None,
) -> OwnFit:
    """Fit the technology to `data` and keep the fit in its folder.

    InputError before any work for whatever `validate_own` refuses; NotConvergedError, with the draws kept and nothing
    accepted, if a reported quantity breaks the rules of sampling.
    """
    home, settings = home_of(name), load_own_settings()
    if data.resolve().parent == home.record.parent.resolve():
        raise InputError(
            f"{data}: lies among the results that this command writes; move it out of {home.record.parent}"
        )
    validate_own(name, data)
    found = observations(data, home.folder, settings)
    with _staged(home.folder) as work:
        case = load_case(str(work))
        targets = write_targets(case.label, found, work, settings, quick)
        mode = find_mode(case, targets, starts, progress)
        chains = _chains(home.record.parent, case, targets.model_dump_json(exclude={"file"}), found)
        mode, answer = _sampled(mode, settings, chains, progress, tick)
        said = tuple(dict.fromkeys(warnings_of(mode, answer.draws, found, settings, quick)))
        save(answer.data, case.home.posterior)
        told = case.home.record
        told.with_name("warnings.txt").write_text("".join(f"{one}\n" for one in said), encoding="utf-8")
        told.write_text(record(answer.calibration, answer.sampled), encoding="utf-8")
    made = replace(answer.calibration, case=name, targets_file=home.targets)
    mode = replace(mode, case=load_case(name, fitted=False))
    return OwnFit(made, mode, answer.draws, said)


def _sampled(
    mode: Mode, settings: OwnSettings, folder: Path, progress: Progress | None, tick: Tick | None
) -> tuple[Mode, Answer]:
    """Sample, with more chains beside the first while these break their rules; NotConvergedError if the last do."""
    *early, last = (
        replace(mode, targets=mode.targets.model_copy(update={"sampling": rules}))
        for rules in settings.chains(mode.targets.sampling)
    )
    for one in early:
        try:
            return one, sampled_posterior(one, folder, tick)
        except NotConvergedError:
            if progress:
                progress(f"{one.targets.sampling.chains} chains do not do, more of them")
    return last, sampled_posterior(last, folder, tick)


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a copy of the case to fit in; its results take the place of those in `folder` when all is done, record last.

    Whatever ends the work before, a killed process included, leaves the earlier fit as it was.
    """
    record_file = folder / FIT
    home = record_file.parent
    with writing(home):
        home.mkdir(exist_ok=True)
        for left in home.glob(f"{STAGE}*"):
            if time.time() - left.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(left)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=home))
    try:
        work = stage / folder.resolve().name
        with writing(work):
            work.mkdir()
            for file in (CASE_FILE, *PATHS):
                if (folder / file).is_file():
                    shutil.copyfile(folder / file, work / file)
        yield work
        with writing(home):
            made = [one for one in (work / FIT).parent.iterdir() if one.is_file()]
            for one in sorted(made, key=lambda one: one.name == record_file.name):
                one.replace(home / one.name)
    finally:
        shutil.rmtree(stage)
        take_away([home])  # where nothing was kept


def warnings_of(
    mode: Mode, draws: Draws, observed: Mapping[str, Observed], settings: OwnSettings, quick: bool
) -> list[str]:
    """Say what these data cannot identify, one sentence each.

    Parameters whose posterior is hardly narrower than their prior, pairs told only together, a ceiling that no
    observation has come near, and inputs that are assumed.
    """
    folder = mode.case.home.folder
    said = ["quick: few draws under loose rules; a first look, not a result"] if quick else []
    coordinates = mode.payoff.coordinates
    x = draws.flat[:, : len(coordinates)]
    learned = {c.name: 1 - float(x[:, i].std()) / c.prior.spread for i, c in enumerate(coordinates)}
    said += [
        f"not identified: {name!r} is known no better than before the data ({max(share, 0.0):.0%} learned)"
        for name, share in learned.items()
        if share < settings.silent
    ]
    said += _tied([c.name for c in coordinates], x, settings.tied)
    said += _untypical([c.name for c in coordinates], mode.best, x)
    said += _ceiling(observed, folder, settings.young)
    fitted = adoption_of(observed)
    others = [name for name in observed if name in ADOPTION and name != fitted]
    repeats = "".join(f"; {name} repeats it and is shown only" for name in others)
    said.append(f"one adoption series is fitted: {fitted}{repeats}")
    return said + _assumed(folder) + doubts(observed, folder, settings.doubts)


def _tied(names: Sequence[str], x: Array, bound: float) -> list[str]:
    with np.errstate(invalid="ignore", divide="ignore"):
        together = np.asarray(np.corrcoef(x.T))
    return [
        f"told only together: {names[i]!r} and {names[j]!r} (correlation {together[i, j]:+.2f} in the posterior)"
        for i in range(len(names))
        for j in range(i)
        if abs(together[i, j]) > bound
    ]


def _untypical(names: Sequence[str], best: Array, x: Array) -> list[str]:
    """Say which parameters of the best fit, which `run` shows, lie outside the 90% interval of the draws."""
    low, _, high = quantiles(x)
    out = [name for i, name in enumerate(names) if not low[i] <= best[i] <= high[i]]
    told = ", ".join(repr(name) for name in out)
    return [f"the best fit is not typical: outside the 90% interval in {told}; forecasts use the draws"] if out else []


def _ceiling(observed: Mapping[str, Observed], folder: Path, young: float) -> list[str]:
    one = observed[adoption_of(observed)]
    size = own_drivers(folder)["market size"]
    if one.name == SHARE:
        largest = max(one.in_model)
    else:
        years, values = np.array(one.years, dtype=float), np.array(one.in_model)
        if one.name == CUMULATIVE:
            years, values = years[1:], np.diff(values) / np.diff(years)
        largest = float(np.max(values / np.interp(years + 0.5, size.years, size.values)))
    if largest >= young:
        return []
    return [
        f"saturation is not seen: the largest observed share of the market is {largest:.2g}; "
        "a ceiling below that of the market rests on the shape of early growth alone"
    ]


def _fit_problem(home: Home) -> list[str]:
    if not home.record.exists():
        return []
    try:
        load_case(home.name)
        accepted_posterior(home.name)
    except InputError as problem:
        return [f"the fit cannot be used: {problem}"]
    return []


def _assumed(folder: Path) -> list[str]:
    own, drivers = read_own(folder), own_drivers(folder)
    said = []
    for name, what in (("market size", "saturation"), ("reference cost", "parity")):
        if all(point.evidence == "assumed" for point in drivers[name].points):
            said.append(f"assumed: {name!r} in scenario.csv; {what} rests on it")
    if own.cost.source.startswith("assumed"):
        said.append("assumed: the way of cost into CNY of 2020 (case.toml: cost.in_model)")
    return said


def _chains(results: Path, case: Case, targets: str, observed: Mapping[str, Observed]) -> Path:
    """Folder of the chains of this very fit: another model, target or observation has another one."""
    told = hashlib.sha256(case.model.file.text.encode())
    told.update(targets.encode())
    told.update(repr([(one.name, one.years, one.in_model) for one in observed.values()]).encode())
    return results / "chains" / told.hexdigest()[:12]
