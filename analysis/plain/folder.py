"""Where results go."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stockflow.commands.console import json_text
from stockflow.files import missing, take_away, write_whole, writing

if TYPE_CHECKING:
    import pandas as pd

    from analysis.plain.workbook import Sheet


@dataclass(frozen=True, slots=True)
class Folder:
    """Where results go: `figures/` (PNG, SVG, CSV), `results/` (JSON, TOML, CSV) and the report.

    `tables` says what tables are written as: "csv", or "xlsx" for workbooks.
    """

    root: Path
    tables: str = "csv"

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

    def figure(self, name: str) -> Path:
        """Return the stem of a figure's files."""
        return self.root / "figures" / name

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
