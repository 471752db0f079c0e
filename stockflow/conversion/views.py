"""Views of a file: Vensim's sketch and XMILE's views, both as pictures of words, pipes and arrows.

Kept are names, positions, which flows join which stocks, arrows with their signs and bends, and shadows of what is
defined elsewhere; comments, colours and fonts are not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from xml.etree.ElementTree import Element, SubElement

from stockflow.language.xmile.file import File, name_of
from stockflow.names import plain
from stockflow.numerals import as_number
from stockflow.pictures.layout import VALVE, Arrow, Pipe, View, Word, word
from stockflow.pictures.sketch import MARK

_WORD = re.compile(r'10,(\d+),("(?:\\"|[^"])*"|[^,]*),(-?\d+),(-?\d+),(\d+),(\d+),(\d+),(\d+)')
_PLACED = re.compile(r"(11|12),(\d+),[^,]*,(-?\d+),(-?\d+)")
_ARROW = re.compile(r"1,\d+,(\d+),(\d+),(\d+),\d+,(\d+),(\d+),.*?\|\((-?\d+),(-?\d+)\)")
_VALVE, _STOCK, _ATTACHED, _PIPE, _INTO_VALVE = "11", 3, 32, 22, 100
_SIGNS = {ord("+"): 1, ord("-"): -1}
_SHORT = 25
_POLARITY = {1: "+", -1: "-"}
# of a turn, less than a right angle
_STRAIGHT = 1e-6


def of_sketch(text: str) -> list[View]:
    """Return the views of a Vensim file."""
    _, *sketches = text.split(MARK.split(" ", 1)[0])
    return [_view(one) for one in sketches if "\n*" in one]


@dataclass(slots=True)
class _Sketch:
    """The objects of one view by their numbers: places of words, points of valves and clouds, what joins them."""

    words: list[Word] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    points: dict[str, tuple[int, int]] = field(default_factory=dict)
    valves: dict[str, int] = field(default_factory=dict)
    pipes: dict[str, dict[bool, str]] = field(default_factory=dict)
    arrows: list[tuple[str, str, int | None, tuple[int, int]]] = field(default_factory=list)
    # the valve whose word comes next
    valve: str = ""

    def line(self, text: str) -> None:
        """Take in one line; what is no word, pipe or arrow is left out."""
        if found := _WORD.match(text):
            number, name, *numbers = found.groups()
            x, y, w, h, shape, bits = map(int, numbers)
            flow = bool(shape & _ATTACHED and self.valve)
            self.places[number] = len(self.words)
            if flow:
                self.valves[self.valve] = len(self.words)
            stock = shape & ~_ATTACHED == _STOCK
            kind: Literal["stock", "flow", "text"] = "flow" if flow else "stock" if stock else "text"
            self.words.append(Word(_bare(name), kind, not bits & 1, w, h, x, y))
        elif found := _PLACED.match(text):
            self.points[found[2]] = int(found[3]), int(found[4])
            self.valve = found[2] if found[1] == _VALVE else ""
        elif found := _ARROW.match(text):
            start, end, shape_, sign, kind_, x_, y_ = found.groups()
            if int(kind_) == _PIPE:
                self.pipes.setdefault(start, {})[int(shape_) == _INTO_VALVE] = end
            else:
                self.arrows.append((start, end, _SIGNS.get(int(sign)), (int(x_), int(y_))))

    def pipe(self, valve: str) -> Pipe:
        """Return the flow through a valve."""
        source, target = (self.pipes[valve].get(into, "") for into in (True, False))
        here = self.points[valve]
        ends = (self._end(source, here), self._end(target, here))
        return Pipe(self.valves[valve], self.places.get(source), self.places.get(target), *here, ends)

    def _end(self, number: str, other: tuple[int, int]) -> tuple[int, int]:
        if number in self.places:
            one = self.words[self.places[number]]
            return one.x, one.y
        return self.points.get(number, other)

    def view(self, title: str) -> View:
        """Return the view."""
        pipes = tuple(self.pipe(one) for one in self.valves if one in self.pipes)
        at = self.places | self.valves
        arrows = (
            Arrow(at[start], at[end], sign, middle)
            for start, end, sign, middle in self.arrows
            if start in at and end in at
        )
        return View(title, tuple(self.words), pipes, tuple(arrows))


def _view(text: str) -> View:
    """Return one view of a sketch."""
    sketch, title = _Sketch(), ""
    for line in text.partition("\n///---")[0].split("\n"):
        if line.startswith("*") and not title:
            title = line[1:]
        sketch.line(line)
    return sketch.view(title)


def _bare(name: str) -> str:
    return " ".join(name.strip('"').replace('\\"', '"').split())


def into_xmile(model: Element, views: Sequence[View], kinds: Mapping[str, str]) -> None:
    """Add views to a model; `kinds` are the tags of its variables by compared name."""
    group = SubElement(model, "views")
    number = 0
    for one in views:
        view = SubElement(group, "view", view_type="stock_flow", name=one.name)
        pipes = {pipe.label: pipe for pipe in one.pipes}
        names: dict[int, tuple[str, str]] = {}
        for place, each in enumerate(one.words):
            kind = kinds.get(plain(each.name))
            if kind is None:
                continue
            spot = {"x": str(each.x), "y": str(each.y)}
            number += 1
            if each.shadow:
                SubElement(SubElement(view, "alias", {"uid": str(number), **spot}), "of").text = each.name
                names[place] = "", str(number)
                continue
            names[place] = each.name, ""
            pipe = pipes.get(place)
            if kind == "flow":
                _flow(view, pipe or Pipe(place, None, None, each.x, each.y, _beside(each)), each.name)
            else:
                SubElement(view, kind, {**spot, "name": each.name})
        for arrow in one.arrows:
            if arrow.start in names and arrow.end in names:
                _connector(view, one, arrow, names)


def _beside(one: Word) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the ends of a flow that stands alone: XMILE has none without a pipe."""
    return (one.x - _SHORT, one.y), (one.x + _SHORT, one.y)


