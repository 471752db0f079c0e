"""What a Vensim file says, apart from how it is laid out: an edit changes a digest, saving the file anew does not.

Order of equations, line breaks, spelling of numbers, corners of lookups and the sketch are layout. The build signs a
file with the digest of all that it says, in the comment of its time step, so that an edit made since shows.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from stockflow.language.source import Source
from stockflow.language.vensim.entries import Entry, head
from stockflow.names import plain

SIGNED = "The time step for the simulation."  # what the signature stands behind
_SIGNATURE = re.compile(r"\s*Signed by the build: ([0-9a-f]{16})\.")
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_CORNERS = re.compile(r"\[\([^\]]*\)\],?")
_LIMITS = re.compile(r"\[[^\]]*\]$")


def digest_of(text: str) -> str:
    """SHA-256 of a text, first 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digests(source: Source, fitted: Iterable[str]) -> dict[str, str]:
    """Return digests of a model by kind: its equations, its paths over time, and its constants.

    Of a constant that a fit estimated, only the limits count, so that accepting the fit changes no digest.
    """
    free = {plain(name) for name in fitted}
    numbers, paths, rest = _kinds(source.name, source.text)
    fixed = [f"{key} within {limits}" if key in free else f"{key}={value}" for key, value, limits in numbers]
    kinds = {"equations": rest, "drivers": paths, "fixed_parameters": fixed}
    return {kind: digest_of("\n".join(sorted(rows))) for kind, rows in kinds.items()}


@lru_cache(maxsize=16)
def _kinds(name: str, text: str) -> tuple[Sequence[tuple[str, str, str]], Sequence[str], Sequence[str]]:
    """Constants of a file (key, number, limits), its paths over time, and all its other equations."""
    source = Source(name, text)
    numbers: list[tuple[str, str, str]] = []
    paths: list[str] = []
    rest: list[str] = []
    for entry in source.entries():
        equation = _tight(entry.equation)
        right = equation.partition("=")[2]
        if _NUMBER.fullmatch(right.lstrip("-")):
            numbers.append((entry.key, right, "".join(_LIMITS.findall(_tight(entry.unit)))))
        else:
            (paths if right.startswith("WITH LOOKUP(Time,") else rest).append(equation)
    rest += [f"method {values[3]}" for values in source.settings("15") if len(values) > 3]
    for macro, parameters, entries, _ in source.macros():
        rest += [f"{macro}{parameters}: {_tight(entry.equation)}" for entry in entries]
    return numbers, paths, rest


def signed(source: Source) -> str:
    """Return the text of a built file with its signature."""
    signature = digest_of("\n".join(sorted(map("~".join, _said(source).values()))))
    return source.text.replace(f"\t{SIGNED}\n", f"\t{SIGNED} Signed by the build: {signature}.\n", 1)


def edited(source: Source) -> bool:
    """Say whether a file is no longer what a build signed; one without a signature is none that a build wrote."""
    found = _SIGNATURE.search(" ".join(source.text.split()))
    return found is None or found[1] != digest_of("\n".join(sorted(map("~".join, _said(source).values()))))


def differences(first: Source, second: Source) -> tuple[str, ...]:
    """Return the variables of which two files say something else, comments and units included."""
    one, other = _said(first), _said(second)
    names: Mapping[str, str] = {entry.key: head(entry.equation) for part in (first, second) for entry in part.entries()}
    return tuple(name for key, name in names.items() if one.get(key) != other.get(key))


def _said(source: Source) -> dict[str, tuple[str, str, str]]:
    def row(entry: Entry) -> tuple[str, str, str]:
        comment = _SIGNATURE.sub("", " ".join(entry.documentation.split()))
        return _tight(entry.equation), _tight(entry.unit), comment

    return {entry.key: row(entry) for entry in source.entries()}


def _tight(text: str) -> str:
    text = re.sub(r"\s*([^\w\s])\s*", r"\1", " ".join(text.split()))
    return _NUMBER.sub(lambda found: repr(float(found[0])), _CORNERS.sub("", text))
