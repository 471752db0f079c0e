"""The packages and their rooms: a line for each folder, and a drawing of what may import what."""

import ast
import tomllib
from pathlib import Path

from analysis.plain.shown import markdown

ROOT = Path(__file__).parents[2]


def rooms_block() -> str:
    """Return what each folder and module of a package is for, as its own first line says, a table for each package."""
    lines = []
    for package in _layers()[0]:
        rooms = [(f"`{one.parent.name}/`", _first_line(one)) for one in sorted(ROOT.glob(f"{package}/*/__init__.py"))]
        files = [(f"`{one.name}`", _first_line(one)) for one in sorted(ROOT.glob(f"{package}/[a-z]*.py"))]
        lines += [f"### {package}", "", _first_line(ROOT / package / "__init__.py"), ""]
        lines += [*markdown(("in it", "what it is for"), [*rooms, *files]), ""]
    return "\n".join(lines[:-1])


def _first_line(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def arrows() -> str:
    """The packages and their rooms in the order of the import contracts, as SVG: each may import what is below it."""
    packages, rooms = _layers()
    parts, top = [], 10
    for package in packages:
        height = 20 + 18 * len(rooms[package])
        middle = top + height / 2 + 5
        parts += [
            f'<rect x="10" y="{top}" width="700" height="{height}" rx="6" fill="#eef3f6" stroke="#1b4965"/>',
            f'<text x="24" y="{middle:g}" font-size="16" font-weight="bold">{package}</text>',
            f'<path d="M150 {top + 12} v{height - 30}" stroke="#1b4965"/>',
            f'<path d="M146 {top + height - 18} h8 l-4 8 z" fill="#1b4965"/>',
        ]
        for row, layer in enumerate(rooms[package]):
            names = layer.replace(" |", ",")
            parts.append(f'<text x="170" y="{top + 22 + 18 * row}" font-size="12">{names}</text>')
        top += height + 34
        parts += [
            f'<path d="M360 {top - 32} v20" stroke="#1b4965" stroke-width="2"/>',
            f'<path d="M354 {top - 14} h12 l-6 10 z" fill="#1b4965"/>',
        ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {top - 30}" font-family="sans-serif" fill="#222">'
    return "\n".join([head, *parts[:-2], "</svg>", ""])


def _layers() -> tuple[list[str], dict[str, list[str]]]:
    """Packages from the top, and of each the lines of rooms from the top, as the contracts have them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = [one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    rooms = {one["containers"][0]: one["layers"] for one in contracts if "containers" in one}
    return next(one["layers"] for one in contracts if "containers" not in one), rooms
