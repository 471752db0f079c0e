"""The model files are what parts, numbers and drivers give, and nothing in them is left unexplained."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_helpers import core_of

import models
from models.case import CASES, Case, load_case
from models.files.build import build_text, main
from models.files.casefile import read_core_file
from models.files.parts import names_used, read_part
from models.policy import ANNOUNCED
from stockflow import InputError

FOLDER = Path(models.__file__).parent
# section by section: policy and actors, market, technology, support
INTERFACE = """public basic RD, public applied RD, platform spending, demonstration funding, guidance fund injection,
talent programme, technology import, RD tax credit rate, incumbent RD, private risk capital,
technology export control, approval acceleration, complement readiness, public procurement, contracted capacity,
investment push, infrastructure subsidy spending, market size, addressable demand, export demand, reference cost,
user cost, other attractiveness, promotion exposure, content per unit,
non learning cost, material price, material intensity, material production cost, domestic material share,
foreign experience inflow, foreign knowledge, support per unit, announced support per unit, committed support,
support budget, tax expenditure, procurement outlay, timing elasticity"""
READ_BY_TRIGGERS = {
    "unsubsidised user cost",
    "trigger benchmark",
}  # and by the dates of stages; no equation of the core


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return load_case(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A copy of everything the build reads, to be spoilt."""
    for name in ("vensim/parts", "cases", "policies", "scenarios"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    yield tmp_path


@pytest.mark.parametrize("name", CASES)
def test_the_committed_file_is_what_the_build_gives(name: str) -> None:
    assert (FOLDER / "vensim" / f"{name}.mdl").read_text(encoding="utf-8") == build_text(name)


def test_a_check_says_that_the_committed_files_are_up_to_date() -> None:
    said: list[str] = []
    assert main(["--check"], said.append) == 0
    assert said == []


def test_a_check_fails_until_the_files_are_written(folder: Path) -> None:
    said: list[str] = []
    assert main(["--check"], said.append, folder) == 1
    assert len(said) == len(CASES)
    assert not list(folder.glob("vensim/*.mdl"))
    assert main([], said.append, folder) == 0
    assert main(["--check"], said.append, folder) == 0
    (folder / "cases" / "core.toml").write_text("parameters = 3", encoding="utf-8")
    assert main([], said.append, folder) == 2
    assert "core.toml: parameters: " in said[-1]
    assert said[-1].endswith("(got 3)")


def test_the_core_is_the_same_text_in_every_file() -> None:
    core = core_of("pv")
    assert len(core) > 20_000
    for name in CASES:
        assert core in (FOLDER / "vensim" / f"{name}.mdl").read_text(encoding="utf-8")


def test_every_case_supplies_the_whole_interface(case: Case) -> None:
    entries = [one for group in read_part(FOLDER / "vensim" / "parts" / "core.part") for one in group.entries]
    shared = read_core_file(FOLDER / "cases" / "core.toml")
    read = [entry.read_at[1] if entry.is_driver else entry.expression for entry in entries]
    used = {name for text in read for name in names_used(text)} | {one.input for one in shared.lookups.values()}
    interface = used - {entry.name for entry in entries} - {*shared.parameters, *shared.lookups}
    assert {name.strip() for name in INTERFACE.replace("\n", " ").split(",")} <= interface
    assert interface | READ_BY_TRIGGERS <= set(case.model.variables)


def test_every_variable_has_a_unit_and_says_what_it_is(case: Case) -> None:
    for variable in case.model.variables.values():
        assert variable.unit, variable.name
        assert len(variable.documentation.split()) >= 5, f"{variable.name}: {variable.documentation!r}"


@pytest.mark.parametrize("name", ["core", *CASES])
def test_every_equation_is_explained_by_a_person(name: str) -> None:
    for group in read_part(FOLDER / "vensim" / "parts" / f"{name}.part"):
        for entry in group.entries:
            assert len(entry.comment.split()) >= 5, f"{entry.name}: {entry.comment!r}"


def test_every_equation_balances_in_units(case: Case) -> None:
    assert case.model.unbalanced() == []


def test_every_parameter_stands_in_the_file_with_its_value_and_bounds(case: Case) -> None:
    for parameter in case.parameters.values():
        variable = case.model.variable(parameter.name)
        assert variable.kind == "constant"
        assert variable.unit == parameter.unit
        assert variable.value == pytest.approx(parameter.value, rel=1e-7, abs=0)
        assert variable.limits == (parameter.low, parameter.high)


def test_stocks_are_in_title_case_and_nothing_else_is(case: Case) -> None:
    words = {"RD", "LCOE", "BOS", "RoW", "NEV", "ICE", "OM", "IP", "PV", "DC", "Chinese", "in", "under", "since", "of"}
    for variable in case.model.variables.values():
        if variable.kind == "control":
            continue
        plain = [word for word in variable.name.split() if word not in words]
        if variable.kind == "stock" and variable.name != "expiring commitments":
            assert all(word[0].isupper() for word in plain[1:] or plain), variable.name
        else:
            assert all(word.islower() or word.isdigit() for word in plain), variable.name


@pytest.mark.parametrize("name", ["core", *CASES])
def test_no_equation_holds_a_number_that_a_person_chose(name: str) -> None:
    # 0, 1 and 2 are arithmetic; 3 numbers the last shape and gives EXP(-3); 4 makes a slope of a logistic
    allowed = {"0", "1", "2", "3", "4"}
    for group in read_part(FOLDER / "vensim" / "parts" / f"{name}.part"):
        for entry in group.entries:
            if not entry.is_driver:
                text = entry.expression
                for used in sorted(names_used(text), key=len, reverse=True):  # names of years hold digits
                    text = text.replace(used, "")
                found = set(re.findall(r"(?<![\w.])\d[\d.]*(?:[eE][-+]?\d+)?", text))
                assert found <= allowed, f"{entry.name}: {found - allowed}"


def test_every_support_announced_ahead_is_known_to_policies() -> None:
    parts = [read_part(FOLDER / "vensim" / "parts" / f"{name}.part") for name in CASES]
    entries = [entry for part in parts for group in part for entry in group.entries if entry.is_driver]
    ahead = {entry.read_at: entry.name for entry in entries if entry.read_at[0] != entry.name}
    assert {driver: name for (driver, _), name in ahead.items()} == ANNOUNCED
    assert {when for _, when in ahead} == {"Time+anticipation horizon"}


def test_names_are_found_without_functions_numbers_and_time() -> None:
    expression = "IF THEN ELSE(Time >= phase out start :AND: Stock > 1e-06, MAX(0, a rate*2), EXP(-3*b))"
    assert names_used(expression) == ("phase out start", "Stock", "a rate", "b")


@pytest.mark.parametrize(
    "name", ["mrna", *(pytest.param(one, marks=pytest.mark.slow) for one in CASES if one != "mrna")]
)
def test_pysd_reads_the_file_without_a_warning(name: str, tmp_path: Path) -> None:
    import pysd

    shutil.copy(FOLDER / "vensim" / f"{name}.mdl", tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)
        model = pysd.read_vensim(tmp_path / f"{name}.mdl")
        model.run(final_time=model.components.initial_time() + 1)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("vensim/parts/core.part", "total RD= ", "all RD= ", "uses 'total RD', which no part"),
        ("vensim/parts/core.part", "total RD= ", "firm RD= ", "'firm RD' is defined twice"),
        ("vensim/parts/pv.part", "user cost= LCOE", "user cost LCOE", "not of the form 'name= expression"),
        ("cases/pv.toml", '"cost sensitivity"', '"cost response"', "uses 'cost sensitivity', which no part"),
        ("cases/core.toml", '"career length"', '"cost sensitivity"', "'cost sensitivity' is defined twice"),
        ("vensim/parts/core.part", "/career length+MAX", "+MAX", None),
        ("scenarios/pv.csv", "coal tariff,", "coal tarif,", "unknown driver 'coal tarif'; did you mean 'coal tariff'"),
    ],
)
def test_a_name_missing_twice_or_in_vain_is_refused(
    folder: Path, file: str, old: str, new: str, message: str | None
) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    if message is None:  # still used elsewhere: the build must not complain
        build_text("pv", folder)
        return
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        build_text("pv", folder)
    assert "\n" not in str(caught.value)


