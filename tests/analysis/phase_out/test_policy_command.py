"""`techcycle policy`: what it says is what the schedule does; bad files end in one line and exit code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.phase_out.schedule_words import show_schedule, words
from models.schedules.file import load_schedule, shipped

Run = Callable[..., tuple[int, str, str]]
BAD = 'name = "bad"\ncase = "nev"\ntitle = "a bad one"\nsource = "a test"\n[instruments."purchase subsidy"]\n'


def bad(tmp_path: Path) -> str:
    file = tmp_path / "bad.toml"
    file.write_text(f'{BAD}shape = "linear"\nstart = 2016\nlength = 2\nend = 2014\n', encoding="utf-8")
    return str(file)


def test_show_says_shape_dates_source_and_yearly_amounts(techcycle: Run) -> None:
    code, out, _ = techcycle("policy", "show", "nev_linear")
    assert code == 0
    assert "falls in a straight line over 5 years from 2015 on; by surprise" in out
    assert "Source: alternative" in out
    rows = {row.split()[0]: row.split()[1:] for row in out.splitlines() if row.strip()[:2] == "20"}
    assert rows["2014"][0] == rows["2014"][1] == "45.93"
    assert float(rows["2019"][1]) < 0.2 * float(rows["2019"][0])


def test_show_as_json_has_the_schedule_its_words_and_the_yearly_table(techcycle: Run) -> None:
    code, out, _ = techcycle("policy", "show", "pv_volume_triggered", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["schedule"]["instruments"]["feed-in premium"]["trigger"]["level"] == 100.0
    assert 2015.0 < told["began"]["feed-in premium"] < 2020.0
    last = {row["year"]: row for row in told["yearly"]}[2020]
    assert last["feed in tariff"] == 0.0 < last["feed in tariff, history"]


def test_show_tells_when_a_triggered_decline_begins_or_that_it_does_not(techcycle: Run) -> None:
    assert "the decline of purchase subsidy begins in 2016.25" in techcycle("policy", "show", "nev_share_triggered")[1]
    _, out, _ = techcycle("policy", "show", "nev_share_triggered", "--until", "2012")
    assert "the decline of purchase subsidy does not begin by 2012" in out


def test_show_tells_by_how_much_a_payment_is_cut_at_the_price(techcycle: Run) -> None:
    assert "feed-in premium is cut by up to" in techcycle("policy", "show", "pv_support_kept")[1]
    assert "is cut by up to" not in techcycle("policy", "show", "nev_support_kept")[1]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_schedule_has_a_sentence_for_each_instrument(name: str) -> None:
    schedule = load_schedule(name)
    lines = words(schedule)
    assert [line.split(" (")[0].removeprefix("- ") for line in lines if line[0] == "-"] == list(schedule.instruments)


def test_yearly_means_are_those_of_the_path(techcycle: Run) -> None:
    shown = show_schedule(load_schedule("nev_cliff"), 2030.0)
    table = shown.table().set_index("year")
    within = np.floor(shown.at.times) == 2016
    assert table.loc[2016, "central subsidy"] == pytest.approx(shown.paths["central subsidy"][1][within].mean())
    assert table.loc[2017, "central subsidy"] == 0.0


def test_validate_accepts_every_shipped_schedule(techcycle: Run) -> None:
    code, out, err = techcycle("policy", "validate", *shipped())
    assert (code, err) == (0, "")
    assert out.count(": valid: ") == len(shipped())


def test_validate_tells_what_is_wrong_by_file_and_key_and_goes_on(techcycle: Run, tmp_path: Path) -> None:
    code, out, err = techcycle("policy", "validate", bad(tmp_path), "nev_cliff", "nowhere.toml")
    assert code == 2
    assert "nev_cliff: valid" in out
    first, second = err.splitlines()
    assert "bad.toml: instruments.purchase subsidy: end = 2014" in first
    assert "2016" in first
    assert "nowhere.toml: cannot be read" in second


@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_bad_file_ends_in_one_line_and_exit_code_2(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = techcycle("policy", command, bad(tmp_path))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["bad.toml"]


def test_plot_leaves_png_svg_and_the_numbers_drawn(techcycle: Run, tmp_path: Path) -> None:
    code, out, _ = techcycle("policy", "plot", "nev_to_charging", "--out", str(tmp_path))
    stem = tmp_path / "figures" / "policy_nev_to_charging"
    assert code == 0
    assert out.strip() == f"{stem}.png"
    assert all(stem.with_suffix(end).stat().st_size > 1000 for end in (".png", ".svg", ".csv"))
    table = pd.read_csv(stem.with_suffix(".csv"))
    assert set(table["variable"]) == {"central subsidy", "infrastructure subsidy spending"}
    late = table[(table["variable"] == "central subsidy") & (table["year"] >= 2019)]
    assert (late["schedule"] == 0.0).all()
    assert late["history"].max() > 10


def test_list_names_every_shipped_schedule(techcycle: Run) -> None:
    assert list(json.loads(techcycle("policy", "list", "--json")[1])) == list(shipped())
    assert len(techcycle("policy", "list")[1].splitlines()) == len(shipped())
