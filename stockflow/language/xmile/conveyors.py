"""Conveyors, queues and ovens of XMILE files: which flows they decide on, and what of them is not simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from stockflow.errors import InputError
from stockflow.language.tree import Holder, LetIn, LetOut, Literal, Name, Refused, Tree
from stockflow.language.xmile.file import File, Part, name_of
from stockflow.names import plain
from stockflow.numerals import number

_KINDS = ("oven", "queue", "conveyor")
_BATCHES = frozenset({"one_at_a_time", "batch_integrity"})
#: what may stand in each, and how each may be marked
_PARTS: Mapping[str, frozenset[str]] = {
    "conveyor": frozenset({"len", "capacity", "in_limit", "sample", "arrest"}),
    "queue": frozenset(),
    "oven": frozenset({"len", "cook_time", "fill_time", "clean_time", "capacity", "arrest"}),
}
_MARKS: Mapping[str, frozenset[str]] = {
    "conveyor": _BATCHES | {"discrete", "exponential_leak"},
    "queue": frozenset(),
    "oven": _BATCHES,
}
#: texts of parts that say nothing
_NOTHING = frozenset({("capacity", "inf"), ("in_limit", "inf"), ("fill_time", "inf"), ("arrest", "0"), ("sample", "1")})
#: parts that limit what comes in
_LIMITS = frozenset({"capacity", "in_limit", "arrest"})


@dataclass(slots=True)
class Holders:
    """The conveyors, queues and ovens of a file; `flow`, `inflow` and `equation` read what stands in its elements.

    `made` are they by the compared names of their stocks, and `stuck` what of them is not simulated.
    """

    file: File
    flow: Callable[[Part, Any], Tree]
    inflow: Callable[[Tree], Tree]
    equation: Callable[[Part, Any], Tree]
    made: dict[str, Holder] = field(default_factory=dict)
    stuck: dict[str, Refused] = field(default_factory=dict)
    _flows: dict[str, tuple[Part, Any]] = field(default_factory=dict)
    # by the compared name of a flow: whose outflow or inflow it is, and at which place
    _out: dict[str, tuple[str, int]] = field(default_factory=dict)
    _in: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._flows = {part.key(node): (part, node) for part, node in self.file.variables}
        for part, node in self.file.variables:
            if self.file.tag(node) == "stock" and kinds_of(node):
                with self._noted(part.key(node)) as key:
                    self.made[key] = self._read(part, node)
        for link in (self._after_others, self._before_others):
            for stock in list(self.made):
                with self._noted(stock) as key:
                    self.made[key] = link(self.made[key])

    @contextmanager
    def _noted(self, key: str) -> Iterator[str]:
        """Note what is not simulated of a conveyor, queue or oven."""
        try:
            yield key
        except Refused as error:
            self.stuck[key] = error
            self.made.pop(key, None)

    def let_out(self, key: str) -> Tree | None:
        """Return what the flow of a compared name is, if it comes out of one of these: 0 if that is not simulated."""
        stock, place = self._out.get(key, ("", 0))
        if stock in self.stuck:
            return Literal(0.0)
        return LetOut(self.made[stock], place) if stock in self.made else None

    def let_in(self, key: str, asked: Tree) -> Tree:
        """Return what the flow of a compared name is, `asked` by its equation, if it flows into one of these."""
        stock, place = self._in.get(key, ("", 0))
        holder = self.made.get(stock)
        return LetIn(holder, place, asked) if holder is not None and _is_limited(holder) else asked

    def enters(self, key: str) -> bool:
        """Say whether the flow of a compared name flows into one of these, where none is negative."""
        return key in self._in

    def _read(self, part: Part, node: Any) -> Holder:
        (kind, own), *others = kinds_of(node).items()
        if others:
            both = " and ".join([kind, *(one for one, _ in others)])
            raise Refused([f"{both}, which is not simulated (write it as stocks and delays)"])
        key = part.key(node)
        ins, outs = ([self.flow(part, one) for one in self.file.found(way, node)] for way in ("inflow", "outflow"))
        names = [one for one in outs if isinstance(one, Name)]
        keys = [plain(one.name) for one in names]
        if len(names) < len(outs) or not self._flows.keys() >= set(keys) or self._out.keys() & set(keys):
            raise Refused([f"{kind} with an outflow that is no flow of its own"])
        self._out |= {one: (key, place) for place, one in enumerate(keys)}
        entering = {plain(one.name): (key, place) for place, one in enumerate(ins) if isinstance(one, Name)}
        parts = {local(one.tag): one for one in own}
        flows = [self._flows[one][1] for one in keys]
        problems = [*_not_simulated(kind, own, parts), *self._spread(entering)]
        problems += _problems(kind, parts, flows, len(ins))
        if problems:
            raise Refused(problems)
        self._in |= entering
        holder = Holder(
            kind,
            Name(part.prefix + name_of(node)),
            tuple(map(self.inflow, ins)),
            tuple(names),
            {name: self.equation(part, one) for name, one in parts.items() if _says(name, one)},
            _marks(own),
            tuple(self._fraction(*self._flows[one]) if leaks(self._flows[one][1]) else None for one in keys),
            tuple(map(_zone, flows)),
            overflow=next((place for place, one in enumerate(flows) if _has(one, "overflow")), None),
        )
        if _is_limited(holder) and not all(isinstance(one, Name) for one in holder.inflows):
            raise Refused([f"{kind} with a limit and an inflow with a multiplier"])
        return holder

    def _spread(self, entering: Mapping[str, object]) -> list[str]:
        """Return what is not simulated of flows onto a conveyor: those that come to lie elsewhere than at its start."""
        nodes = [self._flows[one][1] for one in entering if one in self._flows]
        places = [text for one in nodes for name, text in _texts(one).items() if name == "spreadflow"]
        twice = [f"flow {one!r} into two conveyors, queues or ovens" for one in entering if one in self._in]
        return [*twice, *(f"inflow that is spread by {one!r}" for one in places if one not in {"", "beginning"})]

    def _fraction(self, part: Part, flow: Any) -> Tree:
        """Return the leakage fraction: the text of the mark, or the flow's equation."""
        texts = [one for what in ("leak", "eqn") for one in flow if local(one.tag) == what and (one.text or "").strip()]
        if not texts:
            raise Refused(["conveyor without a leakage fraction"])
        return self.equation(part, texts[0])

    def _after_others(self, one: Holder) -> Holder:
        """Return a conveyor, queue or oven with the flows into it that others decide on."""
        above = {plain(name.name): self._out.get(plain(name.name)) for name in one.inflows if isinstance(name, Name)}
        sources = {name: self.made[place[0]].kind for name, place in above.items() if place and place[0] in self.made}
        queues = [name for name, kind in sources.items() if kind == "queue"]
        driven = frozenset(sources) - set(queues)
        problems = []
        if one.kind == "conveyor" and queues and (len(one.inflows) > 1 or "discrete" not in one.marks):
            problems.append("conveyor after a queue that is not discrete, or has other inflows,")
        if one.kind == "conveyor" and "discrete" in one.marks and not queues:
            problems.append("discrete conveyor without a queue before it")
        if driven and (one.kind == "oven" or "arrest" in one.settings):
            problems.append(f"{one.kind} after a conveyor or oven that it may hold back")
        if problems:
            raise Refused(problems)
        return replace(one, driven=driven)

    def _before_others(self, one: Holder) -> Holder:
        """Return a queue with what takes from it."""
        if one.kind != "queue":
            return one
        below = [self._in.get(plain(name.name), ("", 0))[0] for name in one.outflows]
        takers = [self.made[key] if key in self.made and self.made[key].kind != "queue" else None for key in below]
        before = takers[0] if takers else None
        problems = _held_back(one, before) if before else []
        if one.overflow == 0:
            problems.append("queue whose first outflow is an overflow, which takes what another leaves,")
        if any(takers[1:]):
            problems.append("queue whose second outflow goes to a conveyor or oven")
        if problems:
            raise Refused(problems)
        return replace(one, before=before)


