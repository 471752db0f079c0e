"""Searches on problems whose answer is known, slopes against differences, and the front against brute force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cli import cli
from analysis.search.front import HISTORY, Schedules, dominates, efficient, front, grid, settled
from analysis.search.search import Goal, Levers, along_slopes, search, without_slopes
from analysis.search.settings import Climb, SearchStudy
from analysis.search.study import levers_of, path_words
from analysis.search.words import front_words
from analysis.search.worth import DECLINE, Measures, ledger_of, neutral, worth_of
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.schedules.file import unchanged
from models.schedules.knots import knot_names, knots_model
from models.schedules.law import share_left
from models.schedules.run import run_schedule
from stockflow.errors import InputError
from stockflow.over_time import present_value

STUDY = SearchStudy.load()
FEW = STUDY.free.model_copy(update={"generations": 60, "population": 5})
CLIMB = STUDY.gradient.model_copy(update={"starts": 2})


@dataclass(frozen=True)
class Bowl:
    """Units fall off around a best schedule, differently in every draw; cost is the sum of the levers."""

    best: np.ndarray
    size: np.ndarray

    def measures(self, x: np.ndarray) -> Measures:
        units = self.size * (10.0 - np.sum((x[:, None, :] - self.best) ** 2, axis=-1))
        cost = np.repeat(x.sum(axis=1)[:, None], len(self.size), axis=1)
        return Measures(units, cost, np.full_like(units, np.nan))

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -2 * self.size[:, None] * (x - self.best), np.ones((len(self.size), len(x)))


BEST = np.array([0.9, 0.6, 0.2])
BOWL = Bowl(BEST, np.array([0.5, 1.0, 1.5]))
FALLING = Levers(("a", "b", "c"), np.zeros(3), np.ones(3), falling=True)


def asked_for(climb: Climb, tolerance: float) -> SearchStudy:
    """Return the study with other rules of its search, and the least of the search without slopes."""
    return STUDY.model_copy(update={"gradient": climb, "free": FEW, "tolerance": tolerance, "seed": 1})


def test_both_searches_find_a_known_optimum() -> None:
    found = search(BOWL, Goal(1.0, 0.0, budget=100.0, units_only=True), FALLING, asked_for(CLIMB, 0.01))
    np.testing.assert_allclose(found.best.x, BEST, atol=1e-4)
    np.testing.assert_allclose(found.free.x, BEST, atol=1e-2)
    assert found.agreed
    assert "both searches agree" in found.words


def test_worth_is_best_where_benefit_of_a_unit_meets_the_cost_of_raising_money() -> None:
    goal = Goal(2.0, 0.3)
    end = along_slopes(BOWL, goal, FALLING, CLIMB, np.ones(3))
    np.testing.assert_allclose(end.x, np.maximum(BEST - 1.3 / 4, 0.0), atol=1e-5)  # 2 x 2 x (best - x) = 1.3
    assert end.value == pytest.approx(float(goal.value(BOWL.measures(end.x[None]))[0]))


def test_levers_that_must_fall_end_on_the_nearest_falling_path() -> None:
    bowl = Bowl(np.array([0.2, 0.6, 0.1]), np.ones(2))
    end = along_slopes(bowl, Goal(1.0, 0.0, budget=9.0, units_only=True), FALLING, CLIMB, np.ones(3))
    np.testing.assert_allclose(end.x, [0.4, 0.4, 0.1], atol=1e-5)  # pooled neighbours


@pytest.mark.parametrize("find", ["along", "free"])
def test_a_budget_that_binds_is_spent_and_not_passed(find) -> None:
    goal = Goal(1.0, 0.0, budget=1.1, units_only=True)
    if find == "along":
        end = along_slopes(BOWL, goal, FALLING, CLIMB, np.full(3, 0.2))
    else:
        end = without_slopes(BOWL, goal, FALLING, FEW, 1)
    assert end.cost == pytest.approx(1.1, abs=2e-3)
    assert end.cost <= 1.1 * (1 + 1e-6)
    np.testing.assert_allclose(end.x, BEST - 0.2, atol=2e-2)


@dataclass(frozen=True)
class Threshold:
    """A bowl that slopes lead to, and a band in which units jump: no slope tells of it."""

    def measures(self, x: np.ndarray) -> Measures:
        u = x[:, 0]
        units = 1.0 - (u - 0.1) ** 2 + 3.0 * ((u > 0.4) & (u < 0.5))
        return Measures(units[:, None], np.ones((len(x), 1)), np.full((len(x), 1), np.nan))

    def slopes(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[-2 * (x[0] - 0.1)]]), np.zeros((1, 1))


def test_a_trapped_search_along_slopes_is_told_and_the_better_end_is_taken() -> None:
    levers = Levers(("u",), np.zeros(1), np.ones(1), falling=False)
    climb = CLIMB.model_copy(update={"starts": 0})
    found = search(Threshold(), Goal(1.0, 0.0, budget=2.0, units_only=True), levers, asked_for(climb, 0.02))
    assert "trapped" in found.words
    assert not found.agreed
    assert found.best.x[0] == pytest.approx(0.4, abs=0.01)
    assert found.best.value >= found.free.value


def test_the_worst_draws_weigh_alone_when_asked_for() -> None:
    worth = np.array([[3.0, 1.0, 2.0, 5.0]])
    np.testing.assert_allclose(Goal(1.0, 0.0, worst=0.5).weights(worth), [[0.0, 0.5, 0.5, 0.0]])
    np.testing.assert_allclose(Goal(1.0, 0.0, worst=0.375).weights(worth), [[0.0, 2 / 3, 1 / 3, 0.0]])
    np.testing.assert_allclose(Goal(1.0, 0.0).weights(worth), np.full((1, 4), 0.25))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Goal(1.0, 0.3, worst=0.0), "share of worst draws is 0"),
        (lambda: Goal(1.0, 0.3, budget=-1.0), "budget is -1 bnCNY"),
        (lambda: Goal(1.0, 0.3, units_only=True), "give a budget"),
        (lambda: Levers(("a",), np.ones(1), np.ones(1), falling=False), "lever 'a': low 1 is not below high 1"),
        (lambda: STUDY.case("ic"), "search.toml: unknown case 'ic'; known: nev, pv"),
        (lambda: knots_model(load_case("ic").model), "so no schedule can be searched for"),
    ],
)
def test_a_question_without_sense_is_refused(make, said) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_a_budget_that_nothing_keeps_is_refused() -> None:
    dear = Levers(("a", "b"), np.ones(2), np.full(2, 2.0), falling=False)
    bowl = Bowl(np.zeros(2), np.ones(2))
    with pytest.raises(InputError, match="no schedule that was tried keeps the budget of 1 bnCNY"):
        search(bowl, Goal(1.0, 0.0, budget=1.0, units_only=True), dear, asked_for(CLIMB, 0.02))


# ---- the model with knots ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", ["nev", pytest.param("pv", marks=pytest.mark.slow)])
def test_knots_at_one_leave_every_variable_as_it_was_bit_for_bit(case) -> None:
    base, knots = load_case(case).model.run(until=2030), knots_model(load_case(case).model).run(until=2030)
    for name in base.data_vars:
        assert base[name].to_numpy().tobytes() == knots[name].to_numpy().tobytes(), name


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_the_knots_part_balances_in_units(case) -> None:
    assert knots_model(load_case(case).model).unbalanced() == []


def test_support_between_knots_is_a_straight_line_and_is_held_at_the_ends() -> None:
    shares = {name: 1.0 - 0.1 * i for i, name in enumerate(knot_names())}
    given = {"first knot year": 2010.0, "knot spacing": 2.0, **shares}
    run = knots_model(load_case("nev").model).run(given, until=2035)
    times = run["time"].to_numpy()
    expected = np.interp(times, 2010 + 2 * np.arange(len(shares)), list(shares.values()))
    np.testing.assert_allclose(run["support multiplier"].to_numpy(), expected, atol=1e-12)


def test_a_schedule_that_is_not_announced_moves_what_buyers_expect_only_when_it_comes() -> None:
    fall = {"decline start": 2016.0, "decline length": 0.25}
    for announced, ahead in ((0.0, 0.0), (1.0, 0.5)):
        run = knots_model(load_case("nev").model).run({**fall, "decline announced": announced}, until=2018)
        expected = run["announced central subsidy"] * (1 + run["announced local subsidy ratio"])
        paid = (expected > 0).to_numpy()  # nothing was paid for some months of 2013
        share = run["announced support per unit"].to_numpy()[paid] / expected.to_numpy()[paid]
        times = run["time"].to_numpy()[paid]
        np.testing.assert_allclose(share[times <= 2016 - ahead], 1.0)
        np.testing.assert_allclose(share[times >= 2016.25 - ahead], 0.0, atol=1e-12)


def test_the_straight_decline_that_is_searched_for_is_that_of_the_schedules() -> None:
    run = knots_model(load_case("nev").model).run({"decline start": 2014.0, "decline length": 5.0}, until=2035)
    left = share_left("linear", run["time"].to_numpy(), 2014.0, 5.0)
    np.testing.assert_allclose(run["support after decline"], left, rtol=0, atol=1e-12)


SLOPES = [("nev", knot_names()), ("nev", DECLINE), pytest.param("pv", knot_names(), marks=pytest.mark.slow)]


@pytest.mark.parametrize(("case", "levers"), SLOPES)
def test_slopes_are_those_of_differences(case, levers) -> None:
    judge = worth_of(case, STUDY, accepted_posterior(case).spread(8), levers, STUDY.case(case).level)
    x = np.linspace(0.95, 0.3, len(levers)) if levers != DECLINE else np.array([2016.03, 4.01])
    found = judge.slopes(x)
    step = 1e-5
    for place in range(1, len(levers)):
        aside = np.eye(len(levers))[place] * step
        both = judge.measures(np.array([x + aside, x - aside]))
        for slopes, ends in zip(found, (both.units, both.cost), strict=True):
            expected = (ends[0] - ends[1]) / (2 * step)
            scale = np.abs(expected).max()
            assert np.median(np.abs(slopes[:, place] - expected)) < 1e-6 * scale
            assert np.abs(slopes[:, place] - expected).max() < 1e-2 * scale  # a draw may stand on a kink


def test_slopes_by_a_pullback_are_the_same() -> None:
    samples = accepted_posterior("nev").spread(2)
    judge = worth_of("nev", STUDY, samples, DECLINE, "history")
    x = np.array([2016.03, 4.01])
    found = judge.slopes(x)[1]
    read = judge.ledger.slopes(judge.model.initial_time)["cost"]
    gradient = judge._gradient("cost")
    weight = {(name, at): slope for name, at, slope in read}
    along = np.array([weight[t.variable, t.at] for t in gradient.terms])
    for draw in range(2):
        row = np.array([*(column[draw] for column in samples.values()), *x])
        values = dict(zip(gradient.inputs, row, strict=True))
        run = judge.model.run(values, until=judge.ledger.until, save_period=0.25)
        at = np.searchsorted(run["time"].to_numpy(), [t.at for t in gradient.terms])
        seen = np.array([float(run[t.variable][i]) for t, i in zip(gradient.terms, at, strict=True)])
        np.testing.assert_allclose(gradient.pullback(row, seen, along)[-2:], found[draw], rtol=1e-9)


def test_what_is_counted_off_has_the_opposite_slopes() -> None:
    judge = worth_of("nev", STUDY, accepted_posterior("nev").spread(2), DECLINE, "history")
    against = replace(judge.ledger, cost={name: -weight for name, weight in judge.ledger.cost.items()})
    x = np.array([2016.03, 4.01])
    found, other = judge.slopes(x)[1], replace(judge, ledger=against).slopes(x)[1]
    assert (np.abs(found) > 0).all()
    np.testing.assert_allclose(other, -found, rtol=1e-9)


def test_cost_is_the_present_value_of_what_is_paid_each_quarter() -> None:
    ledger = ledger_of("nev", STUDY)
    times = np.arange(1991.0, ledger.until + 0.1, 0.25)
    paid = np.cumsum(np.random.default_rng(2).uniform(size=(3, len(times))), axis=1)
    values = dict.fromkeys(ledger.outputs, paid)
    expected = sum(w * present_value(times, paid, STUDY.rate, STUDY.base_year) for w in ledger.cost.values())
    # what stands at the start of the clock counts for nothing, as no growth led to it
    np.testing.assert_allclose(ledger.read(times, values)[1], expected, rtol=1e-9)


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_neutral_levers_are_history_as_a_schedule_runs_it(case) -> None:
    samples = accepted_posterior(case).spread(5)
    ledger = ledger_of(case, STUDY)
    judged = worth_of(case, STUDY, samples, knot_names(), "history").measures(neutral(knot_names()))
    runs = run_schedule(load_case(case).model, unchanged(case), samples, ledger.outputs, ledger.until, 0.25)
    past = ledger.read(runs["time"].to_numpy(), {name: runs[name].to_numpy() for name in ledger.outputs})
    np.testing.assert_allclose(past, [judged.units[0], judged.cost[0], judged.reached[0]], rtol=1e-9)


def test_on_nev_the_search_along_slopes_and_the_one_without_agree() -> None:
    asked = STUDY.case("nev")
    levers = levers_of(asked, "start and length")
    judge = worth_of("nev", STUDY, accepted_posterior("nev").spread(6), levers.names, asked.level)
    found = search(
        judge, Goal(asked.benefit, STUDY.mcpf), levers, asked_for(CLIMB.model_copy(update={"starts": 6}), 0.02)
    )
    assert found.agreed, found.words
    assert found.best.value >= found.nothing  # at this worth of a unit nothing is as good as anything
    assert found.best.runs < found.free.runs


# ---- the front ---------------------------------------------------------------------------------------------------
POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30)


@settings(max_examples=200)
@given(POINTS)
def test_the_front_is_what_brute_force_leaves(points) -> None:
    cost, gain = np.array(points, dtype=float).T
    brute = [not dominates(cost, gain, cost[i], gain[i]).any() for i in range(len(cost))]
    assert efficient(cost, gain).tolist() == brute


def schedules() -> Schedules:
    units = np.array([[10.0, 12.0], [11.0, 11.0], [9.0, 9.0]])
    cost = np.array([[5.0, 5.0], [5.0, 5.0], [1.0, 6.0]])
    return Schedules((HISTORY, "more", "less"), ("history", "linear", "cliff"), Measures(units, cost, units * np.nan))


def test_history_is_dominated_in_the_draws_in_which_another_brings_more_for_no_more() -> None:
    found = front(schedules())
    chances = found.table.set_index("schedule")["probability of dominating history"]
    assert chances.to_dict() == {HISTORY: 0.0, "more": 0.5, "less": 0.0}
    assert (found.best, found.probability, found.hindsight) == ("more", 0.5, 0.5)
    told = front_words(found, "vehicles", 0.1)[-1]
    assert (
        told
        == "Most likely to dominate history: 'more', in 50% of draws; some schedule, chosen after the fact, in 50%."
    )


def test_the_front_tells_what_dominates_a_schedule_in_medians() -> None:
    units = np.array([[10.0], [11.0], [9.0], [12.0]])
    cost = np.array([[5.0], [4.0], [1.0], [9.0]])
    names = (HISTORY, "better", "cheap", "dear")
    table = front(Schedules(names, names, Measures(units, cost, units * np.nan))).table.set_index("schedule")
    assert table["on the front"].to_dict() == {HISTORY: False, "better": True, "cheap": True, "dear": True}
    assert table.loc[HISTORY, "dominated by"] == "better"
    assert table.loc["better", "dominated by"] is None or table["dominated by"].isna()["better"]


def test_rounding_alone_dominates_nothing() -> None:
    units = np.array([[10.0], [10.0 * (1 + 1e-14)]])
    cost = np.array([[5.0], [5.0 * (1 - 1e-14)]])
    found = front(Schedules((HISTORY, "again"), ("a", "b"), Measures(units, cost, units * np.nan)))
    assert found.probability == 0.0
    assert front_words(found, "vehicles", 0.1)[-1] == "No schedule tried dominates history in any draw."
    assert settled(np.array([0.0, -2.0000000001, 3e-20])).tolist() == [0.0, -2.0, 3e-20]


def test_a_front_without_history_is_refused() -> None:
    one = schedules()
    with pytest.raises(InputError, match="no schedule is called 'history'"):
        front(Schedules(("a", "b", "c"), one.kinds, one.found))
    with pytest.raises(InputError, match="'a' stands twice"):
        Schedules(("a", "a", "c"), one.kinds, one.found)


def test_the_grid_of_nev_holds_history_and_every_shape_start_and_length_once() -> None:
    small = STUDY.model_copy(update={"grid": STUDY.grid.model_copy(update={"lengths": (2.0, 5.0)})})
    late = STUDY.cases["nev"].model_copy(update={"starts": (2012.0, 2018.0)})
    got = grid("nev", small.model_copy(update={"cases": {"nev": late}}), accepted_posterior("nev").spread(3))
    # two starts of history, one of them after support is held; a cliff and two lengths of each of two shapes
    assert len(got.labels) == 1 + 2 * 5 + 1 * 5
    units = dict(zip(got.labels, got.found.units, strict=True))
    assert (units["cliff from 2012"] < units["linear from 2018 over 5 years"]).all()
    assert (units["held from 2014, cliff from 2018"] >= units["cliff from 2018"] - 1e-9).all()


def test_an_instrument_that_the_grid_cannot_hold_is_refused() -> None:
    other = STUDY.cases["nev"].model_copy(update={"hold": ("credit requirement",)})
    with pytest.raises(InputError, match="nev_linear: does not move 'credit requirement'"):
        grid("nev", STUDY.model_copy(update={"cases": {"nev": other}}), accepted_posterior("nev").spread(2))


# ---- whole -------------------------------------------------------------------------------------------------------
def small_study(folder: Path) -> Path:
    """The shipped study with few draws, generations and schedules."""
    text = Path("analysis/studies/search.toml").read_text(encoding="utf-8")
    for old, new in (
        ("draws = 50 ", "draws = 4 "), ("judged = 500", "judged = 8"), ("starts = 8 ", "starts = 0 "),
        ("generations = 150", "generations = 8"), ("lengths = [1.0, 2.0, 3.0, 5.0, 8.0, 12.0]", "lengths = [4.0]"),
        ("draws = 200", "draws = 6"), ('families = ["knots", "start and length"]', 'families = ["start and length"]'),
    ):  # fmt: skip
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "small.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.slow
def test_the_search_command_prints_words_and_leaves_tables_and_figures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = CliRunner().invoke(cli, ["search", "nev", "--study", str(small_study(tmp_path)), "--out", str(out)])
    assert ran.exit_code == 0, ran.output
    assert ran.output.count("runs along slopes to the best end") == 2
    assert "History: " in ran.output
    assert "0% of buyers see a searched schedule" in ran.output
    ends = pd.read_csv(out / "results" / "search_nev.csv")
    assert sorted(ends[ends["best"]]["objective"]) == ["units for the budget", "worth"]
    assert (pd.read_csv(out / "results" / "front_nev.csv")["kind"] == "searched").sum() == 2
    assert (out / "figures" / "front_nev.png").stat().st_size > 10_000
    assert (out / "figures" / "best_schedules_nev.csv").exists()


def test_the_sensitivity_command_screens_and_prints_what_it_hinges_on(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["sensitivity", "nev", "--method", "morris", "--out", str(tmp_path), "--json"])
    assert ran.exit_code == 0, ran.output
    assert '"What it hinges on: ' in ran.stdout
    assert (tmp_path / "results" / "sensitivity_nev.csv").exists()


@pytest.mark.parametrize("command", ["search", "sensitivity"])
def test_a_case_that_was_never_asked_about_is_refused_before_anything_runs(tmp_path: Path, command) -> None:
    ran = CliRunner().invoke(cli, [command, "ic", "--out", str(tmp_path / "out")])
    assert isinstance(ran.exception, InputError)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mcpf = 0.3 ", "mcpf = -0.3 ", "mcpf: Input should be greater than or equal to 0"),
        ("horizon = 2035.0", "horizon = 2035.1", "is not a quarter of a year"),
        ("first_knot = 2010.0", "first_knot = 2040.0", "first_knot 2040 is not before the horizon 2035"),
        ("benefit = 19.0", "benefits = 19.0", "benefit"),
        ("worst = 1.0", "worst = 0.0", "greater than 0"),
    ],
)
def test_a_wrong_study_is_refused_with_file_key_and_value(tmp_path: Path, old, new, said) -> None:
    text = Path("analysis/studies/search.toml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        SearchStudy.load(file)


def test_a_path_is_told_with_equal_neighbours_left_out() -> None:
    told = path_words(np.array([2010.0, 2012.0, 2014.0, 2016.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    assert told == "support left 100% in 2010, 100% in 2014, 0% in 2016"
