"""The exit question by instrument: sets of instruments that end by themselves, a named exit, and what happened."""