def _held_back(queue: Holder, before: Holder) -> list[str]:
    """Return what is not simulated of a queue before a conveyor or oven, which may hold it back."""
    found, single = [], "one_at_a_time" in before.marks
    name = f"the {before.kind} {before.stock.name!r}"
    if "batch_integrity" in before.marks and (before.kind == "oven" or not single):
        found.append(f"queue before {name}, which takes {'' if single else 'several '}whole batches alone")
    if len(queue.outflows) > 1 and (before.kind == "oven" or queue.overflow is None):
        found.append(f"queue before {name} with a second outflow")
    return found


def kinds_of(stock: Any) -> dict[str, Any]:
    """Return the elements that make a stock a conveyor, queue or oven, whatever program's they are."""
    return {kind: one for kind in _KINDS for one in stock if local(one.tag) == kind}


def local(name: str) -> str:
    """Return the name of an element or attribute without its namespace."""
    return str(name).rpartition("}")[2]


def leaks(flow: Any) -> bool:
    """Say whether a flow off a conveyor leaks from it."""
    return _has(flow, "leak")


def _has(node: Any, what: str) -> bool:
    return any(local(one.tag) == what for one in node)


def _is_limited(holder: Holder) -> bool:
    return holder.kind == "oven" or (holder.kind == "conveyor" and not _LIMITS.isdisjoint(holder.settings))