def _flow(view: Element, pipe: Pipe, name: str) -> None:
    flow = SubElement(view, "flow", {"x": str(pipe.x), "y": str(pipe.y), "name": name})
    points = SubElement(flow, "pts")
    for x, y in pipe.ends:
        SubElement(points, "pt", x=str(x), y=str(y))


def _connector(view: Element, picture: View, arrow: Arrow, names: Mapping[int, tuple[str, str]]) -> None:
    sign = {"polarity": _POLARITY[arrow.sign]} if arrow.sign else {}
    line = SubElement(view, "connector", {"angle": f"{angle(picture, arrow):.6g}", **sign})
    for tag, place in (("from", arrow.start), ("to", arrow.end)):
        end = SubElement(line, tag)
        name, uid = names[place]
        if uid:
            SubElement(end, "alias", uid=uid)
        else:
            end.text = name


def _spots(picture: View) -> list[tuple[float, float]]:
    """Return where arrows to and from each word end: at the valve of a flow, else at the word."""
    valves = {pipe.label: (pipe.x, pipe.y) for pipe in picture.pipes}
    return [valves.get(place, (one.x, one.y)) for place, one in enumerate(picture.words)]


def angle(picture: View, arrow: Arrow) -> float:
    """Return in which direction an arrow leaves, in degrees against the clock from the right.

    It is the arc of a circle through its middle point.
    """
    spots = _spots(picture)
    (x, y), (to_x, to_y) = spots[arrow.start], spots[arrow.end]
    straight = math.atan2(y - to_y, to_x - x)
    if arrow.middle is None or (x, y) == (to_x, to_y):
        return math.degrees(straight) % 360
    # seen from any point of an arc, its ends lie apart by what the tangent and the chord do
    there = math.atan2(y - arrow.middle[1], arrow.middle[0] - x)
    on = math.atan2(arrow.middle[1] - to_y, to_x - arrow.middle[0])
    return math.degrees(straight + there - on) % 360


