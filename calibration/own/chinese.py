"""Chinese words of an own table as the words that the rest of the program knows."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from models.files.settings import SettingsFile

_CHINESE = re.compile("[\u4e00-\u9fff]")
_YEAR = re.compile(r"(\d{4})年(?:不变价|价)?")


class Words(SettingsFile):
    """Names of columns and series, scales and units, by their Chinese words."""

    shipped = Path(__file__).parents[1] / "targets" / "chinese.toml"
    columns: Mapping[str, str]
    series: Mapping[str, str]
    scales: Mapping[str, str]
    units: Mapping[str, str]


@cache
def words() -> Words:
    """Read the words."""
    return Words.load()


def unit(text: str) -> str:
    """Return a unit in the words that `parse_unit` knows; what holds no Chinese, or an unknown word, stays.

    2020年元/千瓦 becomes CNY2020/kW, 万辆/年 becomes 10^4 vehicle/year.
    """
    if not _CHINESE.search(text):
        return text
    year = _YEAR.search(text)
    parts = _YEAR.sub("", text).replace("每", "/").strip().split("/")
    told = [_part(part.strip(), year[1] if year else "") for part in parts]
    return text if None in told else "/".join(str(one) for one in told)


def _part(text: str, year: str) -> str | None:
    """One thing with its scale: 万千瓦 is 10^4 kW; None for a word that is not known."""
    known = words()
    if text in known.units:
        name = known.units[text]
        return name + (year if re.fullmatch("[A-Z]{3}", name) else "")
    for word, scale in known.scales.items():
        if text.startswith(word) and (rest := _part(text.removeprefix(word), year)) is not None:
            return f"{scale} {rest}"
    return None
