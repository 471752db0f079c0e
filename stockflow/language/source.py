"""Model files: their text, what it is cut into, and the equations they stand for.

Vensim's file is cut into entries here, so that every complaint can name its variable and line.  Nothing in a file is
executed, and nothing is written beside it.
"""

from __future__ import annotations

import io
import re
import string
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stockflow.errors import InputError, ReadingWarning
from stockflow.files import read_bytes, read_text, shown
from stockflow.language.definition import Macro, Parsed, TooLarge
from stockflow.language.equations import Equations, Method, Variable
from stockflow.language.order import evaluation_order, initial_order
from stockflow.language.tree import Refused
from stockflow.language.vensim import entries as vensim
from stockflow.language.vensim.entries import TEST_INPUT, Entry, rule_of
from stockflow.language.vensim.equation import Equation as VensimEquation
from stockflow.language.xmile import variables as xmile
from stockflow.language.xmile.equation import Equation as XmileEquation
from stockflow.language.xmile.includes import joined
from stockflow.names import plain

if TYPE_CHECKING:
    from stockflow.language.external import External

# what a comment in braces or a quoted name holds ends no part
_QUOTED = r'(?>"(?:\\"|[^"])*"|\{[^{}]*\}|[^~|"])*+'
_ENTRY = re.compile(rf"({_QUOTED})~({_QUOTED})(?:~([^~|]*))?(?:~[^~|]*)?\|")
_GROUP = re.compile(r"(?:\s|\{[^{}]*\})*\*{3,}")
_ENCODING = re.compile(r"\s*\{[^}]*\}")
_SPACE = re.compile(r"\s*")
# a line goes on after a backslash; one at the end of all is a sign like others
_JOINED = re.compile(r"\\\r?\n(?=\s*\S)")
_CONTINUED = re.compile(r"\\\r?\n")
_MACRO_ENDS = re.compile(r":(END OF )?MACRO:", re.IGNORECASE)
_MACRO_HEAD = re.compile(r":MACRO:([^(]*)\(([^)]*)\)", re.IGNORECASE)
_SETTINGS = "///---\\\\\\"
_SKETCH = "\\\\\\---///"
#: methods of integration by their numbers in the settings of a Vensim file
METHODS: Mapping[str, Method] = {"0": "Euler", "1": "RK4 auto", "3": "RK2 auto", "4": "RK2", "5": "RK4"}
# names of text encodings in the braces that a Vensim file begins with
_HEADER = re.compile(rb"\s*\{([A-Za-z0-9_-]{2,20})\}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
Rules = Literal["manual", "pysd"]
_LARGEST = 50_000_000
_MOST_SHOWN = 5  # of what is not supported


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one model file; `name` stands for it in messages, and its ending says which format it has.

    `folder` is where files beside the model are looked for, then `folders`, and outside these none is read; `tags` are
    the files that a model calls by a name such as `?data`, and `data` tables of what it leaves to be filled.
    `elements` are equations that take the place of those for single elements of arrays in the text.  `rules` say whose
    word holds where PySD and a manual differ, see `stockflow.language.pysd`.
    """

    name: str
    text: str
    folder: str = ""
    elements: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    rules: Rules = "manual"

    @property
    def is_vensim(self) -> bool:
        """Say whether this is a Vensim file rather than XMILE."""
        return self.name.lower().endswith(".mdl")

    def with_equations(self, equations: Mapping[str, str]) -> Source:
        """Return the file with other equations for some variables, the rest untouched.

        Keys are variable names in any spelling, values are equations such as `"price= 3"`.
        """
        whole = {name: equation for name, equation in equations.items() if not name.endswith("]")}
        parts = {name: equation for name, equation in equations.items() if name.endswith("]")}
        changed = replace(self, elements={**self.elements, **parts})
        if not self.is_vensim:
            return replace(changed, text=xmile.with_equations(self.name, self.text, whole))
        wanted = {plain(name): equation for name, equation in whole.items()}
        out, last = [], 0
        for entry in self.entries():
            if entry.key in wanted:
                out += [self.text[last : entry.start], f"{wanted.pop(entry.key)}\n\t"]
                last = entry.end
        if wanted:
            raise InputError(f"{self.name}: no equation for {', '.join(sorted(wanted))}")
        return replace(changed, text="".join([*out, self.text[last:]]))

    def with_more(self, equations: str) -> Source:
        """Return a Vensim file with whole entries, unit and comment included, added after its own."""
        body, sketch, rest = self.text.partition(_SKETCH)
        return replace(self, text=f"{body.rstrip()}\n\n{equations}{sketch}{rest}")

    def entries(self) -> Iterator[Entry]:
        """Yield the equations outside macros in file order, each with the group marker it stands under."""
        body = self.text.split(_SKETCH, 1)[0]
        outside, last = [], 0
        for head, end in _macros(body):
            # macros become spaces, so that places in the text stay what they are
            outside += [body[last : head.start()], re.sub(r"\S", " ", body[head.start() : end.end()])]
            last = end.end()
        outer = "".join([*outside, body[last:]])
        encoding = _ENCODING.match(outer)
        yield from self._cut(outer, encoding.end() if encoding else 0, len(outer))

    def macros(self) -> Iterator[tuple[str, tuple[str, ...], list[Entry], int]]:
        """Yield the macros: name, parameters and further results, equations and line."""
        for one, entries in self.defined_macros():
            yield one.name, (*one.parameters, *one.outputs), entries, one.line

    def defined_macros(self) -> Iterator[tuple[Macro, list[Entry]]]:
        """Yield the macros, without their definitions, and the entries that define them."""
        body = self.text.split(_SKETCH, 1)[0]
        line, counted = 1, 0
        for head, end in _macros(body):
            given, _, further = _CONTINUED.sub(" ", head[2]).partition(":")
            parameters, outputs = (
                tuple(one.strip() for one in names.split(",") if one.strip()) for names in (given, further)
            )
            line += body.count("\n", counted, head.start())
            counted = head.start()
            macro = Macro(head[1].strip(), parameters, (), line, outputs)
            yield macro, list(self._cut(body, head.end(), end.start(), line + head[0].count("\n")))

    def _cut(self, body: str, at: int, stop: int, line: int = 1) -> Iterator[Entry]:
        """Yield the entries between two places of a text, of which the first is in a line."""
        group, counted = "", at
        while True:
            space = _SPACE.match(body, at, stop)
            start = space.end() if space else at
            line += body.count("\n", counted, start)
            counted = start
            if start == stop:
                return
            found = _ENTRY.match(body, start, stop)
            marker = _GROUP.match(found[1]) if found and found[1].rstrip().endswith("***") else None
            if found is None or (marker is None and found[3] is None):
                raise InputError(f"{self.name}: line {line}: an equation that does not end with ~ unit ~ comment |")
            at = found.end()
            if marker:
                group = found[1][marker.end() :].strip(f"*{string.whitespace}").removeprefix(".")
            else:
                texts = [" ".join(_JOINED.sub(" ", part or "").split()) for part in found.groups()]
                yield Entry(texts[0], texts[1], texts[2], group, *found.span(1), line, found[1].strip())

    def own_tags(self) -> dict[str, str]:
        """Return the files that the settings of a Vensim file give for names such as `?data`."""
        pairs = [",".join(values).partition("=")[::2] for values in self.settings("30")] if self.is_vensim else []
        return {tag.strip(): name.strip().replace("\\", "/") for tag, name in pairs if tag.startswith("?")}

    def settings(self, code: str) -> list[list[str]]:
        """Return the comma-separated values of every settings line with that code after the sketch."""
        lines = (line.strip() for line in self.text.partition(_SETTINGS)[2].splitlines())
        return [line.partition(":")[2].split(",") for line in lines if line.startswith(f"{code}:")]


def _macros(body: str) -> list[tuple[re.Match[str], re.Match[str]]]:
    """Return head and end of every macro in a text; what begins and does not end before the next is none."""
    ends = list(_MACRO_ENDS.finditer(body))
    heads = [
        (_MACRO_HEAD.match(body, begin.start(), end.start()), end)
        for begin, end in pairwise(ends)
        if not begin[1] and end[1]
    ]
    return [(head, end) for head, end in heads if head is not None]


def read(
    path: str | Path,
    external: str | Path | Sequence[str | Path] | None = None,
    encoding: str | None = None,
    data: Sequence[str | Path] = (),
    tags: Mapping[str, str] | None = None,
    rules: Rules = "manual",
) -> Source:
    """Return the text of a model file; InputError if it cannot be read as one.

    `external` are the folders that files named in the model must lie in, by default the model's own.  `encoding` is
    that of the text; a Vensim file that says none and is not UTF-8 is read as GB18030 or Windows-1252, with a warning.
    `data`, `tags` and `rules` are as in `Source`.
    """
    file = Path(path)
    given = [external] if isinstance(external, (str, Path)) else list(external or [file.parent])
    folder, *folders = map(str, given)
    if file.suffix.lower() not in {".mdl", *xmile.ENDINGS}:
        raise InputError(f"{file}: not a model file of Vensim (.mdl) or XMILE ({', '.join(xmile.ENDINGS)})")
    if encoding is None and file.suffix.lower() != ".mdl":
        text = read_text(file, _LARGEST)
    else:
        text = _decoded(file, read_bytes(file, _LARGEST), encoding)
    if file.suffix.lower() != ".mdl":
        text = joined(file, text, partial(_beside, folder, folders))
    return Source(str(file), text, folder, {}, tuple(folders), dict(tags or {}), tuple(map(str, data)), rules)


def _beside(folder: str, folders: Sequence[str], name: str, beside: Path | None) -> Path:
    """Return the file that a model, or a file `beside` it, names; Refused for one outside the folders, or not there."""
    from stockflow.language.external import External

    return External(folder, folders).check(name, beside)


def encoding_of(file: Path, content: bytes, given: str | None = None) -> str:
    """Return the encoding of a Vensim file: the one given, its own, UTF-8, or what its bytes look like.

    A ReadingWarning says what was guessed.
    """
    header = _HEADER.match(content)
    asked = given or (header[1].decode() if header else "")
    if asked and asked.lower() not in {"utf-8", "utf8"}:
        return asked
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # what says that it is UTF-8, or is in wide characters, is damaged or another kind of file
        if not asked and b"\0" not in content:
            # Chinese in its local encoding stands in pairs of bytes from A1 to FE
            pairs = all(len(one) % 2 == 0 and min(one) >= 0xA1 for one in _NOT_ASCII.findall(content))
            guessed = "gb18030" if pairs else "cp1252"
            warn(f"{shown(file)}: is not UTF-8; read as {guessed}. If its words look wrong, name its encoding", 4)
            return guessed
    return "utf-8"


def _decoded(file: Path, content: bytes, given: str | None) -> str:
    """Return the text of a Vensim file, without a byte order mark and with single line ends."""
    encoding = encoding_of(file, content, given)
    if encoding == "utf-8":
        return read_text(file, _LARGEST)
    return single_ends(decoded(file, content, encoding).removeprefix("\ufeff"))


def single_ends(text: str) -> str:
    """Return a text in which every line ends with one sign."""
    return io.StringIO(text, newline=None).read()


def decoded(file: Path, content: bytes, encoding: str) -> str:
    """Return bytes as the text that they are in an encoding; InputError if they are none."""
    try:
        return content.decode(encoding)
    except (LookupError, UnicodeError) as error:
        raise InputError(f"{shown(file)}: not text in the encoding {encoding!r}: {error}; save it as UTF-8") from None


def warn(words: str, level: int = 2) -> None:
    """Say what was guessed of a file, or is read otherwise than it asks."""
    warnings.warn(words, ReadingWarning, stacklevel=level + 1)


def told(equations: Equations) -> None:
    """Say what is read otherwise than a file asks."""
    for note in equations.notes:
        warn(f"{equations.source}: {note}")


def equations(source: Source) -> Equations:
    """Return the equations of a model file.

    Raises InputError for a file with an equation that cannot be parsed, with constructs outside the
    supported ones (five are told, each with its variable and line, the others counted), with a name
    defined twice or unknown, with an integration method that is not known, or with a loop without a stock.
    """
    try:
        return _equations(source)
    except TooLarge as error:
        raise InputError(f"{source.name}: not supported: {error}") from error
    except Refused as error:
        more = len(error.items) - _MOST_SHOWN
        shown_ = "; ".join(error.items[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise InputError(f"{source.name}: not supported: {shown_}") from error


def _equations(source: Source) -> Equations:
    found = contents(source)
    variables, structural, notes = _variables(source, found.parsed)
    model = Equations(source.name, variables, found.equivalences, found.method, structural, notes)
    evaluation_order(model)
    initial_order(model)
    return model


def _variables(source: Source, parsed: Parsed) -> tuple[Mapping[str, Variable], frozenset[str], tuple[str, ...]]:
    """Return the variables of a file, which constants decide how many hidden ones there are, and what is to be told."""
    # a model found in the cache needs none of these
    from stockflow.language import pysd
    from stockflow.language.at_time import with_controls
    from stockflow.language.functions import dialects as functions
    from stockflow.language.reader import variables_of
    from stockflow.language.scope import Translation
    from stockflow.language.subscripts import Ranges

    external = files_beside(source)
    parsed = with_listed(parsed, external)
    words = pysd if source.rules == "pysd" else functions
    known, aliases = (words.VENSIM, {}) if source.is_vensim else (words.XMILE, xmile.ALIASES)
    ranges = Ranges(parsed.ranges, parsed.mappings, apart=not source.is_vensim)
    translation = Translation(ranges, external, known, parsed.macros, aliases, parsed.arrays)
    read = variables_of(translation, parsed.definitions)
    if translation.refused:
        raise Refused(list(translation.refused))
    variables, fixed = with_controls(source.name, read)
    return variables, frozenset(translation.structural | fixed), (*parsed.notes, *translation.notes)


def files_beside(source: Source) -> External:
    """Return the files beside a model that its equations may name."""
    from stockflow.language.external import External

    return External(source.folder, source.folders, {**source.own_tags(), **source.tags}, source.data)


def with_listed(parsed: Parsed, files: External) -> Parsed:
    """Return what a file says with the ranges that other files list; Refused for a place that lists none."""
    for name, where in parsed.imported:
        parsed.add_range(name, files.elements(where))
    return parsed


@dataclass(frozen=True, slots=True)
class Contents:
    """What the text of a file says, before names and subscripts mean anything."""

    parsed: Parsed
    method: Method
    equivalences: tuple[tuple[str, ...], ...]


def contents(source: Source) -> Contents:
    """Return what a file says; what cannot be parsed is a problem of its definition.

    Raises InputError for text that is no model file and for an integration method that is not known, Refused and
    TooLarge for what cannot be told apart by variable.
    """
    from stockflow.language import pysd

    as_pysd = source.rules == "pysd"
    if not source.is_vensim:
        reads = pysd.XmileEquation if as_pysd else XmileEquation
        return Contents(*xmile.parse(source.name, source.text, reads, guarded=not as_pysd))
    equation = pysd.VensimEquation if as_pysd else VensimEquation
    method = _vensim_method(source)
    # reality checks and test inputs are no equations
    own = (one for one in source.entries() if not rule_of(one.equation) and not TEST_INPUT.match(one.equation))
    parsed = vensim.parse(own, equation)
    for macro, entries in source.defined_macros():
        parsed.add_macro(replace(macro, definitions=tuple(vensim.parse(entries, equation).definitions)))
    units = tuple(tuple(one.strip() for one in values) for values in source.settings("22"))
    return Contents(parsed, method, units)


def _methods(source: Source) -> list[str]:
    """Return the numbers by which the settings of a Vensim file ask for methods of integration."""
    return [values[3].strip() if len(values) > 3 else "0" for values in source.settings("15")]


def _vensim_method(source: Source) -> Method:
    method: Method = "Euler"
    for code in _methods(source):
        if code not in METHODS:
            known = ", ".join(f"{number} ({name})" for number, name in METHODS.items())
            raise InputError(f"{source.name}: asks for the integration method number {code}; known are {known}")
        method = METHODS[code]
    return method
