"""Files that a person names: what cannot be read or written is said in one line, and no input is written over."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockflow.commands.console import deliver
from stockflow.errors import InputError
from stockflow.files import LARGEST, read_bytes, read_text, shown, watched


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def a_large_file(folder: Path) -> Path:
    with (folder / "large").open("wb") as file:
        file.truncate(LARGEST + 1)
    return folder / "large"


UNREADABLE: dict[str, Callable[[Path], Path]] = {
    "no such file": lambda folder: folder / "none",
    "it is a folder": lambda folder: folder,
    "its name is too long": lambda folder: folder / ("x" * 300),
    "a character that no name can hold": lambda folder: folder / "a\0b",
    "more than": a_large_file,
    **({"no regular file": lambda _: Path("/dev/zero")} if os.name == "posix" else {}),
    **({"a pipe": a_pipe} if hasattr(os, "mkfifo") else {}),
}


@pytest.mark.parametrize("why", UNREADABLE)
def test_what_is_no_regular_file_is_refused_in_one_line_of_plain_words(tmp_path: Path, why: str) -> None:
    for read in (read_bytes, read_text):
        with pytest.raises(InputError, match=why) as refused:
            read(made(tmp_path / read.__name__, why))
        assert "Errno" not in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
        assert str(refused.value).isprintable()


def made(folder: Path, why: str) -> Path:
    folder.mkdir()
    return UNREADABLE[why](folder)


@given(st.text(min_size=1, max_size=400))
def test_any_name_is_shown_in_one_short_line(name: str) -> None:
    told = shown(name)
    assert told.isprintable()
    assert len(told) <= 123


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts") / "a.csv"


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff"), max_size=50)


@given(TEXTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_text_is_read_whatever_its_mark_and_line_ends(file: Path, text: str, end: str) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(mark + text.replace("\n", end).encode())
        assert read_text(file) == text


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_bytes_that_are_no_text_are_refused_by_line(file: Path, before: bytes, after: bytes) -> None:
    file.write_bytes(before + b"\xff" + after)
    with pytest.raises(InputError, match=r"a\.csv: not UTF-8 text: byte \d+, line \d+"):
        read_text(file)


LINKS: dict[str, Callable[[Path, Path], Path]] = {
    "itself": lambda source, _: source,
    "by a way round": lambda source, _: source.parent / "." / ".." / source.parent.name / source.name,
    "a hard link": lambda source, other: other.hardlink_to(source) or other,
    "a symbolic link": lambda source, other: other.symlink_to(source) or other,
}


@pytest.mark.parametrize("link", LINKS)
def test_what_was_read_is_not_written_over_by_any_name(tmp_path: Path, link: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text("kept", encoding="utf-8")
    out = LINKS[link](source, tmp_path / "out.csv")
    with watched():
        read_text(source)
        with pytest.raises(InputError, match="it is an input of this command"):
            deliver(["lost"], out)
    assert source.read_text(encoding="utf-8") == out.read_text(encoding="utf-8") == "kept"
    deliver(["a later command may"], out)
    assert out.read_text(encoding="utf-8") == "a later command may"


def test_what_was_not_read_is_replaced(tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    for file in (source, out):
        file.write_text("same", encoding="utf-8")
    with watched():
        read_text(source)
        deliver(["new"], out)
    assert out.read_text(encoding="utf-8") == "new"
