"""The phase-out laboratory: when can support end, how fast, announced how, and what breaks."""
