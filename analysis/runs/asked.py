"""A run by what it changes: `history`, a schedule, a policy, a Vensim changes file, settings, or a run saved before."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import pandas as pd

from analysis.plain.language import marked, one_by_one, term, worded
from analysis.plain.units import beside_numbers
from analysis.plain.workbook import Sheet
from calibration.records.results import is_current
from models.case import load_case
from models.files.digest import digest_of
from models.home import Home
from models.schedules.file import Schedule, load_schedule, shipped
from stockflow.commands.console import settings as numbers
from stockflow.errors import InputError, UnknownNameError, unknown
from stockflow.files import shown
from stockflow.tables import table_text
from stockflow.vensim_files.files import with_changes

HISTORY, TIME, VALUES = "history", "Time", "values"
KINDS = f"{HISTORY}, a schedule (name or .toml), a policy (.csv, .xlsx), changes (.cin), NAME=VALUE, a saved run"
_APART = re.compile(r"(?<![\d.][eE])\+")  # not the sign of an exponent
_HEAD = re.compile(r"(.+) \(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_TABLES, _CHANGES = (".csv", ".xlsx", ".txt"), (".cin", ".out")


@dataclass(frozen=True, slots=True, eq=False)
class AskedRun:
    """One run: what differs from the case's history, or `saved`, a table of an earlier one (time by variable)."""

    label: str
    settings: Mapping[str, float] = field(default_factory=dict)
    by_hand: Sequence[str] = ()
    policy: Path | None = None
    schedule: Schedule | None = None
    changes: Path | None = None
    saved: pd.DataFrame | None = None

    def facts(self) -> list[tuple[str, str]]:
        """Return what was asked for in words, by kind; nothing for history."""
        given = {
            marked("settings"): ", ".join(f"{name}={value:.10g}" for name, value in self.settings.items()),
            marked("changes"): self.changes and str(self.changes),
            marked("policy"): self.policy and str(self.policy),
            marked("schedule"): self.schedule and f"{self.schedule.name}: {self.schedule.title}",
            marked("saved"): "" if self.saved is None else self.label,
        }
        return [(kind, told) for kind, told in given.items() if told]


def asked_runs(home: Home, texts: Iterable[str]) -> list[AskedRun]:
    """Return the runs that texts name; InputError for one of a kind that is not known, or a label that stands twice."""
    runs = [asked_run(home, text) for text in texts]
    labels = [one.label for one in runs]
    for one in runs:
        if labels.count(one.label) > 1:
            raise InputError(f"run {one.label!r} stands twice; give each a name of its own: 'NAME: {one.label}'")
    return runs


def asked_run(home: Home, text: str) -> AskedRun:
    """Return the run that `[LABEL: ]PART[+PART...]` names; a PART is one of KINDS.

    InputError, with the run as it is written, for a part of no kind, two policies or schedules in one run, and all that
    the readers of the files refuse.
    """
    label, colon, rest = text.partition(": ")
    label, rest = (label.strip(), rest.strip()) if colon else (text.strip(), text.strip())
    whole = Path(rest).is_file()
    parts = [rest] if whole else [part.strip() for part in _APART.split(rest)]
    label = Path(rest).name if whole and not colon else label
    pairs: list[str] = []
    found: dict[str, Path | Schedule | pd.DataFrame] = {}
    for part in parts:
        kind, value = _part(home, part, text)
        if kind == "pair":
            pairs.append(part)
        elif kind in found or (kind == "saved" and len(parts) > 1):
            told = "a saved run stands alone" if kind == "saved" else f"{part!r} is a second {kind}"
            raise InputError(f"run {text!r}: {told}")
        elif value is not None:
            found[kind] = value
    settings, changes = numbers(pairs, f"run {text!r}:"), found.get("changes")
    by_hand = tuple(settings)
    if isinstance(changes, Path):
        settings = with_changes(settings, changes, load_case(home.name).model)
    return AskedRun(label, settings, by_hand, **found)  # type: ignore[arg-type]