def middle(start: tuple[float, float], end: tuple[float, float], degrees: float) -> tuple[int, int]:
    """Return the middle of the arc that leaves one point in a direction and ends in another: `angle` backward."""
    (x, y), (to_x, to_y) = start, end
    straight = math.atan2(y - to_y, to_x - x)
    turn = math.remainder(math.radians(degrees) - straight, 2 * math.pi) / 2
    reach = math.hypot(to_x - x, to_y - y) / 2
    bent = reach * math.tan(turn) if abs(turn) < math.pi / 2 - _STRAIGHT else 0.0
    across, up = math.cos(straight), math.sin(straight)
    return round((x + to_x) / 2 - bent * up), round((y + to_y) / 2 - bent * across)


def of_xmile(name: str, text: str) -> list[View]:
    """Return the views of the whole model of an XMILE file that draw stocks and flows."""
    file = File(name, text)
    models = file.found("model")[:1]
    found = [view for model in models for view in file.found("views/view", model)]
    flows: dict[str, dict[bool, str]] = {}
    for model in models:
        for stock in file.found("variables/stock", model):
            for into, tag in ((True, "inflow"), (False, "outflow")):
                for one in file.found(tag, stock):
                    flows.setdefault(plain(one.text or ""), {})[into] = plain(name_of(stock))
    drawn = [one for one in found if one.attrib.get("view_type", "stock_flow") == "stock_flow"]
    return [_of_view(file, one, flows, f"View {place}") for place, one in enumerate(drawn, 1)]


def _of_view(file: File, view: Any, flows: Mapping[str, Mapping[bool, str]], title: str) -> View:
    words: list[Word] = []
    places: dict[str, int] = {}
    pipes: list[tuple[Pipe, Mapping[bool, str]]] = []
    for node in view:
        tag = file.tag(node)
        shadow = tag == "alias"
        spot = _spot(node) if tag in {"stock", "flow", "aux", "gf", "alias"} else None
        if spot is None:
            continue
        name = " ".join((file.inside(node, "of") or "").replace("_", " ").split()) if shadow else name_of(node)
        if not name.split():
            continue
        x, y = spot
        places[f"uid {node.attrib.get('uid', '')}" if shadow else plain(name)] = len(words)
        points = [end for end in map(_spot, file.found("pts/pt", node)) if end is not None]
        if tag == "flow" and points:
            joined = flows.get(plain(name), {})
            pipes.append((Pipe(len(words), None, None, x, y, (points[0], points[-1])), joined))
            label = word(name, "flow", False)
            words.append(replace(label, x=x, y=y + VALVE[1] + label.h + 1))
        else:
            words.append(word(name, "stock" if tag == "stock" else "text", shadow, x, y))
    found: tuple[Pipe, ...] = ()
    for pipe, joined in pipes:
        source, target = (places.get(joined.get(into, "")) for into in (False, True))
        if source is None and target is None:
            # a flow of stocks in other views is a name in this one
            words[pipe.label] = word(words[pipe.label].name, "text", False, pipe.x, pipe.y)
        else:
            found += (replace(pipe, source=source, target=target),)
    picture = View(view.attrib.get("name") or title, tuple(words), found, ())
    spots = _spots(picture)
    arrows = tuple(_arrows(file, view, places, spots))
    return View(picture.name, picture.words, found, arrows)


def _spot(node: Any) -> tuple[int, int] | None:
    """Return where something stands, None if that is no pair of numbers."""
    x, y = (as_number(node.attrib.get(one, "")) for one in "xy")
    return None if x is None or y is None else (round(x), round(y))


def _arrows(file: File, view: Any, places: Mapping[str, int], spots: Sequence[tuple[float, float]]) -> Iterator[Arrow]:
    for node in file.found("connector", view):
        ends = []
        for tag in ("from", "to"):
            end = next(iter(file.found(tag, node)), None)
            alias = [] if end is None else file.found("alias", end)
            key = f"uid {alias[0].attrib.get('uid', '')}" if alias else plain(file.inside(node, tag) or "")
            ends.append(places.get(key))
        start, end = ends
        if start is None or end is None:
            continue
        sign = {text: sign for sign, text in _POLARITY.items()}.get(node.attrib.get("polarity", ""))
        degrees = as_number(node.attrib.get("angle", ""))
        bend = None if degrees is None else middle(spots[start], spots[end], degrees)
        yield Arrow(start, end, sign, bend)
