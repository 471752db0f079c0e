"""Reality checks written in a Vensim file: if the condition holds, the consequence must.

    no workers no output :THE CONDITION: no workers :IMPLIES: Output <= 0
    no workers :TEST INPUT: Workers = 0

A condition is a logical expression, or test inputs, or both joined by :AND:.  A test input changes
one equation for the whole run.  Each check is run with the model as it then is, and holds if there is
no saved time at which its condition holds and its consequence does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from stockflow.batches.checked import Checked
from stockflow.compiler.simulator import compiled
from stockflow.errors import InputError
from stockflow.language.equations import Equations
from stockflow.language.source import Source
from stockflow.language.vensim.entries import TEST_INPUT, rule_of
from stockflow.names import plain

_AND = re.compile(r":AND:", re.IGNORECASE)
_INDICATOR = "reality check number"


@dataclass(frozen=True, slots=True)
class RealityCheck:
    """One check and its outcome: `failed_at` is the first saved time at which it does not hold, if any."""

    name: str
    line: int
    condition: str
    consequence: str
    failed_at: float | None = None

    @property
    def holds(self) -> bool:
        """Say whether the consequence held whenever the condition did."""
        return self.failed_at is None

    def __str__(self) -> str:
        outcome = "holds" if self.failed_at is None else f"fails first at {self.failed_at:g}"
        return f"line {self.line}: {self.name}: {outcome} (if {self.condition}, then {self.consequence})"


def run_checks(file: Source, equations: Callable[[Source], Equations]) -> tuple[RealityCheck, ...]:
    """Return the outcome of every reality check of a file, in file order.

    `equations` reads a changed file.  Raises InputError, with name and line, for a check
    that cannot be read: one with functions made for reality checks (RC ...), say.
    """
    rules, inputs = _read(file)
    return tuple(_outcome(file, rule, inputs, equations) for rule in rules)


def _read(file: Source) -> tuple[list[RealityCheck], dict[str, str]]:
    """Return the checks as they are written, none of them run yet, and the test inputs by name."""
    rules: list[RealityCheck] = []
    inputs: dict[str, str] = {}
    for entry in file.entries() if file.is_vensim else ():
        rule, test = rule_of(entry.equation), TEST_INPUT.match(entry.equation)
        if rule:
            name = " ".join(rule[0].replace('"', " ").split())
            rules.append(RealityCheck(name, entry.line, rule[1].strip(), rule[2].strip()))
        elif test:
            inputs[plain(test[1])] = test[2].strip()
    return rules, inputs


def _outcome(
    file: Source, rule: RealityCheck, inputs: Mapping[str, str], equations: Callable[[Source], Equations]
) -> RealityCheck:
    terms = [term.strip() for term in _AND.split(rule.condition)]
    tests = [inputs[plain(term)] for term in terms if plain(term) in inputs]
    rest = [term for term in terms if plain(term) not in inputs]
    try:
        changed = file.with_equations({test.partition("=")[0].strip(): test for test in tests})
        # 1 where the conditions hold and the consequence does not
        logic = " :AND: ".join([*(f"({one})" for one in rest), f":NOT: ({rule.consequence})"])
        indicator = f"{_INDICATOR}= IF THEN ELSE({logic}, 1, 0) ~ Dmnl ~ |\n"
        model = Checked(equations(changed.with_more(indicator)))
        simulator = compiled(model.task((), (_INDICATOR,), None, None, None, {}, {}))
    except InputError as error:
        reason = str(error).removeprefix(f"{file.name}: ")
        raise InputError(f"{file.name}: line {rule.line}: reality check {rule.name!r}: {reason}") from error
    failed = simulator(np.empty((1, 0)))[0, :, 0] != 0
    return replace(rule, failed_at=float(simulator.times[failed.argmax()]) if failed.any() else None)
