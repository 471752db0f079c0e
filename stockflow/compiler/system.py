"""Equations to one graph: what each state starts from, how fast it changes, and what is observed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stockflow.compiler.functions import Functions
from stockflow.compiler.graph import INPUT, Graph
from stockflow.errors import InputError
from stockflow.language import equations as eq
from stockflow.language.clock import SCHEMES, TOLERANCES, first_step, moving_step
from stockflow.language.curve import Table
from stockflow.language.operations import SMALL
from stockflow.language.order import evaluation_order, initial_order, made_of, needed_at_start, starting_part
from stockflow.names import plain

# of what a conveyor, queue or oven has in a step: what is left of it by rounding alone
_ROUNDING = 2.0**-48


@dataclass(frozen=True, slots=True)
class State:
    """One remembered number.

    An integral has `delay` 0 and `rate` is its change per unit of time; a fixed delay remembers
    its input `rate` for `delay` time steps.  `initial` depends on inputs at most.
    """

    name: str
    initial: int
    rate: int
    delay: int = 0


@dataclass(frozen=True, slots=True)
class System:
    """A graph with its roots; `outputs` and `inputs` are in the order asked for."""

    graph: Graph
    inputs: tuple[str, ...]
    states: tuple[State, ...]
    outputs: tuple[int, ...]


def lower(equations: eq.Equations, inputs: Sequence[str], outputs: Sequence[str]) -> System:
    """Return the system that computes `outputs` with the constants `inputs` left open.

    Both are display names.  Only the states that outputs depend on are part of it.  Raises
    InputError if an input decides the length of a fixed delay.
    """
    return _Lowering(equations, inputs).system(outputs)


class _Lowering:
    def __init__(self, equations: eq.Equations, inputs: Sequence[str]) -> None:
        self.equations = equations
        self.inputs = tuple(inputs)
        for name in equations.structural.intersection(inputs):
            raise InputError(f"{equations.source}: {name} decides how an equation is built, so it is fixed by the file")
        for named in _clock_names(equations):
            if deciding := [one for one in made_of(equations, [named]) if one in self.inputs]:
                raise InputError(
                    f"{equations.source}: {' and '.join(deciding)} decides {named},"
                    " which is fixed when a simulator is made: use with_constants"
                )
        self.graph = Graph()
        self.step = first_step(equations)
        self.moving = moving_step(equations) is not None
        self.automatic = bool(SCHEMES[equations.method].order)
        self.starting = self.functions = Functions(self.graph, self.graph.constant(self.step))
        self.start: dict[str, int] = {}
        self.now: dict[str, int] = {}
        self.stateful: dict[str, eq.Integral | eq.DelayFixed] = {}

    def system(self, outputs: Sequence[str]) -> System:
        graph, equations = self.graph, self.equations
        step = equations.find("time step").name
        needed = made_of(equations, [*outputs, step] if self.moving else outputs)
        self._initial_values(needed)
        for name in needed:
            expression = self.equations.variables[name].expression
            if isinstance(expression, (eq.Integral, eq.DelayFixed)):
                self.now[name] = graph.add("state", (), len(self.stateful))
                self.stateful[name] = expression
        if self.moving:
            for name in evaluation_order(equations, made_of(equations, [step])):
                self.now[name] = self._variable(name, self.now, graph.add("time"))
            self.functions = Functions(graph, graph.as_number(self.now[step]))
        for name in evaluation_order(equations, needed):
            if name not in self.now:
                self.now[name] = self._variable(name, self.now, graph.add("time"))
        states = tuple(self._state(name, expression) for name, expression in self.stateful.items())
        return System(graph, self.inputs, states, tuple(graph.as_number(self.now[name]) for name in outputs))

    def _initial_values(self, needed: Iterable[str]) -> None:
        first = self.graph.constant(self.equations.control("initial time"))
        needed = set(needed)
        wanted = [name for name in needed_at_start(self.equations) if name in needed]
        for name in initial_order(self.equations, wanted):
            expression = self.equations.variables[name].expression
            part = starting_part(expression)
            if part is expression:
                self.start[name] = self._variable(name, self.start, first)
            else:
                self.start[name] = self._lower(part, self.start, first)

    def _variable(self, name: str, values: Mapping[str, int], time: int) -> int:
        if name in self.inputs:
            return self.graph.add("input", (), self.inputs.index(name))
        match self.equations.variables[name].expression:
            case eq.Initial():
                return self.start[name]
            case Table():
                return self.graph.constant(0.0)
            case eq.ActiveInitial(expression, _) | expression:
                return self._lower(expression, values, time)

    def _state(self, name: str, expression: eq.Integral | eq.DelayFixed) -> State:
        graph, time = self.graph, self.graph.add("time")
        initial = graph.as_number(self.start[name])
        if isinstance(expression, eq.Content):
            return State(name, initial, self._left(name, expression), 1)
        if isinstance(expression, eq.Integral):
            rate = graph.as_number(self._lower(expression.rate, self.now, time))
            if expression.floored:
                # what empties the stock in one step
                most = graph.apply("div", graph.apply("neg", self.now[name]), self.functions.step)
                rate = graph.apply("max", rate, most)
            if self.moving:
                # a step is taken as one of the first length
                rate = graph.apply("mul", rate, graph.apply("div", self.functions.step, graph.constant(self.step)))
            return State(name, initial, rate)
        if self.moving and expression.delay != eq.Reference(self.equations.find("time step").name):
            raise InputError(f"{self.equations.source}: the delay in {name} counts time steps, but TIME STEP moves")
        first = graph.constant(self.equations.control("initial time"))
        length = self._lower(expression.delay, self.start, first)
        delay = graph.value(length)
        if delay is None:
            raise InputError(
                f"{self.equations.source}: {self._culprits(length)} decides the length of the delay in {name},"
                " which is fixed when a simulator is made: use with_constants"
            )
        rate = graph.as_number(self._lower(expression.input, self.now, time))
        steps = (self.equations.control("final time") - self.equations.control("initial time")) / self.step
        if math.isnan(delay):
            raise InputError(f"{self.equations.source}: the length of the delay in {name} is not a number")
        # what went in longer ago than a run lasts never comes out
        return State(name, initial, rate, round(min(max(delay / self.step, 1.0), math.ceil(steps) + 1.0) + SMALL))

    def _left(self, name: str, expression: eq.Content) -> int:
        """Return what a conveyor, queue or oven holds a step later."""
        graph, time = self.graph, self.graph.add("time")
        rate, there = (self._lower(one, self.now, time) for one in (expression.rate, expression.there))
        step = graph.constant(self.step)
        left = graph.apply("add", self.now[name], graph.apply("mul", rate, step))
        rounding = graph.apply("mul", graph.apply("abs", there), graph.constant(self.step * _ROUNDING))
        nothing = graph.apply("le", graph.apply("abs", left), rounding)
        return graph.apply("select", nothing, graph.constant(0.0), left)

    def _culprits(self, node: int) -> str:
        below = [self.graph.nodes[one] for one in self.graph.reachable([node]) if self.graph.stage[one] == INPUT]
        return " and ".join(self.inputs[int(str(one.payload))] for one in below if one.op == "input")

    def _lower(self, expression: eq.Expression, values: Mapping[str, int], time: int) -> int:
        graph = self.graph
        match expression:
            case eq.Number(value):
                return graph.constant(value)
            case eq.Time():
                return time
            case eq.Random(site):
                # what starts from a random number takes that of the first step
                return graph.add("initial random" if values is self.start else "random", (), site)
            case eq.Reference(name):
                return values[name]
            case eq.WithLookup(argument, table):
                return self.functions.lookup(self._lower(argument, values, time), table)
            case eq.LookupCall(name, argument):
                points = self.equations.variables[name].expression
                if isinstance(points, Table):
                    return self.functions.lookup(self._lower(argument, values, time), points)
            case eq.Operation(operator, arguments):
                # what switches with time does so between the steps of an automatic method
                moment = graph.add("time", (), "held") if self.automatic and values is self.now else time
                functions = self.functions if values is self.now else self.starting
                return functions.node(operator, [self._lower(one, values, time) for one in arguments], moment)
        raise InputError(f"{self.equations.source}: {type(expression).__name__} inside an expression")


def _clock_names(equations: eq.Equations) -> list[str]:
    """Return the names of what says when and how exactly a run is computed."""
    wanted = {*eq.CONTROLS, *(TOLERANCES if SCHEMES[equations.method].order else ())}
    return [one.name for one in equations.visible.values() if plain(one.name) in wanted]


def delay_constants(equations: eq.Equations) -> tuple[str, ...]:
    """Return the constants that decide the length of some fixed delay or of the run, or how exact it is."""
    delays = (one.expression.delay for one in equations.variables.values() if isinstance(one.expression, eq.DelayFixed))
    roots = [name for delay in delays for name in eq.references(delay)]
    roots += _clock_names(equations)
    names = initial_order(equations, roots)
    return tuple(name for name in names if equations.variables[name].kind == "constant")
