"""Whether a target file fits its model, before any work: every refusal names file, key, value and bound."""

from collections.abc import Iterator, Mapping

import numpy as np

from calibration.fitting.payoff import fitted_series
from calibration.fitting.targets import DrivenVariable, EffectTarget, Prior, Targets
from calibration.observed.observations import observed
from models.case import Case
from stockflow.errors import InputError, unknown
from stockflow.over_time import QUARTER


def check_targets(case: Case, targets: Targets) -> None:
    """Raise InputError for the first thing in `targets` that model, parameters or tables of observations do not have.

    That is a name, a prior centred outside the bounds of its parameter, a year outside the run, a series or driven
    variable without observations or with some that cannot be used.
    """
    file = targets.file.name if targets.file else f"{targets.case}.toml"
    for place, why in _wrong(case, targets):
        raise InputError(f"{file}: {place}: {why}")


def _wrong(case: Case, targets: Targets) -> Iterator[tuple[str, str]]:
    yield from _of_priors(case, "free", targets.free)
    for step in targets.partial:
        yield from _of_priors(case, f"partial {step.name!r}: free", step.free)
    for kind in ("series", "events", "effects", "ranges"):
        for one in getattr(targets, kind):
            yield from _of_name(case, f"{kind} {one.name!r}: quantity", one.quantity)
    for kind in ("series", "ranges"):
        for one in getattr(targets, kind):
            yield from _of_years(case, f"{kind} {one.name!r}", one.first_year, one.last_year + 1)
    for effect in targets.effects:
        yield from _of_effect(case, effect)
    for one in targets.series:
        try:
            fitted_series(one)
        except InputError as error:
            yield f"series {one.name!r}", str(error)
    for step in targets.partial:
        for driven in step.driven:
            yield from _of_driven(case, f"partial {step.name!r}: driven {driven.variable!r}", driven)


def _of_name(case: Case, place: str, name: str) -> Iterator[tuple[str, str]]:
    try:
        case.model.variable(name)
    except InputError:
        yield place, str(unknown("variable", name, case.model.variables))


def _of_priors(case: Case, place: str, free: Mapping[str, Prior]) -> Iterator[tuple[str, str]]:
    for name, prior in free.items():
        yield from _of_name(case, f"{place} {name!r}", name)
        known = case.model.variable(name)
        if known.name not in case.parameters:
            yield f"{place} {name!r}", "is not a parameter of the case file and cannot be estimated"
        one = case.parameters[known.name]
        if not one.low <= prior.centre <= one.high:
            yield f"{place} {name!r}: centre", f"{prior.centre:g} {one.unit} is outside {one.low:g} to {one.high:g}"
        if prior.shape == "lognormal" and one.high <= 0:
            yield f"{place} {name!r}: shape", f"a lognormal prior needs values above 0, but the bound is {one.high:g}"


def _of_years(case: Case, place: str, first: float, last: float) -> Iterator[tuple[str, str]]:
    begin, end = case.model.initial_time, case.model.final_time
    if not (begin <= first and last <= end):
        yield place, f"window {first:g} to {last:g} is outside the run, {begin:g} to {end:g}"


def _of_effect(case: Case, effect: EffectTarget) -> Iterator[tuple[str, str]]:
    place = f"effects {effect.name!r}"
    for keys, window in zip((("first_year", "last_year"), ("then", "then")), effect.windows, strict=False):
        yield from _of_years(case, place, *window)
        for key, year in zip(keys, window, strict=True):
            if abs(year / QUARTER - np.round(year / QUARTER)) > 1e-9:
                yield f"{place}: {key}", f"{year:.10g} is not a saved time, a multiple of {QUARTER:g}"
    for name, value in effect.without.items():
        yield from _of_name(case, f"{place}: without", name)
        one = case.model.variable(name)
        if one.value is None:
            yield f"{place}: without", f"{one.name!r} is not a constant and cannot be set"
        try:
            one.check(value)
        except InputError as error:
            yield f"{place}: without", str(error)


def _of_driven(case: Case, place: str, driven: DrivenVariable) -> Iterator[tuple[str, str]]:
    yield from _of_name(case, place, driven.variable)
    if case.model.variable(driven.variable).name in case.parameters:
        yield place, "is a parameter, which observations cannot drive"
    try:
        years = observed(driven.sources, driven.unit, driven.combine).index
    except InputError as error:
        yield place, str(error)
        return
    if years.empty:
        yield place, "its sources hold no observation"
    elif driven.zero_at is not None and driven.zero_at >= years[0]:
        yield f"{place}: zero_at", f"{driven.zero_at:g} is not before its first observation, of {years[0]}"
