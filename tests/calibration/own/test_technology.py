"""A technology of the user's own: three commands make a calibrated case, a forecast and a figure; what they promise."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calibration_helpers import shallow
from click.testing import CliRunner
from own_made import LAST, PLUMBING, cost, edited, supported, table, volume, written

from analysis.cli import cli
from analysis.commands import calibrate as calibrate_command
from analysis.commands import forecast as forecast_command
from analysis.phase_out.by_instrument.named import Asked, NamedExit, named_exit
from analysis.phase_out.study import load_exit_study
from calibration.errors import NotConvergedError
from calibration.forecasting.ahead import SeriesForecast, accepted_fit
from calibration.forecasting.new_scores import score_case, skill_table, skill_words
from calibration.observed.history import History
from calibration.own import fit as own_fit
from calibration.own.data import by_series, read_rows
from calibration.own.fit import OwnFit, warnings_of
from calibration.own.forecast import fans
from calibration.own.settings import OwnSettings, load_own_settings
from calibration.records.results import accepted_posterior, load_accepted
from models.case import load_case
from models.own import read_own
from stockflow.errors import InputError

NAME = "battery"


@dataclass(frozen=True)
class Made:
    """What the three commands printed, by command, and the fit that they made; the folder is the current one."""

    said: dict[str, str]
    fit: OwnFit


def command(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def few_draws() -> OwnSettings:
    return load_own_settings().model_copy(update={"quick": PLUMBING})


@pytest.fixture(scope="module")
def battery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    kept: list[OwnFit] = []

    def keeping(*arguments: object) -> OwnFit:
        kept.append(own_fit.calibrate_own(*arguments))  # type: ignore[arg-type]
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("own"))
        patch.setattr(own_fit, "load_own_settings", few_draws)
        shallow(patch)
        patch.setattr(calibrate_command, "load_own_settings", few_draws)
        patch.setattr(forecast_command, "load_own_settings", few_draws)
        patch.setattr(calibrate_command, "calibrate_own", keeping)
        data, later = written(Path("data.csv"), table()), table(LAST + 1, LAST + 3)
        written(Path("later.csv"), later)
        said = {"new": command("new", NAME, "--data", str(data), "--market", "1000", "--reference", "300")}
        supported(Path(NAME))
        said["validate"] = command("validate", NAME, "--data", str(data))
        said["calibrate"] = command("calibrate", NAME, "--data", str(data), "--quick", "--starts", "2")
        said["forecast"] = command("forecast", NAME, "--until", "2025", "--no-hindcast")
        said["paths"] = command("paths", NAME)
        said["exit"] = command("exit", NAME, "--start", "2014", "--shape", "linear")
        said["score"] = command("score", NAME, "--data", "later.csv")
        said["run"] = command("run", NAME, "--until", "2010")
        yield Made(said, kept[0])


def test_new_writes_a_case_that_takes_units_and_start_from_the_data(battery: Made) -> None:
    own = read_own(Path(NAME))
    assert (own.cost.unit, own.volume.unit, own.control.initial_time) == ("USD2020/kWh", "GWh", 2008.0)


def test_new_works_the_way_of_cost_into_the_models_money_out_of_the_units(battery: Made) -> None:
    own = read_own(Path(NAME))
    dollars_a_unit = 1e6 / own.volume.in_model  # 1 GWh is 1e6 kWh, and a unit of the model 1/in_model GWh
    assert own.cost.in_model == pytest.approx(dollars_a_unit * 6.9042 / 1e9, rel=1e-3)


def test_calibrate_leaves_estimates_errors_warnings_and_a_figure_in_the_users_folder(battery: Made) -> None:
    left = {file.name for file in (Path(NAME) / "results").iterdir()}
    assert left >= {
        "fit.toml",
        "posterior.nc",
        "estimates.csv",
        "errors.csv",
        "warnings.txt",
        "fit.png",
        "targets.toml",
    }


def test_the_figure_of_the_fit_is_in_the_users_units(battery: Made) -> None:
    drawn = pd.read_csv(Path(NAME) / "results" / "fit.csv").set_index(["series", "year"])
    assert drawn.loc[("unit_cost", 2010), "observed"] == pytest.approx(cost(2010), rel=1e-6)
    assert set(drawn["unit"]) == {"USD2020/kWh", "GWh/year"}


def test_the_fit_follows_both_series_within_a_fifth(battery: Made) -> None:
    assert all(one.rms < 0.2 for one in battery.fit.calibration.closed.series)


def test_runs_take_the_accepted_estimates(battery: Made) -> None:
    for name, value in load_accepted(NAME).values.items():
        assert load_case(NAME).parameters[name].value == pytest.approx(value)


def test_run_prints_the_saved_times_of_the_users_model(battery: Made) -> None:
    rows = battery.said["run"].strip().splitlines()
    assert rows[1].startswith("2008,")
    assert rows[-1].startswith("2010,")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("policy.csv", "2008,100", "2008,120"),
        ("scenario.csv", "1000", "1100"),
        ("case.toml", "value = 10.0", "value = 9.0"),
    ],
)  # fmt: skip
def test_a_fit_is_refused_once_its_case_was_changed(
    battery: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str
) -> None:
    shutil.copytree(NAME, tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    accepted_posterior(NAME)
    edited(tmp_path / NAME / file, old, new)
    with pytest.raises(InputError, match="posterior"):
        accepted_posterior(NAME)


def test_forecast_quantiles_are_in_order_and_reach_the_year_asked_for(battery: Made) -> None:
    drawn = pd.read_csv(Path(NAME) / "results" / "forecast.csv")
    ahead = drawn[drawn["kind"] == "forecast"]
    levels = ahead[["5%", "25%", "median", "75%", "95%"]].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()
    assert (ahead["year"].min(), ahead["year"].max()) == (LAST + 1, 2025)


def test_forecast_starts_where_the_observations_end(battery: Made) -> None:
    for fan in fans(NAME, 2020):
        assert 0.5 < np.median(fan.draws["model"][:, 0]) / fan.history.values[-1] < 2


def test_forecast_shows_naive_forecasts_beside_the_models(battery: Made) -> None:
    naive = {fan.name: set(fan.naive) for fan in fans(NAME, 2020)}
    assert {"last value", "Moore's law", "Wright's law"} <= naive["unit_cost"]
    assert {"last value", "logistic"} <= naive["annual_volume"]


def test_forecast_says_that_a_quick_fit_is_a_first_look(battery: Made) -> None:
    assert "a first look, not a result" in battery.said["forecast"]


@pytest.mark.parametrize("until", [LAST, 2030])
def test_forecast_refuses_a_year_already_observed_or_after_the_run(battery: Made, until: int) -> None:
    with pytest.raises(InputError, match=f"--until {until}: must be after 2017.*at most 2029"):
        fans(NAME, until)


def test_paths_give_every_stage_in_order_with_its_share_of_draws(battery: Made) -> None:
    found = pd.read_csv(Path(NAME) / "results" / "paths.csv")
    known = found.dropna(subset=["stage year"])
    assert found["reached"].between(0, 1).all()
    assert len(known)
    assert (known["stage year low"] <= known["stage year"]).all()
    assert (known["stage year"] <= known["stage year high"]).all()


def ended(start: float, *ends: str) -> tuple[NamedExit, dict[str, pd.DataFrame]]:
    """The exit from all that buyers are given, or from `ends`, and the years of its table by what they are of."""
    study = load_exit_study(NAME)
    found = named_exit(study, Asked(ends, start, against="history"), study.draws)
    return found, {str(what): rows.set_index("year") for what, rows in found.table.groupby("what")}


def test_without_support_nothing_is_paid_and_less_is_sold(battery: Made) -> None:
    found, years = ended(2008.0)
    paid, sold = years["subsidy paid, tax given up"], years["sales at home"]
    assert (paid["with it high"] == 0).all()
    assert paid["without the exit"].iloc[0] > 0
    assert (sold.loc[2009:LAST, "difference high"] < 0).all()
    assert (found.ratio < 1).all()
    assert (found.saved > 0).all()


def test_support_that_ends_later_sells_more_than_none(battery: Made) -> None:
    never, later = (ended(start)[1]["sales at home"]["with it"] for start in (2008.0, 2014.0))
    assert later.loc[2012:2024].sum() > never.loc[2012:2024].sum()


def test_an_exit_that_no_year_of_the_run_can_judge_is_refused(battery: Made) -> None:
    with pytest.raises(InputError, match="--start 2029: must be a quarter of a year from 2008 to 2025"):
        ended(2029.0)
    with pytest.raises(InputError, match="--length 6: the exit must be over a year before 2030"):
        named_exit(load_exit_study(NAME), Asked((), 2024.0, "linear", 6.0, against="history"), 20)


def test_an_exit_ends_what_buyers_are_given_and_is_told_in_the_users_units_and_folder(battery: Made) -> None:
    found, years = ended(2014.0)
    assert found.asked.ends == ("purchase subsidy",)
    assert not found.warnings
    units = [years[what]["unit"].iloc[0] for what in ("sales at home", "price")]
    assert units == ["GWh/year", "USD2020/kWh"]
    middle = 100 * (2020 - 2012.375) / 12  # of the four quarters of 2012, on the line from 100 in 2008 to 0 in 2020
    assert years["subsidy"].loc[2012, "without the exit"] == pytest.approx(middle, rel=1e-6)
    assert years["subsidy"].loc[2014, "with it high"] == 0
    assert "End of purchase subsidy, linear over 5 years, from 2014" in battery.said["exit"]
    assert "by the rule of exit.toml" in battery.said["exit"]
    written = pd.read_csv(Path(NAME) / "results" / f"exit_{NAME}_purchase_subsidy_2014_linear_history.csv")
    assert len(written) == len(found.table)


def test_an_end_of_what_is_nothing_is_warned_of(battery: Made) -> None:
    found, _ = ended(2014.0, "tax relief")
    assert found.warnings == (
        "tax relief: nothing of it is left from 2014 on (history as the model has it): ending it changes nothing",
    )
    with pytest.raises(InputError, match="--against continued: no study says how support of battery goes on"):
        named_exit(load_exit_study(NAME), Asked((), 2014.0), 20)


def scored(rows: list[str], since: int | None = None, folder: Path = Path()) -> str:
    found = score_case(NAME, written(folder / "new.csv", rows), since)
    return skill_table(found).to_csv()


def test_crps_of_two_draws_is_that_worked_by_hand() -> None:
    history = History("unit_cost", np.arange(2015, 2018), np.array([9.0, 8.0, 7.0]), "u")
    draws = np.exp(np.array([[0.0], [2.0]]))
    made = SeriesForecast(2017, "conditional", "cost", history, (2018,), {"model": draws}, {}).scored(np.array([np.e]))
    assert made.skills["model"].mean_crps == pytest.approx(
        (1 + 1) / 2 - (0 + 2 + 2 + 0) / 4 / 2
    )  # mean |x - y| - mean |x - x'| / 2


def test_score_is_the_crps_of_the_draws_over_all_pairs(battery: Made) -> None:
    years = np.arange(LAST + 1, LAST + 4)
    logs = np.log(accepted_fit(NAME).ahead("annual_volume", years, "flow"))
    observed = np.log([volume(int(year)) * read_own(Path(NAME)).volume.in_model for year in years])
    pairs = np.mean(np.abs(logs[:, None] - logs[None, :]), axis=(0, 1))
    by_hand = np.mean(np.mean(np.abs(logs - observed), axis=0) - pairs / 2)
    scores = score_case(NAME, Path("later.csv"))
    found = skill_table(scores).set_index(["series", "forecaster"])
    assert found.loc[("annual_volume", "model"), "CRPS"] == pytest.approx(by_hand, rel=1e-9)


def test_score_says_who_wins_as_the_table_has_it(battery: Made) -> None:
    found = score_case(NAME, Path("later.csv"))
    for one, words in zip(found, skill_words(found), strict=True):
        winner = min(("model", *one.naive), key=lambda who: one.skills[who].mean_crps)
        told = "wins against" if winner == "model" else "loses to"
        assert f"{one.name}: the model {told} the best naive forecast" in words


def test_score_refuses_an_observation_that_the_fit_has_seen(battery: Made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"new\.csv row 2: unit_cost of 2016 is not after 2017, .*--from 2018"):
        scored(table(LAST - 1, LAST + 2), folder=tmp_path)


def test_score_from_a_year_leaves_out_what_was_seen(battery: Made, tmp_path: Path) -> None:
    assert scored(table(LAST - 1, LAST + 2), LAST + 1, tmp_path) == scored(table(LAST + 1, LAST + 2), None, tmp_path)


@pytest.mark.parametrize(
    ("rows", "since", "message"),
    [
        ([*table(2018, 2018), "share,2018,0.1,1,made up"], None, "row 4: unknown fitted series 'share'"),
        (["series,year,value,unit,source", "unit_cost,2018,9,EUR/kWh,x"], None, "row 2: unit_cost is in 'EUR/kWh'"),
        (table(2018, 2019), 2020, "no observation from 2020 on"),
        (["series,year,value,unit,source", "unit_cost,2031,9,USD2020/kWh,x"], None, "row 2: year 2031 is outside"),
    ],
)
def test_score_refuses_what_it_cannot_compare(
    battery: Made, tmp_path: Path, rows: list[str], since: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        scored(rows, since, tmp_path)


def test_score_takes_the_series_of_a_shipped_case_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2: unknown fitted series 'unit_cost'"):
        score_case("nev", written(tmp_path / "new.csv", table()))


def warned(fit: OwnFit, spread: float, tied: bool = False) -> list[str]:
    """Warnings on draws of every coordinate `spread` times as wide as its prior, two of them equal if `tied`."""
    coordinates, settings = fit.mode.payoff.coordinates, load_own_settings()
    wide = np.array([one.prior.spread for one in coordinates]) * spread
    x = np.random.default_rng(1).normal(size=(2, 4000, len(coordinates))) * wide
    if tied:
        x[..., 1] = x[..., 0]
    observed = by_series(read_rows(Path("data.csv")), read_own(Path(NAME)))
    return warnings_of(fit.mode, replace(fit.draws, coordinates=x), observed, settings, quick=False)


def test_draws_as_wide_as_the_priors_are_said_to_identify_nothing(battery: Made) -> None:
    said = [one for one in warned(battery.fit, 1.0) if one.startswith("not identified")]
    assert len(said) == len(battery.fit.mode.payoff.coordinates)


def test_draws_much_narrower_than_the_priors_are_said_to_identify_all(battery: Made) -> None:
    assert not [one for one in warned(battery.fit, 0.3) if one.startswith("not identified")]


def test_parameters_known_only_together_are_named_as_a_pair(battery: Made) -> None:
    first, second = (one.name for one in battery.fit.mode.payoff.coordinates[:2])
    said = [one for one in warned(battery.fit, 0.3, tied=True) if one.startswith("told only together")]
    assert said == [f"told only together: {second!r} and {first!r} (correlation +1.00 in the posterior)"]


@pytest.mark.parametrize(("spread", "told"), [(1e-9, True), (1e3, False)])
def test_a_best_fit_outside_the_draws_is_said_not_to_be_typical(battery: Made, spread: float, told: bool) -> None:
    assert any("the best fit is not typical" in one for one in warned(battery.fit, spread)) == told


def test_a_market_hardly_entered_is_said_to_hide_its_ceiling(battery: Made) -> None:
    assert any(one.startswith("saturation is not seen: the largest observed share") for one in battery.fit.warnings)


def test_inputs_that_were_assumed_are_named(battery: Made) -> None:
    assert "assumed: 'market size' in scenario.csv; saturation rests on it" in battery.said["calibrate"]


@pytest.mark.slow
def test_the_shipped_example_goes_through_all_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command("new", "wind", "--example", "wind")
    command("calibrate", "wind", "--data", "wind/observations.csv", "--quick", "--starts", "4")
    assert "Hindcast: a fit to the years up to 2008" in command("forecast", "wind")
    assert "share 10%" in command("paths", "wind")
    score = command("score", "wind", "--data", "wind/later.csv")
    assert "annual_volume: the model" in score
    assert (tmp_path / "wind" / "results" / "forecast.png").is_file()


def test_an_accepted_fit_is_kept_when_the_next_one_does_not_converge(
    battery: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(NAME) / "results"
    before = {file.name: file.read_bytes() for file in folder.glob("*") if file.is_file()}

    def fails(*_: object) -> None:
        raise NotConvergedError("the chains have not converged")

    monkeypatch.setattr(own_fit, "sampled_posterior", fails)
    with pytest.raises(NotConvergedError):
        own_fit.calibrate_own(NAME, Path("data.csv"), 1, True)
    assert {file.name: file.read_bytes() for file in folder.glob("*") if file.is_file()} == before
    assert load_accepted(NAME).values == pytest.approx(dict(battery.fit.calibration.values), rel=1e-6)
