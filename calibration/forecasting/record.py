"""Scores of all forecasts of a case as one table, with a record of what made them; accepted, read back, and summed up.

The sum is a yardstick named in advance: the CRPS of a forecast over that of two that anybody can make.
"""

from __future__ import annotations

import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import tomlkit

from calibration.fitting.fit import joint_priors
from calibration.fitting.targets import Targets, load_targets
from calibration.forecasting.ahead import MODES, ScoredForecast
from calibration.forecasting.drivers_ahead import HERE as DRIVERS
from calibration.forecasting.forecast import CaseForecast, seen_by
from calibration.forecasting.scores import COMBINED, MODEL, POOL, Skill, compare
from calibration.forecasting.settings import BASELINES, FORECASTS, ForecastSettings
from calibration.records.results import HERE, PACKAGES, digest, hashes, tables_named
from models.case import Case, load_case
from models.files.digest import digest_of
from models.files.settings import read_toml
from stockflow.errors import InputError
from stockflow.files import read_text, watched, write_whole
from stockflow.intervals import interval

TEXTS = ("DM note", "tested against", "reference")  # columns of a score table that may be empty
REFERENCE = "reference"
PAIR = ["case", "series", "origin"]
YARDSTICK = (
    "Yardstick, named in advance, over headline series and all origins: geometric mean of CRPS over that of the "
    "reference (Wright's law for a cost, Gompertz for a volume or level, Moore's law where that could not be made) and "
    "of the equal-weight pool of all naive forecasts, with a 90% interval by bootstrap over series; under 1 is better."
)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCase:
    """Forecasts of one case from several origins, earliest first within a mode."""

    case: str
    forecasts: tuple[CaseForecast, ...]


def scored(case: str, forecasts: Sequence[CaseForecast]) -> ScoredCase:
    """Put the forecasts of a case in order."""
    return ScoredCase(case, tuple(sorted(forecasts, key=lambda one: (MODES.index(one.mode), one.origin))))


def possible_origins(targets: Targets, settings: ForecastSettings) -> tuple[tuple[int, ...], dict[int, str]]:
    """Return the origins of the settings at which some series can be fitted, and why the others cannot be used."""
    possible, refused = [], {}
    for origin in settings.origins:
        try:
            seen_by(targets, origin)
        except InputError as reason:
            refused[origin] = str(reason)
        else:
            possible.append(origin)
    return tuple(possible), refused


def score_table(found: ScoredCase) -> pd.DataFrame:
    """One row per mode, origin, series and forecaster: every score, and the test against the best naive forecast.

    CRPS and log score are of natural logarithms; "inside" columns are shares of years in central intervals; "yearly
    CRPS" has one `year:score` for each year ahead; "reference" names the naive forecast that stands for a series of its
    kind, empty where that could not be made.
    """
    return pd.DataFrame(
        [_row(series, skill) for one in found.forecasts for series in one.series for skill in series.skills.values()]
    )


def _row(series: ScoredForecast, skill: Skill) -> dict[str, object]:
    coverage = skill.coverage
    row: dict[str, object] = {
        "mode": series.mode, "origin": series.origin, "series": series.name, "forecaster": skill.forecaster,
        "first year": skill.years[0], "last year": skill.years[-1], "years": len(skill.years),
        "CRPS": skill.mean_crps, "log score": skill.mean_log_score,
        **{f"inside {level:.0%}": coverage[level] for level in coverage},
        "MAPE": skill.mape, "sMAPE": skill.smape, "U2": skill.u2, "Theil bias": skill.shares.bias,
        "Theil variance": skill.shares.variance, "Theil covariance": skill.shares.covariance,
        "tested against": "", "DM statistic": np.nan, "DM p": np.nan, "DM note": "",
        "yearly CRPS": " ".join(f"{y}:{v:.6g}" for y, v in zip(skill.years, skill.crps, strict=True)),
        "reference": series.reference or "",
    }  # fmt: skip
    best = series.best_naive
    if skill.forecaster in {MODEL, COMBINED} and best is not None:
        row |= against(skill, series.skills[best])
    return row


