"""What a calibration has not made yet, and what goes wrong in one through nobody's input."""

from stockflow.errors import InputError


class AbsentError(InputError):
    """An accepted fit or posterior that was not made yet; what is damaged or of another model is never absent."""


class NotConvergedError(Exception):
    """Chains that do not agree, are too short or diverge: what is wrong, and where the draws are."""
