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
