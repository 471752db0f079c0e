"""Functions that differ only in places and numbers, as those of an array's elements do: one is made for all of them.

What they differ in stands in a table for each, which the one that is made reads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

#: what every function is given beside what it needs
ENTRIES = "ptr noalias %entries"
# where a place in memory is written, and a vector with one number in every lane
_PLACE = re.compile(
    r"(  %t\d+ = (?:getelementptr inbounds (?:<\d+ x double>|double), ptr %(?:work|values|t\d+), i64"
    r"|add i64 %t\d+,) )(\d+)"
)
_NUMBER = re.compile(r"<double 0x([0-9A-F]{16})(?:, double 0x\1)*>")


class Alike:
    """Functions without branches as they are written, `width` numbers in a vector.

    `calls` has, by the name of each, the name of the one that is made for it and the entries of its table.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.calls: dict[str, tuple[str, Sequence[int]]] = {}
        self.made: dict[bytes, str] = {}
        self.once: set[bytes] = set()
        self.waiting: dict[bytes, tuple[str, str, str, list[tuple[str, Sequence[int]]]]] = {}

    def add(self, name: str, head: str, lines: Sequence[str]) -> int:
        """Take a function; return how many lines it adds to the present module."""
        own = "\n".join(lines)
        # tables are of one module
        form, entries = (f"{name}\n{own}", ()) if "@table" in own else self.form(lines)
        mark = hashlib.sha256(form.encode()).digest()
        if mark in self.made:
            self.calls[name] = self.made[mark], entries
            return 0
        known = mark in self.waiting
        self.waiting.setdefault(mark, (head, own, form, []))[-1].append((name, entries))
        return 0 if known else len(lines)

    def module(self) -> list[str]:
        """Return the functions of the present module and begin the next one.

        The first of a form is made as it is written, which is quicker, unless more of that form have come already.
        """
        found: list[str] = []
        for mark, (head, own, form, users) in self.waiting.items():
            first = users[0][0]
            if len(users) > 1 or mark in self.once:
                self.made[mark] = first
                self.calls.update((name, (first, entries)) for name, entries in users)
            else:
                self.once.add(mark)
                self.calls[first] = first, ()
            found += [head, "entry:", form if mark in self.made else own, "  ret void", "}"]
        self.waiting = {}
        return found

    def form(self, lines: Sequence[str]) -> tuple[str, Sequence[int]]:
        """Return instructions that read places and numbers from a table, and its entries."""
        entries: list[int] = []
        form: list[str] = []

        def read(kind: str, entry: int) -> str:
            at = len(entries)
            entries.append(entry)
            form.append(f"  %a{at} = getelementptr i64, ptr %entries, i64 {at}")
            form.append(f"  %e{at} = load {kind}, ptr %a{at}, align 8")
            return f"%e{at}"

        def number(found: re.Match[str]) -> str:
            one, vector = read("double", int(found[1], 16)), f"<{self.width} x double>"
            form.append(f"  {one}first = insertelement {vector} poison, double {one}, i64 0")
            zeros = f"<{self.width} x i32> zeroinitializer"
            form.append(f"  {one}all = shufflevector {vector} {one}first, {vector} poison, {zeros}")
            return f"{one}all"

        for line in lines:
            place = _PLACE.fullmatch(line)
            changed = f"{place[1]}{read('i64', int(place[2]))}" if place else _NUMBER.sub(number, line)
            form.append(changed)  # behind what it reads
        return "\n".join(form), entries

    def tables(self) -> list[str]:
        """Return the tables of all functions, as constants of a module."""
        found: list[str] = []
        for name, (_, entries) in self.calls.items():
            if entries:
                own = np.array(entries, dtype="<u8").tobytes()  # numbers one by one would take most of the time
                text = own.hex("\\")
                found.append(f'@{name}.entries = private constant [{len(own)} x i8] c"\\{text}", align 8')
        return found
