"""What was measured, and how it reads in Markdown: speeds of all engines, targets, and how noisy it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.engines import Startup
from benchmarks.machine import Cost, Machine, peak
from benchmarks.reductions import STORED, Million, Reduced

OURS = "stockflow, 2 threads"
OTHERS = {
    "PySD": ("PySD",),
    "PySD patched": ("PySD, lookups patched",),
    "pysimlin": ("pysimlin, 1 thread", "pysimlin, 2 threads"),
    "scalar C": ("scalar C, 2 threads",),
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Costs of a batch of `size` runs, one for each round; `reckoned` from a smaller batch instead."""

    size: int
    costs: tuple[Cost, ...]
    reckoned: bool = False

    @property
    def best(self) -> float:
        """Wall seconds of the fastest round."""
        return min(one.seconds for one in self.costs)

    @property
    def processor(self) -> float:
        """Least processor time of a round in seconds, which waiting for a busy processor does not change."""
        return min(one.processor for one in self.costs)

    def at(self, size: int) -> Timing:
        """What a batch of another size would cost if the time for a run were the same."""
        share = size / self.size
        return Timing(size, (Cost(self.best * share, self.processor * share, None),), reckoned=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine on one model: seconds to read and prepare, distance from stockflow, and its timings."""

    engine: str
    read: float
    prepare: float
    distance: float
    timings: tuple[Timing, ...]

    def rate(self) -> float:
        """Runs per second in the largest batch."""
        return self.timings[-1].size / self.timings[-1].best

    def work(self) -> float:
        """Processor seconds of a run in the largest batch."""
        return self.timings[-1].processor / self.timings[-1].size


@dataclass(frozen=True, slots=True)
class Result:
    """All engines on one model of `steps` time steps, the bound on what one core can do, the wait."""

    case: str
    steps: int
    rows: tuple[Row, ...]
    startup: Startup
    reduced: Reduced


def head(what: str, command: str, where: Machine) -> list[str]:
    """Say what was measured, by which command, when and where."""
    made = f"Made by `{command}` on {where.day}; ratios travel, seconds do not."
    return [f"# Speed of {what}, measured", "", made, "", where.line(), ""]


def speeds(result: Result) -> list[str]:
    """One row for each engine: time for a batch of each size, and how many times as fast as others it is."""
    sizes = [f"{timing.size:,} run{'s' if timing.size > 1 else ''}, ms" for timing in result.rows[0].timings]
    rates = {name: rate for name, engines in OTHERS.items() if (rate := _fastest(result, engines))}
    others = [f"x {name}" for name in rates]
    head = ["engine", "read, s", "compile, s", *sizes, "runs/s", *others, "CPU us a run", "memory, MB", "apart"]
    rows = []
    for row in result.rows:
        ratios = [_number(row.rate() / rate) for rate in rates.values()]
        times = [f"{'~' if one.reckoned else ''}{_number(1000 * one.best)}" for one in row.timings]
        ready = [f"{row.read:.2f}", f"{row.prepare:.2f}" if row.prepare else ""]
        memory = peak(spent for one in row.timings for spent in one.costs)
        held = "" if memory is None else _number(memory / 1e6)
        rest = [_number(1e6 * row.work()), held, f"{row.distance:.0e}"]
        rows.append([row.engine, *ready, *times, _number(row.rate()), *ratios, *rest])
    return [f"### {result.case}: {result.steps:,} time steps", "", *grid(head, rows)]


def reduced(results: Sequence[Result]) -> list[str]:
    """Processor time of a run by what becomes of its outputs, and what a gradient costs."""
    ways = list(results[0].reduced.work)
    head = ["model", *(f"{way}, us" for way in ways), "equations alone, us", "payoff faster by", "gradient / payoff"]
    head += ["one gradient, ms", "one payoff, ms"]
    rows = []
    for result in results:
        one = result.reduced
        faster = f"{100 * (one.work[STORED] / one.work['payoff'] - 1):.1f} %"
        works = [f"{spent:.1f}" for spent in (*one.work.values(), one.equations)]
        rows.append([result.case, *works, faster, *(f"{x:.2f}" for x in (one.gradient, one.chain, one.single))])
    inputs, terms = results[0].reduced.inputs, results[0].reduced.terms
    share = 100 * min(one.reduced.equations / one.reduced.work["payoff"] for one in results)
    return [
        "### What becomes of the outputs",
        "",
        *grid(head, rows),
        "",
        f"CPU time of a run on one thread, with {inputs} inputs open, outputs at all saved times and {terms} terms.",
        "A payoff spares writing and reading outputs and the time after the last observation; the equations alone",
        f"take {share:.0f} % of it or more. It could be twice as fast only if storing were half of the work of a",
        "stored run; that is a few per cent where the system hands out memory in large pages, and up to two",
        "thirds of a payoff where it does so in small ones.",
        "One gradient alone fills no vector and waits for every operation in turn: it costs about two single runs.",
    ]


def million(many: Million) -> list[str]:
    """What very many runs took."""
    memory = "not counted" if many.memory is None else f"{_number(many.memory / 1e6)} MB"
    return [
        "### Very many runs in bounded memory",
        "",
        f"{many.runs:,} runs of {many.case}, five quantiles of {many.outputs} outputs at {many.times} times:"
        f" {_number(many.seconds)} s, {_number(many.runs / many.seconds)} runs/s"
        f" ({_number(2 * many.runs / many.processor)} by CPU time on two free processors), {memory} beyond the inputs;"
        f" the outputs themselves would take {_number(many.stored / 1e6)} MB.",
    ]


def targets(results: Sequence[Result]) -> list[str]:
    """What was aimed at, what was measured in the worst model, and whether that is enough.

    "By CPU time" is what would have been measured had both processors been free all the time.
    """
    ours = {result.case: row for result in results for row in result.rows if row.engine == OURS}
    rows = []
    for result in results:
        if result.case == "pv" and (pysd := _fastest(result, OTHERS["PySD"])):
            aim, free = max(15_000.0, 10_000 * pysd), 2 / ours["pv"].work()
            rows.append(_target("PV, runs/s: 15,000 or 10,000 x PySD", ours["pv"].rate(), _number(free), aim))
    for name, what, least in (("scalar C", "scalar C, 2 threads", 7.0), ("pysimlin", "pysimlin's fastest loop", 30.0)):
        pairs = [
            (ours[result.case].rate() / rate, _least(result, OTHERS[name]) / ours[result.case].work())
            for result in results
            if (rate := _fastest(result, OTHERS[name]))
        ]
        if pairs:
            by_wall, by_work = (min(one) for one in zip(*pairs, strict=True))
            rows.append(_target(f"times {what}", by_wall, _number(by_work), least))
    rows.append(_target("compile, s", max(row.prepare for row in ours.values()), "", 0.3, more=False))
    again = min(one.reduced.work[STORED] / one.reduced.work["payoff"] for one in results)
    rows.append(_target("payoff alone, times outputs stored", again, "", 2.0))
    gradient = max(one.reduced.gradient for one in results)
    rows.append(_target("payoff and gradient, in payoffs", gradient, "", 3.0, more=False))
    rows.append(_target("one gradient alone, ms", max(one.reduced.chain for one in results), "", 0.5, more=False))
    cached, fresh = (max(getattr(one.startup, field) for one in results) for field in ("cached", "fresh"))
    rows.append(_target("process start to first results with a cache, s", cached, "", 0.25, more=False))
    imports = "" if any(one.startup.imports for one in results) else "not "
    wait = f"Without a cache the first results take {fresh:.2f} s; with one PySD is {imports}imported."
    head = ["stockflow, worst model", "measured", "by CPU time", "target", ""]
    return ["### Targets", "", *grid(head, rows), "", wait]


def _target(what: str, got: float, work: str, aim: float, more: bool = True) -> list[str]:
    met = got >= aim if more else got <= aim
    return [what, _number(got), work, f"at {'least' if more else 'most'} {_number(aim)}", "met" if met else "missed"]


def noise(results: Sequence[Result]) -> list[str]:
    """How much longer the median round took than the best, for the largest batches."""
    batches = [(row.engine, row.timings[-1]) for result in results for row in result.rows]
    spreads = [
        (median(one.seconds for one in last.costs) / last.best - 1, engine)
        for engine, last in batches
        if len(last.costs) > 2
    ]
    if not spreads:
        return []
    spread, engine = max(spreads)
    return [
        f"Noise: the median round took up to {100 * spread:.0f} % longer than the best ({engine}).",
        "Speeds are those of the largest batch; ~ marks times reckoned from a smaller batch, as the engine's time",
        "for a run does not depend on it. CPU time is that of all threads and changes less on a busy machine.",
        "Memory is what the batch needed beyond what was held before. Apart is how far the outputs are from",
        "stockflow's, as a share of their largest size (pysimlin smooths DELAY FIXED, and divides by what ZIDZ and",
        "XIDZ take for zero). PySD has a second row, its lookup call patched, where a model has lookups that it looks",
        "up by itself; WITH LOOKUP it leaves to NumPy, so that there is nothing to patch.",
    ]


def _fastest(result: Result, engines: Iterable[str]) -> float:
    return max((row.rate() for row in result.rows if row.engine in engines), default=0.0)


def _least(result: Result, engines: Iterable[str]) -> float:
    return min(row.work() for row in result.rows if row.engine in engines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown, its first column to the left and the others to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return ["| " + " | ".join(line) + " |" for line in (head, rule, *rows)]
