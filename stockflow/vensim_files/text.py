"""Lines of Vensim's control files: comments taken out, numbers kept, every complaint with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stockflow.errors import InputError, UnknownNameError
from stockflow.files import read_text
from stockflow.language.equations import Variable
from stockflow.model import Model
from stockflow.numerals import as_number

LARGEST = 10_000_000
#: the largest whole number that a control may hold
MOST_WHOLE = 2**31 - 1
_SEPARATED = r'(?=(?:[^"]*"[^"]*")*[^"]*$)'


@dataclass(frozen=True, slots=True)
class Line:
    """One line that says something: `text` without comments and outer blanks, `number` counted from 1."""

    file: str
    number: int
    text: str

    def refusal(self, found: str, expected: str) -> InputError:
        """Return the error for this line: what was found, and what was expected instead."""
        return InputError(f"{self.file}: line {self.number}: {found}; expected {expected} (line reads {self.text!r})")

    def value(self, text: str, what: str) -> float:
        """Return the finite number that `text` is; `what` names it in the refusal."""
        found = as_number(text)
        if found is None:
            raise self.refusal(f"{what} is {text.strip()!r}", "a finite number")
        return found

    def whole(self, text: str, what: str, low: int = 0, high: int = MOST_WHOLE) -> int:
        """Return the whole number from `low` to `high` that `text` is; `what` names it in the refusal."""
        value = self.value(text, what)
        if value != int(value) or not low <= value <= high:
            raise self.refusal(f"{what} is {text.strip()}", f"a whole number from {low} to {high}")
        return int(value)

    def split(self, separator: str, text: str | None = None) -> list[str]:
        """Return the parts between separators outside quotes, without outer blanks."""
        parts = re.split(re.escape(separator) + _SEPARATED, self.text if text is None else text)
        return [part.strip() for part in parts]

    def variable(self, name: str, model: Model) -> Variable:
        """Return a variable of the model; UnknownNameError with file, line and the nearest names if there is none."""
        try:
            return model.variable(name)
        except UnknownNameError as error:
            raise UnknownNameError(f"{self.file}: line {self.number}: {error}") from None

    def constant(self, name: str, model: Model) -> Variable:
        """Return a constant of the model; refuses any other kind of variable."""
        one = self.variable(name, model)
        if one.kind != "constant":
            raise self.refusal(f"{one.name} is not a constant of {model.file.name} ({one.kind})", "a constant")
        return one

    def check(self, name: str, value: float, model: Model, expected: str) -> None:
        """Refuse a value outside the limits of a variable of the model."""
        try:
            model.variable(name).check(value)
        except InputError as error:
            raise self.refusal(str(error), expected) from None

    def name(self, text: str, model: Model | None) -> str:
        """Return a name: as the model writes it, or as it stands without its quotes; refuses what cannot be one."""
        if (
            _counts(text)
            or not re.search(r"[^\W\d]", text)
            or re.search(r"[<>={}]|:[A-Za-z]", re.sub(r'"[^"]*"', "", text))
        ):
            raise self.refusal(f"{text.strip()!r} is no name", "the name of a variable")
        return text.replace('"', "").strip() if model is None else self.variable(text, model).name


def _counts(text: str) -> bool:
    """Say whether a text is a number, be it one without end."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def lines(path: str | Path) -> Iterator[Line]:
    r"""Yield the lines that say something.

    Comments stand in braces and may run over lines; a line that ends in a backslash goes on in the next and counts
    as the first.  Raises InputError for a file that cannot be read and for a brace that is not closed.
    """
    text = read_text(path, LARGEST)
    plain = re.sub(r"\{[^{}]*\}", lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    brace = re.search(r"[{}]", plain)
    if brace:
        at = plain.count("\n", 0, brace.start()) + 1
        raise InputError(f"{path}: line {at}: a comment brace {brace[0]!r} without its other; expected {{comment}}")
    held, began = "", 0
    for at, row in enumerate(plain.splitlines(), start=1):
        began = began if held else at
        held += row.strip()
        if held.endswith("\\"):
            held = held[:-1].rstrip() + " "
        elif held:
            yield Line(str(path), began, held.strip())
            held = ""
    if held.strip():
        yield Line(str(path), began, held.strip())
