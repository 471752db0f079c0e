"""A sampled posterior: right where it is known, the same from its seed, kept through a kill, believed if it may be."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomlkit
import xarray as xr
from calibration_helpers import (
    EVENT,
    GAPS_IN_PRICES,
    RATES,
    SIZES,
    growth_model,
    prices,
    series,
    shallow,
    stated,
    whole_payoff,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, truncnorm
from simulation_based import observing

import stockflow
from analysis import cli
from calibration.fitting.convergence import Diagnostics, bulk, diagnose, rhat, tail
from calibration.fitting.fit import Mode, closed_payoff
from calibration.fitting.inference_data import Posterior, inference_data, load_posterior, replicated, save, sum_of
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.posterior import (
    Draws,
    intervals,
    joined,
    quantities,
    sample,
    sample_chain,
    starting_point,
)  # fmt: skip
from calibration.fitting.targets import Sampling, Targets, load_targets
from calibration.records.sampling import sampled_posterior, steps_of
from models.case import Case, load_case
from models.home import CALIBRATION
from stockflow.errors import InputError

TINY = Sampling(chains=2, tune=50, draws=50, keep=20)

LONG = Sampling(chains=2, tune=300, draws=1200)
SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def home_again(case: str) -> str:
    return f"run `techcycle calibrate {case} --posterior --accept`"


@pytest.fixture(scope="module")
def az() -> Any:
    """ArviZ, whichever it is: this program needs none, its users read the posteriors with it."""
    with warnings.catch_warnings():  # 0.23 tells whoever imports it of its next version, once a day
        warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
        return pytest.importorskip("arviz")


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    return growth_model(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def payoff(growth: stockflow.Model) -> Payoff:
    return Payoff(growth, (RATES, SIZES), (series(0.2, noise=0.1, seed=3),), (EVENT,))


def assert_quantiles(draws: np.ndarray, quantiles: np.ndarray) -> None:
    """Shares of draws (chain, draw) below quantiles are SHARES, within 4 standard errors of so many effective draws."""
    below = (draws[..., None] < quantiles).mean(axis=(0, 1))
    effective = min(bulk(draws), tail(draws))
    assert effective > 300
    assert (np.abs(below - SHARES) < 4 * np.sqrt(SHARES * (1 - SHARES) / effective)).all(), below


# ---- known posteriors ------------------------------------------------------------------------------------------------


def test_without_data_the_draws_have_the_quantiles_of_the_prior(growth: stockflow.Model, tmp_path: Path) -> None:
    blank = Payoff(growth, (RATES, SIZES), ())
    draws = sample(blank, blank.space.centre, LONG, 1, tmp_path, "d").coordinates
    ends = (np.log([0.001, 0.9]) - np.log(0.1)) / 1.0
    assert_quantiles(draws[..., 0], truncnorm(*ends, loc=np.log(0.1)).ppf(SHARES))
    assert_quantiles(draws[..., 1], truncnorm(-1.9, 7.0, loc=2.0).ppf(SHARES))


def test_one_parameter_and_a_date_have_the_posterior_of_a_sum_over_a_grid(
    growth: stockflow.Model, tmp_path: Path
) -> None:
    dated = Payoff(growth, (RATES,), (), (EVENT,))
    grid = np.linspace(*(bound[0] for bound in dated.space.bounds), 4001)[1:-1, None]
    weight = np.exp(dated.log_density(grid) - dated.log_density(grid).max())
    quantiles = np.interp(SHARES, np.cumsum(weight) / weight.sum(), grid[:, 0])
    assert_quantiles(sample(dated, dated.space.centre, LONG, 2, tmp_path, "d").coordinates[..., 0], quantiles)


@pytest.mark.slow
def test_a_series_with_errors_of_unknown_size_and_persistence_has_the_posterior_of_a_sum_over_a_grid(
    growth: stockflow.Model, tmp_path: Path
) -> None:
    short = Payoff(growth, (RATES,), (prices(GAPS_IN_PRICES, GAPS_IN_PRICES > 2004),))
    cells = [np.linspace(*ends, count + 1) for *ends, count in zip(*short.space.bounds, (120, 60, 24), strict=True)]
    axes = [(edges[1:] + edges[:-1]) / 2 for edges in cells]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    density = short.log_density(mesh.reshape(-1, 3)).reshape(mesh.shape[:-1])
    weight = np.exp(density - density.max())
    draws = sample(short, short.space.centre, LONG, 3, tmp_path, "d").coordinates
    for i in range(3):
        marginal = weight.sum(axis=tuple(j for j in range(3) if j != i))
        reached = np.concatenate([[0], np.cumsum(marginal) / marginal.sum()])
        assert_quantiles(draws[..., i], np.interp(SHARES, reached, cells[i]))


def test_intervals_are_the_quantiles_of_the_draws_in_natural_units(payoff: Payoff) -> None:
    draws = Draws(np.stack([payoff.space.prior_draws(400, k) for k in (1, 2)]), np.zeros((2, 400), bool),
                  np.ones((2, 400), np.int64))  # fmt: skip
    values = quantities(payoff, draws)
    assert list(values) == ["growth rate", "initial size", "error of size", "persistence of size", "doubled"]
    assert all(v.shape == (2, 400) for v in values.values())
    np.testing.assert_allclose(values["growth rate"], np.exp(draws.coordinates[..., 0]))
    found = intervals(payoff, draws, diagnose(values, draws.diverging))
    rate = found["growth rate"]
    assert (rate.low, rate.median, rate.high) == tuple(np.quantile(values["growth rate"], [0.05, 0.5, 0.95]))
    assert rate.learned == pytest.approx(1 - draws.flat[:, 0].std() / 1.0)
    assert found["doubled"].learned == 0.0


def test_bounds_that_cut_a_prior_count_as_learned_though_no_data_spoke(growth: stockflow.Model) -> None:
    found = []
    for rates in (RATES, replace(RATES, low=0.9 * RATES.prior.centre, high=1.1 * RATES.prior.centre)):
        blank = Payoff(growth, (rates, SIZES), ())
        prior = blank.space.prior_draws(800, 1)[None]
        draws = Draws(prior, np.zeros((1, 800), bool), np.ones((1, 800), np.int64))
        found.append(intervals(blank, draws, diagnose(quantities(blank, draws), draws.diverging))[rates.name].learned)
    assert found[0] < 0.3
    assert found[1] > 0.9


# ---- repeating and going on ------------------------------------------------------------------------------------------


def test_draws_come_from_the_seed_to_the_bit_whatever_the_number_of_threads(
    payoff: Payoff, chains: tuple[Draws, Path], tmp_path: Path
) -> None:
    one = chains[0]
    three = sample(payoff, payoff.space.centre, TINY, 7, tmp_path / "b", "d", workers=3)
    other = sample(payoff, payoff.space.centre, TINY, 8, tmp_path / "c", "d")
    assert one.coordinates.shape == (2, 50, 4)
    assert one.coordinates.tobytes() == three.coordinates.tobytes()
    assert one.steps.tobytes() == three.steps.tobytes()
    assert not np.array_equal(one.coordinates, other.coordinates)
    assert len({one.coordinates[k].tobytes() for k in range(2)}) == 2, "chains must differ"


@pytest.fixture(scope="module")
def chains(payoff: Payoff, tmp_path_factory: pytest.TempPathFactory) -> tuple[Draws, Path]:
    """Two finished chains, to be copied."""
    folder = tmp_path_factory.mktemp("chains")
    return sample(payoff, payoff.space.centre, TINY, 7, folder, "d", workers=1), folder


def test_finished_chains_are_taken_and_only_the_others_sampled(
    payoff: Payoff, chains: tuple[Draws, Path], tmp_path: Path
) -> None:
    whole = chains[0]
    shutil.copytree(chains[1], tmp_path, dirs_exist_ok=True)
    kept = {k: (tmp_path / f"chain_{k}.npz").stat().st_mtime_ns for k in range(2)}
    (tmp_path / "chain_1.npz").unlink()
    ticks: list[int] = []
    again = sample(payoff, payoff.space.centre, TINY, 7, tmp_path, "d", lambda: ticks.append(1))
    assert again.coordinates.tobytes() == whole.coordinates.tobytes()
    assert (tmp_path / "chain_0.npz").stat().st_mtime_ns == kept[0]
    assert len(ticks) == pytest.approx(2 * (TINY.tune + TINY.draws), abs=5), "the bar counts all chains"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["chain_0.npz", "chain_1.npz"]


SCRIPT = """
import sys
from pathlib import Path
from calibration_helpers import EVENT, RATES, SIZES, growth_model, series
from calibration.fitting.payoff import Payoff
from calibration.fitting.posterior import sample
from calibration.fitting.targets import Sampling
folder = Path(sys.argv[1])
payoff = Payoff(growth_model(folder), (RATES, SIZES), (series(0.2, noise=0.1, seed=3),), (EVENT,))
sample(payoff, payoff.space.centre, Sampling(chains=2, tune=50, draws=100), 7, folder / "chains", "d", workers=1)
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_chains_it_lacks_and_ends_with_the_same_draws(
    payoff: Payoff, tmp_path: Path
) -> None:
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(root), str(root / "tests" / "helpers")])
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=root, env={**os.environ, "PYTHONPATH": paths}
    )
    first, last = (tmp_path / "chains" / f"chain_{k}.npz" for k in (0, 1))
    deadline = time.monotonic() + 60
    while not first.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    run.kill()
    assert run.wait() != 0, "the run ended before it could be killed"
    assert first.exists()
    assert not last.exists()
    rules, before = Sampling(chains=2, tune=50, draws=100), first.stat().st_mtime_ns
    resumed = sample(payoff, payoff.space.centre, rules, 7, tmp_path / "chains", "d")
    assert first.stat().st_mtime_ns == before
    whole = sample(payoff, payoff.space.centre, rules, 7, tmp_path / "whole", "d")
    assert resumed.coordinates.tobytes() == whole.coordinates.tobytes()


