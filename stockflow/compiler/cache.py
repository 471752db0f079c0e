"""What was worked out once is kept in files: equations that were read, code that was compiled.

The folder is `STOCKFLOW_CACHE` if that is set ("off": nothing is kept), else `stockflow` in the
user's cache folder (`XDG_CACHE_HOME`, or `~/.cache`).  An entry is found by the hash of all it was
made from, and begins with a hash of its content: one that is damaged, cut short or another's is made
anew.  A folder that another user owns or may write to is not used, for machine code is trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from stockflow.files import put_whole
from stockflow.version import fingerprint

Made = TypeVar("Made")
_HASH = hashlib.sha256
_HASHED = 32
# bytes on disk; the entries unused for longest go first
_LARGEST = 2**28
# bytes that this process wrote to each folder since it looked at the whole of it
_written: dict[Path, int] = {}


def kept(
    kind: str,
    sources: tuple[str | bytes, ...],
    make: Callable[[], Made],
    packed: Callable[[Made], bytes | None],
    unpacked: Callable[[bytes], Made],
) -> Made:
    """Return what `make` returns, from a file if it was made before from the same `sources`.

    `packed` makes bytes of it, or None of what is not worth keeping, and `unpacked` what they were made of.  The text
    of this package is a source of everything.
    """
    folder = _folder()
    if folder is None:
        return make()
    key = _key(kind, sources)
    path = folder / f"{kind}-{key}"
    content = _read(path, key)
    if content is not None:
        return unpacked(content)
    made = make()
    content = packed(made)
    # a full or read-only disk costs time, not the result
    with contextlib.suppress(OSError):
        if content is not None:
            _write(path, key, content)
    return made


def _key(kind: str, sources: tuple[str | bytes, ...]) -> str:
    whole = _HASH()
    for one in (kind, fingerprint(), *sources):
        part = one.encode() if isinstance(one, str) else one
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def _folder() -> Path | None:
    """The folder for entries, made if need be; None if nothing is to be kept."""
    asked = os.environ.get("STOCKFLOW_CACHE", "")
    if asked.lower() == "off":
        return None
    try:
        base = os.environ.get("XDG_CACHE_HOME", "")
        user = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
        folder = Path(asked) if asked else user / "stockflow"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    ours = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
    return folder if ours else None


def _checked(key: str, content: bytes) -> bytes:
    return _HASH(key.encode() + content).digest()


def _read(path: Path, key: str) -> bytes | None:
    try:
        found = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    content = found[_HASHED:]
    return content if found[:_HASHED] == _checked(key, content) else None


def _write(path: Path, key: str, content: bytes) -> None:
    """Write beside and rename, so that nobody ever reads half an entry."""
    put_whole(path, lambda part: part.write_bytes(_checked(key, content) + content))
    _written[path.parent] = _written.get(path.parent, _LARGEST) + len(content)
    if _written[path.parent] > _LARGEST // 16:
        _written[path.parent] = 0
        _make_room(path.parent)


def _make_room(folder: Path) -> None:
    with os.scandir(folder) as found:
        entries = [(entry.stat(), Path(entry)) for entry in found if entry.is_file()]
    excess = sum(status.st_size for status, _ in entries) - _LARGEST
    for status, path in sorted(entries, key=lambda one: one[0].st_mtime):
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= status.st_size
