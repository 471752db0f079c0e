"""The `techcycle` command: which commands there are, where they are, and how an error ends.

Nothing that computes is imported here: a command's module is, when the command is called.
"""

import click

from analysis.commands.lazy import LANG, LazyGroup, in_words
from calibration.errors import NotConvergedError
from stockflow.commands.console import run_command

# module (of `analysis.commands`) and attribute of every command, and the first sentence of its help
COMMANDS = {
    "run": ("run:run", "Run CASE once and print a CSV: a row per saved time, a column per variable."),
    "compare": (
        "compare:compare",
        "Compare runs of CASE with the first of them: in words, as a table over time, and in a figure.",
    ),
    "parameters": ("run:parameters", "List the parameters of CASE: value, unit, bounds, source."),
    "calibrate": (
        "calibrate:calibrate",
        "Fit CASE to its observations: partial steps, then everything at once from many starts.",
    ),
    "import-vensim": (
        "calibrate:import_vensim",
        "Turn Vensim's PAYOFF (.vpd), CONTROL (.voc) and DATA (.csv, .tab) into a target file of CASE.",
    ),
    "forecast": (
        "forecast:forecast",
        "Forecast CASE from past years, fitted to what was known then, and score it on what came; or ahead to --until.",
    ),
    "score": (
        "forecast:score",
        "Score the accepted fit of CASE on observations that it never saw, against the naive forecasts.",
    ),
    "scoreboard": (
        "trust:scoreboard",
        "Put the paper's figures beside the observed and the modelled ones: inside or outside, and why not answered.",
    ),
    "identify": (
        "trust:identify_command",
        "Say what the data can tell apart in CASE: a verdict on every calibrated parameter.",
    ),
    "numerics": (
        "trust:numerics_command",
        "Run every headline result again at half the time step and print how far it moves, with a verdict.",
    ),
    "phase-out": (
        "phase_out:phase_out_command",
        "Say when support of STUDY can end and what breaks: nev, pv, or the path of a study file (TOML).",
    ),
    "exit": (
        "exit:exit_command",
        "Say what happens in CASE if some instruments end from a year on and all else goes on.",
    ),
    "page": (
        "page:page_command",
        "Write one HTML page on which a policy maker sets support of CASE (nev, pv) and sees the model run.",
    ),
    "policy": ("policy:policy", "Schedules of support: what they say, whether they are valid, what they look like."),
    "paths": ("paths:paths", "Date the stages from discovery to large-scale industry; default: all four industries."),
    "latecomers": (
        "paths:latecomers_command",
        "Run the latecomers of NAME (dram: Japan and Korea) against the run of their leader.",
    ),
    "new": (
        "own:new",
        "Make the folder NAME for a technology of your own: case.toml, policy.csv, scenario.csv, observations.csv.",
    ),
    "validate": (
        "own:validate",
        "Check the technology NAME: units, bounds, sources, paths, and, with --data, observations row by row.",
    ),
    "template": (
        "own:template_command",
        "Write the workbook FILE (.xlsx) to be filled in: observations, and new paths over time of a case.",
    ),
    "loops": (
        "mechanisms:loops",
        "Say which feedback loops carry CASE, year by year, and what each is worth, over posterior draws.",
    ),
    "barriers": (
        "mechanisms:barriers",
        "Say how long each industry waited at Devil's River, the Valley of Death and the Darwinian Sea, and why.",
    ),
    "instruments": (
        "mechanisms:instruments",
        "Try every policy instrument at half, half as much again, off or on, in each industry.",
    ),
    "sensitivity": (
        "questions:sensitivity",
        "Say what the answer hinges on in CASE: which unknowns drive it, by year, and where a schedule fails.",
    ),
    "search": (
        "questions:search",
        "Search for the best schedule of support in CASE, and put history on the front of adoption and cost.",
    ),
    "brief": (
        "brief:brief_command",
        "Put the answers on one page, to be mailed or printed: brief.html, brief.pdf; default: all industries.",
    ),
    "reproduce": (
        "calibrate:reproduce",
        "Calibrate, score, phase out, draw the paths: everything into one folder, with report.html to read.",
    ),
}


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    package="analysis.commands",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="techcycle")
@click.option("--quiet", is_flag=True, help="Do not say what is being done; may stand behind a command, too.")
@click.option(
    LANG, metavar="LANGUAGE", help="Language of answers: en or zh; default: TECHCYCLE_LANG, else the locale's."
)
def cli(**_: object) -> None:
    """How does a technology become an industry, and what can policy do about it?

    A system-dynamics model of four industries (pv, nev, ic, mrna), calibrated on their histories. Money is billion CNY
    of 2020, time is in years.

    \b
    Start here:
      techcycle reproduce                        everything, into output/report.html
      techcycle brief nev                        the answers on one page (HTML, PDF), from what is on record
      techcycle parameters nev                   what can be set, with units, bounds and sources
      techcycle run nev --schedule nev_cliff --out run.xlsx
      techcycle compare nev history cliff        runs side by side: words, table, figure
      techcycle exit nev --instrument "purchase subsidy" --start 2023     one exit, in seconds
      techcycle template mine.xlsx               a workbook for data of your own
      techcycle phase-out pv                     when the feed-in premium could have ended, and what breaks
    """


def main() -> None:
    """Run the command; bad input ends in one line on standard error and exit code 2."""
    run_command(cli, "techcycle", {NotConvergedError: "not converged"}, in_words)


if __name__ == "__main__":
    main()
