"""From a CSV to a calibrated case, a forecast with intervals and a figure: the commands on a short case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from own_helpers import LAST, example_rows, short_wind, write

from analysis import own_cli
from analysis.cli import cli
from calibration import own_fit, own_forecast
from calibration.ahead import accepted_fit
from calibration.forecast import MODEL
from calibration.new_scores import score_case, score_table, score_words
from calibration.own_fit import validate_own
from calibration.own_forecast import fans
from calibration.own_settings import load_own_settings
from calibration.results import is_current
from models.case import load_case
from stockflow.errors import InputError

FEW = {"chains": 2, "tune": 60, "draws": 60, "keep": 60, "largest_rhat": 50.0, "smallest_ess": 1.0,
       "most_divergent": 0.99}  # fmt: skip
SUPPORT = "subsidy per unit,2003,20,USD2022/MWh,a level made up for the test,assumed,\n"


def techcycle(*arguments: str) -> str:
    """Run one command and return what it prints."""
    return CliRunner().invoke(cli, arguments, catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder in which the short case has been calibrated and forecast by the commands."""
    folder = tmp_path_factory.mktemp("own")
    short_wind(folder)
    with (folder / "wind" / "policy.csv").open("a", encoding="utf-8") as file:
        file.write(SUPPORT)
    usual = load_own_settings()
    few = usual.model_copy(update={"quick": usual.quick.model_copy(update=FEW), "starts": 1})
    with pytest.MonkeyPatch.context() as patch:
        for module in (own_fit, own_forecast, own_cli):
            patch.setattr(module, "load_own_settings", lambda: few)
        patch.chdir(folder)
        (folder / "calibrated.txt").write_text(
            techcycle("calibrate", "wind", "--data", "observations.csv", "--quick", "--starts", "1"), encoding="utf-8"
        )
        (folder / "forecast.txt").write_text(techcycle("forecast", "wind", "--until", "2030"), encoding="utf-8")
        yield folder


def test_a_calibration_leaves_record_posterior_tables_figure_and_warnings(here: Path) -> None:
    left = {file.name for file in (here / "wind" / "results").iterdir()}
    assert {"fit.toml", "posterior.nc", "targets.toml", "observations.csv", "estimates.csv", "errors.csv", "fit.png",
            "warnings.txt"} <= left  # fmt: skip


def test_an_accepted_fit_is_current_and_the_case_runs_with_it(here: Path) -> None:
    assert is_current("wind")
    one = load_case("wind").parameters["doing learning rate"]
    assert (one.evidence, one.source) == ("fit", "results/fit.toml")
    assert load_case("wind").model.variable("doing learning rate").value == pytest.approx(one.value, rel=1e-6)


def test_what_the_data_cannot_tell_is_said(here: Path) -> None:
    told = (here / "calibrated.txt").read_text(encoding="utf-8")
    assert "quick: few draws under loose rules" in told
    assert "not identified: 'cost floor share'" in told
    assert "saturation is not seen: the largest observed share of the market is 0.038" in told
    assert "not identified: 'reference component cost'" not in told


def test_a_forecast_has_widening_intervals_in_the_users_units(here: Path) -> None:
    table = pd.read_csv(here / "wind" / "results" / "forecast.csv")
    cost = table[(table["series"] == "unit_cost") & (table["kind"] == "forecast")]
    assert list(cost["year"]) == list(range(LAST + 1, 2031))
    assert set(cost["unit"]) == {"USD2022/MWh"}
    assert 20 < cost["median"].iloc[0] < 120
    assert (cost["5%"] < cost["25%"]).all()
    assert (cost["75%"] < cost["95%"]).all()
    width = np.log(cost["95%"] / cost["5%"])
    assert width.iloc[-1] > width.iloc[0]


def test_the_hindcast_sees_none_of_the_years_it_is_scored_on(here: Path) -> None:
    told = (here / "forecast.txt").read_text(encoding="utf-8")
    assert "a fit to the years up to 2013, scored on those after it" in told
    skill = pd.read_csv(here / "wind" / "results" / "hindcast.csv")
    assert set(skill["years"]) == {3}
    assert {"model", "Wright's law", "Moore's law", "last value"} <= set(skill["forecaster"])
    assert (skill.groupby("series")["best"].apply(lambda best: (best == "yes").sum()) == 1).all()


def test_the_figure_is_drawn(here: Path) -> None:
    assert (here / "wind" / "results" / "forecast.png").stat().st_size > 20_000


@pytest.mark.parametrize("until", [LAST, 2060])
def test_a_forecast_to_a_year_that_cannot_be_reached_is_refused(here: Path, until: int) -> None:
    with pytest.raises(InputError, match=f"--until {until}: must be after 2016"):
        fans("wind", until)


def test_paths_are_dated_from_the_start_with_intervals(here: Path) -> None:
    told = techcycle("paths", "wind")
    assert "start of the run" in told
    table = pd.read_csv(here / "wind" / "results" / "paths.csv")
    one = table[table["stage"] == "share 1%"].iloc[0]
    assert 2006 < one["year"] < 2010  # 1.3% of the market in 2008
    assert one["year low"] <= one["year"] <= one["year high"]


def test_ending_support_saves_its_money_and_sells_no_more(here: Path) -> None:
    techcycle("phase-out", "wind")
    table = pd.read_csv(here / "wind" / "results" / "phase_out.csv").set_index("figure")
    paid = table.loc["Cumulative Support Outlay"]
    assert paid["with"] > 0
    assert paid["without"] == pytest.approx(0, abs=1e-9)
    assert table.loc["Cumulative Domestic Sales", "difference high"] < 0


