"""How many processors a computation may use: the one place that asks the system."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Return how many processors this process may use, at least one.

    Where the system keeps no list of those a process is bound to, as macOS and Windows, all of them count.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
