"""Where everything stands in a stock-and-flow diagram of one group of variables.

Stocks stand in the middle, one below the other, joined where a flow leads from one to the next.
Inflows come from the left, outflows go to the right.  What they depend on stands beside them in
columns, causes further out than their effects.  A link that would have to run across the picture
ends at a shadow instead: the name of its cause once more, beside the effect.

Lengths are pixels; x and y are centres, w and h half the width and height.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Literal

import numpy as np

from stockflow.arrays import Array
from stockflow.errors import unknown
from stockflow.insight.polarity import signs_told
from stockflow.insight.structure import read_names, signed_flows
from stockflow.language.equations import Equations, Integral, Time, walk
from stockflow.language.order import evaluation_order, reached

Place = tuple[int, int]  # side (-1 left, 1 right) and column, counted from the stocks
_LETTER, _LINE, _WRAP, _FLOW_WRAP = 3.4, 7.5, 20, 16
_VALVE_TO_CLOUD, _SLOT, _TRANSFER = 56, 72, 96
_BETWEEN, _GAP, _COLUMN_GAP, _MARGIN = 40, 12, 56, 40
CLOUD, VALVE = (10, 8), (6, 8)


@dataclass(frozen=True, slots=True)
class Word:
    """A name in the picture, `said` in other words if need be; a shadow is a variable that is defined elsewhere."""

    name: str
    kind: Literal["stock", "flow", "text"]
    shadow: bool
    w: int
    h: int
    x: int = 0
    y: int = 0
    said: str = ""

    @property
    def lines(self) -> list[str]:
        """The text as it is broken into lines."""
        text, width = self.said or self.name, _FLOW_WRAP if self.kind == "flow" else _WRAP
        return textwrap.wrap(f"<{text}>" if self.shadow else text, width, break_long_words=False)


@dataclass(frozen=True, slots=True)
class Pipe:
    """A flow through a valve between two words, or clouds where there is None; `label` names it.

    Places of words in `View.words`.  `ends` are where the pipe starts and stops.
    """

    label: int
    source: int | None
    target: int | None
    x: int
    y: int
    ends: tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A causal link between two words, by place in `View.words`; `sign` is 1, -1 or None if not told.

    `middle` is the point that a file draws it through.
    """

    start: int
    end: int
    sign: int | None
    middle: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One picture."""

    name: str
    words: tuple[Word, ...]
    pipes: tuple[Pipe, ...]
    arrows: tuple[Arrow, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that hold everything."""
        right = [one.x + one.w for one in self.words] + [x + CLOUD[0] for one in self.pipes for x, _ in one.ends]
        below = [one.y + one.h for one in self.words]
        return max(right, default=0) + _MARGIN, max(below, default=0) + _MARGIN


def groups(equations: Equations) -> tuple[str, ...]:
    """Return the groups that have something to draw, in file order."""
    return tuple(dict.fromkeys(one.group for one in equations.visible.values() if one.kind != "control"))


def view(equations: Equations, group: str, said: Callable[[str], str] = str) -> View:
    """Return the layout of one group, with room for what is `said` of names; UnknownNameError for no such group."""
    if group not in groups(equations):
        raise unknown("group", group, groups(equations), equations.source)
    return _Layout(equations, group, said).view()


def spread(wanted: Sequence[float], halves: Sequence[float], gap: float) -> Array:
    """Return the centres of boxes that keep their order and stay `gap` apart, with the least squares.

    `wanted` are the centres asked for, `halves` half the heights, both of shape (box,) like what is returned.
    """
    from scipy.optimize import isotonic_regression

    offsets = np.cumsum([0.0, *(left + gap + right for left, right in pairwise(halves))])
    return np.asarray(isotonic_regression(np.subtract(wanted, offsets)).x + offsets)


def word(
    name: str, kind: Literal["stock", "flow", "text"], shadow: bool, x: int = 0, y: int = 0, said: str = ""
) -> Word:
    """Return a name in a picture with the room that it takes, or what is `said` of it."""
    lines = Word(name, kind, shadow, 0, 0, said=said).lines
    w, h = round(max(map(_letters, lines)) * _LETTER) + 6, round(len(lines) * _LINE) + 3
    return Word(name, kind, shadow, *((max(w, 44), max(h, 22)) if kind == "stock" else (w, h)), x, y, said)


