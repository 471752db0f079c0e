"""Keeps the catalogue: `python -m analysis.plain.catalogue` puts what the code says today into `locale/zh.po`.

A text is found where code hands it to `worded` or `marked`, in the help of commands, where templates hand it to `_` or
a `trans` block, in errors of the code that `ERRORS` names, and in data under a key that `DATA` names. New texts come in
without a translation, what nobody says any more goes; a test fails on either.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from analysis.plain.language import CATALOGUE, NAMES, REASON, with_places
from analysis.plain.raised import templates
from analysis.plain.spoken import texts
from stockflow.files import write_whole

ROOT = Path(__file__).parents[2]
HEAD = b'msgid ""\nmsgstr ""\n"Language: zh\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
KEYWORDS = ("worded", "marked", "translated")
TEMPLATES = {"_": None, "gettext": None}
JINJA, OPTIONS = "jinja2.ext:babel_extract", {"trim_blocks": "true", "silent": "false", "newstyle_gettext": "true"}
_COMMAND = re.compile(r"\b(command|group)\(|^_for_cases$")  # decorators of what has a help
ALL = ("*",)
ERRORS = ("analysis/**/*.py", "models/**/*.py", "calibration/**/*.py", "stockflow/**/*.py")  # whose errors are told
# what people read in data: names of files, and the keys whose texts are shown (`*`: every text; `key.`: the keys below)
DATA = {
    "analysis/page/captions.toml": ALL,
    "analysis/policy_page/texts.toml": ALL,
    "analysis/studies/phase_out_*.toml": (
        "title", "question", "name", "goes_on", "texts.unit", "texts.per_unit", "texts.market", "support", "paid_by",
        "evidence", "texts.supported", "what", "means", "words", "columns.unit", "worth.unit", "reported.source",
        "rush.source",
    ),
    "analysis/studies/exit.toml": ("evidence", "words", "columns.unit"),
    "analysis/studies/paths.toml": (
        "policies.name", "country", "alone_says", "not_counted", "nev.scenarios.*.says", "pv.scenarios.*.says",
        "nev.scenarios.*.source", "pv.scenarios.*.source",
    ),
    "analysis/studies/loops.toml": ("name", "meaning", "not_cut", "says", "cut_says", "words"),
    "analysis/studies/instruments.toml": ("name", "why", "absent", "not_here"),
    "models/latecomers/*.toml": ("title", "leader_title"),
    "calibration/targets/*.toml": ("series.name", "events.name", "effects.name", "effects.source", "partial.name"),
    "analysis/plain/locale/names.toml": ALL,
    "models/cases/*.toml": ("title", "parameters.", "source"),
    "models/policies/*.toml": ("title",),
    "models/templates/workbook.toml": ("text",),
    "analysis/studies/compare.toml": ("variables",),
    "analysis/studies/goals.toml": ("what",),
    "analysis/studies/search.toml": ("families", "objectives", "unit", "benefit_source"),
    "analysis/studies/sensitivity.toml": ("name",),
    "analysis/studies/identifiability.toml": ("name", "without_ridge.*"),
    "analysis/studies/scoreboard.toml": (
        "answers.*.quantity", "answers.*.unit", "reading", "reason", "observed.source",
    ),
}  # fmt: skip


def texts_of(data: Any, keys: tuple[str, ...], path: str = "") -> Iterator[str]:
    """Yield every text of TOML data that stands under one of the keys: the end of its path, `*` for any part of it."""
    if isinstance(data, dict):
        if any(key.endswith(".") and path.endswith(f".{key[:-1]}") for key in keys):
            yield from dict.fromkeys(with_places(key) for key in data)
        for key, one in data.items():
            yield from texts_of(one, keys, f"{path}.{key}")
    elif isinstance(data, list):
        for one in data:
            yield from texts_of(one, keys, path)
    elif isinstance(data, str) and data and (keys == ALL or any(fnmatchcase(path, f"*.{key}") for key in keys)):
        yield data


def extracted(root: Path = ROOT) -> Catalog:
    """Return a catalogue without translations: every text that code, templates and data say, with the files."""
    found = Catalog(locale="zh", project="techcycle", fuzzy=False)

    def add(text: str, file: Path, *comments: str) -> None:
        found.add(text, locations=[(file.relative_to(root).as_posix(), 0)], auto_comments=comments)

    for file in sorted(root.glob("analysis/**/*.py")):
        for text in said(ast.parse(file.read_text(encoding="utf-8"))):
            add(text, file)
    for file in [root / "analysis/cli.py", *sorted(root.glob("analysis/commands/*.py"))]:
        for text in helped(ast.parse(file.read_text(encoding="utf-8"))):
            add(text, file)
    for file in sorted(root.glob("analysis/page/*.html")):
        for _, message, _, _ in extract(JINJA, BytesIO(file.read_bytes()), TEMPLATES, options=OPTIONS):
            add(str(message), file)
    for file in sorted(one for pattern in ERRORS for one in root.glob(pattern)):
        for text in templates(ast.parse(file.read_text(encoding="utf-8"))):
            add(text, file, REASON)
    for text in tomllib.loads(NAMES.read_text(encoding="utf-8"))["reasons"]:
        add(text, NAMES, REASON)
    for pattern, keys in DATA.items():
        for file in sorted(root.glob(pattern)):
            for text in texts_of(tomllib.loads(file.read_text(encoding="utf-8")), keys):
                add(text, file)
    return found


def said(tree: ast.Module) -> Iterator[str]:
    """Yield every text that stands as the first argument of one of the keywords."""
    for one in ast.walk(tree):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in KEYWORDS and one.args:
            text = one.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def helped(tree: ast.Module) -> Iterator[str]:
    """Yield what the help of commands says: their docstrings, part by part, and what is said of each option."""
    for one in ast.walk(tree):
        if isinstance(one, ast.FunctionDef) and any(_COMMAND.search(ast.unparse(by)) for by in one.decorator_list):
            yield from texts(ast.get_docstring(one) or "")
        if isinstance(one, ast.keyword) and one.arg == "help" and isinstance(one.value, ast.Constant):
            yield str(one.value.value)


def on_record() -> Catalog:
    """Return the catalogue as it lies here."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


def renewed() -> Catalog:
    """Return the texts of today with the translations on record: new ones empty, none that nobody says."""
    new, old = extracted(), on_record()
    for one in new:
        if one.id and (known := old.get(one.id)) is not None:
            one.string, one.flags = known.string, set(one.flags)
    return new


def write(catalogue: Catalog, file: IO[bytes]) -> None:
    """Write a catalogue without dates and line numbers, which would change without any text."""
    file.write(HEAD)
    write_po(file, catalogue, width=0, omit_header=True, sort_by_file=True, include_lineno=False)


def main() -> int:
    """Renew the catalogue, and say which texts have no translation yet."""
    new, held = renewed(), BytesIO()
    write(new, held)
    write_whole(CATALOGUE, held.getvalue())
    missing = [one.id for one in new if one.id and not one.string]
    for text in missing:
        print(text)
    print(f"{len(missing)} of {len(new)} texts have no translation yet: {CATALOGUE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
