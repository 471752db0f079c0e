"""Equations that score links while a model runs: how much of an effect's change one cause made, other things equal.

The score of the link x -> z, z = f(x, y), over one time step (Schoenberg, Davidsen and Eberlein 2020, System
Dynamics Review 36(2), 158-190, equation 1) is

    |f(x now, y before) - z before| / |z now - z before|, with the sign of what x did to z against the change of x,

and 0 where z or x did not change.  Into a stock it is taken of the net flow: the flow's change over the change of the
net flow, as corrected in Schoenberg, Hayward and Eberlein 2023 (System Dynamics Review 39(2), 140-151, equation 3 in
the form of their section on aggregation).  A fixed delay is treated as a stock, the value that enters it as its flow.
Values before are remembered by fixed delays of one step, so the scores come from the run itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce

from stockflow.errors import InputError
from stockflow.insight.structure import Link, moving_part, read_names
from stockflow.language import equations as eq
from stockflow.language.clock import one_step
from stockflow.language.functions.memory import minus, plus, times

# a change below this share of what it is a change of is rounding
_ROUNDING = 1e-13
_MOST_PATHS = 200
_OWNER = "scores of links"
# operations that read the time by themselves, with the places of their arguments that are times
_TIMES: Mapping[str, tuple[int, ...]] = {
    "step": (1,),
    "ramp": (1, 2),
    "endless ramp": (1,),
    "pulse": (0,),
    "pulse train": (0, 3),
    "impulse": (0,),
    "impulses": (0,),
}


def score_links(equations: eq.Equations, links: Iterable[Link]) -> tuple[eq.Equations, dict[Link, str]]:
    """Return the model with scores of links (cause, effect), which are display names, and the variable of each score.

    A link that runs through the hidden parts of its effect, as into a SMOOTH, has the score of the strongest path
    through them.  Raises InputError where there is no such link.
    """
    scorer = _Scorer(equations)
    names = {link: scorer.link(*link) for link in dict.fromkeys(links)}
    return scorer.equations(), names


class _Scorer:
    """Collects the variables that the scores need."""

    def __init__(self, equations: eq.Equations) -> None:
        self.source = equations
        self.variables = equations.variables
        self.step = one_step(equations, "scores of loops")
        self.start = equations.control("initial time")
        self.new: dict[str, eq.Variable] = {}

    def equations(self) -> eq.Equations:
        """Return the model with everything that was asked for."""
        return replace(self.source, variables={**self.variables, **self.new})

    def link(self, cause: str, effect: str) -> str:
        """Return the variable that holds the score of a link, direct or through hidden parts of the effect."""
        paths = list(self.paths(cause, effect))
        if not paths:
            raise InputError(f"{self.source.source}: there is no link from {cause} to {effect}")
        if len(paths) > _MOST_PATHS:
            raise InputError(f"{self.source.source}: {effect} hides more than {_MOST_PATHS} paths from {cause}")
        scores = [reduce(times, (self.direct(*pair) for pair in path)) for path in paths]
        return self.added(f"score of {cause} -> {effect}", reduce(_stronger, scores), owner="")

    def paths(self, cause: str, effect: str) -> Iterator[tuple[Link, ...]]:
        """Yield the simple paths from cause to effect whose other members are hidden parts of a variable."""
        todo: list[tuple[str, tuple[Link, ...]]] = [(effect, ())]
        count = 0
        while todo and count <= _MOST_PATHS:
            name, path = todo.pop()
            for read in read_names(moving_part(self.variables[name].expression)):
                longer = ((read, name), *path)
                if read == cause:
                    count += 1
                    yield longer
                elif self.variables[read].owner and read not in {one for one, _ in path}:
                    todo.append((read, longer))

    def direct(self, cause: str, effect: str) -> eq.Expression:
        """Return the score of a link that stands in the equation of the effect."""
        part = moving_part(self.variables[effect].expression)
        now = self.moving(effect, part)
        before, cause_now = self.before(now), eq.Reference(cause)
        change = minus(now, before)
        sizes: list[eq.Expression] = [eq.Operation("abs", (one,)) for one, _ in eq.terms(part)]
        least = times(eq.Number(_ROUNDING), reduce(plus, sizes))
        moved = minus(cause_now, self.before(cause_now))
        alone = minus(self.earlier(part, cause), before)
        share = eq.Operation("/", (alone, eq.Operation("abs", (change,))))
        falling = eq.Operation("<", (moved, eq.Number(0.0)))
        signed = eq.Operation("if then else", (falling, eq.Operation("negative", (share,)), share))
        still = reduce(
            lambda left, right: eq.Operation("or", (left, right)),
            (
                eq.Operation("<", (eq.Time(), eq.Number(self.start + self.step / 2))),
                eq.Operation("<=", (eq.Operation("abs", (change,)), least)),
                eq.Operation("=", (moved, eq.Number(0.0))),
            ),
        )
        # as a variable of its own, since several loops and paths use it
        name = self.added(
            f"direct score of {cause} -> {effect}", eq.Operation("if then else", (still, eq.Number(0.0), signed))
        )
        return eq.Reference(name)

    def moving(self, name: str, part: eq.Expression) -> eq.Reference:
        """Return what of a variable changes at once: itself, or the net flow of a stock."""
        if isinstance(self.variables[name].expression, eq.Integral | eq.DelayFixed):
            return eq.Reference(self.added(f"net flow of {name}", part))
        return eq.Reference(name)

    def before(self, now: eq.Reference) -> eq.Expression:
        """Return the value of a variable one step ago, and at the start that of the start."""
        one = self.variables.get(now.name)
        if one is not None and (one.kind in {"constant", "control"} or isinstance(one.expression, eq.Initial)):
            return now
        return eq.Reference(self.added(f"{now.name} a step ago", eq.DelayFixed(now, eq.Number(self.step), now)))

    def earlier(self, expression: eq.Expression, keep: str) -> eq.Expression:
        """Return an expression of a step ago, but with one variable as it is now."""
        match expression:
            case eq.Reference(name):
                return expression if name == keep else self.before(expression)
            case eq.Time():
                return minus(expression, eq.Number(self.step))
            case eq.Random(site):
                return self.before(eq.Reference(self.added(f"random number {site}", expression)))
            case eq.WithLookup(argument, table):
                return eq.WithLookup(self.earlier(argument, keep), table)
            case eq.LookupCall(name, argument):
                return eq.LookupCall(name, self.earlier(argument, keep))
            case eq.Operation(operator, arguments):
                parts = [self.earlier(one, keep) for one in arguments]
                for place in _TIMES.get(operator, ()):
                    parts[place] = plus(parts[place], eq.Number(self.step))
                return eq.Operation(operator, tuple(parts))
        return expression

    def added(self, name: str, expression: eq.Expression, owner: str = _OWNER) -> str:
        """Add a variable, if it is not there yet, and return its name."""
        if name not in self.new:
            if name in self.variables:
                raise InputError(f"{self.source.source}: a variable is called {name!r}, a name that scores need")
            self.new[name] = eq.Variable(name, "auxiliary", "Dmnl", "", "", (None, None), expression, owner=owner)
        return name


def _stronger(left: eq.Expression, right: eq.Expression) -> eq.Expression:
    larger = eq.Operation(">=", (eq.Operation("abs", (left,)), eq.Operation("abs", (right,))))
    return eq.Operation("if then else", (larger, left, right))
