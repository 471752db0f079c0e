"""The diagrams of a model as Vensim reads them: the sketch that stands behind the equations, a view for each group.

The format is described in Vensim's manual under "Sketch Information" and "Objects": each line is an object,
its kind (10 word, 11 valve, 12 cloud, 1 arrow), its number in the view, and its properties.
"""

import re
from collections.abc import Iterable

from stockflow.language.equations import Equations
from stockflow.pictures.diagram import bend
from stockflow.pictures.layout import CLOUD, VALVE, Arrow, Pipe, View, groups, view

MARK = "\\\\\\---/// Sketch information - do not modify anything except names\n"
_HEAD = """V300  Do not put anything below this section - it will be ignored
*{name}
$192-192-192,0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|96,96,100,0
"""
# names that need no quotes
_PLAIN = re.compile(r"[^\W\d][\w '$]*")
# arrows: kind of line, and whether it is the double line of a pipe
_CAUSE, _OUT_OF_VALVE, _INTO_VALVE = 1, 4, 100
_SIGNS = {1: ord("+"), -1: ord("-"), None: 0}


def sketch(equations: Equations) -> str:
    """Return the sketch of a model, one view for each of its groups."""
    return written(view(equations, group) for group in groups(equations))


def written(views: Iterable[View]) -> str:
    """Return the sketch of some views."""
    return "".join(MARK + _HEAD.format(name=one.name) + _Writer(one).text() for one in views)


class _Writer:
    """Numbers the objects of a view; a valve stands right before the name of its flow."""

    def __init__(self, picture: View) -> None:
        self.picture = picture
        self.lines: list[str] = []
        self.ids: dict[int, int] = {}
        self.valves: dict[int, int] = {}

    def text(self) -> str:
        pipes = {pipe.label: pipe for pipe in self.picture.pipes}
        for place in range(len(self.picture.words)):
            if place not in pipes:
                self.word(place)
        for pipe in self.picture.pipes:
            self.pipe(pipe)
        for arrow in self.picture.arrows:
            self.arrow(arrow)
        return "".join(f"{line}\n" for line in self.lines)

    def add(self, kind: int, rest: str) -> int:
        number = len(self.lines) + 1
        self.lines.append(f"{kind},{number},{rest}")
        return number

    def word(self, place: int) -> None:
        word = self.picture.words[place]
        shape = {"stock": 3, "flow": 40, "text": 8}[word.kind]
        name = f'"{word.name}"' if _PLAIN.fullmatch(word.name) is None else word.name
        box = f"{name},{word.x},{word.y},{word.w},{word.h},{shape}"
        # the second bit lets arrows out, the first one in; a name without arrows in is a shadow
        if word.shadow:
            rest = f"{box},2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128"
        else:
            rest = f"{box},3,0,0,{0 if word.kind == 'stock' else -1},0,0,0"
        self.ids[place] = self.add(10, rest)

    def pipe(self, pipe: Pipe) -> None:
        clouds = {}
        for end, place in zip(pipe.ends, (pipe.source, pipe.target), strict=True):
            if place is None:
                clouds[end] = self.add(12, f"48,{end[0]},{end[1]},{CLOUD[0]},{CLOUD[1]},0,3,0,0,-1,0,0,0")
        valve = len(self.lines) + 3
        for end, place, shape in zip(pipe.ends, (pipe.source, pipe.target), (_INTO_VALVE, _OUT_OF_VALVE), strict=True):
            other = clouds[end] if place is None else self.ids[place]
            x, y = (end[0] + pipe.x) // 2, (end[1] + pipe.y) // 2
            self.add(1, f"{valve},{other},{shape},0,0,22,0,0,0,-1--1--1,,1|({x},{y})|")
        self.valves[pipe.label] = self.add(11, f"48,{pipe.x},{pipe.y},{VALVE[0]},{VALVE[1]},34,3,0,0,1,0,0,0")
        self.word(pipe.label)

    def arrow(self, arrow: Arrow) -> None:
        x, y = arrow.middle or bend(self.picture, arrow)
        start, end, sign = self.ids[arrow.start], self.ids[arrow.end], _SIGNS[arrow.sign]
        self.add(1, f"{start},{end},{_CAUSE},0,{sign},0,0,64,0,-1--1--1,,1|({round(x)},{round(y)})|")
