"""Schedules of support: files that say how an instrument changes, and the paths that follow."""
