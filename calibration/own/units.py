"""The way of a user's units into the model's: worked out where the units are known, else as stated."""

import contextlib
import re

from calibration.observed.money import BASE_YEAR, Prices, Unit, UnknownUnitError, parse_unit
from models.own import OwnFile
from stockflow.errors import InputError

_YEAR_NEEDED = "money needs a price year, for example USD2020: costs are real"
CLOSE = 0.02  # relative difference between a stated and a worked-out factor that rounding may make


def way(cost_unit: str, volume_unit: str) -> tuple[float, str]:
    """Return what 1 `cost_unit` is in bnCNY of 2020 per counted thing of `volume_unit`, and how that was found.

    A thing that no unit is known of is taken as it is where both name the same one: USD2020/pump and pump.
    UnknownUnitError for other things and money that are not known here. InputError for a slip of the pen in a known
    unit, money without a price year, nominal, or of a year without prices, and a cost of something else than volumes.
    """
    _check_money(cost_unit)
    money, _, thing = cost_unit.rpartition("/")
    whole = cost_unit, volume_unit
    if money and _one(thing) == _one(volume_unit) and not _known(thing):
        cost_unit, volume_unit = money.strip(), "1"
    volume, cost = parse_unit(volume_unit), parse_unit(cost_unit)
    if cost.currency is None or volume.currency is not None:
        raise InputError(f"unit {whole[0]!r} must be money per {whole[1]!r}, which must not be money")
    if cost.powers != tuple((name, -power) for name, power in volume.powers):
        raise InputError(f"unit {whole[0]!r} is not money per what {whole[1]!r} counts")
    rate = _rate(cost, whole[0])
    words = f"1 {cost.currency} of {cost.price_year} is {rate:.6g} CNY of {BASE_YEAR} (calibration/data/deflators.csv)"
    return cost.scale * volume.scale * rate / 1e9, words


def _check_money(cost_unit: str) -> None:
    """Refuse money whose price year or spelling is wrong, whatever it is counted by."""
    text = re.split(r"/| per ", cost_unit)[0].strip()
    try:
        money = parse_unit(text)
    except UnknownUnitError:
        if re.fullmatch(r"[A-Z]{3}", text):  # the code of a currency
            raise InputError(f"unit {cost_unit!r}: {_YEAR_NEEDED}") from None
        return
    if money.currency is not None:
        with contextlib.suppress(UnknownUnitError):
            _rate(money, cost_unit)


def _rate(money: Unit, cost_unit: str) -> float:
    """Return CNY of 2020 for 1 of a money of its price year."""
    assert money.currency is not None
    if "nominal" in cost_unit or not isinstance(money.price_year, int):
        raise InputError(f"unit {cost_unit!r}: {_YEAR_NEEDED}")
    try:
        return Prices.read().in_yuan(money.currency, money.price_year, money.price_year)
    except InputError as error:
        raise type(error)(f"unit {cost_unit!r}: {error}") from None


def _one(thing: str) -> str:
    """Return the name of one thing: of pumps, pump."""
    return thing.strip().removesuffix("s")


def _known(unit: str) -> bool:
    try:
        parse_unit(unit)
    except InputError:
        return False
    return True


def checked(own: OwnFile) -> list[str]:
    """Return what cannot be checked of a case's units, in words; InputError where they or a stated factor are wrong."""
    try:
        factor, words = way(own.cost.unit, own.volume.unit)
    except UnknownUnitError as reason:
        return [f"units: taken as stated, since {reason}"]
    except InputError as reason:
        raise InputError(f"case.toml: cost.unit, volume.unit: {reason}") from None
    right = factor / own.volume.in_model
    if abs(own.cost.in_model / right - 1) > CLOSE:
        raise InputError(
            f"case.toml: cost.in_model: {own.cost.in_model:g} for 1 {own.cost.unit} with volume.in_model "
            f"{own.volume.in_model:g}; {words}, which makes it {right:.6g}"
        )
    return []


def assumed(own: OwnFile) -> list[str]:
    """Return what a case assumes of its units where it should state it, in words; InputError as `checked`."""
    unknown, guessed = checked(own), own.cost.source.startswith("assumed")
    return [f"{line}; state cost.in_model and its source" for line in unknown if guessed]
