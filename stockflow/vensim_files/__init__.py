"""Vensim's files beside a model: changes, payoffs, optimisations, sensitivity, savelists, data."""
