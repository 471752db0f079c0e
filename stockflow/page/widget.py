"""A model's page in a notebook, as an anywidget (an extra: `pip install anywidget`): Jupyter, marimo and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockflow.errors import InputError
from stockflow.model import Model
from stockflow.page.contents import Asked, contents
from stockflow.page.page import html
from stockflow.page.words import described

if TYPE_CHECKING:
    from anywidget import AnyWidget

#: the page in a frame of its own, which can reach nothing of the notebook
_SHOWN = """
export default {
  render({ model, el }) {
    const url = URL.createObjectURL(new Blob([model.get("page")], { type: "text/html" }));
    const frame = document.createElement("iframe");
    Object.assign(frame, { src: url, title: model.get("title"), sandbox: "allow-scripts allow-downloads" });
    frame.style.cssText = `border: 0; width: 100%; height: ${model.get("height")}px`;
    el.append(frame);
    return () => URL.revokeObjectURL(url);
  },
};
"""


def widget(model: Model, asked: Asked | None = None, height: int = 800) -> AnyWidget:
    """Return the page of a model as a widget of so many pixels: the bytes that `stockflow page` writes.

    `asked` says what the page holds, see `stockflow.page.contents.Asked`; its title is that of the frame. InputError
    where anywidget is not installed, and for what a page cannot hold.
    """
    try:
        from anywidget import AnyWidget
        from traitlets import Int, Unicode
    except ModuleNotFoundError as error:
        raise InputError(f"a page in a notebook needs {error.name}: pip install anywidget") from None

    class Page(AnyWidget):
        _esm = _SHOWN
        page, title, height = (Unicode().tag(sync=True), Unicode().tag(sync=True), Int().tag(sync=True))

    made = contents(model, asked or Asked())
    return Page(page=html(made), title=str(described(made)["title"]), height=height)
