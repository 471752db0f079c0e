"""Ranges of subscripts: which elements they have, and which element of one stands for one of another."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from stockflow.errors import unknown
from stockflow.language.definition import MOST_ELEMENTS, TooLarge
from stockflow.language.tree import Refused
from stockflow.names import plain

#: which element each range stands for, both as compared names
Bindings = Mapping[str, str]
# of names that are near an unknown one: how often they are looked for, and among how many
_MOST_HINTS, _MOST_COMPARED = 20, 100_000


class Ranges:
    """All ranges of a model, by compared names.

    `members` may name ranges inside ranges.  `mappings` are (range, other range, pairs of elements);
    pairs left empty join the elements in order.  `apart` are ranges of XMILE: each counts its elements by itself, also
    where others have some of the same name.
    """

    def __init__(
        self,
        members: Mapping[str, Sequence[str]],
        mappings: Iterable[tuple[str, str, Sequence[tuple[str, str]]]] = (),
        apart: bool = False,
    ) -> None:
        self._spent = self._asked = 0
        self._apart = apart
        self.spelling: dict[str, str] = {}
        for one in itertools.chain(members, *members.values()):
            self.spelling.setdefault(plain(one), one.strip('"'))
        self._given = {plain(name): [plain(one) for one in inside] for name, inside in members.items()}
        # a range may name an element twice: it has it once, but what is mapped to it in order meets it twice
        self._listed = self._flat()
        self.members = {name: tuple(dict.fromkeys(inside)) for name, inside in self._listed.items()}
        self._elements = {one for inside in self.members.values() for one in inside}
        self._places = {name: {one: at for at, one in enumerate(inside)} for name, inside in self.members.items()}
        # where each element stands in the largest range that holds it, the first one named of several as large
        self._ranks: dict[str, int] = {}
        for name in sorted(self.members, key=lambda one: -len(self.members[one])):
            for one, at in self._places[name].items():
                self._ranks.setdefault(one, at)
        self._stands_for: dict[str, dict[str, set[str]]] = {name: {} for name in self.members}
        for name, other, pairs in mappings:
            self._join(plain(name), plain(other), pairs)

    def _flat(self) -> dict[str, list[str]]:
        """Return the elements of every range, those of ranges inside it where these stand."""
        try:
            order = tuple(TopologicalSorter(self._given).static_order())
        except CycleError as error:
            raise Refused([f"range {self.spelling[error.args[1][0]]!r} inside itself"]) from error
        flat: dict[str, list[str]] = {}
        for name in order:
            if name in self._given:
                inside = [flat.get(one, [one]) for one in self._given[name]]
                self._spend(sum(map(len, inside)))
                flat[name] = list(itertools.chain.from_iterable(inside))
        return {name: flat[name] for name in self._given}

    def _spend(self, count: int) -> None:
        """Count elements of ranges and of mappings; TooLarge if there are too many."""
        self._spent += count
        if self._spent > 2 * MOST_ELEMENTS:
            raise TooLarge(f"ranges and mappings of more than {2 * MOST_ELEMENTS} elements")

    def _join(self, name: str, other: str, pairs: Sequence[tuple[str, str]]) -> None:
        for one in (name, other):
            if one not in self.members:
                raise self.unknown("range", one, self.spelling)
        if not pairs:
            if len(self._listed[name]) != len(self._listed[other]):
                raise Refused([f"mapping of {self.spelling[name]!r} to {self.spelling[other]!r} of another size"])
            pairs = list(zip(self._listed[name], self._listed[other], strict=True))
        for left, right in pairs:
            inside = self.members.get(plain(right), (plain(right),))
            self._spend(len(inside))
            for one in inside:
                if one not in self._elements:
                    raise self.unknown("subscript", right, self.spelling)
                self._stands_for[name].setdefault(one, set()).add(plain(left))
                self._stands_for[other].setdefault(plain(left), set()).add(one)

    def unknown(self, kind: str, name: str, known: Mapping[str, str]) -> Refused:
        """Return the refusal of an unknown name; for the first ones, which are told, with the nearest of `known`."""
        self._asked += 1
        near = itertools.islice(known.values(), _MOST_COMPARED if self._asked <= _MOST_HINTS else 0)
        return Refused([str(unknown(kind, name, near))])

    def known(self, subscript: str) -> bool:
        """Say whether a compared name is a range or an element."""
        return subscript in self.members or subscript in self._elements

    def choices(self, subscript: str) -> tuple[str, ...]:
        """Return the elements a subscript on a left side runs over."""
        key = plain(subscript)
        if not self.known(key):
            raise self.unknown("subscript", subscript, self.spelling)
        return self.members.get(key, (key,))

    def element(self, subscript: str, bound: Bindings) -> str:
        """Return the element that a subscript on a right side means; Refused if it means none or several."""
        key = plain(subscript)
        if key in bound:
            return bound[key]
        if key.endswith("!") or not self.known(key):
            raise self.unknown("subscript", subscript, self.spelling)
        if key not in self.members:
            return key
        for element in bound.values():
            found = self._stands_for[key].get(element, ())
            if len(found) == 1:
                return next(iter(found))
            if found:
                raise Refused([f"mapping of {self.spelling[element]!r} to several elements of {subscript!r}"])
        inside = {element for element in bound.values() if element in self._places[key]}
        if len(inside) == 1:
            return inside.pop()
        raise Refused([f"subscript {subscript!r}, which the left side does not decide"])

    def position(self, name: str, bound: Bindings) -> int | None:
        """Return the place, from 1, of an element in the largest range that holds it; None for another name.

        Of ranges apart it is the place in the range that is named, whose element may follow after a point.
        """
        key = plain(name)
        if self._apart and not self.known(key):
            range_, _, element = key.rpartition(".")
            place = self._places.get(range_, {}).get(element)
            return None if place is None else place + 1
        if not self.known(key):
            return None
        element = self.element(key, bound)
        return 1 + (self._places[key][element] if self._apart and key in self.members else self.rank(element))

    def numbered(self, name: str, subscript: str) -> str:
        """Return the element that a subscript gives by its place, from 1, or as `range.element`; others as they are."""
        inside = self.members.get(plain(name), ())
        range_, point, element = plain(subscript).rpartition(".")
        if self._apart and point and not self.known(plain(subscript)) and element in self._places.get(range_, {}):
            return element
        if not subscript.isdecimal() or subscript in inside or not 1 <= int(subscript) <= len(inside):
            return subscript
        return inside[int(subscript) - 1]

    def counts_alike(self, name: str) -> bool:
        """Say whether each element of a range has the same place in it and in the largest range that holds it."""
        return all(at == self.rank(one) for one, at in self._places.get(plain(name), {}).items())

    def rank(self, element: str) -> int:
        """Return the place, from 0, of an element in the largest range that holds it."""
        return self._ranks.get(element, 0)

    def row(self, subscripts: Sequence[str], elements: Sequence[str]) -> tuple[list[int], int]:
        """Return how many choices each subscript has, and the place, from 0, of some elements in their rows."""
        sizes, place = [len(self.choices(one)) for one in subscripts], 0
        for subscript, size, here in zip(subscripts, sizes, elements, strict=True):
            place = place * size + self._places.get(plain(subscript), {}).get(here, 0)
        return sizes, place

    def label(self, name: str, elements: Sequence[str]) -> str:
        """Return the display name of an element of an array."""
        return f"{name}[{','.join([self.spelling[one] for one in elements])}]" if elements else name