def test_a_chain_of_something_else_is_refused_by_name_and_left_alone(
    payoff: Payoff, chains: tuple[Draws, Path], tmp_path: Path
) -> None:
    shutil.copytree(chains[1], tmp_path, dirs_exist_ok=True)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"chain_0\.npz: belongs to another model.*it says d, this is two"):
        sample(payoff, payoff.space.centre, TINY, 7, tmp_path, "two")
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "bit", "folder"])
def test_a_damaged_chain_is_refused_by_name_and_left_alone(
    payoff: Payoff, chains: tuple[Draws, Path], tmp_path: Path, damage: str
) -> None:
    shutil.copytree(chains[1], tmp_path, dirs_exist_ok=True)
    file = tmp_path / "chain_1.npz"
    good = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 16]) + good[middle + 1 :]
        file.write_bytes({"empty": b"", "cut": good[:middle], "text": b"not a chain", "bit": flipped}[damage])
        good = file.read_bytes()
    with pytest.raises(InputError, match=r"chain_1\.npz: not a finished chain .*; remove it to sample it again"):
        sample(payoff, payoff.space.centre, TINY, 7, tmp_path, "d")
    assert file.is_dir() or file.read_bytes() == good


def test_whatever_bit_of_a_chain_is_flipped_it_is_refused_or_reads_the_same(payoff: Payoff, tmp_path: Path) -> None:
    from calibration.fitting.posterior import _read, _write

    chain = Draws(payoff.space.prior_draws(50, 1)[None], np.zeros((1, 50), bool), np.ones((1, 50), np.int64))
    file = tmp_path / "chain_0.npz"
    _write(file, chain, "d")
    good, rng, refused = file.read_bytes(), np.random.default_rng(0), 0
    for place in rng.integers(0, len(good), 400):
        file.write_bytes(good[:place] + bytes([good[place] ^ (1 << rng.integers(8))]) + good[place + 1 :])
        try:
            assert _read(file, "d").coordinates.tobytes() == chain.coordinates.tobytes()
        except InputError:
            refused += 1
    assert refused > 300


