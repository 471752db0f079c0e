"""A policy maker's page as one HTML file: what it says of its case as data, and its own template, style and script."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files

import numpy as np

from analysis.phase_out.account import ARREARS, SUPPORT, TOTAL
from analysis.phase_out.adoption import SOLD
from analysis.phase_out.exit import FEW, doubt
from analysis.phase_out.study import ExitStudies, PhaseOutStudy
from analysis.policy_page.contents import AWAITED, LIMITS, TEXTS, PolicyPage
from analysis.policy_page.path import path
from analysis.policy_page.texts import MONEY, charts_of, said
from models.schedules.change import TRIGGERS
from models.schedules.described import Described, Paid, step_corners
from models.schedules.instruments import Instrument
from models.schedules.law import LAWS, Corners, corners
from models.schedules.run import CENT, PRICE_PASSES
from stockflow.arrays import Array
from stockflow.over_time import QUARTER
from stockflow.page.page import filled, scripts
from stockflow.page.words import described

_FILES = ("policy.html", "policy.css")
#: in the order in which they need each other
_SCRIPTS = (
    "law.js",
    "price.js",
    "judge.js",
    "triggers.js",
    "stages.js",
    "setting.js",
    "verdict.js",
    "fields.js",
    "charts.js",
    "path.js",
    "tour.js",
    "policy.js",
)


class _Numbers:
    """Numbers packed together, each list once; what is added is named by its place and length."""

    def __init__(self) -> None:
        self._parts: dict[bytes, list[int]] = {}
        self._all: list[Array] = []
        self._size = 0

    def add(self, values: Array) -> list[int]:
        key = np.ascontiguousarray(values, dtype=float).tobytes()
        if key not in self._parts:
            self._parts[key] = [self._size, len(values)]
            self._all.append(np.asarray(values, dtype=float))
            self._size += len(values)
        return self._parts[key]

    def whole(self) -> Array:
        return np.concatenate(self._all)


def html(page: PolicyPage, language: str, lettered: Callable[[str, str], str] | None = None) -> str:
    """Return the whole page, ASCII alone, in all languages, of which one is shown first.

    `lettered` gives a style the letters of a text, for machines that lack them.
    """
    numbers, own = _Numbers(), files("analysis.policy_page")
    about = described(page.page)
    about["curves"] = [_curve(numbers, one) for one in about["curves"]]  # type: ignore[attr-defined]
    about["policy"] = _policy(page, numbers)
    words = said(page)
    about["said"], about["language"] = words, language
    template, style, *texts = (own.joinpath(name).read_text(encoding="utf-8") for name in (*_FILES, *_SCRIPTS))
    if lettered is not None:
        style = lettered(style, json.dumps(words, ensure_ascii=False))
    script = scripts("numbers.js", "chart.js") + "".join(texts)
    return filled(template, script, style, about, page.page, {"numbers": numbers.whole()})


def _curve(numbers: _Numbers, one: dict[str, object]) -> dict[str, object]:
    return {key: numbers.add(np.array(one[key], dtype=float)) for key in ("ys", "from")} | {"name": one["name"]}


def _policy(page: PolicyPage, numbers: _Numbers) -> dict[str, object]:
    study, saved, times = page.study, page.page.simulator.times, page.at.times[page.open]
    places, (low, high, _) = np.searchsorted(times, saved - 1e-9), LIMITS["steps"]
    return _asked(study) | {
        "ahead": page.ahead,
        "times": numbers.add(times),
        "shapes": {shape: _shape(corners(shape)) for shape in LAWS},
        "steps": {count: _shape(step_corners(count)) for count in range(int(low), int(high) + 1)},
        "triggers": [{"name": name, **_trigger(name)} for name in TRIGGERS],
        "bases": list(page.bases),
        "worlds": [_world(page, numbers, name) for name in page.worlds],
        "instruments": [_instrument(page, numbers, one) for one in page.instruments],
        "weights": {name: numbers.add(values) for name, values in page.weights.items()},
        "sold": SOLD,
        "total": TOTAL,
        "support": SUPPORT.stock,
        "owed": ARREARS,
        "path": path(study.case, TEXTS["stages"]["levels"], study.horizon),
        "lines": list(MONEY),
        "few": FEW,
        "noise": TEXTS["counted"]["noise"],
        "defined": ExitStudies.load().defined,
        "price": {**TEXTS["price"], "cent": CENT, "passes": PRICE_PASSES},
        "places": [int(p) if study.since <= t <= times[-1] else -1 for p, t in zip(places, saved, strict=True)],
        "shown": np.flatnonzero((saved >= study.since) & (saved <= study.horizon)).tolist(),
        "charts": [one.data for one in charts_of(page)],
        "third": page.third.astype(int).tolist(),
    }


def _shape(of: Corners) -> dict[str, object]:
    return {"corners": of.points, "ratios": of.ratios}


def _trigger(name: str) -> dict[str, object]:
    """Return what an end can wait for: outputs that decide, the field of its level, and how many of the field 1 is."""
    unit, of = TRIGGERS[name]
    return {"of": of, "field": AWAITED[name], "per": 100 if unit == "Dmnl" else 1}


def _asked(study: PhaseOutStudy) -> dict[str, object]:
    """What a study asks, and what fields of a page take."""
    rule, since, horizon, sold = study.exit, study.since, study.horizon, TEXTS["sold"][study.case]
    return {
        "case": study.case,
        "rule": {
            "years": rule.years_after,
            "kept": rule.share_kept,
            "probability": rule.probability,
            "fall": rule.own_fall,
            "doubt": doubt(rule.probability, 1),
        },
        "since": since,
        "horizon": horizon,
        "limits": {
            **LIMITS,
            "volume": sold["volume"],
            "since": [since, horizon - 1, QUARTER],
            "start": [since, horizon - rule.years_after, QUARTER],
        },
        "usual": study.together or since,
        "fields": {**TEXTS["usual"], "volume": sold["usual"]},
        "length": study.grid.lengths[0],
        "over": horizon + study.tail - 1,
        "asked": study.draws,
        "rate": study.rate,
        "year": study.base_year,
    }


def _world(page: PolicyPage, numbers: _Numbers, name: str) -> dict[str, object]:
    drivers = page.worlds[name].drivers
    return {
        "name": name,
        "departs": page.departs(name),
        "ends": page.worlds[name].ends if name in page.scaled else None,
        "drivers": {driver: numbers.add(path[page.open]) for driver, path in drivers.items()},
    }


def _instrument(page: PolicyPage, numbers: _Numbers, about: Instrument) -> dict[str, object]:
    paid, model = page.paid, page.model
    return {
        "name": about.name,
        "variable": model.variable(about.variable).name,
        "announced": about.announced and model.variable(about.announced).name,
        "most": about.most,
        "price": about.price and model.variable(about.price).name,
        "beside": about.beside and model.variable(about.beside).name,
        "buyers": about not in page.other,
        "past": numbers.add(next(iter(paid.values()))[about.name].past[page.open]),
        "paid": {
            name: {base: _lines(page, numbers, one[about.name]) for base, one in world.paid.items()}
            for name, world in page.worlds.items()
        },
    }


def _lines(page: PolicyPage, numbers: _Numbers, one: Described) -> dict[str, object]:
    def paid(of: Paid) -> dict[str, object]:
        low = of.low[page.open]
        return {"full": numbers.add(of.full[page.open]), "low": numbers.add(low) if low.any() else None}

    ahead = None if one.ahead is None else paid(one.ahead)
    return {"now": paid(one.now), "ahead": ahead, "amount": one.given}
