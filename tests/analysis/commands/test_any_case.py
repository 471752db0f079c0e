"""Analyses take any case that has what they need: a technology in a folder of one's own is asked as the others are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from calibration_helpers import shallow
from click.testing import CliRunner
from own_helpers import short_wind
from own_made import PLUMBING

from analysis.cli import cli
from analysis.draws.generic import entry_of, with_support
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.loop_study import STUDY, LoopStudy
from calibration.own import fit as own_fit
from calibration.own.new import new_case, new_example
from calibration.own.settings import load_own_settings
from models.case import load_case
from stockflow.errors import InputError

NAME = "elsewhere/wind"
Run = Callable[..., tuple[int, str, str]]
STUDIES = STUDY.parent


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shipped example, shortened and fitted with few draws, two folders down."""
    few = load_own_settings().model_copy(update={"quick": PLUMBING})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("any"))
        patch.setattr(own_fit, "load_own_settings", lambda: few)
        shallow(patch)
        Path("elsewhere").mkdir()
        own_fit.calibrate_own(NAME, short_wind(Path("elsewhere")), starts=1, quick=True)
        yield Path("elsewhere")


def told(*arguments: str) -> dict[str, list[object]]:
    found = CliRunner().invoke(cli, [*arguments, "--out", "out", "--json"], catch_exceptions=False)
    assert found.exit_code == 0
    answer: dict[str, list[object]] = json.loads(found.stdout)
    return answer


@pytest.mark.slow
def test_loops_are_scored_cut_and_drawn(fitted: Path) -> None:
    answer = told("loops", NAME, "--draws", "2")
    loops = {str(row["loop"]) for row in answer["loops"]}  # type: ignore[index]
    assert {"R1 learning by doing", "R3 word of mouth", "B1 saturation"} <= loops
    assert not {"R4 infrastructure", "R10 share of world supply"} & loops  # of other industries
    assert {Path(stem).name for stem in answer["figures"]} == {"loops_wind", "knockouts_wind"}  # type: ignore[arg-type]
    assert Path("out/results/loops_wind.csv").is_file()


def test_instruments_are_tried_and_those_without_a_history_are_said_to_have_none(fitted: Path) -> None:
    answer = told("instruments", NAME, "--draws", "2")
    rows = next(value for key, value in answer.items() if key not in ("words", "figures"))
    tried = {str(row["instrument"]) for row in rows if row["change"] != "absent"}  # type: ignore[index]
    assert "fair competition: markup" in tried
    assert "feed-in tariff" not in tried
    assert any("feed-in tariff (no such input)" in str(word) for word in answer["words"])


def test_barriers_count_from_the_clocks_of_the_case(fitted: Path) -> None:
    answer = told("barriers", NAME, "--draws", "2")
    assert [row["barrier"] for row in answer["waits"]] == ["Devil's River", "Valley of Death", "Darwinian Sea"]  # type: ignore[index]
    assert {row["begins"] for row in answer["waits"]} == {2004.0}  # type: ignore[index]


@pytest.mark.slow
def test_identify_gives_a_verdict_on_every_parameter_and_says_why_there_is_no_ridge(fitted: Path) -> None:
    answer = told("identify", NAME)
    free = {str(row["parameter"]) for row in answer["parameters"]}  # type: ignore[index]
    assert {"doing learning rate", "maximum share"} <= free
    assert any("no observation of research" in str(word) for word in answer["words"])


def study(**said: object) -> InstrumentStudy:
    """The shipped study of instruments with nothing but `said` of any case."""
    return InstrumentStudy.load().model_copy(update={"cases": {}, "kinds": {}} | said)


def test_years_in_words_are_the_cases_own_and_stay_in_its_run(fitted: Path) -> None:
    raw = {"until": "last observed year + 500", "compared": "first observed year - 500"}
    found = study(kinds={"generic": raw}).case(NAME)
    model = load_case(NAME).model
    assert (found.compared, found.until) == (model.initial_time, model.final_time)
    asked = InstrumentStudy.load().case(NAME)
    assert (asked.compared, asked.until) == (2016.0, 2036.0)


