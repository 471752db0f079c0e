"""A fit of one's own that was damaged or overtaken: refused with what to do, repaired by calibrating again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from calibration_helpers import shallow
from click.testing import CliRunner, Result
from own_helpers import short_wind
from own_made import PLUMBING, edited

from analysis.cli import cli
from analysis.commands import forecast as forecast_command
from calibration.errors import NotConvergedError
from calibration.own import fit as own_fit
from calibration.own.fit import calibrate_own
from calibration.own.settings import OwnSettings, load_own_settings
from calibration.records.results import accepted_posterior

REMEDY = "run `techcycle calibrate wind --data wind/observations.csv`"
ROOT = Path(own_fit.__file__).parents[2]
RESULTS = Path("wind/results")
Damage = Callable[[], object]
HOW: dict[str, Damage] = {
    "record is no TOML": lambda: (RESULTS / "fit.toml").write_text("not [ TOML"),
    "record is empty": lambda: (RESULTS / "fit.toml").write_text(""),
    "record has an estimate that is no number": lambda: edited(RESULTS / "fit.toml", "value = ", "value = 'x' # "),
    "record has an estimate out of bounds": lambda: (RESULTS / "fit.toml").write_text(
        "[estimates.'maximum share']\nvalue = 7.0\n"
    ),
    "posterior is cut off": lambda: (RESULTS / "posterior.nc").write_bytes(
        (RESULTS / "posterior.nc").read_bytes()[:500]
    ),
    "posterior is gone": (RESULTS / "posterior.nc").unlink,
    "targets are gone": (RESULTS / "targets.toml").unlink,
    "targets were edited": lambda: edited(RESULTS / "targets.toml", "seed = 20251123", "seed = 1"),
    "observations of the fit were edited": lambda: edited(RESULTS / "observations.csv", "2005,", "2006,"),
    "case was edited": lambda: edited(Path("wind/case.toml"), "value = 1.0", "value = 2.0"),
    "scenario was edited": lambda: edited(Path("wind/scenario.csv"), "11889365", "11889366"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a short case that was fitted with few draws."""
    home = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(own_fit, "load_own_settings", few)
        shallow(patch)
        calibrate_own("wind", short_wind(home), starts=1, quick=True)
    yield home


def few() -> OwnSettings:
    return load_own_settings().model_copy(update={"quick": PLUMBING})


@pytest.fixture
def copy(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that folder, which is the current one."""
    shutil.copytree(sound, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def said(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("how", list(HOW))
def test_what_cannot_be_used_is_refused_with_the_remedy(copy: Path, how: str) -> None:
    HOW[how]()
    result = said("forecast", "wind", "--until", "2020", "--no-hindcast")
    assert result.exit_code != 0
    assert len(str(result.exception).splitlines()) == 1
    assert REMEDY in str(result.exception)


@pytest.mark.parametrize("how", list(HOW))
def test_validate_says_that_the_fit_cannot_be_used_and_goes_on(copy: Path, how: str) -> None:
    HOW[how]()
    result = said("validate", "wind", "--data", "observations.csv")
    assert result.exit_code == 0
    assert "the fit cannot be used: " in result.output
    assert "wind: valid" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("how", ["record is no TOML", "record has an estimate out of bounds", "case was edited"])
def test_calibrating_again_repairs_it(copy: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    HOW[how]()
    monkeypatch.setattr(own_fit, "load_own_settings", few)
    calibrate_own("wind", Path("observations.csv"), starts=1, quick=True)
    assert accepted_posterior("wind").parameters


def test_a_refused_calibration_leaves_the_fit_as_it_was(copy: Path) -> None:
    before = kept()
    edited(Path("observations.csv"), "unit_cost,2005", "unit_cost,2004")
    assert said("calibrate", "wind", "--data", "observations.csv").exit_code != 0
    assert kept() == before


def kept() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in RESULTS.iterdir() if file.is_file()}


def test_a_refit_that_is_killed_leaves_the_fit_as_it_was(copy: Path) -> None:
    before = kept()
    killed = (
        "import os\n"
        "from pathlib import Path\n"
        "import pytest\n"
        "from calibration.own import fit as own_fit\n"
        "from calibration_helpers import shallow\n"
        "from test_damage import few\n"
        "shallow(pytest.MonkeyPatch())\n"
        "own_fit.load_own_settings = few\n"
        "own_fit.save = lambda *_: os._exit(9)\n"
        "own_fit.calibrate_own('wind', Path('observations.csv'), starts=1, quick=True)\n"
    )
    place = os.pathsep.join(str(one) for one in (Path(__file__).parent, ROOT / "tests" / "helpers", ROOT))
    ended = subprocess.run(
        [sys.executable, "-c", killed], check=False, capture_output=True, env={**os.environ, "PYTHONPATH": place}
    )
    assert ended.returncode == 9, ended.stderr.decode()
    assert kept() == before
    assert accepted_posterior("wind").parameters


def test_a_fit_that_fails_while_it_is_made_leaves_nothing_behind(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise NotConvergedError("not converged")

    before = kept()
    monkeypatch.setattr(own_fit, "load_own_settings", few)
    monkeypatch.setattr(own_fit, "sampled_posterior", failing)
    with pytest.raises(NotConvergedError):
        calibrate_own("wind", Path("observations.csv"), starts=1, quick=True)
    assert kept() == before
    assert [one.name for one in RESULTS.iterdir() if one.is_dir()] == ["chains"]


def test_a_fit_can_be_renamed_and_moved(copy: Path) -> None:
    (copy / "elsewhere").mkdir()
    (copy / "wind").rename(copy / "elsewhere" / "windmills")
    assert accepted_posterior("elsewhere/windmills").parameters


def test_a_run_of_a_case_edited_after_its_fit_warns_on_standard_error(copy: Path) -> None:
    assert said("run", "wind", "--until", "2006").stderr == ""
    edited(Path("wind/case.toml"), "value = 1.0", "value = 2.0")
    result = said("run", "wind", "--until", "2006")
    assert result.exit_code == 0
    assert "the estimates are of an earlier state" in result.stderr
    assert "earlier state" not in result.stdout


def test_a_hindcast_that_has_not_converged_leaves_the_forecast_and_is_said_last(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise NotConvergedError("hindcast from 2013: R-hat of 'unit_cost in 2014' is 1.5")

    monkeypatch.setattr(forecast_command, "hindcast", failing)
    result = said("forecast", "wind", "--until", "2020")
    assert isinstance(result.exception, NotConvergedError)
    assert "no hindcast: its chains have not converged" in result.output
    assert (RESULTS / "forecast.png").is_file()
