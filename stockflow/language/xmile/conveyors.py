"""Conveyors of XMILE files: which flows come off which belt, and what of belts is not simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stockflow.language.tree import Conveyed, Name, Refused, Tree

# these say how whole batches leave a queue, which is not simulated, or when a transit time that does not change is read
_IDLE = frozenset({"batch_integrity", "one_at_a_time", "exponential_leak"})
_READ = frozenset({"len", "sample"})
#: texts of parts of a belt that limit nothing
_NOTHING = frozenset({("capacity", "inf"), ("in_limit", "inf"), ("arrest", "0")})


def conveyed(
    stock: str,
    conveyor: Any,
    inflows: Sequence[Tree],
    outflows: Mapping[str, Any],
    tag: Callable[[Any], str],
    equation: Callable[[Any], Tree],
) -> dict[str, Conveyed]:
    """Return the equations of the outflows of a conveyor, by the names that `outflows` give their elements.

    Raises Refused for what is not simulated.
    """
    parts = {tag(one): one for one in conveyor if tag(one)}
    leaking = {name: node for name, node in outflows.items() if any(tag(one) == "leak" for one in node)}
    problems = [*_not_simulated(conveyor, parts), *(text for node in leaking.values() for text in _zones(node, tag))]
    ends = [name for name in outflows if name not in leaking]
    if len(ends) != 1:
        problems.append(f"conveyor with {len(ends)} outflows at its end, where one must be")
    if "len" not in parts:
        problems.append("conveyor without a transit time")
    if problems:
        raise Refused(problems)
    leaks = tuple(_fraction(node, tag, equation) for node in leaking.values())
    exponential = conveyor.attrib.get("exponential_leak", "").strip().lower() == "true"
    belt = Name(stock), tuple(inflows), equation(parts["len"]), leaks, exponential
    return {
        ends[0]: Conveyed(*belt),
        **{name: Conveyed(*belt, leak=place) for place, name in enumerate(leaking)},
    }


def _not_simulated(conveyor: Any, parts: Mapping[str, Any]) -> list[str]:
    options = [
        name.rpartition("}")[2]
        for name, value in conveyor.attrib.items()
        if name not in _IDLE and value.strip().lower() != "false"
    ]
    limits = [
        name
        for name, one in parts.items()
        if name not in _READ and (name, (one.text or "").strip().lower()) not in _NOTHING
    ]
    return [f"conveyor with {name.rpartition('}')[2]}" for name in (*options, *limits)]


def _zones(flow: Any, tag: Callable[[Any], str]) -> list[str]:
    """Return what of a leak is not simulated: other zones than the whole belt, whole units."""
    named = {tag(one): (one.text or "").strip() for one in flow} | dict(flow.attrib)
    whole = named.get("leak_start", "0") in {"", "0", "0.0"} and named.get("leak_end", "1") in {"", "1", "1.0"}
    found = [] if whole else ["conveyor that leaks in a part of its length"]
    return [*found, "conveyor that leaks whole units"] if "leak_integers" in named else found


def _fraction(flow: Any, tag: Callable[[Any], str], equation: Callable[[Any], Tree]) -> Tree:
    """Return the leakage fraction: the text of the mark, or the flow's equation."""
    texts = [one for what in ("leak", "eqn") for one in flow if tag(one) == what and (one.text or "").strip()]
    if not texts:
        raise Refused(["conveyor without a leakage fraction"])
    return equation(texts[0])
