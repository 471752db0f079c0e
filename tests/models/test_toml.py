"""Settings that no person writes: nested without end, numbers of thousands of digits. Refused in one line, at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.files.settings import Seed, Starts, Strict, WholeYear, read_settings, read_toml
from stockflow.errors import InputError


class Numbers(Strict):
    """One number of each kind."""

    real: float = 0.0
    seed: Seed = 0
    starts: Starts = 1
    year: WholeYear = 2000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toml") / "own.toml"


@settings(max_examples=10)
@given(st.integers(20_000, 50_000), st.sampled_from([("[", "]"), ("{a=", "}"), ("[{a=", "}]")]))
def test_what_is_nested_without_end_is_refused(file: Path, depth: int, around: tuple[str, str]) -> None:
    file.write_text(f"real = {around[0] * depth}1{around[1] * depth}", encoding="utf-8")
    with pytest.raises(InputError, match=r"own\.toml: not readable as TOML: .{1,80}$"):
        read_toml(file)


@settings(max_examples=20)
@given(st.integers(20, 9000), st.sampled_from(["real", "seed", "starts", "year"]))
def test_a_number_of_many_digits_is_refused_in_one_short_line(file: Path, digits: int, key: str) -> None:
    file.write_text(f"{key} = {'9' * digits}", encoding="utf-8")
    try:
        assert (read_settings(file, Numbers).real, key) == (float("9" * digits), "real")
    except InputError as refused:
        assert str(refused).startswith("own.toml: ")
        assert len(str(refused)) < 250


@pytest.mark.parametrize(("key", "bound"), [("starts", 1000), ("seed", 2**63 - 1), ("year", 2200)])
@given(data=st.data())
def test_a_count_has_a_bound_and_the_bound_is_told(file: Path, key: str, bound: int, data: st.DataObject) -> None:
    file.write_text(f"{key} = {data.draw(st.integers(bound + 1, 10 * bound))}", encoding="utf-8")
    with pytest.raises(InputError, match=rf"own\.toml: {key}: .* (less|equal).* {bound + (key == 'seed')} "):
        read_settings(file, Numbers)
