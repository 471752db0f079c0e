"""What Linux alone has is not needed: shown here by taking it away, and by code made for other systems."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite import binding
from stockflow_helpers import written

import stockflow
from stockflow.compiler import llvm, machine
from stockflow.cores import usable_cores

ROOT = Path(__file__).parents[1]
WITHOUT = """
import multiprocessing, os, signal, sys
for name in ("sched_getaffinity", "fork", "forkpty", "getloadavg", "posix_fadvise", "posix_spawn", "setsid"):
    if hasattr(os, name):
        delattr(os, name)
if hasattr(os, "process_cpu_count"):  # as it is where no list of processors is kept: 3.13's own asks for the list
    os.process_cpu_count = os.cpu_count
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "setitimer"):
    if hasattr(signal, name):
        delattr(signal, name)
sys.modules |= dict.fromkeys(["fcntl", "resource", "pwd", "grp", "termios"])
multiprocessing.set_start_method("spawn")
"""
TONGUES = """
    Größe 中文= INTEG (Zufluß, 1) ~ m³ ~ Stock with a name, a unit and a note that few encodings have: µ, ∑, é.
    Zufluß= 0.5*Größe 中文 ~ m³/Year ~ .
"""


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a folder; a home of its own lets libraries say what they say once a day."""
    home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "STOCKFLOW_CACHE": str(folder / "compiled")}
    paths = os.pathsep.join([*environment.pop("first", "").split(), str(ROOT)])
    there = {**os.environ, **home, "PYTHONPATH": paths, **environment}
    return subprocess.run([sys.executable, *command], cwd=folder, env=there, capture_output=True, check=False)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose module takes away what Windows lacks, in every process that is started."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "analysis.cli --quiet parameters nev",
        "analysis.cli --quiet run nev --until 1995",
        "analysis.cli --quiet policy validate nev_linear",
        "stockflow run model.mdl",
        "stockflow batch model.mdl samples.csv --outputs Stock",
    ],
)
def test_a_command_needs_nothing_that_only_some_systems_have_and_shows_no_warning(
    elsewhere: Path, tmp_path: Path, words: str
) -> None:
    written(tmp_path, "Stock= INTEG (rate*Stock, 1) ~ m ~ .\n rate= 0.1 ~ 1/Year ~ .\n")
    (tmp_path / "samples.csv").write_text("rate\n0.1\n0.2\n", encoding="utf-8")
    done = run(["-m", *words.split()], tmp_path, first=str(elsewhere))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


STORED = """
import os, sys
from pathlib import Path
assert not hasattr(os, "fork") and "fcntl" in sys.modules and sys.modules["fcntl"] is None
import types
from analysis.ensembles.writing import write
from calibration.fitting.payoff import Payoff
from calibration.fitting.posterior import sample
from calibration.fitting.targets import Sampling
from calibration_helpers import RATES, SIZES, growth_model, series
from store_helpers import ensemble
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None)
here = Path()
if __name__ == "__main__":
    print(write(ensemble(draws=8), here / "store.zarr", progress=False).sizes["run"])
    payoff = Payoff(growth_model(here), (RATES, SIZES), (series(0.2, noise=0.1, seed=3),))
    draws = sample(payoff, payoff.space.centre, Sampling(chains=2, tune=50, draws=50), 7, here / "chains", "d")
    print(draws.coordinates.shape)
"""


@pytest.mark.slow
def test_a_store_is_written_and_chains_are_sampled_where_nothing_forks(elsewhere: Path, tmp_path: Path) -> None:
    helpers = ROOT / "tests" / "helpers"
    done = run(["-c", STORED], tmp_path, first=f"{elsewhere} {helpers}")
    assert done.stdout.decode().split("\n")[:2] == ["24", "(2, 50, 4)"], done.stderr.decode()
    assert b"Warning" not in done.stderr


