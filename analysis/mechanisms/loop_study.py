"""The study file of loops: named paths of variables, what cuts each, and the settings of every case."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from analysis.draws.generic import CaseStudies, entry_of
from models.files.casefile import CaseName
from models.files.settings import Strict, Within, Year
from stockflow.errors import InputError

STUDY = Path(__file__).parent.parent / "studies" / "loops.toml"
ALL = "all"
Held = Mapping[str, float | str]


class Takeover(Strict):
    """Years in which cutting the learning loop and taking support away are compared; `window` years of sales each.

    `other_windows` are looked at beside it, since the answer depends on it.
    """

    first: Year
    last: Year
    window: Annotated[float, Field(gt=0, le=20)]
    other_windows: tuple[Annotated[float, Field(gt=0, le=20)], ...] = ()


class LoopCase(Strict):
    """One case: last year of its runs, year from which loops are cut, years drawn, what support and learning are."""

    until: Year
    since: Year
    shown: tuple[Year, Year]
    support: Held
    learning: Held
    takeover: Takeover


class Research(Strict):
    """What is lowered, by which factor, to see what output owes to firms' research, and what surveys find."""

    intensity: str
    spending: str
    obsolescence: str
    factor: Annotated[float, Field(gt=0, lt=1)]
    low: float
    high: float


class Look(Strict):
    """How a loop is drawn in every figure."""

    colour: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    hatch: Annotated[str, Field(pattern=r"^[-/.x\\]*$")] = ""


class NamedLoop(Strict):
    """A loop as people speak of it: one or more paths of variables, the sign expected, its look, and what cuts it.

    `cut` gives what is held (see `runs.held`) by case or for all; a loop without it says why in `not_cut`.
    """

    name: str
    polarity: Literal["reinforcing", "balancing", "changing"]
    meaning: Annotated[str, Field(min_length=5)]
    look: Look
    paths: Annotated[tuple[tuple[str, ...], ...], Field(min_length=1)]
    cases: tuple[CaseName, ...] | None = None
    since: Literal["start", "case"] = "case"
    cut: Mapping[str, Held] = Field(default_factory=dict)
    not_cut: str = ""

    @model_validator(mode="after")
    def _cut_or_said_why(self) -> Self:
        if bool(self.cut) == bool(self.not_cut):
            raise ValueError(f"loop {self.name!r} needs either a cut or a reason in not_cut")
        return self

    def cut_of(self, case: str) -> Held:
        """Return what is held to cut this loop in a case; empty if it is not cut."""
        return self.cut.get(case, self.cut.get(ALL, {}))


class LoopStudy(CaseStudies[LoopCase]):
    """The whole study file."""

    shipped = STUDY
    draws: Annotated[int, Field(ge=2, le=2000)]
    dominant: Within
    compared_draws: Annotated[int, Field(ge=1, le=2000)]
    research: Research
    segments: Mapping[str, Mapping[str, tuple[str, ...]]]
    loops: Annotated[tuple[NamedLoop, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [loop.name for loop in self.loops]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two loops are called {twice[0]!r}")
        for loop in self.loops:
            for part in chain.from_iterable(loop.paths):
                if _segment(part) not in (None, *self.segments):
                    raise ValueError(f"loop {loop.name!r}: there is no segment {part}")
        return self

    def loops_of(self, case: str) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Return the paths of every loop that a case has, written out, by name."""
        found, case = {}, entry_of(case, self.cases)
        for loop in self.loops:
            paths = [whole for path in loop.paths if (whole := self._whole(path, case)) is not None]
            if (loop.cases is None or case in loop.cases) and paths:
                found[loop.name] = tuple(paths)
        return found

    def looks(self) -> dict[str, Look]:
        """Return how every loop is drawn, by name."""
        return {loop.name: loop.look for loop in self.loops}

    def named(self, name: str) -> NamedLoop:
        """Return a loop by its name."""
        return next(loop for loop in self.loops if loop.name == name)

    def _whole(self, path: tuple[str, ...], case: str, depth: int = 0) -> tuple[str, ...] | None:
        """Write segments out; None if the case has none of one."""
        if depth > 5:
            raise InputError(f"{STUDY.name}: segments contain each other: {path[0]}")
        out: list[str] = []
        for part in path:
            segment = _segment(part)
            if segment is None:
                out.append(part)
                continue
            by_case = self.segments[segment]
            members = by_case.get(case, by_case.get(ALL))
            whole = None if members is None else self._whole(members, case, depth + 1)
            if whole is None:
                return None
            out += whole
        return tuple(out)


def single_paths(loops: Mapping[str, tuple[tuple[str, ...], ...]]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield loop, name of the path and path, for every path of every loop."""
    for name, paths in loops.items():
        for number, path in enumerate(paths):
            yield name, name if len(paths) == 1 else f"{name} ({number + 1})", path


def _segment(part: str) -> str | None:
    return part[1:-1] if part.startswith("<") and part.endswith(">") else None
