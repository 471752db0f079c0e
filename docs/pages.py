"""The pages of `docs/` that nobody writes by hand: model cards, data, formats, commands and API.

`write(folder)` makes them from what the program itself reads (parts, case files, targets, records, tables, schemas,
commands), so that none can differ from it.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

import analysis.mechanisms.instrument_study
import analysis.mechanisms.loop_study
import analysis.paths.study
import analysis.phase_out.study
import analysis.runs.compare
import analysis.search.settings
import analysis.unknowns.settings
import stockflow
from analysis.cli import cli as techcycle
from analysis.fits.tables import misfits
from analysis.plain.shown import markdown
from calibration.fitting.targets import Targets, load_targets
from calibration.observed.tables import DATA, Manifest, load_table
from calibration.records.results import HERE as RESULTS
from models.files.build import DRIVER_FOLDERS, FOLDER, read_drivers
from models.files.casefile import CASES, Lookup, Parameter, read_case_file, read_core_file
from models.files.parts import Group, read_part
from models.files.series import Point, Series
from models.schedules.file import Schedule
from stockflow.commands.cli import cli as stockflow_command
from stockflow.files import write_whole
from stockflow.language.functions import dialects

STUDIES: Mapping[str, type[BaseModel]] = {
    "phase_out": analysis.phase_out.study.PhaseOutStudy,
    "search": analysis.search.settings.SearchStudy,
    "sensitivity": analysis.unknowns.settings.SensitivityStudy,
    "loops": analysis.mechanisms.loop_study.LoopStudy,
    "instruments": analysis.mechanisms.instrument_study.InstrumentStudy,
    "paths": analysis.paths.study.PathStudy,
    "compare": analysis.runs.compare.CompareStudy,
}
_EVIDENCE = """paper: stands in He et al. 2025; read: read in the source named; recalled: remembered from literature;
derived: computed from other numbers; assumed: judged; fit: the outcome of a calibration."""
READ = Path(__file__).parents[1] / "tests" / "model_files" / "read"
_VENSIM_MANUAL = "https://www.vensim.com/documentation/{}.html"
_XMILE_STANDARD = "https://docs.oasis-open.org/xmile/xmile/v1.0/xmile-v1.0.html"
_STELLA_MANUAL = "https://www.iseesystems.com/resources/help/v3/Content/08-Reference/07-Builtins/Builtins.htm"
# functions that the standard itself has; others are those of its programs
_STANDARD = """abs arccos arcsin arctan cos exp inf int ln log10 max min pi sin sqrt tan exprnd lognormal normal poisson
random delay delay1 delay3 delayn forcst smth1 smth3 smthn trend pulse ramp step init previous self lookup mean size
stddev sum"""
_WIDE = "```{rst-class} parameters\n```\n"


def write(folder: Path) -> None:
    """Write every generated page into `folder`; a page that has not changed is left as it is."""
    made = {
        "core.inc": core_page(),
        "data.inc": data_page(),
        "commands.inc": command_page(),
        "api.inc": api_page(),
        "read_vensim.inc": read_page({"Vensim"}),
        "read_xmile.inc": read_page({"XMILE", "Stella"}),
        "functions.inc": functions_page(),
        "schedules.md": format_page("Schedules", {"Schedule": Schedule}),
        "studies.md": format_page("Studies", STUDIES),
        "targets.md": format_page("Targets", {"Targets": Targets}),
    }
    made |= {f"{case}.inc": card(case) for case in (*CASES, "generic")}
    folder.mkdir(exist_ok=True)
    for name, text in made.items():
        file = folder / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            write_whole(file, text)


# ---- what is read


def read_page(dialects: set[str]) -> str:
    """The rows of some dialects: whether they are read, their file and its numbers, and their place in a manual."""
    return "\n".join(_table(("construct", "read", "its file, or what is said", "numbers", "manual"), (
        (row["what"], f"no: {row['no']}" if "no" in row else "yes", f"`{row['file' if 'file' in row else 'refused']}`",
         row.get("numbers", ""), ", ".join(_places(row["in"], row["place"])))
        for row in _rows()["row"] if row["in"] in dialects
    ), links=True))  # fmt: skip


def functions_page() -> str:
    """Every function that is read or listed in a manual: how many arguments, which files call it, or why it is not."""
    files = [row for row in _rows()["row"] if "file" in row]
    called = {row["file"]: (READ / f"{row['file']}.csv").read_text(encoding="utf-8") for row in files}
    lines = []
    for name in {*dialects.VENSIM, *dialects.XMILE}:
        function = dialects.VENSIM.get(name) or dialects.XMILE[name]
        count = f"{function.least}{f' to {function.most}' if function.most > function.least else ''}"
        named = re.compile(rf"\bof {name.upper()}(?=[,\[\n])")
        found = ", ".join(f"`{file}`" for file, text in called.items() if named.search(text.partition("\n")[0] + "\n"))
        places = _places("Vensim", [f"fn_{name.replace(' ', '_')}"]) if name in dialects.VENSIM else []
        if name in dialects.XMILE:
            places += _places("XMILE" if name in _STANDARD.split() else "Stella", [])
        lines.append((f"`{name.upper()}`", count, "yes", found, ", ".join(places)))
    for group in _rows()["unread"]:
        for name in group["names"]:
            pages = [f"fn_{name.lower().replace(' ', '_')}"] if group["in"] == "Vensim" else []
            lines.append((f"`{name}`", "", f"no: {group['no']}", "", ", ".join(_places(group["in"], pages))))
    return "\n".join(_table(("function", "arguments", "read", "files", "manual"), sorted(lines), links=True))


def _rows() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((READ / "rows.toml").read_text(encoding="utf-8"))


def _places(dialect: str, places: Sequence[str]) -> list[str]:
    """Links to places in a manual: pages of Vensim's help, else sections of the one page of the standard."""
    if dialect == "Vensim":
        return [f"[Vensim {one.removeprefix('fn_')}]({_VENSIM_MANUAL.format(one)})" for one in places]
    manual = _XMILE_STANDARD if dialect == "XMILE" or places else _STELLA_MANUAL
    return [f"[{' '.join(('XMILE' if places else dialect, *places))}]({manual})"]


