"""Units of published figures and their way into the money of the model, yuan of 2020.

The rule is *deflate first*: a dollar figure, real or nominal, becomes dollars of 2020 by the US GDP
deflator and then yuan at the one exchange rate of 2020; a yuan figure goes by the Chinese deflator. A
fall of a world price is then a fall, and not a move of the yuan, which lost two thirds of its dollar
value between 1985 and 1994. The alternative, *exchange first*, would turn the dollars of the row's year into
yuan of that year and deflate those. It answers what a buyer in China paid, and would be the faithful way
back for Chinese costs that a publisher turned into dollars (IRENA). It would give 1.59 times as many yuan of
2020 for a dollar of 2000, 1.06 times for one of 2010 and 1.13 times for one of 2023.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from calibration.observed.tables import DATA, load_table
from stockflow.errors import InputError

BASE_YEAR = 2020
PriceYear = int | Literal["nominal"] | None

_MONEY = re.compile(r"(bn)?(CNY|USD|EUR|JPY|UScent)(nominal|\d{4})?")
_CHINA, _AMERICA = "the GDP deflator of China", "the GDP deflator of the United States"
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_THINGS: dict[str, tuple[str, float]] = {
    "": ("", 1.0),
    "1": ("", 1.0),
    **{f"{prefix}W": ("W", size) for prefix, size in (("", 1.0), ("k", 1e3), ("M", 1e6), ("G", 1e9))},
    **{f"{prefix}Wh": ("Wh", size) for prefix, size in (("", 1.0), ("k", 1e3), ("M", 1e6))},
    "GWh": ("Wh", 1e9),
    "TWh": ("Wh", 1e12),
    "GWdc": ("Wdc", 1e9),
    "kg": ("kg", 1.0),
    "kt": ("kg", 1e6),
    "Mt": ("kg", 1e9),
    "km": ("km", 1.0),
    **dict.fromkeys(("yr", "year", "Year"), ("year", 1.0)),
    "bit": ("bit", 1.0),
    "kbit": ("bit", 1e3),
    "Mbit": ("bit", 1e6),
    "IC": ("chip", 1.0),
    "ICs": ("chip", 1.0),
    **{
        word + plural: (word, 1.0)
        for word in ("vehicle", "car", "charging point", "transistor", "chip", "dose", "credit")
        for plural in ("", "s")
    },
    **{word + "s": (word, 1.0) for word in ("invention", "patent", "paper", "model", "day")},
}


_SPELLING = {known.casefold(): known for known in _THINGS}
_NEARLY_MONEY = re.compile(r"(k|m|bn)?(RMB|yuan|CNY|USD|EUR|JPY|UScent|\$)(nominal|\d{4})?", re.IGNORECASE)


class UnknownUnitError(InputError):
    """A thing or money that is not known here, and is like nothing that is."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit taken apart: `scale` times money of `price_year` times the powers of counted things.

    `text` is the unit as it was written. `price_year` is None for money whose base is not stated, and
    `currency` is None where there is no money. Powers are sorted by name and never zero.
    """

    text: str
    scale: float
    currency: str | None
    price_year: PriceYear
    powers: tuple[tuple[str, int], ...]

    def per_year(self) -> Unit:
        """Return the unit of a yearly flow whose text leaves the year out; a share stays a share."""
        if "year" in dict(self.powers) or (not self.powers and self.currency is None):
            return self
        return replace(self, powers=tuple(sorted([*self.powers, ("year", -1)])))


def parse_unit(text: str) -> Unit:
    """Take a unit apart as it stands in the tables; what cannot be read raises InputError.

    Understood are `USD2024/W`, `CNYnominal/kWh`, `CNY/Wh (nominal, excl. VAT)`, `2005 USD per kbit`,
    `million current USD`, `bnCNY2020/Year`, `10^9 transistors per year`, `vehicles, end of year`,
    `percent of sales`. Text in parentheses or after a comma only tells whether money is nominal.
    """
    nominal = any("nominal" in part for part in re.findall(r"\(([^)]*)\)", text)) or "survey year" in text
    core = re.sub(r"\([^)]*\)", "", text).split(",")[0].replace(" in money of the survey year", "").strip()
    if core.startswith("percent"):
        return Unit(text, 0.01, None, None, ())
    above, *below = (part.strip() for part in core.replace(" per ", "/").split("/"))
    scale, currency, price_year, words = 1.0, None, "nominal" if nominal else None, []
    for word in above.split():
        money = _MONEY.fullmatch(word)
        if money:
            currency = "USD" if money[2] == "UScent" else money[2]
            scale *= (1e9 if money[1] else 1.0) * (0.01 if money[2] == "UScent" else 1.0)
            price_year = money[3] or price_year
        elif word in ("current", "nominal") or re.fullmatch(r"(19|20)\d\d", word):
            price_year = word if word.isdigit() else "nominal"
        else:
            words.append(word)
    powers: dict[str, int] = {}
    for power, thing in [(1, " ".join(words)), *((-1, one) for one in below)]:
        name, size = _counted(thing, text)
        if power == -1 and not name:
            raise InputError(f"unit {text!r}: nothing is counted after '/'")
        scale *= size**power
        powers[name] = powers.get(name, 0) + power
    kept = tuple(sorted((name, power) for name, power in powers.items() if name and power))
    base: PriceYear = "nominal" if price_year == "nominal" else int(price_year) if price_year else None
    return Unit(text, scale, currency, base if currency else None, kept)


def _counted(phrase: str, text: str) -> tuple[str, float]:
    """Return what `phrase` counts and in what size, `million vehicles` as vehicles by the million."""
    size, words = 1.0, phrase.split()
    while words and (words[0] in _SCALES or re.fullmatch(r"10\^-?\d+", words[0])):
        scale = words.pop(0)
        size *= _SCALES[scale] if scale in _SCALES else 10.0 ** int(scale[3:])
    thing = " ".join(words)
    if thing not in _THINGS:
        raise _not_known(thing, text)
    return _THINGS[thing][0], size * _THINGS[thing][1]


def _not_known(thing: str, text: str) -> InputError:
    """Return the error for a thing that no unit counts: a slip of the pen where a known one is meant."""
    meant = _SPELLING.get(thing.casefold())
    if money := _NEARLY_MONEY.fullmatch(thing):
        size = {"k": "thousand ", "m": "million ", "bn": "bn"}.get(money[1].casefold()[:2] if money[1] else "", "")
        name = money[2].upper().replace("RMB", "CNY").replace("YUAN", "CNY").replace("USCENT", "UScent")
        meant = f"{size}{name.replace('$', 'USD')}{money[3] or ''}"
    if meant is None:
        return UnknownUnitError(f"unit {text!r}: {thing!r} is not known")
    return InputError(f"unit {text!r}: {thing!r} is not known; did you mean {meant!r}?")


@dataclass(frozen=True, slots=True)
class Prices:
    """GDP deflators (any base) of China and the United States and exchange rates, by calendar year."""

    china: Mapping[int, float]
    america: Mapping[int, float]
    cny_per_usd: Mapping[int, float]
    eur_per_usd: Mapping[int, float]

    @classmethod
    def read(cls, folder: Path = DATA) -> Prices:
        """Read the table `deflators` in `folder`; a bad table raises InputError."""
        table = load_table("deflators", folder)

        def by_year(series: str, region: str, unit: str) -> dict[int, float]:
            return {int(year): value for year, value in table.values(series, region, unit).items()}

        return cls(
            china=by_year("gdp_deflator", "China", "index 2020 = 100"),
            america=by_year("gdp_deflator", "United States", "index 2017 = 100"),
            cny_per_usd=by_year("exchange_rate", "China", "CNY per USD"),
            eur_per_usd=by_year("exchange_rate", "Euro area", "EUR per USD"),
        )

    def in_yuan(self, currency: str, base: int, year: int) -> float:
        """Return yuan of 2020 for one `currency` of the year `base` in a figure about `year`.

        `base` is the price year of a real figure and `year` itself for a nominal one. Raises InputError
        for a year without deflator and for money without one (yen; a euro that is not nominal).
        """
        if currency == "CNY":
            return _at(self.china, _CHINA, BASE_YEAR) / _at(self.china, _CHINA, base)
        if currency == "EUR" and base == year:
            return self.in_yuan("USD", base, year) / _at(self.eur_per_usd, "EUR per USD", year)
        if currency != "USD":
            raise UnknownUnitError(f"no way from {currency} of {base} to CNY of {BASE_YEAR}")
        dollars = _at(self.america, _AMERICA, BASE_YEAR) / _at(self.america, _AMERICA, base)
        return dollars * _at(self.cny_per_usd, "CNY per USD", BASE_YEAR)


def _at(values: Mapping[int, float], what: str, year: int) -> float:
    if year not in values:
        raise InputError(f"deflators.csv: {what} runs from {min(values)} to {max(values)}, not to {year}")
    return values[year]


def convert(value: float, year: float, source: Unit, target: Unit, prices: Prices) -> float:
    """Return `value`, a figure about `year` in `source`, in `target`; money must end in CNY2020.

    Raises InputError naming both units when the things counted differ, when only one side is money,
    when the money of `source` states no price base, or when no deflator leads to CNY2020.
    """
    refusal = f"cannot convert {source.text!r} into {target.text!r}"
    if source.powers != target.powers or (source.currency is None) != (target.currency is None):
        raise InputError(f"{refusal}: {_shape(source)} is not {_shape(target)}")
    factor = source.scale / target.scale
    if source.currency is None:
        return value * factor
    if (target.currency, target.price_year) != ("CNY", BASE_YEAR):
        raise InputError(f"{refusal}: the money of the model is CNY{BASE_YEAR}")
    if source.price_year is None:
        raise InputError(f"{refusal}: the price base of {source.currency} is not stated")
    about = math.floor(year)
    base = about if source.price_year == "nominal" else source.price_year
    return value * factor * prices.in_yuan(source.currency, base, about)


def _shape(unit: Unit) -> str:
    things = " ".join(f"{name}^{power}" for name, power in unit.powers)
    return f"{'money ' if unit.currency else ''}{things}".strip() or "a pure number"
