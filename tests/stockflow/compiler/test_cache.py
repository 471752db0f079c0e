"""What was compiled once is found again, and only what is whole and ours is trusted."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from stockflow_helpers import MODELS, written

import stockflow
from stockflow.compiler import cache, llvm, machine, simulator
from stockflow.compiler.plan import Plan
from stockflow.language import codec, source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STOCKFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows with every plan that is really compiled."""
    plans: list[object] = []

    def counted(plan: Plan, make: object) -> llvm.Code:
        plans.append(plan)
        return generate(plan)

    generate = llvm.generate
    monkeypatch.setattr(simulator, "generate", counted)
    return plans


def result(**changes: float) -> bytes:
    model = stockflow.load(MODELS / "tank.mdl").with_constants(changes)
    return model.simulator(["area"], ["Water", "outflow"])(np.array([[1.5], [2.5]])).tobytes()


def test_code_from_the_cache_gives_the_bits_of_fresh_code(folder, compiled, monkeypatch) -> None:
    first = result()
    assert result() == first
    assert len(compiled) == 1
    monkeypatch.setenv("STOCKFLOW_CACHE", "off")
    assert result() == first
    assert len(compiled) == 2


def test_another_model_method_end_or_output_is_another_entry(folder, compiled) -> None:
    result()
    result(tap=3.0)
    model = stockflow.load(MODELS / "tank.mdl")
    model.simulator(["area"], ["Water"])
    model.simulator(["area"], ["Water"], until=4.0)
    model.simulator(["area"], ["Water"], save_period=4.0)
    model.simulator(["area"], ["Water"], method="RK4")
    model.simulator([], ["Water"])
    model.simulator([], ["Water"], series={"tap": [0.0, 1.0]})
    model.simulator([], ["Water"], series={"tap": [0.0, 2.0]})
    assert len(compiled) == 9


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-1], lambda content: b"", lambda content: content[:-9] + b"x" + content[-8:]],
    ids=["cut short", "empty", "changed"],
)
def test_a_damaged_entry_is_made_anew(folder, compiled, damage) -> None:
    first = result()
    for entry in folder.iterdir():
        entry.write_bytes(damage(entry.read_bytes()))
    assert result() == first
    assert len(compiled) == 2
    assert result() == first
    assert len(compiled) == 2


def test_an_entry_under_the_name_of_another_is_not_trusted(folder, compiled) -> None:
    first = result()
    other = result(tap=3.0)
    assert first != other
    one, two = folder.glob("code-*")
    swapped = one.read_bytes(), two.read_bytes()
    one.write_bytes(swapped[1])
    two.write_bytes(swapped[0])
    assert (result(), result(tap=3.0)) == (first, other)
    assert len(compiled) == 4


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners of files here")
def test_a_folder_that_others_may_write_to_is_not_used(folder, compiled) -> None:
    folder.mkdir(mode=0o700)
    folder.chmod(0o770)
    result()
    result()
    assert len(compiled) == 2
    assert list(folder.iterdir()) == []


def test_the_folder_is_private_and_holds_no_half_written_entry(folder) -> None:
    result()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {entry.name.split("-")[0] for entry in folder.iterdir()} == {"code", "equations"}


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path, monkeypatch, compiled) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("STOCKFLOW_CACHE", str(tmp_path / "file" / "cache"))
    assert result() == result()
    assert len(compiled) == 2


def test_entries_unused_for_longest_make_room(folder, monkeypatch) -> None:
    monkeypatch.setattr(cache, "_LARGEST", 100)
    for name in ("one", "two", "three"):
        assert cache.kept("text", (name,), lambda name=name: name.encode() * 5, bytes, bytes) == name.encode() * 5
    made: list[str] = []
    for name in ("three", "one"):
        cache.kept("text", (name,), lambda name=name: made.append(name) or b"new", bytes, bytes)
    assert made == ["one"]


def test_the_whole_folder_is_looked_at_first_and_then_once_for_many_bytes(folder, monkeypatch) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(cache, "_make_room", looked.append)
    monkeypatch.setattr(cache, "_LARGEST", 160)
    for name in range(9):
        cache.kept("text", (str(name),), lambda: b"12345", bytes, bytes)
    assert len(looked) == 1 + 8 // 3


