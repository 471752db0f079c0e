"""Parts of equations as Vensim writes them."""

from __future__ import annotations

import re

from stockflow.language.curve import Table


def quoted(name: str) -> str:
    """Return the name of a variable, in quotes where it needs them."""
    bare, bracket, subscripts = name.partition("[")
    quote = "" if re.fullmatch(r"[^\W\d][\w\s'$]*", bare) else '"'
    return f"{quote}{bare}{quote}{bracket}{subscripts}"


def with_lookup(table: Table) -> str:
    """Write a path over time as Vensim does; one point alone becomes two, as PySD cannot read one."""
    points = list(zip(table.xs, table.ys, strict=True))
    if len(points) == 1:
        points.append((points[0][0] + 1.0, points[0][1]))
    return f"WITH LOOKUP(Time, ({','.join(f'({x!r},{y!r})' for x, y in points)}))"
