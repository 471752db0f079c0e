"""How fast stockflow is beside other engines on the same models, and how near the processor's limit."""
