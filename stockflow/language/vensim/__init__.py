"""Vensim's model files: their entries, and the grammar of their equations."""
