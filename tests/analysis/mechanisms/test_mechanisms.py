"""Loops, barriers and instruments of the industries: paths and cuts are of the model, effects have their sign."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from analysis.cli import cli
from analysis.draws import runs
from analysis.draws.runs import OWN, Drawn, drawn, held, own_paths, run
from analysis.draws.stages import STAGES, later
from analysis.mechanisms.barriers import SEA, VALLEY, Barriers, barriers, strongest_levers
from analysis.mechanisms.chapter import _later, _years, barrier_words, instrument_words
from analysis.mechanisms.figures import NAMED, instrument_panels
from analysis.mechanisms.instrument_study import BARRIERS, InstrumentStudy
from analysis.mechanisms.instruments import Instruments, Tried, instrument_table, instruments
from analysis.mechanisms.knockouts import SALES, change_of, cut_run, knockouts
from analysis.mechanisms.loop_study import LoopStudy, single_paths
from analysis.mechanisms.loops import Dominance, dominance_table, loop_dominance, phases, smallest_sets
from analysis.mechanisms.takeover import TakenOver, takeover, takeover_words
from analysis.paths.study import PathStudy
from analysis.plain.shown import text
from calibration.errors import AbsentError
from models.case import CASES
from stockflow.errors import InputError
from stockflow.insight.link_scores import score_links
from stockflow.insight.loop_scores import checked_loops
from stockflow.intervals import interval

DRAWS = 4
TENTH = STAGES.index("share 10%")


@pytest.fixture(scope="module")
def nev() -> Drawn:
    return drawn("nev", DRAWS)


@pytest.fixture(scope="module")
def tried() -> dict[str, Instruments]:
    study = InstrumentStudy.load()
    return {case: instruments(drawn(case, DRAWS), study) for case in CASES}


def one(found: Instruments, name: str, to: str) -> Tried:
    return next(x for x in found.tried if x.lever.instrument.name == name and x.change == to)


def test_what_never_comes_is_said_in_words_and_never_as_a_number() -> None:
    reached = interval(np.array([-np.inf, -3.0, -2.0, -1.0, np.inf]))
    for years in (reached, (-np.inf, -np.inf, -1.0), (1.0, np.inf, np.inf), (np.nan, np.nan, np.nan)):
        assert not re.search(r"\b(inf|nan)\b", _later(years, posterior=True) + _years(years, posterior=True))
    assert _later(reached, posterior=True) == "2.0 years earlier (from never to never)"
    assert _later((-np.inf, -np.inf, -1.0), posterior=False) == "within the run, as it does not otherwise"
    assert text(pd.DataFrame({"crossed": [np.inf, 2004.0], "later": [-np.inf, 0.5]})).split() == [
        "crossed", "later", "never", "from", "never", "2004.0", "0.5"]  # fmt: skip


def test_a_figure_of_instruments_has_no_panel_without_a_number(tmp_path: Path) -> None:
    about = {"instrument": "markup", "change": "half", "assumption": False}
    rows = [{**about, "outcome": outcome, "low": x, "effect": x, "high": x}
            for outcome, x in (("output to 2040", 0.2), ("fiscal outlay to 2040", np.nan))]  # fmt: skip
    instrument_panels("wind", pd.DataFrame(rows), ["output to 2040", "fiscal outlay to 2040"], tmp_path / "one")
    drawn_text = (tmp_path / "one.svg").read_text()
    assert "output to 2040" in drawn_text and "fiscal outlay" not in drawn_text


@pytest.mark.parametrize("case", CASES)
def test_every_path_of_every_loop_is_made_of_links_of_the_model(case: str) -> None:
    model = runs.case_model(case)
    paths = {name: path for _, name, path in single_paths(LoopStudy.load().loops_of(case))}
    asked = checked_loops(model.equations, paths)
    assert len(score_links(model.equations, asked.links)[1]) == len(asked.links) > 50


@pytest.mark.parametrize("case", CASES)
def test_every_cut_holds_variables_of_the_model(case: str) -> None:
    study, model = LoopStudy.load(), runs.case_model(case)
    for loop in study.loops_of(case):
        cut = study.named(loop).cut_of(case)
        assert cut or study.named(loop).not_cut
        assert all(model.variable(name).kind not in {"lookup", "control"} for name in cut)


def test_section_5_of_the_design_is_covered() -> None:
    names = " ".join(loop.name.split()[0] for loop in LoopStudy.load().loops)
    assert set(names.split()) >= {f"R{n}" for n in range(1, 11)} | {f"B{n}" for n in range(1, 11)}


def signs_found(found: Dominance) -> dict[str, float]:
    """Return, for every loop of a fixed sign that ever does anything, how much of it has that sign, from 0 to 1."""
    out = {}
    for i, name in enumerate(found.names):
        total = float(found.share[..., i].sum())
        if total > 0 and found.polarity[i] != "changing":
            sign = 1.0 if found.polarity[i] == "reinforcing" else -1.0
            out[name] = (1.0 + sign * float(found.signed[..., i].sum()) / total) / 2.0
    return out


def test_loops_drawn_apart_in_one_industry_look_different(nev: Drawn) -> None:
    found, looks = loop_dominance(nev, LoopStudy.load()), LoopStudy.load().looks()
    drawn_apart = np.argsort(-found.share.mean(axis=(0, 1)), kind="stable")[:NAMED]
    assert len({looks[found.names[i]] for i in drawn_apart}) == NAMED


def test_a_loop_without_a_look_is_refused(tmp_path: Path) -> None:
    whole = LoopStudy.shipped.read_text(encoding="utf-8")
    (tmp_path / "loops.toml").write_text(
        re.sub(r"^look = .*\n", "", whole, count=1, flags=re.MULTILINE), encoding="utf-8"
    )
    with pytest.raises(InputError, match="look"):
        LoopStudy.load(tmp_path / "loops.toml")


def test_named_loops_act_with_the_sign_expected_of_them(nev: Drawn) -> None:
    found = loop_dominance(nev, LoopStudy.load())
    signs = signs_found(found)
    assert set(signs) == set(found.names) - {"B4 fiscal limit"}
    assert min(signs.values()) > 0.999
    np.testing.assert_allclose(found.share[:, 1:].sum(-1), 1.0, rtol=1e-9)
    assert (found.named >= 0).all() and (found.named <= 1).all()
    table = dominance_table(found)
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    assert phases(found, 2005, 2040)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["pv", "ic", "mrna"])
def test_named_loops_of_other_industries_act_with_the_sign_expected(case: str) -> None:
    assert min(signs_found(loop_dominance(drawn(case, DRAWS), LoopStudy.load())).values()) > 0.99


def test_the_smallest_set_takes_the_strongest_until_it_does_the_level() -> None:
    sets = smallest_sets(np.array([[0.2, 0.45, 0.3, 0.05], [0.6, 0.1, 0.2, 0.1], [0, 0, 0, 0]]), 0.5)
    assert sets.tolist() == [[False, True, True, False], [True, False, False, False], [False] * 4]


def test_a_variable_held_from_a_year_on_changes_nothing_before_it(nev: Drawn) -> None:
    cut = {"learning by doing": OWN}
    base = run(nev, [SALES, "learning by doing"], 2025.0)
    without = run(nev, [SALES, "learning by doing"], 2025.0, series=held(own_paths(nev, cut, 2025.0), cut, 2015.0))
    before = base.times <= 2015.0
    np.testing.assert_allclose(without.values[SALES][:, before], base.values[SALES][:, before], rtol=1e-12)
    assert (without.values[SALES][:, -1] < base.values[SALES][:, -1]).all()
    kept = without.values["learning by doing"][:, without.times >= 2015.0]
    np.testing.assert_allclose(kept, kept[:, :1] * np.ones(kept.shape[1]), rtol=1e-12)


def test_a_variable_may_follow_another_or_be_a_number(nev: Drawn) -> None:
    cut: dict[str, float | str] = {"user cost": "unsubsidised user cost", "tax exemption": 0.0}
    went = own_paths(nev, cut, 2020.0)
    paths = held(went, cut, 2015.0)
    after = went.times > 2015.5
    np.testing.assert_array_equal(paths["user cost"][1][:, after], went.values["unsubsidised user cost"][:, after])
    assert not paths["tax exemption"][1][:, after].any()


def test_without_learning_every_draw_comes_to_a_tenth_later_and_sells_less(nev: Drawn) -> None:
    base = cut_run(nev, {"pull forward": 0.0}, 2009.0, 2050.0)  # a loop that does not act in this industry
    without = cut_run(nev, {"learning by doing": OWN}, 2009.0, 2050.0)
    assert (later(without.stages(), base.stages())[:, TENTH] > 1).all()
    assert (change_of(without, base, SALES, float(base.times[-1])) < -0.1).all()


def test_without_forgetting_every_draw_comes_to_a_tenth_sooner(nev: Drawn) -> None:
    base = cut_run(nev, {"pull forward": 0.0}, 2009.0, 2050.0)
    without = cut_run(nev, {"familiarity loss": 0.0}, nev.model.initial_time, 2050.0)
    assert (later(without.stages(), base.stages())[:, TENTH] < 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("case", ["nev", "pv"])
def test_cutting_a_loop_has_the_sign_of_the_loop(case: str) -> None:
    found = {k.loop: k for k in knockouts(drawn(case, DRAWS), LoopStudy.load())}
    # as it is cut, R7 is the scarcity of people; competition for shares and overcapacity act both ways, and so may
    # imitation, R6: it brings choice and thins out practice
    helping = [k for k in found.values() if k.polarity == "reinforcing" and not k.loop.startswith(("R6", "R7"))]
    assert len(helping) >= 7
    assert (found["R6 entry and variety"].output < 0.02).all()
    assert all((k.output < 1e-9).all() for k in helping)
    for name in ("B5 obsolescence", "B7 forgetting"):
        assert (found[name].output > 0).all()
    assert found["B10 payback of rushes"].acts == (case == "nev")  # the answer to announcements is fitted there alone


def made_up(support: list[list[float]], learned: list[list[float]]) -> TakenOver:
    years = np.arange(2010.0, 2010.0 + len(support[0]))
    rows = np.array(support), np.array(learned)
    return TakenOver("nev", "made up", 2009.0, 5.0, years, *rows, np.zeros_like(rows[0]), {2.0: np.array([np.inf])})


def test_learning_takes_over_in_the_first_year_from_which_on_it_always_weighs_more() -> None:
    found = made_up([[0.5, 0.4, 0.3, 0.2]] * 2, [[0.6, 0.1, 0.4, 0.5], [0.1, 0.1, 0.1, 0.1]])
    assert found.year.tolist() == [2012.0, np.inf]
    assert found.probability.tolist() == [0.5, 0.0, 0.5, 0.5]


def test_it_is_said_when_learning_does_not_take_over() -> None:
    words = takeover_words(made_up([[0.5, 0.5]] * 4, [[0.1, 0.1]] * 4))
    assert "does not take over from support by 2011 (in 100% of draws" in words


def test_it_is_said_when_learning_takes_over_and_how_sure_that_is() -> None:
    words = takeover_words(made_up([[0.5, 0.3, 0.1]] * 3, [[0.1, 0.4, 0.4], [0.1, 0.2, 0.4], [0.1, 0.4, 0.4]]))
    assert "takes over from support in 2011 (2011 to 2012; " in words
    assert "over 2 years: never" in words


def test_support_carries_the_market_first_and_what_was_learned_later(nev: Drawn) -> None:
    found = takeover(nev, LoopStudy.load())
    assert found.probability[0] == 0
    assert found.probability[-1] == 1
    assert (found.from_support[:, 0] > 0.3).all()
    assert np.isfinite(found.year).all()
    assert set(found.others) == {2.0, 8.0}


def test_every_instrument_moves_something_in_some_industry(tried: dict[str, Instruments]) -> None:
    acting = {x.lever.instrument.name for found in tried.values() for x in found.tried if x.acts}
    assert acting == {x.name for x in InstrumentStudy.load().instruments}


@pytest.mark.parametrize("case", CASES)
def test_every_instrument_is_tried_or_said_to_be_absent(tried: dict[str, Instruments], case: str) -> None:
    found = tried[case]
    names = {x.lever.instrument.name for x in found.tried}
    assert not names & set(found.absent)
    assert names | set(found.absent) == {x.name for x in InstrumentStudy.load().instruments}
    table = instrument_table(found)
    assert set(table.loc[table["change"] == "absent", "instrument"]) == set(found.absent)
    assert any("absent" in words for words in instrument_words(found, InstrumentStudy.load()))


@pytest.mark.parametrize(
    ("case", "name"), [("nev", "purchase subsidy"), ("nev", "local subsidy"), ("nev", "purchase tax relief")]
)
def test_more_support_sells_more_and_costs_more(tried: dict[str, Instruments], case: str, name: str) -> None:
    less, more, none = (one(tried[case], name, to).moves for to in ("half", "more", "off"))
    for outcome in ("domestic sales", "fiscal outlay"):
        assert (none[outcome] < less[outcome]).all() and (less[outcome] < 0).all() and (more[outcome] > 0).all()


def test_without_a_tariff_less_is_built_and_less_is_paid(tried: dict[str, Instruments]) -> None:
    none = one(tried["pv"], "feed-in tariff", "off")
    assert (none.moves["domestic sales"] < 0).all() and (none.moves["fiscal outlay"] < 0).all()
    assert (none.delay[:, STAGES.index("share 1%")] > 0).all()


def test_dear_loans_hold_photovoltaics_up_and_cheap_ones_help(tried: dict[str, Instruments]) -> None:
    dear, cheap = (one(tried["pv"], "loans: rate of interest", to) for to in ("more", "half"))
    assert (dear.moves["domestic sales"] < 0).all() and (cheap.moves["domestic sales"] > 0).all()


@pytest.mark.parametrize(
    ("case", "name", "to", "stage"),
    [("nev", "demonstration", "off", "product"), ("nev", "basic research programmes", "off", "river crossed"),
     ("nev", "public procurement", "off", "share 1%"),
     ("nev", "export control against the industry", "on", "share 10%"),
     ("mrna", "faster approval", "off", "product"), ("mrna", "basic research programmes", "off", "river crossed")],
)  # fmt: skip
def test_an_instrument_moves_the_stage_it_is_meant_for(
    tried: dict[str, Instruments], case: str, name: str, to: str, stage: str
) -> None:
    assert (one(tried[case], name, to).delay[:, STAGES.index(stage)] > 0).all()


def test_what_rests_on_no_data_is_marked(tried: dict[str, Instruments]) -> None:
    assert not one(tried["nev"], "purchase subsidy", "half").assumption
    assert one(tried["nev"], "guidance funds", "half").assumption
    assert one(tried["nev"], "private risk capital", "on").assumption
    assert one(tried["nev"], "integration of actors", "half").assumption


def test_a_bound_that_cuts_a_change_short_is_said(tried: dict[str, Instruments]) -> None:
    assert one(tried["nev"], "pass-through of the subsidy", "more").clipped
    assert not one(tried["nev"], "pass-through of the subsidy", "half").clipped


@pytest.fixture(scope="module")
def crossed(tried: dict[str, Instruments]) -> dict[str, Barriers]:
    paths = PathStudy.load()
    return {case: barriers(drawn(case, DRAWS), found, paths) for case, found in tried.items()}


def test_waits_at_the_three_barriers_add_up_to_the_way_from_the_clock(crossed: dict[str, Barriers]) -> None:
    waits = crossed["nev"].waits
    assert [wait.barrier for wait in waits] == list(BARRIERS)
    total = sum(wait.years for wait in waits)
    np.testing.assert_allclose(total, waits[-1].ends - waits[0].begins, rtol=1e-12)
    assert all((wait.years > 0).all() for wait in waits)


def test_a_barrier_crossed_before_the_run_has_no_wait(crossed: dict[str, Barriers]) -> None:
    river, valley, sea = crossed["pv"].waits
    assert river.before and valley.before and not sea.before
    assert np.isnan(river.years).all()
    assert any("was crossed before the run starts" in words for words in barrier_words(crossed["pv"]))


def test_losses_at_barriers_are_shares(crossed: dict[str, Barriers]) -> None:
    lost = np.array([wait.lost for wait in crossed["nev"].waits])
    assert (lost > 0).all() and (lost < 1).all()


def test_policies_that_shorten_a_wait_are_named_once_and_shorten_it(crossed: dict[str, Barriers]) -> None:
    for barrier in (VALLEY, SEA):
        best = strongest_levers(crossed["nev"], barrier)
        names = [x.tried.lever.instrument.name for x in best]
        assert best and len(set(names)) == len(names)
        assert all(interval(x.years)[1] < 0 for x in best)
    assert "purchase subsidy" in [x.tried.lever.instrument.name for x in strongest_levers(crossed["nev"], SEA)]


def test_a_case_without_a_posterior_runs_once_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(case: str) -> None:
        raise AbsentError(f"{case}.toml: no accepted fit")

    monkeypatch.setattr(runs, "accepted_posterior", none)
    of = drawn("nev", 50)
    assert of.count == 1 and not of.posterior
    assert "no interval (nev.toml: no accepted fit)" in of.basis


def test_a_posterior_that_cannot_be_used_is_refused_and_never_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(case: str) -> None:
        raise InputError(f"{case}_posterior.nc: damaged")

    monkeypatch.setattr(runs, "accepted_posterior", damaged)
    with pytest.raises(InputError, match=r"nev_posterior\.nc: damaged"):
        drawn("nev", 50)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [('cut.all = { "learning by doing" = "own" }', "", "needs either a cut or a reason"),
     ("<research>", "<reserch>", "there is no segment <reserch>"), ("draws = 150", "draws = 1", "draws"),
     ('name = "R2 learning by searching"', 'name = "R1 learning by doing"', "two loops are called")],
)  # fmt: skip
def test_a_wrong_study_of_loops_is_refused(tmp_path: Path, old: str, new: str, text: str) -> None:
    whole = (Path(runs.__file__).parent.parent / "studies" / "loops.toml").read_text(encoding="utf-8")
    assert old in whole
    (tmp_path / "loops.toml").write_text(whole.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(text)):
        LoopStudy.load(tmp_path / "loops.toml")


def test_the_command_of_barriers_answers_in_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["barriers", "nev", "--draws", "3", "--json", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert [row["barrier"] for row in answer["waits"]] == list(BARRIERS)
    assert (tmp_path / "results" / "barriers.csv").exists() and (tmp_path / "figures" / "barriers.png").exists()


def test_the_command_of_instruments_prints_a_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["instruments", "mrna", "--draws", "3", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "years to product" in result.output and "absent:" in result.output
    assert (tmp_path / "results" / "instruments_mrna.csv").exists()


@pytest.mark.slow
def test_the_command_of_loops_says_when_learning_takes_over(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["loops", "nev", "--draws", "4", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "takes over from support in 201" in result.output
    assert {p.name for p in (tmp_path / "results").iterdir()} == {
        "loops_nev.csv", "takeover_nev.csv", "knockouts_nev.csv"
    }  # fmt: skip
