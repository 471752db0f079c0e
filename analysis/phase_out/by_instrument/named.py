"""A named exit: some instruments end, all else goes on; a sentence, a yearly table, and what a critic would say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from analysis.draws.ended import named
from analysis.draws.runs import drawn
from analysis.phase_out.account import LINES
from analysis.phase_out.adoption import MARKET, SOLD
from analysis.phase_out.by_instrument.apart import Exits, most_often
from analysis.phase_out.by_instrument.happened import COLUMNS, happened_table, objection
from analysis.phase_out.exit import Verdict, verdict
from analysis.phase_out.runs import Values, family, yearly_share
from analysis.phase_out.spread import Measure
from analysis.phase_out.study import Column, ExitStudy
from analysis.phase_out.words import often, told
from analysis.plain.language import marked, one_by_one, sentence, term, translated, worded
from analysis.plain.shown import capital, screen
from analysis.plain.style import BLUE, RED, legend_below, panels, save
from analysis.plain.units import customary
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior
from models.case import load_case
from models.home import Home, home_of
from models.schedules.file import Schedule, load_schedule, unchanged
from models.schedules.instruments import instruments
from models.schedules.law import Exit
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.intervals import interval, interval_columns
from stockflow.over_time import QUARTER

PAID = tuple(line.stock for line in LINES)
SHOWN = 0.05  # of the last digit of money told, a year: less is not worth a line
LOSS = marked("share lost to the exit"), marked("% of that without it")
LEAST_CHANGE = 1e-6  # relative change that counts as one, beyond rounding
VERDICTS: Mapping[Verdict, str] = {
    "safe": marked("safe"), "not decided": marked("too near to tell"), "not safe": marked("not safe"),
}  # fmt: skip
SHARE = Column(variable="share over the last year", words=marked("share of the market"), unit="%", show="end")


@dataclass(frozen=True, slots=True)
class Asked:
    """What ends, by default all that buyers are given, how, from when, and against what: continued support, history."""

    ends: tuple[str, ...]
    start: float
    shape: Exit = "cliff"
    length: float = 0.0
    announced: float | None = None
    against: str = "continued"

    @property
    def words(self) -> str:
        """The exit in words."""
        return worded(
            "end of {instruments}, {exit}, from {start:g}", instruments=translated(" and ").join(map(term, self.ends)),
            exit=term(family(self.shape, self.length)), start=self.start,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class NamedExit:
    """A named exit over the draws of a posterior; arrays are (draw,), see `Ended`.

    `table` has a row for each year and column: medians without and with the exit, and the difference, with 90%
    intervals. `warnings` say what is already nothing, `paid` what goes on being paid after the start (bnCNY a year).
    """

    study: ExitStudy
    asked: Asked
    base: str
    ratio: Array
    fall: Array
    held: Array
    saved: Array
    lost: Array
    lost_in: Array
    after: Array
    table: pd.DataFrame
    warnings: tuple[str, ...]
    paid: tuple[tuple[str, float], ...]

    @property
    def fails(self) -> float:
        """How often the share falls below what counts as kept."""
        return float((~(self.ratio >= self.study.exit.share_kept)).mean())

    @property
    def fails_after(self) -> float:
        """The same as long after the last step of the exit; not a number where that is after the horizon."""
        known = np.isfinite(self.after)
        return float((self.after[known] < self.study.exit.share_kept).mean()) if known.any() else np.nan

    @property
    def setback(self) -> float:
        """How often the share falls below its own past, beyond what it does without the exit."""
        return float((self.fall - self.held > self.study.exit.own_fall).mean())


def named_exit(study: ExitStudy, asked: Asked, draws: int) -> NamedExit:
    """Run a named exit and its base over `draws` draws of the accepted posterior, or once where there is none.

    InputError for an instrument that the case lacks, for a start and a length beyond the years that can be judged,
    and where all that buyers are given is nothing.
    """
    home = home_of(study.case)
    named(study.case, asked.ends)
    last, years = study.horizon - study.exit.years_after, study.exit.years_after
    if not study.since <= asked.start <= last or asked.start / QUARTER % 1:
        raise InputError(
            f"--start {asked.start:g}: must be a quarter of a year from {study.since:g} to {last:g}: the share "
            f"{years:g} years later is judged"
        )
    if asked.shape != "cliff" and asked.length <= 0:
        raise InputError(f"--length: an exit by {asked.shape} takes some years; say how many")
    end = study.horizon + study.tail
    if asked.start + asked.length + 1 > end:
        raise InputError(f"--length {asked.length:g}: the exit must be over a year before {end:g}, the end of the runs")
    base, of = base_of(study, asked.against), drawn(study.case, draws)
    exits = Exits(study, of.samples, [*(one.variable for one in study.columns), *PAID], base)
    asked = replace(asked, ends=asked.ends or given_to_buyers(exits, home))
    ending = exits.schedule(asked.ends, asked.shape, asked.start, asked.length, asked.announced)
    values = exits.run(ending)
    ratio, fall, held, _, saved, lost, lost_in, after = exits.judged(values, asked.start, asked.length)
    table = yearly_table(study, exits.times, exits.supported, values, asked.start)
    return NamedExit(
        study, asked, base.title, ratio, fall, held, saved, lost, lost_in, after, table,
        (*([] if of.posterior else [of.basis]), *_warnings(asked, exits, values, base)),
        tuple(_paid(exits.times, values, asked, SHOWN / 10**study.digits)),
    )  # fmt: skip


def base_of(study: ExitStudy, against: str) -> Schedule:
    """Return the schedule that an exit is held against: support that goes on, which a study must say, or history."""
    entry = home_of(study.case).entry
    if against != "continued":
        return unchanged(entry)
    if not study.supported:
        raise InputError(f"--against continued: no study says how support of {study.case} goes on; take history")
    return load_schedule(study.supported, entry)


def given_to_buyers(exits: Exits, home: Home) -> tuple[str, ...]:
    """Return all instruments by which buyers are given something in the base; InputError if there are none."""
    paid = {line.flow: exits.supported[line.stock].any() for line in LINES}
    known = {name: one for name, one in instruments(home.entry).items() if one.to_buyers}
    ends = tuple(name for name, one in known.items() if paid[one.money])
    if not ends:
        told = " and ".join(repr(one.variable) for one in known.values())
        raise InputError(
            f"{home.drivers[0]}: {told} are never above 0 by {exits.study.horizon:g}: no support to end; give it there "
            "and calibrate again"
        )
    return ends


def yearly_table(study: ExitStudy, times: Array, base: Values, values: Values, start: float) -> pd.DataFrame:
    """One row for each year from two before the start, in the run, to the horizon, and each column."""
    before, after = (
        {**run, SHARE.variable: 100 * yearly_share(times, run[SOLD], run[MARKET])} for run in (base, values)
    )
    rows = []
    for year in np.arange(max(np.floor(start) - 2, np.ceil(times[0])), study.horizon):
        for one in (SHARE, *study.columns):
            without, gone = (_in_year(times, run, one, float(year)) for run in (before, after))
            rows.append(_row(year, one.words, one.unit, without, gone))
            if one is SHARE:
                lost = 100 * np.where(without > 0, 1 - gone / np.where(without > 0, without, 1.0), 0.0)
                rows.append(_row(year, *LOSS, np.zeros_like(lost), lost))
    return pd.DataFrame(rows)


def _row(year: float, what: str, unit: str, without: Array, gone: Array) -> dict[str, object]:
    row = {"year": int(year), "what": what, "unit": unit, "without the exit": interval(without)[1]}
    return (
        row
        | interval_columns(gone, "with it", "with it low", "with it high")
        | interval_columns(gone - without, "difference", "difference low", "difference high")
    )


def _in_year(times: Array, run: Values, one: Column, year: float) -> Array:
    first, last = (int(np.searchsorted(times, y - 1e-9)) for y in (year, year + 1))
    path = run[one.variable] / one.in_model
    if one.show == "mean":
        return np.asarray(path[:, first:last].mean(axis=1))
    return np.asarray(path[:, last] - (path[:, first] if one.show == "gained" else 0.0))


def _warnings(asked: Asked, exits: Exits, values: Values, base: Schedule) -> list[str]:
    """Say which instruments are nothing at the start anyway, and whether the exit changes anything."""
    said = []
    for name in asked.ends:
        alone = values if len(asked.ends) == 1 else exits.run(exits.schedule([name], "cliff", asked.start, 0.0))
        if not _moves(alone, exits.supported):
            said.append(
                worded(
                    "{instrument}: nothing of it is left from {start:g} on ({base}): ending it changes nothing",
                    instrument=term(name), start=asked.start, base=term(base.title),
                )
            )  # fmt: skip
    if not said and not _moves(values, exits.supported):
        said.append(worded("this exit changes nothing ({base})", base=term(base.title)))
    return said


def _moves(values: Values, base: Values) -> bool:
    return any(
        np.abs(values[name] - base[name]).max() > LEAST_CHANGE * max(1.0, float(np.abs(base[name]).max()))
        for name in values
    )


def _paid(times: Array, values: Values, asked: Asked, least: float) -> list[tuple[str, float]]:
    """What is paid in the year after the exit is over, largest first, if at least so much."""
    first = int(np.searchsorted(times, asked.start + asked.length - 1e-9))
    year = round(1 / QUARTER)
    gains = [(line.title, values[line.stock][:, first + year] - values[line.stock][:, first]) for line in LINES]
    yearly = [(name, interval(gain)[1]) for name, gain in gains]
    return sorted(((name, paid) for name, paid in yearly if paid >= least), key=lambda one: -one[1])


def exit_lines(found: NamedExit) -> list[str]:
    """The sentence, both criteria, what is saved and still paid, and the objection."""
    study, asked, rule = found.study, found.asked, found.study.exit
    judged = asked.start + rule.years_after
    said = verdict(found.fails, len(found.ratio), rule.probability)
    below = worded(
        "in {fails:.1%} of {draws} draws: {verdict} by the rule of {rule} (fewer than {probability:.0%})",
        fails=found.fails, draws=len(found.ratio), verdict=translated(VERDICTS[said]), probability=rule.probability,
        rule=worded("the study") if study.supported else "exit.toml",
    )  # fmt: skip
    back = worded("in {setback:.1%} of the draws", setback=found.setback)
    if len(found.ratio) == 1:  # shares of draws mean nothing
        below, back = (
            worded("in this one run: yes") if share else worded("in this one run: no")
            for share in (found.fails, found.setback)
        )
    ratio = told(Measure("ratio", "1", found.ratio), 2, fifty=False)
    lines = [worded("Warning: {warning}.", warning=one) for one in found.warnings]
    lines.append(
        worded(
            "{exit} (base: {base}): over the year before {judged:g} the share of the market is {ratio} of what it is "
            "without that end. It is below {kept:g} of it {below}.",
            exit=capital(asked.words), base=term(found.base), judged=judged, ratio=ratio, kept=rule.share_kept,
            below=below,
        )
    )  # fmt: skip
    if asked.length and np.isfinite(found.after).any():
        lines.append(_after_words(found))
    fall = told(Measure("fall", "%", 100 * found.fall), 0, fifty=False)
    held = told(Measure("fall", "%", 100 * found.held), 0, fifty=False)
    lines.append(
        worded(
            "Against its own past: largest fall below the highest share since the start: {fall}; without the end: "
            "{held}. Over {own_fall:.0%} more than without it {back}.",
            fall=fall, held=held, own_fall=rule.own_fall, back=back,
        )
    )  # fmt: skip
    lines.append(_loss_words(found))
    saved = told(Measure("saved", "bnCNY", found.saved), study.digits, fifty=False)
    money, bn = customary("bnCNY")
    still = one_by_one(worded("{name} {paid:.3g}", name=term(name), paid=money * paid) for name, paid in found.paid[:4])
    lines.append(
        worded(
            "Saved to {horizon:g}, in present value of {base_year:g}: {saved}. Still paid in the year from {over:g} "
            "({money}): {still}.",
            horizon=study.horizon, base_year=study.base_year, saved=saved, over=asked.start + asked.length, money=bn,
            still=still or worded("nothing"),
        )
    )  # fmt: skip
    return [*lines, worded("A critic would say: {objection}", objection=model_objection(study))]


def _after_words(found: NamedExit) -> str:
    rule = found.study.exit
    said = worded(
        "As long after its last step, over the year before {judged:g}: {ratio} of it",
        judged=found.asked.start + found.asked.length + rule.years_after,
        ratio=told(Measure("ratio", "1", found.after), 2, fifty=False),
    )
    below = worded("; below {kept:g} in {fails:.1%} of draws", kept=rule.share_kept, fails=found.fails_after)
    return sentence(said + below if len(found.after) > 1 else said)


def _loss_words(found: NamedExit) -> str:
    years = found.study.exit.loss_years
    if found.lost.max() <= LEAST_CHANGE:
        return worded("No share is lost to it in years 1 to {years} after the start.", years=years)
    year, share = most_often(found.lost_in)
    lost = told(Measure("loss", "%", 100 * found.lost), 1, fifty=False)
    said = worded("Largest loss in years 1 to {years} after the start, of the share without that end: {lost}, in the "
                  "year from {year:g}", years=years, lost=lost, year=year)  # fmt: skip
    return sentence(said + (worded(" ({often} of the draws)", often=often(share)) if len(found.lost) > 1 else ""))


def model_objection(study: ExitStudy) -> str:
    """What speaks against any answer of the model: changes that were made and it misses, and what evidence leaves."""
    made = pd.DataFrame(columns=list(COLUMNS))
    if study.happened:
        made = happened_table(load_targets(study.case), accepted_posterior(study.case), study.happened)
    return objection(made, study.texts.evidence)


def exit_text(found: NamedExit) -> str:
    """The yearly table for a screen: years down, columns across, with the exit, and without it in brackets."""
    table = found.table[found.table["year"] <= found.asked.start + found.study.exit.years_after + found.asked.length]
    cells = [
        f"{_digits(scale * row['with it'])} ({_digits(scale * row['without the exit'])})"
        for row in table.to_dict("records")
        for scale in (customary(row["unit"])[0],)
    ]
    heads = [
        worded("{what}, {unit}", what=term(what), unit=customary(unit)[1])
        for what, unit in zip(table["what"], table["unit"], strict=True)
    ]
    wide = table.assign(cell=cells, head=heads).pivot_table("cell", "head", "year", aggfunc="first", sort=False)
    wide.index.name = wide.columns.name = None
    return worded("Medians with the exit, in brackets without it:") + "\n" + screen(wide, justify="right")


def _digits(value: float) -> str:
    return "0" if abs(value) < 5e-4 else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def exit_figure(found: NamedExit, stem: Path) -> Path:
    """Draw each column with and without the exit; leaves PNG, SVG and CSV."""
    names = list(dict.fromkeys(found.table["what"]))
    title = worded("{case}: {exit}", case=term(load_case(found.study.case).title), exit=found.asked.words)
    with panels(len(names), 3, (3.4, 2.1), 0.5, title=title, fontsize=10) as (figure, axes):
        for ax, name in zip(axes.flat, names, strict=False):
            part = found.table[found.table["what"] == name]
            middle, (scale, unit) = part["year"] + 0.5, customary(part["unit"].iloc[0])
            ax.plot(middle, scale * part["without the exit"], color=BLUE, linestyle="--",
                    label=worded("without the exit, median"))  # fmt: skip
            ax.plot(middle, scale * part["with it"], color=RED, label=worded("with it, median"))
            ax.fill_between(middle, scale * part["with it low"], scale * part["with it high"], color=RED, alpha=0.2,
                            linewidth=0, label=worded("with it, 90% of draws"))  # fmt: skip
            ax.axvline(found.asked.start, color="#5f6b73", linewidth=0.8)
            ax.set_ylim(bottom=0.0)
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            ax.set_title(term(name))
            ax.set_ylabel(unit)
        legend_below(figure, axes.flat[:1], 3)
    return save(figure, found.table, stem)


def label_of(found: NamedExit) -> str:
    """What the files of an exit are called."""
    asked = found.asked
    return file_label(
        "exit", home_of(found.study.case).label, *asked.ends, f"{asked.start:g}", asked.shape, asked.against
    )


def file_label(*parts: str) -> str:
    """Return parts as a name of files; a point in it would be taken for the beginning of an ending."""
    return "_".join(parts).replace(" ", "_").replace(".", "-")
