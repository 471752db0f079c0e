"""Boxes in a column: each as near as it can be to where it is wanted, none on top of another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def spread(wanted: Sequence[float], halves: Sequence[float], gap: float) -> list[float]:
    """Return the centres of boxes that keep their order and stay `gap` apart, with the least squares.

    `wanted` are the centres asked for, `halves` half the heights.  Boxes that would overlap move
    together as one block (pool adjacent violators).
    """
    offsets = [0.0]
    for left, right in pairwise(halves):
        offsets.append(offsets[-1] + left + gap + right)
    # (sum of wanted places of the block's first box, number of boxes)
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=False):
        total, count = place - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before, boxes = blocks.pop()
            total, count = total + before, count + boxes
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=False)]
