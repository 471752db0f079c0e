"""Tables as a person reads them, and as records for JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.plain.language import both, language, term, worded
from analysis.plain.lines import cut
from analysis.plain.units import beside_numbers

WIDEST = 60  # columns of a cell
TYPED = ("parameter",)  # columns of names that are also typed


@dataclass(frozen=True, slots=True)
class Told:
    """A part of the answer: `words` to read, `tables` by title, `stems` of the figures that show it."""

    words: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    stems: tuple[Path, ...]

    def record(self) -> dict[str, object]:
        """Return words and tables, ready for JSON."""
        return {"words": list(self.words), **{name: records(table) for name, table in self.tables.items()}}


Tell = Callable[[], Told]  # words and draws what is found already, in the language spoken


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table, None where a number is missing or infinite."""
    clean = table.astype(object).where(table.notna(), None).replace([np.inf, -np.inf], None)
    return [{str(k): v for k, v in row.items()} for row in clean.to_dict("records")]


def when(years: float, form: str = "+.1f") -> str:
    """Return years as words, those without end too: never, or a difference from what else never comes."""
    return f"{years:{form}}" if np.isfinite(years) else worded("never") if years > 0 else worded("from never")


def significant(value: float, digits: int) -> str:
    """Return a number with so many significant digits, thousands apart, and never with a power of ten."""
    return f"{float(f'{value:.{digits}g}'):,.15g}"


def capital(text: str) -> str:
    """Return the text with a capital first letter and the rest as it is."""
    return text[:1].upper() + text[1:]


def screen(table: pd.DataFrame, **options: Any) -> str:
    """Return a table as text of aligned columns; `options` are those of `DataFrame.to_string`."""
    with pd.option_context("display.unicode.east_asian_width", True):
        return str(table.to_string(**options))


def text(table: pd.DataFrame) -> str:
    """Return a table as text, names that are known in the language spoken, a dash where a number is missing."""
    return screen(
        table if language() == "en" else table.apply(_column).rename(columns=_said),
        index=False,
        na_rep="-",
        max_colwidth=WIDEST if language() == "en" else None,  # which counts letters, not columns
        float_format=lambda v: f"{v + 0.0:.4g}" if abs(v) < 1000 else when(v, ".1f"),
    )


def _column(column: pd.Series) -> pd.Series:
    return column.map(partial(_said, words=both if column.name in TYPED else beside_numbers))


def _said(value: object, words: Callable[[str], str] = beside_numbers) -> object:
    if isinstance(value, bool):
        return term("yes" if value else "no")
    return cut(words(value), WIDEST) if isinstance(value, str) and not value.isdigit() else value


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown; its cells are Markdown, too."""
    title, *body = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return [title, "|---" * len(head) + "|", *body]
