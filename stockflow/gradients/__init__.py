"""Exact slopes of a payoff, by going backward through the run."""
