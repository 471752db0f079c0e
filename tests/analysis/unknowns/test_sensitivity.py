"""Indices through our wrapper: right where the answer is known, and never called converged without reason."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from analysis.unknowns.discovery import Box, discover
from analysis.unknowns.figures import failure_boxes
from analysis.unknowns.given_data import DELTA, PAWN, REMOVED, given_data
from analysis.unknowns.indices import STILL, Index, table, verdict
from analysis.unknowns.outcomes import ADDED, LOST, SHARE_KEPT, SPENT, Outcomes, outcomes
from analysis.unknowns.sensitivity import FIRST, MORRIS, SHAPLEY, TOTAL, morris, shapley, sobol
from analysis.unknowns.settings import NamedSchedule, Range, SensitivityStudy
from analysis.unknowns.unknowns import Unknown, independent, joint
from analysis.unknowns.words import box_words, convergence, fails, hinges
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior
from models.case import load_case
from stockflow.errors import InputError

STUDY = SensitivityStudy.load()
PI = float(np.pi)
CUBE = tuple(Unknown(f"x{i}", -PI, PI, "1", "test") for i in (1, 2, 3))
A, B = 7.0, 0.1


def ishigami(sample: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ishigami and Homma 1990: the standard function whose indices are known."""
    x, y, z = sample.T
    value = np.sin(x) + A * np.sin(y) ** 2 + B * z**4 * np.sin(x)
    return np.array([2020.0]), {"y": value[:, None]}


