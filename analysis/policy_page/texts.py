"""What a policy maker's page says, in every language: its own words, names of charts and instruments, what is known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.mechanisms.barriers import ENDS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.paths.durations import durations
from analysis.paths.study import PathStudy, path_of
from analysis.paths.words import choice_words
from analysis.phase_out.account import ARREARS, LINES, OWED, TOTAL
from analysis.phase_out.adoption import MARKET, SOLD
from analysis.phase_out.by_instrument.apart_told import criteria_words
from analysis.phase_out.by_instrument.happened import happened_table, happened_words, objection
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.language import LANGUAGES, language, marked, speaking, term, translated, worded
from analysis.plain.shown import capital
from analysis.plain.units import beside_numbers, customary
from analysis.policy_page.contents import OWNERS, PARITY, TEXTS, PolicyPage
from analysis.policy_page.path import happened, leading, stages
from analysis.policy_page.presets import presets
from analysis.runs.compare import observations
from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.files.series import read_series
from models.home import home_of

#: what is told of public money: each line, all of it, and what is still owed; outputs, in words
MONEY = {line.stock: line.title for line in LINES} | {TOTAL: marked("all public money"), ARREARS: OWED}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: one output, or one over another, times `scale`; `gained` over a year where it is a sum over time.

    `mean` is whether a year is told by the mean of its quarters, as commands tell it; `seen` are times and
    values of observations, in the unit of the chart.
    """

    words: str
    of: tuple[str, ...]
    unit: str
    scale: float = 1.0
    gained: bool = False
    mean: bool = False
    seen: tuple[Sequence[float], Sequence[float]] | None = None

    @property
    def data(self) -> dict[str, object]:
        """What the page computes it from."""
        seen = None if self.seen is None else {"times": list(self.seen[0]), "values": list(self.seen[1])}
        own = {"of": list(self.of), "scale": self.scale, "gained": self.gained, "mean": self.mean}
        return own | {"observed": seen}


def charts_of(page: PolicyPage) -> list[Chart]:
    """Return the charts of a page, the share of the market first."""
    columns = {one.variable: one for one in page.study.columns}
    sold, price = columns[SOLD], columns["Price"]
    words = marked("installation as statistics count it")
    counted = [Chart(words, (one,), sold.unit, 1 / sold.in_model, True) for one in page.counted]
    owed = [Chart(one.words, (ARREARS,), one.unit) for one in page.study.columns if one.variable == ARREARS]
    charts = [
        Chart(marked("share of the market, over a year"), (SOLD, MARKET), "%", 100.0, True),
        Chart(sold.words, (SOLD,), sold.unit, 1 / sold.in_model, True),
        *counted,
        Chart(marked("cost without support, of what it replaces"), PARITY, "%", 100.0, mean=True),
        Chart(marked("cost with support, of what it replaces"), OWNERS, "%", 100.0, mean=True),
        Chart(price.words, ("Price",), price.unit, 1 / price.in_model, mean=price.show == "mean"),
        Chart(marked("all public money"), (TOTAL,), "bnCNY/year", 1.0, True),
        *owed,
    ]
    return [replace(one, seen=_seen(page, one)) for one in charts]


def _seen(page: PolicyPage, chart: Chart) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return what the fit of the case compares with the variable of a chart: times, and values in the chart's unit."""
    case, (variable, *others) = page.study.case, chart.of
    if others:
        return None
    if chart.gained:
        series = [one for one in load_targets(case).series if one.quantity == variable]
        found = [(one.years + 0.5, one.values) for one in map(fitted_series, series)]
    else:
        seen = observations(home_of(case), variable)
        found = [] if seen is None else [seen[1:]]
    return next(((times.tolist(), (values * chart.scale).tolist()) for times, values in found), None)


def said(page: PolicyPage) -> dict[str, dict[str, object]]:
    """Return all words of a page by language."""
    out = {}
    for one in LANGUAGES:
        with speaking(one):
            out[one] = _said(page)
    return out


