"""Run `stockflow run` on files of strangers in a process of its own, and say what each costs and opens.

    python tests/helpers/hostile.py FOLDER FILE...

A line of JSON for each file: exit code, what was written, processor seconds, megabytes that the process has held at
most so far, and all that was done besides: files opened outside FOLDER and Python's own, programs, connections.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from pathlib import Path

from stockflow_helpers import outcome

from stockflow.commands import cli

_PATIENCE = 60
_ELSEWHERE = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "urllib.Request",
)
_OWN = ("/dev/null", "/proc/", "/sys/", "/etc/localtime", "/usr/share/zoneinfo")


def held() -> float:
    """Return the megabytes that this process has held at most; what it was made by does not count."""
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def watch(folder: Path) -> list[str]:
    """Return a list that fills with what is done outside a folder and beside Python's own files."""
    seen: list[str] = []
    # where Python, what it imports and this project are
    own = tuple(str(Path(one).resolve()) for one in {sys.prefix, sys.base_prefix, *filter(None, sys.path)})

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _ELSEWHERE:
            seen.append(f"{event} {arguments!r}"[:200])
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
            if not name.startswith((str(folder), *own, *_OWN)):
                seen.append(f"open {name}"[:200])

    sys.addaudithook(hook)
    return seen


def main(folder: Path, files: list[str]) -> None:
    """Run each file and print what came of it; one that takes much too long ends the process."""
    seen = watch(folder)
    for file in files:
        begin, told = time.process_time(), io.StringIO()
        resource.setrlimit(resource.RLIMIT_CPU, (int(begin) + _PATIENCE, resource.RLIM_INFINITY))
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            code = outcome(cli.main, "stockflow", "run", folder / file)
        used = time.process_time() - begin
        print(json.dumps([file, code, told.getvalue(), used, held(), seen[:]]), flush=True)
        seen.clear()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