# ---- where the density is undefined ----------------------------------------------------------------------------------


def test_a_sampler_turns_back_from_runs_that_are_undefined(growth: stockflow.Model) -> None:
    watched = stated("r", quantity="logarithm of room", first_year=2017, last_year=2018, high=9.0)
    edge = Payoff(growth, (RATES,), (), ranges=(watched,))
    assert edge.log_density(edge.space.bounds[1])[0] == -np.inf
    draws = sample_chain(edge, edge.space.centre, Sampling(chains=2, tune=200, draws=300), 1, 0)
    assert np.isfinite(edge.log_density(draws.flat)).all()
    assert draws.flat[:, 0].max() > np.log(0.25), "the edge lies near 0.33"


def test_a_start_is_refused_where_no_run_can_be_compared(growth: stockflow.Model) -> None:
    late = np.array([2018, 2019])
    lost = FittedSeries(
        series(years=late).target.model_copy(update={"quantity": "logarithm of room"}),
        late,
        np.ones(2),
        np.full(2, 0.1),
    )
    payoff = Payoff(growth, (replace(RATES, low=0.5, prior=RATES.prior.model_copy(update={"centre": 0.7})),), (lost,))
    with pytest.raises(InputError, match=r"growth\.mdl: no run near the best point can be compared"):
        starting_point(payoff, payoff.space.centre, Sampling(), 1, 0)


