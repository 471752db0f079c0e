"""What a calibration promises: it recovers what made the data, says what it does not know, and refuses nonsense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stockflow
from calibration.fit import climb, covariance, describe_series, scatter
from calibration.payoff import Coordinate, FittedSeries, Payoff, first_crossing
from calibration.targets import EffectTarget, EventTarget, ObservedSource, Prior, SeriesTarget, load_targets
from stockflow.errors import InputError

GROWTH = """{UTF-8}
growth rate= 0.2 ~ 1/Year [0,1] ~ Share added per year; leaves out everything else. |
support= 1 ~ Dmnl [0,1] ~ Half of the growth is due to support while this is one. |
initial size= 2 ~ unit ~ Where the stock starts. |
inflow= Size*growth rate*(0.5+0.5*support) ~ unit/Year ~ Growth. |
Size= INTEG ( inflow, initial size) ~ unit ~ What grows. |
FINAL TIME= 2020 ~ Year ~ End. |
INITIAL TIME= 2000 ~ Year ~ Start. |
SAVEPER= 0.25 ~ Year ~ Save. |
TIME STEP= 0.03125 ~ Year ~ Step. |
"""
SOURCE = ObservedSource(table="t", series="s", region="r", unit="u", first_year=2000, last_year=2019)


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    file = tmp_path_factory.mktemp("models") / "growth.mdl"
    file.write_text(GROWTH, encoding="utf-8")
    return stockflow.load(file)


def series(model: stockflow.Model, truth: dict[str, float], noise: float = 0.0, seed: int = 0) -> FittedSeries:
    run = model.batch(truth, ["Size"], save_period=1.0)["Size"].to_numpy()[0]
    years = np.arange(2000, 2020)
    error = np.random.default_rng(seed).normal(0, noise, len(years)) if noise else np.zeros(len(years))
    target = SeriesTarget(
        name="size", quantity="Size", measure="year end", unit="unit", sigma=0.1, first_year=2000, last_year=2019,
        scope="made by the model itself", sources=(SOURCE,),
    )  # fmt: skip
    return FittedSeries(target, years, run[1:] * np.exp(error), np.full(len(years), 0.1))


def coordinate(name: str, shape: str = "lognormal", centre: float = 0.1, spread: float = 1.0) -> Coordinate:
    return Coordinate(name, Prior(shape=shape, centre=centre, spread=spread, source="test"), 0.001, 0.9)


def test_a_fit_recovers_the_parameter_that_made_the_data(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [coordinate("growth rate", spread=5.0)], [series(growth, {"growth rate": [0.31]})])
    best, starts = climb(payoff, scatter(payoff.coordinates, 4, seed=1))
    assert payoff.outward(best)[0, 0] == pytest.approx(0.31, rel=1e-3)
    assert len(starts) == 4


def test_the_interval_covers_the_truth_about_as_often_as_it_says(growth: stockflow.Model) -> None:
    inside = 0
    for seed in range(40):
        data = series(growth, {"growth rate": [0.25]}, noise=0.1, seed=seed)
        payoff = Payoff(growth, [coordinate("growth rate", spread=5.0)], [data])
        best, _ = climb(payoff, scatter(payoff.coordinates, 1, seed=1))
        sd = np.sqrt(covariance(payoff, best, describe_series([data], payoff.series_values(best)))[0, 0])
        inside += abs(best[0] - np.log(0.25)) < 1.645 * sd
    assert 30 <= inside <= 40, f"{inside} of 40 intervals of nominal 90% cover the truth"


def test_without_data_the_fit_returns_the_prior(growth: stockflow.Model) -> None:
    data = series(growth, {"growth rate": [0.2]})
    blind = FittedSeries(data.target, data.years, data.values, np.full(len(data.years), 1e6))
    payoff = Payoff(growth, [coordinate("growth rate", centre=0.1, spread=0.5)], [blind])
    best, _ = climb(payoff, scatter(payoff.coordinates, 3, seed=2))
    assert payoff.outward(best)[0, 0] == pytest.approx(0.1, rel=1e-4)


def test_a_payoff_call_changes_nothing_and_repeats_to_the_bit(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, [coordinate("growth rate")], [series(growth, {"growth rate": [0.3]})])
    x = np.log(np.array([[0.15], [0.25]]))
    first = payoff.residuals(x)
    payoff.residuals(x[::-1])
    assert np.array_equal(first, payoff.residuals(x))
    assert np.array_equal(first[1:], payoff.residuals(x[1:]))
    assert first.shape == (2, payoff.size)


def test_the_effect_of_support_is_the_share_of_growth_lost_without_it(growth: stockflow.Model) -> None:
    effect = EffectTarget(
        name="e", quantity="Size", first_year=2000, last_year=2010, without={"support": 0.0}, value=0.5, sd=0.1,
        source="test",
    )  # fmt: skip
    payoff = Payoff(growth, [coordinate("growth rate")], [series(growth, {"growth rate": [0.3]})], effects=[effect])
    with_, without = (1 + 0.2 / 32) ** 320 - 1, (1 + 0.1 / 32) ** 320 - 1
    assert payoff.effects_at(np.log([0.2]))["e"] == pytest.approx(1 - without / with_, rel=1e-9)


def test_an_event_is_dated_between_saved_times_and_never_is_infinite(growth: stockflow.Model) -> None:
    event = EventTarget(name="doubled", quantity="Size", level=4.0, year=2005, sd=1.0, source="test")
    payoff = Payoff(growth, [coordinate("growth rate")], [series(growth, {"growth rate": [0.3]})], [event])
    assert payoff.events_at(np.log([0.2]))["doubled"] == pytest.approx(2000 + np.log(2) / 0.2, abs=0.05)
    assert payoff.events_at(np.log([0.001]))["doubled"] == np.inf
    assert np.isfinite(payoff.residuals(np.log([[0.001]]))).all()


def test_first_crossing_interpolates() -> None:
    times = np.array([0.0, 1.0, 2.0])
    assert first_crossing(times, np.array([0.0, 1.0, 3.0]), 2.0) == 1.5
    assert first_crossing(times, np.array([5.0, 1.0, 3.0]), 2.0) == 0.0
    assert first_crossing(times, np.array([0.0, 1.0, 1.5]), 2.0) == np.inf


def test_starts_lie_inside_the_bounds_and_differ(growth: stockflow.Model) -> None:
    coords = [coordinate("growth rate", spread=3.0), coordinate("initial size", "normal", 0.5, 5.0)]
    points = scatter(coords, 20, seed=3)
    low, high = np.array([c.bounds for c in coords]).T
    assert points.shape == (20, 2)
    assert ((points > low) & (points < high)).all()
    assert len(np.unique(points[:, 0])) == 20
    assert np.array_equal(points, scatter(coords, 20, seed=3))


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_the_shipped_targets_keep_to_the_allowed_number_of_free_parameters(case: str) -> None:
    targets = load_targets(case)
    assert len(targets.free) <= {"pv": 12, "nev": 8}[case]
    assert targets.starts >= 20
    assert max(s.last_year for s in targets.series) <= 2023


def edited(tmp_path: Path, old: str, new: str) -> Path:
    import calibration.targets as module

    text = (module.HERE / "nev.toml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "nev.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("spread = 0.05", "spread = -1", "spread"),
        ("sigma = 0.20", "sigma = 0", "sigma"),
        ("last_year = 2023\ncombine", "last_year = 1999\ncombine", "ends before it starts"),
        ('measure = "year end"', 'measure = "weekly"', "measure"),
        ('series = ["battery pack price"]', 'series = ["battery pack prise"]', "unknown targets"),
        ('response = "cost sensitivity"', 'response = "colour"', "not a free parameter"),
        ("starts = 24", "starts = 24\ncolour = 3", "colour"),
        ("starts = 24", "starts = [", "not readable as TOML"),
    ],
)
def test_a_bad_target_file_is_refused_in_one_line_that_names_the_place(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_targets("nev", edited(tmp_path, old, new))
    text = str(caught.value)
    assert text.startswith("nev.toml: ")
    assert says in text
    assert "\n" not in text
