"""Tables as a person reads them, and as records for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table, None where a number is missing or infinite."""
    clean = table.astype(object).where(table.notna(), None).replace([np.inf, -np.inf], None)
    return [{str(k): v for k, v in row.items()} for row in clean.to_dict("records")]


def text(table: pd.DataFrame) -> str:
    """Return a table as text, a dash where a number is missing."""
    return table.to_string(
        index=False,
        na_rep="-",
        max_colwidth=60,
        float_format=lambda v: f"{v + 0.0:.4g}" if abs(v) < 1000 else f"{v:.1f}",
    )


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown; its cells are Markdown, too."""
    title, *body = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return [title, "|---" * len(head) + "|", *body]
