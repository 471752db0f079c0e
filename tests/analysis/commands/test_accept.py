"""An accepted fit takes the place of the one before, in files that the command itself has read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stockflow.errors import InputError
from stockflow.files import read_text, watched, write_whole

ROOT = Path(__file__).parents[3]
SHORT = (
    "sampling = { chains = 2, tune = 50, draws = 50, keep = 20, largest_rhat = 50.0, smallest_ess = 1, "
    "most_divergent = 0.9, acceptance = 0.9 }"
)


def test_only_what_is_there_to_renew_a_file_writes_over_one_that_was_read(tmp_path: Path) -> None:
    file = tmp_path / "record.toml"
    file.write_text("old", encoding="utf-8")
    with watched():
        read_text(file)
        with pytest.raises(InputError, match="is an input of this command"):
            write_whole(file, "new")
        with watched(renewing=True):
            write_whole(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


@pytest.mark.slow
def test_a_fit_is_accepted_by_the_command_and_used_by_the_next_one(tmp_path: Path) -> None:
    for name in ("models", "calibration", "analysis", "stockflow"):
        shutil.copytree(ROOT / name, tmp_path / name)
    targets = tmp_path / "calibration" / "targets" / "mrna.toml"
    text = targets.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if line.startswith("sampling = "))
    targets.write_text(text.replace(old, SHORT), encoding="utf-8")
    record = tmp_path / "calibration" / "results" / "mrna.toml"
    before = record.read_bytes()

    def techcycle(*words: str) -> subprocess.CompletedProcess[str]:
        there = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-m", "analysis.cli", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=there, capture_output=True, text=True, encoding="utf-8", check=False
        )

    refused = techcycle("loops", "mrna", "--draws", "2")
    assert refused.returncode == 2
    assert "the targets" in refused.stderr
    done = techcycle("calibrate", "mrna", "--posterior", "--accept", "--starts", "1")
    assert done.returncode == 0, done.stderr[-500:]
    assert record.read_bytes() != before
    again = techcycle("loops", "mrna", "--draws", "2")
    assert again.returncode == 0, again.stderr[-500:]
