"""in_spidermonkey.py PAGE SETTINGS OUT: what `computed.js` says, in Firefox's engine for JavaScript and WebAssembly."""

import asyncio
import base64
import gzip
import sys
from pathlib import Path

import pythonmonkey


def unpack(text: str) -> bytearray:
    """Return the bytes of packed text."""
    return bytearray(gzip.decompress(base64.b64decode(text)))


async def main(page: str, settings: str, out: str) -> None:
    """Write the numbers."""
    computed = pythonmonkey.eval(Path(__file__).with_name("computed.js").read_text(encoding="utf-8"))
    asked = pythonmonkey.eval("JSON.parse")(Path(settings).read_text(encoding="utf-8"))
    numbers = await computed(Path(page).read_text(encoding="ascii"), asked, unpack)
    Path(out).write_bytes(bytes(numbers))


asyncio.run(main(*sys.argv[1:]))
