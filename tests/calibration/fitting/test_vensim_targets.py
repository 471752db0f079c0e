"""A target file made of Vensim's payoff, optimisation control and data fits what those fit, or is refused by line."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import stockflow
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.fit import climb
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import load_targets
from calibration.fitting.vensim_targets import Imported, to_targets
from calibration.observed.observations import observed
from calibration.observed.tables import DATA, load_table
from stockflow.errors import InputError
from stockflow.language.data_tables import read_data
from stockflow.vensim_files.files import Control, PayoffDefinition, read_control, read_payoff

EXAMPLES = Path(__file__).parents[2] / "model_files" / "vensim"


@pytest.fixture(scope="module")
def model() -> stockflow.Model:
    return stockflow.load(EXAMPLES / "diffusion.mdl")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        read()
    assert "\n" not in str(error.value)
    return str(error.value)


def imported(model: stockflow.Model | None, **given: object) -> Imported:
    payoff = given.pop("payoff", None) or read_payoff(EXAMPLES / "diffusion.vpd", model)
    control = given.pop("control", None) or read_control(EXAMPLES / "diffusion.voc", model)
    data = given.pop("data", None) or read_data(EXAMPLES / "diffusion.tab")
    assert isinstance(payoff, PayoffDefinition)
    assert isinstance(control, Control)
    return to_targets(payoff, control, data, "pv", "diffusion_data", "Here", model=model, **given)


def tables(folder: Path) -> Path:
    for name in ("deflators.csv", "deflators.toml"):
        shutil.copy(DATA / name, folder / name)
    return folder


def test_vensim_files_become_a_target_file_that_the_calibration_reads(tmp_path: Path, model: stockflow.Model) -> None:
    path, rows, _ = imported(model).write(tmp_path / "diffusion.toml", tables(tmp_path))
    targets = load_targets("pv", path)
    assert (targets.starts, targets.seed, targets.last_year, targets.response) == (3, 7, 2019, "contact rate")
    assert targets.response_grid == (0.1, 0.3, 0.9)
    one, two = targets.series
    assert (one.quantity, one.measure, one.first_year, one.last_year) == ("Installed", "year end", 2000, 2019)
    assert one.sigma == pytest.approx(0.05)
    assert "installed error = 0.05 of *CGL" in one.scope
    flows = np.array(read_data(EXAMPLES / "diffusion.tab").columns["installation data"].values)
    assert two.sigma == pytest.approx(2.0 / np.exp(np.log(flows).mean()))
    found = observed([two.sources[0]], two.unit, folder=tmp_path)
    np.testing.assert_allclose(found.to_numpy(), flows, rtol=1e-12)
    assert 2002 not in found.index
    assert rows.name == "diffusion_data.csv"
    assert load_table("diffusion_data", tmp_path).manifest.last_year == 2019


def test_a_search_range_becomes_a_prior_of_a_quarter_of_it(tmp_path: Path, model: stockflow.Model) -> None:
    path, *_ = imported(model).write(tmp_path / "diffusion.toml", tmp_path)
    free = load_targets("pv", path).free
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
    targets = load_targets("pv", path)
    control = read_control(EXAMPLES / "diffusion.voc", model)
    bounds = {one.name: (one.low, one.high) for one in control.parameters}
    free = [Coordinate(name, prior, *bounds[name]) for name, prior in targets.free.items()]
    series = []
    for one in targets.series:
        values = observed(one.sources, one.unit, folder=tmp_path)
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
    (one,) = load_targets("pv", path).series
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
    (one,) = load_targets("pv", path).series
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
    assert load_targets("pv", path).series[0].unit == "MW"


@pytest.mark.parametrize("name", ["instaled", "market", "contact rate", ""])
def test_a_unit_of_what_the_payoff_does_not_compare_is_refused(model: stockflow.Model, name: str) -> None:
    said = refusal(lambda: imported(model, units={"INSTALLED": "GW", name: "MW"}))
    assert f"diffusion.vpd: unit of a variable: unknown compared variable {name!r}" in said


@pytest.mark.parametrize("year", [2515, 3008, 20080, 1e5, 201, 0, -2011])
def test_a_year_that_no_observation_can_have_is_refused(tmp_path: Path, model: stockflow.Model, year: float) -> None:
    payoff = read_payoff(written(tmp_path, "a.vpd", "*C\nInstalled|d/1\n"), model)
    data = read_data(written(tmp_path, "d.csv", f"Time,d\n{year},2\n"))
    assert f"observed at time {year:g}; expected a year from 1700 to 2200" in refusal(
        lambda: imported(model, payoff=payoff, data=data, measure="year end")
    )


def test_response_starts_and_seed_may_be_given(tmp_path: Path, model: stockflow.Model) -> None:
    made = imported(model, response="MARKET", starts=5, seed=9)
    targets = load_targets("pv", made.write(tmp_path / "t.toml", tmp_path)[0])
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
