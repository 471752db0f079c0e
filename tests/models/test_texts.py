"""No text that a person writes into a table or a case file becomes an equation of the model that is built from it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st
from own_helpers import WIND

from models.own import own_text
from stockflow.errors import InputError
from stockflow.language.equations import Equations
from stockflow.language.source import Source, equations

MARKS = ("~", "|", "{", "}", "\\", "\n", "\r", "\x0b", "\x1c", "***", ":MACRO:", ":END OF MACRO:", "\\\\\\---///",
         "///---\\\\\\", "evil= 1 ~ Dmnl ~ y |", '"', ":=", "22:a,b", "15:0,0,0,5")  # fmt: skip
TEXTS = st.lists(st.sampled_from(MARKS) | st.text(min_size=1, max_size=5), min_size=1, max_size=6).map("".join)
PLACES = ("scenario.csv", "parameters.product life.source", "volume.model_unit")


def written(folder: Path, place: str, text: str) -> Path:
    """Write the example's folder with `text` at a place: the source of a row, or a key of the case file."""
    case = tomlkit.parse((WIND / "case.toml").read_text(encoding="utf-8"))
    rows = list(csv.reader((WIND / "scenario.csv").read_text(encoding="utf-8").splitlines()))
    if place == "scenario.csv":
        rows[next(n for n, row in enumerate(rows) if row[0] == "market size")][4] = text
    elif place == "volume.model_unit":
        case["volume"]["model_unit"] = text  # type: ignore[index]
    source = text if place == "parameters.product life.source" else "a yearbook"
    case["parameters"] = {"product life": {"value": 20.0, "source": source, "evidence": "read"}}
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text(tomlkit.dumps(case), encoding="utf-8", newline="")
    with (folder / "scenario.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "policy.csv").write_text((WIND / "policy.csv").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def read(folder: Path) -> Equations:
    return equations(Source("wind.mdl", own_text(folder, fitted=False)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts") / "wind"


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, object]:
    """Return the expression of every variable where all texts are harmless."""
    return {name: one.expression for name, one in read(written(folder, "nowhere", "")).variables.items()}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=6)
@given(text=TEXTS)
def test_a_text_is_refused_by_its_place_or_changes_no_equation(
    folder: Path, plain: dict[str, object], place: str, text: str
) -> None:
    try:
        told = read(written(folder, place, text))
    except InputError as refused:
        assert re.search(r"scenario\.csv row|case\.toml", str(refused))
        assert len(str(refused).splitlines()) == 1
        return
    assert told.method == "Euler"
    changed = [name for name, one in told.variables.items() if one.expression != plain.get(name)]
    assert (changed, len(told.variables)) == ([], len(plain))


@pytest.mark.parametrize("mark", [one for one in MARKS if re.search(r"[~|{}\\]|\*{3}|MACRO", one)])
def test_what_vensim_would_read_more_in_is_refused_by_row(folder: Path, mark: str) -> None:
    with pytest.raises(InputError, match=r"scenario\.csv row \d+: source holds .* a mark of Vensim's"):
        read(written(folder, "scenario.csv", f"a yearbook {mark} and more"))
