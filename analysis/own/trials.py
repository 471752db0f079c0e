"""Tries the three commands for a technology of one's own: `python -m analysis.own.trials [NAME...]` (an hour).

Each trial of `analysis/studies/own_trials.toml` goes through `techcycle new`, `calibrate` and `forecast` as a person
would, each in a process of its own; scores of the years held out go to `analysis/results/own_trials.csv`, from which
a page of `docs/` has its table. A trial that was broken off resumes; the rows of trials not named stay.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field
from tqdm import tqdm

from analysis.plain.shown import markdown
from calibration.forecasting.scores import MODEL, best_naive
from calibration.observed.tables import load_table
from calibration.own.new import EXAMPLES
from calibration.own.settings import load_own_settings, pooled_prior
from models.files.build import FOLDER
from models.files.settings import Positive, Strict, Text, read_settings
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


class Trials(Strict):
    """The whole study."""

    until: int
    trials: Annotated[tuple[Trial, ...], Field(min_length=1)]


def load_trials(file: Path = STUDY) -> Trials:
    """Read the study; an `InputError` names file, key and value."""
    return read_settings(file, Trials)


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
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(["series", "year", "value", "unit", "source"])
        writer.writerows(observations_of(trial))
    return file


def digest_of(trial: Trial) -> str:
    """Return a hash of what the scores of a trial depend on: its data, equations, numbers, priors and rules."""
    settings = load_own_settings()
    priors = {name: pooled_prior(name, rule).model_dump() for name, rule in settings.pool.items()}
    told = [repr(observations_of(trial)), settings.model_dump_json(), json.dumps(priors)]
    files = [*own_parts(), *(FOLDER / "cases" / f"{name}.toml" for name in ("core", GENERIC))]
    if trial.example:
        files += sorted((EXAMPLES / trial.example).iterdir())
    parts = [*(one.encode() for one in told), *(one.read_bytes() for one in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def run_trial(trial: Trial, until: int, place: Path) -> list[dict[str, object]]:
    """Run the commands of one trial in `place` and return a row per series and set of years scored."""
    place.mkdir(parents=True, exist_ok=True)
    data = Path(f"{trial.name}.csv")
    given: list[str] = ["--example", trial.example] if trial.example else ["--data", str(data)]
    if not trial.example:
        write_observations(trial, place / data)
    else:
        data = Path(trial.name) / "observations.csv"
    if whole := not (place / trial.name).exists():
        _techcycle(place, "new", trial.name, *given)
    begin = time.monotonic()
    _techcycle(place, "calibrate", trial.name, "--data", str(data), "--json")
    fitted = time.monotonic()
    told = json.loads(_techcycle(place, "forecast", trial.name, "--until", str(until), "--json"))
    ended = time.monotonic()
    record = tomllib.loads((place / trial.name / FIT).read_text(encoding="utf-8"))["posterior"]
    about = {
        "trial": trial.name, "digest": digest_of(trial), "chains": record["chains"],
        "largest R-hat": record["largest_rhat"],
        "smallest ESS": min(record["smallest_bulk_ess"], record["smallest_tail_ess"]),
        "fit minutes": (fitted - begin) / 60 if whole else None,
        "forecast minutes": (ended - fitted) / 60 if whole else None,
    }  # fmt: skip
    seen = pd.read_csv(place / data)
    rows = _scored(told["hindcast"], seen, seen)
    if trial.example and (EXAMPLES / trial.example / LATER).is_file():
        later = Path(trial.name) / LATER
        told = json.loads(_techcycle(place, "score", trial.name, "--data", str(later), "--json"))
        rows += _scored(told["scores"], seen, pd.read_csv(place / later))
    return [{**about, **row} for row in rows]


def _scored(skills: list[dict[str, Any]], fitted: pd.DataFrame, scored: pd.DataFrame) -> list[dict[str, object]]:
    """Return model and best naive forecast of each series: scored on the last years of `scored`, fitted before them."""
    rows: list[dict[str, object]] = []
    for series, part in pd.DataFrame(skills).groupby("series", sort=False):
        by = part.set_index("forecaster")
        crps, model = dict(by["CRPS"]), by.loc[MODEL].to_dict()
        best = best_naive(crps)
        years = sorted(scored.loc[scored["series"] == series, "year"])[-int(model["years"]) :]
        known = fitted.loc[(fitted["series"] == series) & (fitted["year"] < years[0]), "year"]
        rows.append(
            {
                "series": series, "fitted from": int(known.min()), "fitted to": int(known.max()),
                "from": int(years[0]), "to": int(years[-1]), "years": len(years),
                "CRPS": model["CRPS"], "inside 90%": model["inside 90%"],
                "best naive": best, "naive CRPS": np.nan if best is None else crps[best],
            }
        )  # fmt: skip
    return rows


def _techcycle(place: Path, *command: str) -> str:
    """Run a command as a person would and return what it printed; InputError with its own words if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", *command], cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        *_, last = f"exit code {done.returncode}", *done.stderr.strip().splitlines()
        raise InputError(f"techcycle {' '.join(command)}: {last}")
    return done.stdout


def trial_lines(file: Path = RESULTS) -> list[str]:
    """Return the kept rows as a Markdown table, and how each fit was sampled; InputError without a file."""
    if not file.is_file():
        raise InputError(f"{file}: not there; `python -m analysis.own.trials` makes it")
    table = pd.read_csv(file)
    titles = {one.name: one.title for one in load_trials().trials}
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
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trials named, all by default, and keep their rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="trials to run; all if none is named")
    parser.add_argument("--folder", type=Path, default=PLACE, help="where the cases are made (default: output/trials)")
    told = parser.parse_args(arguments)
    study = load_trials()
    known = {one.name: one for one in study.trials}
    if unknown := sorted(set(told.names) - set(known)):
        parser.error(f"no trial {unknown[0]!r}; there are {', '.join(known)}")
    chosen = [known[name] for name in told.names or known]
    for trial in tqdm(chosen, desc="trials", unit="trial", disable=None):
        try:
            keep(run_trial(trial, study.until, told.folder), list(known))
        except InputError as error:
            print(f"{trial.name}: {error}", file=sys.stderr)
            return 2
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
