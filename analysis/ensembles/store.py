"""The store of an ensemble on disk: written block by block, taken up where it was left, refused when not its own.

While it is written it stands beside its place, `NAME.part`: files appear whole, by renaming; a block counts once its
mark, with its checksum, is there.  Complete, it gets a record of all checksums, loses the marks and takes its name.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from analysis.ensembles.blocks import ROOT, VALUES, Encoded, Layout, digest_of, json_bytes, root_of
from analysis.ensembles.lock import locked
from stockflow.errors import InputError
from stockflow.files import missing, put_whole, reason, take_away

RECORD = f"{VALUES}/record.json"
_MARKS = "marks"
_NEW = ".unfinished"
_OURS = re.compile(rf"{VALUES}/c/\d+/0/0|{_MARKS}/\d+|{RECORD}")


def open_store(path: str | Path, expected_digest: str | None = None, verify: bool = True) -> xr.Dataset:
    """Open a complete store: `values` (run, time, variable), read only where it is indexed.

    Coordinates are `time`, `variable` and its `unit`, `schedule` (a place in its attribute `names`) and `draw`.
    Raises InputError for anything that is not such a store, that is damaged, or whose ensemble has another digest.
    Checksums of all files are compared, half to two GB a second, unless `verify` is False; sizes always are.
    """
    path = Path(path)
    root = _complete(path)
    _same(path, root, {"digest": expected_digest} if expected_digest else {})
    _check_files(path, root, verify)
    dataset: xr.Dataset = xr.open_zarr(path, chunks=None, consolidated=True)
    names = {name: ("variable", [str(one) for one in dataset[name].to_numpy()]) for name in ("variable", "unit")}
    return dataset.assign_coords(names)


@dataclass(slots=True)
class Unfinished:
    """A store being written: `done` are the blocks that are there, `failed` runs of them are not finite."""

    path: Path
    layout: Layout
    skeleton: Mapping[str, bytes]
    marks: dict[int, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def folder(self) -> Path:
        """Where the store stands until it is complete."""
        return self.path.with_name(self.path.name + ".part")

    @property
    def todo(self) -> list[int]:
        """The blocks still to be made, in order."""
        return [index for index in range(self.layout.count) if index not in self.marks]

    def done_runs(self) -> int:
        """Return how many runs are there."""
        return sum(last - first for first, last in map(self.layout.span, self.marks))

    def put(self, block: Encoded) -> None:
        """Write a block, then its mark; a block that came before is passed over.  Threads may call it at once."""
        with self.lock:
            if block.index in self.marks:
                return
        mark = {"sha256": block.sha256, "bytes": len(block.content), "failed": block.failed}
        with self._writing():
            _write(self.folder / self.layout.file(block.index), block.content)
            _write(self.folder / _MARKS / str(block.index), json_bytes({**mark, "own": digest_of(mark)}))
        with self.lock:
            self.marks[block.index] = mark

    def finish(self) -> None:
        """Write the record, take away the marks and give the store its name."""
        files = {key: _sha256(content) for key, content in self.skeleton.items() if key != ROOT}
        blocks = [self.marks[index] for index in range(self.layout.count)]
        record = json_bytes({"files": files, "blocks": blocks})
        root = root_of(self.skeleton[ROOT])
        complete: dict[str, object] = {
            "blocks": self.layout.count,
            "failed_runs": sum(mark["failed"] for mark in blocks),
            "record_sha256": _sha256(record),
        }
        root["attributes"]["complete"] = complete
        complete["sha256"] = digest_of(root)
        with self._writing():
            _write(self.folder / RECORD, record)
            _write(self.folder / ROOT, json_bytes(root))
            if (self.folder / _MARKS).exists():
                shutil.rmtree(self.folder / _MARKS)
            self.folder.rename(self.path)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written: {reason(error)}; {len(self.marks)} of {self.layout.count} blocks "
                "are kept, and the same command goes on from them"
            ) from None


@contextlib.contextmanager
def unfinished(path: Path, layout: Layout, skeleton: Mapping[str, bytes]) -> Iterator[Unfinished]:
    """Begin a store at `path`, or take it up where it was left, locked against other processes meanwhile.

    Raises InputError, with nothing changed, if what is there is another's, of another ensemble, or damaged. A store
    that was begun here and is refused before its first block leaves nothing behind.
    """
    store = Unfinished(path, layout, skeleton)
    new = missing(store.folder)
    made: list[Path] = []  # to be taken away once the lock is off
    with contextlib.ExitStack() as held:
        held.callback(take_away, made)
        with store._writing():
            store.folder.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(locked(store.folder.with_suffix(".part.lock")))
            except BlockingIOError:
                raise InputError(f"{store.folder}: another process is writing it") from None
        leftovers = _examine(store)
        with store._writing():
            for file in leftovers:
                file.unlink()
            for key, content in sorted(skeleton.items(), key=lambda item: item[0] == ROOT):
                if not (store.folder / key).exists():
                    _write(store.folder / key, content)
        try:
            yield store
        except InputError:
            if store.folder in new and not store.marks:
                shutil.rmtree(store.folder)
                made.extend(new[1:])
            raise


def check_same(path: Path, skeleton: Mapping[str, bytes]) -> None:
    """Refuse the complete store at `path` if it is of another ensemble or version; its block size is its own."""
    wanted = root_of(skeleton[ROOT])["attributes"]
    _same(path, _complete(path), {key: value for key, value in wanted.items() if key != "block_runs"})


def _examine(store: Unfinished) -> list[Path]:
    """Fill in `marks` from what is in the folder; return what a killed process left half written."""
    folder = store.folder
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if not file.is_dir()}
    for key in files:
        name = key.removesuffix(_NEW)
        if name not in store.skeleton and not _OURS.fullmatch(name):
            raise InputError(f"{folder}: holds {key!r}, which no store of ensembles has; it is left as it is")
    kept = {key: file for key, file in files.items() if not key.endswith(_NEW)}
    if ROOT in kept:
        root = _root(folder)
        root["attributes"].pop("complete", None)
        wanted = root_of(store.skeleton[ROOT])
        _same(folder, root, wanted["attributes"])
        if root != wanted:
            raise _damaged(folder, ROOT, "its metadata are not those of its ensemble")
    for key, content in store.skeleton.items():
        there = kept[key].read_bytes() if key in kept else None
        if (there is None and ROOT in kept) or (there is not None and key != ROOT and there != content):
            raise _damaged(folder, key, "missing" if there is None else "not what was written")
    if ROOT in kept and "complete" in _root(folder)["attributes"]:
        record = _check_files(folder, _complete(folder), verify=True)
        store.marks.update(enumerate(record["blocks"]))
    else:
        marks = [key for key in kept if key.startswith(f"{_MARKS}/")]
        if marks and ROOT not in kept:
            raise _damaged(folder, ROOT, "missing")
        store.marks.update(_marked(folder, store.layout, key) for key in marks)
    return [file for key, file in files.items() if key.endswith(_NEW)]


def _marked(folder: Path, layout: Layout, key: str) -> tuple[int, dict[str, Any]]:
    """Return the number and the mark of a block that is as its mark says."""
    index = int(key.rpartition("/")[2])
    try:
        mark = json.loads((folder / key).read_bytes())
        own = mark.pop("own")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(folder, key, "not a mark") from None
    if index >= layout.count or own != digest_of(mark):
        raise _damaged(folder, key, "does not match its checksum")
    _check_file(folder, layout.file(index), mark["sha256"], mark["bytes"], verify=True)
    return index, mark


def _root(path: Path) -> dict[str, Any]:
    try:
        return root_of((path / ROOT).read_bytes())
    except OSError as error:
        raise InputError(f"{path}: is not a store of ensembles: {ROOT}: {reason(error)}") from None
    except ValueError as error:
        raise InputError(f"{path}: is not a store of ensembles, or is damaged: {ROOT}: {error}") from None


def _complete(path: Path) -> dict[str, Any]:
    """Return the root metadata of a complete store, compared with their own checksum."""
    if not path.exists() and path.with_name(path.name + ".part").exists():
        raise InputError(f"{path}: is not complete; the command that began it goes on where it was left")
    root = _root(path)
    complete = root["attributes"].get("complete")
    own = complete.pop("sha256", None) if isinstance(complete, dict) else None
    if own is None or own != digest_of(root):
        raise _damaged(path, ROOT, "does not match its checksum")
    return root


def _check_files(path: Path, root: Mapping[str, Any], verify: bool) -> dict[str, Any]:
    """Compare every file with the record, and the record with the root; return the record."""
    try:
        content = (path / RECORD).read_bytes()
    except OSError as error:
        raise _damaged(path, RECORD, reason(error)) from None
    if _sha256(content) != root["attributes"]["complete"]["record_sha256"]:
        raise _damaged(path, RECORD, "does not match its checksum")
    record: dict[str, Any] = json.loads(content)
    for key, sha256 in record["files"].items():
        _check_file(path, key, sha256, None, verify=True)
    for index, mark in enumerate(record["blocks"]):
        _check_file(path, Layout.file(index), mark["sha256"], mark["bytes"], verify)
    return record


def _check_file(path: Path, key: str, sha256: str, size: int | None, verify: bool) -> None:
    try:
        with (path / key).open("rb") as file:
            there = os.fstat(file.fileno()).st_size
            if size is not None and there != size:
                raise _damaged(path, key, f"it has {there} bytes, not {size}")
            if verify and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise _damaged(path, key, "does not match its checksum")
    except OSError as error:
        raise _damaged(path, key, reason(error)) from None


def _same(path: Path, root: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a store whose attributes are not those wanted, and say which differ."""
    there = _flat(root["attributes"])
    differing = [
        f"{key} is {there.get(key)!r} there and {value!r} now"
        for key, value in _flat(wanted).items()
        if there.get(key) != value
    ]
    if differing:
        raise InputError(f"{path}: is a store of another ensemble: {'; '.join(differing)}; it is left as it is")


def _flat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    nested = {f"version of {name}": one for name, one in attributes.get("versions", {}).items()}
    return {key: value for key, value in attributes.items() if key not in ("versions", "complete")} | nested


def _damaged(path: Path, key: str, reason: str) -> InputError:
    return InputError(f"{path}: is damaged: {key}: {reason}; it is left as it is, remove it to begin again")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, on disk before it has its name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    put_whole(file, lambda new: new.write_bytes(content), file.with_name(file.name + _NEW))
