"""A Vensim file with other right sides for some equations: every other byte stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stockflow.conversion.expressions import Vensim
from stockflow.errors import InputError
from stockflow.language.definition import Parsed
from stockflow.language.source import Source, contents, decoded, equations
from stockflow.language.subscripts import Ranges
from stockflow.language.tree import Refused
from stockflow.language.vensim.entries import Entry, head
from stockflow.language.vensim.equation import Equation, Left
from stockflow.model import Model
from stockflow.names import plain

_MARK = "\ufeff"
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
    mark = _MARK if whole.startswith(_MARK) else ""
    text = whole.removeprefix(_MARK)
    editor = _Editor(Source(file.name, text), Vensim())
    changes = [editor.constant(name, value) for name, value in constants.items()]
    changes += [editor.equation(one) for one in others]
    new, at = [], 0
    for start, stop, right in sorted(changes):
        if start < at:
            raise InputError(f"{file.name}: two changes of one equation, the second to {right!r}")
        new += [text[at:start], right]
        at = stop
    result = "".join([*new, text[at:]])
    _check(file, editor, result)
    try:
        return f"{mark}{result}".encode(encoding)
    except UnicodeEncodeError as error:
        raise InputError(f"{file.name}: the encoding {encoding!r} has no {error.object[error.start]!r}") from None


def _check(file: Source, editor: _Editor, text: str) -> None:
    """Raise InputError unless a changed text has the same equations as before, all of which can be read."""
    changed = Source(file.name, text, file.folder, {}, file.folders, file.tags, file.data)
    if [one.key for one in changed.entries()] != [one.key for one in editor.entries]:
        raise InputError(f"{file.name}: cannot be edited: an equation ends with ~ or |, which its text may not hold")
    equations(changed)


class _Editor:
    """Finds in the text of a file what stands for an equation."""

    def __init__(self, source: Source, writer: Vensim) -> None:
        self.source, self.writer = source, writer
        self.entries = list(source.entries())
        parsed = contents(source).parsed
        self.ranges = Ranges(parsed.ranges, parsed.mappings)
        self.newline = "\r\n" if "\r\n" in source.text else "\n"

    def constant(self, name: str, value: float) -> _Change:
        """Return the change of a constant to a number; of a list of numbers, that of its own."""
        bare, _, inside = plain(name).removesuffix("]").partition("[")
        coordinates = tuple(inside.split(",")) if inside else ()
        for entry in self.entries:
            if entry.key != bare:
                continue
            left, right = self.cut(entry)
            choices = [self.ranges.choices(one) for one in left.subscripts]
            if any(one not in choice for one, choice in zip(coordinates, choices, strict=True)):
                continue
            numbers = self.numbers(entry, right)
            sizes, place = self.ranges.row(left.subscripts, coordinates)
            many = any(size > 1 for size in sizes)
            if many and len(numbers) < 2:
                raise InputError(f"{self.source.name}: {name!r} has one equation with other elements; give --equation")
            start, stop = numbers[place if many else 0]
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
        named = [entry for entry in self.entries if entry.key == key]
        for entry in named:
            own, right = self.cut(entry)
            if [plain(one) for one in own.subscripts] == [plain(one) for one in left.subscripts]:
                if own.lookup != left.lookup:
                    raise InputError(f"--equation {text!r}: {head(text)!r} is {'a' if own.lookup else 'no'} table")
                written = text.strip()[start:].replace("\r\n", "\n").replace("\n", self.newline)
                return self.place(entry, right), self.place(entry, len(entry.raw)), written
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
            (self.place(entry, part[0].start), self.place(entry, part[-1].start + len(part[-1].text)))
            for part in parts
            if part
        ]
