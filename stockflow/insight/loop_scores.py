"""Loops That Matter: the share of each feedback loop in what a model does, step by step, over many runs.

The score of a loop is the product of the scores of its links (`link_scores`); the relative score is that over
the sum of the sizes of the scores of all loops considered that can act on each other (Schoenberg, Davidsen and Eberlein
2020, System Dynamics Review 36(2), 158-190, equations 3 and 4).  Its sign is that of the loop: above 0 reinforcing,
below balancing.  A loop whose share is at least one half dominates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stockflow.arrays import Array, Flags
from stockflow.batches.checked import Checked
from stockflow.errors import InputError
from stockflow.insight.link_scores import score_links
from stockflow.insight.structure import Link, components, pairs
from stockflow.language.clock import clock
from stockflow.language.equations import Equations, Method

if TYPE_CHECKING:
    import xarray as xr

# exp of more is not a number of 64 bits
_MOST = 709.0
_BYTES = 64_000_000
_VECTOR = 8


@dataclass(frozen=True, slots=True)
class ScoredLoops:
    """Loops to score: `names`, `members` in causal order, and `partition`, loops of one acting on each other."""

    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    partition: tuple[int, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of all loops, each once."""
        return tuple(dict.fromkeys(pair for loop in self.members for pair in pairs(loop)))

    def places(self) -> list[list[int]]:
        """Return, for each loop, where its links stand among all."""
        place = {link: number for number, link in enumerate(self.links)}
        return [[place[pair] for pair in pairs(loop)] for loop in self.members]


def checked_loops(equations: Equations, loops: Mapping[str, Sequence[str]]) -> ScoredLoops:
    """Return loops given by the names of their members in any spelling.

    Raises InputError for a loop without members, that comes to a member twice, or whose members do not all act on each
    other; whether each has a link to the next is asked later.
    """
    if not loops:
        raise InputError(f"{equations.source}: there is no loop to score")
    groups = {name: number for number, group in enumerate(components(equations)) for name in group}
    found, partition = [], []
    for title, names in loops.items():
        members = tuple(equations.find(name).name for name in names)
        if not members:
            raise InputError(f"{equations.source}: loop {title!r} has no members")
        twice = [name for name in members if members.count(name) > 1]
        if twice:
            raise InputError(f"{equations.source}: loop {title!r} comes to {twice[0]} twice")
        outside = [name for name in members if groups.get(name, -1) != groups.get(members[0], -2)]
        if outside:
            raise InputError(f"{equations.source}: loop {title!r}: {outside[0]} is in no feedback loop with the others")
        found.append(members)
        partition.append(groups[members[0]])
    return ScoredLoops(tuple(loops), tuple(found), tuple(partition))


def loop_scores(
    equations: Equations,
    loops: Mapping[str, Sequence[str]],
    given: Iterable[str],
    until: float | None,
    save_period: float | None,
    method: Method | None,
    runs: Callable[[Equations, Sequence[str], int], Iterator[xr.Dataset]],
) -> xr.Dataset:
    """Return scores of loops and of their links over many runs; see `Model.loop_scores`.

    `given` are variables that follow a path of their own.  `runs` makes the runs of other equations, with these
    outputs, saved at every step, so many at a time.
    """
    asked = checked_loops(equations, loops)
    held = {equations.find(name).name for name in given}
    for title, members in zip(asked.names, asked.members, strict=True):
        for cut in held.intersection(members):
            raise InputError(f"{equations.source}: {cut} follows a given path, which cuts loop {title!r}")
    moments = clock(Checked(equations).moments(until, save_period, method))
    extended, names = score_links(equations, asked.links)
    chunk = max(_VECTOR, _BYTES // (8 * len(names) * len(moments.times)))
    pieces = runs(extended, list(names.values()), chunk)
    return _dataset(pieces, asked, names, np.flatnonzero(moments.saved))


def _dataset(
    pieces: Iterator[xr.Dataset], loops: ScoredLoops, names: Mapping[Link, str], saved: NDArray[np.intp]
) -> xr.Dataset:
    """Return scores from runs saved at every step, of which those at the places `saved` are kept."""
    import xarray as xr

    places, partition = loops.places(), np.array(loops.partition)
    frames = []
    for piece in pieces:
        columns = piece.variables  # piece[name] goes through all of them
        links = np.stack([columns[names[link]].to_numpy() for link in loops.links])
        data = {
            name: (("run", "time", "link" if name == "link_score" else "loop"), np.moveaxis(values, 0, -1))
            for name, values in _scored(links, places, partition, saved).items()
        }
        frames.append(piece.drop_vars(list(piece.data_vars)).isel(time=saved).assign(data))
    out = xr.concat(frames, "run") if len(frames) > 1 else frames[0]
    return out.assign_coords(
        loop=list(loops.names),
        partition=("loop", partition),
        members=("loop", [" -> ".join(one) for one in loops.members]),
        link=[f"{cause} -> {effect}" for cause, effect in loops.links],
    )


def _scored(
    links: Array, places: list[list[int]], partition: NDArray[np.int_], saved: NDArray[np.intp]
) -> dict[str, Array]:
    """Return scores at the saved steps and means since the step saved before, (loop, run, time).

    `links` has shape (link, run, step); `places` says which of them make up each loop.
    """
    logs, signs = _products(links, places)
    relative = signs * _shares(logs, partition)
    return {
        "score": signs[..., saved] * np.exp(np.minimum(logs[..., saved], _MOST)),
        "relative_score": relative[..., saved],
        "mean_relative_score": _means(relative, saved),
        "mean_share": _means(np.abs(relative), saved),
        "link_score": links[..., saved],
    }


def _products(links: Array, places: list[list[int]]) -> tuple[Array, Array]:
    """Return logarithm of the size, and sign, of each loop's product of links, which may be 1e1000."""
    with np.errstate(divide="ignore"):
        sizes, below = np.log(np.abs(links)), links < 0.0
    logs = np.stack([np.sum([sizes[one] for one in loop], axis=0) for loop in places])
    odd = np.stack([np.logical_xor.reduce([below[one] for one in loop]) for loop in places])
    return logs, np.where(odd, -1.0, 1.0)


def _shares(logs: Array, partition: NDArray[np.int_]) -> Array:
    """Return the share of each loop in the sum of sizes of its partition, 0 where none is active."""
    out = np.zeros_like(logs)
    for group in np.unique(partition):
        own = logs[partition == group]
        most = own.max(axis=0)
        sizes = np.exp(own - np.where(np.isneginf(most), 0.0, most))
        total = sizes.sum(axis=0)
        out[partition == group] = np.divide(sizes, total, out=np.zeros_like(sizes), where=total != 0.0)
    return out


def _means(values: Array, saved: NDArray[np.intp]) -> Array:
    """Return means over the steps after one saved step up to the next; the first has no step before it: 0."""
    out = np.zeros_like(values[..., saved])
    if len(saved) > 1:
        sums = np.add.reduceat(values[..., 1 : saved[-1] + 1], saved[:-1], axis=-1)
        out[..., 1:] = sums / np.diff(saved)
    return out


def periods(times: Array, holds: Flags) -> list[tuple[float, float]]:
    """Return the stretches over which something holds: the first and the last of the times of each."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], holds.astype(int), [0]])))
    return [(float(times[a]), float(times[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
