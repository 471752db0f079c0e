"""Technologies of the user's own: their commands, figures and trials."""
