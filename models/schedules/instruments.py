"""The instruments of support that a schedule can change, and which variables of which case each one moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stockflow.errors import InputError, unknown


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument of one case.

    `variable` is the path it moves, in `unit`, at most `most`; `announced` is what buyers see of it ahead. `over` is
    the value above which it is support: the tariff of coal power for a feed-in tariff, nothing for the others. `money`
    is what it costs the state in bnCNY/Year. A share of the price is turned into its unit through `price`, and no
    buyer's price falls below zero: `price` also bounds it, shared with what `beside` adds to each of its yuan.
    `budget` is the yearly money that pays it, where the model has one. `to_buyers` says whether it is what a buyer is
    given: ending support ends these, unless a schedule says otherwise.
    """

    name: str
    variable: str
    unit: str
    words: str
    money: str = ""
    announced: str = ""
    over: str = ""
    price: str = ""
    beside: str = ""
    budget: str = ""
    most: float | None = None
    to_buyers: bool = False


_COMMON = (
    Instrument("public procurement", "public procurement", "unit/Year", "vehicles or plants that the state buys",
               money="procurement outlay"),
    Instrument("infrastructure", "infrastructure subsidy spending", "bnCNY/Year",
               "public money for charging or for grid connection", money="infrastructure subsidy spending"),
    Instrument("applied research", "public applied RD", "bnCNY/Year", "public money for applied research",
               money="public applied RD"),
    Instrument("basic research", "public basic RD", "bnCNY/Year", "public money for fundamental research",
               money="public basic RD"),
    Instrument("demonstration", "demonstration funding", "bnCNY/Year", "public money for demonstration projects",
               money="demonstration funding"),
)  # fmt: skip
_NEV = (
    Instrument("purchase subsidy", "central subsidy", "bnCNY/unit", "central purchase subsidy per vehicle",
               money="paid support", announced="announced central subsidy", price="Price",
               beside="local subsidy ratio", budget="support budget", to_buyers=True),
    Instrument("local subsidy", "local subsidy ratio", "Dmnl", "local subsidy as a share of the central one",
               money="paid support"),
    Instrument("tax exemption", "tax exemption", "Dmnl", "share of the purchase tax that buyers are spared",
               money="tax expenditure", most=1.0, to_buyers=True),
    Instrument("credit requirement", "credit requirement", "Dmnl",
               "credits that makers owe as a share of petrol cars sold", most=1.0),
)  # fmt: skip
_PV = (
    Instrument("feed-in premium", "feed in tariff", "bnCNY/TWh",
               "tariff of ground-mounted plants; what is above the tariff of coal power is the premium",
               money="paid support", announced="announced tariff", over="coal tariff", price="LCOE",
               budget="support budget", to_buyers=True),
    Instrument("distributed premium", "distributed premium", "bnCNY/TWh", "subsidy per kilowatt-hour from roofs",
               money="paid support", price="LCOE", to_buyers=True),
    Instrument("surcharge", "surcharge rate", "bnCNY/TWh", "surcharge on electricity that pays the premiums"),
)  # fmt: skip
_GENERIC = (
    Instrument("purchase subsidy", "subsidy per unit", "bnCNY/unit", "subsidy for each unit bought",
               money="paid support", announced="announced subsidy per unit", price="Price", budget="support budget",
               to_buyers=True),
    Instrument("tax relief", "tax relief", "Dmnl", "share of the purchase tax that buyers are spared",
               money="tax expenditure", most=1.0, to_buyers=True),
)  # fmt: skip
_OWN = {"nev": _NEV, "pv": _PV, "generic": _GENERIC}  # generic: every technology of the user's own
INSTRUMENTS: Mapping[str, Mapping[str, Instrument]] = MappingProxyType(
    {case: MappingProxyType({one.name: one for one in (*own, *_COMMON)}) for case, own in _OWN.items()}
)


def instruments(case: str, place: str = "") -> Mapping[str, Instrument]:
    """Return the instruments of a case by name; InputError for a case without any, at `place`."""
    if case not in INSTRUMENTS:
        raise unknown("case with schedules", case, INSTRUMENTS, place, listed=True)
    return INSTRUMENTS[case]


def instrument(case: str, name: str, place: str = "") -> Instrument:
    """Return an instrument; InputError, at `place`, for one that no case has and for one that this case has not."""
    own = instruments(case, place)
    if name in own:
        return own[name]
    having = [other for other, theirs in INSTRUMENTS.items() if name in theirs]
    if having:
        start = f"{place}: " if place else ""
        raise InputError(f"{start}case {case!r} has no {name!r}, only {' and '.join(map(repr, having))} has")
    raise unknown("instrument", name, own, place)
