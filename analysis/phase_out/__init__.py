"""The phase-out laboratory: when support may end, how fast, announced how, and what breaks."""
