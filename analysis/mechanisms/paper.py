"""Every mechanism of the paper, with what it does here as far as an instrument or a loop stands for it.

`studies/paper_mechanisms.csv` names, for each mechanism, the instruments and loops that stand for it, or says why none
does. What each of them moves is measured on the accepted fits and kept (`python -m analysis.mechanisms.paper`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.draws.runs import Drawn, drawn
from analysis.mechanisms.instrument_study import STUDY as INSTRUMENTS
from analysis.mechanisms.instrument_study import InstrumentStudy
from analysis.mechanisms.instruments import instruments
from analysis.mechanisms.knockouts import knockouts
from analysis.mechanisms.loop_study import STUDY as LOOPS
from analysis.mechanisms.loop_study import LoopStudy
from analysis.plain.progress import counted
from calibration.records.results import HERE as RECORDS
from calibration.records.results import digest
from models.case import CASES
from stockflow.arrays import Array
from stockflow.errors import InputError
from stockflow.files import write_whole

ROWS = Path(__file__).parent.parent / "studies" / "paper_mechanisms.csv"
RECORD = Path(__file__).parent.parent / "results" / "mechanisms.csv"
COLUMNS = ["section", "mechanism", "measured by", "state", "why"]
ACTS, NAME_ONLY = "acts", "in name only"
JUDGED = (ACTS, NAME_ONLY, "refused")
AGAIN = "run `python -m analysis.mechanisms.paper`"


def mechanisms_of_the_paper(file: Path = ROWS) -> pd.DataFrame:
    """Read the mechanisms; each names what stands for it or has a judged state. InputError names file and line."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    if list(rows.columns) != COLUMNS:
        raise InputError(f"{file.name}: columns are {', '.join(rows.columns)}, not {', '.join(COLUMNS)}")
    known = {*(one.name for one in InstrumentStudy.load().instruments), *(one.name for one in LoopStudy.load().loops)}
    for place, row in enumerate(rows.itertuples(index=False), 2):
        names = _names(str(row[2]))
        if strange := [name for name in names if name not in known]:
            raise InputError(f"{file.name}: line {place}: {strange[0]!r} is no instrument and no loop")
        if bool(names) == bool(row[3]) or (row[3] and row[3] not in JUDGED):
            raise InputError(f"{file.name}: line {place}: state is {row[3]!r}; measured rows have none, others one of "
                             f"{', '.join(JUDGED)}")  # fmt: skip
    return rows


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(";") if name.strip()]


def measure(cases: Sequence[str] = CASES, draws: int | None = None) -> pd.DataFrame:
    """Measure what every instrument and loop moves: the largest median change over the changes tried.

    One row for each case, name and whether the change rests on assumption alone: sales and output as shares, dates of
    stages in years (infinite: never reached).
    """
    policy, loops = InstrumentStudy.load(), LoopStudy.load()
    rows = []
    with counted("mechanisms of the paper", 2 * len(cases), "part") as step:
        for case in cases:
            of = drawn(case, draws or loops.draws)
            for one in instruments(of, policy).tried:
                sums = one.moves["domestic sales"], one.moves["output"]
                rows.append(_row(of, one.lever.instrument.name, one.assumption, *sums, one.delay))
            step(case)
            rows += [_row(of, one.loop, False, one.sales, one.output, one.delay) for one in knockouts(of, loops)]
            step(case)
    return pd.DataFrame(rows).groupby(["case", "name", "assumed", "fit", "draws"], sort=False, as_index=False).max()


def _row(of: Drawn, name: str, assumed: bool, sales: Array, output: Array, delay: Array) -> dict[str, object]:
    later = np.abs(np.median(np.nan_to_num(delay, nan=0.0, posinf=np.inf, neginf=-np.inf), axis=0)).max()
    return {
        "case": of.case, "name": name, "assumed": assumed, "fit": _fit(of.case), "draws": of.count,
        "sales": _middle(sales), "output": _middle(output), "years": float(f"{later:.3g}"),
    }  # fmt: skip


def _middle(change: Array) -> float:
    return float(f"{abs(np.nan_to_num(np.median(change))):.3g}")


def _fit(case: str) -> str:
    """The accepted posterior and the studies that a measurement is of."""
    return digest(RECORDS / f"{case}_posterior.sha256", INSTRUMENTS, LOOPS)


def measured(file: Path = RECORD) -> pd.DataFrame:
    """Read what was measured; InputError if it is missing, or of another posterior or study than today's."""
    if not file.is_file():
        raise InputError(f"{file.name}: nothing was measured; {AGAIN}")
    table = pd.read_csv(file)
    for case, fit in dict(zip(table["case"], table["fit"], strict=True)).items():
        if fit != _fit(case):
            raise InputError(f"{file.name}: {case} was measured with another posterior or study than today's; {AGAIN}")
    return table


def paper_table(rows: pd.DataFrame, found: pd.DataFrame, study: InstrumentStudy) -> pd.DataFrame:
    """Return section, mechanism, state, what was measured and why, one row for each mechanism.

    A measured mechanism acts if anything that stands for it moves sales or output by `visible` or a stage by
    `visible_years` in some industry, stands in name only if nothing moves them by `little` and `soon`, else is weak. It
    acts by assumption where only changes do so that no evidence gives a size.
    """
    out = []
    for section, mechanism, names, judged, why in rows.itertuples(index=False):
        mine = found[found["name"].isin(_names(str(names)))]
        known = mine[~mine["assumed"]]
        state = judged or _state(known, study)
        if state == NAME_ONLY and not judged and _state(mine, study) == ACTS:
            state, known = "by assumption", mine
        out.append((section, mechanism, state, _told(known, study), why))
    return pd.DataFrame(out, columns=["section", "mechanism of the paper", "state", "measured", "what stands for it"])


def _state(mine: pd.DataFrame, study: InstrumentStudy) -> str:
    size, years = mine[["sales", "output"]].to_numpy().max(initial=0.0), mine["years"].max() if len(mine) else 0.0
    if size >= study.visible or years >= study.visible_years:
        return ACTS
    return "weak" if size >= study.little or years >= study.soon else NAME_ONLY


def _told(mine: pd.DataFrame, study: InstrumentStudy) -> str:
    """Largest change of sales or output, and of a date, in each industry that has what stands for a mechanism."""
    words = []
    for case, group in mine.groupby("case", sort=False):
        percent, years = 100 * group[["sales", "output"]].to_numpy().max(), float(group["years"].max())
        later = "a stage never reached" if np.isinf(years) else f"{years:.2g} years" if years >= study.soon else ""
        words.append(f"{case} {percent:.0f}%" if percent >= 10 else f"{case} {percent:.2g}%")
        words[-1] += f", {later}" if later else ""
    return "; ".join(words)


def main() -> None:
    """Measure, and keep what was measured."""
    print(write_whole(RECORD, measure().to_csv(index=False)))


if __name__ == "__main__":
    main()
