"""The moments of a run: as many as asked, at the times asked, however many steps there are."""

from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import loaded, written

import stockflow
from stockflow import InputError, Term
from stockflow.conversion.convert import converted
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
    with pytest.raises(InputError, match=r"SAVEPER \(line 6\) is 0 at 2, but must be above 0"):
        stockflow.load(path).run()


def with_step(folder: Path, equations: str, step: str, save: str = "TIME STEP", final: str = "6") -> Path:
    path = written(folder, equations, 0.25, 6.0, 1.0)
    text = path.read_text().replace("TIME STEP= 0.25", f"TIME STEP= {step}").replace("SAVEPER= 1.0", f"SAVEPER= {save}")
    path.write_text(text.replace("FINAL TIME= 6.0", f"FINAL TIME= {final}"))
    return path


MOVING = "IF THEN ELSE(Time < brake, 0.5, 0.25+Time/4)"


def test_a_time_step_may_move_with_time_and_constants(tmp_path: Path) -> None:
    equations = """
        brake= 1 ~ Year
        k= 0.3 ~ 1/Year
        s= INTEG ( -k*s+STEP(1,2), 1) ~ Dmnl
        before= SAMPLE IF TRUE(Time < 2, s, 0) ~ Dmnl
        tap= MAX(-s/TIME STEP, -9)+PULSE(1, 0) ~ Dmnl
    """
    model = stockflow.load(with_step(tmp_path, equations, MOVING))
    run = model.run()
    times, s, k = [0.0], [1.0], 0.3
    while times[-1] < 6:
        step = 0.5 if times[-1] < 1 else 0.25 + times[-1] / 4
        s.append(s[-1] + step * (-k * s[-1] + (times[-1] + step / 2 > 2)))
        times.append(times[-1] + step)
    np.testing.assert_allclose(run["time"].values, times, rtol=1e-12)
    np.testing.assert_allclose(run["s"].values, s, rtol=1e-12)
    np.testing.assert_allclose(run["TIME STEP"].values[:4], [0.5, 0.5, 0.5, 0.625])
    assert run["before"].values[-1] == s[[time < 2 for time in times].index(False) - 1]
    np.testing.assert_allclose(
        run["tap"].values * run["TIME STEP"].values, -run["s"].values + 0.5 * (run["time"].values == 1), rtol=1e-12
    )
    assert model.time_step == 0.5
    assert "inexact-moment" not in {one.code for one in model.lint()}
    batch = model.runs({"k": [0.3, 0.6]}, ["s"]).dataset()
    np.testing.assert_allclose(batch["s"].values[0], s, rtol=1e-12)
    term = Term("s", observed=0.0, scale=1.0, at=times[5], transform="linear")
    slope = model.gradient([term], ["k"])(np.array([[0.3]]))[1]
    near = [float(model.run({"k": 0.3 + one})["s"].values[5]) ** 2 for one in (-1e-6, 1e-6)]
    assert float(slope[0, 0]) == pytest.approx((near[1] - near[0]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize(
    ("step", "steps"),
    [
        ("0.5+STEP(0.5, 2)", [0.5] * 4 + [1.0] * 4),
        ("1-PULSE(1, 2)/2", [1.0] + [0.5] * 4 + [1.0] * 3),
        ("1-PULSE TRAIN(1, 0.5, 3, 4)/2", [1.0, 0.5, 0.5] + [1.0] * 4),
        ("0.5+RAMP(0.25, 1, 3)", [0.5, 0.5, 0.5, 0.625, 0.78125, 0.9765625, 1.0, 1.0, 1.0]),
        ("WITH LOOKUP(Time, ((0,0.5),(4,1.5)))", None),
        ("lengths(Time)", None),
    ],
)
def test_a_time_step_may_switch_and_be_looked_up(tmp_path: Path, step: str, steps: list[float] | None) -> None:
    model = stockflow.load(with_step(tmp_path, f"{LEVEL}\nlengths((0,0.5),(4,1.5)) ~ Year", step))
    run = model.run()
    times, told = run["time"].values, run["TIME STEP"].values
    np.testing.assert_allclose(np.diff(times), told[:-1], rtol=1e-12)
    np.testing.assert_allclose(run["level"].values, 1 * times, rtol=1e-12)
    expected = steps or np.interp(times[:-1], [0, 4], [0.5, 1.5])
    np.testing.assert_allclose(np.diff(times), expected, rtol=1e-12)


def test_moving_steps_are_those_of_pysd(tmp_path: Path) -> None:
    model = stockflow.load(with_step(tmp_path, "s= INTEG ( -s*0.3+Time, 1) ~ Dmnl\nbrake= 1 ~ Year", MOVING))
    ours, theirs = model.run(), model.run(engine="reference")
    np.testing.assert_allclose(ours["time"].values, theirs["time"].values, atol=1e-4)  # which it rounds
    np.testing.assert_allclose(ours["s"].values, theirs["s"].values, rtol=1e-12)


def test_final_time_and_saveper_may_move_with_a_time_step_that_does(tmp_path: Path) -> None:
    path = with_step(tmp_path, f"{LEVEL}\nbrake= 1 ~ Year", MOVING, "1.2", "MIN(4, 2+Time)")
    assert stockflow.load(path).run()["time"].values.tolist() == [0.0, 1.5, 2.90625, 3.8828125, 5.103515625]


@pytest.mark.parametrize(
    ("equations", "step", "complaint"),
    [
        (LEVEL, "1-Time/2", r"TIME STEP \(line 5\) falls from 1 to 5.96046e-08 at 1.99999988"),
        (LEVEL, "1-Time", r"TIME STEP \(line 5\) is 0 at 1, but must be above 0"),
        (LEVEL, "1+level", r"TIME STEP \(line 5\) may move with Time and constants alone, but reads level"),
        (LEVEL, "1+RANDOM 0 1()", "TIME STEP .line 5. may move with Time and constants alone, but reads what has no"),
        (
            f"{LEVEL}\nlate= DELAY FIXED(level, 1, 0) ~ Dmnl",
            "1+Time",
            "delay in late counts time steps, but TIME STEP",
        ),
    ],
)
def test_a_time_step_that_cannot_be_followed_is_refused(tmp_path: Path, equations: str, step: str, complaint) -> None:
    with pytest.raises(InputError, match=complaint):
        stockflow.load(with_step(tmp_path, equations, step)).run()


def test_what_counts_on_one_time_step_refuses_one_that_moves(tmp_path: Path) -> None:
    model = stockflow.load(with_step(tmp_path, "level= INTEG ( -level/5, 1) ~ Dmnl\nbrake= 1 ~ Year", MOVING))
    with pytest.raises(InputError, match=r"TIME STEP \(line 6\) moves, which Euler's method alone follows, not RK4"):
        model.run(method="RK4")
    for asked, follower in (({"save_period": 1.0}, "a time between saved moments"), ({"until": 3.0}, "an earlier end")):
        with pytest.raises(InputError, match=rf"TIME STEP \(line 6\) moves, which {follower} cannot follow"):
            model.run(**asked)
    with pytest.raises(InputError, match=r"TIME STEP \(line 6\) moves, which scores of loops cannot follow"):
        model.loop_scores({})
    with pytest.raises(InputError, match=r"TIME STEP \(line 6\) must be a number, not an equation"):
        converted(model, "b.xmile")
    with pytest.raises(InputError, match="brake decides how an equation is built"):
        model.with_constants({"brake": 3.0})


def test_a_start_that_moves_is_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, LEVEL, 0.25, 6.0, 1.0)
    path.write_text(path.read_text().replace("INITIAL TIME= 0", "INITIAL TIME= IF THEN ELSE(Time < 1, 0.5, 1)"))
    with pytest.raises(InputError, match=r"INITIAL TIME \(line 3\) must be a number, not an equation"):
        stockflow.load(path).run()


def test_an_end_that_takes_long_to_work_out_is_refused_after_so_many_operations(tmp_path) -> None:
    slow = "+".join(["SIN(Time)"] * 60)
    text = f"FINAL TIME= Time+2+0*({slow}) ~~|\nINITIAL TIME= 0 ~~|\nTIME STEP= 1 ~~|\nSAVEPER= 1 ~~|\n"
    with pytest.raises(InputError, match=r"FINAL TIME \(line 1\) is not reached in [78]\d\d\d steps, at [78]"):
        stockflow.from_text("a.mdl", text)
