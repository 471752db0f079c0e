"""Loops That Matter: scores of links and loops by the papers' own numbers, by theorem, and by Simlin."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from simlin_text import exact_zero
from stockflow_helpers import loaded, written

import stockflow
from stockflow.commands.cli import cli
from stockflow.errors import InputError
from stockflow.insight.link_scores import score_links
from stockflow.insight.loop_scores import periods

EXAMPLES = Path(stockflow.__file__).parent / "examples"
FILES = Path(stockflow.__file__).parent.parent / "models" / "vensim"
LOGISTIC = """
    P= INTEG(births-deaths, 10) ~ person
    births= r*P ~ person/Year
    deaths= r*P*P/K ~ person/Year
    r= 1 ~ 1/Year
    K= 1000 ~ person
"""
# Schoenberg, Davidsen and Eberlein 2020, section on the Bass model, with its inflection between 9.5625 and 9.625
BASS = """
    Potential= INTEG(-adopting, 999999) ~ person
    Adopters= INTEG(adopting, 1) ~ person
    contacts= Adopters*100 ~ person/Year
    chance= Potential/1000000 ~ Dmnl
    met= contacts*chance ~ person/Year
    adopting= met*0.015 ~ person/Year
"""


def link_scores(model: stockflow.Model, *links: tuple[str, str]) -> dict[tuple[str, str], np.ndarray]:
    """Scores of links over one run at every step."""
    extended, names = score_links(model.equations, links)
    runs = stockflow.Model(extended, model.file).runs({}, list(names.values()), save_period=model.time_step)
    run = runs.dataset()
    return {link: run[name].to_numpy()[0] for link, name in names.items()}


def test_a_sum_is_shared_as_in_table_1_of_the_method(tmp_path: Path) -> None:
    x, y = (f"WITH LOOKUP(Time, ((0,{a}),(1,{b})))" for a, b in ((5, 7), (4, 5)))
    model = loaded(tmp_path, f"z= 2*x+y ~ Dmnl\nx= {x} ~ Dmnl\ny= {y} ~ Dmnl", step=1, final=1, save=1)
    found = link_scores(model, ("x", "z"), ("y", "z"))
    assert found["x", "z"].tolist() == [0.0, 0.8]
    assert found["y", "z"].tolist() == [0.0, 0.2]


def test_a_fraction_is_shared_as_in_table_2_of_the_method(tmp_path: Path) -> None:
    values = {"w": (7, 10), "x": (2, 4), "y": (3, 5)}
    paths = "\n".join(f"{n}= WITH LOOKUP(Time, ((0,{a}),(1,{b}))) ~ Dmnl" for n, (a, b) in values.items())
    model = loaded(tmp_path, f"z= (w+x)/y ~ Dmnl\n{paths}", step=1, final=1, save=1)
    found = link_scores(model, ("w", "z"), ("x", "z"), ("y", "z"))
    assert [found[name, "z"][1] for name in "wxy"] == pytest.approx([5.0, 10 / 3, -6.0], abs=1e-12)


def test_flows_are_shared_as_in_table_3_of_the_correction(tmp_path: Path) -> None:
    equations = "S= INTEG(in-out, 100) ~ w\nin= 5+STEP(5,2) ~ w\nout= 4+STEP(1,2) ~ w"
    found = link_scores(loaded(tmp_path, equations, step=1, final=4, save=1), ("in", "S"), ("out", "S"))
    assert found["in", "S"].tolist() == [0, 0, 1.25, 0, 0]
    assert found["out", "S"].tolist() == [0, 0, -0.25, 0, 0]


@pytest.mark.parametrize("method", ["Euler", "RK4"])
def test_logistic_growth_has_the_shares_that_algebra_gives(tmp_path: Path, method: str) -> None:
    model = loaded(tmp_path, LOGISTIC, step=0.125, final=12, save=0.125)
    scores = model.loop_scores({}, method=method).isel(run=0)
    stock = model.run(method=method)["P"].to_numpy()
    both = stock[1:] + stock[:-1]
    growth, limit = (scores["relative_score"].to_numpy()[1:, place] for place in (0, 1))
    np.testing.assert_allclose(growth, 1000 / (1000 + both), rtol=1e-9)
    np.testing.assert_allclose(limit, -both / (1000 + both), rtol=1e-9)


def test_the_first_moment_has_no_score(tmp_path: Path) -> None:
    scores = loaded(tmp_path, LOGISTIC).loop_scores({})
    assert all(not scores[name].isel(time=0).any() for name in scores)


def test_how_flows_are_gathered_changes_no_share(tmp_path: Path) -> None:
    other = LOGISTIC.replace("INTEG(births-deaths,", "INTEG(net,") + "net= births-deaths ~ person/Year"
    (tmp_path / "other").mkdir()
    apart, together = (loaded(tmp_path / name, text, final=8) for name, text in ((".", LOGISTIC), ("other", other)))
    left, right = (one.loop_scores({})["relative_score"].to_numpy() for one in (apart, together))
    np.testing.assert_allclose(left, right, atol=1e-9)


def test_a_loop_alone_scores_one(tmp_path: Path) -> None:
    model = loaded(tmp_path, "P= INTEG(births, 10) ~ person\nbirths= P*0.1 ~ person/Year")
    np.testing.assert_allclose(model.loop_scores({})["score"].to_numpy()[0, 1:, 0], 1.0, rtol=1e-12)


def test_diffusion_has_the_published_scores(tmp_path: Path) -> None:
    # the paper names a step by its start, here it is named by its end
    scores = loaded(tmp_path, BASS, step=1 / 16, final=16, save=1 / 16).loop_scores(
        {}, {"B1": ["Potential", "chance", "met", "adopting"], "R1": ["Adopters", "contacts", "met", "adopting"]}
    )
    at = scores.isel(run=0).sel(time=[1.0625, 9.5625, 9.625, 9.6875, 15.0625])
    published = [[0.0, 1.0], [-0.465, 0.535], [-0.488, 0.512], [-0.512, 0.488], [-1.0, 0.0]]
    np.testing.assert_allclose(at["relative_score"], published, atol=5.01e-4)
    links = at["link_score"].sel(link=["chance -> met", "contacts -> met"]).isel(time=[1, 2, 3])
    np.testing.assert_allclose(links, [[9.958, 11.46], [9358, 9806], [10.91, 10.41]], rtol=5e-4)


def test_shares_of_a_group_add_up_to_one(tmp_path: Path) -> None:
    shares = stockflow.load(EXAMPLES / "population.mdl").loop_scores({})["mean_share"].isel(run=0)
    sums = shares.groupby("partition").sum("loop").to_numpy()[1:]
    assert sums.shape[1] == 2
    assert ((np.abs(sums - 1) < 1e-12) | (sums == 0)).all()


def test_a_mean_is_that_of_the_steps_since_the_last_saved_time(tmp_path: Path) -> None:
    model = loaded(tmp_path, LOGISTIC, step=0.125, final=12, save=0.125)
    fine, rough = (model.loop_scores({}, save_period=period).isel(run=0) for period in (0.125, 1.0))
    steps = fine["relative_score"].to_numpy()[1:].reshape(12, 8, 2)
    np.testing.assert_allclose(rough["mean_relative_score"].to_numpy()[1:], steps.mean(1), rtol=1e-12)
    np.testing.assert_allclose(rough["mean_share"].to_numpy()[1:], np.abs(steps).mean(1), rtol=1e-12)
    np.testing.assert_array_equal(rough["relative_score"], fine["relative_score"].to_numpy()[::8])


def test_many_runs_score_as_each_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockflow.insight.loop_scores._BYTES", 1)
    model, sizes = loaded(tmp_path, LOGISTIC, final=8), np.linspace(200, 900, 19)
    together = model.loop_scores({"K": sizes})
    assert together["run"].to_numpy().tolist() == list(range(19))
    alone = model.loop_scores({"K": [sizes[17]]})
    np.testing.assert_array_equal(together["score"].to_numpy()[17], alone["score"].to_numpy()[0])


def test_a_run_that_fails_is_marked_and_scored_nan(tmp_path: Path) -> None:
    scores = loaded(tmp_path, LOGISTIC.replace("r*P*P/K", "r*P*P/K+LN(K)"), final=8).loop_scores({"K": [500.0, -1.0]})
    assert scores["finite"].to_numpy().tolist() == [True, False]
    assert np.isnan(scores["relative_score"].to_numpy()[1, -1]).all()


def test_time_is_another_cause_also_inside_a_step_function(tmp_path: Path) -> None:
    model = loaded(tmp_path, "z= STEP(x, 2)+Time*2 ~ Dmnl\nx= 1+Time ~ Dmnl", step=1, final=3, save=1)
    # at 2 the step comes with its old time: x alone does nothing yet
    assert link_scores(model, ("x", "z"))["x", "z"].tolist() == [0, 0, 0, 1 / 3]


def test_chance_is_another_cause(tmp_path: Path) -> None:
    equations = "z= 3*x+RANDOM UNIFORM(0, 1, 7) ~ Dmnl\nx= Time^2 ~ Dmnl"
    model = loaded(tmp_path, equations, step=1, final=6, save=1)
    run = model.run()
    expected = 3 * np.diff(run["x"]) / np.abs(np.diff(run["z"]))
    np.testing.assert_allclose(link_scores(model, ("x", "z"))["x", "z"][1:], expected, rtol=1e-9)


def test_a_link_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no link from deaths to births"):
        loaded(tmp_path, LOGISTIC).loop_scores({}, {"R": ["P", "deaths", "births"]})


@pytest.mark.parametrize(
    ("loops", "text"),
    [({}, "no loop to score"), ({"R": []}, "no members"), ({"R": ["P", "births", "P"]}, "comes to P twice"),
     ({"R": ["K", "deaths"]}, "K is in no feedback loop"), ({"R": ["p", "brths"]}, "brths")],
)  # fmt: skip
def test_a_loop_that_is_none_is_refused(tmp_path: Path, loops: dict[str, list[str]], text: str) -> None:
    with pytest.raises(InputError, match=text):
        loaded(tmp_path, LOGISTIC).loop_scores({}, loops)


def test_a_loop_that_a_given_path_cuts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="births follows a given path, which cuts loop"):
        loaded(tmp_path, LOGISTIC).loop_scores({}, series={"births": ([0, 4], [1, 2])})


def test_a_given_path_beside_the_loops_is_run(tmp_path: Path) -> None:
    model = loaded(tmp_path, LOGISTIC, final=8)
    given = model.loop_scores({}, series={"K": ([0, 8], [500, 500])})["score"]
    np.testing.assert_allclose(given, model.with_constants({"K": 500}).loop_scores({})["score"], rtol=1e-12)


def simlin_links(path: Path) -> dict[tuple[str, str], np.ndarray]:
    simlin = pytest.importorskip("simlin")
    simulation = simlin.load(path).simulate(enable_ltm=True)
    simulation.run_to_end()
    found = simulation.get_links()
    return {(one.from_var, one.to_var): np.asarray(one.score) for one in found if one.score is not None}


def compared(path: Path, still: float) -> tuple[int, float]:
    """Compare link scores with Simlin's: links compared, and the largest difference, of 1 or of the score.

    Where the effect moves by less than a share `still` of its size, rounding decides in both engines.
    """
    model = stockflow.load(path)
    scores, others = model.loop_scores({}).isel(run=0), simlin_links(path)
    run, count, worst = model.run(), 0, 0.0
    for place, name in enumerate(scores["link"].to_numpy()):
        cause, effect = name.split(" -> ")
        other = others.get((cause.lower().replace(" ", "_"), effect.lower().replace(" ", "_")))
        if other is None:
            continue
        count += 1
        moves = np.abs(np.diff(run[effect].to_numpy(), prepend=np.nan)) > still * np.abs(run[effect].to_numpy())
        own = scores["link_score"].to_numpy()[:, place]
        apart = np.abs(own - other) / np.maximum(1.0, np.abs(other))
        worst = max(worst, float(apart[moves].max(initial=0.0)))
    return count, worst


@pytest.mark.parametrize(("example", "links"), [("epidemic", 6), ("commodity", 15)])
def test_the_examples_have_the_link_scores_of_simlin(tmp_path: Path, example: str, links: int) -> None:
    path = tmp_path / f"{example}.mdl"
    path.write_text((EXAMPLES / path.name).read_text(encoding="utf-8"), encoding="utf-8")
    count, worst = compared(path, 0.0)
    assert count >= links
    assert worst < 1e-6


@pytest.mark.parametrize("through", ["SMOOTH(P, 2)", "SMOOTH3(P, 2)", "DELAY1(P, 2)", "DELAY3(P, 2)", "P/(1+P/900)"])
def test_a_link_through_a_delay_has_the_score_of_simlin(tmp_path: Path, through: str) -> None:
    text = f"{LOGISTIC.replace('r*P*P/K', 'r*P*seen/K')}\nseen= {through} ~ person"
    count, worst = compared(written(tmp_path, text, step=0.125, final=20, save=0.125), 1e-9)
    assert count >= 5
    assert worst < 1e-8


def test_the_electric_vehicle_model_has_the_link_scores_of_simlin(tmp_path: Path) -> None:
    path = tmp_path / "nev.mdl"
    path.write_text(exact_zero((FILES / "nev.mdl").read_text(encoding="utf-8")), encoding="utf-8")
    count, worst = compared(path, 1e-6)
    assert count > 170
    assert worst < 1e-5


def test_loops_of_an_example_have_the_relative_scores_of_simlin(tmp_path: Path) -> None:
    simlin = pytest.importorskip("simlin")
    path = tmp_path / "epidemic.mdl"
    path.write_text((EXAMPLES / path.name).read_text(encoding="utf-8"), encoding="utf-8")
    simulation = simlin.load(path).simulate(enable_ltm=True)
    simulation.run_to_end()
    scores = stockflow.load(path).loop_scores({}).isel(run=0)
    for loop in simulation.get_loops_runtime():
        own = next(
            i
            for i, one in enumerate(scores["members"].to_numpy())
            if set(one.lower().split(" -> ")) == set(loop.variables)
        )
        np.testing.assert_allclose(
            scores["relative_score"].to_numpy()[:, own], simulation.get_relative_loop_score(loop.id), atol=1e-8
        )


def test_periods_are_the_stretches_where_something_holds() -> None:
    assert periods(np.arange(6.0), np.array([True, False, True, True, False, True])) == [(0, 0), (2, 3), (5, 5)]


def test_the_command_says_when_the_balance_shifts(tmp_path: Path) -> None:
    path = written(tmp_path, LOGISTIC, step=0.125, final=12, save=1)
    result = CliRunner().invoke(cli, ["loops", str(path), "--json", "--out", str(tmp_path / "scores.csv")])
    assert result.exit_code == 0, result.output
    rows = {row["acts"]: row for row in json.loads(result.output)}
    (grows,), (limits,) = rows["R"]["dominates"], rows["B"]["dominates"]
    assert grows == [1, 5]
    assert limits == [6, 12]
    assert (tmp_path / "scores.csv").read_text().splitlines()[0].startswith("loop,time,score")


def test_the_command_prints_a_table_and_says_what_it_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, LOGISTIC, step=0.125, final=12, save=1)
    text = CliRunner().invoke(cli, ["loops", str(path), "--top", "1", "--set", "k=500"]).output
    assert "dominates" in text
    assert "and 1 loops more" in text