# ---- model cards


def core_page() -> str:
    """The equations and numbers that every case shares."""
    core = read_core_file(FOLDER / "cases" / "core.toml")
    return "\n".join([
        *_structure(read_part(FOLDER / "vensim" / "parts" / "core.part")),
        "## Numbers of the core", "", f"Evidence: {_EVIDENCE}", "", _WIDE,
        *_parameters(core.parameters.values()), *_lookups(core.lookups.values()),
    ])  # fmt: skip


def card(case: str) -> str:
    """All of one case but the core: clock, equations, numbers, drivers, what it was fitted to and how well."""
    about = read_case_file(FOLDER / "cases" / f"{case}.toml")
    drivers = read_drivers([FOLDER / kind / f"{case}.csv" for kind in DRIVER_FOLDERS])
    clock = about.control
    lines = [
        f"Runs from {clock.initial_time:g} to {clock.final_time:g} in steps of {clock.time_step:g} Year, saved every "
        f"{clock.save_period:g} Year.", "",
        *_table(("unit in equations", "stands for"), ((unit, ", ".join(words)) for unit, words in about.units.items())),
        *_structure(read_part(FOLDER / "vensim" / "parts" / f"{case}.part")),
        "## Numbers", "", f"Evidence: {_EVIDENCE} Bounds are what a person or a fit may try.", "", _WIDE,
        *_parameters(about.parameters.values()),
        "## Drivers", "", "Paths over time that no equation makes; between points a straight line.", "",
        *_drivers(drivers.values()),
    ]  # fmt: skip
    return "\n".join(lines + (_fit(case) if case in CASES else []))


