"""The whole study of unknowns of one case: chosen methods, joint draws, and where the phase-out fails."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from analysis.draws.generic import with_support
from analysis.plain.language import worded
from analysis.unknowns.discovery import Found, discover
from analysis.unknowns.given_data import given_data
from analysis.unknowns.indices import Index, table
from analysis.unknowns.outcomes import Outcomes, Tell, outcomes
from analysis.unknowns.sensitivity import morris, shapley, sobol
from analysis.unknowns.settings import Question, SensitivityStudy
from analysis.unknowns.unknowns import Basis, Unknown, independent, joint
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import Targets
from models.case import Case
from stockflow.arrays import Array

Method = Literal["morris", "sobol", "shapley", "posterior", "all"]
METHODS: tuple[Method, ...] = ("morris", "sobol", "shapley", "posterior", "all")


@dataclass(frozen=True, slots=True)
class SensitivityAnswer:
    """Indices of one case as rows, the ranges they are for, joint draws and answers, and boxes of failure.

    `samples`, `found` and `boxes` are empty unless joint draws were asked for.
    """

    case: str
    question: Question
    table: pd.DataFrame
    ranges: tuple[Unknown, ...]
    samples: Mapping[str, Array]
    found: Outcomes | None
    boxes: tuple[Found, ...]


def run_sensitivity(
    case: Case,
    study: SensitivityStudy,
    posterior: Posterior,
    targets: Targets,
    method: Method = "all",
    basis: Basis = "posterior",
    tell: Tell = lambda _: None,
) -> SensitivityAnswer:
    """Find the indices of the chosen methods; `basis` says where independent ranges come from."""
    question = study.case(case.name)
    model, offered = with_support(case.model, question.offered, question.offered_from, question.years[-1])
    case = replace(case, model=model)
    if offered:
        tell(offered)
    ranges = independent(case, posterior, targets, question.fixed, basis)

    def evaluate(sample: Array) -> tuple[Array, Mapping[str, Array]]:
        got = outcomes(case, question, dict(zip((one.name for one in ranges), sample.T, strict=True)), tell)
        return got.years, got.values

    rows: list[Index] = []
    if method in ("morris", "all"):
        tell(worded("Morris screening"))
        rows += morris(ranges, evaluate, study.morris, study.confidence)
    if method in ("sobol", "all"):
        tell(worded("Sobol indices"))
        rows += sobol(ranges, evaluate, study.sobol, study.confidence)
    if method in ("shapley", "all"):
        tell(worded("Shapley effects"))
        rows += shapley(ranges, evaluate, study.shapley, study.confidence)
    samples: Mapping[str, Array] = {}
    found: Outcomes | None = None
    boxes: tuple[Found, ...] = ()
    if method in ("posterior", "all"):
        samples = joint(case, posterior, question.fixed, study.draws, study.given_data.seed)
        found = outcomes(case, question, samples, tell)
        rows += given_data(samples, found, study.given_data, study.confidence, (question.key_year,), tell)
        boxes = tuple(discover(name, samples, failed, study.discovery) for name, failed in found.failures.items())
    return SensitivityAnswer(case.name, question, table(rows), ranges, samples, found, boxes)
