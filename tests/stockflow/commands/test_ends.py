"""How a command ends that cannot go on: an interrupt, a full disk, no arguments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMANDS = {"techcycle": "analysis.entry", "stockflow": "stockflow.commands.entry"}
FULL = Path("/dev/full")


def begun(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command and return it when it has begun to answer interrupts; a mark goes before what it says."""
    marked = "signal.signal = lambda *given: (real(*given), os.write(1, b'!'))[0]"
    # the tests themselves may run in the background, where interrupts are ignored
    usual = "real = signal.signal; real(signal.SIGINT, signal.default_int_handler)"
    code = f"import os, signal; from {COMMANDS[name]} import main; {usual}; {marked}; main()"
    command = [sys.executable, "-c", code, *arguments]
    # unbuffered, so that nothing of what comes after the mark is read with it
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    assert process.stdout.read(1) == b"!"
    return process


def said(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Return what a command wrote to its end."""
    out, err = process.communicate(timeout=60)
    return out.decode(), err.decode()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("delay", [0.003 * 1.6**k for k in range(10)])
def test_an_interrupt_at_any_moment_ends_in_one_line_and_code_130(name: str, delay: float) -> None:
    process = begun(name, "--help")
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, err = said(process)
    if "Commands:" in out and not err:
        return  # it was faster
    assert (process.returncode, err.strip()) == (130, f"{name}: interrupted")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_alone_says_what_there_is(name: str) -> None:
    process = begun(name)
    out, err = said(process)
    assert (process.returncode, err) == (0, "")
    assert out.lstrip("!").startswith(f"Usage: {name}")
    assert "Commands:" in out


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--help")])
def test_a_full_disk_under_standard_output_ends_in_one_line(name: str, arguments: tuple[str, ...]) -> None:
    code = f"from {COMMANDS[name]} import main; main()"
    with FULL.open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (
        2, f"{name}: error: standard output: cannot be written: the disk is full\n",
    )  # fmt: skip