def test_cores_are_counted_where_no_process_is_bound_to_any(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        pytest.param(words, encoding, marks=[] if place == other else [pytest.mark.slow])
        for place, words in enumerate(("info", "check", "run"))
        for other, encoding in enumerate(("utf-8", "cp1252", "ascii"))
    ],
)
def test_names_of_any_tongue_are_printed_whatever_the_locale(tmp_path: Path, encoding: str, words: str) -> None:
    file = written(tmp_path, TONGUES)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": encoding}
    done = run(["-m", "stockflow", words, file.name], tmp_path, **plain)
    assert done.returncode in ({0, 1} if words == "check" else {0}), done.stderr
    assert b"Traceback" not in done.stderr
    if encoding == "utf-8":
        assert words == "check" or "Größe 中文" in done.stdout.decode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a\\b.mdl", "a:b.mdl", "größe 中.mdl", "a b's.mdl"])
def test_names_of_files_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, "Stock= INTEG (rate*Stock, 1) ~ m ~ .\n rate= 0.1 ~ 1/Year ~ .\n")
    file = file.rename(tmp_path / name)
    done = run(["-m", "stockflow", "run", name, "--out", f"{name}.csv"], tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / f"{name}.csv").read_text(encoding="utf-8").startswith("Time,")
    assert np.isfinite(stockflow.load(file).run()["Stock"]).all()


def undefined(code: bytes) -> list[str]:
    """Return the symbols an object file wants from outside, of COFF (Windows) or Mach-O (macOS)."""
    if code[:4] == b"\xcf\xfa\xed\xfe":
        commands, place = struct.unpack_from("<I", code, 16)[0], 32
        for _ in range(commands):
            kind, size = struct.unpack_from("<2I", code, place)
            if kind == 2:  # LC_SYMTAB
                first, count, names = struct.unpack_from("<3I", code, place + 8)
            place += size
        symbols = [struct.unpack_from("<IBBHQ", code, first + 16 * k) for k in range(count)]
        return [text(code, names + one[0]) for one in symbols if one[1] & 0x0E == 0]
    first, count = struct.unpack_from("<2I", code, 8)
    names, found, k = first + 18 * count, [], 0
    while k < count:
        name, value, section, _, _, more = struct.unpack_from("<8sIhHBB", code, first + 18 * k)
        if section == 0 and value == 0:
            short = name.rstrip(b"\0").decode()
            found.append(text(code, names + struct.unpack("<4xI", name)[0]) if name[:4] == bytes(4) else short)
        k += 1 + more
    return found


def text(code: bytes, place: int) -> str:
    return code[place : code.index(b"\0", place)].decode()


@pytest.mark.parametrize(
    ("triple", "begins", "width"),
    [("x86_64-pc-windows-msvc", "6486", 4), ("arm64-apple-darwin", "cffaedfe0c000001", 2)],
)
@pytest.mark.parametrize("source", ["nev.mdl", "functions"])
def test_code_for_another_system_is_made_and_wants_nothing_of_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, triple: str, begins: str, width: int, source: str
) -> None:
    functions = (
        "Stock= INTEG (EXP(-rate)*SIN(Time)+LN(2+Stock^0.3)+RANDOM NORMAL(0,1,0.5,0.1,1)+TANH(rate), 1) ~ m ~ .\n"
        "rate= 0.1 ~ 1/Year ~ .\n"
    )
    file = written(tmp_path, functions) if source == "functions" else ROOT / "models" / "vensim" / source
    model = stockflow.load(file)
    plan = model.simulator([], [model.stocks[0]]).task.plan()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    foreign = binding.Target.from_triple(triple)
    options = {"opt": 2, "codemodel": "jitdefault", "jit": True}
    monkeypatch.setattr(machine, "target", lambda opt=1: foreign.create_target_machine(**options))
    monkeypatch.setattr(llvm, "assembled", lambda text: machine.assembled(f'target triple = "{triple}"\n{text}'))
    (code,) = llvm.generate(plan, width).machine
    assert code.hex().startswith(begins)
    assert [name.lstrip("_") for name in undefined(code) if "chkstk" not in name] == []
