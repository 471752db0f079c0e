"""Lines no wider than a screen or a figure, of words or of Han characters."""

import re
import textwrap
from unicodedata import east_asian_width

# what no line ends within: a Han character or a word, with brackets before it and punctuation behind
_PIECE = re.compile(r"[（“‘《]*(?:[\u3400-\u9fff]|[^\s\u3000-\uffef“”‘’]+)[，。；：、）”’》]*|\s+|.")


def width(text: str) -> int:
    """Return how many columns a text takes on a screen: a Han character takes two."""
    return sum(1 + (east_asian_width(one) in "WF") for one in text)


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns, dots at its end where it is cut."""
    while width(text) > columns:
        text = f"{text.removesuffix('…')[:-1]}…"
    return text


def fill(text: str, columns: int, initial_indent: str = "", subsequent_indent: str = "") -> str:
    """Return a text in lines of at most so many columns; Han characters part anywhere, but not before punctuation."""
    if width(text) == len(text):
        return textwrap.fill(text, columns, initial_indent=initial_indent, subsequent_indent=subsequent_indent)
    lines = [initial_indent]
    for piece in _PIECE.findall(text):
        if width(lines[-1] + piece.rstrip()) > columns:
            lines.append(subsequent_indent)
            piece = piece.lstrip()  # noqa: PLW2901
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)
