"""Stages are dated by what lasts; durations are stage minus clock in every draw; runs ahead change what they say."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.cli import cli
from analysis.draws.runs import Drawn, drawn
from analysis.draws.stages import LARGE, PRODUCT, STAGES, date_stages
from analysis.paths.chapter import drawn_cases, tell_followers, tell_forward, tell_stages
from analysis.paths.durations import (
    Dated,
    date_path,
    durations,
    means,
    places,
    published_durations,
    stage_dates,
    within,
)
from analysis.paths.forward import Future, changed, future_table, futures
from analysis.paths.latecomers import alone, two_clocks
from analysis.paths.study import Ahead, GivenPath, PathStudy, path_of
from analysis.plain.folder import Folder
from models.case import CASES, load_case
from stockflow.errors import InputError, UnknownNameError

TIMES = np.arange(2000.0, 2010.25, 0.25)
DRAWS = 12
STUDY = Path(__file__).parents[3] / "analysis" / "studies" / "paths.toml"


@functools.cache
def study() -> PathStudy:
    return PathStudy.load()


@functools.cache
def of(case: str) -> Drawn:
    return drawn(case, DRAWS)


@functools.cache
def path(case: str) -> Dated:
    return date_path(of(case), study())


@functools.cache
def ahead(case: str) -> tuple[Future, ...]:
    return tuple(futures(of(case), study()))


def future(case: str, scenario: str, policy: str) -> Future:
    return next(one for one in ahead(case) if (one.scenario, one.policy) == (scenario, policy))


def made(dates: list[list[float]], initial_time: float = 1900.0) -> Dated:
    return Dated("ic", study().cases["ic"], "made up", True, initial_time, 2060.0, np.array(dates, dtype=float))


def test_self_sustaining_needs_share_and_parity_at_once() -> None:
    share = np.where(TIMES < 2002, 0.05, 0.3)
    parity = np.where((TIMES >= 2000) & (TIMES < 2001.5), 1.0, np.where(TIMES >= 2007, 1.0, 3.0))
    values = {
        "Cumulative River Crossing": TIMES - 2000,
        "Commercial Designs": TIMES - 2001,
        "market share": share,
        "trigger benchmark": np.full_like(TIMES, 2.0),
        "unsubsidised user cost": parity,
    }
    stages = date_stages(TIMES, values)
    assert stages["share 10%"] < 2002.01
    assert 2006.7 < stages["self-sustaining"] < 2007.01
    assert stages["river crossed"] == 2001.0
    assert stages["product"] == 2002.0


# ---- durations over draws -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_every_draw_of_every_industry_goes_through_the_stages_in_order(case: str) -> None:
    one = path(case)
    assert one.dates.shape == (DRAWS, len(STAGES))
    assert (np.diff(one.dates[:, :-1], axis=1) >= 0).all()  # 1%, 10% and 20% after the product, that after the river
    assert (one.of("self-sustaining") >= one.of(LARGE) - 1e-9).all()


def test_durations_are_stage_minus_clock_with_the_share_of_draws_in_the_window() -> None:
    table = durations([path("nev"), path("pv")], study())
    known = table.dropna(subset=["years"])
    np.testing.assert_allclose(known["years"], known["stage year"] - known["clock year"])
    assert (known["years low"] <= known["years"]).all()
    assert (known["years"] <= known["years high"]).all()
    row = table[(table["case"] == "nev") & (table["clock"] == "national R&D") & (table["stage"] == LARGE)].iloc[0]
    spans = path("nev").of(LARGE) - study().cases["nev"].clocks["national R&D"]
    assert row["in window"] == np.mean((spans >= 25) & (spans <= 35))
    assert len(table) == sum(len(study().cases[c].clocks) for c in ("nev", "pv")) * len(STAGES)


def test_a_stage_before_the_model_starts_has_no_date_and_says_so() -> None:
    table = durations([path("pv")], study()).set_index(["clock", "stage"])
    row = table.loc[("first lines", PRODUCT)]
    assert np.isnan(row["years"])
    assert np.isnan(row["in window"])
    assert "1985" in row["note"]


def test_a_stage_that_some_draws_never_reach_has_an_open_end_and_counts_as_outside_the_window() -> None:
    dates = [[1950.0, 1955.0, 1960.0, 1975.0, np.inf, np.inf]] * 3 + [[1950.0, 1955.0, 1960.0, np.inf, np.inf, np.inf]]
    row = durations([made(dates)], study()).set_index(["clock", "stage"]).loc[("discovery", LARGE)]
    assert row["years high"] == np.inf
    assert row["reached"] == 0.75
    assert row["in window"] == 0.75


def test_the_window_holds_its_ends_and_never_is_outside() -> None:
    assert within(np.array([25.0, 35.0, 24.9, 35.1, np.inf]), (25.0, 35.0)) == pytest.approx(0.4)


EARLY = {("pv", "share 10%")}  # the rush of 2017 came near a tenth of the market and passes it in the model


def test_observed_stage_dates_lie_within_two_years_of_the_median() -> None:
    for case in CASES:
        for stage, year in study().cases[case].observed.items():
            if (case, stage) in EARLY:
                assert year - 5 < path(case).spread(stage)[1] < year
                continue
            assert path(case).spread(stage)[1] == pytest.approx(year, abs=2.0), (case, stage)


def test_the_clock_decides_whether_ten_percent_comes_within_the_window() -> None:
    table = durations([path(case) for case in CASES], study())
    large = table[table["stage"] == LARGE].set_index(["case", "clock"])["in window"]
    assert large["nev", "national R&D"] > 0.9
    assert large["nev", "industrial entry"] == 0
    assert large["mrna", "potential recognised"] > 0.9
    assert large["mrna", "discovery"] == 0
    assert large["ic", "discovery"] == 0


def test_the_mean_over_industries_is_that_of_their_medians_where_there_is_one_draw() -> None:
    one = made([[1950.0, 1955.0, 1960.0, 1977.0, 1980.0, 1981.0]])
    two = made([[1950.0, 1955.0, 1960.0, 1987.0, 1990.0, 1991.0]])
    table = means([one, two], (25.0, 36.0)).set_index("clock")
    assert table.loc["earliest", "years"] == pytest.approx((30 + 40) / 2)
    assert table.loc["latest", "years"] == pytest.approx((19 + 29) / 2)
    assert table.loc["earliest", "in window"] == 1.0


def test_an_unknown_case_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'nev'"):
        path_of("nevs", study())


# ---- other technologies ---------------------------------------------------------------------------------------------


def test_published_durations_count_pairs_missing_ends_and_wrong_orders() -> None:
    dates = pd.DataFrame(
        {"discovery": [1900.0, np.nan, np.nan], "invention": [1910.0, 1920.0, 1950.0],
         "first_commercial": [1940.0, 1950.0, 1945.0], "takeoff": [1960.0, np.nan, np.nan],
         "mass_market": [1970.0, np.nan, 1990.0]}, index=["a", "b", "c"]
    )  # fmt: skip
    table = published_durations((25.0, 35.0), dates).set_index(["from", "to"])
    row = table.loc[("invention", "first commercial")]
    assert (row["technologies"], row["other order"], row["end not dated"]) == (2, 1, 0)
    assert row["median"] == 30.0
    assert row["share within 25-35"] == 1.0
    row = table.loc[("first commercial", "takeoff")]
    assert (row["technologies"], row["end not dated"], row["median"]) == (1, 2, 20.0)
    assert len(table) == 10


def test_the_table_of_technologies_is_the_whole_one() -> None:
    assert len(stage_dates()) == 206
    table = published_durations((25.0, 35.0))
    assert (table["lower quartile"] <= table["median"]).all()
    assert int(table["technologies"].max()) > 70


def test_an_industry_is_placed_among_technologies_by_the_share_that_was_no_slower() -> None:
    dates = pd.DataFrame({"first_commercial": [1900.0] * 4, "takeoff": [1905.0, 1910.0, 1920.0, 1940.0]})
    one = made([[1950.0, 1955.0, 1960.0, 1967.0, 1970.0, 1971.0]])
    row = places([one], dates).iloc[0]
    assert (row["years"], row["quicker"], row["technologies"]) == (12.0, 0.5, 4)


# ---- latecomers -----------------------------------------------------------------------------------------------------


def test_a_follower_counts_from_its_entry_and_a_leader_from_discovery() -> None:
    table = two_clocks([path("nev"), path("ic")], None).set_index(["who", "stage"])
    nev = table.loc[("New energy vehicles in China, entry 2003", LARGE)]
    chips = table.loc[("Integrated circuits in the United States", LARGE)]
    assert nev["role"] == "latecomer"
    assert nev["from entry"] == pytest.approx(nev["year"] - 2003.0)
    assert nev["from discovery"] == pytest.approx(nev["year"] - 1985.0)
    assert chips["role"] == "leader"
    assert chips["from entry"] == chips["from discovery"]
    assert nev["from discovery"] > chips["from discovery"] > nev["from entry"]


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_without_what_is_abroad_a_tenth_of_the_market_comes_later_in_every_draw(case: str) -> None:
    row = alone(of(case), study()).set_index("stage").loc[LARGE]
    assert row["low"] > 0
    assert row["low"] <= row["years later"] <= row["high"]


def test_a_leader_has_nothing_to_shut_off() -> None:
    with pytest.raises(InputError, match=r"cases\.ic: leads"):
        alone(of("ic"), study())


# ---- runs ahead -----------------------------------------------------------------------------------------------------


def test_the_expected_world_as_decided_is_the_run_of_the_case() -> None:
    one = future("nev", "as expected", "as decided")
    plain = of("nev").model.runs(of("nev").samples, ["market share"], until=2060.0, save_period=0.25).dataset()
    np.testing.assert_allclose(one.values["share of the market"], plain["market share"].to_numpy(), rtol=1e-12)


def test_worlds_and_policies_leave_the_past_as_it_was() -> None:
    for case in ("nev", "pv", "mrna"):
        first = ahead(case)[0]
        for one in ahead(case)[1:]:
            past = one.times <= (2020.0 if "2020" in one.policy else 2022.0)
            name = "share of the market"
            np.testing.assert_allclose(one.values[name][:, past], first.values[name][:, past], rtol=1e-9)


@pytest.mark.parametrize(
    ("case", "scenario", "quantity"),
    [("nev", "cheap fuel", "share of the market"), ("nev", "dear materials", "share of the market"),
     ("nev", "smaller market", "sales at home"), ("pv", "power worth less", "share of the market"),
     ("pv", "slower power demand", "modules for plants at home"), ("ic", "demand stands still", "sales of chips")],
)  # fmt: skip
def test_worse_worlds_are_worse_in_every_draw(case: str, scenario: str, quantity: str) -> None:
    usual, worse = future(case, "as expected", "as decided"), future(case, scenario, "as decided")
    assert (worse.at(quantity, 2040.0) < usual.at(quantity, 2040.0)).all()


@pytest.mark.parametrize(("case", "policy"), [("nev", "support of 2022 kept"), ("pv", "premiums of 2020 kept")])
def test_support_kept_raises_share_and_public_money(case: str, policy: str) -> None:
    usual, kept = future(case, "as expected", "as decided"), future(case, "as expected", policy)
    assert (kept.at("share of the market", 2030.0) > usual.at("share of the market", 2030.0)).all()
    assert (kept.at("public money since 2024", 2060.0) > usual.at("public money since 2024", 2060.0)).all()


def test_without_public_money_next_to_none_is_spent() -> None:
    none, usual = (future("nev", "as expected", name) for name in ("no public money from 2026", "as decided"))
    spent = none.at("public money since 2024", 2060.0) - none.at("public money since 2024", 2027.0)
    assert (spent < 0.05 * usual.at("public money since 2024", 2060.0)).all()


def test_a_second_emergency_brings_doses_in_its_first_year_and_more_where_plants_stand_ready() -> None:
    told = "doses delivered since 2035"
    usual, again, ready = (
        future("mrna", *names).at(told, 2036.0)
        for names in (("as expected", "as decided"), ("emergency in 2035", "as decided"),
                      ("emergency in 2035", "plants ordered ahead"))
    )  # fmt: skip
    assert (again > 2 * usual).all()
    assert (ready > 1.2 * again).all()


def test_plants_that_no_order_needs_go_when_the_emergency_is_over() -> None:
    plants = future("mrna", "as expected", "as decided")
    assert (plants.at("plants", 2040.0) < 0.3 * plants.at("plants", 2024.0)).all()


def test_the_table_ahead_holds_every_world_policy_quantity_and_year() -> None:
    forward = study().forward["nev"]
    table = future_table("nev", ahead("nev"), forward)
    expected = len(forward.scenarios) * len(forward.policies) * len(forward.quantities) * len(forward.years)
    assert len(table) == expected
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()
    late = study().model_copy(update={"forward": {"nev": forward.model_copy(update={"years": (2070.0,)})}})
    with pytest.raises(InputError, match="2070 is after the end of the run, 2060"):
        futures(of("nev"), late)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"factors": {"fuel prise": ((2030.0, 2.0),)}}, "'fuel price'"),
     ({"factors": {"market share": ((2030.0, 2.0),)}}, "'market share' is no driver"),
     ({"paths": {"fuel price": GivenPath(unit="CNY", points=((2030.0, 2.0),))}}, "is in 'CNY', not 'bnCNY/GL'"),
     ({"paths": {"fuel price": GivenPath(unit="bnCNY/GL", points=((2030.0, -2.0),))}}, "fuel price")],
)  # fmt: skip
def test_a_change_of_what_is_no_driver_or_in_another_unit_is_refused(given: dict[str, object], says: str) -> None:
    one = Ahead.model_validate({"says": "something else", "source": "made up for a test", **given})
    with pytest.raises(InputError, match=says):
        changed(load_case("nev").model, one, "forward.nev")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("window = [25.0, 35.0]", "window = [35.0, 25.0]", "does not increase"),
     ("window = [25.0, 35.0]", "window = [nan, 35.0]", "finite"),
     ('"discovery" = 1947.0, "first', '"discovery" = nan, "first', "clocks"),
     ("[[2026.0, 1.0], [2030.0, 0.67]]", "[[2026.0, 1.0], [2025.0, 0.67]]", "do not increase"),
     ("[[2026.0, 1.0], [2030.0, 0.67]]", "[[2026.0, 1.0], [2030.0, -0.67]]", "greater than or equal to 0"),
     ("years = [2030.0, 2040.0, 2050.0, 2060.0]", "years = [2030.0, 2070.0]", "2070 is after until = 2060"),
     ('"share 20%" = 2022.0', '"share 30%" = 2022.0', "30%"),
     ('"discovery" = 1947.0, "first', '"discovery" = 1947.0, "other" = 1950.0, "first', "no source for"),
     ('schedule = "nev_continued"', "shedule = 1", "shedule"),
     ("first = 2009.0, last = 2023.0", "first = 2009.0, last = 2003.0", "before it starts"),
     ("draws = 200", "draws = 0", "draws")],
)  # fmt: skip
def test_a_wrong_study_is_refused_in_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = STUDY.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "paths.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        PathStudy.load(file)
    assert "\n" not in str(caught.value)
    assert "paths.toml" in str(caught.value)


def test_an_unknown_quantity_or_unit_of_a_run_ahead_is_refused() -> None:
    forward = study().forward["nev"]
    told = forward.quantities["sales at home"]
    for change, says in (({"of": "domestic sails"}, "'domestic sales'"), ({"unit": "GW"}, "the model has 'unit/Year'")):
        wrong = forward.model_copy(update={"quantities": {"x": told.model_copy(update=change)}})
        with pytest.raises(InputError, match=says):
            futures(of("nev"), study().model_copy(update={"forward": {"nev": wrong}}))


# ---- words, tables, figures -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_chapter_leaves_words_tables_and_figures(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.prepare()
    of_two = drawn_cases(["nev", "mrna"], study(), 4)
    stages, dated = tell_stages(of_two, study(), folder)
    late, ahead_ = tell_followers(dated, of_two, study(), folder, 4), tell_forward(of_two, study(), folder)
    told_stages, told_ahead = stages(), ahead_()
    for told in (told_stages, late(), told_ahead):
        assert told.words
        assert all(len(table) for table in told.tables.values())
        for stem in told.stems:
            assert stem.with_suffix(".png").stat().st_size > 5000
            assert len(pd.read_csv(stem.with_suffix(".csv"))) > 5
    assert any("national R&D (1991" in line for line in told_stages.words)
    assert any("no observation after 2023 tests them" in line for line in told_ahead.words)
    assert (tmp_path / "results" / "paths_ahead_nev.csv").is_file()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [('race = "dram"', 'race = "drams"', "'dram'"), ('"fuel price" = [[', '"fule price" = [[', "'fuel price'"),
     ('schedule = "nev_continued"', 'schedule = "nev_continu"', "nev_continu"),
     ("until = 2060.0                     #", "until = 2040.0                     #", "2060 is after until = 2040")],
)  # fmt: skip
def test_a_study_that_cannot_be_run_is_refused_before_anything_is_written(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = STUDY.read_text(encoding="utf-8")
    assert old in text
    file, out = tmp_path / "mine.toml", tmp_path / "out"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = CliRunner().invoke(cli, ["paths", "nev", "--draws", "2", "--study", str(file), "--out", str(out)])
    assert isinstance(found.exception, InputError)
    assert says in str(found.exception)
    assert not out.exists()
