"""What a command of this project does alike: settings in, text or a whole file out, one-line errors."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from stockflow.errors import InputError
from stockflow.names import plain


def run_command(command: click.Command, name: str) -> None:
    """Run a command and exit; bad input ends in one line on standard error and exit code 2."""
    try:
        sys.exit(command.main(standalone_mode=False, prog_name=name) or 0)
    except InputError as error:
        _fail(name, str(error))
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        _fail(name, error.format_message() + hint)
    except click.Abort:
        click.echo(f"{name}: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(name: str, text: str) -> None:
    click.echo(f"{name}: error: {' '.join(text.split())}", err=True)
    sys.exit(2)


def settings(pairs: Iterable[str]) -> dict[str, float]:
    """Return the numbers of `name=value` texts; InputError for any other text, and for a name that is set twice."""
    out: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=")
        if not equals or not name.strip():
            raise InputError(f'--set {pair!r}: expected "name=value"')
        if plain(name) in map(plain, out):
            raise InputError(f"--set {pair!r}: {name.strip()!r} is set twice")
        try:
            out[name.strip()] = float(text)
        except ValueError:
            raise InputError(f"--set {pair!r}: {text.strip()!r} is not a number") from None
    return out


def deliver(pieces: Iterable[str], out: Path | None) -> None:
    """Write text piece by piece to a file, all of it or nothing, or to standard output."""
    if out is not None:
        replace_file(out, lambda part: _write(pieces, part))
    else:
        for piece in pieces:
            click.echo(piece, nl=False)


def _write(pieces: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)


def replace_file(out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `out`, then put it in the place of `out` in one step.

    What is no regular file, such as a pipe, is written to as it is; InputError for a folder.
    """
    if out.is_dir():
        raise InputError(f"{out}: cannot be written: it is a folder")
    try:
        if out.exists() and not out.is_file():
            write(out)
            return
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            part = Path(folder) / out.name
            write(part)
            part.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from None


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Return rows as text with aligned columns, one row a line."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    lines = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{indent}{line.rstrip()}\n" for line in lines)
