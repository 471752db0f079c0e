"""What goes wrong in a calibration through nobody's input."""

from __future__ import annotations


class NotConvergedError(Exception):
    """Chains that do not agree, are too short or diverge: what is wrong, and where the draws are."""