def test_other_commands_take_the_case(here: Path) -> None:
    assert "doing learning rate" in techcycle("parameters", "wind")
    assert techcycle("run", "wind", "--until", "2010").startswith("Time,")
    assert techcycle("validate", "wind", "--data", "observations.csv").endswith("wind: valid\n")


def test_a_fit_of_changed_drivers_is_out_of_date(here: Path) -> None:
    file = here / "wind" / "policy.csv"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace(",20,", ",21,"), encoding="utf-8")
    try:
        with pytest.raises(InputError, match="made with another version"):
            accepted_fit("wind")
    finally:
        file.write_text(before, encoding="utf-8")


def test_scores_on_later_observations_are_the_crps_worked_out_pair_by_pair(here: Path) -> None:
    found = score_case("wind", write(here / "later.csv", example_rows("later.csv", 2017, 2020)))
    for one in found:
        x, y = np.log(one.comparison.draws[MODEL]), np.log(np.array(one.observed))
        by_hand = [
            np.abs(x[:, k] - y[k]).mean() - np.abs(x[:, k, None] - x[None, :, k]).mean() / 2 for k in range(len(y))
        ]
        np.testing.assert_allclose(one.skills[MODEL].crps, by_hand, rtol=1e-9)
        within = (np.quantile(x, 0.05, axis=0) <= y) & (y <= np.quantile(x, 0.95, axis=0))
        assert one.skills[MODEL].coverage[0.9] == pytest.approx(within.mean())


def test_the_winner_of_a_series_has_the_lowest_crps_and_words_agree(here: Path) -> None:
    found = score_case("wind", write(here / "later.csv", example_rows("later.csv", 2017, 2020)))
    table = score_table(found)
    for one in found:
        rows = table[table["series"] == one.comparison.name]
        assert rows.loc[rows["CRPS"].idxmin(), "forecaster"] == one.winner
        told = next(line for line in score_words(found) if line.startswith(f"{one.comparison.name}: the model"))
        assert ("wins against" in told) == (one.winner == MODEL)


def test_a_naive_forecast_starts_from_the_last_year_fitted(here: Path) -> None:
    (one,) = score_case(
        "wind", write(here / "later.csv", [r for r in example_rows("later.csv", 2017, 2020) if r[0] == "unit_cost"])
    )
    assert one.comparison.history.last_year == LAST
    last = float(one.comparison.history.values[-1])
    assert np.median(one.comparison.draws["last value"][:, 0]) == pytest.approx(last, rel=0.05)


def test_an_observation_that_the_fit_has_seen_is_refused_by_row(here: Path) -> None:
    rows = [*example_rows("later.csv", 2017, 2018), *example_rows("observations.csv", 2016, 2016)]
    path = write(here / "seen.csv", rows)
    with pytest.raises(InputError, match=r"seen.csv row 6: unit_cost of 2016 is not after 2016.*--from 2017"):
        score_case("wind", path)
    assert score_case("wind", path, since=2017)[0].comparison.years == (2017, 2018)


def test_nothing_left_after_from_is_refused(here: Path) -> None:
    path = write(here / "later.csv", example_rows("later.csv", 2017, 2020))
    with pytest.raises(InputError, match="no observation from 2050 on"):
        score_case("wind", path, since=2050)


def test_a_series_that_was_not_fitted_cannot_be_scored(here: Path) -> None:
    path = write(here / "other.csv", [["share", 2018, 0.05, "1", "x"]])
    with pytest.raises(InputError, match=r"other.csv row 2: unknown fitted series 'share'"):
        score_case("wind", path)


def test_a_case_without_a_fit_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short_wind(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"techcycle calibrate wind --data observations.csv"):
        accepted_fit("wind")


def test_a_command_on_a_folder_that_is_no_case_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="techcycle new nothing"):
        validate_own("nothing")


def test_data_are_asked_for_by_a_calibration_of_ones_own(here: Path) -> None:
    with pytest.raises(InputError, match="with --data"):
        techcycle("calibrate", "wind")


def test_a_shipped_case_is_scored_on_years_after_its_fit(here: Path) -> None:
    path = write(here / "nev.csv", [["NEV sales", 2024, 11.3, "million vehicles/Year", "a number for the test"]])
    (one,) = score_case("nev", path)
    assert one.comparison.history.last_year == 2023
    assert {"model", "logistic", "exponential"} <= set(one.skills)


def test_a_shipped_case_takes_units_that_convert(here: Path) -> None:
    one, other = (
        score_case("nev", write(here / "nev.csv", [["NEV sales", 2024, value, unit, "a number for the test"]]))[0]
        for value, unit in ((11.3, "million vehicles/Year"), (11.3e6, "vehicles/Year"))
    )
    assert one.observed == pytest.approx(other.observed)
    assert one.skills[MODEL].crps == pytest.approx(other.skills[MODEL].crps)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["NEV sales", 2023, 9, "million vehicles/Year", "x"], "row 2: NEV sales of 2023 is not after 2023"),
        (["NEV sale", 2024, 9, "million vehicles/Year", "x"], "row 2: unknown fitted series 'NEV sale'"),
        (["NEV sales", 2024, 9, "GWh", "x"], "row 2: NEV sales is in 'GWh', not 'million vehicles/Year'"),
    ],
)
def test_a_shipped_case_refuses_what_it_has_seen_or_does_not_know_by_row(
    here: Path, row: list[object], words: str
) -> None:
    with pytest.raises(InputError) as told:
        score_case("nev", write(here / "nev.csv", [row]))
    assert words in str(told.value)
