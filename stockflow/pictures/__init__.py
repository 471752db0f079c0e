"""Stock-and-flow diagrams."""
