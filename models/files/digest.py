"""What a Vensim file says, apart from how it is laid out: an edit changes a digest, saving the file anew does not.

Order of equations, line breaks, spelling of numbers, corners of lookups and the sketch are layout. The build signs a
file with the digest of all that it says, in the comment of its time step, so that an edit made since shows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from stockflow.language.source import Source
from stockflow.language.vensim import Entry, head
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
    kinds: dict[str, list[str]] = {"equations": [], "drivers": [], "fixed_parameters": []}
    for entry in source.entries():
        right = _tight(entry.equation).partition("=")[2]
        if _is_number(right) and entry.key in free:
            kinds["fixed_parameters"].append(f"{entry.key} within {''.join(_LIMITS.findall(_tight(entry.unit)))}")
        elif _is_number(right):
            kinds["fixed_parameters"].append(f"{entry.key}={right}")
        else:
            kind = "drivers" if right.startswith("WITH LOOKUP(Time,") else "equations"
            kinds[kind].append(_tight(entry.equation))
    kinds["equations"] += [f"method {values[3]}" for values in source.settings("15") if len(values) > 3]
    for name, parameters, entries, _ in source.macros():
        kinds["equations"] += [f"{name}{parameters}: {_tight(entry.equation)}" for entry in entries]
    return {kind: digest_of("\n".join(sorted(rows))) for kind, rows in kinds.items()}


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


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text.lstrip("-")) is not None


def _tight(text: str) -> str:
    text = re.sub(r"\s*([^\w\s])\s*", r"\1", " ".join(text.split()))
    return _NUMBER.sub(lambda found: repr(float(found[0])), _CORNERS.sub("", text))
