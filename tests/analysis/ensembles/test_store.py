"""A store of runs: whole after any kill, the same bits however made, refused when it is not what it should be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from store_helpers import OUTPUTS, Waves, bytes_of, ensemble, marks_in, scheduled

from analysis.ensembles import blocks
from analysis.ensembles.ensemble import Ensemble
from analysis.ensembles.store import open_store
from analysis.ensembles.writing import write
from stockflow.errors import InputError

BLOCK = 64
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
HELPERS = Path(__file__).parents[2] / "helpers" / "store_helpers.py"


def helper(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, HELPERS, *map(str, arguments)]
    here = {**os.environ, "PYTHONPATH": str(HELPERS.parents[2])}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=here)
    assert found.returncode == 0, found.stderr
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete store of 300 runs; tests copy it before they harm it."""
    path = tmp_path_factory.mktemp("store") / "whole.zarr"
    write(ensemble(), path, progress=False, block=BLOCK)
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy.zarr"))


class Interrupted(Waves):
    """Waves that stop when schedule 1 is asked for."""

    def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
        if schedule == 1:
            raise KeyboardInterrupt
        return super().evaluate(schedule, first, last, threads)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """The place of a store that was left after its first block."""
    path = tmp_path / "half.zarr"
    for _ in range(10):  # on a busy machine another block may be done before the interruption is heard
        with pytest.raises(KeyboardInterrupt):
            write(replace(ensemble(), evaluator=Interrupted()), path, progress=False, block=BLOCK)
        if marks_in(path) == 1:
            return path
        shutil.rmtree(part_of(path))
    raise AssertionError("never interrupted after the first block")


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


# what a store says


def test_a_store_holds_the_numbers_of_its_ensemble(whole: Path) -> None:
    expected = np.concatenate([Waves().evaluate(schedule, 0, 100) for schedule in range(3)])
    np.testing.assert_array_equal(open_store(whole)["values"], expected)


def test_xarray_opens_a_store_without_help(whole: Path) -> None:
    data = xr.open_zarr(whole)
    assert dict(data["values"].sizes) == {"run": 300, "time": 12, "variable": 3}
    assert float(data["values"][105, 2, 1]) == Waves().evaluate(1, 5, 6)[0, 2, 1]


def test_a_store_tells_units_schedules_and_where_it_came_from(whole: Path) -> None:
    data = open_store(whole)
    assert dict(zip(data["variable"].values.tolist(), data["unit"].values.tolist(), strict=True)) == Waves().units
    assert data["schedule"].attrs["names"][int(data["schedule"][100])] == "cliff in 2020"
    assert int(data["draw"][105]) == 5
    assert {"case": "waves", "seed": 1, "digest": ensemble().digest}.items() <= data.attrs.items()
    assert {"numpy", "zarr", "stockflow"} <= data.attrs["versions"].keys()


def test_the_runs_of_one_schedule_stand_together_under_its_number(whole: Path) -> None:
    data = open_store(whole)
    names, swell = data["schedule"].attrs["names"], list(data["variable"].to_numpy()).index("swell")
    values = data["values"][:, :, swell].to_numpy().reshape(len(names), -1, data.sizes["time"])
    np.testing.assert_array_equal(values[names.index("linear")], Waves().evaluate(2, 0, 100)[:, :, 1])
    assert data["unit"].to_numpy()[swell] == "m"