def _part(home: Home, part: str, text: str) -> tuple[str, Path | Schedule | pd.DataFrame | None]:
    file = Path(part)
    ending = file.suffix.lower()
    if part.casefold() == HISTORY:
        return HISTORY, None
    if ending == ".toml":
        return "schedule", load_schedule(file, home.entry)
    if ending in _CHANGES:
        return "changes", file
    if ending in _TABLES:
        saved = saved_run(file)
        return ("policy", file) if saved is None else ("saved", saved)
    if "=" in part:
        return "pair", None
    try:
        return "schedule", load_schedule(part, home.entry)
    except UnknownNameError:
        own = [name.removeprefix(f"{home.entry}_") for name in shipped() if name.startswith(f"{home.entry}_")]
        raise InputError(
            f"{unknown('run', part, [HISTORY, *own], f'run {text!r}' if part != text else '')}; a run is {KINDS}"
        ) from None


def saved_run(file: Path) -> pd.DataFrame | None:
    """Return a table written by `techcycle run`, columns as they are headed, times as index; None for another table.

    InputError for a cell that is no number.
    """
    text = table_text(file, VALUES)
    if text.partition(",")[0].strip() != TIME:
        return None
    try:
        return pd.read_csv(StringIO(text), index_col=TIME, dtype=float)
    except ValueError as error:
        raise InputError(f"{shown(file)}: not a run that `techcycle run` has written: {error}") from None


def column_of(run: AskedRun, name: str, unit: str) -> pd.Series:
    """Return a variable of a saved run, (time,); InputError if it is not there, or in another unit."""
    assert run.saved is not None
    heads = {found[1] if (found := _HEAD.fullmatch(head)) else head: head for head in run.saved.columns}
    if name not in heads:
        raise unknown("variable", name, heads, run.label)
    head = heads[name]
    if head not in (name, f"{name} ({unit})"):
        raise InputError(f"{run.label}: {head!r} is not in {unit!r}, the unit of this case")
    return run.saved[head]


def units_in_words(home: Home) -> Callable[[str], str]:
    """Return what tells a unit of the model in words: with what the case counts for "unit", "content" and the like."""
    known = {word: stands[0] for word, stands in home.numbers(True).units.items()}

    def told(unit: str) -> str:
        words = re.sub(r"\w+", lambda word: known.get(word[0], word[0]), unit)
        words = re.sub(r"^bnCNY/million (\w+?)s?$", r"thousand CNY/\1", words)
        return "1" if unit == "Dmnl" else words

    return told


def notes_of(home: Home, names: Iterable[str], runs: Sequence[AskedRun], until: float | None) -> Sheet:
    """Return the sheet that says what a table holds: each variable with unit and meaning, and which runs they are."""
    about, words = load_case(home.name), units_in_words(home)
    model = about.model
    found = [model.variable(name) for name in names]
    rows = [(one.name, one.unit, beside_numbers(words(one.unit)), one.documentation) for one in found]
    fitted = worded("the values of the case file: no fit")
    if home.record.is_file():
        fitted = worded("the accepted fit, {file}", file=home.record.name)
        if not is_current(home.name):
            fitted = worded("the accepted fit, {file}, of an earlier state", file=home.record.name)
    last = model.final_time if until is None else until
    years = worded("{first} to {last}", first=f"{model.initial_time:g}", last=f"{last:g}")
    rows += [("", "", "", ""), (worded("case"), "", home.label, term(about.title))]
    for run in runs:
        told = one_by_one(worded("{what}: {given}", what=term(kind), given=given) for kind, given in run.facts())
        rows.append((worded("run"), "", run.label, told or worded("no change")))
    rows += [
        (worded("years"), "Year", years, worded("as the model has them; a table may hold fewer")),
        (worded("estimates"), "", "", fitted),
        (
            worded("model"),
            "",
            digest_of(home.source().text),
            worded("digest of the text of the model's equations and numbers"),
        ),
        (worded("money"), "", "", worded("bnCNY: billion yuan of 2020")),
        (worded("written by"), "", f"techcycle {version('techcycle')}", ""),
    ]
    heads = worded("what"), worded("unit in the model"), worded("in words"), worded("meaning")
    return Sheet("notes", heads, rows)
