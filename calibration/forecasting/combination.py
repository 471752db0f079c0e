"""Forecasts made of forecasts, by rules named in advance: nothing is learnt, and nothing chosen by what came.

The combination offered to users is half the model and half a reference. The equal-weight pool of all naive forecasts
stands beside it as what somebody without a model would take.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from calibration.forecasting.scores import COMBINED, MODEL, POOL
from calibration.forecasting.settings import Kind
from stockflow.arrays import Array

REFERENCES: Mapping[Kind, str] = {"cost": "Wright's law", "flow": "Gompertz", "level": "Gompertz"}
ELSE = "Moore's law"  # the reference of any series whose own one could not be made


def reference(kind: Kind, forecasters: Collection[str]) -> str | None:
    """Name the reference of a series among the `forecasters` there are: that of its kind, else Moore's law."""
    return next((who for who in (REFERENCES[kind], ELSE) if who in forecasters), None)


def quantile_average(first: Array, second: Array) -> Array:
    """Average two forecasts half and half in quantiles of the logarithm; takes and returns draws (draw, year).

    Year by year, the k-th smallest draw is the geometric mean of the k-th smallest of both, which must have as many
    (Vincentization: Ratcliff 1979, Psychological Bulletin 86: 446-461; Lichtendahl, Grushka-Cockayne and Winkler 2013,
    Management Science 59: 1594-1611). Draws stay paths: each takes, in every year, the place that the draw of `first`
    has among its own.
    """
    places = np.argsort(np.argsort(first, axis=0, kind="stable"), axis=0, kind="stable")
    return np.asarray(np.sqrt(first * np.take_along_axis(np.sort(second, axis=0), places, axis=0)))


def with_mixtures(
    draws: Mapping[str, Array], absent: Mapping[str, str], kind: Kind
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return `draws` of the model and the naive forecasts with the combination and the pool; and what is `absent`, why.

    The pool is linear, with equal weights: the draws of all naive forecasts, of which each has as many.
    """
    naive = {who: values for who, values in draws.items() if who != MODEL}
    mixed: dict[str, Array] = {}
    missing = dict(absent)
    if (other := reference(kind, naive)) is not None:
        mixed[COMBINED] = quantile_average(draws[MODEL], naive[other])
    else:
        reasons = {who: absent.get(who, "nothing is known that it could follow") for who in (REFERENCES[kind], ELSE)}
        missing[COMBINED] = "; ".join(f"no {who}: {why}" for who, why in reasons.items())
    if naive:
        mixed[POOL] = np.concatenate(list(naive.values()))
    return {**draws, **mixed}, missing
