"""Latecomers: the leader's equations with the leader's run abroad; shares, order of entry and stages on two clocks."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from analysis.draws.stages import STAGE_OUTPUTS, date_stages
from analysis.paths import latecomers
from analysis.paths.latecomers import Following, follow, share_table, stage_table
from models.case import load_case
from models.latecomer import FOLDER, Race, load_latecomers, run_race
from stockflow.errors import InputError, UnknownNameError

STUDY = (FOLDER / "dram.toml").read_text(encoding="utf-8")


@functools.cache
def following() -> Following:
    return follow("dram", draws=5)


@functools.cache
def race() -> Race:
    return following().race


def share(country: str, year: float) -> float:
    shares = race().shares
    path = race().leader_share if country == "leader" else shares[country]
    return float(np.median([np.interp(year, race().times, row) for row in path]))


def read(folder: Path, old: str, new: str) -> None:
    assert old in STUDY
    (folder / "dram.toml").write_text(STUDY.replace(old, new, 1), encoding="utf-8")
    load_latecomers("dram", folder)


def test_shares_of_leader_and_followers_add_up_to_the_market() -> None:
    total = race().leader_share + sum(race().shares.values())
    np.testing.assert_allclose(total, 1.0, atol=1e-12)
    assert all((one >= 0).all() and (one <= 1).all() for one in race().shares.values())


def test_the_rounds_of_the_race_settle() -> None:
    assert race().unsettled < 0.02


def test_nobody_follows_before_entry() -> None:
    for country, entry in (("japan", 1976.0), ("korea", 1983.0)):
        before = [np.interp(entry - 0.5, race().times, row) for row in race().shares[country]]
        assert max(before) < 0.1


def test_a_race_whose_rounds_do_not_agree_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_latecomers("dram").model_copy(update={"passes": 1})
    monkeypatch.setattr(latecomers, "load_latecomers", lambda _: study)
    with pytest.raises(InputError, match="passes: shares still move by"):
        follow("dram", draws=2, until=1990.0)


def test_the_leader_is_compared_with_what_the_followers_leave() -> None:
    table = following().shares.set_index(["country", "year"])["observed"]
    leader = race().study.leader_title
    for year in table.loc[leader].index:
        assert table[leader, year] == pytest.approx(1 - table["Japan", year] - table["South Korea", year])


def test_japan_takes_a_third_of_the_market_and_gives_way_while_korea_gains() -> None:
    # recorded: Japan three quarters in 1986, Korea half in 2000; the model keeps the order and not the sizes
    assert max(share("japan", year) for year in (1980.5, 1983.5, 1986.5)) > 1 / 3
    assert share("korea", 1986.5) < 0.2
    assert share("korea", 1998.5) > 1.2 * share("korea", 1988.5)
    assert share("japan", 1998.5) < share("japan", 1988.5)


def test_shares_miss_those_observed_by_three_tenths_of_the_market_at_most_on_average() -> None:
    assert len(following().shares) > 15
    assert following().share_error < 0.3


def test_a_latecomer_is_quicker_from_its_entry_than_the_leader_from_discovery_and_later_than_it_on_the_calendar() -> (
    None
):
    stages = following().stages.set_index(["country", "stage"])
    run = (
        load_case(race().study.leader)
        .model.runs({}, list(STAGE_OUTPUTS), until=1990.0, save_period=0.25)
        .dataset()
        .isel(run=0)
    )
    leads = date_stages(run["time"].to_numpy(), {name: run[name].to_numpy() for name in STAGE_OUTPUTS})
    leader = leads["share 10%"] - race().study.discovery
    for country in ("Japan", "South Korea"):
        row = stages.loc[(country, "share 10%")]
        assert row["from industrial entry"] < leader < row["from discovery"]
    assert stages.loc[("Japan", "share 10%"), "year"] < stages.loc[("South Korea", "share 10%"), "year"]


def test_without_foreign_access_a_follower_hardly_gets_a_share() -> None:
    study = load_latecomers("dram")
    japan = study.followers["japan"]
    shut = japan.constants["base foreign access"].model_copy(update={"value": 0.0})
    alone = japan.model_copy(update={"constants": {**japan.constants, "base foreign access": shut}})
    closed = run_race(study.model_copy(update={"followers": {"japan": alone}, "passes": 1}), until=1990.0)
    opened = run_race(study.model_copy(update={"followers": {"japan": japan}, "passes": 1}), until=1990.0)
    assert closed.shares["japan"][0, -1] < 0.3 * opened.shares["japan"][0, -1]


def test_the_leaders_run_in_a_race_is_the_leaders_own_run() -> None:
    study = load_latecomers("dram")
    alone = load_case(study.leader).model.runs({}, ["Knowledge Stock"], until=1990.0, save_period=0.25).dataset()
    raced = run_race(study.model_copy(update={"passes": 1}), until=1990.0)
    np.testing.assert_array_equal(raced.leader["Knowledge Stock"], alone["Knowledge Stock"])


def test_tables_carry_every_observed_share_and_every_stage() -> None:
    shares, stages = share_table(race()), stage_table(race())
    assert {"Japan", "South Korea", race().study.leader_title} == set(shares["country"])
    assert (shares["low"] <= shares["median"]).all()
    assert (shares["median"] <= shares["high"]).all()
    assert shares.set_index(["country", "year"]).loc[("Japan", 1986), "observed"] == pytest.approx(0.77)
    assert len(stages) == 2 * 6


def test_a_leader_without_an_accepted_fit_is_one_run_and_the_answer_says_so(tmp_path: Path) -> None:
    answer = follow("dram", draws=5, until=1990.0, folder=tmp_path)
    assert answer.basis == "ic: no accepted fit, run at the values of its case file."
    assert (answer.shares["low"] == answer.shares["high"]).all()


def test_an_unknown_file_of_latecomers_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'dram'"):
        load_latecomers("drams")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('value = 0.1, unit = "kperson"', 'value = 0.1, unit = "person"', "not 'kperson'"),
        ('"initial talent" = { value = 0.1', '"initial talent" = { value = -0.1', "initial talent"),
        ('"initial talent"', '"initial tallent"', "'initial talent'"),
        ('"public basic RD" = { unit', '"foreign knowledge" = { unit', "foreign knowledge"),
        ("entry = 1976.0", "entry = 1900.0", "outside the run, 1947 to 2060"),
        ('["Generation"]', '["Generation", "Price"]', "exactly one quantity"),
        ("[1960.0, 0.1]", "[1940.0, 0.1]", "do not increase"),
        ('"base market" = ["production"', '"base market" = ["productoin"', "'production'"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_latecomers_is_refused_in_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, old, new)
    assert "\n" not in str(caught.value)
