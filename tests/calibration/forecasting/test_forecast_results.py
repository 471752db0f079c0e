"""Tables, duels and accepted files say what was scored and by what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import cli
from analysis.forecasts import study as forecasts
from analysis.forecasts.figures import fan_numbers, forecast_fans
from analysis.forecasts.study import duels, forecast_words, skill_rows
from calibration.errors import NotConvergedError
from calibration.fitting.convergence import Diagnostics
from calibration.fitting.targets import load_targets
from calibration.forecasting.ahead import MODES, Mode, ScoredForecast, SeriesForecast, with_mixtures
from calibration.forecasting.forecast import CaseForecast
from calibration.forecasting.record import (
    accept_forecast,
    against,
    load_accepted_forecast,
    possible_origins,
    score_table,
    scored,
)
from calibration.forecasting.scores import COMBINED, MODEL, POOL
from calibration.forecasting.settings import ForecastSettings, Kind
from calibration.observed.history import History
from models.files.settings import read_toml
from stockflow.errors import InputError

TRUTH = {year: float(np.exp(0.2 * (year - 2010) + 0.1 * np.sin(7 * year))) for year in range(2005, 2024)}
GOOD, BAD, WRIGHT = "exponential", "last value", "Wright's law"


def forecast(origin: int, offsets: Mapping[str, float], name: str = "size", mode: Mode = "conditional",
             truth: Mapping[int, float] = TRUTH, spread: float = 0.1) -> ScoredForecast:  # fmt: skip
    """Forecasters that miss the true logarithm by a given offset, give or take a spread."""
    years = [year for year in truth if year > origin]
    known = [year for year in truth if year <= origin]
    observed = np.array([truth[year] for year in years])
    line = np.exp(0.2 * (np.array(years) - 2010))
    rng = np.random.default_rng(origin)
    draws = {who: line * np.exp(by + spread * rng.standard_normal((400, len(years)))) for who, by in offsets.items()}
    history = History(name, np.array(known), np.array([truth[year] for year in known]), "unit")
    kind: Kind = "cost" if "price" in name else "flow"
    return SeriesForecast(origin, mode, kind, history, tuple(years), *with_mixtures(draws, {}, kind)).scored(observed)


SETTINGS = ForecastSettings.load()
OFFSETS = {MODEL: 0.0, GOOD: 0.5, BAD: -0.9}
QUIET = Diagnostics(("size",), np.array([1.0]), np.array([900.0]), np.array([800.0]), 0.0, 1600)


def whole(case: str, names: tuple[str, ...], origins: tuple[int, ...], modes: tuple[Mode, ...] = MODES,
          offsets: Mapping[str, float] = OFFSETS) -> list[CaseForecast]:  # fmt: skip
    return [
        CaseForecast(case, origin, mode, tuple(forecast(origin, offsets, n, mode) for n in names), {"x": "why"}, QUIET)
        for mode in modes
        for origin in origins
    ]


# --- tables -----------------------------------------------------------------------------------------------------


def test_the_table_holds_every_score_of_every_forecaster_and_names_the_reference() -> None:
    table = score_table(scored("nev", whole("nev", ("size",), (2016, 2019), offsets={**OFFSETS, "Gompertz": 0.2})))
    assert len(table) == 2 * 2 * (len(OFFSETS) + 3)
    assert set(table["reference"]) == {"Gompertz"}
    row = table[(table["forecaster"] == MODEL) & (table["origin"] == 2019)].iloc[0]
    skill = forecast(2019, OFFSETS).skills[MODEL]
    assert row["CRPS"] == pytest.approx(skill.mean_crps)
    assert row["inside 90%"] == skill.coverage[0.9]
    assert row["Theil bias"] + row["Theil variance"] + row["Theil covariance"] == pytest.approx(1.0)
    assert row["tested against"] == "Gompertz"
    assert row["DM statistic"] < 0
    bare = score_table(scored("nev", whole("nev", ("size",), (2019,))))
    assert set(bare["reference"]) == {""}
    assert COMBINED not in set(bare["forecaster"])


def test_a_test_of_one_year_or_of_equal_losses_is_not_made_and_says_why() -> None:
    one = forecast(2022, OFFSETS).skills
    assert against(one[MODEL], one[GOOD])["DM note"] == "1 year: no test"
    two = forecast(2019, OFFSETS).skills
    assert "all 4 loss differences equal" in str(against(two[MODEL], two[MODEL])["DM note"])


def test_wins_are_counted_against_the_reference_and_the_best_in_hindsight() -> None:
    offsets = {MODEL: 0.3, WRIGHT: 0.5, BAD: 0.1}
    made = [CaseForecast("nev", 2019, "conditional", (forecast(2019, offsets, "battery pack price"),), {}, QUIET)]
    table = score_table(scored("nev", made))
    (duel,) = duels(table, ("battery pack price",), "conditional", 2019).to_dict("records")
    assert (duel["reference"], duel["best in hindsight"]) == (WRIGHT, BAD)
    assert duel["its CRPS"] < duel["model CRPS"] < duel["combined CRPS"] < duel["reference CRPS"]
    assert duel["years"] == 4
    words = forecast_words(table, "nev", SETTINGS)
    assert (
        "the model beats the reference named in advance on 1 of 1 and the best naive forecast in hindsight, an upper "
        "bound, on 0; model and reference together beat them on 1 and 0."
    ) in words[0]


def test_losses_are_said_in_words_and_twice_is_called_twice() -> None:
    offsets = {MODEL: 0.8, GOOD: 0.0, BAD: 0.9}
    table = score_table(scored("nev", whole("nev", ("NEV sales", "NEV fleet"), (2016, 2019), offsets=offsets)))
    words = forecast_words(table, "nev", SETTINGS)
    assert (
        "2 headline series: the model beats the reference named in advance on 0 of 0 and the best naive forecast in"
        in words[0]
    )
    assert any("NEV sales loses to exponential" in line and "(more than twice)" in line for line in words)
    assert any("no comparison for battery pack price, public charging points" in line for line in words)
    assert "low power" in words[-1]
    assert "A small p does not show a difference either" in words[-1]


def test_what_forecasts_know_of_their_future_names_the_bound_of_the_persistence() -> None:
    table = score_table(scored("nev", whole("nev", ("NEV sales",), (2019,))))
    (line,) = [one for one in forecast_words(table, "nev", SETTINGS) if one.startswith("What these forecasts still")]
    bound = load_targets("nev").errors.largest_persistence
    assert f"the bound {bound:g} of the errors' persistence was chosen with the misfits of 2019-21 in view" in line


def test_coverage_is_pooled_over_all_origins_and_weighted_by_years() -> None:
    made = scored("nev", whole("nev", ("NEV sales", "NEV fleet"), (2012, 2019)))
    words = forecast_words(score_table(made), "nev", SETTINGS)
    for mode in MODES:
        skills = [one.skills[MODEL] for case in made.forecasts if case.mode == mode for one in case.series]
        held = {level: np.mean([hit for one in skills for hit in one.inside[level]]) for level in (0.5, 0.9)}
        years = sum(len(one.years) for one in skills)
        assert (
            f"{mode}, all origins: of {years} years of 2 series {held[0.5]:.0%} in the 50% and {held[0.9]:.0%} in the "
            "90% intervals of the model."
        ) in words


def test_a_series_that_is_scored_but_counts_in_no_headline_is_said_with_its_ratio() -> None:
    offsets = {MODEL: 0.8, GOOD: 0.0, BAD: 0.9}
    names = ("China installation", "China share of world production")
    table = score_table(scored("pv", whole("pv", names, (2019,), offsets=offsets)))
    (line,) = [one for one in forecast_words(table, "pv", SETTINGS) if "conditional from 2019: China share" in one
               and not one.startswith("un")]  # fmt: skip
    by = table[(table["mode"] == "conditional") & (table["series"] == names[1])].set_index("forecaster")["CRPS"]
    assert "is scored but is no headline series" in line
    assert f"a ratio of {by[MODEL] / by[GOOD]:.2f}." in line
    assert not any("China installation is scored but" in one for one in forecast_words(table, "pv", SETTINGS))


def test_the_printed_table_has_a_row_per_mode_series_and_origin() -> None:
    rows = skill_rows(score_table(scored("nev", whole("nev", ("a", "b"), (2016, 2019)))))
    assert len(rows) == 2 * 2 * 2
    assert (rows["best in hindsight"] == GOOD).all()
    assert (rows["model CRPS"] < rows["its CRPS"]).all()


# --- accepted files ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    settings, targets = SETTINGS, load_targets("nev")
    names = tuple(one.name for one in targets.series[:2])
    made = whole("nev", names, possible_origins(targets, settings)[0])
    accept_forecast(scored("nev", made), settings, folder)
    return folder


def test_an_accepted_forecast_is_read_back_with_what_made_it(accepted: Path) -> None:
    table, record = load_accepted_forecast("nev", accepted), read_toml(accepted / "forecast_nev.toml")
    assert record["case"] == "nev"
    assert set(table["forecaster"]) == {MODEL, GOOD, BAD, POOL}
    assert record["seed"] == SETTINGS.seed
    assert record["runs"][0]["smallest_bulk_ess"] == 900
    assert "variety elasticity" in record["fixed_by_later_data"]
    assert forecast_words(table, "nev", SETTINGS)


@pytest.mark.parametrize("key", ["equations", "observations", "drivers_ahead", "forecasts"])
def test_an_accepted_forecast_of_another_version_is_refused_by_what_changed(
    accepted: Path, tmp_path: Path, key: str
) -> None:
    for file in accepted.iterdir():
        text = file.read_text(encoding="utf-8")
        lines = [f'{key} = "0123456789abcdef"' if line.startswith(f"{key} = ") else line for line in text.split("\n")]
        (tmp_path / file.name).write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=rf"forecast_nev.toml: hashes: made with other {key}; run `techcycle forecast"):
        load_accepted_forecast("nev", tmp_path)


def test_a_missing_damaged_or_edited_accepted_forecast_is_refused_by_file(accepted: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"forecast_nev.toml: case 'nev' has no accepted forecast"):
        load_accepted_forecast("nev", tmp_path)
    for file in accepted.iterdir():
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "forecast_nev.csv").open("a", encoding="utf-8") as end:
        end.write("conditional,2019,made up\n")
    with pytest.raises(InputError, match=r"forecast_nev.csv: not the table that forecast_nev.toml is about"):
        load_accepted_forecast("nev", tmp_path)
    (tmp_path / "forecast_nev.toml").write_text("case = ", encoding="utf-8")
    with pytest.raises(InputError, match=r"forecast_nev.toml: not readable as TOML"):
        load_accepted_forecast("nev", tmp_path)


def test_only_all_origins_in_both_modes_are_accepted(tmp_path: Path) -> None:
    found = scored("nev", whole("nev", ("NEV sales",), (2016, 2019)))
    with pytest.raises(InputError, match="the conditional forecast from 2012 is missing"):
        accept_forecast(found, SETTINGS, tmp_path)
    assert not list(tmp_path.iterdir())


# --- figure and command -----------------------------------------------------------------------------------------


def test_the_figure_leaves_picture_and_the_numbers_it_shows(tmp_path: Path) -> None:
    made = whole("nev", ("a", "b"), (2012, 2016, 2019, 2022), ("conditional",))
    png = forecast_fans("Test", made, tmp_path / "forecast_nev")
    assert png.stat().st_size > 10_000
    numbers = pd.read_csv(tmp_path / "forecast_nev.csv")
    assert set(numbers["origin"]) == {2016, 2019}
    assert (numbers["5%"] < numbers["median"]).all()
    single = fan_numbers(made[-1:])
    assert len(single) == 2


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["techcycle", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("steam",), "steam"),
        (("ic",), "nothing is said of case 'ic'"),
        (("nev", "--train-to", "2019", "--accept"), "--accept: accepted forecasts are from all origins"),
        (("nev", "--train-to", "1950"), "no series has 3 observations by 1950"),
        (("nev", "--train-to", "2023"), "nothing is observed after 2023"),
        (("nev", "--mode", "hopeful"), "hopeful"),
    ],
)
def test_a_forecast_that_cannot_be_made_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[str, ...],
    says: str,
) -> None:  # fmt: skip
    assert run(monkeypatch, "forecast", *arguments, "--out", str(tmp_path / "out")) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""


def test_a_forecast_that_has_not_converged_prints_nothing_and_exits_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object) -> CaseForecast:
        raise NotConvergedError("forecast from 2019: R-hat; chains kept in there")

    monkeypatch.setattr(forecasts, "forecast_case", fail)
    assert run(monkeypatch, "forecast", "nev", "--train-to", "2019", "--out", str(tmp_path)) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "not converged: forecast from 2019" in told.err


def test_the_command_prints_the_table_what_is_not_scored_and_the_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def made(_: object, __: object, origin: int, mode: Mode, *___: object) -> CaseForecast:
        return CaseForecast(
            "nev", origin, mode, (forecast(origin, OFFSETS, "NEV sales", mode),), {"range": "not fitted"}, QUIET
        )

    monkeypatch.setattr(forecasts, "forecast_case", made)
    assert run(monkeypatch, "forecast", "nev", "--mode", "conditional", "--out", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "From 2019 no forecast of range (not fitted)." in told
    assert "conditional from 2019, 1 headline series: the model beats" in told
    assert "Yardstick, named in advance" in told
    assert (tmp_path / "results" / "forecast_nev.csv").exists()
    assert (tmp_path / "figures" / "forecast_nev.png").exists()
    assert run(monkeypatch, "forecast", "nev", "--mode", "conditional", "--json", "--out", str(tmp_path)) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["scores"][0]["CRPS"] == pytest.approx(forecast(2012, OFFSETS).skills[MODEL].mean_crps)
    assert {(row["forecaster"], row["over"]) for row in data["yardstick"]} == {(MODEL, POOL)}
    assert data["not scored"][0] == {"mode": "conditional", "origin": 2012, "series": "range", "reason": "not fitted"}


def test_nothing_is_said_of_the_headline_origin_where_it_was_not_run() -> None:
    words = forecast_words(score_table(scored("nev", whole("nev", ("NEV sales",), (2014,)))), "nev", SETTINGS)
    assert not any("from 2019" in line for line in words)


def test_each_rival_is_met_over_all_series_and_origins_that_it_forecast() -> None:
    table = score_table(scored("nev", whole("nev", ("size", "weight"), (2012, 2016))))
    met = forecasts.rivals(table).set_index(["mode", "against"])
    by = table[table["mode"] == "conditional"].pivot(index=["series", "origin"], columns="forecaster", values="CRPS")
    ratios = by[MODEL] / by[GOOD]
    row = met.loc[("conditional", GOOD)]
    assert (row["pairs"], row["model better on"]) == (4, int((ratios < 1).sum()))
    assert row["ratio"] == pytest.approx(float(np.prod(ratios) ** (1 / 4)), rel=1e-12)
