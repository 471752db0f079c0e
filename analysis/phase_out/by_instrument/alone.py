"""A whole study of some instruments alone: safe years, regret, the value of waiting, with other support going on."""

from collections.abc import Sequence

from analysis.draws.ended import named
from analysis.phase_out.study import Apart, PhaseOutStudy
from analysis.plain.language import marked, term, worded

OTHERS = marked("all other support as history has it")


def set_of(study: PhaseOutStudy, ends: Sequence[str]) -> Apart:
    """Return the set of instruments that a study sets apart, or one that it does not; InputError for unknown names."""
    names = tuple(one.name for one in named(study.case, ends))
    found = [one for one in study.apart if set(one.ends) == set(names)]
    return found[0] if found else Apart(name=", ".join(names), ends=names, goes_on=OTHERS)


def alone(study: PhaseOutStudy, ends: Sequence[str]) -> PhaseOutStudy:
    """Return the study asked of some instruments: exits end them and no more, "no support" is that they never were.

    The named schedules, which move other instruments too, are left out.
    """
    one = set_of(study, ends)
    question = worded(
        "In which year could it have ended, or can it: {ends}? And what did each further year of it buy?",
        ends=term(one.name),
    )
    return study.model_copy(
        update={
            "title": f"{study.title}: {one.name}", "question": question, "no_support": "", "schedules": (),
            "grid": study.grid.model_copy(update={"instruments": one.ends}), "apart": (one,), "together": None,
            "rush": None, "texts": study.texts.model_copy(update={"support": one.name}),
        }
    )  # fmt: skip