def _said(page: PolicyPage) -> dict[str, object]:
    study = page.study
    made = happened_table(load_targets(study.case), accepted_posterior(study.case), study.happened)
    money, sold, cost = (customary(unit) for unit in ("bnCNY", study.texts.unit, study.texts.per_unit))
    title, runs = term(load_case(study.case).title), page.page
    return {
        "own": LANGUAGES[language()],
        "title": term(study.title),
        "texts": {key: translated(text) for key, text in TEXTS["texts"].items()},
        "instruments": {one.name: term(one.name) for one in page.instruments},
        "others": _known("others", names=translated(", ").join(term(one.name) for one in page.other)),
        "floors": {one.name: term(one.over) for one in page.instruments if one.over},
        "words": {one.name: capital(term(one.words)) for one in page.instruments},
        "units": {one.name: _unit(page, one.unit) for one in page.instruments},
        "charts": [_chart(one) for one in charts_of(page)],
        "money": {"factor": money[0], "unit": money[1]},
        "sold": {"factor": sold[0], "unit": sold[1]},
        "counted": beside_numbers(study.texts.unit),
        "each": translated(TEXTS["sold"][study.case]["each"]),
        "presets": [{"title": term(one.title), "base": one.base, "set": one.settings} for one in presets(page)],
        "cost": {"factor": cost[0], "unit": cost[1]},
        "lines": {name: capital(term(words)) for name, words in MONEY.items()},
        **_path(study),
        "worlds": _worlds(page),
        "but": [_minus(worded("But: {objection}", objection=objection(made, study.texts.evidence)))],
        "rule": [criteria_words(study)],
        "cannot": [
            _known("response", parameter=term(page.response)),
            _known("support", support=term(study.texts.support), payer=term(study.texts.paid_by)),
            _known("band"),
            _known("absent"),
            *(
                _known("absent world", world=term(name))
                for name in PathStudy.load().forward[study.case].scenarios
                if name not in page.worlds
            ),
        ],
        "happened": [_minus(one) for one in happened_words(made)],
        "evidence": _evidence(page),
        "about": [_known("made", case=title, draws=runs.runs, digest=runs.simulator.digest)],
    }


def _minus(text: str) -> str:
    """Return a text with a minus, as the page's own numbers have it, where a hyphen stands for one."""
    return re.sub(r"(?<![0-9A-Za-z])-(?=[0-9])", "\u2212", text)


def _worlds(page: PolicyPage) -> dict[str, object]:
    """Return the worlds by name: what each is called, what it is and where that is from."""
    known = PathStudy.load().forward[page.study.case].scenarios
    return {
        name: {
            "name": term(name),
            "says": capital(translated(one.says)),
            "source": translated(one.source),
            "driver": capital(term(next(iter(one.factors), ""))),
            "from": page.worlds[name].from_year,
        }
        for name, one in known.items()
        if name in page.worlds
    }


def _path(study: PhaseOutStudy) -> dict[str, object]:
    """Return what the long path names: stages, barriers, clocks from the first on, and the strongest loops."""
    loops, case, paths = LoopStudy.load(), study.case, PathStudy.load()
    clocks = sorted((year, name) for name, year in path_of(case, paths).clocks.items())
    return {
        "stages": {name: _stage(name, rule) for name, rule in stages(TEXTS["stages"]["levels"]).items()},
        "barriers": [term(name) for name in ENDS],
        "clocks": [term(name) for _, name in clocks],
        "choice": choice_words(durations([happened(case)], paths), paths),
        "led": [
            {"name": term(name), "meaning": translated(loops.named(name).meaning).replace("->", "→")}
            for _, _, name, _ in leading(case, study.horizon).phases
        ],
    }


def _stage(name: str, rule: Mapping[str, object]) -> str:
    texts = TEXTS["stages"]
    return capital(worded(texts.get(name, texts["share"]), level=rule["level"]))


def _unit(page: PolicyPage, unit: str) -> dict[str, object]:
    """Return the unit of an instrument as the study's tables have it, and what 1 in the model is there."""
    sold = next(one.unit for one in page.study.columns if one.variable == SOLD)
    names = {"bnCNY/unit": page.study.texts.per_unit, "bnCNY/TWh": "CNY/kWh", "Dmnl": "share", "unit/Year": sold}
    names["bnCNY/Year"] = "bnCNY/year"  # as the charts have it
    factor, told = customary(names.get(unit, unit))
    return {"factor": factor, "unit": told}


def _known(key: str, **fields: object) -> str:
    return translated(TEXTS["known"][key]).format(**fields)


def _chart(one: Chart) -> dict[str, object]:
    factor, unit = customary(one.unit)
    return {"name": capital(term(one.words)), "factor": factor, "unit": unit}


def _evidence(page: PolicyPage) -> list[str]:
    """One line for each instrument: how many points of its path since the study begins are of which kind."""
    home, out = home_of(page.study.case), []
    known = {name: one for file in home.drivers for name, one in read_series(file, sourced=True).items()}
    for one in page.instruments:
        points = [point for point in known[one.variable].points if point.year >= page.study.since]
        counts = Counter(point.evidence for point in points)
        kinds = translated(", ").join(
            _known("counted", count=count, kind=translated(TEXTS["evidence"][kind]))
            for kind, count in counts.most_common()
        )
        fields = {"count": len(points), "since": page.study.since, "kinds": kinds}
        out.append(_known("points", instrument=capital(term(one.name)), **fields))
    return out
