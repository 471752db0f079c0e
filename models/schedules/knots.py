"""A case's model in which constants draw the path of support: shares at knot years, or one straight decline.

The equations stand in `vensim/parts/knots.part`. They are put around the case's own: what the case calls `support
multiplier` becomes `core support multiplier`, and announced support reads the multiplier one anticipation horizon
ahead. As long as every knot is 1 and no decline starts, a run is that of the case.
"""

import re
from dataclasses import replace
from pathlib import Path

from models.files.build import heading
from models.files.parts import read_part
from stockflow import Model
from stockflow.errors import InputError
from stockflow.language.source import equations
from stockflow.names import plain

PART = Path(__file__).parents[1] / "vensim" / "parts" / "knots.part"
WRAPPED, CORE = "support multiplier", "core support multiplier"
ANNOUNCED, AHEAD = "announced support per unit", "announced support multiplier"


def knot_names() -> tuple[str, ...]:
    """Return the constants that hold the share of support at each knot, in order of time."""
    names = (entry.name for group in read_part(PART) for entry in group.entries)
    return tuple(name for name in names if re.fullmatch(r"support knot \d+", name))


def knots_model(model: Model) -> Model:
    """Return a case's model with the constants of the knots part, all of them neutral.

    Raises InputError for a case whose announced support does not read the support multiplier.
    """
    file = model.file
    entries = {entry.key: entry.equation for entry in file.entries()}
    for name in (WRAPPED, ANNOUNCED):
        if plain(name) not in entries:
            raise InputError(f"{file.name}: has no {name!r}, so no schedule can be searched for")
    announced = entries[plain(ANNOUNCED)]
    if WRAPPED not in announced:
        raise InputError(f"{file.name}: {ANNOUNCED!r} does not read {WRAPPED!r}, so no schedule can be searched for")
    changed = file.with_equations(
        {
            WRAPPED: entries[plain(WRAPPED)].replace(WRAPPED, CORE, 1),
            ANNOUNCED: announced.replace(WRAPPED, AHEAD),
        }
    )
    own = (heading(group.name) + "".join(f"{entry.text}\n\n" for entry in group.entries) for group in read_part(PART))
    source = replace(changed.with_more("".join(own)), name=f"{Path(file.name).stem}_knots.mdl")
    return Model(equations(source), source)
