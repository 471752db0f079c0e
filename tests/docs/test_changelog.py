"""The changelog: what is new stands under Unreleased, once; what was released is closed."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASED = {"0.1.0": "54739967f884af9e"}  # a merge likes to put new entries beside old ones


def test_every_entry_stands_once() -> None:
    entries = [line for line in TEXT.splitlines() if line.startswith("- ")]
    assert sorted(entries) == sorted(set(entries))


def test_what_is_not_released_stands_first() -> None:
    assert re.findall(r"^## \[([^\]]+)\]", TEXT, re.MULTILINE) == ["Unreleased", *RELEASED]


def test_the_entries_of_a_released_version_do_not_change() -> None:
    for version, digest in RELEASED.items():
        section = re.split(r"^## \[", TEXT.partition(f"## [{version}]")[2], flags=re.MULTILINE)[0]
        assert sha256(section.strip().encode()).hexdigest()[:16] == digest, f"new entries under {version}?"
