"""From when each instrument can end, as one figure that reads in grey: a strip for each, dark where an exit fails."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from analysis.phase_out.by_instrument.apart import safe_year, stroke_words
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.style import drawing, save
from models.case import load_case

LIGHT = 0.55  # probability up to which text on a cell is dark


def strips(answers: pd.DataFrame, study: PhaseOutStudy, stem: Path) -> Path:
    """Draw, for each set of instruments and exit, how often an exit from each start fails; leaves PNG, SVG and CSV.

    `answers` are those of `apart.answers`. A cell is a start; darker is more often below continued support.
    """
    starts = np.asarray(study.grid.starts)
    rows = answers.reset_index(drop=True)
    failing = np.array(list(rows["failing"]), dtype=float)
    names = [f"{row['ends']},\n{row['exit']}: {_told(row, study)}" for row in rows.to_dict("records")]
    step, limit = study.grid.step, study.exit.probability
    title = fill(f"{load_case(study.case).title}, at a stroke: {stroke_words(answers, study)}", 92)
    with drawing(figsize=(8.4, 0.52 * len(rows) + 1.5), title=title, fontsize=9.5) as (figure, ax):
        edges = np.append(starts - step / 2, starts[-1] + step / 2)
        image = ax.pcolormesh(edges, np.arange(len(rows) + 1), failing, cmap="Greys", vmin=0, vmax=1, edgecolor="white")
        for place, row in enumerate(failing):
            for start, share in zip(starts, row, strict=True):
                safe = share < limit
                ax.text(start, place + 0.5, "safe" if safe else f"{100 * share:.0f}", ha="center", va="center",
                        fontsize=6, color="#222222" if share < LIGHT else "white")  # fmt: skip
        ax.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=7.5)
        ax.set_xticks(starts, [f"{start:.0f}" for start in starts], rotation=90, fontsize=7)
        ax.invert_yaxis()
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_xlabel(
            f"start of the end (year). Numbers: draws (%) whose market share {study.exit.years_after:g} years later "
            f"is below {study.exit.share_kept:g} of that\nwith all support going on; safe: under {limit:.0%}",
            fontsize=8,
        )
        figure.colorbar(image, ax=ax, label="draws that fail (share)", shrink=0.8, pad=0.01)
    table = pd.DataFrame(
        [
            {"ends": row["ends"], "exit": row["exit"], "start": start, "share of draws that fail": share}
            for row, own in zip(rows.to_dict("records"), failing, strict=True)
            for start, share in zip(starts, own, strict=True)
        ]
    )
    return save(figure, table, stem)


def _told(row: Mapping[Hashable, Any], study: PhaseOutStudy) -> str:
    return ("" if np.isinf(row["safe from"]) else "from ") + safe_year(row, study)
