"""How long reading a model file takes: text to equations here, beside PySD's and pysimlin's reading.

    python -m benchmarks.reading [FOLDER]

FOLDER is another version of this project, whose reading is measured in turns with this one's.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stockflow.commands.bench import timed
from stockflow.language import source

_ROUNDS = 5
_MODELS = Path(__file__).parents[1] / "models" / "vensim"
_PROGRAM = """
import sys, time
from stockflow.language import source
source.equations(source.read(sys.argv[1]))
for path in sys.argv[1:]:
    file = source.read(path)
    start = time.perf_counter()
    source.equations(file)
    print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure every model some times, all ways in turns, and print the quickest of each in milliseconds."""
    paths = sorted(_MODELS.glob("*.mdl"))
    ways: dict[str, Callable[[Path], object]] = {"stockflow": _here, "PySD": _pysd}
    if importlib.util.find_spec("simlin") is not None:
        ways["pysimlin"] = _pysimlin
    for way in ways.values():
        way(paths[0])  # what is imported first is no part of reading
    best: dict[tuple[str, str], float] = {}
    for _ in range(_ROUNDS):
        for folder in sys.argv[1:2]:
            for path, seconds in zip(paths, _other(Path(folder), paths), strict=True):
                _keep(best, "before", path, seconds)
        for name, way in ways.items():
            for path in paths:
                _keep(best, name, path, timed(partial(way, path))[1])
    names = dict.fromkeys(name for name, _ in best)
    print("| model | " + " | ".join(f"{name}, ms" for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for path in paths:
        print(f"| {path.stem} | " + " | ".join(f"{1000 * best[name, path.stem]:.0f}" for name in names) + " |")


def _keep(best: dict[tuple[str, str], float], name: str, path: Path, seconds: float) -> None:
    best[name, path.stem] = min(seconds, best.get((name, path.stem), seconds))


def _here(path: Path) -> object:
    return source.equations(source.read(path))


def _pysd(path: Path) -> object:
    """Read a copy, because PySD may write beside the file; nothing is built of what was read."""
    from pysd.translators.vensim.vensim_file import VensimFile

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = VensimFile(Path(shutil.copy(path, folder)))
        file.parse()
        return file.get_abstract_model()


def _pysimlin(path: Path) -> object:
    import simlin

    return simlin.load(path)


def _other(folder: Path, paths: list[Path]) -> list[float]:
    """Return the seconds that another version of this project takes, in a process of its own."""
    setting = {**os.environ, "PYTHONPATH": str(folder), "STOCKFLOW_CACHE": "off"}
    command = [sys.executable, "-c", _PROGRAM, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=setting, cwd=folder)
    return [float(line) for line in done.stdout.split()]


if __name__ == "__main__":
    main()
