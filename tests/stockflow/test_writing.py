"""A file is written whole or not at all, whoever writes it and whatever happens."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stockflow.errors import InputError
from stockflow.files import put_whole, replace_file, write_whole


def test_text_and_bytes_are_written_as_they_are_on_every_system(tmp_path: Path) -> None:
    file = write_whole(tmp_path / "deep" / "er" / "a.txt", "ü\n1\n")
    assert file.read_bytes() == b"\xc3\xbc\n1\n"
    assert write_whole(file, b"\r\n\x00").read_bytes() == b"\r\n\x00"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("no")])
def test_what_fails_half_way_leaves_the_file_as_it_was_and_nothing_beside(tmp_path: Path, error: BaseException) -> None:
    file = write_whole(tmp_path / "a.txt", "before")

    def half(part: Path) -> None:
        part.write_text("ha", encoding="utf-8")
        raise error

    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        replace_file(file, half)
    assert file.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_not_yet_complete_is_seen_by_nobody(tmp_path: Path) -> None:
    file = write_whole(tmp_path / "a.txt", "before")
    seen = []

    def slow(part: Path) -> None:
        part.write_text("af", encoding="utf-8")
        seen.append(file.read_text(encoding="utf-8"))
        part.write_text("after", encoding="utf-8")

    assert put_whole(file, slow).read_text(encoding="utf-8") == "after"
    assert seen == ["before"]


def test_a_file_of_the_same_name_may_be_filled_by_several_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    put_whole(file, lambda outer: (outer.write_text("1"), put_whole(file, lambda inner: inner.write_text("2"))))
    assert file.read_text() == "1"


@pytest.mark.skipif(os.name == "nt", reason="bits of permission are POSIX's")
def test_a_new_file_has_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    file = write_whole(tmp_path / "whole", "")
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    for place in (tmp_path, tmp_path / "a" / "b.txt", tmp_path / ("n" * 300)):
        with pytest.raises(InputError, match="cannot be written: "):
            write_whole(place, "text")
