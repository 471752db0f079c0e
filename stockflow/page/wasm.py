"""LLVM assembly to one WebAssembly module, with neither linker nor library.

The code generator writes an object file, which is a module but for two things: it exports nothing, and it tells a
linker where its addresses stand. As the object is alone, its functions and data already lie where a linker would put
them (the first byte of data at address 0), so what is left is to drop what speaks to the linker and to add a section of
exports. That is only true of an object that imports nothing but its memory, which is checked.

Formats: WebAssembly Core Specification 2.0, chapter 5; tool-conventions/Linking.md for the symbol table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llvmlite import binding

from stockflow.compiler.machine import is_long

#: runs that share a vector, as WebAssembly's are 128 bits wide; 1 for browsers without vectors
WIDTH, ALONE = 2, 1
#: what the page's script puts the memory under
MEMORY = "env.__linear_memory"
_TRIPLE = "wasm32-unknown-unknown"
_FEATURES = "+bulk-memory,+bulk-memory-opt,+nontrapping-fptoint,+sign-ext,+mutable-globals"
_CUSTOM, _IMPORT, _EXPORT, _DATA = 0, 2, 7, 11
# from where on order is worth more than short code, and in how many lines browsers took it (docs/engine/page.md)
_WAITING, _MOST_LINES = 1 / 6, 20_000
# sections that come after the exports, in the order that the format asks for
_LATER = {8, 9, 12, 10, 11}
_SYMBOLS, _FUNCTION, _UNDEFINED, _NAMED = 8, 0, 0x10, 0x40


@dataclass(frozen=True, slots=True)
class Module:
    """A module that exports functions and imports its memory, whose first `data` bytes are its own."""

    content: bytes
    data: int


def module(text: str, export: str, waiting: float, width: int = WIDTH) -> Module:
    """Return the module of LLVM assembly for vectors of WIDTH, or of none, with one function exported.

    `waiting` is how long the longest chain of instructions takes, over how long it takes to begin all of them.
    RuntimeError if the assembly is malformed or needs anything that is not in it, as a function of a C library.
    """
    ordered = waiting > _WAITING and not is_long(text, _MOST_LINES)
    sections = list(_sections(_object(text, ordered, _FEATURES if width == ALONE else f"+simd128,{_FEATURES}")))
    numbers = [_function(_Bytes(body), export) for kind, body in sections if kind == _CUSTOM]
    number = next((one for one in numbers if one is not None), None)
    if number is None:
        raise RuntimeError(f"no function {export!r} in the object")
    foreign = [name for kind, body in sections if kind == _IMPORT for name in _imports(_Bytes(body)) if name != MEMORY]
    if foreign:
        raise RuntimeError(f"the object needs {', '.join(foreign)}, which only a linker could give")
    listed = _encoded(1) + _encoded(len(export)) + export.encode() + b"\0" + _encoded(number)
    kept = [(kind, body) for kind, body in sections if kind != _CUSTOM]
    place = next((at for at, (kind, _) in enumerate(kept) if kind in _LATER), len(kept))
    kept.insert(place, (_EXPORT, listed))
    whole = b"\0asm\1\0\0\0" + b"".join(bytes([kind]) + _encoded(len(body)) + body for kind, body in kept)
    return Module(whole, max((_data_end(_Bytes(body)) for kind, body in kept if kind == _DATA), default=0))


def _object(text: str, ordered: bool, features: str) -> bytes:
    """Return the object file; as for a processor, passes over the module would gain nothing.

    WebAssembly computes on a stack, for which the code generator moves each instruction to the first that takes its
    result: short code, which browsers run in that order.  One that is `ordered` keeps its order, each result a local.
    """
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(_TRIPLE).create_target_machine(
        cpu="generic", features=features, opt=0 if ordered else 3, codemodel="default", reloc="static"
    )
    parsed = binding.parse_assembly(_selected(text) if ordered else text)
    parsed.triple, parsed.data_layout = _TRIPLE, str(machine.target_data)
    parsed.verify()
    return bytes(machine.emit_object(parsed))


def _selected(text: str) -> str:
    """Return assembly whose instructions are all selected one block at a time.

    Where order is kept they are first selected one by one, which takes vectors for numbers, but gives up a block that
    ends in a switch.
    """
    text = re.sub(r"^  ret void$", "  br label %return\nreturn:\n  ret void", text, flags=re.MULTILINE)
    text = re.sub(r"^  br label (%[\w.]+)$", r"  switch i1 1, label \1 []", text, flags=re.MULTILINE)
    branch = r"^  br i1 (\S+), label (%[\w.]+), label (%[\w.]+)$"
    return re.sub(branch, r"  switch i1 \1, label \2 [i1 0, label \3]", text, flags=re.MULTILINE)


@dataclass(slots=True)
class _Bytes:
    """Bytes that are read from the front."""

    content: bytes
    at: int = 0

    def number(self) -> int:
        """Read an unsigned number: seven bits a byte, the lowest first."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return result

    def byte(self) -> int:
        """Read one byte."""
        self.at += 1
        return self.content[self.at - 1]

    def take(self) -> bytes:
        """Read a length and so many bytes."""
        length = self.number()
        self.at += length
        return self.content[self.at - length : self.at]

    def name(self) -> str:
        """Read a text."""
        return self.take().decode()

    def more(self) -> bool:
        """Say whether anything is left."""
        return self.at < len(self.content)


def _encoded(number: int) -> bytes:
    out = bytearray()
    while True:
        number, byte = number >> 7, number & 127
        out.append(byte | (128 if number else 0))
        if not number:
            return bytes(out)


def _sections(content: bytes) -> Iterator[tuple[int, bytes]]:
    source = _Bytes(content, 8)
    while source.more():
        kind = source.byte()
        yield kind, source.take()


def _imports(source: _Bytes) -> Iterator[str]:
    for _ in range(source.number()):
        name = f"{source.name()}.{source.name()}"
        yield name
        kind = source.byte()
        if kind != 2:
            return  # no memory: the module is refused, whatever else it needs
        if source.number() & 1:
            source.number()
        source.number()


def _data_end(source: _Bytes) -> int:
    """Return where the data of a module ends in its memory."""
    end = 0
    for _ in range(source.number()):
        kind, opcode = source.number(), source.byte()
        if kind != 0 or opcode != 0x41:
            raise RuntimeError("data of the object is not at a fixed place")
        first, _end = source.number(), source.byte()  # no place is negative, so unsigned
        end = max(end, first + len(source.take()))
    return end


def _function(source: _Bytes, wanted: str) -> int | None:
    """Return the number of a function that a custom section, if it is the symbol table, gives a name."""
    if source.name() != "linking":
        return None
    source.number()
    while source.more():
        kind, part = source.byte(), _Bytes(source.take())
        if kind == _SYMBOLS:
            return next((number for name, number in _functions(part) if name == wanted), None)
    return None


def _functions(source: _Bytes) -> Iterator[tuple[str, int]]:
    for _ in range(source.number()):
        kind, flags = source.byte(), source.number()
        defined = not flags & _UNDEFINED
        if kind == 1:  # data
            source.name()
            for _ in range(3 if defined else 0):
                source.number()
        elif kind == 3:  # a section
            source.number()
        else:
            number = source.number()
            name = source.name() if defined or flags & _NAMED else ""
            if kind == _FUNCTION and defined:
                yield name, number
