"""How `docs/` becomes a site: `python -m sphinx -W docs output/docs`, offline. Generated pages are written first."""

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import pages

project = html_title = "techcycle"
author = "the authors of techcycle"
version = release = version_of("techcycle")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # of records that a program writes with headings of its own
default_role = "code"  # docstrings write names in single backticks, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {name: name for name in ("Array", "ArrayLike", "Method", "Series")}
python_use_unqualified_type_names = True
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = html_show_sphinx = html_show_copyright = False


def plain_signature(_app, _what, _name, _object, _options, signature, returned):
    """Name an alias of types by its name alone."""
    return tuple(one and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", one) for one in (signature, returned))


def setup(app):
    """Write the generated pages before anything is read."""
    app.connect("builder-inited", lambda _: pages.write(HERE / "made"))
    app.connect("autodoc-process-signature", plain_signature)
