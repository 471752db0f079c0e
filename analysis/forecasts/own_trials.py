"""Tries technologies of one's own: `python -m analysis.forecasts.own_trials [NAME...]` (an hour).

Each trial of `analysis/studies/own_trials.toml` is made, fitted and forecast as `techcycle new`, `calibrate` and
`forecast` do; scores of the years held out go to `analysis/results/own_trials.csv`, from which a page of `docs/` has
its table. A trial that was broken off resumes; the rows of trials not named stay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from analysis.plain.progress import counted
from analysis.plain.shown import markdown
from calibration.forecasting.ahead import ScoredForecast
from calibration.forecasting.new_scores import score_case
from calibration.forecasting.scores import MODEL
from calibration.observed.tables import load_table
from calibration.own.data import COLUMNS
from calibration.own.fit import calibrate_own
from calibration.own.forecast import hindcast
from calibration.own.new import EXAMPLES, new_case, new_example
from calibration.own.settings import load_own_settings, pooled_priors
from models.files.build import FOLDER
from models.files.settings import Positive, SettingsFile, Strict, Text, read_toml
from models.own import FIT, GENERIC, own_parts
from stockflow.errors import InputError

STUDY = Path(__file__).parents[1] / "studies" / "own_trials.toml"
RESULTS = Path(__file__).parents[1] / "results" / "own_trials.csv"
PLACE = Path("output") / "trials"
LATER = "later.csv"


class Column(Strict):
    """One series of a trial: which observed series it is, and what turns that into `unit`."""

    series: Text
    table: Text
    of: Text
    region: Text
    unit: Text
    times: Positive = 1.0
    summed: bool = False


class Trial(Strict):
    """A technology to try: a shipped example, or series to write a table from."""

    name: Text
    title: Text
    example: str | None = None
    series: tuple[Column, ...] = ()


class Trials(SettingsFile):
    """The whole study."""

    shipped = STUDY
    trials: Annotated[tuple[Trial, ...], Field(min_length=1)]


def observations_of(trial: Trial) -> list[list[object]]:
    """Return the rows of the observations file of a trial: series, year, value, unit, source."""
    rows: list[list[object]] = []
    for column in trial.series:
        table = load_table(column.table).rows
        found = table[(table["series"] == column.of) & (table["region"] == column.region)].sort_values("year")
        if found.empty:
            raise InputError(f"{STUDY.name}: {trial.name}: no {column.of!r} of {column.region!r} in {column.table}.csv")
        total = 0.0
        for year, value, source in zip(found["year"], found["value"], found["source"], strict=True):
            total = value * column.times + (total if column.summed else 0.0)
            told = f"{source}, summed" if column.summed else source
            rows.append([column.series, int(year), float(f"{total:.12g}"), column.unit, told])
    return rows


def write_observations(trial: Trial, file: Path) -> Path:
    """Write the observations file of a trial and return it."""
    pd.DataFrame(observations_of(trial), columns=COLUMNS).to_csv(file, index=False)
    return file


def digest_of(trial: Trial) -> str:
    """Return a hash of what the scores of a trial depend on: its data, equations, numbers, priors and rules."""
    settings = load_own_settings()
    priors = {name: prior.model_dump() for name, prior in pooled_priors(settings.pool).items()}
    told = [repr(observations_of(trial)), settings.model_dump_json(), json.dumps(priors)]
    files = [*own_parts(), *(FOLDER / "cases" / f"{name}.toml" for name in ("core", GENERIC))]
    if trial.example:
        files += sorted((EXAMPLES / trial.example).iterdir())
    parts = [*(one.encode() for one in told), *(one.read_bytes() for one in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def run_trial(trial: Trial, place: Path) -> list[dict[str, object]]:
    """Make, fit and forecast one technology in `place`; return a row per series and set of years scored."""
    place.mkdir(parents=True, exist_ok=True)
    folder = place / trial.name
    name, data = str(folder), folder / "observations.csv"
    if not trial.example:
        data = write_observations(trial, place / f"{trial.name}.csv")
    if whole := not folder.exists():
        if trial.example:
            new_example(trial.name, trial.example, place)
        else:
            new_case(trial.name, place, data)
    begin = time.monotonic()
    calibrate_own(name, data)
    fitted = time.monotonic()
    back, why = hindcast(name)
    ended = time.monotonic()
    if back is None:
        raise InputError(f"{trial.name}: {why}")
    record = read_toml(folder / FIT)["posterior"]
    about = {
        "trial": trial.name, "digest": digest_of(trial), "chains": record["chains"],
        "largest R-hat": record["largest_rhat"],
        "smallest ESS": min(record["smallest_bulk_ess"], record["smallest_tail_ess"]),
        "fit minutes": (fitted - begin) / 60 if whole else None,
        "forecast minutes": (ended - fitted) / 60 if whole else None,
    }  # fmt: skip
    later = folder / LATER
    return [{**about, **row(one)} for one in (*back.series, *(score_case(name, later) if later.is_file() else ()))]


def row(forecast: ScoredForecast) -> dict[str, object]:
    """Return what is kept of the forecast of one series: model and best naive forecast, the years known and scored."""
    model, best, known = forecast.skills[MODEL], forecast.best_naive, forecast.history.years
    return {
        "series": forecast.name, "fitted from": int(known[0]), "fitted to": int(known[-1]),
        "from": forecast.years[0], "to": forecast.years[-1], "years": len(forecast.years),
        "CRPS": model.mean_crps, "inside 90%": model.coverage[0.9],
        "best naive": best, "naive CRPS": np.nan if best is None else forecast.skills[best].mean_crps,
    }  # fmt: skip


def trial_lines(file: Path = RESULTS) -> list[str]:
    """Return the kept rows as a Markdown table, and how each fit was sampled; InputError without a file.

    Rows of other equations, priors or data than the present ones are marked.
    """
    if not file.is_file():
        raise InputError(f"{file}: not there; `python -m analysis.forecasts.own_trials` makes it")
    table = pd.read_csv(file)
    digests = dict(zip(table["trial"], table["digest"].astype(str), strict=True))
    trials = {one.name: one for one in Trials.load().trials}
    old = {name for name, digest in digests.items() if digest != digest_of(trials[name])}
    titles = {name: one.title + (" †" if name in old else "") for name, one in trials.items()}
    head = ("technology", "series", "fitted to", "scored", "model, CRPS", "best naive", "inside 90%")
    rows = []
    for row in table.to_dict("records"):
        fitted = f"{row['fitted from']}-{row['fitted to']}"
        mark = "**" if row["CRPS"] < row["naive CRPS"] else ""
        inside = f"{round(row['inside 90%'] * row['years'])} of {row['years']}"
        scores = (f"{mark}{row['CRPS']:.3f}{mark}", f"{row['best naive']} {row['naive CRPS']:.3f}")
        rows.append((titles[row["trial"]], row["series"], fitted, f"{row['from']}-{row['to']}", *scores, inside))
    won = int((table["CRPS"] < table["naive CRPS"]).sum())
    runs = [
        f"{titles[row['trial']]} {row['chains']}, {row['largest R-hat']:.3f}, {row['smallest ESS']:.0f}, "
        + ("resumed" if pd.isna(row["fit minutes"]) else f"{row['fit minutes']:.0f} and {row['forecast minutes']:.0f}")
        for row in table.drop_duplicates("trial").to_dict("records")
    ]
    return [
        *markdown(head, rows), "",
        f"The model is better than the best naive forecast, chosen in hindsight, in {won} of {len(table)}.",
        f"Chains, largest R-hat, fewest effective draws, minutes of fit and forecast: {'; '.join(runs)}.",
        *["† Scored with other equations, priors or data than the present ones: `make trials` renews it."][: len(old)],
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials named, all by default, and keep their rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="trials to run; all if none is named")
    parser.add_argument("--folder", type=Path, default=PLACE, help="where the cases are made (default: output/trials)")
    told = parser.parse_args(arguments)
    study = Trials.load()
    known = {one.name: one for one in study.trials}
    if unknown := sorted(set(told.names) - set(known)):
        parser.error(f"no trial {unknown[0]!r}; there are {', '.join(known)}")
    chosen = [known[name] for name in told.names or known]
    with counted("trials", len(chosen), "trial") as step:
        for trial in chosen:
            try:
                keep(run_trial(trial, told.folder), list(known))
            except InputError as error:
                print(f"{trial.name}: {error}", file=sys.stderr)
                return 2
            step(trial.name)
    print(RESULTS)
    return 0


def keep(rows: list[dict[str, object]], order: Sequence[str], file: Path = RESULTS) -> None:
    """Put the rows of one trial in the place of its earlier ones, trials in the order of the study."""
    new = pd.DataFrame(rows)
    if file.is_file():
        old = pd.read_csv(file, dtype={"digest": str})
        new = pd.concat([old[~old["trial"].isin(new["trial"])], new], ignore_index=True)
    place = new["trial"].map(list(order).index)
    new.iloc[place.argsort(kind="stable")].to_csv(file, index=False, float_format="%.5g")


if __name__ == "__main__":
    sys.exit(main())
