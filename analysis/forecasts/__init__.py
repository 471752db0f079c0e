"""What the model would have forecast from past years, beside naive forecasts."""
