"""Vensim's payoff, optimisation, sensitivity and changes files say here what they say there, or are refused by line."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import stockflow
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.fit import climb
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import load_targets
from calibration.observed.observations import observed
from calibration.observed.tables import DATA, load_table
from calibration.vensim.data import read_data
from calibration.vensim.files import Control, PayoffDefinition, changes, read_control, read_payoff
from calibration.vensim.sampling import read_sensitivity, samples
from calibration.vensim.targets import Imported, to_targets
from models.case import load_case
from models.run import run_case
from stockflow.errors import InputError, UnknownNameError

EXAMPLES = Path(__file__).parents[2] / "model_files" / "vensim"
EXAMPLE = EXAMPLES / "diffusion.mdl"


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(EXAMPLE)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        read()
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- payoff definitions ------------------------------------------------------------------------------------------


def test_a_payoff_type_holds_for_all_elements_until_the_next(tmp_path: Path) -> None:
    text = "*C\nwolves|measured wolves/1\nhares|measured hares/.5\n*CLR\na|b/scale\n*PF\nprofit/-1\n*RI\nlog prior/1\n"
    found = read_payoff(written(tmp_path, "a.vpd", text)).elements
    assert [(one.kind, one.transform, one.distribution, one.timing) for one in found] == [
        ("calibration", "", "", ""),
        ("calibration", "", "", ""),
        ("calibration", "L", "R", ""),
        ("policy", "", "", "F"),
        ("prior", "", "", "I"),
    ]
    assert [(one.variable, one.data, one.weight) for one in found][:3] == [
        ("wolves", "measured wolves", 1.0),
        ("hares", "measured hares", 0.5),
        ("a", "b", "scale"),
    ]
    assert [one.line.number for one in found] == [2, 3, 5, 7, 9]


@pytest.mark.parametrize("code", ["*CG", "*CK", "*CR", "*CGL", "*CLG", "*CP", "*CB", "*CX", "*cg", "* C"])
def test_every_kind_of_calibration_is_read(tmp_path: Path, code: str) -> None:
    (one,) = read_payoff(written(tmp_path, "a.vpd", f"{code}\nx|y/2\n")).elements
    assert one.kind == "calibration"
    assert sorted(one.transform + one.distribution) == sorted(code.strip("* ").upper()[1:])


@pytest.mark.parametrize(("code", "kind"), [("*Calibration", "calibration"), ("*policy", "policy"), ("*PLI", "policy")])
def test_a_type_may_be_a_word(tmp_path: Path, code: str, kind: str) -> None:
    element = "x|y/2" if kind == "calibration" else "x/2"
    assert read_payoff(written(tmp_path, "a.vpd", f"{code}\n{element}\n")).elements[0].kind == kind


def test_quoted_names_may_hold_what_separates(tmp_path: Path) -> None:
    text = '*C\n"cost/price|net"[north] | "data (a/b)" / "weight/1"\n'
    (one,) = read_payoff(written(tmp_path, "a.vpd", text)).elements
    assert (one.variable, one.data, one.weight) == ("cost/price|net[north]", "data (a/b)", "weight/1")


def test_comments_and_continued_lines_do_not_move_the_line_numbers(tmp_path: Path) -> None:
    text = "{one\ntwo}\n*C {type}\n\nwolves\\\n  |measured wolves/1\nhares|measured hares/0\n"
    assert "line 7: weight 0" in refusal(lambda: read_payoff(written(tmp_path, "a.vpd", text)))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x|y/1\n", 1, "before any type"),
        ("*Q\nx|y/1\n", 1, "unknown payoff type 'Q'"),
        ("*CGR\nx|y/1\n", 1, "unknown payoff type 'CGR'"),
        ("*CF\nx|y/1\n", 1, "unknown payoff type 'CF'"),
        ("*PG\nx/1\n", 1, "unknown payoff type 'PG'"),
        ("*C\nx/1\n", 2, "expected variable|data/weight"),
        ("*C\nx|y\n", 2, "expected variable|data/weight"),
        ("*C\nx|/1\n", 2, "expected variable|data/weight"),
        ("*P\nx|y/1\n", 2, "expected variable/weight"),
        ("*P\n{}\nx\n", 3, "expected variable/weight"),
        ("*C\nx|y/-2\n", 2, "weight -2 is not above 0"),
        ("*C\nx|y/nan\n", 2, "'nan' is no name"),
        ("*C\nx|y/1e999\n", 2, "'1e999' is no name"),
        ("*C\n{x|y/1\n", 2, "comment brace"),
        ("*C\nx|y/1}\n", 2, "comment brace"),
    ],
)
def test_a_payoff_that_cannot_be_read_is_refused_by_line(
    tmp_path: Path, model: stockflow.Model, text: str, line: int, said: str
) -> None:
    told = refusal(lambda: read_payoff(written(tmp_path, "a.vpd", text.replace("x", "Installed")), model))
    assert f"a.vpd: line {line}: " in told
    assert said in told


def test_a_payoff_without_elements_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    assert "no payoff element" in refusal(lambda: read_payoff(written(tmp_path, "a.vpd", "*C\n{nothing}\n")))
    assert "none.vpd: cannot be read" in refusal(lambda: read_payoff(tmp_path / "none.vpd"))
    (tmp_path / "b.vpd").write_bytes(b"*C\n\xff|y/1\n")
    assert "not UTF-8" in refusal(lambda: read_payoff(tmp_path / "b.vpd"))


def test_a_name_the_model_does_not_have_is_answered_with_the_nearest(tmp_path: Path, model: stockflow.Model) -> None:
    path = written(tmp_path, "a.vpd", "*C\ninstaled|d/1\n")
    with pytest.raises(UnknownNameError, match=r"a\.vpd: line 2: .*'instaled'; did you mean 'Installed'"):
        read_payoff(path, model)
    with pytest.raises(UnknownNameError, match=r"line 2: .*'eror'"):
        read_payoff(written(tmp_path, "b.vpd", "*C\nInstalled|d/eror\n"), model)


# ---- optimisation controls ---------------------------------------------------------------------------------------


def test_options_are_known_by_four_letters_in_any_spelling(tmp_path: Path) -> None:
    text = ":opti = powell\n:MULT=Random\n:Max Iterations=500\n:SEED=1\n:SEED=2\n:STOCHASTIC\n:MCKNN=0\n:COM x\n a \n"
    control = read_control(written(tmp_path, "a.voc", text))
    assert control.options == {
        "OPTIMIZER": "powell",
        "MULTIPLE_START": "Random",
        "MAX_ITERATIONS": 500.0,
        "SEED": 2.0,
        "STOCHASTIC": "",
        "MCKNN": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "low", "start", "high"),
    [
        ("0.1 <= x = 0.3 <= 2", 0.1, 0.3, 2.0),
        ("0.1<=x<=2", 0.1, None, 2.0),
        ("-1e-3<=x = 4", -1e-3, 4.0, None),
        ("x = 4 <= 5", None, 4.0, 5.0),
        ("1 <= x", 1.0, None, None),
        ("x <= 5", None, None, 5.0),
        ("x = 4", None, 4.0, None),
        ("x", None, None, None),
        ("least <= x = 4 <= most", "least", 4.0, "most"),
        ("least <= x = 4", "least", 4.0, None),
        ("x = 4 <= most", None, 4.0, "most"),
    ],
)
def test_either_bound_and_the_start_may_be_left_out(
    tmp_path: Path, text: str, low: object, start: object, high: object
) -> None:
    (one,) = read_control(written(tmp_path, "a.voc", text)).parameters
    assert (one.name, one.low, one.start, one.high) == ("x", low, start, high)


def test_a_tolerance_stands_after_the_bounds(tmp_path: Path) -> None:
    text = "0 <= a[north] = 1 <= 2 | FRAC=0.01\n0 <= b = 1 <= 2 FRAC=0.1\n0<=c<=9|DIS=1\n"
    assert [one.extra for one in read_control(written(tmp_path, "a.voc", text)).parameters] == [
        "FRAC=0.01",
        "FRAC=0.1",
        "DIS=1",
    ]


def test_a_bound_that_is_a_constant_takes_its_value_from_the_model(model: stockflow.Model) -> None:
    control = read_control(EXAMPLES / "diffusion.voc", model)
    assert [(one.name, one.low, one.start, one.high) for one in control.parameters] == [
        ("contact rate", 0.1, 0.3, 0.9),
        ("market", 10.0, None, 500.0),
        ("initially installed", 0.5, 1.0, 2.0),
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (":OPTIMISER=Powell\n1<=x<=2\n", 1, ""),
        (":NONSENSE=1\n1<=x<=2\n", 1, "unknown option 'NONSENSE'"),
        (":OPTIMIZER=Newton\n1<=x<=2\n", 1, "expected one of POWELL, OFF, MCMC"),
        (":SEED=1.5\n1<=x<=2\n", 1, "expected a whole number"),
        (":RESTART_MAX=many\n1<=x<=2\n", 1, "option RESTART_MAX is 'many'"),
        (":MCLIMIT=\n1<=x<=2\n", 1, "option MCLIMIT is ''"),
        ("1<=x<=2\n:SEED=1\n", 2, "an option after a parameter"),
        ("1<=x<=2\n2<=X<=3\n", 2, "searched twice"),
        ("3<=x<=2\n", 1, "low 3 is above high 2"),
        ("1<=x=4<=2\n", 1, "start 4 of x is outside its bounds"),
        ("1<=x=0\n", 1, "start 0 of x is outside its bounds"),
        ("1<=x=y<=2\n", 1, "start of x is 'y'"),
        ("1<=x=<=2\n", 1, "expected low <= name = start <= high"),
        ("1<=<=2\n", 1, "expected low <= name = start <= high"),
        ("1<=x<=2<=3\n", 1, "expected low <= name = start <= high"),
        ("least<=x\n", 1, "two names and no number"),
        ("1<=2<=3\n", 1, "'2' is no name"),
    ],
)
def test_a_control_that_cannot_be_read_is_refused_by_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    if not said:  # the first four letters are what counts
        assert read_control(written(tmp_path, "a.voc", text)).options == {"OPTIMIZER": "Powell"}
        return
    told = refusal(lambda: read_control(written(tmp_path, "a.voc", text)))
    assert f"a.voc: line {line}: " in told
    assert said in told


def test_a_search_needs_parameters_that_are_constants(tmp_path: Path, model: stockflow.Model) -> None:
    assert "no parameter" in refusal(lambda: read_control(written(tmp_path, "a.voc", ":SEED=1\n")))
    told = refusal(lambda: read_control(written(tmp_path, "b.voc", "\n0<=Installed<=1\n"), model))
    assert "b.voc: line 2: Installed is not a constant" in told
    with pytest.raises(UnknownNameError, match=r"line 1: .*'markt'; did you mean 'market'"):
        read_control(written(tmp_path, "c.voc", "0<=markt<=1\n"), model)


# ---- changes -----------------------------------------------------------------------------------------------------


def test_a_run_with_a_changes_file_is_the_run_with_those_constants(model: stockflow.Model) -> None:
    found = changes(EXAMPLES / "diffusion.cin", model)
    assert found == {"market": 120.0, "contact rate": 0.45}
    changed = model.with_constants(found).run()
    same = model.run({"market": 120, "contact rate": 0.45})
    assert changed["Installed"].values.tolist() == same["Installed"].values.tolist()
    assert changed["Installed"].values[-1] > model.run()["Installed"].values[-1] + 10


def test_the_outcome_of_an_optimisation_is_a_changes_file(model: stockflow.Model) -> None:
    assert changes(EXAMPLES / "diffusion.out", model) == {"contact rate": 0.412, "market": 96.5}


def test_changes_are_read_past_comments_and_in_quotes(tmp_path: Path) -> None:
    text = '{ = 5}\nA_B = 2\n"x (y)"[n] = -.5\n'
    assert changes(written(tmp_path, "a.cin", text)) == {"A_B": 2.0, "x (y)[n]": -0.5}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("market = 1\ncontact rate = much\n", 2, "'much'"),
        ("market = 1\ncontact rate = 0.3\nMarket = 2\n", 3, "market is changed twice; expected each constant once"),
        ("market\n", 1, "is given no value"),
        ("1 <= market <= 3\n", 1, "is given no value"),
        ("market = 1, 2\n", 1, "a list of values"),
        ("market((0,0),(1,1))\n", 1, "a lookup"),
        ("market :IS: 'big'\n", 1, "a string"),
        ("FINAL TIME = 2030\n", 1, "a control variable"),
        ("Installed = 3\n", 1, "not a constant"),
        ("market = 2000\n", 1, "1000"),
        ("market = inf\n", 1, "'inf'"),
        ("= 3\n", 1, "expected"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_line(
    tmp_path: Path, model: stockflow.Model, text: str, line: int, said: str
) -> None:
    told = refusal(lambda: changes(written(tmp_path, "a.cin", text), model))
    assert f"a.cin: line {line}: " in told
    assert said in told


def test_a_changes_file_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    assert "changes nothing" in refusal(lambda: changes(written(tmp_path, "a.cin", "{market = 3}\n")))


def test_a_shipped_case_takes_a_changes_file(tmp_path: Path) -> None:
    case = load_case("pv")
    found = changes(written(tmp_path, "a.cin", "Cost Sensitivity = 2.5\n"), case.model)
    assert found == {"cost sensitivity": 2.5}
    changed, base = (one.run(until=2015.0)["Cumulative Connection"].values[-1] for one in (
        case.model.with_constants(found), case.model
    ))  # fmt: skip
    same = run_case("pv", {"cost sensitivity": 2.5}, until=2015.0)["Cumulative Connection"].values[-1]
    assert changed == pytest.approx(same, rel=1e-12)
    assert abs(changed / base - 1) > 0.01


# ---- sensitivity controls ----------------------------------------------------------------------------------------


def drawn(folder: Path, *draws: str, first: str = "4000,M,1234,,0") -> dict[str, np.ndarray]:
    return samples(read_sensitivity(written(folder, "a.vsc", "\n".join([first, *draws]))))


@pytest.mark.parametrize(
    ("draw", "law"),
    [
        ("RANDOM_UNIFORM(2,5)", stats.uniform(2, 3)),
        ("RANDOM NORMAL(-3,-1,-2.3,0.3)", stats.truncnorm(-0.7 / 0.3, 1.3 / 0.3, -2.3, 0.3)),
        ("random_triangular(2.2,5,2.2,3.5,5)", stats.triang(1.3 / 2.8, 2.2, 2.8)),
        ("RANDOM_EXPONENTIAL(0,1e9,2,3)", stats.expon(2, 3)),
        ("RANDOM_GAMMA(0,1e9,4,0,2)", stats.gamma(4, scale=0.5)),
        ("RANDOM_WEIBULL(0,1e9,2,0,1)", stats.weibull_min(2, scale=2 / math.sqrt(math.pi))),
        ("RANDOM_BETA(0,2,2,5,0,2)", stats.beta(2, 5, scale=2)),
    ],
)
@pytest.mark.parametrize("method", ["M", "L"])
def test_draws_follow_the_stated_distribution(tmp_path: Path, draw: str, law: object, method: str) -> None:
    values = drawn(tmp_path, f"x={draw}", first=f"4000,{method},1234,,0")["x"]
    assert stats.kstest(values, law.cdf).pvalue > 0.01
    assert stats.kstest(values + 0.2 * values.std(), law.cdf).pvalue < 1e-3


@pytest.mark.parametrize(
    ("draw", "law", "low", "high"),
    [
        ("RANDOM_POISSON(1,9,4,0,1)", stats.poisson(4), 1, 9),
        ("RANDOM_BINOMIAL(0,10,.3,10,0,1)", stats.binom(10, 0.3), 0, 10),
        ("RANDOM_NEGATIVE_BINOMIAL(3,20,.5,3,0,1)", stats.nbinom(3, 0.5, loc=3), 3, 20),
    ],
)
def test_counts_follow_the_stated_distribution_between_their_bounds(
    tmp_path: Path, draw: str, law: object, low: int, high: int
) -> None:
    values = drawn(tmp_path, f"x={draw}")["x"]
    counts = np.arange(low, high + 1)
    expected = law.pmf(counts) / law.pmf(counts).sum() * len(values)
    seen = np.array([(values == one).sum() for one in counts])
    assert seen.sum() == len(values)
    kept = expected > 5
    kept_expected = expected[kept] * seen[kept].sum() / expected[kept].sum()
    assert stats.chisquare(seen[kept], kept_expected).pvalue > 0.01


def test_counts_are_stretched_and_shifted(tmp_path: Path) -> None:
    values = drawn(tmp_path, "x=RANDOM_BINOMIAL(0.1,0.3,.5,10,0,0.1)")["x"]
    assert sorted({round(one, 12) for one in values.tolist()}) == [0.1, 0.2, 0.3]


def test_a_latin_hypercube_has_one_draw_in_every_share(tmp_path: Path) -> None:
    values = drawn(tmp_path, "x=RANDOM_UNIFORM(0,1)", "y=RANDOM_UNIFORM(0,1)", first="100,L,5")
    for one in values.values():
        assert sorted(np.floor(one * 100).astype(int)) == list(range(100))
    assert abs(np.corrcoef(values["x"], values["y"])[0, 1]) < 0.3


def test_the_same_seed_gives_the_same_draws_and_arguments_go_first(tmp_path: Path) -> None:
    control = read_sensitivity(EXAMPLES / "diffusion.vsc")
    one, two, other = samples(control), samples(control, seed=1234), samples(control, runs=7, seed=5)
    assert all((one[name] == two[name]).all() for name in one)
    assert {len(values) for values in other.values()} == {7}
    assert {len(values) for values in one.values()} == {400}


def test_a_batch_of_drawn_runs_has_the_stated_spread(model: stockflow.Model) -> None:
    control = read_sensitivity(EXAMPLES / "diffusion.vsc", model)
    values = samples(control)
    run = model.batch(values, ["Installed", "contact rate"], until=2001.0)
    assert bool(run["finite"].all())
    law = stats.truncnorm(-2, 3, 0.3, 0.1)
    assert stats.kstest(run["contact rate"].values[:, 0], law.cdf).pvalue > 0.01
    assert stats.kstest(run["Installed"].values[:, 0], stats.uniform(0.5, 1.5).cdf).pvalue > 0.01


def test_vectors_are_combined_and_a_grid_takes_the_middle_of_equal_shares(tmp_path: Path) -> None:
    stepped = drawn(tmp_path, "x=VECTOR(1,2,0.5)", "y=VECTOR(0,0.3,0.1)", first=",M")
    assert sorted(zip(*(one.round(9).tolist() for one in stepped.values()), strict=True)) == [
        (x, y) for x in (1.0, 1.5, 2.0) for y in (0.0, 0.1, 0.2, 0.3)
    ]
    grid = drawn(tmp_path, "x=RANDOM_UNIFORM(0,1)", "y=RANDOM_UNIFORM(0,10)", first="2,G")
    assert sorted(zip(*(one.tolist() for one in grid.values()), strict=True)) == [
        (0.25, 2.5),
        (0.25, 7.5),
        (0.75, 2.5),
        (0.75, 7.5),
    ]


def test_one_at_a_time_holds_the_others_at_the_model(tmp_path: Path, model: stockflow.Model) -> None:
    text = "3,U,9\nmarket=VECTOR(50,60,5)\ncontact rate=RANDOM_UNIFORM(0.1,0.2)\n"
    control = read_sensitivity(written(tmp_path, "a.vsc", text), model)
    values = samples(control, model=model)
    assert values["market"].tolist() == [50.0, 55.0, 60.0, 80.0, 80.0, 80.0]
    assert values["contact rate"][:3].tolist() == [0.3, 0.3, 0.3]
    assert ((values["contact rate"][3:] > 0.1) & (values["contact rate"][3:] < 0.2)).all()
    assert "needs the model" in refusal(lambda: samples(control))


def test_samples_may_come_from_a_file_whose_gaps_repeat_the_row_above(tmp_path: Path, model: stockflow.Model) -> None:
    written(tmp_path, "s.tab", "market\tcontact_rate\n50\t0.2\n60\t\n\t0.4\n")
    control = read_sensitivity(written(tmp_path, "a.vsc", ",F,,s.tab,0\nmarket=RANDOM_UNIFORM(1,2)\n"))
    values = samples(control, model=model)
    assert {name: one.tolist() for name, one in values.items()} == {
        "market": [50.0, 60.0, 60.0],
        "contact rate": [0.2, 0.2, 0.4],
    }
    assert "4 runs asked for, but it has 3 rows" in refusal(lambda: samples(control, runs=4))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("market\tcontact rate\n50\tx\n", 2, "contact rate is 'x'"),
        ("market\tcontact rate\n50\t\n", 2, "none above to repeat"),
        ("market\tcontact rate\n50\t1\t2\n", 2, "3 values"),
        ("market\tMARKET\n50\t1\n", 1, "stands twice"),
        ("market\tcontact rate\n\n5000\t1\n", 3, "1000"),
        ("market\tInstalled\n50\t1\n", 1, "not a constant"),
    ],
)
def test_a_bad_file_of_samples_is_refused_by_line(
    tmp_path: Path, model: stockflow.Model, text: str, line: int, said: str
) -> None:
    written(tmp_path, "s.tab", text)
    control = read_sensitivity(written(tmp_path, "a.vsc", ",F,,s.tab,0\n"))
    told = refusal(lambda: samples(control, model=model))
    assert f"s.tab: line {line}: " in told
    assert said in told


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x=RANDOM_UNIFORM(1,2)\n", 1, "not the first line"),
        ("0,M\nx=RANDOM_UNIFORM(1,2)\n", 1, "number of runs is 0"),
        ("1.5,M\nx=RANDOM_UNIFORM(1,2)\n", 1, "number of runs is 1.5"),
        ("10,Q\nx=RANDOM_UNIFORM(1,2)\n", 1, "method is 'Q'"),
        ("10,M,x\nx=RANDOM_UNIFORM(1,2)\n", 1, "seed is 'x'"),
        ("10,M,1.5\nx=RANDOM_UNIFORM(1,2)\n", 1, "seed is 1.5"),
        ("10,F,1\n", 1, "method F without a file"),
        ("10,M,1,,2\nx=RANDOM_UNIFORM(1,2)\n", 1, "warnings '2'"),
        ("10,M,1,,0,7\nx=RANDOM_UNIFORM(1,2)\n", 1, "not the first line"),
        ("10,M\nx=RANDOM_LOGNORMAL(1,2,3,4)\n", 2, "unknown distribution 'RANDOM_LOGNORMAL'"),
        ("10,M\nx=3\n", 2, "expected name=DISTRIBUTION(min,max,...)"),
        ("10,M\nx RANDOM_UNIFORM(1,2)\n", 2, "expected name=DISTRIBUTION(min,max,...)"),
        ("10,M\nx=RANDOM_UNIFORM(1,2,3)\n", 2, "expected RANDOM UNIFORM(min,max)"),
        ("10,M\nx=RANDOM_UNIFORM(1,b)\n", 2, "max of RANDOM UNIFORM is 'b'"),
        ("10,M\nx=RANDOM_UNIFORM(2,2)\n", 2, "min 2 is not below max 2"),
        ("10,M\nx=RANDOM_NORMAL(1,2,1,0)\n", 2, "sd of RANDOM NORMAL is 0"),
        ("10,M\nx=RANDOM_TRIANGULAR(1,2,1,3,2)\n", 2, "start, peak and stop are not in order"),
        ("10,M\nx=RANDOM_BINOMIAL(0,9,2,3,0,1)\n", 2, "P of RANDOM BINOMIAL is 2"),
        ("10,M\nx=RANDOM_BINOMIAL(0,9,.2,1.5,0,1)\n", 2, "N of RANDOM BINOMIAL is 1.5"),
        ("10,M\nx=VECTOR(1,2,0)\n", 2, "increment of VECTOR is 0"),
        ("10,M\nx=RANDOM_UNIFORM(1,2)\nX=RANDOM_UNIFORM(1,2)\n", 3, "drawn twice"),
        ("10,M\nx=VECTOR(1,2,1)\ny=RANDOM_UNIFORM(1,2)\n", 2, "a VECTOR beside"),
        ("10,M\nx=RANDOM_NORMAL(100,101,0,1)\n", 2, "no share of RANDOM NORMAL"),
        ("10,M\nx=RANDOM_POISSON(1.2,1.8,3,0,1)\n", 2, "no share of RANDOM POISSON"),
    ],
)
def test_a_sensitivity_control_that_cannot_be_drawn_is_refused_by_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    told = refusal(lambda: samples(read_sensitivity(written(tmp_path, "a.vsc", text))))
    assert f"a.vsc: line {line}: " in told
    assert said in told


def test_a_control_that_draws_nothing_or_by_chance_is_refused(tmp_path: Path, model: stockflow.Model) -> None:
    assert "empty" in refusal(lambda: read_sensitivity(written(tmp_path, "a.vsc", "\n")))
    assert "draws no constant" in refusal(lambda: read_sensitivity(written(tmp_path, "b.vsc", "10,M\n")))
    assert "give a seed above 0" in refusal(lambda: drawn(tmp_path, "x=RANDOM_UNIFORM(0,1)", first="10,M,0"))
    assert "give a seed above 0" in refusal(lambda: drawn(tmp_path, "x=RANDOM_UNIFORM(0,1)", first="10,M,-5"))
    wide = written(tmp_path, "c.vsc", "9,M\nmarket=RANDOM_UNIFORM(0,2000)\n")
    assert "c.vsc: line 2: " in refusal(lambda: read_sensitivity(wide, model))
    many = [f"x{i}=RANDOM_UNIFORM(0,1)" for i in range(5)]
    assert "combinations" in refusal(lambda: drawn(tmp_path, *many, first="100,G"))


# ---- tables of data ----------------------------------------------------------------------------------------------


def test_time_may_run_down_or_across(tmp_path: Path) -> None:
    down = read_data(written(tmp_path, "a.csv", "Time,stock,flow\n2000,1,\n2001,2,5e-1\n"))
    across = read_data(written(tmp_path, "b.tab", "Time (Year)\t2000\t2001\nstock\t1\t2\nflow\t\t.5\n"))
    for data in (down, across):
        assert {name: (one.times, one.values) for name, one in data.columns.items()} == {
            "stock": ((2000.0, 2001.0), (1.0, 2.0)),
            "flow": ((2001.0,), (0.5,)),
        }


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.csv", "Time,x\n2000,one\n", "a.csv: line 2, column 2: 'one'"),
        ("a.csv", "Time,x\n2000,1\n2000,2\n", "a.csv: line 3, column 1: time 2000"),
        ("a.csv", "Time,x,X\n2000,1,2\n", "a.csv: line 1, column 3: 'X' stands twice"),
        ("a.csv", "Time,x,\n2000,1,2\n", "a.csv: line 1, column 3: a series without a name"),
        ("a.csv", "Time,x,y\n2000,1,\n", "a.csv: line 1, column 3: 'y' has no values"),
        ("a.csv", "When,x\n2000,1\n", "a.csv: line 1: first cell is 'When'"),
        ("a.csv", "Time,x\n2000,1,3\n", "a.csv: line 2: 3 cells"),
        ("a.csv", "Time,x\n", "a.csv: needs a first row"),
        ("b.tab", "Time\t2000\t2001\n\nx\t1\ttwo\n", "b.tab: line 3, column 3: 'two'"),
        ("b.tab", "Time\t2000\t2001\nx\t1\t2\nx\t1\t2\n", "b.tab: line 3, column 1: 'x' stands twice"),
    ],
)
def test_a_bad_table_of_data_is_refused_by_line_and_column(tmp_path: Path, name: str, text: str, place: str) -> None:
    assert place in refusal(lambda: read_data(written(tmp_path, name, text)))


# ---- target files ------------------------------------------------------------------------------------------------


def imported(model: stockflow.Model | None, **given: object) -> Imported:
    payoff = given.pop("payoff", None) or read_payoff(EXAMPLES / "diffusion.vpd", model)
    control = given.pop("control", None) or read_control(EXAMPLES / "diffusion.voc", model)
    data = given.pop("data", None) or read_data(EXAMPLES / "diffusion.tab")
    assert isinstance(payoff, PayoffDefinition)
    assert isinstance(control, Control)
    return to_targets(payoff, control, data, "diffusion", "diffusion_data", "Here", model=model, **given)


def tables(folder: Path) -> Path:
    for name in ("deflators.csv", "deflators.toml"):
        shutil.copy(DATA / name, folder / name)
    return folder


def test_vensim_files_become_a_target_file_that_the_calibration_reads(tmp_path: Path, model: stockflow.Model) -> None:
    path, rows, _ = imported(model).write(tmp_path / "diffusion.toml", tables(tmp_path))
    targets = load_targets("diffusion", path)
    assert (targets.starts, targets.seed, targets.last_year, targets.response) == (3, 7, 2019, "contact rate")
    assert targets.response_grid == (0.1, 0.3, 0.9)
    one, two = targets.series
    assert (one.quantity, one.measure, one.first_year, one.last_year) == ("Installed", "year end", 2000, 2019)
    assert one.sigma == pytest.approx(0.05)
    assert "installed error = 0.05 of *CGL" in one.scope
    flows = np.array(read_data(EXAMPLES / "diffusion.tab").columns["installation data"].values)
    assert two.sigma == pytest.approx(2.0 / np.exp(np.log(flows).mean()))
    found = observed([two.sources[0].source()], two.unit, folder=tmp_path)
    np.testing.assert_allclose(found.to_numpy(), flows, rtol=1e-12)
    assert 2002 not in found.index
    assert rows.name == "diffusion_data.csv"
    assert load_table("diffusion_data", tmp_path).manifest.last_year == 2019


def test_a_search_range_becomes_a_prior_of_a_quarter_of_it(tmp_path: Path, model: stockflow.Model) -> None:
    path, *_ = imported(model).write(tmp_path / "diffusion.toml", tmp_path)
    free = load_targets("diffusion", path).free
    assert (free["contact rate"].shape, free["contact rate"].centre) == ("normal", 0.3)
    assert free["contact rate"].spread == pytest.approx(0.2)
    assert (free["market"].shape, free["market"].centre) == ("lognormal", 80.0)
    assert free["market"].spread == pytest.approx(math.log(50) / 4)
    assert "search range 10 to 500 in diffusion.voc line 12" in free["market"].source
    assert "value in the model" in free["market"].source
    head = path.read_text(encoding="utf-8").split("case =")[0]
    assert "Read from diffusion.vpd, diffusion.voc, diffusion.tab." in head
    for left in ("OPTIMIZER=Powell", "MCLIMIT=5000", "initially installed | FRAC=0.001"):
        assert left in head


def test_the_imported_targets_find_what_made_the_data(tmp_path: Path, model: stockflow.Model) -> None:
    path, *_ = imported(model).write(tmp_path / "diffusion.toml", tables(tmp_path))
    targets = load_targets("diffusion", path)
    control = read_control(EXAMPLES / "diffusion.voc", model)
    bounds = {one.name: (one.low, one.high) for one in control.parameters}
    free = [Coordinate(name, prior, *bounds[name]) for name, prior in targets.free.items()]
    series = []
    for one in targets.series:
        values = observed([source.source() for source in one.sources], one.unit, folder=tmp_path)
        errors = np.full(len(values), one.sigma)
        series.append(FittedSeries(one, values.index.to_numpy(), values.to_numpy(), errors))
    payoff = Payoff(model, free, series)
    best, _ = climb(payoff, payoff.space.scatter(2, targets.seed))
    # the example's data are a run with 0.4, 100 and 1, with errors of 3%
    np.testing.assert_allclose(payoff.space.values(best)[0, :3], [0.4, 100.0, 1.0], rtol=0.05)


@pytest.mark.parametrize(
    ("code", "weight", "sigma"),
    [("C", "4", 0.25), ("CG", "0.25", 0.25), ("CK", "0.0625", 0.25), ("CL", "4", 0.25), ("CLK", "0.0625", 0.25)],
)
def test_a_weight_is_what_its_type_says(
    tmp_path: Path, model: stockflow.Model, code: str, weight: str, sigma: float
) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", f"*{code}\nInstalled|d/{weight}\n"), model)
    data = read_data(written(tmp_path, "d.csv", "Time,d\n2001,2\n2002,8\n"))
    path, *_ = imported(model, payoff=payoff, data=data).write(tmp_path / "t.toml", tmp_path)
    (one,) = load_targets("diffusion", path).series
    assert one.sigma == pytest.approx(sigma if "L" in code else sigma / 4)


@pytest.mark.parametrize(
    ("measure", "times", "how", "years"),
    [
        ("at the time", (2001, 2004), "year end", (2000, 2003)),
        ("at the time", (2001.5, 2004.5), "mid year", (2001, 2004)),
        ("mid year", (2001, 2004), "mid year", (2001, 2004)),
        ("year end", (2001, 2004), "year end", (2001, 2004)),
    ],
)
def test_a_value_is_compared_with_the_run_when_it_was_observed(
    tmp_path: Path,
    model: stockflow.Model,
    measure: str,
    times: tuple[float, float],
    how: str,
    years: tuple[int, int],
) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", "*CL\nInstalled|d/10\n"), model)
    data = read_data(written(tmp_path, "d.csv", f"Time,d\n{times[0]},2\n{times[1]},3\n"))
    made = imported(model, payoff=payoff, data=data, measure=measure)
    path, *_ = made.write(tmp_path / "t.toml", tables(tmp_path))
    (one,) = load_targets("diffusion", path).series
    assert (one.measure, one.first_year, one.last_year) == (how, *years)
    if measure == "at the time":
        fitted = FittedSeries(one, np.array(years), np.array([2.0, 3.0]), np.array([0.1, 0.1]))
        run = model.run()["Installed"]
        payoff_of = Payoff(model, [], [fitted])
        read = payoff_of.series_values(payoff_of.space.centre)[0][0]
        if how == "year end":  # a half is read between the ends of its year
            np.testing.assert_allclose(read, run.sel(time=list(times)).values, rtol=1e-12)


@pytest.mark.parametrize(
    ("vpd", "place"),
    [
        ("*P\nInstalled/1\n", "a.vpd: line 2: *P is a policy payoff"),
        ("*RI\nInstalled/1\n", "a.vpd: line 2: *RI is a prior payoff"),
        ("*CR\nInstalled|installed data/1\n", "a.vpd: line 2: *CR has errors"),
        ("*CX\nInstalled|installed data/1\n", "a.vpd: line 2: *CX has errors"),
        (
            "*C\nInstalled|instaled data/1\n",
            "a.vpd: line 2: diffusion.tab: unknown data series 'instaled data'",
        ),
        ("*C\nInstalled|installed data/contact rate\n", "a.vpd: line 2: weight contact rate is itself searched for"),
        ("*C\nInstalled|installed data/installation\n", "a.vpd: line 2: installation is not a constant"),
        ("*C\nInstalled|installed data/1\nInstalled|installed data/2\n", "a.vpd: line 3: data installed data"),
    ],
)
def test_what_a_target_file_cannot_say_is_refused_by_line(
    tmp_path: Path, model: stockflow.Model, vpd: str, place: str
) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", vpd), model)
    assert place in refusal(lambda: imported(model, payoff=payoff))


@pytest.mark.parametrize(
    ("voc", "place"),
    [
        ("contact rate = 0.3 <= 1\n", "a.voc: line 1: contact rate is searched without bounds"),
        ("\n0.1 <= contact rate = 0.3\n", "a.voc: line 2: contact rate is searched without bounds"),
        ("0.3 <= contact rate = 0.3 <= 0.3\n", "a.voc: line 1: contact rate is held at 0.3"),
        ("0.1 <= contact rate = 0.3 <= 0.9 | DIS=0.1\n", "a.voc: line 1: contact rate moves in steps"),
        ("0.5 <= contact rate <= 0.9\n", "a.voc: line 1: contact rate has no start within"),
        (":MULTIPLE_START=Random\n0.1 <= contact rate <= 0.9\n", "a.voc: starts again without end"),
    ],
)
def test_a_search_that_makes_no_prior_is_refused_by_line(
    tmp_path: Path, model: stockflow.Model, voc: str, place: str
) -> None:
    control = read_control(written(tmp_path, "a.voc", voc), model)
    assert place in refusal(lambda: imported(model, control=control))


@pytest.mark.parametrize(
    ("table", "measure", "place"),
    [
        ("Time,d\n2001,0\n", "at the time", "d.csv: line 2, column 2: d is 0 at time 2001"),
        ("Time,d\n2001.25,1\n", "at the time", "d.csv: line 2, column 2: d is observed at time 2001.25"),
        ("Time,d\n2001.5,1\n", "mid year", "d.csv: line 2, column 2: d is observed at time 2001.5"),
        ("Time,d\n2001,1\n2001.5,1\n", "at the time", "d.csv: line 2, column 2: d has whole times and halves"),
    ],
)
def test_data_that_are_no_yearly_positive_values_are_refused_by_cell(
    tmp_path: Path, model: stockflow.Model, table: str, measure: str, place: str
) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", "*C\nInstalled|d/1\n"), model)
    data = read_data(written(tmp_path, "d.csv", table))
    assert place in refusal(lambda: imported(model, payoff=payoff, data=data, measure=measure))


def test_units_come_from_the_model_or_are_given(tmp_path: Path, model: stockflow.Model) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", "*C\nInstalled|installed data/1\n"))
    control = read_control(written(tmp_path, "a.voc", "0.1 <= contact rate = 0.3 <= 0.9\n"))
    assert "a.vpd: line 2: the unit of Installed" in refusal(lambda: imported(None, payoff=payoff, control=control))
    told = refusal(lambda: imported(model, payoff=payoff, control=control, units={"installed": "furlong"}))
    assert "a.vpd: line 2: Installed: unit 'furlong'" in told
    assert 'expected a unit that the tables know, given by --unit "Installed=UNIT"' in told
    made = imported(None, payoff=payoff, control=control, units={"installed": "MW"})
    path, *_ = made.write(tmp_path / "t.toml", tmp_path)
    assert load_targets("diffusion", path).series[0].unit == "MW"


def test_response_starts_and_seed_may_be_given(tmp_path: Path, model: stockflow.Model) -> None:
    made = imported(model, response="MARKET", starts=5, seed=9)
    targets = load_targets("diffusion", made.write(tmp_path / "t.toml", tmp_path)[0])
    assert (targets.response, targets.starts, targets.seed) == ("market", 5, 9)
    assert targets.response_grid == (10.0, 80.0, 500.0)
    assert "did you mean 'market'" in refusal(lambda: imported(model, response="markets"))


def test_nothing_that_is_there_is_written_over(tmp_path: Path, model: stockflow.Model) -> None:
    made = imported(model)
    written(tmp_path, "diffusion_data.csv", "mine")
    assert "is there already" in refusal(lambda: made.write(tmp_path / "t.toml", tmp_path))
    assert not (tmp_path / "t.toml").exists()
    inside = tmp_path / "diffusion_data.csv"
    assert "diffusion_data.csv: cannot be made" in refusal(lambda: made.write(inside / "t.toml", inside))


def test_what_is_written_is_whole_or_nothing(tmp_path: Path, model: stockflow.Model) -> None:
    made = imported(model)
    folder = tmp_path / "new" / "folder"
    assert "none" in refusal(lambda: replace(made, table="none/table").write(folder / "t.toml", folder))
    assert list(folder.iterdir()) == []
    assert [path.parent for path in made.write(folder / "t.toml", folder)] == [folder] * 3


@pytest.mark.parametrize("table", ["", "a/b", "../../evil", "..", ".hidden", "a b", "/a"])
def test_a_table_that_is_no_plain_file_name_is_refused(model: stockflow.Model, table: str) -> None:
    payoff, control, data = (
        read_payoff(EXAMPLES / "diffusion.vpd", model),
        read_control(EXAMPLES / "diffusion.voc", model),
        read_data(EXAMPLES / "diffusion.tab"),
    )
    told = refusal(lambda: to_targets(payoff, control, data, "diffusion", table, "Here", model=model))
    assert told.startswith(f"table {table!r}: expected the name of a file")
    told = refusal(lambda: to_targets(payoff, control, data, "diffusion", "mine", " ", model=model))
    assert told == "region ' ': expected where the data were observed"
