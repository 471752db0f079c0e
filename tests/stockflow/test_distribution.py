"""`stockflow` is a distribution of its own: it needs little, is typed, lists its API, and no index is asked for it."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import stockflow
from stockflow.version import VERSION

ROOT = Path(__file__).parents[2]
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENGINE = tomllib.loads((ROOT / "stockflow" / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {"stockflow", "models", "calibration", "analysis", "techcycle"}
HEAVY = {
    "pysd",
    "dask",
    "distributed",
    "zarr",
    "nutpie",
    "arviz",
    "scikit-learn",
    "salib",
    "matplotlib",
    "pydantic",
    "tomlkit",
}


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].replace("_", "-").lower()


def required(project: dict) -> list[str]:
    extras = project["project"].get("optional-dependencies", {})
    return [*project["project"]["dependencies"], *(one for extra in extras.values() for one in extra)]


@pytest.mark.parametrize("project", [WHOLE, ENGINE], ids=["whole", "engine"])
def test_no_requirement_lets_an_index_answer_a_name_of_this_project(project: dict) -> None:
    assert OWN.isdisjoint(map(name_of, [*required(project), *project["build-system"]["requires"]]))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_no_pinned_requirement_does_either(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pinned = {name_of(line) for line in lines if re.match(r"\w", line)}
    assert len(pinned) > 10
    assert OWN.isdisjoint(pinned)


def test_the_whole_project_carries_the_engine_and_asks_for_what_it_asks_for() -> None:
    assert "stockflow*" in WHOLE["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(ENGINE["project"]["dependencies"]) <= set(WHOLE["project"]["dependencies"])
    assert WHOLE["project"]["scripts"]["stockflow"] == ENGINE["project"]["scripts"]["stockflow"]
    assert ENGINE["project"]["requires-python"] == WHOLE["project"]["requires-python"]
    data = (project["tool"]["setuptools"]["package-data"]["stockflow"] for project in (WHOLE, ENGINE))
    assert [sorted(one) for one in data] == [
        ["examples/*.mdl", "page/*.css", "page/*.js", "page/page.html", "py.typed"]
    ] * 2
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "stockflow" / "LICENSE").read_bytes()


def test_the_engine_asks_for_little() -> None:
    assert HEAVY.isdisjoint(map(name_of, ENGINE["project"]["dependencies"]))


def test_every_folder_of_the_engine_that_holds_code_is_packed() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "stockflow").rglob("__init__.py")}
    assert sorted(".".join(one.parts) for one in folders) == ENGINE["tool"]["setuptools"]["packages"]


RUN = """
import importlib.metadata as metadata, sys
allowed = set(sys.argv[1].split(","))
owners = metadata.packages_distributions() | {"stockflow": []}

class Declared:
    # finds what another finder finds, unless it belongs to a distribution that is not declared
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        top = owners.get(name.partition(".")[0])
        undeclared = top and not allowed & {one.lower().replace("_", "-") for one in top}
        return None if undeclared else self.finder.find_spec(name, path, target)

sys.meta_path = [Declared(one) for one in sys.meta_path]
import stockflow
from stockflow.commands import cli
from stockflow.language import data_tables, external
from stockflow.page.contents import Asked, contents
from stockflow.page.page import html
from stockflow.vensim_files import files, sampling
print(stockflow.__file__)
for name in stockflow.__all__:
    getattr(stockflow, name)
model = stockflow.load(sys.argv[2])
model.run()
try:
    model.run(engine="reference")
except stockflow.InputError as error:
    print(error)
model.runs({model.constants[0]: [1.0]}, model.stocks).quantiles([0.5])
html(contents(model, Asked()))
model.loops()
model.lint(), model.unbalanced(), model.reality_checks(), model.loop_scores({})
try:
    import sklearn
except ImportError:
    print("blocked")
"""


def closure(requirements: list[str]) -> set[str]:
    """Return the installed distributions that requirements bring with them, without extras but those asked for."""
    found: set[str] = set()
    todo = [(name_of(one), set(re.findall(r"\[(.*?)\]", one))) for one in requirements]
    while todo:
        name, extras = todo.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # wanted on another system or Python only
            continue
        for one in needs:
            extra = re.search(r"extra\s*==\s*['\"](.*?)['\"]", one)
            if extra is None or extra[1] in {part.strip() for group in extras for part in group.split(",")}:
                todo.append((name_of(one), set(re.findall(r"\[(.*?)\]", one.partition(";")[0]))))
    return found


def runs_from(folder: Path, path: Path) -> None:
    """Run the engine that lies in a folder, with nothing reachable but what it declares."""
    declared = ",".join(sorted(closure(ENGINE["project"]["dependencies"])))
    example = folder / "stockflow" / "examples" / "epidemic.mdl"
    command = [sys.executable, "-c", RUN, declared, str(example)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=path, env=environment)
    assert done.returncode == 0, done.stderr
    place, reference, blocked = done.stdout.splitlines()
    assert reference.endswith("the reference is PySD, which is not installed: `pip install pysd`")
    assert Path(place).is_relative_to(folder)
    assert blocked == "blocked"


def test_it_runs_with_nothing_but_what_it_declares(tmp_path: Path) -> None:
    runs_from(ROOT, tmp_path)


@pytest.mark.slow
def test_its_wheel_alone_does_too(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "stockflow", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    build = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", tmp_path, source]
    subprocess.run([sys.executable, *map(str, build)], check=True, cwd=tmp_path)
    with zipfile.ZipFile(tmp_path / f"stockflow-{VERSION}-py3-none-any.whl") as packed:
        packed.extractall(tmp_path / "installed")
    assert (tmp_path / "installed" / "stockflow" / "py.typed").is_file()
    runs_from(tmp_path / "installed", tmp_path)


def test_dir_shows_the_public_names() -> None:
    assert set(stockflow.__all__) <= set(dir(stockflow))
    assert stockflow.__all__ == sorted(stockflow.__all__)


def public() -> list[tuple[str, object]]:
    """Return public names and, of public classes, their public methods and properties."""
    found = []
    for name in stockflow.__all__:
        one = getattr(stockflow, name)
        found.append((name, one))
        if inspect.isclass(one):
            found += [(f"{name}.{part}", item) for part, item in vars(one).items() if not part.startswith("_")]
    return [(name, one) for name, one in found if callable(one) or isinstance(one, property)]


@pytest.mark.parametrize(("name", "one"), public(), ids=[name for name, _ in public()])
def test_every_public_name_is_documented(name: str, one: object) -> None:
    text = inspect.getdoc(one) or ""
    assert len(text) > 20
    assert text.split("\n")[0].rstrip().endswith((".", ":"))


TAKES_INPUT = [
    "load", "from_text", "Model.variable", "Model.with_constants", "Model.with_series", "Model.simulator",
    "Model.runs", "Model.run", "Model.payoff",
    "Model.gradient", "Model.depends_on", "Model.used_by", "Model.loop_scores", "Model.reality_checks",
]  # fmt: skip


@pytest.mark.parametrize("name", TAKES_INPUT)
def test_what_can_refuse_says_so(name: str) -> None:
    text = inspect.getdoc(dict(public())[name]) or ""
    assert re.search(r"InputError|UnknownNameError|Raises", text)


@pytest.mark.parametrize("name", ["Variable", "Term", "Model.runs", "Model.run", "Model.with_series"])
def test_what_holds_numbers_says_their_unit_or_shape(name: str) -> None:
    text = inspect.getdoc(dict(public())[name]) or ""
    assert re.search(r"unit|shape|dimension", text)