def _texts(node: Any) -> dict[str, str]:
    """Return the texts of the parts and marks of an element by name."""
    texts = {local(one.tag): (one.text or "").strip().lower() for one in node}
    return texts | {local(name): value.strip().lower() for name, value in node.attrib.items()}


def _marks(own: Any) -> frozenset[str]:
    """Return the marks that are set; one batch at a time is taken unless it is said otherwise."""
    marks = {"one_at_a_time": "true"} | {local(name): value.strip().lower() for name, value in own.attrib.items()}
    return frozenset(name for name, value in marks.items() if value != "false")


def _says(name: str, part: Any) -> bool:
    text = (part.text or "").strip().lower()
    return bool(text) and (name, text) not in _NOTHING


def _not_simulated(kind: str, own: Any, parts: Mapping[str, Any]) -> list[str]:
    """Return the marks and parts of a conveyor, queue or oven that are not known."""
    marks = _marks(own) - _MARKS[kind] - _BATCHES
    return [f"{kind} with {name}" for name in (*sorted(marks), *(one for one in parts if one not in _PARTS[kind]))]


def _problems(kind: str, parts: Mapping[str, Any], flows: Sequence[Any], inflows: int) -> Iterator[str]:
    """Return what is missing in a conveyor or oven, or is too much, and what of its leaks is not simulated."""
    said = {name for name, one in parts.items() if _says(name, one)}
    if kind == "conveyor":
        yield from ["conveyor that leaks whole units" for one in flows if _has(one, "leak_integers")]
        ends = sum(not leaks(one) for one in flows)
        if ends != 1:
            yield f"conveyor with {ends} outflows at its end, where one must be"
        if "len" not in said:
            yield "conveyor without a transit time"
    if kind == "oven":
        if len(flows) != 1 or inflows > 1:
            yield f"oven with {inflows} inflows and {len(flows)} outflows, where one of each may be"
        if len(said & {"len", "cook_time"}) != 1:
            yield "oven without a cook time, or with two"
        if said.isdisjoint({"capacity", "fill_time"}):
            yield "oven without a capacity or fill time, which is never full"


def _zone(flow: Any) -> tuple[float, float]:
    """Return the part of a conveyor's length in which a flow leaks from it; Refused for what is none."""
    texts = _texts(flow)
    ends = [texts.get(name) or whole for name, whole in (("leak_start", "0"), ("leak_end", "1"))]
    try:
        start, end = map(number, ends)
    except InputError as error:
        raise Refused([f"conveyor that leaks in a part of its length that is no number: {error}"]) from error
    if not 0 <= start < end <= 1:
        raise Refused([f"conveyor that leaks from {start:g} to {end:g} of its length"])
    return start, end
