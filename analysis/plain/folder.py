"""Where results go."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from analysis.plain.language import language, speaking
from stockflow.commands.console import json_text
from stockflow.files import missing, take_away, write_whole, writing

if TYPE_CHECKING:
    import pandas as pd

    from analysis.plain.workbook import Sheet


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where results go: `figures/` (PNG, SVG, CSV), `results/` (JSON, TOML, CSV) and the report.

    `tables` says what tables are written as: "csv", or "xlsx" for workbooks. `languages` are those that figures and
    pages are made in; the first is that of the plain names.
    """

    root: Path
    tables: str = "csv"
    languages: tuple[str, ...] = field(default_factory=lambda: (language(),))

    def prepare(self) -> Folder:
        """Return itself if the folders can be made and written, before any long work; else raise InputError.

        They are made with the first result: whatever is refused before leaves none behind.
        """
        for part in (self.root, self.root / "figures", self.root / "results"):
            new = missing(part)
            try:
                with writing(part):
                    part.mkdir(parents=True, exist_ok=True)
                    tempfile.TemporaryFile(dir=part).close()
            finally:
                take_away(new)
        return self

    def in_each_language(self, do: Callable[[], T]) -> dict[str, T]:
        """Do something, as drawing and wording, once in each language; return what comes of it by language."""
        done = {}
        for one in self.languages:
            with speaking(one):
                done[one] = do()
        return done

    def named(self, name: str, chosen: str | None = None) -> str:
        """Return the name of a file in a language, if not in the one spoken: `name`, `name.zh` beside it."""
        chosen = chosen or language()
        return name if chosen == self.languages[0] else f"{name}.{chosen}"

    def figure(self, name: str) -> Path:
        """Return the stem of a figure's files in the language spoken."""
        figures = self.root / "figures"
        return figures / name if language() == self.languages[0] else figures / language() / name

    def write(self, name: str, text: str) -> Path:
        """Write a result file whole or not at all."""
        return write_whole(self.root / "results" / name, text)

    def json(self, name: str, data: object) -> Path:
        """Write a JSON result."""
        return self.write(name, json_text(data) + "\n")

    def table(self, name: str, table: pd.DataFrame, notes: Sheet | None = None) -> Path:
        """Write a CSV result, or the workbook of that name, with its notes; return the file."""
        if self.tables == "xlsx":
            from analysis.plain.workbook import sheet_of, workbook

            sheets = [sheet_of("values", table), *([notes] if notes else [])]
            return write_whole((self.root / "results" / name).with_suffix(".xlsx"), workbook(sheets))
        return self.write(name, table.to_csv(index=False, float_format="%.8g"))
