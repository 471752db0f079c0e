"""The technologies on which the commands for one's own are tried: their tables, kept scores, and the README's lines."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.forecasts import own_trials
from analysis.forecasts.own_trials import RESULTS, Trials, digest_of, keep, observations_of, trial_lines
from calibration.own.data import read_rows
from stockflow.errors import InputError

TRIALS = {one.name: one for one in Trials.load().trials}
ROW = {"series": "unit_cost", "fitted from": 2000, "fitted to": 2015, "from": 2016, "to": 2019, "years": 4, "CRPS": 0.1,
       "inside 90%": 0.75, "best naive": "Moore's law", "naive CRPS": 0.2, "chains": 4, "largest R-hat": 1.01,
       "smallest ESS": 300, "fit minutes": 2.0, "forecast minutes": 1.0}  # fmt: skip


def test_scores_of_other_equations_priors_or_data_are_marked_and_those_of_the_present_ones_are_not(
    tmp_path: Path,
) -> None:
    assert set(pd.read_csv(RESULTS)["trial"]) == set(TRIALS)
    file = tmp_path / "kept.csv"
    now = {"trial": "battery", "digest": digest_of(TRIALS["battery"]), **ROW}
    keep([now], list(TRIALS), file)
    assert not [line for line in trial_lines(file) if "†" in line]
    keep([{"trial": "memory", "digest": "0123", **ROW}], list(TRIALS), file)
    assert [line.split(" |")[0].lstrip("| ") for line in trial_lines(file) if "† |" in line] == ["memory chips †"]
    assert trial_lines(file)[-1].startswith("† Scored with other equations")


@pytest.mark.parametrize("name", [name for name, one in TRIALS.items() if one.series])
def test_the_table_of_a_trial_is_one_that_the_commands_take(name: str, tmp_path: Path) -> None:
    file = own_trials.write_observations(TRIALS[name], tmp_path / "made.csv")
    rows = read_rows(file)
    assert {row.series for row in rows} == {one.series for one in TRIALS[name].series}
    assert [row.value for row in rows] == [row[2] for row in observations_of(TRIALS[name])]


def test_summed_years_end_at_the_sum() -> None:
    yearly = [row[2] for row in observations_of(TRIALS["battery"]) if row[0] == "annual_volume"]
    total = [row[2] for row in observations_of(TRIALS["battery-total"]) if row[0] == "cumulative_volume"]
    assert total[0] == yearly[0]
    assert total[-1] == pytest.approx(sum(yearly))  # type: ignore[arg-type]


def test_a_series_that_is_not_there_is_refused_by_name() -> None:
    one = TRIALS["battery"].series[0].model_copy(update={"region": "Atlantis"})
    with pytest.raises(InputError, match=r"no 'battery_pack_price_usd2020' of 'Atlantis' in new_energy_vehicles\.csv"):
        observations_of(TRIALS["battery"].model_copy(update={"series": (one,)}))


def test_rows_of_a_trial_take_the_place_of_earlier_ones_and_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "kept.csv"
    for name, crps in (("memory", 0.3), ("battery", 0.2), ("memory", 0.1)):
        keep([{"trial": name, "digest": "0123", **ROW, "CRPS": crps}], list(TRIALS), file)
    kept = pd.read_csv(file, dtype={"digest": str})
    assert list(kept["trial"]) == ["battery", "memory"]
    assert list(kept["CRPS"]) == [0.2, 0.1]
    assert list(kept["digest"]) == ["0123", "0123"]


def test_the_table_marks_where_the_model_wins_and_counts_the_wins(tmp_path: Path) -> None:
    file = tmp_path / "kept.csv"
    keep([{"trial": "battery", "digest": "1", **ROW}, {"trial": "battery", "digest": "1", **ROW, "CRPS": 0.3}],
         list(TRIALS), file)  # fmt: skip
    lines = trial_lines(file)
    assert lines[2].endswith("| 2000-2015 | 2016-2019 | **0.100** | Moore's law 0.200 | 3 of 4 |")
    assert "| 0.300 |" in lines[3]
    assert any("in 1 of 2" in line for line in lines)


def test_without_kept_scores_the_command_that_makes_them_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`python -m analysis\.forecasts\.own_trials`"):
        trial_lines(tmp_path / "none.csv")
