"""How far results may be trusted: accepted posteriors, what the data can tell apart, and the numerics certificate.

Made for all calibrated cases at once; what is missing is said in one sentence where it would have stood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.plain.folder import Folder
from analysis.plain.language import listed, marked, one_by_one, term, translated, worded
from analysis.plain.progress import counted
from analysis.trust import numerics
from analysis.trust import study as asked
from analysis.trust.identifiability import (
    IDENTIFIED,
    MOSTLY_PRIOR,
    TOGETHER,
    TOGETHER_WITH,
    Identified,
    identify,
    refits,
)
from analysis.trust.identifiability_figures import learning_ridge, profile_panels
from analysis.trust.ridge import Ridge, joint_rate
from calibration.errors import AbsentError
from calibration.fitting.estimates import Interval
from calibration.fitting.inference_data import Posterior
from calibration.fitting.targets import load_targets
from calibration.records.results import Accepted, accepted_intervals, accepted_posterior
from models.case import load_case
from models.home import home_of
from stockflow.intervals import interval


@dataclass(frozen=True, slots=True)
class Trust:
    """Posteriors by case, why a case has none (one sentence), what the data tell apart, the certificate."""

    posteriors: Mapping[str, Posterior]
    missing: Mapping[str, str]
    intervals: Mapping[str, Mapping[str, Interval]]
    identified: Mapping[str, Identified]
    certificate: pd.DataFrame


def posteriors_of(cases: tuple[str, ...], folder: Path | None = None) -> tuple[dict[str, Posterior], dict[str, str]]:
    """Return the accepted posteriors, and for every case that has none yet the sentence that says so.

    Raises InputError, with the remedy, for one that is damaged or of another model, data or target file.
    """
    found: dict[str, Posterior] = {}
    missing: dict[str, str] = {}
    for case in cases:
        try:
            found[case] = accepted_posterior(case, folder)
        except AbsentError as error:
            missing[case] = f"No posterior is shown: {error}."
    return found, missing


def examine(accepted: Mapping[str, Accepted], folder: Folder) -> Trust:
    """Examine every accepted fit; tables and figures go to the folder.

    The certificate is of the cases whose stocks its study names.
    """
    posteriors, missing = posteriors_of(tuple(accepted))
    identified = {case: identify_case(case, fit, posteriors.get(case), folder) for case, fit in accepted.items()}
    for case, one in identified.items():
        for name, part in tables_of(one).items():
            folder.table(f"identifiability_{case}_{name}.csv", part)
    judged = {case: fit for case, fit in accepted.items() if case in numerics.Study.load().stocks}
    with counted(worded("numerics"), 2 * (2 * len(judged) + 2), "part") as step:
        certificate = numerics.certificate(judged, tick=step)
    folder.table("numerics.csv", certificate)
    intervals = {case: accepted_intervals(case) for case in posteriors}
    for case, known in intervals.items():
        folder.table(f"posterior_{case}.csv", interval_table(case, known))
    return Trust(posteriors, missing, intervals, identified, certificate)


def identify_case(case: str, fit: Accepted, posterior: Posterior | None, folder: Folder) -> Identified:
    """Identify one case with a progress bar and draw its figures."""
    study = asked.Study.load()
    with counted(worded("identify {case}", case=term(case)), refits(case, study), "refit") as step:
        found = identify(case, fit.values, posterior, study, step)

    def draw() -> None:
        title, stem = term(load_case(case).title), folder.figure(f"profiles_{home_of(case).label}")
        profile_panels(found, worded("{case}: what the data say without each prior", case=title), stem)
        if found.ridge is not None:
            told = worded("{case}: learning by doing or by searching", case=title)
            learning_ridge(found.ridge, found.drop, told, folder.figure(f"learning_ridge_{case}"))

    folder.in_each_language(draw)
    return found


def tables_of(found: Identified) -> dict[str, pd.DataFrame]:
    """Return the tables of one case by name."""
    together = pd.DataFrame(found.correlations, found.names, found.names).reset_index(names="parameter")
    tables = {"parameters": found.parameters, "pairs": found.pairs, "correlations": together}
    if (ridge := found.ridge) is not None:
        tables |= {"factors": ridge.one_factor, "factor_errors": ridge.series, "statements": ridge.statements}
    return tables


def verdict_words(found: Identified) -> list[str]:
    """Say which parameters the data identify, which are the prior's and which only a partner's."""
    table = found.parameters
    groups: dict[str, list[str]] = {}
    for name, told, other in zip(table["parameter"], table["verdict"], table["strongest partner"], strict=True):
        named = told.endswith(f" with {other}")
        kind = IDENTIFIED if told.startswith(IDENTIFIED) else TOGETHER_WITH if named else told
        both = worded("{name} (with {other})", name=term(name), other=term(other)) if named else term(name)
        groups.setdefault(kind, []).append(both)
    said = {
        IDENTIFIED: marked("Identified by the data"), TOGETHER_WITH: marked("Only together with a partner"),
        TOGETHER: marked("Known from data and prior together"), MOSTLY_PRIOR: marked("Mostly the prior"),
    }  # fmt: skip
    return [
        worded("{verdict}: {names}.", verdict=term(words), names=listed(groups[kind]))
        for kind, words in said.items()
        if kind in groups
    ]


def ridge_words(found: Identified) -> list[str]:
    """Say what stays fixed along the ridge, what does not, and what the data say of the one-factor variant."""
    ridge = found.ridge
    if ridge is None:
        return [worded("No ridge was walked: {why}.", why=term(found.no_ridge))]
    inside = ridge.profile.rise <= found.drop
    doing, together, credit, joint = (v[inside] for v in (ridge.doing, ridge.together, ridge.credit, ridge.joint))
    ends = (worded("down to zero"), worded("up to the largest tried"))
    unmet = translated(" and ").join(text for text, is_open in zip(ends, ridge.open_ends, strict=True) if is_open)
    limits = worded(" ({where} no limit was met)", where=unmet) if unmet else ""
    words = [
        worded(
            "The data accept learning by searching from {low:.0%} to {high:.0%} per doubling{limits}. Over that range "
            "learning by doing goes from {most:.0%} to {least:.0%}, the fall when experience and knowledge both double "
            "from {joint_low:.0%} to {joint_high:.0%}, and the share of the fall that research gets the credit for "
            "from {credit_low:.0%} to {credit_high:.0%}.",
            low=ridge.ends[0], high=ridge.ends[1], limits=limits, most=doing.max(), least=doing.min(),
            joint_low=joint.min(), joint_high=joint.max(), credit_low=abs(credit.min()), credit_high=credit.max(),
        ),
        worded(
            "What hardly moves is the fall per doubling of experience with research growing as it did in "
            "{first}-{last}: {low:.1%} to {high:.1%}.",
            first=int(ridge.window[0]), last=int(ridge.window[1]), low=together.min(), high=together.max(),
        ),
    ]  # fmt: skip
    if ridge.draws is not None:
        both = joint_rate(*ridge.draws)
        low, middle, high = interval(both)
        held = "" if ridge.free else worded(", searching being held at {rate:.0%}", rate=ridge.fitted[1])
        words.append(
            worded(
                "Posterior of the fall when both double: {middle:.1%} ({low:.1%} to {high:.1%}, 90%{held}).",
                middle=middle, low=low, high=high, held=held,
            )
        )  # fmt: skip
    return [*words, one_factor_words(ridge, found.drop)]


def one_factor_words(ridge: Ridge, drop: float) -> str:
    """Say what the fit loses without learning by searching, and which series notices."""
    rise, table = float(ridge.profile.rise[0]), ridge.series
    first, last = table.columns[1], table.columns[-1]
    worst = table.iloc[int(np.argmax((table[last] - table[first]).abs().to_numpy()))]
    told = worded("so these data want both factors")
    if rise < drop:
        told = worded("so these data cannot tell one factor from two")
    return worded(
        "Without learning by searching (one factor) the objective is {rise:.2f} above the best against a limit of "
        "{drop:g}, {told}; the series whose error changes most is {series}, root mean square log error from "
        "{first:.3f} to {last:.3f}.",
        rise=rise, drop=drop, told=told, series=term(worst["series"]), first=worst[first], last=worst[last],
    )  # fmt: skip


def statement_words(found: Identified) -> list[str]:
    """Say of every policy what it does at both ends of the ridge."""
    if found.ridge is None:
        return []
    low, high = found.ridge.ends
    words = []
    for policy, part in found.ridge.statements.groupby("under", sort=False):
        told = [
            worded(
                "{what} {low} to {high}",
                what=term(line["what"]), low=_percent(line["low searching"]), high=_percent(line["high searching"]),
            )
            for line in part.to_dict("records")
        ]  # fmt: skip
        if policy:
            named = term(str(policy))
            words.append(
                worded(
                    "{policy}, with searching from {low:.0%} to {high:.0%}: {each}.",
                    policy=named[:1].upper() + named[1:], low=low, high=high, each=one_by_one(told),
                )
            )  # fmt: skip
    return words


def headline(found: Identified) -> str:
    """Say in one sentence what the data leave open between doing and searching."""
    if found.ridge is None:
        return worded("{case}: {why}.", case=term(load_case(found.case).title), why=term(found.no_ridge))
    credit = found.ridge.credit[found.ridge.profile.rise <= found.drop]
    return worded(
        "{case}: the data would give research anywhere from {low:.0%} to {high:.0%} of the fall in learned cost; what "
        "policies do is printed for both ends.",
        case=term(load_case(found.case).title), low=abs(credit.min()), high=credit.max(),
    )  # fmt: skip


def _percent(value: float) -> str:
    told = f"{value:+.1%}"
    return "0%" if told in {"+0.0%", "-0.0%"} else told


def interval_table(case: str, intervals: Mapping[str, Interval]) -> pd.DataFrame:
    """One row per reported quantity of a posterior: median, central 90%, convergence."""
    units = {name: one.unit for name, one in load_case(case).parameters.items()}
    return pd.DataFrame(
        [
            {"quantity": name, "unit": units.get(name, ""), "median": one.median, "5%": one.low, "95%": one.high,
             "learned": one.learned if name in units else np.nan, "R-hat": f"{one.rhat:.4f}",
             "bulk ESS": f"{one.bulk:.0f}", "tail ESS": f"{one.tail:.0f}"}
            for name, one in intervals.items()
        ]
    )  # fmt: skip


def posterior_words(case: str, intervals: Mapping[str, Interval], draws: int) -> str:
    """Say in one sentence how the chains stand against the rules of the target file."""
    rules = load_targets(case).sampling
    rhat = max(one.rhat for one in intervals.values())
    bulk, tail = (min(getattr(one, name) for one in intervals.values()) for name in ("bulk", "tail"))
    return worded(
        "{chains} chains of {draws} draws by a no-U-turn sampler, {kept} kept; largest R-hat {rhat:.4f} (limit "
        "{rhat_limit:g}), smallest effective sample {bulk:.0f} in the bulk and {tail:.0f} in the tails (limit "
        "{limit:g}), over {count} reported quantities.",
        chains=rules.chains, draws=rules.draws, kept=draws, rhat=rhat, rhat_limit=rules.largest_rhat, bulk=bulk,
        tail=tail, limit=rules.smallest_ess, count=len(intervals),
    )  # fmt: skip


def chapter(trust: Trust, case: str) -> dict[str, object]:
    """Return what the page says of one case."""
    found = trust.identified[case]
    known = trust.intervals.get(case, {})
    return {
        "name": case, "title": load_case(case).title, "missing": term(trust.missing.get(case, "")),
        "basis": term(found.basis),
        "posterior_words": posterior_words(case, known, trust.posteriors[case].size) if known else "",
        "verdicts": verdict_words(found), "pairs": found.pairs,
        "parameters": found.parameters.rename(columns={"mode": "estimate"}),
        "ridge_words": ridge_words(found), "drop": found.drop, "ridge": None if found.ridge is None else {
            "factors": found.ridge.one_factor, "factor_errors": found.ridge.series,
            "statement_words": statement_words(found), "statements": statement_table(found.ridge),
        },
    }  # fmt: skip


def statement_table(ridge: Ridge) -> pd.DataFrame:
    """Return the policy statements in percent, ends of the ridge first."""
    table = ridge.statements.copy()
    ends = ridge.ends
    table.insert(0, "policy", table.pop("under").replace("", "-"))
    table = table.rename(
        columns={"what": "change of", "low searching": f"searching {ends[0]:.0%} (%)", "as fitted": "as fitted (%)",
                 "high searching": f"searching {ends[1]:.0%} (%)", "posterior from": "posterior 5% (%)",
                 "posterior to": "posterior 95% (%)"}
    )  # fmt: skip
    numbers = table.columns[2:]
    table[numbers] = (100 * table[numbers]).round(2)
    return table.dropna(axis="columns", how="all")
