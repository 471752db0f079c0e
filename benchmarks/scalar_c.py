"""The same plan as C for one run at a time: what a careful hand would write, compiled by gcc.

It is the yardstick for vector code: same graph, same order of operations, same tables, the C
library's exp and log.
"""

import ctypes
import math
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from stockflow.arrays import Array
from stockflow.compiler.pieces import in_pieces
from stockflow.compiler.plan import Plan
from stockflow.language.equations import Table

FLAGS = ("-O3", "-march=native")

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}
_LOGIC = {"and": "&", "or": "|"}
_CALL = {"exp": "exp", "log": "log", "pow": "pow", "sqrt": "sqrt", "abs": "fabs", "trunc": "trunc"}
_LOOKUP = """
static double lookup(double x, const double *xs, const double *ys, const double *slopes, int last) {
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  int low = 0, high = last;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (x >= xs[middle]) low = middle; else high = middle;
  }
  return slopes[low] * (x - xs[low]) + ys[low];
}
"""
_HEAD = """void simulate(const double *restrict values, double *restrict out, const double *restrict table,
              const unsigned char *restrict saved, long moments, long first, long last) {"""


def refuse_unusual(plan: Plan) -> None:
    """Raise ValueError for a plan that needs more than Euler steps and fixed tables, with nothing drawn at random."""
    if plan.method != "Euler":
        raise ValueError(f"a plain engine takes Euler steps, not {plan.method}")
    if plan.points:
        raise ValueError("a plain engine has no open tables")
    for node in {*plan.hoisted, *plan.body, *plan.observed}:
        payload = plan.system.graph.nodes[node].payload
        if isinstance(payload, Table) and payload.kind != "hold":
            raise ValueError(f"a plain engine has no {payload.kind} tables")


