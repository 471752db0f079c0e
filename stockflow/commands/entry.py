"""Where a command of this project begins: nothing slow is imported before an interrupt ends in one line."""

from __future__ import annotations

import os
import signal
from importlib import import_module

INTERRUPTED = 130  # exit code of a program that was interrupted


def start(name: str, module: str) -> None:
    """Import the module of the command called `name` and call its `main`."""
    usual = signal.getsignal(signal.SIGINT)

    def stop(*_: object) -> None:
        # an import may swallow or rename an exception, and nothing is there yet to be put in order
        os.write(2, f"{name}: interrupted\n".encode())
        os._exit(INTERRUPTED)

    if usual is signal.default_int_handler:  # one that is ignored, as in the background, stays so
        signal.signal(signal.SIGINT, stop)
    command = import_module(module)
    try:
        signal.signal(signal.SIGINT, usual)
        command.main()
    except KeyboardInterrupt:
        stop()
    finally:
        # all is done and said: what is left is Python's own end
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> None:
    """Run the command `stockflow`."""
    start("stockflow", "stockflow.commands.cli")
