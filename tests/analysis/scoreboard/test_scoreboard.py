"""The paper's figures beside the model's: what each question means, and that no verdict can be had by a trick."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

import models
from analysis.draws.runs import Drawn, with_held
from analysis.plain.shown import records
from analysis.scoreboard.board import (
    STUDY,
    Row,
    Scoreboard,
    Study,
    accepted_range,
    paper_text,
    scoreboard,
    spread_of,
)
from analysis.scoreboard.drawn_runs import DrawnRuns
from analysis.scoreboard.questions import UNTIL, Answer, Book, Question, Reading, Record, Run, answer, asked
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import load_targets
from calibration.observed.tables import load_table
from calibration.records.results import Accepted
from models.case import CASES, load_case
from stockflow.errors import InputError, UnknownNameError
from stockflow.names import plain

TIMES = np.arange(2000.0, 2011.0, 0.25)
T = TIMES - 2000.0
WORLD = {
    "Cost": 10.0 * 0.5 ** (T / 5),  # halves every five years
    "Cumulative Sales": T**2,  # year Y sells 2 (Y - 2000) + 1
    "Cumulative World": 4 * T**2 + 12 * T,
    "use": 1 - 0.3 * np.exp(-((T - 4) ** 2)),
    "Share": T / 20,
    "rate": np.full_like(T, 0.4),
    "threshold": np.asarray(2.0),
}
READINGS = {
    "cost": Reading(case="pv", quantity=("Cost",)),
    "sales": Reading(case="pv", quantity=("Cumulative Sales",), measure="yearly difference"),
    "share of sales": Reading(
        case="pv", quantity=("Cumulative Sales",), over=("Cumulative World",), measure="yearly difference"
    ),
    "use": Reading(case="pv", quantity=("use",)),
    "share": Reading(case="pv", quantity=("share",), measure="year end"),
    "share over threshold": Reading(case="pv", quantity=("Share",), over=("threshold",)),
    "part": Reading(case="pv", quantity=("Share",), over=("Share", "rate")),
    "rate": Reading(case="nev", quantity=("rate",)),
}
RIVALS = {"share": [{2004: 0.3, 2005: 0.2, 2006: 0.2}, {2004: 0.26, 2005: 0.32, 2006: 0.34, 2007: 0.1}]}


def hand_made(case: str, held: Mapping[str, float]) -> Run:
    values = {**WORLD, **{name: np.asarray(value) for name, value in held.items()}}
    if "half" in held:
        values["Cumulative Sales"] = WORLD["Cumulative Sales"] * held["half"]
    return Run(TIMES, values)


BOOK = Book(READINGS, {}, RIVALS, hand_made)


def ask(**question: Any) -> float:
    return answer(TypeAdapter(Question).validate_python(question), BOOK)


@pytest.fixture(scope="module")
def board() -> Scoreboard:
    return scoreboard({})


# ---- each question on a run worked out by hand -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({"kind": "value", "of": "cost", "year": 2004}, 10.0 * 0.5 ** (4.5 / 5)),  # at mid-year
        ({"kind": "value", "of": "share", "year": 2004}, 0.25),  # at year end
        ({"kind": "value", "of": "sales", "year": 2004}, 9.0),  # 25 - 16
        ({"kind": "value", "of": "share of sales", "year": 2004}, 9.0 / 48.0),  # 9 over 4 * 9 + 12
        ({"kind": "value", "of": "share over threshold", "year": 2005}, 5.5 / 20 / 2),
        ({"kind": "value", "of": "part", "year": 2005}, 0.275 / 0.675),
        ({"kind": "fall", "of": "cost", "first": 2001, "last": 2006}, 0.5),
        ({"kind": "growth", "of": "sales", "first": 2002, "last": 2007}, 15 / 5 - 1),
        ({"kind": "lowest", "of": "use", "first": 2003.0, "last": 2008.0}, 0.7),
        ({"kind": "lowest", "of": "use", "first": 2006.0, "last": 2008.0}, 1 - 0.3 * math.exp(-4)),
        ({"kind": "date", "of": "share", "level": 0.23}, 2004.6),  # between saved times
        ({"kind": "date", "of": "rate", "level": 1.0, "summed": True}, 2002.5),
        ({"kind": "rank", "of": "share", "first": 2004, "last": 2006}, 3.0),  # 0.25 behind both in 2004
        ({"kind": "rank", "of": "share", "first": 2005, "last": 2006}, 2.0),  # 0.30 behind 0.32
        ({"kind": "rank", "of": "share", "first": 2006, "last": 2007}, 1.0),  # 0.35 before 0.34, 0.40 before 0.10
        ({"kind": "lead", "of": "share", "first": 2004, "last": 2007}, 2006.0),
        ({"kind": "lead", "of": "share", "first": 2004, "last": 2005}, math.inf),
        ({"kind": "span", "start": 1990.5, "end": {"kind": "date", "of": "share", "level": 0.25}}, 14.5),
        ({"kind": "span", "start": {"kind": "date", "of": "share", "level": 0.25}, "end": 2001.0}, -4.0),
        (
            {"kind": "loss", "question": {"kind": "value", "of": "sales", "year": 2004}, "without": {"half": 0.5}},
            0.5,
        ),
    ],
)
def test_each_question_gives_the_value_worked_out_by_hand(question: dict[str, Any], expected: float) -> None:
    assert ask(**question) == pytest.approx(expected, rel=1e-9)


def test_several_answers_become_their_mean_their_largest_or_a_quotient() -> None:
    parts = [{"kind": "value", "of": "sales", "year": 2004}, {"kind": "value", "of": "sales", "year": 2001}]
    assert ask(kind="average of", parts=parts) == pytest.approx(6.0)
    assert ask(kind="largest of", parts=parts) == pytest.approx(9.0)
    assert ask(kind="quotient of", parts=parts) == pytest.approx(3.0)


def test_a_share_without_an_observed_rival_leads_only_above_one_half() -> None:
    ranks = {year: ask(kind="rank", of="part", first=year, last=year) for year in (2007, 2008)}
    assert ranks == {2007: 2.0, 2008: 1.0}  # the part is 0.48 and 0.52 at mid-year


def test_a_quantity_that_is_no_share_is_not_ranked_without_a_rival() -> None:
    with pytest.raises(InputError, match="no rival was observed in 2009"):
        ask(kind="rank", of="share", first=2009, last=2009)


def test_what_is_not_a_number_never_leads_and_is_never_inside() -> None:
    book = Book(READINGS, {}, RIVALS, lambda case, held: Run(TIMES, {"Share": np.full_like(TIMES, np.nan)}))
    question = TypeAdapter(Question).validate_python({"kind": "rank", "of": "share", "first": 2005, "last": 2005})
    assert answer(question, book) == 3.0
    assert not row(model=None).inside


def test_a_date_never_reached_is_infinite_and_one_before_the_run_is_not_given() -> None:
    assert ask(kind="date", of="share", level=2.0) == math.inf
    assert math.isnan(ask(kind="date", of="cost", level=1.0))
    late = {"kind": "date", "of": "share", "level": 0.25}
    assert math.isnan(ask(kind="largest of", parts=[late, {"kind": "date", "of": "cost", "level": 1.0}]))


def test_the_same_question_is_put_to_the_observations() -> None:
    seen = Book(READINGS, {"cost": Record({2010: 8.0, 2020: 1.0})}, {})
    question = TypeAdapter(Question).validate_python({"kind": "fall", "of": "cost", "first": 2010, "last": 2020})
    assert answer(question, seen) == pytest.approx(0.875)
    with pytest.raises(InputError, match="nothing was observed in 2011"):
        seen.track("cost", {}).yearly(2011)


# ---- nonsense is refused by name ------------------------------------------------------------------------------------


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"'Cumulative Sale'.*did you mean 'Cumulative Sales'"):
        Run(TIMES, WORLD).track(Reading(case="pv", quantity=("Cumulative Sale",)))


def test_a_year_outside_the_run_is_refused() -> None:
    with pytest.raises(InputError, match=r"year 2031 is not within the run, 2000 to 2010\.75"):
        ask(kind="value", of="cost", year=2031)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('kind = "value"', 'kind = "guess"'), "'guess' found using 'kind'"),
        (('of = "best bid"', 'of = "best bet"'), "unknown reading 'best bet'; did you mean 'best bid'"),
        (("first = 2012, last = 2022", "first = 2022, last = 2012"), "window 2022-2012 ends before it starts"),
        (("tolerance = 4.0", "tolerance = -4.0"), "greater than or equal to 0"),
        (('case = "ic"', 'case = "maglev"'), "is none of pv, nev, ic, mrna"),
        (('{ kind = "lead", of = "China\'s share of world output", first = 2001, last = 2023 }', "2009.0"),
         "answers.PV33: asks nothing of a run"),
    ],
)  # fmt: skip
def test_a_study_with_nonsense_is_refused_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = STUDY.read_text(encoding="utf-8")
    assert change[0] in text
    bad = tmp_path / "bad.toml"
    bad.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Study.load(bad)
    assert str(caught.value).startswith("bad.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_figure_answered_twice_or_unknown_is_refused() -> None:
    study = Study.load()
    twice = study.model_copy(update={"unanswered": {**study.unanswered, "PV17": study.unanswered["PV19"]}})
    with pytest.raises(InputError, match="PV17: must stand in exactly one"):
        scoreboard({}, twice)
    missing = study.model_copy(update={"unanswered": {}})
    with pytest.raises(InputError, match="PV04: must stand in exactly one"):
        scoreboard({}, missing)
    stranger = study.model_copy(update={"unanswered": {**study.unanswered, "PV99": study.unanswered["PV19"]}})
    with pytest.raises(InputError, match="unknown target figure 'PV99'"):
        scoreboard({}, stranger)


def test_the_papers_own_range_cannot_be_overridden() -> None:
    question = {"kind": "value", "of": "cost", "year": 2004}
    fields: dict[str, Any] = {"question": question, "quantity": "a cost", "reading": "a reading long enough"}
    figure = {"id": "PV26", "value_low": 80.0, "value_high": 90.0, "unit": "percent"}
    assert accepted_range(figure, Answer(unit="percent", **fields)) == (80.0, 90.0)
    with pytest.raises(InputError, match=r"answers\.PV26: low and high are the paper's \(80 to 90 percent\)"):
        accepted_range(figure, Answer(unit="percent", low=70.0, **fields))
    with pytest.raises(InputError, match="a tolerance goes with a single number"):
        accepted_range(figure, Answer(unit="percent", tolerance=10.0, **fields))
    with pytest.raises(InputError, match="low or high must be stated"):
        accepted_range(figure, Answer(unit="years", **fields))
    point = {**figure, "value_low": 85.0, "value_high": 85.0}
    assert accepted_range(point, Answer(unit="percent", tolerance=4.0, **fields)) == (81.0, 89.0)


# ---- the shipped scoreboard ------------------------------------------------------------------------------------------


def row(**changes: Any) -> Row:
    fields: dict[str, Any] = {
        "id": "PV26", "case": "PV", "description": "", "quantity": "", "unit": "percent", "paper": "", "low": 80.0,
        "high": 90.0, "observed": None, "observed_source": "", "model": 85.0, "reading": "", "fitted_to": "",
        "calibrated": False,
    }  # fmt: skip
    return Row(**{**fields, **changes})


def targets() -> list[str]:
    figures = load_table("paper_figures").rows
    return [str(one) for one in figures[figures["role"] == "target"]["id"]]


def test_every_target_figure_is_answered_or_explained_exactly_once(board: Scoreboard) -> None:
    listed = [one.id for one in (*board.rows, *board.unanswered)]
    assert sorted(listed) == sorted(targets())
    assert len(set(listed)) == len(listed) == 61
    assert len(board.rows) >= 25
    assert all(one.reason for one in board.unanswered)


def test_every_verdict_agrees_with_its_numbers(board: Scoreboard) -> None:
    for one in board.rows:
        assert one.low is not None or one.high is not None, one.id
        for value, verdict in ((one.model, one.inside), (one.observed, one.observed_inside)):
            if value is None:
                assert not verdict
                continue
            below = one.low is not None and value < one.low
            above = one.high is not None and value > one.high
            assert verdict == (not below and not above), one.id
    assert board.inside == sum(one.inside for one in board.rows)


def test_a_planted_wrong_value_flips_the_verdict() -> None:
    assert row(model=85.0).inside
    assert not row(model=79.9).inside
    assert not row(model=90.1).inside
    assert row(low=None, model=-1e9).inside
    assert row(observed=79.0).observed_inside is False


def test_a_fit_that_changes_the_run_changes_the_answer() -> None:
    """Without learning, cost hardly falls, so the answer on the cost of photovoltaic power must leave its range."""
    study = Study.load()
    others = {key: study.unanswered["PV19"] for key in targets() if key != "PV26"}
    study = study.model_copy(update={"answers": {"PV26": study.answers["PV26"]}, "unanswered": others})
    still = {"doing learning rate": 0.0, "searching learning rate": 0.0, "BOS learning rate": 0.0}
    plain_row = scoreboard({}, study).rows[0]
    flat_row = scoreboard({"pv": Accepted("pv", "cost sensitivity", still, {}, {}, 0.0)}, study).rows[0]
    assert flat_row.calibrated
    assert not plain_row.calibrated
    assert flat_row.model is not None
    assert plain_row.model is not None
    assert not flat_row.inside
    assert flat_row.model < plain_row.model - 20


def test_every_number_is_observed_with_a_source_and_every_reading_says_what_is_tested(board: Scoreboard) -> None:
    for one in board.rows:
        assert (one.observed is None) == (one.observed_source == ""), one.id
        assert len(one.reading) > 20
    assert sum(one.observed is not None for one in board.rows) >= 20


def test_observed_figures_of_the_paper_are_the_ones_in_the_tables(board: Scoreboard) -> None:
    seen = {one.id: one.observed for one in board.rows}
    assert seen["PV26"] == pytest.approx(100 * (1 - 0.269 / 1.544), abs=0.01)
    assert seen["PV32c"] == pytest.approx(100 * (211.7 / 153 - 1), abs=0.01)
    assert seen["PV29"] == pytest.approx(0.1476, abs=5e-5)
    assert seen["PV09"] == seen["PV17"] == 1.0
    assert seen["X11"] == 7.0  # the paper's own dates: 2000 to 2007
    assert seen["X12"] == 6.0  # 2007 to 2013


def test_no_reading_is_an_input_handed_back() -> None:
    loaded = {case: load_case(case).model for case in CASES}
    given = {case: inputs(case) for case in CASES}
    for name, reading in Study.load().readings.items():
        for quantity in () if reading.race else reading.quantity:  # a race reads shares of countries
            variable = loaded[reading.case].variable(quantity)
            assert variable.kind in {"stock", "flow", "auxiliary"}, (name, quantity)
            assert plain(variable.name) not in given[reading.case], (name, quantity)


def inputs(case: str) -> set[str]:
    """Variables that a policy or scenario file gives for the case."""
    files = [Path(models.__file__).parent / folder / f"{case}.csv" for folder in ("policies", "scenarios")]
    return {plain(line.split(",")[0]) for file in files for line in file.read_text(encoding="utf-8").splitlines()[1:]}


def test_what_a_row_was_fitted_to_is_a_target_of_the_calibration() -> None:
    known = {"driving range (case file)"}
    for case in CASES:
        fit = load_targets(case)
        known |= {one.name for one in (*fit.series, *fit.events, *fit.effects)}
    for key, one in Study.load().answers.items():
        assert set(one.fitted) <= known, key


def test_a_single_number_of_the_paper_has_a_tolerance_unless_it_is_a_rank() -> None:
    figures = load_table("paper_figures").rows.set_index("id")
    for key, one in Study.load().answers.items():
        figure = figures.loc[key]
        if one.unit == figure["unit"] and figure["value_low"] == figure["value_high"]:
            assert (one.tolerance > 0) == (one.unit != "rank"), key


def test_table_and_json_say_the_same(board: Scoreboard) -> None:
    plain_json = json.loads(json.dumps(board.as_json(), allow_nan=False))
    table = board.table()
    assert [one["id"] for one in plain_json["rows"]] == table["id"].tolist() == [one.id for one in board.rows]
    assert [one["inside"] for one in plain_json["rows"]] == (table["model is"] == "inside").tolist()
    assert plain_json["inside"] == board.inside
    assert plain_json["answered"] + len(plain_json["unanswered"]) == len(targets())


def test_the_papers_figures_read_as_words() -> None:
    figures = {one["id"]: one for one in records(load_table("paper_figures").rows)}
    assert paper_text(figures["PV26"]) == "80 to 90 percent"
    assert paper_text(figures["PV27"]) == "at most 0.3 CNY per kWh"
    assert paper_text(figures["G02"]) == "at least 35 years"
    assert paper_text(figures["X03"]) == "59 years"
    assert paper_text(figures["MR03"]) == "no number (2020)"


def test_the_readings_are_of_known_cases() -> None:
    assert {one.case for one in Study.load().readings.values()} == set(CASES)


# ---- posterior draws -------------------------------------------------------------------------------------------------


def drawn_posterior(case: str, name: str, factors: list[float]) -> Posterior:
    usual = load_case(case).parameters[name].value
    return Posterior(case, {name: usual * np.array(factors)}, {}, {})


def test_the_interval_of_a_row_is_the_quantiles_of_its_answers() -> None:
    answers = np.arange(1.0, 201.0)
    found = spread_of(answers, 50.5, 150.0)
    assert (found.median, found.low, found.high) == pytest.approx((100.5, 10.95, 190.05))
    assert found.inside == pytest.approx(0.5)
    assert found.draws == 200


def test_draws_that_never_get_there_are_outside_and_leave_the_upper_end_open() -> None:
    found = spread_of(np.array([2010.0] * 80 + [math.inf] * 15 + [math.nan] * 5), 2000.0, None)
    assert (found.median, found.low, found.high) == (2010.0, 2010.0, None)
    assert found.inside == pytest.approx(0.8)


def test_the_run_of_a_draw_is_the_run_of_a_model_with_its_values_and_what_a_question_holds_wins() -> None:
    readings = Study.load().readings
    posterior = drawn_posterior("nev", "cost sensitivity", [0.7, 1.0, 1.4])
    drawn = DrawnRuns({"nev": Drawn("nev", load_case("nev").model, posterior.parameters, "draws")}, readings)
    asked_for = [one for one in readings.values() if one.case == "nev"]
    for held in ({}, {"central subsidy": 0.0}, {"Cost_Sensitivity": 2.0}):
        for draw, value in enumerate(posterior.parameters["cost sensitivity"]):
            usual = load_case("nev").model.with_constants({"cost sensitivity": value})
            alone = with_held(Drawn("nev", usual, {}, "one run"), held).model.run(until=UNTIL)
            own = Run(alone["time"].to_numpy(), {str(n): np.asarray(alone[n]) for n in alone.data_vars})
            for reading in asked_for:
                expected = own.track(reading).values
                assert drawn.runs(draw)(reading, held).track(reading).values == pytest.approx(
                    expected, rel=1e-9, nan_ok=True
                )


def test_rows_have_an_interval_where_every_case_asked_has_a_posterior_and_nowhere_else(board: Scoreboard) -> None:
    posterior = drawn_posterior("nev", "cost sensitivity", [1.0, 1.0, 1.0])
    drawn = scoreboard({}, posteriors={"nev": posterior})
    study = Study.load()
    for plain_row, row_ in zip(board.rows, drawn.rows, strict=True):
        asked_of = {study.readings[name].case for _, name in asked(study.answers[row_.id].question)}
        assert (row_.spread is not None) == (asked_of == {"nev"}), row_.id
        assert row_.model == plain_row.model
        if row_.spread is not None and row_.model is not None:
            assert row_.spread.median == pytest.approx(row_.model, rel=1e-6)
            assert row_.spread.inside == float(row_.inside)
    table = drawn.table()
    assert table["posterior median"].notna().sum() == sum(
        r.spread is not None and r.model is not None for r in drawn.rows
    )
    json.dumps(drawn.as_json(), allow_nan=False)