def test_the_folder_is_that_of_the_user_unless_named(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("STOCKFLOW_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.kept("text", ("x",), lambda: b"y", bytes, bytes)
    assert len(list((tmp_path / "stockflow").iterdir())) == 1


def test_equations_survive_their_written_form_exactly(folder, monkeypatch) -> None:
    for name in ("constructs.mdl", "tank.mdl"):
        file = source.read(MODELS / name)
        fresh = source.equations(file)
        again = codec.decoded(codec.encoded(fresh), file.name)
        assert again == fresh
        assert codec.digest(again) == codec.digest(fresh)


def test_the_hash_of_equations_is_theirs_whatever_was_hashed_before(tmp_path) -> None:
    texts = ("a= 1 ~ \n b= a*2 ~", "a= 2 ~ \n b= a*2 ~", "b= a*2 ~ \n a= 1 ~", "a= 1 ~ Year \n b= a*2 ~")
    made = [stockflow.load(written(tmp_path, text)).equations for text in texts]
    hashes = [codec.digest(one) for one in made]
    assert len(set(hashes)) == len(hashes)
    changed = made[0].changed({"a": made[1].variables["a"].expression})
    assert codec.digest(changed) == codec.digest(changed.changed({})) == codec.digest(made[1]) != hashes[0]
    assert codec.digest(changed.changed({"a": made[0].variables["a"].expression})) == hashes[0]


def test_equations_of_very_large_models_are_read_anew(folder, monkeypatch) -> None:
    monkeypatch.setattr(codec, "_MOST_KEPT", 3)
    model = stockflow.load(MODELS / "tank.mdl")
    assert not list(folder.glob("equations-*"))
    monkeypatch.setattr(codec, "_MOST_KEPT", 300)
    assert stockflow.load(MODELS / "tank.mdl").equations == model.equations
    assert len(list(folder.glob("equations-*"))) == 1


def test_a_changed_file_is_read_again_and_a_bad_one_refused_again(folder, tmp_path) -> None:
    path = written(tmp_path, "a= 1 ~ Dmnl")
    assert stockflow.load(path).variable("a").value == 1.0
    assert stockflow.load(path).variable("a").value == 1.0
    assert stockflow.load(written(tmp_path, "a= 2 ~ Dmnl")).variable("a").value == 2.0
    for _ in range(2):
        with pytest.raises(stockflow.InputError, match=r"model\.mdl"):
            stockflow.load(written(tmp_path, "a= b ~ Dmnl"))


def test_first_results_from_the_cache_need_none_of_the_slow_packages(folder) -> None:
    script = f"""
import sys, stockflow
model = stockflow.load({str(MODELS / "tank.mdl")!r})
print(model.simulator([], ["Water"])([[]]).tobytes().hex())
print([name for name in ("pysd", "xarray", "pandas", "scipy", "parsimonious") if name in sys.modules])
"""
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(2)
    ]
    assert runs[0][0] == runs[1][0]
    assert runs[1][1] == "[]"


def test_models_that_differ_in_the_numbers_of_curves_alone_are_made_once_a_process(monkeypatch) -> None:
    made: list[str] = []

    def counted(text: str, alone: bool) -> bytes:
        made.append(text)
        return assembled(text, alone)

    assembled = machine.assembled
    monkeypatch.setenv("STOCKFLOW_CACHE", "off")
    monkeypatch.setattr(machine, "assembled", counted)
    machine._remembered.cache_clear()
    model, found = stockflow.load(MODELS / "tank.mdl"), []
    for end in (1.0, 2.0):
        changed = model.with_series({"tap": ([0.0, 4.0], [1.0, end])})
        found.append(changed.simulator([], ["Water"])(np.zeros((1, 0))).tobytes())
    assert len(made) == 1
    assert len(set(found)) == 2
    monkeypatch.setattr(machine, "LONG", 10)
    model.with_series({"tap": ([0.0, 4.0], [1.0, 3.0])}).simulator([], ["Water"])
    assert len(made) > 1  # in the quickest way, which is other code
