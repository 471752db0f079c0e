"""A model small enough to check by hand, with observations and payoffs made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import stockflow
from calibration.fitting import posterior
from calibration.fitting.coordinates import Coordinate
from calibration.fitting.payoff import FittedSeries, Payoff
from calibration.fitting.targets import EffectTarget, EventTarget, Prior, RangeTarget, SeriesTarget
from calibration.observed.observations import Source

GROWTH = """{UTF-8}
growth rate= 0.2 ~ 1/Year [0,1] ~ Share added per year; leaves out everything else. |
support= 1 ~ Dmnl [0,1] ~ Half of the growth is due to support while this is one. |
initial size= 2 ~ unit ~ Where the stock starts. |
inflow= Size*growth rate*(0.5+0.5*support) ~ unit/Year ~ Growth. |
Size= INTEG ( inflow, initial size) ~ unit ~ What grows. |
price= 10/Size^0.3 ~ unit ~ What falls with size. |
logarithm of room= LN(1000-Size) ~ Dmnl ~ Undefined once the stock has passed 1000. |
FINAL TIME= 2020 ~ Year ~ End. |
INITIAL TIME= 2000 ~ Year ~ Start. |
SAVEPER= 0.25 ~ Year ~ Save. |
TIME STEP= 0.03125 ~ Year ~ Step. |
"""
SOURCE = Source(table="t", series="s", region="r", unit="u", first_year=2000, last_year=2019)
YEARS = np.arange(2000, 2020)
GAPS_IN_PRICES = np.array([2000, 2001, 2004, 2005, 2009])
RATES = Coordinate("growth rate", Prior(shape="lognormal", centre=0.1, spread=1.0, source="test"), 0.001, 0.9)
SIZES = Coordinate("initial size", Prior(shape="normal", centre=2.0, spread=1.0, source="test"), 0.1, 9.0)


def growth_model(folder: Path) -> stockflow.Model:
    """The model of growth: Size = 2 (1 + rate/32)^(32 years)."""
    file = folder / "growth.mdl"
    file.write_text(GROWTH, encoding="utf-8")
    return stockflow.load(file)


def size(rate: float, years: float, start: float = 2.0) -> float:
    """Its stock after so many years, as the time step has it."""
    return float(start * (1 + rate / 32) ** (32 * years))


def series_target(name: str = "size", quantity: str = "Size", measure: str = "year end") -> SeriesTarget:
    """Observations of a quantity, expected to be off by 10%."""
    return SeriesTarget(
        name=name, quantity=quantity, measure=measure, unit="unit", sigma=0.1, first_year=2000, last_year=2019,
        scope="made by the model itself", sources=(SOURCE,),
    )  # fmt: skip


def series(rate: float = 0.3, noise: float = 0.0, seed: int = 0, years: NDArray[np.int64] = YEARS) -> FittedSeries:
    """Sizes at the ends of years, off by independent normal errors of the logarithm."""
    error = np.random.default_rng(seed).normal(0, 1, len(years)) * noise
    values = np.array([size(rate, year + 1 - 2000) for year in years]) * np.exp(error)
    return FittedSeries(series_target(), years, values, np.full(len(years), 0.1))


def prices(years: NDArray[np.int64], doubtful: NDArray[np.bool_]) -> FittedSeries:
    """Prices in the middle of years around 5, doubtful ones with twice the error."""
    values = 5.0 * np.exp(0.1 * np.sin(np.arange(len(years))))
    return FittedSeries(series_target("price", "price", "mid year"), years, values, np.where(doubtful, 0.2, 0.1))


EVENT = EventTarget(name="doubled", quantity="Size", level=4.0, year=2005, sd=0.7, source="test")
NEVER = EventTarget(name="giant", quantity="Size", level=1e4, year=2010, sd=2.0, source="test")
EFFECT = EffectTarget(
    name="lost without support", quantity="Size", first_year=2000, last_year=2010, without={"support": 0.0}, value=0.5,
    sd=0.1, known_from=2011, source="test",
)  # fmt: skip

STEP = EffectTarget(
    name="growth across 2005", quantity="Size", first_year=2003, last_year=2005, then=(2005, 2007), value=-0.3, sd=0.2,
    known_from=2007, source="test",
)  # fmt: skip


def stated(name: str, **given: object) -> RangeTarget:
    """A range of the price, 2003 to 2008, unless told otherwise."""
    usual = {"quantity": "price", "kind": "mean", "first_year": 2003, "last_year": 2008, "width": 0.3, "source": "test"}
    return RangeTarget.model_validate({"name": name, **usual, **given})


RANGES = (
    stated("mean price", low=5.0, high=7.0),
    stated("price at most", high=6.5),
    stated("fall of the price", kind="fall", measure="year end", low=0.2, width=0.05),
    stated("least size", quantity="Size", kind="lowest", first_year=2004, last_year=2006, low=3.0, high=4.0),
    stated("mean growth", quantity="Size", measure="yearly difference", low=0.5, high=1.0),
)


def whole_payoff(model: stockflow.Model) -> Payoff:
    """Everything that a payoff can hold: two series with gaps and multipliers, dates, effects, ranges."""
    doubtful = np.array([True, True, False, False, True])
    sizes = series(noise=0.1, years=np.array([2001, 2002, 2006]))
    observed = (sizes, prices(GAPS_IN_PRICES, doubtful))
    return Payoff(model, (RATES, SIZES), observed, (EVENT, NEVER), (EFFECT, STEP), RANGES)


def shallow(patch: pytest.MonkeyPatch) -> None:
    """Let chains take at most 15 steps a draw: enough for plumbing, where no rule asks how well they mix."""
    nutpie, given = posterior._sampler()
    patch.setattr(posterior, "_sampler", lambda: (nutpie, {**given, "maxdepth": 4}))
