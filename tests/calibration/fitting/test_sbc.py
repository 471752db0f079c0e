"""What is drawn from the prior is ranked evenly among the posterior's draws, and the check notices when it is not."""

from __future__ import annotations

import numpy as np
import pytest
import simulation_based
from calibration_helpers import EVENT, GAPS_IN_PRICES, RATES, SIZES, growth_model, prices, series, whole_payoff
from scipy.stats import kstest, norm
from simulation_based import Ranks, ranks, simulated

import stockflow
from calibration.fitting.fit import coordinates, drive
from calibration.fitting.payoff import Payoff, fitted_series
from calibration.fitting.targets import Sampling, load_targets
from models.case import load_case
from stockflow.errors import InputError

RULES = Sampling(chains=2, tune=150, draws=252)
KEEP, BINS, LEAST = 63, 8, 0.005  # ranks 0 to 63; a right sampler fails once in 200 times over all coordinates


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    return growth_model(tmp_path_factory.mktemp("models"))


def pack_cost() -> Payoff:
    """The partial step of the NEV calibration that fits pack cost to production taken from data."""
    case, targets = load_case("nev"), load_targets("nev")
    step = next(one for one in targets.partial if one.name == "pack cost given production")
    cut = case.model.with_series({one.variable: drive(one) for one in step.driven})
    observations = [fitted_series(targets.named(name)) for name in step.series]
    return Payoff(cut, coordinates(case, step.free), observations, errors=targets.errors)


def assert_even(found: Ranks) -> None:
    chances = found.chances(BINS)
    print({name: round(chance, 4) for name, chance in chances.items()}, f"divergent {found.divergent:.3%}")
    assert min(chances.values()) > LEAST / len(chances), (chances, found.counts(BINS).tolist())


@pytest.mark.slow
def test_pack_cost_given_production_is_ranked_evenly() -> None:
    assert_even(ranks(pack_cost(), 112, RULES, KEEP, seed=20180418))


@pytest.mark.slow
def test_dates_effects_and_ranges_are_ranked_evenly(growth: stockflow.Model) -> None:
    whole = whole_payoff(growth)
    assert_even(ranks(whole, 112, RULES, KEEP, seed=20180418))


@pytest.mark.slow
def test_errors_twice_as_large_as_the_payoff_takes_them_are_noticed(
    growth: stockflow.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    payoff = Payoff(growth, (RATES,), (prices(GAPS_IN_PRICES, GAPS_IN_PRICES < 0),))
    right = simulation_based.replicated

    def doubled(made: Payoff, x: np.ndarray, seed: int) -> list[np.ndarray]:
        return [
            again**2 / modelled for again, modelled in zip(right(made, x, seed), made.series_values(x), strict=True)
        ]

    monkeypatch.setattr(simulation_based, "replicated", doubled)
    found = ranks(payoff, 96, RULES, KEEP, seed=1)
    assert min(found.chances(BINS).values()) < 1e-4


def test_ranks_lie_between_none_and_all_and_come_from_the_seed(growth: stockflow.Model) -> None:
    payoff, rules, seen = Payoff(growth, (RATES,), (series(),), (EVENT,)), Sampling(tune=50, draws=50), []
    found = ranks(payoff, 3, rules, 25, seed=5, tick=lambda: seen.append(1))
    assert found.names == payoff.space.names
    assert found.ranks.shape == (3, 3)
    assert ((found.ranks >= 0) & (found.ranks <= 25)).all()
    assert len(seen) == 3
    again = ranks(payoff, 2, rules, 25, seed=6)
    assert np.array_equal(again.ranks, found.ranks[1:])
    with pytest.raises(InputError, match="keep is 51, but must be 1 to 50"):
        ranks(payoff, 1, rules, 51, seed=5)


def test_the_chance_of_even_ranks_is_uniform_and_of_uneven_ones_nothing() -> None:
    rng = np.random.default_rng(3)
    chances = [Ranks(("a",), rng.integers(0, 64, (200, 1)), 63, 0.0).chances(8)["a"] for _ in range(300)]
    assert kstest(chances, "uniform").pvalue > 0.01
    too_wide = np.floor(64 * rng.beta(0.5, 0.5, (160, 1))).astype(np.int64)
    too_high = np.floor(64 * rng.beta(1.0, 1.8, (160, 1))).astype(np.int64)
    for uneven in (too_wide, too_high):
        assert Ranks(("a",), uneven, 63, 0.0).chances(8)["a"] < 2e-3
    one = Ranks(("a", "b"), np.array([[0, 63], [7, 8], [63, 32]]), 63, 0.0)
    assert one.counts(8).tolist() == [[2, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0, 0, 1]]
    with pytest.raises(InputError, match="10 bins do not divide the 64 ranks"):
        one.counts(10)


def test_simulated_observations_are_those_of_the_model_with_errors_of_the_stated_kind(growth: stockflow.Model) -> None:
    whole = whole_payoff(growth)
    payoff = Payoff(growth, whole.coordinates, whole.series, whole.events, whole.effects, whole.ranges[:1])
    dated, effects, z = [], [], []
    rng = np.random.default_rng(2)
    for _ in range(120):
        x, made = simulated(payoff, rng)
        assert np.isfinite(made.log_density(x)[0])
        dated.append((made.events[0].year - payoff.events_at(x)["doubled"][0]) / made.events[0].sd)
        effects.append((made.effects[0].value - payoff.effects_at(x)[made.effects[0].name][0]) / made.effects[0].sd)
        first = made.series[0]
        size = np.exp(x[2])
        z.append(np.log(first.values[0] / payoff.series_values(x)[0][0, 0]) / size)
    for values in (dated, effects):
        assert kstest(values, norm.cdf).pvalue > 1e-3
    assert kstest(z, "t", args=(4,)).pvalue > 1e-3
    assert payoff.events[0] is EVENT, "the payoff itself stays"


def test_a_stated_range_holds_back_draws_of_the_prior_that_it_makes_unlikely(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, (RATES, SIZES), (), ranges=whole_payoff(growth).ranges[:1])
    rng = np.random.default_rng(4)
    means = [payoff.ranges_at(simulated(payoff, rng)[0])["mean price"][0] for _ in range(120)]
    free = payoff.ranges_at(payoff.space.prior_draws(2000, 1))["mean price"]
    low, high, width = 5.0, 7.0, 0.3
    weight = norm.cdf((free - low) / width) * norm.cdf((high - free) / width)
    assert np.mean(means) == pytest.approx(np.average(free, weights=weight), abs=4 * np.std(means) / np.sqrt(120))
    assert min(means) > low - 4 * width
    assert max(means) < high + 4 * width


def test_a_prior_that_gives_no_run_to_observe_is_refused(growth: stockflow.Model) -> None:
    nowhere = whole_payoff(growth).ranges[0].model_copy(update={"low": 900.0, "high": 901.0, "width": 0.01})
    with pytest.raises(InputError, match=r"growth\.mdl: no draw of the prior in 1000"):
        simulated(Payoff(growth, (RATES, SIZES), (), ranges=(nowhere,)), np.random.default_rng(1))
