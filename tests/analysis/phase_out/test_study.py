"""PhaseOutStudy files: the shipped ones are whole, and a bad one is refused by file, key, value and bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.phase_out.prepare import arms_of, outputs
from analysis.phase_out.runs import Arm
from analysis.phase_out.study import STUDIED, Grid, load_phase_out_study, study_file
from models.case import load_case
from stockflow.errors import InputError

SHIPPED = study_file("nev").read_text(encoding="utf-8")


def written(folder: Path, old: str, new: str) -> Path:
    assert SHIPPED.count(old) == 1, old
    file = folder / "mine.toml"
    file.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    return file


@pytest.mark.parametrize("case", STUDIED)
def test_a_shipped_study_has_every_schedule_it_names_and_a_year_between_exits(case: str) -> None:
    study = load_phase_out_study(case)
    arms = list(arms_of(study))
    assert [p.role for p in arms[:2]] == ["supported", "no support"]
    assert sum(p.role == "named" for p in arms) == len(study.schedules)
    assert sum(p.role == "grid" for p in arms) == len(study.grid.starts) * len(study.grid.families)
    assert study.grid.step == 1
    assert len({p.label for p in arms}) == len(arms)


@pytest.mark.parametrize("case", STUDIED)
def test_a_shipped_study_reads_variables_that_its_model_has(case: str) -> None:
    study, model = load_phase_out_study(case), load_case(case).model
    own = [name for name in outputs(study) if not name.startswith("Cumulative")]
    assert [model.variable(name).name for name in own] == own


def test_exits_end_everything_that_the_supported_path_holds() -> None:
    study = load_phase_out_study("nev")
    found = arms_of(study)
    cliff = found[Arm("cliff, from 2015", "grid", "cliff", 2015.0, 0.0)]
    assert {name: one.shape for name, one in cliff.instruments.items()} == {
        "purchase subsidy": "cliff", "tax exemption": "cliff"
    }  # fmt: skip
    assert all(one.start == 2015 for one in cliff.instruments.values())


def test_a_study_can_end_one_instrument_only() -> None:
    study = load_phase_out_study("nev")
    part = study.model_copy(update={"grid": study.grid.model_copy(update={"instruments": ("tax exemption",)})})
    cliff = arms_of(part)[Arm("cliff, from 2015", "grid", "cliff", 2015.0, 0.0)]
    assert {name: one.shape for name, one in cliff.instruments.items()} == {
        "purchase subsidy": "keep", "tax exemption": "cliff"
    }  # fmt: skip


def test_a_cliff_has_no_length_and_comes_once_for_each_start() -> None:
    grid = Grid(shapes=("cliff", "linear"), first=2010.0, last=2012.0, step=0.5, lengths=(3.0, 5.0))
    assert grid.families == (("cliff", 0.0), ("linear", 3.0), ("linear", 5.0))
    assert grid.starts == (2010.0, 2010.5, 2011.0, 2011.5, 2012.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("draws = 400", "\ndraws = 0", "draws: .*0"),
        ("draws = 400", "\ndrawz = 400", "draw"),
        ("horizon = 2035.0", "horizon = 2035.1", "2035.1"),
        ("horizon = 2035.0", "horizon = 2030.0", "judged in 2034, after the horizon"),
        ("horizon = 2035.0", "horizon = nan", "horizon"),
        ("since = 2010.0", "since = 2050.0", "not before the horizon 2035"),
        ("probability = 0.1", "probability = 1.5", "exit.probability.*1.5"),
        ("low = 2.0", "low = 20.0", "20, 15, 50: not in order"),
        ("discount_rates = [0.03, 0.05]", "discount_rates = [0.03, 0.031]", "read the same: 3%, 3%"),
        ("first = 2011.0", "first = 2031.0", "before the first, 2031"),
        ("first = 2011.0", "first = 2011.1", "quarters"),
        ("lengths = [5.0]", "lengths = []", "need lengths"),
        ('shapes = ["cliff", "linear"]', 'shapes = ["cliff", "cliff"]', "names one twice"),
        ('shapes = ["cliff", "linear"]', 'shapes = ["sudden"]', "sudden"),
        ('case = "nev"', 'case = "steam"', "steam"),
        ('no_support = "nev_no_purchase_support"', 'no_support = "nev_continued"', "named twice"),
        ('counted_from = "start"', 'counted_from = "end"', "judged in 2039"),
        ("cost_of_funds = 0.3", "cost_of_funds = -0.1", "cost_of_funds.*-0.1"),
    ],
)
def test_a_bad_study_is_refused_by_file_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        load_phase_out_study(written(tmp_path, old, new))
    assert "mine.toml" in str(caught.value)


def test_a_schedule_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    study = load_phase_out_study(written(tmp_path, '"nev_tiers"', '"nev_teirs"'))
    with pytest.raises(InputError, match="nev_teirs"):
        arms_of(study)


def test_a_schedule_of_another_case_is_refused(tmp_path: Path) -> None:
    study = load_phase_out_study(written(tmp_path, '"nev_tiers"', '"pv_tiers"'))
    with pytest.raises(InputError, match="pv"):
        arms_of(study)


@pytest.mark.parametrize("name", ["ic", "nev2", "study"])
def test_a_study_that_is_neither_shipped_nor_a_file_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(InputError, match="'pv', 'nev'"):
        study_file(name)
