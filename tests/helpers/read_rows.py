"""The rows of `tests/model_files/read/rows.toml`: what is read, with a file of its own, and what is refused."""

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
READ = Path(__file__).parents[1] / "model_files" / "read"
SPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
_CONTROLS = (("INITIAL TIME", 0), ("FINAL TIME", 4), ("TIME STEP", 1), ("SAVEPER", 1))


def rows() -> dict[str, list[Row]]:
    """Return the rows, and the functions that are not read."""
    return tomllib.loads((READ / "rows.toml").read_text(encoding="utf-8"))


def numbers(row: Row) -> dict[str, list[float]]:
    """Return what variables are at the times that a model of a row keeps, by name, and `Time`."""
    with (READ / f"{row['file']}.csv").open(encoding="utf-8", newline="") as file:
        head, *lines = csv.reader(file)
    return {name: [float(line[place]) for line in lines] for place, name in enumerate(head)}


def numbered(dialects: set[str]) -> Iterator[str]:
    """Yield the functions that variables of files of some dialects call, which have numbers beside them."""
    for row in rows()["row"]:
        if "file" in row and row["in"] in dialects:
            yield from (name.partition("[")[0].removeprefix("of ") for name in numbers(row) if name.startswith("of "))


def refused_file(folder: Path, row: Row) -> Path:
    """Write the model of a row that is refused, whose text begins in line 2."""
    if row["in"] == "Vensim":
        path = folder / "refused.mdl"
        controls = "".join(f"{name}= {value} ~~|\n" for name, value in _CONTROLS if f"{name}= " not in row["text"])
        path.write_text("{UTF-8}\n" + row["text"] + controls, encoding="utf-8")
        return path
    first, head, rest, specs = (row.get(part, "") for part in ("first", "head", "rest", "specs"))
    path = folder / "refused.xmile"
    path.write_text(
        f"{first}<xmile version='1.0' xmlns='{SPACE}'>{head}<sim_specs {specs}><start>0</start><stop>4</stop><dt>1</dt>"
        f"</sim_specs><model><variables>\n{row['text']}\n</variables></model>{rest}</xmile>",
        encoding="utf-8",
    )
    return path