def test_a_word_that_is_no_year_is_refused_with_its_key(fitted: Path) -> None:
    raw = {"until": "some day", "compared": 2010.0}
    with pytest.raises(InputError, match=r"instruments\.toml: elsewhere/wind: until: .*'some day'"):
        study(kinds={"generic": raw}).case(NAME)


def test_a_case_of_which_a_study_says_nothing_is_refused_by_what_the_study_knows() -> None:
    with pytest.raises(InputError, match=r"instruments\.toml: unknown case 'ic'; known: nev"):
        study(cases={"nev": InstrumentStudy.load().case("nev")}).case("ic")
    assert entry_of("nev", LoopStudy.load().cases) == "nev"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["sensitivity", "search"])
def test_where_a_case_pays_no_support_a_subsidy_is_tried(fitted: Path, command: str) -> None:
    file = Path(f"{command}.toml")
    file.write_text(few_runs(command), encoding="utf-8")
    answer = told(command, NAME, "--study", str(file))
    rows = answer["indices" if command == "sensitivity" else "ends"]
    assert rows
    assert Path(f"out/results/{command}_wind.csv").is_file()
    if command == "search":
        offered = "Assumed: the case pays no support: a subsidy of 10% of the reference cost from "
        assert sum(str(word).startswith(offered) for word in answer["words"]) == 1


def test_a_subsidy_is_tried_only_where_the_case_pays_nothing(fitted: Path) -> None:
    model = load_case(NAME).model
    tried, words = with_support(model, 0.1, 2010.0, 2020.0)
    run = tried.runs({}, ["support per unit", "reference cost"], until=2020.0).dataset()
    paid, reference = (run[name].to_numpy()[0] for name in ("support per unit", "reference cost"))
    np.testing.assert_allclose(paid, np.where(run["time"] < 2010.0, 0.0, 0.1 * reference), rtol=1e-12)
    assert "the case pays no support: a subsidy of 10% of the reference cost from 2010 is tried" in words
    assert with_support(load_case("nev").model, 0.1, 2010.0, 2020.0)[1] == ""
    assert with_support(tried, 0.1, 2010.0, 2020.0) == (tried, "")


TAKING = ["run", "parameters", "loops", "barriers", "instruments", "identify", "sensitivity", "search", "paths",
          "forecast", "calibrate", "exit --start 2020"]  # fmt: skip


def test_units_that_cannot_be_are_refused_whatever_is_asked_of_a_case(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new_example("mine", "wind", tmp_path)
    file = Path("mine/case.toml")
    text = re.sub(r"(\[cost\][^\[]*?in_model = )(\S+)", lambda m: f"{m[1]}{1.1 * float(m[2])!r}", file.read_text())
    file.write_text(text, encoding="utf-8")
    before = sorted(Path().rglob("*"))
    for command in TAKING:
        name, *options = command.split()
        code, out, err = techcycle(name, "mine", *options)
        assert (code, out) == (2, "")
        assert "case.toml: cost.in_model: " in err
    assert sorted(Path().rglob("*")) == before


def test_units_that_are_only_assumed_are_said_whatever_is_asked_of_a_case(
    techcycle: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new_case("mine", Path(), cost_unit="INR2020/kWh", volume_unit="GWh")
    told = (
        "Warning: mine: units: taken as stated, since unit 'INR2020/kWh': 'INR2020' is not known; state cost.in_model"
    )
    for command in ("run", "parameters"):
        assert told in techcycle(command, "mine")[2]
    file = Path("mine/case.toml")
    file.write_text(file.read_text(encoding="utf-8").replace("assumed: 1 CNY", "my bank: 1 CNY"), encoding="utf-8")
    assert "Warning" not in techcycle("run", "mine")[2]


def few_runs(command: str) -> str:
    """Return the shipped study with the fewest runs that it may have."""
    text = (STUDIES / f"{command}.toml").read_text(encoding="utf-8")
    fewest = {
        "sensitivity": {"draws": 60, "trajectories": 4, "base_samples": 8, "dummies": 5, "classes": 5, "slices": 3,
                        "resamples": 4},
        "search": {"draws": 2, "judged": 2, "starts": 1, "iterations": 2, "population": 2, "generations": 1},
    }[command]  # fmt: skip
    for key, value in fewest.items():
        text, count = re.subn(rf"^{key} = \d+", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count
    return text
