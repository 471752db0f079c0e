"""Studies of ending support: when support may end, how fast, announced how, and what breaks."""
