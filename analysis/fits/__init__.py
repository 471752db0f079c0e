"""How well a case meets its observations: figures, tables and residuals."""