def known() -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices of the Ishigami function in closed form."""
    alone = [0.5 * (1 + B * PI**4 / 5) ** 2, A**2 / 8, 0.0]
    both = B**2 * PI**8 * (1 / 18 - 1 / 50)
    total = sum(alone) + both
    return np.array(alone) / total, np.array([alone[0] + both, alone[1], both]) / total


def by_method(indices: list[Index], method: str) -> list[Index]:
    return [one for one in indices if one.method == method]


@pytest.fixture(scope="module")
def found() -> list[Index]:
    return sobol(CUBE, ishigami, STUDY.sobol.model_copy(update={"base_samples": 4096}), STUDY.confidence)


@pytest.mark.parametrize(("method", "place"), [(FIRST, 0), (TOTAL, 1)])
def test_sobol_indices_of_a_known_function_lie_within_their_intervals(found, method, place) -> None:
    for one, true in zip(by_method(found, method), known()[place], strict=True):
        assert abs(one.value - true) < 2 * one.half_width + 1e-3


def test_sobol_indices_of_a_known_function_converge_on_many_samples(found) -> None:
    assert all(one.converged for one in found), [one.why for one in found]


def test_sobol_indices_on_few_samples_are_not_called_converged() -> None:
    few = sobol(CUBE, ishigami, STUDY.sobol.model_copy(update={"base_samples": 16}), STUDY.confidence)
    bad = [one for one in few if not one.converged]
    assert len(bad) > 3
    assert all(one.why for one in bad)


def test_halving_the_sample_too_early_is_told_as_the_reason() -> None:
    good, why = verdict(0.5, 0.01, 0.2, 0.05, 0.05)
    assert not good
    assert "half the sample" in why


def test_a_verdict_without_a_number_is_no() -> None:
    assert verdict(float("nan"), 0.01, 0.0, 0.05, 0.05) == (False, "not a number")


def test_shapley_effects_of_a_known_function_share_interactions_and_add_up_to_one() -> None:
    alone, total = known()
    expected = (alone + total) / 2  # the only interaction is between two unknowns
    rule = STUDY.shapley.model_copy(update={"trajectories": 8192})
    rows = shapley(CUBE, ishigami, rule, STUDY.confidence)
    assert sum(one.value for one in rows) == pytest.approx(1.0, abs=1e-9)
    for one, true in zip(by_method(rows, SHAPLEY), expected, strict=True):
        assert abs(one.value - true) < 2 * one.half_width


def ranked(sample: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return np.array([2020.0]), {"y": (sample @ np.array([8.0, 2.0, 0.0]))[:, None]}


def test_morris_effects_of_a_linear_function_are_its_slopes_over_the_ranges() -> None:
    rows = morris(CUBE, ranked, STUDY.morris, STUDY.confidence)
    assert [one.value for one in by_method(rows, MORRIS)] == pytest.approx([1.0, 0.25, 0.0])
    assert all(one.converged for one in rows)


def test_morris_places_that_change_in_half_the_sample_are_not_called_converged() -> None:
    names = tuple(Unknown(f"x{i}", 0.0, 1.0, "1", "test") for i in range(12))

    def noisy(sample: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return np.array([2020.0]), {"y": np.sin(1e4 * sample.sum(axis=1) ** 2)[:, None]}

    rule = STUDY.morris.model_copy(update={"trajectories": 8, "width": 9.0})
    rows = morris(names, noisy, rule, STUDY.confidence)
    assert any("place" in one.why for one in rows if not one.converged)


def test_an_answer_that_does_not_vary_gets_no_index() -> None:
    def flat(sample: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return np.array([2020.0]), {"y": np.zeros((len(sample), 1))}

    for rows in (
        sobol(CUBE, flat, STUDY.sobol.model_copy(update={"base_samples": 16}), 0.9),
        morris(CUBE, flat, STUDY.morris, 0.9),
    ):
        assert all(np.isnan(one.value) and not one.converged and one.why == STILL for one in rows)


# ---- given data --------------------------------------------------------------------------------------------------
RHO = 0.7
QUICK = STUDY.given_data.model_copy(update={"resamples": 6, "dummies": 12})


def gaussian(count: int, seed: int = 3) -> tuple[dict[str, np.ndarray], Outcomes]:
    """y = 2a + b with a and b correlated, c correlated with a and in no equation, and d that plays no part."""
    rng = np.random.default_rng(seed)
    a, b, c, d = rng.multivariate_normal(
        np.zeros(4), [[1, RHO, 0.5, 0], [RHO, 1, 0.35, 0], [0.5, 0.35, 1, 0], [0, 0, 0, 1]], count
    ).T
    y = 2 * a + b
    return {"a": a, "b": b, "c": c, "d": d}, Outcomes(np.array([2020.0]), {"y": y[:, None]}, {})


@pytest.fixture(scope="module")
def correlated() -> dict[tuple[str, str], Index]:
    samples, got = gaussian(1000)
    rows = given_data(samples, got, QUICK, STUDY.confidence, deep=(2020.0,))
    return {(one.method, one.unknown): one for one in rows}


def test_variance_removed_by_correlated_unknowns_is_the_square_of_their_correlation_with_the_answer(correlated) -> None:
    variance = 4 + 1 + 4 * RHO
    expected = {"a": (2 + RHO) ** 2 / variance, "b": (2 * RHO + 1) ** 2 / variance, "c": 1.35**2 / variance, "d": 0.0}
    for name, true in expected.items():
        one = correlated[REMOVED, name]
        assert one.value == pytest.approx(true, abs=one.half_width + 0.03)  # classes of finite width lose a little


@pytest.mark.parametrize("method", [REMOVED, PAWN, DELTA])
def test_an_unknown_that_plays_no_part_shows_no_influence(correlated, method) -> None:
    assert correlated[method, "d"].influence is False


@pytest.mark.parametrize("method", [REMOVED, PAWN, DELTA])
def test_unknowns_that_act_show_influence_in_their_order(correlated, method) -> None:
    values = [correlated[method, name].value for name in "abcd"]
    assert values == sorted(values, reverse=True)
    assert all(correlated[method, name].influence for name in "abc")


def test_indices_from_few_draws_are_not_called_converged() -> None:
    samples, got = gaussian(200)
    rule = STUDY.given_data.model_copy(update={"width": 0.03, "halved": 0.02})
    rows = given_data(samples, got, rule, STUDY.confidence, deep=())
    assert not all(one.converged for one in rows)


def test_too_few_draws_for_the_slices_are_refused() -> None:
    samples, got = gaussian(150)
    with pytest.raises(InputError, match="150 draws are too few for 10 slices: 200 are needed"):
        given_data(samples, got, STUDY.given_data, STUDY.confidence, deep=())


def test_an_unknown_that_is_the_same_in_all_draws_is_refused() -> None:
    samples, got = gaussian(300)
    with pytest.raises(InputError, match="'d' is the same in all draws"):
        given_data({**samples, "d": np.ones(300)}, got, STUDY.given_data, STUDY.confidence, deep=())


# ---- discovery ---------------------------------------------------------------------------------------------------
def planted(count: int = 2000, seed: int = 5) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    samples = {name: rng.uniform(size=count) for name in ("p", "q", "r", "s")}
    failed = (samples["p"] > 0.6) & (samples["q"] <= 0.5)
    return samples, failed ^ (rng.uniform(size=count) < 0.03)  # one in 33 mislabelled


def test_a_planted_box_is_found_with_its_bounds() -> None:
    box = discover("planted", *planted(), STUDY.discovery).boxes[0]
    assert set(box.bounds) == {"p", "q"}
    assert box.bounds["p"] == pytest.approx((0.6, np.inf), abs=0.02)
    assert box.bounds["q"] == pytest.approx((-np.inf, 0.5), abs=0.02)


def test_a_planted_box_is_judged_on_draws_it_never_saw() -> None:
    found = discover("planted", *planted(), STUDY.discovery)
    box = found.boxes[0]
    assert found.held_out == 600
    assert box.coverage > 0.8
    assert box.density_low < box.density < box.density_high
    assert box.support == pytest.approx(0.2, abs=0.05)
    assert box.p < 1e-9


def test_failures_at_random_have_no_box() -> None:
    samples, _ = planted()
    failed = np.random.default_rng(1).uniform(size=2000) < 0.4
    found = discover("random", samples, failed, STUDY.discovery)
    assert found.boxes == ()
    assert "no box" in found.why


def test_too_few_failures_are_an_answer_without_boxes() -> None:
    samples, _ = planted()
    failed = np.arange(2000) < 7
    assert "7 of 2000 draws fail" in discover("rare", samples, failed, STUDY.discovery).why


def test_draws_and_failures_of_different_lengths_are_refused() -> None:
    samples, failed = planted()
    with pytest.raises(InputError, match="'p' has 2000 draws, failures have 1999"):
        discover("short", samples, failed[:-1], STUDY.discovery)


def test_a_box_is_told_with_units() -> None:
    box = Box({"cost sensitivity": (4.1, np.inf), "doing learning rate": (-np.inf, 0.17)}, 0.8, 0.91, 0.3, 0.85, 0.95,
              1e-9, 0.92)  # fmt: skip
    told = box_words(box, {"cost sensitivity": "Dmnl", "doing learning rate": "Dmnl"})
    assert told.startswith("cost sensitivity above 4.1 and doing learning rate below 17.0%: 80% of failures, 91% dense")


# ---- the shipped study -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def nev() -> tuple[dict[str, np.ndarray], Outcomes]:
    case = load_case("nev")
    samples = joint(case, accepted_posterior("nev"), STUDY.case("nev").fixed, 200, 1)
    return samples, outcomes(case, STUDY.case("nev"), samples)


def test_a_phase_out_that_is_history_loses_no_unit_in_any_draw() -> None:
    case = load_case("nev")
    same = STUDY.case("nev").model_copy(update={"phase_out": NamedSchedule(name="history again")})
    samples = joint(case, accepted_posterior("nev"), same.fixed, 10, 1)
    assert (outcomes(case, same, samples).values[LOST] == 0.0).all()


def test_support_and_its_end_move_sales_the_way_they_must(nev) -> None:
    _, got = nev
    assert (got.values[LOST][:, -1] > 0).all()
    assert (got.values[ADDED][:, -1] > got.values[LOST][:, -1]).all()
    assert ((got.values[SHARE_KEPT] > 0) & (got.values[SHARE_KEPT] < 1)).all()
    assert (np.diff(got.values[SPENT], axis=1) > 0).all()


def test_units_lost_by_the_end_of_nev_support_hinge_on_cost_sensitivity(nev) -> None:
    samples, got = nev
    only = Outcomes(got.years[-1:], {LOST: got.values[LOST][:, -1:]}, {})
    rows = given_data(samples, only, QUICK, STUDY.confidence, deep=())
    late = table(rows).query(f"method == '{REMOVED}' and answer == '{LOST}' and year == 2035.0").iloc[0]
    assert late["unknown"] == "cost sensitivity"
    assert late["influence"]
    assert late["direction"] > 0
    said = hinges(table(rows), 2035.0)
    assert any(line.startswith("Units lost, 2035: cost sensitivity (") for line in said)
    assert all("converged" in line for line in convergence(table(rows)))


def test_where_the_nev_schedule_fails_is_told_in_words_with_units(nev) -> None:
    samples, got = nev
    (name, failed), *_ = got.failures.items()
    rule = STUDY.discovery.model_copy(update={"fewest": 10})
    said = fails(discover(name, samples, failed, rule), dict.fromkeys(samples, "Dmnl"))
    assert "below 90% of the supported path's" in said[0]
    assert any("cost sensitivity above" in line for line in said[1:])


@pytest.mark.parametrize("basis", ["posterior", "prior"])
@pytest.mark.parametrize("name", ["nev", "pv"])
def test_every_unknown_has_a_range_inside_its_bounds_and_says_whose(name, basis) -> None:
    case = load_case(name)
    ranges = independent(case, accepted_posterior(name), load_targets(name), STUDY.case(name).fixed, basis)
    assert len({one.name for one in ranges}) == len(ranges)
    for one in ranges:
        bounds = case.parameters[one.name]
        assert bounds.low <= one.low < one.high <= bounds.high
        assert one.basis.startswith(("central 90% of the " + basis, "assumed: "))


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        ({"cost sensitivity": Range(low=1, high=2, source="somebody said so")}, "is estimated"),
        ({"payback time": Range(low=0, high=99, source="somebody said so")}, "leaves its bounds, "),
        ({"market share": Range(low=0, high=1, source="somebody said so")}, "is no parameter of the case"),
        ({"no such thing": Range(low=0, high=1, source="somebody said so")}, "no such thing"),
    ],
)
def test_a_range_that_cannot_be_drawn_is_refused_by_name(fixed, said) -> None:
    with pytest.raises(InputError, match=said):
        joint(load_case("nev"), accepted_posterior("nev"), MappingProxyType(fixed), 10, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("base_samples = 2048", "base_samples = 1000", "base_samples 1000 is not a power of 2"),
        ("key_year = 2025.0", "key_year = 2024.0", "key_year 2024 is not one of the years"),
        ("after = 5.0", "after = 50.0", "later than the last year"),
        ("seed = 1", "seed = 0", "greater than or equal to 1"),
        ("low = 0.0\nhigh = 4.0", "low = 4.0\nhigh = 4.0", "low 4 is not below high 4"),
    ],
)
def test_a_wrong_study_is_refused_with_file_key_and_value(tmp_path: Path, old, new, said) -> None:
    text = Path("analysis/studies/sensitivity.toml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        SensitivityStudy.load(file)


def test_a_case_without_a_question_is_refused() -> None:
    with pytest.raises(InputError, match=r"sensitivity\.toml: unknown case 'ic'; known: nev, pv"):
        STUDY.case("ic")


def test_a_long_title_of_the_failing_boxes_is_wrapped(tmp_path: Path) -> None:
    nothing: Any = SimpleNamespace(boxes=())
    failure_boxes(nothing, "Wind power: where this fails: " + "support ends over two years " * 3, tmp_path / "boxes")
    lines = [one for one in (tmp_path / "boxes.svg").read_text().splitlines() if "support ends" in one]
    assert len(lines) > 1
    assert all(one.count("support ends") < 3 for one in lines)
