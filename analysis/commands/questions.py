"""What an answer hinges on and which schedule is best: `techcycle sensitivity` and `techcycle search`."""

from pathlib import Path

import click
import pandas as pd

from analysis.commands.shared import CASE, FILE, INSTRUMENTS, JSON, OUT, say
from analysis.draws.ended import named
from analysis.phase_out.by_instrument.named import Asked, file_label
from analysis.plain.folder import Folder
from analysis.plain.language import listed, term, worded
from analysis.plain.progress import note
from analysis.plain.shown import records
from analysis.search.settings import SearchStudy
from analysis.search.study import SearchAnswer, run_search
from analysis.search.words import assumption_words, front_words, problem_words
from analysis.unknowns.given_data import REMOVED
from analysis.unknowns.sensitivity import TOTAL
from analysis.unknowns.settings import Question, SensitivityStudy
from analysis.unknowns.study import METHODS, Method, SensitivityAnswer, run_sensitivity
from analysis.unknowns.unknowns import Basis
from analysis.unknowns.words import convergence, fails, hinges, methods_used
from calibration.fitting.targets import load_targets
from calibration.records.results import accepted_posterior
from models.case import load_case
from stockflow.errors import InputError

STUDY = click.option("--study", type=FILE, help="Study file (TOML) instead of the shipped one.")


@click.command()
@CASE
@click.option("--method", type=click.Choice(METHODS), default="all", show_default=True,
              help="morris, sobol, shapley: independent ranges; posterior: joint draws.")  # fmt: skip
@click.option("--ranges", type=click.Choice(["posterior", "prior"]), default="posterior", show_default=True,
              help="Where independent ranges come from: central 90% of posterior or prior.")  # fmt: skip
@INSTRUMENTS
@STUDY
@OUT
@JSON
def sensitivity(
    case: str, method: Method, ranges: Basis, ends: tuple[str, ...], study: Path | None, out: Path, as_json: bool
) -> None:
    """Say what the answer hinges on in CASE: which unknowns drive it, by year, and where a schedule fails.

    Every index carries a verdict, converged or not. Figures and tables go to OUT.

    \b
    Example:
      techcycle sensitivity nev --method posterior
      techcycle sensitivity nev --method posterior --instrument "tax exemption"
    """
    settings, about = SensitivityStudy.load(study), load_case(case)
    asked, label = settings.case(about.name), file_label(about.label, *ends)
    if ends:
        settings = settings.model_copy(update={"cases": {about.name: _of(asked, about.name, ends)}})
    folder = Folder(out).prepare()
    answer = run_sensitivity(
        about, settings, accepted_posterior(about.name), load_targets(about.name), method, ranges, note
    )
    folder.table(f"sensitivity_{label}.csv", answer.table)
    _draw_sensitivity(answer, folder, label)
    units = {one.name: one.unit for one in answer.ranges}
    boxes = [line for one in answer.boxes for line in fails(one, units)]
    words = _sensitivity_words(answer, boxes)
    limits = [
        {"unknown": u.name, "low": u.low, "high": u.high, "unit": u.unit, "basis": u.basis} for u in answer.ranges
    ]
    told = {"case": about.name, "instruments": list(ends), "words": words, "failures": boxes, "ranges": limits}
    say(as_json, told | {"indices": records(answer.table)}, *words)


def _of(asked: Question, case: str, ends: tuple[str, ...]) -> Question:
    names, plan = tuple(one.name for one in named(case, ends)), asked.phase_out
    if plan.schedule is None or plan.start is None:
        raise InputError(
            f"--instrument: the study's phase-out of {case!r} has no start of its own to be put in its place"
        )
    phase_out = Asked(names, plan.start, "linear" if plan.length else "cliff", plan.length or 0.0).words
    return asked.of(names, phase_out, worded("{ends} never paid", ends=listed(map(term, names))))


