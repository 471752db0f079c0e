"""The phase-out laboratory: when support can end, how fast, and what breaks, over the joint posterior."""
