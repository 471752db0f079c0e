"""One writer at a time: a lock that the system lets go when its process ends, however it ends."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock that `file` stands for; the file is there only meanwhile, or after a kill, when it binds nobody.

    Raises BlockingIOError if another process holds it, OSError if the file cannot be written.
    """
    handle = _held(file)
    try:
        yield
    finally:
        if os.name == "nt":  # Windows removes no file that is open
            handle.close()
        with contextlib.suppress(PermissionError):  # there, it may be the next holder's by now
            file.unlink(missing_ok=True)
        handle.close()


def _held(file: Path) -> BinaryIO:
    """Return the lock file, open and locked.

    One that its holder removed between our opening and locking it binds nobody: then the new one is tried.
    """
    while True:
        handle = file.open("ab")
        try:
            _lock(handle.fileno())
            if file.exists() and os.path.samestat(os.fstat(handle.fileno()), file.stat()):
                return handle
        except OSError:
            handle.close()
            raise
        handle.close()


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except PermissionError:
            raise BlockingIOError from None
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