@click.command()
@CASE
@INSTRUMENTS
@STUDY
@OUT
@JSON
def search(case: str, ends: tuple[str, ...], study: Path | None, out: Path, as_json: bool) -> None:
    """Search for the best schedule of support in CASE, and put history on the front of adoption and cost.

    Both a search along exact slopes and one without slopes are made of every problem, and compared. Figures and
    tables go to OUT.

    \b
    Example:
      techcycle search nev
      techcycle search nev --instrument "tax exemption"
    """
    settings, about = SearchStudy.load(study), load_case(case)
    name, label = about.name, about.label
    asked = settings.case(name)
    if ends:
        asked = asked.of(named(name, ends))
        settings, label = settings.model_copy(update={"cases": {name: asked}}), file_label(label, *asked.ends)
    folder = Folder(out).prepare()
    answer = run_search(name, settings, accepted_posterior(name), note)
    folder.table(f"front_{label}.csv", answer.front.table)
    folder.table(f"search_{label}.csv", search_table(answer))
    _draw_search(answer, folder, label)
    words = [line for problem in answer.problems for line in problem_words(problem, answer)]
    words += front_words(answer.front, answer.unit, answer.share)
    timing = load_case(name).model.variable("timing elasticity").value
    words += [worded("Assumed: {what}.", what=answer.offered)] if answer.offered else []
    words += assumption_words(settings.case(name), settings.mcpf, 0.0 if timing is None else timing)
    if ends:
        words.insert(0, worded("Moved: {ends}; all else as in history.", ends=listed(map(term, asked.ends))))
    told = {"case": name, "instruments": list(asked.ends), "words": words, "ends": records(search_table(answer))}
    say(as_json, told | {"front": records(answer.front.table)}, *words)


def search_table(answer: SearchAnswer) -> pd.DataFrame:
    """Every end of every search as one row."""
    rows = [
        {"objective": problem.objective, "family": problem.family, "method": end.method, "value": end.value,
         "units": end.units, "cost": end.cost, "runs": end.runs, "backward passes": end.passes,
         "finished": end.success, "message": end.message, "best": end is problem.search.best,
         "levers": " ".join(f"{n}={v:.5g}" for n, v in zip(problem.search.levers.names, end.x, strict=True))}
        for problem in answer.problems
        for end in (*problem.search.along, problem.search.free)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _sensitivity_words(answer: SensitivityAnswer, boxes: list[str]) -> list[str]:
    asked = answer.question
    plans = worded(
        "What it hinges on: '{phase_out}' against '{supported}', and that against '{no_support}'.",
        phase_out=term(asked.phase_out.name),
        supported=term(asked.supported.name),
        no_support=term(asked.no_support.name),
    )
    lines = [plans, *hinges(answer.table, asked.key_year)]
    lines += [worded("Convergence:"), *(f"  {line}" for line in convergence(answer.table))]
    if answer.boxes:
        head = worded("Where '{schedule}' fails:", schedule=term(asked.phase_out.name))
        lines += [head, *(f"  {line}" for line in boxes)]
    return lines


def _draw_sensitivity(answer: SensitivityAnswer, folder: Folder, case: str) -> None:
    from analysis.unknowns import figures

    about, year = load_case(answer.case), answer.question.key_year
    full = term(about.title)
    for method in methods_used(answer.table, (TOTAL, REMOVED)):
        tag = f"{case}_{method.replace(' ', '_').lower()}"
        title = worded(
            "{case}: what the answer hinges on in {year:g}\n(hatched: less where high; white: not converged)",
            case=full,
            year=year,
        )
        figures.tornado(answer.table, method, year, title, folder.figure(f"tornado_{tag}"))
        title = worded("{case}: what the answer hinges on, by year (hollow: not converged)", case=full)
        figures.index_bands(answer.table, method, title, folder.figure(f"index_bands_{tag}"))
    if answer.boxes:
        schedule = term(answer.question.phase_out.name)
        title = worded("{case}: where this fails: {schedule}", case=full, schedule=schedule)
        figures.failure_boxes(answer, title, folder.figure(f"failure_boxes_{case}"))


def _draw_search(answer: SearchAnswer, folder: Folder, case: str) -> None:
    from analysis.search import figures

    about = load_case(answer.case)
    full = term(about.title)
    title = worded("{case}: adoption against public money", case=full)
    figures.adoption_against_cost(answer.front, answer.unit, title, folder.figure(f"front_{case}"))
    figures.best_paths(
        answer, worded("{case}: best schedules found", case=full), folder.figure(f"best_schedules_{case}")
    )