def _letters(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)


@dataclass(slots=True)
class _Tap:
    """A flow and the stocks of the picture that it joins."""

    flow: str
    source: str | None = None
    target: str | None = None


class _Layout:
    def __init__(self, equations: Equations, group: str, said: Callable[[str], str]) -> None:
        self.equations = equations
        self.said = said
        self.group = group
        self.own = [n for n, one in equations.visible.items() if one.group == group and one.kind != "control"]
        self.words: list[Word] = []
        self.at: dict[str, int] = {}
        self.place: dict[int, Place] = {}
        self.pipes: list[Pipe] = []
        self.links: list[tuple[int, int]] = []
        self.shadows: dict[tuple[str, Place], int] = {}
        self.valve = self.edge = 0
        stocks = [name for name in self.own if isinstance(equations.variables[name].expression, Integral)]
        self.taps = self._taps(stocks)
        self.stocks = self._chain_order(stocks)
        self.reads = {name: self._reads(name) for name in self.own}

    def view(self) -> View:
        for name in self.stocks:
            self._add(name, "stock", (0, 0))
        for flow, tap in self.taps.items():
            self._add(flow, "flow", (1 if tap.target is None else -1 if tap.source is None else 0, 0))
        stocks, labels = ([word.w for word in self.words if word.kind == kind] for kind in ("stock", "flow"))
        self.valve = max(stocks, default=0) + max(labels, default=0) + _GAP
        self.edge = self.valve + max([_VALVE_TO_CLOUD + CLOUD[0], *labels]) if labels else max(stocks, default=0)
        self._assign_columns()
        self._link()
        columns = self._columns()
        self._set_stocks(columns)
        self._set_columns(columns)
        self._set_alone()
        return self._shifted()

    def _reads(self, name: str) -> list[str]:
        expression = self.equations.variables[name].expression
        time = ["Time"] if any(isinstance(one, Time) for one in walk(expression)) else []
        shown = (cause for one in [*read_names(expression), *time] for cause in self._visible(one, name))
        return [one for one in dict.fromkeys(shown) if one != name]

    def _visible(self, name: str, reader: str) -> Iterable[str]:
        """Name the variables behind a hidden part of the reader's equation."""
        variables = self.equations.variables

        def parts(one: str) -> tuple[str, ...]:
            own = one in variables and variables[one].owner == reader
            return read_names(variables[one].expression) if own else ()

        found = (one for one in reached([name], parts) if one not in variables or not variables[one].owner)
        return (one for one in found if one not in variables or variables[one].kind != "control")

    def _taps(self, stocks: Sequence[str]) -> dict[str, _Tap]:
        taps: dict[str, _Tap] = {}
        for stock in stocks:
            for flow, sign in signed_flows(self.equations.variables[stock].expression):
                if self.equations.variables[flow].kind == "stock" or self.equations.variables[flow].owner:
                    continue
                tap = taps.setdefault(flow, _Tap(flow))
                if sign > 0 and tap.target is None:
                    tap.target = stock
                elif sign < 0 and tap.source is None:
                    tap.source = stock
        return taps

    def _chain_order(self, stocks: Sequence[str]) -> list[str]:
        """Put each stock behind the one that flows into it."""
        after = {tap.source: tap.target for tap in reversed(self.taps.values()) if tap.source and tap.target}
        fed = set(after.values())
        order: dict[str, None] = {}
        for start in sorted(stocks, key=lambda one: one in fed):
            one: str | None = start
            while one is not None and one not in order:
                order[one] = None
                one = after.get(one)
        return list(order)

    def _add(self, name: str, kind: Literal["stock", "flow", "text"], place: Place, shadow: bool | None = None) -> int:
        foreign = name not in self.reads
        number = len(self.words)
        self.words.append(word(name, kind, foreign if shadow is None else shadow, said=self.said(name)))
        self.place[number] = place
        if shadow is None:
            self.at[name] = number
        return number

    def _assign_columns(self) -> None:
        """Give what is no stock or flow a column one further out than its effects on that side."""
        order = {name: place for place, name in enumerate(evaluation_order(self.equations))}
        users: dict[str, list[str]] = {name: [] for name in self.own}
        for one in self.own:
            for cause in self.reads[one]:
                users.get(cause, []).append(one)
        for name in sorted(self.own, key=order.__getitem__, reverse=True):
            if name in self.at:
                continue
            places = [self.place[self.at[one]] for one in users[name] if one in self.at]
            right = sum(side > 0 for side, _ in places) > len(places) / 2
            if not places:
                right = any(cause in self.at for cause in self.reads[name])
            depths = [depth for side, depth in places if (side > 0) == right]
            self._add(name, "text", (1 if right else -1, 1 + max(depths, default=0)))

    def _link(self) -> None:
        for name in [name for name in self.at if name in self.reads]:
            effect = self.at[name]
            for cause in self.reads[name]:
                tap = self.taps.get(cause)
                if tap is not None and name in {tap.source, tap.target}:
                    continue
                start = self.at.get(cause)
                if start is None or not self._near(start, effect):
                    side, depth = self.place[effect]
                    key = (cause, (side or -1, depth + 1))
                    if key not in self.shadows:
                        self.shadows[key] = self._add(cause, "text", key[1], shadow=True)
                    start = self.shadows[key]
                self.links.append((start, effect))

    def _near(self, start: int, end: int) -> bool:
        """Say whether a link can be drawn: to a neighbouring column on the same side, or within one chain."""
        (side, depth), (other, far) = self.place[start], self.place[end]
        if depth == 0 and far == 0:
            names = self.words[start].name, self.words[end].name
            found = ((self.taps.get(flow), stock) for flow, stock in (names, names[::-1]))
            return any(tap is not None and stock in {tap.source, tap.target} for tap, stock in found)
        return (side in {other, 0} or other == 0) and (far + 1 == depth if depth else far == 1 and side in {0, other})

    def _columns(self) -> dict[Place, list[int]]:
        """Return the linked words beside the stocks, column by column from the middle outwards."""
        columns: dict[Place, list[int]] = {}
        linked = set(chain(*self.links))
        for number, place in self.place.items():
            if place[1] > 0 and number in linked:
                columns.setdefault(place, []).append(number)
        return dict(sorted(columns.items(), key=lambda item: (item[0][1], item[0][0])))

    def _set_stocks(self, columns: Mapping[Place, Sequence[int]]) -> None:
        """Stack the stocks, far enough apart for the highest column."""
        slots = {name: ([], []) for name in self.stocks}  # type: dict[str, tuple[list[str], list[str]]]
        joined: dict[str, str] = {}
        for flow, tap in self.taps.items():
            if tap.target is None and tap.source is not None:
                slots[tap.source][1].append(flow)
            elif tap.target is not None and not self._follows(tap, joined):
                slots[tap.target][0].append(flow)
        halves = {name: max(22, _SLOT * max(map(len, both)) // 2 - 8) for name, both in slots.items()}
        room = sum(2 * half + _BETWEEN for half in halves.values()) + _TRANSFER * len(joined)
        tallest = max((sum(2 * self.words[one].h + _GAP for one in words) for words in columns.values()), default=0)
        extra = max(0, tallest - room) // (len(self.stocks) + 1)
        y = 0
        for name in self.stocks:
            half = halves[name]
            y += half + (_TRANSFER if name in joined else _BETWEEN) + extra
            number = self.at[name]
            self.words[number] = replace(self.words[number], x=0, y=y, h=half)
            if name in joined:
                self._set_transfer(joined[name], self.taps[joined[name]])
            for side, flows in zip((-1, 1), slots[name], strict=True):
                for place, flow in enumerate(flows):
                    self._set_flow(flow, side, y + round(_SLOT * (place - (len(flows) - 1) / 2)))
            y += half

    def _follows(self, tap: _Tap, joined: dict[str, str]) -> bool:
        """Say whether a flow leads from one stock to the next below, and note it as the one that does."""
        if tap.source is None or tap.target is None or tap.target in joined:
            return False
        if self.stocks.index(tap.target) != self.stocks.index(tap.source) + 1:
            return False
        joined[tap.target] = tap.flow
        return True

    def _set_flow(self, flow: str, side: int, y: int) -> None:
        tap, number = self.taps[flow], self.at[flow]
        x, label = side * self.valve, self.words[number]
        self.words[number] = replace(label, x=x, y=y + VALVE[1] + label.h + 1)
        source, target = (None if one is None else self.at[one] for one in (tap.source, tap.target))
        ends = []
        for stock in (source, target):
            if stock is None:
                ends.append((side * (self.valve + _VALVE_TO_CLOUD), y))
            else:
                edge = self.words[stock]
                ends.append((edge.x + (edge.w if x > 0 else -edge.w), min(max(y, edge.y - edge.h), edge.y + edge.h)))
        self.pipes.append(Pipe(number, source, target, x, y, (ends[0], ends[1])))

    def _set_transfer(self, flow: str, tap: _Tap) -> None:
        number, source, target = self.at[flow], self.at[str(tap.source)], self.at[str(tap.target)]
        above, below, label = self.words[source], self.words[target], self.words[number]
        top, bottom = above.y + above.h, below.y - below.h
        y = (top + bottom) // 2
        self.words[number] = replace(label, x=VALVE[0] + label.w + 4, y=y)
        self.pipes.append(Pipe(number, source, target, 0, y, ((0, top), (0, bottom))))

    def _set_columns(self, columns: Mapping[Place, Sequence[int]]) -> None:
        """Place columns from the middle outwards, each word at the height of what it leads to further in."""
        edge = {side: float(self.edge) for side in (-1, 1)}
        linked: dict[int, list[int]] = {number: [] for words in columns.values() for number in words}
        for start, end in self.links:
            linked.get(start, []).append(end)
            if start != end:
                linked.get(end, []).append(start)
        for (side, depth), words in columns.items():
            wanted = {}
            for number in words:
                heights = [self.words[one].y for one in linked[number] if self.place[one][1] < depth]
                wanted[number] = sum(heights) / len(heights) if heights else 0.0
            ordered = sorted(words, key=lambda one: (wanted[one], one))
            widest = max(self.words[number].w for number in ordered)
            edge[side] += _COLUMN_GAP
            ys = spread([wanted[one] for one in ordered], [self.words[one].h for one in ordered], _GAP)
            for number, y in zip(ordered, ys, strict=True):
                x = side * (edge[side] + self.words[number].w)
                self.words[number] = replace(self.words[number], x=round(x), y=round(y))
            edge[side] += 2 * widest

    def _set_alone(self) -> None:
        """Put what has no link here into rows below everything else."""
        linked = set(chain(*self.links))
        alone = [number for number, place in self.place.items() if place[1] > 0 and number not in linked]
        if not alone:
            return
        drawn = [word for number, word in enumerate(self.words) if number not in alone]
        left = min((word.x - word.w for word in drawn), default=0)
        right = max((word.x + word.w for word in drawn), default=0)
        pitch = 2 * max(self.words[number].w for number in alone) + 2 * _GAP
        across = max((right - left) // pitch, 5)
        height = 2 * max(self.words[number].h for number in alone) + _GAP
        top = max((word.y + word.h for word in drawn), default=0) + 2 * _BETWEEN
        for place, number in enumerate(alone):
            x, y = left + pitch // 2 + pitch * (place % across), top + height * (place // across)
            self.words[number] = replace(self.words[number], x=x, y=y)

    def _shifted(self) -> View:
        clouds = [end for pipe in self.pipes for end in pipe.ends]
        dx = _MARGIN - min([word.x - word.w for word in self.words] + [x - CLOUD[0] for x, _ in clouds])
        dy = _MARGIN - min([word.y - word.h for word in self.words] + [y - CLOUD[1] for _, y in clouds])
        words = tuple(replace(word, x=word.x + dx, y=word.y + dy) for word in self.words)
        pipes = []
        for pipe in self.pipes:
            start, end = ((x + dx, y + dy) for x, y in pipe.ends)
            pipes.append(replace(pipe, x=pipe.x + dx, y=pipe.y + dy, ends=(start, end)))
        names = [(words[start].name, words[end].name) for start, end in self.links]
        told = signs_told(self.equations, (pair for pair in names if pair[0] in self.equations.variables))
        arrows = (
            Arrow(start, end, told.get(pair) or None) for (start, end), pair in zip(self.links, names, strict=True)
        )
        return View(self.group, words, tuple(pipes), tuple(arrows))
