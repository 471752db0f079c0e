"""A group of commands that knows their names and first sentences, and imports one when it is called."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import click

from analysis.plain.language import language_of_user, speaking
from analysis.plain.messages import message
from analysis.plain.progress import show, working
from analysis.plain.spoken import Spoken, spoken
from stockflow.commands.console import Group

QUIET, LANG = "--quiet", "--lang"
_asked = {"language": "en"}  # of the last call, whose errors are told after it


def in_words(text: str) -> str:
    """Return what an error of the last call says, in the language that it was asked for."""
    with speaking(_asked["language"]):
        return message(text)


class LazyGroup(Group):
    """A group over a table: name of a command -> ("module:attribute" in `package`, the first sentence of its help).

    `commands` holds stubs made of name and sentence: the group's help, shell completion and the names near a mistyped
    one come from these. To call a command, to ask for its own help and to complete its options import it.

    While a command runs, what is being done is said on standard error; `--quiet`, anywhere among the words, ends that.
    """

    context_class = Spoken

    def __init__(self, *, table: Mapping[str, tuple[str, str]], package: str, **settings: object) -> None:
        stubs = [click.Command(name, help=sentence) for name, (_, sentence) in table.items()]
        super().__init__(commands=stubs, **settings)  # type: ignore[arg-type]
        self.table, self.package = table, package

    def main(self, args: Sequence[str] | None = None, *rest: Any, **settings: Any) -> Any:
        """Run as a programme, in the language that the words ask for."""
        words = sys.argv[1:] if args is None else args
        asked = [after for one, after in pairwise([*words, ""]) if one == LANG]
        asked += [one.partition("=")[2] for one in words if one.startswith(f"{LANG}=")]
        _asked["language"] = "en"  # in which a language that is none is refused
        _asked["language"] = language_of_user(asked[0] if asked else None)
        with speaking(_asked["language"]):
            return super().main(args, *rest, **settings)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help, in the language spoken."""
        click.Group.format_help(spoken(self), ctx, formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `--quiet` out of the words, wherever it stands."""
        show(QUIET not in args)
        left = [one for one in args if one != QUIET]
        words = [one for before, one in pairwise(["", *left]) if "-" not in (before[:1], one[:1])]
        ctx.meta[QUIET] = " ".join(words[:2])
        return super().parse_args(ctx, left)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is asked for, and say now and then that it is at work."""
        with working(ctx.meta[QUIET]):
            return super().invoke(ctx)

    def load(self, name: str) -> click.Command:
        """Import and return the command behind a name of the table."""
        module, _, attribute = self.table[name][0].partition(":")
        command: click.Command = getattr(import_module(f"{self.package}.{module}"), attribute)
        return spoken(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and what is left of the arguments, as click does, the command itself for its stub."""
        name, found, left = super().resolve_command(ctx, args)
        return name, self.load(name) if name is not None and found is not None else None, left
