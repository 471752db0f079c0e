"""The command `stockflow batch`: many runs of one model, all of them or how they spread over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stockflow.arrays import Array
from stockflow.batches.samples import samples_of
from stockflow.commands.console import Whole, deliver, listed
from stockflow.commands.options import CHANGES, DIGITS, FILE, METHOD, NAMED, PATH, SAVE, SEED, UNTIL, loaded
from stockflow.errors import InputError
from stockflow.files import check_ending, replace_file
from stockflow.language.equations import Method
from stockflow.model import Model
from stockflow.pictures.fan import ENDINGS, PROBABILITIES, draw_fan
from stockflow.vensim_files.files import changes as changed
from stockflow.vensim_files.files import read_savelist

if TYPE_CHECKING:
    import xarray as xr

# most runs, and most numbers of several runs, that are text at a time
_CHUNK, _NUMBERS = 4096, 4_000_000


@click.command()
@FILE
@click.argument("samples", type=PATH, required=False)
@click.option("--sensitivity", type=PATH, metavar="VSC", help="Vensim sensitivity control (.vsc) instead of SAMPLES.")
@click.option("--outputs", metavar="A,B", help="Variables to keep, with commas between.")
@click.option("--save", "savelist", type=PATH, metavar="LST", help="Vensim savelist (.lst) of variables to keep.")
@CHANGES
@click.option("--percentiles", is_flag=True, help="Write the spread over time, not every run.")
@click.option("--figure", type=PATH, metavar="PNG", help="Draw the spread over time, and write its numbers.")
@UNTIL
@SAVE
@METHOD
@SEED
@click.option("--threads", type=Whole(1), help="Default: all cores.")
@click.option("--out", type=PATH, help="File to write: .csv, or .nc for netCDF.")
def batch(
    file: Path,
    samples: Path | None,
    sensitivity: Path | None,
    outputs: str | None,
    savelist: Path | None,
    changes: Path | None,
    percentiles: bool,
    figure: Path | None,
    until: float | None,
    save_period: float | None,
    method: Method | None,
    seed: int,
    threads: int | None,
    out: Path | None,
) -> None:
    """Run FILE once for each row of SAMPLES, a CSV with a column for each constant that differs.

    Or draw constants as a sensitivity control says. The answer is a CSV with the columns run, time and the outputs;
    runs count from 0. Runs that become infinite or undefined stay in it and are named on standard error.

    Spread over time is the median and the ends of the middle 50, 75, 95 and 100% of runs (Vensim's confidence
    bounds), each within 0.1%; runs that are not finite are counted and left out.

    \b
    Examples:
      printf 'birth rate\\n0.02\\n0.03\\n' > samples.csv
      stockflow batch model.mdl samples.csv --outputs Population,deaths --out runs.nc
      stockflow batch model.mdl --sensitivity control.vsc --save kept.lst --figure fan.png --out fan.csv
    """
    check_ending(out, ".csv", ".nc")
    check_ending(figure, *ENDINGS)
    model = loaded(file)
    if changes is not None:
        model = model.with_constants(changed(changes, model))
    names = _kept(model, outputs, savelist)
    columns = drawn(model, samples, sensitivity)
    runs = len(next(iter(columns.values())))
    asked = model.runs(columns, names, until, save_period, threads, method, seed=seed)
    if percentiles or figure is not None:
        spread = asked.quantiles(PROBABILITIES)
        if figure is not None:
            title = f"{file.name}: {runs - spread.attrs['failed']} runs"
            replace_file(figure, lambda part: draw_fan(spread, title, part))
        _write_spread(spread, out)
        if spread.attrs["failed"]:
            click.echo(f"stockflow: {spread.attrs['failed']} of {runs} runs are not finite and left out", err=True)
        return
    # netCDF is written in one piece
    whole = out is not None and out.suffix == ".nc"
    each = len(asked.simulator.times) * len(asked.simulator.outputs)
    pieces = asked.pieces(runs if whole else max(1, min(_CHUNK, _NUMBERS // each)))
    failed: list[str] = []
    if out is not None and whole:
        replace_file(out, lambda part: _netcdf(next(noting(pieces, failed)), part))
    else:
        deliver(_long(noting(pieces, failed)), out)
    if failed:
        some = ", ".join(failed[:NAMED]) + (", ..." if len(failed) > NAMED else "")
        click.echo(f"stockflow: {len(failed)} of {runs} runs are not finite: {some}", err=True)


def _kept(model: Model, outputs: str | None, savelist: Path | None) -> Sequence[str]:
    """Return the variables to keep, from the one option that names them."""
    if (outputs is None) == (savelist is None):
        raise InputError("name the variables to keep by --outputs or by --save, not both")
    if savelist is not None:
        return read_savelist(savelist, model)
    # commas between the subscripts of one element do not count
    return listed(outputs or "")


def drawn(model: Model, samples: Path | None, sensitivity: Path | None) -> dict[str, Array]:
    """Return the constants of each run, (run,) by name, from the one file that says them; InputError for both."""
    if (samples is None) == (sensitivity is None):
        raise InputError("say what differs between runs by SAMPLES or by --sensitivity, not both")
    if samples is not None:
        return samples_of(samples, model.equations)
    from stockflow.vensim_files.sampling import read_sensitivity
    from stockflow.vensim_files.sampling import samples as taken

    return taken(read_sensitivity(sensitivity or "", model), model=model)


def _write_spread(spread: xr.Dataset, out: Path | None) -> None:
    if out is not None and out.suffix == ".nc":
        replace_file(out, lambda part: spread.to_netcdf(part, engine="scipy"))
    else:
        deliver(_percentiles(spread), out)


def _percentiles(spread: xr.Dataset) -> Iterator[str]:
    """Yield CSV: for each variable a row for each time, with a column for each percentile."""
    import pandas as pd

    columns = [f"{share:.1%}".replace(".0%", "%") for share in PROBABILITIES]
    for place, name in enumerate(spread):
        frame = pd.DataFrame(spread[name].to_numpy().T, columns=columns)
        frame.insert(0, "variable", str(name))
        frame.insert(1, "unit", spread[name].attrs["unit"])
        frame.insert(2, "time", spread["time"].to_numpy())
        yield frame.to_csv(index=False, float_format=DIGITS, header=place == 0)


def noting(pieces: Iterable[xr.Dataset], failed: list[str]) -> Iterator[xr.Dataset]:
    """Pass datasets on, noting which runs failed, where and when."""
    for piece in pieces:
        bad = piece.isel(run=np.flatnonzero(~piece["finite"].values))
        columns = (bad[name].values for name in ("run", "first_bad_variable", "first_bad_time"))
        failed += [f"{run} ({name} at {time:g})" for run, name, time in zip(*columns, strict=True)]
        yield piece


def _long(pieces: Iterable[xr.Dataset]) -> Iterator[str]:
    for place, piece in enumerate(pieces):
        frame = piece.reset_coords(drop=True).to_dataframe(["run", "time"])
        yield frame.to_csv(float_format=DIGITS, header=place == 0)


def _netcdf(dataset: xr.Dataset, path: Path) -> None:
    # this kind of netCDF knows no truth values
    dataset.assign_coords(finite=dataset["finite"].astype("int8")).to_netcdf(path, engine="scipy")
