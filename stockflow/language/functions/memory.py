"""Functions that remember, as the stocks they are made of: delays, smooths, trends, samples.

Each takes the hidden variables it needs through `Place.keep`, and returns the expression of its
value.  Equations are those of Vensim's manual and of PySD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stockflow.language.equations import DelayFixed, Expression, Initial, Integral, Number, Operation, Reference
from stockflow.language.functions.vectors import choice, joined

if TYPE_CHECKING:
    from stockflow.language.place import Place


def plus(left: Expression, right: Expression) -> Expression:
    """Return left + right."""
    return Operation("+", (left, right))


def minus(left: Expression, right: Expression) -> Expression:
    """Return left - right."""
    return Operation("-", (left, right))


def times(left: Expression, right: Expression) -> Expression:
    """Return left * right."""
    return Operation("*", (left, right))


def over(left: Expression, right: Expression) -> Expression:
    """Return left / right."""
    return Operation("/", (left, right))


def smooth(keeper: Place, source: Expression, time: Expression, initial: Expression, order: int) -> Expression:
    """SMOOTH of any order: stocks that each approach the one before them."""
    before = source
    for _ in range(order):
        stock = keeper.promise("smooth")
        rate = over(times(minus(before, stock), Number(float(order))), time)
        keeper.fulfil(stock, Integral(rate, initial))
        before = stock
    return before


def delay(keeper: Place, source: Expression, time: Expression, initial: Expression, order: int) -> Expression:
    """DELAY1 and DELAY3: stocks in a row, each with an outflow of its content over the delay time."""
    return _chain(keeper, source, [time] * order, initial, time)


def delay_n(keeper: Place, source: Expression, time: Expression, initial: Expression, order: int) -> Expression:
    """DELAY N: the delay time travels with the content, one stock further in each time step."""
    if isinstance(time, Number):
        return delay(keeper, source, time, initial, order)
    travelling = [time]
    for _ in range(order):
        travelling.append(keeper.keep("delay time", DelayFixed(travelling[-1], keeper.step, time)))
    return _chain(keeper, source, travelling[:-1], initial, travelling[1])


def _chain(
    keeper: Place, source: Expression, delays: Sequence[Expression], initial: Expression, last: Expression
) -> Expression:
    """Stocks in a row; fewer than asked for if the delay time at the start has too few time steps.

    All stocks are there, because a parameter may decide how many count.
    """
    time, most = delays[0], len(delays)
    count: Expression = Number(1.0)
    stocks: list[Reference] = []
    if most > 1:
        fits = [Operation("<=", (times(Number(float(one)), keeper.step), time)) for one in range(2, most + 1)]
        count = keeper.keep("order", Initial(joined("+", [count, *fits])))
    inflow = source
    for own in delays:
        stock = keeper.promise("delay")
        outflow = over(stock, own)
        rate = minus(inflow, outflow)
        rate = rate if most == 1 else times(rate, count)
        keeper.fulfil(stock, Integral(rate, times(initial, time)))
        stocks.append(stock)
        inflow = outflow
    content = _counted(stocks, count)
    # the numbers of the stages are no part of the equation that was written
    return over(content if most == 1 else keeper.keep("last stage", content), last)


def _counted(stocks: Sequence[Expression], count: Expression, before: int = 0) -> Expression:
    """Return the stock of a number, counted from 1 with those `before`, as a shallow tree."""
    half = len(stocks) // 2
    if not half:
        return stocks[0]
    further = Operation("<=", (Number(float(before + half + 1)), count))
    return choice(further, _counted(stocks[half:], count, before + half), _counted(stocks[:half], count, before))


def trend(keeper: Place, source: Expression, time: Expression, initial: Expression) -> Expression:
    """TREND: the fractional growth of a quantity over its average, per unit of time."""
    start = over(source, plus(Number(1.0), times(initial, time)))
    average = _average(keeper, source, time, start)
    return Operation("zidz", (minus(source, average), times(time, Operation("abs", (average,)))))


def forecast(
    keeper: Place, source: Expression, time: Expression, horizon: Expression, initial: Expression
) -> Expression:
    """FORECAST: a quantity extrapolated along its trend."""
    average = _average(keeper, source, time, over(source, plus(Number(1.0), initial)))
    growth = Operation("zidz", (minus(source, average), times(time, average)))
    return times(source, plus(Number(1.0), times(growth, horizon)))


def _average(keeper: Place, source: Expression, time: Expression, start: Expression) -> Reference:
    average = keeper.promise("average")
    keeper.fulfil(average, Integral(over(minus(source, average), time), start))
    return average


def present_value(
    keeper: Place, stream: Expression, rate: Expression, initial: Expression, factor: Expression
) -> Expression:
    """NPV: the discounted sum of a stream up to and including the present time step."""
    discount = keeper.promise("discount factor")
    fall = over(times(Operation("negative", (discount,)), rate), plus(Number(1.0), times(rate, keeper.step)))
    keeper.fulfil(discount, Integral(fall, Number(1.0)))
    total = keeper.keep("present value", Integral(times(stream, discount), initial))
    return times(plus(total, times(times(stream, keeper.step), discount)), factor)


def sample(keeper: Place, condition: Expression, source: Expression, initial: Expression) -> Expression:
    """SAMPLE IF TRUE: the input while a condition holds, and its last value after that."""
    value = keeper.promise("sample")
    held = keeper.keep("held", DelayFixed(value, keeper.step, initial))
    keeper.fulfil(value, Operation("if then else", (condition, source, held)))
    return value
