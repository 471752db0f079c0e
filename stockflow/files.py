"""Files that a person names: opened here and nowhere else, and what the file system refuses said in plain words.

Only regular files are read: a pipe or a device may never end.  While `watched`, what was read is remembered, and
nothing that is written may take its place.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from stockflow.errors import InputError

#: bytes of the largest file that is read
LARGEST = 1 << 30
_LONGEST = 120  # characters of a name that is told
_SAYINGS = {
    errno.ENOENT: "there is no such file or folder",
    errno.ENOTDIR: "a part of its way is no folder",
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "it is there already",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its links lead round in a circle",
    errno.EACCES: "it is not permitted",
    errno.EPERM: "it is not permitted",
    errno.EROFS: "the disk can only be read",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk space allowed is used up",
    errno.EFBIG: "it would be too large",
    errno.EMFILE: "too many files are open",
    errno.EIO: "the disk cannot be read or written",
}
_NO_NAME = "its name holds a character that no name can hold"
_inputs: ContextVar[dict[tuple[int, int], str] | None] = ContextVar("inputs", default=None)


def read_bytes(path: str | Path, most: int = LARGEST) -> bytes:
    """Return the content of a regular file of at most `most` bytes; InputError, in words, for anything else."""
    file = Path(path)
    try:
        about = file.stat()
        wrong = _wrong(about, most)
        content = b"" if wrong else file.read_bytes()
    except OSError as error:
        wrong = reason(error)
    except ValueError:
        wrong = _NO_NAME
    if wrong:
        raise InputError(f"{shown(file)}: cannot be read: {wrong}")
    note(file, about)
    return content


def read_text(path: str | Path, most: int = LARGEST) -> str:
    r"""Return the text of a regular file in UTF-8, without a byte order mark and with `\n` between lines.

    Raises InputError as `read_bytes` does, and with line and byte for a file that is not UTF-8.
    """
    content = read_bytes(path, most)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "; it looks like UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        place = f"byte {error.start}, line {line}"
        raise InputError(f"{shown(path)}: not UTF-8 text: {place}{hint}; save it as UTF-8") from None
    return io.StringIO(text, newline=None).read()


def reason(error: OSError) -> str:
    """Return in plain words why the file system refused."""
    return _SAYINGS.get(error.errno or 0, (error.strerror or str(error)).lower())


def shown(path: str | Path) -> str:
    """Return a name as it can stand in one line: what cannot be printed escaped, the middle of a long one left out."""
    text = str(path)
    text = text if text.isprintable() else ascii(text)[1:-1]
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]}...{text[-half:]}"


@contextmanager
def watched(renewing: bool = False) -> Iterator[None]:
    """Remember, until the end of the block, which files were read; when `renewing` let it write over them."""
    token = _inputs.set(None if renewing else {})
    try:
        yield
    finally:
        _inputs.reset(token)


def note(file: Path, about: os.stat_result | None = None) -> None:
    """Remember a file that is read in another way than by `read_bytes`; one that is not there is nothing to lose."""
    inputs = _inputs.get()
    if inputs is not None and (about is not None or file.exists()):
        about = about or file.stat()
        inputs.setdefault((about.st_dev, about.st_ino), shown(file))


def check_ending(out: Path | None, *endings: str) -> None:
    """Refuse to write a file whose name says that it is of another kind; an ending may be empty."""
    if out is not None and out.suffix.lower() not in endings:
        known = ", ".join(filter(None, endings))
        raise InputError(f"{shown(out)}: cannot be written: its name must end in {known}, the kinds that are written")


def check_output(out: Path) -> None:
    """Raise InputError for a file to be written that is a folder, or one that was read, by whatever name or link."""
    try:
        about = out.stat()
    except OSError:
        return  # not there, or writing will say what is wrong
    except ValueError:
        raise InputError(f"{shown(out)}: cannot be written: {_NO_NAME}") from None
    if stat.S_ISDIR(about.st_mode):
        raise InputError(f"{shown(out)}: cannot be written: it is a folder")
    if known := (_inputs.get() or {}).get((about.st_dev, about.st_ino)):
        same = "" if known == shown(out) else f", which is {known}"
        raise InputError(f"{shown(out)}: cannot be written: it is an input of this command{same}; give another name")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what the file system refuses inside the block into an InputError, in words, that names `place`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{shown(place)}: cannot be written: {reason(error)}") from None


def replace_file(out: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a file beside `out`, then put it in the place of `out` in one step; return `out`.

    What is no regular file, such as a pipe, is written to as it is; InputError for what `check_output` refuses and, in
    words, for what the file system refuses.
    """
    check_output(out)
    with writing(out):
        if out.exists() and not out.is_file():
            write(out)
            return out
        return put_whole(out, write)


def write_whole(file: Path, content: str | bytes) -> Path:
    """Write text, in UTF-8, or bytes to a file, whole or not at all, making its folder; InputError in words."""
    whole = content.encode() if isinstance(content, str) else content
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    return replace_file(file, lambda part: part.write_bytes(whole))


def missing(folder: Path) -> list[Path]:
    """Return the folders that making `folder` would make, the innermost first."""
    return [one for one in (folder, *folder.parents) if not one.exists()]


def take_away(folders: Iterable[Path]) -> None:
    """Remove folders that are empty, in order; one that is not stays."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def put_whole(file: Path, write: Callable[[Path], object], beside: Path | None = None) -> Path:
    """Let `write` fill a file that takes the place of `file` once it is on disk; OSError as it comes.

    Nobody ever reads half of `file`, and nothing is left beside it. It is filled at `beside` or, if none is given, in a
    folder of its own, so that several may write one file at once.
    """
    if beside is None:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".new-") as folder:
            return put_whole(file, write, Path(folder) / file.name)
    try:
        write(beside)
        with beside.open("rb+") as filled:
            os.fsync(filled.fileno())
        return beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _wrong(about: os.stat_result, most: int) -> str:
    """Say why a file is not read; an empty text if it is."""
    if stat.S_ISDIR(about.st_mode):
        return "it is a folder, not a file"
    if not stat.S_ISREG(about.st_mode):
        return "it is no regular file, but a pipe or a device"
    return f"{about.st_size} bytes are more than {most}" if about.st_size > most else ""
