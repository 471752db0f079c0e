"""Runs of a case over the draws of its posterior, their stages, and how what they say is summed up."""