def against(skill: Skill, other: Skill) -> dict[str, object]:
    """Diebold-Mariano test of two forecasters' yearly CRPS, or why there is none: few years, all differences equal.

    The losses are at growing horizons from one origin and few, so the power is low: a large p shows no equality.
    """
    row: dict[str, object] = {"tested against": other.forecaster}
    if len(skill.years) < 2:
        return {**row, "DM note": f"{len(skill.years)} year: no test"}
    try:
        answer = compare(skill, other)
    except InputError as reason:
        return {**row, "DM note": str(reason)}
    return {**row, "DM statistic": answer.statistic, "DM p": answer.p_value, "DM note": f"n = {answer.years}"}


def forecast_hashes(case: str) -> dict[str, str]:
    """Digests of all files that forecasts of `case` depend on, by kind."""
    experience = tables_named(read_toml(FORECASTS)["cases"][case])
    return {
        **hashes(case, dict.fromkeys(joint_priors(load_targets(case)), 0.0)),
        "forecasts": digest(FORECASTS),
        "experience": digest(*sorted(experience)),
        "drivers_ahead": digest(DRIVERS),
        "baselines": digest(BASELINES),
    }


def fixed_by_later_data(case: Case, targets: Targets) -> tuple[str, ...]:
    """Name the parameters whose fixed value came from a look at all years: what a forecast knows of its future."""
    free = {case.model.variable(name).name for name in joint_priors(targets)}
    return tuple(one.name for one in case.parameters.values() if one.evidence == "fit" and one.name not in free)


