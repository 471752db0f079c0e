"""Operations on all elements of a range at once, written out element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from stockflow.language.equations import Expression, Number, Operation
from stockflow.language.operations import MISSING
from stockflow.language.tree import Refused

_ZERO, _ONE = Number(0.0), Number(1.0)
# how VECTOR SELECT joins values, and what changes nothing in that, by action; 6 to 10 join as 0 to 4 do
_SELECTED = (("+", 0.0), ("*", 1.0), ("min", math.inf), ("max", -math.inf), ("+", 0.0), ("*", 1.0))
ACTIONS = 11


def joined(operator: str, parts: Sequence[Expression]) -> Expression:
    """Join parts by an associative operation, as a shallow tree."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return Operation(operator, (joined(operator, parts[:half]), joined(operator, parts[half:])))


def choice(condition: Expression, yes: Expression, no: Expression) -> Expression:
    """Return IF THEN ELSE."""
    return Operation("if then else", (condition, yes, no))


def select(
    selection: Sequence[Expression],
    values: Sequence[Expression],
    missing: Expression,
    action: int,
    error: int,
    swapped: bool = False,
) -> Expression:
    """VECTOR SELECT: one number from the values whose selection is not 0, or `missing` if there are none.

    Actions 0 to 5 weigh the values by their selection and 6 to 10 do not: sum, product, smallest, largest, mean; 5
    multiplies selections to the power of the values, or the reverse if `swapped`.  The error action lets a run fail
    where nothing is selected (1), more than one element (2), or either (3).  Raises Refused for another action.
    """
    if not 0 <= action < ACTIONS:
        raise Refused([f"VECTOR SELECT with the action {action}"])
    chosen = [Operation("<>", (one, _ZERO)) for one in selection]
    if action < 5:
        values = [Operation("*", pair) for pair in zip(selection, values, strict=True)]
    elif action == 5:
        powers = (values, selection) if swapped else (selection, values)
        values = [Operation("^", pair) for pair in zip(*powers, strict=True)]
    operator, neutral = _SELECTED[action % 6]
    kept = [choice(one, value, Number(neutral)) for one, value in zip(chosen, values, strict=True)]
    result = joined(operator, kept)
    count = joined("+", [choice(one, _ONE, _ZERO) for one in chosen])
    if action in {4, 10}:
        result = Operation("/", (result, count))
    if error in {2, 3}:
        result = choice(Operation(">", (count, _ONE)), Number(math.nan), result)
    return choice(joined("or", chosen), result, Number(math.nan) if error in {1, 3} else missing)


def rank(values: Sequence[Expression], place: int, direction: Expression) -> Expression:
    """VECTOR RANK: the place, from 1, of one value among all; equal ones keep their order.

    A direction above 0 counts from the smallest; otherwise everything is turned round.
    """
    own = values[place]
    # an earlier equal value goes first
    signs = (("<=" if other < place else "<", value) for other, value in enumerate(values) if other != place)
    up = joined("+", [_ONE, *(choice(Operation(sign, (value, own)), _ONE, _ZERO) for sign, value in signs)])
    down = Operation("-", (Number(float(len(values) + 1)), up))
    return choice(Operation(">", (direction, _ZERO)), up, down)


def sort_order(ranks: Sequence[Expression], place: int) -> Expression:
    """VECTOR SORT ORDER: which element, from 0, has the rank that belongs to a place."""
    wanted = Number(float(place + 1))
    return joined(
        "+", [choice(Operation("=", (one, wanted)), Number(float(at)), _ZERO) for at, one in enumerate(ranks)]
    )


def picked(values: Sequence[Expression], index: Expression) -> Expression:
    """The value at a place counted from 0, missing if there is no such place."""
    result: Expression = Number(math.nan)
    for at, value in enumerate(values):
        result = choice(Operation("=", (index, Number(float(at)))), value, result)
    return result


