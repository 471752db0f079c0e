"""What an ensemble costs that is stored: runs a second in several ways side by side, and a million runs once.

Run with `python -m benchmarks.ensembles`; it writes ENSEMBLES.md when all was measured at full size.  The ensemble
has the shape of the shipped NEV study: its model with its sums, its outputs in quarters to its horizon, draws of the
accepted posterior, here all 1,000; exits from its supported path, as many as make up the runs.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from analysis.ensembles.cluster import local_cluster
from analysis.ensembles.ensemble import Ensemble
from analysis.ensembles.store import open_store
from analysis.ensembles.writing import write
from analysis.phase_out.prepare import ScheduleRuns, outputs, prepared
from analysis.phase_out.study import load_phase_out_study
from benchmarks.machine import Cost, cost, machine, peak
from benchmarks.table import grid, head
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.schedules.file import load_schedule
from models.schedules.variants import variants
from stockflow.commands.bench import timed
from stockflow.over_time import QUARTER

MANY = 1_000_000
FEW = 40_000
DRAWS = 1_000
PLAIN = "the model without schedules, nothing kept, 1 thread"
_RESULT = Path(__file__).parent / "ENSEMBLES.md"
Job = Callable[[], object]


def exits(runs: int, draws: int = DRAWS) -> Ensemble:
    """Return at least `runs` runs of the study's shape: exits from its supported path, sloping, over many lengths."""
    study = load_phase_out_study("nev")
    base = load_schedule(study.supported, study.case)
    count = -(-runs // draws)
    starts = np.linspace(study.grid.first, study.grid.last, -(-count // 40)).tolist()
    lengths = np.linspace(0.5, 10.0, 20).tolist()
    made = variants(base, ["linear", "exponential"], starts, lengths, tuple(base.instruments))
    samples = accepted_posterior(study.case).spread(draws)
    model = prepared(study, load_case(study.case).model)
    computes = ScheduleRuns(model, tuple(made[:count]), samples, outputs(study), study.horizon + study.tail)
    return Ensemble(computes, tuple(one.name for one in computes.schedules), draws, {"case": study.case})


def plain(ensemble: Ensemble, threads: int) -> None:
    """Run as many runs in batches of the model itself: no schedule, no store, no blocks."""
    one = ensemble.evaluator
    assert isinstance(one, ScheduleRuns)
    for _ in ensemble.schedules:
        one.model.runs(one.draws, one.outputs, one.until, QUARTER, threads).dataset()


def ways(ensemble: Ensemble, folder: Path, address: str) -> Mapping[str, Job]:
    """Return what is timed side by side, by name; every call computes the whole ensemble."""
    count = iter(range(10**9))

    def stored(**settings: Any) -> None:
        write(ensemble, folder / f"{next(count)}.zarr", progress=False, **settings)

    return {
        PLAIN: partial(plain, ensemble, 1),
        "all in memory, no store, 1 thread": partial(ensemble.rows, 0, ensemble.runs, 1),
        "all in memory, no store, 2 threads": partial(ensemble.rows, 0, ensemble.runs, 2),
        "store, 1 thread": partial(stored, threads=1),
        "store, 2 threads": partial(stored, threads=2),
        "store, two Dask workers": partial(stored, scheduler=address),
    }


def side_by_side(ensemble: Ensemble, folder: Path, rounds: int) -> dict[str, list[Cost]]:
    """Time all ways in turn, `rounds` times over, after one round that is not counted."""
    with local_cluster(2) as cluster:
        jobs = ways(ensemble, folder, cluster.scheduler_address)
        spent: dict[str, list[Cost]] = {name: [] for name in jobs}
        for turn in range(rounds + 1):
            for name, job in jobs.items():
                one = cost(job)
                if turn:
                    spent[name].append(one)
    return spent


def side_table(runs: int, spent: Mapping[str, Sequence[Cost]]) -> list[str]:
    """Return the ways as a table; ratios are of the fastest rounds."""
    best = {name: min(one.seconds for one in costs) for name, costs in spent.items()}
    rows = []
    for name, costs in spent.items():
        memory = peak(costs)
        held = "" if memory is None else f"{memory / 1e6:,.0f}"
        rows.append((name, f"{runs / best[name]:,.0f}", f"{best[PLAIN] / best[name]:.2f}", held))
    return grid(("way", "runs/s", "to the first line", "memory of this process, MB"), rows)


def stored_table(ensemble: Ensemble, path: Path) -> list[str]:
    """Write an ensemble on all processors, open it again, and return what that cost, a line for each thing."""
    spent = cost(partial(write, ensemble, path))
    _, opening = timed(partial(open_store, path, ensemble.digest))
    disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    runs, schedules = ensemble.runs, len(ensemble.schedules)
    times, variables = len(ensemble.evaluator.times), len(ensemble.evaluator.outputs)
    numbers = 8 * runs * times * variables  # bytes of the numbers themselves
    memory = "not counted here" if spent.memory is None else f"{spent.memory / 1e6:,.0f} MB"
    rows = (
        ("runs/s", f"{runs / spent.seconds:,.0f}"),
        ("minutes", f"{spent.seconds / 60:.1f}"),
        ("peak memory beyond the inputs", memory),
        ("numbers", f"{numbers / 1e9:.1f} GB"),
        ("on disk", f"{disk / 1e9:.1f} GB, {disk / numbers:.2f} of the numbers"),
        ("bytes on disk a run", f"{disk / runs:,.0f}"),
        ("opening with all checksums", f"{opening:.1f} s, {disk / opening / 1e9:.1f} GB/s"),
    )
    return [
        f"## {runs:,} runs once, all processors",
        "",
        f"{runs:,} runs, {schedules:,} schedules x {runs // schedules:,} draws, {times} times x {variables} variables:",
        "",
        *grid(("what", "how much"), rows),
        "",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks.ensembles", description=__doc__)
    parser.add_argument("--runs", type=int, default=MANY, help="of the ensemble that is written once")
    parser.add_argument("--side", type=int, default=FEW, help="runs of the ensemble that is timed in several ways")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way gets its turn")
    parser.add_argument("--folder", type=Path, help="where stores are written for the time being")
    options = parser.parse_args(arguments)
    text = head("stored ensembles", "python -m benchmarks.ensembles", machine())
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        few = exits(options.side)
        spent = side_by_side(few, Path(name), options.rounds)
        text += [f"## {few.runs:,} runs in several ways", "", *side_table(few.runs, spent), ""]
        print("\n".join(text), flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        rest = stored_table(exits(options.runs), Path(name) / "large.zarr")
    print("\n".join(rest), flush=True)
    if options.runs >= MANY:
        _RESULT.write_text("\n".join([*text, *rest]), encoding="utf-8")


if __name__ == "__main__":
    main()
