"""A command works wherever it is called, beside whatever the user keeps there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import analysis

ROOT = Path(analysis.__file__).parents[1]


@pytest.mark.parametrize("kept", ["models/__init__.py", "models/case.py", "models.py", "calibration/__init__.py"])
def test_a_package_of_the_users_own_with_our_name_is_not_taken_for_ours(tmp_path: Path, kept: str) -> None:
    file = tmp_path / kept
    file.parent.mkdir(exist_ok=True)
    file.write_text("raise SystemExit('the wrong package')\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "analysis.cli", "--quiet", "parameters", "nev", "--json"], cwd=tmp_path,
        capture_output=True, text=True, encoding="utf-8", check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '"cost sensitivity"' in done.stdout
