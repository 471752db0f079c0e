"""The numerics certificate: Euler's error is of first order, and every headline figure is measured in its own way."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import stockflow
from analysis.trust import numerics
from analysis.trust.numerics import Figure, Kind, Study, refined, row, shift, summary
from models.case import CASES, load_case
from stockflow.errors import InputError

GROWTH = """{UTF-8}
inflow= Size*0.2 ~ unit/Year ~ Growth. |
Size= INTEG ( inflow, 2) ~ unit ~ What grows. |
late= DELAY FIXED(Size, 0.5, 0) ~ unit ~ The same half a year later. |
FINAL TIME= 2020 ~ Year ~ End. |
INITIAL TIME= 2000 ~ Year ~ Start. |
SAVEPER= 0.25 ~ Year ~ Save. |
TIME STEP= 0.125 ~ Year ~ Step. |
"""


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> stockflow.Model:
    file = tmp_path_factory.mktemp("models") / "growth.mdl"
    file.write_text(GROWTH, encoding="utf-8")
    return stockflow.load(file)


def last(model: stockflow.Model, name: str = "Size") -> float:
    return float(model.run()[name][-1])


def test_halving_the_time_step_halves_the_error(growth: stockflow.Model) -> None:
    truth = 2 * math.exp(0.2 * 20)
    errors = [truth - last(refined(growth, k)) if k > 1 else truth - last(growth) for k in (1, 2, 4)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.03)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.015)


def test_a_refined_model_is_exactly_what_its_step_says(growth: stockflow.Model) -> None:
    finer = refined(growth, 2)
    assert finer.time_step == growth.time_step / 2
    assert finer.save_period == growth.save_period
    assert last(finer) == pytest.approx(2 * (1 + 0.2 / 16) ** 320, rel=1e-12)


def test_a_fixed_delay_stays_as_long_as_it_was(growth: stockflow.Model) -> None:
    run = refined(growth, 2).run()
    assert float(run["late"][-1]) == pytest.approx(float(run["Size"][-3]), rel=1e-12)


def test_the_reference_engine_runs_the_refined_model_too(growth: stockflow.Model) -> None:
    finer = refined(growth, 2)
    assert float(finer.run(engine="reference")["Size"][-1]) == pytest.approx(last(finer), rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_every_shipped_model_can_be_refined(case: str) -> None:
    model = load_case(case).model
    assert refined(model, Study.load().divide).time_step == model.time_step / Study.load().divide


@pytest.mark.parametrize(
    ("kind", "value", "finer", "moved", "verdict"),
    [
        ("date", 2020.0, 2020.14, 0.14, "holds"),
        ("date", 2020.0, 2019.8, -0.2, "moves"),
        ("money", 1000.0, 1019.0, 0.019, "holds"),
        ("money", 1000.0, 1021.0, 0.021, "moves"),
        ("money", 0.10, 0.12, 0.2, "holds"),  # two hundredths of a billion
        ("units", 10.0, 10.3, 0.03, "moves"),
        ("effect", 0.40, 0.405, 0.005, "holds"),
        ("stock", 50.0, 51.0, 0.02, "moves"),
        ("series", 1.0, math.exp(0.04), 0.4, "holds"),  # of a stated error of 0.1
        ("series", 1.0, math.exp(0.06), 0.6, "moves"),
        ("verdict", 1.0, 0.0, -1.0, "moves"),
        ("verdict", 0.0, 0.0, 0.0, "holds"),
    ],
)
def test_a_shift_is_measured_in_its_kind_and_held_against_its_tolerance(
    kind: Kind, value: float, finer: float, moved: float, verdict: str
) -> None:
    def figure(v: float) -> Figure:
        return Figure("pv", "group", "what", kind, "unit", v, 0.1 if kind == "series" else 1.0)

    assert shift(figure(value), finer) == pytest.approx(moved)
    assert row(figure(value), figure(finer), Study.load().tolerance)["verdict"] == verdict


def test_a_date_reached_at_one_step_only_moves_and_one_reached_at_neither_holds() -> None:
    never, reached = (Figure("pv", "g", "w", "date", "year", v) for v in (math.inf, 2020.0))
    tolerance = Study.load().tolerance
    assert row(never, reached, tolerance)["verdict"] == "moves"
    assert row(reached, never, tolerance)["verdict"] == "moves"
    assert row(never, never, tolerance)["verdict"] == "holds"
    nowhere = Figure("pv", "g", "w", "date", "year", math.nan)
    assert row(nowhere, nowhere, tolerance)["verdict"] == "holds"


def test_the_summary_counts_what_holds_and_names_the_largest_shift() -> None:
    def at(name: str, year: float) -> Figure:
        return Figure("pv", "stages", name, "date", "year", year)

    shifts = {"a": 0.1, "b": -0.3}
    table = pd.DataFrame([row(at(n, 2000.0), at(n, 2000.0 + d), Study.load().tolerance) for n, d in shifts.items()])
    told = summary(table).to_dict("records")
    assert [(t["figures"], t["hold"], t["of"]) for t in told] == [(2, 1, "b")]
    assert told[0]["largest shift"] == pytest.approx(-0.3)
    assert numerics.words(table, Study.load()).startswith("1 of 2 headline figures hold at 1/2 of the time step")


def test_a_bad_study_file_is_refused_in_one_line_that_names_the_place(tmp_path: Path) -> None:
    file = tmp_path / "numerics.toml"
    file.write_text(numerics.STUDY.read_text(encoding="utf-8").replace("date = 0.15", "date = -1"), encoding="utf-8")
    with pytest.raises(InputError, match=r"^numerics\.toml: tolerance\.date: .*greater than 0.*-1"):
        Study.load(file)


@pytest.mark.slow
def test_the_certificate_covers_every_headline_and_no_stage_moves_by_a_year() -> None:
    from calibration.records.results import load_accepted

    table = numerics.certificate({case: load_accepted(case) for case in ("pv", "nev")})
    assert set(table["group"]) == {"series", "effects", "events", "stocks", "phase-out", "stages", "scoreboard"}
    stages = table[table["group"] == "stages"]
    assert len(stages) == 6 * len(CASES)
    assert stages["shift"].abs().max() < 1.0
    moved = np.abs(table[table["group"] == "series"]["shift"].to_numpy(dtype=float))
    assert (moved > 0).all(), "a finer step that changes nothing was not run"