def forecast_record(found: ScoredCase, settings: ForecastSettings, table_text: str) -> str:
    """Return what made a score table, as TOML text: seed, settings, diagnostics, versions, hashes."""
    case, targets = load_case(found.case), load_targets(found.case)
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `techcycle forecast`; edit nothing here by hand."))
    document["case"] = found.case
    document["seed"] = settings.seed
    document["starts"] = settings.starts
    document["sampling"] = settings.rules(found.case).model_dump()
    document["table"] = digest_of(table_text)
    document["fixed_by_later_data"] = list(fixed_by_later_data(case, targets))
    document["versions"] = {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
    document["hashes"] = forecast_hashes(found.case)
    document["runs"] = [_run(one) for one in found.forecasts]
    return tomlkit.dumps(document)


def _run(one: CaseForecast) -> dict[str, object]:
    d = one.diagnostics
    return {
        "mode": one.mode, "origin": one.origin, "draws": d.draws, "divergent": round(d.divergent, 5),
        "largest_rhat": round(float(d.rhat.max()), 4), "smallest_bulk_ess": round(float(d.bulk.min())),
        "smallest_tail_ess": round(float(d.tail.min())), "not_scored": dict(one.untold),
        "forecasts_not_made": {f"{s.name}, {who}": why for s in one.series for who, why in s.absent.items()},
    }  # fmt: skip


def forecast_files(found: ScoredCase, settings: ForecastSettings) -> dict[str, str]:
    """Return what is kept of a case's forecasts, by file: the score table as CSV, seven digits each, and its record."""
    text = score_table(found).to_csv(index=False, float_format="%.7g")
    return {f"forecast_{found.case}.csv": text, f"forecast_{found.case}.toml": forecast_record(found, settings, text)}


@watched(renewing=True)
def accept_forecast(found: ScoredCase, settings: ForecastSettings, folder: Path = HERE) -> Path:
    """Write table and record of a case; only of all its origins in both modes, else an `InputError`."""
    possible, _ = possible_origins(load_targets(found.case), settings)
    there = {(one.mode, one.origin) for one in found.forecasts}
    if missing := [(mode, origin) for mode in MODES for origin in possible if (mode, origin) not in there]:
        raise InputError(
            f"--accept: the {missing[0][0]} forecast from {missing[0][1]} is missing: accept all origins, both modes"
        )
    for name, text in forecast_files(found, settings).items():
        file = write_whole(folder / name, text)
    return file


def load_accepted_forecast(case: str, folder: Path = HERE) -> pd.DataFrame:
    """Read the accepted scores of `case`; InputError if missing, damaged, or of another model, data or settings."""
    file = folder / f"forecast_{case}.toml"
    for part in (file, file.with_suffix(".csv")):
        if not part.exists():
            raise InputError(f"{part.name}: case {case!r} has no accepted forecast")
    record, text = read_toml(file), read_text(file.with_suffix(".csv"))
    try:
        table = pd.read_csv(io.StringIO(text), dtype=dict.fromkeys(TEXTS, str))
        own, listed = record["hashes"], record["table"]
    except (KeyError, ValueError) as reason:
        raise InputError(f"{file.name}: not a forecast record: {reason!r:.200}") from None
    if listed != digest_of(text):
        raise InputError(f"forecast_{case}.csv: not the table that {file.name} is about")
    now = forecast_hashes(case)
    if own != now:
        changed = [key for key in now if own.get(key) != now[key]]
        raise InputError(
            f"{file.name}: hashes: made with other {', '.join(changed)}; run `techcycle forecast {case} --accept`"
        )
    return table.fillna(dict.fromkeys(TEXTS, ""))


def yardstick(tables: Mapping[str, pd.DataFrame], settings: ForecastSettings) -> pd.DataFrame:
    """Measure model and combination over the headline series of the cases in `tables` (score tables by case).

    They are held over two forecasts that anybody can make. The best naive forecast in hindsight is none of them: nobody
    could have chosen it, so it bounds from above what naive forecasts can do.

    One row per mode, forecaster and what it is held "over", the reference of each series or the naive pool: "ratio" is
    the geometric mean of CRPS over that of the other, over pairs of series and origin that have both; "5%" and "95%"
    are its bootstrap interval over series, "inside 90%" is the share of all years that the forecaster's 90% interval
    holds. A row without pairs is left out.
    """
    headline = [
        table[table["series"].isin(settings.cases[case].headline)].assign(case=case) for case, table in tables.items()
    ]
    rows = []
    for mode, part in pd.concat(headline).groupby("mode", sort=False):
        named = part[part["forecaster"] == part["reference"]].assign(forecaster=REFERENCE)
        crps = pd.concat([part, named]).pivot(index=PAIR, columns="forecaster", values="CRPS")
        crps = crps.reindex(columns=[MODEL, COMBINED, REFERENCE, POOL])
        for who in (MODEL, COMBINED):
            scored = part[part["forecaster"] == who]
            for over in (REFERENCE, POOL):
                logs = (crps[who] / crps[over]).dropna().map(np.log)
                if len(logs):
                    low, high, series = _over_series(logs, settings)
                    rows.append(
                        {"mode": mode, "forecaster": who, "over": over, "ratio": float(np.exp(logs.mean())),
                         "5%": low, "95%": high, "pairs": len(logs), "series": series,
                         "inside 90%": float(np.average(scored["inside 90%"], weights=scored["years"]))}
                    )  # fmt: skip
    return pd.DataFrame(rows)


def _over_series(logs: pd.Series[float], settings: ForecastSettings) -> tuple[float, float, int]:
    """Return the ends of the interval of exp(mean log ratio) over resampled series, and how many series there are.

    Origins of one series share its years, so a series is drawn with all its pairs (cluster bootstrap: Davison and
    Hinkley 1997, Bootstrap Methods and their Application, 3.8). One series alone has no interval: NaN.
    """
    pairs = logs.groupby(level=["case", "series"])
    sums, counts = pairs.sum().to_numpy(), pairs.count().to_numpy()
    if len(sums) < 2:
        return np.nan, np.nan, len(sums)
    rng = np.random.default_rng(settings.seed)
    picked = rng.integers(len(sums), size=(settings.resamples, len(sums)))
    low, _, high = interval(np.exp(sums[picked].sum(axis=1) / counts[picked].sum(axis=1)))
    return low, high, len(sums)
