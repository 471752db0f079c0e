"""The paper's mechanisms: what stands for them is known, measured on the accepted fits, and told by one rule."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.paper import COLUMNS, RECORD, ROWS, measure, measured, mechanisms_of_the_paper, paper_table
from models.case import CASES
from stockflow.errors import InputError


def made(folder: Path, text: str) -> Path:
    file = folder / "rows.csv"
    file.write_text(",".join(COLUMNS) + "\n" + text, encoding="utf-8")
    return file


def test_every_mechanism_is_measured_or_has_a_judged_state_and_a_reason() -> None:
    rows = mechanisms_of_the_paper()
    assert len(rows) >= 60
    assert ((rows["measured by"] == "") != (rows["state"] == "")).all()
    assert (rows["why"].str.len() > 5).all()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1,a,no such thing,,why\n", "line 2: 'no such thing' is no instrument and no loop"),
        ("1,a,dual credits,acts,why\n", "line 2: state is 'acts'"),
        ("1,a,,,why\n", "line 2: state is ''"),
        ("1,a,,mended,why\n", "line 2: state is 'mended'"),
    ],
)
def test_a_row_that_says_too_much_or_too_little_is_refused_with_its_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        mechanisms_of_the_paper(made(tmp_path, line))


def test_columns_are_those_that_are_known(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("section,what\n1,a\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rows\.csv: columns are section, what, not section"):
        mechanisms_of_the_paper(file)


def test_what_was_measured_is_of_the_accepted_fits_and_of_all_that_stands_for_a_mechanism() -> None:
    found = measured()
    assert set(found["case"]) == set(CASES)
    asked = {name for text in mechanisms_of_the_paper(ROWS)["measured by"] for name in text.split(";") if name}
    assert asked <= set(found["name"])


@pytest.mark.parametrize("damage", ["stale", "missing"])
def test_what_was_measured_on_another_fit_or_never_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "mechanisms.csv"
    if damage == "stale":
        pd.read_csv(RECORD).assign(fit="0" * 16).to_csv(file, index=False)
    with pytest.raises(InputError, match=r"mechanisms\.csv: .*run `python -m analysis\.mechanisms\.paper`"):
        measured(file)


@pytest.mark.parametrize(
    ("sales", "years", "assumed", "state"),
    [(0.03, 0.0, False, "acts"), (0.0, float("inf"), False, "acts"), (0.0, 0.3, False, "acts"),
     (0.01, 0.1, False, "weak"), (0.0, 0.03, False, "weak"), (0.0005, 0.01, False, "in name only"),
     (0.03, 0.0, True, "by assumption"), (0.01, 0.0, True, "in name only")],
)  # fmt: skip
def test_one_rule_says_what_acts(sales: float, years: float, assumed: bool, state: str) -> None:
    rows = pd.DataFrame([("1", "a", "dual credits", "", "why")], columns=COLUMNS)
    one = {"case": "nev", "name": "dual credits", "assumed": assumed, "sales": sales, "output": 0.0, "years": years}
    found = pd.DataFrame([one])
    assert paper_table(rows, found, InstrumentStudy.load())["state"].tolist() == [state]


@pytest.mark.slow
def test_the_record_is_what_is_measured_today() -> None:
    kept = measured().query("case == 'mrna'").reset_index(drop=True)
    pd.testing.assert_frame_equal(measure(["mrna"]), kept, rtol=2e-2, atol=1e-6)
