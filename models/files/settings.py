"""Settings files: TOML that a schema of pydantic describes, refused in one line where it is wrong."""

import pickle
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from stockflow.errors import InputError
from stockflow.files import read_text

FIRST_YEAR, LAST_YEAR = 1700.0, 2200.0  # of every year that a person writes: beyond lie only typos
NEVER = LAST_YEAR  # a start that no run reaches

Year = Annotated[float, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
StudyYear = Annotated[float, Field(ge=1990, le=2060)]  # of policies that are tried: what the drivers cover
WholeYear = Annotated[int, Field(ge=int(FIRST_YEAR), le=int(LAST_YEAR))]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Starts = Annotated[int, Field(ge=1, le=1000)]  # of a search: more than anyone waits for
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Within = Annotated[float, Field(gt=0, lt=1)]  # a share that is neither nothing nor all
Text = Annotated[str, Field(min_length=1)]
Sentence = Annotated[str, Field(min_length=10)]  # a source or a reason: more than a word

T = TypeVar("T")


class Strict(BaseModel):
    """A table of a settings file: it cannot change, takes no unknown key, and every value is of the type it should be.

    A number is finite and no `true` and no text; a whole number has no fraction. Lists become tuples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _lists_as_tuples(cls, content: Any) -> Any:
        return _fixed(content)


class SettingsFile(Strict):
    """A whole settings file; `shipped` is where the project's own lies."""

    shipped: ClassVar[Path]

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Read a file, by default the project's own; an `InputError` names file, key, what is wrong and the value."""
        return read_settings(file or cls.shipped, cls)


def _fixed(content: Any) -> Any:
    if isinstance(content, list):
        return tuple(_fixed(one) for one in content)
    if isinstance(content, dict):
        return {key: _fixed(one) for key, one in content.items()}
    return content


def read_settings(file: Path, schema: type[T] | TypeAdapter[T]) -> T:
    """Return what `file` says, as `schema`; an `InputError` names file, key, what is wrong, and the value."""
    return valid(schema, read_toml(file), file.name)


def valid(schema: type[T] | TypeAdapter[T], content: Mapping[str, object], place: str) -> T:
    """Return checked content; InputError, at `place`, with key, what is wrong, and the value unless it is a table."""
    adapter: TypeAdapter[T] = schema if isinstance(schema, TypeAdapter) else TypeAdapter(schema)
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    why, shown = first["msg"].removeprefix("Value error, "), f" (got {first['input']!r:.80})"
    if first["type"] == "extra_forbidden":
        why = "unknown key"
    elif first["type"] in {"model_type", "model_attributes_type"}:
        why = "must be a table"
    elif first["type"] in {"missing", "value_error"}:
        shown = ""
    raise InputError(": ".join(one for one in (place, key, why) if one) + shown)


@lru_cache(maxsize=64)
def _parsed(text: str) -> bytes:
    """A TOML text as plain values, pickled: whoever asks for it gets a copy of its own."""
    return pickle.dumps(tomllib.loads(text))


def read_toml(file: Path) -> dict[str, Any]:
    """Return a TOML file as plain values; an `InputError` names a file that cannot be read.

    Refused beside what is no TOML: tables nested too deep to read, and whole numbers too long to be one.
    """
    text = read_text(file)
    try:
        return pickle.loads(_parsed(text))  # type: ignore[no-any-return]
    except RecursionError:
        raise InputError(f"{file.name}: not readable as TOML: nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file.name}: not readable as TOML: {error}") from None
    except ValueError:  # Python's own bound on the digits of a whole number
        raise InputError(f"{file.name}: not readable as TOML: a whole number of thousands of digits") from None
