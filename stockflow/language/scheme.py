"""How a time step is taken: the methods of integration as data, read by runs, gradients and clocks alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from stockflow.language.equations import Method


@dataclass(frozen=True, slots=True)
class Scheme:
    """An explicit method: each stage begins `ahead` steps along the rates of the stage before it.

    A step is made of the rates of its stages in `parts`, of their sum.  It has `stride` rows in a table of what
    depends on time alone, and its stages stand in `rows` of them.
    """

    ahead: tuple[float, ...]
    parts: tuple[float, ...]
    rows: tuple[int, ...]
    stride: int

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of each stage in a step."""
        return tuple(part / sum(self.parts) for part in self.parts)


SCHEMES: Mapping[Method, Scheme] = MappingProxyType(
    {
        "Euler": Scheme((0.0,), (1.0,), (0,), 1),
        "RK4": Scheme((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 2.0, 1.0), (0, 1, 1, 2), 2),
    }
)