@pytest.mark.parametrize("inside", [0.02, 1e-6])
def test_starts_of_chains_differ_and_lie_inside_even_for_a_mode_at_its_bound(payoff: Payoff, inside: float) -> None:
    low, high = payoff.space.bounds
    rules, mode = Sampling(inside=inside, jitter=0.1), np.r_[high[0], payoff.space.centre[1:]]
    points = [starting_point(payoff, mode, rules, 1, chain) for chain in range(3)]
    assert all(np.isfinite(payoff.on_the_line(point)[0]) for point in points)
    assert len({point.tobytes() for point in points}) == 3
    found = payoff.space.from_line(np.array(points))
    assert (found < high).all()
    assert found[:, 0] == pytest.approx(high[0] - inside * (high[0] - low[0]), abs=inside * (high[0] - low[0]))


def test_starts_lie_as_near_to_the_mode_as_the_rules_say(payoff: Payoff) -> None:
    mode = payoff.space.centre
    near, far = (
        payoff.space.to_line(mode) - [starting_point(payoff, mode, Sampling(jitter=one), 1, 0)] for one in (0.1, 0.3)
    )
    assert far == pytest.approx(3 * near)


# ---- diagnostics -----------------------------------------------------------------------------------------------------


def walks(rng: np.random.Generator, chains: int, draws: int, kept: float) -> np.ndarray:
    """Chains (chain, draw) that keep a share of where they were at each step."""
    x = rng.normal(size=(chains, draws))
    for k in range(1, draws):
        x[:, k] += kept * x[:, k - 1]
    return x


