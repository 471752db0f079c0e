"""A page's contents as one HTML file: no network, no third-party script, and nothing of a model that is code.

Names, comments, units and numbers stand as JSON and base64 in scripts of a type that no browser runs, with every `<`
escaped; the page's own script puts them on the page as text. What may run is named by its hash.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from types import MappingProxyType

import numpy as np

from stockflow.arrays import Array
from stockflow.page.contents import Contents
from stockflow.page.words import described

#: in the order in which they need each other
_SCRIPTS = ("numbers.js", "chart.js", "controls.js", "page.js")


def html(page: Contents) -> str:
    """Return the whole page; ASCII alone, so that no encoding can change it."""
    own = {name: _own(name) for name in (*_SCRIPTS, "page.css", "page.html")}
    return filled(own["page.html"], "".join(own[name] for name in _SCRIPTS), own["page.css"], described(page), page)


def filled(
    template: str,
    script: str,
    style: str,
    about: Mapping[str, object],
    page: Contents,
    numbers: Mapping[str, Array] = MappingProxyType({}),
) -> str:
    """Return a page of another make: its own template, script and style, and the module with its numbers.

    `about` is what the script finds under `model`; nothing of it can end the element that it stands in. `numbers`,
    (number,) each, are packed under their names.
    """
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}' 'wasm-unsafe-eval'; style-src '{_hash(style)}';"
        " worker-src blob:; img-src blob: data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return Template(template).substitute(
        policy=policy,
        style=style,
        script=script,
        model=json.dumps(about, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        module=_packed(page.module.content),
        alone=_packed(page.alone.content),
        table=_packed(shuffled(straightened(page.plan.table)) + page.plan.clock.saved.astype(np.uint8).tobytes()),
        draws=_packed(shuffled(page.drawn)),
        **{name: _packed(shuffled(straightened(values[:, None]))) for name, values in numbers.items()},
    )


def scripts(*names: str) -> str:
    """Return scripts of a page that another one may build on, as one text: `numbers.js`, `chart.js`."""
    return "".join(map(_own, names))


def shuffled(values: Array | np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> bytes:
    """Return numbers, shape (row, column), as bytes that pack well: by column, and first all first bytes of it."""
    size = values.dtype.itemsize
    columns = np.ascontiguousarray(values.T.astype(values.dtype.newbyteorder("<")))
    return columns.view(np.uint8).reshape(len(columns), -1, size).transpose(0, 2, 1).tobytes() if columns.size else b""


def straightened(values: Array) -> Array:
    """Return numbers, shape (row, column), as how far their bits are from a straight line through the two rows before.

    Series over time are straight between their points: what is left of them packs into a third. A double beyond the
    largest is no line, and 0 stands for it.
    """
    ahead = np.zeros(values.shape)
    with np.errstate(all="ignore"):
        ahead[1:] = values[:-1]
        ahead[2:] += values[1:-1] - values[:-2]
    ahead[~np.isfinite(ahead)] = 0.0
    apart = np.ascontiguousarray(values).view(np.int64) - ahead.view(np.int64)  # which wraps, as in the page
    return ((apart << 1) ^ (apart >> 63)).view(np.float64)


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode()


def _own(name: str) -> str:
    return files("stockflow.page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
