"""The table of commands: it says what the commands themselves say, and imports none of them before its call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from analysis.cli import COMMANDS, cli

HEAVY = ("pandas", "matplotlib", "xarray", "scipy", "dask", "sklearn", "arviz", "zarr", "SALib", "numpy", "llvmlite")
LONG = 10_000


def loaded_after(program: str) -> set[str]:
    """Return which of HEAVY, and which modules of commands, a fresh process holds after a program."""
    told = (
        "\nimport json, sys"
        f"\nheld = [one for one in sys.modules if one in {HEAVY!r} or one.startswith('analysis.commands.')]"
        "\nprint(json.dumps(held), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program + told], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def called(*arguments: str) -> str:
    """Return a program that runs the command and goes on."""
    return f"import sys\nsys.argv = ['techcycle', *{arguments!r}]\nfrom analysis.cli import main\nmain()"


def completion(words: str, place: int) -> subprocess.CompletedProcess[str]:
    """Ask as bash does for what completes the word at `place`; standard error lists what is imported."""
    asked = {"_TECHCYCLE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    command = [sys.executable, "-X", "importtime", "-c", "from analysis.cli import main; main()"]
    return subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=True)


def completed(words: str, place: int) -> list[str]:
    """Return what a shell is told to complete the word at `place` with."""
    return completion(words, place).stdout.splitlines()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_sentence_of_the_table_is_the_first_of_its_command(name: str) -> None:
    assert COMMANDS[name][1] == cli.load(name).get_short_help_str(LONG)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_of_the_table_is_the_one_that_its_command_bears(name: str) -> None:
    assert cli.load(name).name == name


def test_every_command_of_every_module_stands_in_the_table() -> None:
    modules = {place.partition(":")[0] for place, _ in COMMANDS.values()}
    parts = {id(part) for name in COMMANDS if isinstance(group := cli.load(name), click.Group)
             for part in group.commands.values()}  # fmt: skip
    found = {id(one) for module in modules for one in vars(import_module(f"analysis.commands.{module}")).values()
             if isinstance(one, click.Command)}  # fmt: skip
    assert found - parts == {id(cli.load(name)) for name in COMMANDS}


def test_help_lists_every_command_with_its_sentence() -> None:
    text = CliRunner().invoke(cli, ["--help"], terminal_width=LONG, max_content_width=LONG).output
    listed = dict(line.split(maxsplit=1) for line in text.partition("\nCommands:\n")[2].splitlines())
    assert listed == {name: sentence for name, (_, sentence) in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_that_of_the_command_itself(name: str) -> None:
    above = click.Context(cli, info_name="techcycle", terminal_width=100, **cli.context_settings)
    own = cli.load(name).get_help(click.Context(cli.load(name), above, name))
    shown = CliRunner().invoke(cli, [name, "--help"], prog_name="techcycle", terminal_width=100)
    assert shown.output == f"{own}\n"


@pytest.mark.parametrize(
    "program", ["import analysis.cli", called("--help")], ids=["to import the table", "to show the help"]
)
def test_nothing_that_computes_is_imported(program: str) -> None:
    assert loaded_after(program) == {"analysis.commands.lazy"}


@pytest.mark.parametrize(
    "arguments", [("policy", "list"), ("parameters", "nev", "--json"), ("policy", "validate", "nev_linear")]
)
def test_a_small_command_imports_no_tables_and_no_science(arguments: tuple[str, ...]) -> None:
    held = loaded_after(called(*arguments))
    assert not held & {"pandas", "matplotlib", "xarray", "scipy", "dask", "sklearn", "arviz"}


def test_a_command_imports_the_module_of_its_own_topic_alone() -> None:
    held = {one for one in loaded_after(called("policy", "list")) if one.startswith("analysis.commands.")}
    assert held == {"analysis.commands.lazy", "analysis.commands.policy", "analysis.commands.shared"}


@pytest.mark.parametrize(
    ("words", "mistyped", "near"),
    [
        ("paramters nev", "paramters", "parameters"),
        ("phaseout", "phaseout", "phase-out"),
        ("policy sho", "sho", "show"),
    ],
)
def test_a_mistyped_command_is_refused_in_one_line_with_the_nearest_name(words: str, mistyped: str, near: str) -> None:
    command = [sys.executable, "-m", "analysis.cli", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"No such command {mistyped!r}. Did you mean {near!r}?" in done.stderr


def test_a_shell_completes_names_of_commands() -> None:
    assert completed("techcycle p", 1) == [
        "plain,page",
        "plain,parameters",
        "plain,paths",
        "plain,phase-out",
        "plain,policy",
    ]


def test_completing_names_of_commands_imports_none() -> None:
    imported = completion("techcycle ", 1).stderr
    assert "analysis.commands.lazy" in imported
    assert "analysis.commands.run" not in imported


def test_a_shell_completes_names_inside_a_group() -> None:
    assert completed("techcycle policy s", 2) == ["plain,show"]


def test_a_shell_completes_the_options_of_a_command() -> None:
    assert completed("techcycle parameters nev --j", 3) == ["plain,--json"]


def test_a_shell_completes_the_options_of_all_commands() -> None:
    assert completed("techcycle --v", 1) == ["plain,--version"]
