"""Steps of support add up to the whole, agree with exits and with the study, and nothing is said to be nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.phase_out.account import outlay
from analysis.phase_out.adoption import SOLD
from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.by_instrument.levels import (
    Levels,
    at_levels,
    percents_of,
    scaled,
    support_of,
)
from analysis.phase_out.by_instrument.levels_told import level_lines, level_text
from analysis.phase_out.exit import against_none
from analysis.phase_out.study import ExitStudies, load_phase_out_study
from calibration.records.results import accepted_posterior
from models.policy import history
from models.schedules.file import load_schedule, unchanged
from models.schedules.instruments import instrument
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
STUDY = load_phase_out_study("nev")
SUBSIDY, BOTH = ("purchase subsidy",), ("purchase subsidy", "tax exemption")
DRAWS = 20


@pytest.fixture(scope="module")
def exits() -> Exits:
    return Exits(STUDY, accepted_posterior("nev").spread(DRAWS), base=unchanged("nev"))


@pytest.fixture(scope="module")
def found() -> Levels:
    return at_levels(STUDY, SUBSIDY, 2014.0, 2023.0, (0.0, 50.0, 100.0, 125.0), "history", DRAWS)


def test_steps_times_their_units_add_up_to_the_cost_of_the_whole_in_every_draw(found: Levels) -> None:
    (paid, whole) = found.sums
    assert (paid.low, paid.high, whole.high) == (0.0, 100.0, 125.0)
    for one, steps in ((paid, found.steps[:2]), (whole, found.steps)):
        assert sum(step.units.values for step in steps) == pytest.approx(one.units.values)
        assert sum(step.cost.values * step.units.values for step in steps) == pytest.approx(one.spent.values)
        assert one.cost.values * one.units.values == pytest.approx(one.spent.values)


def test_none_of_it_for_good_is_the_end_of_the_instrument_as_an_exit_has_it(exits: Exits) -> None:
    none = at_levels(STUDY, SUBSIDY, 2018.0, None, (0.0, 100.0), "history", DRAWS)
    known = exits.run(exits.schedule(SUBSIDY, "cliff", 2018.0, 0.0, announced=5.0))  # as well known as what was paid
    end = np.searchsorted(exits.times, STUDY.horizon)
    assert none.units[0] == pytest.approx(known[SOLD][:, end])
    assert none.spent[1] - none.spent[0] == pytest.approx(exits.judged(known, 2018.0, 0.0)[4])


def test_all_of_it_ever_costs_what_the_study_says_an_additional_unit_costs(exits: Exits) -> None:
    ever = at_levels(STUDY, BOTH, STUDY.since, None, (0.0, 100.0), "history", DRAWS)
    runs = [exits.run(load_schedule(name, "nev")) for name in ("nev_history", STUDY.no_support)]
    spent = [outlay(STUDY, exits.times, one, STUDY.rate) for one in runs]
    end = int(np.searchsorted(exits.times, STUDY.horizon))
    offered = np.ones_like(runs[0][SOLD], dtype=bool)
    said = {one.name: one.values for one in against_none(STUDY, *runs, offered, *spent, end)}
    assert ever.steps[0].units.values == pytest.approx(said["additional units"], rel=1e-6)
    assert ever.steps[0].cost.values == pytest.approx(said["cost per additional unit, at 3%"], rel=1e-6)


@pytest.mark.parametrize(("case", "name"), [("nev", "purchase subsidy"), ("pv", "feed-in premium")])
def test_what_was_paid_is_100_percent_and_other_levels_move_only_the_support_in_their_years(
    case: str, name: str
) -> None:
    study = load_phase_out_study(case)
    runs = Exits(study, accepted_posterior(case).spread(4), base=unchanged(case))
    end = study.horizon + study.tail
    given = [support_of(runs.base, runs.model, name, (2015.0, 2018.0), end)]
    same, half = (scaled(runs.base, given, part) for part in (1.0, 0.5))
    again = runs.run(same)
    assert again[SOLD] == pytest.approx(runs.supported[SOLD], rel=1e-9)
    early = runs.times < 2014.5  # buyers see it coming half a year ahead, as in history
    assert runs.run(half)[SOLD][:, early] == pytest.approx(again[SOLD][:, early], rel=1e-9)
    about = instrument(case, name)
    times, value = np.array(half.instruments[name].amount.points).T
    paid, over = (np.interp(times, *history(runs.model, of)) if of else 0.0 for of in (about.variable, about.over))
    inside = (times >= 2015.0) & (times < 2018.0)
    assert (value - over)[inside] == pytest.approx(0.5 * (paid - over)[inside])
    assert (value[~inside] == paid[~inside]).all()


def test_a_step_that_brings_units_in_few_draws_is_not_what_the_cost_rises_to(found: Levels) -> None:
    units = found.units.copy()
    units[-1, 1:] = units[-2, 1:] - 1.0
    said = level_lines(replace(found, units=units))
    assert "for that from 50% to 100%" in said[0]
    assert said[1] == "In few draws or none an additional unit: 100% to 125% (5%)."


def test_the_cost_is_said_to_rise_or_fall_only_if_it_does_in_nearly_all_draws(found: Levels) -> None:
    flat = found.units[:1] + np.arange(4.0)[:, None]
    for costs, moves in (([0, 1, 3, 9], "rises"), ([0, 9, 12, 13], "falls")):
        (said, *_) = level_lines(replace(found, units=flat * 100, spent=np.outer(costs, np.ones(DRAWS))))
        assert f"the cost of an additional unit {moves} from" in said
    mixed = np.cumsum([np.zeros(DRAWS), np.ones(DRAWS), np.ones(DRAWS), np.arange(DRAWS) / 10], axis=0)
    said = level_lines(replace(found, units=flat * 100, spent=mixed))[0]
    assert "goes, without a clear direction, from" in said


def test_an_instrument_that_pays_nothing_is_said_to_and_all_there_is_cannot_be_more() -> None:
    none = at_levels(STUDY, SUBSIDY, 2024.0, 2030.0, (0.0, 100.0), "history", 2)
    said = level_lines(none)
    assert "purchase subsidy: nothing of it is paid from 2024 to 2030" in said[0]
    assert said[1].endswith("no step brings an additional unit.")
    assert none.table["cost defined in"].tolist() == [0.0]
    tax = at_levels(STUDY, ("tax exemption",), 2015.0, 2020.0, (100.0, 125.0), "history", 2)
    assert tax.units[0] == pytest.approx(tax.units[1], rel=1e-9)
    assert "tax exemption: 125% is not paid in full at all times in 100% of the draws" in level_lines(tax)[0]


def test_steps_are_what_the_page_says_of_them() -> None:
    """What `docs/questions/phase_out.md` says in words, at half the draws."""
    levels = ExitStudies.load().levels
    tax = at_levels(STUDY, ("tax exemption",), 2015.0, 2024.0, levels, "history", 200)
    assert np.all(np.diff([step.cost.spread.median for step in tax.steps[:-1]]) > 0)
    assert any("the cost of an additional unit rises from" in line for line in level_lines(tax))
    subsidy = at_levels(STUDY, SUBSIDY, 2014.0, 2023.0, levels, "history", 200)
    costs = [step.cost.spread.median for step in subsidy.steps]
    assert max(costs) < 1.3 * min(costs)
    assert np.median(subsidy.early[-2] - subsidy.early[0]) < 0.5 * np.median(subsidy.units[-2] - subsidy.units[0])
    premium = at_levels(load_phase_out_study("pv"), ("feed-in premium",), 2011.0, 2021.0, levels, "history", 200)
    assert (premium.steps[-1].units.values < 0).mean() > 0.9
    assert any(line.startswith("Warning: feed-in premium: 125% is not paid in full") for line in level_lines(premium))


def test_the_command_tells_draws_and_keeps_table_and_figure(techcycle: Run, tmp_path: Path) -> None:
    words = ["exit", "nev", "--instrument", "purchase subsidy", "--start", "2015", "--until", "2019", "--levels"]
    code, out, _ = techcycle(*words, "0,100", "--draws", "20", "--out", str(tmp_path), "--json")
    assert code == 0
    data = json.loads(out)
    assert (data["draws"], data["levels"], data["until"], data["rate"]) == (20, [0.0, 100.0], 2019.0, 0.03)
    (csv,) = (tmp_path / "results").glob("levels_nev_purchase_subsidy_2015_2019_history.csv")
    assert len(pd.read_csv(csv)) == len(data["table"]) == 1
    assert len(list((tmp_path / "figures").iterdir())) == 3
    assert any("A critic would say" in line for line in data["lines"])


def test_levels_are_told_in_a_table_and_come_from_the_study_file_unless_given(found: Levels) -> None:
    assert "0% to 50%" in level_text(found)
    assert percents_of("100, 0,50,50") == (0.0, 50.0, 100.0)
    assert ExitStudies.load().levels == (0.0, 25.0, 50.0, 75.0, 100.0, 125.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--levels", "100"], "--levels 100: must be two or more percentages"),
        (["--levels", "100,-5"], "--levels 100,-5: must be two or more"),
        (["--levels", "0,half"], "--levels: 'half' is not a number"),
        (["--levels", "0,100", "--until", "2014"], "--start 2015 --until 2014: must be quarters of a year in order"),
        (["--levels", "0,100", "--until", "2040"], "from 2010 to 2035"),
        (["--levels", "0,100", "--shape", "linear"], "exit: --shape does not go with --levels"),
        (["--levels", "0,100", "--instrument", "feed-in premium"], "case 'nev' has no 'feed-in premium'"),
        (["--until", "2020"], "exit: --until goes with --levels"),
    ],
)
def test_levels_that_cannot_be_are_refused_in_one_line(
    techcycle: Run, tmp_path: Path, words: list[str], says: str
) -> None:
    code, _, err = techcycle("exit", "nev", "--start", "2015", *words, "--out", str(tmp_path / "out"))
    assert code == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_levels_without_order_are_no_levels() -> None:
    with pytest.raises(InputError, match="must be two or more percentages"):
        percents_of("0,5000")
