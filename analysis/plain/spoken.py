"""Help in the language spoken: a command's paragraphs and options as the catalogue has them, in lines that fit.

Of a paragraph that keeps its lines (`\\b`) heads and what stands behind two spaces are words; the rest is typed.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from copy import copy

import click

from analysis.plain.language import language, translated
from analysis.plain.lines import fill, width

_LINE = re.compile(r"(?P<typed> +\S.*?(  +|$))?(?P<said>\S.*)?")  # of those that are kept
_OPTION = re.compile(r"(.*?)(  \[[^\[]*\])?", re.DOTALL)  # its words, and its default and bounds


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a help text: on one line, but those that keep their lines."""
    found = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return [one if one.startswith("\b") else " ".join(one.split()) for one in found]


def kept(paragraph: str) -> list[tuple[str, str]]:
    """Return what is typed and what is said in each line of a paragraph that keeps its lines; either may be empty."""
    found = [_LINE.fullmatch(line) for line in paragraph.splitlines()[1:]]
    return [(one["typed"] or "", one["said"] or "") for one in found if one is not None]


def texts(help_text: str) -> Iterator[str]:
    """Yield what is translated of a help text."""
    for one in paragraphs(help_text):
        yield from (said for _, said in kept(one) if said) if one.startswith("\b") else [one]


def spoken(command: click.Command) -> click.Command:
    """Return a command whose help is in the language spoken; in English itself."""
    if language() == "en":
        return command
    told, each = copy(command), paragraphs(command.help or "")
    told.context_class = Spoken
    told.short_help = translated(each[0])
    told.help = "\n\n".join(
        "\n".join(["\b", *(typed + translated(said) for typed, said in kept(one))])
        if one.startswith("\b")
        else translated(one)
        for one in each
    )
    if isinstance(told, click.Group):
        told.commands = {name: spoken(one) for name, one in told.commands.items()}
    return told


class Formatter(click.HelpFormatter):
    """Writes help with the heads of the language spoken, its lines as wide on the screen as they may be."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line of usage."""
        super().write_usage(prog, args, translated("Usage: "))

    def write_heading(self, heading: str) -> None:
        """Write a head."""
        self.write(f"{'':>{self.current_indent}}{translated(f'{heading}:')}\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        columns = self.width - self.current_indent
        super().write_text("\n\n".join(_wide(one, columns) for one in text.split("\n\n")))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands with what they are."""
        rows = list(rows)
        first = min(max((width(one) for one, _ in rows), default=0), col_max) + col_spacing
        columns = self.width - self.current_indent - first
        super().write_dl([(one, _wide(_option(said), columns)) for one, said in rows], col_max, col_spacing)


def _wide(paragraph: str, columns: int) -> str:
    """Return a paragraph as it is, or one in Han characters in lines that are kept."""
    if width(paragraph) == len(paragraph) or paragraph.startswith("\b"):
        return paragraph
    return f"\b\n{fill(paragraph, columns)}"


def _option(said: str) -> str:
    """Return what is said of an option, with its default and bounds; other texts as they are."""
    words, extras = found.groups("") if (found := _OPTION.fullmatch(said)) else (said, "")
    for one in ("default: ", "required"):
        extras = extras.replace(one, translated(one))
    return translated(words) + (extras.strip() if language() == "zh" else extras)


class Spoken(click.Context):
    """A call whose help is in the language spoken."""

    formatter_class = Formatter
