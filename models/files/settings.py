"""Settings files: TOML that a schema of pydantic describes, refused in one line where it is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from stockflow.errors import InputError
from stockflow.files import read_text

T = TypeVar("T")


def read_settings(file: Path, schema: type[T] | TypeAdapter[T]) -> T:
    """Return what `file` says, as `schema`; an `InputError` names file, key, what is wrong, and the value."""
    adapter: TypeAdapter[T] = schema if isinstance(schema, TypeAdapter) else TypeAdapter(schema)
    try:
        return adapter.validate_python(read_toml(file))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise InputError(f"{file.name}: {place}: {told(first)}") from None


def told(error: ErrorDetails) -> str:
    """Say what pydantic found wrong, and the value unless it is the whole table around a key that is missing."""
    return error["msg"] if error["type"] == "missing" else f"{error['msg']} (got {error['input']!r:.80})"


def read_toml(file: Path) -> dict[str, Any]:
    """Return a TOML file as plain values; an `InputError` names a file that cannot be read.

    Refused beside what is no TOML: tables nested too deep to read, and whole numbers too long to be one.
    """
    text = read_text(file)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{file.name}: not readable as TOML: nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file.name}: not readable as TOML: {error}") from None
    except ValueError:  # Python's own bound on the digits of a whole number
        raise InputError(f"{file.name}: not readable as TOML: a whole number of thousands of digits") from None
