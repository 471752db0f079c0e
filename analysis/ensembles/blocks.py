"""How an ensemble lies in a Zarr store: blocks of runs, one file each, and the metadata around them."""

import hashlib
import json
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.storage import MemoryStore

from analysis.ensembles.ensemble import Ensemble, versions
from stockflow.arrays import Array
from stockflow.errors import InputError

FORMAT = "techcycle ensemble 1"
ROOT = "zarr.json"
VALUES = "values"
_BLOCK_BYTES = 2**25  # of numbers in memory, so that a few blocks fit anywhere
_MOST_RUNS = 2**16
_QUIET = threading.Lock()


@dataclass(frozen=True, slots=True)
class Layout:
    """`block` runs stand in one file; every variable of a block is a chunk of its own."""

    runs: int
    times: int
    variables: int
    block: int

    @property
    def count(self) -> int:
        """Number of blocks."""
        return -(-self.runs // self.block)

    def span(self, index: int) -> tuple[int, int]:
        """Return the first run of a block and the one after its last."""
        return index * self.block, min((index + 1) * self.block, self.runs)

    @staticmethod
    def file(index: int) -> str:
        """Return the key of a block in the store."""
        return f"{VALUES}/c/{index}/0/0"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A block as its file has it; `failed` counts its runs that are not finite throughout."""

    index: int
    content: bytes
    sha256: str
    failed: int


def layout_of(ensemble: Ensemble, block: int | None = None) -> Layout:
    """Return the layout with `block` runs in a file, by default as many as make some 32 MB of numbers.

    Whole schedules if they fit, so that each is computed at once and read from one file.
    """
    times, variables = len(ensemble.evaluator.times), len(ensemble.evaluator.outputs)
    fitting = min(max(_BLOCK_BYTES // (8 * times * variables), 1), _MOST_RUNS)
    usual = fitting // ensemble.draws * ensemble.draws or 1 << fitting.bit_length() - 1
    if block is not None and block < 1:
        raise InputError(f"block is {block} runs, but must be at least 1")
    return Layout(ensemble.runs, times, variables, min(block or usual, ensemble.runs))


def encode(layout: Layout, index: int, values: Array) -> Encoded:
    """Return the file of a block of `values`, shape (run, time, variable); the same bytes on any machine."""
    store = MemoryStore()
    array = _array(store, layout, len(values), None)
    array[...] = values
    content = store._store_dict["c/0/0/0"].to_bytes()
    failed = int(np.sum(~np.isfinite(values).all(axis=(1, 2))))
    return Encoded(index, content, hashlib.sha256(content).hexdigest(), failed)


def computed(ensemble: Ensemble, layout: Layout, index: int, threads: int | None) -> Encoded:
    """Return a block, computed and encoded."""
    return encode(layout, index, ensemble.rows(*layout.span(index), threads))


def skeleton(ensemble: Ensemble, layout: Layout) -> dict[str, bytes]:
    """Return every file of a store but its blocks, by key: metadata and coordinates."""
    one, store = ensemble.evaluator, MemoryStore()
    schedule, draw = np.divmod(np.arange(ensemble.runs, dtype=np.int32), np.int32(ensemble.draws))
    coordinates = {
        "time": ("time", np.asarray(one.times, dtype=float), {"unit": "year"}),
        "variable": ("variable", np.array(one.outputs, dtype=object)),
        "unit": ("variable", np.array([one.units[name] for name in one.outputs], dtype=object)),
        "schedule": ("run", schedule, {"names": list(ensemble.schedules)}),
        "draw": ("run", draw),
    }
    attributes = {
        "format": FORMAT,
        "digest": ensemble.digest,
        "block_runs": layout.block,
        **ensemble.origin,
        **ensemble.notes,
        "first_time": float(one.times[0]),
        "last_time": float(one.times[-1]),
        "versions": dict(versions()),
    }
    xr.Dataset(coords=coordinates, attrs=attributes).to_zarr(store, zarr_format=3, consolidated=False)
    _array(store, layout, layout.runs, VALUES)
    with _QUIET, warnings.catch_warnings():  # filters belong to the process: two threads would undo each other's
        warnings.filterwarnings("ignore", "Consolidated metadata")  # xarray asks for it, Zarr 3 has not settled it
        zarr.consolidate_metadata(store)
    return {key: buffer.to_bytes() for key, buffer in sorted(store._store_dict.items())}


def root_of(content: bytes) -> dict[str, Any]:
    """Return the root metadata of a store of ensembles; ValueError if it is anything else."""
    document = json.loads(content)
    if not isinstance(document, dict) or not isinstance(document.get("attributes"), dict):
        raise ValueError("no attributes")
    if document["attributes"].get("format") != FORMAT:
        raise ValueError(f"its format is {document['attributes'].get('format')!r}, not {FORMAT!r}")
    return document


def json_bytes(document: object) -> bytes:
    """Return a document as this module writes it."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def digest_of(document: object) -> str:
    """Return the SHA-256 of a document whatever its spacing and the order of its keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _array(store: MemoryStore, layout: Layout, runs: int, name: str | None) -> zarr.Array[Any]:
    size = (layout.times, layout.variables)
    return zarr.create_array(
        store,
        name=name,
        shape=(runs, *size),
        shards=(layout.block, *size),
        chunks=(layout.block, layout.times, 1),
        dtype="float64",
        compressors=[BloscCodec(typesize=8, cname="lz4", clevel=1, shuffle="shuffle"), Crc32cCodec()],
        fill_value=np.nan,
        dimension_names=("run", "time", "variable"),
        config={"write_empty_chunks": True},
    )
