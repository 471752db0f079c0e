"""The fiscal account of a schedule: by line, by year, discounted, with arrears, tail, levy and cross-subsidy apart.

Every line is a sum over time made inside the run (`stockflow.accumulate`), so yearly flows are exact for the engine's
own steps and the account closes to rounding: committed = paid + change in arrears, and all lines = fiscal outlay.
From the horizon on no new promise is made in any run (`support suspension start`), so what support is paid later is
the tail of contracts that existed at the horizon.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.phase_out.runs import Values
from analysis.phase_out.spread import Measure, cells
from analysis.phase_out.study import ExitStudy, PhaseOutStudy
from analysis.plain.language import marked
from stockflow.accumulate import Sum
from stockflow.arrays import Array
from stockflow.intervals import FAN, quantiles
from stockflow.over_time import discount, present_value

CLOSES = 1e-9  # relative error at which an account no longer closes


@dataclass(frozen=True, slots=True)
class Line:
    """One line of public money: its words and the model's flow."""

    title: str
    flow: str
    own_stock: str = ""

    @property
    def stock(self) -> str:
        """Name of its sum over time: the model's own where it has one."""
        return self.own_stock or f"Cumulative {self.flow}"


SUPPORT = Line(marked("support paid"), "paid support")
LINES = (
    Line(marked("basic research"), "public basic RD"),
    Line(marked("applied research"), "public applied RD"),
    Line(marked("platforms"), "platform spending"),
    Line(marked("demonstration"), "demonstration funding"),
    Line(marked("guidance funds"), "guidance fund injection"),
    Line(marked("talent"), "talent programme cost"),
    Line(marked("research tax credit"), "RD tax expenditure"),
    Line(marked("infrastructure"), "infrastructure subsidy spending"),
    SUPPORT,
    Line(marked("purchase tax given up"), "tax expenditure", "Cumulative Tax Expenditure"),
    Line(marked("procurement premium"), "procurement outlay"),
    Line(marked("capacity subsidy"), "capacity subsidy outlay"),
)
RETURNED = Line(marked("guidance funds returned"), "fund expiry")
PROMISED = Line(marked("support committed"), "committed support")
LEVY = Line(marked("levy raised from electricity users"), "support budget")
CREDITS = Line(marked("credits paid by makers of petrol cars"), "credit value")
ARREARS_ROW = marked("arrears at the end of the year")
OWED = marked("still owed then")
ARREARS, TOTAL = "Support Arrears", "Cumulative Fiscal Outlay"
SUPPORT_AND_TAX, TAX = "Cumulative Support Outlay", "Cumulative Tax Expenditure"


class AccountError(ArithmeticError):
    """The account of a run does not close: the model file and this account disagree about a line."""


def sums(case: str) -> tuple[Sum, ...]:
    """Return what the runs of a case must sum up over time, for its account and for adoption."""
    off_budget = (CREDITS, ("credit value per NEV", "domestic sales")) if case == "nev" else (LEVY, (LEVY.flow,))
    flows = [(line, (line.flow,)) for line in (*LINES, RETURNED, PROMISED)] + [off_budget]
    return (
        *(Sum(line.stock, of, "bnCNY") for line, of in flows if not line.own_stock),
        Sum("Cumulative addressable demand", ("addressable demand",), "unit"),
        Sum("Cumulative Capacity", ("Capacity",), "unit"),
        Sum("Cumulative pull forward", ("pull forward",), "unit"),
    )


def check(values: Values, where: str) -> float:
    """Return the largest relative gap of the account of one schedule, (draw, time) for each variable.

    Three statements, at every saved time: the lines make up the fiscal outlay that the model sums up itself; support
    committed is support paid and the arrears; support paid and tax given up are the model's own sum of both. Raises
    AccountError where one fails by more than a part in 10^9.
    """
    lines = sum((values[line.stock] for line in LINES), np.zeros_like(values[TOTAL]))
    pairs = {
        "the lines and the fiscal outlay": (lines, values[TOTAL]),
        "support committed, and paid with arrears": (values[PROMISED.stock], values[SUPPORT.stock] + values[ARREARS]),
        "support and tax": (values[SUPPORT.stock] + values[TAX], values[SUPPORT_AND_TAX]),
    }
    worst = 0.0
    for told, (one, other) in pairs.items():
        gap = float(np.max(np.abs(one - other) / np.maximum(1.0, np.abs(other))))
        if not gap <= CLOSES:
            raise AccountError(f"{where}: {told} differ by {gap:.3g} of their size")
        worst = max(worst, gap)
    return worst


