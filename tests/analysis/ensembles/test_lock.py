"""The lock of a store: one holder at a time, none after a kill, on Linux and macOS as on Windows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ensembles.lock import locked

# Windows' own lock, put together from the one of POSIX that is not `flock`, where `fcntl` does not exist
WINDOWS = """
import os, sys, types

def locking(descriptor, mode, size):
    try:
        os.lockf(descriptor, os.F_TLOCK, size)
    except OSError:
        raise PermissionError from None

sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
"""
HOLDER = """
import sys
from pathlib import Path
from analysis.ensembles.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).parents[3]
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture(params=["as it is", pytest.param("as Windows", marks=pytest.mark.skipif("os.name == 'nt'"))])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start a process that takes the lock and keeps it until it is told to end."""
    program = HOLDER if request.param == "as it is" else WINDOWS + HOLDER

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "lock")], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return started


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate("", timeout=60)


def test_one_process_holds_it_and_the_next_one_once_it_is_let_go(start: Start, tmp_path: Path) -> None:
    first = start()
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    second = start()
    assert "BlockingIOError" in ended(second)[1]
    assert second.returncode == 1
    ended(first)
    assert first.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert ended(start())[0] == "held\n"


def test_what_a_killed_process_leaves_binds_nobody(start: Start, tmp_path: Path) -> None:
    first = start()
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    first.kill()
    first.communicate(timeout=60)
    assert (tmp_path / "lock").exists()
    assert ended(start())[0] == "held\n"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "nowhere" / "lock"):
        pass


def test_the_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path / "lock"):
        raise KeyError
    with locked(tmp_path / "lock"), pytest.raises(BlockingIOError), locked(tmp_path / "lock"):
        pass
