"""A Vensim file with other right sides for some equations: every other byte stays as it is."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path

from stockflow.conversion.arrays import coordinates_of
from stockflow.conversion.expressions import Vensim
from stockflow.errors import InputError
from stockflow.language.definition import Parsed
from stockflow.language.source import Source, contents, decoded, equations, files_beside, single_ends, with_listed
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Refused
from stockflow.language.vensim.entries import TEST_INPUT, Entry, head, rule_of
from stockflow.language.vensim.equation import Equation, Left
from stockflow.model import Model
from stockflow.names import plain

_MARK = "\ufeff"
_END = re.compile(r"\r\n|\r|\n")
#: what a text may be replaced by: its first place, the place behind it, and the text
_Change = tuple[int, int, str]


def edited(
    model: Model, content: bytes, encoding: str, constants: Mapping[str, float], others: Sequence[str] = ()
) -> bytes:
    """Return the bytes of a model's Vensim file with other numbers for `constants` and other equations.

    `others` are equations such as `"x= a*b"`, each in the place of the one with that left side.  InputError for what is
    not there, for a value outside its limits, for two changes of one equation, and for what cannot be read afterwards.
    """
    file = model.file
    if not file.is_vensim:
        raise InputError(f"{file.name}: is no Vensim file (.mdl); only those are edited")
    model.with_constants(constants)
    whole = decoded(Path(file.name), content, encoding)
    if not _is_text_of(whole, content, encoding):
        raise InputError(
            f"{file.name}: cannot be edited in the encoding {encoding!r}, which would write other bytes than the file"
            " has; save it as UTF-8"
        )
    mark = _MARK if whole.startswith(_MARK) else ""
    text = whole.removeprefix(_MARK)
    editor = _Editor(_with_text(file, single_ends(text)), Vensim())
    double = [one.start() - place for place, one in enumerate(re.finditer("\r\n", text))]
    newline = (_END.search(text) or ["\n"])[0]
    changes = [editor.constant(name, value) for name, value in constants.items()]
    changes += [editor.equation(one) for one in others]
    new, at = [], 0
    for first, end, right in sorted(changes):
        start, stop = (one + bisect_left(double, one) for one in (first, end))
        if start < at:
            raise InputError(f"{file.name}: two changes of one equation, the second to {right!r}")
        new += [text[at:start], single_ends(right).replace("\n", newline)]
        at = stop
    result = "".join([*new, text[at:]])
    _check(file, editor, single_ends(result))
    try:
        return f"{mark}{result}".encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(f"{file.name}: the encoding {encoding!r} has no {error.object[error.start]!r}") from None


def _with_text(file: Source, text: str) -> Source:
    """Return another text in the place of a file."""
    return Source(file.name, text, file.folder, {}, file.folders, file.tags, file.data)


def _is_text_of(text: str, content: bytes, encoding: str) -> bool:
    """Say whether a text is written as the bytes that it was read from."""
    try:
        return text.encode(encoding) == content
    except UnicodeError:
        return False


def _check(file: Source, editor: _Editor, text: str) -> None:
    """Raise InputError unless a changed text has the same equations as before, all of which can be read."""
    changed = _with_text(file, text)
    if [one.key for one in changed.entries()] != [one.key for one in editor.entries]:
        raise InputError(f"{file.name}: cannot be edited: an equation ends with ~ or |, which its text may not hold")
    equations(changed)


class _Editor:
    """Finds in the text of a file what stands for an equation."""

    def __init__(self, source: Source, writer: Vensim) -> None:
        self.source, self.writer = source, writer
        self.entries = list(source.entries())
        # reality checks and test inputs are no equations
        self.own = [one for one in self.entries if not rule_of(one.equation) and not TEST_INPUT.match(one.equation)]
        parsed = with_listed(contents(source).parsed, files_beside(source))
        self.ranges = Ranges(parsed.ranges, parsed.mappings)

    def constant(self, name: str, value: float) -> _Change:
        """Return the change of a constant to a number; of a list of numbers, that of its own."""
        key = plain(name)
        for entry in self.own:
            if key != entry.key and not key.startswith(f"{entry.key}["):
                continue
            left, right = self.cut(entry)
            inside = list(coordinates_of(left, self.ranges))
            own = next((one for one in inside if plain(self.ranges.label(entry.key, one)) == key), None)
            if own is None:
                continue
            numbers = self.numbers(entry, right)
            sizes, place = self.ranges.row(left.subscripts, own)
            if len(inside) > 1 and len(numbers) < 2:
                raise InputError(f"{self.source.name}: {name!r} has one equation with other elements; give --equation")
            start, stop = numbers[place if len(numbers) == math.prod(sizes) else 0]
            return start, stop, self.writer.number(value)
        raise InputError(f"{self.source.name}: no equation for {name!r}")

    def equation(self, text: str) -> _Change:
        """Return the change of an equation to another with the same left side."""
        try:
            new = Equation(text.strip())
            left = new.left(Parsed())
            if left is None or left.data or new.kind == "end":
                raise Refused(["no equation of a variable"])
            start = new.tokens[new.at].start
            new.right(left)
        except Refused as error:
            raise InputError(f'--equation {text!r}: {error}; expected "name= expression"') from None
        key = plain(head(text))
        named = [entry for entry in self.own if entry.key == key]
        for entry in named:
            own, right = self.cut(entry)
            if _names(own) == _names(left):
                if own.lookup != left.lookup:
                    raise InputError(f"--equation {text!r}: {head(text)!r} is {'a' if own.lookup else 'no'} table")
                last = Equation(entry.raw, entry.line).tokens[:-1][-1].start
                return self.place(entry, right), self.place(entry, max(right, _end(entry, last))), text.strip()[start:]
        others = (
            f"; its left sides are {', '.join(one.raw.partition('=')[0].strip() for one in named)}" if named else ""
        )
        raise InputError(f"{self.source.name}: no equation with the left side of {text!r}{others}")

    def cut(self, entry: Entry) -> tuple[Left, int]:
        """Return the left side of an equation, and where in its text the right side begins."""
        try:
            found = Equation(entry.raw, entry.line)
            left = found.left(Parsed())
        except Refused as error:
            raise InputError(f"{self.source.name}: line {entry.line}: {error}") from None
        if left is None:
            raise InputError(f"{self.source.name}: line {entry.line}: {head(entry.equation)!r} is a range")
        return left, found.tokens[found.at].start

    def place(self, entry: Entry, at: int) -> int:
        """Return the place in the file of one in the text of an equation."""
        text = self.source.text[entry.start : entry.end]
        return entry.start + len(text) - len(text.lstrip()) + at

    def numbers(self, entry: Entry, right: int) -> list[tuple[int, int]]:
        """Return where the numbers of a constant begin and end; a number that is written as an expression is one."""
        tokens = [one for one in Equation(entry.raw, entry.line).tokens if one.start >= right and one.kind != "end"]
        ends = [at for at, one in enumerate(tokens) if one.kind in {",", ";"}]
        parts = [tokens[a:b] for a, b in zip([0, *(at + 1 for at in ends)], [*ends, len(tokens)], strict=True)]
        return [
            (self.place(entry, part[0].start), self.place(entry, _end(entry, part[-1].start))) for part in parts if part
        ]


def _end(entry: Entry, start: int) -> int:
    """Return the place behind what begins at a place in the text of an equation."""
    found = Equation.pattern.match(entry.raw, start)
    return start if found is None else found.end()


def _names(left: Left) -> tuple[list[str], list[list[str]]]:
    """Return the subscripts of a left side and those left out of it, by compared names."""
    return [plain(one) for one in left.subscripts], sorted([plain(one) for one in each] for each in left.exceptions)