def element(values: Sequence[Expression], index: Expression) -> Expression:
    """The value at a place counted from 0, `:NA:` if there is no such place; a shallow tree, however many there are."""
    kept = [choice(Operation("=", (index, Number(float(at)))), value, _ZERO) for at, value in enumerate(values)]
    before, after = Operation("<", (index, _ZERO)), Operation(">=", (index, Number(float(len(values)))))
    return choice(Operation("or", (before, after)), Number(MISSING), joined("+", kept))


def between(values: Sequence[Expression], index: Expression) -> Expression:
    """The value at a place counted from 0, on the line between neighbours."""
    apart = [Operation("abs", (Operation("-", (index, Number(float(at)))),)) for at in range(len(values))]
    shares = [Operation("max", (_ZERO, Operation("-", (_ONE, one)))) for one in apart]
    return joined("+", [Operation("*", pair) for pair in zip(shares, values, strict=True)])


def floor(value: Expression) -> Expression:
    """The next whole number at or below a value."""
    whole = Operation("integer", (value,))
    return Operation("-", (whole, choice(Operation("<", (value, whole)), _ONE, _ZERO)))


def remainder(value: Expression, divisor: Expression) -> Expression:
    """MOD: what is left of a value above the next whole multiple of a divisor; never below 0."""
    size = Operation("abs", (divisor,))
    return Operation("-", (value, Operation("*", (size, floor(Operation("/", (value, size)))))))


def received(request: Expression, priority: Expression, width: Expression, price: Expression) -> Expression:
    """What a claim gets at a price: nothing above its priority, all of it from `width` below on."""
    share = Operation("/", (Operation("-", (priority, price)), width))
    return Operation("*", (request, Operation("max", (_ZERO, Operation("min", (_ONE, share))))))


def clearing_price(totals: Sequence[Expression], prices: Sequence[Expression], supply: Expression) -> Expression:
    """The price at which a supply is used up, from the totals taken at the prices where claims begin or end.

    Between neighbouring ones of these prices the total is linear.
    """
    enough = [Operation(">=", (one, supply)) for one in totals]
    little = [Operation("<=", (one, supply)) for one in totals]

    def edge(operator: str, which: Sequence[Expression], values: Sequence[Expression], neutral: float) -> Expression:
        return joined(operator, [choice(one, value, Number(neutral)) for one, value in zip(which, values, strict=True)])

    low, high = edge("max", enough, prices, -math.inf), edge("min", little, prices, math.inf)
    most, least = edge("min", enough, totals, math.inf), edge("max", little, totals, -math.inf)
    part = Operation("/", (Operation("-", (most, supply)), Operation("-", (most, least))))
    between = Operation("+", (low, Operation("*", (part, Operation("-", (high, low))))))
    return choice(Operation("=", (most, least)), low, between)


def inverse(keep: Callable[[Expression], Expression], matrix: Sequence[Sequence[Expression]]) -> list[list[Expression]]:
    """The inverse of a square matrix, by elimination with the largest number of each column; `keep` names a part."""
    count = len(matrix)
    rows = [[*row, *(_ONE if at == column else _ZERO for column in range(count))] for at, row in enumerate(matrix)]
    for at in range(count):
        for below in range(at + 1, count):
            sizes = (Operation("abs", (rows[one][at],)) for one in (below, at))
            larger = keep(Operation(">", tuple(sizes)))
            pairs = list(zip(rows[at], rows[below], strict=True))
            rows[at] = [keep(choice(larger, other, one)) if other != one else one for one, other in pairs]
            rows[below] = [keep(choice(larger, one, other)) if other != one else one for one, other in pairs]
        first = rows[at][at]
        rows[at] = [keep(Operation("/", (one, first))) for one in rows[at]]
        for other in range(count):
            if other != at:
                part = rows[other][at]
                pairs = list(zip(rows[other], rows[at], strict=True))
                rows[other] = [keep(Operation("-", (one, Operation("*", (part, two))))) for one, two in pairs]
    return [row[count:] for row in rows]