def account(study: PhaseOutStudy, times: Array, values: Values) -> list[Measure]:
    """All sums of the account of one schedule: each line to the horizon, the total with its tail, what stands apart.

    The total at a discount rate counts every line to the horizon, support on existing contracts in the tail, and what
    is still owed at its end as if paid then.
    """
    end = int(np.searchsorted(times, study.horizon - 1e-9))
    to_end = f"to {study.horizon:g}"
    out = [Measure(f"{line.title} {to_end}", "bnCNY", values[line.stock][:, end]) for line in LINES]
    out += [
        Measure(f"fiscal outlay {to_end}", "bnCNY", values[TOTAL][:, end]),
        Measure(f"support committed {to_end}", "bnCNY", values[PROMISED.stock][:, end]),
        Measure(f"arrears in {study.horizon:g}", "bnCNY", values[ARREARS][:, end]),
        Measure("arrears, peak", "bnCNY", values[ARREARS].max(axis=1)),
        Measure("tail of contracts", "bnCNY", values[SUPPORT.stock][:, -1] - values[SUPPORT.stock][:, end]),
        Measure("owed after the tail", "bnCNY", values[ARREARS][:, -1]),
        Measure("outlay with tail", "bnCNY", outlay(study, times, values)),
    ]
    out += [
        Measure(f"outlay with tail, at {rate:.0%}", "bnCNY", outlay(study, times, values, rate))
        for rate in study.discount_rates
    ]
    out += [
        Measure(f"{line.title} {to_end}", "bnCNY", values[line.stock][:, end])
        for line in (RETURNED, LEVY, CREDITS)
        if line.stock in values
    ]
    on_budget = values[TOTAL][:, end] - (values[SUPPORT.stock][:, end] if study.off_budget else 0.0)
    return [*out, Measure(f"of the outlay from the budget {to_end}", "bnCNY", on_budget)]


def outlay(study: ExitStudy, times: Array, values: Values, rate: float = 0.0) -> Array:
    """Public money for one schedule, (draw,), in present value: lines to the horizon, support in the tail, debts."""
    end = int(np.searchsorted(times, study.horizon - 1e-9))
    whole = present_value(times[: end + 1], values[TOTAL][:, : end + 1], rate, study.base_year)
    tail = present_value(times[end:], values[SUPPORT.stock][:, end:], rate, study.base_year)
    return np.asarray(whole + tail + values[ARREARS][:, -1] * discount(times[-1], rate, study.base_year))


def yearly(study: PhaseOutStudy, times: Array, values: Values, label: str) -> pd.DataFrame:
    """Flows of every line in every year, and arrears at its end: one row per line and year, five quantiles.

    After the horizon only support goes on: the tail of contracts.
    """
    last = study.horizon + study.tail
    years = np.arange(study.since, last)
    starts = np.searchsorted(times, years - 1e-9)
    ends = np.searchsorted(times, years + 1 - 1e-9)
    frames = []
    for line in (*LINES, RETURNED, PROMISED, LEVY, CREDITS):
        if line.stock in values:
            flows = values[line.stock][:, ends] - values[line.stock][:, starts]
            shown = years < (last if line in (SUPPORT, PROMISED) else study.horizon)
            frames.append(_rows(label, line.title, years[shown], flows[:, shown]))
    frames.append(_rows(label, ARREARS_ROW, years, values[ARREARS][:, ends]))
    return pd.concat(frames, ignore_index=True)


def _rows(label: str, title: str, years: Array, flows: Array) -> pd.DataFrame:
    about = {"schedule": label, "line": title, "year": years}
    return pd.DataFrame(about | cells(quantiles(flows, FAN)) | {"unit": "bnCNY", "mean": flows.mean(axis=0)})
