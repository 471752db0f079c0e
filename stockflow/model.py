"""A model as other code sees it: its variables, changed copies, single runs and batches of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from stockflow.batches.batch import Batch, watching
from stockflow.batches.checked import Checked
from stockflow.compiler.simulator import Simulator, Task, compiled
from stockflow.errors import InputError
from stockflow.insight.reality import RealityCheck, run_checks
from stockflow.language import codec
from stockflow.language.clock import TOLERANCE, first_step, with_tolerances
from stockflow.language.equations import Equations, Method, Number, Time, Variable, WithLookup
from stockflow.language.source import Source
from stockflow.language.vensim.written import quoted, with_lookup
from stockflow.reading import read
from stockflow.version import VERSION

if TYPE_CHECKING:
    import xarray as xr

    from stockflow.gradients.gradient import Gradient
    from stockflow.gradients.payoff import Payoff, Term
    from stockflow.insight.lint import Finding
    from stockflow.insight.loops import Loop

Series = tuple[ArrayLike, ArrayLike]
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Equations that can be run.  Models do not change: `with_...` returns another one.

    A model pickles without its compiled simulators, which are made anew on demand.
    """

    equations: Equations
    file: Source
    _compiled: dict[_Key, Simulator] = field(default_factory=dict, init=False, repr=False)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """All variables by display name, in file order; an array has one for each element."""
        return self.equations.visible

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
        """INITIAL TIME of the file, in its unit of time."""
        return self.equations.control("initial time")

    @property
    def final_time(self) -> float:
        """FINAL TIME of the file, in its unit of time."""
        return self.equations.control("final time")

    @property
    def time_step(self) -> float:
        """TIME STEP of the file at its initial time, in its unit of time."""
        return first_step(self.equations)

    @property
    def save_period(self) -> float:
        """SAVEPER of the file, in its unit of time."""
        return self.equations.control("saveper")

    def variable(self, name: str) -> Variable:
        """Return a variable in any spelling; UnknownNameError, with the nearest names, if there is none."""
        return self.equations.find(name)

    def with_constants(self, values: Mapping[str, float]) -> Model:
        """Return the model with other values for some constants.

        Raises InputError for a name that is not a constant and for a value outside the limits
        written in the file.
        """
        able = self._with_tolerances(values)
        new = able._settings(values)
        expressions = {name: Number(value) for name, value in new.items()}
        texts = {name: f"{quoted(name)}= {value!r}" for name, value in new.items()}
        return Model(able.equations.changed(expressions), able.file.with_equations(texts))

    def with_series(self, series: Mapping[str, Series]) -> Model:
        """Return the model with some variables replaced by given paths over time.

        Each path is (times, values), of one shape and in the variable's own unit, linear in between and
        held at its ends; it takes the place of the variable's equation, be it a constant, an auxiliary, a
        flow or a stock, and so cuts every loop through it.  Raises InputError for a lookup or control
        variable, for times that do not increase, and for values that are not finite or outside the
        limits written in the file.
        """
        if not series:
            return self
        asked = Checked(self.equations)
        paths = [(asked.replaceable(name), path) for name, path in series.items()]
        asked.once([one.name for one, _ in paths])
        expressions = {one.name: WithLookup(Time(), asked.path(one, *path)) for one, path in paths}
        texts = {name: f"{quoted(name)}= {with_lookup(one.table)}" for name, one in expressions.items()}
        return Model(self.equations.changed(expressions), self.file.with_equations(texts))

    def simulator(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
        method: Method | None = None,
        series: Mapping[str, ArrayLike] | None = None,
        lookups: Mapping[str, ArrayLike] | None = None,
    ) -> Simulator:
        """Return the compiled run that takes `inputs` and gives `outputs`, compiling it the first time.

        Inputs must be constants of the model, outputs any of its variables but lookups; the bare
        name of an array stands for all its elements.  `series` names variables whose path over time
        differs between runs, with its times, and `lookups` lookups (or variables that are WITH
        LOOKUP) whose y values do, with their x values; the simulator is called with those values.
        `method` is the file's if not given.  Under RK4 a fixed delay takes in and gives out one
        value for each whole step.  Raises InputError for other names, for `until` outside
        (initial time, final time], and for an input that decides the length of a fixed delay.
        """
        asked = Checked(self.equations)
        return self._simulator(asked.task(inputs, outputs, until, save_period, method, series or {}, lookups or {}))

    def runs(
        self,
        samples: Mapping[str, ArrayLike],
        outputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
        threads: int | None = None,
        method: Method | None = None,
        series: Mapping[str, Series] | None = None,
        lookups: Mapping[str, Series] | None = None,
        seed: int = 0,
    ) -> Batch:
        """Return many runs, checked and not yet made: all at once, piece by piece or as quantiles, see `Batch`.

        `samples` gives constants one value per run, or one for all.  `series` gives variables a path
        over time that differs between runs, and `lookups` gives lookups other y values: (times or x
        values, values), the values of shape (run, point), or (point,) for all runs alike.  Random
        numbers depend on `seed`, the place in the model, the step and the number of the run.

        Raises InputError as `simulator` does, and for a value that is not finite or outside the limits
        written in the file.
        """
        asked = Checked(self.equations)
        names = asked.inputs(tuple(samples))
        columns = {name: np.asarray(one, dtype=float) for name, one in zip(names, samples.values(), strict=True)}
        opening = [*(series or {}).values(), *(lookups or {}).values()]
        times, places = ({name: xs for name, (xs, _) in (given or {}).items()} for given in (series, lookups))
        simulator = self.simulator(tuple(columns), outputs, until, save_period, method, times, places)
        points = dict(simulator.task.tables)
        opened = {name: np.asarray(ys, dtype=float) for name, (_, ys) in zip(points, opening, strict=True)}
        values = asked.samples(columns, opened, points)
        tables = {name: np.broadcast_to(table, (len(values), points[name])) for name, table in opened.items()}
        return Batch(
            simulator,
            lambda: self._simulator(watching(simulator.task)),
            values,
            tables,
            seed,
            threads,
            {name: self._attributes(name) for name in simulator.outputs},
            self._time_attributes(),
            self._origin(simulator.task.equations.method, simulator.digest),
        )

    def run(
        self,
        params: Mapping[str, float] | None = None,
        until: float | None = None,
        engine: str = "batch",
        method: Method | None = None,
        seed: int = 0,
        save_period: float | None = None,
    ) -> xr.Dataset:
        """Return one run: every variable but lookups, by display name, along `time`.

        `params` sets constants for this run only, within the limits written in the file.  The
        engine "reference" is PySD: slow, Euler only, and what "batch" is measured against; it stops
        with a StoppedError where "batch" would return infinite or missing values, and must be installed.
        Each variable has its unit as an attribute.  Raises InputError as `runs` does, and for an engine
        that is neither.
        """
        import xarray as xr

        from stockflow import reference
        from stockflow.compiler.system import delay_constants

        names = tuple(name for name, one in self.variables.items() if one.kind != "lookup")
        able = self._with_tolerances(params or {})
        if able is not self:
            return able.run(params, until, engine, method, seed, save_period)
        given = self._settings(params or {})
        method = Checked(self.equations).method(method)
        if engine == "reference":
            if method != "Euler":
                raise InputError(f"{self.file.name}: the reference engine runs Euler, not {method}")
            model = self.with_constants(given)
            times, results = reference.run(model.file, Checked(model.equations).moments(until, save_period), names)
            digest = codec.digest(model.equations)
        elif engine == "batch":
            fixed = {name: given.pop(name) for name in delay_constants(self.equations) if name in given}
            model = self.with_constants(fixed) if fixed else self
            simulator = model.simulator(tuple(given), names, until, save_period, method=method)
            times, digest = simulator.times, simulator.digest
            results = simulator(np.array([list(given.values())]), seed=seed)[0]
        else:
            raise InputError(f"engine is {engine!r}, but must be 'batch' or 'reference'")
        data = {name: ("time", results[:, place], self._attributes(name)) for place, name in enumerate(names)}
        return xr.Dataset(data, {"time": ("time", times, self._time_attributes())}, model._origin(method, digest))

    def payoff(
        self,
        terms: Sequence[Term],
        inputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
        method: Method | None = None,
    ) -> Payoff:
        """Return the compiled payoff of runs: how far each is from what `terms` observed; no output is stored.

        Runs stop at the last time a term reads.  Raises InputError as `simulator` does, and for a
        term at a time that is not saved.
        """
        from stockflow.gradients.payoff import payoff

        asked = Checked(self.equations)
        return payoff(asked.moments(until, save_period, method), asked.inputs(inputs), terms)

    def gradient(
        self,
        terms: Sequence[Term],
        inputs: Sequence[str],
        until: float | None = None,
        save_period: float | None = None,
        method: Method | None = None,
        width: int | None = None,
    ) -> Gradient:
        """Return the compiled payoff of runs with its exact derivatives with respect to `inputs`.

        `width` runs share a vector, as many as the processor takes if not given; 2 or 4 answer a
        single run sooner.  Kinks are one-sided: see `stockflow.gradients.adjoint`.  Raises InputError as
        `payoff` does.
        """
        from stockflow.gradients.gradient import gradient

        asked = Checked(self.equations)
        return gradient(asked.moments(until, save_period, method), asked.inputs(inputs), terms, width)

    def unbalanced(self, equivalences: Iterable[Sequence[str]] = ()) -> list[str]:
        """Return one line for every equation whose two sides differ in unit, in file order.

        `equivalences` are sets of unit names that mean the same, beside those the file declares.
        """
        from stockflow.insight.units import unbalanced

        return unbalanced(self.equations, equivalences)

    def depends_on(self, name: str, direct: bool = False) -> tuple[str, ...]:
        """Return the variables whose values a variable's value is made of, in file order.

        Through any chain and through stocks, or only those its own equation reads.  UnknownNameError for
        a name the model does not have.
        """
        from stockflow.insight import structure

        return structure.depends_on(self.equations, name, direct)

    def used_by(self, name: str, direct: bool = False) -> tuple[str, ...]:
        """Return the variables that a variable acts on, in file order: through any chain, or directly.

        UnknownNameError for a name the model does not have.
        """
        from stockflow.insight import structure

        return structure.used_by(self.equations, name, direct)

    def components(self) -> tuple[tuple[str, ...], ...]:
        """Return the sets of variables that all act on each other, largest first."""
        from stockflow.insight import structure

        return structure.components(self.equations)

    def loops(self) -> tuple[Loop, ...]:
        """Return the shortest independent feedback loops with polarity and name; see `stockflow.insight.loops`.

        Where equations leave a polarity open, slopes halfway through the base run decide.
        """
        from stockflow.insight.loops import feedback_loops

        return feedback_loops(self.equations)

    def loop_scores(
        self,
        samples: Mapping[str, ArrayLike],
        loops: Mapping[str, Sequence[str]] | None = None,
        until: float | None = None,
        save_period: float | None = None,
        threads: int | None = None,
        method: Method | None = None,
        series: Mapping[str, Series] | None = None,
        seed: int = 0,
    ) -> xr.Dataset:
        """Return how much each loop does in many runs (Loops That Matter), dimensions (run, time, loop).

        `loops` gives for each name the members of a loop in causal order, by default those of
        `Model.loops`; runs and times are those of `runs`.  Scores come from every time step:
        `relative_score` is a loop's share, with its sign, in the scores of all these loops that can act
        on each other (the coordinate `partition` says which), at a saved time; `mean_relative_score` its
        mean over the steps since the saved time before, `mean_share` that of its size.  `score` is not
        divided by anything, and `link_score`, (run, time, link), is what it is a product of.  All are 0
        at the start, when nothing has changed.  Memory holds some runs at every step at a time.  Raises
        InputError for a loop with a link that the model has not, and for one that `series` cuts.
        """
        from stockflow.insight.loop_scores import loop_scores

        def runs(equations: Equations, outputs: Sequence[str], chunk: int) -> Iterator[xr.Dataset]:
            scored, step = Model(equations, self.file), self.time_step
            return scored.runs(samples, outputs, until, step, threads, method, series, seed=seed).pieces(chunk)

        wanted = {one.name: one.members for one in self.loops()} if loops is None else loops
        return loop_scores(self.equations, wanted, series or {}, until, save_period, method, runs)

    def reality_checks(self) -> tuple[RealityCheck, ...]:
        """Run the reality checks written in the file and return their outcomes; see `stockflow.insight.reality`.

        Raises InputError, with name and line, for a check that cannot be read.
        """
        return run_checks(self.file, read)

    def lint(self) -> tuple[Finding, ...]:
        """Return what a careful reader would ask about the file, in file order; see `stockflow.insight.lint`."""
        from stockflow.insight.lint import lint

        return lint(self.equations)

    def _of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name, one in self.variables.items() if one.kind == kind)

    def _with_tolerances(self, names: Iterable[str]) -> Model:
        """Return the model with the tolerances that are named and that its file, one of Vensim's, leaves out."""
        equations = with_tolerances(self.equations, names)
        if equations is self.equations or not self.file.is_vensim:
            return self
        new = [name for name in equations.visible if name not in self.variables]
        return Model(equations, self.file.with_more("".join(f"{one}= {TOLERANCE!r} ~ Dmnl ~ |\n\n" for one in new)))

    def _settings(self, values: Mapping[str, float]) -> dict[str, float]:
        """Numbers for constants, by display name, each given once and within its limits."""
        asked = Checked(self.equations)
        found = dict(zip(asked.inputs(tuple(values)), map(float, values.values()), strict=True))
        for name, value in found.items():
            asked.value(self.variables[name], value)
        return found

    def _attributes(self, name: str) -> dict[str, str]:
        one = self.variables[name]
        return {"unit": one.unit, "documentation": one.documentation}

    def _time_attributes(self) -> dict[str, str]:
        return {"unit": self.variable("time step").unit}

    def _origin(self, method: Method, digest: str) -> dict[str, str | float]:
        """What a Dataset says about where it came from; the hash is that of the equations as run."""
        return {
            "model_file": self.file.name,
            "equations_sha256": digest,
            "stockflow_version": VERSION,
            "method": method,
            "time_step": self.time_step,
        }

    def _simulator(self, task: Task) -> Simulator:
        equations = task.equations
        controls = (equations.control("final time"), equations.control("saveper"), equations.method)
        opened = tuple(equations.variables[name].expression for name, _ in task.tables)
        key = (task.inputs, task.outputs, task.tables, task.watched, controls, opened)
        if key not in self._compiled:
            self._compiled[key] = compiled(task)
        return self._compiled[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return Model, (self.equations, self.file)
