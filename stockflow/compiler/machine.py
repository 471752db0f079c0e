"""LLVM assembly to machine code of this processor, and into this process."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llvmlite import binding

#: lines of a module from which on code is made in the quickest way; it takes some five seconds in the other up to there
LONG = 40_000
# letters of a module up to which what was made of it is remembered
_SHORT = 2**20
# every object file of Windows that computes with floats wants this symbol, which its C runtime has and no process shows
_FLOATS = "\n@_fltused = global i32 0\n"


def is_long(text: str, most: int | None = None) -> bool:
    """Say whether a module has a function of so many lines, else one whose code is made in the quickest way."""
    return any(one.count("\n") > (LONG if most is None else most) for one in text.split("\ndefine "))


def assembled(text: str, alone: bool = True) -> bytes:
    """Return the object file of a module for this processor; RuntimeError if it is malformed.

    One that is not `alone` is linked with one that is.

    Passes over the module before its code is made gain nothing: it is written in registers, without calls between
    functions, and what they would find the code generator finds.  Its own time grows with the square of a function's
    length where it keeps what it can in registers: in a long one it keeps nothing, and a run takes two to ten times as
    long.
    """
    machine = target(opt=0 if is_long(text) else 1)
    if alone and "windows" in machine.triple:
        text += _FLOATS
    module = binding.parse_assembly(text)
    module.verify()
    return bytes(machine.emit_object(module))


def remembered(text: str, alone: bool = True) -> bytes:
    """Return what `assembled` does, from memory where this process made it before.

    Models that differ in the numbers of their curves alone have one code: such numbers are data.
    """
    if len(text) > _SHORT:
        return assembled(text, alone)
    return _remembered(text, alone, is_long(text))


@lru_cache(maxsize=64)
def _remembered(text: str, alone: bool, _quick: bool) -> bytes:
    return assembled(text, alone)


def linked(*objects: bytes) -> Any:
    """Return the engine that holds object files ready to run; functions live as long as it does."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target())
    for one in objects:
        engine.add_object_file(binding.ObjectFileRef.from_data(one))
    engine.finalize_object()
    return engine


def target(opt: int = 1) -> Any:
    """Return this processor with its widest vectors in use; a code generator that looks harder makes nothing faster."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features()
    flags = features.flatten() + (",-prefer-256-bit" if features.get("avx512f") else "")
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=flags, opt=opt, codemodel="jitdefault", jit=True
    )
