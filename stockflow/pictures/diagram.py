"""A stock-and-flow diagram of one group of variables, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape

from stockflow.model import Model
from stockflow.pictures.layout import CLOUD, VALVE, Arrow, Pipe, View, Word, groups, view

_STYLE = """svg{font:12px Helvetica,Arial,sans-serif}text{text-anchor:middle;dominant-baseline:central;fill:#1a1a1a}
.shadow{fill:#888}.title{font-size:16px;font-weight:bold;text-anchor:start}.sign{font-size:12px;fill:#2a5db0}
.stock{fill:#eef3fa;stroke:#1a1a1a;stroke-width:1.3}.valve{fill:#fff;stroke:#1a1a1a;stroke-width:1.2}
.cloud{fill:#fff;stroke:#888;stroke-width:1}.pipe{fill:none;stroke:#1a1a1a;stroke-width:5}
.bore{fill:none;stroke:#fff;stroke-width:2.6}.link{fill:none;stroke:#6b8fc4;stroke-width:1}
.gap{fill:#fff}"""
#: height of the band above a picture that holds its name
TITLE = 30
Point = tuple[float, float]


def svg(model: Model, group: str, said: Callable[[str], str] = str) -> str:
    """Return the diagram of a group as SVG text, in it what is `said` of each name; UnknownNameError for no such group.

    Stocks are boxes, flows run through valves from and to stocks or clouds; a name in angle brackets
    belongs to another place.  + and - stand where the equation alone tells the sign of a link.
    """
    picture = view(model.equations, group, said)
    width, height = picture.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height + TITLE}"'
        f' viewBox="0 {-TITLE} {width} {height + TITLE}">',
        f"<style>\n{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#6b8fc4"/></marker>'
        '<marker id="end" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="2.4" markerHeight="2.4" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect x="0" y="{-TITLE}" width="{width}" height="{height + TITLE}" fill="#fff"/>',
        f'<text class="title" x="12" y="{-TITLE // 2 + 4}">{escape(said(picture.name))}</text>',
    ]
    parts += _arrows(picture)
    parts += [_pipe(one) for one in picture.pipes]
    parts += [_word(one) for one in picture.words]
    return "\n".join([*parts, "</svg>\n"])


def diagrams(model: Model, said: Callable[[str], str] = str) -> dict[str, str]:
    """Return the SVG of every group, by name, in file order."""
    return {group: svg(model, group, said) for group in groups(model.equations)}


def bend(picture: View, arrow: Arrow) -> tuple[float, float]:
    """Return the point halfway along an arrow, a little off the straight line."""
    start, end = picture.words[arrow.start], picture.words[arrow.end]
    dx, dy = end.x - start.x, end.y - start.y
    return (start.x + end.x) / 2 + 0.08 * dy, (start.y + end.y) / 2 - 0.08 * dx


def _arrows(picture: View) -> Iterator[str]:
    """Draw links; those that reach one word from one side arrive one below the other."""
    arriving: dict[tuple[int, bool], list[Arrow]] = {}
    for arrow in picture.arrows:
        start, end = picture.words[arrow.start], picture.words[arrow.end]
        if abs(start.x - end.x) > start.w + end.w + 16:
            arriving.setdefault((arrow.end, start.x < end.x), []).append(arrow)
        else:
            yield _short_arrow(picture, arrow)
    for (place, from_left), arrows in arriving.items():
        end = _target(picture, place)
        arrows.sort(key=lambda one: picture.words[one.start].y)
        for number, arrow in enumerate(arrows):
            start = picture.words[arrow.start]
            way = 1 if from_left else -1
            y = end.y + (end.h + 2) * (2 * (number + 1) / (len(arrows) + 1) - 1)
            ax, bx = start.x + way * (start.w + 1), _near_side(picture, end, way)
            curve = (ax, start.y), (ax + (bx - ax) / 2, start.y), (bx - (bx - ax) / 2, y), (bx, y)
            yield _curve(arrow, *curve, end.x - way * (end.w + 3))


def _near_side(picture: View, end: Word, way: int) -> float:
    """Return where the column of a word begins for a line that comes to it; columns are flush on the other side."""
    column = [one for one in picture.words if one.x + way * one.w == end.x + way * end.w]
    return way * min((way * one.x - one.w for one in column), default=way * end.x - end.w) - way * 3


def _target(picture: View, place: int) -> Word:
    """Return the box an arrow aims at: the valve of a flow whose name stands beside it."""
    word = picture.words[place]
    for pipe in picture.pipes:
        if pipe.label == place and pipe.y == word.y:
            return replace(word, x=pipe.x, y=pipe.y, w=VALVE[0], h=VALVE[1])
    return word


def _short_arrow(picture: View, arrow: Arrow) -> str:
    start, end = picture.words[arrow.start], _target(picture, arrow.end)
    x, y = bend(picture, arrow)
    # a curve passes through the middle of its control point and the middle of its ends
    cx, cy = 2 * x - (start.x + end.x) / 2, 2 * y - (start.y + end.y) / 2
    control = (cx, cy)
    return _curve(arrow, _border(start, cx, cy, 1), control, control, _border(end, cx, cy, 3))


def _curve(arrow: Arrow, a: Point, b: Point, c: Point, d: Point, x_end: float | None = None) -> str:
    """Draw a cubic curve from a to d and on to `x_end`, with the sign of the link at two thirds of the curve."""
    points = " ".join(f"{x:.1f} {y:.1f}" for x, y in (b, c, d))
    rest = "" if x_end is None else f" H{x_end:.1f}"
    line = f'<path class="link" d="M{a[0]:.1f} {a[1]:.1f} C{points}{rest}" marker-end="url(#tip)"/>'
    if arrow.sign is None:
        return line
    weights = (0.027, 0.189, 0.441, 0.343)
    x, y = (sum(w * point[axis] for w, point in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
    return f'{line}<text class="sign" x="{x:.1f}" y="{y - 6:.1f}">{"+" if arrow.sign > 0 else "−"}</text>'


def _border(word: Word, x: float, y: float, gap: float) -> Point:
    """Return where the line from a word's centre towards a point leaves its box."""
    dx, dy = x - word.x, y - word.y
    share = min((word.w + gap) / abs(dx) if dx else math.inf, (word.h + gap) / abs(dy) if dy else math.inf, 1.0)
    return word.x + share * dx, word.y + share * dy


def _pipe(pipe: Pipe) -> str:
    (ax, ay), (bx, by) = pipe.ends
    length = math.hypot(bx - pipe.x, by - pipe.y) or 1.0
    # the line stops short of its tip, and its tip at the edge of a cloud
    short = 6 + (CLOUD[0] if pipe.target is None else 0)
    tx, ty = bx - short * (bx - pipe.x) / length, by - short * (by - pipe.y) / length
    path = f"M{ax} {ay} L{pipe.x} {pipe.y} L{tx:.1f} {ty:.1f}"
    clouds = [end for end, word in zip(pipe.ends, (pipe.source, pipe.target), strict=True) if word is None]
    w, h = VALVE
    x, y = pipe.x, pipe.y
    return (
        f'<path class="pipe" d="{path}" marker-end="url(#end)"/><path class="bore" d="{path}"/>'
        + "".join(_cloud(*cloud) for cloud in clouds)
        + f'<path class="valve" d="M{x - w} {y - h} L{x + w} {y - h} L{x - w} {y + h} L{x + w} {y + h}z"/>'
    )


def _cloud(x: float, y: float) -> str:
    w, h = CLOUD
    puffs = ((-0.5, 0.1, 0.55), (0.5, 0.1, 0.55), (0.0, -0.3, 0.6), (0.0, 0.3, 0.55))
    circles = [(x + dx * w, y + dy * h, r * w) for dx, dy, r in puffs]
    return "".join(f'<circle class="cloud" cx="{a:.1f}" cy="{b:.1f}" r="{r:.1f}"/>' for a, b, r in circles) + "".join(
        f'<circle class="gap" cx="{a:.1f}" cy="{b:.1f}" r="{r - 0.5:.1f}"/>' for a, b, r in circles
    )


def _word(word: Word) -> str:
    out = ""
    if word.kind == "stock":
        box = f'x="{word.x - word.w}" y="{word.y - word.h}" width="{2 * word.w}" height="{2 * word.h}"'
        out = f'<rect class="stock" {box}/>'
    lines = word.lines
    for place, line in enumerate(lines):
        y = word.y + 15 * (place - (len(lines) - 1) / 2)
        css = ' class="shadow"' if word.shadow else ""
        out += f'<text{css} x="{word.x}" y="{y:g}">{escape(line)}</text>'
    return out
