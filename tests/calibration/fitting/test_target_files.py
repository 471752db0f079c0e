"""A bad target file is refused before any work, in one line that names file, place, value and bound."""

from __future__ import annotations

import csv
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import tomlkit

from analysis import cli
from calibration.fitting.fit import find_mode
from calibration.fitting.target_check import check_targets
from calibration.fitting.targets import Targets, load_targets
from models.case import CASES, load_case
from models.home import CALIBRATION
from stockflow.errors import InputError

SHIPPED = "".join(
    line
    for line in (CALIBRATION / "targets" / "nev.toml").read_text(encoding="utf-8").splitlines(keepends=True)
    if not line.startswith("errors = ")
)
DATA = CALIBRATION / "data"
RANGE = """
[[ranges]]
name = "fall of the pack price"
quantity = "Cumulative Component"
kind = "fall"
measure = "yearly difference"
first_year = 2012
last_year = 2020
low = 0.5
high = 0.9
width = 0.05
source = "made for a test"
"""
ERRORS = "\n[errors]\ndegrees = 5\nlargest_persistence = 0.7\nwidest = 10\n"
SAMPLING = (
    "\n[sampling]\nchains = 4\ntune = 500\ndraws = 500\nkeep = 100\nacceptance = 0.9\nlargest_rhat = 1.01\n"
    "smallest_ess = 400\nmost_divergent = 0.005\n"
)
FULL = SHIPPED + RANGE + ERRORS + SAMPLING


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(tmp_path: Path, old: str, new: str) -> str:
    """What is said of a file with one change, by whichever of reading and checking refuses it."""
    assert old in FULL, old
    file = written(tmp_path, FULL.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        check_targets(load_case("nev"), load_targets("nev", file))
    said = str(caught.value)
    assert said.startswith("mine.toml: ")
    assert "\n" not in said
    return said


def test_the_file_that_is_spoiled_below_is_a_good_one(tmp_path: Path) -> None:
    targets = load_targets("nev", written(tmp_path, FULL))
    check_targets(load_case("nev"), targets)
    assert targets.ranges[0].high == 0.9
    assert targets.errors.degrees == 5
    assert targets.sampling.tune == 500


def test_an_empty_target_file_is_told_what_it_lacks_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_targets("nev", written(tmp_path, ""))
    assert str(caught.value) == "mine.toml: case: Field required"


@pytest.mark.parametrize("case", ["pv", "nev"])
def test_the_shipped_targets_fit_their_models_and_end_in_2023(case: str) -> None:
    targets = load_targets(case)
    check_targets(load_case(case), targets)
    assert targets.starts >= 50
    assert max(s.last_year for s in targets.series) <= 2023


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("starts = 64", "starts = [", "not readable as TOML"),
        ("starts = 64", "starts = 64\ncolour = 3", "colour: unknown key (got 3)"),
        ("starts = 64", "starts = 0", "starts: Input should be greater than or equal to 1 (got 0)"),
        ("seed = 20251123", "seed = -1", "seed: Input should be greater than or equal to 0 (got -1)"),
        ('case = "nev"', 'case = "pv"', "case: the targets are of 'pv', not of 'nev'"),
        ('response = "cost sensitivity"', 'response = "colour"', "response 'colour' is not a free parameter"),
        # priors
        ("spread = 0.05", "spread = -1", "free.doing learning rate.spread: Input should be greater than 0 (got -1)"),
        ("spread = 0.05", "spread = inf", "free.doing learning rate.spread: Input should be a finite number"),
        ("centre = 0.18", "centre = nan", "free.doing learning rate.centre: Input should be a finite number"),
        ("centre = 2.5", "centre = -2.5", "centre of a lognormal prior must be > 0"),
        ('shape = "normal"', 'shape = "uniform"', "free.doing learning rate.shape: Input should be 'normal'"),
        # series
        ("sigma = 0.20", "sigma = 0", "series.0.sigma: Input should be greater than 0 (got 0)"),
        ("sigma = 0.20", 'sigma = "a lot"', "series.0.sigma: Input should be a valid number"),
        ("last_year = 2023\ncombine", "last_year = 1999\ncombine", "window 2011-1999 ends before it starts"),
        ("last_year = 2023\ncombine", "last_year = 2024\ncombine", "'NEV sales' goes to 2024, past the last year 2023"),
        ('measure = "year end"', 'measure = "weekly"', "series.2.measure: Input should be 'yearly difference'"),
        ('name = "NEV fleet"', 'name = "NEV sales"', "series 'NEV sales' is named twice"),
        # events, effects, ranges
        ("level = 1.0", "level = 0.0", "events.0.level: Input should be greater than 0 (got 0.0)"),
        ("year = 2008.9", "year = 208.9", "events.0.year: Input should be greater than or equal to 1700 (got 208.9)"),
        ("sd = 0.5", "sd = 0", "events.0.sd: Input should be greater than 0 (got 0)"),
        ("first_year = 2015\nlast_year = 2019", "first_year = 2019\nlast_year = 2015", "window 2019-2015 ends before"),
        ("then = [2019.5, 2019.75]\n", "", "either without or then must say what the window is compared with"),
        ("then = [2019.5, 2019.75]", "then = [2019.5, 2020.0]", "then: 2019.5-2020 is not as long as the window"),
        ("then = [2019.5, 2019.75]", "then = [2019.6, 2019.85]", "then: 2019.6 is not a saved time, a multiple of"),
        ("known_from = 2020\n", "", "effects.0.known_from: Field required"),
        ("low = 0.5\nhigh = 0.9\n", "", "low or high must be given"),
        ("low = 0.5\nhigh = 0.9\n", "low = 0.9\nhigh = 0.5\n", "low 0.9 is not below high 0.5"),
        ("first_year = 2012\nlast_year = 2020", "first_year = 2021\nlast_year = 2020", "window 2021-2020 ends before"),
        ("first_year = 2012\nlast_year = 2020", "first_year = 2020\nlast_year = 2020", "a fall needs two years"),
        ("width = 0.05", "width = 0", "ranges.0.width: Input should be greater than 0 (got 0)"),
        ('kind = "fall"', 'kind = "rise"', "ranges.0.kind: Input should be 'mean', 'fall' or 'lowest' (got 'rise')"),
        ('"fall of the pack price"', '"first commercial design"', "'first commercial design' is named twice"),
        ('"fall of the pack price"', '"cost sensitivity"', "'cost sensitivity' is named twice"),
        # errors and sampling
        ("degrees = 5", "degrees = 1", "errors.degrees: Input should be greater than 1 (got 1)"),
        ("degrees = 5", "degrees = 201", "errors.degrees: Input should be less than or equal to 200 (got 201)"),
        ("largest_persistence = 0.7", "largest_persistence = 1", "largest_persistence: Input should be less than 1"),
        ("widest = 10", "widest = 1", "errors.widest: Input should be greater than 1 (got 1)"),
        ("chains = 4", "chains = 1", "sampling.chains: Input should be greater than or equal to 2 (got 1)"),
        ("chains = 4", "chains = 65", "sampling.chains: Input should be less than or equal to 64 (got 65)"),
        ("tune = 500", "tune = 49", "sampling.tune: Input should be greater than or equal to 50 (got 49)"),
        ("draws = 500", "draws = 2.5", "sampling.draws: Input should be a valid integer"),
        ("keep = 100", "keep = 19", "sampling.keep: Input should be greater than or equal to 20 (got 19)"),
        ("acceptance = 0.9", "acceptance = 1.0", "sampling.acceptance: Input should be less than 1 (got 1.0)"),
        ("largest_rhat = 1.01", "largest_rhat = 1", "sampling.largest_rhat: Input should be greater than 1 (got 1)"),
        ("smallest_ess = 400", "smallest_ess = 0", "sampling.smallest_ess: Input should be greater than 0 (got 0)"),
        ("most_divergent = 0.005", "most_divergent = 1", "sampling.most_divergent: Input should be less than 1"),
        # partial steps
        ('series = ["battery pack price"]', 'series = ["battery pack prise"]', "names unknown targets"),
        ('events = ["first commercial design"]\n', "", "fits no series and no event"),
    ],
)  # fmt: skip
def test_a_value_that_no_target_file_may_have_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert says in refusal(tmp_path, old, new)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('quantity = "Installed Base"', 'quantity = "Installed Bas"',
         "series 'NEV fleet': quantity: unknown variable 'Installed Bas'; did you mean 'Installed Base'"),
        ('quantity = "Commercial Designs"', 'quantity = "Designs"',
         "events 'first commercial design': quantity: unknown variable 'Designs'"),
        ('quantity = "Cumulative Component"\nkind', 'quantity = "Component"\nkind',
         "ranges 'fall of the pack price': quantity: unknown variable 'Component'"),
        ('"support suspension start" =', '"support start" =', "purchase subsidies': without: unknown variable"),
        ('"support suspension start" =', '"market share" =', "without: 'market share' is not a constant"),
        ('"support suspension start" = 2015.0', '"support suspension start" = 1.0',
         "without: support suspension start is 1"),
        ("first_year = 2015\nlast_year = 2019", "first_year = 2015.1\nlast_year = 2019",
         "purchase subsidies': first_year: 2015.1 is not a saved time, a multiple of 0.25"),
        ("first_year = 2015\nlast_year = 2019", "first_year = 1950\nlast_year = 2019",
         "purchase subsidies': window 1950 to 2019 is outside the run, 1991 to 2060"),
        ('[free."doing learning rate"]', '[free."doing rate"]', "free 'doing rate': unknown variable 'doing rate'"),
        ('[free."quality sensitivity"]', '[free."market share"]',
         "free 'market share': is not a parameter of the case"),
        ("centre = 0.18", "centre = 0.9", "free 'doing learning rate': centre: 0.9 Dmnl is outside 0 to 0.6"),
        ("centre = 33.0", "centre = 33000.0",
         "partial 'dates of the innovation chain': free 'concept yield': centre: 33000 design/bnCNY is outside"),
        ("first_year = 2014\nlast_year = 2023\nuse", "first_year = 1950\nlast_year = 1960\nuse",
         "series 'NEV fleet': window 1950 to 1961 is outside the run, 1991 to 2060"),
        ("first_year = 2014\nlast_year = 2023\nuse", "first_year = 1992\nlast_year = 1999\nuse",
         "series 'NEV fleet': series 'NEV fleet': no observation in 1992-1999"),
        ('unit = "million vehicles"\n', 'unit = "GW"\n', "series 'NEV fleet': cannot convert 'vehicles, end of year'"),
        ('series = "nev_stock"', 'series = "nev_stok"', "unknown series 'nev_stok'; did you mean 'nev_stock'"),
        ('table = "new_energy_vehicles"', 'table = "vehicles"', "series 'NEV sales': unknown table 'vehicles'"),
        ('unit = "vehicles/year"', 'unit = "cars"', "series 'NEV sales': new_energy_vehicles: unknown unit"),
        ('variable = "production"', 'variable = "making"',
         "partial 'pack cost given production': driven 'making': unknown"),
        ('variable = "production"', 'variable = "concept yield"', "'concept yield': is a parameter, which observ"),
        ("zero_at = 2008.5", "zero_at = 2030",
         "driven 'production': zero_at: 2030 is not before its first observation"),
    ],
)  # fmt: skip
def test_what_model_or_tables_do_not_have_is_named_before_any_work(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert says in refusal(tmp_path, old, new)


def test_a_calibration_checks_its_targets_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = load_targets("nev", written(tmp_path, FULL.replace("centre = 0.18", "centre = 0.9", 1)))
    monkeypatch.setattr("calibration.fitting.fit.climb", None)  # nothing may be fitted
    with pytest.raises(InputError, match=r"mine\.toml: free 'doing learning rate': centre"):
        find_mode(load_case("nev"), targets)


@pytest.mark.parametrize("what", ["missing", "folder", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, what: str) -> None:
    file = tmp_path / "mine.toml"
    if what == "folder":
        file.mkdir()
    elif what == "not UTF-8":
        file.write_bytes(SHIPPED.encode("utf-16"))
    with pytest.raises(InputError, match=r"mine\.toml: "):
        load_targets("nev", file)


# ---- a series of one's own, in a table beside the target file --------------------------------------------------------


def own_table(tmp_path: Path, edit: dict[str, str] | None = None, row: int = 5, twice: bool = False) -> Path:
    """The project's table of vehicles beside a target file, with cells of one row changed or the row repeated."""
    shutil.copy(DATA / "new_energy_vehicles.toml", tmp_path)
    with (DATA / "new_energy_vehicles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    place = next(i for i, one in enumerate(rows) if one["series"] == "nev_sales") + row
    assert rows[place]["series"] == "nev_sales"
    rows[place] |= edit or {}
    if twice:
        rows.insert(place + 1, {**rows[place], "value": "7"})
    with (tmp_path / "new_energy_vehicles.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return written(tmp_path, FULL)


@pytest.mark.parametrize(
    ("edit", "twice", "says"),
    [
        ({"value": "-5"}, False, "value: Input should be greater than or equal to 0 (got '-5')"),
        ({"value": ""}, False, "value: '' is not a number"),
        ({"value": "n/a"}, False, "value: 'n/a' is not a number"),
        ({"unit": "GW"}, False, "column series: 'nev_sales' in 'GW' has no manifest entry"),
        ({"unit": ""}, False, "unit: String should have at least 1 character (got '')"),
        ({"year": "1066"}, False, "column year: 1066 is outside "),
        ({}, True, "duplicate of row "),
    ],
)
def test_a_bad_row_of_ones_own_table_is_named_by_file_and_row(
    tmp_path: Path, edit: dict[str, str], twice: bool, says: str
) -> None:
    file = own_table(tmp_path, edit, twice=twice)
    with pytest.raises(InputError) as caught:
        check_targets(load_case("nev"), load_targets("nev", file))
    said = str(caught.value)
    assert said.startswith("mine.toml: series 'NEV sales': new_energy_vehicles.csv row ")
    assert says in said


def test_a_value_of_zero_has_no_logarithm_and_is_named_with_its_year(tmp_path: Path) -> None:
    file = own_table(tmp_path, {"value": "0"}, row=6)
    targets = load_targets("nev", file)
    with pytest.raises(InputError, match=r"mine\.toml: series 'NEV sales': .*value 0 .* in 20\d\d is not above 0"):
        check_targets(load_case("nev"), targets)


def test_the_command_refuses_a_bad_target_file_at_once_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = (
        written(tmp_path, FULL.replace('quantity = "Installed Base"', 'quantity = "Fleet"', 1)),
        tmp_path / "out",
    )
    arguments = ["techcycle", "calibrate", "nev", "--targets", str(file), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed, error = capsys.readouterr()
    assert (stop.value.code, printed) == (2, "")
    assert error.splitlines()[-1].startswith(
        "techcycle: error: mine.toml: series 'NEV fleet': quantity: unknown variable"
    )
    assert not [p for p in out.rglob("*") if p.is_file()]


def test_targets_written_out_and_read_again_are_the_same() -> None:
    for case in CASES:
        targets = load_targets(case)
        data = targets.model_dump(mode="json", exclude={"file"}, exclude_none=True)
        again = Targets.model_validate({**tomllib.loads(tomlkit.dumps(data)), "file": targets.file})
        assert again == targets
