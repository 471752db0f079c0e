"""What the data can tell apart: profiles against closed forms, verdicts by stated thresholds, the learning ridge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import stockflow
from analysis.cli import main
from analysis.trust.chapter import posteriors_of
from analysis.trust.identifiability import drawn_coordinates, identify, pair_table, partner, spreads, verdict
from analysis.trust.ridge import changed_policy, joint_rate
from analysis.trust.study import STUDY, PolicyChange, Rules, Study
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.fit import covariance
from calibration.fitting.inference_data import Posterior
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.profiles import Profile, all_profiles, grid, mode_near, profiled, with_free
from calibration.fitting.targets import EventTarget, Prior, SeriesTarget, load_targets
from calibration.observed.observations import Source
from calibration.records.results import load_accepted
from models.case import CASES, load_case
from stockflow.errors import InputError

RULES = Rules(identified=0.5, prior=0.2, correlated=0.6)
SOURCE = Source(table="t", series="s", region="r", unit="u", first_year=2000, last_year=2019)
# Two sources of growth of which only the sum acts, and a date that is exactly linear in the delay.
TWINS = """{UTF-8}
first rate= 0.1 ~ 1/Year [0,1] ~ One source of growth. |
second rate= 0.1 ~ 1/Year [0,1] ~ The other source of growth. |
delay= 5 ~ Year [0,15] ~ Clock time until the mark stands. |
clock= INTEG ( 1, 0) ~ Year ~ Years since the start. |
lead= clock-delay+1 ~ Year ~ Reaches one when the delay is over. |
Size= INTEG ( Size*(first rate+second rate), 2) ~ unit ~ What grows. |
FINAL TIME= 2020 ~ Year ~ End. |
INITIAL TIME= 2000 ~ Year ~ Start. |
SAVEPER= 0.25 ~ Year ~ Save. |
TIME STEP= 0.03125 ~ Year ~ Step. |
"""


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    file = tmp_path_factory.mktemp("models") / "twins.mdl"
    file.write_text(TWINS, encoding="utf-8")
    return stockflow.load(file)


def coordinate(name: str, centre: float, spread: float, low: float = 0.0, high: float = 1.0) -> Coordinate:
    return Coordinate(name, Prior(shape="normal", centre=centre, spread=spread, source="test"), low, high)


def dated(model: stockflow.Model, prior_spread: float = 2.0) -> Payoff:
    """One date, observed at 2006 with a deviation of one year: the log density is a parabola in the delay."""
    mark = EventTarget(name="mark", quantity="lead", level=1.0, year=2006, sd=1.0, source="made up")
    return Payoff(model, [coordinate("delay", 8.0, prior_spread, 0.0, 15.0)], [], [mark])


def grown(model: stockflow.Model, spread: float = 0.2) -> Payoff:
    years = np.arange(2000, 2020)
    run = model.runs({}, ["Size"], save_period=1.0).dataset()["Size"].to_numpy()[0][1:]
    noise = np.exp(np.random.default_rng(3).normal(0, 0.05, len(years)))
    target = SeriesTarget(
        name="size", quantity="Size", measure="year end", unit="unit", sigma=0.05, first_year=2000, last_year=2019,
        scope="made by the model itself", sources=(SOURCE,),
    )  # fmt: skip
    data = FittedSeries(target, years, run * noise, np.full(len(years), 0.05))
    return Payoff(model, [coordinate("first rate", 0.1, spread), coordinate("second rate", 0.1, spread)], [data])


def test_a_profile_without_the_prior_is_the_likelihood_itself(twins: stockflow.Model) -> None:
    payoff = dated(twins)
    best = mode_near(payoff, {"delay": 9.0})
    assert best[0] == pytest.approx((8.0 / 4 + 6.0) / (1 / 4 + 1), abs=1e-3)  # precisions 1/4 and 1
    values = [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    found = profiled(payoff, "delay", values, best, covariance(payoff, best))
    assert found.values == pytest.approx(values)
    assert found.rise == pytest.approx([(v - 6.0) ** 2 / 2 for v in values], abs=1e-6)


def test_the_ends_of_a_profile_are_where_it_has_risen_by_the_stated_drop(twins: stockflow.Model) -> None:
    payoff = dated(twins)
    best = mode_near(payoff, {})
    found = profiled(payoff, "delay", list(np.arange(2.0, 10.01, 0.05)), best, covariance(payoff, best))
    low, high = found.accepted(1.92)
    assert (low, high) == (pytest.approx(6 - 1.96, abs=5e-3), pytest.approx(6 + 1.96, abs=5e-3))
    assert found.closed(1.92)


def test_a_profile_that_never_rises_is_open_on_that_side() -> None:
    flat = Profile("x", np.array([1.0, 2.0, 3.0]), np.array([4.0, 1.0, 1.5]), np.zeros((3, 1)), (0.0, 9.0))
    low, high = flat.accepted(1.5)
    assert low == pytest.approx(1.5)
    assert high is None
    assert not flat.closed(1.5)


def test_a_profile_stops_where_more_of_it_would_say_nothing(twins: stockflow.Model) -> None:
    payoff = dated(twins)
    best = mode_near(payoff, {})
    found = profiled(payoff, "delay", list(np.arange(0.5, 15.0, 0.5)), best, covariance(payoff, best), enough=4.0)
    assert found.values[0] >= 6 - np.sqrt(8) - 0.51
    assert found.values[-1] <= 6 + np.sqrt(8) + 0.51
    assert found.closed(1.92)


def test_two_causes_of_which_only_the_sum_acts_are_told_only_together(twins: stockflow.Model) -> None:
    payoff = grown(twins)
    best = mode_near(payoff, {"first rate": 0.15, "second rate": 0.05})
    curved = covariance(payoff, best)
    _, spread, r = spreads(best, curved, 2, None)
    assert r[0, 1] == pytest.approx(-1, abs=0.01)
    found = profiled(payoff, "first rate", [0.02, 0.06, 0.1, 0.14, 0.18], best, curved)
    assert payoff.space.values(found.points)[:, :2].sum(axis=1) == pytest.approx(np.full(5, 0.2), abs=0.01)
    assert not found.closed(1.92)
    learned = float(1 - spread[0] / 0.2)
    assert verdict(learned, False, "second rate", float(r[0, 1]), RULES) == "only together with second rate"
    table = pair_table(("first rate", "second rate"), r, 0.6)
    assert table.to_dict("records")[0]["moves with"] == "second rate"


def test_the_profiles_do_not_depend_on_the_number_of_threads(twins: stockflow.Model) -> None:
    payoff = grown(twins)
    best = mode_near(payoff, {})
    curved = covariance(payoff, best)
    grids = [(c.name, np.array([0.05, 0.1, 0.15])) for c in payoff.coordinates]
    one, two = (all_profiles(payoff, best, curved, grids, 9.0, workers) for workers in (1, 2))
    assert all(np.array_equal(a.objective, b.objective) for a, b in zip(one, two, strict=True))


def test_a_held_parameter_set_free_keeps_the_fit_where_it_was(twins: stockflow.Model) -> None:
    payoff = grown(twins)
    best = mode_near(payoff, {})
    wider, x = with_free(payoff, coordinate("delay", 5.0, 100.0, 0.0, 15.0), best, 7.0)
    assert wider.space.values(x)[0, 2] == pytest.approx(7.0)
    added = wider.coordinates[2].own_prior(7.0)
    assert float(wider.objective(x)[0]) - added == pytest.approx(float(payoff.objective(best)[0]))


def test_a_grid_covers_the_wider_of_prior_and_posterior_within_the_bounds() -> None:
    one = coordinate("x", 0.5, 0.2, 0.1, 2.0)
    values = grid(one, 0.6, 0.05, 9)
    assert values[0] == pytest.approx(0.1)  # the bound cuts the prior's 98% range
    assert values[-1] == pytest.approx(0.5 + 2.33 * 0.2)
    assert {0.5, 0.55, 0.6, 0.65, 0.7} <= set(np.round(values, 10))
    assert len(values) == 9


@pytest.mark.parametrize(
    ("learned", "closed", "r", "says"),
    [
        (0.5, True, 0.59, "identified by the data"),
        (0.5, True, -0.6, "identified by the data, moving with b"),
        (0.5, False, 0.1, "data and prior together"),
        (0.49, True, 0.6, "only together with b"),
        (0.2, False, 0.0, "data and prior together"),
        (0.19, True, 0.0, "mostly the prior"),
        (0.0, False, -0.9, "only together with b"),
    ],
)
def test_verdicts_change_exactly_at_the_stated_thresholds(learned: float, closed: bool, r: float, says: str) -> None:
    assert verdict(learned, closed, "b", r, RULES) == says


def test_pairs_are_listed_strongest_first_and_only_above_the_threshold() -> None:
    r = np.array([[1, 0.61, -0.9], [0.61, 1, 0.6], [-0.9, 0.6, 1]])
    table = pair_table(("a", "b", "c"), r, 0.6)
    assert table[["parameter", "moves with"]].to_numpy().tolist() == [["a", "c"], ["a", "b"]]
    assert partner(("a", "b", "c"), r, 1) == ("a", 0.61)
    assert partner(("a",), np.eye(1), 0) == ("", 0.0)


def test_correlations_of_draws_are_taken_where_priors_are_normal(twins: stockflow.Model) -> None:
    payoff = grown(twins)
    logged = replace(
        payoff.coordinates[0], prior=Prior(shape="lognormal", centre=0.1, spread=1.0, source="test"), low=0.01
    )
    payoff = Payoff(twins, [logged, payoff.coordinates[1]], payoff.series)
    z = np.random.default_rng(1).standard_normal((500, 2))
    drawn = {"first rate": 0.1 * np.exp(0.3 * z[:, 0]), "second rate": 0.1 + 0.01 * (z[:, 0] + z[:, 1])}
    x = drawn_coordinates(payoff, Posterior("test", drawn, {}, {}))
    _, spread, r = spreads(x[0], np.eye(4), 2, x)
    assert spread[0] == pytest.approx(0.3, rel=0.1)
    assert r[0, 1] == pytest.approx(np.sqrt(0.5), abs=0.05)
    with pytest.raises(InputError, match="no parameter 'second rate'"):
        drawn_coordinates(payoff, Posterior("test", {"first rate": drawn["first rate"]}, {}, {}))


def test_doubling_both_takes_both_rates_off() -> None:
    assert joint_rate(np.array(0.2), np.array(0.1)) == pytest.approx(1 - 0.8 * 0.9)


def test_a_changed_policy_is_the_old_one_before_its_year_and_a_multiple_after() -> None:
    model = load_case("nev").model
    change = PolicyChange(name="less", variables=("central subsidy",), factor=0.75, first=2014.0)
    before, after = (
        m.runs({}, ["central subsidy"], until=2020, save_period=0.25).dataset()["central subsidy"].to_numpy()[0]
        for m in (model, changed_policy(model, change))
    )
    times = np.arange(model.initial_time, 2020.01, 0.25)
    assert after[times <= 2014] == pytest.approx(before[times <= 2014])
    assert after[times > 2014] == pytest.approx(0.75 * before[times > 2014])
    assert before[times > 2014].max() > 0


def test_a_policy_that_is_no_path_over_time_is_refused_by_name() -> None:
    change = PolicyChange(name="odd", variables=("Price",), factor=2.0, first=2014.0)
    with pytest.raises(InputError, match=r"nev\.mdl: 'Price' is computed by the model"):
        changed_policy(load_case("nev").model, change)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("identified = 0.5", "identified = 0.1", "must be below identified"),
        ("correlated = 0.6", "correlated = 1.6", "correlated"),
        ("searching_values = [0.0, 0.05", "searching_values = [0.01, 0.05", "must start at 0"),
        ("points = 9", "points = 2", "points"),
        ("drop = 1.92", "drop = 1.92\ncolour = 3", "colour"),
    ],
)
def test_a_bad_study_file_is_refused_in_one_line_that_names_the_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = STUDY.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "identifiability.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        Study.load(file)
    assert str(caught.value).startswith("identifiability.toml: ")
    assert "\n" not in str(caught.value)


def test_without_an_accepted_posterior_one_sentence_says_so(tmp_path: Path) -> None:
    found, missing = posteriors_of(("nev",), tmp_path)
    assert found == {}
    renew = "run `techcycle calibrate nev --posterior --accept`"
    assert missing["nev"] == f"No posterior is shown: nev.toml: case 'nev' has no accepted fit; {renew}."


def test_the_shipped_study_names_what_the_models_have() -> None:
    study = Study.load()
    for case, about in study.cases.items():
        model = load_case(case).model
        for name in (study.doing, study.searching, *(one.variable for one in about.outcomes)):
            assert model.variable(name)
        for policy in about.policies:
            assert isinstance(changed_policy(model, policy), stockflow.Model)
    assert {*study.cases, *study.without_ridge} == {*CASES, "generic"}


def test_a_reason_for_no_ridge_stands_only_where_a_rate_of_learning_is_not_fitted() -> None:
    study = Study.load()
    for case in CASES:
        fitted = {load_case(case).model.variable(name).name for name in load_targets(case).free}
        assert (study.doing in fitted) == (case in study.cases)


def test_a_case_with_a_ridge_and_a_reason_for_none_is_refused() -> None:
    told = Study.load().model_dump() | {"without_ridge": {"nev": "nothing is learned here"}}
    with pytest.raises(ValidationError, match="'nev' has a ridge to walk and a reason for none"):
        Study.model_validate(told)


def test_a_case_of_which_the_study_says_nothing_is_refused() -> None:
    silent = Study.load().model_copy(update={"without_ridge": {}})
    with pytest.raises(InputError, match=r"identifiability.toml: nothing is said of case 'mrna'; known: nev, pv, ic"):
        identify("mrna", load_accepted("mrna").values, None, silent)


def test_identification_of_an_unknown_case_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["techcycle", "identify", "ics"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("techcycle: error: unknown case 'ics'")
