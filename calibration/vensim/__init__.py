"""Vensim's payoff, optimisation, sensitivity, changes and data files."""
