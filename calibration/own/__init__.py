"""A technology of the user's own: its table, its case, its fit and its forecast."""
