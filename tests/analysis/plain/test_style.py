"""What all figures share: the same files from the same numbers, and names at the ends of lines."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.plain.style import drawing, end_labels, save


def drawn(stem: Path) -> Path:
    with drawing(figsize=(3.0, 2.0), title="two lines") as (figure, ax):
        ax.plot([0, 1], [0, 1])
        ax.fill_between([0, 1], [0, 1], hatch="//")
    return save(figure, pd.DataFrame({"x": [1.0]}), stem)


def test_the_same_numbers_leave_the_same_files(tmp_path: Path) -> None:
    one, two = drawn(tmp_path / "one"), drawn(tmp_path / "two")
    for ending in (".png", ".svg", ".csv"):
        assert one.with_suffix(ending).read_bytes() == two.with_suffix(ending).read_bytes()


@pytest.mark.parametrize("values", [(0.5, 0.5, 0.5), (0.0, 0.01, 0.9), (0.97, 0.98, 1.0), (2.0, 1.0, 0.0)])
def test_names_at_the_ends_of_lines_keep_order_and_distance(values: tuple[float, ...]) -> None:
    with drawing() as (_, ax):
        ax.set_ylim(0, max(1.0, *values))
        end_labels(ax, [(f"{i}", value, "black") for i, value in enumerate(values)], 0.1)
        places = [text.xy[1] for text in ax.texts]
        assert [text.get_text() for text in ax.texts] == [f"{i}" for i in np.argsort(values, kind="stable")]
    assert np.all(np.diff(places) >= 0.1 - 1e-9)
    assert max(places) <= 1.0
