"""The TOML files of the cases: every number a person chose, with unit, bounds, source and evidence."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from models.files.settings import Positive, Strict, Year, read_toml, valid
from stockflow.errors import InputError

CASES = ("pv", "nev", "ic", "mrna")


def known_case(name: str) -> str:
    """Return the name of one of CASES; ValueError for any other."""
    if name not in CASES:
        raise ValueError(f"case {name!r} is none of {', '.join(CASES)}")
    return name


CaseName = Annotated[str, AfterValidator(known_case)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Parameter(Strict):
    """One number the model needs, with what a doubter would ask about it.

    `low` and `high` bound what calibration or a person may try; they say nothing about the truth. All three
    numbers are in `unit`. `evidence`: stands in the paper, read in a source, recalled from the literature,
    derived from other numbers, assumed, or the outcome of a fit.
    """

    name: Text
    value: float
    unit: Text
    low: float
    high: float
    source: Text
    evidence: Literal["paper", "read", "recalled", "derived", "assumed", "fit"]
    comment: Text

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"value = {self.value:g} {self.unit} is outside {self.low:g} to {self.high:g}")
        return self


class Lookup(Strict):
    """A curve of one model variable: output `y` (in `unit`) at `x` of variable `input`, straight in between."""

    name: Text
    input: Text
    x: tuple[float, ...] = Field(min_length=2)
    y: tuple[float, ...] = Field(min_length=2)
    unit: Text
    source: Text
    comment: Text

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError(f"x has {len(self.x)} points and y {len(self.y)}")
        if any(b <= a for a, b in zip(self.x, self.x[1:], strict=False)):
            raise ValueError(f"x = {list(self.x)} does not increase")
        return self


class Control(Strict):
    """When a case starts and ends, its time step and how often it saves; all in Year."""

    initial_time: Year
    final_time: Year
    time_step: Positive
    save_period: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.final_time <= self.initial_time:
            raise ValueError(f"final_time = {self.final_time:g} is not after initial_time {self.initial_time:g}")
        if self.save_period % self.time_step:
            raise ValueError(f"save_period = {self.save_period:g} is no multiple of time_step {self.time_step:g}")
        if self.save_period > 1:
            raise ValueError(f"save_period = {self.save_period:g} is more than 1 year, for which observations are")
        return self


class CoreFile(Strict):
    """The numbers that all cases share."""

    parameters: dict[str, Parameter]
    lookups: dict[str, Lookup]


class CaseFile(Strict):
    """One technology in one region: title, clock, the meaning of its units, and its parameters."""

    title: Text
    control: Control
    units: dict[str, tuple[Text, ...]]
    parameters: dict[str, Parameter]


_File = TypeVar("_File", CoreFile, CaseFile)


def read_core_file(path: Path) -> CoreFile:
    """Read the file of shared numbers; raises InputError with file, key, value and bound."""
    return _read(path, CoreFile)


def read_case_file(path: Path) -> CaseFile:
    """Read the file of one case; raises InputError with file, key, value and bound."""
    return _read(path, CaseFile)


def _read(path: Path, kind: type[_File]) -> _File:
    content = read_toml(path)
    for table in ("parameters", "lookups"):
        _name_rows(content.get(table), f"{path}: {table}")
    return valid(kind, content, str(path))


def _name_rows(table: object, place: str) -> None:
    """Put the key of every row into the row as its name; leave what is no table to the validation."""
    for name, row in table.items() if isinstance(table, dict) else ():
        if isinstance(row, dict):
            if "name" in row:
                raise InputError(f'{place}."{name}".name: the key of the table is the name')
            row["name"] = name
