"""A workbook to be filled in: observations, and for a case new paths over time, with the names that may be used."""

from collections.abc import Mapping
from pathlib import Path

import models
from analysis.draws.generic import SUBSIDY
from analysis.plain.language import marked, term, worded
from analysis.plain.units import beside_numbers
from analysis.plain.workbook import Sheet
from analysis.runs.asked import units_in_words
from calibration.fitting.targets import load_targets
from calibration.own.data import COLUMNS, COST, SERIES, SHARE, SHEET, way_of
from calibration.own.new import A_YEAR, USUAL, VOLUMES
from models.case import load_case
from models.files.series import COLUMNS as POLICY_COLUMNS
from models.files.series import SHEET as POLICY
from models.files.settings import SettingsFile, Strict, Text
from models.home import Home
from models.policy import ANNOUNCED, history, is_driver


class Note(Strict):
    """What is said of a sheet."""

    sheet: str
    text: Text


class Notes(SettingsFile):
    """All that a template says."""

    shipped = Path(models.__file__).parent / "templates" / "workbook.toml"
    notes: tuple[Note, ...]


def template(home: Home | None) -> list[Sheet]:
    """Return the sheets for a case, or for a technology that has none yet.

    Of its rows only comments are filled in. InputError for a case without a fit that does not say its units itself.
    """
    units = _units(home)
    series = [(name, unit, what) for name, (unit, what) in units.items()]
    where = worded("publication, page")
    rows = [(f"# {name}", 2020, 0.5 if unit == "1" else 100, unit, where) for name, unit, _ in series]
    sheets = [Sheet(SHEET, COLUMNS, rows, {COLUMNS[0]: ("series", len(series))})]
    if home is not None:
        names = _variables(home)
        chosen = {POLICY_COLUMNS[0]: ("variables", len(names))}
        heads = tuple(map(term, ("variable", "unit", "in words", "kind", "lowest", "highest", "meaning")))
        sheets += [Sheet(POLICY, POLICY_COLUMNS, _example(home), chosen), Sheet("variables", heads, names)]
    notes = [(one.sheet, term(one.text)) for one in Notes.load().notes if home or one.sheet != POLICY]
    return [
        *sheets,
        Sheet("series", tuple(map(term, ("series", "unit", "what"))), series),
        Sheet("notes", (worded("sheet"), worded("what")), notes),
    ]


def _units(home: Home | None) -> Mapping[str, tuple[str, str]]:
    """Return unit and meaning of every series that a table of observations may have."""
    own = None if home is None else home.units_of()
    if home is not None and own is None:
        return {one.name: (one.unit, one.scope) for one in load_targets(home.name).series}
    cost, volume = USUAL
    units = {COST: cost, SHARE: "1", **dict.fromkeys(VOLUMES, volume), VOLUMES[0]: f"{volume}{A_YEAR}"}
    told = {COST: worded("cost or price of one unit"), SHARE: worded("share of the market, a fraction")}
    told |= {
        VOLUMES[0]: worded("made or sold in the year"),
        VOLUMES[1]: worded("made or sold up to the end of the year"),
    }
    return {name: (units[name] if own is None else way_of(name, own)[0], told[name]) for name in SERIES}


def _variables(home: Home) -> list[tuple[object, ...]]:
    """Return what a policy may move: paths over time, then constants, with unit, bounds and meaning."""
    model, words = load_case(home.name).model, units_in_words(home)
    found: list[tuple[object, ...]] = []
    for kind in (marked("path over time"), marked("constant")):
        for one in model.variables.values():
            fits = is_driver(one) if kind != "constant" else one.kind == "constant"
            if fits and one.name not in ANNOUNCED.values():
                told = beside_numbers(words(one.unit)), term(kind)
                found.append((one.name, one.unit, *told, *one.limits, one.documentation))
    return found


def _example(home: Home) -> list[tuple[object, ...]]:
    """Return, as comments, two rows that end a support of the case, or else its first path."""
    model = load_case(home.name).model
    known = [name for name in (*ANNOUNCED, SUBSIDY) if name in model.variables]
    one = model.variable((known or [name for name, one in model.variables.items() if is_driver(one)])[0])
    largest = float(history(model, one.name)[1].max()) or 1.0
    points = ((2020.0, largest), (2030.0, 0.0))
    return [(f"# {one.name}", year, value, one.unit, worded("where from"), "assumed", "") for year, value in points]
