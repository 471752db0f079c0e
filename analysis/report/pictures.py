"""Figures on pages: small, numbered as they come, in the page itself or beside it."""

import base64
import io
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from analysis.plain.folder import Folder
from analysis.plain.language import worded
from stockflow.files import write_whole

COLOURS = 48  # of a picture on a page: none of ours needs more


class Figures:
    """Figures of one page by the names of their files, numbered as they come, each under a caption.

    They are those of a folder in the language spoken; they stand in the page itself, or are written as small pictures
    to `pictures` in the folder of pages `beside`.
    """

    def __init__(self, made: Folder, beside: Path | None = None) -> None:
        self._made, self._beside, self._count = made, beside, 0

    def __call__(self, name: str | Path, caption: str) -> Markup:
        """Return the figure as HTML."""
        png = name if isinstance(name, Path) else self._made.figure(name).with_suffix(".png")
        picture, (width, height) = small(png)
        self._count += 1
        if self._beside is None:
            source = "data:image/webp;base64," + base64.b64encode(picture).decode("ascii")
        else:
            source = f"pictures/{self._made.named(png.stem)}.webp"
            write_whole(self._beside / source, picture)
        return Markup(
            '<figure><img src="{}" alt="{}" width="{}" height="{}" loading="lazy"><figcaption><b>{}</b> {}'
            "</figcaption></figure>"
        ).format(source, caption, width, height, worded("Figure {number}.", number=self._count), caption)


def small(png: Path) -> tuple[bytes, tuple[int, int]]:
    """Return a picture as WebP of few colours, a quarter of the size, and its width and height."""
    found = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).convert("RGB").save(
            found, "WEBP", lossless=True, method=4
        )
        return found.getvalue(), picture.size
