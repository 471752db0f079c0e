"""The fiscal account: it closes on real runs, counts everything once, and discounts by the book."""

from __future__ import annotations

import numpy as np
import pytest
from phase_out_helpers import small

from analysis.phase_out.account import (
    ARREARS,
    LINES,
    PROMISED,
    SUPPORT,
    TOTAL,
    AccountError,
    account,
    check,
    outlay,
    yearly,
)  # fmt: skip
from analysis.phase_out.runs import Runs, Values
from analysis.phase_out.study import PhaseOutStudy
from models.case import load_case

CLOSED = 1e-9


@pytest.fixture(scope="module", params=["nev", pytest.param("pv", marks=pytest.mark.slow)])
def runs(request: pytest.FixtureRequest) -> tuple[PhaseOutStudy, Runs]:
    return small(request.param)


def every(runs: Runs) -> list[Values]:
    return [runs.read(place) for place in range(len(runs.arms))]


def test_committed_support_is_what_was_paid_and_the_change_of_arrears(runs: tuple[PhaseOutStudy, Runs]) -> None:
    for values in every(runs[1]):
        promised, paid, owed = (np.diff(values[n], axis=1) for n in (PROMISED.stock, SUPPORT.stock, ARREARS))
        np.testing.assert_allclose(promised, paid + owed, rtol=CLOSED, atol=CLOSED)


def test_arrears_are_tried_by_these_runs() -> None:
    assert small("pv")[1].read(0)[ARREARS].max() > 100


def test_the_lines_make_up_the_fiscal_outlay_at_every_saved_time(runs: tuple[PhaseOutStudy, Runs]) -> None:
    for values in every(runs[1]):
        lines = np.sum([values[line.stock] for line in LINES], axis=0)
        np.testing.assert_allclose(lines, values[TOTAL], rtol=CLOSED, atol=CLOSED)


def test_the_lines_are_those_of_the_models_own_equation() -> None:
    for case in ("nev", "pv"):
        flows = set(load_case(case).model.depends_on("fiscal outlay", direct=True))
        assert {line.flow for line in LINES} == flows


def test_years_add_up_to_the_growth_of_the_whole(runs: tuple[PhaseOutStudy, Runs]) -> None:
    study, found = runs
    values = found.read(0)
    table = yearly(study, found.times, values, "one")
    spent = table[table["line"].isin([line.title for line in LINES]) & (table["year"] < study.horizon)]["mean"].sum()
    growth = values[TOTAL][:, found.at(study.horizon)] - values[TOTAL][:, found.at(study.since)]
    assert spent == pytest.approx(growth.mean(), rel=CLOSED)


def test_an_account_that_does_not_close_is_refused_by_schedule_and_statement(runs: tuple[PhaseOutStudy, Runs]) -> None:
    values = dict(runs[1].read(0))
    assert check(values, "one") <= CLOSED
    values[SUPPORT.stock] = values[SUPPORT.stock] * (1 + 1e-6)
    with pytest.raises(AccountError, match="one: the lines and the fiscal outlay"):
        check(values, "one")


def test_no_support_is_promised_after_the_horizon_and_nothing_moves_before_it(runs: tuple[PhaseOutStudy, Runs]) -> None:
    study, found = runs
    model = load_case(study.case).model
    plain = model.runs(found.draws, [TOTAL, "Support Arrears"], until=study.horizon, save_period=0.25).dataset()
    end = found.at(study.horizon) + 1
    np.testing.assert_allclose(plain[TOTAL].to_numpy(), found.read(0)[TOTAL][:, :end], rtol=1e-12)
    if study.case == "pv":
        promised = np.diff(found.read(0)[PROMISED.stock][:, end - 1 :], axis=1)
        assert (np.diff(promised, axis=1) <= CLOSED).all()


def test_the_tail_ends_when_the_last_contract_does() -> None:
    study, found = small("pv")
    promised = found.read(0)[PROMISED.stock]
    np.testing.assert_allclose(promised[:, -1], promised[:, -2], rtol=1e-6)
    assert (promised[:, -1] > promised[:, found.at(study.horizon)]).all()


def test_the_outlay_counts_lines_to_the_horizon_support_in_the_tail_and_debts_once() -> None:
    study = small("pv")[0].model_copy(update={"horizon": 2021.0, "tail": 1.0, "base_year": 2020.0})
    times = np.array([2020.0, 2021.0, 2022.0])
    values = {
        TOTAL: np.array([[0.0, 10.0, 99.0]]),  # the other lines after the horizon do not count
        SUPPORT.stock: np.array([[0.0, 4.0, 7.0]]),
        ARREARS: np.array([[0.0, 5.0, 2.0]]),
    }
    assert outlay(study, times, values)[0] == 10 + 3 + 2
    assert outlay(study, times, values, 0.1)[0] == pytest.approx(10 * 1.1**-0.5 + 3 * 1.1**-1.5 + 2 * 1.1**-2)


def test_the_levy_and_credits_stand_beside_the_outlay() -> None:
    for case, title in (("nev", "credits paid by makers of petrol cars"), ("pv", "levy raised from electricity users")):
        study, found = small(case)
        table = {one.name: one.values for one in account(study, found.times, found.read(0))}
        assert (table[f"{title} to 2035"] > 0).all()
        lines = np.sum([table[f"{line.title} to 2035"] for line in LINES], axis=0)
        np.testing.assert_allclose(lines, table["fiscal outlay to 2035"], rtol=CLOSED)


def test_what_electricity_users_pay_is_not_from_the_budget() -> None:
    study, found = small("pv")
    table = {one.name: one.values for one in account(study, found.times, found.read(0))}
    budget = table["of the outlay from the budget to 2035"]
    np.testing.assert_allclose(budget, table["fiscal outlay to 2035"] - table["support paid to 2035"])