def _structure(groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        yield from ("", f"## {group.name}", "")
        for entry in group.entries:
            right = f"path of driver {' at '.join(entry.read_at)}" if entry.is_driver else entry.expression
            yield from (f"### {entry.name}", "", f"{_plain(entry.comment)} In `{entry.unit}`.", "")
            yield from ("```{code-block} text", ":class: equation", f"{entry.name} = {right}", "```", "")


def _parameters(numbers: Iterable[Parameter]) -> list[str]:
    head = ("name", "value", "unit", "bounds", "evidence", "source", "meaning")
    return _table(head, (
        (n.name, f"{n.value:.6g}", n.unit, f"{n.low:g} to {n.high:g}", n.evidence, n.source, n.comment) for n in numbers
    ))  # fmt: skip


def _lookups(curves: Iterable[Lookup]) -> list[str]:
    rows = []
    for one in curves:
        points = ", ".join(f"({x:g}, {y:g})" for x, y in zip(one.x, one.y, strict=True))
        rows.append((one.name, one.input, points, one.unit, one.source, one.comment))
    return _table(("curve", "of", "points", "unit", "source", "meaning"), rows)


def _drivers(paths: Iterable[Series]) -> Iterator[str]:
    """Each path's points by source: consecutive points from one source are one row."""
    for path in paths:
        yield from (f"### path of {path.name}", "")
        runs = [list(run) for _, run in groupby(path.points, lambda point: point.source)]
        where = Path(path.points[0].place.split(" row ")[0])
        yield from (f"In `{path.unit}`, from `{where.parent.name}/{where.name}`.", "")
        yield from _table(
            ("value (year)", "evidence", "source"), ((_points(run), run[0].evidence, run[0].source) for run in runs)
        )


def _points(points: Sequence[Point]) -> str:
    """Values with their years; equal ones in a row are told once."""
    first, last = points[0], points[-1]
    if len({point.value for point in points}) == 1:
        return f"{first.value:g} ({first.year:g}{f' to {last.year:g}' if len(points) > 1 else ''})"
    return ", ".join(f"{point.value:g} ({point.year:g})" for point in points)


def _fit(case: str) -> list[str]:
    """What a case was fitted to and how well, from its target file and its accepted record."""
    targets = load_targets(case)
    record = tomllib.loads((RESULTS / f"{case}.toml").read_text(encoding="utf-8"))
    fits, estimates = record["series"], record["estimates"]
    head = ("series", "years", "quantity", "read", "stated", "use", "R2 of logs", "rms", "scope")
    series = []
    for one in targets.series:
        fit, years = fits[one.name], f"{one.first_year}-{one.last_year}"
        met = (f"{fit['r2_log']:.3f}", f"{fit['rms_log_error']:.2f}")
        series.append((one.name, years, one.quantity, one.measure, f"{one.sigma:g}", one.use, *met, one.scope))
    values = []
    for name, prior in targets.free.items():
        estimate = estimates[name]
        interval = f"{estimate['low']:.4g} to {estimate['high']:.4g}"
        believed = f"{prior.shape} {prior.centre:g}, {prior.spread:g}"
        values.append((name, f"{estimate['value']:.4g}", interval, believed, prior.source))
    off = misfits({name: fit["misfits"] for name, fit in fits.items()})
    return [
        "## What it was fitted to, and how well",
        "",
        f"Data to {targets.last_year}, {targets.starts} starts, seed {targets.seed}. Errors are differences of natural "
        "logarithms; stated is what was expected, rms what is left.",
        "",
        *_table(head, series),
        *_table(("off by more than a factor of 1.5", "model over observation"), off),
        *_table(("date, effect or range", "of", "value", "source"), _statements(targets)),
        "### Estimates",
        "",
        "All at once; the interval is the posterior's, 90%. A prior is centre and spread (of the logarithm for "
        "lognormal).",
        "",
        *_table(("parameter", "estimate", "90% interval", "prior", "why that prior"), values),
    ]


def _statements(targets: Targets) -> Iterator[tuple[str, str, str, str]]:
    for date in targets.events:
        yield date.name, f"{date.quantity} reaches {date.level:g}", f"{date.year:g} ± {date.sd:g}", date.source
    for effect in targets.effects:
        window = f"{effect.quantity}, {effect.first_year:g}-{effect.last_year:g}"
        yield effect.name, window, f"{effect.value:g} ± {effect.sd:g}", effect.source
    for part in targets.ranges:
        low, high = ("open" if side is None else f"{side:g}" for side in (part.low, part.high))
        window = f"{part.kind} of {part.quantity}, {part.first_year}-{part.last_year}"
        yield part.name, window, f"{low} to {high}", part.source


# ---- data and formats


def data_page() -> str:
    """Every table of observations: what it holds, where from, under which licence."""
    lines: list[str] = []
    for name in sorted(path.stem for path in DATA.glob("*.csv")):
        table = load_table(name)
        about: Manifest = table.manifest
        csv, toml = (f"[{name}.{kind}](../calibration/data/{name}.{kind})" for kind in ("csv", "toml"))
        lines += [f"## {about.title}", "", f"{csv}, {len(table.rows)} rows, described in {toml}.", ""]
        lines += [f"Origin: {_plain(about.origin)}", "", f"Licence: {_plain(about.licence)}", ""]
        lines += [_plain(about.notes), ""] if about.notes else []
        lines += _table(("series", "unit", "regions", "meaning", "scope", "used for"), (
            (s.name, s.unit, ", ".join(s.regions), s.meaning, s.scope, s.role) for s in about.series
        ))  # fmt: skip
    return "\n".join(lines)


def format_page(title: str, kinds: Mapping[str, type[BaseModel]]) -> str:
    """The keys of TOML files as their schema has them: type, bounds, whether they must be given."""
    lines = [f"# {title}: every key", ""]
    for name, kind in kinds.items():
        schema = kind.model_json_schema()
        lines += _schema(name if len(kinds) > 1 else title, schema, kind.__doc__)
        for part, below in schema.get("$defs", {}).items():
            lines += _schema(f"{name}: {part}" if len(kinds) > 1 else part, below, None)
    return "\n".join(lines)


def _schema(name: str, schema: Mapping[str, Any], doc: str | None) -> Iterator[str]:
    if "properties" not in schema:
        return
    needed = schema.get("required", ())
    yield from (f"## {name}", "", _plain(doc or schema.get("description", "")), "")
    yield from _table(("key", "type", "default"), (
        (f"`{key}`", _type(one), "must be given" if key in needed else f"`{json.dumps(one.get('default'))}`")
        for key, one in schema["properties"].items() if "path" not in _formats(one)
    ))  # fmt: skip


def _formats(schema: Mapping[str, Any]) -> list[str]:
    """Formats of a value: a path is what the program notes of where a file was read, no key of it."""
    return [one.get("format", "") for one in schema.get("anyOf", [schema])]


def _type(schema: Mapping[str, Any]) -> str:
    """Say a JSON schema in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return ", ".join(f'"{one}"' for one in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        return f"list of {', '.join(_type(one) for one in items)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"table of {_type(schema['additionalProperties'])}"
    words = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "to",
             "minLength": "of length from", "pattern": "of the form"}  # fmt: skip
    bounds = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return " ".join([{"number": "number", "integer": "whole number", "string": "text"}.get(kind, kind), *bounds])


# ---- commands and API


def command_page() -> str:
    """The help of every command."""
    lines: list[str] = []
    for name, group in (("techcycle", techcycle), ("stockflow", stockflow_command)):
        lines += [f"# {name}", "", *_help(name, group)]
    return "\n".join(lines)


def _help(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name, max_content_width=110, terminal_width=110)
    yield from ("```{code-block} text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for one in command.list_commands(context):
            below = command.resolve_command(context, [one])[1]
            assert below is not None
            yield from (f"{'#' * (len(name.split()) + 1)} {name} {one}", "", *_help(f"{name} {one}", below))


def api_page() -> str:
    """The public names of `stockflow`, from their docstrings."""
    lines = []
    for name in stockflow.__all__:
        kind = "autoclass" if isinstance(getattr(stockflow, name), type) else "autofunction"
        members = ["   :members:"] if kind == "autoclass" else []
        lines += [f"## {name}", "", "```{eval-rst}", f".. {kind}:: stockflow.{name}", *members, "```", ""]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], links: bool = False) -> list[str]:
    """A table of plain text, the last column of `links`, and an empty line; nothing if there are no rows."""
    body = [[cell if links and cell is row[-1] else _plain(cell) for cell in row] for row in rows]
    return [*markdown(head, body), ""] if body else []


def _plain(text: str) -> str:
    """One line of text in which nothing but backticks means anything to Markdown."""
    pieces = " ".join(text.split()).split("`")
    marks = str.maketrans({mark: f"\\{mark}" for mark in "*_[]<>|$#~"})
    quoted = [one.replace("|", "\\|") if i % 2 else one.translate(marks) for i, one in enumerate(pieces)]
    return "`".join(quoted)
