"""What a question asks of some instruments alone: their names, and a schedule that moves them and no others."""

from collections.abc import Sequence

from models.home import home_of
from models.schedules.file import Schedule, unchanged
from models.schedules.instruments import Instrument, instrument


def named(case: str, ends: Sequence[str]) -> tuple[Instrument, ...]:
    """Return the instruments that a user names, each once; InputError for one that the case has not."""
    entry = home_of(case).entry
    return tuple(dict.fromkeys(instrument(entry, name, "--instrument") for name in ends))


def only(schedule: Schedule, ends: Sequence[str]) -> Schedule:
    """Return history in which some instruments change as the first of a schedule does; itself if none is named."""
    if not ends:
        return schedule
    change = next(iter(schedule.instruments.values()))
    label = "_".join([schedule.name, *ends]).replace(" ", "_")
    return unchanged(schedule.case).changed(dict.fromkeys(ends, change), label, f"{schedule.title}: {', '.join(ends)}")
