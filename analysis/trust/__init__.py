"""What the data can tell apart, and how far the numbers depend on the time step."""
