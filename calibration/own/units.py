"""The way of a user's units into the model's: worked out where the units are known, else as stated."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.observed.money import BASE_YEAR, Prices, parse_unit
from models.own import OwnFile
from stockflow.errors import InputError

CLOSE = 0.02  # relative difference between a stated and a worked-out factor that rounding may make


@dataclass(frozen=True, slots=True)
class Way:
    """Money of the model (bnCNY of 2020) per counted thing of a volume unit, for 1 of a cost unit; how it was found."""

    factor: float
    words: str


def way(cost_unit: str, volume_unit: str) -> Way:
    """Return what 1 `cost_unit` is in bnCNY of 2020 per `volume_unit`.

    A thing that no unit is known of is taken as it is where both name the same one: USD2020/pump and pump. InputError
    if a unit is not known, money states no price year or is nominal, or the two count different things.
    """
    money, _, thing = cost_unit.rpartition("/")
    if money and thing.strip() == volume_unit.strip() and not _known(thing):
        cost_unit, volume_unit = money.strip(), "1"
    cost, volume = parse_unit(cost_unit), parse_unit(volume_unit)
    if cost.currency is None or volume.currency is not None:
        raise InputError(f"unit {cost_unit!r} must be money per {volume_unit!r}, which must not be money")
    if not isinstance(cost.price_year, int):
        raise InputError(f"unit {cost_unit!r}: money needs a price year, for example USD2020: costs are real")
    if cost.powers != tuple((name, -power) for name, power in volume.powers):
        raise InputError(f"unit {cost_unit!r} is not money per what {volume_unit!r} counts")
    rate = Prices.read().in_yuan(cost.currency, cost.price_year, cost.price_year)
    words = f"1 {cost.currency} of {cost.price_year} is {rate:.6g} CNY of {BASE_YEAR} (calibration/data/deflators.csv)"
    return Way(cost.scale * volume.scale * rate / 1e9, words)


def _known(unit: str) -> bool:
    try:
        parse_unit(unit)
    except InputError:
        return False
    return True


def checked(own: OwnFile) -> list[str]:
    """Return what cannot be checked of the units of a case, in words; InputError where a stated factor is wrong."""
    try:
        known = way(own.cost.unit, own.volume.unit)
    except InputError as reason:
        return [f"units: taken as stated, since {reason}"]
    right = known.factor / own.volume.in_model
    if abs(own.cost.in_model / right - 1) > CLOSE:
        raise InputError(
            f"case.toml: cost.in_model: {own.cost.in_model:g} for 1 {own.cost.unit} with volume.in_model "
            f"{own.volume.in_model:g}; {known.words}, which makes it {right:.6g}"
        )
    return []