@pytest.mark.parametrize("kept", [-0.9, -0.3, 0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("shape", [(2, 4), (2, 5), (3, 51), (4, 500), (4, 1001)])
@pytest.mark.parametrize("form", ["normal", "skewed", "rounded", "apart"])
def test_diagnostics_are_those_of_arviz(az: Any, kept: float, shape: tuple[int, int], form: str) -> None:
    drawn = walks(np.random.default_rng(0), *shape, kept)
    x = {
        "normal": drawn, "skewed": np.exp(drawn), "rounded": np.round(drawn),
        "apart": drawn + np.arange(shape[0])[:, None],
    }[form]  # fmt: skip
    np.testing.assert_allclose(rhat(x), float(az.rhat(x)), rtol=1e-8)
    np.testing.assert_allclose(bulk(x), float(az.ess(x, method="bulk")), rtol=1e-8)
    np.testing.assert_allclose(tail(x), float(az.ess(x, method="tail", prob=(0.05, 0.95))), rtol=1e-8)


def test_chains_that_wander_or_stand_apart_break_the_rules_by_name() -> None:
    rng = np.random.default_rng(0)
    good, lazy = rng.normal(size=(4, 500)), np.cumsum(rng.normal(size=(4, 500)), axis=1)
    apart = rng.normal(size=(4, 500)) + np.arange(4)[:, None]
    diverging = np.zeros((4, 500), bool)
    diverging[0, :3] = True
    found = diagnose({"good": good, "lazy": lazy, "apart": apart}, diverging)
    assert (found.divergent, found.draws) == (3 / 2000, 2000)
    said = found.failures(Sampling())
    assert len(said) == 3
    assert said[0].startswith("R-hat of 'apart' is") or said[0].startswith("R-hat of 'lazy' is")
    assert "above 1.01 (2 in all)" in said[0]
    assert "bulk ESS of" in said[1] and "below 400 (2 in all)" in said[1]
    assert diagnose({"good": good}, diverging).failures(Sampling()) == []


def test_independent_draws_count_each_and_correlated_ones_by_their_correlation() -> None:
    rng = np.random.default_rng(1)
    for kept in (0.0, 0.5, 0.8):
        expected = 40_000 * (1 - kept) / (1 + kept)
        assert bulk(walks(rng, 4, 10_000, kept)) == pytest.approx(expected, rel=0.1)


def test_failures_name_the_worst_quantity_and_count_the_rest() -> None:
    found = Diagnostics(("a", "b", "c"), np.array([1.0, 1.3, 1.02]), np.array([500.0, 20.0, 399.0]),
                        np.array([500.0, 500.0, 500.0]), 0.02, 100)  # fmt: skip
    assert found.failures(Sampling()) == [
        "R-hat of 'b' is 1.3, above 1.01 (2 in all)",
        "bulk ESS of 'b' is 20, below 400 (2 in all)",
        "2.00% of transitions diverged, above 0.50%",
    ]


def test_a_quantity_without_a_number_or_that_never_moves_counts_as_not_converged() -> None:
    rng = np.random.default_rng(0)
    stuck, broken = np.ones((4, 500)), rng.normal(size=(4, 500))
    broken[2, 7] = np.nan
    for name, values in (("stuck", stuck), ("broken", broken)):
        found = diagnose({"good": rng.normal(size=(4, 500)), name: values}, np.zeros((4, 500), bool))
        assert any(f"of {name!r} is nan" in said for said in found.failures(Sampling())), found


def test_thinned_draws_are_evenly_spaced_and_at_most_so_many() -> None:
    x = np.arange(2 * 50 * 3, dtype=float).reshape(2, 50, 3)
    draws = Draws(x, np.zeros((2, 50), bool), np.ones((2, 50), np.int64))
    assert draws.thinned(20).coordinates.shape == (2, 17, 3)
    assert draws.thinned(50).coordinates.tobytes() == x.tobytes()
    assert draws.flat.shape == (100, 3)
    both = joined([draws, draws])
    assert both.coordinates.shape == (4, 50, 3)
    assert np.array_equal(both.flat[:100], draws.flat)


# ---- the file --------------------------------------------------------------------------------------------------------

UNITS = {"growth rate": "1/Year", "initial size": "unit"}
ORIGIN = {"digest": "abc", "parameters": ["growth rate", "initial size"], "seed": 3, "case": "growth"}


@pytest.fixture(scope="module")
def filed(growth: stockflow.Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[Payoff, Draws, Path]:
    payoff = whole_payoff(growth)
    draws = Draws(
        np.stack([payoff.space.prior_draws(60, k) for k in (1, 2)]), np.zeros((2, 60), bool), np.ones((2, 60), np.int64)
    )
    file = tmp_path_factory.mktemp("posterior") / "growth_posterior.nc"
    return payoff, draws, save(inference_data(payoff, draws, UNITS, 3, ORIGIN), file)


@pytest.mark.parametrize("reader", ["xarray", "arviz"])
def test_every_group_is_read_with_units_and_origin(
    filed: tuple[Payoff, Draws, Path], reader: str, request: pytest.FixtureRequest
) -> None:
    payoff, draws, file = filed
    read = xr.open_datatree if reader == "xarray" else request.getfixturevalue("az").from_netcdf
    data = read(str(file), engine="h5netcdf")
    there = data.groups() if callable(data.groups) else data.children  # ArviZ before 1 had a class of its own
    assert set(there) == {
        "posterior", "prior", "posterior_predictive", "prior_predictive", "log_likelihood", "observed_data",
        "sample_stats",
    }  # fmt: skip
    assert data.attrs["digest"] == "abc"
    assert data.attrs["case"] == "growth"
    values = quantities(payoff, draws)
    assert set(data.posterior.data_vars) == set(values)
    for name, expected in values.items():
        np.testing.assert_allclose(data.posterior[name], expected, rtol=1e-6)
    assert set(data.prior.data_vars) == set(payoff.space.names)
    assert data.prior["growth rate"].attrs["unit"] == data.posterior["growth rate"].attrs["unit"] == "1/Year"
    for group, name, unit in (
        ("posterior", "doubled", "year"), ("posterior", "lost without support", "1"),
        ("posterior", "mean price", "unit"),
        ("posterior", "fall of the price", "1"), ("posterior", "error of size", "1"), ("observed_data", "size", "unit"),
        ("posterior_predictive", "modelled price", "unit"), ("prior_predictive", "price", "unit"),
    ):  # fmt: skip
        assert data[group][name].attrs["unit"] == unit, (group, name)
    for one, each, modelled in zip(
        payoff.series, payoff.pointwise(draws.flat), payoff.series_values(draws.flat), strict=True
    ):
        name = one.target.name
        assert data.observed_data[name].dims == (f"year of {name}",)
        assert data.observed_data[f"year of {name}"].values.tolist() == one.years.tolist()
        np.testing.assert_allclose(data.observed_data[name], one.values, rtol=1e-6)
        np.testing.assert_allclose(data.log_likelihood[name].values.reshape(120, -1), each, rtol=1e-5, atol=1e-5)
        found = data.posterior_predictive[f"modelled {name}"].values.reshape(120, -1)
        np.testing.assert_allclose(found, modelled, rtol=1e-6)
        assert data.prior_predictive[name].shape == (1, 60, len(one.years))
    assert data.sample_stats["diverging"].shape == (2, 60)
    density = payoff.log_density(draws.flat).reshape(2, 60)
    assert np.ptp(density) > 1
    np.testing.assert_allclose(data.sample_stats["lp"], density, rtol=1e-6)


def test_arviz_can_compare_models_by_such_a_file(az: Any, filed: tuple[Payoff, Draws, Path]) -> None:
    data = az.from_netcdf(str(filed[2]), engine="h5netcdf")
    with pytest.warns(UserWarning, match="Estimated shape parameter"):
        found = az.loo(data, var_name="size")
    assert np.isfinite(found.elpd_loo if hasattr(found, "elpd_loo") else found.elpd)


def test_a_posterior_comes_back_from_its_file(filed: tuple[Payoff, Draws, Path]) -> None:
    payoff, draws, file = filed
    back = load_posterior("growth", file, "abc", home_again("growth"))
    assert isinstance(back, Posterior)
    assert list(back.parameters) == ["growth rate", "initial size"]
    assert back.size == 120
    values = quantities(payoff, draws)
    for name, found in {**back.parameters, **back.reported}.items():
        np.testing.assert_allclose(found, values[name].reshape(-1), rtol=1e-6)
    assert set(back.parameters) | set(back.reported) == set(values)
    years, modelled, again = back.series["price"]
    assert years == tuple(payoff.series[1].years)
    np.testing.assert_allclose(modelled, payoff.series_values(draws.flat)[1], rtol=1e-6)
    np.testing.assert_allclose(again, replicated(payoff, draws.flat, 3)[1], rtol=1e-6)
    few = back.spread(7)
    assert {len(v) for v in few.values()} == {7}
    assert few["growth rate"][[0, -1]].tolist() == back.parameters["growth rate"][[0, -1]].tolist()
    assert len(back.spread(1000)["growth rate"]) == 120


def test_a_file_is_written_whole_and_replaces_the_one_before(filed: tuple[Payoff, Draws, Path], tmp_path: Path) -> None:
    payoff, draws, _ = filed
    file = tmp_path / "new" / "p.nc"
    for digest in ("one", "two"):
        save(inference_data(payoff, draws, UNITS, 3, {**ORIGIN, "digest": digest}), file)
    assert sorted(p.name for p in file.parent.iterdir()) == ["p.nc", "p.sha256"]
    assert load_posterior("growth", file, "two", home_again("growth")).size == 120


def test_replicates_are_off_by_autocorrelated_student_errors(growth: stockflow.Model) -> None:
    payoff = Payoff(growth, (RATES,), (prices(GAPS_IN_PRICES, GAPS_IN_PRICES > 2004),))
    x = np.tile([np.log(0.2), np.log(0.15), 0.6], (40_000, 1))
    again, modelled = replicated(payoff, x, 1)[0], payoff.series_values(x)[0]
    z = np.log(again / modelled) / payoff.series[0].multiplier
    shares = np.linspace(0.05, 0.95, 10)
    below = (z[:, [0]] < t(4, scale=0.15).ppf(shares)).mean(axis=0)
    np.testing.assert_allclose(below, shares, atol=0.01)
    for k, gap in enumerate(np.diff(GAPS_IN_PRICES), 1):
        left = z[:, k] - 0.6**gap * z[:, k - 1]
        below = (left[:, None] < t(4, scale=0.15 * np.sqrt(1 - 0.36**gap)).ppf(shares)).mean(axis=0)
        np.testing.assert_allclose(below, shares, atol=0.01)
    assert replicated(payoff, x[:5], 1)[0].tobytes() == replicated(payoff, x[:5], 1)[0].tobytes()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("missing", "case 'nev' has no accepted posterior"),
        ("unsummed", "nev_posterior.sha256: cannot be read: there is no such file"),
        ("empty", "empty, not what nev_posterior.sha256 is the SHA-256 of"),
        ("text", "damaged, cut off or another's: not what nev_posterior.sha256 is the SHA-256 of"),
        ("cut", "damaged, cut off or another's"),
        ("flipped", "damaged, cut off or another's"),
        ("other file", "not a posterior of this program"),
        ("other digest", "digest: made with another version of the model, the data or the targets (it says abc, now "),
    ],
)
def test_a_posterior_that_cannot_be_used_is_refused_by_file_with_what_to_run(
    filed: tuple[Payoff, Draws, Path], tmp_path: Path, damage: str, says: str
) -> None:
    file = tmp_path / "nev_posterior.nc"
    good = filed[2].read_bytes()
    sum_of(file).write_bytes(sum_of(filed[2]).read_bytes())
    if damage == "other file":
        xr.Dataset({"x": (("chain", "draw"), np.zeros((2, 5)))}).to_netcdf(file, group="posterior", engine="h5netcdf")
    elif damage != "missing":
        flipped = bytes([*good[:999], good[999] ^ 4, *good[1000:]])
        content = {"text": b"hello", "empty": b"", "cut": good[: len(good) // 2], "flipped": flipped}
        file.write_bytes(content.get(damage, good))
    if damage == "unsummed":
        sum_of(file).unlink()
    if damage == "other file":
        sum_of(file).write_text(hashlib.sha256(file.read_bytes()).hexdigest(), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_posterior("nev", file, "xyz", home_again("nev"))
    said = str(caught.value)
    assert "nev_posterior.nc: " in said or damage == "unsummed"
    assert says in said
    assert "run `techcycle calibrate nev --posterior --accept`" in said
    assert "\n" not in said


@given(st.data())
def test_whatever_byte_is_lost_or_changed_is_seen_before_hdf5_looks(
    filed: tuple[Payoff, Draws, Path], data: st.DataObject
) -> None:
    good = filed[2].read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "growth_posterior.nc"
        sum_of(file).write_bytes(sum_of(filed[2]).read_bytes())
        place = data.draw(st.integers(0, len(good) - 1))
        if data.draw(st.booleans()):
            file.write_bytes(good[:place])
        else:
            file.write_bytes(good[:place] + bytes([good[place] ^ data.draw(st.integers(1, 255))]) + good[place + 1 :])
        with pytest.raises(InputError, match=r"(empty|damaged), .*; run `techcycle calibrate growth --posterior"):
            load_posterior("growth", file, "abc", home_again("growth"))


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Targets of new-energy vehicles cut to three free parameters and two series, with almost no draws."""
    file = tmp_path_factory.mktemp("targets") / "nev.toml"
    document = tomlkit.parse((CALIBRATION / "targets" / "nev.toml").read_text(encoding="utf-8")).unwrap()
    keep = {"battery pack price", "NEV sales"}
    document["series"] = [s for s in document["series"] if s["name"] in keep]
    document["partial"] = [s for s in document["partial"] if s["name"] == "pack cost given production"]
    document["free"] = {n: document["free"][n] for n in ("doing learning rate", "cost sensitivity")}
    document = {k: v for k, v in document.items() if k not in {"events", "ranges"}}
    document |= {"starts": 1, "sampling": {"chains": 2, "tune": 50, "draws": 50, "keep": 20}}
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    return file


def at_the_centre(case: Case, targets: Targets) -> Mode:
    """The prior's centre in place of a mode, which takes no time to find."""
    payoff = closed_payoff(case, targets)
    return Mode(case, targets, payoff, payoff.space.centre, (), ())


@pytest.mark.slow
def test_chains_that_have_not_converged_are_saved_and_never_printed(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shallow(monkeypatch)
    out = tmp_path / "out"
    arguments = ["techcycle", "calibrate", "nev", "--posterior", "--targets", str(small), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr("analysis.report.reproduce.find_mode", lambda case, targets, *_: at_the_centre(case, targets))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed, error = capsys.readouterr()
    assert stop.value.code == 3
    assert printed == ""
    last = error.strip().splitlines()[-1]
    assert last.startswith("techcycle: not converged: the chains of 'nev' have not converged: ")
    assert "ESS of '" in last
    file = out / "posterior" / "nev" / "nev_not_converged.nc"
    assert last.endswith(f"draws in {file}")
    kept = ["chain_0.npz", "chain_1.npz", file.name, f"{file.stem}.sha256"]
    assert sorted(p.name for p in file.parent.iterdir()) == kept
    with xr.open_dataset(file, group="posterior", engine="h5netcdf") as posterior:
        assert posterior.sizes["draw"] == 17
    assert not (out / "results").exists(), "nothing may be concluded from such draws"


def test_draws_that_keep_the_rules_become_a_calibration_and_chains_of_other_targets_are_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shallow(monkeypatch)
    lenient = Sampling(chains=2, tune=50, draws=50, keep=20, largest_rhat=50, smallest_ess=1, most_divergent=0.9)
    mode = at_the_centre(load_case("nev"), load_targets("nev", small).model_copy(update={"sampling": lenient}))
    payoff = mode.payoff
    assert steps_of(mode) == 200
    answer = sampled_posterior(mode, tmp_path)
    assert answer.data.posterior.sizes["draw"] == 17
    assert answer.draws.coordinates.shape == (2, 50, payoff.space.size)
    for one in answer.calibration.closed.estimates:
        known = answer.sampled.intervals[one.name]
        assert (one.low, one.high, one.interval) == (known.low, known.high, "90% of the posterior")
    again = sampled_posterior(mode, tmp_path)
    assert again.draws.coordinates.tobytes() == answer.draws.coordinates.tobytes()
    cut = replace(mode, targets=mode.targets.model_copy(update={"last_year": 2019}))
    with pytest.raises(InputError, match=r"chain_0\.npz: belongs to another model"):
        sampled_posterior(cut, tmp_path)
    fewer = replace(mode, payoff=observing(payoff, [s.values * 1.01 for s in payoff.series]))
    with pytest.raises(InputError, match=r"chain_0\.npz: belongs to another model"):
        sampled_posterior(fewer, tmp_path)
