"""Random numbers have the distributions they are named for, and the same seed gives the same numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from stockflow_helpers import loaded, written

import stockflow
from stockflow import InputError

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
    waited= RANDOM GAMMA(0, 99, 2.5, 1, 3, 5) ~ Dmnl
    late= RANDOM GAMMA(0.2, 1, 0.4, 0, 1, 5) ~ Dmnl
    part= RANDOM BETA(-9, 9, 0.5, 2, 1, 4, 5) ~ Dmnl
    life= RANDOM WEIBULL(1, 4, 2, 0, 2, 5) ~ Dmnl
    tried= RANDOM NEGATIVE BINOMIAL(0, 90, 0.3, 2, 0, 1, 5) ~ Dmnl
    density((0,0),(1,2),(1.5,0),(2,0),(3,1)) ~ Dmnl
    any= RANDOM LOOKUP(density, 1.25, 5, 1, 2, 0) ~ Dmnl
    pink= RANDOM PINK NOISE(3, 2, 1, 5) ~ Dmnl
    quick= RANDOM PINK NOISE(0, 1, 0.01, 5) ~ Dmnl
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
        ("waited", stats.gamma(2.5, loc=1, scale=3 / 2.5)),
        ("part", stats.beta(0.5, 2, loc=1, scale=4)),
        ("pink", stats.norm(3, 2)),
        ("quick", stats.norm(0, 1)),
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
        ("tried", np.arange(2.0, 91.0), stats.nbinom(2, 0.3).pmf(np.arange(89))),
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


def between(law, low: float, high: float):
    """Return the share below each value of what a distribution has between two ends."""
    start, whole = law.cdf(low), law.cdf(high) - law.cdf(low)
    return lambda x: np.clip((law.cdf(x) - start) / whole, 0, 1)


@pytest.mark.parametrize(
    ("name", "law", "low", "high"),
    [
        ("late", stats.gamma(0.4, scale=2.5), 0.2, 1),
        ("life", stats.weibull_min(2, scale=2 / math.gamma(1.5)), 1, 4),
    ],
)
def test_what_is_left_of_a_distribution_has_its_shape(model: stockflow.Model, name: str, law, low, high) -> None:
    drawn = sample(model, name)
    assert stats.kstest(drawn, between(law, low, high)).pvalue > 1e-3
    assert low <= drawn.min() < drawn.max() <= high


def test_a_lookup_is_the_density_of_a_number(model: stockflow.Model) -> None:
    xs, ys = np.array([0, 1, 1.5, 2, 3.0]), np.array([0, 2, 0, 0, 1.0])
    reached = np.concatenate([[0.0], np.cumsum((ys[1:] + ys[:-1]) / 2 * np.diff(xs))])

    def below(x: np.ndarray) -> np.ndarray:
        at = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
        slope = (ys[at + 1] - ys[at]) / (xs[at + 1] - xs[at])
        return reached[at] + (x - xs[at]) * (ys[at] + slope * (x - xs[at]) / 2)

    low, high = below(np.array([0.125, 2.0]))
    drawn = sample(model, "any")
    assert stats.kstest((drawn - 1) / 2, lambda x: (below(x) - low) / (high - low)).pvalue > 1e-3
    assert 1.25 <= drawn.min() < drawn.max() <= 5.0


@pytest.mark.parametrize(("method", "step"), [("Euler", 0.25), ("RK4", 0.25), ("Euler", 0.125)])
def test_pink_noise_stays_alike_for_its_time(tmp_path, method, step: float) -> None:
    model = loaded(tmp_path, "pink= RANDOM PINK NOISE(3, 2, 1, 5) ~ Dmnl", step=step, final=2.0, save=step)
    pink = model.simulator([], ["pink"], method=method)(np.zeros((RUNS, 0)))
    drawn = pink[:, :, 0] - 3
    last = drawn.shape[1] - 1
    assert stats.kstest(drawn[:, last], stats.norm(0, 2).cdf).pvalue > 1e-3
    for apart in (1, 4):
        alike = np.corrcoef(drawn[:, last], drawn[:, last - apart])[0, 1]
        assert abs(alike - (1 - step) ** apart) < 0.05


STELLA = [
    ("NORMAL(3, 2)", stats.norm(3, 2), -math.inf, math.inf),
    ("NORMAL(3, 2, 7, 2)", stats.norm(3, 2), 2, math.inf),
    ("NORMAL(3, 2, 7, NAN, 4)", stats.norm(3, 2), -math.inf, 4),
    ("LOGNORMAL(1, 0.5, 7, 0, 4)", stats.lognorm(0.5, scale=math.e), 0, 4),
    ("LOGISTIC(1, 2, 7, -3, 3)", stats.logistic(1, 2), -3, 3),
    ("PARETO(3, 2, 7, 1, 5)", stats.pareto(3, scale=2), 1, 5),
    ("WEIBULL(2, 3, 7, 1)", stats.weibull_min(2, scale=3), 1, math.inf),
    ("EXPRND(2 + 0*TIME, 7, 1, 3)", stats.expon(scale=2), 1, 3),
    ("TRIANGULAR(1, 2, 4)", stats.triang(1 / 3, loc=1, scale=3), 1, 4),
    ("TRIANGULAR(1, 2, 4, 7, 1.5)", stats.triang(1 / 3, loc=1, scale=3), 1.5, 4),
    ("BETA(2, 3)", stats.beta(2, 3), 0, 1),
    ("GAMMA(2, 3, 7, NAN, 9)", stats.gamma(2, scale=3), 0, 9),
    ("NORMALPINK(1, 2, 4)", stats.norm(1, 2), -math.inf, math.inf),
]


def stella(folder: Path, equation: str) -> np.ndarray:
    return stella_model(folder, equation).simulator([], ["y"])(np.zeros((RUNS, 0)))[:, 3, 0]


@pytest.fixture(scope="module")
def counting(tmp_path_factory) -> stockflow.Model:
    more = "</eqn></aux><aux name='mean'><eqn>4</eqn></aux><aux name='grown'><eqn>mean + 2*TIME"
    return stella_model(tmp_path_factory.mktemp("counting"), f"POISSON(grown){more}")


def stella_model(folder: Path, equation: str) -> stockflow.Model:
    path = folder / "model.xmile"
    path.write_text(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><sim_specs><start>0</start>'
        f"<stop>2</stop><dt>0.5</dt></sim_specs><model><variables><aux name='y'><eqn>{equation}</eqn></aux>"
        "</variables></model></xmile>"
    )
    return stockflow.load(path)


@pytest.mark.parametrize(("equation", "law", "low", "high"), STELLA, ids=[one[0] for one in STELLA])
def test_numbers_of_stella_follow_their_distribution(tmp_path, equation: str, law, low: float, high: float) -> None:
    drawn = stella(tmp_path, equation)
    assert stats.kstest(drawn, between(law, low, high)).pvalue > 1e-3
    assert low <= drawn.min() < drawn.max() <= high


@pytest.mark.parametrize(
    ("equation", "law", "values"),
    [
        ("POISSON(3)", stats.poisson(3), np.arange(12)),
        ("POISSON(3, 7, 1, 4)", stats.poisson(3), np.arange(1, 5)),
        ("BINOMIAL(5, 0.3)", stats.binom(5, 0.3), np.arange(6)),
        ("MONTECARLO(50)", stats.bernoulli(0.25), np.arange(2)),
    ],
)
def test_counts_of_stella_come_as_often_as_they_should(tmp_path, equation: str, law, values: np.ndarray) -> None:
    drawn = stella(tmp_path, equation)
    expected = law.pmf(values) / law.pmf(values).sum()
    found = np.array([(drawn == one).mean() for one in values])
    assert set(drawn) <= set(values)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / RUNS))


@pytest.mark.parametrize("mean", [0.0, 0.37, 1.0, 5.5, 46.0, 300.25, 1023.9])
def test_a_poisson_number_may_have_a_mean_that_changes(counting: stockflow.Model, mean: float) -> None:
    drawn = counting.simulator(["mean"], ["y"])(np.full((RUNS, 1), mean - 1.0))[:, 1, 0]
    assert drawn.min() >= 0
    assert (drawn == np.floor(drawn)).all()
    assert abs(drawn.mean() - mean) <= 4 * np.sqrt(mean / RUNS)
    # between counts a number is spread evenly, which makes the distribution a continuous one
    spread = drawn + np.random.default_rng(1).uniform(size=RUNS)
    law = stats.poisson(mean) if mean else stats.poisson(1e-300)
    share = law.cdf(np.floor(spread) - 1) + law.pmf(np.floor(spread)) * (spread % 1)
    assert stats.kstest(share, "uniform").pvalue > 1e-3


def test_a_mean_out_of_bounds_gives_no_number(counting: stockflow.Model) -> None:
    found = counting.simulator(["mean"], ["y"])(np.array([[-1.5], [1023.5]]))[:, 1, 0]
    assert np.isnan(found).all()


FAR = [
    ("NORMAL(40, 60, 0, 1, 1)", stats.norm(), 40, 60),
    ("NORMAL(-12, -10, 0, 1, 1)", stats.norm(), -12, -10),
    ("NORMAL(10, 10.05, 0, 1, 1)", stats.norm(), 10, 10.05),
    ("NORMAL(-60, -35+0*Time, 0, 1, 1)", stats.norm(), -60, -35),
    ("EXPONENTIAL(40, 41, 0, 1, 1)", stats.expon(), 40, 41),
    ("WEIBULL(30, 50, 2, 0, 1, 1)", stats.weibull_min(2, scale=1 / math.gamma(1.5)), 30, 50),
    ("GAMMA(30, 40, 2, 0, 1, 1)", stats.gamma(2, scale=0.5), 30, 40),
    ("BETA(0.9999, 2, 1, 5, 0, 1, 1)", stats.beta(1, 5), 0.9999, 1),
]


@pytest.mark.parametrize(("equation", "law", "low", "high"), FAR, ids=[one[0] for one in FAR])
def test_the_tail_of_a_distribution_has_its_shape_however_far_out(tmp_path, equation, law, low, high) -> None:
    drawn = sample(loaded(tmp_path, f"y= RANDOM {equation} ~ Dmnl", final=1.0), "y")
    assert low <= drawn.min() < drawn.max() <= high
    assert len(set(drawn)) > 0.99 * RUNS

    def below(x: np.ndarray) -> np.ndarray:
        side, sign = (law.logsf, 1.0) if low > 0 else (law.logcdf, -1.0)
        near, far = (low, high) if low > 0 else (high, low)
        share = np.expm1(side(x) - side(near)) / np.expm1(side(far) - side(near))
        return share if sign > 0 else 1.0 - share

    assert stats.kstest(drawn, below).pvalue > 1e-3


@pytest.mark.parametrize(
    ("equation", "law", "low", "high"),
    [
        ("LOGISTIC(0, 1, 7, 40, 50)", stats.expon(40), 40, 50),
        ("LOGNORMAL(0, 1, 7, 1e10, 1e11)", stats.lognorm(1), 1e10, 1e11),
        ("PARETO(2, 1, 7, 1e17, 1e18)", stats.pareto(2, scale=1e17), 1e17, 1e18),
        ("EXPRND(1, 7, 400, 500)", stats.expon(400), 400, 500),
    ],
)
def test_so_have_those_of_stella(tmp_path, equation: str, law, low: float, high: float) -> None:
    drawn = stella(tmp_path, equation)
    assert low <= drawn.min() < drawn.max() <= high
    start, end = law.sf([low, high])
    assert stats.kstest(drawn, lambda x: (start - law.sf(x)) / (start - end)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("equation", "failing"),
    [
        ("RANDOM NORMAL(a, b, 0, 1, 1)", [(1, -1)]),
        ("RANDOM NORMAL(-1, 1, a, b, 1)", [(0, -1)]),
        ("RANDOM EXPONENTIAL(a, b, 0, 1, 1)", [(2, 1), (-2, -1)]),
        ("RANDOM WEIBULL(0, 9, 2, a, b, 1)", [(0, -1), (10, 1)]),
        ("RANDOM TRIANGULAR(0, 9, 1, a, b, 1)", [(5, 3), (0, 3)]),
    ],
)
def test_what_becomes_no_distribution_in_a_run_gives_no_number(tmp_path, equation: str, failing) -> None:
    model = loaded(tmp_path, f"a= 1 ~ Dmnl\nb= 2 ~ Dmnl\ny= {equation} ~ Dmnl")
    found = model.simulator(["a", "b"], ["y"])(np.array([(1, 2), *failing], dtype=float))[:, :, 0]
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("deviation", ["sd", "0"])
def test_without_spread_a_normal_number_is_its_mean(tmp_path, deviation: str) -> None:
    model = loaded(tmp_path, f"sd= 0 ~ Dmnl\ny= RANDOM NORMAL(-1, 1, 0.5, {deviation}, 1) ~ Dmnl")
    assert set(model.run()["y"].values) == {0.5}


@pytest.mark.parametrize(
    ("law", "equation"),
    [
        (stats.gamma(0.2, scale=5.0), "RANDOM GAMMA(0, 9, 0.2, 0, 1, 1)"),
        (stats.gamma(30, scale=1 / 30), "RANDOM GAMMA(0, 9, 30, 0, 1, 1)"),
        (stats.beta(0.3, 0.6), "RANDOM BETA(0, 1, 0.3, 0.6, 0, 1, 1)"),
    ],
)
def test_a_table_of_quantiles_is_right_to_a_ten_thousandth(tmp_path, law, equation: str) -> None:
    model = loaded(tmp_path, f"y= {equation} ~ Dmnl", step=1.0, final=1.0, save=1.0)
    (table,) = (one.expression.table for one in model.equations.variables.values() if one.name == "y")
    normal = np.linspace(-5, 5, 20001)
    share = law.cdf(9) * stats.norm.cdf(normal)
    assert np.abs(np.interp(normal, table.xs, table.ys) - law.ppf(share)).max() < 1e-4 * law.std()


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("RANDOM GAMMA(0, 9, 0, 0, 1, 1)", "RANDOM GAMMA: order of RANDOM GAMMA is 0 (order above 0) in 'y'"),
        ("RANDOM BETA(2, 1, 1, 1, 0, 1, 1)", "RANDOM BETA: min 2 is not below max 1 (min < max) in 'y'"),
        ("RANDOM BETA(2, 3, 1, 1, 0, 1, 1)", "RANDOM BETA with nothing between its ends in 'y'"),
        ("RANDOM WEIBULL(0, 9, 1e-9, 0, 1, 1)", "RANDOM WEIBULL with a shape that is no number of the file from 0.01"),
        ("RANDOM BINOMIAL(0, 9, 0.5, 1e308*10, 0, 1, 1)", "N of RANDOM BINOMIAL is inf (a finite number) in 'y'"),
        ("RANDOM POISSON(0, 9, 1e308*10, 0, 1, 1)", "mean of counts of RANDOM POISSON is inf (a finite number) in 'y'"),
        ("RANDOM NEGATIVE BINOMIAL(0, 9, 1e-6, 2, 0, 1, 1)", "of more than 3000 different numbers in 'y'"),
        ("RANDOM NEGATIVE BINOMIAL(0, 9, 1e-300, 2, 0, 1, 1)", "NEGATIVE BINOMIAL counts to 2e+300 (at most 1e+09)"),
        ("RANDOM NEGATIVE BINOMIAL(0, 9, 0.5, 1e300, 0, 1, 1)", "NEGATIVE BINOMIAL counts to 2e+300 (at most 1e+09)"),
        ("RANDOM BINOMIAL(0, 9, 0.5, 1e300, 0, 1, 1)", "RANDOM BINOMIAL counts to 1e+300 (at most 1e+09) in 'y'"),
        ("RANDOM POISSON(0, 1e308, 1e308, 0, 1, 1)", "RANDOM POISSON counts to 1e+308 (at most 1e+09) in 'y'"),
        ("RANDOM GAMMA(0, 9, 2, 0/0, 1, 1)", "shift of RANDOM GAMMA is nan (a finite number) in 'y'"),
        ("RANDOM NORMAL(5, 1, 0, 1, 1)", "RANDOM NORMAL: min 5 is not below max 1 (min < max) in 'y'"),
        ("RANDOM TRIANGULAR(0, 9, 7, 3, 1, 1)", "start, peak and stop are not in order (start <= peak <= stop"),
        ("RANDOM TRIANGULAR(0, 1, 5, 6, 7, 1)", "RANDOM TRIANGULAR with nothing between its ends in 'y'"),
        ("RANDOM EXPONENTIAL(-5, -1, 0, 1, 1)", "RANDOM EXPONENTIAL with nothing between its ends in 'y'"),
        ("RANDOM WEIBULL(0, 50, 1, 0, -1, 1)", "stretch of RANDOM WEIBULL is -1 (stretch above 0) in 'y'"),
        ("RANDOM LOOKUP(f, 7, 9, 0, 1, 1)", "RANDOM LOOKUP with nothing between its ends in 'y'"),
        ("RANDOM LOOKUP(y, 0, 9, 0, 1, 1)", "function of a lookup with what is none in 'y'"),
    ],
)
def test_what_is_no_distribution_is_refused(tmp_path, equation: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        stockflow.load(written(tmp_path, f"f((0,0),(1,1)) ~ Dmnl\ny= {equation} ~ Dmnl"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        ("GEOMETRIC(0.5)", "function GEOMETRIC (whether the trial that succeeds counts is not said in its manual"),
        ("NEGBINOMIAL(3, 0.5)", "function NEGBINOMIAL (whether the trials that succeed count is not said"),
        ("WEIBULL(0, 3)", "WEIBULL: shape of WEIBULL is 0 (shape above 0) in 'y'"),
        ("PARETO(0, 1)", "PARETO: shape of PARETO is 0 (shape above 0) in 'y'"),
        ("EXPRND(-1)", "EXPRND: scale of EXPRND is -1 (scale above 0) in 'y'"),
        ("LOGNORMAL(0, 1, 7, -2, 0)", "LOGNORMAL with nothing between its ends in 'y'"),
        ("POISSON(TIME, 7, 1)", "POISSON of what is not a number of the file in 'y'"),
    ],
)
def test_what_stella_alone_knows_is_refused(tmp_path, equation: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        stella(tmp_path, equation)
    assert message in str(caught.value)


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
