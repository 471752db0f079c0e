"""The folder of a technology of the user's own: what `new` writes, what it becomes, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_helpers import WIND, core_of, short_wind

from calibration.own.fit import validate_own
from calibration.own.new import new_case, new_example
from calibration.own.units import way
from models.case import load_case
from models.files.build import build_text
from models.own import own_drivers, own_text, read_own
from models.run import run_case
from models.schedules.file import Change, load_schedule, shipped, unchanged
from stockflow import from_text
from stockflow.errors import InputError

DATA = WIND / "observations.csv"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_generic_model_holds_the_core_unchanged_and_its_units_balance() -> None:
    text = build_text("generic")
    assert core_of("pv") in text
    assert from_text("generic.mdl", text).unbalanced() == []


def test_what_new_writes_is_valid_and_says_what_is_assumed(here: Path) -> None:
    new_case("wind", here, DATA)
    told = validate_own("wind", DATA)
    assert told[0].startswith("observations: unit_cost 1984-2016 (33)")
    assert any("'market size'" in line for line in told)
    assert any("'reference cost'" in line for line in told)


def test_new_without_data_is_valid_and_counts_its_money_in_yuan(here: Path) -> None:
    new_case("plain", here)
    assert "1 USD of 2020 is" in read_own(here / "plain").cost.source
    assert not any("units: taken as stated" in line for line in validate_own("plain"))


def test_a_unit_of_the_users_own_money_is_taken_as_stated(here: Path) -> None:
    new_case("loom", here, cost_unit="guilder/loom", volume_unit="loom", market=1000, reference=3)
    assert read_own(here / "loom").cost.source.startswith("assumed")
    assert float(own_drivers(here / "loom")["market size"].values[0]) == 1000.0


def test_new_never_writes_over_a_folder(here: Path) -> None:
    new_example("wind", "wind", here)
    with pytest.raises(InputError, match="is there already; nothing was written"):
        new_case("wind", here)


def test_a_cost_is_the_same_money_in_the_model(here: Path) -> None:
    factor, _ = way("USD2022/MWh", "TWh")
    assert factor == pytest.approx(6.164121618e6 / 1e9, rel=1e-6)  # 1e6 MWh at 6.164 CNY, in bnCNY


@pytest.mark.parametrize("unit", ["USD/MWh", "CNY/MWh (nominal)"])
def test_money_without_a_price_year_has_no_known_way(unit: str) -> None:
    with pytest.raises(InputError, match="needs a price year"):
        way(unit, "TWh")


def test_paths_may_be_given_in_the_users_units(here: Path) -> None:
    short_wind(here)
    own = read_own(here / "wind")
    drivers = own_drivers(here / "wind")
    assert drivers["reference cost"].values[0] == pytest.approx(95 * own.cost.in_model)
    assert drivers["market size"].values[0] == pytest.approx(11889365 / 1000)


def test_the_case_loads_by_its_folder_and_runs_like_any_other(here: Path) -> None:
    short_wind(here)
    assert load_case("wind").name == load_case("./wind").name == "wind"
    run = run_case("wind", {"initial familiarity": 0.01}, until=2020)
    assert float(run["market share"][-1]) > 0


def test_a_schedule_ends_the_support_that_a_policy_gives(here: Path) -> None:
    short_wind(here)
    (here / "paid.csv").write_text("variable,year,value,unit\nsubsidy per unit,1990,0.5,bnCNY/unit\n", encoding="utf-8")
    change = {"purchase subsidy": Change.model_validate({"shape": "linear", "start": 2005.0, "length": 4.0})}
    ending = unchanged("generic").changed(change, "ends")
    run = run_case("wind", policy="paid.csv", until=2020, schedule=ending)["subsidy per unit"]
    assert run.sel(time=[2004.75, 2007.0, 2009.0, 2020.0]).to_numpy().tolist() == [0.5, 0.25, 0.0, 0.0]


@pytest.mark.parametrize("name", [one for one in shipped() if one.startswith("generic_")])
def test_the_shipped_schedules_of_no_single_case_end_its_support(here: Path, name: str) -> None:
    short_wind(here)
    (here / "paid.csv").write_text("variable,year,value,unit\nsubsidy per unit,1990,0.5,bnCNY/unit\n", encoding="utf-8")
    run = run_case("wind", policy="paid.csv", schedule=load_schedule(name))["subsidy per unit"]
    assert float(run[0]) == 0.5
    assert float(run[-1]) == 0


@pytest.mark.slow
def test_both_engines_agree_on_it(here: Path) -> None:
    short_wind(here)
    fast, slow = (run_case("wind", until=2010, engine=engine) for engine in ("batch", "reference"))
    for name in ("Price", "cumulative volume", "market share"):
        np.testing.assert_allclose(fast[name].to_numpy(), slow[name].to_numpy(), rtol=1e-9)


def test_the_money_of_the_case_does_not_move_its_market(here: Path) -> None:
    # research is counted in CNY, so the money must be right; what buyers see are ratios
    short_wind(here)
    edit(here / "wind" / "case.toml", "value = 1.0", "value = 1.0\n#")
    no_research = {"searching learning rate": 0.0}
    first = run_case("wind", no_research, until=2020)["market share"].to_numpy()
    scaled = {**no_research, "reference component cost": 10.0}
    edit(here / "wind" / "scenario.csv", "reference cost,1984,95,", "reference cost,1984,950,")
    second = run_case("wind", scaled, until=2020)["market share"].to_numpy()
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_a_case_that_does_not_say_its_units_takes_no_table_of_observations() -> None:
    with pytest.raises(InputError, match=r"pv: no case\.toml says what observations .* named in its target file, pv"):
        validate_own("pv")


def test_an_unknown_case_is_still_refused_with_the_nearest_names(here: Path) -> None:
    with pytest.raises(InputError, match="unknown case 'winds'"):
        load_case("winds")


def test_the_text_of_a_case_opens_as_one_vensim_file(here: Path) -> None:
    short_wind(here)
    text = own_text(Path("wind"))
    assert text.startswith("{UTF-8}")
    assert core_of("pv") in text


def test_a_thing_that_no_unit_is_known_of_is_the_same_in_both_units() -> None:
    assert way("USD2020/pump", "pump")[0] == pytest.approx(way("USD2020/MWh", "MWh")[0])
    for cost, volume in (("USD2020/pump", "heater"), ("USD/pump", "pump"), ("pump", "pump")):
        with pytest.raises(InputError):
            way(cost, volume)
