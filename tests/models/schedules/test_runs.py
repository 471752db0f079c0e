"""What a schedule does to a run: nothing before it begins, what equations that say the same do after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from calibration.records.results import accepted_posterior, load_accepted
from models.case import CASES, load_case
from models.policy import history
from models.run import run_case
from models.schedules.file import Change, Schedule, load_schedule, shipped, unchanged
from models.schedules.paths import grid, trimmed
from models.schedules.run import Draws, applied, run_schedule
from models.schedules.variants import variants
from stockflow import Model
from stockflow.batches.batch import Batch
from stockflow.language.source import equations

OUTPUTS = ("market share", "Price", "Cumulative Domestic Sales", "Cumulative Support Outlay")
MULTIPLIER = "support multiplier"
MAIN = {"nev": "purchase subsidy", "pv": "feed-in premium"}
UNTIL = 2030.0
DRAWS = 24
TRIGGERS = {
    "market share": {"on": "market share", "level": 0.02, "unit": "Dmnl"},
    "cost parity ratio": {"on": "cost parity ratio", "level": 1.1, "unit": "Dmnl", "not_before": 2010.0},
    "cumulative volume": {"on": "cumulative volume", "level": 1.0, "unit": "unit"},
}


@dataclass(frozen=True)
class Block:
    case: str
    model: Model
    samples: Mapping[str, NDArray[np.float64]]
    base: xr.Dataset

    def run(self, one: Schedule, outputs: Sequence[str] = OUTPUTS, **more: object) -> xr.Dataset:
        return run_schedule(self.model, one, self.samples, outputs, UNTIL, 0.25, **more)

    def stated(self, left: str, start: object) -> xr.Dataset:
        """Run the model with what is left of support as an equation, from `start` on, which may differ by draw."""
        clock = "support suspension start"
        rule = {MULTIPLIER: f"{MULTIPLIER}= IF THEN ELSE(Time >= {clock}, {left.format(since=f'(Time-{clock})')}, 1)"}
        file = self.model.file.with_equations(rule)
        samples = {**self.samples, clock: np.broadcast_to(start, DRAWS)}
        return Model(equations(file), file).runs(samples, OUTPUTS, until=UNTIL, save_period=0.25).dataset()

    def schedule(self, **change: object) -> Schedule:
        return unchanged(self.case).changed({MAIN[self.case]: Change.model_validate(change)}, "mine")


def block(case: str, **held: float) -> Block:
    """Draws of the posterior, by default with buyers who do not look ahead, so that a surprise is one."""
    model = load_case(case).model
    rush = {"timing elasticity": np.zeros(DRAWS)}
    samples = {**accepted_posterior(case).spread(DRAWS), **rush, **{k: np.full(DRAWS, v) for k, v in held.items()}}
    return Block(case, model, samples, model.runs(samples, OUTPUTS, until=UNTIL, save_period=0.25).dataset())


@pytest.fixture(scope="module")
def nev() -> Block:
    return block("nev")


@pytest.fixture(scope="module", params=["nev", "pv"])
def either(request: pytest.FixtureRequest, nev: Block) -> Block:
    return nev if request.param == "nev" else block("pv")


def same(one: xr.Dataset, other: xr.Dataset, until: float = UNTIL) -> None:
    for name in OUTPUTS:
        np.testing.assert_array_equal(one[name].sel(time=slice(None, until)), other[name].sel(time=slice(None, until)))


def close(one: xr.Dataset, other: xr.Dataset, rtol: float, until: float = UNTIL) -> None:
    for name in OUTPUTS:
        seen = [data[name].sel(time=slice(None, until)) for data in (one, other)]
        np.testing.assert_allclose(*seen, rtol=rtol, atol=1e-30)


def test_the_historical_schedule_gives_the_base_run_bit_for_bit(either: Block) -> None:
    same(either.run(load_schedule("history", either.case)), either.base)
    same(either.run(unchanged(either.case)), either.base)


def test_history_given_as_a_path_at_every_time_step_gives_the_base_run_to_the_last_digit(either: Block) -> None:
    trigger = {"on": "market share", "level": 0.999, "unit": "Dmnl"}
    one = either.schedule(shape="cliff", trigger=trigger)
    plan = applied(Draws(either.model, either.samples, UNTIL, None), one)
    move = plan.move(MAIN[either.case])
    path = move.before.grid.times, np.tile(move.path(move.before.grid.times), (DRAWS, 1))
    seen = either.model.runs(
        either.samples, OUTPUTS, until=UNTIL, save_period=0.25, series={move.about.variable: path}
    ).dataset()
    close(seen, either.base, 1e-14)


@pytest.mark.parametrize("name", ["nev_cliff", "nev_share_triggered", "pv_support_kept", "pv_to_research"])
def test_one_run_under_a_schedule_is_that_of_a_study_bit_for_bit(name: str) -> None:
    case, schedule = name.partition("_")[0], load_schedule(name)
    alone = run_case(case, until=UNTIL, schedule=schedule)
    drawn = run_schedule(load_case(case).model, schedule, {}, OUTPUTS, UNTIL, 0.25)
    for variable in OUTPUTS:
        np.testing.assert_allclose(alone[variable], drawn[variable][0], rtol=1e-12, atol=1e-30)


def test_a_trigger_that_never_fires_never_begins(either: Block) -> None:
    trigger = {"on": "market share", "level": 0.999, "unit": "Dmnl"}
    never = either.run(either.schedule(shape="cliff", trigger=trigger))
    assert never["began"].isnull().all()
    same(never, either.base)


def test_an_end_that_begins_after_the_run_in_another_quarter_of_each_draw_changes_nothing(either: Block) -> None:
    waiting = either.schedule(shape="cliff", trigger=TRIGGERS["market share"])
    assert len(np.unique(either.run(waiting)["began"])) > 1
    late = either.run(either.schedule(shape="cliff", trigger=TRIGGERS["market share"], announced=30.0))
    assert late["began"].isnull().all()
    same(late, either.base)


def test_a_cliff_leaves_everything_before_it_as_it_was_and_lowers_sales_of_every_draw_after(either: Block) -> None:
    cut = either.run(either.schedule(shape="cliff", start=2015.0))
    same(cut, either.base, 2014.75)
    sold = "Cumulative Domestic Sales"
    assert (cut[sold].sel(time=2017.0) < either.base[sold].sel(time=2017.0)).all()
    assert (cut["began"] == 2015.0).all()


LEFT = {"cliff": "0", "linear": "MAX(0, 1-{since}/5)", "exponential": "IF THEN ELSE({since} < 5, EXP(-3*{since}/5), 0)"}


@pytest.mark.parametrize("shape", LEFT)
def test_a_shape_acts_as_the_equation_that_says_it(nev: Block, shape: str) -> None:
    length = {} if shape == "cliff" else {"length": 5.0}
    close(nev.run(nev.schedule(shape=shape, start=2014.0, **length)), nev.stated(LEFT[shape], 2014.0), 1e-12)


@pytest.mark.parametrize("start", [2014.0, 2016.1])
def test_a_cliff_acts_as_its_equation_bit_for_bit_also_between_time_steps(nev: Block, start: float) -> None:
    same(nev.run(nev.schedule(shape="cliff", start=start)), nev.stated(LEFT["cliff"], start))


def test_dates_that_differ_between_draws_act_as_the_equation_started_in_each_of_them(nev: Block) -> None:
    found = nev.run(nev.schedule(shape="linear", length=5.0, trigger=TRIGGERS["cost parity ratio"]))
    began = found["began"].to_numpy()[:, 0]
    assert len(np.unique(began)) > 3
    close(found, nev.stated(LEFT["linear"], began), 1e-12)


def test_a_parity_trigger_begins_within_a_quarter_after_parity_in_nine_draws_of_ten(nev: Block) -> None:
    found = nev.run(nev.schedule(shape="linear", length=3.0, trigger=TRIGGERS["cost parity ratio"]))
    names = ["unsubsidised user cost", "trigger benchmark"]
    base = nev.model.runs(nev.samples, names, until=UNTIL, save_period=1 / 32).dataset().sel(time=slice(2010.0, None))
    below = (base[names[0]] <= 1.1 * base[names[1]]).to_numpy()
    late = found["began"].to_numpy()[:, 0] - base["time"].to_numpy()[np.argmax(below, axis=1)]
    assert (late >= 0.0).all()
    assert (late < 0.25).mean() >= 0.9  # else the cost ratio rose again before the quarter was over


@pytest.mark.parametrize("on", TRIGGERS)
def test_a_decline_begins_in_the_first_quarter_in_which_its_condition_holds_without_it(nev: Block, on: str) -> None:
    needed = ("unsubsidised user cost", "trigger benchmark", "Cumulative Domestic Sales", "addressable demand")
    base = nev.model.runs(nev.samples, needed, until=UNTIL, save_period=0.25).dataset()
    times, level = base["time"].to_numpy(), TRIGGERS[on]["level"]
    sold, market = base["Cumulative Domestic Sales"].to_numpy(), base["addressable demand"].to_numpy()
    ratio = (base[needed[0]] / base[needed[1]]).to_numpy()
    found = nev.run(nev.schedule(shape="cliff", trigger=TRIGGERS[on]))["began"].to_numpy()[:, 0]
    for draw, date in enumerate(found):
        for point in np.flatnonzero(times >= 2010.0):
            last_year = slice(point - 4, point + 1)
            share = (sold[draw, point] - sold[draw, point - 4]) / np.trapezoid(
                market[draw, last_year], times[last_year]
            )
            now = {"market share": share, "cumulative volume": sold[draw, point]}
            if (ratio[draw, point] <= level) if on == "cost parity ratio" else (now[on] >= level):
                break
        assert date == times[point]


def test_a_decline_once_begun_never_stops_though_its_condition_reverses(nev: Block) -> None:
    outputs = ("market share", "central subsidy")
    found = nev.run(nev.schedule(shape="cliff", trigger=TRIGGERS["market share"]), outputs)
    reversed_ = 0
    for draw in range(DRAWS):
        after = slice(float(found["began"][draw, 0]), None)
        share = found["market share"][draw].sel(time=after)
        reversed_ += int((share.rolling(time=4).mean() < TRIGGERS["market share"]["level"]).any())
        assert (found["central subsidy"][draw].sel(time=after) == 0.0).all()
    assert reversed_ > DRAWS / 2


def test_a_decline_announced_with_its_trigger_begins_that_much_later(nev: Block) -> None:
    trigger = TRIGGERS["cumulative volume"]
    soon = nev.run(nev.schedule(shape="cliff", trigger=trigger))["began"]
    later = nev.run(nev.schedule(shape="cliff", trigger=trigger, announced=1.5))["began"]
    np.testing.assert_array_equal(later, soon + 1.5)


def test_of_two_triggers_the_later_is_read_in_the_run_that_the_earlier_has_changed(nev: Block) -> None:
    slow = {"on": "cumulative volume", "level": 6.0, "unit": "unit"}
    first = Change.model_validate({"shape": "cliff", "trigger": TRIGGERS["market share"]})
    second = Change.model_validate({"shape": "cliff", "trigger": slow})
    alone = nev.run(unchanged("nev").changed({"tax exemption": second}, "alone"))["began"].to_numpy()[:, 0]
    both = nev.run(unchanged("nev").changed({"tax exemption": second, "purchase subsidy": first}, "both"))
    dates = both["began"].to_numpy()
    assert (dates[:, 1] < dates[:, 0]).all()
    assert (dates[:, 0] > alone).all()
    fixed = Change.model_validate({"shape": "cliff", "trigger": slow})
    for draw in (0, DRAWS - 1):
        dated = Change.model_validate({"shape": "cliff", "start": float(dates[draw, 1])})
        again = nev.run(unchanged("nev").changed({"tax exemption": fixed, "purchase subsidy": dated}, "again"))
        assert float(again["began"][draw, 0]) == dates[draw, 0]


def test_an_announced_cliff_pulls_sales_forward_and_a_surprise_does_not(nev: Block) -> None:
    samples = {**nev.samples, "timing elasticity": np.full(DRAWS, 3.0)}
    outputs = ("Cumulative Domestic Sales", "Pulled Forward Demand")
    surprise, announced = (
        run_schedule(
            nev.model, nev.schedule(shape="cliff", start=2016.0, announced=ahead), samples, outputs, UNTIL, 0.25
        )
        for ahead in (0.0, 2.0)
    )
    sold = (announced - surprise)["Cumulative Domestic Sales"]
    assert (sold.sel(time=slice(None, 2015.5)) == 0.0).all()
    assert (sold.sel(time=2016.0) > 0.0).all()


def test_buyers_who_look_differently_far_ahead_see_the_cut_at_different_times(nev: Block) -> None:
    horizon = np.linspace(0.25, 1.0, DRAWS)
    samples = {**nev.samples, "anticipation horizon": horizon}
    one = nev.schedule(shape="cliff", start=2016.0, announced=2.0)
    seen = run_schedule(nev.model, one, samples, ["announced central subsidy"], UNTIL, 1 / 32)[
        "announced central subsidy"
    ]
    for draw in range(DRAWS):
        path = seen[draw].sel(time=slice(2014.0, 2017.0))
        first = float(path["time"][int(np.argmax(path.to_numpy() == 0.0))])
        assert 0.0 <= first - (2016.0 - horizon[draw]) < 1 / 32


def test_a_share_of_the_price_is_that_of_the_same_draw_without_the_schedule(nev: Block) -> None:
    amount = {"share_of_price": 0.1, "since": 2015.0}
    local = Change.model_validate({"shape": "cliff", "start": 2015.0})
    one = nev.schedule(amount=amount).changed({"local subsidy": local}, "mine")
    paid = nev.run(one, ["central subsidy"])["central subsidy"].sel(time=slice(2015.25, None))
    np.testing.assert_allclose(paid, 0.1 * nev.base["Price"].sel(time=slice(2015.25, None)) / 1.0, rtol=1e-12)


@pytest.mark.parametrize(("value", "rush"), [(150.0, 0.0), (150.0, 5.0), (2000.0, 2.0)])
def test_no_buyer_is_paid_more_than_the_price_and_the_cut_is_told(value: float, rush: float) -> None:
    nev = block("nev", **{"timing elasticity": rush})
    one = nev.schedule(amount={"value": value, "unit": "bnCNY/unit", "since": 2014.0}, shape="cliff", start=2024.0)
    outputs = ["Price", "support per unit", "central subsidy"]
    found = run_schedule(nev.model, one, nev.samples, outputs, UNTIL, nev.model.time_step)
    assert (found["support per unit"] <= found["Price"] * (1 + 1e-6)).all()
    assert (found["cut"] > 0.0).all()
    when = (found["time"] >= 2014.0) & (found["time"] < 2024.0)
    missing = (value - found["central subsidy"].where(when)).max("time")
    np.testing.assert_allclose(found["cut"][:, 0], missing, rtol=1e-12)


def test_a_local_subsidy_on_top_counts_towards_the_price(nev: Block) -> None:
    local = Change.model_validate({"amount": {"value": 5.0, "unit": "Dmnl", "since": 2014.0}})
    found = nev.run(unchanged("nev").changed({"local subsidy": local}, "mine"), ["Price", "support per unit"])
    assert (found["support per unit"] <= found["Price"] * (1 + 1e-6)).all()
    assert list(found["instrument"].to_numpy()) == ["local subsidy", "purchase subsidy"]
    assert (found["cut"].sel(instrument="purchase subsidy") > 0.0).all()


def test_history_is_never_cut_at_the_price(either: Block) -> None:
    found = either.run(load_schedule("support_kept", either.case))
    same(found, either.base, 2016.5)


def test_what_a_year_saves_is_put_elsewhere_in_that_year(nev: Block) -> None:
    cut = {"shape": "cliff", "start": 2016.0}
    plain = nev.schedule(**cut)
    moved = nev.schedule(**cut, reallocate={"to": "infrastructure", "share": 0.5})
    step = nev.model.time_step
    paid = [run_schedule(nev.model, one, nev.samples, ["paid support"], UNTIL, step)["paid support"]
            for one in (unchanged("nev"), plain)]  # fmt: skip
    spent = run_schedule(nev.model, moved, nev.samples, ["infrastructure subsidy spending"], UNTIL, step)
    usual = np.interp(spent["time"], *history(nev.model, "infrastructure subsidy spending"))
    more = spent["infrastructure subsidy spending"] - usual
    for year in (2015, 2016, 2019):
        within = {"time": slice(year, year + 1 - step / 2)}
        saved = (paid[0] - paid[1]).sel(within).mean("time")
        np.testing.assert_allclose(
            more.sel(within), np.broadcast_to(0.5 * saved, more.sel(within).T.shape).T, atol=1e-9
        )
        assert (saved > 0.0).all() == (year >= 2016)


def test_a_year_that_costs_more_takes_no_money_from_elsewhere(nev: Block) -> None:
    amount = {"value": 60.0, "unit": "bnCNY/unit", "since": 2016.0}
    one = nev.schedule(amount=amount, reallocate={"to": "infrastructure", "share": 0.5})
    spent = nev.run(one, ["infrastructure subsidy spending"])["infrastructure subsidy spending"]
    usual = np.interp(spent["time"], *history(nev.model, "infrastructure subsidy spending"))
    np.testing.assert_array_equal(spent, np.broadcast_to(usual, spent.shape))


def test_draws_that_have_not_begun_keep_history_bit_for_bit_to_the_last_step_beside_draws_that_have(nev: Block) -> None:
    outputs = ["central subsidy", "announced central subsidy"]
    one = nev.schedule(shape="linear", length=3.0, trigger={**TRIGGERS["cumulative volume"], "level": 0.4})
    began = run_schedule(nev.model, one, nev.samples, outputs, 2020.0, 1 / 32)["began"].to_numpy()[:, 0]
    first, last = np.floor(32 * np.quantile(began, [0.2, 0.8])) / 32
    seen = []
    for until in (first, (first + last) / 2 // (1 / 32) / 32, last):
        found = run_schedule(nev.model, one, nev.samples, outputs, until, 1 / 32)
        base = nev.model.runs(nev.samples, outputs, until=until, save_period=1 / 32).dataset()
        waiting = found["began"].isnull().to_numpy()[:, 0]
        seen.append(waiting.mean())
        for name in outputs:
            np.testing.assert_array_equal(found[name][waiting], base[name][waiting])
    assert any(0.0 < share < 1.0 for share in seen), seen


def test_the_engine_reads_any_trimmed_path_bit_for_bit_at_every_step(nev: Block) -> None:
    at = grid(nev.model, 2012.0)
    path = 10.0 ** np.random.default_rng(7).uniform(-3, 3, (40, len(at.times)))
    series = {"central subsidy": trimmed(at, path[0], path)}
    read = nev.model.runs({}, ["central subsidy"], until=2012.0, save_period=1 / 32, series=series).dataset()
    np.testing.assert_array_equal(read["central subsidy"], path)


def test_a_budget_bounds_what_is_paid_and_the_rest_becomes_arrears(either: Block) -> None:
    found = either.run(load_schedule("budget_capped", either.case), ["paid support", "Support Arrears"])
    from_2015 = found.sel(time=slice(2015.25, None))
    assert (from_2015["paid support"] <= 20.0 + 1e-9).all()
    assert (from_2015["Support Arrears"].max("time") > 1.0).all()


def test_a_schedule_gives_the_same_bits_in_any_block_and_on_any_number_of_threads(nev: Block) -> None:
    one = nev.schedule(shape="linear", length=3.0, trigger=TRIGGERS["market share"])
    whole = nev.run(one, threads=2)
    part = {name: values[5:11] for name, values in nev.samples.items()}
    some = run_schedule(nev.model, one, part, OUTPUTS, UNTIL, 0.25, threads=1)
    same(some, whole.isel(run=slice(5, 11)))
    np.testing.assert_array_equal(some["began"], whole["began"][5:11])


def test_schedules_of_a_kind_share_one_compiled_run(nev: Block) -> None:
    model = load_case("nev").model
    for one in variants(load_schedule("nev_cliff"), ["cliff", "linear", "exponential"], [2013.0, 2017.0], [3.0, 5.0]):
        run_schedule(model, one, nev.samples, OUTPUTS, UNTIL, 0.25)
    assert len(model._compiled) == 1


def test_a_dated_decline_of_history_takes_one_pass(nev: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    plain = Model.runs

    def counting(self: Model, *args: object, **more: object) -> Batch:
        nonlocal count
        count += 1
        return plain(self, *args, **more)

    monkeypatch.setattr(Model, "runs", counting)
    nev.run(load_schedule("nev_linear"))
    assert count == 1
    nev.run(load_schedule("nev_share_triggered"))
    assert count == 3


@pytest.mark.parametrize("case", ["nev", "pv"])
def test_the_stronger_the_response_and_the_earlier_the_cliff_the_more_is_lost(case: str) -> None:
    fits = load_accepted(case).variants
    samples = {name: np.array([fits[one][name] for one in ("low", "central", "high")]) for name in fits["low"]}
    cliffs = variants(load_schedule("cliff", case), ["cliff"], [2013.0, 2016.0, 2019.0])
    model, sold = load_case(case).model, "Cumulative Domestic Sales"
    ends = [run_schedule(model, one, samples, [sold], 2035.0)[sold][:, -1] for one in (unchanged(case), *cliffs)]
    lost = np.array([1 - end / ends[0] for end in ends[1:]])
    assert (np.diff(lost, axis=1) > 0).all()
    assert (np.diff(lost, axis=0) < 0).all()
    assert (lost >= -1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", [one for one in shipped() if one.partition("_")[0] in CASES])
def test_every_shipped_schedule_runs_and_only_history_is_the_base_run(name: str) -> None:
    one = block(name.partition("_")[0])
    found = one.run(load_schedule(name))
    assert found["finite"].all()
    assert name.endswith("_history") == all((found[v] == one.base[v]).all() for v in OUTPUTS)
