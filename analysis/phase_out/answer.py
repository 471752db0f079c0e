"""A study answered: runs into the store and read back, results, evidence, and tables for people and machines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.ensembles.writing import write
from analysis.phase_out.adoption import rush_table
from analysis.phase_out.by_instrument.apart import Beside, beside
from analysis.phase_out.by_instrument.happened import effect_of
from analysis.phase_out.exit import waiting_table
from analysis.phase_out.hinges import Evidence, drivers, thirds
from analysis.phase_out.page import Section, page, sections_of
from analysis.phase_out.prepare import ensemble, rushed, stored
from analysis.phase_out.results import Results, results
from analysis.phase_out.study import PhaseOutStudy
from analysis.plain.shown import records
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior, depends_on, load_accepted
from models.case import load_case


@dataclass(frozen=True, slots=True, eq=False)
class PhaseOutAnswer:
    """A study answered: its results, the parameter of the response, the evidence that decides, the rushes, and what is
    said by instrument and of what happened."""

    results: Results
    response: str
    evidence: Evidence | None
    rush: pd.DataFrame | None
    said: Beside

    @property
    def sections(self) -> list[Section]:
        """The page in words, by section."""
        return sections_of(self.results, self.response, self.evidence, self.rush, self.said)

    @property
    def page(self) -> str:
        """The page in words, for a screen."""
        return page(self.sections)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Everything as tables, by name."""
        found = self.results
        made = {
            "measures": found.table(), "shares": found.share_table(), "account": found.accounts,
            "safe_exit": found.safe_table(), "regret": found.regret(),
            "waiting": waiting_table(found.waits, found.study), "by_third": thirds(found, self.response, self.evidence),
            "drivers": drivers(found), **{name: table for name, table in self.said.tables.items() if len(table)},
        }  # fmt: skip
        return made if self.rush is None else made | {"pulled_forward": self.rush}


def answer_study(
    study: PhaseOutStudy, stem: Path, scheduler: str | None = None, progress: bool = False, said: Beside | None = None
) -> PhaseOutAnswer:
    """Run a study into the store `stem`.zarr, or go on with it, and answer it; by instrument, too, if not `said` yet.

    Raises InputError for bad schedules, a posterior of another model, and a store that is not this study's.
    """
    accepted, posterior = load_accepted(study.case), accepted_posterior(study.case)
    model, parameters = load_case(study.case).model, posterior.spread(study.draws)
    made, arms = ensemble(study, model, parameters)
    made = replace(made, notes={"title": study.title, "posterior": depends_on(study.case, accepted.values)})
    runs = stored(write(made, stem.with_name(f"{stem.name}.zarr"), scheduler, progress), arms, parameters)
    found = results(study, runs)
    rush = None
    if study.rush is not None:
        rush = rush_table(study, rushed(study, model, posterior.spread(study.rush.draws)))
    evidence = evidence_of(study, posterior)
    if evidence is not None:
        evidence = replace(evidence, effect=evidence.effect[found.kept])
    said = said or beside(study, posterior, accepted.response)
    return PhaseOutAnswer(found, accepted.response, evidence, rush, said)


def evidence_of(study: PhaseOutStudy, posterior: Posterior) -> Evidence | None:
    """Return the causal effect of a study as observed and in each of its draws; none if the study names none.

    Raises InputError for an effect that the targets of the case do not have.
    """
    if not study.effect:
        return None
    target, effect = effect_of(study.effect, load_targets(study.case), posterior, study.title)
    drawn = Posterior(study.case, {study.effect: effect}, {}, {}).spread(study.draws)
    return Evidence(target.name, target.value, target.sd, target.source, drawn[study.effect])


def as_records(answer: PhaseOutAnswer, tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """Return the answer for machines: "never" and "not defined" are null, `reached` and `defined` tell which."""
    found = answer.results
    paths = {"shares", "account"}
    return {
        "title": found.study.title,
        "case": found.study.case,
        "draws": found.size,
        "failed_draws": found.failed,
        "schedules": [arm.label for arm in found.arms],
        "account_gap": found.gap,
        "safe_exit_year": {one.family: None if np.isinf(one.year) else one.year for one in found.safe},
        "page": answer.page.splitlines(),
        **{name: records(table) for name, table in tables.items() if name not in paths},
    }