def test_runs_that_are_not_finite_are_kept_and_counted(tmp_path: Path) -> None:
    class Broken(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            values = super().evaluate(schedule, first, last, threads)
            values[np.arange(first, last) % 10 == 3, 5:, 1] = np.nan
            return values

    data = write(replace(ensemble(), evaluator=Broken()), tmp_path / "broken.zarr", progress=False, block=BLOCK)
    assert data.attrs["complete"]["failed_runs"] == 30
    assert int(np.isnan(data["values"]).any(("time", "variable")).sum()) == 30


def test_a_block_without_a_finite_number_is_a_file_too(tmp_path: Path) -> None:
    class Nothing(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            return np.full((last - first, 12, 3), np.nan)

    data = write(replace(ensemble(), evaluator=Nothing()), tmp_path / "nothing.zarr", progress=False, block=BLOCK)
    assert data.attrs["complete"]["failed_runs"] == 300
    open_store(tmp_path / "nothing.zarr")


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What is counted: runs in all and those made before, then the steps."""
    told: list[tuple[int, int]] = []

    @contextmanager
    def counting(what: str, total: int, unit: str, done: int, shown: bool) -> Iterator[Callable[..., None]]:
        told.append((total, done))
        yield lambda by: told.append((0, by))

    monkeypatch.setattr("analysis.ensembles.writing.counted", counting)
    return told


def test_progress_counts_runs(tmp_path: Path, counts: list[tuple[int, int]]) -> None:
    write(ensemble(), tmp_path / "bar.zarr", block=BLOCK)
    assert counts[0] == (300, 0)
    assert sum(by for _, by in counts[1:]) == 300


# the same bits however they were made


@pytest.mark.parametrize("block", [1, 7, 100, 299, 10_000])
def test_numbers_do_not_depend_on_the_block_size(whole: Path, tmp_path: Path, block: int) -> None:
    small = Ensemble(Waves(), ensemble().schedules, 100) if block > 1 else Ensemble(Waves(), ("history",), 9)
    data = write(small, tmp_path / "other.zarr", progress=False, block=block)
    np.testing.assert_array_equal(data["values"], open_store(whole)["values"][: small.runs])


def test_runs_under_schedules_do_not_depend_on_blocks_or_threads(tmp_path: Path) -> None:
    one, other = (
        write(scheduled(), tmp_path / f"{block}.zarr", progress=False, block=block, threads=threads)["values"]
        for block, threads in ((60, 1), (7, 3))
    )
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, other)


def test_notes_are_said_and_do_not_make_another_ensemble(tmp_path: Path) -> None:
    noted = replace(ensemble(), notes={"title": "storm surge"})
    assert noted.digest == ensemble().digest
    data = write(noted, tmp_path / "noted.zarr", progress=False)
    assert (data.attrs["title"], data.attrs["first_time"], data.attrs["last_time"]) == ("storm surge", 2010, 2012.75)


def test_a_complete_store_is_opened_and_nothing_is_computed(copy: Path) -> None:
    before = bytes_of(copy)
    stopped = replace(ensemble(), evaluator=Interrupted())
    data = write(stopped, copy, progress=False)
    assert (data.sizes["run"], bytes_of(copy)) == (300, before)


def test_an_interrupted_store_ends_as_if_it_had_not_been(whole: Path, half: Path) -> None:
    assert not half.exists()
    write(ensemble(), half, progress=False, block=BLOCK)
    assert bytes_of(half) == bytes_of(whole)
    assert not part_of(half).exists()


def test_a_resumed_count_begins_where_the_store_was_left(half: Path, counts: list[tuple[int, int]]) -> None:
    write(ensemble(), half, block=BLOCK)
    assert counts[0] == (300, 64)
    assert sum(by for _, by in counts[1:]) == 300 - 64


def test_what_a_kill_left_half_written_is_made_anew(whole: Path, half: Path) -> None:
    (part_of(half) / "values/c/1/0").mkdir(parents=True)
    (part_of(half) / "values/c/1/0/0.unfinished").write_bytes(b"torn")
    (part_of(half) / "values/c/2/0").mkdir(parents=True)
    (part_of(half) / "values/c/2/0/0").write_bytes(b"a block without its mark")
    write(ensemble(), half, progress=False, block=BLOCK)
    assert bytes_of(half) == bytes_of(whole)


@POSIX
@pytest.mark.slow
def test_killed_at_random_moments_a_store_ends_bit_identical(tmp_path: Path) -> None:
    answer = helper("moments", tmp_path, 4, 20251125)
    assert len(set(answer["seen"])) == 4
    write(ensemble(), tmp_path / "whole.zarr", progress=False, block=10)
    assert answer["end"] == bytes_of(tmp_path / "whole.zarr")


@POSIX
@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_file_operation_a_store_ends_bit_identical(tmp_path: Path, step: int) -> None:
    answer = helper("operations", tmp_path, step)
    assert answer["kills"] > 90 / step
    assert all(end == answer["whole"] for end in answer["ends"])


# what is refused, and left as it is


def refusal(attempt: Callable[[], object]) -> str:
    with pytest.raises(InputError) as refused:
        attempt()
    return str(refused.value)


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    middle = len(content) // 2
    if how == "flipped":
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif how == "truncated":
        file.write_bytes(content[: -1 - content.endswith(b"\n")])
    else:
        file.unlink()


@pytest.mark.parametrize("how", ["flipped", "truncated", "missing"])
def test_any_damaged_file_is_refused_by_name_and_left_as_it_is(copy: Path, how: str) -> None:
    for key in bytes_of(copy):
        kept = (copy / key).read_bytes()
        damage(copy / key, how)
        before = bytes_of(copy)
        for message in (refusal(lambda: open_store(copy)), refusal(lambda: write(ensemble(), copy, progress=False))):
            assert str(copy) in message
            assert key in message
        assert bytes_of(copy) == before
        (copy / key).write_bytes(kept)
    open_store(copy)


@pytest.mark.parametrize("how", ["flipped", "truncated", "missing"])
def test_an_unfinished_store_with_a_damaged_file_is_refused_and_left(half: Path, how: str) -> None:
    part = part_of(half)
    for key in bytes_of(part):
        if how == "missing" and key.startswith("marks/"):
            continue  # only means that the block is made again
        kept = (part / key).read_bytes()
        damage(part / key, how)
        before = bytes_of(part)
        with pytest.raises(InputError, match=r"half.zarr.part: .*" + key.replace("marks/0", "(marks|c)/0")):
            write(ensemble(), half, progress=False, block=BLOCK)
        assert bytes_of(part) == before
        (part / key).write_bytes(kept)
    write(ensemble(), half, progress=False, block=BLOCK)


def test_sizes_are_compared_even_when_checksums_are_not(copy: Path) -> None:
    damage(copy / "values/c/1/0/0", "truncated")
    with pytest.raises(InputError, match=r"values/c/1/0/0: it has .* bytes, not"):
        open_store(copy, verify=False)


def test_reading_a_flipped_chunk_fails_even_unverified(copy: Path) -> None:
    damage(copy / "values/c/1/0/0", "flipped")
    data = open_store(copy, verify=False)
    with pytest.raises(ValueError, match="checksum"):
        data["values"].load()


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_store_of_another_ensemble_is_refused_saying_what_differs(copy: Path, half: Path, unfinished: bool) -> None:
    path, place = (half, part_of(half)) if unfinished else (copy, copy)
    before = bytes_of(place)
    with pytest.raises(InputError, match="seed is 1 there and 2 now"):
        write(ensemble(seed=2), path, progress=False, block=BLOCK)
    assert bytes_of(place) == before


def test_a_store_of_another_digest_is_not_opened(whole: Path) -> None:
    with pytest.raises(InputError, match=f"digest is '{ensemble().digest}' there and '0123' now"):
        open_store(whole, "0123")


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_store_of_other_versions_is_not_gone_on_with(
    copy: Path, half: Path, unfinished: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "versions", lambda: {"numpy": "1.0"})
    with pytest.raises(InputError, match=r"version of numpy is '.*' there and '1.0' now"):
        write(ensemble(), half if unfinished else copy, progress=False, block=BLOCK)


def test_an_unfinished_store_of_another_block_size_is_refused(half: Path) -> None:
    with pytest.raises(InputError, match=f"block_runs is {BLOCK} there and 7 now"):
        write(ensemble(), half, progress=False, block=7)


def plain_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("three years of work")


def plain_file(path: Path) -> None:
    path.write_text("three years of work")


def empty_folder(path: Path) -> None:
    path.mkdir()


def another_zarr(path: Path) -> None:
    xr.Dataset({"rain": ("day", [1.0, 2.0])}).to_zarr(path, consolidated=False)


@pytest.mark.parametrize("put", [plain_folder, plain_file, another_zarr, empty_folder])
def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path, put: Callable[[Path], None]) -> None:
    path = tmp_path / "mine"
    put(path)
    before = bytes_of(path)
    with pytest.raises(InputError, match=f"^{path}: is not a store of ensembles"):
        write(ensemble(), path, progress=False)
    with pytest.raises(InputError, match=f"^{path}: is not a store of ensembles"):
        open_store(path)
    assert bytes_of(path) == before
    assert not part_of(path).exists()


@pytest.mark.parametrize("put", [plain_folder, plain_file, another_zarr])
def test_what_stands_where_a_store_would_be_written_is_left_as_it_is(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    path = tmp_path / "new.zarr"
    put(part_of(path))
    before = bytes_of(part_of(path))
    with pytest.raises(InputError, match=f"^{part_of(path)}: "):
        write(ensemble(), path, progress=False)
    assert bytes_of(part_of(path)) == before


def test_a_store_that_is_not_there_or_not_complete_is_not_opened(half: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"half.zarr: is not complete"):
        open_store(half)
    with pytest.raises(InputError, match=r"none.zarr: is not a store of ensembles: zarr.json: there is no such file"):
        open_store(tmp_path / "none.zarr")


def test_two_processes_do_not_write_one_store(tmp_path: Path) -> None:
    path = tmp_path / "two.zarr"

    class Nosy(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            with pytest.raises(InputError, match="another process is writing it"):
                write(ensemble(), path, progress=False, block=BLOCK)
            return super().evaluate(schedule, first, last, threads)

    write(replace(ensemble(), evaluator=Nosy()), path, progress=False, block=BLOCK)


# limits of the machine


@pytest.mark.parametrize("folder", ["/proc", "a file"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, folder: str) -> None:
    plain_file(tmp_path / "a file")
    with pytest.raises(InputError, match=r"x.zarr.part: cannot be written: "):
        write(ensemble(), tmp_path / folder / "x.zarr", progress=False)


def test_when_the_disk_is_full_what_came_before_is_kept(whole: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "full.zarr"

    class Filling(Waves):
        def evaluate(self, schedule: int, first: int, last: int, threads: int | None = None) -> Any:
            if schedule == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
            return super().evaluate(schedule, first, last, threads)

    try:
        with pytest.raises(InputError, match=r"full.zarr.part: cannot be written: .*; [123] of 5 blocks are kept"):
            write(replace(ensemble(), evaluator=Filling()), path, progress=False, block=BLOCK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(part_of(path).rglob("*.unfinished"))
    write(ensemble(), path, progress=False, block=BLOCK)
    assert bytes_of(path) == bytes_of(whole)


@POSIX
@pytest.mark.slow
def test_memory_does_not_grow_with_the_store(tmp_path: Path) -> None:
    answer = helper("memory", tmp_path, 20_000)
    assert answer["numbers"] > 140e6
    assert answer["risen"] < answer["numbers"] / 8


@pytest.mark.parametrize("name", ["block", "threads", "workers"])
def test_a_count_below_one_is_refused(tmp_path: Path, name: str) -> None:
    counts: dict[str, Any] = {name: 0}
    with pytest.raises(InputError, match=f"{name} is 0"):
        write(ensemble(), tmp_path / "no.zarr", progress=False, **counts)


def test_an_ensemble_of_nothing_or_of_two_equal_names_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to compute"):
        Ensemble(Waves(), ("history",), 0)
    with pytest.raises(InputError, match="two schedules of the name 'a'"):
        Ensemble(Waves(), ("a", "b", "a"), 2)
    assert len(OUTPUTS) == len(Ensemble(Waves(), ("a",), 1).rows(0, 1)[0, 0])
