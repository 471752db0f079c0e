"""Random numbers depend on seed, place in the model, step and number of the run, and on nothing else."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from stockflow_helpers import loaded

import stockflow
from stockflow.compiler.machine import assembled, linked
from stockflow.compiler.vector import Writer
from stockflow.language.equations import Random

EQUATIONS = """
    gain= 1 ~ Dmnl
    one= Time ~ Dmnl
    two= Time ~ Dmnl
    start= INITIAL ( one) ~ Dmnl
    walk= INTEG ( gain*(one - 0.5), 0) ~ Dmnl
"""
MASK = 2**64 - 1


def threefry(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Return what Threefry-2x64-20 gives, written from its paper in whole numbers."""
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDAA9FC1A22)
    left, right = (counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK
    for turn in range(20):
        left = (left + right) & MASK
        by = (16, 42, 12, 31, 16, 32, 24, 21)[turn % 8]
        right = ((right << by | right >> (64 - by)) & MASK) ^ left
        if turn % 4 == 3:
            group = turn // 4 + 1
            left = (left + keys[group % 3]) & MASK
            right = (right + keys[(group + 1) % 3] + group) & MASK
    return left, right


def signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> stockflow.Model:
    model = loaded(tmp_path_factory.mktemp("random"), EQUATIONS, step=0.25, final=8.0)
    return stockflow.Model(model.equations.changed({"one": Random("one"), "two": Random("two")}), model.file)


@pytest.mark.parametrize(
    ("key", "counter", "word"),
    [
        ((0, 0), (0, 0), 0xC2B6E3A8C2C69865),
        ((MASK, MASK), (MASK, MASK), 0xE02CB7C4D95D277A),
        ((0xA4093822299F31D0, 0x082EFA98EC4E6C89), (0x243F6A8885A308D3, 0x13198A2E03707344), 0x263C7D30BB0F0AF1),
    ],
)
def test_the_generator_gives_the_published_numbers(key, counter, word) -> None:
    assert threefry(key, counter)[0] == word
    writer = Writer(4)
    words = [writer.whole(signed(one)) for one in (*key, *counter)]
    result = writer.threefry(words[:2], words[2:])
    lines = [*sorted(writer.declarations), "define void @f(ptr %out) {", *writer.lines]
    text = "\n".join([*lines, f"store {writer.integer} {result}, ptr %out, align 8", "ret void", "}"])
    engine = linked(assembled(text))
    out = np.zeros(4, dtype=np.uint64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address("f"))(out.ctypes.data)
    assert out.tolist() == [word] * 4


def test_a_number_depends_on_nothing_but_seed_place_step_and_run(model) -> None:
    simulator = model.simulator(["gain"], ["one", "two", "start", "walk"])
    gains = np.linspace(1.0, 2.0, 45)[:, None]
    together = simulator(gains, 1, seed=7)
    assert simulator(gains, 3, seed=7).tobytes() == together.tobytes()
    assert simulator(gains[11:13], seed=7, numbers=[11, 12]).tobytes() == together[11:13].tobytes()
    assert simulator(np.ones((45, 1)), seed=7)[:, :, :2].tobytes() == together[:, :, :2].tobytes()
    other = model.simulator([], ["two", "one"])(np.empty((45, 0)), seed=7)
    assert other[:, :, ::-1].tobytes() == together[:, :, :2].tobytes()
    assert not (simulator(gains, seed=8)[:, :, 0] == together[:, :, 0]).any()


def test_the_number_at_the_start_is_that_of_the_first_step(model) -> None:
    run = model.run(seed=3)
    assert (run["start"].values == run["one"].values[0]).all()
    assert len(set(run["one"].values.tolist())) == 33


def test_numbers_are_uniform_and_independent_between_runs_steps_and_places(model) -> None:
    batch = model.runs({"gain": np.ones(4000)}, ["one", "two"], seed=1).dataset()
    one, two = batch["one"].values, batch["two"].values
    count = one.size
    assert 0.0 < one.min() < 1e-4
    assert 1 - 1e-4 < one.max() < 1.0
    counts = np.histogram(one, bins=100, range=(0.0, 1.0))[0]
    assert ((counts - count / 100) ** 2 / (count / 100)).sum() < 99 + 5 * np.sqrt(2 * 99)
    pairs = [(one, two), (one[1:], one[:-1]), (one[:, 1:], one[:, :-1]), (one[1:, 1:], two[:-1, :-1])]
    for left, right in pairs:
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 5 / np.sqrt(left.size)


def test_under_rk4_a_number_holds_for_the_whole_step(model) -> None:
    euler, runge_kutta = model.run(seed=5), model.run(seed=5, method="RK4")
    assert runge_kutta["one"].equals(euler["one"])
    np.testing.assert_allclose(runge_kutta["walk"].values, euler["walk"].values, rtol=1e-13, atol=1e-15)


def test_batches_count_their_runs_on_so_that_random_numbers_are_those_of_one_batch(model) -> None:
    whole = model.runs({"gain": np.ones(21)}, ["walk"], seed=2).dataset()
    parts = list(model.runs({"gain": np.ones(21)}, ["walk"], seed=2).pieces(10))
    assert [part.sizes["run"] for part in parts] == [10, 10, 1]
    assert np.concatenate([part["walk"].values for part in parts]).tobytes() == whole["walk"].values.tobytes()
    assert parts[2]["run"].values.tolist() == [20]


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(model, seed) -> None:
    with pytest.raises(stockflow.InputError, match="seed is"):
        model.run(seed=seed)


def test_places_of_one_name_draw_the_same_numbers(model) -> None:
    same = replace(model, equations=model.equations.changed({"two": Random("one")}))
    run = same.run()
    assert run["one"].values.tobytes() == run["two"].values.tobytes()
