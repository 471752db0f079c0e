"""What a command of this project does alike: settings in, text or a whole file out, one-line errors."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from stockflow.commands.entry import INTERRUPTED
from stockflow.errors import InputError, ReadingWarning
from stockflow.files import reason, replace_file, shown, watched
from stockflow.names import plain
from stockflow.numerals import number

_PAST_WHOLE = 2.0**63  # what no whole number of a machine reaches
_LONG = re.compile(r"\d{25,}|\S{161,}")  # numbers and words of a refusal that nobody reads to their end
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Real(click.FloatRange):
    """An option that is a finite number as `numerals` has it, between bounds if they are given."""

    def _describe_range(self) -> str:
        return "" if self.min is self.max is None else super()._describe_range()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; what is none ends as click ends what it cannot take."""
        return super().convert(_numeral(self, value, param, ctx), param, ctx)


class Whole(click.IntRange):
    """An option that is a whole number as `numerals` has it, between bounds if they are given, and below 2^63."""

    def _describe_range(self) -> str:
        return "" if self.min is self.max is None else super()._describe_range()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; one with a fraction is refused, not cut."""
        found = _numeral(self, value, param, ctx)
        if found != int(found):
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if abs(found) >= _PAST_WHOLE:
            self.fail(f"{value} is not between -2^63 and 2^63", param, ctx)
        return super().convert(int(found), param, ctx)


def _numeral(kind: click.ParamType[Any], value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
    try:
        return number(value) if isinstance(value, str) else float(value)
    except InputError as error:
        kind.fail(str(error), param, ctx)


class Group(click.Group):
    """A group whose commands never write over a file that they have read."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is asked for, watching what it reads."""
        with watched():
            return super().invoke(ctx)


def run_command(
    command: click.Command,
    name: str,
    others: Mapping[type[Exception], str] = MappingProxyType({}),
    told: Callable[[str], str] = str,
) -> None:
    """Run a command, exiting where it did not do; bad input, like a full disk, ends in one line and exit code 2.

    `others` are errors through nobody's input, with what is said before them; they end in exit code 3. What
    is said of all of these is `told`, in another language, say. Characters that standard output's encoding lacks, as
    where the locale is C, are written by their numbers.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")

    def end(text: str, code: int) -> None:
        short = _LONG.sub(lambda word: f"{word[0][:12]}...{word[0][-12:]}", " ".join(f"{name}: {text}".split()))
        _end(told(short), code)

    try:
        code = _code(command, name, told)
        sys.stdout.flush()
        if code:
            sys.exit(code)
    except click.ClickException as error:
        hint = f" (see `{error.ctx.command_path} --help`)" if isinstance(error, click.UsageError) and error.ctx else ""
        end(f"error: {error.format_message()}{hint}", 2)
    except InputError as error:
        end(f"error: {error}", 2)
    except tuple(others) as error:
        end(f"{next(said for kind, said in others.items() if isinstance(error, kind))}: {error}", 3)
    except (click.Abort, KeyboardInterrupt):
        end("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _give_up_output()
    except OSError as error:
        if error.filename:
            end(f"error: {shown(os.fsdecode(error.filename))}: {reason(error)}", 2)
        if error.errno not in _FULL:
            raise
        _give_up_output()
        end(f"error: standard output: cannot be written: {reason(error)}", 2)


def _code(command: click.Command, name: str, told: Callable[[str], str]) -> int:
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        if issubclass(category, ReadingWarning):
            click.echo(told(f"Warning: {message}"), err=True)
        else:
            usual(message, category, *rest)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", ReadingWarning)
            warnings.showwarning = show  # type: ignore[assignment]
            return int(command.main(standalone_mode=False, prog_name=name) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0


def _give_up_output() -> None:
    """Let what is left of standard output go nowhere, so that its end does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(text: str, code: int) -> None:
    # where standard error takes nothing either, the exit code is all that is left to say
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
    sys.exit(code)


def settings(pairs: Iterable[str], place: str = "--set") -> dict[str, float]:
    """Return the numbers of `name=value` texts; InputError, at `place`, for other texts and a name set twice."""
    out: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=")
        if not equals or not name.strip():
            raise InputError(f'{place} {pair!r}: expected "name=value"')
        if plain(name) in map(plain, out):
            raise InputError(f"{place} {pair!r}: {name.strip()!r} is set twice")
        out[name.strip()] = number(text, f"{place} {pair!r}:")
    return out


def listed(text: str) -> list[str]:
    """Return names with commas between them; a comma in brackets is part of a name."""
    return [name.strip() for name in re.split(r",(?![^\[]*\])", text) if name.strip()]


def json_text(data: object) -> str:
    """Return data as JSON; ValueError for a number that JSON lacks."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)


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


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Return rows as text with aligned columns, one row a line."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))] if rows else []
    lines = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{indent}{line.rstrip()}\n" for line in lines)
