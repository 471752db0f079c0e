"""The language of what people read: English stands in the code, Chinese in one catalogue (`locale/zh.po`).

Whole sentences are translated, with their named fields still in them, and formatted after that. Names of tables,
columns and files, which programs read, stay as they are.
"""

from __future__ import annotations

import io
import locale
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from gettext import GNUTranslations
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from stockflow.errors import InputError

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
CATALOGUE = Path(__file__).parent / "locale" / "zh.po"
NAMES = CATALOGUE.with_name("names.toml")
VARIABLE = "TECHCYCLE_LANG"
REASON = "error"  # comment on a text of the catalogue that an error says
_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")
_spoken = {"language": "en"}  # of this process


def language() -> str:
    """Return the language spoken now: English, unless a command or a block chose another."""
    return _spoken["language"]


@contextmanager
def speaking(chosen: str) -> Iterator[None]:
    """Speak a language in the block; InputError for one that is not known."""
    before, _spoken["language"] = language(), known(chosen, "language")
    try:
        yield
    finally:
        _spoken["language"] = before


def speak(chosen: str) -> None:
    """Speak a language from now on: for a process that another one starts."""
    _spoken["language"] = known(chosen, "language")


def known(chosen: str, place: str) -> str:
    """Return a language that is known; InputError for any other, naming the `place` it was asked for at."""
    if chosen not in LANGUAGES:
        raise InputError(f"{place}: {chosen!r} is no language of this program; it speaks {' and '.join(LANGUAGES)}")
    return chosen


def language_of_user(asked: str | None) -> str:
    """Return the language asked for, else the one of TECHCYCLE_LANG, else Chinese where the locale is, else English."""
    if asked is not None:
        return known(asked, "--lang")
    if stated := os.environ.get(VARIABLE):
        return known(stated, VARIABLE)
    stated = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), None)
    return "zh" if (stated or locale.getlocale()[0] or "").casefold().startswith(("zh", "chinese")) else "en"


def worded(text: str, **fields: object) -> str:
    """Return a text in the language spoken, its named fields filled in by their own formats."""
    return (translated(text).format(**fields)) if fields else translated(text)


def marked(text: str) -> str:
    """Return the text as it is: it is to be translated where it is shown, by `term`."""
    return text


def term(text: str) -> str:
    """Return a name in the language spoken: of data, or several apart by commas and colons.

    Numbers in a name are looked up as places, {0}, {1}. A name that the catalogue lacks, as one of a user's own, stays,
    and so does one with a part that it lacks.
    """
    found = text if language() == "en" else _named(text)
    return text if found is None else found


def both(name: str) -> str:
    """Return a name in the language spoken and, in brackets, the English one that is typed."""
    told = term(name)
    return name if told == name else worded("{name} ({place})", name=told, place=name)


def with_places(text: str) -> str:
    """Return a name with {0}, {1} in place of its numbers."""
    places = count()
    return _NUMBER.sub(lambda _: f"{{{next(places)}}}", text)


@cache
def _told() -> dict[re.Pattern[str], str]:
    """Return what finds the fields of the sentences that other layers say, and those sentences."""
    texts = tomllib.loads(NAMES.read_text(encoding="utf-8"))["told"]
    exact = {"year": r"\d{4}", "row": r"[A-Z]+\d+"}

    def field(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{exact.get(found[1], '.+?')})"

    return {re.compile(re.sub(r"\\\{(\w+)\\\}", field, re.escape(text))): text for text in texts}


def _named(text: str) -> str | None:
    if (whole := translated(text)) != text:
        return whole
    numbers, places = _NUMBER.findall(text), with_places(text)
    if numbers and (form := translated(places)) != places:
        return form.format(*numbers)
    for parts, form in _told().items():
        if (found := parts.fullmatch(text)) is not None:
            fields = {name: listed(map(_filled, value.split("', '"))) for name, value in found.groupdict().items()}
            if fields.get("what") != found.groupdict().get("what", ""):  # which is to be known
                return translated(form).format(**fields)
    for apart, form in ((", ", marked("{head}, {rest}")), (": ", marked("{head}: {rest}"))):
        head, there, rest = text.partition(apart)
        first, last = (_named(head), _named(rest)) if there else (None, None)
        if first is not None and last is not None:
            return translated(form).format(head=first, rest=last)
    return None


def _filled(value: str) -> str:
    return term(value) if re.search("[a-z]", value) else value  # a number alone would be read as a year


def listed(items: Iterable[str]) -> str:
    """Return things one after the other: "a, b, c"."""
    return translated(", ").join(items)


def one_by_one(items: Iterable[str]) -> str:
    """Return parts of a sentence one after the other: "a; b; c"."""
    return translated("; ").join(items)


def sentences(items: Iterable[str]) -> str:
    """Return sentences as one text."""
    return ("" if language() == "zh" else " ").join(items)


def sentence(text: str) -> str:
    """Return a text closed by a full stop."""
    return translated("{text}.").format(text=text)


def translated(text: str) -> str:
    """Return the catalogue's text for one in English, as it stands; the English itself where that is spoken."""
    return text if language() == "en" or not text else _catalogue().gettext(text)


def reasons() -> list[str]:
    """Return the templates of what errors say, their fields numbered."""
    return [str(one.id) for one in _on_record() if REASON in one.auto_comments]


@cache
def _on_record() -> Catalog:
    from babel.messages.pofile import read_po  # slow to import, and needed in one language alone

    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


@cache
def _catalogue() -> GNUTranslations:
    from babel.messages.mofile import write_mo

    compiled = io.BytesIO()
    write_mo(compiled, _on_record())
    compiled.seek(0)
    return GNUTranslations(compiled)
