"""Units as each language has them: what 1 of a unit of the model is in the unit that is customary, and its name."""

import re
from math import log10

from analysis.plain.language import language, term, worded

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
# and how the name of the Chinese unit begins, and that of the unit itself
SIZES = {10.0: ("", "十"), 100.0: ("", "百"), 0.1: ("万", "千"), 0.01: ("亿", "百万")}
_PRICED = re.compile(r"([A-Z]{3})(\d{4})(/.+)")  # "USD2022/MWh"
_MEASURED = re.compile(r"([-+]?[\d.]+) (\S+?)(?: (from \d+))?")  # "0.2 bnCNY/Year from 1995"


def customary(unit: str) -> tuple[float, str]:
    """Return what a value in `unit` is multiplied by where it is shown, and the unit it then has, in words."""
    if language() == "en" or unit not in CUSTOMARY:
        return 1.0, beside_numbers(unit)
    return CUSTOMARY[unit], term(unit)


def decimals(digits: int, unit: str) -> int:
    """Return with how many decimals a value is shown that has `digits` of them in the unit of the model."""
    return max(0, digits - round(log10(customary(unit)[0])))


def beside_numbers(text: str) -> str:
    """Return a text in words beside numbers that stay as they are: a unit has a name of its own size, part by part."""
    if language() == "en" or not re.search("[A-Za-z]", text):  # a number alone would be read as a year
        return text
    told = term(text)
    if text in CUSTOMARY:
        larger, own = SIZES[CUSTOMARY[text]]
        return own + told.removeprefix(larger)
    if told != text:
        return told
    if (found := _PRICED.fullmatch(text)) is not None and (money := beside_numbers(found[1] + found[3])) != text:
        return worded("{unit} in prices of {year}", unit=money, year=found[2])
    if (found := _MEASURED.fullmatch(text)) is not None:
        value, unit, since = found.groups()
        said = value if unit == "Dmnl" else worded("{value} {unit}", value=value, unit=beside_numbers(unit))
        return worded("{head}, {rest}", head=said, rest=term(since)) if since else said
    if len(each := re.split("[/*]", text)) > 1:
        parts = {one: beside_numbers(one if one != "year" else "Year") for one in each}
        if all(one != named or one == "1" for one, named in parts.items()):
            return re.sub("[^/*]+", lambda part: parts[part[0]], text)
    return text
