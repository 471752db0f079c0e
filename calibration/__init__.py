"""What was observed, and which parameters explain it."""