def test_a_parameter_that_nothing_uses_is_refused_by_name(folder: Path) -> None:
    path = folder / "cases" / "pv.toml"
    table = re.search(r'\[parameters\."OM fraction"\].*?\n\n', path.read_text(encoding="utf-8"), re.DOTALL)
    assert table
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" + table.group().replace('"OM fraction"', '"harvest"'))
    with pytest.raises(InputError, match=r"pv.toml: 'harvest' is used by no equation"):
        build_text("pv", folder)


def test_a_driver_without_rows_is_refused_by_name(folder: Path) -> None:
    path = folder / "scenarios" / "pv.csv"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("coal tariff,")]
    path.write_text("\n".join(kept), encoding="utf-8")
    with pytest.raises(InputError, match="driver 'coal tariff' has no rows"):
        build_text("pv", folder)


def test_a_driver_in_both_files_is_refused_with_both_places(folder: Path) -> None:
    with (folder / "scenarios" / "pv.csv").open("a", encoding="utf-8") as file:
        file.write("feed in tariff,2010,0.5,bnCNY/TWh,somebody,assumed,\n")
    with pytest.raises(InputError, match=r"scenarios/pv.csv row \d+: 'feed in tariff' stands also at .*policies"):
        build_text("pv", folder)


def test_a_driver_in_another_unit_is_refused(folder: Path) -> None:
    path = folder / "policies" / "pv.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",bnCNY/TWh,", ",CNY/kWh,"), encoding="utf-8")
    with pytest.raises(InputError, match="is in 'CNY/kWh', not 'bnCNY/TWh'"):
        build_text("pv", folder)
