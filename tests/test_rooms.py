"""How files of the four packages import each other; which rooms may is in the contracts of `pyproject.toml`."""

import itertools
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return files of which each imports the next and the last is the first, nothing if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("stockflow", "models", "calibration", "analysis", cache_dir=None)
    assert len(graph.modules) > 250
    assert circle({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}) == []


@pytest.mark.parametrize("length", [2, 3, 5])
def test_a_circle_of_any_length_is_found_and_told_in_order(length: int) -> None:
    names = [f"file{place}" for place in range(length)]
    found = circle({name: {names[(place + 1) % length], "below"} for place, name in enumerate(names)})
    assert len(found) == length + 1
    assert all(names[(names.index(one) + 1) % length] == after for one, after in itertools.pairwise(found))
