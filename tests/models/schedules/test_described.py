"""Numbers read off a schedule say what its paths say, for every share that is left."""

import numpy as np
import pytest

from models.case import load_case
from models.policy import history
from models.schedules import law
from models.schedules.change import Change, equal_steps, revised
from models.schedules.described import described, step_corners
from models.schedules.file import load_schedule, unchanged
from models.schedules.law import LAWS, SLOPES, Corners, Exit, Law, corners, share_left
from models.schedules.run import Draws, applied
from stockflow.errors import InputError


def between(found: Corners, time: float, start: float, length: float) -> float:
    """Return the share left as a reader of corners has it: by equal amounts between them, or by equal ratios."""
    if time < start:
        return 1.0
    part = (time - start) / length if len(found.points) > 1 else 0.0
    last = max(place for place, corner in enumerate(found.points) if part >= corner[0])
    at, _, value = found.points[last]
    if last + 1 == len(found.points):
        return value
    beyond, just_before, _ = found.points[last + 1]
    along = (part - at) / (beyond - at)
    return float(value * (just_before / value) ** along) if found.ratios else value + along * (just_before - value)


@pytest.mark.parametrize("shape", LAWS)
def test_corners_say_the_share_that_the_law_leaves(shape: Exit) -> None:
    times = np.arange(2010, 2040, 1 / 32)
    for start, length in ((2012.25, 0.25), (2020, 5), (2018.5, 12.75)):
        left = share_left(shape, times, start, length if shape in SLOPES else None)
        read = [between(corners(shape), time, start, length) for time in times]
        np.testing.assert_allclose(read, left, atol=1e-14)


@pytest.mark.parametrize("count", [2, 3, 5, 7, 10])
def test_corners_of_equal_steps_say_the_share_that_the_steps_leave(count: int) -> None:
    times = np.arange(2010, 2040, 1 / 32)
    for start, length in ((2012.25, 0.25), (2020, 5), (2018.5, 12.75)):
        change = Change(shape="tiers", start=start, tiers=equal_steps(count, length))
        read = [between(step_corners(count), time, start, length) for time in times]
        np.testing.assert_allclose(read, change.share_left(times, start), atol=1e-14)
        assert len(set(np.round(read, 9))) == len({1.0, *(one.fraction for one in change.tiers)}) or length < 1


def test_a_law_that_corners_cannot_say_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law, "LAWS", {**LAWS, "linear": Law("bends", lambda part: 1.0 - part**2)})
    with pytest.raises(ValueError, match="linear: neither equal amounts nor equal ratios"):
        corners("linear")


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
