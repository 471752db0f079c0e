"""Vensim's payoff, optimisation, sensitivity and changes files say here what they say there, or are refused by line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import stockflow
from stockflow.errors import InputError, UnknownNameError
from stockflow.language.data_tables import read_data
from stockflow.vensim_files.files import changes, read_control, read_payoff
from stockflow.vensim_files.sampling import read_sensitivity, samples

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
        (":SEED=1e300\n1<=x<=2\n", 1, "option SEED is 1e300; expected a whole number from 0 to 2147483647"),
        (":MAX_ITERATIONS=-1\n1<=x<=2\n", 1, "option MAX_ITERATIONS is -1; expected a whole number from 0"),
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
    run = model.runs(values, ["Installed", "contact rate"], until=2001.0).dataset()
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
