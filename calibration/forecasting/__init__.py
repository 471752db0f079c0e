"""Forecasts from past years, naive forecasts beside them, and their scores."""
