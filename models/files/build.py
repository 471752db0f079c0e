"""Parts, numbers and drivers become four self-contained Vensim files: `python -m models.files.build [--check]`.

The text of the core is the same in every file. A constant stands behind the equations of the first group
that uses it; case constants that only the core uses stand in a last group of their own. Behind the equations
stands a sketch made from them, so that the file opens as diagrams.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from models.files.casefile import CASES, CaseFile, Control, Lookup, Parameter, read_case_file, read_core_file
from models.files.digest import SIGNED, differences, edited, signed
from models.files.parts import Entry, Group, names_used, read_part
from models.files.series import Point, Series, read_series
from stockflow import from_text
from stockflow.errors import InputError, unknown
from stockflow.files import write_whole
from stockflow.language.source import Source
from stockflow.pictures.sketch import MARK, sketch

FOLDER = Path(__file__).parents[1]
DRIVER_FOLDERS = ("policies", "scenarios")
Numbers = Mapping[str, Parameter | Lookup]
_STARS = "*" * 56
_MARK = re.compile(r"[~|{}\\\x00-\x1f\x7f]|\*{3}|:[\s_]*(?:end[\s_]+of[\s_]+)?macro[\s_]*:", re.IGNORECASE)
_SETTINGS = """///---\\\\\\
:L\x7f<%^E!@
{units}22:Year,Years
15:0,0,0,0,0,0
19:100,0
"""


def build_text(case: str, folder: Path = FOLDER) -> str:
    """Return the text of one case's Vensim file, made from `folder` (parts, cases, policies, scenarios).

    Raises InputError for a bad file, and for a variable that is missing, defined twice or not used.
    """
    path = folder / "cases" / f"{case}.toml"
    drivers = read_drivers([folder / kind / f"{case}.csv" for kind in DRIVER_FOLDERS])
    return assembled(case, case, path, read_case_file(path), drivers, folder)


def assembled(
    name: str,
    part: str,
    case_path: Path,
    numbers: CaseFile,
    drivers: Mapping[str, Series],
    folder: Path = FOLDER,
    drawn: bool = True,
) -> str:
    """Return the text of the Vensim file called `name`, from the core, a `part`, and the numbers and drivers given.

    Parts and the core's numbers are those of `folder`; `case_path` stands for `numbers` in messages. A text that is not
    `drawn` has no diagrams, which take as long as reading it. Raises InputError for a variable that is missing, defined
    twice or not used.
    """
    core, own = (read_part(folder / "vensim" / "parts" / f"{one}.part") for one in ("core", part))
    core_path = folder / "cases" / "core.toml"
    shared = read_core_file(core_path)
    shared_values: Numbers = {**shared.parameters, **shared.lookups}
    _check_names(core, own, {core_path: shared_values, case_path: numbers.parameters}, drivers)
    core_text = "".join(_groups(core, shared_values, drivers, ".Core 9 Constants", core_path))
    last = f".{own[0].name.split()[0]} {len(own) + 1} Parameters of the core"
    own_text = "".join(_groups(own, numbers.parameters, drivers, last, case_path))
    text = "{UTF-8}\n" + core_text + own_text + _control(numbers.control)
    settings = _settings(numbers, case_path)
    picture = sketch(from_text(f"{name}.mdl", text + MARK + settings).equations) if drawn else MARK
    return signed(Source(f"{name}.mdl", text + picture + settings))


def read_drivers(paths: Iterable[Path]) -> dict[str, Series]:
    """Return the drivers of several tables by name; InputError, with both places, for one that stands in two."""
    drivers: dict[str, Series] = {}
    for path in paths:
        for name, series in read_series(path, sourced=True).items():
            if name in drivers:
                raise InputError(f"{series.points[0].place}: {name!r} stands also at {drivers[name].points[0].place}")
            drivers[name] = series
    return drivers


def _check_names(
    core: Sequence[Group],
    own: Sequence[Group],
    numbers: Mapping[Path, Numbers],
    drivers: Mapping[str, Series],
) -> None:
    """Refuse a name that is defined twice, used but not defined, or a number that nothing uses."""
    entries = [entry for group in (*core, *own) for entry in group.entries]
    defined: dict[str, str] = {}
    for name, place in [
        *((entry.name, entry.place) for entry in entries),
        *((name, str(path)) for path, table in numbers.items() for name in table),
    ]:
        if name.casefold() in defined:
            raise InputError(f"{place}: {name!r} is defined twice, first in {defined[name.casefold()]}")
        defined[name.casefold()] = place
    lookups = [one for table in numbers.values() for one in table.values() if isinstance(one, Lookup)]
    used = _used((*core, *own), lookups)
    spelling = {name.casefold() for name in used}
    for name, place in used.items():
        if name.casefold() not in defined:
            raise InputError(f"{place} uses {name!r}, which no part, parameter or driver defines")
    for path, table in numbers.items():
        for name in table:
            if name.casefold() not in spelling:
                raise InputError(f"{path}: {name!r} is used by no equation")
    expected = {entry.name: entry for entry in entries if entry.is_driver and entry.read_at[0] == entry.name}
    for name, series in drivers.items():
        if name not in expected:
            raise unknown("driver", name, expected, series.points[0].place)
        if series.unit != expected[name].unit:
            raise InputError(f"{series.points[0].place}: {name!r} is in {series.unit!r}, not {expected[name].unit!r}")
        for point in series.points:
            _check_limits(point, expected[name])
    for entry in entries:
        if entry.is_driver and entry.read_at[0] not in drivers:
            raise InputError(f"{entry.place}: driver {entry.read_at[0]!r} has no rows in policies or scenarios")


def _check_limits(point: Point, entry: Entry) -> None:
    low, high = entry.limits
    for bound, wrong, word in ((low, low is not None and point.value < low, "below"),
                               (high, high is not None and point.value > high, "above")):  # fmt: skip
        if wrong:
            raise InputError(f"{point.place}: {point.name!r} {point.value:g} {point.unit} is {word} {bound:g}")


def _used(groups: Iterable[Group], lookups: Iterable[Lookup]) -> dict[str, str]:
    """Return every name that an equation uses, with the place that uses it first."""
    used: dict[str, str] = {}
    for group in groups:
        for entry in group.entries:
            expression = entry.read_at[1] if entry.is_driver else entry.expression
            for name in names_used(expression):
                used.setdefault(name, f"{entry.place}: {entry.name!r}")
    for lookup in lookups:
        used.setdefault(lookup.input, f"lookup {lookup.name!r}")
    return used


def _groups(
    groups: Sequence[Group], numbers: Numbers, drivers: Mapping[str, Series], last: str, file: Path
) -> Iterable[str]:
    left = dict(numbers)
    for group in groups:
        body = [_entry(entry, drivers) for entry in group.entries]
        own = [name for name in _used([group], ()) if name in left]
        body += [_number(left.pop(name), file) for name in own]
        yield heading(group.name) + "".join(body)
    if left:
        yield heading(last.lstrip(".")) + "".join(_number(number, file) for number in left.values())


def heading(name: str) -> str:
    """Return what stands before the equations of a group."""
    return f"{_STARS}\n\t.{name}\n{_STARS}~\n\t|\n\n"


def _entry(entry: Entry, drivers: Mapping[str, Series]) -> str:
    if not entry.is_driver:
        return entry.text + "\n\n"
    name, when = entry.read_at
    series = drivers[name]
    years, values = series.years, series.values
    right = _digits(values[0]) if len(values) == 1 else _with_lookup(when, years, values)
    return _equation(entry.name, right, entry.unit, entry.limits, f"{entry.comment} {_provenance(series)}", entry.place)


def _provenance(series: Series) -> str:
    """Say in one sentence where the points of a driver come from."""
    sources = list(dict.fromkeys(_plain(point.source, f"{point.place}: source").rstrip(".") for point in series.points))
    shown = "; ".join(sources[:3]) + (f"; and {len(sources) - 3} more" if len(sources) > 3 else "")
    evidence = ", ".join(dict.fromkeys(point.evidence for point in series.points))
    folder, file = Path(series.points[0].place.split(" row ")[0]).parts[-2:]
    return f"{len(series.points)} point(s) in {folder}/{file} ({evidence}): {shown}."


def _number(number: Parameter | Lookup, file: Path) -> str:
    place = f"{file}: {number.name!r}"
    comment = f"{number.comment} Source: {number.source.rstrip('.')}"
    if isinstance(number, Lookup):
        right = _with_lookup(number.input, number.x, number.y)
        return _equation(number.name, right, number.unit, (None, None), f"{comment}.", place)
    limits = (number.low, number.high)
    comment = f"{comment} ({number.evidence})."
    return _equation(number.name, _digits(number.value), number.unit, limits, comment, place)


def _equation(
    name: str, right: str, unit: str, limits: tuple[float | None, float | None], comment: str, place: str = "Control"
) -> str:
    unit, comment = _plain(unit, f"{place}: unit"), _plain(comment, f"{place}: text")
    bounds = ",".join("?" if bound is None else _digits(bound) for bound in limits)
    unit = unit if limits == (None, None) else f"{unit} [{bounds}]"
    return f"{_wrapped(f'{name}= {right}')}\n\t~\t{unit}\n\t~\t{_wrapped(comment)}\n\t|\n\n"


def _with_lookup(argument: str, x: Sequence[float], y: Sequence[float]) -> str:
    """Return `WITH LOOKUP(argument, points)` with the range that Vensim asks for: that of the points."""
    corners = f"[({_digits(min(x))},{_digits(min(y))})-({_digits(max(x))},{_digits(max(y))})]"
    points = ", ".join(f"({_digits(a)},{_digits(b)})" for a, b in zip(x, y, strict=True))
    return f"WITH LOOKUP ( {argument}, ({corners}, {points}))"


def _plain(text: str, place: str) -> str:
    """Return a text as it may stand in a model file, on one line; InputError where Vensim would read more in it."""
    line = " ".join(text.split())
    if mark := _MARK.search(line):
        raise InputError(f"{place} holds {mark[0]!r}, a mark of Vensim's that no text may hold: {line!r:.80}")
    return line


def _wrapped(text: str) -> str:
    lines = textwrap.wrap(text, 105, break_long_words=False, break_on_hyphens=False)
    return " \\\n\t\t".join(lines)


def _digits(value: float) -> str:
    return f"{value + 0.0:.8g}"


def _control(control: Control) -> str:
    def line(name: str, value: float, comment: str) -> str:
        return _equation(name, _digits(value), "Year", (None, None), comment)

    return heading("Control") + (
        line("FINAL TIME", control.final_time, "The final time for the simulation.")
        + line("INITIAL TIME", control.initial_time, "The initial time for the simulation.")
        + line("SAVEPER", control.save_period, "The frequency with which output is stored.")
        + line("TIME STEP", control.time_step, SIGNED)
    )


def _settings(case: CaseFile, file: Path) -> str:
    rows = (_plain(",".join((unit, *same)), f"{file}: unit of the model") for unit, same in case.units.items())
    units = "".join(f"22:{row}\n" for row in rows)
    return _SETTINGS.format(units=units)


def main(arguments: Sequence[str] | None = None, show: Callable[[str], None] = print, folder: Path = FOLDER) -> int:
    """Write the files of all cases, or with `--check` only say which are out of date.

    A file that was edited since it was built, and says something else than the parts, stops the build before anything
    is written. Returns the exit code: 0, 1 for a file out of date, 2 for bad input or an edited file.
    """
    parser = argparse.ArgumentParser(prog="python -m models.files.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is out of date")
    chosen = parser.parse_args(arguments)
    stale: dict[Path, str] = {}
    for case in CASES:
        path = folder / "vensim" / f"{case}.mdl"
        try:
            text = build_text(case, folder)
            old = path.read_text(encoding="utf-8") if path.exists() else ""
            _refuse_edited(path, old, text, folder)
        except InputError as error:
            show(str(error))
            return 2
        if old != text:
            stale[path] = text
    for path, text in stale.items():
        if chosen.check:
            show(f"{path.name}: not what parts, cases, policies and scenarios give; run python -m models.files.build")
        else:
            write_whole(path, text)
            show(f"wrote {path.name}")
    return 1 if chosen.check and stale else 0


def _refuse_edited(path: Path, old: str, text: str, folder: Path) -> None:
    """Raise InputError, naming what differs, where building would lose an edit of a built file."""
    there, built = Source(path.name, old), Source(path.name, text)
    if not old or not edited(there) or not (names := differences(there, built)):
        return
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    raise InputError(
        f"{path.name}: edited since it was built: {shown}; nothing is written. Carry the edit into "
        f"{folder / 'vensim' / 'parts'}, cases, policies or scenarios and build again, or delete {path} to drop it"
    )


if __name__ == "__main__":
    sys.exit(main())
