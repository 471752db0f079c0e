"""How long reading a model file takes: text to equations here, beside PySD's and pysimlin's reading.

    python -m benchmarks.reading [FOLDER]
    python -m benchmarks.reading --sizes 1000,10000,100000 [--kind "energy policy"]

FOLDER is another version of this project, whose reading is measured in turns with this one's.  With sizes, models of
so many scalars are written, and reading, compiling and memory are told by kind of construct, beside the others where
they read the file.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.table import grid
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
_CONTROLS = "".join(
    f"{name}= {value} ~~|\n"
    for name, value in (("INITIAL TIME", 0), ("FINAL TIME", 4), ("TIME STEP", 1), ("SAVEPER", 1))
)
# seconds for one engine and one file
_PATIENCE = 120
_BEGUN = """
import sys, time, warnings
warnings.simplefilter("ignore")
def taken():  # getrusage counts the memory of the process that started this one, too
    most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return time.process_time(), int(most.split()[1]) / 1024
"""
_MEASURES = {
    "stockflow": f"""{_BEGUN}
from stockflow.compiler.llvm import generate
from stockflow.compiler.simulator import Task
from stockflow.language import at_time, reader, source
start = taken()
equations = source.equations(source.read(sys.argv[1]))
read = taken()
names = [one.name for one in equations.visible.values() if one.kind in {{"stock", "flow", "auxiliary"}}]
generate(Task(equations, (), tuple(names)).plan())
end = taken()
""",
    "PySD": f"""{_BEGUN}
from pysd.translators.vensim.vensim_file import VensimFile
start = taken()
file = VensimFile(sys.argv[1])
file.parse()
file.get_abstract_model()
read = end = taken()
""",
    "pysimlin": f"""{_BEGUN}
import simlin
from pathlib import Path
start = taken()
simlin.load(Path(sys.argv[1]))
read = end = taken()
""",
}
_TOLD = "print(read[0] - start[0], read[1] - start[1], end[0] - read[0])"
# equations, and how many scalars they are for each element of their first range
_KINDS = {
    "stocks": ("c: (c1-c20)~~|\nk[r,c]= 0.1~~|\ns[r,c]= INTEG(-out[r,c],100)~~|\nout[r,c]= k[r,c]*s[r,c]~~|", 60),
    "arrays without subscripts": ("k[r]= 0.1~~|\ns[r]= INTEG(-out,100)~~|\nout[r]= k*s~~|", 3),
    "VECTOR SELECT": ("c: (c1-c20)~~|\nv[r,c]= r+c~~|\ny[r]= VECTOR SELECT(v[r,c!],v[r,c!],0,6,0)~~|", 21),
    "VECTOR ELM MAP": ("v[r]= r~~|\nnext[r]= VECTOR ELM MAP(v[r],1)~~|", 2),
    "allocation": (
        "c: (c1-c8)~~|\nask[r,c]= c~~|\nrank[r,c]= 9-c~~|\n"
        "got[r,c]= ALLOCATE BY PRIORITY(ask[r,c],rank[r,c],8,1,20)~~|",
        43,
    ),
    "lookups": (
        "f((0,0),(1,2),(2,3),(4,9))~~|\ns[r]= INTEG(y[r]-s[r],r)~~|\nz[r]= s[r]*0.5~~|\nx[r]= f(z[r])~~|\n"
        "y[r]= WITH LOOKUP(x[r],((0,0),(5,1)))~~|",
        4,
    ),
    "delays": ("x[r]= SMOOTH3(Time*r,2)~~|", 4),
}
KINDS = (*_KINDS, "chain", "energy policy")
# in the manner of an energy policy simulator: arrays of up to four dimensions, mapped ranges, data from tables
_RANGES = """
vehicle: (veh1-veh4) -> fleet ~~|
fleet: (flt1-flt4) ~~|
cargo: (car1-car3) ~~|
pollutant: (pol1-pol5) ~~|
age: (age1-age5) ~~|
"""
_SECTOR = """
data@[vehicle]:= GET DIRECT DATA('d@.csv', ',', '1', 'B2') ~~|
base@[vehicle,cargo]= 0.1@ ~~|
need@[vehicle,cargo,pollutant]= data@[vehicle]*base@[vehicle,cargo]+0.01 ~~|
shared@[fleet,cargo,pollutant]= need@[vehicle,cargo,pollutant]/(1+base@[vehicle,cargo]) ~~|
stock@[vehicle,cargo,pollutant,age]=
 INTEG(inflow@[vehicle,cargo,pollutant,age]-outflow@[vehicle,cargo,pollutant,age], 1) ~~|
inflow@[vehicle,cargo,pollutant,age]=
 need@[vehicle,cargo,pollutant]*MAX(0,1-stock@[vehicle,cargo,pollutant,age]/10@) ~~|
outflow@[vehicle,cargo,pollutant,age]=
 stock@[vehicle,cargo,pollutant,age]*0.1*EXP(-stock@[vehicle,cargo,pollutant,age]/100) ~~|
