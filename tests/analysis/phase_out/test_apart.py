"""Exits by instrument: each ends what it names and nothing else, two criteria judge it, and what happened is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart import (
    Ended,
    Exits,
    answers,
    apart_table,
    largest_loss,
    most_often,
    setback,
    spans,
    together,
)
from analysis.phase_out.by_instrument.apart_told import end_words, points, safe_year, worse_later
from analysis.phase_out.by_instrument.happened import failing, happened_table, happened_words
from analysis.phase_out.cost_words import best_refused
from analysis.phase_out.exit import doubt
from analysis.phase_out.figures import strips
from analysis.phase_out.prepare import arms_of
from analysis.phase_out.study import Apart, Happened, PhaseOutStudy, load_phase_out_study
from analysis.report.brief import exit_objection, exit_points
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior
from stockflow.errors import InputError

BOTH = ("purchase subsidy", "tax exemption")


@pytest.fixture(scope="module")
def study() -> PhaseOutStudy:
    return load_phase_out_study("nev")


@pytest.fixture(scope="module")
def exits(study: PhaseOutStudy) -> Exits:
    return Exits(study, accepted_posterior("nev").spread(6))


def ended(ratio: float, ends: tuple[str, ...] = ("a",), fall: float = 0.0, held: float = 0.0) -> Ended:
    """Exits from 2020 and 2021 in ten draws, all alike."""
    same = np.ones((2, 10))
    starts = np.array([2020.0, 2021.0])
    about = Apart(name=" and ".join(ends), ends=ends, goes_on="rest")
    return Ended(
        about, "cliff", starts, ratio * same, fall * same, held * same, *(0 * same for _ in range(4)), ratio * same
    )


def test_all_at_once_is_the_exit_of_the_study_itself(study: PhaseOutStudy, exits: Exits) -> None:
    own = {(arm.shape, arm.start): schedule for arm, schedule in arms_of(study).items() if arm.role == "grid"}
    assert exits.schedule(BOTH, "cliff", 2023.0, 0.0) == own["cliff", 2023.0]


def test_an_exit_ends_what_it_names_and_nothing_else(exits: Exits) -> None:
    paid = exits.supported["Cumulative paid support"]
    gone = exits.run(exits.schedule(["purchase subsidy"], "cliff", 2023.0, 0.0))
    after = exits.times > 2023.5
    assert np.ptp(gone["Cumulative paid support"][:, after], axis=1).max() < 0.01 * np.ptp(paid[:, after], axis=1).min()
    tax = exits.run(exits.schedule(["tax exemption"], "cliff", 2023.0, 0.0))
    assert (np.ptp(tax["Cumulative paid support"][:, after], axis=1) > 0.5 * np.ptp(paid[:, after], axis=1)).all()


def test_both_together_cost_more_than_either_and_not_just_their_sum(exits: Exits) -> None:
    each = [
        exits.judged(exits.run(exits.schedule(ends, "cliff", 2023.0, 0.0)), 2023.0, 0.0)[0]
        for ends in (["purchase subsidy"], ["tax exemption"], BOTH)
    ]
    assert (each[2] < np.minimum(each[0], each[1])).all()
    assert (np.abs(np.log(each[2]) - np.log(each[0]) - np.log(each[1])) > 1e-5).all()


def test_what_ends_do_together_is_the_joint_run_over_the_product_of_the_single_ones() -> None:
    found = [ended(0.9, ("a",)), ended(0.8, ("b",)), ended(0.7, ("a", "b"))]
    table = together(found, 2021.0)
    assert table["ends"].tolist() == ["a and b"]
    assert table["beyond"].iloc[0] == pytest.approx(np.log(0.7 / 0.72))
    assert together(found[1:], 2021.0).empty  # a is not known alone
    assert together(found, None).empty


def test_a_setback_is_the_part_of_the_own_highest_that_is_lost_and_for_how_long() -> None:
    times = np.arange(2020.0, 2026.0, 0.25)
    share = np.full((2, len(times)), 0.2)
    share[0, 8:12] = 0.15  # 2022 to 2022.75
    share[1, 22:] = 0.01  # after what is judged
    fall, below = setback(times, share, 2021.0, 4.0, 0.05)
    assert fall.tolist() == pytest.approx([0.25, 0.0])
    assert below.tolist() == [1.0, 0.0]
    assert setback(times, np.full((1, len(times)), np.nan), 2021.0, 4.0, 0.05)[0].tolist() == [0.0]


def test_the_largest_loss_is_that_of_the_worst_of_the_first_years() -> None:
    times = np.arange(2020.0, 2026.0, 0.25)
    held = np.full((2, len(times)), 0.2)
    share = held.copy()
    share[0, times == 2023.0] = 0.15  # over 2022, the second year
    share[1, times == 2025.0] = 0.01  # after the years that count
    lost, year = largest_loss(times, share, held, 2021.0, 3)
    assert lost.tolist() == pytest.approx([0.25, 0.0])
    assert year[0] == 2022.0
    assert largest_loss(times, share, 0 * held, 2021.0, 3)[0].tolist() == [0.0, 0.0]  # nothing to lose
    assert most_often(np.array([2022.0, 2021.0, 2022.0])) == (2022.0, pytest.approx(2 / 3))


def test_a_fall_that_continued_support_has_too_is_no_setback_of_the_exit(study: PhaseOutStudy) -> None:
    response = np.arange(10.0)
    own, shared = ended(1.0, fall=0.2), ended(1.0, fall=0.2, held=0.2)
    table = answers(study, [own, shared], response)
    assert table["setback if from"].tolist() == ["2020 to 2021", "none"]
    assert apart_table(study, [own])["below own past"].tolist() == [1.0, 1.0]


def test_an_answer_names_the_first_safe_start_or_that_there_is_none(study: PhaseOutStudy) -> None:
    mixed = replace(ended(0.95), ratio=np.array([np.full(10, 0.5), np.full(10, 0.95)]))
    table = answers(study, [mixed, ended(0.5)], np.arange(10.0))
    assert table["safe from"].tolist() == [2021.0, np.inf]
    assert table["fails"].tolist() == [0.0, 1.0]


def test_a_slope_is_judged_as_long_after_its_last_step_too(study: PhaseOutStudy, exits: Exits) -> None:
    late = study.grid.last
    found = exits.ended(study.apart[0], "linear", 5.0, [2018.0, late])
    values = exits.run(exits.schedule(study.apart[0].ends, "linear", 2018.0, 5.0))
    at = np.searchsorted(exits.times, 2028.0 - 1e-9)
    share, held = exits._share(values)[:, at], exits.held[:, at]
    assert found.after[0] == pytest.approx(share / held)
    assert np.isnan(found.after[1]).all()  # 2039 is after the horizon
    assert len(found.after_its_end(study).failing) == 1


def test_a_slope_that_is_safe_only_on_the_day_it_ends_is_said_not_to_last(study: PhaseOutStudy) -> None:
    few = len(study.grid.starts) - 5
    row = {"ends": "purchase subsidy alone", "goes on": "the rest", "exit": "linear over 5 years", "draws": 400,
           "safe from": study.grid.first + 1, "fails": 0.0, "at": study.grid.first + 1, "setbacks": [],
           "failing": [0.5] + [0.0] * (few + 4), "failing after": [0.5] * few}  # fmt: skip
    (line,) = points(pd.DataFrame([row]), study)
    assert line.endswith(
        "linear over 5 years, at no start by 2024 (50.0% of draws or more fail) as judged 5 years after its last step, "
        "50% if it begins in 2012, though it looks safe from 2012 (0.0% of draws fail) as judged 5 years after its "
        "first step"
    )
    (line,) = points(pd.DataFrame([row | {"failing": [0.0] * (few + 5), "safe from": study.grid.first}]), study)
    assert "though it looks safe" in line
    assert worse_later(row | {"failing after": []}, study) is None  # no start can be judged by the horizon
    (line,) = points(pd.DataFrame([row | {"failing after": [0.5] + [0.0] * (few - 1)}]), study)
    assert line.endswith("(going on: the rest): linear over 5 years, from 2012 (0.0% of draws fail)")


def test_a_point_says_what_is_too_near_to_tell_what_falls_back_and_what_never_fails(study: PhaseOutStudy) -> None:
    after = [0.0] * (len(study.grid.starts) - 3)
    row = {
        "ends": "a",
        "goes on": "b",
        "exit": "cliff",
        "draws": 400,
        "safe from": 2012.0,
        "fails": 0.09,
        "at": 2012.0,
        "setbacks": [2011.0, 2012.0, 2013.0, 2016.0],
        "failing": [0.5, 0.09, 0.01, *after],
        "failing after": [0.0],
    }
    (line,) = points(pd.DataFrame([row]), study)
    assert line == (
        "A (going on: b): at a stroke, from 2013 (1.0% of draws fail), 2012 too near to tell (9.0%), with a setback "
        "for a time if it begins in 2012 to 2013, 2016"
    )
    never = row | {"failing": [0.0] * len(study.grid.starts), "setbacks": []}
    assert points(pd.DataFrame([never]), study) == ["A (going on: b): 0 of 400 draws fail at any start, 2011 to 2029"]
    none = row | {"failing": [0.4, *[0.3] * (len(study.grid.starts) - 1)], "safe from": np.inf}
    assert points(pd.DataFrame([none]), study)[0].endswith("at no start by 2029 (30.0% of draws or more fail)")
    once = row | {"failing": [0.5, 0.09, 0.5, *after], "safe from": 2012.0}
    assert "at no start that is safe with all later ones (at best" in points(pd.DataFrame([once]), study)[0]
    assert safe_year(once, study) == "no start that lasts (only 2014 to 2029 is safe)"
    apart = row | {"failing": [0.5, 0.11, 0.25, 0.09, 0.01, *after[:-2]], "safe from": 2014.0, "setbacks": []}
    assert "2012, 2014 too near to tell (11.0% / 9.0%)" in points(pd.DataFrame([apart]), study)[0]
    near = row | {"failing": [0.5, 0.085, *[0.3] * (len(study.grid.starts) - 2)]}
    assert safe_year(near, study) == "no start that lasts (at best 2012, too near to tell)"


def test_years_are_told_as_spans() -> None:
    assert spans(np.array([2016.0, 2017.0, 2018.0, 2020.0])) == "2016 to 2018, 2020"
    assert spans(np.array([])) == "none"
    assert spans(np.array([2016.0, 2016.5, 2017.5]), 0.5) == "2016 to 2016.5, 2017.5"


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_what_happened_stands_beside_the_model_and_says_when_it_lies_outside(case: str) -> None:
    asked = load_phase_out_study(case).happened
    table = happened_table(load_targets(case), accepted_posterior(case), asked)
    assert len(table) == len(asked) >= 3
    assert ((table["low"] <= table["model"]) & (table["model"] <= table["high"])).all()
    inside = table["observed"].between(table["low"], table["high"])
    assert inside.tolist() == table["inside"].tolist()
    for sentence, good in zip(happened_words(table), inside, strict=True):
        assert ("OUTSIDE" in sentence) != good


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_the_figure_by_instrument_has_a_cell_for_every_start_and_says_the_finding(tmp_path: Path, case: str) -> None:
    study, kept = load_phase_out_study(case), load_answer(case)["by_instrument"]
    png = strips(kept, study, tmp_path / "strips")
    cells = pd.read_csv(png.with_suffix(".csv"))
    late = [row for row in kept.to_dict("records") if worse_later(row, study) is not None]
    assert len(cells) == (len(kept) + len(late)) * len(study.grid.starts)
    first = cells[(cells["ends"] == kept["ends"][0]) & (cells["exit"] == "cliff")].set_index("start")
    safe = first.index[first["share of draws that fail"] < study.exit.probability]
    assert safe.min() == kept["safe from"][0]
    lasts = (first.loc[safe.min() :, "share of draws that fail"] < study.exit.probability).all()
    clear = first.index[first["share of draws that fail"] < study.exit.probability - doubt(0.1, study.draws)]
    told = f"from {clear.min():g}" if lasts else "at no start that lasts"
    assert end_words(kept, study).startswith(f"{kept['ends'][0]} {told}")


def test_no_schedule_is_called_the_best_where_a_check_fails() -> None:
    table = pd.DataFrame({"what": ["a", "b", "c"], "check": [True, False, True], "inside": [False, False, True]})
    assert failing(table) == ["a"]
    assert best_refused(failing(table))[0].startswith("No schedule is called the best: the model misses a,")
    assert best_refused([]) == []
    accepted = load_answer("pv")
    assert failing(accepted["happened"])
    assert "growth of installation from 2021 to 2023" in exit_objection("pv")


@pytest.mark.parametrize(
    ("one", "says"),
    [
        ({"effect": "no such"}, "effect 'no such' is not in the fit of nev; it has 'share of 2015-18"),
        ({"series": "no such", "before": 2020, "after": 2021}, "series 'no such' is not in the fit of nev; it has"),
        ({"series": "NEV sales", "before": 1999, "after": 2021}, "'NEV sales' of nev has no observation of 1999"),
    ],
)
def test_what_the_fit_does_not_have_is_refused_by_name(one: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        happened_table(load_targets("nev"), accepted_posterior("nev"), [Happened.model_validate({"what": "it", **one})])


@pytest.mark.parametrize("bad", [{}, {"effect": "a", "series": "b"}, {"series": "b", "before": 2021, "after": 2020}])
def test_a_row_of_what_happened_needs_one_thing_to_compare(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs a series with years in order, or an effect"):
        Happened.model_validate({"what": "it happened", **bad})


@pytest.mark.slow
@pytest.mark.parametrize("case", ["nev", "pv"])
def test_the_record_by_instrument_is_what_runs_say_today(case: str) -> None:
    study = load_phase_out_study(case)
    few = study.model_copy(
        update={"apart": study.apart[:1], "grid": study.grid.model_copy(update={"shapes": ("cliff",)})}
    )
    draws = accepted_posterior(case).spread(study.draws)
    found = Exits(few, draws).ended(few.apart[0], "cliff", 0.0, few.grid.starts)
    kept = load_answer(case)["by_instrument"].iloc[0]
    assert found.against_support(few).year == kept["safe from"]
    assert str(kept["ends"]).capitalize() in exit_points(case)[0]
