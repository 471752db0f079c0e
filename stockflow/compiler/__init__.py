"""From equations to machine code."""