class ScalarC:
    """A plan compiled by gcc; raises ValueError for a plan that C is not written for here.

    `text` is the C source; the machine code is loaded from a temporary folder that is gone afterwards.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.text = _Source(plan).text()
        with tempfile.TemporaryDirectory() as folder:
            code, library = Path(folder) / "plan.c", Path(folder) / "plan.so"
            code.write_text(self.text, encoding="ascii")
            subprocess.run(["gcc", *FLAGS, "-fPIC", "-shared", str(code), "-o", str(library), "-lm"], check=True)
            self._function: Any = ctypes.CDLL(str(library)).simulate
        self._function.argtypes = [*[ctypes.c_void_p] * 4, *[ctypes.c_long] * 3]
        self._function.restype = None

    def __call__(self, values: Array, threads: int = 1) -> Array:
        """Return outputs, shape (run, time, output), for inputs of shape (run, input)."""
        clock = self.plan.clock
        values = np.ascontiguousarray(values, dtype=float)
        saved = np.ascontiguousarray(clock.saved, dtype=np.uint8)
        out = np.empty((len(values), int(clock.saved.sum()), len(self.plan.system.outputs)))
        places = [array.ctypes.data for array in (values, out, self.plan.table, saved)]

        def piece(first: int, last: int) -> None:
            self._function(*places, len(clock.times), first, last)

        in_pieces(piece, len(values), 1, len(values), threads)
        return out


class _Source:
    def __init__(self, plan: Plan) -> None:
        refuse_unusual(plan)
        self.plan = plan
        self.graph = plan.system.graph
        self.states = plan.system.states
        self.tables: dict[Table, str] = {}

    def text(self) -> str:
        run = [*self.start(), "    for (long k = 0; ; k++) {", *self.step(), "    }"]
        width, kept = len(self.plan.system.inputs), int(self.plan.clock.saved.sum())
        loop = [
            "  for (long run = first; run < last; run++) {",
            f"    const double *in = values + run * {width};",
            f"    double *row = out + run * {kept * len(self.plan.system.outputs)};",
        ]
        arrays = [line for table, name in self.tables.items() for line in _arrays(name, table)]
        return "\n".join(["#include <math.h>", *arrays, _LOOKUP, _HEAD, *loop, *run, "  }", "}", ""])

    def start(self) -> list[str]:
        """Inputs, what is constant in a run, and the states at the start."""
        roots = [*self.plan.hoisted, *(state.initial for state in self.states)]
        lines = self.statements(self.graph.reachable(roots), "    ")
        for place, state in enumerate(self.states):
            lines.append(f"    double s{place} = {self.name(state.initial)};")
            if state.delay:
                lines.append(f"    double ring{place}[{state.delay}];")
                lines.append(f"    for (int i = 0; i < {state.delay}; i++) ring{place}[i] = s{place};")
        return lines

    def step(self) -> list[str]:
        """One moment: rates, outputs if it is kept, then the next states."""
        columns = self.plan.table.shape[1]
        lines = [f"      const double *now = table + k * {columns};"]
        for column, node in enumerate(self.plan.series):
            number = f"now[{column}]"
            lines.append(self.declared(node, f"{number} != 0.0" if self.graph.is_truth(node) else number, "      "))
        lines += self.statements(self.plan.body, "      ")
        lines += ["      if (saved[k]) {", *self.statements(self.plan.observed, "        ")]
        lines += [f"        *row++ = {self.name(node)};" for node in self.plan.system.outputs]
        lines += ["      }", "      if (k == moments - 1) break;"]
        for place, state in enumerate(self.states):
            rate, length = self.name(state.rate), state.delay
            if length:
                lines.append(f"      ring{place}[k % {length}] = {rate};")
            new = (
                f"ring{place}[(k + 1) % {length}]" if length else f"s{place} + {rate} * {_number(self.plan.clock.step)}"
            )
            lines.append(f"      const double n{place} = {new};")
        return [*lines, *(f"      s{place} = n{place};" for place in range(len(self.states)))]

    def statements(self, nodes: Iterable[int], indent: str) -> list[str]:
        """One declaration for each node that is neither a constant nor a state."""
        wanted = (node for node in nodes if self.graph.stage[node] and self.graph.nodes[node].op != "state")
        return [self.declared(node, self.expression(node), indent) for node in wanted]

    def declared(self, node: int, expression: str, indent: str) -> str:
        return f"{indent}const {'int' if self.graph.is_truth(node) else 'double'} v{node} = {expression};"

    def name(self, node: int) -> str:
        """The literal or variable that holds a node."""
        value, truth = self.graph.value(node), self.graph.truth(node)
        if value is not None:
            return _number(value)
        if truth is not None:
            return str(int(truth))
        op, _, payload = self.graph.nodes[node]
        return f"s{payload}" if op == "state" else f"v{node}"

    def expression(self, node: int) -> str:
        op, args, payload = self.graph.nodes[node]
        names = [self.name(one) for one in args]
        if op in _INFIX or op in _LOGIC:
            return f" {(_INFIX | _LOGIC)[op]} ".join(names)
        if op in _CALL:
            return f"{_CALL[op]}({', '.join(names)})"
        match op:
            case "min" | "max":
                return f"{names[0]} {'<' if op == 'min' else '>'} {names[1]} ? {names[0]} : {names[1]}"
            case "select":
                return f"{names[0]} ? {names[1]} : {names[2]}"
            case "neg":
                return f"-{names[0]}"
            case "not":
                return f"!{names[0]}"
            case "number":
                return names[0]
            case "input":
                return f"in[{payload}]"
            case "lookup" if isinstance(payload, Table):
                table = self.tables.setdefault(payload, f"t{len(self.tables)}")
                return f"lookup({names[0]}, {table}x, {table}y, {table}s, {len(payload.xs) - 1})"
        raise ValueError(f"the C engine has no {op}")


def _arrays(name: str, table: Table) -> list[str]:
    xs, ys = np.array(table.xs), np.array(table.ys)
    columns = {"x": xs, "y": ys, "s": np.diff(ys) / np.diff(xs)}
    return [
        f"static const double {name}{suffix}[] = {{{', '.join(_number(float(one)) for one in column)}}};"
        for suffix, column in columns.items()
    ]


def _number(value: float) -> str:
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    return f"({value.hex()})" if math.copysign(1.0, value) < 0 else value.hex()
