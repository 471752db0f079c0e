"""A named exit agrees with the study, tells its table, and says when it ends what is nothing already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.phase_out.accepted import load_answer
from analysis.phase_out.by_instrument.apart import most_often
from analysis.phase_out.by_instrument.named import Asked, NamedExit, exit_lines, exit_text, named_exit
from analysis.phase_out.study import load_phase_out_study
from stockflow.errors import InputError

Run = Callable[..., tuple[int, str, str]]
STUDY = load_phase_out_study("nev")
SUBSIDY = ("purchase subsidy",)


@pytest.fixture(scope="module")
def ended() -> NamedExit:
    row = load_answer("nev")["by_instrument"].query("ends == 'purchase subsidy alone' and exit == 'cliff'").iloc[0]
    return named_exit(STUDY, Asked(SUBSIDY, row["safe from"]), int(row["draws"]))


def test_it_fails_as_often_as_the_record_of_the_study_says(ended: NamedExit) -> None:
    row = load_answer("nev")["by_instrument"].query("ends == 'purchase subsidy alone' and exit == 'cliff'").iloc[0]
    assert ended.fails == pytest.approx(row["fails"])
    assert ended.asked.start == row["safe from"]
    assert any("too near to tell by the rule" in line for line in exit_lines(ended))


def test_its_sentence_is_that_of_its_table(ended: NamedExit) -> None:
    last = int(ended.asked.start + STUDY.exit.years_after) - 1
    row = ended.table.query("what == 'share of the market' and year == @last").iloc[0]
    told = next(line for line in exit_lines(ended) if "share of the market is" in line)
    ratio = float(told.split("share of the market is ")[1].split(" ")[0])
    assert row["with it"] / row["without the exit"] == pytest.approx(ratio, abs=0.02)
    assert f"over the year before {last + 1}" in told
    text = exit_text(ended)
    assert all(str(year) in text for year in (last - 6, last))
    assert "purchase subsidy, thousand CNY/vehicle" in text


def test_its_largest_loss_in_the_first_years_is_that_of_its_table(ended: NamedExit) -> None:
    lost = ended.table.query("what == 'share lost to the exit'").set_index("year")
    rows = lost.loc[ended.asked.start : ended.asked.start + STUDY.exit.loss_years - 1]
    year, share = most_often(ended.lost_in)
    assert share > 0.5
    assert year == rows["with it"].idxmax()
    assert np.median(ended.lost) == pytest.approx(rows["with it"].max() / 100, rel=0.05)
    assert any(f"in the year from {year:g}" in line for line in exit_lines(ended))


def test_before_it_starts_nothing_differs_and_after_it_only_what_ends_is_gone(ended: NamedExit) -> None:
    table = ended.table.set_index(["what", "year"])
    start = int(ended.asked.start)
    assert table.xs(start - 1, level="year")["difference"].abs().max() < 1e-6
    assert table.loc[("purchase subsidy", start), "with it"] == pytest.approx(0.0, abs=1e-9)
    assert table.loc[("tax exemption", start + 3), "with it"] == pytest.approx(1.0)
    assert next(name for name, _ in ended.paid) == "purchase tax given up"


def test_what_is_nothing_already_is_said_to_be(techcycle: Run, tmp_path: Path) -> None:
    code, out, _ = techcycle(
        "exit", "nev", "--instrument", "purchase subsidy", "--start", "2024", "--against", "history", "--draws", "20",
        "--out", str(tmp_path), "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["warnings"] == [
        "purchase subsidy: nothing of it is left from 2024 on (history as the model has it): ending it changes nothing"
    ]
    assert "purchase tax given up" in found["still_paid"]
    assert max(abs(row["difference"]) for row in found["table"]) < 1e-6
    assert any(line.startswith("No share is lost to it in years 1 to 3") for line in found["lines"])
    (csv,) = (tmp_path / "results").glob("*.csv")
    assert len(pd.read_csv(csv)) == len(found["table"])
    assert len(list((tmp_path / "figures").iterdir())) == 3


def test_an_end_that_is_announced_is_rushed_before() -> None:
    known, surprise = (named_exit(STUDY, Asked(SUBSIDY, 2021.0, announced=ahead), 20).table for ahead in (1.0, 0.0))
    year = [one.query("what == 'sales at home' and year == 2020")["with it"].iloc[0] for one in (known, surprise)]
    assert year[0] > year[1] * 1.001


def test_a_slope_costs_less_share_than_a_stroke(ended: NamedExit) -> None:
    slow = named_exit(STUDY, Asked(SUBSIDY, ended.asked.start, "linear", 5.0), 20)
    assert np.median(slow.ratio) > np.median(ended.ratio)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["nev", "--instrument", "feed-in premium", "--start", "2020"],
            "case 'nev' has no 'feed-in premium'",
        ),
        (["nev", "--instrument", "purchase subsidie", "--start", "2020"], "did you mean 'purchase subsidy'"),
        (["ic", "--instrument", "public procurement", "--start", "1970"], "unknown case with schedules 'ic'"),
        (["nev", "--start", "2030", "--shape", "linear"], "--length 5: the exit must be over a year before 2035"),
        (
            ["nev", "--instrument", "purchase subsidy", "--start", "2034"],
            "--start 2034: must be a quarter of a year",
        ),
        (
            ["nev", "--instrument", "purchase subsidy", "--start", "2020.1"],
            "--start 2020.1: must be a quarter",
        ),
        (["nev", "--instrument", "purchase subsidy"], "--start"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line_and_leaves_nothing(
    techcycle: Run, tmp_path: Path, words: list[str], says: str
) -> None:
    code, _, err = techcycle("exit", *words, "--out", str(tmp_path / "out"))
    assert code == 2
    assert says in err
    assert not (tmp_path / "out").exists()


def test_a_slope_needs_its_length() -> None:
    with pytest.raises(InputError, match="--length: an exit by linear takes some years"):
        named_exit(STUDY, Asked(SUBSIDY, 2021.0, "linear"), 20)


def test_all_that_buyers_are_given_ends_unless_something_is_named() -> None:
    assert named_exit(STUDY, Asked((), 2021.0), 20).asked.ends == ("purchase subsidy", "tax exemption")
