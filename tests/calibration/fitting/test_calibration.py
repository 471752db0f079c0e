"""What a calibration promises: it recovers what made the data, says what it does not know, and refuses nonsense."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from calibration_helpers import (
    EFFECT,
    EVENT,
    GAPS_IN_PRICES,
    RATES,
    SIZES,
    growth_model,
    prices,
    series,
    size,
    whole_payoff,
)  # fmt: skip
from simulation_based import observing

import stockflow
from calibration.fitting.coordinates import Space
from calibration.fitting.estimates import Interval
from calibration.fitting.fit import (
    climb,
    closed_payoff,
    conclude,
    concluded,
    coordinates,
    covariance,
    find_mode,
    joint_priors,
    profile,
)  # fmt: skip
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import ErrorModel, Prior, Targets, load_targets
from calibration.records.results import DATA, TARGETS, tables_named
from models.case import load_case
from models.files.settings import read_toml
from stockflow.errors import InputError

UNITS = {"growth rate": "1/Year", "initial size": "unit"}
WIDE = replace(RATES, prior=Prior(shape="lognormal", centre=0.1, spread=5.0, source="test"))


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    return growth_model(tmp_path_factory.mktemp("models"))


def test_a_fit_recovers_the_parameter_that_made_the_data(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [WIDE], [series(0.31)])
    best, starts = climb(payoff, payoff.space.scatter(4, seed=1))
    assert payoff.space.values(best)[0, 0] == pytest.approx(0.31, rel=1e-3)
    assert len(starts) == 4
    assert all(s.objective_after <= s.objective_before for s in starts)


def test_a_fit_recovers_two_parameters_and_the_size_of_the_errors(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [WIDE, SIZES], [series(0.2, noise=0.05, seed=4)])
    best, _ = climb(payoff, payoff.space.scatter(3, seed=1))
    rate, start, error, persistence = payoff.space.values(best)[0]
    assert rate == pytest.approx(0.2, rel=0.05)
    assert start == pytest.approx(2.0, rel=0.1)
    assert 0.02 < error < 0.08
    assert persistence < 0.4


def test_the_interval_covers_the_truth_about_as_often_as_it_says(growth: stockflow.Model) -> None:
    inside, blank = 0, Payoff(growth, [WIDE], [series(0.25)])
    for seed in range(20):
        payoff = observing(blank, [series(0.25, noise=0.1, seed=seed).values])
        best, starts = climb(payoff, payoff.space.scatter(1, seed=1))
        found = conclude(payoff, best, starts, UNITS, "closed loop").estimates[0]
        inside += found.low < 0.25 < found.high
    # 18 are expected; 13 or fewer would come by chance once in 400
    assert 14 <= inside <= 20, f"{inside} of 20 intervals of nominal 90% cover the truth"


def test_without_data_the_fit_returns_the_prior_and_says_that_nothing_was_learned(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES, SIZES], [])
    best, starts = climb(payoff, payoff.space.scatter(3, seed=2))
    np.testing.assert_allclose(payoff.space.values(best)[0], [0.1, 2.0], rtol=1e-4)
    np.testing.assert_allclose(covariance(payoff, best), np.eye(2), atol=1e-8)
    for one in conclude(payoff, best, starts, UNITS, "closed loop").estimates:
        assert one.learned == pytest.approx(0.0, abs=1e-6)
        assert one.at_bound == ""


def test_a_series_without_weight_says_nothing_about_the_parameter(growth: stockflow.Model) -> None:
    data = series(0.3)
    blind = FittedSeries(data.target, data.years, data.values, np.full(len(data.years), 1e5))
    payoff = Payoff(growth, [RATES], [blind])
    best, _ = climb(payoff, payoff.space.scatter(3, seed=2))
    assert payoff.space.values(best)[0, 0] == pytest.approx(0.1, rel=1e-3)


def test_a_payoff_call_changes_nothing_and_repeats_to_the_bit(growth: stockflow.Model) -> None:
    payoff = whole_payoff(growth)
    x = payoff.space.prior_draws(6, 1)
    before = x.copy()
    first, slopes = payoff.log_density(x), payoff.log_density_and_slopes(x[0])
    payoff.log_density(x[::-1])
    payoff.log_density_and_slopes(x[1])
    assert payoff.log_density(x).tobytes() == first.tobytes()
    assert payoff.log_density(x[2:4]).tobytes() == first[2:4].tobytes()
    assert payoff.log_density_and_slopes(x[0])[1].tobytes() == slopes[1].tobytes()
    assert x.tobytes() == before.tobytes()
    low, _ = payoff.space.bounds
    low[:] = np.nan  # a copy: the space keeps its own
    assert payoff.log_density(x).tobytes() == first.tobytes()


def test_a_payoff_of_other_observations_is_one_made_of_them_and_leaves_the_first_alone(
    growth: stockflow.Model,
) -> None:
    one, other = series(0.2, noise=0.1, seed=1), series(0.3, noise=0.1, seed=2)
    first, made = Payoff(growth, [RATES], [one]), Payoff(growth, [RATES], [other])
    x = first.space.prior_draws(3, 1)
    before = first.log_density(x)
    assert observing(first, [other.values]).log_density(x).tobytes() == made.log_density(x).tobytes()
    assert first.log_density(x).tobytes() == before.tobytes()
    for bad in (other.values[1:], np.zeros(20), np.full(20, np.nan)):
        with pytest.raises(InputError, match="series 'size': values must be 20 positive numbers"):
            observing(first, [bad])


def test_a_new_payoff_of_the_same_things_gives_the_same_bits(growth: stockflow.Model) -> None:
    one, other = whole_payoff(growth), whole_payoff(growth)
    x = one.space.prior_draws(4, 1)
    assert one.log_density(x).tobytes() == other.log_density(x).tobytes()


def test_the_effect_of_support_is_the_share_of_growth_lost_without_it(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES], [series(0.3)], effects=[EFFECT])
    with_, without = size(0.2, 10, 1.0) - 1, size(0.1, 10, 1.0) - 1
    x = np.array([np.log(0.2), np.log(0.1), 0.2])
    assert payoff.effects_at(x)[EFFECT.name] == pytest.approx(1 - without / with_, rel=1e-9)


def test_an_effect_draws_the_estimate_towards_itself(growth: stockflow.Model) -> None:
    alone, whole = (Payoff(growth, [RATES], [series(0.3)], effects=e) for e in ([], [EFFECT]))
    best, _ = climb(alone, alone.space.scatter(1, seed=1))
    drawn, _ = climb(whole, whole.space.scatter(1, seed=1))
    missed = [abs(whole.effects_at(x)[EFFECT.name][0] - EFFECT.value) for x in (best, drawn)]
    assert missed[1] < missed[0]


def test_an_event_is_dated_between_saved_times_and_a_level_never_reached_is_drawn_nearer(
    growth: stockflow.Model,
) -> None:
    payoff = Payoff(growth, [RATES], [series(0.3)], [EVENT])
    rest = [np.log(0.1), 0.2]
    assert payoff.events_at(np.r_[np.log(0.2), rest])["doubled"] == pytest.approx(2000 + np.log(2) / 0.2, abs=0.05)
    late = [payoff.events_at(np.r_[np.log(rate), rest])["doubled"][0] for rate in (0.001, 0.01, 0.03)]
    assert late[0] > late[1] > late[2] > 2011  # the last saved time that is looked at
    assert np.isfinite(payoff.log_density(np.r_[np.log(0.001), rest])).all()


def test_starts_lie_inside_the_bounds_and_differ() -> None:
    vague, outside = (
        RATES.prior.model_copy(update={"spread": 3.0}),
        Prior(shape="normal", centre=0.5, spread=5.0, source="test"),
    )
    coords = [replace(RATES, prior=vague), replace(SIZES, prior=outside, low=0.001, high=0.9)]
    where = Space(tuple(coords), ("size",), np.array([0.1]), ErrorModel())
    points = where.scatter(20, seed=3)
    assert points.shape == (20, 4)
    assert ((points > where.low) & (points < where.high)).all()
    assert len(np.unique(points[:, 0])) == 20
    np.testing.assert_allclose(points[0], where.centre)
    assert np.array_equal(points, where.scatter(20, seed=3))
    assert not np.array_equal(points, where.scatter(20, seed=4))


def test_an_estimate_at_its_bound_is_called_so(growth: stockflow.Model) -> None:
    low = replace(WIDE, high=0.2)
    payoff = Payoff(growth, [low], [series(0.4)])
    best, starts = climb(payoff, payoff.space.scatter(2, seed=1))
    found = conclude(payoff, best, starts, UNITS, "closed loop").estimates[0]
    assert found.at_bound == "high"
    assert found.high <= 0.2


def test_an_interval_covers_other_ends_that_are_nearly_as_good(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [WIDE], [series(0.3)])
    best, starts = climb(payoff, payoff.space.scatter(2, seed=1))
    near, far = (replace(starts[0], objective_after=starts[0].objective_after + d, values={"growth rate": v})
                 for d, v in ((1.0, 0.05), (5.0, 0.8)))  # fmt: skip
    found = conclude(payoff, best, (*starts, near, far), UNITS, "closed loop").estimates[0]
    assert found.low == 0.05
    assert found.high < 0.4


def test_the_curvature_at_the_mode_is_that_of_differences_of_the_density(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES, SIZES], [series(0.3, noise=0.1), prices(GAPS_IN_PRICES, GAPS_IN_PRICES > 2004)])
    best, _ = climb(payoff, payoff.space.scatter(3, seed=1))
    assert (np.abs(payoff.log_density_and_slopes(best)[1][:4] * payoff.space.spread[:4]) < 1e-3).all()
    found = covariance(payoff, best, step=1e-3)
    np.testing.assert_allclose(found, found.T)
    assert (np.linalg.eigvalsh(found) > 0).all()
    inverse = np.linalg.inv(found)[:2, :2]
    step = 1e-4
    for i, j in ((0, 0), (0, 1), (1, 1)):
        a, b = step * np.eye(6)[i], step * np.eye(6)[j]
        corners = payoff.objective(np.stack([best + a + b, best + a - b, best - a + b, best - a - b]))
        assert inverse[i, j] == pytest.approx((corners @ [1, -1, -1, 1]) / (4 * step**2), rel=2e-2)


# ---- profiles --------------------------------------------------------------------------------------------------------


def test_a_profile_holds_one_parameter_and_refits_the_rest(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES, SIZES], [series(0.2, noise=0.05, seed=4)])
    best, _ = climb(payoff, payoff.space.scatter(3, seed=1))
    grid = [0.15, 0.18, 0.2, 0.25]
    rows = profile(payoff, "growth rate", grid, best, without_prior=False)
    assert [row[0] for row in rows] == grid
    top = float(payoff.objective(best)[0])
    for value, objective, x in rows:
        assert payoff.space.values(x)[0, 0] == pytest.approx(value, rel=1e-9)
        assert objective == pytest.approx(float(payoff.objective(x)[0]), rel=1e-9)
        assert objective > top - 1e-6
        held = best.copy()
        held[0] = np.log(value)
        assert objective <= float(payoff.objective(held)[0]) + 1e-9, "the rest was not refitted"
    assert rows[0][2][1] > rows[3][2][1], "a slower growth needs a larger beginning"


def test_a_profile_without_the_prior_lets_the_data_speak_alone(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES], [series(0.2, noise=0.05, seed=4)])
    best, _ = climb(payoff, payoff.space.scatter(1, seed=1))
    with_, without = (profile(payoff, "growth rate", [0.15, 0.3], best, without_prior=flag) for flag in (False, True))
    for one, other in zip(with_, without, strict=True):
        assert one[1] - other[1] == pytest.approx(0.5 * np.log(one[0] / 0.1) ** 2, rel=1e-9)


def test_a_profile_of_something_that_is_not_free_is_an_error(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [RATES], [series(0.2)])
    with pytest.raises(InputError, match="growth rate"):
        profile(payoff, "growth rat", [0.1], payoff.space.centre)


# ---- whole calibrations ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Targets:
    """New-energy vehicles with one partial step, three series and the effect: small enough for a test."""
    targets = load_targets("nev")
    keep = {"pack cost given production"}
    free = {n: targets.free[n] for n in ("doing learning rate", "reference component cost", "cost sensitivity")}
    return targets.model_copy(
        update={
            "free": free, "partial": tuple(s for s in targets.partial if s.name in keep), "starts": 2,
            "series": tuple(s for s in targets.series if s.name in {"NEV sales", "battery pack price", "range"}),
        }
    )  # fmt: skip


def test_everything_that_a_partial_step_frees_is_free_with_all_loops_closed() -> None:
    for case in ("pv", "nev"):
        targets = load_targets(case)
        names = set(targets.free) | {name for step in targets.partial for name in step.free}
        assert set(joint_priors(targets)) == names
        payoff = closed_payoff(load_case(case), targets)
        assert len(payoff.coordinates) == len(names)
        assert np.isfinite(payoff.objective(payoff.space.centre)).all()


def test_a_calibration_finds_a_mode_and_holds_the_response_at_both_ends_of_its_interval(small: Targets) -> None:
    case, said = load_case("nev"), []
    mode = find_mode(case, small, progress=said.append)
    assert [name for name, _ in mode.partial] == [step.name for step in small.partial]
    assert len(mode.starts) == 2
    assert float(mode.payoff.objective(mode.best)[0]) == min(s.objective_after for s in mode.starts)

    calibration = concluded(mode)
    assert [v.name for v in calibration.variants] == ["central", "low", "high"]
    response = next(e for e in calibration.closed.estimates if e.name == "cost sensitivity")
    assert [v.response for v in calibration.variants] == [response.value, response.low, response.high]
    assert set(calibration.closed.effects) == {one.name for one in small.effects}
    assert {s.name for s in calibration.closed.series} == {s.name for s in small.series}
    assert all(e.low <= e.value <= e.high and e.interval == "approximate 90%" for e in calibration.closed.estimates)
    assert all(v.objective >= calibration.closed.objective - 1e-6 for v in calibration.variants)

    known = {e.name: Interval(e.value, 0.9 * e.value, 1.2 * e.value, 0.5, 1.0, 900, 900) for e in
             calibration.closed.estimates}  # fmt: skip
    sampled = concluded(mode, known)
    assert all(e.interval == "90% of the posterior" and e.learned == 0.5 for e in sampled.closed.estimates)
    assert [v.response for v in sampled.variants[1:]] == [0.9 * response.value, 1.2 * response.value]


@pytest.mark.slow
def test_a_calibration_repeats_to_the_bit_whatever_was_accepted_before(small: Targets) -> None:
    case = load_case("nev")
    mode = find_mode(case, small)
    moved = replace(case, model=case.model.with_constants({"doing learning rate": 0.1}))
    assert find_mode(moved, small).best.tobytes() == mode.best.tobytes()
    assert concluded(find_mode(case, small)).values == concluded(mode).values


def test_a_prior_centred_outside_the_bounds_of_its_parameter_is_refused() -> None:
    case = load_case("nev")
    prior = Prior(shape="normal", centre=0.9, spread=0.1, source="test")
    with pytest.raises(InputError, match=r"nev: prior of 'doing learning rate' is centred at 0\.9 .*, outside 0"):
        coordinates(case, {"doing learning rate": prior})


def test_a_parameter_that_is_free_in_two_spellings_is_refused() -> None:
    prior = Prior(shape="normal", centre=0.1, spread=0.1, source="test")
    with pytest.raises(InputError, match="'doing learning rate' is free twice"):
        coordinates(load_case("nev"), {"doing learning rate": prior, "Doing_Learning_Rate": prior})


def test_a_fit_depends_on_the_tables_that_its_targets_name_and_on_deflators(tmp_path) -> None:
    own = tmp_path / "mine.csv"
    own.write_text("x")
    data = {"series": [{"sources": [{"table": "mine"}, {"table": "photovoltaics"}]}], "case": "pv"}
    assert tables_named(data, tmp_path) == {own, DATA / "photovoltaics.csv"}
    file = TARGETS / "pv.toml"
    assert DATA / "photovoltaics.csv" in tables_named(read_toml(file), file.parent)
    assert not {DATA / "mrna_vaccines.csv", DATA / "integrated_circuits.csv"} & tables_named(
        read_toml(file), file.parent
    )
