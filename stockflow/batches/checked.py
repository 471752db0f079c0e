"""What people ask of a model, checked against its equations: names, numbers, paths, moments.

Every refusal is an InputError of one line that names the file, the variable, the value and its bound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from stockflow.arrays import Array
from stockflow.compiler.graph import OpenTable
from stockflow.compiler.simulator import Task
from stockflow.errors import InputError
from stockflow.language.clock import SCHEMES, check_period, neighbours
from stockflow.language.curve import Table
from stockflow.language.equations import Equations, Expression, Method, Number, Time, Variable, WithLookup


@dataclass(frozen=True, slots=True)
class Checked:
    """Turns what is asked into tasks and arrays that need no further check."""

    equations: Equations

    @property
    def place(self) -> str:
        """The name of the model file."""
        return self.equations.source

    def constant(self, name: str) -> Variable:
        """Return a constant of the model."""
        one = self.equations.find(name)
        if one.kind != "constant":
            hint = "" if one.kind in {"lookup", "control"} else "; give it a path over time with with_series"
            raise InputError(f"{self.place}: {one.name} is not a constant of the model ({one.kind}){hint}")
        return one

    def inputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the display names of constants, each named once."""
        found = tuple(self.constant(name).name for name in names)
        self.once(found)
        return found

    def once(self, names: Sequence[str]) -> None:
        """Refuse display names of which one stands twice: two spellings of it would hide each other."""
        if len(set(names)) != len(names):
            raise InputError(f"{self.place}: an input is named twice in {', '.join(names)}")

    def outputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the display names of variables, an array's name standing for all its elements."""
        found = tuple(one for name in names for one in self.equations.elements(name))
        for one in found:
            if self.equations.visible[one].kind == "lookup":
                raise InputError(f"{self.place}: {one} is a lookup, which has no value of its own")
        if not found:
            raise InputError(f"{self.place}: a simulator needs at least one output")
        return found

    def replaceable(self, name: str) -> Variable:
        """Return a variable that a path over time can replace."""
        one = self.equations.find(name)
        if one.kind in {"lookup", "control"}:
            raise InputError(f"{self.place}: {one.name} is a {one.kind}, which a path over time cannot replace")
        return one

    def value(self, one: Variable, value: float, where: str = "") -> None:
        """Refuse a value that is not finite or outside the limits of a variable."""
        try:
            one.check(value)
        except InputError as error:
            raise InputError(f"{self.place}: {error}{where}") from error

    def values(self, one: Variable, values: Array, what: str) -> None:
        """Refuse values, shape (any,), of which one is; `what` they are counted as."""
        place = first_outside(one, values)
        if place is not None:
            self.value(one, float(values[place]), f" in {what} {place}")

    def path(self, one: Variable, times: ArrayLike, values: ArrayLike) -> Table:
        """Return a path over time of a variable, within its limits."""
        xs, ys = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
        table = self.table(one, xs, ys)
        self.values(one, ys, "point")
        return table

    def table(self, one: Variable, xs: Array, ys: Array) -> Table:
        """Return points for a variable, whatever its limits."""
        if xs.ndim != 1 or xs.shape != ys.shape:
            raise InputError(
                f"{self.place}: {one.name} needs as many times as values, not shapes {xs.shape} and {ys.shape}"
            )
        try:
            return Table(tuple(xs.tolist()), tuple(ys.tolist()))
        except InputError as error:
            raise InputError(f"{self.place}: {one.name}: {error}") from error

    def method(self, asked: Method | None) -> Method:
        """Return how to integrate: as asked, or else as the file says."""
        if asked is not None and asked not in SCHEMES:
            raise InputError(f"{self.place}: method is {asked!r}, but must be one of {', '.join(SCHEMES)}")
        if asked not in {None, "Euler"}:
            # what reads files is not needed otherwise
            from stockflow.language.functions.holders import has_holders

            if has_holders(self.equations):
                raise InputError(f"{self.place}: method is {asked!r}, but conveyors, queues and ovens need Euler's")
        return asked or self.equations.method

    def moments(self, until: float | None, save_period: float | None, method: Method | None = None) -> Equations:
        """Return the equations with other control numbers, since FINAL TIME and SAVEPER may be read by any.

        InputError for an `until` that is no moment of the run.
        """
        new: dict[str, Number] = {}
        if until is not None:
            start, final = self.equations.control("initial time"), self.equations.control("final time")
            if not start < until <= final:
                raise InputError(
                    f"{self.place}: until is {until:.15g}, but must be after {start:.15g}"
                    f" and no later than {final:.15g}"
                )
            around = neighbours(self.equations, until) if until < final else None
            if around is not None:
                raise InputError(
                    f"{self.place}: until is {until:.15g}, between two moments of TIME STEP"
                    f" {self.equations.control('time step'):g}: take {around[0]:.15g} or {around[1]:.15g}"
                )
            new["final time"] = Number(float(until))
        if save_period is not None:
            check_period(self.equations, float(save_period))
            new["saveper"] = Number(float(save_period))
        named = {self.equations.find(name).name: one for name, one in new.items()}
        changed = self.equations.changed(named) if named else self.equations
        asked = self.method(method)
        return changed if changed.method == asked else replace(changed, method=asked)

    def task(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        until: float | None,
        save_period: float | None,
        method: Method | None,
        series: Mapping[str, ArrayLike],
        lookups: Mapping[str, ArrayLike],
    ) -> Task:
        """Return what to compile; `series` and `lookups` have the x values of tables left open."""
        names, wanted = self.inputs(inputs), self.outputs(outputs)
        opened: dict[str, Expression] = {}
        tables: list[tuple[str, int]] = []
        asked = [(self.replaceable(name), xs, True) for name, xs in series.items()]
        asked += [(self.equations.find(name), xs, False) for name, xs in lookups.items()]
        for one, xs, over_time in asked:
            if one.name in opened or one.name in names:
                raise InputError(f"{self.place}: {one.name} is given twice")
            places = np.asarray(xs, dtype=float)
            table = self.table(one, places, np.arange(places.size, dtype=float))
            free = OpenTable(table.xs, table.ys, first=sum(points for _, points in tables))
            opened[one.name] = WithLookup(Time(), free) if over_time else self._opened(one, free)
            tables.append((one.name, len(table.xs)))
        equations = self.moments(until, save_period, method)
        return Task(equations.changed(opened) if opened else equations, names, wanted, tuple(tables))

    def _opened(self, one: Variable, table: OpenTable) -> Expression:
        match one.expression:
            case Table(kind=kind):
                return replace(table, kind=kind)
            case WithLookup(argument, Table(kind=kind)):
                return WithLookup(argument, replace(table, kind=kind))
        raise InputError(f"{self.place}: {one.name} is not a lookup of the model ({one.kind})")

    def samples(self, columns: Mapping[str, Array], tables: Mapping[str, Array], points: Mapping[str, int]) -> Array:
        """Return the values of constants, shape (run, constant), for runs that `tables` may count too.

        A table that is no lookup is within its variable's limits, in every run and point.
        """
        runs = self._runs(columns, tables)
        values = np.empty((runs, len(columns)))
        for place, (name, column) in enumerate(columns.items()):
            values[:, place] = column
            self.values(self.equations.visible[name], values[:, place], "run")
        for name, table in tables.items():
            shape, one = (runs, points[name]), self.equations.visible[name]
            if table.shape not in {shape, shape[1:]}:
                raise InputError(f"{self.place}: values of {name} have shape {table.shape}, not {shape}")
            if one.kind != "lookup" and first_outside(one, table.ravel()) is not None:
                for point in range(points[name]):
                    self.values(one, np.atleast_2d(table)[:, point], f"point {point} of run")
        return values

    def _runs(self, columns: Mapping[str, Array], tables: Mapping[str, Array]) -> int:
        lengths = {name: len(column) for name, column in columns.items() if column.ndim == 1}
        lengths.update({name: len(table) for name, table in tables.items() if table.ndim == 2})
        if any(column.ndim > 1 for column in columns.values()) or len(set(lengths.values())) > 1:
            shapes = ", ".join(f"{name} {column.shape}" for name, column in {**columns, **tables}.items())
            raise InputError(f"{self.place}: samples need one value for each run: {shapes}")
        return max(lengths.values(), default=1)


def first_outside(one: Variable, values: Array) -> int | None:
    """Return the place of the first of `values`, shape (any,), that is not finite or outside the limits."""
    low, high = one.limits
    below, above = -np.inf if low is None else low, np.inf if high is None else high
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= below) & (values <= above)))
    return int(bad[0]) if bad.size else None
