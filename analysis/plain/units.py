"""Units as each language has them: what 1 of a unit of the model is in the unit that is customary, and its name."""

from math import log10

from analysis.plain.language import language, term

# how many of the Chinese unit 1 of the unit is, where the sizes differ; names stand in the catalogue
CUSTOMARY = {
    "bnCNY": 10.0, "bnCNY/year": 10.0, "bnCNY/Year": 10.0, "bn CNY of 2020": 10.0, "bn CNY of 2020 a year": 10.0,
    "bnCNY2020/Year": 10.0, "thousand CNY": 0.1, "thousand CNY/vehicle": 0.1, "thousand CNY per vehicle": 0.1,
    "bnCNY per million vehicles (thousand CNY of 2020 per vehicle)": 0.1, "thousand CNY2020": 0.1,
    "million": 100.0, "million/year": 100.0, "million vehicles": 100.0, "million vehicles/Year": 100.0,
    "million cars a year": 100.0, "million charging points": 100.0, "million chips a year": 0.01,
    "million chips/Year": 0.01, "million doses": 0.01, "million doses a year": 0.01, "million doses/Year": 0.01,
    "thousand transistors": 0.1, "thousand transistors/chip": 0.1,
}  # fmt: skip


def customary(unit: str) -> tuple[float, str]:
    """Return what a value in `unit` is multiplied by where it is shown, and the unit it then has, in words."""
    if language() == "en" or unit == "1":  # a number alone would be read as a year
        return 1.0, unit
    return CUSTOMARY.get(unit, 1.0), term(unit)


def decimals(digits: int, unit: str) -> int:
    """Return with how many decimals a value is shown that has `digits` of them in the unit of the model."""
    return max(0, digits - round(log10(customary(unit)[0])))


def beside_numbers(text: str) -> str:
    """Return a text in words beside numbers that stay as they are: a unit of another size is not renamed."""
    return term(text) if text not in CUSTOMARY else text
