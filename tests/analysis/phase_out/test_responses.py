"""Laws that every phase-out answer must obey, whatever the fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.phase_out.responses import (
    PAID_AND_OWED,
    RESPONSES,
    PhaseOut,
    load_study,
    run_study,
    schedules,
)
from calibration.records.results import load_accepted
from stockflow.errors import InputError


@pytest.fixture(scope="module", params=["nev", "pv"])
def answer(request: pytest.FixtureRequest) -> PhaseOut:
    return run_study(load_study(request.param), load_accepted(request.param))


def test_every_shape_starts_in_at_least_three_years(answer: PhaseOut) -> None:
    for shape in ("cliff", "linear", "exponential", "cost-triggered"):
        part = answer.table[answer.table["shape"] == shape]
        began = part[part["response"] == "central"]["decline began"].dropna().round(2)
        assert began.nunique() >= 3, f"{shape} began in {sorted(began)}"


def test_support_paid_and_owed_never_exceeds_history(answer: PhaseOut) -> None:
    owed = answer.paths[PAID_AND_OWED][:, :, -1]
    assert (owed <= owed[:, :1] * (1 + 1e-9)).all()


def test_support_and_tax_relief_make_up_what_the_model_pays(answer: PhaseOut) -> None:
    paths = answer.paths
    paid = paths[PAID_AND_OWED] - paths["Support Arrears"] + paths["Cumulative Tax Expenditure"]
    np.testing.assert_allclose(paid, paths["Cumulative Support Outlay"], rtol=1e-9, atol=1e-9)


def test_a_cliff_leaves_only_the_contracts_signed_before_it(answer: PhaseOut) -> None:
    table = answer.table[answer.table["response"] == "central"].set_index("schedule")
    first, last = (f"cliff from {year:g}" for year in (min(answer.study.starts), max(answer.study.starts)))
    tails = [table.loc[label, "owed after the horizon"] for label in (first, last, "historical")]
    assert tails == sorted(tails)
    assert (tails[-1] > 0) == (answer.study.case == "pv")


def test_less_support_never_sells_more_in_total(answer: PhaseOut) -> None:
    sold = answer.paths["Cumulative Domestic Sales"][:, :, -1]
    assert (sold <= sold[:, :1] * 1.005).all()


def test_an_earlier_cliff_loses_at_least_as_much(answer: PhaseOut) -> None:
    for response in RESPONSES:
        part = answer.table[(answer.table["response"] == response) & (answer.table["shape"] == "cliff")]
        assert part.sort_values("start")["cumulative units"].is_monotonic_increasing


def test_the_stronger_the_response_the_more_a_cliff_loses(answer: PhaseOut) -> None:
    label = next(s.label for s in answer.schedules if s.shape == "cliff")
    lost = answer.table[answer.table["schedule"] == label].set_index("response")["units against history"]
    assert lost["high"] < lost["central"] < lost["low"] <= 1e-9


def test_history_is_the_accepted_base_run(answer: PhaseOut) -> None:
    from models.case import load_case

    accepted = load_accepted(answer.study.case)
    base = load_case(answer.study.case).model.with_constants(accepted.values).batch({}, ["market share"], until=2023)
    share = np.interp(base["time"].to_numpy(), answer.times, answer.paths["market share"][1, 0])
    np.testing.assert_allclose(share, base["market share"].to_numpy()[0], rtol=1e-6, atol=1e-12)


def test_schedules_agree_with_history_until_they_begin_and_differ_after(answer: PhaseOut) -> None:
    shares = answer.paths["market share"]
    for i, plan in enumerate(answer.schedules):
        if plan.shape in ("cliff", "linear", "exponential"):
            early = answer.times < plan.start - 1e-9
            np.testing.assert_array_equal(shares[:, i, early], shares[:, 0, early])
            assert (shares[:, i, ~early] != shares[:, 0, ~early]).any(axis=1).all(), plan.label


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("length = 5.0", "length = -5.0", "length"),
        ("horizon = 2035.0", "horizon = 2012.0", "not before the horizon"),
        ("discount_rates = [0.03, 0.05]", "discount_rates = [nan]", "discount_rates"),
        ("horizon = 2035.0", "horizon = 2035.1", "quarter"),
        ("starts = [2011.0,", "starts = [2014.0,", "read the same"),
        ("length = 5.0", 'length = "5"', "length"),
        ('case = "nev"', 'case = "steam"', "case"),
        ("base_year", "basis_year", "base"),
    ],
)
def test_a_bad_study_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    import analysis.phase_out.responses as module

    text = (module.STUDIES / "phase_out_nev.toml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "study.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        load_study("nev", file)
    assert "study.toml" in str(caught.value)


def test_there_are_as_many_schedules_as_the_study_asks_for() -> None:
    study = load_study("pv")
    assert len(schedules(study)) == 1 + 3 * len(study.starts) + len(study.trigger_ratios)
