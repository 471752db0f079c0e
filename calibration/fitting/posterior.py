"""The posterior: draws by a no-U-turn sampler (nutpie), chain by chain.

A finished chain is a file that names everything it depends on; a run that was killed goes on with the chains it lacks
and ends with the same draws. Seed and chain decide the draws, not the number of threads.
"""

from __future__ import annotations

import functools
import inspect
import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.fitting.convergence import Diagnostics
from calibration.fitting.estimates import Interval
from calibration.fitting.payoff import Payoff
from calibration.fitting.targets import Sampling
from stockflow.arrays import Array, Flags
from stockflow.cores import usable_cores
from stockflow.errors import InputError
from stockflow.files import write_whole
from stockflow.intervals import interval

Tick = Callable[[], object]
TRIES = 100
# all that reading a file of arrays raises when its bytes are not those that were written
DAMAGED = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one posterior: coordinates, shape (chain, draw, size), and which transitions diverged (chain, draw)."""

    coordinates: Array
    diverging: Flags
    steps: NDArray[np.int64]

    @property
    def flat(self) -> Array:
        """Coordinates (run, size), chain after chain."""
        return self.coordinates.reshape(-1, self.coordinates.shape[-1])

    def thinned(self, keep: int) -> Draws:
        """Return every k-th draw so that at most `keep` of each chain are left."""
        step = -(-self.coordinates.shape[1] // keep)
        return Draws(self.coordinates[:, ::step], self.diverging[:, ::step], self.steps[:, ::step])


def starting_point(payoff: Payoff, mode: Array, rules: Sampling, seed: int, chain: int) -> Array:
    """Return a point of the line near the mode, as near and as far from bounds as the rules say, that has a density."""
    low, high = payoff.space.bounds
    edge = rules.inside * (high - low)
    near = np.clip(mode, low + edge, high - edge)
    rng = np.random.default_rng([seed, chain])
    for _ in range(TRIES):
        point = payoff.space.to_line(near) + rules.jitter * rng.standard_normal(payoff.space.size)
        if np.isfinite(payoff.on_the_line(point)[0]):
            return np.asarray(point)
    raise InputError(f"{payoff.model.file.name}: no run near the best point can be compared with the observations")


def sample_chain(
    payoff: Payoff, mode: Array, rules: Sampling, seed: int, chain: int, tick: Tick | None = None
) -> Draws:
    """Return one chain of draws; `tick` is called at every step of the chain, tuning included."""
    begin = starting_point(payoff, mode, rules, seed, chain)
    own_seed = int(np.random.SeedSequence([seed, chain]).generate_state(1)[0])
    say = tick or (lambda: None)

    def expand(u: Array) -> dict[str, Array]:
        say()
        return {"x": payoff.space.from_line(np.asarray(u))}

    nutpie, low_rank = _sampler()
    compiled = nutpie.compiled_pyfunc.from_pyfunc(
        payoff.space.size,
        lambda: payoff.on_the_line,
        lambda *_: expand,
        [np.dtype("float64")],
        [(payoff.space.size,)],
        ["x"],
        make_initial_point_fn=lambda _: begin,
    )
    trace = nutpie.sample(
        compiled, draws=rules.draws, tune=rules.tune, chains=1, cores=1, seed=own_seed,
        progress_bar=False, save_warmup=False, target_accept=rules.acceptance, **low_rank,
    )  # fmt: skip
    stats = trace.sample_stats
    return Draws(
        np.asarray(trace.posterior["x"], dtype=float),
        np.asarray(stats["diverging"], dtype=bool),
        np.asarray(stats["n_steps"], dtype=np.int64),
    )


def sample(
    payoff: Payoff,
    mode: Array,
    rules: Sampling,
    seed: int,
    folder: Path,
    digest: str,
    tick: Tick | None = None,
    workers: int | None = None,
) -> Draws:
    """Return all chains, taking from `folder` those that an earlier run with the same `digest` finished.

    Each finished chain is written at once, whole or not at all. InputError for a chain file that is damaged or belongs
    to something else: it is not overwritten.
    """
    _sampler()  # imported here, before there are threads, and slopes are compiled
    payoff.log_density_and_slopes(payoff.space.centre)
    folder.mkdir(parents=True, exist_ok=True)
    there = {k: _read(_file(folder, k), digest) for k in range(rules.chains) if _file(folder, k).exists()}
    for _ in range(len(there) * (rules.tune + rules.draws) if tick else 0):
        tick()  # type: ignore[misc]

    def work(chain: int) -> Draws:
        if chain not in there:
            there[chain] = sample_chain(payoff, mode, rules, seed, chain, tick)
            _write(_file(folder, chain), there[chain], digest)
        return there[chain]

    with ThreadPoolExecutor(workers or min(rules.chains, usable_cores())) as pool:
        return joined(list(pool.map(work, range(rules.chains))))


def joined(chains: Sequence[Draws]) -> Draws:
    """Put chains beside one another."""
    parts = ([getattr(c, name) for c in chains] for name in ("coordinates", "diverging", "steps"))
    return Draws(*map(np.concatenate, parts))


def quantities(payoff: Payoff, draws: Draws) -> dict[str, Array]:
    """Return everything that is reported of the draws, by name, (chain, draw) each, in natural units."""
    shape = draws.coordinates.shape[:2]
    values = payoff.space.values(draws.flat)
    out = {name: values[:, i].reshape(shape) for i, name in enumerate(payoff.space.names)}
    found = {**payoff.effects_at(draws.flat), **payoff.events_at(draws.flat), **payoff.ranges_at(draws.flat)}
    return {**out, **{name: np.asarray(v).reshape(shape) for name, v in found.items()}}


def intervals(payoff: Payoff, draws: Draws, found: Diagnostics) -> dict[str, Interval]:
    """Return median and central 90% of every reported quantity.

    `learned`, of parameters alone, compares spreads in coordinates: the draws' with the prior's as the target file
    states it, before its bounds.
    """
    values = quantities(payoff, draws)
    learned = dict.fromkeys(values, 0.0)
    for i, one in enumerate(payoff.coordinates):
        learned[one.name] = float(np.clip(1 - draws.flat[:, i].std() / one.prior.spread, 0, 1))
    out = {}
    for i, (name, drawn) in enumerate(values.items()):
        low, median, high = interval(drawn.reshape(-1))
        checks = float(found.rhat[i]), float(found.bulk[i]), float(found.tail[i])
        out[name] = Interval(median, low, high, learned[name], *checks)
    return out


@functools.cache
def _sampler() -> tuple[ModuleType, dict[str, Any]]:
    """Return nutpie and its keyword for a mass matrix of low rank, which was renamed in 0.16.9.

    It imports ArviZ, whose 0.23 tells whoever imports it of its next version: that is not for a user of this program.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
        import nutpie.compiled_pyfunc
    renamed = "adaptation" in inspect.signature(nutpie.sample).parameters
    return nutpie, {"adaptation": "low_rank"} if renamed else {"low_rank_modified_mass_matrix": True}


def _file(folder: Path, chain: int) -> Path:
    return folder / f"chain_{chain}.npz"


def _write(file: Path, draws: Draws, digest: str) -> None:
    data = io.BytesIO()
    np.savez_compressed(
        data, coordinates=draws.coordinates, diverging=draws.diverging, steps=draws.steps, digest=np.array(digest)
    )
    write_whole(file, data.getvalue())


def _read(file: Path, digest: str) -> Draws:
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as data:
            own = str(data["digest"])
            draws = Draws(data["coordinates"], data["diverging"], data["steps"])
    except DAMAGED as error:
        raise InputError(f"{file}: not a finished chain ({error}); remove it to sample it again") from None
    if own != digest:
        raise InputError(
            f"{file}: belongs to another model, data or setting (it says {own}, this is {digest}); remove it or give "
            "another folder"
        )
    return draws
