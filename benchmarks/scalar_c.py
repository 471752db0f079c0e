"""The same plan as C or JavaScript for one run at a time: what a careful hand would write.

It is the yardstick for vector code: same graph, same order of operations, same tables, the exp and log of gcc's C
library or of the script's engine.
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
from stockflow.language.curve import Table

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
_JS_HEAD = "function simulate(values, out, table, saved, moments, first, last) {"
_JS_LOOKUP = """
function lookup(x, xs, ys, slopes, last) {
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let low = 0, high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x >= xs[middle]) low = middle; else high = middle;
  }
  return slopes[low] * (x - xs[low]) + ys[low];
}
"""


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
        self.text = Source(plan).text()
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


def script(plan: Plan) -> str:
    """Return the plan as plain JavaScript: `simulate` as in C, of typed arrays; ValueError as `ScalarC`."""
    return _Script(plan).text()


class Source:
    """The text of a plan in C, for one run at a time."""

    real, state, flag, whole, count = "const double", "double", "const int", "const long", "long"
    head: tuple[str, ...] = ("#include <math.h>",)
    begin, lookup, calls = _HEAD, _LOOKUP, _CALL

    def __init__(self, plan: Plan) -> None:
        refuse_unusual(plan)
        self.plan = plan
        self.graph = plan.system.graph
        self.states = plan.system.states
        self.tables: dict[Table, str] = {}

    def text(self) -> str:
        """Return the whole source."""
        run = [*self.start(), f"    for ({self.count} k = 0; ; k++) {{", *self.step(), "    }"]
        width, kept = len(self.plan.system.inputs), int(self.plan.clock.saved.sum())
        loop = [
            f"  for ({self.count} run = first; run < last; run++) {{",
            f"    {self.whole} own = run * {width};",
            f"    {self.count} row = run * {kept * len(self.plan.system.outputs)};",
        ]
        arrays = [line for table, name in self.tables.items() for line in self.arrays(name, table)]
        return "\n".join([*self.head, *arrays, self.lookup, self.begin, *loop, *run, "  }", "}", ""])

    def start(self) -> list[str]:
        """Inputs, what is constant in a run, and the states at the start."""
        roots = [*self.plan.hoisted, *(state.initial for state in self.states)]
        lines = self.statements(self.graph.reachable(roots), "    ")
        for place, state in enumerate(self.states):
            lines.append(f"    {self.state} s{place} = {self.name(state.initial)};")
            if state.delay:
                lines.append(f"    {self.ring(place, state.delay)}")
                lines.append(f"    for ({self.count} i = 0; i < {state.delay}; i++) ring{place}[i] = s{place};")
        return lines

    def step(self) -> list[str]:
        """One moment: rates, outputs if it is kept, then the next states."""
        columns = self.plan.table.shape[1]
        lines = [f"      {self.whole} now = k * {columns};"]
        for column, node in enumerate(self.plan.series):
            number = f"table[now + {column}]"
            lines.append(self.declared(node, f"{number} != 0.0" if self.graph.is_truth(node) else number, "      "))
        lines += self.statements(self.plan.body, "      ")
        lines += ["      if (saved[k]) {", *self.statements(self.plan.observed, "        ")]
        lines += [f"        out[row++] = {self.name(node)};" for node in self.plan.system.outputs]
        lines += ["      }", "      if (k == moments - 1) break;"]
        for place, state in enumerate(self.states):
            rate, length = self.name(state.rate), state.delay
            if length:
                lines.append(f"      ring{place}[k % {length}] = {rate};")
            step = self.number(self.plan.clock.step)
            new = f"ring{place}[(k + 1) % {length}]" if length else f"s{place} + {rate} * {step}"
            lines.append(f"      {self.real} n{place} = {new};")
        return [*lines, *(f"      s{place} = n{place};" for place in range(len(self.states)))]

    def statements(self, nodes: Iterable[int], indent: str) -> list[str]:
        """One declaration for each node that is neither a constant nor a state."""
        wanted = (node for node in nodes if self.graph.stage[node] and self.graph.nodes[node].op != "state")
        return [self.declared(node, self.expression(node), indent) for node in wanted]

    def declared(self, node: int, expression: str, indent: str) -> str:
        """Return the line that gives a node its variable."""
        return f"{indent}{self.flag if self.graph.is_truth(node) else self.real} v{node} = {expression};"

    def name(self, node: int) -> str:
        """The literal or variable that holds a node."""
        value, truth = self.graph.value(node), self.graph.truth(node)
        if value is not None:
            return self.number(value)
        if truth is not None:
            return str(int(truth))
        op, _, payload = self.graph.nodes[node]
        return f"s{payload}" if op == "state" else f"v{node}"

    def expression(self, node: int) -> str:
        """Return what a node is made of."""
        op, args, payload = self.graph.nodes[node]
        names = [self.name(one) for one in args]
        if op in _INFIX or op in _LOGIC:
            return f" {(_INFIX | _LOGIC)[op]} ".join(names)
        if op in self.calls:
            return f"{self.calls[op]}({', '.join(names)})"
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
                return f"+{names[0]}"
            case "input":
                return f"values[own + {payload}]"
            case "lookup" if isinstance(payload, Table):
                table = self.tables.setdefault(payload, f"t{len(self.tables)}")
                return f"lookup({names[0]}, {table}x, {table}y, {table}s, {len(payload.xs) - 1})"
        raise ValueError(f"a plain engine has no {op}")

    def ring(self, place: int, length: int) -> str:
        """Return the line that declares the memory of a delay."""
        return f"double ring{place}[{length}];"

    def arrays(self, name: str, table: Table) -> list[str]:
        """Return the lines that hold a table."""
        xs, ys = np.array(table.xs), np.array(table.ys)
        columns = {"x": xs, "y": ys, "s": np.diff(ys) / np.diff(xs)}
        told = {suffix: ", ".join(self.number(float(one)) for one in column) for suffix, column in columns.items()}
        return [self.array(name + suffix, values) for suffix, values in told.items()]

    def array(self, name: str, values: str) -> str:
        """Return the line that holds numbers."""
        return f"static const double {name}[] = {{{values}}};"

    def number(self, value: float) -> str:
        """Return a literal."""
        if math.isnan(value):
            return "NAN"
        if math.isinf(value):
            return "INFINITY" if value > 0 else "(-INFINITY)"
        return f"({value.hex()})" if math.copysign(1.0, value) < 0 else value.hex()


class _Script(Source):
    real = flag = whole = "const"
    state = count = "let"
    head = ()
    begin, lookup, calls = _JS_HEAD, _JS_LOOKUP, {op: f"Math.{op}" for op in _CALL}

    def ring(self, place: int, length: int) -> str:
        return f"const ring{place} = new Float64Array({length});"

    def array(self, name: str, values: str) -> str:
        return f"const {name} = Float64Array.of({values});"

    def number(self, value: float) -> str:
        if math.isinf(value):
            return "Infinity" if value > 0 else "(-Infinity)"
        return "NaN" if math.isnan(value) else f"({value!r})"
