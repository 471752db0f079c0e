"""The moments of a run: as many as asked, at the times asked, however many steps there are."""

from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import loaded, written

import stockflow
from stockflow import InputError, Term
from stockflow.language.clock import Clock, clock

LEVEL = "level= INTEG ( 1, 0) ~ Dmnl"


def moments(folder: Path, step: float, final: float, save: float, start: float = 0.0) -> Clock:
    path = written(folder, LEVEL, step, final, save)
    path.write_text(path.read_text().replace("INITIAL TIME= 0", f"INITIAL TIME= {start!r}"))
    return clock(stockflow.load(path).equations)


@pytest.mark.parametrize(
    ("start", "final", "step", "save"),
    [(0.0, 1000.0, 0.001, 1.0), (0.0, 10000.0, 0.01, 1.0), (1900.0, 2100.0, 0.0001, 50.0), (0.0, 100.0, 0.1, 0.7)],
)
def test_no_saved_moment_is_lost_in_a_long_run(
    tmp_path: Path, start: float, final: float, step: float, save: float
) -> None:
    found = moments(tmp_path, step, final, save, start).saved_times
    rows = int((final - start) / save + 1e-9) + 1
    np.testing.assert_allclose(found, start + save * np.arange(rows), rtol=0, atol=step * 1e-6)


def test_a_long_run_has_a_row_for_every_saved_moment(tmp_path: Path) -> None:
    run = loaded(tmp_path, LEVEL, 0.001, 1000.0, 1.0).run()
    assert run["time"].values.tolist() == list(range(1001))
    np.testing.assert_allclose(run["level"].values, np.arange(1001), rtol=1e-9)


def test_a_payoff_finds_the_last_moment_of_a_long_run(tmp_path: Path) -> None:
    model = loaded(tmp_path, LEVEL, 0.001, 1000.0, 1.0)
    term = Term("level", observed=0.0, scale=1.0, at=1000.0, transform="linear")
    found = model.payoff([term], []).residuals(np.empty((1, 0)))
    assert abs(found[0, 0]) == pytest.approx(1000.0, rel=1e-9)


@pytest.mark.parametrize("step", [0.1, 0.25, 0.3, 1 / 3, 0.007])
def test_moments_of_a_short_run_are_those_of_pysd_to_the_bit(tmp_path: Path, step: float) -> None:
    path = written(tmp_path, "clock time= Time ~ Year", step, 4.0, step)
    model = stockflow.load(path)
    ours, theirs = model.run(), model.run(engine="reference")
    assert ours["time"].values.tolist() == theirs["time"].values.tolist()
    assert ours["clock time"].values.tolist() == theirs["clock time"].values.tolist()


def test_a_run_ends_with_the_first_step_that_reaches_the_final_time(tmp_path: Path) -> None:
    assert moments(tmp_path, 0.3, 1.0, 0.3).saved_times.tolist() == [0.0, 0.3, 0.6, 0.9, 1.2]


@pytest.mark.parametrize("period", [float("nan"), float("inf"), -1.0, 0.0, 0.125, 0.3])
def test_a_save_period_that_is_no_multiple_of_the_time_step_is_refused(tmp_path: Path, period: float) -> None:
    with pytest.raises(InputError, match=r"SAVEPER is \S+, not a whole multiple of TIME STEP 0.25"):
        loaded(tmp_path, LEVEL).run(save_period=period)


def test_results_are_kept_as_often_as_saveper_says_at_the_time(tmp_path: Path) -> None:
    path = written(tmp_path, f"{LEVEL}\nbrake= 2 ~ Year", 0.25, 6.0, 1.0)
    path.write_text(path.read_text().replace("SAVEPER= 1.0", "SAVEPER= IF THEN ELSE(Time < brake, 1, 0.4+Time/4)"))
    model = stockflow.load(path)
    run = model.run()
    # each the first step at or after its time: 2.9, then 1.15 later 4.05, then 1.4625 later 5.5125
    assert run["time"].values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.25, 5.75]
    assert run["level"].values.tolist() == run["time"].values.tolist()
    np.testing.assert_allclose(run["SAVEPER"].values, [1.0, 1.0, 0.9, 1.15, 1.4625, 1.8375])
    assert model.run(save_period=2.0)["time"].values.tolist() == [0.0, 2.0, 4.0, 6.0]
    with pytest.raises(InputError, match="brake decides how an equation is built"):
        model.with_constants({"brake": 3.0})


def test_a_period_that_falls_to_nothing_is_refused_where_it_does(tmp_path: Path) -> None:
    path = written(tmp_path, LEVEL, 0.25, 6.0, 1.0)
    path.write_text(path.read_text().replace("SAVEPER= 1.0", "SAVEPER= 2-Time"))
    with pytest.raises(InputError, match="SAVEPER is 0 at 2, but must be above 0"):
        stockflow.load(path).run()


@pytest.mark.parametrize("control", ["TIME STEP", "INITIAL TIME"])
def test_a_time_step_or_start_that_moves_is_refused_by_name(tmp_path: Path, control: str) -> None:
    path = written(tmp_path, LEVEL, 0.25, 6.0, 1.0)
    old = "INITIAL TIME= 0" if control == "INITIAL TIME" else "TIME STEP= 0.25"
    path.write_text(path.read_text().replace(old, f"{control}= IF THEN ELSE(Time < 1, 0.5, 1)"))
    with pytest.raises(InputError, match=f"{control} must be a number, not an equation"):
        stockflow.load(path).run()
