"""The accepted answers of the shipped studies are of the present study, model and posterior, and say so when not."""

from __future__ import annotations

import pytest

from analysis.phase_out.accepted import HERE, depends_on, load_answer
from stockflow.errors import InputError


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_the_accepted_answer_is_of_the_present_study_model_and_posterior(case: str) -> None:
    assert set(load_answer(case)["by_third"]["draws"]) == {"lowest third", "middle third", "highest third"}


def test_an_answer_of_another_model_is_refused_by_what_differs(tmp_path) -> None:
    text = (HERE / "phase_out_nev.toml").read_text(encoding="utf-8")
    (tmp_path / "phase_out_nev.toml").write_text(text.replace(depends_on("nev")["runs"], "0" * 16), encoding="utf-8")
    with pytest.raises(InputError, match=r"phase_out_nev\.toml: digests: made with another version of runs"):
        load_answer("nev", tmp_path)


def test_a_missing_answer_says_how_to_make_it(tmp_path) -> None:
    with pytest.raises(InputError, match="techcycle phase-out nev --accept"):
        load_answer("nev", tmp_path)
