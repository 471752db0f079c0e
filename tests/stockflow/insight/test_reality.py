"""Reality checks in a model file are run, and a check that fails says when."""

from __future__ import annotations

from pathlib import Path

import pytest
from stockflow_helpers import loaded

from stockflow import InputError

FACTORY = """
    Workers= INTEG ( hiring, 10) ~ people
    hiring= 1 ~ people/Year
    Stock= INTEG ( output-1, 0) ~ x
    output= Workers*productivity ~ x/Year
    productivity= 2 ~ x/people/Year
    no workers :TEST INPUT: Workers= 0 ~ Dmnl
    slow :TEST INPUT: productivity= 0.05 ~ Dmnl
    no workers no output :THE CONDITION: no workers :IMPLIES: output <= 0 ~ Dmnl
"""


def outcomes(folder: Path, checks: str = "") -> dict[str, float | None]:
    return {one.name: one.failed_at for one in loaded(folder, FACTORY + checks).reality_checks()}


def test_a_check_that_holds_is_reported_as_holding(tmp_path: Path) -> None:
    assert outcomes(tmp_path) == {"no workers no output": None}


def test_a_check_that_fails_says_when_it_first_does(tmp_path: Path) -> None:
    failing = 'many "workers" :THE CONDITION: Workers > 12 :IMPLIES: output < 25 ~ Dmnl'
    # 12.5 workers at time 2.5 make 25
    assert outcomes(tmp_path, failing)["many workers"] == 2.5


def test_test_inputs_and_conditions_go_together(tmp_path: Path) -> None:
    checks = """
        short :THE CONDITION: slow :AND: Time > 1 :IMPLIES: Stock < -1 ~ Dmnl
        shorter :THE CONDITION: slow :AND: Time > 3 :IMPLIES: Stock < -1 ~ Dmnl
        both :THE CONDITION: slow :AND: no workers :IMPLIES: output = 0 :AND: productivity < 1 ~ Dmnl
        either :THE CONDITION: slow :IMPLIES: output < 0 :OR: productivity > 1 ~ Dmnl
    """
    found = outcomes(tmp_path, checks)
    assert found["short"] == 1.25
    assert found["shorter"] is None
    assert found["both"] is None
    assert found["either"] == 0.0


def test_a_check_does_not_change_the_model(tmp_path: Path) -> None:
    model = loaded(tmp_path, FACTORY)
    before = model.run()
    model.reality_checks()
    assert before.equals(model.run())
    assert "no workers" not in model.variables


def test_a_check_follows_changed_constants(tmp_path: Path) -> None:
    model = loaded(tmp_path, FACTORY + "enough :THE CONDITION: Time > 0 :IMPLIES: output > 10 ~ Dmnl")
    assert [one.holds for one in model.reality_checks()] == [True, True]
    assert [one.holds for one in model.with_constants({"productivity": 0.5}).reality_checks()] == [True, False]


def test_a_check_says_itself_in_one_line(tmp_path: Path) -> None:
    (found,) = loaded(tmp_path, FACTORY).reality_checks()
    assert str(found) == "line 9: no workers no output: holds (if no workers, then output <= 0)"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("odd :THE CONDITION: slwo :IMPLIES: output < 1 ~ Dmnl", "unknown name 'slwo'"),
        ("odd :THE CONDITION: slow :IMPLIES: RC STEP CHECK(1, output) ~ Dmnl", "RC STEP CHECK"),
        ("odd :THE CONDITION: slow :IMPLIES: output ) 1 ~ Dmnl", "cannot be parsed"),
        ("odd :THE CONDITION: bad :IMPLIES: output<1 ~ Dmnl\n bad :TEST INPUT: nothing= 1 ~ Dmnl", "no equation for"),
    ],
)
def test_a_check_that_cannot_be_read_is_refused_by_name_and_line(tmp_path: Path, check: str, said: str) -> None:
    model = loaded(tmp_path, FACTORY + check)
    with pytest.raises(InputError, match=r"model.mdl: line 10: reality check 'odd': ") as error:
        model.reality_checks()
    assert said in str(error.value)
    assert str(error.value).count("model.mdl") == 1
