"""Runs as people ask for them: named by what they change, held against each other, and what a table says of its run."""
