"""Accepted fits: what is kept of them, under which digest, and who may use it."""
