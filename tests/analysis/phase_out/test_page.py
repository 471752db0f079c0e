"""The page says what the results say: never as never, losses as losses, and what it hinges on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from phase_out_helpers import small

from analysis.phase_out.exit import SafeYears, safe_years
from analysis.phase_out.hinges import THIRDS, Evidence, drivers, rank_correlation, thirds
from analysis.phase_out.page import page, regret_words, rush_words, sections_of, share_words
from analysis.phase_out.results import Results, results
from analysis.phase_out.runs import only
from analysis.phase_out.spread import Measure
from analysis.phase_out.study import SafeExit
from analysis.phase_out.words import brief, number, often, safe_words, told

STARTS = np.array([2015.0, 2016.0, 2017.0])
RESPONSE = "cost sensitivity"


@pytest.fixture(scope="module")
def nev() -> Results:
    return results(*small("nev"))


@pytest.fixture(scope="module")
def pv() -> Results:
    return results(*small("pv"))


def exits(*kept: list[bool]) -> SafeYears:
    return safe_years("cliff", STARTS, np.array(kept), 0.1)


def said(one: SafeYears) -> str:
    return safe_words(one, SafeExit(), rule=False)


def test_without_a_safe_start_the_page_says_so_and_how_often_the_best_one_fails() -> None:
    text = said(exits([False] * 4, [False] * 4, [True, True, False, False]))
    assert "no start from 2015 to 2017 is safe; even the one from 2017 fails in 50.0% of the draws" in text
    assert "In 50% of the draws no start up to 2017 holds." in text


def test_if_no_draw_ever_holds_no_year_is_named() -> None:
    assert "In no draw does any start hold." in said(exits([False], [False], [False]))


def test_safe_from_the_first_start_tried_may_be_earlier_still() -> None:
    text = said(exits([True] * 4, [True] * 4, [True] * 4))
    assert "safe from 2015, the first start tried, or earlier" in text
    assert "2015 or earlier" in text


def test_unsafe_starts_after_a_safe_one_are_named() -> None:
    assert "safe from 2015, the first start tried, or earlier (fails in 0.0% of the draws), but not from 2016." in said(
        exits([True] * 4, [False] * 4, [True] * 4)
    )


def test_a_safe_year_is_told_with_its_distribution_over_the_draws() -> None:
    text = said(exits([False] * 20, [True] * 5 + [False] * 15, [True] * 19 + [False]))
    assert "safe from 2017 on (fails in 5.0% of the draws, the start before in 75.0%)" in text
    assert "2017 (50%: 2016 to 2017; 90%: 2016 to 2017)" in text


def test_a_start_within_sampling_error_of_safe_is_named_as_such() -> None:
    kept = [[False] * 400, [True] * 355 + [False] * 45, [True] * 380 + [False] * 20]  # 11.25%, error 1.5%
    assert "safe from 2017 on" in said(exits(*kept))
    assert "; 2016 cannot be told from it with 400 draws." in said(exits(*kept))
    kept[1] = [True] * 340 + [False] * 60
    assert "cannot be told" not in said(exits(*kept))


def test_a_number_is_told_with_both_intervals_and_never_as_never() -> None:
    assert told(Measure("x", "GW", np.arange(101.0))) == "50 GW (50%: 25 to 75; 90%: 5 to 95)"
    assert told(Measure("x", "year", np.array([2020.0, np.inf])), never="after 2035").endswith("to after 2035)")
    assert told(Measure("x", "GW", np.array([np.nan, 2.0]))) == "2 GW in nearly all draws [defined in 50% of the draws]"
    assert told(Measure("x", "GW", np.array([np.nan]))) == "not defined in any draw"
    assert brief(Measure("x", "GW", np.array([np.nan]))) == "-"


def test_small_and_large_probabilities_are_not_rounded_to_certainty() -> None:
    assert [often(p) for p in (0.0, 0.001, 0.005, 0.42)] == ["0%", "under 1%", "under 1%", "42%"]
    assert [often(p) for p in (0.999, 1.0)] == ["over 99%", "100%"]


def test_nothing_has_a_sign_and_large_numbers_are_grouped() -> None:
    assert [number(v, 0, True) for v in (-0.2, 3.0, -3.0, 12345.0)] == ["0", "+3", "-3", "+12,345"]


def test_a_share_not_reached_in_every_draw_is_told_with_how_often(pv: Results) -> None:
    never = Measure("year", "year", np.r_[np.inf, np.full(10, 2030.0), np.inf])
    late = [{name: never if name.startswith("year of") else one for name, one in own.items()} for own in pv.measures]
    text = " ".join(share_words(replace(pv, measures=late)))
    assert "reached by 2035 in 83% of the draws" in text
    assert "after 2035" in text


def test_a_schedule_that_loses_against_no_support_is_told_as_a_loss(pv: Results) -> None:
    dear, none, worth = pv.spent.copy(), only(pv.arms, "no support"), 20.0
    dear[:, 0] += 2 * worth * (pv.units - pv.units[none])[:, 0]  # in one draw of twelve nothing pays
    stated = pv.study.worth.model_copy(update={"low": worth})
    found = replace(pv, spent=dear, study=pv.study.model_copy(update={"worth": stated}))
    draws = found.gains("low")
    best = found.regret().query("worth == 'low'").sort_values("mean regret", kind="stable")["schedule"].iloc[0]
    loses = float((draws[found.place(best)] < draws[1]).mean())
    assert 0 < loses < 1
    assert f"a loss in {loses:.0%} of the draws" in regret_words(found)[0]


def test_support_that_never_pays_leaves_no_support_as_the_best(nev: Results) -> None:
    worthless = nev.study.worth.model_copy(update={"low": 0.0})
    text = regret_words(replace(nev, study=nev.study.model_copy(update={"worth": worthless})))[0]
    assert "least mean regret for no support (0 bnCNY, at most 0)" in text
    assert "most often best: no support, in 100% of the draws" in text


def test_the_page_has_every_section_and_the_check_of_the_account(pv: Results) -> None:
    text = page(sections_of(pv, RESPONSE))
    flowing = " ".join(text.split())
    for title in (
        "Answer, for all support at once",
        "What breaks",
        "What it costs",
        "Which schedule",
        "What it hinges on",
        "Checks",
    ):
        assert f"\n{title}\n" in text
    assert "lines = fiscal outlay, committed = paid + arrears" in flowing
    assert "in the model, 60 as reported" in flowing


def test_the_page_says_what_rushes_are_in_the_fit(nev: Results) -> None:
    (text,) = rush_words(nev, None)
    assert text.startswith("As fitted, announcements pull forward in sum: ")


def test_the_page_says_that_rushes_are_not_in_the_fit(pv: Results) -> None:
    rush = pd.DataFrame(
        [{"value": 2.0, "schedule": label, "measure": "pulled forward by announcements", "median": 1.5,
          "90% low": 1.0, "90% high": 2.0} for label in ("again", "history held")]
    )  # fmt: skip
    (text,) = rush_words(pv, rush)
    assert text.startswith("As fitted, announcements pull nothing forward.")
    assert "at 2 again 1.5 (90%: 1 to 2)" in text


def test_thirds_split_the_draws_by_response_and_use_each_once(nev: Results) -> None:
    effect = Evidence("effect", 0.5, 0.1, "somewhere", nev.draws[RESPONSE] * 10)
    table = thirds(nev, RESPONSE, effect).set_index(["draws", "answer"])
    medians = [table.loc[(third, RESPONSE), "value"] for third in THIRDS]
    assert medians == sorted(medians)
    ordered = np.sort(nev.draws[RESPONSE])
    np.testing.assert_allclose(medians, [np.median(part) for part in np.array_split(ordered, 3)])
    np.testing.assert_allclose([table.loc[(t, "effect"), "value"] for t in THIRDS], np.multiply(medians, 10))


def test_a_stronger_response_has_fewer_free_riders(nev: Results) -> None:
    table = thirds(nev, RESPONSE, None).set_index(["draws", "answer"])
    free = [float(table.loc[(third, "free riders, again"), "value"]) for third in THIRDS]
    assert free[0] > free[-1]


def test_rank_correlation_puts_never_last_and_is_one_with_itself() -> None:
    values = np.array([2015.0, 2016.0, np.inf, 2020.0])
    assert rank_correlation(values, values) == pytest.approx(1)
    assert rank_correlation(values, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(1)
    assert rank_correlation(values, -np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(-1)


def test_parameters_are_ranked_by_how_strongly_they_go_with_an_answer(nev: Results) -> None:
    table = drivers(nev)
    for _, part in table.groupby("answer"):
        sizes = part["rank correlation"].abs().to_numpy()
        assert (np.diff(sizes) <= 1e-12).all()
    assert table["rank correlation"].abs().max() <= 1


def test_the_evidence_is_told_as_observed_and_as_in_the_posterior(nev: Results) -> None:
    text = page(sections_of(nev, RESPONSE, Evidence("share caused", 0.52, 0.1, "a paper", np.full(nev.size, 0.4))))
    assert "Share caused: observed 0.52 with standard deviation 0.10 (a paper); in the posterior 0.40" in " ".join(
        line.strip() for line in text.splitlines()
    )
