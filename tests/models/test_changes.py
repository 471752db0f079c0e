"""A Vensim changes file changes a shipped case as its constants do by name."""

from pathlib import Path

import pytest

from models.case import load_case
from models.run import run_case
from stockflow.vensim_files.files import changes


def test_a_shipped_case_takes_a_changes_file(tmp_path: Path) -> None:
    case = load_case("pv")
    path = tmp_path / "a.cin"
    path.write_text("Cost Sensitivity = 2.5\n", encoding="utf-8")
    assert changes(path, case.model) == {"cost sensitivity": 2.5}
    models = case.model.with_constants(changes(path, case.model)), case.model
    changed, base = (one.run(until=2015.0)["Cumulative Connection"].values[-1] for one in models)
    same = run_case("pv", {"cost sensitivity": 2.5}, until=2015.0)["Cumulative Connection"].values[-1]
    assert changed == pytest.approx(same, rel=1e-12)
    assert abs(changed / base - 1) > 0.01
