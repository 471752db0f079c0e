"""What the pages tell a reader to type: commands and code that run quickly are run, those that take minutes are parsed.

A page's blocks act in one folder, in order. `sh` and `python` are run, but for lines whose comment says "minutes":
of these every command, argument and option must exist. A block with a caption becomes that file, or goes to its end;
`diff` changes one. Pages under `how_to` act in a copy of the packages, all others in an empty folder.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from analysis.cli import COMMANDS as PLACES
from analysis.cli import cli as techcycle
from stockflow.commands.cli import cli as stockflow

ROOT = Path(__file__).parents[2]
GROUPS = {"techcycle": techcycle, "stockflow": stockflow}
FENCE = re.compile(r"^```(\{code-block\} )?(\w+)\n(?::caption: ([^\n]+)\n\n)?(.*?)^```$", re.DOTALL | re.MULTILINE)
AT_THE_END = " (at the end)"


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Kind, caption and text of every block of code of a page."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(kind, caption, text) for _, kind, caption, text in found if caption or kind in {"sh", "python", "diff"}]


PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "made" not in page.parts and blocks(page)]
LONG = {
    "case",
    "equation",
    "guide",
    "instrument",
    "own",
    "phase_out",
    "policy_page",
    "schedule",
    "start",
    "study",
}  # others run by default
PARAMETERS = [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.stem in LONG)) for page in PAGES]
COMMAND = re.compile(r"^(?:techcycle|stockflow|make|python -m) .*", re.MULTILINE)
NAMED = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
COMMANDS = [line for page in NAMED for line in COMMAND.findall(page.read_text(encoding="utf-8"))]


def slow(line: str) -> bool:
    return "minutes" in line.partition("#")[2]


def changed(text: str, diff: str) -> str:
    """Apply one hunk without line numbers, which must fit in one place."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(one[1:] for one in lines if one[0] in marks) for marks in (" -", " +"))
    assert text.count(old) == 1, old
    return text.replace(old, new)


def put(folder: Path, kind: str, caption: str, text: str) -> None:
    """Write a captioned block to its file, or change a file as a diff says."""
    if kind == "diff":
        name, _, hunk = text.partition("\n")
        file = folder / name.removeprefix("--- ")
        file.write_text(changed(file.read_text(encoding="utf-8"), hunk), encoding="utf-8")
    elif caption.endswith(AT_THE_END):
        with (folder / caption.removesuffix(AT_THE_END)).open("a", encoding="utf-8") as file:
            file.write(text if kind == "text" else f"\n{text}")
    else:
        (folder / caption).write_text(text, encoding="utf-8")


def act(folder: Path, page: Path, path: Path) -> Iterator[str]:
    """Do what a page says in a folder, with the packages at `path`; yield what went wrong."""
    scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(path), "PATH": scripts}
    for kind, caption, text in blocks(page):
        if caption or kind == "diff":
            put(folder, kind, caption, text)
            continue
        quick = "\n".join(line for line in text.splitlines() if kind == "python" or not slow(line))
        command = [sys.executable, "-c", quick] if kind == "python" else ["bash", "-euc", quick]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
        if done.returncode != 0:
            yield f"{quick}\n{done.stdout[-500:]}{done.stderr[-1500:]}"


@pytest.mark.skipif(os.name != "posix", reason="pages are written for a Unix shell")
@pytest.mark.parametrize("page", PARAMETERS)
def test_what_a_page_says_works_when_it_is_typed(tmp_path: Path, page: Path) -> None:
    path = ROOT
    if page.parent.name == "how_to":
        path = tmp_path
        for name in ("models", "calibration", "analysis", "stockflow"):
            shutil.copytree(ROOT / name, tmp_path / name)
    assert not list(act(tmp_path, page, path))


@pytest.mark.parametrize("line", sorted({line.partition("#")[0].strip() for line in COMMANDS}))
def test_every_command_that_is_named_exists_with_its_arguments(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line.partition("|")[0])
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    elif words[0] == "python":
        assert importlib.util.find_spec(words[2])
    else:
        command: click.Command = GROUPS[words[0]]
        name, rest = words[0], words[1:]
        for place, _ in PLACES.values():  # a module first read while the look is patched would keep the patch
            importlib.import_module(f"analysis.commands.{place.partition(':')[0]}")
        monkeypatch.setattr("analysis.commands.shared.check_units", lambda _: None)  # of folders that a reader makes
        context = click.Context(command, info_name=name)
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, rest)
            assert name and found, line
            command = found
        command.make_context(name, list(rest), parent=context)
