"""One page with every answer, the README's tables, and the command that makes all of it."""
