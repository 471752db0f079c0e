"""Numbers read off a schedule say what its paths say, for every share that is left."""

import numpy as np
import pytest

from models.case import load_case
from models.policy import history
from models.schedules.change import Change, revised
from models.schedules.described import described
from models.schedules.file import load_schedule, unchanged
from models.schedules.law import LAWS, SLOPES, corners, share_left
from models.schedules.run import Draws, applied
from stockflow.errors import InputError


def between(shape: str, time: float, start: float, length: float) -> float:
    """Return the share left as a reader of corners has it: straight between them."""
    found = corners(shape)  # type: ignore[arg-type]
    assert found is not None
    if time < start:
        return 1.0
    part = (time - start) / length if len(found) > 1 else 0.0
    last = max(place for place, corner in enumerate(found) if part >= corner[0])
    at, _, value = found[last]
    if last + 1 == len(found):
        return value
    beyond, just_before, _ = found[last + 1]
    return value + (part - at) * (just_before - value) / (beyond - at)


@pytest.mark.parametrize("shape", [shape for shape in LAWS if corners(shape) is not None])
def test_corners_say_the_share_that_the_law_leaves(shape: str) -> None:
    times = np.arange(2010, 2040, 1 / 32)
    for start, length in ((2012.25, 0.25), (2020, 5), (2018.5, 12.75)):
        law = share_left(shape, times, start, length if shape in SLOPES else None)  # type: ignore[arg-type]
        read = [between(shape, time, start, length) for time in times]
        np.testing.assert_allclose(read, law, atol=1e-14)


def test_a_law_that_is_not_straight_has_no_corners() -> None:
    assert {shape for shape in LAWS if corners(shape) is None} == {"exponential"}


@pytest.mark.parametrize("case", ["nev", "pv"])
@pytest.mark.parametrize("share", [0.03, 0.7])
def test_a_share_of_support_lies_between_what_is_paid_of_all_and_of_hardly_any(case: str, share: float) -> None:
    model, base = load_case(case).model, load_schedule(f"{case}_continued")
    at, ahead, found = described(model, base, 2035.0)
    for name, one in found.items():
        new = {"shape": "tiers", "tiers": [{"at": float(at.times[0]), "fraction": share}], "announced": 9.0}
        change = revised(base.instruments.get(name, Change()), new, name)
        move = applied(Draws(model, {}, 2035.0, 1), base.changed({name: change}, "part")).move(name)
        for paid, path in ((one.now, move.path(at.times)), (one.ahead, move.path(at.times + ahead))):
            if paid is not None:
                read = paid.low + (paid.full - paid.low) * share
                np.testing.assert_allclose(read, path.reshape(-1), atol=1e-12 * max(1.0, float(paid.full.max())))


def test_what_happened_is_described_as_history() -> None:
    model = load_case("nev").model
    at, _, found = described(model, unchanged("nev"), 2035.0)
    for one in found.values():
        wanted = np.interp(at.times, *history(model, one.about.variable))
        np.testing.assert_array_equal(one.now.full, wanted)
        np.testing.assert_array_equal(one.past, wanted)


@pytest.mark.parametrize("name", ["nev_cliff", "nev_share_triggered", "nev_share_of_price", "pv_support_kept"])
def test_a_schedule_that_numbers_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        described(load_case(name[: name.index("_")]).model, load_schedule(name), 2035.0)
