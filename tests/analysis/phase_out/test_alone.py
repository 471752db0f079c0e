"""A study of some instruments alone agrees with the study by instrument, and compares nothing that moves others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.phase_out.by_instrument.alone import alone, set_of
from analysis.phase_out.by_instrument.apart import Exits
from analysis.phase_out.prepare import arms_of, ensemble
from analysis.phase_out.results import Results, results
from analysis.phase_out.runs import in_memory
from analysis.phase_out.study import Grid, load_phase_out_study
from calibration.records.results import accepted_posterior
from models.case import load_case
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
STUDY = load_phase_out_study("nev")
SUBSIDY = ("purchase subsidy",)
DRAWS = accepted_posterior("nev").spread(40)


@pytest.fixture(scope="module")
def found() -> Results:
    grid = Grid(shapes=("cliff",), first=2019.0, last=2022.0)
    study = alone(STUDY.model_copy(update={"grid": grid}), SUBSIDY)
    made, arms = ensemble(study, load_case("nev").model, DRAWS)
    return results(study, in_memory(made.evaluator, arms, DRAWS))


def test_its_exits_fail_and_save_as_those_of_the_study_by_instrument(found: Results) -> None:
    starts = (2019.0, 2020.0, 2021.0, 2022.0)
    ended = Exits(STUDY, DRAWS).ended(set_of(STUDY, SUBSIDY), "cliff", 0.0, starts)
    (safe,) = found.safe
    assert (safe.kept == (ended.ratio >= STUDY.exit.share_kept)).all()
    assert safe.failing == pytest.approx(ended.against_support(STUDY).failing)
    exits = [found.place(f"cliff, from {start:g}") for start in starts]
    assert found.spent[found.place("continued support")] - found.spent[exits] == pytest.approx(ended.saved, rel=1e-9)


def test_waiting_and_regret_are_of_its_own_exits_alone(found: Results) -> None:
    assert [one.start for one in found.waits] == [2019.0, 2020.0, 2021.0]
    first = found.waits[0]
    here, later = (found.place(f"cliff, from {start}") for start in (2019, 2020))
    assert first.spent == pytest.approx(found.spent[later] - found.spent[here])
    assert first.units == pytest.approx(found.units[later] - found.units[here])
    assert {arm.role for arm in found.arms} == {"supported", "no support", "grid"}
    assert set(found.regret()["schedule"]) == {arm.label for arm in found.arms}


def test_no_support_is_the_same_support_without_these_instruments_ever(found: Results) -> None:
    none = next(made for arm, made in arms_of(found.study).items() if arm.role == "no support")
    held = next(made for arm, made in arms_of(found.study).items() if arm.role == "supported")
    assert none.instruments["tax exemption"] == held.instruments["tax exemption"]
    runs = Exits(STUDY, DRAWS).run(none)
    assert runs["Cumulative paid support"].max() < 1e-9
    assert (np.diff(runs["Cumulative Fiscal Outlay"][:, -5:]) > 0).all()  # the tax exemption goes on


def test_a_set_that_the_study_does_not_set_apart_can_be_asked_for() -> None:
    assert set_of(STUDY, ("tax exemption", "purchase subsidy")).name == "purchase subsidy and tax exemption"
    odd = set_of(STUDY, ("infrastructure", "purchase subsidy"))
    assert odd.ends == ("infrastructure", "purchase subsidy")
    assert alone(STUDY, odd.ends).title.endswith(": infrastructure, purchase subsidy")
    with pytest.raises(InputError, match="did you mean 'tax exemption'"):
        alone(STUDY, ("tax exemptoin",))


def test_the_command_refuses_an_instrument_of_another_case_in_one_line(techcycle: Run, tmp_path: Path) -> None:
    code, _, err = techcycle("phase-out", "pv", "--instrument", "tax exemption", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "--instrument: case 'pv' has no 'tax exemption', only 'nev' has" in err
    assert not (tmp_path / "out").exists()
