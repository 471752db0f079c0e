"""The machine a measurement was made on, and the time and memory one call takes there."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stockflow.commands.bench import timed
from stockflow.cores import usable_cores

_FLAGS = ("avx2", "fma", "avx512f")
_PACKAGES = ("numpy", "llvmlite", "pysd", "pysimlin")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Machine:
    """`flags` are the vector extensions present; `versions` holds "not installed" for what is absent."""

    processor: str
    cores: int
    flags: tuple[str, ...]
    versions: dict[str, str]
    load: float
    day: str

    def line(self) -> str:
        """Say it in one line."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.processor}, {self.cores} cores, {' '.join(self.flags) or 'no vector flags'}; {versions}; "
            f"load average {self.load:.1f} at the start"
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall time and processor time of all threads, in seconds, and memory in bytes at its peak.

    `memory` is what was needed beyond what was held before, None where the system does not count it.
    """

    seconds: float
    processor: float
    memory: int | None


def machine() -> Machine:
    """Describe this machine."""
    fields = _processor_fields()
    flags = fields.get("flags", "").split()
    versions = {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}
    return Machine(
        processor=fields.get("model name") or platform.processor() or platform.machine(),
        cores=usable_cores(),
        flags=tuple(flag for flag in _FLAGS if flag in flags),
        versions=versions | {"gcc": _gcc()},
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),  # Windows keeps none
        day=time.strftime("%Y-%m-%d"),
    )


def cost(job: Callable[[], object]) -> Cost:
    """Measure one call, dropping its result only after its memory has been read."""
    before = _restart_peak()
    began = time.process_time()
    result, seconds = timed(job)
    processor = time.process_time() - began
    memory = None if before is None else max(_kilobytes("VmHWM") - before, 0) * 1024
    del result
    return Cost(seconds, processor, memory)


def peak(costs: Iterable[Cost]) -> int | None:
    """Return the most bytes that any of the calls needed, None where they are not counted."""
    return max((one.memory for one in costs if one.memory is not None), default=None)


def _restart_peak() -> int | None:
    """Let the system count peak memory anew; return what is held now in kB, None if it cannot."""
    if not os.access(_CLEAR, os.W_OK):
        return None
    _CLEAR.write_text("5")
    return _kilobytes("VmRSS")


def _kilobytes(field: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _processor_fields() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _gcc() -> str:
    if shutil.which("gcc") is None:
        return "not installed"
    return subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True).stdout.strip()
