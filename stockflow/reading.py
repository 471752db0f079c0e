"""The equations of a model file, from its text, or from the cache if they were read before."""

from __future__ import annotations

import json
import re

from stockflow.compiler import cache
from stockflow.garbage import uncollected
from stockflow.language import codec, source
from stockflow.language.equations import Equations
from stockflow.language.source import Source

# how a model names a file beside it
_OUTSIDE = re.compile(r"\bGET[\s_]+(?:DIRECT|XLS|123|DATA|VDF)\b|<(?:\w+:)?(?:data|include|import)\b", re.IGNORECASE)


@uncollected()
def read(file: Source) -> Equations:
    """Read the equations of a file, or find them in the cache if they are all in the file itself."""
    if file.data or _OUTSIDE.search(file.text):
        return source.equations(file)
    parts = json.dumps(sorted(file.elements.items()))
    sources = (file.name.rpartition(".")[2].lower(), file.text, parts, file.rules)
    return cache.kept(
        "equations",
        sources,
        lambda: source.equations(file),
        lambda found: codec.encoded(found) if codec.keepable(found) else None,
        lambda content: codec.decoded(content, file.name),
    )
