"""Writes functions of LLVM assembly with loops, branches and arrays of vectors of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stockflow.compiler.vector import Writer


class Routine:
    """Collects the instructions of one function after another; addresses are names of type ptr."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.place, self.get, self.put = writer.place, writer.get, writer.put
        self._counters: list[str] = []
        self._labels = 0

    def add(self, vector: str, base: str, at: int | str = 0) -> None:
        """Add a vector to one in an array."""
        self.put(self.writer.exact("add", self.get(base, at), vector), base, at)

    def fill(self, base: str, count: int | str, vector: str) -> None:
        """Store one vector everywhere in an array."""
        with self.counting("0", str(count)) as at:
            self.put(vector, base, at)

    @contextmanager
    def counting(self, first: str, last: str) -> Iterator[str]:
        """Repeat what is written inside for the numbers from `first` to `last`, exclusive."""
        let, line, label = self.writer.let, self.writer.line, self._label()
        self._counters.append(f"  %{label} = alloca i64")
        line(f"store i64 {first}, ptr %{label}")
        line(f"br label %{label}test")
        self.writer.lines.append(f"{label}test:")
        number = let(f"load i64, ptr %{label}")
        line(f"br i1 {let(f'icmp slt i64 {number}, {last}')}, label %{label}body, label %{label}end")
        self.writer.lines.append(f"{label}body:")
        yield number
        line(f"store i64 {let(f'add i64 {number}, 1')}, ptr %{label}")
        line(f"br label %{label}test")
        self.writer.lines.append(f"{label}end:")

    @contextmanager
    def when(self, truth: str) -> Iterator[None]:
        """Do what is written inside only if a scalar is true."""
        label = self._label()
        self.writer.line(f"br i1 {truth}, label %{label}then, label %{label}end")
        self.writer.lines.append(f"{label}then:")
        yield
        self.writer.line(f"br label %{label}end")
        self.writer.lines.append(f"{label}end:")

    def call(self, name: str, *arguments: str) -> None:
        """Call a function; each argument is its type and name."""
        self.writer.line(f"call void @{name}({', '.join(arguments)})")

    def function(self, name: str, arguments: str, internal: bool = True) -> str:
        """Return the function that was written, and begin a new one."""
        lines, self.writer.lines = [*self._counters, *self.writer.lines], []
        self._counters = []
        # vectors that are set aside on the stack should not straddle two cache lines
        attributes = f"noinline alignstack({8 * self.writer.width})"
        head = f"define {'internal ' if internal else ''}void @{name}({arguments}) {attributes} {{"
        return "\n".join([head, *lines, "  ret void", "}"])

    def _label(self) -> str:
        self._labels += 1
        return f"l{self._labels}"
