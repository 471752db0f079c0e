"""Random numbers have the distributions they are named for, and the same seed gives the same numbers."""

import numpy as np
import pytest
from scipy import stats
from stockflow_helpers import loaded

import stockflow

RUNS = 4000
EQUATIONS = """
    region: a, b ~ ~
    unit= RANDOM 0 1() ~ Dmnl
    uniform= RANDOM UNIFORM(-2, 5, 3) ~ Dmnl
    again= RANDOM UNIFORM(-2, 5, 3) ~ Dmnl
    cut= RANDOM NORMAL(-1, 3, 1, 2, 7) ~ Dmnl
    wide= RANDOM NORMAL(-1e9, 1e9, 10, 0.5, 7) ~ Dmnl
    hill= RANDOM TRIANGULAR(0.5, 6, 0, 1, 4, 5) ~ Dmnl
    slope= RANDOM TRIANGULAR(-9, 9, 1, 1, 3, 5) ~ Dmnl
    counted= RANDOM POISSON(1, 9, 3, 0, 1, 5) ~ Dmnl
    doubled= RANDOM BINOMIAL(-90, 90, 0.3, 10, 1, 2, 5) ~ Dmnl
    exponential= RANDOM EXPONENTIAL(0, 4, 1, 2, 5) ~ Dmnl
    each[region]= RANDOM UNIFORM(0, 1, 0) ~ Dmnl
    Walk= INTEG(unit-0.5, uniform) ~ Dmnl
    held= SAMPLE IF TRUE(Time >= 1 :AND: Time < 1.2, unit, 0)*1 ~ Dmnl
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> stockflow.Model:
    return loaded(tmp_path_factory.mktemp("random"), EQUATIONS, step=0.25, final=2.0)


def sample(model: stockflow.Model, name: str, moment: int = 3) -> np.ndarray:
    values = np.zeros((RUNS, 0))
    return model.simulator([], [name])(values)[:, moment, 0]


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("unit", stats.uniform(0, 1)),
        ("uniform", stats.uniform(-2, 7)),
        ("cut", stats.truncnorm(-1, 1, loc=1, scale=2)),
        ("wide", stats.norm(10, 0.5)),
        ("slope", stats.triang(0, loc=1, scale=2)),
        ("exponential", stats.truncexpon(1.5, loc=1, scale=2)),
    ],
)
def test_numbers_follow_their_distribution(model: stockflow.Model, name: str, distribution) -> None:
    assert stats.kstest(sample(model, name), distribution.cdf).pvalue > 1e-3
    assert stats.kstest(model.run(until=2.0)[name].values, distribution.cdf).pvalue > 1e-4


def test_a_triangle_is_cut_off_at_both_ends(model: stockflow.Model) -> None:
    whole = stats.triang(0.25, loc=0, scale=4)
    start = whole.cdf(0.5)
    drawn = sample(model, "hill")
    assert stats.kstest(drawn, lambda x: np.clip((whole.cdf(x) - start) / (1 - start), 0, 1)).pvalue > 1e-3
    assert drawn.min() >= 0.5


@pytest.mark.parametrize(
    ("name", "values", "shares"),
    [
        ("counted", np.arange(1.0, 10.0), stats.poisson(3).pmf(np.arange(1, 10))),
        ("doubled", 1 + 2 * np.arange(11.0), stats.binom(10, 0.3).pmf(np.arange(11))),
    ],
)
def test_whole_numbers_come_as_often_as_they_should(model: stockflow.Model, name: str, values, shares) -> None:
    drawn = sample(model, name)
    assert set(drawn) <= set(values)
    expected = RUNS * shares / shares.sum()
    common = expected >= 5
    found = np.array([(drawn == one).sum() for one in values])
    distance = ((found - expected)[common] ** 2 / expected[common]).sum()
    assert stats.chi2(common.sum() - 1).sf(distance) > 1e-3


def test_places_steps_and_runs_draw_independently(model: stockflow.Model) -> None:
    columns = [sample(model, name) for name in ("unit", "uniform", "again", "cut", "each[a]", "each[b]")]
    columns += [sample(model, "unit", moment) for moment in (0, 1, 8)]
    correlations = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlations).max() < 0.08
    assert np.abs(np.corrcoef(columns[0][1:], columns[0][:-1])[0, 1]) < 0.08


def test_a_variable_has_one_number_in_each_step_wherever_it_is_read(model: stockflow.Model) -> None:
    run = model.run()
    walk, unit = run["Walk"].values, run["unit"].values
    np.testing.assert_allclose(np.diff(walk), (unit[:-1] - 0.5) * 0.25, rtol=1e-12)
    assert walk[0] == run["uniform"].values[0]
    assert run["held"].values[-1] == unit[4]


def test_the_same_numbers_come_whatever_the_threads_and_the_number_of_runs(model: stockflow.Model) -> None:
    simulator = model.simulator([], ["unit", "Walk"])
    alone = simulator(np.zeros((37, 0)), threads=1)
    assert simulator(np.zeros((37, 0)), threads=3).tobytes() == alone.tobytes()
    assert simulator(np.zeros((5, 0))).tobytes() == alone[:5].tobytes()
    assert model.simulator([], ["Walk"])(np.zeros((37, 0)))[:, :, 0].tobytes() == alone[:, :, 1].tobytes()


def test_another_seed_gives_other_numbers_and_the_same_seed_the_same(model: stockflow.Model) -> None:
    first, other = (model.runs({}, ["unit"], seed=seed).dataset()["unit"].values for seed in (1, 2))
    assert (model.runs({}, ["unit"], seed=1).dataset()["unit"].values == first).all()
    assert not (first == other).any()
