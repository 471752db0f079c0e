"""Signs between the parts of an expression, in the order in which Vensim and XMILE apply them."""

from __future__ import annotations

from collections.abc import Sequence

from stockflow.language.equations import Expression, Number, Operation
from stockflow.language.vectors import joined

# longer sums are written as a shallow tree, which no stack is too small for
_LONG = 64


def arithmetic(operators: Sequence[str], values: list[Expression]) -> Expression:
    """Join values by operators of one precedence: sums and products from the left, powers from the right."""
    if operators[0] == "negative":
        return Operation("negative", (values[0],))
    if operators[0] == "^":
        return _power(values)
    if len(values) > _LONG and set(operators) <= {"+", "-"}:
        signed = [
            Operation("negative", (one,)) if sign == "-" else one
            for sign, one in zip(["+", *operators], values, strict=True)
        ]
        return joined("+", signed)
    result = values[0]
    for operator, value in zip(operators, values[1:], strict=True):
        result = Operation(operator, (result, value))
    return result


def _power(values: list[Expression]) -> Expression:
    """Take powers from the right; the sign of a literal base belongs to the result.

    A base that was in parentheses with its sign is a difference by now, not a literal.
    """
    base = values[0]
    negative = isinstance(base, Number) and base.value < 0
    first = Number(-base.value) if isinstance(base, Number) and negative else base
    *others, result = [first, *values[1:]]
    for value in reversed(others):
        result = Operation("^", (value, result))
    return Operation("negative", (result,)) if negative else result


def logic(operators: Sequence[str], values: list[Expression]) -> Expression:
    """Join values by comparisons, or by AND before OR; only what is missing differs from itself."""
    if operators[0] == "not":
        return Operation("not", (values[0],))
    if operators[0] in {"=", "<>"} and len(values) == 2 and any(_missing(one) for one in values):
        other = values[1] if _missing(values[0]) else values[0]
        return Operation("<>" if operators[0] == "=" else "=", (other, other))
    groups: list[Expression] = [values[0]]
    for operator, value in zip(operators, values[1:], strict=True):
        if operator == "or":
            groups.append(value)
        else:
            groups[-1] = Operation(operator, (groups[-1], value))
    return joined("or", groups)


def _missing(one: Expression) -> bool:
    return isinstance(one, Number) and one.value != one.value
