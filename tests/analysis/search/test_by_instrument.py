"""Questions asked of single instruments agree with exits of these instruments, and move nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.draws.ended import named, only
from analysis.phase_out.adoption import SOLD
from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.study import load_phase_out_study
from analysis.search.front import grid
from analysis.search.settings import SearchStudy
from analysis.search.worth import DECLINE, ledger_of, neutral, worth_of
from analysis.unknowns.outcomes import LOST, SHARE, SPENT, outcomes
from analysis.unknowns.settings import SensitivityStudy
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.schedules.file import load_schedule, unchanged
from models.schedules.knots import knot_names
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
STUDY = SearchStudy.load()
EACH = [("nev", "purchase subsidy"), ("nev", "tax exemption"), ("pv", "feed-in premium"), ("pv", "distributed premium")]
DRAWS = 5


def searched(case: str, *names: str) -> SearchStudy:
    asked = STUDY.case(case).of(named(case, names))
    return STUDY.model_copy(update={"cases": {case: asked}})


def exits_of(case: str) -> Exits:
    """Runs against history to the same year, with what the questions read."""
    study = load_phase_out_study(case)
    return Exits(
        study, accepted_posterior(case).spread(DRAWS), [*ledger_of(case, STUDY).outputs, SHARE], unchanged(case)
    )


@pytest.mark.parametrize(("case", "name"), EACH)
def test_a_schedule_that_is_searched_for_ends_an_instrument_as_an_exit_does(case: str, name: str) -> None:
    study, exits = searched(case, name), exits_of(case)
    ledger, level = ledger_of(case, study), study.case(case).level
    judge = worth_of(case, study, exits.draws, DECLINE, "history")
    at_a_stroke = judge.measures(np.array([[2016.0 - 1e-4, 1e-5]]))  # before the step of 2016
    gone = exits.run(exits.schedule([name], "cliff", 2016.0, 0.0, announced=0.0))
    assert level == ("held" if name == "purchase subsidy" else "history")
    assert at_a_stroke.units[0] == pytest.approx(gone[SOLD][:, np.searchsorted(exits.times, ledger.horizon)], rel=1e-6)


@pytest.mark.parametrize(("case", "name"), EACH)
def test_levers_that_leave_it_as_it_is_leave_history(case: str, name: str) -> None:
    samples, study = accepted_posterior(case).spread(DRAWS), searched(case, name)
    for own in (study, STUDY):
        found = worth_of(case, own, samples, knot_names(), "history").measures(neutral(knot_names()))
        if own is study:
            first = found
    assert first.units == pytest.approx(found.units, rel=1e-9)
    assert first.cost == pytest.approx(found.cost, rel=1e-9)


def test_slopes_by_instrument_are_those_of_differences() -> None:
    judge = worth_of("nev", searched("nev", "tax exemption"), accepted_posterior("nev").spread(4), DECLINE, "history")
    x, step = np.array([2018.03, 4.01]), np.array([0.0, 1e-5])
    both = judge.measures(np.array([x + step, x - step]))
    for slopes, ends in zip(judge.slopes(x), (both.units, both.cost), strict=True):
        assert slopes[:, 1] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


def test_all_that_the_study_searches_for_by_name_is_what_it_searches_for() -> None:
    samples = accepted_posterior("nev").spread(DRAWS)
    for levers, x in ((knot_names(), np.linspace(1.0, 0.0, len(knot_names()))), (DECLINE, np.array([2018.0, 4.0]))):
        one, other = (
            worth_of("nev", own, samples, levers, "held").measures(x[None])
            for own in (searched("nev", "purchase subsidy"), STUDY)
        )
        assert one.units == pytest.approx(other.units, rel=1e-9)
        assert one.cost == pytest.approx(other.cost, rel=1e-9)


def test_the_grid_by_instrument_holds_exits_of_that_instrument() -> None:
    study, exits = searched("nev", "tax exemption"), exits_of("nev")
    small = study.grid.model_copy(update={"shapes": ("cliff",), "lengths": (1.0,)})
    asked = study.case("nev").model_copy(update={"starts": (2018.0,)})
    found = grid("nev", study.model_copy(update={"grid": small, "cases": {"nev": asked}}), exits.draws)
    assert found.labels == ("history", "cliff from 2018")
    gone = exits.run(exits.schedule(["tax exemption"], "cliff", 2018.0, 0.0))
    end = np.searchsorted(exits.times, asked.horizon)
    assert found.found.units[1] == pytest.approx(gone[SOLD][:, end], rel=1e-9)


@pytest.mark.parametrize(("case", "name"), EACH)
def test_what_sensitivity_loses_is_what_the_exit_of_that_instrument_loses(case: str, name: str) -> None:
    exits = exits_of(case)
    question = SensitivityStudy.load().case(case).of((name,), "the end", "never")
    found = outcomes(load_case(case), question, exits.draws)
    plan = question.phase_out
    gone = exits.run(exits.schedule([name], "linear", plan.start or 0.0, plan.length or 0.0, announced=0.0))
    at = np.searchsorted(exits.times, question.years)
    assert found.values[LOST] == pytest.approx((exits.supported[SOLD] - gone[SOLD])[:, at], rel=1e-6, abs=1e-9)
    assert found.values[SPENT] == pytest.approx(gone["Cumulative Fiscal Outlay"][:, at], rel=1e-9)


def test_history_in_which_some_instruments_alone_change_is_what_a_schedule_leaves_of_them() -> None:
    both = load_schedule("nev_linear")
    tax = only(both, ("tax exemption",))
    assert list(tax.instruments) == ["tax exemption"]
    assert tax.instruments["tax exemption"] == both.instruments["purchase subsidy"]
    assert only(both, ()) is both


@pytest.mark.parametrize("command", ["search", "sensitivity"])
def test_an_instrument_of_another_case_is_refused_in_one_line(techcycle: Run, tmp_path: Path, command: str) -> None:
    code, _, err = techcycle(command, "pv", "--instrument", "tax exemption", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "--instrument: case 'pv' has no 'tax exemption', only 'nev' has" in err
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="did you mean 'tax exemption'"):
        named("nev", ["tax exemptoin"])


def test_search_by_instrument_says_what_it_moves(techcycle: Run, tmp_path: Path) -> None:
    text = STUDY.shipped.read_text(encoding="utf-8")
    few = {"draws = 50": "draws = 2", "judged = 500": "judged = 2", "starts = 8": "starts = 0",
           "iterations = 200": "iterations = 2", "population = 6": "population = 2", "generations = 150":
           "generations = 1", "draws = 200": "draws = 2", '"knots", "start and length"': '"start and length"',
           '"worth", "units for the budget"': '"worth"'}  # fmt: skip
    for old, new in few.items():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "few.toml").write_text(text, encoding="utf-8")
    code, out, _ = techcycle(
        "search", "nev", "--instrument", "tax exemption", "--study", str(tmp_path / "few.toml"), "--out",
        str(tmp_path), "--json",
    )  # fmt: skip
    assert code == 0
    data = json.loads(out)
    assert data["instruments"] == ["tax exemption"]
    assert data["words"][0] == "Moved: tax exemption; all else as in history."
    assert (tmp_path / "results" / "search_nev_tax_exemption.csv").is_file()