total@[vehicle,cargo]= SUM(stock@[vehicle,cargo,pollutant!,age!]) ~~|
net@[vehicle,cargo]= IF THEN ELSE(total@[vehicle,cargo]>50, total@[vehicle,cargo], need@[vehicle,cargo,pol1]) ~~|
"""
_SECTOR_SCALARS = 1060
_DATA = ",0,2,4\n" + "".join(f"veh{one},{one},{one + 1},{one}\n" for one in range(1, 5))


def written(kind: str, scalars: int, folder: Path) -> Path:
    """Write the file of a model, and the tables that it names; return its path."""
    path = folder / "generated.mdl"
    path.write_text(generated(kind, scalars), encoding="utf-8")
    if kind == "energy policy":
        for sector in _sectors(scalars):
            (folder / f"d{sector}.csv").write_text(_DATA, encoding="utf-8")
    return path


def _sectors(scalars: int) -> range:
    return range(max(1, scalars // _SECTOR_SCALARS))


def generated(kind: str, scalars: int) -> str:
    """Return the text of a model of about so many scalars of one kind of construct, or a chain of single variables."""
    if kind == "chain":
        body = "x0= Time~~|\n" + "".join(f"x{one}= x{one - 1}+1~~|\n" for one in range(1, scalars))
    elif kind == "energy policy":
        body = _RANGES + "".join(_SECTOR.replace("@", str(sector)) for sector in _sectors(scalars))
    else:
        equations, each = _KINDS[kind]
        body = f"r: (r1-r{max(1, scalars // each)})~~|\n{equations}\n"
    return f"{{UTF-8}}\n{body}{_CONTROLS}"


def sizes(wanted: Sequence[int], kinds: Sequence[str] = KINDS) -> None:
    """Print seconds and megabytes of reading generated models, here and by others, and of compiling them here.

    Every engine reads every file in a process of its own, of which what it takes before is left out; `x` is how many
    times ours that is.  What an engine refuses, or does not read in time, has no number.
    """
    others = ["PySD", *(["pysimlin"] if importlib.util.find_spec("simlin") is not None else [])]
    heads = ["construct", "scalars", "reading, s", "MB", "compiling, s"]
    heads += [f"{name}, {what}" for name in others for what in ("s", "x", "MB")]
    print("\n".join(grid(heads, [])))
    for kind in kinds:
        for scalars in wanted:
            with tempfile.TemporaryDirectory() as folder:
                path = written(kind, scalars, Path(folder))
                ours = _measured("stockflow", path)
                cells = [kind, f"{scalars:,}", *(_shown(one) for one in ours)]
                for name in others:
                    seconds, memory, _ = _measured(name, path)
                    cells += [_shown(seconds), _shown(seconds and ours[0] and seconds / ours[0]), _shown(memory)]
            print(grid(heads, [cells])[-1], flush=True)


def _measured(engine: str, path: Path) -> tuple[float | None, float | None, float | None]:
    """Return seconds and megabytes of reading a file, and seconds of compiling it, in a process of its own."""
    setting = {**os.environ, "STOCKFLOW_CACHE": "off"}
    command = [sys.executable, "-c", _MEASURES[engine] + _TOLD, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=setting, timeout=_PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None, None, None
    seconds, memory, compiling = map(float, done.stdout.split()[-3:])
    return seconds, memory, compiling


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:.3g}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every model some times, all ways in turns, and print the quickest of each in milliseconds."""
    parser = argparse.ArgumentParser(prog="benchmarks.reading", description="How long reading a model file takes.")
    parser.add_argument("before", nargs="?", type=Path, help="folder of another version of this project")
    parser.add_argument("--sizes", help="scalars of models that are written instead: 1000,10000")
    parser.add_argument("--kind", choices=KINDS, help="of construct that these have; default: one after the other")
    asked = parser.parse_args(arguments)
    if asked.sizes:
        sizes([int(one) for one in asked.sizes.split(",")], [asked.kind] if asked.kind else KINDS)
        return
    paths = sorted(_MODELS.glob("*.mdl"))
    ways: dict[str, Callable[[Path], object]] = {"stockflow": _here, "PySD": _pysd}
    if importlib.util.find_spec("simlin") is not None:
        import simlin

        ways["pysimlin"] = simlin.load
    for way in ways.values():
        way(paths[0])  # what is imported first is no part of reading
    spent: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(_ROUNDS):
        if asked.before:
            for path, seconds in zip(paths, _other(asked.before, paths), strict=True):
                spent["before", path.stem].append(seconds)
        for name, way in ways.items():
            for path in paths:
                spent[name, path.stem].append(timed(partial(way, path))[1])
    names = dict.fromkeys(name for name, _ in spent)
    rows = [[path.stem, *(f"{1000 * min(spent[name, path.stem]):.0f}" for name in names)] for path in paths]
    print("\n".join(grid(("model", *(f"{name}, ms" for name in names)), rows)))


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


def _other(folder: Path, paths: list[Path]) -> list[float]:
    """Return the seconds that another version of this project takes, in a process of its own."""
    setting = {**os.environ, "PYTHONPATH": str(folder), "STOCKFLOW_CACHE": "off"}
    command = [sys.executable, "-c", _PROGRAM, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=setting, cwd=folder)
    return [float(line) for line in done.stdout.split()]


if __name__ == "__main__":
    main()
