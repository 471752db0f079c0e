"""Han characters that a page carries along, for readers whose machine has none: those it uses, and no others."""

import base64
import io

from analysis.plain.style import HAN, HAN_FONT

FONT = "han"  # beside the pages of a language, which share it
RANGE = "U+2014, U+2018-2026, U+2E80-FFEF"  # it comes first, and leaves all else to the fonts after it


def lettering(text: str) -> bytes:
    """Return a font (WOFF) of the Han characters of a text; nothing where it has none."""
    wanted = {ord(one) for one in text if one > "\u2e7f" or one in "—‘’“”…"}
    if not wanted:
        return b""
    from fontTools.subset import Options, Subsetter  # slow to import, and needed for one language alone
    from fontTools.ttLib import TTFont

    font, held = TTFont(HAN), io.BytesIO()
    part = Subsetter(Options(notdef_outline=True))
    part.populate(unicodes=wanted)
    part.subset(font)
    font.flavor = "woff"
    font.save(held)
    return held.getvalue()


def inline(font: bytes) -> str:
    """Return a font as an address that holds it."""
    return "data:font/woff;base64," + base64.b64encode(font).decode("ascii")


def with_letters(page: str, address: str) -> str:
    """Return a page whose style names the font at `address`."""
    source = f"src: url({address}) format('woff'); unicode-range: {RANGE}"
    face = f"@font-face {{ font-family: '{HAN_FONT}'; {source}; }}\n"
    return page.replace("<style>\n", f"<style>\n{face}", 1)
