"""A model as other code sees it: its variables, changed copies, single runs and batches of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from stockflow import reference, source
from stockflow.clock import clock
from stockflow.equations import Equations, Number, Table, Time, Variable, WithLookup
from stockflow.errors import InputError
from stockflow.simulator import Simulator, compiled
from stockflow.source import Source
from stockflow.system import delay_constants
from stockflow.units import unbalanced

Series = tuple[ArrayLike, ArrayLike]
_Key = tuple[tuple[str, ...], tuple[str, ...], float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Equations that can be run.  Models do not change: `with_...` returns another one."""

    equations: Equations
    file: Source
    _compiled: dict[_Key, Simulator] = field(default_factory=dict, repr=False)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """All variables by display name, in file order."""
        return self.equations.variables

    @property
    def stocks(self) -> tuple[str, ...]:
        """Display names of the stocks."""
        return self._of_kind("stock")

    @property
    def constants(self) -> tuple[str, ...]:
        """Display names of the constants, which are what a run may set."""
        return self._of_kind("constant")

    @property
    def initial_time(self) -> float:
        """INITIAL TIME of the file."""
        return self.equations.control("initial time")

    @property
    def final_time(self) -> float:
        """FINAL TIME of the file."""
        return self.equations.control("final time")

    @property
    def time_step(self) -> float:
        """TIME STEP of the file."""
        return self.equations.control("time step")

    @property
    def save_period(self) -> float:
        """SAVEPER of the file."""
        return self.equations.control("saveper")

    def variable(self, name: str) -> Variable:
        """Return a variable in any spelling; UnknownNameError, with the nearest names, if there is none."""
        return self.equations.find(name)

    def with_constants(self, values: Mapping[str, float]) -> Model:
        """Return the model with other values for some constants.

        Raises InputError for a name that is not a constant and for a value outside the limits
        written in the file.
        """
        new = {self._constant(name).name: float(value) for name, value in values.items()}
        for name, value in new.items():
            self._check(self.variables[name], value)
        expressions = {name: Number(value) for name, value in new.items()}
        texts = {name: f"{_quoted(name)}= {value!r}" for name, value in new.items()}
        return Model(self.equations.changed(expressions), self.file.with_equations(texts))

    def with_series(self, series: Mapping[str, Series]) -> Model:
        """Return the model with some variables replaced by given paths over time.

        Each path is (times, values), linear in between and held at its ends; it takes the place of
        the variable's equation, be it a constant, an auxiliary, a flow or a stock, and so cuts every
        loop through it.  Raises InputError for a lookup or control variable, for times that do not
        increase, and for values that are not finite or outside the limits written in the file.
        """
        tables = {self._replaceable(name).name: path for name, path in series.items()}
        expressions = {name: WithLookup(Time(), self._path(name, *path)) for name, path in tables.items()}
        texts = {name: f"{_quoted(name)}= {_with_lookup(one.table)}" for name, one in expressions.items()}
        return Model(self.equations.changed(expressions), self.file.with_equations(texts))

    def simulator(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
    ) -> Simulator:
        """Return the compiled run that takes `inputs` and gives `outputs`, compiling it the first time.

        Inputs must be constants of the model, outputs any of its variables but lookups.  Raises
        InputError for other names, for `until` outside (initial time, final time], and for an input
        that decides the length of a fixed delay.
        """
        names = tuple(self._constant(name).name for name in inputs)
        wanted = tuple(self._output(name) for name in outputs)
        if len(set(names)) != len(names):
            raise InputError(f"{self.file.name}: an input is named twice in {', '.join(names)}")
        if not wanted:
            raise InputError(f"{self.file.name}: a simulator needs at least one output")
        equations = self._until(until, save_period)
        key = (names, wanted, equations.control("final time"), equations.control("saveper"))
        if key not in self._compiled:
            self._compiled[key] = compiled(equations, names, wanted)
        return self._compiled[key]

    def batch(
        self,
        samples: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
        threads: int | None = None,
    ) -> xr.Dataset:
        """Return many runs at once, dimensions (run, time), one data variable for each output.

        `samples` gives constants one value per run, or one for all.  The coordinate `finite` is False
        for a run in which any output is not finite at any saved time; nothing is dropped.  Raises
        InputError for a value that is not finite or outside the limits written in the file.
        """
        columns = {self._constant(name).name: np.asarray(one, dtype=float) for name, one in samples.items()}
        runs = self._runs(columns)
        simulator = self.simulator(tuple(columns), outputs, until, save_period)
        values = np.empty((runs, len(columns)))
        for place, (name, column) in enumerate(columns.items()):
            values[:, place] = column
            self._check_all(self.variables[name], values[:, place], "run")
        results = simulator(values, threads)
        data = {
            name: (("run", "time"), results[:, :, place], self._attributes(name))
            for place, name in enumerate(simulator.outputs)
        }
        finite = np.isfinite(results).all(axis=(1, 2))
        return xr.Dataset(data, {"run": np.arange(runs), "time": self._times(simulator), "finite": ("run", finite)})

    def run(
        self,
        params: Mapping[str, float] | None = None,
        until: float | None = None,
        engine: str = "batch",
    ) -> xr.Dataset:
        """Return one run: every variable but lookups, by display name, along `time`.

        `params` sets constants for this run only, within the limits written in the file.  The
        engine "reference" is PySD: slow, and what "batch" is measured against; it stops with an
        ArithmeticError where "batch" would return infinite or missing values.
        """
        names = tuple(name for name, one in self.variables.items() if one.kind != "lookup")
        given = {self._constant(name).name: float(value) for name, value in (params or {}).items()}
        for name, value in given.items():
            self._check(self.variables[name], value)
        if engine == "reference":
            changed = self.with_constants(given)
            return reference.run(changed.file, changed._until(until, None), names)
        if engine != "batch":
            raise InputError(f"engine is {engine!r}, but must be 'batch' or 'reference'")
        fixed = {name: given.pop(name) for name in delay_constants(self.equations) if name in given}
        model = self.with_constants(fixed) if fixed else self
        simulator = model.simulator(tuple(given), names, until)
        results = simulator(np.array([list(given.values())]))[0]
        data = {name: ("time", results[:, place], self._attributes(name)) for place, name in enumerate(names)}
        return xr.Dataset(data, {"time": self._times(simulator)})

    def unbalanced(self, equivalences: Iterable[Sequence[str]] = ()) -> list[str]:
        """Return one line for every equation whose two sides differ in unit, in file order.

        `equivalences` are sets of unit names that mean the same, beside those the file declares.
        """
        return unbalanced(self.equations, equivalences)

    def _of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, one in self.variables.items() if one.kind == kind)

    def _constant(self, name: str) -> Variable:
        one = self.variable(name)
        if one.kind != "constant":
            hint = "" if one.kind in {"lookup", "control"} else "; give it a path over time with with_series"
            raise InputError(f"{self.file.name}: {one.name} is not a constant of the model ({one.kind}){hint}")
        return one

    def _replaceable(self, name: str) -> Variable:
        one = self.variable(name)
        if one.kind in {"lookup", "control"}:
            raise InputError(f"{self.file.name}: {one.name} is a {one.kind}, which a path over time cannot replace")
        return one

    def _output(self, name: str) -> str:
        one = self.variable(name)
        if one.kind == "lookup":
            raise InputError(f"{self.file.name}: {one.name} is a lookup, which has no value of its own")
        return one.name

    def _path(self, name: str, times: ArrayLike, values: ArrayLike) -> Table:
        xs, ys = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
        if xs.ndim != 1 or xs.shape != ys.shape:
            raise InputError(
                f"{self.file.name}: {name} needs as many times as values, not shapes {xs.shape} and {ys.shape}"
            )
        try:
            table = Table(tuple(xs.tolist()), tuple(ys.tolist()))
        except InputError as error:
            raise InputError(f"{self.file.name}: {name}: {error}") from error
        self._check_all(self.variables[name], ys, "point")
        return table

    def _check(self, one: Variable, value: float, place: str = "") -> None:
        try:
            one.check(value)
        except InputError as error:
            raise InputError(f"{self.file.name}: {error}{place}") from error

    def _check_all(self, one: Variable, values: NDArray[np.float64], what: str) -> None:
        low, high = (
            (-np.inf if one.limits[0] is None else one.limits[0]),
            (np.inf if one.limits[1] is None else one.limits[1]),
        )
        bad = ~(np.isfinite(values) & (values >= low) & (values <= high))
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            self._check(one, float(values[place]), f" in {what} {place}")

    def _runs(self, columns: Mapping[str, NDArray[np.float64]]) -> int:
        lengths = {name: len(column) for name, column in columns.items() if column.ndim == 1}
        if any(column.ndim > 1 for column in columns.values()) or len(set(lengths.values())) > 1:
            shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
            raise InputError(f"{self.file.name}: samples need one value for each run: {shapes}")
        return max(lengths.values(), default=1)

    def _attributes(self, name: str) -> dict[str, str]:
        one = self.variables[name]
        return {"unit": one.unit, "documentation": one.documentation}

    def _times(self, simulator: Simulator) -> tuple[str, NDArray[np.float64], dict[str, str]]:
        return ("time", simulator.times, {"unit": self.variable("time step").unit})

    def _until(self, until: float | None, save_period: float | None) -> Equations:
        """The equations with other control numbers, since FINAL TIME and SAVEPER may be read by any."""
        new: dict[str, Number] = {}
        if until is not None:
            if not self.initial_time < until <= self.final_time:
                raise InputError(
                    f"{self.file.name}: until is {until:.15g}, but must be after {self.initial_time:.15g}"
                    f" and no later than {self.final_time:.15g}"
                )
            new["final time"] = Number(float(until))
        if save_period is not None:
            new["saveper"] = Number(float(save_period))
        return self.equations.changed({self.variable(name).name: one for name, one in new.items()})


def load(path: str | Path) -> Model:
    """Return the model of a Vensim file; InputError for a file that cannot be read or is not supported."""
    file = source.read(path)
    equations = source.equations(file)
    clock(equations)
    return Model(equations, file)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[^\W\d][\w\s'$]*", name) else f'"{name}"'


def _with_lookup(table: Table) -> str:
    """Write a path over time as Vensim does; one point alone becomes two, as PySD cannot read one."""
    points = list(zip(table.xs, table.ys, strict=True))
    if len(points) == 1:
        points.append((points[0][0] + 1.0, points[0][1]))
    return f"WITH LOOKUP(Time, ({','.join(f'({x!r},{y!r})' for x, y in points)}))"
